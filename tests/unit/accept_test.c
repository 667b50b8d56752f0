/* SPDX-License-Identifier: ISC */
/* What a receiver takes of a GCKS's GSA and KD, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/gm.h"
#include "keymgrd/core/ike/gsa.h"
#include "keymgrd/core/ike/kd.h"
#include "tests/lib/pair.h"

/* A started receiver, and a response that it would accept. */
struct bench {
	struct world *w;
	struct km *km;
	struct fx *fx;
	struct gsa gsa;
	struct kd kd;
	struct gm_hs hs;
	bool tunnel;
	uint8_t buf[8192];
	const char *why;
};

static void
add_tek(struct bench *b, uint32_t spi, unsigned int addr, uint32_t life)
{
	struct gsa_tek *t = &b->gsa.tek[b->gsa.n_tek++];

	t->spi = spi;
	t->src.ip_proto = t->dst.ip_proto = 17;
	t->src.port_hi = 65535;
	t->dst.port_lo = 5000;
	t->dst.port_hi = 5010;
	t->src.lo = t->src.hi = b->w->host[0].conf.addr[addr].src;
	t->dst.lo = t->dst.hi = b->w->host[0].conf.addr[addr].dst;
	t->lifetime_s = life;
	b->kd.key[b->kd.n].spi = spi;
	memset(b->kd.key[b->kd.n++].key, (int)spi, GCM_KEYMAT_LEN);
}

static struct bench *
bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->w = world_new();
	world_sender(b->w, 0);
	world_receiver(b->w, 2);
	world_start(b->w, 2);
	b->km = b->w->host[2].km;
	b->fx = fx_new();
	memset(b->hs.keys.gsk_w, 0x42, KW_KEY_LEN);
	add_tek(b, 0x1001, 0, 3600);
	add_tek(b, 0x1002, 1, 3600);
	return b;
}

static void
bench_free(struct bench **b)
{
	fx_free(&(*b)->fx);
	world_free(&(*b)->w);
	free(*b);
	*b = NULL;
}

static int
accept_it(struct bench *b)
{
	struct chunk none = { NULL, 0 };
	struct rbuf rb;
	struct chain c;
	struct wbuf wb;

	wb_init(&wb, b->buf, sizeof(b->buf));
	assert_int_equal(wb_zero(&wb, 1), 0);
	chain_init(&c, &wb, 0);
	assert_int_equal(gsa_put(&c, &b->gsa), 0);
	assert_int_equal(kd_put(&c, &b->kd, b->hs.keys.gsk_w), 0);
	if (!b->tunnel)
		assert_int_equal(
		    pld_notify_put(&c, N_USE_TRANSPORT_MODE, none), 0);
	rb_init(&rb, b->buf + 1, wb.len - 1);
	assert_int_equal(ike_view_get(b->buf[0], rb, &b->hs.view), 0);
	fx_reset(b->fx);
	return gm_accept(b->km, &b->hs, &b->why, b->fx);
}

/* Refused with these words, and nothing has changed. */
static void
refuses(struct bench *b, const char *words)
{
	struct keys was, now;

	assert_int_equal(keys_save(&b->km->keys, &was), 0);
	assert_int_equal(accept_it(b), -74);
	if (strstr(b->why, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, b->why);
	now = b->km->keys;
	assert_int_equal(now.sas.n, was.sas.n);
	if (was.sas.n > 0)
		assert_memory_equal(
		    now.sas.v, was.sas.v, was.sas.n * sizeof(*was.sas.v));
	now.sas = was.sas; /* where the table lies is not its content */
	assert_memory_equal(&was, &now, sizeof(was));
	keys_fini(&was);
	bench_free(&b);
}

static void
accepts_what_is_right(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	assert_int_equal(accept_it(b), 0);
	assert_int_equal(b->km->keys.sas.n, 2);
	assert_int_equal(fx_count(b->fx), 3);
	/* The record is ahead of what depends on it. */
	assert_int_equal(fx_at(b->fx, 0)->kind, KM_FX_STATE);
	for (size_t i = 1; i < 3; i++) {
		const struct km_fx *e = fx_at(b->fx, i);

		assert_int_equal(e->kind, KM_FX_SA_INSTALL);
		assert_int_equal(e->sa.mode, SA_ENSURE);
		assert_int_equal(e->sa.dir, SA_IN);
		assert_int_equal(e->sa.spi, 0x1000 + i);
		assert_int_equal(e->sa.hard_s, 3600);
		assert_int_equal(e->sa.soft_s, 3492);
		assert_int_equal(e->sa.key[35], (0x1000 + i) & 255);
	}
	assert_in_range(b->km->keys.rereg_ms - b->km->now_ms, 2880000, 3420000);
	/* The same again changes nothing, and asks for nothing. */
	assert_int_equal(accept_it(b), 0);
	assert_int_equal(fx_count(b->fx), 1);
	assert_int_equal(b->km->keys.sas.n, 2);
	bench_free(&b);
}

/* What is not offered any more goes after DTD, the group's before ours. */
static void
replaces_what_it_held(void **state)
{
	struct bench *b = bench_new();
	struct ksa *k;

	(void)state;
	b->gsa.dtd_s = 7;
	assert_int_equal(accept_it(b), 0);
	b->gsa.tek[0].spi = b->kd.key[0].spi = 0x2001;
	assert_int_equal(accept_it(b), 0);
	assert_int_equal(b->km->keys.sas.n, 3);
	k = ksa_find(&b->km->keys.sas, 0x1001, &b->gsa.tek[0].dst.lo);
	assert_non_null(k);
	assert_int_equal(k->drop_ms, b->km->now_ms + 7000);
	/* Offered again before that, it stays. */
	add_tek(b, 0x1001, 0, 3600);
	assert_int_equal(accept_it(b), 0);
	k = ksa_find(&b->km->keys.sas, 0x1001, &b->gsa.tek[0].dst.lo);
	assert_int_equal(k->drop_ms, KSA_NEVER);
	bench_free(&b);
}

/* When it will register again, for keys of any age that are offered. */
static void
plans_the_next_registration(void **state)
{
	(void)state;
	for (uint32_t left = 1; left <= 3600; left++) {
		struct bench *b = bench_new();
		uint64_t wait;

		b->gsa.tek[0].lifetime_s = left;
		b->gsa.tek[1].lifetime_s = 3600;
		assert_int_equal(accept_it(b), 0);
		wait = b->km->keys.rereg_ms - b->km->now_ms;
		/* Before the sender changes at 97 %, and no hurry. */
		assert_true(wait <= left * 1000);
		assert_true(wait >= left * 250);
		if (left >= 900)
			assert_true(wait + 108000 <= left * 1000);
		bench_free(&b);
		left += 49;
	}
}

static void
bad_selectors(void **state)
{
	struct bench *b;

	(void)state;
	b = bench_new();
	assert_int_equal(addr_parse(&b->gsa.tek[0].dst.lo, "239.9.9.9"), 0);
	b->gsa.tek[0].dst.hi = b->gsa.tek[0].dst.lo;
	refuses(b, "no address of the group");
	b = bench_new();
	b->gsa.tek[0].dst.hi.b[3]++;
	refuses(b, "no address of the group");
	b = bench_new();
	b->gsa.tek[1].src.hi.b[15]++;
	refuses(b, "not one unicast address");
	b = bench_new();
	assert_int_equal(
	    addr_parse(&b->gsa.tek[0].src.lo, "255.255.255.255"), 0);
	b->gsa.tek[0].src.hi = b->gsa.tek[0].src.lo;
	refuses(b, "not one unicast address");
	b = bench_new();
	b->gsa.tek[0].src = b->gsa.tek[0].dst;
	refuses(b, "");
	b = bench_new();
	b->gsa.tek[0].src = b->gsa.tek[1].src;
	refuses(b, "not one unicast address");
	b = bench_new();
	b->gsa.tek[0].src.ip_proto = 6;
	refuses(b, "not UDP");
	b = bench_new();
	b->gsa.tek[0].dst.ip_proto = 0;
	refuses(b, "not UDP");
	b = bench_new();
	b->gsa.tek[0].src.port_hi = 65534;
	refuses(b, "all ports");
}

static void
bad_lifetimes_and_spis(void **state)
{
	struct bench *b;

	(void)state;
	b = bench_new();
	b->gsa.tek[1].lifetime_s = 3601;
	refuses(b, "lifetime");
	b = bench_new();
	b->gsa.tek[1].lifetime_s = 0;
	refuses(b, "");
	b = bench_new();
	b->gsa.tek[0].spi = b->kd.key[0].spi = 255;
	refuses(b, "");
	b = bench_new();
	b->tunnel = true;
	refuses(b, "tunnel mode");
}

/* One key for each SA, one SA for each key. */
static void
keys_and_sas_must_match(void **state)
{
	struct bench *b;

	(void)state;
	b = bench_new();
	b->kd.n = 1;
	refuses(b, "an SA has no key");
	b = bench_new();
	b->gsa.n_tek = 1;
	refuses(b, "a key has no SA");
	b = bench_new();
	b->kd.key[1].spi = 0x1003;
	refuses(b, "an SA has no key");
	/* Twice the same SPI: in KD, or in GSA for two addresses. */
	b = bench_new();
	b->kd.key[1].spi = 0x1001;
	refuses(b, "");
	b = bench_new();
	b->gsa.tek[1].spi = 0x1001;
	b->kd.n = 1;
	refuses(b, "offered twice");
}

/* A wrap under another key, and one octet of it changed. */
static void
wrong_wrap(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	assert_int_equal(accept_it(b), 0);
	b->hs.keys.gsk_w[31] ^= 1;
	assert_int_equal(gm_accept(b->km, &b->hs, &b->why, b->fx), -74);
	assert_non_null(strstr(b->why, "wrap"));
	bench_free(&b);
}

/*
 * The first SA is in use, but with another key: found out half-way, after the
 * others were marked to go.
 */
static void
spi_in_use_with_another_key(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	assert_int_equal(accept_it(b), 0);
	b->gsa.tek[0].spi = b->kd.key[0].spi = 0x3001;
	b->kd.key[1].key[0] ^= 1;
	refuses(b, "another key or source");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_is_right),
		cmocka_unit_test(replaces_what_it_held),
		cmocka_unit_test(plans_the_next_registration),
		cmocka_unit_test(bad_selectors),
		cmocka_unit_test(bad_lifetimes_and_spis),
		cmocka_unit_test(keys_and_sas_must_match),
		cmocka_unit_test(wrong_wrap),
		cmocka_unit_test(spi_in_use_with_another_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
