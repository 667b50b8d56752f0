/* SPDX-License-Identifier: ISC */
/* mikesim check: many seeds of a scenario, for the invariants alone. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mikesim/cli.h"
#include "mikesim/core/sim.h"
#include "mikesim/trial.h"

#define SHRINK_MAX 200 /* runs */

struct job {
	uint64_t seed;
	struct scene *s;
	struct trial t;
};

struct check {
	const struct args *a;
	time_t began;
	uint64_t next;
	uint64_t passed, failed, events, keyed;
	struct job *job;
};

static volatile sig_atomic_t interrupted;

static void
on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static bool
is_over(const struct check *c)
{
	struct timespec t;

	if (interrupted || c->next > c->a->to)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return c->a->seconds > 0 &&
	       t.tv_sec - c->began >= (time_t)c->a->seconds;
}

/* The scenario as this seed makes it. */
static struct scene *
scene_of(const struct args *a, uint64_t seed)
{
	struct args with = *a;
	int status;
	struct scene *s;

	with.has_seed = true;
	with.seed = seed;
	s = cli_load(&with, &status);
	if (s != NULL && scene_draw_chaos(s) != 0)
		scene_free(&s);
	return s;
}

static int
start(struct check *c, struct job *j)
{
	int r;

	j->seed = c->next;
	c->next += c->a->shards;
	if ((j->s = scene_of(c->a, j->seed)) == NULL)
		return -EINVAL;
	if ((r = trial_start(&j->t, j->s)) != 0) {
		scene_free(&j->s);
		return r;
	}
	return 0;
}

static void
save(const struct args *a, const struct job *j, const struct verdict *v)
{
	char name[256], *text = scene_text(j->s);
	FILE *f;

	if (a->save != NULL)
		snprintf(name, sizeof(name), "%s", a->save);
	else
		snprintf(name, sizeof(name), "mikesim-fail-%llu.conf",
		    (unsigned long long)j->seed);
	if (text == NULL || (f = fopen(name, "we")) == NULL) {
		fprintf(stderr, "mikesim: %s: %s\n", name, strerror(errno));
		free(text);
		return;
	}
	fprintf(f, "# %s\n# Repeat with: mikesim run --invariants %s\n%s",
	    v->why, name, text);
	if (fclose(f) != 0)
		fprintf(stderr, "mikesim: %s: %s\n", name, strerror(errno));
	free(text);
	printf("  repeat with: mikesim run --invariants %s\n", name);
}

static void
report(struct check *c, struct job *j, struct verdict *v)
{
	unsigned int runs;

	printf("seed %llu: FAILED %s\n", (unsigned long long)j->seed, v->why);
	runs = shrink(j->s, v, SHRINK_MAX);
	printf("  after %u runs: %u hosts, %zu events, %.1f s: %s\n", runs,
	    scene_hosts(j->s), j->s->n_ev, (double)j->s->duration / 1e9,
	    v->why);
	save(c->a, j, v);
}

static void
end(struct check *c, struct job *j)
{
	struct verdict v;

	trial_end(&j->t, &v);
	c->events += v.events;
	c->keyed += v.keyed;
	if (v.failed) {
		/* The first is enough to look at; the others are counted. */
		if (c->failed++ == 0)
			report(c, j, &v);
		else
			printf("seed %llu: FAILED %s\n",
			    (unsigned long long)j->seed, v.why);
	} else {
		c->passed++;
		if (!c->a->quiet)
			printf("seed %llu: passed, %llu events\n",
			    (unsigned long long)j->seed,
			    (unsigned long long)v.events);
	}
	fflush(stdout);
	scene_free(&j->s);
}

/* Ended in the order of their seeds, so that the lines are always the same. */
static int
all(struct check *c)
{
	size_t head = 0, running = 0, n = c->a->jobs;
	int r = 0;

	for (;;) {
		while (r == 0 && running < n && !is_over(c)) {
			r = start(c, &c->job[(head + running) % n]);
			running += r == 0;
		}
		if (running == 0)
			return r;
		end(c, &c->job[head]);
		head = (head + 1) % n;
		running--;
	}
}

int
cli_check(const struct args *a)
{
	struct sigaction sa = { .sa_handler = on_signal,
		.sa_flags = (int)SA_RESETHAND };
	struct check c = { .a = a, .next = a->from + a->shard - 1 };
	struct timespec t;
	struct scene *s;
	int status, r;

	if ((s = cli_load(a, &status)) == NULL)
		return status;
	if ((s->needs & ~(uint32_t)NEEDS_KNOWN) != 0) {
		cli_say_needs(a, s);
		scene_free(&s);
		return CLI_UNAVAILABLE;
	}
	scene_free(&s);
	if (sim_init() != 0 ||
	    (c.job = calloc(a->jobs, sizeof(*c.job))) == NULL) {
		fprintf(stderr, "mikesim: out of memory, or OpenSSL lacks an "
				"algorithm\n");
		return CLI_SOFTWARE;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	clock_gettime(CLOCK_MONOTONIC, &t);
	c.began = t.tv_sec;
	r = all(&c);
	free(c.job);
	printf("%llu passed, %llu failed, %llu events, %llu receivers keyed\n",
	    (unsigned long long)c.passed, (unsigned long long)c.failed,
	    (unsigned long long)c.events, (unsigned long long)c.keyed);
	if (r != 0)
		fprintf(stderr, "mikesim: %s\n", strerror(-r));
	sim_thread_fini();
	if (c.failed > 0)
		return CLI_BROKEN;
	return r == 0 ? CLI_OK : CLI_SOFTWARE;
}
