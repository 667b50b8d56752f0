/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/addr.h"

#define eq(a, b) assert_int_equal((a), (b))

static struct addr
A(const char *text) {
	struct addr a;

	eq(addr_parse(&a, text), 0);
	return a;
}

static void
text_goes_both_ways(void **state)
{
	static const char *const texts[] = { "0.0.0.0", "192.0.2.1",
		"239.192.10.1", "255.255.255.255", "::", "::1", "2001:db8::1",
		"ff15::4d49:1", "2001:db8:1111:2222:3333:4444:5555:6666" };
	char buf[ADDR_STRLEN];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < NITEMS(texts); i++) {
		a = A(texts[i]);
		assert_string_equal(addr_text(&a, buf), texts[i]);
	}
	a = (struct addr){ 0 };
	assert_string_equal(addr_text(&a, buf), "none");
}

static void
bad_text_is_refused(void **state)
{
	static const char *const texts[] = { "", "192.0.2", "192.0.2.256",
		"192.0.2.1 ", " 192.0.2.1", "192.0.2.1/24", "host",
		":::", "fe80::1%eth0", "1:2:3:4:5:6:7:8:9" };
	struct addr a = { .len = 77 };

	(void)state;
	for (size_t i = 0; i < NITEMS(texts); i++)
		eq(addr_parse(&a, texts[i]), -EINVAL);
	eq(a.len, 77); /* untouched */
}

static void
octets_of_other_lengths_are_refused(void **state)
{
	uint8_t b[17] = { 1, 2, 3, 4 };
	struct addr a, zero = { 0 };

	(void)state;
	for (size_t n = 0; n <= sizeof(b); n++) {
		memset(&a, 0xff, sizeof(a));
		eq(addr_from(&a, b, n),
		    n == 0 || n == 4 || n == 16 ? 0 : -EINVAL);
		eq(a.len, n == 0 || n == 4 || n == 16 ? n : 0xff);
	}
	/* What is not used is zero, so structs compare as a whole too. */
	memset(&a, 0xff, sizeof(a));
	eq(addr_from(&a, b, 4), 0);
	assert_memory_equal(a.b + 4, zero.b, 12);
	eq(addr_from(&a, NULL, 0), 0);
	assert_memory_equal(&a, &zero, sizeof(a));
}

static void
families_are_never_equal(void **state)
{
	struct addr a = A("0.0.0.0"), b = A("::"), none = { 0 };
	struct addr c = A("192.0.2.1"), d = A("192.0.2.2");

	(void)state;
	assert_true(addr_eq(&a, &a));
	assert_false(addr_eq(&a, &b));
	assert_false(addr_eq(&a, &none));
	assert_true(addr_eq(&none, &none));
	assert_true(addr_eq(&c, &c));
	assert_false(addr_eq(&c, &d));
}

static void
multicast(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} v[] = { { "223.255.255.255", false }, { "224.0.0.0", true },
		{ "239.255.255.255", true }, { "240.0.0.0", false },
		{ "ff00::", true }, { "ff15::1", true }, { "fe80::1", false },
		{ "::", false }, { "e000::", false } };
	struct addr a = { 0 };

	(void)state;
	assert_false(addr_is_multicast(&a));
	for (size_t i = 0; i < NITEMS(v); i++) {
		a = A(v[i].text);
		eq(addr_is_multicast(&a), v[i].is);
	}
}

static void
inside_a_net(void **state)
{
	static const struct {
		const char *a, *net;
		uint8_t prefix;
		bool in;
	} v[] = {
		{ "192.0.2.1", "192.0.2.0", 24, true },
		{ "192.0.3.1", "192.0.2.0", 24, false },
		{ "192.0.3.1", "192.0.2.0", 23, true },
		{ "192.0.4.1", "192.0.2.0", 23, false },
		{ "192.0.2.1", "192.0.2.1", 32, true },
		{ "192.0.2.0", "192.0.2.1", 32, false },
		{ "192.0.2.0", "192.0.2.1", 31, true },
		{ "10.9.8.7", "192.0.2.0", 0, true },
		{ "192.0.2.1", "192.0.2.1", 33, false },
		{ "192.0.2.1", "192.0.2.0", 255, false },
		{ "::1", "0.0.0.0", 0, false },
		{ "2001:db8::1", "2001:db8::", 32, true },
		{ "2001:db9::1", "2001:db8::", 32, false },
		{ "2001:db8::1", "2001:db8::", 128, false },
		{ "2001:db8::", "2001:db8::", 128, true },
		{ "2001:db8::1", "2001:db8::", 127, true },
		{ "2001:db8::2", "2001:db8::", 127, false },
	};
	struct addr any = { 0 }, a, net;

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		a = A(v[i].a);
		net = A(v[i].net);
		if (addr_in(&a, &net, v[i].prefix) != v[i].in)
			fail_msg("%s in %s/%u", v[i].a, v[i].net, v[i].prefix);
		assert_true(addr_in(&a, &any, 0));
	}
	assert_false(addr_in(&any, &net, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_goes_both_ways),
		cmocka_unit_test(bad_text_is_refused),
		cmocka_unit_test(octets_of_other_lengths_are_refused),
		cmocka_unit_test(families_are_never_equal),
		cmocka_unit_test(multicast),
		cmocka_unit_test(inside_a_net),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
