/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/ike/hdr.h"
#include "dispatcherd/core/filter.h"
#include "dispatcherd/core/rate.h"

#define eq assert_int_equal

static const uint8_t key[SIPHASH_KEY_LEN] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
	11, 12, 13, 14, 15 };
static struct filter *f;
static struct rules rules;
static uint8_t octets[IKE_MSG_MAX + 1];
static struct dgram d;

static struct addr
addr(const char *text)
{
	struct addr a;

	eq(addr_parse(&a, text), 0);
	return a;
}

/* A whole IKE header that says it is len octets long. */
static void
message(size_t len)
{
	memset(octets, 0, sizeof(octets));
	octets[17] = 0x20;
	octets[18] = 34;
	octets[26] = (uint8_t)(len >> 8);
	octets[27] = (uint8_t)len;
	octets[25] = (uint8_t)(len >> 16);
	d.data = (struct chunk){ octets, len };
}

static int
setup(void **state)
{
	(void)state;
	f = filter_new(key, RATE_ROWS);
	if (f == NULL)
		return -1;
	memset(&rules, 0, sizeof(rules));
	rules.transmit = true;
	rules.listen[rules.n_listen++] = addr("192.0.2.1");
	rules.listen[rules.n_listen++] = addr("2001:db8::1");
	rules.peer[rules.n_peers++] =
	    (struct rules_peer){ addr("198.51.100.0"), 24, 5 };
	rules.peer[rules.n_peers++] =
	    (struct rules_peer){ addr("2001:db8::"), 32, 5 };
	d.local = (struct endpoint){ addr("192.0.2.1"), 848 };
	d.peer = (struct endpoint){ addr("198.51.100.7"), 848 };
	message(IKE_HDR_LEN);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	filter_free(&f);
	return f == NULL ? 0 : -1;
}

static enum drop
in(void)
{
	return filter_pass(f, PASS_IN, &rules, &d, 1000);
}

static enum drop
out(void)
{
	return filter_pass(f, PASS_OUT, &rules, &d, 1000);
}

static void
a_good_datagram_passes_both_ways(void **state)
{
	(void)state;
	eq(in(), DROP_NONE);
	eq(out(), DROP_NONE);
	message(IKE_MSG_MAX);
	eq(in(), DROP_NONE);
	d.local.addr = addr("2001:db8::1");
	d.peer.addr = addr("2001:db8:1::7");
	eq(in(), DROP_NONE);
	eq(filter_count(f, PASS_IN, DROP_NONE), 3);
	eq(filter_count(f, PASS_OUT, DROP_NONE), 1);
	eq(filter_count(f, PASS_IN, DROP_MALFORMED), 0);
}

static void
the_header_must_be_whole_and_tell_the_truth(void **state)
{
	(void)state;
	for (size_t n = 0; n < IKE_HDR_LEN; n++) {
		message(n);
		eq(in(), DROP_MALFORMED);
	}
	message(IKE_HDR_LEN);
	octets[17] = 0x10; /* IKEv1 */
	eq(in(), DROP_MALFORMED);
	octets[17] = 0x30;
	eq(in(), DROP_MALFORMED);
	message(100);
	d.data.len = 99;
	eq(in(), DROP_MALFORMED);
	d.data.len = 101;
	eq(in(), DROP_MALFORMED);
	message(100);
	octets[24] = 1; /* 16 MiB, it says */
	eq(in(), DROP_MALFORMED);
	message(IKE_MSG_MAX + 1);
	eq(in(), DROP_OVERSIZE);
	eq(out(), DROP_OVERSIZE);
	message(IKE_HDR_LEN);
	d.peer.port = 0;
	eq(in(), DROP_MALFORMED);
	eq(filter_count(f, PASS_IN, DROP_MALFORMED), IKE_HDR_LEN + 6);
	eq(filter_count(f, PASS_IN, DROP_OVERSIZE), 1);
	eq(filter_count(f, PASS_IN, DROP_NONE), 0);
}

static void
only_addresses_of_the_rules_pass(void **state)
{
	(void)state;
	d.local.addr = addr("192.0.2.2");
	eq(in(), DROP_LOCAL);
	eq(out(), DROP_LOCAL);
	d.local.addr = addr("224.0.0.1");
	eq(in(), DROP_LOCAL);
	d.local.addr = addr("192.0.2.1");
	d.peer.addr = addr("198.51.101.7");
	eq(in(), DROP_NO_RULE);
	eq(out(), DROP_NO_RULE);
	d.peer.addr = addr("2001:db8:1::7");
	eq(in(), DROP_MALFORMED); /* families do not fit */
	d.local.addr.len = 0;
	eq(in(), DROP_MALFORMED);
	/* Not even with "anyone" does key exchange go to a group. */
	eq(teardown(NULL), 0);
	eq(setup(NULL), 0);
	rules.peer[0] = (struct rules_peer){ .rate = 5 };
	d.peer.addr = addr("239.1.1.1");
	eq(out(), DROP_NO_RULE);
	d.peer.addr = addr("203.0.113.1");
	eq(out(), DROP_NONE);
	eq(in(), DROP_NONE);
}

static void
nothing_passes_before_the_rules(void **state)
{
	(void)state;
	eq(filter_pass(f, PASS_IN, NULL, &d, 0), DROP_NO_RULES);
	eq(filter_pass(f, PASS_OUT, NULL, &d, 0), DROP_NO_RULES);
	eq(filter_count(f, PASS_IN, DROP_NO_RULES), 1);
}

static void
under_emission_control_only_input_passes(void **state)
{
	(void)state;
	rules.transmit = false;
	eq(out(), DROP_EMCON);
	eq(in(), DROP_NONE);
	eq(filter_count(f, PASS_OUT, DROP_EMCON), 1);
}

static void
what_is_lost_later_did_not_pass(void **state)
{
	(void)state;
	eq(in(), DROP_NONE);
	filter_lost(f, PASS_IN, DROP_BACKLOG);
	eq(filter_count(f, PASS_IN, DROP_NONE), 0);
	eq(filter_count(f, PASS_IN, DROP_BACKLOG), 1);
	for (enum drop c = DROP_NONE; c < DROP_CAUSES; c++) {
		assert_non_null(drop_name(c));
		assert_true(strlen(drop_name(c)) < 32);
	}
}

/* Rate 5/s: a burst of 10, then one every 200 ms. */
static void
a_source_is_held_to_its_rate(void **state)
{
	unsigned int n = 0;

	(void)state;
	while (filter_pass(f, PASS_IN, &rules, &d, 5000) == DROP_NONE)
		n++;
	eq(n, 10);
	eq(filter_pass(f, PASS_IN, &rules, &d, 5199), DROP_RATE);
	eq(filter_pass(f, PASS_IN, &rules, &d, 5200), DROP_NONE);
	eq(filter_pass(f, PASS_IN, &rules, &d, 5200), DROP_RATE);
	/* Somebody else has a bucket of his own; and sending has none. */
	d.peer.addr = addr("198.51.100.8");
	eq(filter_pass(f, PASS_IN, &rules, &d, 5200), DROP_NONE);
	d.peer.addr = addr("198.51.100.7");
	for (n = 0; n < 100; n++)
		eq(filter_pass(f, PASS_OUT, &rules, &d, 5200), DROP_NONE);
	/* Idle for long: the burst again, and not more. */
	n = 0;
	while (filter_pass(f, PASS_IN, &rules, &d, 900000) == DROP_NONE)
		n++;
	eq(n, 10);
	eq(filter_count(f, PASS_IN, DROP_RATE), 4);
}

static struct addr
nth(uint32_t n)
{
	struct addr a = { .len = 4,
		.b = {
		    10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };

	return a;
}

static void
a_flood_of_sources_shuts_nobody_out(void **state)
{
	struct rate *rt = rate_new(key, RATE_ROWS);
	struct addr friend = addr("192.0.2.99"), bad = addr("192.0.2.66");

	(void)state;
	/* 100,000 sources in no time; the table is what it is. */
	for (uint32_t n = 0; n < 100000; n++) {
		struct addr a = nth(n);

		assert_true(rate_allows(rt, &a, 5, 1000));
	}
	for (unsigned int i = 0; i < 10; i++)
		assert_true(rate_allows(rt, &friend, 5, 1000));
	assert_false(rate_allows(rt, &friend, 5, 1000));
	/* One that floods alone stays limited, with the table full. */
	for (uint64_t ms = 2000, n = 0; ms < 12000; ms++) {
		if (rate_allows(rt, &bad, 5, ms))
			n++;
		if (ms == 11999)
			assert_in_range(n, 59, 60);
	}
	rate_free(&rt);
	assert_null(rt);
}

/*
 * 20,000 forged sources a second, once each, for 20 seconds: somebody who
 * sends too much, but seldom, is still known each time.
 */
static void
a_flood_of_sources_washes_no_record_away(void **state)
{
	struct rate *rt = rate_new(key, RATE_ROWS);
	struct addr bad = addr("192.0.2.66"), good = addr("2001:db8::1");
	unsigned int n_bad = 0, n_good = 0;

	(void)state;
	for (uint32_t n = 0; n < 400000; n++) {
		struct addr a = nth(n);
		uint64_t ms = 1000 + n / 20;

		assert_true(rate_allows(rt, &a, 5, ms));
		if (n % 200 == 0) /* 100/s */
			n_bad += rate_allows(rt, &bad, 5, ms);
		if (n % 20000 == 0) /* 1/s */
			n_good += rate_allows(rt, &good, 5, ms);
	}
	assert_in_range(n_bad, 100, 111);
	assert_int_equal(n_good, 20);
	rate_free(&rt);
}

/* Of sources that use their budget, the one that uses most is kept longest. */
static void
who_uses_least_gives_way_first(void **state)
{
	struct rate *rt = rate_new(key, RATE_ROWS);
	struct addr bad = addr("192.0.2.66");

	(void)state;
	while (rate_allows(rt, &bad, 5, 1))
		;
	/* The whole table, several times, each with half a budget used. */
	for (uint32_t n = 0; n < 4 * RATE_ROWS * RATE_PLACES; n++) {
		struct addr a = nth(n);

		for (int i = 0; i < 5; i++)
			assert_true(rate_allows(rt, &a, 5, 1));
	}
	assert_false(rate_allows(rt, &bad, 5, 1));
	rate_free(&rt);
}

/* Vector 16 of the authors of SipHash: key and octets 0, 1, 2... */
static void
siphash_is_siphash(void **state)
{
	uint8_t other[16], octets16[16];

	(void)state;
	memcpy(octets16, key, 16);
	assert_true(siphash16(key, octets16) == 0x3f2acc7f57c29bdb);
	memcpy(other, key, 16);
	other[15] ^= 1;
	assert_false(siphash16(other, octets16) == siphash16(key, octets16));
}

static void
only_what_begins_an_exchange_is_new(void **state)
{
	(void)state;
	octets[19] = IKE_F_INITIATOR;
	assert_true(dgram_is_new(&d));
	octets[19] = IKE_F_RESPONSE;
	assert_false(dgram_is_new(&d));
	octets[19] = IKE_F_INITIATOR;
	octets[18] = GSA_AUTH;
	assert_false(dgram_is_new(&d));
	octets[18] = IKE_SA_INIT;
	d.data.len--;
	assert_false(dgram_is_new(&d));
}

static void
extreme_numbers_do_not_break_a_bucket(void **state)
{
	struct rate *rt = rate_new(key, RATE_ROWS);
	struct addr a = addr("192.0.2.1"), b = addr("192.0.2.2");
	struct addr c = addr("192.0.2.3");

	(void)state;
	assert_true(rate_allows(rt, &a, UINT32_MAX, 0));
	assert_true(rate_allows(rt, &a, UINT32_MAX, UINT64_MAX));
	assert_true(rate_allows(rt, &a, UINT32_MAX, 0)); /* clock went back */
	assert_true(rate_allows(rt, &a, UINT32_MAX, UINT64_MAX / 2));
	/* A rule that became narrower takes the surplus away. */
	for (unsigned int i = 0; i < RATE_BURST_MIN; i++)
		assert_true(rate_allows(rt, &a, 1, UINT64_MAX / 2));
	assert_false(rate_allows(rt, &a, 1, UINT64_MAX / 2));
	/* Idle for so long that time by rate does not fit 64 bits. */
	while (rate_allows(rt, &c, 5, 0))
		;
	for (unsigned int i = 0; i < 10; i++)
		assert_true(rate_allows(rt, &c, 5, UINT64_MAX / 5 + 1));
	/* No limit, and no place in the table for it. */
	for (unsigned int i = 0; i < 1000; i++)
		assert_true(rate_allows(rt, &b, 0, 5));
	rate_free(&rt);
}

int
main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_good_datagram_passes_both_ways),
		T(the_header_must_be_whole_and_tell_the_truth),
		T(only_addresses_of_the_rules_pass),
		T(nothing_passes_before_the_rules),
		T(under_emission_control_only_input_passes),
		T(what_is_lost_later_did_not_pass),
		T(a_source_is_held_to_its_rate),
		cmocka_unit_test(a_flood_of_sources_shuts_nobody_out),
		cmocka_unit_test(a_flood_of_sources_washes_no_record_away),
		cmocka_unit_test(who_uses_least_gives_way_first),
		cmocka_unit_test(siphash_is_siphash),
		T(only_what_begins_an_exchange_is_new),
		cmocka_unit_test(extreme_numbers_do_not_break_a_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
