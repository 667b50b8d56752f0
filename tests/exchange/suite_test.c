/* SPDX-License-Identifier: ISC */
/* Algorithms, key exchange groups, cookies: what IKE_SA_INIT agrees on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/ike/sa.h"
#include "keymgrd/core/init.h"
#include "tests/lib/pair.h"
#include "tests/lib/raw.h"

static void
cnsa(void **state)
{
	struct world *w = world_two();

	(void)state;
	w->host[0].conf.suite = w->host[2].conf.suite = SUITE_CNSA;
	world_go(w);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_true(world_can_read(w, 2, 0));
	world_free(&w);
	/* One side only: nothing in common. */
	w = world_two();
	w->host[0].conf.suite = SUITE_CNSA;
	world_go(w);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	/* The short offer and the wide one. */
	assert_int_equal(world_count(w, 0, "reg.no-proposal"), 2);
	assert_int_equal(world_count(w, 2, "hint.error-notify"), 1);
	assert_true(world_noted(w, 2, "notify=14"));
	world_free(&w);
}

/* A registration by hand with each suite that the default policy has. */
static void
suites_of_the_default_policy(void **state)
{
	static const struct ike_suite s[] = {
		{ ENCR_AES_GCM_16, PRF_SHA256, KE_X25519, true },
		{ ENCR_AES_GCM_16, PRF_SHA256, KE_P256, true },
		{ ENCR_AES_GCM_16, PRF_SHA256, KE_P384, true },
		{ ENCR_AES_CBC, PRF_SHA256, KE_X25519, true },
		{ ENCR_AES_CBC, PRF_SHA256, KE_P384, true },
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(s); i++) {
		struct world *w = world_two();
		struct ike_view v;
		struct raw r;

		world_start(w, 0);
		world_settle(w);
		raw_init(&r, w, 0, 1);
		r.suite = s[i];
		raw_handshake(&r);
		raw_begin(&r, GSA_AUTH, 1);
		raw_put_auth(&r, 5, "correct horse");
		raw_put_idg(&r, W_GROUP);
		raw_end(&r);
		assert_int_equal(world_count(w, 0, "reg.ok"), 1);
		raw_view(&r, &v);
		assert_true(ike_has(&v.gsa) && ike_has(&v.kd));
		raw_fini(&r);
		world_free(&w);
	}
}

/* The unprotected answer to host 2's IKE_SA_INIT: one notify. */
struct forge {
	uint16_t type;
	uint8_t data[80];
	size_t len;
	unsigned int times; /* 0: always */
	unsigned int n;
	/* Of the requests that came. */
	uint8_t spi_nonce[8 + NONCE_LEN]; /* stay the same */
	unsigned int requests;
	bool cookie_first; /* the last one begins with this cookie */
	uint16_t ke;
};

static void
look(struct forge *f, const struct packet *p)
{
	struct init_view v;
	struct ike_ntf n;
	struct ike_walk walk;
	struct ike_pld pld;
	struct ike_hdr h;
	struct rbuf rb;

	assert_int_equal(init_read((struct chunk){ p->p, p->len }, &v), 0);
	assert_int_equal(v.c.nonce.len, NONCE_LEN);
	if (f->requests++ == 0) {
		memcpy(f->spi_nonce, p->p, 8);
		memcpy(f->spi_nonce + 8, v.c.nonce.p, NONCE_LEN);
	}
	assert_memory_equal(f->spi_nonce, p->p, 8);
	assert_memory_equal(f->spi_nonce + 8, v.c.nonce.p, NONCE_LEN);
	f->ke = v.ke.group;
	rb_init(&rb, p->p, p->len);
	assert_int_equal(ike_hdr_get(&rb, &h), 0);
	ike_walk_init(&walk, h.next, rb);
	assert_int_equal(ike_walk_next(&walk, &pld), 1);
	f->cookie_first = pld.type == PLD_NOTIFY &&
			  ike_ntf_get(pld.body, &n) == 0 &&
			  n.type == N_COOKIE && n.data.len == f->len &&
			  memcmp(n.data.p, f->data, f->len) == 0;
}

static enum net_verdict
answer_for_it(struct world *w, struct packet *p)
{
	struct ike_hdr h = { .exchange = IKE_SA_INIT,
		.version = IKE_VERSION,
		.flags = IKE_F_RESPONSE };
	struct forge *f = w->arg;
	uint8_t buf[256];
	struct chain c;
	struct wbuf wb;

	if (p->from != 2 || p->p[18] != IKE_SA_INIT)
		return NET_PASS;
	look(f, p);
	if (f->times != 0 && f->n >= f->times)
		return NET_PASS;
	f->n++;
	memcpy(h.spi_i, p->p, 8);
	wb_init(&wb, buf, sizeof(buf));
	assert_int_equal(ike_hdr_put(&wb, &h), 0);
	chain_init(&c, &wb, 16);
	assert_int_equal(
	    pld_notify_put(&c, f->type, (struct chunk){ f->data, f->len }), 0);
	assert_int_equal(wb_set_u32(&wb, 24, wb.len), 0);
	world_inject(w, &p->dst, &p->src, buf, wb.len);
	return NET_DROP;
}

/*
 * GM -> GCKS  IKE_SA_INIT { SA, KE, Nonce, ... }
 * GM <- GCKS  IKE_SA_INIT { N(COOKIE) }
 * GM -> GCKS  IKE_SA_INIT { N(COOKIE), the same }
 */
static void
cookie(void **state)
{
	struct forge f = { .type = N_COOKIE, .len = 17, .times = 1 };
	struct world *w = world_two();

	(void)state;
	memset(f.data, 0xc0, sizeof(f.data));
	w->net = answer_for_it;
	w->arg = &f;
	world_go(w);
	assert_int_equal(f.requests, 2);
	assert_true(f.cookie_first);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(world_count(w, 2, "init.cookie"), 1);
	world_free(&w);
}

/* Three challenges are followed, no more: it could go on for ever. */
static void
cookies_without_end(void **state)
{
	struct forge f = { .type = N_COOKIE, .len = 64 };
	struct world *w = world_two();

	(void)state;
	w->net = answer_for_it;
	w->arg = &f;
	world_go(w);
	assert_int_equal(f.requests, 4);
	assert_int_equal(world_count(w, 2, "init.cookie"), 3);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	/* It is patient, and when the forger goes, it gets through. */
	f.times = 1;
	world_run(w, w->now + 700);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	world_free(&w);
}

static void
cookie_of_no_use(void **state)
{
	struct forge f = { .type = N_COOKIE, .len = 65, .times = 1 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct world *w = world_two();

		f.n = f.requests = 0;
		w->net = answer_for_it;
		w->arg = &f;
		world_go(w);
		assert_int_equal(f.requests, 1);
		assert_int_equal(world_count(w, 2, "init.cookie"), 0);
		world_run(w, w->now + 700);
		assert_int_equal(world_state(w, 2), GS_KEYED);
		world_free(&w);
		f.len = 0;
	}
}

/*
 * GM -> GCKS  IKE_SA_INIT { KE of X25519 }
 * GM <- GCKS  IKE_SA_INIT { N(INVALID_KE_PAYLOAD, P-256) }
 * GM -> GCKS  IKE_SA_INIT { KE of P-256 }
 */
static void
another_group_is_wanted(void **state)
{
	struct forge f = { .type = N_INVALID_KE_PAYLOAD,
		.data = { 0, KE_P256 },
		.len = 2,
		.times = 1 };
	struct world *w = world_two();

	(void)state;
	w->host[2].conf.gcks[0].exchange = IKE_AUTH; /* offers all groups */
	w->net = answer_for_it;
	w->arg = &f;
	world_go(w);
	assert_int_equal(f.requests, 2);
	assert_int_equal(f.ke, KE_P256);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(world_count(w, 2, "init.invalid-ke"), 1);
	world_free(&w);
}

/*
 * GM -> GCKS  IKE_SA_INIT { SA: AES-GCM, X25519 }   few octets
 * GM <- GCKS  IKE_SA_INIT { N(NO_PROPOSAL_CHOSEN) }
 * GM -> GCKS  IKE_SA_INIT { SA: all that policy allows }
 */
static void
short_offer_is_widened(void **state)
{
	struct forge f = { .type = N_NO_PROPOSAL_CHOSEN, .times = 1 };
	struct world *w = world_two();

	(void)state;
	w->net = answer_for_it;
	w->arg = &f;
	world_go(w);
	assert_int_equal(f.requests, 2);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	world_free(&w);
	/* And not once more: the third answer of the kind is only shown. */
	f = (struct forge){ .type = N_NO_PROPOSAL_CHOSEN, .times = 2 };
	w = world_two();
	w->net = answer_for_it;
	w->arg = &f;
	world_go(w);
	assert_int_equal(f.requests, 2);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	assert_int_equal(world_count(w, 2, "hint.error-notify"), 1);
	world_run(w, w->now + 700);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	world_free(&w);
}

/* Once, and never one that was not offered: nobody proves who says so. */
static void
groups_that_are_not_followed(void **state)
{
	static const uint8_t want[] = { 14, KE_X25519, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(want); i++) {
		struct forge f = { .type = N_INVALID_KE_PAYLOAD,
			.data = { 0, want[i] },
			.len = 2,
			.times = 1 };
		struct world *w = world_two();

		w->net = answer_for_it;
		w->arg = &f;
		world_go(w);
		assert_int_equal(f.requests, 1);
		assert_true(world_noted(w, 2, "notify=17"));
		world_run(w, w->now + 700);
		assert_int_equal(world_state(w, 2), GS_KEYED);
		world_free(&w);
	}
}

/* RFC 7296 2.6.1: a cookie is kept when another group is wanted. */
static enum net_verdict
cookie_then_group(struct world *w, struct packet *p)
{
	struct forge *f = w->arg;

	if (p->from != 2 || p->p[18] != IKE_SA_INIT)
		return NET_PASS;
	if (f->n == 1) {
		f->type = N_INVALID_KE_PAYLOAD;
		look(f, p); /* with the cookie, before it is changed */
		assert_true(f->cookie_first);
		f->n++;
		f->type = N_COOKIE;
		world_inject(w, &p->dst, &p->src,
		    (const uint8_t[]){ p->p[0], p->p[1], p->p[2], p->p[3],
			p->p[4], p->p[5], p->p[6], p->p[7], 0, 0, 0, 0, 0, 0, 0,
			0, PLD_NOTIFY, IKE_VERSION, IKE_SA_INIT, IKE_F_RESPONSE,
			0, 0, 0, 0, 0, 0, 0, 38, 0, 0, 0, 10, 0, 0, 0,
			N_INVALID_KE_PAYLOAD, 0, KE_P384 },
		    38);
		return NET_DROP;
	}
	return answer_for_it(w, p);
}

static void
cookie_is_kept_for_another_group(void **state)
{
	struct forge f = { .type = N_COOKIE, .len = 20, .times = 1 };
	struct world *w = world_two();

	(void)state;
	memset(f.data, 0xab, sizeof(f.data));
	w->host[2].conf.gcks[0].exchange = IKE_AUTH;
	w->net = cookie_then_group;
	w->arg = &f;
	world_go(w);
	assert_int_equal(f.requests, 3);
	assert_true(f.cookie_first);
	assert_int_equal(f.ke, KE_P384);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	world_free(&w);
}

/* The GCKS asks for a group of the offer, and keeps nothing in mind. */
static void
gcks_asks_for_a_group(void **state)
{
	struct world *w = world_two();
	struct raw r;
	struct ike_view v;
	struct ike_hdr h;
	struct rbuf rb;
	const struct ike_ntf *n;
	uint8_t msg[1024];
	size_t at;

	(void)state;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	raw_init_send(&r);
	/* The same with a KE payload of 14: SA says X25519. */
	memcpy(msg, r.init, r.init_len);
	for (at = IKE_HDR_LEN; memcmp(msg + at, "\0\50\0\37\0\0", 6); at++)
		assert_true(at < r.init_len);
	msg[at + 3] = 14;
	msg[0] ^= 0x80;
	raw_send(&r, msg, r.init_len);
	rb_init(&rb, r.got, r.got_len);
	assert_int_equal(ike_hdr_get(&rb, &h), 0);
	assert_int_equal(ike_view_get(h.next, rb, &v), 0);
	n = ike_ntf_find(&v, N_INVALID_KE_PAYLOAD);
	assert_non_null(n);
	assert_int_equal(n->data.len, 2);
	assert_int_equal(n->data.p[1], KE_X25519);
	assert_memory_equal(h.spi_r, "\0\0\0\0\0\0\0\0", 8);
	assert_int_equal(world_count(w, 0, "init.invalid-ke"), 1);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cnsa),
		cmocka_unit_test(suites_of_the_default_policy),
		cmocka_unit_test(cookie),
		cmocka_unit_test(cookies_without_end),
		cmocka_unit_test(cookie_of_no_use),
		cmocka_unit_test(another_group_is_wanted),
		cmocka_unit_test(short_offer_is_widened),
		cmocka_unit_test(groups_that_are_not_followed),
		cmocka_unit_test(cookie_is_kept_for_another_group),
		cmocka_unit_test(gcks_asks_for_a_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
