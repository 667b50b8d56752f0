/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/core/psk.h"

#define eq assert_int_equal

static const char *why;

static void
key(const char *file, size_t len, const char *want, size_t want_len)
{
	struct secret *s = NULL;
	int r = psk_parse(&s, (const uint8_t *)file, len, &why);

	if (want == NULL) {
		eq(r, -EINVAL);
		assert_null(s);
		assert_non_null(why);
		return;
	}
	eq(r, 0);
	eq(secret_len(s), want_len);
	assert_memory_equal(secret_bytes(s), want, want_len);
	secret_free(&s);
}

static void
key_files_hold_one_line(void **state)
{
	char big[600];

	(void)state;
	key("12345678", 8, "12345678", 8);
	key("12345678\n", 9, "12345678", 8);
	key("12345678\r\n", 10, "12345678", 8);
	key("1234567 \n", 9, "1234567 ", 8);
	key("1234567", 7, NULL, 0);
	key("1234567\n", 8, NULL, 0);
	key("12345678\n\n", 10, NULL, 0);
	key("12345678\n1", 10, NULL, 0);
	key("1234\0005678", 9, NULL, 0);
	key("", 0, NULL, 0);
	key("\n", 1, NULL, 0);
	memset(big, 'a', sizeof(big));
	key(big, 256, big, 256);
	key(big, 257, NULL, 0);
}

static void
key_files_may_be_hexadecimal(void **state)
{
	char big[600];

	(void)state;
	key("0x0001020304050607", 18, "\0\1\2\3\4\5\6\7", 8);
	key("0XAbCdEf0102030405\n", 19, "\xab\xcd\xef\1\2\3\4\5", 8);
	key("0x00010203040506", 16, NULL, 0);
	key("0x000102030405060", 17, NULL, 0);
	key("0x0001020304050607f", 19, NULL, 0);
	key("0x000102030405060g", 18, NULL, 0);
	key("0x00 01020304050607", 19, NULL, 0);
	key("0x", 2, NULL, 0);
	memset(big, '0', sizeof(big));
	big[1] = 'x';
	key(big, 514, (char[256]){ 0 }, 256);
	key(big, 516, NULL, 0);
	key(big, 515, NULL, 0);
}

static int
group_setup(void **state)
{
	(void)state;
	return secret_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_files_hold_one_line),
		cmocka_unit_test(key_files_may_be_hexadecimal),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
