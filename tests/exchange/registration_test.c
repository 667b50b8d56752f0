/* SPDX-License-Identifier: ISC */
/*
 * What happens on an IKE SA that is open: childless IKE_AUTH and then
 * GSA_REGISTRATION, registering again, and leaving.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/gm.h"
#include "keymgrd/core/ike/sa.h"
#include "tests/lib/pair.h"
#include "tests/lib/raw.h"

#define LIFE_MS 3600000u

/* Datagrams by exchange type. */
struct tally {
	unsigned int n[256];
	uint8_t drop; /* this exchange type is lost */
};

static enum net_verdict
tally(struct world *w, struct packet *p)
{
	struct tally *t = w->arg;

	t->n[p->p[18]]++;
	return t->drop == p->p[18] ? NET_DROP : NET_PASS;
}

/*
 * GM -> GCKS  IKE_AUTH SK{ IDi, AUTH }        GM <- GCKS  SK{ IDr, AUTH }
 * GM -> GCKS  GSA_REGISTRATION SK{ IDg, SAg } GM <- GCKS  SK{ GSA, KD, N }
 */
static void
childless_ike_auth(void **state)
{
	struct tally t = { 0 };
	struct world *w = world_two();

	(void)state;
	w->host[2].conf.gcks[0].exchange = IKE_AUTH;
	w->net = tally;
	w->arg = &t;
	world_go(w);
	assert_int_equal(t.n[IKE_AUTH], 2);
	assert_int_equal(t.n[GSA_REGISTRATION], 2);
	assert_int_equal(t.n[GSA_AUTH], 0);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_true(world_can_read(w, 2, 0));
	assert_int_equal(world_count(w, 0, "auth.ike-auth"), 1);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	assert_true(world_noted(w, 0, "peer.authenticated identity=\"host-2"));
	world_free(&w);
}

/* The peer authenticates, and then does not know GSA_REGISTRATION. */
static void
plain_ikev2_responder(void **state)
{
	struct tally t = { .drop = GSA_REGISTRATION };
	struct world *w = world_two();

	(void)state;
	w->host[2].conf.gcks[0].exchange = IKE_AUTH;
	w->net = tally;
	w->arg = &t;
	world_go(w);
	world_run(w, w->now + 40000);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	assert_non_null(strstr(world_detail(w, 2), "does it speak G-IKEv2"));
	assert_true(world_count(w, 2, "reg.timeout") >= 1);
	world_free(&w);
}

/* policyd admits the peer, but not to the group; or not as a sender. */
static void
forbidden_after_ike_auth(void **state)
{
	struct world *w = world_two();

	(void)state;
	w->host[2].conf.gcks[0].exchange = IKE_AUTH;
	w->host[0].refuses = true;
	world_go(w);
	assert_int_equal(world_count(w, 0, "auth.ike-auth"), 1);
	assert_int_equal(world_count(w, 0, "reg.forbidden"), 1);
	assert_int_equal(world_count(w, 2, "reg.forbidden"), 1);
	assert_int_equal(world_sas(w, 2, SA_IN), 0);
	world_free(&w);
}

static void
start_raw(struct raw *r, struct world *w)
{
	world_start(w, 0);
	world_settle(w);
	raw_init(r, w, 0, 1);
	raw_handshake(r);
}

static void
ike_auth_raw(struct raw *r)
{
	raw_begin(r, IKE_AUTH, 1);
	raw_put_auth(r, 5, "correct horse");
	raw_end(r);
}

/* A peer that knows nothing of groups comes to the default group only. */
static void
foreign_initiator(void **state)
{
	struct world *w = world_two();
	struct ike_view v;
	struct raw r;

	(void)state;
	w->host[0].conf.foreign = true;
	memset(w->host[0].conf.anchors, 7, 40);
	w->host[0].conf.anchors_len = 40;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	r.foreign = true;
	r.suite.kwa = false;
	raw_handshake(&r);
	{
		struct ike_hdr h;
		struct rbuf rb;

		rb_init(&rb, r.got, r.got_len);
		assert_int_equal(ike_hdr_get(&rb, &h), 0);
		assert_int_equal(ike_view_get(h.next, rb, &v), 0);
		assert_non_null(ike_ntf_find(&v, N_CHILDLESS_IKEV2_SUPPORTED));
		assert_int_equal(rb_left(&v.certreq), 41);
	}
	ike_auth_raw(&r);
	raw_view(&r, &v);
	assert_true(ike_has(&v.id_r) && ike_has(&v.auth));
	assert_null(ike_ntf_error(&v));
	assert_int_equal(world_count(w, 0, "auth.ike-auth"), 1);
	/* No key wrap: the IKE SA is of no use for the group. */
	raw_begin(&r, GSA_REGISTRATION, 2);
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_NO_PROPOSAL_CHOSEN));
	raw_fini(&r);
	world_free(&w);

	w = world_two();
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	r.foreign = true;
	raw_init_send(&r);
	assert_int_equal(world_count(w, 0, "drop.wrong-group"), 1);
	world_free(&w);
}

/* IKE_AUTH with SAi2 and traffic selectors: no Child SA, but an IKE SA. */
static void
ike_auth_with_a_child(void **state)
{
	static const uint8_t ts[24] = { 1, 0, 0, 0, 7, 0, 0, 16 };
	struct chunk body = { ts, sizeof(ts) };
	struct world *w = world_two();
	struct ike_view v;
	struct raw r;

	(void)state;
	start_raw(&r, w);
	raw_begin(&r, IKE_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	assert_int_equal(pld_raw_put(&r.chain, PLD_TSI, body), 0);
	assert_int_equal(pld_raw_put(&r.chain, PLD_TSR, body), 0);
	raw_end(&r);
	raw_view(&r, &v);
	assert_true(ike_has(&v.id_r) && ike_has(&v.auth));
	assert_non_null(ike_ntf_find(&v, N_NO_ADDITIONAL_SAS));
	/* And none later: RFC 7296 1.3. */
	raw_begin(&r, IKE_CREATE_CHILD_SA, 2);
	assert_int_equal(pld_raw_put(&r.chain, PLD_TSI, body), 0);
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_NO_ADDITIONAL_SAS));
	raw_begin(&r, IKE_CREATE_CHILD_SA, 3);
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_TEMPORARY_FAILURE));
	assert_int_equal(world_count(w, 0, "refuse.child-sa"), 2);
	raw_fini(&r);
	world_free(&w);
}

/* The IKE SA is for one group, whatever else this host may serve. */
static void
registration_for_another_group(void **state)
{
	struct world *w = world_two();
	struct raw r;

	(void)state;
	start_raw(&r, w);
	ike_auth_raw(&r);
	raw_begin(&r, GSA_REGISTRATION, 2);
	raw_put_idg(&r, "another");
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_INVALID_GROUP_ID));
	raw_begin(&r, GSA_REGISTRATION, 3);
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	/* A refusal later takes nothing away. */
	raw_begin(&r, GSA_REGISTRATION, 4);
	raw_put_idg(&r, "another");
	raw_end(&r);
	assert_int_equal(world_count(w, 0, "reg.invalid-group"), 2);
	raw_begin(&r, GSA_REGISTRATION, 5);
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_INVALID_SYNTAX));
	raw_fini(&r);
	world_free(&w);
}

/* GROUP_SENDER of somebody whom policy knows as a receiver only. */
static void
claims_to_be_a_sender(void **state)
{
	static const uint8_t one[4] = { 0, 0, 0, 1 };
	static const uint8_t exchanges[] = { GSA_AUTH, IKE_AUTH };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct world *w = world_two();
		struct raw r;

		w->host[0].admit =
		    i < 2 ? ADMIT_RECEIVE : ADMIT_RECEIVE | ADMIT_SEND;
		start_raw(&r, w);
		raw_begin(&r, exchanges[i % 2], 1);
		raw_put_auth(&r, 5, "correct horse");
		if (i % 2 == 1) {
			raw_end(&r);
			raw_begin(&r, GSA_REGISTRATION, 2);
		}
		raw_put_idg(&r, W_GROUP);
		assert_int_equal(pld_notify_put(&r.chain, N_GROUP_SENDER,
				     (struct chunk){ one, sizeof(one) }),
		    0);
		raw_end(&r);
		assert_int_equal(
		    raw_got_notify(&r, N_AUTHORIZATION_FAILED), i < 2);
		assert_int_equal(
		    world_count(w, 0, "reg.sender-refused"), i < 2);
		assert_int_equal(world_count(w, 0, "reg.ok"), i >= 2);
		if (i < 2)
			assert_true(world_noted(w, 0,
			    "identity=\"host-5\" peer=192.0.2.200"
			    " cause=not-a-sender"));
		raw_fini(&r);
		world_free(&w);
	}
}

/* -- to register again -------------------------------------------------- */

/* Two datagrams, no signature, new keys. */
static void
again_on_the_same_ike_sa(void **state)
{
	struct tally t = { 0 };
	struct world *w = world_two();

	(void)state;
	w->net = tally;
	w->arg = &t;
	world_go(w);
	for (unsigned int k = 2; k <= 5; k++) {
		world_run(w, w->now + LIFE_MS);
		assert_true(world_count(w, 2, "reg.ok") >= k);
		assert_true(world_can_read(w, 2, 0));
	}
	assert_int_equal(t.n[IKE_SA_INIT], 2);
	assert_int_equal(t.n[GSA_AUTH], 2);
	assert_true(t.n[GSA_REGISTRATION] >= 8);
	assert_int_equal(w->host[0].n_signs, 1);
	assert_int_equal(w->host[2].n_signs, 1);
	world_free(&w);
}

/* The GCKS was restarted, or its policyd: from the start, without a gap. */
static void
again_when_the_ike_sa_is_lost(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct km_in in = { .ev = KM_EV_RESYNC,
			.resync.policyd = true };
		struct tally t = { 0 };
		struct world *w = world_two();

		w->net = tally;
		w->arg = &t;
		world_go(w);
		if (i == 0)
			world_restart(w, 0);
		else
			assert_int_equal(world_event(w, 0, &in), 0);
		world_run(w, w->now + LIFE_MS);
		assert_int_equal(world_count(w, 2, "reg.ok"), 2);
		assert_int_equal(world_count(w, 0, "reg.ok"), 2);
		assert_int_equal(t.n[IKE_SA_INIT], 4);
		assert_int_equal(t.n[GSA_REGISTRATION], 3);
		assert_true(world_can_read(w, 2, 0));
		world_free(&w);
	}
}

/* A certificate that has run out is not relied on, by neither side. */
static void
again_when_authentication_has_run_out(void **state)
{
	(void)state;
	for (unsigned int who = 0; who <= 2; who += 2) {
		struct tally t = { 0 };
		struct world *w = world_two();

		w->host[who].valid_s = 600;
		w->net = tally;
		w->arg = &t;
		world_go(w);
		world_run(w, w->now + LIFE_MS);
		assert_int_equal(world_count(w, 2, "reg.ok"), 2);
		assert_int_equal(t.n[IKE_SA_INIT], 4);
		assert_int_equal(w->host[who].n_checks, 2);
		world_free(&w);
	}
}

/* The receiver says that it cannot take the policy (RFC 9838 2.3.1). */
static void
policy_that_is_refused(void **state)
{
	struct tally t = { 0 };
	struct world *w = world_two();

	(void)state;
	w->net = tally;
	w->arg = &t;
	w->host[2].conf.lifetime_s = 3000; /* the offer is for longer */
	world_go(w);
	assert_int_equal(world_count(w, 2, "reg.bad-policy"), 1);
	assert_int_equal(t.n[GSA_REGISTRATION], 2);
	assert_true(world_noted(w, 0, "member.left"));
	assert_int_equal(world_count(w, 0, "reg.left"), 1);
	world_free(&w);
}

/* -- to leave ----------------------------------------------------------- */

/*
 * GM -> GCKS  GSA_REGISTRATION SK{ IDg, N(REGISTRATION_FAILED) }
 * GM <- GCKS  GSA_REGISTRATION SK{}
 * GM -> GCKS  INFORMATIONAL SK{ D }
 */
static void
leave(void **state)
{
	struct km_in in = { .ev = KM_EV_LEAVE };
	struct world *w = world_two();

	(void)state;
	world_go(w);
	assert_int_equal(world_event(w, 2, &in), 0);
	assert_int_equal(w->host[2].n_left, 0);
	world_settle(w);
	assert_int_equal(w->host[2].n_left, 1);
	assert_true(world_noted(w, 0, "member.left identity=\"host-2\""));
	assert_true(world_noted(w, 0, "member.gone"));
	assert_int_equal(world_count(w, 0, "reg.left"), 1);
	assert_int_equal(world_count(w, 0, "peer.deleted"), 1);
	/* It does not come back by itself. */
	world_run(w, w->now + 2 * LIFE_MS);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	world_free(&w);
}

/* Nobody answers: a second and a half, and then it is over. */
static void
leave_without_an_answer(void **state)
{
	struct km_in in = { .ev = KM_EV_LEAVE };
	struct tally t = { .drop = GSA_REGISTRATION };
	struct world *w = world_two();

	(void)state;
	world_go(w);
	w->net = tally;
	w->arg = &t;
	assert_int_equal(world_event(w, 2, &in), 0);
	world_run(w, w->now + 3000);
	assert_int_equal(w->host[2].n_left, 1);
	assert_int_equal(t.n[GSA_REGISTRATION], 2);
	world_free(&w);
}

/* In the middle of a registration, and without an IKE SA: at once. */
static void
leave_with_nobody_to_tell(void **state)
{
	(void)state;
	for (int i = 0; i < 14; i++) {
		struct km_in in = { .ev = KM_EV_LEAVE };
		struct world *w = world_two();

		world_start(w, 0);
		world_settle(w);
		world_start(w, 2);
		for (int k = 0; k < i; k++)
			(void)world_one(w);
		assert_int_equal(world_event(w, 2, &in), 0);
		world_settle(w);
		assert_int_equal(w->host[2].n_left, 1);
		world_run(w, w->now + LIFE_MS);
		assert_int_equal(w->host[2].n_left, 1);
		world_free(&w);
	}
}

/* A request is under way: its answer first, then good-bye. */
static void
leave_while_registering_again(void **state)
{
	(void)state;
	for (int lost = 0; lost < 2; lost++) {
		struct km_in in = { .ev = KM_EV_LEAVE };
		struct tally t = { .drop = lost ? GSA_REGISTRATION : 0 };
		struct world *w = world_two();

		world_go(w);
		w->net = tally;
		w->arg = &t;
		while (w->host[2].km->gm->state != GM_REG_SENT) {
			uint64_t due = km_deadline(w->host[2].km);
			struct km_in tick = { .ev = KM_EV_TIMER };

			w->now = due > w->now ? due : w->now;
			assert_int_equal(world_event(w, 2, &tick), 0);
		}
		assert_int_equal(world_event(w, 2, &in), 0);
		assert_int_equal(w->host[2].n_left, 0);
		world_run(w, w->now + 10000);
		assert_int_equal(w->host[2].n_left, 1);
		assert_int_equal(world_count(w, 0, "reg.left"), !lost);
		assert_int_equal(world_count(w, 2, "reg.ok"), lost ? 1 : 2);
		world_free(&w);
	}
}

static enum net_verdict
lose_all(struct world *w, struct packet *p)
{
	(void)w;
	(void)p;
	return NET_DROP;
}

/* groupd dies over it: the host is a member as before, and needs its keys. */
static void
leave_that_groupd_forgets(void **state)
{
	(void)state;
	for (unsigned int late = 0; late < 3; late++) {
		struct km_in leave = { .ev = KM_EV_LEAVE };
		struct km_in stay = { .ev = KM_EV_STAY };
		struct world *w = world_two();

		world_go(w);
		/* Not asked to leave: nothing happens. */
		assert_int_equal(world_event(w, 2, &stay), 0);
		world_settle(w);
		assert_int_equal(world_count(w, 2, "reg.ok"), 1);
		w->net = late == 1 ? lose_all : NULL;
		assert_int_equal(world_event(w, 2, &leave), 0);
		if (late > 0)
			world_run(w, w->now + 200);
		w->net = NULL;
		assert_int_equal(world_event(w, 2, &stay), 0);
		world_settle(w);
		assert_int_equal(world_state(w, 2), GS_KEYED);
		assert_int_equal(world_count(w, 2, "reg.ok"), 2);
		assert_true(world_can_read(w, 2, 0));
		/* And it goes on to register again. */
		world_run(w, w->now + LIFE_MS);
		assert_true(world_count(w, 2, "reg.ok") >= 3);
		world_free(&w);
	}
}

static void
leave_of_a_sender(void **state)
{
	struct km_in in = { .ev = KM_EV_LEAVE };
	struct world *w = world_two();

	(void)state;
	world_go(w);
	assert_int_equal(world_event(w, 0, &in), 0);
	assert_int_equal(w->host[0].n_left, 1);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(childless_ike_auth),
		cmocka_unit_test(plain_ikev2_responder),
		cmocka_unit_test(forbidden_after_ike_auth),
		cmocka_unit_test(foreign_initiator),
		cmocka_unit_test(ike_auth_with_a_child),
		cmocka_unit_test(registration_for_another_group),
		cmocka_unit_test(claims_to_be_a_sender),
		cmocka_unit_test(again_on_the_same_ike_sa),
		cmocka_unit_test(again_when_the_ike_sa_is_lost),
		cmocka_unit_test(again_when_authentication_has_run_out),
		cmocka_unit_test(policy_that_is_refused),
		cmocka_unit_test(leave),
		cmocka_unit_test(leave_without_an_answer),
		cmocka_unit_test(leave_with_nobody_to_tell),
		cmocka_unit_test(leave_while_registering_again),
		cmocka_unit_test(leave_that_groupd_forgets),
		cmocka_unit_test(leave_of_a_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
