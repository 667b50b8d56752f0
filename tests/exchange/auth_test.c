/* SPDX-License-Identifier: ISC */
/*
 * Certificates, fragments and post-quantum keys, as far as the exchange is
 * concerned: policyd is asked with the same octets at both ends.
 */
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

/* n certificates of len octets for each; nobody in here reads them. */
static void
give_certs(struct world *w, size_t n, size_t len)
{
	for (unsigned int i = 0; i <= 2; i += 2) {
		struct km_conf *c = &w->host[i].conf;

		for (size_t k = 0; k < n; k++)
			c->cert_len[k] = len;
		memset(c->certs, (int)('0' + i), n * len);
		c->n_cert = n;
		memset(c->anchors, 0xaa, 20);
		c->anchors_len = 20;
	}
}

/* What goes over the network, by kind. */
struct watch {
	unsigned int init, sk, skf, longest;
	bool certreq, hashes, fragmentation, ppk;
	unsigned int drop_nth_skf, skf_seen; /* 0: none */
	bool twice, backwards;
};

static void
look_init(struct watch *o, const struct packet *p)
{
	struct init_view v;

	assert_int_equal(init_read((struct chunk){ p->p, p->len }, &v), 0);
	o->init++;
	o->certreq |= ike_has(&v.v.certreq);
	o->hashes = v.hashes == (1 << 2 | 1 << 3 | 1 << 5);
	o->fragmentation = v.fragments;
	o->ppk = v.ppk;
}

static enum net_verdict
watch(struct world *w, struct packet *p)
{
	struct watch *o = w->arg;

	if (p->len > o->longest)
		o->longest = (unsigned int)p->len;
	if (p->p[18] == IKE_SA_INIT) {
		look_init(o, p);
		return NET_PASS;
	}
	if (p->p[16] == PLD_SK) {
		o->sk++;
		return NET_PASS;
	}
	assert_int_equal(p->p[16], PLD_SKF);
	o->skf++;
	if (++o->skf_seen == o->drop_nth_skf)
		return NET_DROP;
	if (o->backwards)
		return NET_HOLD;
	return o->twice ? NET_TWICE : NET_PASS;
}

/*
 * GM -> GCKS  GSA_AUTH SK{ IDi, CERT, AUTH, IDg, SAg }
 * GM <- GCKS  GSA_AUTH SK{ IDr, CERT, AUTH, GSA, KD, N }
 */
static void
certificates(void **state)
{
	struct watch o = { 0 };
	struct world *w = world_two();

	(void)state;
	give_certs(w, 1, 450);
	w->net = watch;
	w->arg = &o;
	world_go(w);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(w->host[0].certs_len, 450);
	assert_int_equal(w->host[2].certs_len, 450);
	assert_true(o.hashes);
	assert_int_equal(w->host[0].hashes, 1 << 2 | 1 << 3 | 1 << 5);
	/* Both know that they want certificates: no CERTREQ on the air. */
	assert_false(o.certreq);
	assert_int_equal(o.sk, 2);
	assert_int_equal(o.skf, 0);
	world_free(&w);
}

/* With a PSK there is nothing about signatures in IKE_SA_INIT. */
static void
psk_saves_octets(void **state)
{
	struct watch o = { 0 };
	struct world *w = world_two();

	(void)state;
	w->net = watch;
	w->arg = &o;
	world_go(w);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_false(o.hashes);
	assert_int_equal(w->host[0].hashes, 0);
	world_free(&w);
}

/* The causes that policyd gives are counted apart, and shown at both ends. */
static void
causes(void **state)
{
	static const struct {
		enum auth_cause cause;
		const char *count, *text;
	} c[] = {
		{ AC_NONE, "auth.other", "not what policy says" },
		{ AC_SIGNATURE, "auth.signature", "signature" },
		{ AC_METHOD, "auth.method", "in a way" },
		{ AC_NO_CERT, "auth.no-certificate", "no usable" },
		{ AC_UNTRUSTED, "auth.untrusted", "anchors" },
		{ AC_EXPIRED, "auth.expired", "valid now" },
		{ AC_REVOKED, "auth.revoked", "revoked" },
		{ AC_USAGE, "auth.key-usage", "this use" },
		{ AC_IDENTITY, "auth.identity", "name the identity" },
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(c); i++)
		for (unsigned int who = 0; who <= 2; who += 2) {
			struct world *w = world_two();

			w->host[who].force = AV_FAILED;
			w->host[who].cause = c[i].cause;
			world_go(w);
			assert_int_equal(world_count(w, who, c[i].count), 1);
			assert_int_equal(
			    world_count(w, who, "reg.auth-failed"), 1);
			assert_int_equal(world_sas(w, 2, SA_IN), 0);
			if (who == 2)
				assert_non_null(
				    strstr(world_detail(w, 2), c[i].text));
			else
				assert_true(
				    world_noted(w, 0, "claimed=\"host-2\""));
			world_free(&w);
		}
}

/* A longer chain than the threshold allows: fragments, both ways. */
static void
fragments(void **state)
{
	struct watch o = { 0 };
	struct world *w = world_two();

	(void)state;
	give_certs(w, 3, 900);
	w->host[0].conf.fragment = w->host[2].conf.fragment = 576;
	w->net = watch;
	w->arg = &o;
	world_go(w);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(w->host[0].certs_len, 2700);
	assert_int_equal(w->host[2].certs_len, 2700);
	assert_true(o.fragmentation);
	assert_int_equal(o.sk, 0);
	assert_in_range(o.skf, 12, 14);
	assert_in_range(o.longest, 500, 576 - 28);
	assert_true(world_count(w, 0, "fragment.taken") >= 5);
	world_free(&w);
}

/* Each fragment in turn is lost; then all doubled; then all back to front. */
static void
fragments_on_a_bad_network(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		struct watch o = { .drop_nth_skf = i < 14 ? i : 0,
			.twice = i == 14,
			.backwards = i == 15 };
		struct world *w = world_two();

		give_certs(w, 3, 900);
		w->host[0].conf.fragment = w->host[2].conf.fragment = 576;
		w->net = watch;
		w->arg = &o;
		world_go(w);
		for (int k = 0; k < 20; k++) {
			world_release(w);
			world_run(w, w->now + 200);
		}
		assert_int_equal(world_state(w, 2), GS_KEYED);
		assert_int_equal(world_count(w, 0, "reg.ok"), 1);
		assert_int_equal(world_count(w, 2, "reg.ok"), 1);
		assert_int_equal(w->host[0].n_signs, 1);
		world_free(&w);
	}
}

/* One side does not do fragments: whole messages, however long. */
static void
fragments_of_one_side(void **state)
{
	(void)state;
	for (unsigned int who = 0; who <= 2; who += 2) {
		struct watch o = { 0 };
		struct world *w = world_two();

		give_certs(w, 3, 900);
		w->host[0].conf.fragment = w->host[2].conf.fragment = 576;
		w->host[who].conf.fragment = 0;
		w->net = watch;
		w->arg = &o;
		world_go(w);
		assert_int_equal(world_state(w, 2), GS_KEYED);
		assert_int_equal(o.skf, 0);
		assert_int_equal(o.sk, 2);
		world_free(&w);
	}
}

/* The answer comes again for a repeat of fragment 1, and of no other. */
static void
first_fragment_draws_the_answer(void **state)
{
	struct world *w = world_two();
	struct chunk rest, m;
	struct raw r;
	unsigned int got;

	(void)state;
	give_certs(w, 3, 900);
	w->host[0].conf.fragment = 576;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	r.fragments = true;
	r.limit = 200;
	raw_handshake(&r);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	got = r.n_got;
	assert_true(got > 1);
	rest = (struct chunk){ r.out, r.out_len };
	assert_true(sk_next(&rest, &m));
	assert_int_equal(sk_frag_no(m), 1);
	raw_send(&r, m.p, m.len);
	assert_true(r.n_got > got);
	got = r.n_got;
	while (sk_next(&rest, &m)) {
		assert_true(sk_frag_no(m) > 1);
		raw_send(&r, m.p, m.len);
	}
	assert_int_equal(r.n_got, got);
	raw_fini(&r);
	world_free(&w);
}

static void
give_ppk(struct km_conf *c, const char *id)
{
	c->ppk_id[0] = 2; /* PPK_ID_FIXED */
	memcpy(c->ppk_id + 1, id, strlen(id));
	c->ppk_id_len = 1 + strlen(id);
}

/*
 * GM -> GCKS  IKE_SA_INIT { ..., N(USE_PPK) }     and the same back
 * GM -> GCKS  GSA_AUTH SK{ IDi, AUTH, N(PPK_IDENTITY, id), IDg, SAg }
 * GM <- GCKS  GSA_AUTH SK{ IDr, AUTH, N(PPK_IDENTITY), GSA, KD, N }
 */
static void
ppk(void **state)
{
	struct watch o = { 0 };
	struct world *w = world_two();

	(void)state;
	give_ppk(&w->host[0].conf, "hedge-1");
	give_ppk(&w->host[2].conf, "hedge-1");
	w->net = watch;
	w->arg = &o;
	world_go(w);
	assert_true(o.ppk);
	assert_int_equal(w->host[0].n_mixes, 1);
	assert_int_equal(w->host[2].n_mixes, 1);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_true(world_can_read(w, 2, 0));
	world_free(&w);
}

/* Another secret under the same name: AUTH does not verify. */
static void
another_ppk(void **state)
{
	struct world *w = world_two();

	(void)state;
	give_ppk(&w->host[0].conf, "hedge-1");
	give_ppk(&w->host[2].conf, "hedge-1");
	snprintf(w->host[2].ppk, sizeof(w->host[2].ppk), "ditch");
	world_go(w);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	assert_int_equal(world_count(w, 0, "reg.auth-failed"), 1);
	world_free(&w);
}

/* Who has one does not do without; names must agree. */
static void
ppk_of_one_side(void **state)
{
	struct world *w = world_two();

	(void)state;
	give_ppk(&w->host[0].conf, "hedge-1");
	world_go(w);
	assert_int_equal(world_count(w, 0, "auth.ppk"), 1);
	assert_true(world_noted(w, 0, "why=no-ppk"));
	assert_int_equal(world_count(w, 2, "reg.auth-failed"), 1);
	assert_int_equal(w->host[0].n_signs, 0);
	world_free(&w);

	w = world_two();
	give_ppk(&w->host[2].conf, "hedge-1");
	world_go(w);
	assert_non_null(strstr(world_detail(w, 2), "post-quantum"));
	assert_int_equal(w->host[2].n_signs, 0);
	world_free(&w);

	w = world_two();
	give_ppk(&w->host[0].conf, "hedge-1");
	give_ppk(&w->host[2].conf, "hedge-2");
	world_go(w);
	assert_int_equal(world_count(w, 0, "auth.ppk"), 1);
	assert_int_equal(w->host[0].n_signs, 0);
	world_free(&w);
}

/* policyd refuses to mix, at either end; or is not there for a while. */
static void
policyd_and_the_ppk(void **state)
{
	(void)state;
	for (unsigned int who = 0; who <= 2; who += 2) {
		struct world *w = world_two();
		struct km_in in = { .ev = KM_EV_RESYNC,
			.resync.policyd = true };

		give_ppk(&w->host[0].conf, "hedge-1");
		give_ppk(&w->host[2].conf, "hedge-1");
		w->host[who].ppk[0] = '\0';
		world_go(w);
		assert_int_equal(world_count(w, who, "auth.ppk"), 1);
		assert_int_equal(world_state(w, 2), GS_REGISTERING);
		world_free(&w);

		w = world_two();
		give_ppk(&w->host[0].conf, "hedge-1");
		give_ppk(&w->host[2].conf, "hedge-1");
		w->host[who].policyd_down = true;
		world_go(w);
		assert_int_equal(w->host[who].n_mixes, 1);
		assert_int_equal(w->host[who].n_signs, 0);
		w->host[who].policyd_down = false;
		assert_int_equal(world_event(w, who, &in), 0);
		world_settle(w);
		assert_int_equal(world_state(w, 2), GS_KEYED);
		world_free(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates),
		cmocka_unit_test(psk_saves_octets),
		cmocka_unit_test(causes),
		cmocka_unit_test(fragments),
		cmocka_unit_test(fragments_on_a_bad_network),
		cmocka_unit_test(fragments_of_one_side),
		cmocka_unit_test(first_fragment_draws_the_answer),
		cmocka_unit_test(ppk),
		cmocka_unit_test(another_ppk),
		cmocka_unit_test(ppk_of_one_side),
		cmocka_unit_test(policyd_and_the_ppk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
