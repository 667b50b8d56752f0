/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/core/scene_int.h"
#include "tests/lib/scn.h"

/* Faults drawn with the seed: how many, when, and always the same. */

#define eq assert_int_equal

#define RUN                                                                    \
	"scenario { seed = %d duration = 30m quiet = 2m }\n"                   \
	"link core { }\n"                                                      \
	"senders hq { count = 3 link = core }\n"                               \
	"receivers scout { count = 20 link = core }\n"                         \
	"chaos { %s from = 1m until = 20m longest = 3m }\n"
#define FROM (60 * NS_PER_S)
#define UNTIL (1200 * NS_PER_S)
#define LONGEST (180 * NS_PER_S)

static struct scene *
drawn(int seed, const char *kinds)
{
	char text[1024];
	struct scene *s;

	snprintf(text, sizeof(text), RUN, seed, kinds);
	s = scn_from(text);
	eq(scene_draw_chaos(s), 0);
	return s;
}

static size_t
count(const struct scene *s, enum verb v)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_ev; i++)
		n += s->ev[i].verb == v;
	return n;
}

static void
as_many_as_asked_for(void **state)
{
	(void)state;
	for (int seed = 0; seed < 50; seed++) {
		struct scene *s = drawn(seed, "crashes = 5 emcons = 4 "
					      "partitions = 2 outages = 3 "
					      "leaves = 6");

		eq(count(s, V_CRASH), 5);
		eq(count(s, V_EMCON), 4);
		eq(count(s, V_PARTITION), 2);
		eq(count(s, V_LINK_DOWN), 3);
		eq(count(s, V_LEAVE), 6);
		assert_in_range(count(s, V_JOIN), 0, 6);
		eq(s->n_ev, 20 + count(s, V_JOIN));
		eq(s->chaos.crashes + s->chaos.leaves + s->chaos.until, 0);
		scene_free(&s);
	}
}

static void
is_in_bounds(const struct scene_event *e)
{
	assert_true(e->at >= FROM);
	assert_true(e->at + e->span <= UNTIL);
	assert_true(e->span <= LONGEST);
	if (e->verb == V_EMCON || e->verb == V_PARTITION ||
	    e->verb == V_LINK_DOWN || (e->verb == V_CRASH && e->arg == SD_HOST))
		assert_true(e->span >= LONGEST / 10 - NS_PER_MS);
	else
		eq(e->span, 0);
}

static void
faults_stay_in_their_time(void **state)
{
	(void)state;
	for (int seed = 0; seed < 50; seed++) {
		struct scene *s = drawn(seed, "crashes = 30 emcons = 20 "
					      "partitions = 3 outages = 20 "
					      "leaves = 20");

		for (size_t i = 0; i < s->n_ev; i++) {
			is_in_bounds(&s->ev[i]);
			assert_true(i == 0 || s->ev[i - 1].at <= s->ev[i].at);
			assert_int_not_equal(scene_hits(s, s->ev[i].hosts), 0);
		}
		scene_free(&s);
	}
}

static bool
overlap(const struct scene_event *a, const struct scene_event *b)
{
	return a->verb == b->verb && a->at <= b->at + b->span &&
	       b->at <= a->at + a->span &&
	       (a->verb == V_PARTITION || strcmp(a->hosts, b->hosts) == 0);
}

static void
windows_of_a_kind_do_not_overlap(void **state)
{
	(void)state;
	for (int seed = 0; seed < 20; seed++) {
		struct scene *s = drawn(seed, "emcons = 100 partitions = 20 "
					      "outages = 100 crashes = 100");

		for (size_t i = 0; i < s->n_ev; i++)
			for (size_t k = 0; k < i; k++)
				if (overlap(&s->ev[i], &s->ev[k]))
					fail_msg(
					    "seed %d: %zu, %zu", seed, i, k);
		scene_free(&s);
	}
}

/* Only receivers leave, and who comes back left before. */
static void
leavers_are_receivers(void **state)
{
	struct scene *s = drawn(1, "leaves = 40");
	size_t back = 0;

	(void)state;
	for (size_t i = 0; i < s->n_ev; i++) {
		const struct scene_event *e = &s->ev[i];
		bool left = e->verb == V_LEAVE;

		eq(scene_hits(s, e->hosts), HIT_RECEIVER);
		for (size_t k = 0; k < i; k++)
			left =
			    left || (s->ev[k].verb == V_LEAVE &&
					strcmp(s->ev[k].hosts, e->hosts) == 0);
		assert_true(left);
		back += e->verb == V_JOIN;
	}
	assert_in_range(back, 5, 35);
	scene_free(&s);
}

static void
every_daemon_and_host_crashes(void **state)
{
	struct scene *s = drawn(1, "crashes = 200");
	size_t of[SIM_DAEMONS] = { 0 }, senders = 0, after = 0;

	(void)state;
	for (size_t i = 0; i < s->n_ev; i++) {
		const struct scene_event *e = &s->ev[i];

		assert_in_range(e->arg, 0, SIM_DAEMONS - 1);
		of[e->arg]++;
		senders += scene_hits(s, e->hosts) == HIT_SENDER;
		after += e->messages != 0;
		/* It could come when the time is over. */
		assert_true(e->arg != SD_HOST || e->messages == 0);
	}
	for (size_t i = 0; i < SIM_DAEMONS; i++)
		assert_in_range(of[i], 10, 190);
	assert_in_range(senders, 10, 190);
	assert_in_range(after, 10, 190);
	scene_free(&s);
}

static void
a_seed_draws_the_same_and_another_does_not(void **state)
{
	const char *kinds = "crashes = 5 emcons = 3 leaves = 2";
	struct scene *a = drawn(1, kinds), *b = drawn(1, kinds);
	struct scene *c = drawn(2, kinds);
	char *x = scene_text(a), *y = scene_text(c);

	(void)state;
	scn_same(a, b);
	assert_string_not_equal(strstr(x, "timeline"), strstr(y, "timeline"));
	free(x);
	free(y);
	scene_free(&a);
	scene_free(&b);
	scene_free(&c);
}

/* Of one kind more, the others stay where they are. */
static void
kinds_do_not_move_each_other(void **state)
{
	struct scene *a = drawn(1, "crashes = 5 outages = 3");
	struct scene *b = drawn(1, "crashes = 6 emcons = 4 outages = 3");
	size_t found = 0;

	(void)state;
	for (size_t i = 0; i < a->n_ev; i++)
		for (size_t k = 0; k < b->n_ev; k++)
			found += a->ev[i].at == b->ev[k].at &&
				 a->ev[i].verb == b->ev[k].verb &&
				 a->ev[i].arg == b->ev[k].arg &&
				 strcmp(a->ev[i].hosts, b->ev[k].hosts) == 0;
	eq(found, 8);
	scene_free(&a);
	scene_free(&b);
}

/* To run again what was drawn, without the seed that drew it. */
static void
what_was_drawn_can_be_written(void **state)
{
	(void)state;
	for (int seed = 0; seed < 20; seed++) {
		struct scene *s = drawn(seed, "crashes = 9 emcons = 9 "
					      "partitions = 2 leaves = 9");
		char *text = scene_text(s);
		struct scene *t = scn_from(text);

		scn_same(s, t);
		assert_null(strstr(text, "chaos"));
		free(text);
		scene_free(&s);
		scene_free(&t);
	}
}

static void
it_joins_the_timeline(void **state)
{
	struct scene *s =
	    scn_from(SCN_EVENTS("\"3m leave hq-01\"") "chaos { crashes = 7 }");

	(void)state;
	eq(scene_draw_chaos(s), 0);
	eq(s->n_ev, 8);
	eq(count(s, V_LEAVE), 1);
	for (size_t i = 1; i < s->n_ev; i++)
		assert_true(s->ev[i - 1].at <= s->ev[i].at);
	scene_free(&s);
	s = scn_from(SCN_EVENTS("\"3m leave hq-01\""));
	eq(scene_draw_chaos(s), 0);
	eq(s->n_ev, 1);
	scene_free(&s);
}

int
main(void)
{
#define T cmocka_unit_test
	const struct CMUnitTest tests[] = {
		T(as_many_as_asked_for),
		T(faults_stay_in_their_time),
		T(windows_of_a_kind_do_not_overlap),
		T(leavers_are_receivers),
		T(every_daemon_and_host_crashes),
		T(a_seed_draws_the_same_and_another_does_not),
		T(kinds_do_not_move_each_other),
		T(what_was_drawn_can_be_written),
		T(it_joins_the_timeline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
