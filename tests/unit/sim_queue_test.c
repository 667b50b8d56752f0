/* SPDX-License-Identifier: ISC */
/*
 * The queue of a medium's channel: what may wait, octet by octet, and how long,
 * against queueing theory.
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

/* 100 octets on the air and 200 in the queue is what fits. */
static void
queue_has_a_limit(void **state)
{
	struct link_class c = { .bit_s = 8000, .queue = 300 };
	struct medium *m = make(&c, 1, 0);
	struct ride r;

	(void)state;
	for (t_ns i = 0; i < 3; i++)
		assert_times(
		    sent(m, 0, 100, 0), 100 * i * MS, 100 * (i + 1) * MS);
	assert_int_equal(medium_send(m, 0, 1, 0, &r), FATE_QUEUE);
	/* A millisecond later there is room for an octet. */
	assert_int_equal(medium_send(m, 0, 2, 1 * MS, &r), FATE_QUEUE);
	assert_times(sent(m, 0, 1, 1 * MS), 300 * MS, 301 * MS);
	assert_int_equal(medium_send(m, 0, 1, 1 * MS, &r), FATE_QUEUE);
	/* The way up has a queue of its own. */
	assert_times(sent(m, 1, 100, 1 * MS), 1 * MS, 101 * MS);
	assert_int_equal(medium_stat(m)->fates[FATE_QUEUE], 3);
	assert_int_equal(medium_stat(m)->datagrams, 5);
	assert_int_equal(medium_stat(m)->octets, 401);
	medium_free(&m);
}

static void
queue_counts_overhead_and_headers(void **state)
{
	struct link_class c = {
		.bit_s = 8000, .queue = 300, .overhead = 10, .mtu = 28
	};
	struct medium *m = make(&c, 1, 0);
	struct ride r;

	(void)state;
	assert_times(sent(m, 0, 28, 0), 0, 38 * MS); /* 262 are left */
	/* 20 + 48 octets go as 6 frames of 38; 20 + 56 would be 7. */
	assert_int_equal(medium_send(m, 0, 76, 0, &r), FATE_QUEUE);
	r = sent(m, 0, 68, 0);
	assert_int_equal(r.frames, 6);
	assert_times(r, 38 * MS, 266 * MS);
	medium_free(&m);
}

static void
queues_of_nothing_and_without_end(void **state)
{
	struct link_class c = { .bit_s = 8000 };
	struct medium *m = make(&c, 1, 0);
	struct ride r;

	(void)state;
	/* No queue: what finds the channel idle goes, nothing waits. */
	assert_times(sent(m, 0, 1500, 0), 0, 1500 * MS);
	assert_int_equal(medium_send(m, 0, 1, 1499 * MS, &r), FATE_QUEUE);
	assert_times(sent(m, 0, 1500, 1500 * MS), 1500 * MS, 3000 * MS);
	medium_free(&m);
	/* The longest queue of the slowest channel: years, no overflow. */
	c.bit_s = 1;
	c.queue = UINT32_MAX;
	m = make(&c, 1, 0);
	for (t_ns i = 0; i < 40000; i++) {
		r = sent(m, 0, 65535, 0);
		assert_true(r.end > r.begin || r.end == T_NEVER);
		assert_true(r.begin >= r.end - 524280 * NS_PER_S);
	}
	assert_int_equal(r.end, T_NEVER);
	medium_free(&m);
	/* Without bandwidth nothing waits, whatever the queue. */
	c.bit_s = c.queue = 0;
	m = make(&c, 1, 0);
	for (t_ns i = 0; i < 1000; i++)
		assert_times(sent(m, 0, 65535, 9), 9, 9);
	medium_free(&m);
}

/* A time with mean `mean`, exponentially distributed. */
static double
exponential(struct rng *r, double mean)
{
	return -log(((double)(rng_u64(r) >> 11) + 1.0) * 0x1p-53) * mean;
}

/* Mean wait with Poisson arrivals, in units of the service time. */
static double
md1_wait(double rho, unsigned int datagrams)
{
	struct link_class c = { .bit_s = 8000000, .queue = UINT32_MAX };
	struct medium *m = make(&c, 1, 0);
	double now = 0, wait = 0, service = (double)MS;
	struct rng rng;

	rng_init(&rng, 1889, RNG_HOST, 0);
	for (unsigned int i = 0; i < datagrams; i++) {
		struct ride r;

		now += exponential(&rng, service / rho);
		r = sent(m, 0, 1000, (t_ns)now);
		assert_int_equal(r.end - r.begin, MS);
		wait += (double)(r.begin - (t_ns)now);
	}
	/* Some would wait for tens of services: so the limit is no part. */
	assert_int_equal(medium_stat(m)->fates[FATE_QUEUE], 0);
	assert_true(fabs((double)medium_stat(m)->airtime / now - rho) < 0.01);
	medium_free(&m);
	return wait / datagrams / service;
}

/* Pollaczek and Khinchine: W = rho S / (2 (1 - rho)). */
static void
poisson_arrivals_wait_as_m_d_1(void **state)
{
	(void)state;
	assert_true(fabs(md1_wait(0.5, 300000) - 0.5) < 0.5 * 0.05);
	assert_true(fabs(md1_wait(0.8, 600000) - 2.0) < 2.0 * 0.05);
}

/* D/D/1: who comes when the one before is done never waits. */
static void
regular_arrivals_do_not_wait(void **state)
{
	struct link_class c = { .bit_s = 8000000 };
	struct medium *m = make(&c, 1, 0);

	(void)state;
	for (t_ns i = 0; i < 10000; i++)
		assert_times(sent(m, 0, 1000, i * MS), i * MS, (i + 1) * MS);
	assert_int_equal(medium_stat(m)->backlog_max, 0);
	assert_int_equal(medium_stat(m)->airtime, 10000 * MS);
	medium_free(&m);
}

/* Overload: 1 / rho gets through, whatever the arrivals. */
static void
overload_loses_what_is_too_much(void **state)
{
	static const double rho[] = { 1.25, 2, 5, 20 };
	enum { DATAGRAMS = 200000 };

	(void)state;
	for (size_t k = 0; k < 2 * NITEMS(rho); k++) {
		struct link_class c = { .bit_s = 8000000, .queue = 64000 };
		struct medium *m = make(&c, 1, 0);
		double load = rho[k / 2], now = 0, lost, mean;
		struct rng rng;
		struct ride r;

		rng_init(&rng, 7, RNG_HOST, k);
		mean = (double)MS / load;
		for (int i = 0; i < DATAGRAMS; i++) {
			now += k % 2 ? exponential(&rng, mean) : mean;
			medium_send(m, 0, 1000, (t_ns)now, &r);
		}
		lost = (double)medium_stat(m)->fates[FATE_QUEUE] / DATAGRAMS;
		assert_true(fabs(lost - (1 - 1 / load)) < 0.01);
		/* The queue is full, and not more than full. */
		assert_true(medium_stat(m)->backlog_max <= 63 * MS);
		assert_true(medium_stat(m)->backlog_max > 62 * MS);
		medium_free(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_has_a_limit),
		cmocka_unit_test(queue_counts_overhead_and_headers),
		cmocka_unit_test(queues_of_nothing_and_without_end),
		cmocka_unit_test(poisson_arrivals_wait_as_m_d_1),
		cmocka_unit_test(regular_arrivals_do_not_wait),
		cmocka_unit_test(overload_loses_what_is_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
