/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "policyd/files.h"
#include "tests/lib/pol.h"

#define eq assert_int_equal

static char dir[64], err[FILE_ERR_MAX];
static char said[2048];

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
	said[0] = '\0';
	snprintf(dir, sizeof(dir), "/tmp/policy_files.XXXXXX");
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

static void
write_file(const char *name, const char *text)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT, 0600);
	size_t len = strlen(text);

	assert_true(fd >= 0);
	eq(write(fd, text, len), len);
	eq(close(fd), 0);
}

static void
boot(struct secret **s, bool *fresh, int want)
{
	eq(file_boot(s, dir, fresh, err), want);
}

static void
the_boot_secret_is_made_once(void **state)
{
	struct secret *a = NULL, *b = NULL;
	struct stat st;
	bool fresh = false;

	(void)state;
	boot(&a, &fresh, 0);
	assert_true(fresh);
	eq(secret_len(a), 32);
	eq(stat(in_dir("boot"), &st), 0);
	eq(st.st_mode & 0777, 0600);
	eq(st.st_size, 32);
	boot(&b, &fresh, 0);
	assert_false(fresh);
	assert_memory_equal(secret_bytes(a), secret_bytes(b), 32);
	secret_free(&b);
	eq(unlink(in_dir("boot")), 0);
	/* Killed while it wrote one. */
	write_file("boot.new", "half");
	boot(&b, &fresh, 0);
	assert_true(fresh);
	assert_memory_not_equal(secret_bytes(a), secret_bytes(b), 32);
	secret_free(&a);
	secret_free(&b);
}

static void
a_boot_secret_that_is_not_ours_is_refused(void **state)
{
	struct secret *s = NULL;
	bool fresh;

	(void)state;
	boot(&s, &fresh, 0);
	secret_free(&s);
	eq(chmod(in_dir("boot"), 0640), 0);
	boot(&s, &fresh, -EBADMSG);
	assert_non_null(strstr(err, "remove it"));
	eq(chmod(in_dir("boot"), 0600), 0);
	eq(truncate(in_dir("boot"), 31), 0);
	boot(&s, &fresh, -EBADMSG);
	eq(truncate(in_dir("boot"), 33), 0);
	boot(&s, &fresh, -EBADMSG);
	eq(unlink(in_dir("boot")), 0);
	eq(symlink("/dev/zero", in_dir("boot")), 0);
	boot(&s, &fresh, -ELOOP);
	assert_null(s);
}

static void
psk(mode_t mode, const char *part)
{
	struct secret *s = NULL;

	eq(chmod(in_dir("psk"), mode), 0);
	if (part == NULL) {
		eq(file_psk(&s, dir, "psk", "psk", err), 0);
		eq(secret_len(s), 8);
		secret_free(&s);
		return;
	}
	assert_int_not_equal(file_psk(&s, dir, "psk", "psk", err), 0);
	assert_null(s);
	if (strstr(err, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, err);
}

static void
keys_that_others_may_read_are_refused(void **state)
{
	(void)state;
	write_file("psk", "12345678\n");
	psk(0640, NULL);
	psk(0400, NULL);
	psk(0644, "others may open it: chmod 0640");
	psk(0641, "others may open it");
	psk(0660, "its group may write to it");
	if (geteuid() == 0) {
		eq(chown(in_dir("psk"), 12345, 0), 0);
		psk(0640, "it belongs to somebody else: chown");
		eq(chown(in_dir("psk"), 0, 0), 0);
	}
	eq(truncate(in_dir("psk"), 7), 0);
	psk(0640, "must hold 8 to 256 octets");
	eq(truncate(in_dir("psk"), 600), 0);
	psk(0640, "too long");
}

static void
keys_are_found_where_the_policy_says(void **state)
{
	struct secret *s = NULL;

	(void)state;
	write_file("psk", "12345678\n");
	eq(file_psk(&s, "/nowhere", "psk", in_dir("psk"), err), 0);
	secret_free(&s);
	eq(file_psk(&s, dir, "psk", "nokey", err), -ENOENT);
	assert_non_null(strstr(err, "nokey: No such file"));
	eq(file_psk(&s, dir, "psk", ".", err), -EINVAL);
	eq(mkfifo(in_dir("fifo"), 0600), 0);
	eq(file_psk(&s, dir, "psk", "fifo", err), -EINVAL);
	assert_non_null(strstr(err, "not a regular file"));
}

static void
say(const char *line)
{
	strcat(said, line);
	strcat(said, "\n");
}

static void
policy_files_are_read_and_blamed_by_name(void **state)
{
	struct policy *p;
	char want[256];

	(void)state;
	write_file("mike.conf", POL_SENDER);
	p = file_policy(in_dir("mike.conf"), say);
	assert_non_null(p);
	policy_free(&p);
	assert_string_equal(said, "");
	eq(chmod(in_dir("mike.conf"), 0602), 0);
	assert_null(file_policy(in_dir("mike.conf"), say));
	assert_non_null(strstr(said, "may write to it"));
	said[0] = '\0';
	assert_null(file_policy(in_dir("none"), say));
	assert_non_null(strstr(said, "none: No such file"));
	said[0] = '\0';
	write_file("bad", "\nhost { nonsense = 1\n x = 2 }");
	assert_null(file_policy(in_dir("bad"), say));
	snprintf(want, sizeof(want),
	    "%s:2: host has no option \"nonsense\"\n"
	    "%s:3: host has no option \"x\"\n",
	    in_dir("bad"), in_dir("bad"));
	assert_string_equal(said, want);
}

static void
examples_are_in_order(void **state)
{
	static const char *const files[] = { "packaging/examples/sender.conf",
		"packaging/examples/receiver.conf" };
	struct policy *p;

	(void)state;
	for (size_t i = 0; i < NITEMS(files); i++) {
		p = file_policy(files[i], say);
		assert_string_equal(said, "");
		eq(p->n_group, 1);
		policy_free(&p);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static int
group_setup(void **state)
{
	(void)state;
	return crypto_init() || secret_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_boot_secret_is_made_once),
		T(a_boot_secret_that_is_not_ours_is_refused),
		T(keys_that_others_may_read_are_refused),
		T(keys_are_found_where_the_policy_says),
		T(policy_files_are_read_and_blamed_by_name),
		T(examples_are_in_order),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
