/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "dispatcherd/core/sa.h"

#define eq assert_int_equal

static struct rules r;
static struct msg_sa_install m;
static struct sa_want w;
static const char *why;
static uint8_t key[GCM_KEYMAT_LEN + 1];
static struct addr hq, other, g4, hq6, g6;

static struct addr
addr(const char *text)
{
	struct addr a;

	eq(addr_parse(&a, text), 0);
	return a;
}

static struct chunk
octets(const struct addr *a)
{
	return (struct chunk){ a->b, a->len };
}

/* Slot 2: we send.  Slot 5: we receive from hq. */
static int
setup(void **state)
{
	(void)state;
	memset(&r, 0, sizeof(r));
	hq = addr("192.0.2.1");
	other = addr("192.0.2.2");
	g4 = addr("239.192.10.1");
	hq6 = addr("2001:db8::1");
	g6 = addr("ff15::4d49:1");
	r.listen[r.n_listen++] = hq;
	r.listen[r.n_listen++] = hq6;
	r.group[2] = (struct rules_group){ .present = true,
		.role = ROLE_SENDER,
		.lifetime_s = 3600,
		.dst[0] = g4,
		.dst[7] = g6,
		.sender[0] = hq,
		.n_senders = 1 };
	r.group[5] = (struct rules_group){ .present = true,
		.role = ROLE_RECEIVER,
		.lifetime_s = 3600,
		.dst[0] = addr("239.1.1.1"),
		.sender[0] = other,
		.n_senders = 1 };
	m = (struct msg_sa_install){ .req = 1,
		.mode = SA_NEW,
		.dir = SA_OUT,
		.spi = 0x1000,
		.src = octets(&hq),
		.dst = octets(&g4),
		.key = { key, GCM_KEYMAT_LEN },
		.soft_s = 3000,
		.hard_s = 3600,
		.soft_packets = 1u << 31,
		.hard_packets = UINT32_MAX };
	return 0;
}

static enum ipc_status
ask(uint8_t slot)
{
	enum ipc_status st = sa_check(&r, slot, &m, &w, &why);

	/* A refusal always says why. */
	assert_true((st == ST_OK) == (why == NULL));
	return st;
}

static void
a_sender_may_install_its_own_sa(void **state)
{
	(void)state;
	eq(ask(2), ST_OK);
	eq(w.reqid, reqid_make(2, 0));
	eq(w.spi, 0x1000);
	assert_true(addr_eq(&w.src, &hq));
	assert_true(addr_eq(&w.dst, &g4));
	assert_ptr_equal(w.key, key);
	eq(w.soft_s, 3000);
	eq(w.hard_s, 3600);
	assert_true(w.soft_packets == 1u << 31);
	assert_true(w.hard_packets == UINT32_MAX);
	m.src = octets(&hq6);
	m.dst = octets(&g6);
	m.replay = 128; /* it may guard its own loop */
	eq(ask(2), ST_OK);
	eq(w.reqid, reqid_make(2, 7));
	eq(w.replay, 128);
}

static void
a_receiver_may_install_a_senders_sa(void **state)
{
	struct addr g5 = addr("239.1.1.1");

	(void)state;
	m.dir = SA_IN;
	m.src = octets(&other);
	m.dst = octets(&g5);
	m.replay = 128;
	eq(ask(5), ST_OK);
	eq(w.reqid, reqid_make(5, 0));
	m.src = octets(&hq); /* ours, but no sender of this group */
	eq(ask(5), ST_REFUSED);
	m.dir = SA_OUT; /* a receiver sends nothing */
	eq(ask(5), ST_REFUSED);
}

static void
a_slot_gets_nothing_of_another(void **state)
{
	struct addr g5 = addr("239.1.1.1"), stranger = addr("239.9.9.9");

	(void)state;
	m.dst = octets(&g5);
	eq(ask(2), ST_REFUSED);
	m.dst = octets(&stranger);
	eq(ask(2), ST_REFUSED);
	m.dst = octets(&other); /* a unicast address least of all */
	eq(ask(2), ST_REFUSED);
	m.dst = octets(&g4);
	eq(ask(5), ST_REFUSED);
	eq(ask(3), ST_REFUSED);
	eq(ask(64), ST_REFUSED);
	eq(ask(255), ST_REFUSED);
	m.src = octets(&other);
	eq(ask(2), ST_REFUSED);
	m.src = octets(&hq6); /* families do not fit */
	eq(ask(2), ST_REFUSED);
	m.src = (struct chunk){ hq.b, 3 };
	eq(ask(2), ST_REFUSED);
	m.src = (struct chunk){ NULL, 0 };
	eq(ask(2), ST_REFUSED);
	setup(NULL);
	eq(sa_check(NULL, 2, &m, &w, &why), ST_REFUSED);
	assert_string_equal(why, "no rules yet");
}

/* One number off each time; 0 is the good request. */
static void
spoil(unsigned int n)
{
	switch (n) {
	case 1:
		m.mode = 3;
		break;
	case 2:
		m.dir = 0;
		break;
	case 3:
		m.dir = 3;
		break;
	case 4:
		m.spi = 255;
		break;
	case 5:
		m.spi = 0;
		break;
	case 6:
		m.key.len = GCM_KEYMAT_LEN - 1;
		break;
	case 7:
		m.key.len = GCM_KEYMAT_LEN + 1;
		break;
	case 8:
		m.hard_s = 3601;
		break;
	case 9:
		m.hard_s = 0;
		break;
	case 10:
		m.soft_s = 3601;
		break;
	case 11:
		m.hard_packets = 1ULL << 32;
		break;
	case 12:
		m.hard_packets = m.soft_packets - 1;
		break;
	case 13:
		m.replay = SA_REPLAY_MAX + 1;
		break;
	case 14: /* inbound without protection from replay */
		m.dir = SA_IN;
		m.replay = SA_REPLAY_MIN - 1;
		break;
	default:
		break;
	}
}

static void
numbers_out_of_range_are_refused(void **state)
{
	(void)state;
	for (unsigned int n = 0; n <= 14; n++) {
		setup(NULL);
		spoil(n);
		if (ask(2) != (n == 0 ? ST_OK : ST_REFUSED))
			fail_msg("number %u", n);
	}
	setup(NULL);
	m.spi = 256;
	m.soft_packets = m.hard_packets = 0;
	m.soft_s = 0;
	eq(ask(2), ST_OK);
	/* A receiver of our own group: its loop, from our own address. */
	m.dir = SA_IN;
	m.replay = SA_REPLAY_MIN;
	eq(ask(2), ST_OK);
}

static void
deletion_needs_a_group_and_an_address(void **state)
{
	struct msg_sa_delete del = { 1, 0x1000, octets(&g4) };
	struct addr dst;

	(void)state;
	eq(sa_check_delete(&r, 2, &del, &dst, &why), ST_OK);
	assert_true(addr_eq(&dst, &g4));
	eq(sa_check_delete(&r, 3, &del, &dst, &why), ST_REFUSED);
	eq(sa_check_delete(NULL, 2, &del, &dst, &why), ST_REFUSED);
	del.dst.len = 5;
	eq(sa_check_delete(&r, 2, &del, &dst, &why), ST_REFUSED);
	assert_non_null(why);
}

int
main(void)
{
#define T(t) cmocka_unit_test_setup(t, setup)
	const struct CMUnitTest tests[] = {
		T(a_sender_may_install_its_own_sa),
		T(a_receiver_may_install_a_senders_sa),
		T(a_slot_gets_nothing_of_another),
		T(numbers_out_of_range_are_refused),
		T(deletion_needs_a_group_and_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
