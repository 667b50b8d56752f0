/* SPDX-License-Identifier: ISC */
/*
 * What must always hold, broken by hand: each rule where it breaks, and beside
 * it what looks like that and is right.
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
#include "tests/lib/scn.h"

#define eq assert_int_equal
#define IKE_MAX 400
#define WORLD                                                                  \
	"scenario { duration = 60s auth = psk }\n"                             \
	"group { lifetime = 8h }\n"                                            \
	"senders hq { count = 2 link = core }\n"                               \
	"link core { bandwidth = 100M delay = 1ms }\n"                         \
	"receivers gm { count = 3 link = core join = never }\n"                \
	"receivers spy { count = 1 link = core join = never hostile = yes }\n"

enum { GM = 1, OTHER_GM = 2, SPY = 4 }; /* of a site; 0 is its sender */

struct world {
	struct scene *scene;
	struct sim *sim;
	struct site *s;
	struct host *gm, *other;
};

static void
world_init(struct world *w)
{
	struct sim_opts o = { .invariants = true };

	w->scene = scn_from(WORLD);
	eq(sim_new(&w->sim, w->scene, &o), 0);
	w->s = &w->sim->site[0];
	w->gm = &w->s->host[GM];
	w->other = &w->s->host[OTHER_GM];
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t k = 0; k < w->sim->site[i].n_host; k++) {
			w->sim->site[i].host[k].life = L_RUN;
			w->sim->site[i].host[k].spd = true;
		}
	w->s->now = 1500 * NS_PER_MS;
}

static void
world_fini(struct world *w)
{
	sim_free(&w->sim);
	scene_free(&w->scene);
}

/* So many have broken so far; the first by this rule. */
static void
broken(const struct site *s, uint64_t n, const char *rule)
{
	eq(s->broken, n);
	eq(s->err, 0);
	if (n == 0)
		assert_string_equal(s->why, "");
	else if (strncmp(s->why, rule, strlen(rule)) != 0 ||
		 s->why[strlen(rule)] != ':')
		fail_msg("\"%s\", not by \"%s\"", s->why, rule);
}

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
	struct world w;

	(void)state;
	world_init(&w);
	for (unsigned int i = 0; i < 3; i++) {
		sent(w.s, w.gm, init());
		sent(w.s, w.gm, auth());
	}
	broken(w.s, 0, "");
	world_fini(&w);
}

static void
an_iv_with_other_octets(void **state)
{
	struct ike m = auth();
	struct world w;

	(void)state;
	world_init(&w);
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
	world_fini(&w);
}

/* An IV is a host's: keys are never the same on two of them. */
static void
an_iv_of_another_host(void **state)
{
	struct ike m = auth();
	struct world w;

	(void)state;
	world_init(&w);
	sent(w.s, w.gm, m);
	m.spi_i = 3;
	m.filler = 5;
	sent(w.s, w.other, m);
	broken(w.s, 0, "");
	sent(w.s, w.gm, m); /* of another IKE SA, but of the same host */
	broken(w.s, 1, "once");
	world_fini(&w);
}

static void
a_message_id_with_other_octets(void **state)
{
	struct ike m = auth();
	struct world w;

	(void)state;
	world_init(&w);
	sent(w.s, w.gm, m);
	m.iv = 78; /* protected anew */
	sent(w.s, w.gm, m);
	broken(w.s, 1, "once");
	assert_non_null(strstr(w.s->why, "a Message ID"));
	world_fini(&w);
}

/* The same number: of the answer, of the other way, of another IKE SA. */
static void
message_ids_of_others(void **state)
{
	static const uint8_t flags[] = { IKE_F_INITIATOR,
		IKE_F_INITIATOR | IKE_F_RESPONSE, IKE_F_RESPONSE, 0 };
	struct ike m = auth();
	struct world w;

	(void)state;
	world_init(&w);
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
	world_fini(&w);
}

/* Fragments share a Message ID, but not their numbers and IVs. */
static void
fragments(void **state)
{
	struct ike m = auth();
	struct world w;

	(void)state;
	world_init(&w);
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
	world_fini(&w);
}

static void
an_spi_a_second_time(void **state)
{
	struct ike m = init();
	struct world w;

	(void)state;
	world_init(&w);
	sent(w.s, w.gm, m);
	m.nonce = 10; /* a new exchange, under the old SPI */
	sent(w.s, w.gm, m);
	broken(w.s, 1, "once");
	assert_non_null(strstr(w.s->why, "an IKE SPI"));
	world_fini(&w);
}

/* INVALID_KE_PAYLOAD, COOKIE: the same nonce, and the rest may be another. */
static void
an_spi_with_another_key(void **state)
{
	struct ike m = init();
	struct world w;

	(void)state;
	world_init(&w);
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
	world_fini(&w);
}

/* Who answers is held to all octets; with no SPI yet there is none to see. */
static void
an_answer_under_an_spi(void **state)
{
	struct ike m = init();
	struct world w;

	(void)state;
	world_init(&w);
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
	world_fini(&w);
}

/* However many there were: each is remembered. */
static void
thousands_are_remembered(void **state)
{
	struct ike m = auth();
	struct world w;

	(void)state;
	world_init(&w);
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
	world_fini(&w);
}

static void
not_even_a_header(void **state)
{
	static const uint8_t junk[100] = { 1, 2, 3 };
	struct world w;

	(void)state;
	world_init(&w);
	for (size_t len = 0; len <= sizeof(junk); len += 10)
		inv_packet(w.s, w.gm, (struct chunk){ junk, len });
	broken(w.s, 11, "once");
	world_fini(&w);
}

/* -- SAs ------------------------------------------------------------------ */

static struct ksa_in
sa_in(uint32_t spi, uint8_t key)
{
	struct ksa_in k = { .spi = spi,
		.dir = SA_IN,
		.src = { 4, { 10, 1, 0, 1 } },
		.hard = T_NEVER };

	memset(k.key, key, sizeof(k.key));
	return k;
}

static void
one_key_for_all(void **state)
{
	struct ksa_in k = sa_in(0x1000, 1);
	struct world w;

	(void)state;
	world_init(&w);
	k.dir = SA_OUT;
	inv_installed(w.s, &w.s->host[0], &k);
	k.dir = SA_IN;
	inv_installed(w.s, w.gm, &k);
	inv_installed(w.s, w.other, &k);
	inv_installed(w.s, w.gm, &k);
	broken(w.s, 0, "");
	k = sa_in(0x1001, 2);
	inv_installed(w.s, w.gm, &k);
	k = sa_in(0x1000, 2); /* of another address: another SA */
	k.cls = 1;
	inv_installed(w.s, w.gm, &k);
	broken(w.s, 0, "");
	world_fini(&w);
}

static void
two_keys_under_an_spi(void **state)
{
	struct ksa_in k = sa_in(0x1000, 1);
	struct world w;

	(void)state;
	world_init(&w);
	inv_installed(w.s, w.gm, &k);
	k.key[sizeof(k.key) - 1] ^= 1; /* in its salt */
	inv_installed(w.s, w.other, &k);
	broken(w.s, 1, "one-spi");
	assert_non_null(strstr(w.s->why, "gm-01-00002 at 1.500 s"));
	assert_non_null(strstr(w.s->why, "00001000"));
	world_fini(&w);
}

static void
two_senders_under_an_spi(void **state)
{
	struct ksa_in k = sa_in(0x1000, 1);
	struct world w;

	(void)state;
	world_init(&w);
	inv_installed(w.s, w.gm, &k);
	k.src.b[1] = 2;
	inv_installed(w.s, w.gm, &k);
	broken(w.s, 1, "one-spi");
	world_fini(&w);
}

/* Of two sites: seen where their windows meet, once. */
static void
an_spi_of_another_site(void **state)
{
	struct ksa_in a = sa_in(0x1000, 1), b = sa_in(0x1000, 2);
	struct world w;
	struct site *other;

	(void)state;
	world_init(&w);
	other = &w.sim->site[1];
	a.dir = b.dir = SA_OUT;
	b.src.b[1] = 2;
	inv_installed(w.s, &w.s->host[0], &a);
	inv_merge(w.sim);
	inv_merge(w.sim);
	broken(w.s, 0, "");
	inv_installed(other, &other->host[0], &b);
	broken(other, 0, "");
	inv_merge(w.sim);
	broken(w.s, 0, "");
	broken(other, 1, "one-spi");
	inv_merge(w.sim);
	broken(other, 1, "one-spi");
	world_fini(&w);
}

/* Another SPI, or the very same SA: nothing to see. */
static void
sites_with_their_own(void **state)
{
	struct world w;
	struct site *other;

	(void)state;
	world_init(&w);
	other = &w.sim->site[1];
	for (uint32_t i = 0; i < 100; i++) {
		struct ksa_in k = sa_in(0x1000 + i, (uint8_t)i);

		k.dir = SA_OUT;
		inv_installed(w.s, &w.s->host[0], &k);
		k = sa_in(0x2000 + i, (uint8_t)i);
		k.dir = SA_OUT;
		inv_installed(other, &other->host[0], &k);
		if (i % 7 == 0)
			inv_merge(w.sim);
	}
	inv_merge(w.sim);
	broken(w.s, 0, "");
	broken(other, 0, "");
	world_fini(&w);
}

static void
a_key_for_a_spy(void **state)
{
	struct ksa_in k = sa_in(0x1000, 1);
	struct world w;

	(void)state;
	world_init(&w);
	assert_true(w.s->kind[w.s->host[SPY].kind].recv->hostile);
	inv_installed(w.s, w.gm, &k);
	broken(w.s, 0, "");
	inv_installed(w.s, &w.s->host[SPY], &k);
	broken(w.s, 1, "allowed");
	world_fini(&w);
}

/* While a group runs or takes leave, and never without its policies. */
static void
only_where_a_group_is_closed(void **state)
{
	static const enum life lives[] = { L_NONE, L_LEFT, L_SAVING_JOIN, L_SPD,
		L_RUN, L_STOPPING, L_CLEARING, L_SAVING_LEAVE, L_PARTING };
	struct ksa_in k = sa_in(0x1000, 1);
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		bool fine = lives[i] == L_RUN || lives[i] == L_PARTING ||
			    lives[i] == L_NONE;

		world_init(&w);
		w.gm->life = (uint8_t)lives[i];
		inv_installed(w.s, w.gm, &k);
		broken(w.s, !fine, "left");
		world_fini(&w);
	}
	world_init(&w);
	w.gm->spd = false;
	inv_installed(w.s, w.gm, &k);
	broken(w.s, 1, "closed");
	world_fini(&w);
}

static void
what_stays_behind(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	inv_left(w.s, w.gm);
	broken(w.s, 0, "");
	w.gm->n_sa = 2;
	inv_left(w.s, w.gm);
	broken(w.s, 1, "left");
	assert_non_null(strstr(w.s->why, "2 SAs"));
	w.gm->n_sa = 0;
	world_fini(&w);
}

/* -- what is said of it --------------------------------------------------- */

static int
count_broken(void *arg, const struct obs *o)
{
	unsigned int *n = arg;

	*n += o->kind == OBS_BROKEN && strcmp(o->broken.rule, "once") == 0 &&
	      strcmp(o->broken.text, "text 7") == 0;
	return 0;
}

/* The first is kept, all are counted and shown. */
static void
all_are_shown(void **state)
{
	unsigned int shown = 0;
	struct obs_sink sink = { .arg = &shown, .take = count_broken };
	struct sim_opts o = { .sink = &sink, .n_sink = 1, .invariants = true };
	struct scene *scene = scn_from(WORLD);
	struct sim_results res;
	struct sim *sim;
	struct site *s;

	(void)state;
	eq(sim_new(&sim, scene, &o), 0);
	s = &sim->site[1];
	s->now = 2 * NS_PER_S;
	inv_broken(s, &s->host[0], "once", "text %d", 7);
	s->now = 3 * NS_PER_S;
	inv_broken(s, &s->host[1], "left", "text %d", 7);
	inv_broken(s, &s->host[1], "once", "text %d", 7);
	eq(show_flush(sim), 0);
	eq(shown, 2);
	sim_results(sim, &res);
	eq(res.broken, 3);
	assert_true(res.broken_at == 2 * NS_PER_S);
	assert_string_equal(res.broken_first, "once: hq-02 at 2.000 s: text 7");
	sim_free(&sim);
	scene_free(&scene);
}

/* Not asked for: what costs memory is not looked at, the rest is. */
static void
without_invariants(void **state)
{
	struct sim_opts o = { 0 };
	struct scene *scene = scn_from(WORLD);
	struct ksa_in k = sa_in(1, 1);
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
		cmocka_unit_test(one_key_for_all),
		cmocka_unit_test(two_keys_under_an_spi),
		cmocka_unit_test(two_senders_under_an_spi),
		cmocka_unit_test(an_spi_of_another_site),
		cmocka_unit_test(sites_with_their_own),
		cmocka_unit_test(a_key_for_a_spy),
		cmocka_unit_test(only_where_a_group_is_closed),
		cmocka_unit_test(what_stays_behind),
		cmocka_unit_test(all_are_shown),
		cmocka_unit_test(without_invariants),
	};

	return cmocka_run_group_tests(tests, prepare, finish);
}
