/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/crypto.h"
#include "common/log.h"
#include "policyd/db.h"
#include "tests/lib/pol.h"

#define eq assert_int_equal

static char dir[64], err[DB_ERR_MAX];
static struct db *db;
static struct policy *pol;
static struct pol_slots slots;

static const char *
in_dir(const char *name)
{
	static char ring[4][128];
	static unsigned int n;
	char *p = ring[n++ % NITEMS(ring)];

	snprintf(p, sizeof(ring[0]), "%s/%s", dir, name);
	return p;
}

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/policy_db.XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	db_close(&db);
	policy_free(&pol);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void
reopen(void)
{
	db_close(&db);
	db = db_open(dir, err);
	if (db == NULL)
		fail_msg("%s", err);
}

/* It does not open, and says this. */
static void
no_open(const char *part)
{
	struct stat st;
	off_t size = stat(in_dir("policy.db"), &st) == 0 ? st.st_size : -1;

	db_close(&db);
	err[0] = '\0';
	db = db_open(dir, err);
	assert_null(db);
	if (strstr(err, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, err);
	/* Never silently made anew. */
	eq(stat(in_dir("policy.db"), &st) == 0 ? st.st_size : -1, size);
}

static void
take_slots(const char *const *names, size_t n)
{
	char text[8192];
	size_t at;

	at = (size_t)snprintf(
	    text, sizeof(text), "%s", POL_HOST("hq-01", "\"192.0.2.1\""));
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "group %s { role = sender senders = \"*\" receivers = "
		    "\"*\" address = \"239.1.1.%zu\" }\n",
		    names[i], i + 1);
	policy_free(&pol);
	pol = pol_from(text);
	memset(&slots, 0xee, sizeof(slots));
	if (db_slots(db, pol, &slots, err))
		fail_msg("%s", err);
}

static uint16_t
instance(uint8_t slot, uint16_t *done)
{
	struct pol_store s = db_store(db);
	uint16_t n;

	eq(s.instance_new(s.arg, slot, &n, done), 0);
	return n;
}

static void
write_at(const char *name, off_t at, const void *p, size_t len)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	eq(pwrite(fd, p, len, at), len);
	eq(close(fd), 0);
}

/* A change from outside, as an operator with sqlite3(1) would make it. */
static void
sql(const char *text)
{
	sqlite3 *sq;

	db_close(&db);
	eq(sqlite3_open(in_dir("policy.db"), &sq), SQLITE_OK);
	eq(sqlite3_exec(sq, text, NULL, NULL, NULL), SQLITE_OK);
	eq(sqlite3_close(sq), SQLITE_OK);
}

static void
groups_keep_their_slots_for_ever(void **state)
{
	static const char *const abc[] = { "a", "b", "c" };
	static const char *const dca[] = { "d", "c", "a" };

	(void)state;
	reopen();
	take_slots(abc, 3);
	for (uint8_t i = 0; i < 3; i++) {
		eq(slots.slot[i], i);
		/* A group that is new in the policy is joined. */
		assert_true(slots.joined[i]);
	}
	reopen();
	take_slots(dca, 3);
	/* b is gone, its slot is not free. */
	eq(slots.slot[0], 3);
	eq(slots.slot[1], 2);
	eq(slots.slot[2], 0);
	take_slots(abc, 3);
	eq(slots.slot[1], 1);
}

static void
membership_survives(void **state)
{
	static const char *const ab[] = { "a", "b" };
	struct pol_store s;

	(void)state;
	reopen();
	take_slots(ab, 2);
	s = db_store(db);
	eq(s.join(s.arg, "b", false), 0);
	eq(s.join(s.arg, "nobody", false), -ENOENT);
	reopen();
	take_slots(ab, 2);
	assert_true(slots.joined[0]);
	assert_false(slots.joined[1]);
	s = db_store(db);
	eq(s.join(s.arg, "b", true), 0);
	reopen();
	take_slots(ab, 2);
	assert_true(slots.joined[1]);
}

static void
full_of_gone_groups_is_an_error(void **state)
{
	char name[64][16];
	const char *names[64];
	const char *one[] = { "new" };

	(void)state;
	reopen();
	for (int i = 0; i < 64; i++) {
		snprintf(name[i], sizeof(name[i]), "g%d", i);
		names[i] = name[i];
	}
	take_slots(names, 64);
	eq(slots.slot[63], 63);
	policy_free(&pol);
	pol = pol_from(POL_SENDER);
	eq(db_slots(db, pol, &slots, err), -ENOSPC);
	assert_non_null(strstr(err, "group ops: all 64 slots are taken"));
	/* With one slot free and two groups to place neither gets it. */
	sql("DELETE FROM slot WHERE name = 'g17'");
	reopen();
	policy_free(&pol);
	pol = pol_from(
	    POL_SENDER POL_GROUP("b", "sender", "address = \"239.1.1.2\""));
	eq(db_slots(db, pol, &slots, err), -ENOSPC);
	assert_non_null(strstr(err, "group b: all 64"));
	reopen();
	take_slots(one, 1);
	eq(slots.slot[0], 17);
}

static void
instance_numbers_never_repeat(void **state)
{
	struct pol_store s;
	uint16_t done;

	(void)state;
	reopen();
	eq(instance(5, &done), 1);
	eq(done, 0);
	eq(instance(5, &done), 2);
	eq(instance(6, &done), 1);
	reopen();
	eq(instance(5, &done), 3);
	eq(done, 0);
	s = db_store(db);
	eq(s.instance_done(s.arg, 5, 2), -ESTALE);
	eq(s.instance_done(s.arg, 5, 4), -ESTALE);
	eq(s.instance_done(s.arg, 7, 1), -ESTALE);
	eq(s.instance_done(s.arg, 5, 3), 0);
	reopen();
	eq(instance(5, &done), 4);
	eq(done, 3);
	eq(instance(5, &done), 5);
	eq(done, 3);
}

/* What was answered is on the disk, whoever is killed right after. */
static void
instance_numbers_survive_a_kill(void **state)
{
	uint16_t done, n = 0;
	int status, fd[2];
	pid_t pid;

	(void)state;
	eq(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct db *mine = db_open(dir, err);
		struct pol_store s = db_store(mine);

		for (int i = 0; i < 50; i++)
			if (s.instance_new(s.arg, 5, &n, &done) ||
			    write(fd[1], &n, sizeof(n)) != sizeof(n))
				_exit(1);
		(void)raise(SIGKILL);
	}
	eq(close(fd[1]), 0);
	while (read(fd[0], &n, sizeof(n)) == sizeof(n))
		continue;
	eq(close(fd[0]), 0);
	eq(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	eq(n, 50);
	assert_int_equal(access(in_dir("policy.db-wal"), F_OK), 0);
	reopen();
	eq(instance(5, &done), 51);
}

static void
instance_numbers_end_and_begin_with_a_boot(void **state)
{
	struct pol_store s;
	uint16_t n, done;

	(void)state;
	reopen();
	eq(instance(5, &done), 1);
	eq(instance(6, &done), 1);
	sql("UPDATE instance SET n = 65534, done = 65534 WHERE slot = 5");
	reopen();
	eq(instance(5, &done), 65535);
	s = db_store(db);
	eq(s.instance_new(s.arg, 5, &n, &done), -ERANGE);
	eq(s.instance_new(s.arg, 5, &n, &done), -ERANGE);
	eq(s.instance_done(s.arg, 5, 65535), 0);
	/* Another boot secret: nothing of the old numbers is left. */
	eq(db_new_boot(db), 0);
	eq(instance(5, &done), 1);
	eq(done, 0);
	/* Low numbers go on. */
	eq(instance(6, &done), 2);
}

static void
only_one_uses_it(void **state)
{
	struct db *other;

	(void)state;
	reopen();
	other = db_open(dir, err);
	assert_null(other);
	assert_non_null(strstr(err, "another policyd uses it"));
}

static void
files_are_ours_alone(void **state)
{
	struct stat st;
	uint16_t done;

	(void)state;
	reopen();
	eq(instance(5, &done), 1);
	eq(stat(in_dir("policy.db"), &st), 0);
	eq(st.st_mode & 0777, 0600);
	eq(stat(in_dir("policy.db-wal"), &st), 0);
	eq(st.st_mode & 0777, 0600);
	assert_int_equal(access(in_dir("policy.db-shm"), F_OK), -1);
	assert_int_equal(access(in_dir("policy.db.new"), F_OK), -1);
}

static void
damage_is_reported(void **state)
{
	char junk[4096];
	uint16_t done;

	(void)state;
	memset(junk, 0x5a, sizeof(junk));
	reopen();
	eq(instance(5, &done), 1);
	db_close(&db);
	/* A page of a table. */
	write_at("policy.db", 4096, junk, sizeof(junk));
	no_open("it is damaged");
	/* The header. */
	write_at("policy.db", 0, junk, 100);
	no_open("not a database");
	eq(truncate(in_dir("policy.db"), 0), 0);
	no_open("empty or not a regular file");
	eq(unlink(in_dir("policy.db")), 0);
	eq(mkdir(in_dir("policy.db"), 0700), 0);
	no_open("empty or not a regular file");
}

static void
a_log_without_its_database_is_damage(void **state)
{
	(void)state;
	write_at("policy.db-wal", 0, "x", 1);
	no_open("it is gone, but its log");
	assert_int_equal(access(in_dir("policy.db"), F_OK), -1);
}

static void
foreign_databases_are_refused(void **state)
{
	(void)state;
	reopen();
	sql("PRAGMA user_version = 2");
	no_open("another version of policyd made it");
	sql("PRAGMA user_version = 1; PRAGMA application_id = 7");
	no_open("it is not a policy database");
	sql("PRAGMA application_id = 1296649029; DROP TABLE instance");
	no_open("its tables are not those");
}

/* Killed while it made one: the half is thrown away, not used. */
static void
a_half_made_one_is_made_again(void **state)
{
	uint16_t done;

	(void)state;
	write_at("policy.db.new", 0, "half", 4);
	reopen();
	eq(instance(0, &done), 1);
	assert_int_equal(access(in_dir("policy.db.new"), F_OK), -1);
}

static void
no_directory_is_an_error(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rmdir %s", dir);
	eq(system(cmd), 0);
	no_open("cannot make it");
	eq(mkdir(dir, 0700), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static int
group_setup(void **state)
{
	(void)state;
	log_init("policy_db_test");
	return crypto_init() || secret_init() || db_setup();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(groups_keep_their_slots_for_ever),
		T(membership_survives),
		T(full_of_gone_groups_is_an_error),
		T(instance_numbers_never_repeat),
		T(instance_numbers_survive_a_kill),
		T(instance_numbers_end_and_begin_with_a_boot),
		T(only_one_uses_it),
		T(files_are_ours_alone),
		T(damage_is_reported),
		T(a_log_without_its_database_is_damage),
		T(foreign_databases_are_refused),
		T(a_half_made_one_is_made_again),
		T(no_directory_is_an_error),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
