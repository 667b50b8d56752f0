/* SPDX-License-Identifier: ISC */
/* policyd's configuration of one group, put together message by message. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/confmsg.h"

static const uint8_t v4[] = { 10, 77, 0, 1 };
static const uint8_t group4[] = { 239, 192, 10, 1 };
static struct confmsg c;

static struct chunk
text(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

static struct msg
begin(void)
{
	struct msg m = { .type = MSG_CONF_BEGIN };

	m.conf_begin = (struct msg_conf_begin){ .name = text("ops-net"),
		.group_id = text("gid"),
		.role = ROLE_RECEIVER,
		.own_id = text("\x0b...me"),
		.port = 848,
		.lifetime_s = 28800,
		.atd_ms = 2000,
		.dtd_ms = 30000,
		.half_open_max = 16,
		.members_max = 100 };
	return m;
}

static struct msg
address(void)
{
	struct msg m = { .type = MSG_CONF_ADDR };

	m.conf_addr = (struct msg_conf_addr){ .cls = 1,
		.dst = { group4, 4 },
		.src = { v4, 4 },
		.port_lo = 5000,
		.port_hi = 5010 };
	return m;
}

static struct msg
gcks(void)
{
	struct msg m = { .type = MSG_CONF_GCKS };

	m.conf_gcks = (struct msg_conf_gcks){ .name = text("hq"),
		.id = text("\x0b...hq"),
		.local = { v4, 4 },
		.addr = { v4, 4 },
		.port = 848 };
	return m;
}

static int
add(struct msg m)
{
	return confmsg_add(&c, &m);
}

static void
whole_configuration_comes_together(void **state)
{
	struct msg end = { .type = MSG_CONF_END };

	(void)state;
	assert_int_equal(add(begin()), 0);
	assert_int_equal(add(address()), 0);
	assert_int_equal(add(gcks()), 0);
	assert_int_equal(add(end), 1);
	assert_string_equal(c.conf.name, "ops-net");
	assert_int_equal(c.conf.role, ROLE_RECEIVER);
	assert_int_equal(c.conf.group_id_len, 3);
	assert_int_equal(c.conf.lifetime_s, 28800);
	assert_int_equal(c.conf.n_addr, 1);
	assert_int_equal(c.conf.addr[0].port_hi, 5010);
	assert_memory_equal(c.conf.addr[0].dst.b, group4, 4);
	assert_int_equal(c.conf.n_gcks, 1);
	assert_string_equal(c.conf.gcks[0].name, "hq");
	assert_int_equal(c.conf.gcks[0].peer.port, 848);
}

/* The shell compares two configurations octet by octet. */
static void
same_messages_give_the_same_octets(void **state)
{
	static struct km_conf first;

	(void)state;
	memset(&c, 0xaa, sizeof(c));
	assert_int_equal(add(begin()), 0);
	assert_int_equal(add(address()), 0);
	memcpy(&first, &c.conf, sizeof(first));
	memset(&c, 0x55, sizeof(c));
	assert_int_equal(add(begin()), 0);
	assert_int_equal(add(address()), 0);
	assert_memory_equal(&first, &c.conf, sizeof(first));
}

static void
new_begin_forgets_the_unfinished_one(void **state)
{
	(void)state;
	assert_int_equal(add(begin()), 0);
	assert_int_equal(add(address()), 0);
	assert_int_equal(add(begin()), 0);
	assert_int_equal(c.conf.n_addr, 0);
}

static void
out_of_order_is_refused(void **state)
{
	struct msg end = { .type = MSG_CONF_END };
	struct msg other = { .type = MSG_RULES_GET };

	(void)state;
	memset(&c, 0, sizeof(c));
	assert_int_equal(add(address()), -EPROTO);
	assert_int_equal(add(gcks()), -EPROTO);
	assert_int_equal(add(end), -EPROTO);
	assert_int_equal(add(begin()), 0);
	assert_int_equal(add(other), -EPROTO);
	assert_int_equal(add(end), 1);
	assert_int_equal(add(end), -EPROTO);
}

static void
too_many_are_refused(void **state)
{
	(void)state;
	assert_int_equal(add(begin()), 0);
	for (int i = 0; i < KM_ADDRS_MAX; i++)
		assert_int_equal(add(address()), 0);
	assert_int_equal(add(address()), -EPROTO);
	for (int i = 0; i < KM_GCKS_MAX; i++)
		assert_int_equal(add(gcks()), 0);
	assert_int_equal(add(gcks()), -EPROTO);
}

static void
impossible_values_are_refused(void **state)
{
	static const uint8_t big[600], nul[] = { 'a', 0, 'b' };
	struct msg m;

	(void)state;
	m = begin();
	m.conf_begin.role = 7;
	assert_int_equal(add(m), -EPROTO);
	m = begin();
	m.conf_begin.name = (struct chunk){ big, 65 };
	assert_int_equal(add(m), -EPROTO);
	m = begin();
	m.conf_begin.name = (struct chunk){ nul, sizeof(nul) };
	assert_int_equal(add(m), -EPROTO);
	m = begin();
	m.conf_begin.group_id = (struct chunk){ big, 65 };
	assert_int_equal(add(m), -EPROTO);
	m = begin();
	m.conf_begin.own_id = (struct chunk){ big, KM_ID_MAX + 1 };
	assert_int_equal(add(m), -EPROTO);
	assert_int_equal(add(begin()), 0);
	m = address();
	m.conf_addr.dst.len = 3;
	assert_int_equal(add(m), -EPROTO);
	m = gcks();
	m.conf_gcks.addr = (struct chunk){ big, 15 };
	assert_int_equal(add(m), -EPROTO);
	m = gcks();
	m.conf_gcks.id = (struct chunk){ big, KM_ID_MAX + 1 };
	assert_int_equal(add(m), -EPROTO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_configuration_comes_together),
		cmocka_unit_test(same_messages_give_the_same_octets),
		cmocka_unit_test(new_begin_forgets_the_unfinished_one),
		cmocka_unit_test(out_of_order_is_refused),
		cmocka_unit_test(too_many_are_refused),
		cmocka_unit_test(impossible_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
