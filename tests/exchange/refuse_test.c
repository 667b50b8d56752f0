/* SPDX-License-Identifier: ISC */
/* Registrations that must not succeed, and what either side says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/pair.h"
#include "tests/lib/raw.h"

#include "common/ike/hdr.h"

static void
check_refused(struct world *w, const char *count, const char *detail)
{
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	assert_int_equal(world_count(w, 2, count), 1);
	assert_int_equal(world_count(w, 2, "reg.ok"), 0);
	assert_int_equal(world_count(w, 0, "reg.ok"), 0);
	assert_int_equal(world_sas(w, 2, SA_IN), 0);
	assert_non_null(strstr(world_detail(w, 2), detail));
	assert_non_null(strstr(world_detail(w, 2), "hq-01"));
	assert_true(world_noted(w, 2, "reg.failed gcks=hq-01"));
}

/*
 * GM -> GCKS  GSA_AUTH SK{ IDi, AUTH of another key, IDg, SAg }
 * GM <- GCKS  GSA_AUTH SK{ N(AUTHENTICATION_FAILED) }
 */
static void
wrong_psk(void **state)
{
	struct world *w = world_two();

	(void)state;
	snprintf(w->host[2].psk, sizeof(w->host[2].psk), "wrong horse");
	world_go(w);
	check_refused(w, "reg.auth-failed", "authentication failed");
	assert_int_equal(world_count(w, 0, "reg.auth-failed"), 1);
	assert_true(world_noted(w, 0, "cause=authentication-failed"));
	/* The IKE SA is over; only its last response can be had again. */
	assert_int_equal(w->packets, 4);
	world_run(w, w->now + 1500);
	assert_int_equal(world_count(w, 2, "reg.auth-failed"), 2);
	world_free(&w);
}

/* The same when only one side has noticed: the GCKS is not who it claims. */
static void
gcks_without_the_psk(void **state)
{
	struct world *w = world_two();

	(void)state;
	w->host[2].force = AV_FAILED;
	world_go(w);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	assert_int_equal(world_count(w, 2, "reg.auth-failed"), 1);
	assert_int_equal(world_sas(w, 2, SA_IN), 0);
	assert_int_equal(w->host[2].n_ensure, 0);
	assert_non_null(strstr(world_detail(w, 2), "authentication failed"));
	world_free(&w);
}

static void
gcks_is_no_sender(void **state)
{
	struct world *w = world_two();

	(void)state;
	w->host[2].force = AV_FORBIDDEN;
	world_go(w);
	assert_int_equal(world_count(w, 2, "reg.forbidden"), 1);
	assert_int_equal(w->host[2].n_ensure, 0);
	assert_non_null(strstr(world_detail(w, 2), "forbidden"));
	world_free(&w);
}

/* IDr is authentic, but not that of the designated sender. */
static void
gcks_has_another_name(void **state)
{
	struct world *w = world_two();

	(void)state;
	w->host[2].conf.gcks[0].id[9]++;
	world_go(w);
	assert_int_equal(world_count(w, 2, "reg.auth-failed"), 1);
	assert_int_equal(w->host[2].n_checks, 0);
	assert_int_equal(w->host[2].n_ensure, 0);
	world_free(&w);
}

/* CN=hq-01 as UTF8String in policy and as PrintableString in IDr: the same. */
static void
gcks_writes_its_name_in_another_type(void **state)
{
	static const uint8_t dn[] = { 9, 0, 0, 0, 0x30, 0x10, 0x31, 0x0e, 0x30,
		0x0c, 6, 3, 0x55, 4, 3, 0x0c, 5, 'h', 'q', '-', '0', '1' };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct world *w = world_two();
		struct km_conf *gm = &w->host[2].conf, *gcks = &w->host[0].conf;

		memcpy(gm->gcks[0].id, dn, sizeof(dn));
		memcpy(gcks->own_id, dn, sizeof(dn));
		gm->gcks[0].id_len = gcks->own_id_len = sizeof(dn);
		gcks->own_id[15] = 0x13;
		gcks->own_id[21] = (uint8_t)('1' + i); /* or another name */
		world_go(w);
		assert_int_equal(
		    world_state(w, 2), i == 0 ? GS_KEYED : GS_REGISTERING);
		world_free(&w);
	}
}

/*
 * GM <- GCKS  GSA_AUTH SK{ IDr, AUTH, N(AUTHORIZATION_FAILED) }
 */
static void
not_admitted(void **state)
{
	struct world *w = world_two();

	(void)state;
	w->host[0].refuses = true;
	world_go(w);
	check_refused(w, "reg.forbidden", "forbidden");
	assert_int_equal(world_count(w, 0, "reg.forbidden"), 1);
	/* The refusal was authenticated before it was believed. */
	assert_int_equal(w->host[2].n_checks, 1);
	world_free(&w);
}

static void
forged_group_refusal(void **state)
{
	struct world *w = world_two();

	(void)state;
	w->host[0].refuses = true;
	w->host[2].force = AV_FAILED;
	world_go(w);
	assert_int_equal(world_count(w, 2, "reg.forbidden"), 0);
	assert_int_equal(world_count(w, 2, "reg.auth-failed"), 1);
	world_free(&w);
}

/*
 * The GM is of another group; its MIKE_GROUP says so.
 * GM -> GCKS  IKE_SA_INIT { SA, KE, Ni, N(MIKE_GROUP of "other") }
 * GM <- GCKS  IKE_SA_INIT { N(INVALID_GROUP_ID) }    not protected: a hint
 */
static void
mike_group_of_another_group(void **state)
{
	struct world *w = world_two();

	(void)state;
	memcpy(w->host[2].conf.group_id, "ops-nex", 7);
	world_go(w);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	assert_int_equal(world_count(w, 0, "drop.wrong-group"), 1);
	assert_int_equal(world_count(w, 2, "hint.error-notify"), 1);
	assert_true(world_noted(w, 2, "reg.hint gcks=hq-01 notify=45"));
	/* A hint ends nothing: it goes on trying, and says so at the end. */
	assert_int_equal(world_count(w, 2, "reg.timeout"), 0);
	world_run(w, w->now + 30000);
	assert_int_equal(world_count(w, 2, "reg.timeout"), 1);
	assert_non_null(strstr(world_detail(w, 2), "invalid group"));
	assert_int_equal(w->host[0].n_signs, 0);
	world_free(&w);
}

/*
 * MIKE_GROUP is replayed from another message of the right group: it is bound
 * to that message's nonce.
 */
static uint8_t *
find_group_notify(struct packet *p)
{
	for (size_t i = IKE_HDR_LEN; i + 22 <= p->len; i++)
		if (memcmp(p->p + i, "\0\x18\0\0\xa0\x01", 6) == 0)
			return p->p + i + 6;
	return NULL;
}

struct replay {
	uint8_t bind[16];
	bool have;
	bool both;
};

static enum net_verdict
replay_bind(struct world *w, struct packet *p)
{
	struct replay *r = w->arg;
	uint8_t *bind = find_group_notify(p);

	if (bind == NULL || (p->from == 0) != r->both)
		return NET_PASS;
	if (!r->have)
		memcpy(r->bind, bind, 16);
	else
		memcpy(bind, r->bind, 16);
	r->have = true;
	return NET_PASS;
}

static void
mike_group_is_bound_to_the_nonce(void **state)
{
	struct replay r = { .have = false };
	struct world *w = world_two();

	(void)state;
	world_receiver(w, 3);
	w->net = replay_bind;
	w->arg = &r;
	world_go(w);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(world_state(w, 3), GS_REGISTERING);
	assert_int_equal(world_count(w, 0, "drop.wrong-group"), 1);
	world_free(&w);
	/* The initiator checks the response in the same way. */
	r = (struct replay){ .both = true };
	w = world_two();
	world_receiver(w, 3);
	w->net = replay_bind;
	w->arg = &r;
	world_go(w);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(world_state(w, 3), GS_REGISTERING);
	assert_int_equal(w->host[3].n_signs, 0);
	assert_int_equal(world_count(w, 3, "drop.malformed"), 1);
	world_free(&w);
}

/* Somebody changes one transform of the offer: 31 to 19, 3 to 4 and so on. */
struct change {
	uint8_t from[8], to[8];
	size_t len;
	bool done;
};

static enum net_verdict
change_offer(struct world *w, struct packet *p)
{
	struct change *c = w->arg;

	if (p->from != 2 || c->done)
		return NET_PASS;
	for (size_t i = IKE_HDR_LEN; i + c->len <= p->len; i++)
		if (memcmp(p->p + i, c->from, c->len) == 0) {
			memcpy(p->p + i, c->to, c->len);
			c->done = true;
			return NET_PASS;
		}
	return NET_PASS;
}

/*
 * GM -> GCKS  IKE_SA_INIT { SA with another cipher, PRF, group or key wrap }
 * GM <- GCKS  IKE_SA_INIT { N(NO_PROPOSAL_CHOSEN) }    it offers more
 */
static void
no_common_proposal(void **state)
{
	struct change c[] = {
		{ { 1, 0, 0, 20 }, { 1, 0, 0, 19 }, 4, false },
		{ { 2, 0, 0, 5 }, { 2, 0, 0, 7 }, 4, false },
		{ { 13, 0, 0, 3 }, { 13, 0, 0, 1 }, 4, false },
		{ { 0x80, 14, 1, 0 }, { 0x80, 14, 0, 128 }, 4, false },
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(c); i++) {
		struct world *w = world_two();

		w->net = change_offer;
		w->arg = &c[i];
		world_go(w);
		assert_true(c[i].done);
		assert_int_equal(world_count(w, 0, "reg.no-proposal"), 1);
		/* The next one arrives as it was sent. */
		assert_int_equal(world_state(w, 2), GS_KEYED);
		world_free(&w);
	}
}

/* The KE payload is of a group that was not offered. */
static void
wrong_ke_group(void **state)
{
	struct change c = { { 0, 40, 0, 31, 0, 0 }, { 0, 40, 0, 14, 0, 0 }, 6,
		false };
	struct world *w = world_two();

	(void)state;
	w->net = change_offer;
	w->arg = &c;
	world_go(w);
	assert_true(c.done);
	assert_true(world_noted(w, 2, "notify=17"));
	world_run(w, w->now + 700);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	world_free(&w);
}

/* The operator sees who it was, how often and why; strangers give way. */
static void
refused_peers_are_remembered(void **state)
{
	struct world *w = world_two();
	struct km_refused v[KM_REFUSED_MAX];
	struct raw r;

	(void)state;
	w->host[0].refuses = true;
	world_go(w);
	world_run(w, w->now + 1500);
	assert_int_equal(km_refused(w->host[0].km, w->now + 5000, v), 1);
	assert_string_equal(v[0].who, "host-2");
	assert_string_equal(v[0].cause, "forbidden");
	assert_int_equal(v[0].times, 2);
	assert_in_range(v[0].age_s, 5, 6);
	assert_int_equal(v[0].peer->len, 4);
	km_free(&w->host[2].km);
	w->host[0].refuses = false;
	w->host[0].force = AV_FAILED;
	w->host[0].cause = AC_UNTRUSTED;
	for (unsigned int i = 0; i < KM_REFUSED_MAX + 3; i++) {
		w->now += 1000;
		raw_init(&r, w, 0, (uint8_t)(i + 1));
		raw_handshake(&r);
		raw_begin(&r, GSA_AUTH, 1);
		raw_put_auth(&r, 100 + i, "correct horse");
		raw_put_idg(&r, W_GROUP);
		raw_end(&r);
		raw_fini(&r);
	}
	assert_int_equal(km_refused(w->host[0].km, w->now, v), KM_REFUSED_MAX);
	for (size_t i = 0; i < KM_REFUSED_MAX; i++) {
		assert_string_equal(v[i].cause, "untrusted");
		assert_int_equal(v[i].times, 1);
		assert_true(v[i].age_s < KM_REFUSED_MAX);
	}
	world_free(&w);
}

/* What policyd calls unbound or malformed is no more than not authentic. */
static void
policyd_finds_it_unbound(void **state)
{
	enum auth_verdict v[] = { AV_UNBOUND, AV_MALFORMED, AV_FAILED };

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		struct world *w = world_two();

		w->host[0].force = v[i];
		world_go(w);
		check_refused(w, "reg.auth-failed", "authentication failed");
		world_free(&w);
	}
}

/*
 * hq-01 refuses, hq-02 admits: the order is kept, no time is lost.
 */
static void
the_next_gcks_is_asked_at_once(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_sender(w, 0)->refuses = true;
	world_sender(w, 1);
	world_receiver(w, 2);
	world_go(w);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(world_count(w, 2, "reg.forbidden"), 1);
	assert_int_equal(world_count(w, 1, "reg.ok"), 1);
	assert_true(world_can_read(w, 2, 1));
	assert_string_equal(world_detail(w, 2), "");
	world_free(&w);
}

/*
 * Policies that a receiver must refuse: its own policy differs from the
 * sender's.  The registration fails as a whole, nothing is installed.
 */
static void
check_bad_policy(struct world *w, const char *why)
{
	world_go(w);
	if (strstr(world_detail(w, 2), why) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", why, world_detail(w, 2));
	assert_int_equal(world_count(w, 2, "reg.bad-policy"), 1);
	assert_int_equal(world_count(w, 2, "reg.ok"), 0);
	assert_int_equal(w->host[2].n_ensure, 0);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	world_free(&w);
}

static void
bad_policies(void **state)
{
	struct world *w = world_two();

	(void)state;
	w->host[2].conf.lifetime_s = 3599;
	check_bad_policy(w, "lifetime");
	w = world_two();
	assert_int_equal(
	    addr_parse(&w->host[2].conf.addr[1].dst, "ff15::4d49:2"), 0);
	check_bad_policy(w, "no address of the group");
	w = world_two();
	assert_int_equal(
	    addr_parse(&w->host[0].conf.addr[0].src, "239.1.1.1"), 0);
	check_bad_policy(w, "not one unicast address");
	w = world_two();
	assert_int_equal(addr_parse(&w->host[0].conf.addr[1].src, "::"), 0);
	check_bad_policy(w, "not one unicast address");
	w = world_two();
	w->host[0].conf.addr[0].port_lo = 6000;
	check_bad_policy(w, "");
}

/* A sender with an IPv4 address only: the other address stays closed. */
static void
sender_of_one_family(void **state)
{
	struct world *w = world_two();

	(void)state;
	w->host[0].conf.addr[1].src.len = 0;
	world_go(w);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(world_sas(w, 0, SA_OUT), 1);
	assert_int_equal(world_sas(w, 2, SA_IN), 1);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_psk),
		cmocka_unit_test(gcks_without_the_psk),
		cmocka_unit_test(gcks_is_no_sender),
		cmocka_unit_test(gcks_has_another_name),
		cmocka_unit_test(gcks_writes_its_name_in_another_type),
		cmocka_unit_test(not_admitted),
		cmocka_unit_test(forged_group_refusal),
		cmocka_unit_test(mike_group_of_another_group),
		cmocka_unit_test(mike_group_is_bound_to_the_nonce),
		cmocka_unit_test(no_common_proposal),
		cmocka_unit_test(wrong_ke_group),
		cmocka_unit_test(refused_peers_are_remembered),
		cmocka_unit_test(policyd_finds_it_unbound),
		cmocka_unit_test(the_next_gcks_is_asked_at_once),
		cmocka_unit_test(bad_policies),
		cmocka_unit_test(sender_of_one_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
