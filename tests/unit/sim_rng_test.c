/* SPDX-License-Identifier: ISC */
/*
 * Chance: the published answers, ratios within five standard errors, and a
 * hash that all compilers have to agree on.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/core/rng.h"

#define NO_USE ((enum rng_use)0)

/* splitmix64.c by S. Vigna, first outputs for two seeds. */
static void
seeds_as_splitmix64_published(void **state)
{
	static const uint64_t zero[] = { 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4,
		0x06c45d188009454f, 0xf88bb8a8724c81ec };
	static const uint64_t other[] = { 6457827717110365317u,
		3203168211198807973u, 9817491932198370423u,
		4593380528125082431u };
	struct rng r;

	(void)state;
	rng_init(&r, 0, NO_USE, 0);
	assert_memory_equal(r.s, zero, sizeof(zero));
	rng_init(&r, 1234567, NO_USE, 0);
	assert_memory_equal(r.s, other, sizeof(other));
}

/* xoshiro256starstar.c by D. Blackman and S. Vigna, from state 1 2 3 4. */
static void
draws_as_xoshiro256ss_published(void **state)
{
	static const uint64_t want[] = { 11520u, 0u, 1509978240u,
		1215971899390074240u, 1216172134540287360u, 607988272756665600u,
		16172922978634559625u, 8476171486693032832u,
		10595114339597558777u, 2904607092377533576u };
	struct rng r = { { 1, 2, 3, 4 } };

	(void)state;
	for (size_t i = 0; i < NITEMS(want); i++)
		assert_int_equal(rng_u64(&r), want[i]);
}

/* Seeded, used and hashed: the same with every compiler. */
static void
same_everywhere(void **state)
{
	uint64_t hash = 0xcbf29ce484222325u;
	struct rng r;

	(void)state;
	rng_init(&r, 42, RNG_MEDIUM, 7);
	for (int i = 0; i < 100000; i++) {
		hash = (hash ^ rng_u64(&r)) * 0x100000001b3u;
		hash = (hash ^ rng_below(&r, 1000003)) * 0x100000001b3u;
		hash = (hash ^ rng_hit(&r, chance_of(0.3))) * 0x100000001b3u;
	}
	assert_int_equal(hash, 0x46f5fa434bed0109u);
}

static int
by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* No two of them share a word, wherever it stands. */
static void
streams_do_not_meet(void **state)
{
	enum { NUMBERS = 2000, USES = 5, WORDS = NUMBERS * USES * 4 };
	uint64_t *w = calloc(WORDS, sizeof(*w));
	size_t n = 0;
	struct rng r;

	(void)state;
	assert_non_null(w);
	for (enum rng_use use = RNG_HOST; use <= RNG_CHAOS; use++)
		for (uint64_t i = 0; i < NUMBERS; i++, n += 4) {
			rng_init(&r, 1, use, i);
			memcpy(w + n, r.s, sizeof(r.s));
		}
	assert_int_equal(n, WORDS);
	qsort(w, n, sizeof(*w), by_value);
	for (size_t i = 1; i < n; i++)
		assert_true(w[i] != w[i - 1]);
	free(w);
}

/* Neighbours agree in half of their bits: seeds, uses and numbers alike. */
static void
streams_are_independent(void **state)
{
	enum { DRAWS = 20000 };
	struct rng a, b[3];
	unsigned int same[NITEMS(b)] = { 0 };
	double mean = DRAWS * 64 / 2.0, se = sqrt(DRAWS * 64 / 4.0);

	(void)state;
	rng_init(&a, 1, RNG_HOST, 1);
	rng_init(&b[0], 2, RNG_HOST, 1);
	rng_init(&b[1], 1, RNG_MEDIUM, 1);
	rng_init(&b[2], 1, RNG_HOST, 2);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t x = rng_u64(&a);

		for (size_t k = 0; k < NITEMS(b); k++)
			for (uint64_t y = ~(x ^ rng_u64(&b[k])); y != 0;
			     y &= y - 1)
				same[k]++;
	}
	for (size_t k = 0; k < NITEMS(b); k++)
		assert_true(fabs(same[k] - mean) < 5 * se);
}

static void
same_seed_same_stream(void **state)
{
	struct rng a, b;

	(void)state;
	rng_init(&a, UINT64_MAX, RNG_CHAOS, UINT64_MAX);
	rng_init(&b, UINT64_MAX, RNG_CHAOS, UINT64_MAX);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(rng_u64(&a), rng_u64(&b));
}

/* Chi square over n cells, against its mean n - 1 and deviation. */
static void
check_even(uint64_t n, uint64_t seed)
{
	enum { DRAWS = 200000 };
	unsigned int seen[64] = { 0 };
	double want = DRAWS / (double)n, chi = 0;
	struct rng r;

	assert_true(n <= NITEMS(seen));
	rng_init(&r, seed, RNG_HOST, n);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t x = rng_below(&r, n);

		assert_true(x < n);
		seen[x]++;
	}
	for (uint64_t i = 0; i < n; i++)
		chi += (seen[i] - want) * (seen[i] - want) / want;
	assert_true(chi < (double)(n - 1) + 6 * sqrt(2.0 * (double)n));
}

static void
below_is_even(void **state)
{
	static const uint64_t n[] = { 2, 3, 6, 7, 10, 16, 33, 64 };

	(void)state;
	for (size_t i = 0; i < NITEMS(n); i++)
		check_even(n[i], 99);
}

/* n is 3/4 of all numbers: a bare modulo puts half of them below 1/4. */
static void
below_has_no_modulo_bias(void **state)
{
	enum { DRAWS = 60000 };
	const uint64_t third = 1ull << 62;
	unsigned int seen[3] = { 0 };
	struct rng r;

	(void)state;
	rng_init(&r, 3, RNG_HOST, 0);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t x = rng_below(&r, 3 * third);

		assert_true(x < 3 * third);
		seen[x / third]++;
	}
	for (size_t i = 0; i < NITEMS(seen); i++)
		assert_true(
		    fabs(seen[i] - DRAWS / 3.0) < 5 * sqrt(DRAWS * 2.0 / 9.0));
}

static void
below_at_its_ends(void **state)
{
	struct rng r, q;

	(void)state;
	rng_init(&r, 5, RNG_HOST, 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(rng_below(&r, 1), 0);
	for (int i = 0; i < 1000; i++)
		assert_true(rng_below(&r, UINT64_MAX) < UINT64_MAX);
	/* Powers of two: the low bits, and nothing is drawn twice. */
	q = r;
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(
		    rng_below(&r, 1ull << i), rng_u64(&q) & ((1ull << i) - 1));
	assert_memory_equal(&r, &q, sizeof(r));
}

static void
fills_as_it_draws(void **state)
{
	uint8_t got[24], want[24];
	struct rng start, r, q;

	(void)state;
	rng_init(&start, 8, RNG_PKI, 1);
	q = start;
	for (size_t i = 0; i < 3; i++) {
		uint64_t x = rng_u64(&q);

		for (size_t k = 0; k < 8; k++)
			want[8 * i + k] = (uint8_t)(x >> 8 * k);
	}
	for (size_t len = 0; len <= 17; len++) {
		r = start;
		memset(got, 0xee, sizeof(got));
		rng_fill(&r, got, len);
		assert_memory_equal(got, want, len);
		for (size_t i = len; i < sizeof(got); i++)
			assert_int_equal(got[i], 0xee);
		/* The next one begins at a new number. */
		q = start;
		for (size_t i = 0; i < (len + 7) / 8; i++)
			rng_u64(&q);
		assert_memory_equal(&r, &q, sizeof(r));
	}
}

static void
chances_are_thresholds(void **state)
{
	(void)state;
	assert_int_equal(chance_of(0.0), 0);
	assert_int_equal(chance_of(-0.0), 0);
	assert_int_equal(chance_of(1.0), CHANCE_ALWAYS);
	assert_int_equal(chance_of(0.5), 1ull << 63);
	assert_int_equal(chance_of(0.25), 1ull << 62);
	assert_int_equal(chance_of(0x1p-64), 1);
	assert_int_equal(chance_of(1.0 - 0x1p-53), UINT64_MAX - 2047);
	/* What no probability is. */
	assert_int_equal(chance_of(-1.0), 0);
	assert_int_equal(chance_of((double)NAN), 0);
	assert_int_equal(chance_of(1.5), CHANCE_ALWAYS);
	assert_int_equal(chance_of((double)INFINITY), CHANCE_ALWAYS);
}

static void
never_and_always_draw_nothing(void **state)
{
	struct rng r, q;

	(void)state;
	rng_init(&r, 6, RNG_HOST, 0);
	q = r;
	for (int i = 0; i < 1000; i++) {
		assert_false(rng_hit(&r, 0));
		assert_true(rng_hit(&r, CHANCE_ALWAYS));
	}
	assert_memory_equal(&r, &q, sizeof(r));
	assert_true(rng_hit(&r, CHANCE_ALWAYS - 1));
	assert_memory_not_equal(&r, &q, sizeof(r));
}

static void
hits_as_often_as_it_should(void **state)
{
	static const double p[] = { 0.001, 0.02, 0.3, 0.5, 0.9, 0.999 };
	enum { DRAWS = 300000 };

	(void)state;
	for (size_t i = 0; i < NITEMS(p); i++) {
		chance c = chance_of(p[i]);
		unsigned int hits = 0;
		struct rng r;

		rng_init(&r, 77, RNG_HOST, i);
		for (int k = 0; k < DRAWS; k++)
			hits += rng_hit(&r, c);
		assert_true(fabs(hits - DRAWS * p[i]) <
			    5 * sqrt(DRAWS * p[i] * (1 - p[i])));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeds_as_splitmix64_published),
		cmocka_unit_test(draws_as_xoshiro256ss_published),
		cmocka_unit_test(same_everywhere),
		cmocka_unit_test(streams_do_not_meet),
		cmocka_unit_test(streams_are_independent),
		cmocka_unit_test(same_seed_same_stream),
		cmocka_unit_test(below_is_even),
		cmocka_unit_test(below_has_no_modulo_bias),
		cmocka_unit_test(below_at_its_ends),
		cmocka_unit_test(fills_as_it_draws),
		cmocka_unit_test(chances_are_thresholds),
		cmocka_unit_test(never_and_always_draw_nothing),
		cmocka_unit_test(hits_as_often_as_it_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
