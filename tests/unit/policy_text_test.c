/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/core/conf.h"
#include "tests/lib/pol.h"

/*
 * The sharp edges of libconfuse, one by one: each of these texts it would
 * read in silence, or blame on the wrong line.
 */

#define eq assert_int_equal

static struct diag d;
static struct text *t;
static struct conf *c;

static int
setup(void **state)
{
	(void)state;
	d = (struct diag){ 0 };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conf_free(&c);
	text_free(&t);
	return 0;
}

/* Parsed as far as sections, options and strings. */
static int
read_conf(const char *s)
{
	int r = text_read(&t, s, strlen(s), &d);

	return r ? r : conf_parse(&c, t, policy_options(), &d);
}

static void
reads(const char *s)
{
	d = (struct diag){ 0 };
	eq(read_conf(s), 0);
	eq(d.n, 0);
}

static void
blanks_to(const char *from, const char *to)
{
	char *s;

	d = (struct diag){ 0 };
	s = text_blank(from, strlen(from), &d);
	assert_non_null(s);
	eq(d.n, 0);
	assert_string_equal(s, to);
	free(s);
}

static void
only_error(unsigned int line, const char *part)
{
	eq(d.n, 1);
	eq(d.v[0].line, line);
	if (strstr(d.v[0].text, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, d.v[0].text);
}

/* Refused by the first pass alone. */
static void
blank_refuses(const char *from, size_t len, unsigned int line, const char *part)
{
	d = (struct diag){ 0 };
	free(text_blank(from, len, &d));
	only_error(line, part);
}

static void
refuses(const char *s, unsigned int line, const char *part)
{
	d = (struct diag){ 0 };
	eq(read_conf(s), -EINVAL);
	assert_null(c);
	text_free(&t);
	only_error(line, part);
}

static void
comments_become_blanks(void **state)
{
	(void)state;
	blanks_to("a # b\nc", "a    \nc");
	blanks_to("a // b\nc", "a     \nc");
	blanks_to("a /* b\n * c */ d", "a     \n        d");
	blanks_to("#", " ");
	blanks_to("/**/", "    ");
	blanks_to("/*/ x */y", "        y");
	blanks_to("a\r\nb", "a \nb");
	blanks_to("a # x /* y\nb", "a         \nb");
}

static void
quoted_comments_stay(void **state)
{
	(void)state;
	blanks_to("\"a # b\" # c", "\"a # b\"    ");
	blanks_to("\"// /* */\"", "\"// /* */\"");
	blanks_to("\"a\\\" # b\" x", "\"a\\\" # b\" x");
	blanks_to("\"a\\\\\" # b", "\"a\\\\\"    ");
	blanks_to("# \"\nx", "   \nx");
}

static void
nul_and_what_makes_one_are_refused(void **state)
{
	(void)state;
	blank_refuses("a\0b", 3, 1, "NUL");
	blank_refuses("\n\"a\0b\"", 6, 2, "NUL");
	/* libconfuse: "a" */
	blank_refuses("\n\n\"a\\0b\"", 8, 3, "\\0");
	blank_refuses("\"a\\101b\"", 8, 1, "octal");
	blank_refuses("\"a\\x00b\"", 8, 1, "only \\\" and \\\\");
	blank_refuses("\"a\\nb\"", 6, 1, "only \\\" and \\\\");
	/* In a comment it would still end what an editor shows. */
	blank_refuses("# \0\nx", 5, 1, "NUL octet in a comment");
	blank_refuses("/*\n\0*/", 6, 2, "NUL octet in a comment");
}

static void
nothing_comes_from_the_environment(void **state)
{
	(void)state;
	refuses("host { psk = \"${HOME}\" }", 1, "'$' is not allowed");
	refuses("host {\n psk = ${HOME} }", 2, "'$' is not allowed");
	refuses("host {\n\n psk = \"a$b\" }", 3, "'$' is not allowed");
	reads("host { psk = a } # ${HOME}");
}

static void
appending_is_refused(void **state)
{
	(void)state;
	refuses("host {\n listen = { a }\n listen += { b } }", 3, "'+='");
	refuses("host { listen +={ a } }", 1, "'+='");
}

static void
strings_end_on_their_line(void **state)
{
	(void)state;
	blank_refuses("\n\"abc\nd", 7, 2, "not closed by \"");
	blank_refuses("\"abc", 4, 1, "not closed by \"");
	d = (struct diag){ 0 };
	free(text_blank("\"a\\\nb\"", 6, &d));
	assert_true(d.n >= 2);
	eq(d.v[0].line, 1);
	d = (struct diag){ 0 };
	free(text_blank("\"abc\\", 5, &d));
	eq(d.n, 2);
}

static void
open_comments_are_refused_where_they_begin(void **state)
{
	(void)state;
	blank_refuses("a\n /* b\n c\n", 11, 2, "not closed by */");
	blank_refuses("/*/", 3, 1, "not closed by */");
}

/* libconfuse drops what it does not know: "pe*er" would be two words. */
static void
unknown_characters_are_refused(void **state)
{
	(void)state;
	blank_refuses("a*b", 3, 1, "unexpected character '*'");
	blank_refuses("\n;", 2, 2, "unexpected character ';'");
	blank_refuses("'a'", 1, 1, "double quotes");
	blank_refuses("a(", 2, 1, "functions");
	blank_refuses("\xc3", 1, 1, "unexpected character");
	blank_refuses("a\x01", 2, 1, "control character 0x01");
	blank_refuses("\"a\tb\"", 5, 1, "control character 0x09");
	blank_refuses("a\rb", 3, 1, "control character 0x0d");
	blanks_to("\"\xc3\xbc\"", "\"\xc3\xbc\"");
}

/* Every comment adds two to the line that libconfuse reports. */
static void
comments_do_not_move_lines(void **state)
{
	(void)state;
	refuses("# one\n// two\n/* three\n four */\nhost {\n nonsense = 1\n}",
	    6, "host has no option \"nonsense\"");
	refuses("# one\n# two\nhost { psk = { a, b } }", 3,
	    "takes one value, not a list");
	refuses("/* 1 */ /* 2 */ /* 3 */\nhost { psk a }", 2, "expected '='");
	reads("# one\n/* 2\n3 */ host {\n # 4\n psk = \"a\"\n}");
	struct conf_sec s;
	assert_true(conf_section(c, "host", 0, &s));
	eq(s.where->line, 3);
	eq(conf_line(&s, "psk", 0), 5);
}

/* libconfuse says "[buf]" for these, or nothing, and stops at the first. */
static void
unknown_names_are_all_reported(void **state)
{
	(void)state;
	eq(read_conf("host {\n a = 1\n b = { 2 }\n}\npeer x {\n c = 1 }\n"
		     "net { d = 1 }\n"),
	    -EINVAL);
	eq(d.n, 4);
	eq(d.v[0].line, 2);
	eq(d.v[1].line, 3);
	eq(d.v[2].line, 6);
	eq(d.v[3].line, 7);
	assert_string_equal(d.v[2].text, "peer has no option \"c\"");
	assert_non_null(strstr(d.v[3].text, "no section is called \"net\""));
}

static void
file_and_line_are_in_each_message(void **state)
{
	char out[300];

	(void)state;
	eq(read_conf("host {\n a = 1\n}"), -EINVAL);
	assert_string_equal(
	    diag_text(&d, 0, "/etc/mike/mike.conf", out, sizeof(out)),
	    "/etc/mike/mike.conf:2: host has no option \"a\"");
	d = (struct diag){ 0 };
	diag_add(&d, 0, "x");
	assert_string_equal(diag_text(&d, 0, "f", out, sizeof(out)), "f: x");
}

/* The last one would win in silence. */
static void
repeated_options_are_refused(void **state)
{
	(void)state;
	refuses("host {\n psk = a\n port = 1\n psk = b\n}", 4,
	    "psk is set twice in this section (first on line 2)");
	refuses(
	    "peer a { address = b address = c }", 1, "address is set twice");
	/* The same option of another section is another option. */
	reads("peer a { identity = x }\npeer b { identity = y }");
}

/* It would be merged with the first. */
static void
a_second_host_is_refused(void **state)
{
	(void)state;
	refuses("host {\n psk = a\n}\nhost { port = 1 }", 4,
	    "second section host (the first is on line 1)");
}

static void
repeated_titles_are_refused(void **state)
{
	(void)state;
	refuses("peer a { }\npeer b { }\npeer \"a\" { }", 3,
	    "second peer \"a\" (the first is on line 1)");
	refuses("group a { }\ngroup a { }", 2, "second group \"a\"");
	/* A peer and a group may have one name. */
	reads("peer a { }\ngroup a { }");
}

static void
grammar_errors_name_the_place(void **state)
{
	(void)state;
	refuses("{", 1, "expected a section before '{'");
	refuses("host\n\n= 1", 3, "expected '{' before '='");
	refuses("host {\n", 2, "the text ends where an option or '}'");
	refuses("host { psk", 1, "the text ends where '='");
	refuses("host { psk =\n}", 2, "expected a value before '}'");
	refuses("host { listen = { a b } }", 1, "expected ',' or '}'");
	refuses("host { listen = { , } }", 1, "expected a value before ','");
	refuses("host { \"psk\" = a }", 1, "expected an option");
	refuses("host { } }", 1, "expected a section");
	refuses("host { peer a { } }", 1, "expected '=' before 'a'");
	refuses("\"host\" { }", 1, "expected a section");
	refuses("host { psk = a, port = 1 }", 1, "expected an option");
}

static void
shapes_are_checked(void **state)
{
	(void)state;
	refuses("host a { }", 1, "host takes no name");
	refuses("\npeer { }", 2, "peer needs a name: peer \"NAME\" {");
	refuses("host { listen = { } }", 1, "listen is empty");
	refuses("host { psk = { a } }", 1, "takes one value");
	refuses(
	    "peer aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaa { }",
	    1, "title is longer than 64");
}

static void
values_come_through(void **state)
{
	struct conf_sec s;

	(void)state;
	reads("host { psk = \"a\\\\b\\\"c # d\" port = 010\n"
	      " listen = { \"x\",\n y, }\n interface = \"eth0\" }\n"
	      "peer b { } peer \"a\" { identity = \"\" }");
	assert_true(conf_section(c, "host", 0, &s));
	assert_string_equal(conf_value(&s, "psk", 0), "a\\b\"c # d");
	/* Not eight. */
	assert_string_equal(conf_value(&s, "port", 0), "010");
	eq(conf_size(&s, "listen"), 2);
	assert_string_equal(conf_value(&s, "listen", 1), "y");
	eq(conf_line(&s, "listen", 0), 2);
	eq(conf_line(&s, "listen", 1), 3);
	/* A list of one needs no braces. */
	eq(conf_size(&s, "interface"), 1);
	assert_null(conf_value(&s, "interface", 1));
	eq(conf_size(&s, "anchors"), 0);
	assert_false(conf_is_set(&s, "anchors"));
	eq(conf_line(&s, "anchors", 0), 1);
	assert_true(conf_section(c, "peer", 1, &s));
	assert_string_equal(s.where->title, "a");
	assert_true(conf_is_set(&s, "identity"));
	assert_string_equal(conf_value(&s, "identity", 0), "");
	assert_false(conf_section(c, "peer", 2, &s));
	assert_false(conf_section(c, "group", 0, &s));
}

static void
limits_hold(void **state)
{
	size_t n = TEXT_MAX + 1;
	char *big = malloc(n);

	(void)state;
	assert_non_null(big);
	memset(big, ' ', n);
	eq(text_read(&t, big, n, &d), -EINVAL);
	only_error(0, "longer than");
	d = (struct diag){ 0 };
	eq(text_read(&t, big, n - 1, &d), 0);
	text_free(&t);
	n = 0;
	for (int i = 0; i < TEXT_SECS_MAX + 1; i++)
		n +=
		    (size_t)snprintf(big + n, TEXT_MAX - n, "peer p%d {}\n", i);
	eq(text_read(&t, big, n, &d), -EINVAL);
	only_error(TEXT_SECS_MAX + 1, "more than 2048 sections");
	d = (struct diag){ 0 };
	n = (size_t)snprintf(big, TEXT_MAX, "host {\n");
	for (int i = 0; i < TEXT_OPTS_MAX + 1; i++)
		n += (size_t)snprintf(big + n, TEXT_MAX - n, "o%d = 1\n", i);
	eq(text_read(&t, big, n, &d), -EINVAL);
	only_error(TEXT_OPTS_MAX + 2, "more than 64 options");
	free(big);
}

static void
errors_stand_in_order_of_lines(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < DIAG_MAX + 3; i++)
		diag_add(&d, 100 - i, "%u\n\x1b", i);
	eq(d.n, DIAG_MAX);
	eq(d.more, 3);
	eq(d.v[0].line, 100 - (DIAG_MAX - 1));
	eq(d.v[DIAG_MAX - 1].line, 100);
	/* Nothing of the text reaches a terminal as it is. */
	assert_string_equal(d.v[DIAG_MAX - 1].text, "0??");
}

/* After a text that failed in every way the next one is read well. */
static void
failures_leave_nothing_behind(void **state)
{
	(void)state;
	assert_string_not_equal(pol_errors("host {\n\"abc"), "");
	assert_string_not_equal(pol_errors("host { psk = \"a\\0\" }"), "");
	assert_string_not_equal(pol_errors("host { nonsense = 1 }"), "");
	assert_string_not_equal(pol_errors(""), "");
	assert_string_equal(pol_errors(POL_SENDER), "");
	assert_string_equal(pol_errors(POL_RECEIVER), "");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(comments_become_blanks),
		T(quoted_comments_stay),
		T(nul_and_what_makes_one_are_refused),
		T(nothing_comes_from_the_environment),
		T(appending_is_refused),
		T(strings_end_on_their_line),
		T(open_comments_are_refused_where_they_begin),
		T(unknown_characters_are_refused),
		T(comments_do_not_move_lines),
		T(unknown_names_are_all_reported),
		T(file_and_line_are_in_each_message),
		T(repeated_options_are_refused),
		T(a_second_host_is_refused),
		T(repeated_titles_are_refused),
		T(grammar_errors_name_the_place),
		T(shapes_are_checked),
		T(values_come_through),
		T(limits_hold),
		T(errors_stand_in_order_of_lines),
		T(failures_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
