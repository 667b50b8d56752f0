/* SPDX-License-Identifier: ISC */
/*
 * The channel of a medium, without chance: when a datagram goes and in how many
 * frames, and what the statistics say of it.
 */
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

static struct medium *
make(const struct link_class *c, uint32_t stations, t_ns duration)
{
	struct medium *m = medium_new(c, stations, 1, 1, duration);

	assert_non_null(m);
	return m;
}

static struct ride
sent(struct medium *m, uint32_t from, size_t len, t_ns now)
{
	struct ride r;

	assert_int_equal(medium_send(m, from, len, now, &r), FATE_DELIVERED);
	assert_int_equal(r.from, from);
	return r;
}

static void
assert_times(struct ride r, t_ns begin, t_ns end)
{
	assert_int_equal(r.begin, begin);
	assert_int_equal(r.end, end);
}

static void
fates_have_names(void **state)
{
	(void)state;
	for (enum fate f = FATE_DELIVERED; f < FATES; f++) {
		assert_string_not_equal(fate_name(f), "unknown");
		for (enum fate g = FATE_DELIVERED; g < f; g++)
			assert_string_not_equal(fate_name(f), fate_name(g));
	}
	assert_string_equal(fate_name(FATE_BURST), "burst");
	assert_string_equal(fate_name(FATES), "unknown");
}

/* Octets x 8 / rate, to the nanosecond, rounded down. */
static void
airtime_is_exact(void **state)
{
	static const struct {
		uint64_t bit_s;
		size_t len;
		uint32_t overhead;
		t_ns ns;
	} row[] = {
		{ 2400, 300, 0, 1000000000 },
		{ 2400, 100, 0, 333333333 },
		{ 2400, 92, 8, 333333333 },
		{ 2400, 1500, 0, 5000000000 },
		{ 1, 65535, 0, 524280000000000 },
		{ 64000, 1, 0, 125000 },
		{ 64000, 576, 14, 73750000 },
		{ 64000, 1500, 0, 187500000 },
		{ 10000000, 1500, 38, 1230400 },
		{ 10000000, 28, 0, 22400 },
		{ 1000000000, 1500, 0, 12000 },
		{ 3000000000, 1, 0, 2 },
		{ 100000000000, 1500, 0, 120 },
		{ 0, 1500, 38, 0 },
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(row); i++) {
		struct link_class c = { .bit_s = row[i].bit_s,
			.overhead = row[i].overhead };
		struct medium *m = make(&c, 1, 0);
		struct ride r = sent(m, 0, row[i].len, 5);

		assert_times(r, 5, 5 + row[i].ns);
		assert_int_equal(r.frames, 1);
		assert_int_equal(r.last, row[i].len + row[i].overhead);
		assert_int_equal(medium_stat(m)->airtime, row[i].ns);
		assert_int_equal(medium_stat(m)->octets, r.last);
		medium_free(&m);
		assert_null(m);
	}
}

/* First come, first served; an idle channel goes at once. */
static void
waits_its_turn(void **state)
{
	struct link_class c = { .bit_s = 64000, .queue = 100000 };
	struct medium *m = make(&c, 1, 0);

	(void)state;
	assert_times(sent(m, 0, 80, 0), 0, 10 * MS);
	assert_times(sent(m, 0, 160, 0), 10 * MS, 30 * MS);
	assert_times(sent(m, 0, 8, 15 * MS), 30 * MS, 31 * MS);
	assert_times(sent(m, 0, 8, 31 * MS), 31 * MS, 32 * MS);
	assert_times(sent(m, 0, 8, 50 * MS), 50 * MS, 51 * MS);
	assert_int_equal(medium_stat(m)->backlog_max, 15 * MS);
	medium_free(&m);
}

/* Full duplex: the ways do not hinder each other. */
static void
ways_are_channels(void **state)
{
	struct link_class c = { .bit_s = 64000, .queue = 100000 };
	struct medium *m = make(&c, 1, 0);

	(void)state;
	assert_times(sent(m, 0, 80, 0), 0, 10 * MS);
	assert_times(sent(m, 1, 80, 0), 0, 10 * MS);
	medium_free(&m);
	c.shared = true;
	m = make(&c, 3, 0);
	assert_times(sent(m, 0, 80, 0), 0, 10 * MS);
	assert_times(sent(m, 1, 80, 0), 0, 10 * MS);
	/* All stations share the way up. */
	assert_times(sent(m, 2, 80, 0), 10 * MS, 20 * MS);
	assert_times(sent(m, 3, 80, 0), 20 * MS, 30 * MS);
	medium_free(&m);
	c.half_duplex = true;
	m = make(&c, 3, 0);
	assert_times(sent(m, 0, 80, 0), 0, 10 * MS);
	assert_times(sent(m, 3, 80, 0), 10 * MS, 20 * MS);
	assert_times(sent(m, 0, 80, 0), 20 * MS, 30 * MS);
	medium_free(&m);
}

/* Whoever transmitted last goes on without; the first finds it free. */
static void
turn_is_paid_by_a_new_transmitter(void **state)
{
	struct link_class c = { .bit_s = 64000,
		.queue = 100000,
		.turn = 3 * MS,
		.shared = true,
		.half_duplex = true };
	struct medium *m = make(&c, 2, 0);

	(void)state;
	assert_times(sent(m, 1, 80, 0), 0, 10 * MS);
	assert_times(sent(m, 1, 80, 0), 10 * MS, 20 * MS);
	assert_times(sent(m, 2, 80, 0), 23 * MS, 33 * MS);
	assert_times(sent(m, 0, 80, 0), 36 * MS, 46 * MS);
	/* After silence, too. */
	assert_times(sent(m, 0, 80, 100 * MS), 100 * MS, 110 * MS);
	assert_times(sent(m, 1, 80, 200 * MS), 203 * MS, 213 * MS);
	assert_int_equal(medium_stat(m)->airtime, 69 * MS);
	medium_free(&m);
	/* On a link of two ways nobody ever takes over. */
	c.shared = c.half_duplex = false;
	m = make(&c, 1, 0);
	assert_times(sent(m, 0, 80, 0), 0, 10 * MS);
	assert_times(sent(m, 1, 80, 0), 0, 10 * MS);
	assert_times(sent(m, 0, 80, 20 * MS), 20 * MS, 30 * MS);
	medium_free(&m);
	/* It is a time of its own, whatever the bandwidth. */
	c.half_duplex = true;
	c.bit_s = 0;
	m = make(&c, 1, 0);
	assert_times(sent(m, 0, 80, 0), 0, 0);
	assert_times(sent(m, 1, 80, 0), 3 * MS, 3 * MS);
	assert_times(sent(m, 0, 80, 0), 6 * MS, 6 * MS);
	medium_free(&m);
}

/* RFC 791: 20 octets of header each, offsets in units of 8 octets. */
static void
long_datagrams_are_split(void **state)
{
	static const struct {
		uint32_t mtu;
		size_t len;
		uint32_t frames, full, last;
	} row[] = {
		{ 576, 576, 1, 0, 576 },
		{ 576, 577, 2, 572, 25 }, /* 557 = 552 + 5 */
		{ 576, 572 + 552, 2, 572, 572 }, { 576, 572 + 553, 3, 572, 21 },
		{ 1500, 1501, 2, 1500, 21 }, { 1500, 4000, 3, 1500, 1040 },
		{ 1500, 65535, 45, 1500, 415 }, { 28, 29, 2, 28, 21 },
		{ 35, 36, 2, 28, 28 }, /* 15 octets are room for one unit */
		{ 28, 65535, 8190, 28, 23 }, { 0, 65535, 1, 0, 65535 },
		{ 20, 20, 1, 0, 20 }, /* fits: no need to split */
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(row); i++) {
		struct link_class c = { .mtu = row[i].mtu, .bit_s = 8000 };
		struct medium *m = make(&c, 1, 0);
		struct ride r = sent(m, 0, row[i].len, 0);
		uint64_t all =
		    (uint64_t)(r.frames - 1) * row[i].full + row[i].last;

		assert_int_equal(r.frames, row[i].frames);
		if (r.frames > 1)
			assert_int_equal(r.full, row[i].full);
		assert_int_equal(r.last, row[i].last);
		/* Nothing is lost, and each frame more has a header. */
		assert_int_equal(all, row[i].len + 20 * (r.frames - 1));
		assert_int_equal(r.end, all * MS);
		assert_int_equal(medium_stat(m)->frames, row[i].frames);
		assert_int_equal(medium_stat(m)->datagrams, 1);
		medium_free(&m);
	}
}

static void
overhead_is_of_each_frame(void **state)
{
	struct link_class c = { .mtu = 576, .bit_s = 8000, .overhead = 10 };
	struct medium *m = make(&c, 1, 0);
	struct ride r = sent(m, 0, 577, 0);

	(void)state;
	assert_int_equal(r.full, 582);
	assert_int_equal(r.last, 35);
	assert_int_equal(r.end, 617 * MS);
	assert_int_equal(medium_stat(m)->octets, 617);
	medium_free(&m);
}

static void
what_cannot_be_split_stays(void **state)
{
	static const struct {
		uint32_t mtu;
		size_t len;
	} row[] = { { 27, 28 }, { 20, 21 }, { 1, 2 }, { 19, 20 }, { 0, 65576 },
		{ 1500, 65576 }, { 1500, SIZE_MAX } };

	(void)state;
	for (size_t i = 0; i < NITEMS(row); i++) {
		struct link_class c = { .mtu = row[i].mtu, .bit_s = 8000 };
		struct medium *m = make(&c, 1, 0);
		struct ride r = { .end = 7 };

		assert_int_equal(
		    medium_send(m, 0, row[i].len, 0, &r), FATE_MTU);
		assert_int_equal(r.end, 7);
		assert_int_equal(medium_stat(m)->fates[FATE_MTU], 1);
		assert_int_equal(medium_stat(m)->datagrams, 0);
		/* The channel is as free as it was. */
		c.mtu = 0;
		assert_times(sent(m, 0, 1, 0), 0, MS);
		medium_free(&m);
	}
}

/* Bins of 10 ms; what is sent at 25 .. 58 ms lies in four of them. */
static void
bins_share_the_airtime(void **state)
{
	struct link_class c = {
		.bit_s = 8000, .queue = 100000, .shared = true, .turn = 3 * MS
	};
	struct medium *m = make(&c, 2, 6000 * MS);
	const struct medium_stat *st = medium_stat(m);

	(void)state;
	assert_int_equal(st->bin_width, 10 * MS);
	sent(m, 1, 30, 25 * MS); /* 25 .. 55 */
	assert_int_equal(st->bin_air[1], 0);
	assert_int_equal(st->bin_air[2], 5 * MS);
	assert_int_equal(st->bin_air[3], 10 * MS);
	assert_int_equal(st->bin_air[4], 10 * MS);
	assert_int_equal(st->bin_air[5], 5 * MS);
	assert_int_equal(st->bin_air[6], 0);
	sent(m, 2, 2, 26 * MS); /* turn 55 .. 58, 58 .. 60 */
	assert_int_equal(st->bin_air[5], 10 * MS);
	assert_int_equal(st->bin_air[6], 0);
	/* It waited for its first bit from 26 to 58, the turn included. */
	assert_int_equal(st->bin_backlog[2], 32 * MS);
	assert_int_equal(st->bin_backlog[5], 0);
	sent(m, 2, 2, 27 * MS); /* waits less: 60 - 27 = 33 */
	assert_int_equal(st->bin_backlog[2], 33 * MS);
	assert_int_equal(st->backlog_max, 33 * MS);
	/* The router's way: the same bins. */
	sent(m, 0, 10, 40 * MS);
	assert_int_equal(st->bin_air[4], 20 * MS);
	medium_free(&m);
}

static void
bins_end_with_the_run(void **state)
{
	struct link_class c = {
		.bit_s = 8000, .queue = 100000, .shared = true
	};
	struct medium *m = make(&c, 2, 6000 * MS);
	const struct medium_stat *st = medium_stat(m);

	(void)state;
	sent(m, 1, 100, 5995 * MS);
	assert_int_equal(st->bin_air[599], 5 * MS);
	assert_int_equal(st->airtime, 100 * MS);
	sent(m, 1, 100, 6000 * MS);
	assert_int_equal(st->bin_air[599], 5 * MS);
	assert_int_equal(st->bin_backlog[599], 0);
	assert_int_equal(st->backlog_max, 95 * MS);
	medium_free(&m);
	/* A run shorter than its bins; one that fills them unevenly. */
	m = make(&c, 2, 1);
	assert_int_equal(medium_stat(m)->bin_width, 1);
	medium_free(&m);
	m = make(&c, 2, 601);
	assert_int_equal(medium_stat(m)->bin_width, 2);
	medium_free(&m);
	m = make(&c, 2, T_NEVER);
	sent(m, 1, 100, T_NEVER - 1);
	assert_int_equal(medium_stat(m)->bin_air[599], 1);
	medium_free(&m);
}

/* In all bins together lies the whole airtime. */
static void
bins_lose_nothing(void **state)
{
	struct link_class c = { .bit_s = 9600,
		.queue = 4000,
		.shared = true,
		.half_duplex = true,
		.turn = 7654321 };
	struct medium *m = make(&c, 5, 3000 * NS_PER_S + 1);
	const struct medium_stat *st = medium_stat(m);
	t_ns air = 0, wait = 0, now = 0;
	struct rng rng;
	struct ride r;

	(void)state;
	rng_init(&rng, 4, RNG_HOST, 0);
	while ((now += rng_below(&rng, 500 * MS)) < 2900 * NS_PER_S)
		medium_send(m, (uint32_t)rng_below(&rng, 6),
		    20 + rng_below(&rng, 600), now, &r);
	assert_true(st->fates[FATE_QUEUE] > 100);
	for (size_t i = 0; i < MEDIUM_BINS; i++) {
		assert_true(st->bin_air[i] <= st->bin_width);
		air += st->bin_air[i];
		if (st->bin_backlog[i] > wait)
			wait = st->bin_backlog[i];
	}
	assert_int_equal(air, st->airtime);
	assert_int_equal(wait, st->backlog_max);
	medium_free(&m);
}

static void
media_are_small(void **state)
{
	struct link_class c = { .bit_s = 9600, .to_bad = 1, .to_good = 1 };
	struct medium *m = make(&c, 1, 1000);
	size_t link = medium_size(m), bins = 2 * MEDIUM_BINS * sizeof(t_ns);

	(void)state;
	assert_null(medium_stat(m)->bin_air);
	assert_int_equal(medium_stat(m)->bin_width, 0);
	sent(m, 0, 100, 50); /* and nothing looks for bins */
	assert_true(link <= 384);
	medium_free(&m);
	c.shared = true;
	m = make(&c, 10000, 1000);
	assert_true(medium_size(m) <= link + bins + 20000);
	medium_free(&m);
	c.to_bad = 0; /* no bursts: nothing for the stations */
	m = make(&c, 10000, 1000);
	assert_true(medium_size(m) <= link + bins);
	medium_free(&m);
	m = make(&c, 10000, 0);
	assert_true(medium_size(m) <= link);
	assert_int_equal(medium_stat(m)->bin_width, 0);
	medium_free(&m);
	assert_null(medium_new(&c, UINT32_MAX, 1, 1, 0));
	medium_free(&m); /* of nothing */
}

static void
down_is_for_its_owner_to_ask(void **state)
{
	struct link_class c = { .bit_s = 9600 };
	struct medium *m = make(&c, 1, 0);

	(void)state;
	assert_false(medium_is_down(m));
	medium_set_down(m, true);
	assert_true(medium_is_down(m));
	medium_set_down(m, false);
	assert_false(medium_is_down(m));
	medium_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fates_have_names),
		cmocka_unit_test(airtime_is_exact),
		cmocka_unit_test(waits_its_turn),
		cmocka_unit_test(ways_are_channels),
		cmocka_unit_test(turn_is_paid_by_a_new_transmitter),
		cmocka_unit_test(long_datagrams_are_split),
		cmocka_unit_test(overhead_is_of_each_frame),
		cmocka_unit_test(what_cannot_be_split_stays),
		cmocka_unit_test(bins_share_the_airtime),
		cmocka_unit_test(bins_end_with_the_run),
		cmocka_unit_test(bins_lose_nothing),
		cmocka_unit_test(media_are_small),
		cmocka_unit_test(down_is_for_its_owner_to_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
