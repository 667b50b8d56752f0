/* SPDX-License-Identifier: ISC */

/* Lines as they come out of standard error. */

#include <sys/wait.h>

#include <errno.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"

static char text[8192]; /* what the child wrote */
static int status;

/* Run act() with standard error in text. */
static void
capture(void (*act)(void))
{
	int fds[2];
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		(void)dup2(fds[1], STDERR_FILENO);
		(void)close(fds[0]);
		(void)close(fds[1]);
		act();
		_exit(0);
	}
	(void)close(fds[1]);
	while (n < sizeof(text) - 1 &&
	       (r = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)r;
	text[n] = '\0';
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void
matches(const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0) != 0)
		fail_msg("\"%s\" is not %s", text, pattern);
	regfree(&re);
}

static unsigned int
lines(void)
{
	unsigned int n = 0;

	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	return n;
}

static void
all_levels(void)
{
	log_init("groupd");
	log_debug("a.debug hidden=1");
	log_err("an.err n=%d", 1);
	log_warn("a.warn n=%d", 2);
	log_info("an.info n=%d", 3);
	log_debug_enable(true);
	log_debug("a.debug n=%d", 4);
}

static void
lines_have_time_name_level(void **state)
{
	(void)state;
	capture(all_levels);
	assert_int_equal(lines(), 4);
	matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
		"\\.[0-9]{3}Z groupd\\[[0-9]+\\]: err: an\\.err n=1\n");
	matches("\n.* warn: a\\.warn n=2\n.* info: an\\.info n=3\n"
		".* debug: a\\.debug n=4\n$");
	assert_null(strstr(text, "hidden"));
}

static void
one_line(void)
{
	log_info("x");
}

/* The calendar is computed by hand; the library's is the judge. */
static void
time_is_utc_now(void **state)
{
	char want[2][32];
	time_t before, after;
	struct timespec now; /* time() may be a tick behind */
	struct tm tm;

	(void)state;
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	before = now.tv_sec;
	capture(one_line);
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	after = now.tv_sec;
	(void)strftime(want[0], sizeof(want[0]), "%Y-%m-%dT%H:%M:%S",
	    gmtime_r(&before, &tm));
	(void)strftime(want[1], sizeof(want[1]), "%Y-%m-%dT%H:%M:%S",
	    gmtime_r(&after, &tm));
	assert_true(strncmp(text, want[0], 19) >= 0);
	assert_true(strncmp(text, want[1], 19) <= 0);
}

static void
forged_line(void)
{
	log_warn(
	    "x peer=%s", "a\n2026-01-01T00:00:00.000Z groupd[1]: err: b\r");
}

static void
newlines_cannot_forge_a_line(void **state)
{
	(void)state;
	capture(forged_line);
	assert_int_equal(lines(), 1);
	assert_null(strchr(text, '\r'));
}

static void
very_long_line(void)
{
	static char s[5000];

	memset(s, 'x', sizeof(s) - 1);
	log_info("%s", s);
	log_info("next");
}

static void
long_lines_are_cut(void **state)
{
	(void)state;
	capture(very_long_line);
	assert_int_equal(lines(), 2);
	assert_in_range(strchr(text, '\n') - text, 900, 1100);
	matches("x\n.*: info: next\n$");
}

static void
errno_stays_(void)
{
	errno = EXDEV;
	log_info("x");
	if (errno != EXDEV)
		_exit(2);
	/* A log that cannot be written is no reason to stop. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)close(STDERR_FILENO);
	log_info("x");
	if (errno != EXDEV)
		_exit(3);
}

static void
errno_stays(void **state)
{
	(void)state;
	capture(errno_stays_);
	assert_int_equal(status, 0);
}

static void
fatal_(void)
{
	fatal("x.fatal what=%s", "this");
}

static void
fatal_says_and_exits_1(void **state)
{
	(void)state;
	capture(fatal_);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	matches(": err: x\\.fatal what=this\n$");
}

static void
must_holds(void)
{
	must(1 + 1 == 2);
}

static void
must_fails(void)
{
	must(1 + 1 == 3);
}

static void
must_aborts_with_the_place(void **state)
{
	(void)state;
	capture(must_holds);
	assert_int_equal(status, 0);
	capture(must_fails);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	matches("expr=\"1 \\+ 1 == 3\" at=.*log_test\\.c:[0-9]+\n$");
}

static void
peers_octets_become_one_printable_word(void **state)
{
	uint8_t all[256];
	char buf[2048];

	(void)state;
	assert_string_equal(
	    log_safe(buf, sizeof(buf), "CN=hq-01", 8), "CN=hq-01");
	assert_string_equal(
	    log_safe(buf, sizeof(buf), "a b\"c\\d\0\n\x7f\xff", 11),
	    "a\\040b\\042c\\134d\\000\\012\\177\\377");
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	(void)log_safe(buf, sizeof(buf), all, sizeof(all));
	for (const char *p = buf; *p != '\0'; p++)
		assert_true(*p > ' ' && *p < 0x7f && *p != '"');
	assert_string_equal(log_safe(buf, sizeof(buf), "", 0), "");
	assert_string_equal(log_safe(buf, 0, "abc", 3), "");
}

/* Never past the end, always ended, no sequence cut in the middle. */
static void
truncates_between_octets(void **state)
{
	char buf[16];

	(void)state;
	for (size_t size = 1; size < sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		(void)log_safe(buf, size, "ab\n\n\n", 5);
		assert_true(strlen(buf) < size);
		assert_int_equal(buf[size], '#');
		if (size > 2)
			assert_int_equal((strlen(buf) - 2) % 4, 0);
	}
	assert_string_equal(log_safe(buf, 6, "ab\n", 3), "ab");
	assert_string_equal(log_safe(buf, 7, "ab\n", 3), "ab\\012");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_time_name_level),
		cmocka_unit_test(time_is_utc_now),
		cmocka_unit_test(newlines_cannot_forge_a_line),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(errno_stays),
		cmocka_unit_test(fatal_says_and_exits_1),
		cmocka_unit_test(must_aborts_with_the_place),
		cmocka_unit_test(peers_octets_become_one_printable_word),
		cmocka_unit_test(truncates_between_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
