/* SPDX-License-Identifier: ISC */
/*
 * Requirements of the standards that no other test would notice the loss of:
 * IKE_SA_INIT, IKE_AUTH, GSA_AUTH.  conform_sa_test.c has those of open SAs.
 * docs/conformance.md says which test stands for which sentence.
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
#include "tests/lib/forge.h"
#include "tests/lib/raw.h"

static void
register_raw(struct raw *r, struct world *w, const char *group)
{
	world_start(w, 0);
	world_settle(w);
	raw_init(r, w, 0, 1);
	raw_handshake(r);
	raw_begin(r, GSA_AUTH, 1);
	raw_put_auth(r, 5, "correct horse");
	raw_put_idg(r, group);
	raw_end(r);
}

static bool
alive(struct raw *r, uint32_t mid)
{
	unsigned int got = r->n_got;

	raw_begin(r, IKE_INFORMATIONAL, mid);
	raw_end(r);
	return r->n_got > got;
}

/* -- IKE_SA_INIT -------------------------------------------------------- */

/*
 * RFC 7296 2.6: the cookie as the first payload, and all other payloads
 * unchanged; the key, too.
 */
static void
a_cookie_changes_nothing_else(void **state)
{
	static const uint8_t cookie[20] = { 0xc0, 0x0c };
	struct tap t = { .from = 2, .exchange = IKE_SA_INIT, .drop = true };
	struct world *w = world_two();
	size_t more = 8 + sizeof(cookie);
	struct tap was;

	(void)state;
	tap_set(w, &t);
	world_go(w);
	was = t;
	forge_init(w, &t, N_COOKIE, (struct chunk){ cookie, sizeof(cookie) });
	assert_int_equal(t.n, 2);
	assert_int_equal(t.len, was.len + more);
	assert_memory_equal(t.p, was.p, 16);
	assert_int_equal(t.p[16], PLD_NOTIFY);
	assert_int_equal(t.p[IKE_HDR_LEN], was.p[16]);
	assert_memory_equal(t.p + IKE_HDR_LEN + 8, cookie, sizeof(cookie));
	assert_memory_equal(t.p + IKE_HDR_LEN + more, was.p + IKE_HDR_LEN,
	    was.len - IKE_HDR_LEN);
	world_free(&w);
}

static void
view_init(const struct tap *t, struct ike_view *v)
{
	struct ike_hdr h;
	struct rbuf rb;

	rb_init(&rb, t->p, t->len);
	assert_int_equal(ike_hdr_get(&rb, &h), 0);
	assert_int_equal(ike_view_get(h.next, rb, v), 0);
}

/*
 * RFC 7296 1.2: with another group the whole offer is made again, because
 * nobody vouches for the answer that asked for it.
 */
static void
another_group_gets_the_whole_offer(void **state)
{
	static const uint8_t want[2] = { 0, KE_P384 };
	struct tap t = { .from = 2, .exchange = IKE_SA_INIT, .drop = true };
	struct world *w = world_two();
	struct ike_view a, b;
	struct tap was;

	(void)state;
	w->host[2].conf.gcks[0].exchange = IKE_AUTH; /* the longest offer */
	tap_set(w, &t);
	world_go(w);
	was = t;
	forge_init(w, &t, N_INVALID_KE_PAYLOAD, (struct chunk){ want, 2 });
	assert_int_equal(t.n, 2);
	view_init(&was, &a);
	view_init(&t, &b);
	assert_int_equal(rb_left(&a.sa), rb_left(&b.sa));
	assert_memory_equal(a.sa.p, b.sa.p, rb_left(&a.sa));
	assert_memory_equal(a.nonce.p, b.nonce.p, 32);
	assert_int_equal(a.n_ntf, b.n_ntf);
	assert_int_equal(b.ke.p[1], KE_P384);
	world_free(&w);
}

/* RFC 7296 3.3.1: the first proposal is number 1, and so on. */
static void
proposals_are_numbered_without_gaps(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct tap t = { .from = 2, .exchange = IKE_SA_INIT };
		struct world *w = world_two();
		struct ike_view v;
		uint8_t num = 0;

		w->host[2].conf.suite = i & 1 ? SUITE_CNSA : SUITE_DEFAULT;
		w->host[2].conf.gcks[0].exchange = i & 2 ? IKE_AUTH : GSA_AUTH;
		tap_set(w, &t);
		world_go(w);
		view_init(&t, &v);
		while (rb_left(&v.sa) > 0) {
			const uint8_t *p = v.sa.p;
			size_t len = (size_t)(p[2] << 8 | p[3]);

			assert_int_equal(p[4], ++num);
			assert_int_equal(rb_skip(&v.sa, len), 0);
		}
		assert_true(num >= 1);
		world_free(&w);
	}
}

/* Put a payload of a type that nobody knows at the end of r->init. */
static void
add_unknown(struct raw *r, uint8_t flags)
{
	uint8_t *next = &r->init[16];
	size_t at = IKE_HDR_LEN;

	while (at < r->init_len) {
		next = &r->init[at];
		at += (size_t)(next[2] << 8 | next[3]);
	}
	*next = 200;
	memcpy(r->init + at, (const uint8_t[]){ 0, flags, 0, 4 }, 4);
	r->init_len += 4;
	r->init[26] = (uint8_t)(r->init_len >> 8);
	r->init[27] = (uint8_t)r->init_len;
	r->init[1] ^= flags ^ 0x11; /* another SPI: another exchange */
}

/*
 * RFC 7296 2.5: an unknown payload is skipped, or refused when it is critical;
 * the notify names its type.
 */
static void
critical_payload_in_ike_sa_init(void **state)
{
	struct world *w = world_two();
	const struct ike_ntf *n;
	struct ike_view v;
	struct ike_hdr h;
	struct rbuf rb;
	struct raw r;

	(void)state;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	for (int critical = 0; critical < 2; critical++) {
		raw_init_send(&r);
		add_unknown(&r, critical ? 0x80 : 0);
		raw_send(&r, r.init, r.init_len);
		rb_init(&rb, r.got, r.got_len);
		assert_int_equal(ike_hdr_get(&rb, &h), 0);
		assert_int_equal(h.flags, IKE_F_RESPONSE);
		assert_int_equal(ike_view_get(h.next, rb, &v), 0);
		assert_int_equal(ike_has(&v.sa), !critical);
		n = ike_ntf_find(&v, N_UNSUPPORTED_CRITICAL_PAYLOAD);
		assert_int_equal(n != NULL, critical);
		if (n != NULL) {
			assert_int_equal(n->data.len, 1);
			assert_int_equal(n->data.p[0], 200);
		}
	}
	world_free(&w);
}

/* RFC 6023 4: the notify is about an IKE SA, so its Protocol ID is 1. */
static void
childless_notify_has_protocol_1(void **state)
{
	struct world *w = world_two();
	const struct ike_ntf *n;
	struct ike_view v;
	struct ike_hdr h;
	struct rbuf rb;
	struct raw r;

	(void)state;
	w->host[0].conf.foreign = true;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	r.foreign = true;
	r.suite.kwa = false;
	raw_init_send(&r);
	rb_init(&rb, r.got, r.got_len);
	assert_int_equal(ike_hdr_get(&rb, &h), 0);
	assert_int_equal(ike_view_get(h.next, rb, &v), 0);
	assert_non_null(n = ike_ntf_find(&v, N_CHILDLESS_IKEV2_SUPPORTED));
	assert_int_equal(n->proto, 1);
	assert_int_equal(n->spi.len, 0);
	assert_int_equal(n->data.len, 0);
	world_free(&w);
}

/* -- IKE_AUTH and GSA_AUTH ---------------------------------------------- */

struct order {
	bool offered, sent;
};

static enum net_verdict
watch_childless(struct world *w, struct packet *p)
{
	struct order *o = w->arg;
	struct init_view v;

	if (p->from == 0 && p->p[18] == IKE_SA_INIT) {
		assert_int_equal(
		    init_read((struct chunk){ p->p, p->len }, &v), 0);
		o->offered = v.childless;
	}
	o->sent |= p->p[18] == IKE_AUTH;
	return NET_PASS;
}

/* RFC 6023 3: nobody leaves the Child SA out unless the responder offered. */
static void
no_childless_ike_auth_without_the_notify(void **state)
{
	struct order o = { false, false };
	struct world *w = world_two();

	(void)state;
	w->host[2].conf.gcks[0].exchange = IKE_AUTH;
	w->net = watch_childless;
	w->arg = &o;
	world_go(w);
	assert_true(o.offered || !o.sent);
	world_free(&w);
}

/* RFC 6023 5: then there is nothing of a Child SA in it. */
static void
childless_request_has_nothing_of_a_child(void **state)
{
	struct tap t = { .from = 2, .exchange = IKE_AUTH };
	struct world *w = world_two();
	struct sk_plain o;
	struct ike_view v;

	(void)state;
	w->host[2].conf.gcks[0].exchange = IKE_AUTH;
	tap_set(w, &t);
	world_go(w);
	tap_read(&t, forge_sa(w), &o, &v);
	assert_true(ike_has(&v.id_i) && ike_has(&v.auth));
	assert_false(ike_has(&v.sa) || ike_has(&v.ts_i) || ike_has(&v.id_g));
	assert_null(ike_ntf_find(&v, N_USE_TRANSPORT_MODE));
	sk_plain_free(&o);
	world_free(&w);
}

/* RFC 9838 2.3.1, 2.3.3: GSA_AUTH names the group by KEY_ID and lists KWA. */
static void
gsa_auth_request_has_all_that_is_asked(void **state)
{
	struct tap t = { .from = 2, .exchange = GSA_AUTH };
	struct world *w = world_two();
	struct sk_plain o;
	struct ike_view v;

	(void)state;
	tap_set(w, &t);
	world_go(w);
	tap_read(&t, forge_sa(w), &o, &v);
	assert_true(ike_has(&v.id_i) && ike_has(&v.auth));
	assert_false(ike_has(&v.ts_i));
	assert_int_equal(v.id_g.p[0], 11);
	assert_memory_equal(v.id_g.p + 4, W_GROUP, strlen(W_GROUP));
	assert_int_equal(sag_check(v.sa), 0);
	/* A receiver is no sender. */
	assert_null(ike_ntf_find(&v, N_GROUP_SENDER));
	sk_plain_free(&o);
	world_free(&w);
}

/* RFC 9838 2.3.3: the GCKS does not look at SPIs in SAg. */
static void
spis_in_sag_are_passed_over(void **state)
{
	static const uint8_t sag[] = {
		/* GIKE_UPDATE: KWA; an SPI of 16 octets */
		2, 0, 0, 32, 1, PROTO_UPDATE, 16, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9,
		10, 11, 12, 13, 14, 15, 16, 0, 0, 0, 8, XF_KWA, 0, 0,
		KW_5649_256,
		/* ESP: AES-256-GCM-16, SN 0; an SPI of 4 octets */
		0, 0, 0, 32, 1, PROTO_ESP, 4, 2, 0xff, 0xff, 0xff, 0xff, 3, 0,
		0, 12, XF_ENCR, 0, 0, ENCR_AES_GCM_16, 0x80, 14, 1, 0, 0, 0, 0,
		8, XF_SN, 0, 0, SN_32_SEQUENTIAL
	};
	struct world *w = world_two();
	struct raw r;

	(void)state;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	raw_handshake(&r);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, W_GROUP);
	assert_int_equal(
	    pld_raw_put(&r.chain, PLD_SA, (struct chunk){ sag, sizeof(sag) }),
	    0);
	raw_end(&r);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	raw_fini(&r);
	world_free(&w);
}

/*
 * RFC 9838 2.3.1: a refusal of the group stands beside IDr and AUTH, and the
 * IKE SA is up: the right group can be had on it.
 */
static void
refused_group_leaves_the_ike_sa(void **state)
{
	struct world *w = world_two();
	struct ike_view v;
	struct raw r;

	(void)state;
	register_raw(&r, w, "another");
	raw_view(&r, &v);
	assert_non_null(ike_ntf_find(&v, N_INVALID_GROUP_ID));
	assert_true(ike_has(&v.id_r) && ike_has(&v.auth));
	assert_false(ike_has(&v.gsa) || ike_has(&v.kd));
	raw_begin(&r, GSA_REGISTRATION, 2);
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	raw_view(&r, &v);
	assert_true(ike_has(&v.gsa) && ike_has(&v.kd));
	raw_fini(&r);
	world_free(&w);
}

/* RFC 7296 2.21.2: who is not authenticated has no IKE SA. */
static void
failed_authentication_ends_the_ike_sa(void **state)
{
	struct world *w = world_two();
	struct raw r;

	(void)state;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	raw_handshake(&r);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "wrong horse");
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_AUTHENTICATION_FAILED));
	assert_false(alive(&r, 2));
	raw_fini(&r);
	world_free(&w);
}

/*
 * RFC 7296 2.5, 3.10.1: unknown payloads, Vendor IDs, status notifies and,
 * in a request, error notifies are passed over.
 */
static void
what_is_unknown_in_a_request_is_skipped(void **state)
{
	struct chunk some = { (const uint8_t *)"anything", 8 };
	struct world *w = world_two();
	struct raw r;

	(void)state;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	r.notify = 16999;
	raw_handshake(&r);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, W_GROUP);
	assert_int_equal(pld_raw_put(&r.chain, (enum ike_payload)200, some), 0);
	assert_int_equal(pld_notify_put(&r.chain, 16999, some), 0);
	assert_int_equal(pld_notify_put(&r.chain, 8999, some), 0);
	assert_int_equal(pld_raw_put(&r.chain, PLD_VENDOR, some), 0);
	/* C is for unknown types; on a known one it means nothing. */
	r.buf[r.wb.len - 11] |= 0x80;
	raw_end(&r);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	raw_fini(&r);
	world_free(&w);
}

static void
give_ppk(struct km_conf *c)
{
	memcpy(c->ppk_id, "\2hedge", 6);
	c->ppk_id_len = 6;
}

/*
 * RFC 8784 3: the responder did not use a PPK that is mandatory; it is told
 * AUTHENTICATION_FAILED in an exchange of its own.
 */
static void
ppk_not_confirmed_is_told(void **state)
{
	struct tap t = { .from = 0, .exchange = GSA_AUTH, .drop = true };
	struct forge f = { 0 };
	struct world *w = world_two();
	struct sk_plain o;
	struct ike_view v;

	(void)state;
	give_ppk(&w->host[0].conf);
	give_ppk(&w->host[2].conf);
	tap_set(w, &t);
	world_go(w);
	assert_int_equal(t.n, 1);
	/* The GCKS would end the IKE SA, and its keys with it. */
	t = (struct tap){
		.from = 2, .exchange = IKE_INFORMATIONAL, .drop = true
	};
	forge_begin(&f, w);
	assert_int_equal(pld_raw_put(&f.c, PLD_IDR,
			     (struct chunk){ w->host[0].conf.own_id,
				 w->host[0].conf.own_id_len }),
	    0);
	assert_int_equal(pld_auth_put(&f.c, 2, (struct chunk){ f.out, 32 }), 0);
	forge_end(&f, GSA_AUTH, IKE_F_RESPONSE, 1, 0, 1);
	assert_int_equal(world_count(w, 2, "reg.auth-failed"), 1);
	assert_int_equal(t.n, 1);
	tap_read(&t, f.sa, &o, &v);
	assert_non_null(ike_ntf_find(&v, N_AUTHENTICATION_FAILED));
	sk_plain_free(&o);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cookie_changes_nothing_else),
		cmocka_unit_test(another_group_gets_the_whole_offer),
		cmocka_unit_test(proposals_are_numbered_without_gaps),
		cmocka_unit_test(critical_payload_in_ike_sa_init),
		cmocka_unit_test(childless_notify_has_protocol_1),
		cmocka_unit_test(no_childless_ike_auth_without_the_notify),
		cmocka_unit_test(childless_request_has_nothing_of_a_child),
		cmocka_unit_test(gsa_auth_request_has_all_that_is_asked),
		cmocka_unit_test(spis_in_sag_are_passed_over),
		cmocka_unit_test(refused_group_leaves_the_ike_sa),
		cmocka_unit_test(failed_authentication_ends_the_ike_sa),
		cmocka_unit_test(what_is_unknown_in_a_request_is_skipped),
		cmocka_unit_test(ppk_not_confirmed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
