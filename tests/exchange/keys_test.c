/* SPDX-License-Identifier: ISC */
/* Keys over time: change, expiry, clocks that jump, kernels that refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/pair.h"

#define LIFE_MS 3600000ull

static struct world *
two(void)
{
	struct world *w = world_new();

	world_sender(w, 0);
	world_receiver(w, 2);
	world_start(w, 0);
	world_settle(w);
	return w;
}

static struct km_status
status(const struct world *w, unsigned int i)
{
	struct km_status st;

	km_status(w->host[i].km, w->now, &st);
	return st;
}

static struct km_in
expired(const struct world *w, unsigned int i, bool hard)
{
	struct km_in in = { .ev = KM_EV_EXPIRED };

	for (size_t j = 0; j < W_SAS; j++)
		if (w->host[i].sa[j].there) {
			in.expired.spi = w->host[i].sa[j].spi;
			in.expired.dst = w->host[i].sa[j].dst;
			in.expired.hard = hard;
			return in;
		}
	must(false);
	return in;
}

/*
 *    0 %  step 0 is made and sent under
 *   75 %  step 1 is offered beside it
 *   80 to 95 %  the receiver registers again and holds both
 *   97 %  step 1 is sent under; step 0 goes after DTD
 */
static void
keys_change_without_a_gap(void **state)
{
	struct world *w = two();
	uint64_t t0 = w->now;

	(void)state;
	world_start(w, 2);
	world_run(w, t0 + LIFE_MS * 75 / 100 - 1000);
	assert_false(world_noted(w, 0, "step.offer"));
	world_run(w, t0 + LIFE_MS * 75 / 100);
	assert_true(world_noted(w, 0, "step.offer generation=1 step=1"));
	assert_int_equal(status(w, 0).step, 0);
	assert_int_equal(world_sas(w, 0, SA_OUT), 2);
	world_run(w, t0 + LIFE_MS * 80 / 100 - 1000);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	world_run(w, t0 + LIFE_MS * 95 / 100 + 1000);
	assert_int_equal(world_count(w, 2, "reg.ok"), 2);
	assert_int_equal(world_sas(w, 2, SA_IN), 4);
	assert_true(world_can_read(w, 2, 0));
	world_run(w, t0 + LIFE_MS * 97 / 100);
	assert_int_equal(status(w, 0).step, 1);
	assert_true(world_can_read(w, 2, 0));
	assert_int_equal(world_sas(w, 0, SA_OUT), 4);
	world_run(w, w->now + 31000);
	assert_int_equal(world_sas(w, 0, SA_OUT), 2);
	/* The old inbound SAs end with their lifetime. */
	world_run(w, t0 + LIFE_MS + 1000);
	assert_int_equal(world_sas(w, 2, SA_IN), 2);
	assert_true(world_can_read(w, 2, 0));
	world_free(&w);
}

/* Twenty lifetimes, receivers that come at any time: never a gap. */
static void
no_gap_for_whoever_comes_whenever(void **state)
{
	(void)state;
	for (uint64_t join = 0; join < 40; join++) {
		struct world *w = two();

		world_run(w, w->now + LIFE_MS / 20 * join);
		world_start(w, 2);
		for (int i = 0; i < 400; i++) {
			world_run(w, w->now + LIFE_MS / 40);
			assert_true(world_can_read(w, 2, 0));
			assert_int_equal(world_state(w, 2), GS_KEYED);
			assert_true(world_sas(w, 2, SA_IN) <= 6);
		}
		/* About one registration in 75 % of a lifetime, no more. */
		assert_in_range(world_count(w, 2, "reg.ok"), 11, 16);
		world_free(&w);
	}
}

/* Short lives, in which the kernel's whole seconds count. */
static void
no_gap_in_short_lives(void **state)
{
	static const uint32_t life[] = { 10, 11, 16, 20, 60, 83, 100 };

	(void)state;
	for (size_t n = 0; n < NITEMS(life); n++)
		for (unsigned int join = 0; join < 10; join++) {
			struct world *w = world_new();

			w->now += 333 * join;
			world_sender(w, 0)->conf.lifetime_s = life[n];
			world_receiver(w, 2)->conf.lifetime_s = life[n];
			w->host[0].conf.dtd_ms = life[n] * 200;
			w->host[2].conf.dtd_ms = life[n] * 200;
			world_start(w, 0);
			world_run(w, w->now + life[n] * 97 * join);
			world_start(w, 2);
			for (unsigned int i = 0; i < 1000; i++) {
				world_run(w, w->now + life[n] * 7);
				if (!world_can_read(w, 2, 0))
					fail_msg("life %u join %u i %u",
					    life[n], join, i);
			}
			world_free(&w);
		}
}

/* What a receiver is told lasts no longer than the sender's own SA. */
static void
late_joiners_get_what_remains(void **state)
{
	struct world *w = two();

	(void)state;
	world_run(w, w->now + LIFE_MS / 2 + 300);
	world_start(w, 2);
	world_settle(w);
	for (size_t j = 0; j < 2; j++)
		assert_in_range(
		    w->host[2].sa[j].end_ms + 1000 - w->host[0].sa[0].end_ms, 0,
		    2000);
	assert_in_range(status(w, 2).key_left_s, 1798, 1800);
	assert_in_range(status(w, 0).key_age_s, 1800, 1801);
	world_free(&w);
}

/* The GCKS cannot be reached: at the end of its keys a receiver is deaf. */
static enum net_verdict
silence(struct world *w, struct packet *p)
{
	(void)w;
	(void)p;
	return NET_DROP;
}

static void
keys_end_without_new_ones(void **state)
{
	struct world *w = two();

	(void)state;
	world_start(w, 2);
	world_settle(w);
	w->net = silence;
	world_run(w, w->now + LIFE_MS - 2000);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_string_equal(world_detail(w, 2), "hq-01: no answer");
	world_run(w, w->now + 3000);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	assert_int_equal(status(w, 2).key_left_s, 0);
	assert_int_equal(world_sas(w, 2, SA_IN), 0);
	w->net = NULL;
	world_run(w, w->now + 120000);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_true(world_can_read(w, 2, 0));
	world_free(&w);
}

/*
 * The kernel's soft expiry makes a receiver register again within a second;
 * a hard one, with nothing left, as well.
 */
static void
kernel_expiry_at_a_receiver(void **state)
{
	struct world *w = two();
	struct km_in in;

	(void)state;
	world_start(w, 2);
	world_settle(w);
	in = expired(w, 2, false);
	assert_int_equal(world_event(w, 2, &in), 0);
	world_run(w, w->now + 1001);
	assert_int_equal(world_count(w, 2, "reg.ok"), 2);
	assert_int_equal(world_sas(w, 2, SA_IN), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(world_state(w, 2), GS_KEYED);
		in = expired(w, 2, true);
		assert_int_equal(world_event(w, 2, &in), 0);
		for (size_t j = 0; j < W_SAS; j++)
			if (w->host[2].sa[j].spi == in.expired.spi)
				w->host[2].sa[j].there = false;
	}
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	world_run(w, w->now + 1001);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_true(world_can_read(w, 2, 0));
	/* Of an SA that is not ours nothing follows. */
	in.expired.spi = 4711;
	assert_int_equal(world_event(w, 2, &in), 0);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	world_free(&w);
}

/*
 * 2^31 packets: the next step is offered early, and used when the old SA is
 * used up.
 */
static void
packets_run_out_at_the_sender(void **state)
{
	struct world *w = two();
	struct km_in in = expired(w, 0, false);

	(void)state;
	assert_int_equal(world_event(w, 0, &in), 0);
	assert_true(world_noted(w, 0, "step.offer generation=1 step=1"));
	assert_int_equal(status(w, 0).step, 0);
	assert_int_equal(world_event(w, 0, &in), 0); /* nothing more */
	world_start(w, 2);
	world_settle(w);
	assert_int_equal(world_sas(w, 2, SA_IN), 4);
	in.expired.hard = true;
	assert_int_equal(world_event(w, 0, &in), 0);
	world_settle(w);
	assert_int_equal(status(w, 0).step, 1);
	assert_true(world_can_read(w, 2, 0));
	assert_true(world_noted(w, 0, "step=1 cause=expired"));
	world_free(&w);
}

/* The host slept, or its clock was set: everything is due at once. */
static void
clock_jumps_ahead(void **state)
{
	static const uint64_t jump[] = { LIFE_MS / 2, LIFE_MS * 8 / 10,
		LIFE_MS * 98 / 100, LIFE_MS, LIFE_MS * 3, LIFE_MS * 1000 };

	(void)state;
	for (size_t i = 0; i < NITEMS(jump); i++) {
		struct world *w = two();

		world_start(w, 2);
		world_settle(w);
		w->now += jump[i]; /* no timer in between */
		for (int k = 0; k < 4; k++) {
			world_run(w, w->now + 2000);
			assert_int_equal(world_state(w, 0), GS_KEYED);
		}
		world_run(w, w->now + LIFE_MS);
		assert_int_equal(world_state(w, 2), GS_KEYED);
		assert_true(world_can_read(w, 2, 0));
		world_free(&w);
	}
}

static void
clock_goes_back(void **state)
{
	struct world *w = two();

	(void)state;
	world_start(w, 2);
	world_settle(w);
	w->now -= 500000;
	for (unsigned int i = 0; i <= 2; i += 2) {
		struct km_in in = { .ev = KM_EV_RESYNC };

		/* Lifetimes that are asked for have not grown. */
		assert_int_equal(world_event(w, i, &in), 0);
	}
	world_settle(w);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	/* A successor that finds records of the future starts from now. */
	world_restart(w, 0);
	world_restart(w, 2);
	world_settle(w);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	world_run(w, w->now + LIFE_MS * 2);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_true(world_can_read(w, 2, 0));
	world_free(&w);
}

/*
 * No ESP in the kernel: the registration is done, the group is degraded and
 * says why; and when ESP comes, so do the SAs.
 */
static void
kernel_without_esp(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_sender(w, 0)->sa_status = ST_NO_ESP;
	world_receiver(w, 2)->sa_status = ST_NO_ESP;
	world_start(w, 0);
	world_start(w, 2);
	world_settle(w);
	assert_int_equal(world_state(w, 0), GS_NO_ESP);
	assert_int_equal(world_state(w, 2), GS_NO_ESP);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	assert_string_equal(world_detail(w, 2), "dispatcherd: as you say");
	world_run(w, w->now + 180000);
	assert_int_equal(world_state(w, 0), GS_NO_ESP);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	assert_int_equal(status(w, 0).step, 0);
	assert_in_range(w->host[2].n_ensure, 6, 8);
	/* A restart of either changes nothing. */
	world_restart(w, 2);
	world_settle(w);
	assert_int_equal(world_state(w, 2), GS_NO_ESP);
	w->host[0].sa_status = w->host[2].sa_status = ST_OK;
	world_run(w, w->now + 61000);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_true(world_can_read(w, 2, 0));
	assert_string_equal(world_detail(w, 2), "");
	assert_string_equal(world_detail(w, 0), "");
	world_free(&w);
}

/* dispatcherd has no rules yet: asked again after a second, then slower. */
static void
dispatcherd_refuses_for_a_while(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_sender(w, 0)->sa_status = ST_REFUSED;
	world_receiver(w, 2)->sa_status = ST_REFUSED;
	world_start(w, 0);
	world_start(w, 2);
	world_settle(w);
	assert_int_equal(world_state(w, 0), GS_STARTING);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	assert_string_equal(world_detail(w, 0), "dispatcherd: as you say");
	world_run(w, w->now + 1000);
	assert_int_equal(w->host[0].n_new, 4);
	assert_int_equal(w->host[2].n_ensure, 4);
	w->host[0].sa_status = w->host[2].sa_status = ST_OK;
	world_run(w, w->now + 2000);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(status(w, 0).step, 0);
	assert_true(world_can_read(w, 2, 0));
	world_free(&w);
}

/* Another SA has the SPI already: the sender takes the next step. */
static void
spi_is_taken(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_sender(w, 0)->sa_status = ST_CONFLICT;
	world_start(w, 0);
	(void)world_one(w);
	w->host[0].sa_status = ST_OK;
	world_settle(w);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	assert_true(status(w, 0).step >= 1);
	world_run(w, w->now + 31000);
	assert_int_equal(world_sas(w, 0, SA_OUT), 2);
	world_free(&w);
}

/*
 * dispatcherd was restarted while it worked: what it was asked for is
 * verified, never added blindly.
 */
static void
dispatcherd_restarts(void **state)
{
	struct km_in in = { .ev = KM_EV_RESYNC };
	struct world *w = two();

	(void)state;
	world_start(w, 2);
	world_settle(w);
	for (unsigned int i = 0; i <= 2; i += 2)
		assert_int_equal(world_event(w, i, &in), 0);
	world_settle(w);
	assert_int_equal(w->host[0].n_verify, 2);
	assert_int_equal(w->host[0].n_new, 2);
	assert_int_equal(w->host[2].n_ensure, 4);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	world_free(&w);

	/* The answer to SA_NEW is lost; the SA is there. */
	w = world_new();
	world_sender(w, 0);
	world_start(w, 0);
	world_lose_answers(w, 0);
	assert_int_equal(world_event(w, 0, &in), 0);
	world_settle(w);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	assert_int_equal(status(w, 0).step, 0);
	world_free(&w);

	/* The request itself is lost: nobody knows, so the next step. */
	w = world_new();
	world_sender(w, 0)->disp_down = true;
	world_start(w, 0);
	world_settle(w);
	assert_int_equal(world_state(w, 0), GS_STARTING);
	w->host[0].disp_down = false;
	assert_int_equal(world_event(w, 0, &in), 0);
	world_settle(w);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	assert_int_equal(status(w, 0).step, 1);
	world_free(&w);
}

/* policyd was restarted while a receiver waited for it. */
static void
policyd_restarts_at_the_receiver(void **state)
{
	struct km_in in = { .ev = KM_EV_RESYNC };

	(void)state;
	for (unsigned int after = 0; after < 2; after++) {
		struct world *w = two();

		w->host[2].policyd_down = after == 0;
		world_start(w, 2);
		if (after == 1) {
			for (int i = 0; i < 3; i++)
				(void)world_one(w);
			w->host[2].policyd_down = true;
		}
		world_settle(w);
		assert_int_equal(world_state(w, 2), GS_REGISTERING);
		w->host[2].policyd_down = false;
		assert_int_equal(world_event(w, 2, &in), 0);
		world_settle(w);
		assert_int_equal(world_state(w, 2), GS_KEYED);
		world_free(&w);
	}
}

static void
policyd_never_answers(void **state)
{
	struct world *w = two();

	(void)state;
	w->host[2].policyd_down = true;
	world_start(w, 2);
	world_run(w, w->now + 29000);
	assert_string_equal(world_detail(w, 2), "");
	world_run(w, w->now + 1500);
	assert_non_null(strstr(world_detail(w, 2), "policyd does not answer"));
	w->host[2].policyd_down = false;
	world_run(w, w->now + 5000);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	world_free(&w);
}

/* An application sends and the kernel has no SA: the sender looks. */
static void
acquire(void **state)
{
	struct world *w = two();
	struct km_in in = { .ev = KM_EV_ACQUIRE };

	(void)state;
	in.acquire.dst = w->host[0].conf.addr[0].dst;
	assert_int_equal(world_event(w, 0, &in), 0);
	world_settle(w);
	assert_true(world_noted(w, 0, "sa.acquire dst=239.192.10.1"));
	assert_int_equal(w->host[0].n_verify, 1);
	assert_int_equal(status(w, 0).step, 0);
	/* It is gone indeed. */
	for (size_t i = 0; i < W_SAS; i++)
		if (addr_eq(&w->host[0].sa[i].dst, &in.acquire.dst))
			w->host[0].sa[i].there = false;
	assert_int_equal(world_event(w, 0, &in), 0);
	world_settle(w);
	assert_int_equal(status(w, 0).step, 1);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	/* To a receiver it means nothing: it may not send to the group. */
	world_start(w, 2);
	world_settle(w);
	assert_int_equal(world_event(w, 2, &in), 0);
	assert_int_equal(w->packets, 4);
	world_free(&w);
}

/* groupd is told when what an operator sees changes, and only then. */
static void
changes_are_told_once(void **state)
{
	struct world *w = two();
	unsigned int n = w->host[0].n_changed;

	(void)state;
	assert_true(n >= 1);
	world_start(w, 2);
	world_settle(w);
	assert_int_equal(w->host[0].n_changed, n);
	assert_in_range(w->host[2].n_changed, 1, 3);
	n = w->host[2].n_changed;
	world_run(w, w->now + LIFE_MS / 2);
	assert_int_equal(w->host[2].n_changed, n);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_change_without_a_gap),
		cmocka_unit_test(no_gap_for_whoever_comes_whenever),
		cmocka_unit_test(no_gap_in_short_lives),
		cmocka_unit_test(late_joiners_get_what_remains),
		cmocka_unit_test(keys_end_without_new_ones),
		cmocka_unit_test(kernel_expiry_at_a_receiver),
		cmocka_unit_test(packets_run_out_at_the_sender),
		cmocka_unit_test(clock_jumps_ahead),
		cmocka_unit_test(clock_goes_back),
		cmocka_unit_test(kernel_without_esp),
		cmocka_unit_test(dispatcherd_refuses_for_a_while),
		cmocka_unit_test(spi_is_taken),
		cmocka_unit_test(dispatcherd_restarts),
		cmocka_unit_test(policyd_restarts_at_the_receiver),
		cmocka_unit_test(policyd_never_answers),
		cmocka_unit_test(acquire),
		cmocka_unit_test(changes_are_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
