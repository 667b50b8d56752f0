/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/core/scene_int.h"
#include "tests/lib/scn.h"

/* Hosts by number, by name and by pattern. */

#define eq assert_int_equal
#define streq assert_string_equal

static struct scene *s;
static char name[SCENE_HOST_NAME];

static int
setup(void **state)
{
	(void)state;
	s = scn_from(SCN_RUN "link core { }\n"
			     "senders hq { count = 3 link = core }\n"
			     "receivers scout { count = 4 link = core }\n"
			     "receivers spy { count = 2 link = core }\n");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scene_free(&s);
	return 0;
}

static void
numbers_become_names(void **state)
{
	(void)state;
	eq(scene_hosts(s), 3 + 3 * 6);
	streq(scene_host_name(s, 0, name), "hq-01");
	streq(scene_host_name(s, 2, name), "hq-03");
	streq(scene_host_name(s, 3, name), "scout-01-00001");
	streq(scene_host_name(s, 6, name), "scout-01-00004");
	streq(scene_host_name(s, 7, name), "spy-01-00001");
	streq(scene_host_name(s, 9, name), "scout-02-00001");
	streq(scene_host_name(s, 20, name), "spy-03-00002");
}

static void
each_host_has_a_site_and_a_section(void **state)
{
	uint32_t nth = 99;

	(void)state;
	eq(scene_site(s, 2), 2);
	assert_null(scene_recv_of(s, 2, &nth));
	eq(scene_site(s, 3), 0);
	eq(scene_site(s, 8), 0);
	eq(scene_site(s, 9), 1);
	eq(scene_site(s, 20), 2);
	assert_ptr_equal(scene_recv_of(s, 6, &nth), &s->recv[0]);
	eq(nth, 3);
	assert_ptr_equal(scene_recv_of(s, 20, &nth), &s->recv[1]);
	eq(nth, 1);
}

static void
numbers_grow_beyond_their_width(void **state)
{
	(void)state;
	s->senders = 120;
	s->recv[0].count = 64990;
	eq(scene_hosts(s), 120 + 120 * 64992);
	streq(scene_host_name(s, 99, name), "hq-100");
	streq(scene_host_name(s, scene_hosts(s) - 3, name), "scout-120-64990");
}

static size_t
matched(const char *pattern)
{
	size_t n = 0;

	for (uint32_t h = 0; h < scene_hosts(s); h++)
		n += scene_matches(s, pattern, h);
	return n;
}

static void
patterns(void **state)
{
	static const struct {
		const char *pattern;
		size_t n;
		unsigned int hits;
	} t[] = {
		{ "all", 21, HIT_SENDER | HIT_RECEIVER },
		{ "senders", 3, HIT_SENDER },
		{ "receivers", 18, HIT_RECEIVER },
		{ "hq", 3, HIT_SENDER },
		{ "scout", 12, HIT_RECEIVER },
		{ "spy", 6, HIT_RECEIVER },
		{ "hq-02", 1, HIT_SENDER },
		{ "scout-02-00003", 1, HIT_RECEIVER },
		{ "scout-02-*", 4, HIT_RECEIVER },
		{ "scout-*-00001", 3, HIT_RECEIVER },
		{ "*-02-*", 6, HIT_RECEIVER },
		{ "*-02*", 7, HIT_SENDER | HIT_RECEIVER },
		{ "s*", 18, HIT_RECEIVER },
		{ "*", 21, HIT_SENDER | HIT_RECEIVER },
		{ "**", 21, HIT_SENDER | HIT_RECEIVER },
		{ "s*-*1-*2", 2, HIT_RECEIVER },
		{ "*00002*", 6, HIT_RECEIVER },
		{ "*q*", 3, HIT_SENDER },
		{ "hq-04", 0, 0 },
		{ "hq-00", 0, 0 },
		{ "hq-1", 0, 0 },
		{ "hq-001", 0, 0 },
		{ "hq-", 0, 0 },
		{ "scout-02-00005", 0, 0 },
		{ "scout-02-00000", 0, 0 },
		{ "scout-04-00001", 0, 0 },
		{ "scout-02", 0, 0 },
		{ "sco", 0, 0 },
		{ "HQ", 0, 0 },
		{ "*x", 0, 0 },
		{ "hq*-*-*", 0, 0 },
		{ "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(t); i++) {
		if (matched(t[i].pattern) != t[i].n)
			fail_msg("\"%s\" matches %zu", t[i].pattern,
			    matched(t[i].pattern));
		if (scene_hits(s, t[i].pattern) != t[i].hits)
			fail_msg("\"%s\" hits %u", t[i].pattern,
			    scene_hits(s, t[i].pattern));
	}
}

/* A pattern from pieces of names, so that many of them match something. */
static void
random_pattern(struct rng *r, char *out, size_t size)
{
	static const char *const pieces[] = { "hq", "scout", "spy", "-", "-0",
		"1", "00", "9", "*", "*", "-1", "s", "10", "0" };
	size_t n = 1 + rng_below(r, 6);

	*out = '\0';
	for (size_t i = 0; i < n; i++)
		strncat(out, pieces[rng_below(r, NITEMS(pieces))],
		    size - strlen(out) - 1);
}

static unsigned int
hits_one_by_one(const char *pattern)
{
	unsigned int hits = 0;

	for (uint32_t h = 0; h < scene_hosts(s); h++)
		if (scene_matches(s, pattern, h))
			hits |= h < s->senders ? HIT_SENDER : HIT_RECEIVER;
	return hits;
}

/* The sets must find what asking every host finds. */
static void
sets_agree_with_the_names(void **state)
{
	static const uint32_t senders[] = { 1, 9, 10, 12 };
	static const uint32_t counts[] = { 1, 11, 23 };
	char pattern[64];
	size_t hit = 0;
	struct rng r;

	(void)state;
	rng_init(&r, 7, RNG_HOST, 0);
	for (int i = 0; i < 6000; i++) {
		s->senders = senders[rng_below(&r, NITEMS(senders))];
		s->recv[0].count = counts[rng_below(&r, NITEMS(counts))];
		random_pattern(&r, pattern, sizeof(pattern));
		if (scene_hits(s, pattern) != hits_one_by_one(pattern))
			fail_msg("\"%s\" with %u x %u: %u", pattern, s->senders,
			    s->recv[0].count, scene_hits(s, pattern));
		hit += scene_hits(s, pattern) != 0;
	}
	assert_in_range(hit, 500, 5500);
}

/* Where the numbers become longer than their width. */
static void
sets_know_the_long_numbers(void **state)
{
	(void)state;
	s->senders = 120;
	s->recv[0].count = 64990;
	eq(scene_hits(s, "hq-120"), HIT_SENDER);
	eq(scene_hits(s, "hq-121"), 0);
	eq(scene_hits(s, "hq-099"), 0);
	eq(scene_hits(s, "hq-99"), HIT_SENDER);
	eq(scene_hits(s, "scout-120-64990"), HIT_RECEIVER);
	eq(scene_hits(s, "scout-120-64991"), 0);
	eq(scene_hits(s, "scout-*-64*"), HIT_RECEIVER);
	eq(scene_hits(s, "scout-*-65*"), 0);
	eq(scene_hits(s, "spy-*9-*2"), HIT_RECEIVER);
	eq(scene_hits(s, "spy-*9-*3"), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(numbers_become_names),
		T(each_host_has_a_site_and_a_section),
		T(numbers_grow_beyond_their_width),
		T(patterns),
		T(sets_agree_with_the_names),
		T(sets_know_the_long_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
