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

static struct groups table;
static struct router router;

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

/* A protected message under these SPIs' first octets; contents do not matter. */
static struct chunk
later(uint8_t *buf, uint8_t spi_i, uint8_t spi_r, uint8_t flags)
{
	struct ike_hdr h = { .spi_i = { spi_i, 1 },
		.spi_r = { spi_r, 1 },
		.next = PLD_SK,
		.version = IKE_VERSION,
		.exchange = GSA_AUTH,
		.flags = flags,
		.mid = 1,
		.len = IKE_HDR_LEN + 8 };
	struct wbuf wb;

	wb_init(&wb, buf, 64);
	assert_int_equal(ike_hdr_put(&wb, &h), 0);
	assert_int_equal(wb_zero(&wb, 8), 0);
	return (struct chunk){ buf, wb.len };
}

static struct route
routed(struct chunk data, uint64_t now_ms)
{
	struct route r;

	route_dgram(&router, &table, data, now_ms, &r);
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
	static const uint8_t want[ROUTE_REPLY_LEN] = { 9, 1, 2, 3, 4, 5, 6, 7,
		0, 0, 0, 0, 0, 0, 0, 0, PLD_NOTIFY, 0x20, 34, 0x20, 0, 0, 0, 0,
		0, 0, 0, 36, 0, 0, 0, 8, 0, 0, 0, 45 };
	uint8_t buf[256];
	struct route r;

	(void)state;
	fresh();
	r = routed(init_request(buf, sizeof(buf), "nobody"), 0);
	assert_int_equal(r.to, RT_REPLY);
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
	r = routed(later(buf, 0, 77, IKE_F_RESPONSE), 0);
	assert_int_equal(r.to, RT_SLOT);
	assert_int_equal(r.slot, 0);
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

/* A key manager that was taken over cannot speak under another slot's SPI. */
static void
outbound_messages_carry_the_own_slot(void **state)
{
	uint8_t buf[256], *octets = buf;
	struct chunk m;

	(void)state;
	assert_true(route_out_ok(later(buf, 3, 9, IKE_F_INITIATOR), 3));
	assert_false(route_out_ok(later(buf, 4, 3, IKE_F_INITIATOR), 3));
	assert_true(route_out_ok(later(buf, 9, 3, IKE_F_RESPONSE), 3));
	assert_false(route_out_ok(later(buf, 3, 9, IKE_F_RESPONSE), 3));
	assert_false(route_out_ok((struct chunk){ buf, 20 }, 3));
	/* An error answer to IKE_SA_INIT has no SPI of ours yet. */
	m = init_request(buf, sizeof(buf), NULL);
	octets[19] = IKE_F_RESPONSE;
	assert_true(route_out_ok(m, 3));
	octets[18] = GSA_AUTH;
	assert_false(route_out_ok(m, 3));
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
		cmocka_unit_test(later_messages_go_by_our_own_spi),
		cmocka_unit_test(every_truncation_is_dropped),
		cmocka_unit_test(outbound_messages_carry_the_own_slot),
		cmocka_unit_test(causes_have_names),
	};

	return cmocka_run_group_tests(tests, crypto_up, NULL);
}
