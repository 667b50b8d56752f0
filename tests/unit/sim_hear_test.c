/* SPDX-License-Identifier: ISC */
/*
 * What stations hear, against closed forms: seeded, within five standard
 * errors.  Where the draws are few enough they are foretold one by one.
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

#include "mikesim/core/medium.h"

#define MS NS_PER_MS
#define SEED 2026
#define NUMBER 3

static struct medium *
make(const struct link_class *c, uint32_t stations)
{
	struct medium *m = medium_new(c, stations, SEED, NUMBER, 0);

	assert_non_null(m);
	return m;
}

static struct ride
sent(struct medium *m, uint32_t from, size_t len, t_ns now)
{
	struct ride r;

	assert_int_equal(medium_send(m, from, len, now, &r), FATE_DELIVERED);
	return r;
}

static enum fate
fate_of(struct medium *m, uint32_t to, const struct ride *r)
{
	struct heard h[2];

	assert_int_equal(medium_hear(m, to, r, h), 1);
	return h[0].fate;
}

/* How many of n copies of a datagram of len octets meet the fate? */
static unsigned int
count(const struct link_class *c, size_t len, enum fate f, unsigned int n)
{
	struct medium *m = make(c, 1);
	struct ride r = sent(m, 0, len, 0);
	unsigned int hits = 0;

	for (unsigned int i = 0; i < n; i++) {
		enum fate got = fate_of(m, 1, &r);

		assert_true(got == f || got == FATE_DELIVERED);
		hits += got == f;
	}
	assert_int_equal(medium_stat(m)->fates[f], hits);
	assert_int_equal(medium_stat(m)->fates[FATE_DELIVERED], n - hits);
	medium_free(&m);
	return hits;
}

static void
assert_ratio(double hits, double n, double p)
{
	assert_true(fabs(hits - n * p) < 5 * sqrt(n * p * (1 - p)) + 1e-9);
}

/* Everything is off: it comes, once, after the delay. */
static void
nothing_happens_by_itself(void **state)
{
	struct link_class c = { .bit_s = 8000, .delay = 30 * MS };
	struct medium *m = make(&c, 1);
	struct ride r = sent(m, 0, 100, 5 * MS);
	struct heard h[2];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(medium_hear(m, 1, &r, h), 1);
		assert_int_equal(h[0].fate, FATE_DELIVERED);
		assert_int_equal(h[0].at, 135 * MS);
	}
	r = sent(m, 1, 50, 0);
	assert_int_equal(medium_hear(m, 0, &r, h), 1);
	assert_int_equal(h[0].at, 80 * MS);
	medium_free(&m);
}

static void
loss_as_often_as_it_should(void **state)
{
	static const double p[] = { 0.001, 0.05, 0.5, 0.95 };
	enum { N = 300000 };

	(void)state;
	for (size_t i = 0; i < NITEMS(p); i++) {
		struct link_class c = { .loss = chance_of(p[i]) };

		assert_ratio(count(&c, 100, FATE_LOSS, N), N, p[i]);
	}
	assert_int_equal(count(&(struct link_class){ .loss = CHANCE_ALWAYS },
			     100, FATE_LOSS, 1000),
	    1000);
}

/* A datagram of k frames comes with (1 - p)^k. */
static void
loss_is_of_frames(void **state)
{
	enum { N = 300000 };
	struct link_class c = { .loss = chance_of(0.1), .mtu = 576 };

	(void)state;
	assert_ratio(count(&c, 576, FATE_LOSS, N), N, 0.1);
	assert_ratio(count(&c, 577, FATE_LOSS, N), N, 1 - pow(0.9, 2));
	assert_ratio(count(&c, 4000, FATE_LOSS, N), N, 1 - pow(0.9, 8));
}

/* The medium's own stream, and not a number for what is off. */
static void
draws_are_those_of_its_stream(void **state)
{
	struct link_class c = { .loss = chance_of(0.25), .jitter = 9 };
	struct medium *m = make(&c, 1);
	struct ride r = sent(m, 0, 100, 0);
	struct heard h[2];
	struct rng rng;

	(void)state;
	rng_init(&rng, SEED, RNG_MEDIUM, NUMBER);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(medium_hear(m, 1, &r, h), 1);
		if (rng_hit(&rng, c.loss)) {
			assert_int_equal(h[0].fate, FATE_LOSS);
			assert_int_equal(h[0].at, 0);
		} else {
			assert_int_equal(h[0].fate, FATE_DELIVERED);
			assert_int_equal(h[0].at, rng_below(&rng, 10));
		}
	}
	medium_free(&m);
}

/* Evenly over 0 .. jitter, both ends included. */
static void
jitter_is_even(void **state)
{
	enum { N = 90000 };
	struct link_class c = { .delay = 100, .jitter = 8 };
	struct medium *m = make(&c, 1);
	struct ride r = sent(m, 0, 100, 1000);
	unsigned int seen[9] = { 0 };
	struct heard h[2];

	(void)state;
	for (int i = 0; i < N; i++) {
		assert_int_equal(medium_hear(m, 1, &r, h), 1);
		assert_in_range(h[0].at, 1100, 1108);
		seen[h[0].at - 1100]++;
	}
	for (size_t i = 0; i < NITEMS(seen); i++)
		assert_ratio(seen[i], N, 1.0 / 9);
	medium_free(&m);
	/* As much as there is: it ends at the end of time. */
	c.jitter = T_NEVER;
	m = make(&c, 1);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(medium_hear(m, 1, &r, h), 1);
		assert_true(h[0].at >= 1100);
	}
	medium_free(&m);
}

/*
 * Gilbert and Elliott: bursts are as long as a geometric distribution with
 * mean 1 / to_good says, and fill p / (p + r) of the time.
 */
#define LONGEST 12

struct bursts {
	unsigned int frames, bad, n, by_len[LONGEST + 1]; /* the last: longer */
};

static void
burst_ends(struct bursts *b, unsigned int len)
{
	if (len == 0)
		return;
	b->n++;
	b->by_len[len <= LONGEST ? len - 1 : LONGEST]++;
}

static struct bursts
listen(double to_bad, double to_good, unsigned int frames)
{
	struct link_class c = { .to_bad = chance_of(to_bad),
		.to_good = chance_of(to_good) };
	struct medium *m = make(&c, 1);
	struct bursts b = { .frames = frames };
	struct ride r = sent(m, 0, 100, 0);
	unsigned int len = 0;

	for (unsigned int i = 0; i < frames; i++) {
		if (fate_of(m, 1, &r) == FATE_BURST) {
			b.bad++;
			len++;
			continue;
		}
		burst_ends(&b, len);
		len = 0;
	}
	assert_int_equal(medium_stat(m)->fates[FATE_BURST], b.bad);
	medium_free(&m);
	return b;
}

static void
check_bursts(double p, double r)
{
	struct bursts b = listen(p, r, 1000000);
	double share = p / (p + r), memory = 1 - p - r, left = 1, chi = 0, se;

	/* The frames' states are correlated: so many fewer of them count. */
	se = sqrt(share * (1 - share) * (1 + memory) / (1 - memory) / b.frames);
	assert_true(fabs((double)b.bad / b.frames - share) < 5 * se);
	/* The number of bursts: of good runs that end. */
	assert_true(fabs((double)b.bad / b.n - 1 / r) <
		    5 * sqrt((1 - r) / b.n) / r + 1.0 / b.n);
	for (size_t i = 0; i <= LONGEST; i++) {
		double want = b.n * (i < LONGEST ? left * r : left);

		left *= 1 - r;
		chi += (b.by_len[i] - want) * (b.by_len[i] - want) / want;
	}
	/* LONGEST degrees of freedom: more comes once in 10^5. */
	assert_true(chi < 44);
}

static void
bursts_are_geometric(void **state)
{
	(void)state;
	check_bursts(0.01, 0.25);
	check_bursts(0.05, 0.1);
	check_bursts(0.2, 0.4);
}

static void
bursts_without_end_and_of_one(void **state)
{
	struct bursts b = listen(0.5, 0, 10000);

	(void)state;
	assert_int_equal(b.n, 0); /* none ended */
	assert_true(b.bad > 9900);
	b = listen(1, 1, 10000); /* every other frame */
	assert_int_equal(b.bad, 5000);
	assert_int_equal(b.by_len[0], 5000);
	b = listen(0, 1, 10000);
	assert_int_equal(b.bad, 0);
}

/* With certain steps each path alternates, and none disturbs another. */
static void
bursts_are_of_station_and_way(void **state)
{
	struct link_class c = { .shared = true,
		.half_duplex = true,
		.to_bad = CHANCE_ALWAYS,
		.to_good = CHANCE_ALWAYS };
	struct medium *m = make(&c, 3);
	struct ride down = sent(m, 0, 100, 0), up = sent(m, 2, 100, 0);
	struct ride up3 = sent(m, 3, 100, 0);

	(void)state;
	assert_int_equal(fate_of(m, 1, &down), FATE_BURST);
	assert_int_equal(fate_of(m, 2, &down), FATE_BURST);
	assert_int_equal(fate_of(m, 2, &down), FATE_DELIVERED);
	assert_int_equal(fate_of(m, 1, &down), FATE_DELIVERED);
	assert_int_equal(fate_of(m, 1, &down), FATE_BURST);
	assert_int_equal(fate_of(m, 3, &down), FATE_BURST);
	/* What the router hears of 2 and 3 are paths of their own. */
	assert_int_equal(fate_of(m, 0, &up), FATE_BURST);
	assert_int_equal(fate_of(m, 0, &up3), FATE_BURST);
	assert_int_equal(fate_of(m, 0, &up), FATE_DELIVERED);
	assert_int_equal(fate_of(m, 0, &up3), FATE_DELIVERED);
	/* Among stations: the path of the one that hears. */
	assert_int_equal(fate_of(m, 1, &up), FATE_DELIVERED);
	assert_int_equal(fate_of(m, 2, &down), FATE_BURST);
	medium_free(&m);
}

/* A step for each frame, also after one that was lost. */
static void
bursts_go_on_within_a_datagram(void **state)
{
	struct link_class c = {
		.mtu = 100, .to_bad = CHANCE_ALWAYS, .to_good = CHANCE_ALWAYS
	};
	struct medium *m = make(&c, 1);
	struct ride three = sent(m, 0, 260, 0), one = sent(m, 0, 50, 0);

	(void)state;
	assert_int_equal(three.frames, 3);
	assert_int_equal(fate_of(m, 1, &three), FATE_BURST); /* bad good bad */
	assert_int_equal(fate_of(m, 1, &one), FATE_DELIVERED);
	assert_int_equal(fate_of(m, 1, &one), FATE_BURST);
	assert_int_equal(fate_of(m, 1, &three), FATE_BURST); /* good bad .. */
	assert_int_equal(fate_of(m, 1, &one), FATE_BURST);
	medium_free(&m);
}

/* The first cause is named: burst before loss before bits, frame by frame. */
static void
first_cause_is_named(void **state)
{
	struct link_class c = { .to_bad = CHANCE_ALWAYS,
		.to_good = CHANCE_ALWAYS,
		.loss = CHANCE_ALWAYS,
		.bit_error = 1 };
	struct medium *m = make(&c, 1);
	struct ride r = sent(m, 0, 100, 0);

	(void)state;
	assert_int_equal(fate_of(m, 1, &r), FATE_BURST);
	assert_int_equal(fate_of(m, 1, &r), FATE_LOSS);
	assert_int_equal(fate_of(m, 1, &r), FATE_BURST);
	c.loss = 0;
	assert_int_equal(fate_of(m, 1, &r), FATE_BITS);
	medium_free(&m);
}

/* 1 - (1 - ber)^bits, overhead included, whatever the number of frames. */
static void
bit_errors_as_often_as_they_should(void **state)
{
	static const struct {
		double ber;
		size_t len;
		uint32_t overhead;
	} row[] = {
		{ 1e-5, 100, 0 },
		{ 1e-5, 1500, 38 },
		{ 1e-4, 1500, 0 },
		{ 1e-3, 100, 100 },
		{ 1e-9, 65535, 0 },
		{ 0.5, 1, 0 },
	};
	enum { N = 300000 };

	(void)state;
	for (size_t i = 0; i < NITEMS(row); i++) {
		struct link_class c = { .bit_error = row[i].ber,
			.overhead = row[i].overhead };
		double bits = 8.0 * (double)(row[i].len + row[i].overhead);

		assert_ratio(count(&c, row[i].len, FATE_BITS, N), N,
		    -expm1(bits * log1p(-row[i].ber)));
	}
	assert_int_equal(
	    count(&(struct link_class){ .bit_error = 1 }, 1, FATE_BITS, 1000),
	    1000);
}

/* Fragments 1500, 1500, 1040: a short last frame has fewer errors. */
static void
bit_errors_of_fragments(void **state)
{
	enum { N = 300000 };
	struct link_class c = { .bit_error = 2e-5, .mtu = 1500 };

	(void)state;
	assert_ratio(
	    count(&c, 4000, FATE_BITS, N), N, -expm1(8 * 4040 * log1p(-2e-5)));
	c.mtu = 0;
	assert_ratio(
	    count(&c, 4000, FATE_BITS, N), N, -expm1(8 * 4000 * log1p(-2e-5)));
}

/* More lengths at once than are remembered. */
static void
bit_errors_of_many_lengths(void **state)
{
	enum { N = 100000, LENGTHS = 11 };
	struct link_class c = { .bit_error = 1e-4 };
	struct medium *m = make(&c, 1);
	unsigned int hits[LENGTHS] = { 0 };
	struct ride r[LENGTHS];

	(void)state;
	for (size_t k = 0; k < LENGTHS; k++)
		r[k] = sent(m, 0, 40 + 140 * k, 0);
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < LENGTHS; k++)
			hits[k] += fate_of(m, 1, &r[k]) == FATE_BITS;
	for (size_t k = 0; k < LENGTHS; k++)
		assert_ratio(
		    hits[k], N, -expm1(8.0 * r[k].last * log1p(-1e-4)));
	medium_free(&m);
}

/* A second copy, no earlier than the first, no later than the jitter. */
static void
duplicates_as_often_as_they_should(void **state)
{
	enum { N = 300000 };
	struct link_class c = {
		.duplicate = chance_of(0.03), .delay = 100, .jitter = 50
	};
	struct medium *m = make(&c, 1);
	struct ride r = sent(m, 0, 100, 0);
	unsigned int twice = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		struct heard h[2];

		if (medium_hear(m, 1, &r, h) == 1)
			continue;
		twice++;
		assert_int_equal(h[0].fate, FATE_DELIVERED);
		assert_in_range(h[0].at, 100, 150);
		assert_int_equal(h[1].fate, FATE_DUPLICATE);
		assert_in_range(h[1].at, h[0].at, h[0].at + 50);
	}
	assert_ratio(twice, N, 0.03);
	assert_int_equal(medium_stat(m)->fates[FATE_DUPLICATE], twice);
	assert_int_equal(medium_stat(m)->fates[FATE_DELIVERED], N);
	/* What is lost is not doubled. */
	c.duplicate = c.loss = CHANCE_ALWAYS;
	assert_int_equal(fate_of(m, 1, &r), FATE_LOSS);
	medium_free(&m);
}

static void
reordered_as_often_as_it_should(void **state)
{
	enum { N = 300000 };
	struct link_class c = { .reorder = chance_of(0.07),
		.reorder_by = 40 * MS,
		.delay = 5 * MS,
		.jitter = 3 * MS };
	struct medium *m = make(&c, 1);
	struct ride r = sent(m, 0, 100, 0);
	unsigned int late = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		struct heard h[2];

		assert_int_equal(medium_hear(m, 1, &r, h), 1);
		if (h[0].at > 8 * MS) {
			assert_in_range(h[0].at, 45 * MS, 48 * MS);
			late++;
		} else {
			assert_in_range(h[0].at, 5 * MS, 8 * MS);
		}
	}
	assert_ratio(late, N, 0.07);
	medium_free(&m);
}

/* A datagram overtakes one before it that was put off. */
static void
reordered_is_overtaken(void **state)
{
	struct link_class c = { .bit_s = 800000, .queue = 1000 };
	struct medium *m = make(&c, 1);
	struct heard first[2], second[2];
	struct ride r;

	(void)state;
	c.reorder = CHANCE_ALWAYS;
	c.reorder_by = 10 * MS;
	r = sent(m, 0, 100, 0);
	assert_int_equal(medium_hear(m, 1, &r, first), 1);
	c.reorder = 0;
	r = sent(m, 0, 100, 0);
	assert_int_equal(medium_hear(m, 1, &r, second), 1);
	assert_int_equal(first[0].at, 11 * MS);
	assert_int_equal(second[0].at, 2 * MS);
	medium_free(&m);
}

/* All of it at once, as a number. */
static uint64_t
hash_of_run(uint64_t seed, uint64_t number, uint32_t stations)
{
	struct link_class c = { .shared = true,
		.half_duplex = true,
		.bit_s = 64000,
		.delay = 20 * MS,
		.jitter = 5 * MS,
		.turn = 2 * MS,
		.mtu = 576,
		.overhead = 14,
		.queue = 16000,
		.loss = chance_of(0.02),
		.to_bad = chance_of(0.01),
		.to_good = chance_of(0.3),
		.duplicate = chance_of(0.01),
		.reorder = chance_of(0.02),
		.reorder_by = 30 * MS,
		.bit_error = 1e-5 };
	struct medium *m = medium_new(&c, stations, seed, number, NS_PER_S);
	uint64_t hash = 0xcbf29ce484222325u;
	struct ride r;
	t_ns now = 0;

	assert_non_null(m);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t from = i % (stations + 1);

		now += 40 * MS;
		if (medium_send(m, from, 40 + i * 37 % 1400, now, &r) !=
		    FATE_DELIVERED)
			continue;
		for (uint32_t to = 0; to <= stations; to++) {
			struct heard h[2];
			size_t n = to != from ? medium_hear(m, to, &r, h) : 0;

			for (size_t k = 0; k < n; k++)
				hash = ((hash ^ h[k].at) * 0x100000001b3u ^
					   h[k].fate) *
				       0x100000001b3u;
		}
	}
	for (enum fate f = FATE_DELIVERED; f < FATES; f++)
		hash = (hash ^ medium_stat(m)->fates[f]) * 0x100000001b3u;
	assert_true(medium_stat(m)->fates[FATE_QUEUE] > 0);
	assert_true(medium_stat(m)->fates[FATE_BITS] > 0);
	medium_free(&m);
	return hash;
}

static void
same_seed_same_run(void **state)
{
	uint64_t hash = hash_of_run(1, 1, 4);

	(void)state;
	assert_int_equal(hash, hash_of_run(1, 1, 4));
	assert_int_not_equal(hash, hash_of_run(2, 1, 4));
	assert_int_not_equal(hash, hash_of_run(1, 2, 4));
	/* With every compiler, optimised or not. */
	assert_int_equal(hash, 0x3c4348e4697b0967u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_happens_by_itself),
		cmocka_unit_test(loss_as_often_as_it_should),
		cmocka_unit_test(loss_is_of_frames),
		cmocka_unit_test(draws_are_those_of_its_stream),
		cmocka_unit_test(jitter_is_even),
		cmocka_unit_test(bursts_are_geometric),
		cmocka_unit_test(bursts_without_end_and_of_one),
		cmocka_unit_test(bursts_are_of_station_and_way),
		cmocka_unit_test(bursts_go_on_within_a_datagram),
		cmocka_unit_test(first_cause_is_named),
		cmocka_unit_test(bit_errors_as_often_as_they_should),
		cmocka_unit_test(bit_errors_of_fragments),
		cmocka_unit_test(bit_errors_of_many_lengths),
		cmocka_unit_test(duplicates_as_often_as_they_should),
		cmocka_unit_test(reordered_as_often_as_it_should),
		cmocka_unit_test(reordered_is_overtaken),
		cmocka_unit_test(same_seed_same_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
