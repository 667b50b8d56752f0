/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dispatcherd/xstat.h"

#define eq assert_int_equal

static char seen[512];

static void
note(void *arg, const char *name, uint64_t value)
{
	size_t n = strlen(seen);

	(void)arg;
	snprintf(seen + n, sizeof(seen) - n, "%s=%llu ", name,
	    (unsigned long long)value);
}

static const char *
parse(const char *text)
{
	char copy[512];

	seen[0] = '\0';
	snprintf(copy, sizeof(copy), "%s", text);
	xstat_parse(copy, note, NULL);
	return seen;
}

static void
counters_that_are_not_zero_are_told(void **state)
{
	(void)state;
	assert_string_equal(parse("XfrmInError             \t0\n"
				  "XfrmInNoPols            \t12\n"
				  "XfrmOutNoStates         \t4294967296\n"),
	    "XfrmInNoPols=12 XfrmOutNoStates=4294967296 ");
}

static void
lines_that_are_none_are_left_out(void **state)
{
	(void)state;
	assert_string_equal(parse(""), "");
	assert_string_equal(parse("\n\n \t\n"), "");
	assert_string_equal(parse("NoNumber\n"), "");
	assert_string_equal(parse("NoNumber \n"), "");
	assert_string_equal(parse("Word \tx1\n"), "");
	assert_string_equal(parse("Cut \t12x\n"), "");
	assert_string_equal(parse("Sp%s \t12\n"), "");
	assert_string_equal(parse("Name\t1\nLast\t2"), "Name=1 Last=2 ");
	assert_string_equal(
	    parse("AnameThatIsMuchLongerThanAnyTheKernelHasToday \t5\n"), "");
}

static void
the_kernels_own_file_is_read_from_its_start(void **state)
{
	int fd = xstat_open();

	(void)state;
	if (fd < 0)
		skip();
	for (int i = 0; i < 2; i++) {
		char text[4096];
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

		assert_true(n > 0);
		text[n] = '\0';
		assert_non_null(strstr(text, "XfrmInError"));
		xstat_each(fd, note, NULL);
	}
	close(fd);
	xstat_each(-1, note, NULL); /* a kernel that does not count */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_that_are_not_zero_are_told),
		cmocka_unit_test(lines_that_are_none_are_left_out),
		cmocka_unit_test(the_kernels_own_file_is_read_from_its_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
