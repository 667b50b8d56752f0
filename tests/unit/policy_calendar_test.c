/* SPDX-License-Identifier: ISC */
/*
 * The first look at a calendar opens a file.  A program of its own, since in
 * one that has made certificates it was looked at long ago.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509.h>
#include <sys/wait.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "policyd/core/sig.h"
#include "policyd/core/x509.h"

static void
calendar_is_read_before_the_sandbox(void **state)
{
	const struct sandbox_list lists[] = { { SC_RUNTIME, SC_RUNTIME_LEN } };
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		ASN1_TIME *t;

		if (crypto_init() || sig_init() || x509_init())
			_exit(1);
		sandbox_syscalls(lists, NITEMS(lists));
		t = X509_gmtime_adj(NULL, 86400);
		_exit(t != NULL && X509_cmp_current_time(t) > 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calendar_is_read_before_the_sandbox),
	};

	log_init("policy_calendar_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
