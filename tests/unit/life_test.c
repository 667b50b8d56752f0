/* SPDX-License-Identifier: ISC */
/* When in a key's life things happen, for every life that policy allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/life.h"

#define eq assert_int_equal
#define LIFE_MAX_S 86400

struct life {
	uint64_t end, prepare, lo, hi, change;
};

static struct life
life_of(uint32_t s)
{
	struct life l = { .end = (uint64_t)s * 1000 };

	l.prepare = life_prepare_ms(s);
	l.change = life_switch_ms(s);
	life_rereg_ms(s, &l.lo, &l.hi);
	return l;
}

#define holds(s, e)                                                            \
	do {                                                                   \
		if (!(e))                                                      \
			fail_msg("a life of %u s: %s", s, #e);                 \
	} while (0)

static void
everything_in_its_order(void **state)
{
	(void)state;
	for (uint32_t s = LIFE_MIN_S; s <= LIFE_MAX_S; s++) {
		struct life l = life_of(s);

		holds(s, 0 < l.prepare);
		holds(s, l.prepare < l.lo);
		holds(s, l.lo <= l.hi);
		holds(s, l.hi <= l.change);
		holds(s, l.change < l.end);
	}
}

/* The kernel may end an SA one second early, and counts whole ones. */
static void
switch_keeps_clear_of_the_end(void **state)
{
	(void)state;
	for (uint32_t s = LIFE_MIN_S; s <= LIFE_MAX_S; s++) {
		struct life l = life_of(s);
		uint64_t guard = (uint64_t)s * 30; /* 3 %, in ms */

		if (guard < LIFE_GUARD_MS)
			guard = LIFE_GUARD_MS;
		holds(s, l.end - l.change == guard);
		holds(s, l.change - l.prepare >= l.end / 5);
	}
}

/* A longer life does nothing earlier than a shorter one. */
static void
moments_grow_with_the_life(void **state)
{
	struct life was = life_of(LIFE_MIN_S);

	(void)state;
	for (uint32_t s = LIFE_MIN_S + 1; s <= LIFE_MAX_S; s++) {
		struct life l = life_of(s);

		holds(s, l.prepare >= was.prepare);
		holds(s, l.change >= was.change);
		holds(s, l.lo >= was.lo);
		holds(s, l.hi >= was.hi);
		was = l;
	}
}

/* Where 2 % of a life are enough for all repeats; figures of protocol.md 4. */
static void
long_lives_go_by_percent(void **state)
{
	(void)state;
	for (uint32_t s = 3600; s <= LIFE_MAX_S; s += 100) {
		struct life l = life_of(s);

		eq(l.prepare, l.end * 75 / 100);
		eq(l.lo, l.end * 80 / 100);
		eq(l.hi, l.end * 95 / 100);
		eq(l.change, l.end * 97 / 100);
	}
}

/* 45 s of 2 % are 2250 s: from there on the span is the whole one. */
static void
percents_begin_where_a_retry_fits(void **state)
{
	struct life l = life_of(2300);

	(void)state;
	eq(l.hi, l.end * 95 / 100);
	l = life_of(2200);
	assert_true(l.hi < l.end * 95 / 100);
	eq(l.hi, l.change - LIFE_RETRY_MS);
}

/* With minutes to live the last who asks still has time for its repeats. */
static void
minutes_leave_time_to_retry(void **state)
{
	(void)state;
	for (uint32_t s = 420; s <= LIFE_MAX_S; s++) {
		struct life l = life_of(s);

		holds(s, l.change - l.hi >= LIFE_RETRY_MS);
	}
}

/*
 * The members' registrations are spread: over no less than a fifth of the time
 * from prepare to switch, however short that is.
 */
static void
never_all_at_once(void **state)
{
	(void)state;
	for (uint32_t s = LIFE_MIN_S; s <= LIFE_MAX_S; s++) {
		struct life l = life_of(s);

		holds(s, (l.hi - l.lo) * 9 / 2 + 9 >= l.change - l.prepare);
		holds(s, l.hi - l.lo >= l.end * 4 / 100);
	}
}

/* What comes too late for all repeats has at least as much time as it can. */
static void
short_lives_share_what_there_is(void **state)
{
	(void)state;
	for (uint32_t s = LIFE_MIN_S; s < 400; s++) {
		struct life l = life_of(s);
		uint64_t span = l.change - l.prepare;

		if (l.change - l.hi < LIFE_RETRY_MS)
			holds(s, l.hi == l.prepare + span * 10 / 22);
	}
}

/* Figures by hand: ten seconds, five minutes, eight hours, the largest. */
static void
known_lives(void **state)
{
	struct life l = life_of(LIFE_MIN_S);

	(void)state;
	eq(l.change, 7500);
	eq(l.prepare, 5500);
	eq(l.lo, 5500 + 454);
	eq(l.hi, 5500 + 909);
	l = life_of(300);
	eq(l.change, 291000);
	eq(l.prepare, 225000);
	eq(l.lo, 240000);
	eq(l.hi, 255000);
	l = life_of(28800);
	eq(l.prepare, 21600000);
	eq(l.lo, 23040000);
	eq(l.hi, 27360000);
	eq(l.change, 27936000);
	l = life_of(UINT32_MAX);
	eq(l.end, 4294967295000u);
	assert_true(l.prepare < l.lo && l.lo < l.hi && l.hi < l.change);
	assert_true(l.change < l.end);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_in_its_order),
		cmocka_unit_test(switch_keeps_clear_of_the_end),
		cmocka_unit_test(moments_grow_with_the_life),
		cmocka_unit_test(long_lives_go_by_percent),
		cmocka_unit_test(percents_begin_where_a_retry_fits),
		cmocka_unit_test(minutes_leave_time_to_retry),
		cmocka_unit_test(never_all_at_once),
		cmocka_unit_test(short_lives_share_what_there_is),
		cmocka_unit_test(known_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
