/* SPDX-License-Identifier: ISC */
/*
 * The simulation: how fast, how large.
 *
 *	sim RUNS N		N below 100: only that everything runs
 *
 * sim-briefing-*	250,000 receivers register, beside the cryptography that
 *			they cannot do without, called through EVP in this run
 * sim-events		of application data, which no cryptography is part of:
 *			a run with it less one without.  Each receiver has a link
 *			of its own, so each datagram passes the queue for each
 * sim-receiver-memory	what a registered receiver that waits takes
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/wait.h>

#include "common/log.h"
#include "mikesim/core/site.h"
#include "mikesim/pool.h"
#include "tests/bench/lib/evpsum.h"

#define BRIEFING "mikesim/scenarios/briefing.conf"
#define SMALL "mikesim/scenarios/briefing-small.conf"
#define BRIEFING_S_MAX 300
#define BRIEFING_GIB_MAX 4
#define SMALL_S_MAX 1
#define EVENTS_MIN 1e6
#define RECEIVER_MAX 2048

static unsigned int jobs;

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct scene *
scene_text_load(const char *text, size_t len, const char *what)
{
	struct diag d = { 0 };
	struct scene *s = NULL;

	if (scene_load(&s, text, len, &d) == 0)
		return s;
	fprintf(
	    stderr, "sim: %s, line %u: %s\n", what, d.v[0].line, d.v[0].text);
	exit(1);
}

static struct scene *
scene_file(const char *name)
{
	static char text[65536];
	FILE *f = fopen(name, "re");
	size_t n;

	if (f == NULL) {
		fprintf(stderr, "sim: %s: run this from the project's root\n",
		    name);
		exit(66);
	}
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	return scene_text_load(text, n, name);
}

static double
run(struct scene *s, struct sim **sim, struct sim_results *r)
{
	struct sim_opts o = { 0 };
	struct pool *pool = NULL;
	double from;

	if (jobs > 1 && s->senders > 1 && (pool = pool_new(jobs)) != NULL) {
		o.parallel = pool_run;
		o.pool = pool;
	}
	from = now_s();
	must(sim_new(sim, s, &o) == 0 && sim_run(*sim) == 0);
	from = now_s() - from;
	sim_results(*sim, r);
	pool_free(&pool);
	return from;
}

/* -- the large one, in a process of its own ------------------------------- */

struct large {
	double s;
	struct sim_results r;
};

static void
large_child(unsigned int part, int fd)
{
	struct scene *s = scene_file(BRIEFING);
	struct large l;
	struct sim *sim;

	for (size_t i = 0; i < s->n_recv; i++)
		s->recv[i].count = s->recv[i].count / part + 1;
	s->n_ev = part == 1 ? s->n_ev : 0;
	l.s = run(s, &sim, &l.r);
	must(write(fd, &l, sizeof(l)) == (ssize_t)sizeof(l));
	_exit(0);
}

/* Octets of the largest resident set. */
static double
large_run(unsigned int part, struct large *l)
{
	struct rusage use;
	int fd[2], status;
	pid_t pid;

	must(pipe(fd) == 0);
	fflush(NULL);
	if ((pid = fork()) == 0)
		large_child(part, fd[1]);
	close(fd[1]);
	must(read(fd[0], l, sizeof(*l)) == (ssize_t)sizeof(*l));
	close(fd[0]);
	must(wait4(pid, &status, 0, &use) == pid && status == 0);
	return (double)use.ru_maxrss * 1024;
}

static double
bound_s(const struct sim_results *r, const struct evp_cost *c)
{
	static const enum evp_part part[RES_OPS] = {
		[OP_SIGN] = EVP_E_SIGN,
		[OP_VERIFY] = EVP_E_VERIFY,
		[OP_KEYGEN] = EVP_X_KEYGEN,
		[OP_DERIVE] = EVP_X_DERIVE,
		[OP_CHAIN] = EVP_CERT,
	};
	double us = 0;

	for (size_t i = 0; i < RES_OPS; i++)
		us += (double)r->ops[i] * c->us[part[i]];
	return us / 1e6 / jobs;
}

static void
briefing(struct evp_bench *e, unsigned int part)
{
	struct evp_cost c;
	struct large l;
	double octets, least;

	evp_bench_run(e, part == 1 ? 2000 : 20, &c);
	octets = large_run(part, &l);
	least = bound_s(&l.r, &c);
	printf("bench:   %u receivers, %llu of them registered, %u jobs\n",
	    l.r.receivers, (unsigned long long)l.r.registered, jobs);
	for (size_t i = 0; i < RES_OPS; i++)
		printf("bench:   %s %llu\n", res_op_name((enum res_op)i),
		    (unsigned long long)l.r.ops[i]);
	printf("bench: sim-briefing-seconds %.1f s (reference %.1f, ratio "
	       "%.2f)%s\n",
	    l.s, least, l.s / least,
	    l.s > BRIEFING_S_MAX || l.r.registered != l.r.receivers ? " MISSED"
								    : "");
	printf("bench: sim-briefing-memory %.2f GiB (reference %d, ratio "
	       "%.2f)%s\n",
	    octets / (1 << 30), BRIEFING_GIB_MAX,
	    octets / (1 << 30) / BRIEFING_GIB_MAX,
	    octets > BRIEFING_GIB_MAX * (double)(1 << 30) ? " MISSED" : "");
}

/* -- small ones ----------------------------------------------------------- */

static void
small(unsigned int runs)
{
	double v[99], m;

	for (unsigned int i = 0; i < runs; i++) {
		struct scene *s = scene_file(SMALL);
		struct sim_results r;
		struct sim *sim;

		v[i] = run(s, &sim, &r);
		sim_free(&sim);
		scene_free(&s);
	}
	m = median(v, runs);
	printf("bench: sim-small-seconds %.3f s (reference %d, ratio %.2f)%s\n",
	    m, SMALL_S_MAX, m / SMALL_S_MAX, m > SMALL_S_MAX ? " MISSED" : "");
}

#define NET                                                                    \
	"scenario { duration = 200s auth = psk }\n"                            \
	"group { lifetime = 8h }\n"                                            \
	"senders hq { count = 1 link = core }\n"                               \
	"link core { bandwidth = 1G delay = 5ms }\n"                           \
	"link air { bandwidth = 10M delay = 20ms jitter = 5ms "                \
	"loss = 10%% burst-loss = 5%% burst-length = 4 queue = 1M }\n"

/* Events per second of processor time, application data alone. */
static double
events_once(unsigned int stations, unsigned int per_s)
{
	double s[2], n[2];

	for (unsigned int i = 0; i < 2; i++) {
		char text[1024];
		struct sim_results r;
		struct scene *sc;
		struct sim *sim;
		int len;

		len = snprintf(text, sizeof(text),
		    NET "receivers gm { count = %u link = air join = 1s-90s }\n"
			"timeline { events = { \"100s traffic hq-01 %u/s 100 "
			"for 90s\" } }\n",
		    stations, i == 0 ? 1 : per_s);
		sc = scene_text_load(text, (size_t)len, "events");
		s[i] = cpu_us();
		run(sc, &sim, &r);
		s[i] = cpu_us() - s[i];
		n[i] = (double)r.events;
		sim_free(&sim);
		scene_free(&sc);
	}
	return (n[1] - n[0]) / (s[1] - s[0]) * 1e6;
}

static void
events(unsigned int runs, bool quick)
{
	double v[99], m;

	for (unsigned int i = 0; i < runs; i++)
		v[i] = events_once(quick ? 50 : 2000, quick ? 20 : 100);
	m = median(v, runs);
	printf("bench: sim-events %.0f /s (reference %.0f, ratio %.2f)%s\n", m,
	    EVENTS_MIN, m / EVENTS_MIN, m < EVENTS_MIN ? " MISSED" : "");
}

/* What is freed with a receiver, and its place in the table. */
static double
receiver_octets(struct site *s)
{
	size_t before = mallinfo2().uordblks;

	for (uint32_t i = 1; i < s->n_host; i++) {
		struct host *h = &s->host[i];

		must(h->phase == PHASE_KEYED && h->own == NULL);
		site_turn(s, h);
		km_free(&h->km);
		free(h->sa);
		h->sa = NULL;
		must(h->log == NULL && h->filter == NULL && h->link == NULL);
	}
	rand_use(NULL);
	return (double)(before - mallinfo2().uordblks) / (s->n_host - 1) +
	       sizeof(struct host);
}

static void
memory(unsigned int stations)
{
	char text[1024];
	struct sim_results r;
	struct scene *sc;
	struct sim *sim;
	double v;
	int len;

	len = snprintf(text, sizeof(text),
	    "scenario { duration = 10m auth = x509 }\ngroup { lifetime = 8h }\n"
	    "senders hq { count = 1 link = core }\n"
	    "link core { bandwidth = 1G delay = 5ms }\n"
	    "link air { shared = yes bandwidth = 10M delay = 20ms }\n"
	    "receivers gm { count = %u link = air join = 1s-400s }\n",
	    stations);
	sc = scene_text_load(text, (size_t)len, "memory");
	run(sc, &sim, &r);
	v = receiver_octets(&sim->site[0]);
	printf("bench: sim-receiver-memory %.0f octets (reference %d, ratio "
	       "%.2f)%s\n",
	    v, RECEIVER_MAX, v / RECEIVER_MAX,
	    v > RECEIVER_MAX ? " MISSED" : "");
	sim_free(&sim);
	scene_free(&sc);
}

int
main(int argc, char **argv)
{
	unsigned int runs = argc > 1 ? (unsigned int)atoi(argv[1]) : 5;
	unsigned int n = argc > 2 ? (unsigned int)atoi(argv[2]) : 2000;
	bool quick = n < 100;
	struct evp_bench *e;
	struct rng rng;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	log_init("sim");
	must(runs > 0 && runs < 99);
	jobs = cpus > 1 ? 2 : 1;
	must(sim_init() == 0);
	rng_init(&rng, 1, RNG_SITE, 0);
	rand_use(&rng); /* of what EVP is measured with */
	must((e = evp_bench_new()) != NULL);
	memory(quick ? 50 : 1000);
	events(runs, quick);
	small(runs);
	rand_use(&rng);
	briefing(e, quick ? 500 : 1);
	evp_bench_free(&e);
	sim_thread_fini();
	return 0;
}
