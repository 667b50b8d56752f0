/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/timer.h"

#define N 1000

static uint64_t seed = 88172645463325252u;

static uint64_t
chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void
earliest_first(void **state)
{
	static struct timer tm[N];
	struct timers t = { 0 };
	uint64_t last = 0;

	(void)state;
	assert_null(timer_first(&t));
	assert_int_equal(timers_reserve(&t, N), 0);
	for (size_t i = 0; i < N; i++)
		timer_set(&t, &tm[i], chance() % 500);
	for (size_t i = 0; i < N; i++) {
		struct timer *f = timer_first(&t);

		assert_non_null(f);
		assert_true(f->due_ms >= last);
		last = f->due_ms;
		timer_stop(&t, f);
		assert_int_equal(f->pos, 0);
	}
	assert_null(timer_first(&t));
	timers_fini(&t);
}

static void
set_move_and_stop_at_random(void **state)
{
	static struct timer tm[N];
	struct timers t = { 0 };

	(void)state;
	assert_int_equal(timers_reserve(&t, N), 0);
	for (int round = 0; round < 20000; round++) {
		struct timer *x = &tm[chance() % N];

		if (chance() % 3 == 0)
			timer_stop(&t, x);
		else
			timer_set(&t, x, chance() % 100000);
		if (round % 50 != 0)
			continue;
		/* Every timer is where it says, and after its parent. */
		for (size_t i = 0; i < t.n; i++) {
			assert_int_equal(t.v[i]->pos, i + 1);
			assert_true(i == 0 || t.v[(i + 1) / 2 - 1]->due_ms <=
						  t.v[i]->due_ms);
		}
	}
	timers_fini(&t);
}

static void
never_is_not_set(void **state)
{
	struct timers t = { 0 };
	struct timer a = { 0 };

	(void)state;
	assert_int_equal(timers_reserve(&t, 1), 0);
	timer_set(&t, &a, 5);
	timer_set(&t, &a, TIMER_NEVER);
	assert_null(timer_first(&t));
	timer_stop(&t, &a);
	timers_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(earliest_first),
		cmocka_unit_test(set_move_and_stop_at_random),
		cmocka_unit_test(never_is_not_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
