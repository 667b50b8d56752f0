/* SPDX-License-Identifier: ISC */
/*
 * What must always hold of messages, broken by hand: each rule where it
 * breaks, and beside it what looks like that and is right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/ike/hdr.h"
#include "mikesim/core/site.h"
#include "tests/lib/invworld.h"
#include "tests/lib/scn.h"

#define eq assert_int_equal
#define broken(s, n, rule) inv_world_broken(s, n, rule)
#define IKE_MAX 400

/* -- messages ------------------------------------------------------------- */

/* What an IKE message is made of. */
struct ike {
	uint8_t spi_i, spi_r; /* in all octets */
	uint8_t exchange, flags;
	uint32_t mid;
	uint64_t iv;	/* protected ones */
	uint16_t frag;	/* its number; 0: SK */
	uint8_t nonce;	/* IKE_SA_INIT, in all octets */
	uint8_t filler; /* what else is in it */
};

static void
body_init(struct wbuf *wb, const struct ike *m)
{
	uint8_t nonce[32], ke[40] = { 0 };

	memset(nonce, m->nonce, sizeof(nonce));
	memset(ke + 4, m->filler, sizeof(ke) - 4);
	ke[1] = 31;
	eq(wb_u8(wb, PLD_NONCE), 0);
	eq(wb_u8(wb, 0), 0);
	eq(wb_u16(wb, 4 + sizeof(ke)), 0);
	eq(wb_put(wb, ke, sizeof(ke)), 0);
	eq(wb_u8(wb, 0), 0);
	eq(wb_u8(wb, 0), 0);
	eq(wb_u16(wb, 4 + sizeof(nonce)), 0);
	eq(wb_put(wb, nonce, sizeof(nonce)), 0);
}

static void
body_protected(struct wbuf *wb, const struct ike *m)
{
	uint8_t box[40];

	memset(box, m->filler, sizeof(box));
	eq(wb_u8(wb, 0), 0);
	eq(wb_u8(wb, 0), 0);
	eq(wb_u16(wb, sizeof(box) + (m->frag > 0 ? 16u : 12u)), 0);
	if (m->frag > 0) {
		eq(wb_u16(wb, m->frag), 0);
		eq(wb_u16(wb, 3), 0);
	}
	eq(wb_u64(wb, m->iv), 0);
	eq(wb_put(wb, box, sizeof(box)), 0);
}

static void
sent(struct site *s, struct host *h, struct ike m)
{
	uint8_t body[IKE_MAX], msg[IKE_MAX];
	struct ike_hdr hdr = { .version = IKE_VERSION,
		.exchange = m.exchange,
		.flags = m.flags,
		.mid = m.mid };
	struct wbuf wb;
	size_t len;

	wb_init(&wb, body, sizeof(body));
	if (m.exchange == IKE_SA_INIT)
		body_init(&wb, &m);
	else
		body_protected(&wb, &m);
	len = wb.len;
	hdr.next = m.exchange == IKE_SA_INIT ? PLD_KE
		   : m.frag > 0		     ? PLD_SKF
					     : PLD_SK;
	memset(hdr.spi_i, m.spi_i, 8);
	memset(hdr.spi_r, m.spi_r, 8);
	hdr.len = (uint32_t)(IKE_HDR_LEN + len);
	wb_init(&wb, msg, sizeof(msg));
	eq(ike_hdr_put(&wb, &hdr), 0);
	eq(wb_put(&wb, body, len), 0);
	inv_packet(s, h, (struct chunk){ msg, IKE_HDR_LEN + len });
}

static struct ike
auth(void)
{
	return (struct ike){ .spi_i = 1,
		.spi_r = 2,
		.exchange = GSA_AUTH,
		.flags = IKE_F_INITIATOR,
		.mid = 1,
		.iv = 77 };
}

static struct ike
init(void)
{
	return (struct ike){ .spi_i = 1,
		.exchange = IKE_SA_INIT,
		.flags = IKE_F_INITIATOR,
		.nonce = 9 };
}

/* A retransmission is the same, octet for octet. */
static void
same_octets_again(void **state)
{
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	for (unsigned int i = 0; i < 3; i++) {
		sent(w.s, w.gm, init());
		sent(w.s, w.gm, auth());
	}
	broken(w.s, 0, "");
	inv_world_fini(&w);
}

static void
an_iv_with_other_octets(void **state)
{
	struct ike m = auth();
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	sent(w.s, w.gm, m);
	m.mid = 2;
	m.iv = 78;
	sent(w.s, w.gm, m);
	broken(w.s, 0, "");
	m.mid = 3; /* the next message, under the IV of the last */
	sent(w.s, w.gm, m);
	broken(w.s, 1, "once");
	assert_string_equal(w.s->why,
	    "once: gm-01-00001 at 1.500 s: an IV is used a second time");
	assert_true(w.s->why_at == w.s->now);
	inv_world_fini(&w);
}

/* An IV is a host's: keys are never the same on two of them. */
static void
an_iv_of_another_host(void **state)
{
	struct ike m = auth();
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	sent(w.s, w.gm, m);
	m.spi_i = 3;
	m.filler = 5;
	sent(w.s, w.other, m);
	broken(w.s, 0, "");
	sent(w.s, w.gm, m); /* of another IKE SA, but of the same host */
	broken(w.s, 1, "once");
	inv_world_fini(&w);
}

static void
a_message_id_with_other_octets(void **state)
{
	struct ike m = auth();
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	sent(w.s, w.gm, m);
	m.iv = 78; /* protected anew */
	sent(w.s, w.gm, m);
	broken(w.s, 1, "once");
	assert_non_null(strstr(w.s->why, "a Message ID"));
	inv_world_fini(&w);
}

/* The same number: of the answer, of the other way, of another IKE SA. */
static void
message_ids_of_others(void **state)
{
	static const uint8_t flags[] = { IKE_F_INITIATOR,
		IKE_F_INITIATOR | IKE_F_RESPONSE, IKE_F_RESPONSE, 0 };
	struct ike m = auth();
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	for (size_t i = 0; i < 4; i++)
		for (uint8_t spi = 1; spi < 4; spi++) {
			m.flags = flags[i];
			m.spi_i = spi;
			m.iv++;
			sent(w.s, w.gm, m);
			m.spi_r++;
			m.iv++;
			sent(w.s, w.gm, m);
			m.spi_r--;
		}
	broken(w.s, 0, "");
	inv_world_fini(&w);
}

/* Fragments share a Message ID, but not their numbers and IVs. */
static void
fragments(void **state)
{
	struct ike m = auth();
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	for (unsigned int again = 0; again < 2; again++)
		for (m.frag = 1; m.frag <= 3; m.frag++) {
			m.iv = 100 + m.frag;
			sent(w.s, w.gm, m);
		}
	broken(w.s, 0, "");
	m.frag = 2;
	m.iv = 200;
	sent(w.s, w.gm, m);
	broken(w.s, 1, "once");
	m.frag = 3;
	m.mid = 9;
	m.iv = 101;
	sent(w.s, w.gm, m);
	broken(w.s, 2, "once");
	inv_world_fini(&w);
}

static void
an_spi_a_second_time(void **state)
{
	struct ike m = init();
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	sent(w.s, w.gm, m);
	m.nonce = 10; /* a new exchange, under the old SPI */
	sent(w.s, w.gm, m);
	broken(w.s, 1, "once");
	assert_non_null(strstr(w.s->why, "an IKE SPI"));
	inv_world_fini(&w);
}

/* INVALID_KE_PAYLOAD, COOKIE: the same nonce, and the rest may be another. */
static void
an_spi_with_another_key(void **state)
{
	struct ike m = init();
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	sent(w.s, w.gm, m);
	m.filler = 3;
	sent(w.s, w.gm, m);
	m.spi_i = 2;
	m.nonce = 11;
	sent(w.s, w.gm, m);
	m.spi_i = 1;
	m.nonce = 12;
	sent(w.s, w.other, m); /* SPIs are a host's own */
	broken(w.s, 0, "");
	inv_world_fini(&w);
}

/* Who answers is held to all octets; with no SPI yet there is none to see. */
static void
an_answer_under_an_spi(void **state)
{
	struct ike m = init();
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	m.flags = IKE_F_RESPONSE;
	for (m.nonce = 1; m.nonce < 5; m.nonce++)
		sent(w.s, &w.s->host[0], m);
	broken(w.s, 0, "");
	m.spi_r = 5;
	sent(w.s, &w.s->host[0], m);
	sent(w.s, &w.s->host[0], m);
	broken(w.s, 0, "");
	m.filler = 1;
	sent(w.s, &w.s->host[0], m);
	broken(w.s, 1, "once");
	inv_world_fini(&w);
}

/* However many there were: each is remembered. */
static void
thousands_are_remembered(void **state)
{
	struct ike m = auth();
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	for (m.mid = 0; m.mid < 5000; m.mid++) {
		m.iv = m.mid;
		sent(w.s, w.gm, m);
	}
	broken(w.s, 0, "");
	for (m.mid = 0; m.mid < 5000; m.mid++) {
		m.iv = m.mid;
		sent(w.s, w.gm, m);
	}
	broken(w.s, 0, "");
	m.filler = 1;
	for (m.mid = 0; m.mid < 5000; m.mid++) {
		m.iv = m.mid;
		sent(w.s, w.gm, m);
	}
	broken(w.s, 2 * 5000, "once");
	inv_world_fini(&w);
}

static void
not_even_a_header(void **state)
{
	static const uint8_t junk[100] = { 1, 2, 3 };
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	for (size_t len = 0; len <= sizeof(junk); len += 10)
		inv_packet(w.s, w.gm, (struct chunk){ junk, len });
	broken(w.s, 11, "once");
	inv_world_fini(&w);
}

/* Not asked for: what costs memory is not looked at, the rest is. */
static void
without_invariants(void **state)
{
	struct sim_opts o = { 0 };
	struct scene *scene = scn_from(INV_WORLD);
	struct ksa_in k = { .spi = 1, .dir = SA_IN };
	struct ike m = auth();
	struct sim *sim;
	struct site *s;

	(void)state;
	eq(sim_new(&sim, scene, &o), 0);
	s = &sim->site[0];
	s->host[SPY].spd = true;
	for (m.filler = 0; m.filler < 3; m.filler++)
		sent(s, &s->host[GM], m);
	broken(s, 0, "");
	inv_installed(s, &s->host[SPY], &k);
	broken(s, 1, "allowed");
	sim_free(&sim);
	scene_free(&scene);
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
		cmocka_unit_test(same_octets_again),
		cmocka_unit_test(an_iv_with_other_octets),
		cmocka_unit_test(an_iv_of_another_host),
		cmocka_unit_test(a_message_id_with_other_octets),
		cmocka_unit_test(message_ids_of_others),
		cmocka_unit_test(fragments),
		cmocka_unit_test(an_spi_a_second_time),
		cmocka_unit_test(an_spi_with_another_key),
		cmocka_unit_test(an_answer_under_an_spi),
		cmocka_unit_test(thousands_are_remembered),
		cmocka_unit_test(not_even_a_header),
		cmocka_unit_test(without_invariants),
	};

	return cmocka_run_group_tests(tests, prepare, finish);
}
