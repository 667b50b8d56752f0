/* SPDX-License-Identifier: ISC */
/* What is wrong, for people: a text that is there only while something is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/why.h"

static void
nothing_is_an_empty_text(void **state)
{
	char *why = NULL;

	(void)state;
	assert_string_equal(why_text(why), "");
	why_clear(&why);
	assert_null(why);
}

static void
the_last_one_counts(void **state)
{
	char *why = NULL;

	(void)state;
	why_set(&why, "%s: %u of %u", "dispatcherd", 1u, 2u);
	assert_string_equal(why_text(why), "dispatcherd: 1 of 2");
	why_set(&why, "another");
	assert_string_equal(why_text(why), "another");
	why_clear(&why);
	assert_null(why);
	assert_string_equal(why_text(why), "");
}

/* A text may be made of the one that it replaces. */
static void
it_may_quote_itself(void **state)
{
	char *why = NULL;

	(void)state;
	why_set(&why, "first");
	why_set(&why, "then (%s)", why);
	assert_string_equal(why, "then (first)");
	why_clear(&why);
}

static void
a_long_one_is_cut_off(void **state)
{
	char text[2 * WHY_MAX], *why = NULL;

	(void)state;
	for (size_t len = WHY_MAX - 3; len < WHY_MAX + 3; len++) {
		size_t kept = len < WHY_MAX ? len : WHY_MAX - 1;

		memset(text, 'a', len);
		text[len] = '\0';
		why_set(&why, "%s", text);
		assert_int_equal(strlen(why), kept);
		assert_memory_equal(why, text, kept);
	}
	why_clear(&why);
}

/* A key manager without trouble has none of these octets. */
static void
it_takes_what_it_needs(void **state)
{
	char *why = NULL;

	(void)state;
	why_set(&why, "%s", "");
	assert_non_null(why);
	assert_string_equal(why, "");
	why_clear(&why);
	assert_null(why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_an_empty_text),
		cmocka_unit_test(the_last_one_counts),
		cmocka_unit_test(it_may_quote_itself),
		cmocka_unit_test(a_long_one_is_cut_off),
		cmocka_unit_test(it_takes_what_it_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
