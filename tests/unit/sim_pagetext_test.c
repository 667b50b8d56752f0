/* SPDX-License-Identifier: ISC */
/* What becomes of hostile text in the pictures. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "mikesim/out/page_text.h"

#define eq assert_int_equal

typedef void text_fn(FILE *f, const char *s, size_t len);

static void
is_text(text_fn *fn, const char *s, size_t len, const char *want)
{
	char *got = NULL;
	size_t n;
	FILE *f = open_memstream(&got, &n);

	assert_non_null(f);
	fn(f, s, len);
	eq(fclose(f), 0);
	assert_string_equal(got, want);
	free(got);
}
#define json_is(s, want) is_text(text_json, s, sizeof(s) - 1, want)
#define xml_is(s, want) is_text(text_xml, s, sizeof(s) - 1, want)
#define U "\xef\xbf\xbd"

static void
json_text(void **state)
{
	(void)state;
	json_is("", "\"\"");
	json_is("a b", "\"a b\"");
	json_is("\"\\/", "\"\\\"\\\\/\"");
	json_is("</script>&", "\"\\u003c/script\\u003e\\u0026\"");
	json_is("\n\x01\x7f\0z", "\"\\u000a\\u0001\\u007f\\u0000z\"");
	json_is("M\xc3\xa4rz \xe2\x82\xac \xf0\x9f\x93\xa1",
	    "\"M\xc3\xa4rz \xe2\x82\xac \xf0\x9f\x93\xa1\"");
}

static void
xml_text(void **state)
{
	(void)state;
	xml_is("<a b='\"'>&", "&#60;a b=&#39;&#34;&#39;&#62;&#38;");
	xml_is("\x01\n\x7f", U U U);
	xml_is("\xef\xbf\xbf|\xef\xbf\xbe|\xef\xbf\xbd", U "|" U "|" U);
}

static void
text_that_is_no_utf8(void **state)
{
	(void)state;
	json_is("\x80", "\"" U "\"");
	json_is("\xff\xfe", "\"" U U "\"");
	json_is("\xc3", "\"" U "\"");			/* ends too early */
	json_is("\xe2\x82", "\"" U U "\"");		/* too */
	json_is("\xc3(", "\"" U "(\"");			/* no continuation */
	json_is("\xc0\xbc", "\"" U U "\"");		/* overlong '<' */
	json_is("\xe0\x80\xbc", "\"" U U U "\"");	/* too */
	json_is("\xed\xa0\x80", "\"" U U U "\"");	/* a surrogate */
	json_is("\xf4\x90\x80\x80", "\"" U U U U "\""); /* above U+10FFFF */
	json_is("\xf8\x88\x80\x80\x80", "\"" U U U U U "\"");
}

/* Every octet and pair of octets gives JSON that jansson takes. */
static void
json_of_any_octets(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 0x10000; i++) {
		char s[2] = { (char)(i >> 8), (char)i }, buf[64];
		FILE *f = fmemopen(buf, sizeof(buf), "w");
		json_t *j;

		assert_non_null(f);
		text_json(f, s, sizeof(s));
		eq(fclose(f), 0);
		assert_null(strchr(buf, '<'));
		j = json_loads(buf, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(j);
		json_decref(j);
	}
}

static void
numbers_as_base64(void **state)
{
	static const uint64_t v[] = { 0, 1, 127, 128, 300, 1ull << 40,
		UINT64_MAX };
	char buf[128];
	FILE *f = fmemopen(buf, sizeof(buf), "w");
	struct b64 b = { .f = f };

	(void)state;
	assert_non_null(f);
	for (size_t i = 0; i < NITEMS(v); i++)
		b64_varint(&b, v[i]);
	b64_end(&b);
	eq(fclose(f), 0);
	/* 00 01 7f 8001 ac02 808080808020 ffffffffffffffffff01 */
	assert_string_equal(buf, "AAF/gAGsAoCAgICAIP///////////wE=");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_text),
		cmocka_unit_test(xml_text),
		cmocka_unit_test(text_that_is_no_utf8),
		cmocka_unit_test(json_of_any_octets),
		cmocka_unit_test(numbers_as_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
