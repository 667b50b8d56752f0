/* SPDX-License-Identifier: ISC */
/* Requests of the GCKS on the IKE SA that a receiver opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/gcks.h"
#include "keymgrd/core/gm.h"
#include "keymgrd/core/ike/sa.h"
#include "tests/lib/pair.h"

#define LIFE_MS 3600000u

/* The GCKS's end of host 2's IKE SA, by hand. */
struct far_end {
	struct world *w;
	struct ikesa *sa;
	uint64_t iv;
	uint8_t out[512], got[1024];
	size_t out_len, got_len;
	unsigned int n_got;
};

static enum net_verdict
to_gcks(struct world *w, struct packet *p)
{
	struct far_end *g = w->arg;

	if (p->from != 2)
		return NET_PASS;
	assert_true(p->len <= sizeof(g->got));
	memcpy(g->got, p->p, p->len);
	g->got_len = p->len;
	g->n_got++;
	return NET_PASS;
}

static void
far_end_init(struct far_end *g, struct world *w)
{
	struct satab *t = &w->host[0].km->gcks->t;

	memset(g, 0, sizeof(*g));
	g->w = w;
	for (size_t b = 0; b <= t->mask && g->sa == NULL; b++)
		g->sa = t->bucket[BY_SPI][b];
	assert_non_null(g->sa);
	g->iv = UINT64_C(99) << 48;
	w->net = to_gcks;
	w->arg = g;
}

static void
send_out(struct far_end *g)
{
	world_inject(g->w, &g->sa->local, &g->sa->peer, g->out, g->out_len);
	world_settle(g->w);
}

static void
ask(struct far_end *g, uint8_t exchange, uint32_t mid, uint8_t first,
    const void *body, size_t len)
{
	struct ike_hdr h = {
		.exchange = exchange, .version = IKE_VERSION, .mid = mid
	};
	uint8_t inner[64] = { 0 };
	struct wbuf wb;

	memcpy(h.spi_i, g->sa->spi_i, 8);
	memcpy(h.spi_r, g->sa->spi_r, 8);
	if (first != 0) {
		inner[3] = (uint8_t)(4 + len);
		memcpy(inner + 4, body, len);
	}
	wb_init(&wb, g->out, sizeof(g->out));
	assert_int_equal(
	    sk_protect(&g->sa->r, &h, first,
		(struct chunk){ inner, first ? 4 + len : 0 }, 0, &g->iv, &wb),
	    0);
	g->out_len = wb.len;
	send_out(g);
}

static void
answered(struct far_end *g, uint16_t notify)
{
	struct sk_frags *frags = NULL;
	struct sk_plain o;
	struct ike_view v;

	assert_int_equal(sk_take(&g->sa->i,
			     (struct chunk){ g->got, g->got_len }, &frags, &o),
	    0);
	/* As the original initiator: RFC 7296 3.1. */
	assert_int_equal(g->got[19], IKE_F_RESPONSE | IKE_F_INITIATOR);
	assert_int_equal(ike_view_get(o.first, o.inner, &v), 0);
	if (notify == 0)
		assert_int_equal(v.n_ntf, 0);
	else
		assert_non_null(ike_ntf_find(&v, notify));
	sk_plain_free(&o);
}

static void
liveness_and_what_is_refused(void **state)
{
	static const uint8_t ts[24] = { 1, 0, 0, 0, 7, 0, 0, 16 };
	struct world *w = world_two();
	struct far_end g;
	unsigned int got;

	(void)state;
	world_go(w);
	far_end_init(&g, w);
	ask(&g, IKE_INFORMATIONAL, 0, 0, NULL, 0);
	assert_int_equal(g.n_got, 1);
	answered(&g, 0);
	assert_int_equal(world_count(w, 2, "peer.liveness"), 1);
	/* Again: the same answer; the octets forged: none. */
	send_out(&g);
	assert_int_equal(g.n_got, 2);
	answered(&g, 0);
	assert_int_equal(world_count(w, 2, "peer.liveness"), 1);
	g.out[g.out_len - 1] ^= 1;
	send_out(&g);
	assert_int_equal(g.n_got, 2);
	ask(&g, IKE_CREATE_CHILD_SA, 1, PLD_TSI, ts, sizeof(ts));
	answered(&g, N_NO_ADDITIONAL_SAS);
	ask(&g, IKE_CREATE_CHILD_SA, 2, 0, NULL, 0);
	answered(&g, N_TEMPORARY_FAILURE);
	ask(&g, GSA_INBAND_REKEY, 3, 0, NULL, 0);
	answered(&g, N_NO_PROPOSAL_CHOSEN);
	got = g.n_got;
	ask(&g, IKE_INFORMATIONAL, 7, 0, NULL, 0); /* not its turn */
	ask(&g, IKE_INFORMATIONAL, 2, 0, NULL, 0); /* long ago */
	assert_int_equal(g.n_got, got);
	assert_int_equal(world_count(w, 2, "drop.replay"), 3);
	/* The IKE SA still serves. */
	world_run(w, w->now + LIFE_MS);
	assert_int_equal(world_count(w, 2, "reg.ok"), 2);
	assert_int_equal(w->host[2].n_signs, 1);
	world_free(&w);
}

/*
 * Without a Rekey SA the end of the IKE SA is the end of membership: keys go
 * at once, and the host asks again.
 */
static void
deleted_by_the_gcks(void **state)
{
	static const uint8_t del[4] = { PROTO_IKE };
	struct world *w = world_two();
	struct far_end g;

	(void)state;
	world_go(w);
	far_end_init(&g, w);
	assert_true(world_sas(w, 2, SA_IN) > 0);
	w->host[0].refuses = true; /* it is excluded, let us say */
	ask(&g, IKE_INFORMATIONAL, 0, PLD_DELETE, del, sizeof(del));
	answered(&g, 0);
	world_settle(w);
	assert_int_equal(world_sas(w, 2, SA_IN), 0);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	assert_true(world_noted(w, 2, "reg.deleted gcks=hq-01"));
	w->net = NULL;
	world_run(w, w->now + 6000);
	assert_true(world_count(w, 2, "reg.forbidden") >= 1);
	/* Nor do they come back with a restart. */
	world_restart(w, 2);
	world_settle(w);
	assert_int_equal(world_sas(w, 2, SA_IN), 0);
	world_free(&w);
}

/* From another address, or with another SPI: nobody's request. */
static void
requests_of_others(void **state)
{
	struct world *w = world_two();
	struct far_end g;

	(void)state;
	world_go(w);
	far_end_init(&g, w);
	g.sa->local.port = 4848;
	ask(&g, IKE_INFORMATIONAL, 0, 0, NULL, 0);
	g.sa->local.port = 848;
	g.sa->spi_r[7] ^= 1;
	ask(&g, IKE_INFORMATIONAL, 0, 0, NULL, 0);
	g.sa->spi_r[7] ^= 1;
	assert_int_equal(g.n_got, 0);
	assert_int_equal(world_count(w, 2, "drop.no-sa"), 2);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(liveness_and_what_is_refused),
		cmocka_unit_test(deleted_by_the_gcks),
		cmocka_unit_test(requests_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
