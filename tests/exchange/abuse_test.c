/* SPDX-License-Identifier: ISC */
/*
 * Peers that are who they say and want more than their share, and bad moments:
 * policyd away or replaced, chance failing, a host that slept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/ike/auth.h"
#include "keymgrd/core/gcks.h"
#include "keymgrd/core/gm.h"
#include "tests/lib/forge.h"
#include "tests/lib/pair.h"
#include "tests/lib/raw.h"

static struct world *
sender(uint32_t members_max)
{
	struct world *w = world_new();

	world_sender(w, 0)->conf.members_max = members_max;
	world_start(w, 0);
	world_settle(w);
	return w;
}

static const struct satab *
table(const struct world *w)
{
	return &w->host[0].km->gcks->t;
}

/* GSA_AUTH of host-4 for this group; number tells the exchanges apart. */
static void
enter(struct raw *r, struct world *w, unsigned int number, const char *group)
{
	raw_init(r, w, 0, (uint8_t)number);
	raw_handshake(r);
	raw_begin(r, GSA_AUTH, 1);
	raw_put_auth(r, 4, "correct horse");
	raw_put_idg(r, group);
	raw_end(r);
}

static void
honest_one_gets_in(struct world *w)
{
	w->net = NULL;
	world_receiver(w, 2);
	world_start(w, 2);
	world_run(w, w->now + 3000);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	world_free(&w);
}

/* Whatever it is told, an identity has one open IKE SA. */
static void
one_ike_sa_for_each_identity(void **state)
{
	static const char *const groups[] = { W_GROUP, "another" };

	(void)state;
	for (unsigned int k = 0; k < 3; k++) {
		struct world *w = sender(4);
		struct raw r;

		w->host[0].refuses = k == 2;
		for (unsigned int i = 1; i <= 30; i++) {
			enter(&r, w, i, groups[k % 2]);
			raw_begin(&r, GSA_REGISTRATION, 2);
			raw_put_idg(&r, W_GROUP);
			raw_end(&r);
			assert_true(table(w)->n - table(w)->n_half <= 1);
			assert_true(table(w)->n <= 10);
			raw_fini(&r);
		}
		w->host[0].refuses = false;
		honest_one_gets_in(w);
	}
}

/* The same name in another ID payload is the same name. */
static void
reserved_octets_make_no_identity(void **state)
{
	struct world *w = sender(4);

	(void)state;
	for (uint8_t i = 0; i < 6; i++) {
		uint8_t body[64] = { 9, 0, 0, i }, mac[PRF_MAX], auth[PRF_MAX];
		struct chunk id = { body, 10 }, k = { NULL, 13 };
		struct ike_init_view iv;
		struct raw r;

		k.p = (const uint8_t *)"correct horse";
		memcpy(body + 4, "host-4", 6);
		raw_init(&r, w, 0, (uint8_t)(i + 1));
		raw_handshake(&r);
		assert_int_equal(
		    ike_init_view((struct chunk){ r.got, r.got_len }, &iv), 0);
		raw_begin(&r, GSA_AUTH, 1);
		assert_int_equal(ike_maced_id(&r.keys, true, id, mac), 0);
		assert_int_equal(
		    ike_psk_auth(PRF_SHA256, k,
			(struct chunk){ r.init, r.init_len }, iv.nonce,
			(struct chunk){ mac, PRF_LEN }, auth),
		    0);
		assert_int_equal(pld_raw_put(&r.chain, PLD_IDI, id), 0);
		assert_int_equal(pld_auth_put(&r.chain, IKE_AUTH_PSK,
				     (struct chunk){ auth, PRF_LEN }),
		    0);
		raw_put_idg(&r, W_GROUP);
		raw_end(&r);
		assert_int_equal(world_count(w, 0, "reg.ok"), i + 1);
		assert_int_equal(table(w)->n - table(w)->n_half, 1);
	}
	honest_one_gets_in(w);
}

/* A refused attempt takes nothing away from who is in. */
static void
refusal_leaves_the_member(void **state)
{
	struct world *w = sender(4);
	struct raw r, r2;

	(void)state;
	enter(&r, w, 1, W_GROUP);
	enter(&r2, w, 2, "another");
	assert_true(raw_got_notify(&r2, N_INVALID_GROUP_ID));
	w->arg = &r;
	raw_begin(&r, IKE_INFORMATIONAL, 2);
	raw_end(&r);
	assert_int_equal(world_count(w, 0, "peer.liveness"), 1);
	raw_fini(&r);
	raw_fini(&r2);
	world_free(&w);
}

/* Those whom a restart of policyd ended do not fill the group. */
static void
ended_members_make_room(void **state)
{
	struct km_in in = { .ev = KM_EV_RESYNC, .resync.policyd = true };
	struct world *w = world_two();

	(void)state;
	w->host[0].conf.members_max = 1;
	world_go(w);
	assert_int_equal(world_event(w, 0, &in), 0);
	w->host[2].km->gm->sa->stale = true;
	w->host[2].km->gm->due_ms = w->now;
	world_run(w, w->now + 100000);
	assert_int_equal(world_count(w, 0, "reg.full"), 0);
	world_free(&w);
}

/* policyd is slow: half of the places wait for it, the others may begin. */
static void
waiting_for_policyd_is_bounded(void **state)
{
	struct world *w = sender(100);
	struct raw r;

	(void)state;
	w->host[0].policyd_down = true;
	for (unsigned int i = 1; i <= 40; i++) {
		raw_init(&r, w, 0, (uint8_t)i);
		raw_handshake(&r); /* must() answer */
		raw_begin(&r, GSA_AUTH, 1);
		raw_put_auth(&r, 4, "no idea");
		raw_put_idg(&r, W_GROUP);
		raw_end(&r);
		assert_true(table(w)->n_busy <= 4);
	}
	assert_int_equal(w->host[0].n_checks, 4);
	assert_true(table(w)->n <= 8);
	world_free(&w);
}

/* The host key is not used for who has not shown who he is. */
static void
nothing_is_signed_for_strangers(void **state)
{
	struct world *w = sender(100);
	struct raw r;

	(void)state;
	for (unsigned int i = 1; i <= 20; i++) {
		raw_init(&r, w, 0, (uint8_t)i);
		raw_handshake(&r);
		raw_begin(&r, GSA_AUTH, 1);
		raw_put_auth(&r, 4, "no idea");
		raw_put_idg(&r, W_GROUP);
		raw_end(&r);
	}
	assert_int_equal(w->host[0].n_checks, 20);
	assert_int_equal(w->host[0].n_signs, 0);
	world_free(&w);
}

/* -- policyd is another one --------------------------------------------- */

/* Its predecessor believed the peer; it has not signed yet. */
static void
verdict_ends_with_policyd(void **state)
{
	struct km_in in = { .ev = KM_EV_RESYNC, .resync.policyd = true };
	struct world *w = world_two();

	(void)state;
	world_start(w, 0);
	world_settle(w);
	world_start(w, 2);
	while (w->host[0].n_signs == 0)
		assert_true(world_one(w));
	assert_int_equal(w->host[0].n_checks, 1);
	world_lose_answers(w, 0);
	w->host[0].refuses = true;
	assert_int_equal(world_event(w, 0, &in), 0);
	world_settle(w);
	assert_int_equal(w->host[0].n_checks, 2);
	assert_int_equal(world_count(w, 0, "reg.ok"), 0);
	assert_int_equal(world_count(w, 0, "reg.forbidden"), 1);
	world_free(&w);
}

/* A receiver's new policyd does not take the GCKS: no keys from it. */
static void
gcks_is_checked_again(void **state)
{
	struct km_in in = { .ev = KM_EV_RESYNC, .resync.policyd = true };
	struct world *w = world_two();

	(void)state;
	world_go(w);
	w->host[2].refuses = true;
	assert_int_equal(world_event(w, 2, &in), 0);
	world_run(w, w->now + 2 * 3600000);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	assert_true(world_count(w, 2, "reg.forbidden") > 0);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	world_free(&w);
}

/* An answer that cannot be used leaves the question open. */
static void
ppk_is_not_forgotten(void **state)
{
	struct km_in in = { .ev = KM_EV_MIXED };
	struct km_in again = { .ev = KM_EV_RESYNC, .resync.policyd = true };
	struct world *w = world_new();
	struct km_conf *c = &world_sender(w, 0)->conf;
	uint8_t sk[10] = { 0 };
	struct raw r;

	(void)state;
	c->ppk_id[0] = 2;
	memcpy(c->ppk_id + 1, "hedge", 5);
	c->ppk_id_len = 6;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	r.notify = N_USE_PPK;
	raw_handshake(&r);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 4, "correct horse"); /* without the PPK */
	assert_int_equal(pld_notify_put(&r.chain, N_PPK_IDENTITY,
			     (struct chunk){ c->ppk_id, 6 }),
	    0);
	raw_put_idg(&r, W_GROUP);
	w->host[0].policyd_down = true;
	raw_end(&r);
	in.mixed.req = w->host[0].km->next_req << 1;
	in.mixed.ok = true;
	in.mixed.sk = (struct chunk){ sk, sizeof(sk) };
	assert_int_not_equal(world_event(w, 0, &in), 0);
	w->host[0].policyd_down = false;
	assert_int_equal(world_event(w, 0, &again), 0);
	world_settle(w);
	assert_int_equal(w->host[0].n_mixes, 2);
	assert_int_equal(world_count(w, 0, "reg.ok"), 0);
	assert_int_equal(world_count(w, 0, "reg.auth-failed"), 1);
	world_free(&w);
}

/* -- bad moments -------------------------------------------------------- */

/* The certificate's end came while the host slept; its timer is still due. */
static void
late_timer(void **state)
{
	struct world *w = sender(4);
	struct raw r;

	(void)state;
	w->host[0].valid_s = 100;
	enter(&r, w, 1, W_GROUP);
	w->now += 200000;
	r.n_got = 0;
	raw_begin(&r, GSA_REGISTRATION, 2);
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_int_equal(r.n_got, 0);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	world_free(&w);
}

/* Admitted to nothing, by IKE_AUTH: the IKE SA stays to say so. */
static void
forbidden_peer_hears_it(void **state)
{
	struct world *w = sender(4);
	struct raw r;

	(void)state;
	w->host[0].refuses = true;
	raw_init(&r, w, 0, 1);
	raw_handshake(&r);
	raw_begin(&r, IKE_AUTH, 1);
	raw_put_auth(&r, 4, "correct horse");
	raw_end(&r);
	world_run(w, w->now + 5000);
	raw_begin(&r, GSA_REGISTRATION, 2);
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_AUTHORIZATION_FAILED));
	raw_fini(&r);
	world_free(&w);
}

/* A key that is none is computed with once. */
static void
public_key_that_is_none(void **state)
{
	struct world *w = sender(4);
	struct raw r;
	size_t at;

	(void)state;
	raw_init(&r, w, 0, 1);
	raw_handshake(&r);
	/* The same request with a point of low order. */
	for (at = 28; memcmp(r.init + at, "\0\50\0\37\0\0", 6) != 0; at++)
		assert_true(at < r.init_len);
	memset(r.init + at + 6, 0, 32);
	r.init[0] ^= 0x80;
	raw_send(&r, r.init, r.init_len);
	memcpy(r.spi_i, r.init, 8);
	memcpy(r.spi_r, r.got + 8, 8);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_int_equal(world_count(w, 0, "drop.malformed"), 1);
	raw_again(&r);
	assert_int_equal(world_count(w, 0, "drop.malformed"), 1);
	assert_int_equal(world_count(w, 0, "drop.no-sa"), 1);
	world_free(&w);
}

/* IKE_SA_INIT under the keys of an open SA, from either end: no answer. */
static void
init_on_an_open_sa(void **state)
{
	struct world *w = sender(4);
	struct forge f = { 0 };
	struct raw r;
	unsigned int sent;

	(void)state;
	enter(&r, w, 1, W_GROUP);
	r.n_got = 0;
	raw_begin(&r, IKE_SA_INIT, 2);
	raw_end(&r);
	assert_int_equal(r.n_got, 0);
	assert_int_equal(world_count(w, 0, "drop.unexpected"), 1);
	world_free(&w);

	w = world_two();
	world_go(w);
	sent = w->host[2].n_sent;
	forge_begin(&f, w);
	forge_end(&f, IKE_SA_INIT, 0, 0, 0, 1);
	assert_int_equal(w->host[2].n_sent, sent);
	assert_int_equal(world_count(w, 2, "drop.unexpected"), 1);
	world_free(&w);
}

static void
delete_it(struct forge *f, struct world *w)
{
	static const uint8_t ike[4] = { PROTO_IKE };

	forge_begin(f, w);
	assert_int_equal(
	    pld_raw_put(&f->c, PLD_DELETE, (struct chunk){ ike, sizeof(ike) }),
	    0);
	forge_end(f, IKE_INFORMATIONAL, 0, 0, 0, 1);
}

/* Who has left does not come back because the GCKS deletes what is left. */
static void
delete_after_leaving(void **state)
{
	struct tap t = {
		.from = 2, .exchange = GSA_REGISTRATION, .drop = true
	};
	struct km_in in = { .ev = KM_EV_LEAVE };
	struct world *w = world_two();
	struct forge f = { 0 };

	(void)state;
	world_go(w);
	tap_set(w, &t);
	assert_int_equal(world_event(w, 2, &in), 0);
	world_run(w, w->now + 4000);
	assert_int_equal(w->host[2].n_left, 1);
	assert_null(w->host[2].km->gm->sa);
	delete_it(&f, w);
	w->net = NULL;
	world_run(w, w->now + 6000);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	assert_int_equal(w->host[2].n_left, 1);
	world_free(&w);
}

/* What was not obeyed is not answered, and obeyed when it comes again. */
static void
chance_fails_at_a_delete(void **state)
{
	struct world *w = world_two();
	struct forge f = { 0 };
	unsigned int sent;

	(void)state;
	world_go(w);
	sent = w->host[2].n_sent;
	w->host[2].rand_fail_in = 1;
	delete_it(&f, w);
	assert_int_equal(w->host[2].n_sent, sent);
	assert_true(world_sas(w, 2, SA_IN) > 0);
	forge_again(&f, 1);
	assert_true(w->host[2].n_sent > sent);
	assert_int_equal(world_sas(w, 2, SA_IN), 0);
	world_free(&w);
}

/* Each draw in turn: the exchange before is as it was. */
static void
chance_fails_at_the_next_gcks(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 6; n++) {
		struct km_in in = { .ev = KM_EV_TIMER };
		struct km_in again = { .ev = KM_EV_RESYNC };
		struct world *w = world_new();

		world_sender(w, 0);
		world_sender(w, 1);
		world_receiver(w, 2)->policyd_down = true;
		world_go(w);
		w->now += 30000;
		w->host[2].rand_fail_in = n;
		(void)world_event(w, 2, &in);
		w->host[2].rand_fail_in = 0;
		w->host[2].policyd_down = false;
		(void)world_event(w, 2, &again);
		world_run(w, w->now + 60000);
		assert_int_equal(world_state(w, 2), GS_KEYED);
		world_free(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_ike_sa_for_each_identity),
		cmocka_unit_test(reserved_octets_make_no_identity),
		cmocka_unit_test(refusal_leaves_the_member),
		cmocka_unit_test(ended_members_make_room),
		cmocka_unit_test(waiting_for_policyd_is_bounded),
		cmocka_unit_test(nothing_is_signed_for_strangers),
		cmocka_unit_test(verdict_ends_with_policyd),
		cmocka_unit_test(gcks_is_checked_again),
		cmocka_unit_test(ppk_is_not_forgotten),
		cmocka_unit_test(late_timer),
		cmocka_unit_test(forbidden_peer_hears_it),
		cmocka_unit_test(public_key_that_is_none),
		cmocka_unit_test(init_on_an_open_sa),
		cmocka_unit_test(delete_after_leaving),
		cmocka_unit_test(chance_fails_at_a_delete),
		cmocka_unit_test(chance_fails_at_the_next_gcks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
