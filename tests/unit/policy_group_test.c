/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
#define GROUP_OK                                                               \
	"role = sender senders = \"*\" receivers = \"*\" "                     \
	"address = \"239.1.1.1\"\n"

/* opts are on line 7. */
static void
group_with(const char *opts, const char *part)
{
	char text[1024];

	snprintf(text, sizeof(text), HOST5 "group g {\n%s\n}", opts);
	if (part == NULL)
		assert_string_equal(pol_errors(text), "");
	else
		one_error(text, 7, part);
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

static void
group_needs(void **state)
{
	(void)state;
	one_error(HOST5 "group g {\nrole = sender senders = \"*\" receivers = "
			"\"*\" }",
	    6, "group g has no address");
	one_error(HOST5 "group g {\nsenders = \"*\" address = \"239.1.1.1\" }",
	    6, "group g has no role");
	one_error(HOST5 "group g {\nrole = sender receivers = \"*\" address = "
			"\"239.1.1.1\" }",
	    6, "group g has no senders");
	one_error(HOST5 "group g {\nrole = sender senders = \"*\" address = "
			"\"239.1.1.1\" }",
	    6, "group g has no receivers");
	one_error(HOST5 "group g {\nrole = receiver senders = \"*\" address = "
			"\"239.1.1.1\" }",
	    6, "group g has no designated");
	group_with("role = both senders = \"*\" address = \"239.1.1.1\"",
	    "role = \"both\": must be sender or receiver");
}

static void
group_addresses_are_multicast_and_unique(void **state)
{
	(void)state;
	group_with("role = sender senders = \"*\" receivers = \"*\" address = "
		   "{ \"239.1.1.1\", \"192.0.2.7\" }",
	    "\"192.0.2.7\" is not a multicast address");
	group_with("role = sender senders = \"*\" receivers = \"*\" address = "
		   "{ \"239.1.1.1\", \"239.1.1.1\" }",
	    "is there twice");
	option("rekey-to = \"192.0.2.7\"", "is not a multicast address");
	option("rekey-to = \"239.1.1.1\"", "is an address of group g already");
	option("agree-on = \"239.1.1.1\"", "is an address of group g already");
	option("agree-on = \"239.1.1.2\" rekey-to = \"239.1.1.3\"", NULL);
	one_error(HOST5 "group g {" GROUP_OK "}\n"
			"group h { role = sender senders = \"*\" receivers = "
			"\"*\" address = {\n\"239.1.1.2\",\n\"239.1.1.1\" } }",
	    10, "address \"239.1.1.1\" is an address of group g already");
	one_error(HOST5 "group g { rekey-to = \"239.1.1.2\" " GROUP_OK "}\n"
			"group h { role = sender senders = \"*\" receivers = "
			"\"*\" address = \"239.1.1.2\" }",
	    6, "rekey-to \"239.1.1.2\" is an address of group h already");
}

static void
group_ids_are_short_and_unique(void **state)
{
	char text[128] = "id = \"";

	(void)state;
	memset(text + 6, 'a', 64);
	strcat(text, "\"");
	option(text, NULL);
	memset(text + 6, 'a', 65);
	strcat(text, "\"");
	option(text, "id: longer than 64 octets");
	option("id = \"\"", "id is empty");
	one_error(HOST5 "group g {" GROUP_OK "}\n"
			"group h { role = sender senders = \"*\" receivers = "
			"\"*\" address = \"239.1.1.2\"\nid = g }",
	    9, "group h has the id of group g");
}

static void
ranges_are_checked(void **state)
{
	static const char *const bad[] = { "5010-5000", "70000", "5000-",
		"-5000", "a", "5000-5010-5020", "05000", "1-65536", "1 - 2" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++) {
		snprintf(text, sizeof(text), "ports = \"%s\"", bad[i]);
		option(text, "must be a port or a range");
	}
	option("ports = 0-65535", NULL);
	option("ports = 5000", NULL);
}

static void
durations_have_units_and_bounds(void **state)
{
	static const char *const bad[] = { "lifetime = 8", "lifetime = 8hours",
		"lifetime = \"8 h\"", "lifetime = h", "lifetime = 9s",
		"lifetime = 31d", "lifetime = 99999999d", "lifetime = 1.5h",
		"lifetime = -1h", "step = 59s", "atd = 65536s", "dtd = 20h",
		"repeat-span = 2h", "lifetime = 08h",
		"lifetime = 4294967297s" };

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++)
		option(bad[i], "must be a duration from");
	option("lifetime = 30d step = 60s atd = 65535s dtd = 0s", NULL);
	option("lifetime = 32s atd = 2s dtd = 30s",
	    "lifetime (32s) must be longer than atd + dtd (32s)");
	option("lifetime = 33s atd = 2s dtd = 30s", NULL);
}

static void
numbers_have_bounds(void **state)
{
	static const char *const bad[] = { "hop-limit = 0", "hop-limit = 256",
		"members-max = 0", "members-max = 1048577", "repeats = 0",
		"repeats = 17", "airtime = 0", "half-open-max = 0",
		"per-source-rate = 0", "per-source-rate = 1e3" };

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++)
		option(bad[i], "must be a number from");
	option("hop-limit = 255 members-max = 1048576 repeats = 16", NULL);
}

static void
patterns_are_well_formed(void **state)
{
	(void)state;
	one_error(HOST5 "group g { role = sender senders = \"*\" address = "
			"\"239.1.1.1\"\nreceivers = {\n\"CN=a\",\n\"oops\" } }",
	    9, "receivers \"oops\": expected TYPE=VALUE");
	group_with("role = sender senders = \"CN=a,*,*\" receivers = \"*\" "
		   "address = \"239.1.1.1\"",
	    "a lone * more than once");
}

/* A sender whom no receiver would believe. */
static void
a_sender_is_among_the_senders(void **state)
{
	(void)state;
	group_with("role = sender senders = \"CN=other\" receivers = \"*\" "
		   "address = \"239.1.1.1\"",
	    "host's identity is not among the senders");
}

static void
families_must_fit(void **state)
{
	(void)state;
	group_with("role = sender senders = \"*\" receivers = \"*\" "
		   "address = \"ff15::1\"",
	    "listens on no address of the families");
	one_error(HOST5 "peer s { identity = \"CN=s\" address = "
			"\"2001:db8::9\" }\n"
			"group g { role = receiver senders = \"CN=s\" address "
			"= \"239.1.1.1\"\ndesignated = s }",
	    8, "no designated sender has an address of a family");
}

#define RECEIVER(des)                                                          \
	HOST5 "peer s { identity = \"CN=s\" address = \"192.0.2.9\" }\n"       \
	      "peer me { identity = \"CN=hq-01,O=Example\" address = "         \
	      "\"192.0.2.1\" }\n"                                              \
	      "peer t { identity = \"CN=t\" address = \"192.0.2.8\" }\n"       \
	      "group g { role = receiver senders = { \"CN=s\", \"CN=hq-*,*\" " \
	      "} address = \"239.1.1.1\"\ndesignated = {" des "} }"

static void
designated_senders_are_peers_that_serve(void **state)
{
	(void)state;
	assert_string_equal(pol_errors(RECEIVER("s")), "");
	one_error(RECEIVER("s,\nnobody"), 11,
	    "designated \"nobody\": there is no peer of that name");
	one_error(RECEIVER("s, s"), 10, "is there twice");
	one_error(RECEIVER("s, me"), 10, "is this host itself");
	one_error(RECEIVER("s, t"), 10, "not among the group's senders");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(group_needs),
		cmocka_unit_test(group_addresses_are_multicast_and_unique),
		cmocka_unit_test(group_ids_are_short_and_unique),
		cmocka_unit_test(ranges_are_checked),
		cmocka_unit_test(durations_have_units_and_bounds),
		cmocka_unit_test(numbers_have_bounds),
		cmocka_unit_test(patterns_are_well_formed),
		cmocka_unit_test(a_sender_is_among_the_senders),
		cmocka_unit_test(families_must_fit),
		cmocka_unit_test(designated_senders_are_peers_that_serve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
