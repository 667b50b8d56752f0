/* SPDX-License-Identifier: ISC */
/* The pictures cannot be written: the error says so. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "mikesim/out/page.h"
#include "tests/sim/lib/fakesim.h"

#define eq assert_int_equal

static const struct fake small = { 2, 9, 120 * NS_PER_S, false, true };

static void
a_file_that_cannot_be_written(void **state)
{
	struct page_opts o = { .html = "/nonexistent/a.html" };
	struct scene s;
	struct page *p;
	struct obs_sink sink;

	(void)state;
	fake_scene(&s, &small);
	eq(page_new(&p, &o), 0);
	sink = page_sink(p);
	eq(sink.begin(sink.arg, &s), -ENOENT);
	assert_non_null(strstr(page_error(p), "/nonexistent/a.html"));
	assert_non_null(strstr(page_error(p), "No such file"));
	page_free(&p);
	assert_null(p);
}

static void
a_disk_that_is_full(void **state)
{
	struct page_opts o = { .html = "/dev/full" };
	struct page *p;
	struct obs_sink sink;

	(void)state;
	if (access("/dev/full", W_OK) != 0)
		skip();
	eq(page_new(&p, &o), 0);
	sink = page_sink(p);
	assert_true(fake_run(&small, &sink) < 0);
	assert_non_null(strstr(page_error(p), "not complete"));
	page_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_cannot_be_written),
		cmocka_unit_test(a_disk_that_is_full),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
