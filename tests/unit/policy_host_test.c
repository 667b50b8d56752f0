/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/core/value.h"
#include "tests/lib/pol.h"

#define eq assert_int_equal

/* How the host authenticates, in the policy text. */

#define CERT                                                                   \
	"certificate = \"hq.pem\" key = \"hq.key\" anchors = { \"a.pem\", "    \
	"\"b.pem\" }\n"
#define HOST_WITH(opts)                                                        \
	"host {\nidentity = \"CN=a\"\nlisten = \"192.0.2.1\"\n" opts "\n}\n"
#define GROUP(opts)                                                            \
	"group g {\nrole = sender senders = \"*\" receivers = \"*\" "          \
	"address = \"239.1.1.1\"\n" opts "\n}\n"

/* opts begin on line 4; NULL: no error. */
static void
host_with(const char *opts, unsigned int line, const char *part)
{
	char text[8192], want[32];
	const char *e;

	snprintf(text, sizeof(text), HOST_WITH("%s") GROUP(""), opts);
	e = pol_errors(text);
	if (part == NULL) {
		assert_string_equal(e, "");
		return;
	}
	snprintf(want, sizeof(want), "%u: ", line);
	if (strncmp(e, want, strlen(want)) != 0 || strstr(e, part) == NULL ||
	    strchr(e, '\n') != e + strlen(e) - 1)
		fail_msg("want %s...%s, got %s", want, part, e);
}

static void
certificates_are_understood(void **state)
{
	struct policy *p = pol_from(HOST_WITH(
	    CERT "crls = { \"a.crl\" } crl-required = true ppk = \"/p\" "
		 "ppk-id = \"night watch\" fragment = 576 cookie-above = 0 "
		 "default-group = g") GROUP("suite = cnsa from = { "
					    "\"10.1.0.0/16\", \"::1\" }"));
	const struct pol_group *g = &p->group[0];

	(void)state;
	assert_string_equal(p->psk_path, "");
	assert_string_equal(p->cert_path, "hq.pem");
	assert_string_equal(p->key_path, "hq.key");
	eq(p->anchors.n, 2);
	assert_string_equal(p->anchors.path[1], "b.pem");
	eq(p->crls.n, 1);
	assert_string_equal(p->crls.path[0], "a.crl");
	assert_true(p->crl_required);
	assert_string_equal(p->ppk_path, "/p");
	eq(p->ppk_id_len, 12);
	assert_memory_equal(p->ppk_id, "\2night watch", 12);
	eq(p->fragment, 576);
	eq(p->cookie_above, 0);
	eq(g->suite, SUITE_CNSA);
	assert_true(g->foreign);
	eq(g->n_from, 2);
	eq(g->from[0].bits, 16);
	eq(g->from[1].bits, 128);
	policy_free(&p);
}

static void
what_is_left_out_has_a_default(void **state)
{
	struct policy *p = pol_from(POL_SENDER);

	(void)state;
	assert_string_equal(p->cert_path, "");
	assert_string_equal(p->ppk_path, "");
	eq(p->ppk_id_len, 0);
	eq(p->anchors.n, 0);
	assert_false(p->crl_required);
	eq(p->fragment, 1280);
	eq(p->cookie_above, 100);
	eq(p->group[0].suite, SUITE_DEFAULT);
	assert_false(p->group[0].foreign);
	eq(p->group[0].n_from, 0);
	assert_false(p->peer[0].foreign);
	policy_free(&p);
}

static void
a_host_authenticates_in_one_way(void **state)
{
	(void)state;
	host_with(CERT, 0, NULL);
	host_with("psk = a", 0, NULL);
	host_with(CERT "psk = a", 5, "in one way, remove one of them");
	host_with("", 1, "no psk and no certificate: it needs one of them");
	host_with("certificate = a key = b", 1, "host has no anchors");
	host_with("certificate = a anchors = b", 1, "host has no key");
	host_with("psk = a\nkey = b", 5, "key goes with certificate");
	host_with("psk = a\nanchors = b", 5, "anchors goes with certificate");
	host_with("psk = a\ncrls = b", 5, "crls goes with certificate");
	host_with("key = a anchors = a\ncertificate = \"\"", 5,
	    "certificate is empty");
}

static void
paths_are_not_empty_nor_too_long(void **state)
{
	char text[6000], path[300];
	size_t n;

	(void)state;
	memset(path, 'x', 256);
	path[256] = '\0';
	snprintf(text, sizeof(text), CERT "ppk-id = a\nppk = \"%s\"", path);
	host_with(text, 6, "ppk: path is longer than 255 octets");
	host_with("key = a certificate = a\nanchors = { a, \"\" }", 5,
	    "anchors is empty");
	n = (size_t)snprintf(text, sizeof(text), CERT "crls = { ");
	for (int i = 0; i < 16; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "f%d, ", i);
	snprintf(text + n, sizeof(text) - n, "}");
	host_with(text, 0, NULL);
	snprintf(text + n, sizeof(text) - n, "f16 }");
	host_with(text, 5, "crls: more than 16 files");
}

static void
crls_are_required_only_when_there_are_any(void **state)
{
	(void)state;
	host_with(CERT "crls = a crl-required = false", 0, NULL);
	host_with(CERT "crl-required = false", 0, NULL);
	host_with(CERT "crl-required = true", 5, "there are no crls");
	host_with(CERT "crl-required = maybe", 5,
	    "\"maybe\" is unknown: use false or true");
}

static void
a_ppk_has_a_name(void **state)
{
	char text[256], id[80];

	(void)state;
	host_with("psk = a ppk = b ppk-id = c", 0, NULL);
	host_with("psk = a\nppk = b", 5, "go together: give both");
	host_with("psk = a\nppk-id = b", 5, "go together: give both");
	memset(id, 'i', 64);
	id[64] = '\0';
	snprintf(text, sizeof(text), "psk = a ppk = b\nppk-id = %s", id);
	host_with(text, 5, "ppk-id: longer than 63 octets");
	id[63] = '\0';
	snprintf(text, sizeof(text), "psk = a ppk = b\nppk-id = %s", id);
	host_with(text, 0, NULL);
}

static void
numbers_have_bounds(void **state)
{
	(void)state;
	host_with("psk = a\nfragment = 575", 5, "must be 0 (never) or from");
	host_with("psk = a\nfragment = 65536", 5, "from 0 to 65535");
	host_with("psk = a\nfragment = 65535", 0, NULL);
	host_with("psk = a\ncookie-above = 1000001", 5, "from 0 to 1000000");
	host_with("psk = a\ncookie-above = x", 5, "cookie-above = \"x\"");
}

static void
strangers_have_one_group(void **state)
{
	(void)state;
	host_with("psk = a\ndefault-group = g", 0, NULL);
	host_with("psk = a\ndefault-group = h", 5, "no group of that name");
	assert_non_null(
	    strstr(pol_errors(POL_HOST("a",
		       "\"192.0.2.9\" } default-group = ops "
		       "interface = { \"eth0\"") POL_PEERS POL_GROUP("ops",
		       "receiver", POL_OPS " designated = hq-01")),
		"default-group = \"ops\": this host only receives"));
}

static void
peers_say_how_they_are_asked(void **state)
{
	struct policy *p = pol_from(
	    POL_HOST("a", "\"192.0.2.9\"") "peer x { identity = \"CN=x\" "
					   "address = \"192.0.2.1\" exchange = "
					   "ike-auth }\n"
					   "peer y { identity = \"CN=y\" "
					   "address = \"192.0.2.2\" exchange = "
					   "gsa-auth }\n");

	(void)state;
	assert_true(p->peer[0].foreign);
	assert_false(p->peer[1].foreign);
	policy_free(&p);
	assert_non_null(strstr(
	    pol_errors(
		POL_HOST("a", "\"192.0.2.9\"") "peer x { identity = \"CN=x\" "
					       "address = \"192.0.2.1\"\n"
					       "exchange = ikev1 }\n"),
	    "7: exchange = \"ikev1\" is unknown: use gsa-auth or ike-auth"));
}

static void
from_holds_prefixes(void **state)
{
	static const struct {
		const char *text;
		int bits; /* -1: refused */
	} v[] = { { "10.1.0.0/16", 16 }, { "0.0.0.0/0", 0 }, { "::/0", 0 },
		{ "192.0.2.1", 32 }, { "192.0.2.1/32", 32 },
		{ "2001:db8::/32", 32 }, { "2001:db8::1", 128 },
		{ "10.1.0.1/16", -1 }, { "10.1.128.0/16", -1 },
		{ "10.1.0.0/33", -1 }, { "2001:db8::/129", -1 },
		{ "2001:db8::1/127", -1 }, { "10.1.0.0/", -1 },
		{ "10.1.0.0/016", -1 }, { "/8", -1 }, { "", -1 },
		{ "10.1/16", -1 }, { "10.0.0.0/8/8", -1 },
		{ "00000000000000000000000000000000000000000000000000/8", -1 },
		{ "host/24", -1 } };
	struct addr a;
	uint8_t bits;

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		int r = value_prefix(v[i].text, &a, &bits);

		if (r != (v[i].bits < 0 ? -EINVAL : 0) ||
		    (r == 0 && bits != v[i].bits))
			fail_msg("%s: %d, %u", v[i].text, r, bits);
	}
}

static void
from_is_for_senders(void **state)
{
	char text[4096];
	size_t n;

	(void)state;
	assert_non_null(strstr(
	    pol_errors(HOST_WITH("psk = a") GROUP("from = { \"10.0.0.0/8\",\n"
						  "\"10.0.0.1/8\" }")),
	    "9: from \"10.0.0.1/8\": must be a prefix such as"));
	assert_non_null(strstr(pol_errors(POL_HOST("a", "\"192.0.2.9\"")
				       POL_PEERS POL_GROUP("ops", "receiver",
					   POL_OPS " designated = hq-01 from = "
						   "\"10.0.0.0/8\"")),
	    "from says where a sender's receivers are"));
	n = (size_t)snprintf(text, sizeof(text), "from = {");
	for (int i = 0; i < 33; i++)
		n += (size_t)snprintf(
		    text + n, sizeof(text) - n, "\"10.%d.0.0/16\",", i);
	snprintf(text + n, sizeof(text) - n, "}");
	{
		char whole[8192];

		snprintf(whole, sizeof(whole), HOST_WITH("psk = a") GROUP("%s"),
		    text);
		assert_non_null(
		    strstr(pol_errors(whole), "from: more than 32 prefixes"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_understood),
		cmocka_unit_test(what_is_left_out_has_a_default),
		cmocka_unit_test(a_host_authenticates_in_one_way),
		cmocka_unit_test(paths_are_not_empty_nor_too_long),
		cmocka_unit_test(crls_are_required_only_when_there_are_any),
		cmocka_unit_test(a_ppk_has_a_name),
		cmocka_unit_test(numbers_have_bounds),
		cmocka_unit_test(strangers_have_one_group),
		cmocka_unit_test(peers_say_how_they_are_asked),
		cmocka_unit_test(from_holds_prefixes),
		cmocka_unit_test(from_is_for_senders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
