/* SPDX-License-Identifier: ISC */
#include "tests/lib/invworld.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/scn.h"

#define eq assert_int_equal

void
inv_world_init(struct inv_world *w)
{
	struct sim_opts o = { .invariants = true };

	w->scene = scn_from(INV_WORLD);
	eq(sim_new(&w->sim, w->scene, &o), 0);
	w->s = &w->sim->site[0];
	w->gm = &w->s->host[GM];
	w->other = &w->s->host[OTHER_GM];
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t k = 0; k < w->sim->site[i].n_host; k++) {
			w->sim->site[i].host[k].life = L_RUN;
			w->sim->site[i].host[k].spd = true;
		}
	w->s->now = 1500 * NS_PER_MS;
}

void
inv_world_fini(struct inv_world *w)
{
	sim_free(&w->sim);
	scene_free(&w->scene);
}

void
inv_world_broken(const struct site *s, uint64_t n, const char *rule)
{
	eq(s->broken, n);
	eq(s->err, 0);
	if (n == 0)
		assert_string_equal(s->why, "");
	else if (strncmp(s->why, rule, strlen(rule)) != 0 ||
		 s->why[strlen(rule)] != ':')
		fail_msg("\"%s\", not by \"%s\"", s->why, rule);
}
