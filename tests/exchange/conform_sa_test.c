/* SPDX-License-Identifier: ISC */
/*
 * Requirements of the standards that no other test would notice the loss of:
 * on an IKE SA that is open.  docs/conformance.md says which test stands for
 * which sentence.
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

#define LIFE_MS 3600000u

static void
go(struct world *w)
{
	world_start(w, 0);
	world_settle(w);
	world_start(w, 2);
	world_settle(w);
	assert_int_equal(world_state(w, 2), GS_KEYED);
}

static void
register_raw(struct raw *r, struct world *w)
{
	world_start(w, 0);
	world_settle(w);
	raw_init(r, w, 0, 1);
	r->fragments = true;
	raw_handshake(r);
	raw_begin(r, GSA_AUTH, 1);
	raw_put_auth(r, 5, "correct horse");
	raw_put_idg(r, W_GROUP);
	raw_end(r);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
}

static bool
alive(struct raw *r, uint32_t mid)
{
	unsigned int got = r->n_got;

	raw_begin(r, IKE_INFORMATIONAL, mid);
	raw_end(r);
	return r->n_got > got;
}

/* -- Delete, errors ----------------------------------------------------- */

/*
 * RFC 7296 3.11: one Delete payload for each protocol, several in a message;
 * SPIs that nobody knows are passed over.
 */
static void
several_delete_payloads(void **state)
{
	static const uint8_t esp[8] = { 3, 4, 0, 1, 1, 2, 3, 4 };
	static const uint8_t ah[8] = { 2, 4, 0, 1, 1, 2, 3, 4 };
	static const uint8_t ike[4] = { 1, 0, 0, 0 };
	struct chunk d[] = { { esp, sizeof(esp) }, { ah, sizeof(ah) },
		{ ike, sizeof(ike) } };

	(void)state;
	/* Without that of the IKE SA it stays; wherever that one stands. */
	for (size_t last = 1; last < 4; last++) {
		struct world *w = world_two();
		struct rbuf inner;
		struct raw r;

		register_raw(&r, w);
		raw_begin(&r, IKE_INFORMATIONAL, 2);
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(pld_raw_put(&r.chain, PLD_DELETE,
					     d[(last + i) % 3]),
			    0);
		raw_end(&r);
		assert_int_equal(raw_open(&r, &inner), 0);
		assert_int_equal(alive(&r, 3), last == 3);
		raw_fini(&r);
		world_free(&w);
	}
}

/*
 * RFC 7296 2.21.3: INVALID_SYNTAX is fatal in both peers; the IKE SA is gone
 * without a Delete.
 */
static void
invalid_syntax_ends_the_ike_sa(void **state)
{
	struct chunk torn = { (const uint8_t *)"", 1 };
	struct tap t = { .from = 2, .exchange = IKE_INFORMATIONAL };
	struct world *w = world_two();
	struct forge f = { 0 };
	struct sk_plain o;
	struct ike_view v;
	struct raw r;

	(void)state;
	register_raw(&r, w);
	raw_begin(&r, IKE_INFORMATIONAL, 2);
	assert_int_equal(pld_raw_put(&r.chain, PLD_NOTIFY, torn), 0);
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_INVALID_SYNTAX));
	assert_false(alive(&r, 3));
	raw_fini(&r);
	world_free(&w);

	w = world_two();
	go(w);
	tap_set(w, &t);
	forge_begin(&f, w);
	assert_int_equal(pld_raw_put(&f.c, PLD_NOTIFY, torn), 0);
	forge_end(&f, IKE_INFORMATIONAL, 0, 0, 0, 1);
	assert_int_equal(t.n, 1);
	tap_read(&t, f.sa, &o, &v);
	assert_non_null(ike_ntf_find(&v, N_INVALID_SYNTAX));
	sk_plain_free(&o);
	forge_begin(&f, w);
	forge_end(&f, IKE_INFORMATIONAL, 0, 1, 0, 1);
	assert_int_equal(t.n, 1);
	world_free(&w);
}

/* The same in the middle of a registration: it begins again. */
static void
invalid_syntax_while_registering(void **state)
{
	static const uint8_t exchanges[] = { GSA_AUTH, IKE_AUTH };
	struct chunk torn = { (const uint8_t *)"", 1 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tap t = {
			.from = 0, .exchange = GSA_REGISTRATION, .drop = true
		};
		struct world *w = world_two();
		struct forge f = { 0 };

		w->host[2].conf.gcks[0].exchange = exchanges[i];
		tap_set(w, &t);
		world_start(w, 0);
		world_settle(w);
		world_start(w, 2);
		while (t.n == 0)
			world_run(w, w->now + 100);
		forge_begin(&f, w);
		assert_int_equal(pld_raw_put(&f.c, PLD_NOTIFY, torn), 0);
		forge_end(&f, IKE_INFORMATIONAL, 0, 0, 0, 1);
		assert_int_equal(world_count(w, 2, "refuse.invalid-syntax"), 1);
		w->net = NULL;
		world_run(w, w->now + 60000);
		assert_int_equal(world_state(w, 2), GS_KEYED);
		assert_true(world_can_read(w, 2, 0));
		world_free(&w);
	}
}

/*
 * RFC 7296 2.21.3, 2.5: other errors are answered and end nothing; an unknown
 * critical payload is named.
 */
static void
a_critical_payload_ends_nothing(void **state)
{
	struct tap t = { .from = 2, .exchange = IKE_INFORMATIONAL };
	struct chunk none_in_it = { NULL, 0 };
	struct world *w = world_two();
	struct forge f = { 0 };
	const struct ike_ntf *n;
	struct sk_plain o;
	struct ike_view v;
	struct raw r;

	(void)state;
	register_raw(&r, w);
	raw_begin(&r, IKE_INFORMATIONAL, 2);
	assert_int_equal(
	    pld_raw_put(&r.chain, (enum ike_payload)200, none_in_it), 0);
	r.buf[r.wb.len - 3] |= 0x80;
	raw_end(&r);
	raw_view(&r, &v);
	assert_non_null(n = ike_ntf_find(&v, N_UNSUPPORTED_CRITICAL_PAYLOAD));
	assert_int_equal(n->data.len, 1);
	assert_int_equal(n->data.p[0], 200);
	assert_true(alive(&r, 3));
	raw_fini(&r);
	world_free(&w);

	w = world_two();
	go(w);
	tap_set(w, &t);
	forge_begin(&f, w);
	assert_int_equal(
	    pld_raw_put(&f.c, (enum ike_payload)200, none_in_it), 0);
	f.buf[f.wb.len - 3] |= 0x80;
	forge_end(&f, IKE_INFORMATIONAL, 0, 0, 0, 1);
	tap_read(&t, f.sa, &o, &v);
	assert_non_null(n = ike_ntf_find(&v, N_UNSUPPORTED_CRITICAL_PAYLOAD));
	assert_int_equal(n->data.p[0], 200);
	sk_plain_free(&o);
	forge_begin(&f, w);
	forge_end(&f, IKE_INFORMATIONAL, 0, 1, 0, 1);
	assert_int_equal(t.n, 2);
	world_free(&w);
}

/* RFC 7296 3.10.1: an error that nobody knows is an error all the same. */
static void
unknown_error_in_a_response(void **state)
{
	struct chunk none_in_it = { NULL, 0 };
	struct tap t = { .from = 0, .exchange = GSA_REGISTRATION };
	struct world *w = world_two();
	struct forge f = { 0 };

	(void)state;
	t.drop = true;
	go(w);
	tap_set(w, &t);
	/* Until it registers again, and no further. */
	while (t.n == 0)
		world_run(w, w->now + 100);
	forge_begin(&f, w);
	assert_int_equal(pld_notify_put(&f.c, 8999, none_in_it), 0);
	assert_int_equal(pld_notify_put(&f.c, 16999, none_in_it), 0);
	forge_end(&f, GSA_REGISTRATION, IKE_F_RESPONSE, 2, 0, 1);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	assert_non_null(strstr(world_detail(w, 2), "notify 8999"));
	world_free(&w);
}

/* -- fragments ---------------------------------------------------------- */

static void
put_long(struct chain *c)
{
	static const uint8_t filler[300];

	assert_int_equal(
	    pld_notify_put(c, 16999, (struct chunk){ filler, sizeof(filler) }),
	    0);
}

/* A request in fragments, of which no more than the first arrives. */
static void
send_first_fragment(struct raw *r, uint32_t mid)
{
	struct ike_hdr h = { .exchange = IKE_INFORMATIONAL,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR,
		.mid = mid };
	struct chunk inner, m, rest;
	struct wbuf wb;

	raw_begin(r, IKE_INFORMATIONAL, mid);
	put_long(&r->chain);
	inner = (struct chunk){ r->buf + 1, r->wb.len - 1 };
	memcpy(h.spi_i, r->spi_i, 8);
	memcpy(h.spi_r, r->spi_r, 8);
	wb_init(&wb, r->out, sizeof(r->out));
	assert_int_equal(
	    sk_protect(&r->keys.i, &h, r->buf[0], inner, 200, &r->iv, &wb), 0);
	rest = (struct chunk){ r->out, wb.len };
	assert_true(sk_next(&rest, &m));
	raw_send(r, m.p, m.len);
}

/*
 * RFC 7383 2.6: what was not complete in time is forgotten, and is no failure
 * of the IKE SA.
 */
static void
incomplete_fragments_are_dropped(void **state)
{
	struct tap t = { .from = 2, .exchange = IKE_INFORMATIONAL };
	struct world *w = world_two();
	struct forge f = { 0 };
	struct ikesa *sa;
	struct raw r;

	(void)state;
	register_raw(&r, w);
	sa = forge_sa(w);
	send_first_fragment(&r, 2);
	assert_non_null(sa->frags);
	world_run(w, w->now + 300000);
	assert_ptr_equal(forge_sa(w), sa);
	assert_null(sa->frags);
	assert_true(alive(&r, 2));
	raw_fini(&r);
	world_free(&w);

	w = world_two();
	go(w);
	tap_set(w, &t);
	forge_begin(&f, w);
	put_long(&f.c);
	forge_end(&f, IKE_INFORMATIONAL, 0, 0, 200, 1);
	assert_non_null(w->host[2].km->gm->sa->peer_frags);
	world_run(w, w->now + 300000);
	assert_non_null(w->host[2].km->gm->sa);
	assert_null(w->host[2].km->gm->sa->peer_frags);
	assert_int_equal(t.n, 0);
	/* Whole, it is served. */
	forge_begin(&f, w);
	put_long(&f.c);
	forge_end(&f, IKE_INFORMATIONAL, 0, 0, 200, 9);
	assert_int_equal(t.n, 1);
	world_free(&w);
}

/*
 * RFC 7383 2.6.1: of a request that was answered, fragment 1 draws the answer
 * once more, and the others nothing.
 */
static void
repeated_fragments_of_the_gcks(void **state)
{
	struct tap t = { .from = 2, .exchange = IKE_INFORMATIONAL };
	struct world *w = world_two();
	struct forge f = { 0 };

	(void)state;
	go(w);
	tap_set(w, &t);
	forge_begin(&f, w);
	put_long(&f.c);
	forge_end(&f, IKE_INFORMATIONAL, 0, 0, 200, 9);
	assert_int_equal(t.n, 1);
	for (int i = 0; i < 3; i++) {
		forge_again(&f, 1);
		assert_int_equal(t.n, 2u + (unsigned int)i);
		forge_again(&f, 2);
		forge_again(&f, 3);
		assert_int_equal(t.n, 2u + (unsigned int)i);
	}
	/* A forged one nothing either. */
	f.out[40] ^= 1;
	forge_again(&f, 1);
	assert_int_equal(t.n, 4);
	world_free(&w);
}

/* -- membership --------------------------------------------------------- */

/*
 * RFC 9838 2.3.2: who does not want the keys is no member: its IKE SA is kept
 * no longer than that of anybody else.
 */
static void
who_leaves_is_no_member(void **state)
{
	static const uint16_t why[] = { N_NO_PROPOSAL_CHOSEN,
		N_REGISTRATION_FAILED, 0 };
	struct chunk none_in_it = { NULL, 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world *w = world_two();
		struct rbuf inner;
		struct raw r;

		register_raw(&r, w);
		assert_true(forge_sa(w)->member);
		raw_begin(&r, GSA_REGISTRATION, 2);
		raw_put_idg(&r, W_GROUP);
		if (why[i] != 0)
			assert_int_equal(
			    pld_notify_put(&r.chain, why[i], none_in_it), 0);
		raw_end(&r);
		if (why[i] != 0)
			assert_int_equal(raw_open(&r, &inner), 0);
		assert_int_equal(forge_sa(w)->member, why[i] == 0);
		world_run(w, w->now + LIFE_MS / 2);
		assert_int_equal(alive(&r, 3), why[i] == 0);
		raw_fini(&r);
		world_free(&w);
	}
}

/* The GCKS deletes the IKE SA on which leave is taken: that is leave enough. */
static void
deleted_while_leaving(void **state)
{
	static const uint8_t del[4] = { PROTO_IKE };
	struct tap t = {
		.from = 2, .exchange = GSA_REGISTRATION, .drop = true
	};
	struct km_in in = { .ev = KM_EV_LEAVE };
	struct world *w = world_two();
	struct forge f = { 0 };

	(void)state;
	go(w);
	tap_set(w, &t);
	assert_int_equal(world_event(w, 2, &in), 0);
	assert_int_equal(t.n, 1);
	forge_begin(&f, w);
	assert_int_equal(
	    pld_raw_put(&f.c, PLD_DELETE, (struct chunk){ del, sizeof(del) }),
	    0);
	forge_end(&f, IKE_INFORMATIONAL, 0, 0, 0, 1);
	w->net = NULL;
	world_run(w, w->now + 3000);
	assert_int_equal(w->host[2].n_left, 1);
	world_run(w, w->now + LIFE_MS);
	assert_int_equal(w->host[2].n_left, 1);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	world_free(&w);
}

/*
 * RFC 9838 2.3.3: a member holds its SAs inbound only, and the GCKS, which
 * sends, outbound only; nothing of the registration before stays.
 */
static void
directions(void **state)
{
	struct world *w = world_two();

	(void)state;
	go(w);
	for (int k = 0; k < 3; k++) {
		assert_int_equal(world_sas(w, 2, SA_OUT), 0);
		assert_true(world_sas(w, 2, SA_IN) > 0);
		assert_int_equal(world_sas(w, 0, SA_IN), 0);
		assert_true(world_sas(w, 0, SA_OUT) > 0);
		world_run(w, w->now + LIFE_MS);
	}
	/* Two addresses, this step and the next. */
	assert_true(world_sas(w, 2, SA_IN) <= 4);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_delete_payloads),
		cmocka_unit_test(invalid_syntax_ends_the_ike_sa),
		cmocka_unit_test(invalid_syntax_while_registering),
		cmocka_unit_test(a_critical_payload_ends_nothing),
		cmocka_unit_test(unknown_error_in_a_response),
		cmocka_unit_test(incomplete_fragments_are_dropped),
		cmocka_unit_test(repeated_fragments_of_the_gcks),
		cmocka_unit_test(who_leaves_is_no_member),
		cmocka_unit_test(deleted_while_leaving),
		cmocka_unit_test(directions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
