/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/core/rules.h"
#include "tests/lib/pol.h"

#define eq assert_int_equal

/* What was sent, one line each, and each encodes as the schema wants it. */
static char got[8192];
static size_t stop_after;
static struct policy *p;

static const char *
ip(struct chunk c)
{
	static char ring[4][ADDR_STRLEN];
	static unsigned int n;
	struct addr a;

	eq(addr_from(&a, c.p, c.len), 0);
	return addr_text(&a, ring[n++ % NITEMS(ring)]);
}

#define S(c) (int)(c).len, (const char *)(c).p

static int
describe(char *out, size_t size, const struct msg *m)
{
	switch (m->type) {
	case MSG_RULES_BEGIN:
		return snprintf(out, size, "begin %u %u %u\n",
		    m->rules_begin.req, m->rules_begin.port,
		    m->rules_begin.transmit);
	case MSG_RULE_LISTEN:
		return snprintf(
		    out, size, "listen %s\n", ip(m->rule_listen.addr));
	case MSG_RULE_IFACE:
		return snprintf(
		    out, size, "iface %.*s\n", S(m->rule_iface.name));
	case MSG_RULE_PEER:
		return snprintf(out, size, "peer %s/%u %u\n",
		    ip(m->rule_peer.addr), m->rule_peer.prefix,
		    m->rule_peer.rate);
	case MSG_RULE_GROUP:
		return snprintf(out, size, "group %u %.*s role=%u hop=%u %us\n",
		    m->rule_group.slot, S(m->rule_group.name),
		    m->rule_group.role, m->rule_group.hop_limit,
		    m->rule_group.lifetime_s);
	case MSG_RULE_ADDR:
		return snprintf(out, size, "addr %u %u %s\n", m->rule_addr.slot,
		    m->rule_addr.cls, ip(m->rule_addr.dst));
	case MSG_RULE_SENDER:
		return snprintf(out, size, "sender %u %s\n",
		    m->rule_sender.slot, ip(m->rule_sender.src));
	case MSG_RULES_END:
		return snprintf(out, size, "end %u\n", m->rules_end.req);
	case MSG_GROUPS_BEGIN:
		return snprintf(out, size, "groups %u %.*s cookie=%u\n",
		    m->groups_begin.req, S(m->groups_begin.identity),
		    m->groups_begin.cookie_above);
	case MSG_GROUP:
		return snprintf(out, size,
		    "group %u %.*s id=%.*s role=%u joined=%u %u %u "
		    "foreign=%u\n",
		    m->group.slot, S(m->group.name), S(m->group.id),
		    m->group.role, m->group.joined, m->group.half_open_max,
		    m->group.source_rate, m->group.foreign);
	case MSG_GROUPS_END:
		return snprintf(out, size, "end %u\n", m->groups_end.req);
	case MSG_CONF_BEGIN:
		return snprintf(out, size,
		    "conf %u %.*s id=%.*s role=%u own=%zu port=%u %us "
		    "%ums %ums %u %u suite=%u foreign=%u frag=%u ppk=%.*s "
		    "anchors=%zu\n",
		    m->conf_begin.req, S(m->conf_begin.name),
		    S(m->conf_begin.group_id), m->conf_begin.role,
		    m->conf_begin.own_id.len, m->conf_begin.port,
		    m->conf_begin.lifetime_s, m->conf_begin.atd_ms,
		    m->conf_begin.dtd_ms, m->conf_begin.half_open_max,
		    m->conf_begin.members_max, m->conf_begin.suite,
		    m->conf_begin.foreign, m->conf_begin.fragment,
		    S(m->conf_begin.ppk_id), m->conf_begin.anchors.len);
	case MSG_CONF_CERT:
		return snprintf(out, size, "cert\n");
	case MSG_CONF_ADDR:
		return snprintf(out, size, "addr %u %s from %s %u-%u\n",
		    m->conf_addr.cls, ip(m->conf_addr.dst),
		    ip(m->conf_addr.src), m->conf_addr.port_lo,
		    m->conf_addr.port_hi);
	case MSG_CONF_GCKS:
		return snprintf(out, size,
		    "gcks %.*s id=%zu %s -> %s %u by %u\n",
		    S(m->conf_gcks.name), m->conf_gcks.id.len,
		    ip(m->conf_gcks.local), ip(m->conf_gcks.addr),
		    m->conf_gcks.port, m->conf_gcks.exchange);
	case MSG_CONF_END:
		return snprintf(out, size, "end %u\n", m->conf_end.req);
	default:
		fail_msg("message %u", m->type);
		return 0;
	}
}

static int
collect(void *arg, const struct msg *m)
{
	size_t n = strlen(got);
	uint8_t buf[2048];
	struct wbuf wb;

	(void)arg;
	if (stop_after-- == 0)
		return -ENOBUFS;
	wb_init(&wb, buf, sizeof(buf));
	eq(msg_put(&wb, m), 0);
	describe(got + n, sizeof(got) - n, m);
	return 0;
}

static const struct pol_creds no_creds;
static const struct pol_out out = { .send = collect };

static int
setup(void **state)
{
	(void)state;
	got[0] = '\0';
	stop_after = SIZE_MAX;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	policy_free(&p);
	return 0;
}

static void
sender_hears_anyone(void **state)
{
	struct pol_slots s = { .slot = { 5 } };

	(void)state;
	p = pol_from(POL_SENDER);
	eq(pol_rules(p, &s, 42, &out), 0);
	assert_string_equal(got, "begin 42 848 1\n"
				 "listen 192.0.2.1\n"
				 "listen 2001:db8::1\n"
				 "peer none/0 20\n"
				 "group 5 ops role=2 hop=8 28800s\n"
				 "addr 5 0 239.192.10.1\n"
				 "addr 5 1 ff15::4d49:1\n"
				 "sender 5 192.0.2.1\n"
				 "sender 5 2001:db8::1\n"
				 "sender 5 192.0.2.2\n"
				 "end 42\n");
}

/* hq-01 is a peer for its addresses alone; scout is nobody's sender. */
static void
receiver_hears_its_designated_senders(void **state)
{
	struct pol_slots s = { .slot = { 0 } };

	(void)state;
	p = pol_from(POL_RECEIVER);
	eq(pol_rules(p, &s, 1, &out), 0);
	assert_string_equal(got, "begin 1 848 1\n"
				 "listen 192.0.2.17\n"
				 "listen 2001:db8::17\n"
				 "peer 192.0.2.1/32 20\n"
				 "peer 2001:db8::1/128 20\n"
				 "peer 192.0.2.2/32 20\n"
				 "group 0 ops role=1 hop=8 28800s\n"
				 "addr 0 0 239.192.10.1\n"
				 "addr 0 1 ff15::4d49:1\n"
				 "sender 0 192.0.2.1\n"
				 "sender 0 2001:db8::1\n"
				 "sender 0 192.0.2.2\n"
				 "end 1\n");
}

/* A host without IPv6 can ask nobody by it: no rule is spent on that. */
static void
peers_have_rules_by_families_of_the_host(void **state)
{
	struct pol_slots s = { .slot = { 0 } };

	(void)state;
	p = pol_from(POL_HOST("scout", "\"192.0.2.17\"") POL_PEERS POL_GROUP(
	    "c", "receiver", "address = \"239.1.1.3\" designated = hq-01"));
	eq(pol_rules(p, &s, 1, &out), 0);
	assert_non_null(strstr(got, "peer 192.0.2.1/32 20\n"));
	assert_null(strstr(got, "peer 2001:db8::1"));
}

static void
rates_are_the_highest_that_concern_the_peer(void **state)
{
	struct pol_slots s = { .slot = { 1, 2, 3 } };

	(void)state;
	p = pol_from(POL_HOST("hq-01", "\"192.0.2.1\"") POL_PEERS POL_GROUP(
	    "a", "sender", "address = \"239.1.1.1\" per-source-rate = 7")
		POL_GROUP("b", "sender",
		    "address = \"239.1.1.2\" per-source-rate = 9 "
		    "designated = { hq-01, hq-02 }") POL_GROUP("c", "receiver",
		    "address = \"239.1.1.3\" per-source-rate = 30 "
		    "designated = hq-02"));
	eq(pol_rules(p, &s, 1, &out), 0);
	assert_non_null(strstr(got, "\npeer none/0 9\n"
				    "peer 192.0.2.2/32 30\n"
				    "group 1 a "));
	assert_non_null(strstr(got, "group 3 c role=1"));
}

/* All its sender groups must say so, or anyone may ask. */
static void
a_sender_that_knows_hears_from_there_only(void **state)
{
	struct pol_slots s = { .slot = { 1, 2, 3 } };
	char text[2048];

	(void)state;
	for (int all = 0; all < 2; all++) {
		snprintf(text, sizeof(text),
		    POL_HOST("hq-01", "\"192.0.2.1\"") POL_PEERS POL_GROUP("a",
			"sender",
			"address = \"239.1.1.1\" per-source-rate = 7 from = { "
			"\"10.1.0.0/16\", \"2001:db8::/32\" }")
			POL_GROUP("b", "sender",
			    "address = \"239.1.1.2\" per-source-rate = 9 %s")
			    POL_GROUP("c", "receiver",
				"address = \"239.1.1.3\" designated = hq-02"),
		    all ? "from = { \"10.1.0.0/16\", \"10.1.0.0/17\" }" : "");
		got[0] = '\0';
		p = pol_from(text);
		eq(pol_rules(p, &s, 1, &out), 0);
		assert_non_null(strstr(got, all ? "listen 192.0.2.1\n"
						  "peer 10.1.0.0/16 9\n"
						  "peer 2001:db8::/32 9\n"
						  "peer 10.1.0.0/17 9\n"
						  "peer 192.0.2.2/32 20\n"
						  "group 1 a "
						: "listen 192.0.2.1\n"
						  "peer none/0 9\n"
						  "peer 192.0.2.2/32 20\n"
						  "group 1 a "));
		policy_free(&p);
	}
}

static void
interfaces_are_told(void **state)
{
	struct pol_slots s = { .slot = { 0 } };

	(void)state;
	p = pol_from("host { identity = \"CN=a\" psk = a listen = "
		     "\"192.0.2.1\" interface = { \"eth0\", \"eth1\" } }");
	eq(pol_rules(p, &s, 1, &out), 0);
	assert_string_equal(got, "begin 1 848 1\nlisten 192.0.2.1\n"
				 "iface eth0\niface eth1\nend 1\n");
}

static void
groups_are_told_with_slot_and_membership(void **state)
{
	struct pol_slots s = { .slot = { 7, 0 }, .joined = { true, false } };

	(void)state;
	p = pol_from(POL_HOST("hq-01",
	    "\"192.0.2.1\" } cookie-above = 7 default-group = b "
	    "interface = { \"eth0\"") POL_PEERS POL_GROUP("ops", "sender",
	    POL_OPS) POL_GROUP("b", "sender",
	    "address = \"239.1.1.2\" id = \"B!\" half-open-max = 3 "
	    "per-source-rate = 9"));
	eq(pol_groups(p, &s, 9, &out), 0);
	assert_string_equal(got,
	    "groups 9 CN=hq-01,O=Example cookie=7\n"
	    "group 7 ops id=ops role=2 joined=1 1024 20 "
	    "foreign=0\n"
	    "group 0 b id=B! role=2 joined=0 3 9 foreign=1\n"
	    "end 9\n");
}

static void
conf_of_a_sender(void **state)
{
	(void)state;
	p = pol_from(POL_HOST("hq-01", "\"192.0.2.1\"") POL_PEERS POL_GROUP(
	    "ops", "sender",
	    POL_OPS " ports = 5000-5010 atd = 3s dtd = 4s members-max = 5 "
		    "half-open-max = 6 designated = hq-02"));
	eq(pol_conf(p, &p->group[0], &no_creds, 3, &out), 0);
	/* No address of its own for IPv6; a sender asks nobody. */
	assert_string_equal(got,
	    "conf 3 ops id=ops role=2 own=40 port=848 28800s 3000ms 4000ms 6 "
	    "5 suite=1 foreign=0 frag=1280 ppk= anchors=0\n"
	    "addr 0 239.192.10.1 from 192.0.2.1 5000-5010\n"
	    "addr 1 ff15::4d49:1 from none 5000-5010\n"
	    "end 3\n");
}

/* In the order of the policy, each address that we have the family for. */
static void
conf_of_a_receiver(void **state)
{
	(void)state;
	p = pol_from(POL_HOST("scout-17",
	    "\"192.0.2.17\", \"2001:db8::17\" } fragment "
	    "= 0 "
	    "ppk = a ppk-id = night interface = { "
	    "\"eth0\"") "peer hq-01 { identity = "
			"\"CN=hq-01,O=Example\" address = "
			"{ "
			"\"192.0.2.1\", \"2001:db8::1\" } "
			"exchange = gsa-auth }"
			"peer hq-02 { identity = "
			"\"CN=hq-02,O=Example\" address = "
			"\"192.0.2.2\" exchange = "
			"ike-auth }" POL_GROUP("ops", "receiver",
			    POL_OPS " suite = cnsa designated = { "
				    "hq-02, hq-01 }"));
	eq(pol_conf(p, &p->group[0], &no_creds, 3, &out), 0);
	assert_string_equal(got,
	    "conf 3 ops id=ops role=1 own=43 port=848 28800s 2000ms 30000ms "
	    "1024 16384 suite=2 foreign=0 frag=0 ppk=\2night anchors=0\n"
	    "addr 0 239.192.10.1 from 192.0.2.17 0-65535\n"
	    "addr 1 ff15::4d49:1 from 2001:db8::17 0-65535\n"
	    "gcks hq-02 id=40 192.0.2.17 -> 192.0.2.2 848 by 35\n"
	    "gcks hq-01 id=40 192.0.2.17 -> 192.0.2.1 848 by 39\n"
	    "gcks hq-01 id=40 2001:db8::17 -> 2001:db8::1 848 by 39\n"
	    "end 3\n");
}

static void
a_receiver_asks_only_where_it_has_an_address(void **state)
{
	(void)state;
	p = pol_from(
	    POL_HOST("scout-17", "\"2001:db8::17\"") POL_PEERS POL_GROUP(
		"ops", "receiver", POL_OPS " designated = { hq-02, hq-01 }"));
	eq(pol_conf(p, &p->group[0], &no_creds, 3, &out), 0);
	assert_non_null(strstr(got, "anchors=0\n"
				    "addr 0 239.192.10.1 from none 0-65535\n"));
	assert_null(strstr(got, "gcks hq-02"));
	assert_non_null(strstr(got, "gcks hq-01 id=40 2001:db8::17 -> "));
}

static void
identities_are_id_payload_bodies(void **state)
{
	static const uint8_t want[] = { 9, 0, 0, 0, 0x30, 0x0e, 0x31, 0x0c,
		0x30, 0x0a, 6, 3, 0x55, 4, 3, 12, 3, 'a', 'b', 'c' };
	uint8_t buf[POL_ID_BODY_MAX];
	struct chunk c;

	(void)state;
	p = pol_from("host { identity = \"CN=abc\" psk = a listen = "
		     "\"192.0.2.1\" }");
	c = pol_id_body(&p->id, buf);
	eq(c.len, sizeof(want));
	assert_memory_equal(c.p, want, sizeof(want));
}

static void
slots_name_groups(void **state)
{
	struct pol_slots s = { .slot = { 7, 0 } };

	(void)state;
	p = pol_from(
	    POL_SENDER POL_GROUP("b", "sender", "address = \"239.1.1.2\""));
	assert_ptr_equal(pol_group_of(p, &s, 7), &p->group[0]);
	assert_ptr_equal(pol_group_of(p, &s, 0), &p->group[1]);
	assert_null(pol_group_of(p, &s, 1));
	assert_null(pol_group_of(p, &s, 63));
}

/* A peer that stops reading ends the answer, wherever it was. */
static void
a_failure_to_send_ends_the_answer(void **state)
{
	struct pol_slots s = { .slot = { 5 } };
	size_t n;

	(void)state;
	p = pol_from(POL_RECEIVER);
	for (n = 0;; n++) {
		got[0] = '\0';
		stop_after = n;
		if (pol_rules(p, &s, 1, &out) == 0)
			break;
		assert_null(strstr(got, "end 1"));
	}
	eq(n, 13);
	for (n = 0;
	     stop_after = n, pol_conf(p, &p->group[0], &no_creds, 1, &out); n++)
		eq(stop_after, SIZE_MAX);
	eq(n, 7);
	for (n = 0; stop_after = n, pol_groups(p, &s, 1, &out); n++)
		eq(stop_after, SIZE_MAX);
	eq(n, 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(sender_hears_anyone),
		T(receiver_hears_its_designated_senders),
		T(peers_have_rules_by_families_of_the_host),
		T(rates_are_the_highest_that_concern_the_peer),
		T(a_sender_that_knows_hears_from_there_only),
		T(interfaces_are_told),
		T(groups_are_told_with_slot_and_membership),
		T(conf_of_a_sender),
		T(conf_of_a_receiver),
		T(a_receiver_asks_only_where_it_has_an_address),
		T(identities_are_id_payload_bodies),
		T(slots_name_groups),
		T(a_failure_to_send_ends_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
