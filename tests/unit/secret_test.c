/* SPDX-License-Identifier: ISC */
#include <sys/wait.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/secret.h"

static const uint8_t zero[256];

static int
setup(void **state)
{
	(void)state;
	return secret_init();
}

static void
holds_what_it_was_given(void **state)
{
	struct secret *s = secret_from("0123456789", 10);

	(void)state;
	assert_non_null(s);
	assert_int_equal(secret_len(s), 10);
	assert_memory_equal(secret_bytes(s), "0123456789", 10);
	secret_free(&s);
	assert_null(s);
	secret_free(&s); /* nothing to do */
}

/* The slot is taken again at once, so this sees what the last one left. */
static void
free_wipes(void **state)
{
	struct secret *s = secret_new(256);
	uint8_t *was;

	(void)state;
	assert_non_null(s);
	was = secret_bytes(s);
	assert_memory_equal(was, zero, 256);
	memset(was, 0x5a, 256);
	secret_free(&s);
	assert_memory_equal(was, zero, 256);
	s = secret_new(3);
	assert_ptr_equal(secret_bytes(s), was);
	assert_memory_equal(was, zero, 256);
	secret_free(&s);
}

static void
pool_has_an_end(void **state)
{
	static struct secret *v[4096];
	size_t n = 0;

	(void)state;
	assert_null(secret_new(257));
	while (n < NITEMS(v) && (v[n] = secret_new(256)) != NULL) {
		memset(secret_bytes(v[n]), (int)n, 256);
		n++;
	}
	assert_in_range(n, 128, NITEMS(v) - 1);
	/* None lies over another. */
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < 256; j++)
			assert_int_equal(secret_bytes(v[i])[j], (uint8_t)i);
	secret_free(&v[0]);
	assert_non_null(v[0] = secret_new(1));
	for (size_t i = 0; i < n; i++)
		secret_free(&v[i]);
}

static void
equality(void **state)
{
	(void)state;
	assert_true(secret_eq("abc", "abc", 3));
	assert_false(secret_eq("abc", "abd", 3));
	assert_false(secret_eq("xbc", "abc", 3));
	assert_true(secret_eq("abX", "abY", 2));
	assert_true(secret_eq("", "x", 0));
}

static void
a_forked_child_has_nothing(void **state)
{
	struct secret *s = secret_from("0123456789", 10);
	pid_t pid;
	int st;

	(void)state;
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0)
		_exit(memcmp(secret_bytes(s), zero, 10) == 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st) && WEXITSTATUS(st) == 0);
	assert_memory_equal(secret_bytes(s), "0123456789", 10);
	secret_free(&s);
}

/* AddressSanitizer makes mlock(2) do nothing. */
static bool
mlock_works(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	return false;
#endif
#endif
	return true;
}

/* VmFlags of the mapping that holds p: lo locked, dd no dump, wf wipe. */
static void
memory_is_locked_and_not_dumped(void **state)
{
	struct secret *s = secret_new(1);
	unsigned long lo, hi, at = (unsigned long)secret_bytes(s);
	char line[512], flags[512] = "";
	bool ours = false;
	FILE *f;

	(void)state;
	assert_non_null(f = fopen("/proc/self/smaps", "r"));
	while (fgets(line, (int)sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &lo, &hi) == 2)
			ours = at >= lo && at < hi;
		else if (ours && strncmp(line, "VmFlags:", 8) == 0)
			(void)snprintf(flags, sizeof(flags), "%s", line);
	}
	(void)fclose(f);
	if (mlock_works())
		assert_non_null(strstr(flags, " lo"));
	assert_non_null(strstr(flags, " dd"));
	assert_non_null(strstr(flags, " wf"));
	secret_free(&s);
}

static void
use_after_free_ends_the_process(void **state)
{
	struct secret *s = secret_new(1), *stale = s;
	pid_t pid;
	int st;

	(void)state;
	secret_free(&s);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		(void)secret_bytes(stale);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFSIGNALED(st));
	assert_int_equal(WTERMSIG(st), SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_what_it_was_given),
		cmocka_unit_test(free_wipes),
		cmocka_unit_test(pool_has_an_end),
		cmocka_unit_test(equality),
		cmocka_unit_test(a_forked_child_has_nothing),
		cmocka_unit_test(memory_is_locked_and_not_dumped),
		cmocka_unit_test(use_after_free_ends_the_process),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
