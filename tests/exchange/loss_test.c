/* SPDX-License-Identifier: ISC */
/* Datagrams that get lost, double, late or out of order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/gm.h"
#include "keymgrd/core/life.h"
#include "tests/lib/pair.h"

struct plan {
	unsigned int nth;
	enum net_verdict what;
	unsigned int from, upto; /* lose all of these */
};

static enum net_verdict
by_plan(struct world *w, struct packet *p)
{
	const struct plan *plan = w->arg;

	if (p->nth >= plan->from && p->nth <= plan->upto)
		return NET_DROP;
	return p->nth == plan->nth ? plan->what : NET_PASS;
}

static struct world *
start(struct plan *plan)
{
	struct world *w = world_new();

	w->net = by_plan;
	w->arg = plan;
	world_sender(w, 0);
	world_receiver(w, 2);
	world_start(w, 0);
	world_settle(w);
	world_start(w, 2);
	world_settle(w);
	return w;
}

static void
check_registered_once(struct world *w)
{
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_true(world_can_read(w, 2, 0));
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	assert_int_equal(w->host[0].n_checks, 1);
	assert_int_equal(w->host[0].n_signs, 1);
}

/*
 * 1  GM -> GCKS  IKE_SA_INIT request      2  GM <- GCKS  IKE_SA_INIT response
 * 3  GM -> GCKS  GSA_AUTH request         4  GM <- GCKS  GSA_AUTH response
 *
 * Each of them in turn does not arrive.  The world checks in all tests that
 * what is sent again is the same, octet for octet (pair_kernel.c, see_once).
 */
static void
each_lost_datagram_is_sent_again(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 4; n++) {
		struct plan plan = { .from = n, .upto = n };
		struct world *w = start(&plan);

		assert_int_equal(world_state(w, 2), GS_REGISTERING);
		world_run(w, w->now + 374);
		assert_int_equal(world_state(w, 2), GS_REGISTERING);
		world_run(w, w->now + 252);
		check_registered_once(w);
		/* The answer came from the cache, not from new work. */
		assert_int_equal(world_count(w, 0, "resp.repeated"),
		    n == 2 || n == 4 ? 1 : 0);
		assert_int_equal(world_count(w, 2, "req.retransmitted"), 1);
		world_free(&w);
	}
}

static void
each_doubled_datagram_does_no_harm(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 4; n++) {
		struct plan plan = { .nth = n, .what = NET_TWICE };
		struct world *w = start(&plan);

		world_run(w, w->now + 10000);
		check_registered_once(w);
		world_free(&w);
	}
}

/* What the sender sends from the fourth datagram on, until a time. */
static enum net_verdict
late_responses(struct world *w, struct packet *p)
{
	const uint64_t *until_ms = w->arg;

	return p->from == 0 && p->nth >= 4 && w->now < *until_ms ? NET_DROP
								 : NET_PASS;
}

/*
 * A response says how long the keys last, and is repeated as it was: when it
 * comes late, that is not true any more.  Whoever trusts it registers again
 * after the sender has gone on to the next step.
 */
static void
a_late_response_does_not_delay_the_next_registration(void **state)
{
	struct world *w = world_new();
	uint64_t born, until, lo, hi, end;

	(void)state;
	w->net = late_responses;
	w->arg = &until;
	world_sender(w, 0)->conf.lifetime_s = 100;
	world_receiver(w, 2)->conf.lifetime_s = 100;
	world_start(w, 0);
	world_settle(w);
	born = w->now;
	until = born + 10000;
	world_start(w, 2);
	world_settle(w);
	world_run(w, until);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	world_run(w, born + 25000);
	check_registered_once(w);
	life_rereg_ms(100, &lo, &hi);
	assert_true(w->host[2].km->keys.rereg_ms >= born + lo - 25000);
	assert_true(w->host[2].km->keys.rereg_ms <= born + hi);
	/* What it can read lasts at least as long as the sender sends. */
	end = w->host[2].km->keys.sas.v[0].end_ms;
	assert_true(end >= born + life_switch_ms(100));
	world_free(&w);
}

/*
 * GM -> GCKS  GSA_AUTH              policyd is slow
 * GM -> GCKS  GSA_AUTH (repeated)   swallowed: one question to policyd is on
 */
static void
repeats_during_work_are_swallowed(void **state)
{
	struct plan plan = { 0 };
	struct world *w = world_new();
	struct km_in in = { .ev = KM_EV_RESYNC };

	(void)state;
	w->net = by_plan;
	w->arg = &plan;
	world_sender(w, 0)->policyd_down = true;
	world_receiver(w, 2);
	world_start(w, 0);
	world_start(w, 2);
	world_run(w, w->now + 5000);
	assert_int_equal(w->host[0].n_checks, 1);
	assert_true(world_count(w, 0, "drop.busy") >= 2);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	/* policyd comes back and is asked again. */
	w->host[0].policyd_down = false;
	assert_int_equal(world_event(w, 0, &in), 0);
	world_settle(w);
	assert_int_equal(w->host[0].n_checks, 2);
	assert_int_equal(w->host[0].n_signs, 1);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	world_free(&w);
}

/* A datagram is held up and comes after all else has happened. */
static void
late_datagrams_are_recognised(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 4; n++) {
		struct plan plan = { .nth = n, .what = NET_HOLD };
		struct world *w = start(&plan);

		world_run(w, w->now + 1000);
		check_registered_once(w);
		world_release(w);
		world_run(w, w->now + 60000);
		check_registered_once(w);
		world_free(&w);
	}
}

/*
 * All answers are late: each request has been repeated when its first answer
 * comes, and the answers to the repeats come after that.
 */
static enum net_verdict
hold_answers(struct world *w, struct packet *p)
{
	(void)w;
	return p->from == 0 ? NET_HOLD : NET_PASS;
}

static void
answers_slower_than_the_first_wait(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->net = hold_answers;
	world_sender(w, 0);
	world_receiver(w, 2);
	world_start(w, 0);
	world_start(w, 2);
	for (int i = 0; i < 4; i++) {
		world_run(w, w->now + 1200);
		world_release(w);
	}
	check_registered_once(w);
	assert_true(world_count(w, 2, "drop.replay") +
			world_count(w, 2, "drop.no-sa") >=
		    1);
	world_free(&w);
}

/* Half of all datagrams are lost, whichever. */
static enum net_verdict
lose_half(struct world *w, struct packet *p)
{
	uint64_t *seed = w->arg;

	(void)p;
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed >> 40 & 1 ? NET_DROP : NET_PASS;
}

static void
half_of_all_lost(void **state)
{
	(void)state;
	for (uint64_t s = 1; s <= 60; s++) {
		uint64_t seed = s * 0x2545f4914f6cdd1du;
		struct world *w = world_new();

		w->net = lose_half;
		w->arg = &seed;
		world_sender(w, 0);
		world_receiver(w, 2);
		world_start(w, 0);
		world_start(w, 2);
		world_run(w, w->now + 300000);
		assert_int_equal(world_state(w, 2), GS_KEYED);
		assert_true(world_can_read(w, 2, 0));
		assert_int_equal(world_count(w, 2, "reg.ok"), 1);
		world_free(&w);
	}
}

/*
 * 0.5, 1, 2, 4, 8, 8 s with a quarter of jitter: six tries in 17.6 to 29.4 s,
 * then a pause, then a new exchange.
 */
static void
gives_up_after_six_tries(void **state)
{
	struct plan plan = { .from = 1, .upto = 1000000 };
	struct world *w = start(&plan);

	(void)state;
	world_run(w, w->now + 17500);
	assert_in_range(w->packets, 5, 6);
	assert_int_equal(world_count(w, 2, "reg.timeout"), 0);
	world_run(w, w->now + 12000);
	assert_int_equal(world_count(w, 2, "reg.timeout"), 1);
	assert_string_equal(world_detail(w, 2), "hq-01: no answer");
	/* The pause between rounds grows to a minute and no more. */
	world_run(w, w->now + 3600000);
	assert_in_range(world_count(w, 2, "reg.timeout"), 35, 70);
	plan.upto = 0;
	world_run(w, w->now + 120000);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_string_equal(world_detail(w, 2), "");
	world_free(&w);
}

/*
 * GM -> hq-01  IKE_SA_INIT x 6    no answer
 * GM -> hq-02  IKE_SA_INIT        and so on
 */
static enum net_verdict
first_is_dead(struct world *w, struct packet *p)
{
	(void)w;
	return p->dst.addr.len == 4 ? NET_DROP : NET_PASS;
}

static void
next_gcks_takes_over(void **state)
{
	struct world *w = world_new();
	struct km_status st;

	(void)state;
	w->net = first_is_dead;
	world_sender(w, 0);
	world_sender(w, 1);
	world_receiver(w, 2);
	for (unsigned int i = 0; i < 3; i++)
		world_start(w, i);
	world_run(w, w->now + 30000);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_true(world_can_read(w, 2, 1));
	km_status(w->host[2].km, w->now, &st);
	assert_string_equal(st.gcks, "hq-02");
	assert_int_equal(world_count(w, 0, "reg.ok"), 0);
	assert_int_equal(world_count(w, 1, "reg.ok"), 1);
	/* Next time the first is asked first again. */
	w->net = NULL;
	world_run(w, w->now + 3600 * 960);
	km_status(w->host[2].km, w->now, &st);
	assert_string_equal(st.gcks, "hq-01");
	assert_true(world_can_read(w, 2, 0));
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_lost_datagram_is_sent_again),
		cmocka_unit_test(each_doubled_datagram_does_no_harm),
		cmocka_unit_test(
		    a_late_response_does_not_delay_the_next_registration),
		cmocka_unit_test(repeats_during_work_are_swallowed),
		cmocka_unit_test(late_datagrams_are_recognised),
		cmocka_unit_test(answers_slower_than_the_first_wait),
		cmocka_unit_test(half_of_all_lost),
		cmocka_unit_test(gives_up_after_six_tries),
		cmocka_unit_test(next_gcks_takes_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
