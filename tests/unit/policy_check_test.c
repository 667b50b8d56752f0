/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/core/value.h"
#include "tests/lib/pol.h"

#define eq assert_int_equal

/* One error, on this line, that has this in it. */
static void
one_error(const char *text, unsigned int line, const char *part)
{
	const char *e = pol_errors(text);
	char want[32];

	snprintf(want, sizeof(want), "%u: ", line);
	if (strncmp(e, want, strlen(want)) != 0 || strstr(e, part) == NULL ||
	    strchr(e, '\n') != e + strlen(e) - 1)
		fail_msg("want %s...%s, got %s", want, part, e);
}

/* The host section is lines 1-5, the group begins on 6. */
#define HOST5 POL_HOST("hq-01", "\"192.0.2.1\"")
#define HOST_WITH(opts)                                                        \
	"host {\nidentity = \"CN=a\"\nlisten = \"192.0.2.1\"\n" opts "\n}\n"
#define GROUP_OK                                                               \
	"role = sender senders = \"*\" receivers = \"*\" "                     \
	"address = \"239.1.1.1\"\n"

static void
host_with(const char *opts, unsigned int line, const char *part)
{
	char text[512];

	snprintf(text, sizeof(text), HOST_WITH("%s"), opts);
	one_error(text, line, part);
}

/* As group_with, and the rest of the group is right. */
static void
option(const char *opt, const char *part)
{
	char text[1024];

	snprintf(text, sizeof(text), HOST5 "group g {\n%s\n" GROUP_OK "}", opt);
	if (part == NULL)
		assert_string_equal(pol_errors(text), "");
	else
		one_error(text, 7, part);
}

/* ARCHITECTURE's example, but for what this version has not got. */
static void
the_full_text_is_understood(void **state)
{
	static const char text[] =
	    "host {\n"
	    "    identity    = \"CN=hq-01,O=Example\"\n"
	    "    psk         = \"/etc/mike/psk\"\n"
	    "    interface   = { \"eth0\" }\n"
	    "    listen      = { \"192.0.2.1\", \"2001:db8::1\" } port = 849\n"
	    "    emcon       = transmit\n"
	    "}\n"
	    "peer \"hq-01\" { identity = \"CN=hq-01,O=Example\"  address = { "
	    "\"192.0.2.1\", \"2001:db8::1\" } }   # no resolver\n"
	    "peer \"hq-02\" { identity = \"CN=hq-02,O=Example\"  address = "
	    "\"192.0.2.2\" }\n"
	    "group \"ops-net\" {\n"
	    "    id          = \"ops.net\"\n"
	    "    address     = { \"239.192.10.1\", \"ff15::4d49:1\" }\n"
	    "    ports       = \"5000-5010\"\n"
	    "    role        = sender\n"
	    "    designated  = { \"hq-01\", \"hq-02\" }\n"
	    "    senders     = { \"CN=hq-*,O=Example\" }\n"
	    "    receivers   = { \"OU=1st Battalion,*\", \"CN=scout-*\" }\n"
	    "    rekey-to    = { \"239.192.255.1\", \"ff15::4d49:2\" } "
	    "agree-on = { \"239.192.255.2\", \"ff15::4d49:3\" }\n"
	    "    suite       = default\n"
	    "    lifetime    = 7h atd = 3s dtd = 31s repeats = 3 "
	    "repeat-span = 2s\n"
	    "    profile     = per-sender\n"
	    "    step        = 15m  join = next-step\n"
	    "    exclusion   = subset-difference\n"
	    "    airtime     = 2400\n"
	    "    hop-limit   = 9\n"
	    "    members-max = 16383   half-open-max = 1023   "
	    "per-source-rate = 21\n"
	    "    source-auth = none\n"
	    "}\n";
	struct policy *p = pol_from(text);
	const struct pol_group *g = &p->group[0];

	(void)state;
	eq(p->port, 849);
	assert_string_equal(p->psk_path, "/etc/mike/psk");
	assert_string_equal(p->iface[0], "eth0");
	eq(p->n_iface, 1);
	eq(p->n_listen, 2);
	eq(p->listen[1].len, 16);
	eq(p->n_peer, 2);
	assert_string_equal(p->peer[1].name, "hq-02");
	eq(p->n_group, 1);
	assert_string_equal(g->name, "ops-net");
	eq(g->id_len, 7);
	assert_memory_equal(g->id, "ops.net", 7);
	eq(g->role, ROLE_SENDER);
	eq(g->n_addr, 2);
	eq(g->port_lo, 5000);
	eq(g->port_hi, 5010);
	eq(g->n_designated, 2);
	eq(g->designated[1], 1);
	eq(g->senders.n, 1);
	eq(g->receivers.n, 2);
	assert_string_equal(g->receivers.v[1], "CN=scout-*");
	eq(g->n_rekey_to, 2);
	eq(g->n_agree_on, 2);
	eq(g->lifetime_s, 7 * 3600);
	eq(g->atd_s, 3);
	eq(g->dtd_s, 31);
	eq(g->hop_limit, 9);
	eq(g->members_max, 16383);
	eq(g->half_open_max, 1023);
	eq(g->source_rate, 21);
	policy_free(&p);
	assert_null(p);
}

static void
what_is_left_out_has_a_default(void **state)
{
	struct policy *p = pol_from(POL_SENDER);
	const struct pol_group *g = &p->group[0];

	(void)state;
	eq(p->port, 848);
	eq(p->n_iface, 0);
	eq(g->id_len, 3);
	assert_memory_equal(g->id, "ops", 3);
	eq(g->port_lo, 0);
	eq(g->port_hi, 65535);
	eq(g->lifetime_s, 8 * 3600);
	eq(g->atd_s, 2);
	eq(g->dtd_s, 30);
	eq(g->hop_limit, 8);
	eq(g->members_max, 16384);
	eq(g->half_open_max, 1024);
	eq(g->source_rate, 20);
	policy_free(&p);
	/* Defaults of the delays give way to a short lifetime. */
	p = pol_from(HOST5 "group g {" GROUP_OK "lifetime = 16s }");
	eq(p->group[0].atd_s, 2);
	eq(p->group[0].dtd_s, 4);
	policy_free(&p);
}

static void
a_host_is_needed(void **state)
{
	(void)state;
	one_error("", 0, "no host section");
	one_error("peer a { identity = \"CN=a\" address = \"192.0.2.1\" }", 0,
	    "no host section");
	one_error("\nhost { psk = a listen = \"192.0.2.1\" }", 2,
	    "host has no identity");
	one_error(
	    "\nhost { psk = a identity = \"CN=a\" }", 2, "host has no listen");
	host_with("", 1, "host has no psk");
	host_with("psk = \"\"", 4, "psk is empty");
	/* A host without groups is idle, not wrong. */
	assert_string_equal(pol_errors(HOST5), "");
}

static void
what_comes_later_is_refused_by_name(void **state)
{
	(void)state;
	host_with("psk = a\nemcon = receive-only", 5,
	    "emcon = receive-only is not in this version: use emcon = "
	    "transmit");
	host_with("psk = a\nemcon = silent", 5, "use emcon = transmit");
	host_with("psk = a\nemcon = off", 5,
	    "emcon = \"off\" is unknown: use transmit");
	option("profile = derived",
	    "profile = derived is not in this version: use profile = "
	    "per-sender");
	option("suite = x", "suite = \"x\" is unknown: use default or cnsa");
	option("source-auth = tesla", "is unknown: use none");
	option("join = later", "is unknown: use next-step or now");
	option("exclusion = x",
	    "use subset-difference or complete-subtree or lkh");
	option("exclusion = lkh join = now", NULL);
}

static void
port_is_a_number(void **state)
{
	static const char *const bad[] = { "0", "65536", "0848", "0x350", "-1",
		"848x", "4294967296", "18446744073709552464" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++) {
		snprintf(text, sizeof(text), "psk = a\nport = %s", bad[i]);
		host_with(text, 5, "must be a number from 1 to 65535");
	}
	assert_string_equal(pol_errors(HOST_WITH("psk = a port = 65535")), "");
}

static void
own_addresses_are_hosts(void **state)
{
	static const char *const bad[] = { "239.1.1.1", "ff02::1", "0.0.0.0",
		"::", "255.255.255.255", "::ffff:192.0.2.1", "fe80::1",
		"192.0.2", "192.0.2.1/24", "fe80::1%eth0", "hq.example.org",
		"192.0.02.1", "" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++) {
		snprintf(text, sizeof(text),
		    "host {\npsk = a identity = \"CN=a\"\nlisten = { "
		    "\"192.0.2.1\",\n\"%s\" } }",
		    bad[i]);
		one_error(text, 4, bad[i]);
	}
	one_error("host { psk = a identity = \"CN=a\"\n listen = { "
		  "\"2001:db8::1\",\n\"2001:DB8:0::1\" } }",
	    3, "\"2001:DB8:0::1\" is there twice");
	assert_string_equal(
	    pol_errors("host { psk = a identity = \"CN=a\" listen = { "
		       "\"127.0.0.1\", \"fd00::1\" } }"),
	    "");
}

static void
interfaces_have_names(void **state)
{
	(void)state;
	host_with("psk = a\ninterface = { \"eth0\", \"a b\" }", 5, "\"a b\"");
	host_with("psk = a\ninterface = \"abcdefghijklmnop\"", 5, "not a name");
	host_with("psk = a\ninterface = \"../x\"", 5, "not a name");
	host_with("psk = a\ninterface = \"..\"", 5, "not a name");
	host_with("psk = a\ninterface = \"\"", 5, "not a name");
	assert_string_equal(
	    pol_errors(HOST_WITH("psk = a interface = \"abcdefghijklmno\"")),
	    "");
}

static void
identities_are_names(void **state)
{
	(void)state;
	one_error("host { psk = a listen = \"192.0.2.1\"\nidentity = \"hq\" }",
	    2, "expected TYPE=VALUE");
	one_error("host { psk = a listen = \"192.0.2.1\"\nidentity = \"CN=*\" "
		  "}",
	    2, "'*' is not allowed in a name");
	one_error("host { psk = a listen = \"192.0.2.1\"\nidentity = "
		  "\"C=\xc3\xbc\" }",
	    2, "C and serialNumber take");
	one_error(HOST5 "peer a { address = \"192.0.2.9\"\nidentity = \"x\" }",
	    7, "expected TYPE=VALUE");
}

static void
peers_differ(void **state)
{
	(void)state;
	one_error(HOST5 "peer a { address = \"192.0.2.9\" }", 6,
	    "peer a has no identity");
	one_error(
	    HOST5 "peer a { identity = \"CN=a\" }", 6, "peer a has no address");
	one_error(HOST5
	    "peer a { identity = \"CN=a\" address = "
	    "\"192.0.2.9\" }\n"
	    "peer b { address = \"192.0.2.8\"\n identity = \"cn=a\" "
	    "}",
	    8, "peer b has the identity of peer a");
	one_error(HOST5
	    "peer a { identity = \"CN=a\" address = "
	    "\"192.0.2.9\" }\n"
	    "peer b { identity = \"CN=b\"\n address = \"192.0.2.9\" "
	    "}",
	    8, "peer b has address 192.0.2.9 of peer a");
	one_error(HOST5 "peer a { identity = \"CN=a\"\naddress = \"239.1.1.1\" "
			"}",
	    7, "multicast address");
	one_error(HOST5 "peer \"a b\" { identity = \"CN=a\" address = "
			"\"192.0.2.9\" }",
	    6, "a name has letters");
}

static void
limits_of_other_parts_hold(void **state)
{
	char *text = malloc(1 << 18);
	size_t n;

	(void)state;
	n = (size_t)sprintf(text, HOST5);
	for (int i = 0; i < 65; i++) {
		if (i == 64)
			assert_string_equal(pol_errors_of(text, n), "");
		n += (size_t)sprintf(text + n,
		    "group g%d { role = sender senders = \"*\" receivers = "
		    "\"*\" address = \"239.1.1.%d\" }\n",
		    i, i);
	}
	one_error(text, 6 + 64, "more than 64 groups");
	n = (size_t)sprintf(text, HOST5);
	for (int i = 0; i < 1001; i++)
		n += (size_t)sprintf(text + n,
		    "peer p%d { identity = \"CN=p%d\" address = "
		    "\"10.0.%d.%d\" }\n",
		    i, i, i / 250, i % 250 + 1);
	one_error(text, 6 + 1000, "more than 1000 peers");
	n = (size_t)sprintf(text, HOST5);
	for (int i = 0; i < 129; i++)
		n += (size_t)sprintf(text + n,
		    "peer p%d { identity = \"CN=p%d\" address = "
		    "\"10.0.0.%d\" }\n",
		    i, i, i + 1);
	sprintf(text + n, "group g { " GROUP_OK "}");
	one_error(text, 6 + 129, "129 addresses together, more than 128");
	free(text);
}

static void
too_many_addresses_are_refused(void **state)
{
	char text[1024];
	size_t n;

	(void)state;
	n = (size_t)sprintf(text, "host { psk = a identity = \"CN=a\"\n"
				  "listen = { ");
	for (int i = 0; i < 17; i++)
		n += (size_t)sprintf(text + n, "%s\"10.0.0.%d\"",
		    i == 16 ? ",\n"
		    : i	    ? ","
			    : "",
		    i + 1);
	sprintf(text + n, " } }");
	one_error(text, 3, "listen: more than 16 addresses");
}

/* Keymgrd has room for 32 places to ask. */
static void
too_many_designated_addresses_are_refused(void **state)
{
	char text[4096];
	size_t n;

	(void)state;
	n = (size_t)sprintf(text, HOST5);
	for (int p = 0; p < 3; p++) {
		n += (size_t)sprintf(text + n,
		    "peer p%d { identity = \"CN=p%d\" address = { ", p, p);
		for (int i = 0; i < (p == 2 ? 1 : 16); i++)
			n += (size_t)sprintf(
			    text + n, "\"10.0.%d.%d\",", p, i + 1);
		n += (size_t)sprintf(text + n, " } }\n");
	}
	sprintf(text + n, "group g { role = receiver senders = \"*\" address = "
			  "\"239.1.1.1\" designated = { p0, p1 } }");
	assert_string_equal(pol_errors(text), "");
	sprintf(text + n, "group g { role = receiver senders = \"*\" address = "
			  "\"239.1.1.1\" designated = { p0, p1, p2 } }");
	one_error(text, 9, "33 addresses together, more than 32");
}

/* Several errors, all of them, by line. */
static void
all_errors_are_reported(void **state)
{
	const char *e = pol_errors("host {\n"
				   "  identity = \"oops\"\n"
				   "  listen = { \"nowhere\" }\n"
				   "  port = x\n"
				   "}\n"
				   "peer a {\n"
				   "  identity = \"CN=a\"\n"
				   "}\n"
				   "group g {\n"
				   "  role = king\n"
				   "  profile = derived\n"
				   "  lifetime = 8\n"
				   "  senders = { \"x\" }\n"
				   "  address = \"1.2.3.4\"\n"
				   "  designated = b\n"
				   "}\n");
	static const char *const want[] = { "1: host has no psk",
		"\n2: identity = ", "\n3: listen ", "\n4: port = ", "\n6: peer",
		"\n10: role", "\n11: profile", "\n12: lifetime",
		"\n13: senders", "\n14: address", "\n15: designated" };

	(void)state;
	for (size_t i = 0; i < NITEMS(want); i++) {
		const char *hit = strstr(e, want[i]);

		if (hit == NULL)
			fail_msg("no %s in or out of order: %s", want[i], e);
		e = hit;
	}
}

static void
small_types(void **state)
{
	uint32_t v = 7;

	(void)state;
	eq(value_u32("4294967295", &v), 0);
	eq(v, UINT32_MAX);
	eq(value_u32("4294967296", &v), -EINVAL);
	eq(value_u32("", &v), -EINVAL);
	eq(value_u32(" 1", &v), -EINVAL);
	eq(value_u32("+1", &v), -EINVAL);
	eq(v, UINT32_MAX);
	eq(value_seconds("0s", &v), 0);
	eq(v, 0);
	eq(value_seconds("2d", &v), 0);
	eq(v, 172800);
	eq(value_seconds("15m", &v), 0);
	eq(v, 900);
	assert_true(value_is_name("a"));
	assert_false(value_is_name(""));
	assert_false(value_is_name("-a"));
	assert_false(value_is_name(".a"));
	assert_false(value_is_name("a/b"));
	assert_false(value_is_name("a\nb"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_full_text_is_understood),
		cmocka_unit_test(what_is_left_out_has_a_default),
		cmocka_unit_test(a_host_is_needed),
		cmocka_unit_test(what_comes_later_is_refused_by_name),
		cmocka_unit_test(port_is_a_number),
		cmocka_unit_test(own_addresses_are_hosts),
		cmocka_unit_test(interfaces_have_names),
		cmocka_unit_test(identities_are_names),
		cmocka_unit_test(peers_differ),
		cmocka_unit_test(limits_of_other_parts_hold),
		cmocka_unit_test(too_many_addresses_are_refused),
		cmocka_unit_test(too_many_designated_addresses_are_refused),
		cmocka_unit_test(all_errors_are_reported),
		cmocka_unit_test(small_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
