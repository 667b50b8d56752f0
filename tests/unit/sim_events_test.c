/* SPDX-License-Identifier: ISC */
/* What is to happen, in order: the heap against a sorted list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/core/queue.h"

#define eq assert_int_equal
#define SEEDS 40
#define STEPS 4000

/* The simplest thing that can be right. */
struct list {
	struct qev v[STEPS];
	size_t n;
	uint64_t seq;
};

static void
list_add(struct list *l, t_ns t, uint32_t what, uint32_t host, void *p)
{
	struct qev e = { t, l->seq++, what, host, p };
	size_t i = l->n++;

	for (; i > 0 && l->v[i - 1].t > t; i--)
		l->v[i] = l->v[i - 1];
	l->v[i] = e;
}

static struct qev
list_take(struct list *l)
{
	struct qev e = l->v[0];

	l->n--;
	memmove(l->v, l->v + 1, l->n * sizeof(*l->v));
	return e;
}

static void
add(struct queue *q, t_ns t, uint32_t what, uint32_t host, void *p)
{
	eq(queue_reserve(q), 0);
	queue_add(q, t, what, host, p);
}

static void
same(struct qev a, struct qev b)
{
	eq(a.t, b.t);
	eq(a.seq, b.seq);
	eq(a.what, b.what);
	eq(a.host, b.host);
	assert_ptr_equal(a.p, b.p);
}

static void
nothing_to_happen(void **state)
{
	struct queue q = { 0 };

	(void)state;
	assert_true(queue_next(&q) == T_NEVER);
	queue_fini(&q);
	eq(queue_reserve(&q), 0);
	assert_true(queue_next(&q) == T_NEVER);
	queue_fini(&q);
	assert_null(q.v);
	eq(q.n + q.cap, 0);
}

/* Of the same time: in the order in which they were said. */
static void
first_said_first_done(void **state)
{
	struct queue q = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 5000; i++)
		add(&q, 7, i, 2 * i, NULL);
	for (uint32_t i = 0; i < 5000; i++) {
		struct qev e = queue_take(&q);

		eq(e.t, 7);
		eq(e.what, i);
		eq(e.host, 2 * i);
		eq(e.seq, i);
	}
	assert_true(queue_next(&q) == T_NEVER);
	queue_fini(&q);
}

/* Said again at the time of what is being done: behind all others of it. */
static void
said_again_is_last(void **state)
{
	struct queue q = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		add(&q, 3, i, 0, NULL);
	for (uint32_t i = 0; i < 100; i++) {
		struct qev e = queue_take(&q);

		eq(e.what, i % 10);
		add(&q, 3, e.what, 0, NULL);
	}
	eq(q.n, 10);
	queue_fini(&q);
}

static void
upwards_and_downwards(void **state)
{
	struct queue q = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 3000; i++)
		add(&q, i, 0, 0, NULL);
	for (uint32_t i = 3000; i-- > 0;)
		add(&q, i, 1, 0, NULL);
	for (uint32_t i = 0; i < 3000; i++)
		for (uint32_t k = 0; k < 2; k++) {
			struct qev e;

			eq(queue_next(&q), i);
			e = queue_take(&q);
			eq(e.t, i);
			eq(e.what, k);
		}
	queue_fini(&q);
}

static void
ends_of_time(void **state)
{
	struct queue q = { 0 };

	(void)state;
	add(&q, T_NEVER, 0, 0, NULL);
	add(&q, T_NEVER - 1, 1, 0, NULL);
	add(&q, 0, 2, 0, NULL);
	add(&q, T_NEVER, 3, 0, NULL);
	add(&q, 1ull << 63, 4, 0, NULL);
	eq(queue_take(&q).what, 2);
	eq(queue_take(&q).what, 4);
	eq(queue_take(&q).what, 1);
	eq(queue_take(&q).what, 0);
	eq(queue_take(&q).what, 3);
	queue_fini(&q);
}

/* Times within `spread`: the smaller, the more of them are the same. */
static void
against_the_list(uint64_t seed, uint64_t spread, uint64_t takes)
{
	static struct list l;
	static uint8_t there[STEPS];
	struct queue q = { 0 };
	struct rng r;
	t_ns now = 0;

	l.n = l.seq = 0;
	rng_init(&r, seed, RNG_SITE, 1);
	for (size_t i = 0; i < STEPS; i++) {
		if (l.n > 0 && rng_below(&r, 100) < takes) {
			struct qev e = queue_take(&q);

			same(e, list_take(&l));
			assert_true(e.t >= now);
			now = e.t;
		} else {
			t_ns t = now + rng_below(&r, spread);
			uint32_t what = (uint32_t)rng_below(&r, 11);
			uint32_t host = (uint32_t)rng_u64(&r);

			add(&q, t, what, host, &there[i]);
			list_add(&l, t, what, host, &there[i]);
		}
		eq(q.n, l.n);
		assert_true(queue_next(&q) == (l.n > 0 ? l.v[0].t : T_NEVER));
	}
	while (l.n > 0)
		same(queue_take(&q), list_take(&l));
	eq(q.n, 0);
	queue_fini(&q);
}

static void
many_of_the_same_time(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		against_the_list(seed, 1 + seed % 5, 45);
		against_the_list(seed, 1 + seed % 5, 10);
	}
}

static void
few_of_the_same_time(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		against_the_list(seed, 1000000000ull, 48);
		against_the_list(seed, 300, 30);
	}
}

/* It grows when it must, twice as large, and loses nothing in doing so. */
static void
it_grows(void **state)
{
	struct queue q = { 0 };
	size_t cap = 0, grown = 0;
	struct rng r;
	t_ns last = 0;

	(void)state;
	rng_init(&r, 5, RNG_SITE, 2);
	for (size_t i = 0; i < 50000; i++) {
		eq(queue_reserve(&q), 0);
		assert_true(q.cap > q.n);
		if (q.cap != cap) {
			assert_true(cap == 0 || q.cap == 2 * cap);
			eq(q.n, cap); /* not before it was full */
			cap = q.cap;
			grown++;
		}
		eq(queue_reserve(&q), 0); /* said twice is room for one */
		eq(q.cap, cap);
		queue_add(&q, rng_below(&r, 1000), 0, 0, NULL);
	}
	assert_true(grown > 4);
	for (size_t i = 0; i < 50000; i++) {
		struct qev e = queue_take(&q);

		assert_true(e.t >= last);
		last = e.t;
	}
	eq(q.cap, cap);
	queue_fini(&q);
	assert_null(q.v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_happen),
		cmocka_unit_test(first_said_first_done),
		cmocka_unit_test(said_again_is_last),
		cmocka_unit_test(upwards_and_downwards),
		cmocka_unit_test(ends_of_time),
		cmocka_unit_test(many_of_the_same_time),
		cmocka_unit_test(few_of_the_same_time),
		cmocka_unit_test(it_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
