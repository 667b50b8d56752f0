/* SPDX-License-Identifier: ISC */
/* mikesim run: one scenario, with all that can be made of it. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mikesim/cli.h"
#include "mikesim/core/sim.h"
#include "mikesim/out/out.h"
#include "mikesim/pool.h"

#define SAY_NS (250 * NS_PER_MS) /* between two lines of progress */

static volatile sig_atomic_t interrupted;

static void
on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static uint64_t
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* -- progress ------------------------------------------------------------- */

struct progress {
	bool shown;
	uint64_t began, said, events;
	unsigned int calls;
};

static void
say(struct progress *p, const struct sim *sim, uint64_t now)
{
	t_ns at = sim_now(sim), end = sim_scene(sim)->duration;
	uint64_t events = sim_events(sim);
	double s = (double)(now - p->began) / 1e9;
	double rate =
	    (double)(events - p->events) / ((double)(now - p->said) / 1e9);
	double left = at > 0 ? s * (double)(end - at) / (double)at : 0;

	fprintf(stderr,
	    "\r\033[K%5.1f %%  virtual %.1f of %.0f s  %.0f events/s  about "
	    "%.0f s left",
	    100.0 * (double)at / (double)end, (double)at / 1e9,
	    (double)end / 1e9, rate, left);
	fflush(stderr);
	p->said = now;
	p->events = events;
}

static bool
on_window(void *arg, const struct sim *sim)
{
	struct progress *p = arg;
	uint64_t now;

	if (interrupted)
		return true;
	if (!p->shown || ++p->calls % 16 != 0)
		return false;
	now = clock_ns();
	if (now - p->said >= SAY_NS)
		say(p, sim, now);
	return false;
}

/* -- the run -------------------------------------------------------------- */

static int
results(struct outputs *out, const struct sim *sim, uint64_t began)
{
	struct sim_results r;

	sim_results(sim, &r);
	r.wall_s = (double)(clock_ns() - began) / 1e9;
	if (outputs_results(out, sim, &r) != 0)
		return CLI_IO;
	return r.broken > 0 ? CLI_BROKEN : CLI_OK;
}

static int
failed(const struct args *a, const struct scene *s, const struct outputs *out,
    int r)
{
	if (outputs_failed(out))
		return CLI_IO;
	if (r == -ENOTSUP) {
		cli_say_needs(a, s);
		return CLI_UNAVAILABLE;
	}
	fprintf(stderr, "mikesim: %s: %s\n", a->file, strerror(-r));
	return r == -ENOMEM ? CLI_SOFTWARE : CLI_IO;
}

static int
run(const struct args *a, struct scene *s, struct outputs *out)
{
	struct progress p = { .shown = !a->quiet && isatty(2),
		.began = clock_ns() };
	struct sim_opts o = { .sink = outputs_sinks(out),
		.n_sink = outputs_count(out),
		.invariants = a->invariants,
		.clock_ns = clock_ns,
		.stop = on_window,
		.arg = &p };
	struct pool *pool = NULL;
	struct sim *sim;
	int r, status;

	p.said = p.began;
	if (a->jobs > 1 && s->senders > 1 &&
	    (pool = pool_new(a->jobs)) != NULL) {
		o.parallel = pool_run;
		o.pool = pool;
	}
	r = sim_new(&sim, s, &o);
	if (r == 0)
		r = sim_run(sim);
	if (p.shown)
		fprintf(stderr, "\r\033[K");
	status = r != 0 ? failed(a, s, out, r) : results(out, sim, p.began);
	sim_free(&sim);
	pool_free(&pool);
	return status;
}

int
cli_run(const struct args *a)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct outputs *out;
	struct scene *s;
	int status;

	if ((s = cli_load(a, &status)) == NULL)
		return status;
	if (sim_init() != 0) {
		fprintf(stderr, "mikesim: OpenSSL lacks an algorithm\n");
		scene_free(&s);
		return CLI_SOFTWARE;
	}
	if (scene_draw_chaos(s) != 0) {
		fprintf(stderr, "mikesim: out of memory\n");
		scene_free(&s);
		sim_thread_fini();
		return CLI_SOFTWARE;
	}
	if ((out = outputs_new(a, s, &status)) == NULL) {
		scene_free(&s);
		sim_thread_fini();
		return status;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	status = run(a, s, out);
	if (outputs_free(&out) != 0 && status == CLI_OK)
		status = CLI_IO;
	scene_free(&s);
	sim_thread_fini();
	return status;
}
