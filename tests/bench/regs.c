/* SPDX-License-Identifier: ISC */

/*
 * Registrations that one core of a sender can serve: the cores of its key
 * manager and of policyd, called one from the other, without processes, edges
 * or sockets.  The receivers are real cores, too, and not counted.
 *
 *   regs [RUNS [REGISTRATIONS]]
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/secret.h"
#include "tests/bench/lib/evpsum.h"
#include "tests/bench/lib/world.h"

#define RUNS_MAX 99
#define SLICES 10
#define RATIO_MIN 0.85

/* A member comes once only: policyd keeps certificates that it believed. */
static struct leaf *
leaves_new(struct ca *ca, unsigned int n)
{
	struct leaf *v = calloc(n, sizeof(*v));
	char name[32];

	must(v != NULL);
	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "gm-%06u", i);
		ca_leaf(ca, name, NULL, &v[i]);
	}
	return v;
}

static void
leaves_free(struct leaf *v, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		leaf_fini(&v[i]);
	free(v);
}

static void
run(struct bworld *w, struct evp_bench *e, const struct leaf *leaf,
    unsigned int n, double *rate, double *reference)
{
	double from = bworld_us(w), sum = 0;
	unsigned int done = 0;
	struct evp_cost c;

	/* A slice of each in turn: both see the same machine. */
	for (unsigned int slice = 0; slice < SLICES; slice++) {
		evp_bench_run(e, n / (2 * SLICES) + 1, &c);
		sum += c.sum;
		for (unsigned int i = 0; i < n / SLICES; i++, done++)
			bworld_register(w, &leaf[done]);
	}
	*rate = done / (bworld_us(w) - from) * 1e6;
	*reference = 1e6 / (sum / SLICES);
}

/*
 * The load of the other benches must be what members really send, or their
 * figures tell nothing.
 */
static void
check_octets(struct bworld *w, const struct leaf *leaf, const char *by)
{
	size_t real = bworld_register(w, leaf), played = bworld_play(w, leaf);

	printf(
	    "bench:   a member's registration by %s: %zu octets\n", by, real);
	if (real == played)
		return;
	fprintf(stderr,
	    "regs: a registration has %zu octets, one by joiner.c %zu: make "
	    "joiner.c say what keymgrd's members say\n",
	    real, played);
	exit(1);
}

int
main(int argc, char **argv)
{
	unsigned int runs = argc > 1 ? (unsigned int)atoi(argv[1]) : 5;
	unsigned int n = argc > 2 ? (unsigned int)atoi(argv[2]) : 2000;
	double rate[RUNS_MAX], reference[RUNS_MAX], ratio[RUNS_MAX], r;
	struct bworld *certs, *psk;
	struct evp_bench *e;
	struct leaf *leaves;
	struct ca *ca;

	log_init("regs");
	must(runs > 0 && runs <= RUNS_MAX && n >= SLICES);
	must(crypto_init() == 0 && secret_init() == 0);
	ca = ca_new(NULL, time(NULL));
	leaves = leaves_new(ca, runs * n + 1);
	e = evp_bench_new();
	certs = bworld_new(ca);
	psk = bworld_new(NULL);
	check_octets(certs, &leaves[0], "certificate");
	check_octets(psk, NULL, "pre-shared key");
	for (unsigned int i = 0; i < runs; i++) {
		run(certs, e, leaves + 1 + i * n, n, &rate[i], &reference[i]);
		ratio[i] = rate[i] / reference[i];
	}
	r = median(ratio, runs);
	printf("bench: gcks-core-registrations %.0f /s (reference %.0f, ratio "
	       "%.2f)%s\n",
	    median(rate, runs), median(reference, runs), r,
	    r < RATIO_MIN ? " MISSED" : "");
	bworld_free(&certs);
	bworld_free(&psk);
	evp_bench_free(&e);
	leaves_free(leaves, runs * n + 1);
	ca_free(&ca);
	return 0;
}
