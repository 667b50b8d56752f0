/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/lib/scn.h"
#include "tests/lib/simrun.h"

int
simrun_try(const char *text, uint64_t seed, const struct obs_sink *v, size_t n,
    simrun_look *look, void *arg)
{
	struct sim_opts o = { .sink = v, .n_sink = n };
	struct scene *s = scn_from(text);
	struct sim_results res;
	struct sim *sim;
	int r;

	s->seed = seed;
	assert_int_equal(sim_init(), 0);
	assert_int_equal(scene_draw_chaos(s), 0);
	assert_int_equal(sim_new(&sim, s, &o), 0);
	r = sim_run(sim);
	if (r == 0 && look != NULL) {
		sim_results(sim, &res);
		look(arg, sim, &res);
	}
	sim_free(&sim);
	scene_free(&s);
	sim_thread_fini();
	return r;
}

void
simrun(const char *text, uint64_t seed, const struct obs_sink *v, size_t n,
    simrun_look *look, void *arg)
{
	assert_int_equal(simrun_try(text, seed, v, n, look, arg), 0);
}
