/* SPDX-License-Identifier: ISC */
/* Threads for a run: everything is done, once, before pool_run() is back. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/core/sim.h"
#include "mikesim/pool.h"

#define eq assert_int_equal
#define ITEMS 1000
#define JOBS 8

struct items {
	atomic_uint done[ITEMS + 1];
	unsigned int plain[ITEMS + 1]; /* seen by the caller without a lock */
};

static void
item(void *arg, size_t i)
{
	struct items *w = arg;

	if (i > ITEMS)
		i = ITEMS; /* there is none: seen as one too many */
	atomic_fetch_add(&w->done[i], 1);
	w->plain[i]++;
}

/* How often each of the first n, and that no other was. */
static void
each_done(struct items *w, size_t n, unsigned int times)
{
	for (size_t i = 0; i <= ITEMS; i++) {
		unsigned int want = i < n ? times : 0;

		if (atomic_load(&w->done[i]) != want || w->plain[i] != want)
			fail_msg("%zu of %zu: %u times, not %u", i, n,
			    atomic_load(&w->done[i]), want);
	}
}

static void
every_size_with_any_number(void **state)
{
	static struct items w;

	(void)state;
	for (unsigned int jobs = 1; jobs <= JOBS; jobs++) {
		struct pool *p = pool_new(jobs);

		assert_non_null(p);
		for (size_t n = 0; n <= ITEMS; n += n < 40 ? 1 : 24) {
			memset(&w, 0, sizeof(w));
			pool_run(p, n, item, &w);
			each_done(&w, n, 1);
		}
		pool_free(&p);
		assert_null(p);
	}
}

/* Windows of a run follow each other without a pause. */
static void
many_rounds(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 7, 8, 9, 25 };
	static struct items w;

	(void)state;
	for (unsigned int jobs = 1; jobs <= 4; jobs++) {
		struct pool *p = pool_new(jobs);

		assert_non_null(p);
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			memset(&w, 0, sizeof(w));
			for (unsigned int i = 0; i < 200; i++)
				pool_run(p, sizes[k], item, &w);
			each_done(&w, sizes[k], 200);
		}
		pool_free(&p);
	}
}

/* What a round reads is what the round before wrote, whoever did. */
static void
sum_up(void *arg, size_t i)
{
	uint64_t(*v)[ITEMS] = arg;

	v[1][i] = v[0][i] + v[0][(i + 1) % ITEMS];
}

static void
copy_back(void *arg, size_t i)
{
	uint64_t(*v)[ITEMS] = arg;

	v[0][i] = v[1][i];
}

static void
rounds_see_each_other(void **state)
{
	static uint64_t v[2][ITEMS], want[2][ITEMS];
	struct pool *p = pool_new(3);

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < ITEMS; i++)
		v[0][i] = want[0][i] = i * i;
	for (unsigned int round = 0; round < 60; round++) {
		pool_run(p, ITEMS, sum_up, v);
		pool_run(p, ITEMS, copy_back, v);
		for (size_t i = 0; i < ITEMS; i++)
			sum_up(want, i);
		memcpy(want[0], want[1], sizeof(want[0]));
	}
	assert_memory_equal(v[0], want[0], sizeof(v[0]));
	pool_free(&p);
}

/* -- its threads ---------------------------------------------------------- */

static unsigned int
threads_now(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned int n = 0;
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* A thread that was waited for may be listed for a moment longer. */
static bool
are_left(unsigned int n)
{
	for (unsigned int i = 0; i < 100000; i++)
		if (threads_now() == n)
			return true;
	return false;
}

static void
its_threads_end(void **state)
{
	unsigned int before = threads_now();
	static struct items w;

	(void)state;
	for (unsigned int jobs = 1; jobs <= JOBS; jobs++) {
		struct pool *p = pool_new(jobs);

		eq(threads_now(), before + jobs - 1);
		pool_run(p, 10, item, &w);
		pool_free(&p);
		assert_true(are_left(before));
	}
	pool_free(&(struct pool *){ NULL });
}

/* It never worked: its threads may not even have begun. */
static void
ended_at_once(void **state)
{
	unsigned int before = threads_now();

	(void)state;
	for (unsigned int i = 0; i < 30; i++) {
		struct pool *p = pool_new(1 + i % JOBS);

		assert_non_null(p);
		pool_free(&p);
	}
	assert_true(are_left(before));
}

/* All at work at the same time, or this waits until the test is ended. */
struct meeting {
	pthread_barrier_t all;
	pthread_t who[JOBS];
};

static void
meet(void *arg, size_t i)
{
	struct meeting *m = arg;

	m->who[i] = pthread_self();
	pthread_barrier_wait(&m->all);
}

static void
as_many_as_were_asked_for(void **state)
{
	(void)state;
	for (unsigned int jobs = 1; jobs <= JOBS; jobs++) {
		struct pool *p = pool_new(jobs);
		unsigned int mine = 0;
		struct meeting m;

		assert_non_null(p);
		eq(pthread_barrier_init(&m.all, NULL, jobs), 0);
		pool_run(p, jobs, meet, &m);
		for (unsigned int i = 0; i < jobs; i++) {
			mine += pthread_equal(m.who[i], pthread_self()) != 0;
			for (unsigned int k = 0; k < i; k++)
				eq(pthread_equal(m.who[i], m.who[k]), 0);
		}
		eq(mine, 1);
		pthread_barrier_destroy(&m.all);
		pool_free(&p);
	}
}

static void
not_none_and_not_any_number(void **state)
{
	(void)state;
	assert_null(pool_new(0));
	assert_null(pool_new(257));
	assert_null(pool_new(UINT32_MAX));
}

static int
prepare(void **state)
{
	(void)state;
	return sim_init();
}

static int
finish(void **state)
{
	(void)state;
	sim_thread_fini();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_with_any_number),
		cmocka_unit_test(many_rounds),
		cmocka_unit_test(rounds_see_each_other),
		cmocka_unit_test(its_threads_end),
		cmocka_unit_test(ended_at_once),
		cmocka_unit_test(as_many_as_were_asked_for),
		cmocka_unit_test(not_none_and_not_any_number),
	};

	return cmocka_run_group_tests(tests, prepare, finish);
}
