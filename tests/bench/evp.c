/* SPDX-License-Identifier: ISC */

/*
 * The cryptography of one registration, alone: what `make bench` compares the
 * cores with.  evp [RUNS [OPERATIONS]]
 */

#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/lib/evpsum.h"

#define RUNS_MAX 99

int
main(int argc, char **argv)
{
	unsigned int runs = argc > 1 ? (unsigned int)atoi(argv[1]) : 5;
	unsigned int n = argc > 2 ? (unsigned int)atoi(argv[2]) : 1000;
	static double v[EVP_PARTS + 1][RUNS_MAX];
	struct evp_bench *b = evp_bench_new();
	struct evp_cost c;

	must(runs > 0 && runs <= RUNS_MAX && n > 0);
	evp_bench_run(b, n / 10 + 1, &c); /* warm */
	for (unsigned int r = 0; r < runs; r++) {
		evp_bench_run(b, n, &c);
		for (unsigned int p = 0; p < EVP_PARTS; p++)
			v[p][r] = c.us[p];
		v[EVP_PARTS][r] = c.sum;
	}
	for (unsigned int p = 0; p < EVP_PARTS; p++)
		printf("bench:   %s, %.1f us\n", evp_part_name(p),
		    median(v[p], runs));
	c.sum = median(v[EVP_PARTS], runs);
	printf("bench:   %s, %.1f us (%.0f /s per core)\n",
	    "all of a registration", c.sum, 1e6 / c.sum);
	evp_bench_free(&b);
	return 0;
}
