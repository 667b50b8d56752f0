/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include "common/dn.h"

#define eq assert_int_equal

static uint8_t der[DN_MAX];
static char text[DN_TEXT_MAX];

static struct chunk
parsed(const char *s)
{
	static uint8_t ring[4][DN_MAX];
	static unsigned int n;
	uint8_t *buf = ring[n++ % NITEMS(ring)];
	size_t len;

	eq(dn_parse(s, buf, DN_MAX, &len), 0);
	return (struct chunk){ buf, len };
}

static int
parse(const char *s)
{
	size_t len;

	return dn_parse(s, der, sizeof(der), &len);
}

static bool
match(const char *pattern, const char *name)
{
	return dn_match(pattern, parsed(name));
}

static void
encodes_the_last_rdn_first(void **state)
{
	static const uint8_t want[] = { 0x30, 0x22, 0x31, 0x10, 0x30, 0x0e, 6,
		3, 0x55, 4, 10, 12, 7, 'E', 'x', 'a', 'm', 'p', 'l', 'e', 0x31,
		0x0e, 0x30, 0x0c, 6, 3, 0x55, 4, 3, 12, 5, 'h', 'q', '-', '0',
		'1' };
	struct chunk c = parsed("CN=hq-01,O=Example");

	(void)state;
	eq(c.len, sizeof(want));
	assert_memory_equal(c.p, want, sizeof(want));
}

/* What OpenSSL makes of the same name. */
static size_t
openssl_name(const char *const *v, size_t n, uint8_t *out)
{
	X509_NAME *name = X509_NAME_new();
	int len;

	for (size_t i = 0; i < n; i++)
		eq(X509_NAME_add_entry_by_txt(name, v[2 * i], MBSTRING_UTF8,
		       (const uint8_t *)v[2 * i + 1], -1, -1, 0),
		    1);
	len = i2d_X509_NAME(name, &out);
	assert_true(len > 0);
	X509_NAME_free(name);
	return (size_t)len;
}

static void
agrees_with_openssl(void **state)
{
	/* OpenSSL takes them in DER order. */
	static const char *const v[] = { "C", "DE", "DC", "example", "O",
		"Example", "OU", "1st Battalion, HQ", "CN", "M\xc3\xbcller",
		"emailAddress", "a@example.org", "serialNumber", "42", "UID",
		"x" };
	static const char s[] = "UID=x,serialNumber=42,emailAddress="
				"a@example.org,CN=M\xc3\xbcller,"
				"OU=1st Battalion\\, HQ,O=Example,DC=example,"
				"C=DE";
	uint8_t theirs[DN_MAX];
	size_t len = openssl_name(v, NITEMS(v) / 2, theirs);
	struct chunk ours = parsed(s), c = { theirs, len };

	(void)state;
	/* OpenSSL prefers PrintableString where it is enough. */
	assert_true(dn_eq(ours, c));
	eq(dn_text(c, text, sizeof(text)), 0);
	assert_true(dn_eq(parsed(text), c));
	assert_true(dn_match(s, c));
}

static void
text_survives_the_round_trip(void **state)
{
	static const char *const v[] = {
		"CN=hq-01,O=Example",
		"CN=a+OU=b,O=c",
		"CN=a\\,b\\+c\\=d\\\\e\\*f\\\"g\\<h\\>i\\;",
		"CN=\\#a\\ ",
		"CN=M\\c3\\bcller",
		"CN=a\\0ab",
		"1.2.840.113549.1=x,2.999.4294967200=y,O=z",
		"CN=a  b",
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		eq(dn_text(parsed(v[i]), text, sizeof(text)), 0);
		assert_string_equal(text, v[i]);
	}
	/* Blanks around the parts and case of the type do not matter. */
	eq(dn_text(parsed(" cn = a , o=b c "), text, sizeof(text)), 0);
	assert_string_equal(text, "CN=a,O=b c");
}

static void
refuses_text_that_is_no_name(void **state)
{
	static const char *const v[] = { "", ",", "CN", "CN=", "CN= ,O=b",
		"CN=a,", ",CN=a", "CN=a,,O=b", "=a", "XX=a", "CN=a O=b",
		"CN=a\\", "CN=a\\0", "CN=a\\00b", "CN=a\\q", "CN=a*", "*",
		"CN=a,*", "CN=#0403", "CN=a\nb", "CN=a\x7f", "CN=a\xff",
		"CN=\xc0\x80", "CN=\xed\xa0\x80", "CN=\xf4\x90\x80\x80",
		"CN=\xc3", "CN=a+CN=b", "C=\xc3\xbc", "DC=\xc3\xbc", "3.1=a",
		"1.40=a", "1=a", "1..2=a", "1.2.=a", "01.2=a",
		"1.2.4294967296=a" };

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++)
		if (parse(v[i]) != -EINVAL)
			fail_msg("taken: %s", v[i]);
}

static void
long_names_find_no_room(void **state)
{
	char s[DN_TEXT_MAX + 64] = "CN=";
	size_t len;

	(void)state;
	memset(s + 3, 'a', 490);
	eq(dn_parse(s, der, sizeof(der), &len), 0);
	eq(len, 490 + 4 + 5 + 4 + 4 + 4);
	eq(dn_parse(s, der, len - 1, &len), -ENOBUFS);
	memset(s + 3, 'a', 500);
	eq(dn_parse(s, der, sizeof(der), &len), -ENOBUFS);
	memset(s + 3, 'a', DN_TEXT_MAX + 1);
	eq(parse(s), -EINVAL);
}

static void
utf8_is_valid_up_to_its_end(void **state)
{
	(void)state;
	eq(parse("CN=\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xef\xbf\xbf\xdf\xbf"), 0);
	assert_true(match("CN=*\xc3\xbc*", "CN=a\xc3\xbc\x62"));
	eq(parse("CN=a\\c3\\bc"), 0);
}

static void
every_rdn_must_be_present(void **state)
{
	(void)state;
	assert_true(match("CN=hq-*,O=Example", "CN=hq-01,O=Example"));
	assert_true(match("O=Example,CN=hq-*", "CN=hq-01,O=Example"));
	assert_false(match("CN=hq-*,O=Example", "CN=hq-01"));
	assert_false(match("CN=hq-*,O=Example", "CN=hq-01,O=Example2"));
	assert_false(match("CN=hq-*,O=Example", "CN=xhq-01,O=Example"));
	assert_false(match("CN=hq-*,O=Example", "OU=hq-01,O=Example"));
	/* Values compare exactly. */
	assert_false(match("CN=HQ-*,O=Example", "CN=hq-01,O=Example"));
	assert_false(match("CN=hq-01", "CN=hq-01\\ "));
}

static void
a_lone_star_permits_more(void **state)
{
	(void)state;
	assert_false(match("CN=a", "CN=a,O=b"));
	assert_true(match("CN=a,*", "CN=a,O=b"));
	assert_true(match("*,CN=a", "CN=a,O=b"));
	assert_true(match("CN=a,*", "CN=a"));
	assert_true(match("*", "CN=a,O=b"));
	assert_false(match("OU=1st Battalion,*", "OU=2nd Battalion,CN=x"));
	assert_true(match("OU=1st Battalion, *", "CN=x,OU=1st Battalion,O=y"));
	/* A star with something before it is a value's. */
	assert_false(match("CN=*", "CN=a,O=b"));
}

static void
stars_stay_within_one_value(void **state)
{
	(void)state;
	assert_true(match("CN=*", "CN=anything at all"));
	assert_true(match("CN=a*b*c", "CN=abbc"));
	assert_true(match("CN=a*b*c", "CN=aXbYbZc"));
	assert_false(match("CN=a*b*c", "CN=acb"));
	assert_false(match("CN=a*b", "CN=a,O=b"));
	assert_true(match("CN=*a", "CN=aaab\\*aa"));
	assert_true(match("CN=**a**", "CN=a"));
	assert_false(match("CN=a*a", "CN=a"));
	/* Quoted, it is itself. */
	assert_true(match("CN=a\\*", "CN=a\\*"));
	assert_false(match("CN=a\\*", "CN=ab"));
	assert_false(match("CN=a\\2a", "CN=ab"));
}

/* Greedy would give OU=a* the RDN that OU=ab needs. */
static void
each_rdn_of_the_name_serves_once(void **state)
{
	(void)state;
	assert_true(match("OU=a*,OU=ab", "OU=ac,OU=ab"));
	assert_true(match("OU=a*,OU=ab", "OU=ab,OU=ac"));
	assert_false(match("OU=a*,OU=ab", "OU=ab,O=x"));
	assert_false(match("OU=a,OU=a", "OU=a,OU=b"));
	assert_false(match("OU=a,OU=a,*", "OU=a,OU=b"));
	assert_true(match("OU=*,OU=*b,OU=*bc", "OU=xbc,OU=yb,OU=z"));
	assert_false(match("OU=*,OU=*b,OU=*b", "OU=xbc,OU=yb,OU=z"));
}

static void
rdns_of_several_values_match_as_a_whole(void **state)
{
	(void)state;
	assert_true(match("CN=a+OU=b", "CN=a+OU=b"));
	assert_true(match("OU=b+CN=a", "CN=a+OU=b"));
	assert_true(match("OU=*+CN=a", "CN=a+OU=b"));
	assert_false(match("CN=a", "CN=a+OU=b"));
	assert_false(match("CN=a,*", "CN=a+OU=b"));
	assert_false(match("CN=a+OU=b", "CN=a,OU=b"));
	assert_false(match("CN=a,OU=b", "CN=a+OU=b"));
}

static void
bad_patterns_have_a_reason_and_match_nothing(void **state)
{
	static const char *const v[] = { "", "CN", "CN=", "*,*", "CN=a,", "**",
		"CN=a b=c", "CN=a+*", "CN=a+CN=b" };
	const char *why;

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		why = NULL;
		eq(dn_pattern_check(v[i], &why), -EINVAL);
		assert_non_null(why);
		assert_false(dn_match(v[i], parsed("CN=a")));
	}
	eq(dn_pattern_check("CN=*,OU=a\\*,*", &why), 0);
}

static void
equality_is_by_value_and_order(void **state)
{
	struct chunk a = parsed("CN=a,O=b");

	(void)state;
	assert_true(dn_eq(a, parsed("cn=a, o=b")));
	assert_false(dn_eq(a, parsed("O=b,CN=a")));
	assert_false(dn_eq(a, parsed("CN=a")));
	assert_false(dn_eq(parsed("CN=a"), a));
	assert_false(dn_eq(a, parsed("CN=a,O=c")));
	assert_true(dn_eq(parsed("CN=a+O=b"), parsed("O=b+CN=a")));
	assert_false(dn_eq(parsed("CN=a+O=b"), a));
	assert_false(dn_eq((struct chunk){ NULL, 0 }, (struct chunk){ 0 }));
}

/* One name with its CN given as tag | length | value. */
static struct chunk
raw(const char *tlv, size_t n)
{
	static uint8_t buf[128];
	uint8_t *p = buf;

	*p++ = 0x30;
	*p++ = (uint8_t)(n + 9);
	*p++ = 0x31;
	*p++ = (uint8_t)(n + 7);
	*p++ = 0x30;
	*p++ = (uint8_t)(n + 5);
	memcpy(p, "\x06\x03\x55\x04\x03", 5);
	memcpy(p + 5, tlv, n);
	return (struct chunk){ buf, n + 11 };
}

static void
strings_of_other_types_compare_as_text(void **state)
{
	(void)state;
	assert_true(dn_match("CN=ab", raw("\x13\x02"
					  "ab",
					  4)));
	assert_true(dn_match("CN=ab", raw("\x16\x02"
					  "ab",
					  4)));
	/* Not a string, a lying string, a string cut by NUL: never equal. */
	assert_false(dn_match("CN=*", raw("\x04\x02"
					  "ab",
					  4)));
	assert_false(dn_match("CN=*", raw("\x1e\x02\0a", 4)));
	assert_false(dn_match("CN=*", raw("\x0c\x02\xff\xfe", 4)));
	assert_false(dn_match("CN=*", raw("\x13\x02"
					  "a\xe4",
					  4)));
	assert_false(dn_match("CN=a*", raw("\x0c\x03"
					   "a\0b",
					   5)));
	/* But a lone star has no opinion of them. */
	assert_true(dn_match("*", raw("\x04\x02"
				      "ab",
				      4)));
}

static void
text_is_printable_whatever_comes(void **state)
{
	(void)state;
	eq(dn_text(raw("\x0c\x04\x1b[2J", 6), text, sizeof(text)), 0);
	assert_string_equal(text, "CN=\\1b[2J");
	eq(dn_text(raw("\x04\x02"
		       "ab",
		       4),
	       text, sizeof(text)),
	    0);
	assert_string_equal(text, "CN=#04026162");
	eq(dn_text(raw("\x0c\x02\xc2\x9b", 4), text, sizeof(text)), 0);
	assert_string_equal(text, "CN=\\c2\\9b");
}

/* 2.5.4.3 in a longer form is another type, and must not look like it. */
static void
odd_types_do_not_look_like_others(void **state)
{
	static const struct {
		const char *oid, *text;
	} v[] = { { "\x55\x04\x80\x03", "?55048003" },
		{ "\x55\x04\x83", "?550483" },
		{ "\x2a\x90\x80\x80\x80\x00", "?2a9080808000" },
		{ "\x2a\x8f\xff\xff\xff\x7f", "1.2.4294967295" },
		{ "\x2a\x81\x80\x80\x80\x80\x00", "?2a818080808000" } };
	uint8_t name[32];

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		size_t n = strlen(v[i].oid) + (i == 2 || i == 4);
		char want[32];

		name[0] = 0x30;
		name[1] = (uint8_t)(n + 9);
		name[2] = 0x31;
		name[3] = (uint8_t)(n + 7);
		name[4] = 0x30;
		name[5] = (uint8_t)(n + 5);
		name[6] = 6;
		name[7] = (uint8_t)n;
		memcpy(name + 8, v[i].oid, n);
		memcpy(name + 8 + n, "\x0c\x01x", 3);
		snprintf(want, sizeof(want), "%s=x", v[i].text);
		eq(dn_text((struct chunk){ name, n + 11 }, text, sizeof(text)),
		    0);
		assert_string_equal(text, want);
	}
}

static void
text_that_does_not_fit_says_so(void **state)
{
	char out[8];

	(void)state;
	eq(dn_text(parsed("CN=ab,O=c"), out, sizeof(out)), -ENOBUFS);
	assert_string_equal(out, "CN=ab,O");
	eq(dn_text(parsed("CN=abcd"), out, sizeof(out)), 0);
	assert_string_equal(out, "CN=abcd");
	eq(dn_text(parsed("CN=a"), out, 0), -ENOBUFS);
}

/* Every prefix, every padded form, every other length form. */
static void
der_that_is_no_name_is_refused(void **state)
{
	struct chunk c = parsed("CN=a+OU=b,O=c");
	uint8_t longer[DN_MAX];

	(void)state;
	for (size_t n = 0; n < c.len; n++)
		eq(dn_text((struct chunk){ c.p, n }, text, sizeof(text)),
		    -EBADMSG);
	memcpy(longer, c.p, c.len);
	longer[c.len] = 0;
	eq(dn_text((struct chunk){ longer, c.len + 1 }, text, sizeof(text)),
	    -EBADMSG);
	eq(dn_text(
	       (struct chunk){ (const uint8_t *)"0\0", 2 }, text, sizeof(text)),
	    -EBADMSG);
	/* Long form where the short one does; indefinite length. */
	eq(dn_text(raw("\x0c\x81\x02"
		       "ab",
		       5),
	       text, sizeof(text)),
	    -EBADMSG);
	eq(dn_text(raw("\x0c\x82\x00\x02"
		       "ab",
		       6),
	       text, sizeof(text)),
	    -EBADMSG);
	eq(dn_text(raw("\x0c\x80"
		       "ab\0\0",
		       6),
	       text, sizeof(text)),
	    -EBADMSG);
	eq(dn_text(raw("\x1f\x02"
		       "ab",
		       4),
	       text, sizeof(text)),
	    -EBADMSG);
	eq(dn_text(raw("\x0c\x01"
		       "ab",
		       4),
	       text, sizeof(text)),
	    -EBADMSG);
	eq(dn_text(raw("\x0c\x01"
		       "a",
		       3),
	       text, sizeof(text)),
	    0);
}

static void
too_many_parts_are_refused(void **state)
{
	uint8_t big[DN_MAX], *p = big + 4;
	char s[DN_TEXT_MAX] = "";

	(void)state;
	for (int i = 0; i < 33; i++) {
		memcpy(p, "\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01x", 12);
		p += 12;
		strcat(s, i == 0 ? "O=x" : ",O=x");
	}
	memcpy(big, "\x30\x82\x01\x80", 4); /* 32 of them */
	eq(dn_text((struct chunk){ big, 4 + 32 * 12 }, text, sizeof(text)), 0);
	memcpy(big, "\x30\x82\x01\x8c", 4); /* 33 */
	eq(dn_text((struct chunk){ big, 4 + 33 * 12 }, text, sizeof(text)),
	    -EBADMSG);
	eq(parse(s), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_the_last_rdn_first),
		cmocka_unit_test(agrees_with_openssl),
		cmocka_unit_test(text_survives_the_round_trip),
		cmocka_unit_test(refuses_text_that_is_no_name),
		cmocka_unit_test(long_names_find_no_room),
		cmocka_unit_test(utf8_is_valid_up_to_its_end),
		cmocka_unit_test(every_rdn_must_be_present),
		cmocka_unit_test(a_lone_star_permits_more),
		cmocka_unit_test(stars_stay_within_one_value),
		cmocka_unit_test(each_rdn_of_the_name_serves_once),
		cmocka_unit_test(rdns_of_several_values_match_as_a_whole),
		cmocka_unit_test(bad_patterns_have_a_reason_and_match_nothing),
		cmocka_unit_test(equality_is_by_value_and_order),
		cmocka_unit_test(strings_of_other_types_compare_as_text),
		cmocka_unit_test(text_is_printable_whatever_comes),
		cmocka_unit_test(odd_types_do_not_look_like_others),
		cmocka_unit_test(text_that_does_not_fit_says_so),
		cmocka_unit_test(der_that_is_no_name_is_refused),
		cmocka_unit_test(too_many_parts_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
