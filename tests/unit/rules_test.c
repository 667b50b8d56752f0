/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dispatcherd/core/rules.h"

#define eq assert_int_equal

static const char *why;

static struct chunk
str(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

/* Octets of an address that live until the next call but 7. */
static struct chunk
ip(const char *text)
{
	static struct addr a[8];
	static unsigned int n;
	struct addr *p = &a[n++ % NITEMS(a)];

	if (*text == '\0')
		return (struct chunk){ NULL, 0 };
	eq(addr_parse(p, text), 0);
	return (struct chunk){ p->b, p->len };
}

static struct addr
addr(const char *text)
{
	struct addr a;

	eq(addr_parse(&a, text), 0);
	return a;
}

static int
begin(struct ruleset *rs, uint32_t req)
{
	struct msg m = { .type = MSG_RULES_BEGIN };

	m.rules_begin = (struct msg_rules_begin){ req, 848, 1 };
	return ruleset_take(rs, 7, &m, &why);
}

static int
end(struct ruleset *rs)
{
	struct msg m = { .type = MSG_RULES_END };

	m.rules_end.req = 7;
	return ruleset_take(rs, 7, &m, &why);
}

static int
listen_on(struct ruleset *rs, struct chunk a)
{
	struct msg m = { .type = MSG_RULE_LISTEN };

	m.rule_listen.addr = a;
	return ruleset_take(rs, 7, &m, &why);
}

static int
peer(struct ruleset *rs, const char *net, uint8_t prefix, uint32_t rate)
{
	struct msg m = { .type = MSG_RULE_PEER };

	m.rule_peer = (struct msg_rule_peer){ ip(net), prefix, rate };
	return ruleset_take(rs, 7, &m, &why);
}

static int
group(struct ruleset *rs, uint8_t slot, const char *name, uint8_t role,
    uint32_t lifetime_s)
{
	struct msg m = { .type = MSG_RULE_GROUP };

	m.rule_group =
	    (struct msg_rule_group){ slot, str(name), role, 8, lifetime_s };
	return ruleset_take(rs, 7, &m, &why);
}

static int
dst(struct ruleset *rs, uint8_t slot, uint8_t cls, const char *a)
{
	struct msg m = { .type = MSG_RULE_ADDR };

	m.rule_addr = (struct msg_rule_addr){ slot, cls, ip(a) };
	return ruleset_take(rs, 7, &m, &why);
}

static int
sender(struct ruleset *rs, uint8_t slot, const char *a)
{
	struct msg m = { .type = MSG_RULE_SENDER };

	m.rule_sender = (struct msg_rule_sender){ slot, ip(a) };
	return ruleset_take(rs, 7, &m, &why);
}

static struct ruleset *
started(void)
{
	struct ruleset *rs = ruleset_new();

	assert_non_null(rs);
	eq(begin(rs, 7), 0);
	return rs;
}

static void
a_set_takes_effect_at_its_end_and_as_a_whole(void **state)
{
	struct ruleset *rs = started();
	const struct rules *r;
	struct addr a = addr("192.0.2.1"), b = addr("192.0.2.9");
	struct addr g = addr("239.192.10.1"), g6 = addr("ff15::4d49:1");
	uint8_t cls = 99;

	(void)state;
	eq(listen_on(rs, ip("192.0.2.1")), 0);
	eq(listen_on(rs, ip("192.0.2.1")), 0); /* once more does no harm */
	eq(listen_on(rs, ip("2001:db8::1")), 0);
	eq(peer(rs, "192.0.2.0", 24, 20), 0);
	eq(group(rs, 3, "ops", ROLE_SENDER, 28800), 0);
	eq(dst(rs, 3, 0, "239.192.10.1"), 0);
	eq(dst(rs, 3, 1, "ff15::4d49:1"), 0);
	eq(sender(rs, 3, "192.0.2.1"), 0);
	assert_null(ruleset_now(rs));
	eq(end(rs), 1);
	r = ruleset_now(rs);
	assert_non_null(r);
	eq(r->port, 848);
	assert_true(r->transmit);
	eq(r->n_listen, 2);
	assert_true(rules_listens(r, &a));
	assert_false(rules_listens(r, &b));
	assert_null(rules_group(r, 2));
	assert_null(rules_group(r, 64));
	assert_null(rules_group(r, 255));
	eq(rules_class(rules_group(r, 3), &g6, &cls), 0);
	eq(cls, 1);
	eq(rules_class(rules_group(r, 3), &g, &cls), 0);
	eq(cls, 0);
	eq(rules_class(rules_group(r, 3), &a, &cls), -ENOENT);
	assert_true(rules_sender(rules_group(r, 3), &a));
	assert_false(rules_sender(rules_group(r, 3), &b));
	ruleset_free(&rs);
	assert_null(rs);
}

static void
a_bad_rule_spoils_the_new_set_and_keeps_the_old(void **state)
{
	struct ruleset *rs = started();
	const struct rules *old;

	(void)state;
	eq(end(rs), 1);
	old = ruleset_now(rs);
	eq(begin(rs, 7), 0);
	eq(listen_on(rs, ip("239.1.1.1")), -EINVAL);
	assert_non_null(why);
	/* Said once; the rest of the set is read over. */
	eq(listen_on(rs, ip("192.0.2.1")), 0);
	eq(end(rs), 0);
	assert_ptr_equal(ruleset_now(rs), old);
	/* And the next one is a fresh start. */
	eq(begin(rs, 7), 0);
	eq(listen_on(rs, ip("192.0.2.1")), 0);
	eq(end(rs), 1);
	eq(ruleset_now(rs)->n_listen, 1);
	ruleset_free(&rs);
}

static void
rules_outside_of_a_set_are_refused(void **state)
{
	struct ruleset *rs = ruleset_new();

	(void)state;
	eq(listen_on(rs, ip("192.0.2.1")), -EPROTO);
	eq(end(rs), -EPROTO);
	eq(begin(rs, 8), -EPROTO); /* answers another question */
	eq(listen_on(rs, ip("192.0.2.1")), -EPROTO);
	eq(begin(rs, 7), 0);
	eq(listen_on(rs, ip("192.0.2.1")), 0);
	ruleset_abort(rs);
	eq(end(rs), -EPROTO);
	assert_null(ruleset_now(rs));
	/* A second BEGIN throws away what the first one had. */
	eq(begin(rs, 7), 0);
	eq(listen_on(rs, ip("192.0.2.1")), 0);
	eq(begin(rs, 7), 0);
	eq(end(rs), 1);
	eq(ruleset_now(rs)->n_listen, 0);
	ruleset_free(&rs);
}

/* Each of these alone spoils a set that already has group 3 with 239.1.1.1. */
static int
bad_rule(struct ruleset *rs, unsigned int n)
{
	static const uint8_t five[5];
	const struct chunk odd = { five, sizeof(five) };

	switch (n) {
	case 0:
		return listen_on(rs, odd);
	case 1:
		return listen_on(rs, ip("0.0.0.0"));
	case 2:
		return peer(rs, "192.0.2.0", 33, 1);
	case 3:
		return peer(rs, "2001:db8::", 129, 1);
	case 4:
		return peer(rs, "", 1, 1);
	case 5:
		return group(rs, 64, "x", ROLE_SENDER, 60);
	case 6:
		return group(rs, 3, "x", ROLE_SENDER, 60);
	case 7:
		return group(rs, 4, "x", 3, 60);
	case 8:
		return group(rs, 4, "x", 0, 60);
	case 9:
		return group(rs, 4, "", ROLE_SENDER, 60);
	case 10:
		return group(rs, 4, "x", ROLE_SENDER, 0);
	case 11:
		return dst(rs, 64, 0, "239.1.1.2");
	case 12:
		return dst(rs, 4, 0, "239.1.1.2"); /* no such group */
	case 13:
		return dst(rs, 3, 16, "239.1.1.2");
	case 14:
		return dst(rs, 3, 0, "239.1.1.2"); /* class is taken */
	case 15:
		return dst(rs, 3, 1, "192.0.2.1");
	case 16:
		return dst(rs, 3, 1, "239.1.1.1"); /* twice in a group */
	case 17:
		eq(group(rs, 4, "y", ROLE_SENDER, 60), 0);
		return dst(rs, 4, 0, "239.1.1.1"); /* in two groups */
	case 18:
		return sender(rs, 4, "192.0.2.1");
	case 19:
		return sender(rs, 200, "192.0.2.1");
	case 20:
		return sender(rs, 3, "239.1.1.1");
	case 21:
		return sender(rs, 3, "::");
	default:
		return 0;
	}
}

static void
what_makes_no_sense_is_refused(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < 22; n++) {
		struct ruleset *rs = started();

		eq(group(rs, 3, "ops", ROLE_RECEIVER, 60), 0);
		eq(dst(rs, 3, 0, "239.1.1.1"), 0);
		why = NULL;
		if (bad_rule(rs, n) != -EINVAL)
			fail_msg("rule %u was taken", n);
		assert_non_null(why);
		eq(end(rs), 0);
		ruleset_free(&rs);
	}
}

static void
the_limits_hold(void **state)
{
	struct ruleset *rs = started();
	char text[32];

	(void)state;
	for (unsigned int i = 1; i <= RULES_LISTEN_MAX; i++) {
		snprintf(text, sizeof(text), "10.0.0.%u", i);
		eq(listen_on(rs, ip(text)), 0);
	}
	eq(listen_on(rs, ip("10.0.1.1")), -EINVAL);
	eq(begin(rs, 7), 0);
	for (unsigned int i = 0; i < RULES_PEERS_MAX; i++)
		eq(peer(rs, "10.0.0.1", 32, 1), 0);
	eq(peer(rs, "10.0.0.1", 32, 1), -EINVAL);
	eq(begin(rs, 7), 0);
	eq(group(rs, 63, "ops", ROLE_RECEIVER, 60), 0);
	for (unsigned int i = 0; i < RULES_SENDERS_MAX; i++)
		eq(sender(rs, 63, "10.0.0.1"), 0);
	eq(sender(rs, 63, "10.0.0.1"), -EINVAL);
	ruleset_free(&rs);
}

static void
the_longest_prefix_decides_about_a_peer(void **state)
{
	struct ruleset *rs = started();
	struct addr a = addr("10.1.2.3"), b = addr("10.1.9.9"),
		    c = addr("10.9.9.9"), v6 = addr("2001:db8::1");
	const struct rules *r;

	(void)state;
	eq(peer(rs, "10.1.0.0", 16, 16), 0);
	eq(peer(rs, "10.1.2.3", 32, 32), 0);
	eq(peer(rs, "10.1.2.0", 24, 24), 0);
	eq(end(rs), 1);
	r = ruleset_now(rs);
	eq(rules_peer(r, &a)->rate, 32);
	eq(rules_peer(r, &b)->rate, 16);
	assert_null(rules_peer(r, &c));
	assert_null(rules_peer(r, &v6));
	/* Anyone, both families, but only where nothing else is said. */
	eq(begin(rs, 7), 0);
	eq(peer(rs, "", 0, 1), 0);
	eq(peer(rs, "10.1.2.0", 24, 24), 0);
	eq(end(rs), 1);
	r = ruleset_now(rs);
	eq(rules_peer(r, &a)->rate, 24);
	eq(rules_peer(r, &c)->rate, 1);
	eq(rules_peer(r, &v6)->rate, 1);
	ruleset_free(&rs);
}

/* A sender's `from`: these networks and nobody else, in both families. */
static void
peers_come_from_the_networks_that_the_policy_names(void **state)
{
	static const struct {
		const char *from;
		uint32_t rate; /* 0: nobody */
	} want[] = {
		{ "10.1.0.0", 16 },
		{ "10.1.255.255", 16 },
		{ "10.2.0.0", 0 },
		{ "10.0.255.255", 0 },
		{ "172.16.0.129", 25 },
		{ "172.16.0.128", 25 },
		{ "172.16.0.127", 0 },
		{ "2001:db8::1", 32 },
		{ "2001:db8:ffff::1", 32 },
		{ "2001:db8:1:2::7", 64 },
		{ "2001:db8:1:2:3::7", 64 },
		{ "2001:db8:1:3::7", 32 },
		{ "2001:db8:1:2::9", 128 },
		{ "2001:db9::1", 0 },
		/* The octets of an IPv4 network are not those of an IPv6 one. */
		{ "a01::1", 0 },
		{ "::ffff:10.1.0.1", 0 },
	};
	struct ruleset *rs = started();

	(void)state;
	eq(peer(rs, "2001:db8::", 32, 32), 0);
	eq(peer(rs, "10.1.0.0", 16, 16), 0);
	eq(peer(rs, "2001:db8:1:2::9", 128, 128), 0);
	eq(peer(rs, "2001:db8:1:2::", 64, 64), 0);
	eq(peer(rs, "172.16.0.128", 25, 25), 0);
	eq(end(rs), 1);
	for (size_t i = 0; i < NITEMS(want); i++) {
		struct addr a = addr(want[i].from);
		const struct rules_peer *p = rules_peer(ruleset_now(rs), &a);

		if ((p == NULL ? 0 : p->rate) != want[i].rate)
			fail_msg("%s: rate %u", want[i].from,
			    p == NULL ? 0 : p->rate);
	}
	/* With the next set, without `from`, anyone may come. */
	eq(begin(rs, 7), 0);
	eq(peer(rs, "", 0, 3), 0);
	eq(end(rs), 1);
	for (size_t i = 0; i < NITEMS(want); i++) {
		struct addr a = addr(want[i].from);

		eq(rules_peer(ruleset_now(rs), &a)->rate, 3);
	}
	ruleset_free(&rs);
}

static void
a_reqid_names_slot_and_class(void **state)
{
	uint8_t slot, cls;

	(void)state;
	eq(reqid_make(0, 0), 0x4d490000);
	eq(reqid_make(63, 15), 0x4d4903ff);
	for (unsigned int s = 0; s < MIKE_SLOTS; s++)
		for (unsigned int c = 0; c < REQID_CLASSES; c++) {
			uint32_t id = reqid_make((uint8_t)s, (uint8_t)c);

			assert_true(reqid_split(id, &slot, &cls));
			eq(slot, s);
			eq(cls, c);
		}
	assert_false(reqid_split(0x4d48ffff, &slot, &cls));
	assert_false(reqid_split(0x4d490400, &slot, &cls));
	assert_false(reqid_split(0, &slot, &cls));
	assert_false(reqid_split(UINT32_MAX, &slot, &cls));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_takes_effect_at_its_end_and_as_a_whole),
		cmocka_unit_test(
		    a_bad_rule_spoils_the_new_set_and_keeps_the_old),
		cmocka_unit_test(rules_outside_of_a_set_are_refused),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(the_limits_hold),
		cmocka_unit_test(the_longest_prefix_decides_about_a_peer),
		cmocka_unit_test(
		    peers_come_from_the_networks_that_the_policy_names),
		cmocka_unit_test(a_reqid_names_slot_and_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
