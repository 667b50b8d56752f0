/* SPDX-License-Identifier: ISC */
/* Which key manager a datagram goes to, and which ones go nowhere. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "common/ike/hdr.h"
#include "groupd/core/route.h"

#define NONCE_LEN 32
#define MANY 100 /* requests/s */

static struct groups table;
static struct router router;
static struct addr peer = { .len = 4, .b = { 192, 0, 2, 7 } };

static void
group_add(uint8_t slot, const char *id, enum life life)
{
	struct grp *g = &table.g[slot];

	*g = (struct grp){ .life = life, .slot = slot, .role = ROLE_SENDER };
	memcpy(g->id, id, strlen(id));
	g->id_len = strlen(id);
}

static void
fresh(void)
{
	memset(&table, 0, sizeof(table));
	router_init(&router);
	load_limit(&router.load, UINT32_MAX);
	cookie_renew(&router.jar, (const uint8_t[COOKIE_SECRET_LEN]){ 1 }, 0);
	group_add(0, "ops-net", L_RUN);
	group_add(5, "other", L_RUN);
	group_add(6, "leaving", L_STOPPING);
	group_add(7, "heard", L_RUN);
	table.g[7].role = ROLE_RECEIVER;
}

/* IKE_SA_INIT request: header, nonce, MIKE_GROUP unless bind is NULL. */
static struct chunk
init_request(uint8_t *buf, size_t size, const char *bind)
{
	uint8_t nonce[NONCE_LEN], group[MIKE_GROUP_LEN];
	struct ike_hdr h = { .spi_i = { 9, 1, 2, 3, 4, 5, 6, 7 },
		.next = PLD_NONCE,
		.version = IKE_VERSION,
		.exchange = IKE_SA_INIT,
		.flags = IKE_F_INITIATOR };
	struct chunk id = { (const uint8_t *)bind, bind ? strlen(bind) : 0 };
	struct wbuf wb;

	memset(nonce, 0x5a, sizeof(nonce));
	h.len = IKE_HDR_LEN + 4 + NONCE_LEN + (bind ? 8 + MIKE_GROUP_LEN : 0);
	wb_init(&wb, buf, size);
	assert_int_equal(ike_hdr_put(&wb, &h), 0);
	assert_int_equal(wb_u8(&wb, bind ? PLD_NOTIFY : PLD_NONE), 0);
	assert_int_equal(wb_u8(&wb, 0), 0);
	assert_int_equal(wb_u16(&wb, 4 + NONCE_LEN), 0);
	assert_int_equal(wb_put(&wb, nonce, NONCE_LEN), 0);
	if (bind != NULL) {
		assert_int_equal(mike_group_bind(id,
				     (struct chunk){ nonce, NONCE_LEN }, group),
		    0);
		assert_int_equal(wb_u16(&wb, PLD_NONE), 0);
		assert_int_equal(wb_u16(&wb, 8 + MIKE_GROUP_LEN), 0);
		assert_int_equal(wb_u16(&wb, 0), 0);
		assert_int_equal(wb_u16(&wb, N_MIKE_GROUP), 0);
		assert_int_equal(wb_put(&wb, group, sizeof(group)), 0);
	}
	return (struct chunk){ buf, wb.len };
}

/* The same with a cookie, before all else or behind it. */
static struct chunk
with_cookie(uint8_t *buf, size_t size, struct chunk m, const uint8_t *cookie,
    size_t len, bool first)
{
	uint8_t old[256];
	struct wbuf wb;
	size_t rest = m.len - IKE_HDR_LEN;

	assert_true(m.len <= sizeof(old));
	memcpy(old, m.p, m.len);
	wb_init(&wb, buf, size);
	assert_int_equal(wb_put(&wb, old, IKE_HDR_LEN), 0);
	if (!first) {
		assert_int_equal(wb_put(&wb, old + IKE_HDR_LEN, rest), 0);
		/* The nonce has MIKE_GROUP behind it, and that the cookie. */
		buf[IKE_HDR_LEN + 4 + NONCE_LEN] = PLD_NOTIFY;
	}
	assert_int_equal(wb_u8(&wb, first ? PLD_NONCE : PLD_NONE), 0);
	assert_int_equal(wb_u8(&wb, 0), 0);
	assert_int_equal(wb_u16(&wb, (uint16_t)(8 + len)), 0);
	assert_int_equal(wb_u16(&wb, 0), 0);
	assert_int_equal(wb_u16(&wb, N_COOKIE), 0);
	assert_int_equal(wb_put(&wb, cookie, len), 0);
	if (first) {
		buf[16] = PLD_NOTIFY;
		assert_int_equal(wb_put(&wb, old + IKE_HDR_LEN, rest), 0);
	}
	assert_int_equal(wb_set_u32(&wb, 24, (uint32_t)wb.len), 0);
	return (struct chunk){ buf, wb.len };
}

/* A protected message under these SPIs' first octets; contents do not matter. */
static struct chunk
later_of(
    uint8_t *buf, uint8_t exchange, uint8_t spi_i, uint8_t spi_r, uint8_t flags)
{
	struct ike_hdr h = { .spi_i = { spi_i, 1 },
		.spi_r = { spi_r, 1 },
		.next = PLD_SK,
		.version = IKE_VERSION,
		.exchange = exchange,
		.flags = flags,
		.mid = 1,
		.len = IKE_HDR_LEN + 8 };
	struct wbuf wb;

	wb_init(&wb, buf, 64);
	assert_int_equal(ike_hdr_put(&wb, &h), 0);
	assert_int_equal(wb_zero(&wb, 8), 0);
	return (struct chunk){ buf, wb.len };
}

#define later(buf, i, r, flags) later_of(buf, GSA_AUTH, i, r, flags)

static struct route
routed(struct chunk data, uint64_t now_ms)
{
	struct route r;

	route_dgram(&router, &table, data, &peer, now_ms, &r);
	return r;
}

static void
init_request_goes_to_the_group_it_names(void **state)
{
	uint8_t buf[256];
	struct route r;

	(void)state;
	fresh();
	r = routed(init_request(buf, sizeof(buf), "ops-net"), 0);
	assert_int_equal(r.to, RT_SLOT);
	assert_int_equal(r.slot, 0);
	r = routed(init_request(buf, sizeof(buf), "other"), 0);
	assert_int_equal(r.to, RT_SLOT);
	assert_int_equal(r.slot, 5);
}

/* Octet by octet: a response to this request that says INVALID_GROUP_ID. */
static void
unknown_group_is_answered_without_state(void **state)
{
	static const uint8_t want[36] = { 9, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0,
		0, 0, 0, PLD_NOTIFY, 0x20, 34, 0x20, 0, 0, 0, 0, 0, 0, 0, 36, 0,
		0, 0, 8, 0, 0, 0, 45 };
	uint8_t buf[256];
	struct route r;

	(void)state;
	fresh();
	r = routed(init_request(buf, sizeof(buf), "nobody"), 0);
	assert_int_equal(r.to, RT_REPLY);
	assert_int_equal(r.reply_len, sizeof(want));
	assert_memory_equal(r.reply, want, sizeof(want));
	assert_int_equal(router.drops[RC_NO_GROUP], 1);
	/* A group that this host is just leaving is none. */
	r = routed(init_request(buf, sizeof(buf), "leaving"), 0);
	assert_int_equal(r.to, RT_REPLY);
	/* Nor does a receiver say what it listens to. */
	r = routed(init_request(buf, sizeof(buf), "heard"), 0);
	assert_int_equal(r.to, RT_REPLY);
	assert_memory_equal(r.reply, want, sizeof(want));
}

/* Neither an answer to nor a repetition of what this exchange begins with. */
static void
init_request_with_odd_spis_is_malformed(void **state)
{
	uint8_t buf[256];
	struct chunk m = init_request(buf, sizeof(buf), "ops-net");
	struct route r;

	(void)state;
	fresh();
	buf[8] = 1; /* a responder's SPI */
	r = routed(m, 0);
	assert_int_equal(r.to, RT_DROP);
	assert_int_equal(r.cause, RC_MALFORMED);
	buf[8] = 0;
	buf[19] = 0; /* not from the initiator */
	assert_int_equal(routed(m, 0).to, RT_DROP);
	buf[19] = IKE_F_INITIATOR;
	assert_int_equal(routed(m, 0).to, RT_SLOT);
	memset(buf, 0, 8);
	assert_int_equal(routed(m, 0).to, RT_DROP);
	assert_int_equal(router.drops[RC_MALFORMED], 3);
}

static void
answers_are_bounded_in_rate(void **state)
{
	uint8_t buf[256];
	struct chunk m = init_request(buf, sizeof(buf), "nobody");
	int replies = 0;

	(void)state;
	fresh();
	for (int i = 0; i < 1000; i++)
		replies += routed(m, 5000).to == RT_REPLY;
	assert_in_range(replies, 1, 20);
	assert_int_equal(router.drops[RC_NO_GROUP], 1000);
	assert_int_equal(router.drops[RC_REPLY_RATE], 1000 - replies);
	assert_int_equal(routed(m, 6001).to, RT_REPLY);
}

static void
without_mike_group_there_is_nowhere_to_go(void **state)
{
	uint8_t buf[256];
	struct route r;

	(void)state;
	fresh();
	r = routed(init_request(buf, sizeof(buf), NULL), 0);
	assert_int_equal(r.to, RT_DROP);
	assert_int_equal(r.cause, RC_NO_BIND);
	/* Not even with cookies: an answer would be of no use to it. */
	load_limit(&router.load, 0);
	r = routed(init_request(buf, sizeof(buf), NULL), 0);
	assert_int_equal(r.cause, RC_NO_BIND);
}

/* Strangers' implementations know nothing of MIKE_GROUP. */
static void
default_group_takes_who_names_none(void **state)
{
	uint8_t buf[256];
	struct route r;

	(void)state;
	fresh();
	table.g[5].foreign = true;
	r = routed(init_request(buf, sizeof(buf), NULL), 0);
	assert_int_equal(r.to, RT_SLOT);
	assert_int_equal(r.slot, 5);
	/* Who names a group is still for that one, or for nobody. */
	r = routed(init_request(buf, sizeof(buf), "ops-net"), 0);
	assert_int_equal(r.slot, 0);
	assert_int_equal(
	    routed(init_request(buf, sizeof(buf), "nobody"), 0).cause,
	    RC_NO_GROUP);
	/* Not running, not a sender: as if there were none. */
	table.g[5].life = L_SPD;
	assert_int_equal(
	    routed(init_request(buf, sizeof(buf), NULL), 0).cause, RC_NO_BIND);
	table.g[5].life = L_RUN;
	table.g[5].role = ROLE_RECEIVER;
	r = routed(init_request(buf, sizeof(buf), NULL), 0);
	assert_int_equal(r.cause, RC_NO_BIND);
}

/*
 *   request ...............> many in this second
 *   <............ N(COOKIE)  SPIr = 0, no state
 *   N(COOKIE), request ....> goes to its group
 */
static void
under_load_a_cookie_comes_first(void **state)
{
	static const uint8_t head[] = { 9, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0,
		0, 0, 0, PLD_NOTIFY, 0x20, 34, 0x20, 0, 0, 0, 0, 0, 0, 0, 53, 0,
		0, 0, 25, 0, 0, 0x40, 0x06 };
	uint8_t buf[256], again[256];
	struct chunk m = init_request(buf, sizeof(buf), "ops-net");
	struct route r, asked;

	(void)state;
	fresh();
	load_limit(&router.load, MANY);
	for (unsigned int i = 0; i < MANY; i++)
		assert_int_equal(routed(m, 100).to, RT_SLOT);
	asked = routed(m, 100);
	assert_int_equal(asked.to, RT_REPLY);
	assert_int_equal(asked.cause, RC_COOKIE);
	assert_int_equal(asked.reply_len, sizeof(head) + COOKIE_LEN);
	assert_memory_equal(asked.reply, head, sizeof(head));
	/* Also for groups that are not here: that would cost a search. */
	r = routed(init_request(buf, sizeof(buf), "nobody"), 200);
	assert_int_equal(r.cause, RC_COOKIE);
	m = init_request(buf, sizeof(buf), "ops-net");
	m = with_cookie(again, sizeof(again), m, asked.reply + sizeof(head),
	    COOKIE_LEN, true);
	r = routed(m, 300);
	assert_int_equal(r.to, RT_SLOT);
	assert_int_equal(r.slot, 0);
	/* From another address it is worth nothing. */
	peer.b[3]++;
	r = routed(m, 300);
	peer.b[3]--;
	assert_int_equal(r.cause, RC_COOKIE);
	assert_int_equal(router.cookies_good, 1);
	assert_int_equal(router.cookies_wrong, 1);
	assert_int_equal(router.drops[RC_COOKIE], 3);
}

/* Whoever has been told to bring one brings it, load or not. */
static void
cookies_are_taken_without_load(void **state)
{
	static const uint8_t junk[64] = { 1 };
	uint8_t buf[256], again[256];
	struct chunk m = init_request(buf, sizeof(buf), "ops-net"), c;
	struct route asked, r;

	(void)state;
	fresh();
	load_limit(&router.load, 0);
	asked = routed(m, 0);
	assert_int_equal(asked.to, RT_REPLY);
	load_limit(&router.load, MANY);
	c = with_cookie(
	    again, sizeof(again), m, asked.reply + 36, COOKIE_LEN, true);
	for (uint64_t t = 0; t < 1000; t++) /* and is no load */
		assert_int_equal(routed(c, 20000).to, RT_SLOT);
	/* A wrong one is as good as none, of whatever length. */
	for (size_t len = 1; len <= sizeof(junk); len++) {
		r = routed(
		    with_cookie(again, sizeof(again), m, junk, len, true),
		    40000);
		assert_int_equal(r.to, RT_SLOT);
	}
	assert_int_equal(router.cookies_wrong, sizeof(junk));
}

static void
cookie_must_be_the_first_payload(void **state)
{
	uint8_t buf[256], again[256];
	struct chunk m = init_request(buf, sizeof(buf), "ops-net");
	struct route asked, r;

	(void)state;
	fresh();
	load_limit(&router.load, 0);
	asked = routed(m, 0);
	r = routed(with_cookie(again, sizeof(again), m, asked.reply + 36,
		       COOKIE_LEN, false),
	    0);
	assert_int_equal(r.to, RT_DROP);
	assert_int_equal(r.cause, RC_MALFORMED);
}

/* Answers go to forged addresses: never more than came from there. */
static void
no_answer_is_longer_than_the_request(void **state)
{
	static const uint8_t nonce[IKE_NONCE_MIN];
	uint8_t buf[64];
	struct ike_hdr h = { .spi_i = { 1 },
		.next = PLD_NONCE,
		.version = IKE_VERSION,
		.exchange = IKE_SA_INIT,
		.flags = IKE_F_INITIATOR,
		.len = IKE_HDR_LEN + 4 + sizeof(nonce) };
	struct wbuf wb;

	(void)state;
	fresh();
	table.g[0].foreign = true;
	load_limit(&router.load, 0);
	wb_init(&wb, buf, sizeof(buf));
	assert_int_equal(ike_hdr_put(&wb, &h), 0);
	assert_int_equal(wb_u16(&wb, 0), 0);
	assert_int_equal(wb_u16(&wb, 4 + sizeof(nonce)), 0);
	assert_int_equal(wb_put(&wb, nonce, sizeof(nonce)), 0);
	assert_int_equal(
	    routed((struct chunk){ buf, wb.len }, 0).cause, RC_MALFORMED);
}

/* A host that only receives has nobody to ask cookies for. */
static void
receivers_ask_no_cookies(void **state)
{
	uint8_t buf[256];
	struct chunk m = init_request(buf, sizeof(buf), "heard");
	struct route r;

	(void)state;
	fresh();
	load_limit(&router.load, 0);
	table.g[0].life = table.g[5].life = L_LEFT;
	for (int i = 0; i < 1000; i++)
		r = routed(m, 5000);
	assert_int_equal(r.to, RT_DROP);
	assert_int_equal(router.drops[RC_COOKIE], 0);
	assert_int_equal(router.drops[RC_NO_GROUP], 1000);
}

static void
later_messages_go_by_our_own_spi(void **state)
{
	uint8_t buf[64];
	struct route r;

	(void)state;
	fresh();
	/* Requests of an initiator: ours is the responder's SPI. */
	r = routed(later(buf, 77, 5, IKE_F_INITIATOR), 0);
	assert_int_equal(r.to, RT_SLOT);
	assert_int_equal(r.slot, 5);
	/* Answers to us as initiator: ours is the initiator's SPI. */
	r = routed(later(buf, 7, 77, IKE_F_RESPONSE), 0);
	assert_int_equal(r.to, RT_SLOT);
	assert_int_equal(r.slot, 7);
	/* A receiver that is just taking leave still has to hear the answer. */
	table.g[7].life = L_PARTING;
	assert_int_equal(
	    routed(later(buf, 7, 77, IKE_F_RESPONSE), 0).to, RT_SLOT);
	r = routed(later(buf, 0, 9, IKE_F_INITIATOR), 0);
	assert_int_equal(r.to, RT_DROP);
	assert_int_equal(r.cause, RC_NO_SLOT);
	r = routed(later(buf, 0, 6, IKE_F_INITIATOR), 0);
	assert_int_equal(r.to, RT_DROP);
}

static void
every_truncation_is_dropped(void **state)
{
	uint8_t buf[256];
	struct chunk m = init_request(buf, sizeof(buf), "ops-net");

	(void)state;
	fresh();
	for (size_t n = 0; n < m.len; n++) {
		struct route r = routed((struct chunk){ buf, n }, 0);

		assert_int_equal(r.to, RT_DROP);
		assert_int_equal(r.cause, RC_MALFORMED);
	}
	assert_int_equal(router.drops[RC_MALFORMED], m.len);
}

#define I IKE_F_INITIATOR
#define R IKE_F_RESPONSE

/* What may pass between an initiator and a responder; from whom, and which. */
static const struct passage {
	uint8_t exchange;
	uint8_t ok[4]; /* of the flags 0, R, I, I|R */
} passages[] = {
	{ IKE_SA_INIT, { 0, 1, 0, 0 } }, /* requests have no SPI of ours */
	{ IKE_AUTH, { 0, 1, 1, 0 } },
	{ GSA_AUTH, { 0, 1, 1, 0 } },
	{ GSA_REGISTRATION, { 0, 1, 1, 0 } },
	{ IKE_CREATE_CHILD_SA, { 1, 1, 1, 1 } },
	{ IKE_INFORMATIONAL, { 1, 1, 1, 1 } },
	{ GSA_INBAND_REKEY, { 1, 0, 0, 1 } },
	{ GSA_REKEY, { 0, 0, 0, 0 } }, /* multicast, and not by this way */
	{ 33, { 0, 0, 0, 0 } },
	{ 255, { 0, 0, 0, 0 } },
};
static const uint8_t flags_of[] = { 0, R, I, I | R };

/* Slot 0 sends, so it gets what initiators say; slot 7 the other half. */
static void
role_decides_what_comes_in(void **state)
{
	uint8_t buf[64];
	uint64_t role = 0, exchange = 0;

	(void)state;
	fresh();
	for (size_t i = 0; i < NITEMS(passages) * NITEMS(flags_of); i++) {
		const struct passage *p = &passages[i / NITEMS(flags_of)];
		uint8_t fl = flags_of[i % NITEMS(flags_of)];
		bool good = p->ok[i % NITEMS(flags_of)];
		uint8_t right = fl & I ? 0 : 7, wrong = fl & I ? 7 : 0;
		struct route r;

		/* An IKE_SA_INIT request is another matter altogether. */
		if (p->exchange == IKE_SA_INIT && (fl & R) == 0)
			continue;
		r = routed(later_of(buf, p->exchange, right, right, fl), 0);
		assert_int_equal(r.to, good ? RT_SLOT : RT_DROP);
		exchange += !good;
		r = routed(later_of(buf, p->exchange, wrong, wrong, fl), 0);
		assert_int_equal(r.to, RT_DROP);
		assert_int_equal(r.cause, RC_ROLE);
		role++;
	}
	assert_int_equal(router.drops[RC_ROLE], role);
	assert_int_equal(router.drops[RC_EXCHANGE], exchange);
}

static void
role_decides_what_goes_out(void **state)
{
	uint8_t buf[64];

	(void)state;
	fresh();
	for (size_t i = 0; i < NITEMS(passages) * NITEMS(flags_of); i++) {
		const struct passage *p = &passages[i / NITEMS(flags_of)];
		uint8_t fl = flags_of[i % NITEMS(flags_of)];
		bool good = p->ok[i % NITEMS(flags_of)];
		const struct grp *right = &table.g[fl & I ? 7 : 0];
		const struct grp *wrong = &table.g[fl & I ? 0 : 7];

		if (p->exchange == IKE_SA_INIT && fl == I)
			good = true;
		if (p->exchange == IKE_SA_INIT && fl == 0)
			continue; /* under no SPI that could be told apart */
		assert_int_equal(route_out_ok(&router, right,
				     later_of(buf, p->exchange, right->slot,
					 right->slot, fl)),
		    good);
		assert_false(route_out_ok(&router, wrong,
		    later_of(buf, p->exchange, wrong->slot, wrong->slot, fl)));
	}
	assert_int_equal(router.drops[RC_OUT_SPI], 0);
	assert_in_range(router.drops[RC_OUT_ROLE], 40, 80);
}

/* A key manager that was taken over cannot speak under another slot's SPI. */
static void
outbound_messages_carry_the_own_slot(void **state)
{
	uint8_t buf[256], *octets = buf;
	struct grp *rcv = &table.g[7], *snd = &table.g[5];
	struct router *r = &router;
	struct chunk m;

	(void)state;
	fresh();
	assert_true(route_out_ok(r, rcv, later(buf, 7, 9, I)));
	assert_false(route_out_ok(r, rcv, later(buf, 4, 7, I)));
	assert_true(route_out_ok(r, snd, later(buf, 9, 5, R)));
	assert_false(route_out_ok(r, snd, later(buf, 5, 9, R)));
	assert_false(route_out_ok(r, snd, (struct chunk){ buf, 20 }));
	assert_int_equal(r->drops[RC_OUT_SPI], 3);
	/* An error answer to IKE_SA_INIT has no SPI of ours yet. */
	m = init_request(buf, sizeof(buf), NULL);
	octets[19] = R;
	assert_true(route_out_ok(r, snd, m));
	octets[18] = GSA_AUTH;
	assert_false(route_out_ok(r, snd, m));
}

static void
causes_have_names(void **state)
{
	(void)state;
	for (enum route_cause c = 0; c < RC_COUNT; c++)
		assert_non_null(route_cause_name(c));
	assert_string_equal(route_cause_name(RC_COUNT), "?");
}

static int
crypto_up(void **state)
{
	(void)state;
	return crypto_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_request_goes_to_the_group_it_names),
		cmocka_unit_test(unknown_group_is_answered_without_state),
		cmocka_unit_test(init_request_with_odd_spis_is_malformed),
		cmocka_unit_test(answers_are_bounded_in_rate),
		cmocka_unit_test(without_mike_group_there_is_nowhere_to_go),
		cmocka_unit_test(default_group_takes_who_names_none),
		cmocka_unit_test(under_load_a_cookie_comes_first),
		cmocka_unit_test(cookies_are_taken_without_load),
		cmocka_unit_test(cookie_must_be_the_first_payload),
		cmocka_unit_test(no_answer_is_longer_than_the_request),
		cmocka_unit_test(receivers_ask_no_cookies),
		cmocka_unit_test(later_messages_go_by_our_own_spi),
		cmocka_unit_test(every_truncation_is_dropped),
		cmocka_unit_test(role_decides_what_comes_in),
		cmocka_unit_test(role_decides_what_goes_out),
		cmocka_unit_test(outbound_messages_carry_the_own_slot),
		cmocka_unit_test(causes_have_names),
	};

	return cmocka_run_group_tests(tests, crypto_up, NULL);
}
