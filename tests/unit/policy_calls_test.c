/* SPDX-License-Identifier: ISC */
#include <sys/wait.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "policyd/db.h"
#include "tests/lib/pol.h"

#define eq assert_int_equal

static char dir[64], err[DB_ERR_MAX];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/policy_calls.XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

/* Long enough for several checkpoints of the log, each 1000 pages. */
static int
work(struct db *db, const struct policy *p)
{
	struct pol_store s = db_store(db);
	struct pol_slots slots;
	uint16_t n, done;

	if (db_slots(db, p, &slots, err) || db_new_boot(db))
		return 1;
	for (int i = 0; i < 1500; i++)
		if (s.instance_new(s.arg, 5, &n, &done) ||
		    s.instance_done(s.arg, 5, n) || s.join(s.arg, "ops", i % 2))
			return 2;
	return s.instance_done(s.arg, 5, 7) == -ESTALE ? 0 : 3;
}

/* Under policyd's filter: a call that is not listed kills. */
static void
nothing_is_opened_once_it_is_open(void **state)
{
	const struct sandbox_list lists[] = {
		{ SC_RUNTIME, SC_RUNTIME_LEN },
		{ DB_CALLS, DB_CALLS_LEN },
	};
	struct db *db;
	uint16_t n, done;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct policy *p = pol_from(POL_SENDER);

		db = db_open(dir, err);
		sandbox_syscalls(lists, NITEMS(lists));
		_exit(work(db, p));
	}
	eq(waitpid(pid, &status, 0), pid);
	eq(status, 0);
	db = db_open(dir, err);
	assert_non_null(db);
	eq(db_store(db).instance_new(db, 5, &n, &done), 0);
	eq(n, 1501);
	eq(done, 1500);
	db_close(&db);
}

static int
group_setup(void **state)
{
	(void)state;
	log_init("policy_calls_test");
	return db_setup();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    nothing_is_opened_once_it_is_open, setup, teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
