/* SPDX-License-Identifier: ISC */

/*
 * Start-up in children that are root (or not) and then look at what became of
 * them in /proc.  The tests of identity need root and are skipped without.
 */

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cap-ng.h>
#include <cmocka.h>

#include "common/proc.h"

#define USER "nobody"
#define PASSED 7
#define BIT(c) (1ULL << (c))

static uid_t uid;
static gid_t gid;
static char dir[64];

static int
exit_of(void (*act)(void))
{
	pid_t pid = fork();
	int st;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		(void)alarm(20);
		act();
		_exit(PASSED);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -WTERMSIG(st);
}

/* Value of a line of /proc/self/status, as a number in base. */
static unsigned long long
status_value(const char *name, int radix)
{
	char line[256];
	unsigned long long v = 0xdead;
	FILE *f = fopen("/proc/self/status", "r");

	if (f == NULL)
		_exit(90);
	while (fgets(line, (int)sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			v = strtoull(line + strlen(name), NULL, radix);
	(void)fclose(f);
	return v;
}

#define want(cond)                                                             \
	do {                                                                   \
		if (!(cond)) {                                                 \
			(void)fprintf(                                         \
			    stderr, "# line %d: %s\n", __LINE__, #cond);       \
			_exit(1);                                              \
		}                                                              \
	} while (0)

/* Everything that proc_drop() promises, read back from the kernel. */
static void
look(uint64_t mask)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	want(getresuid(&r, &e, &s) == 0 && r == uid && e == uid && s == uid);
	want(getresgid(&rg, &eg, &sg) == 0 && rg == gid && eg == gid &&
	     sg == gid);
	want(getgroups(0, NULL) == 0);
	want(status_value("CapPrm:", 16) == mask);
	want(status_value("CapEff:", 16) == mask);
	want(status_value("CapInh:", 16) == 0);
	want(status_value("CapAmb:", 16) == 0);
	want(status_value("NoNewPrivs:", 10) == 1);
	want(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	want(setuid(0) == -1 && seteuid(0) == -1);
	want(setgid(0) == -1);
}

static void
harden_(void)
{
	struct rlimit rl;
	char name[16];
	int fd;

	(void)close(STDIN_FILENO);
	proc_harden("test-daemon");
	want(getrlimit(RLIMIT_CORE, &rl) == 0);
	want(rl.rlim_cur == 0 && rl.rlim_max == 0);
	want(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	want(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	want(prctl(PR_GET_NAME, name, 0, 0, 0) == 0);
	want(strcmp(name, "test-daemon") == 0);
	want(umask(0) == 0117);
	want(fcntl(STDIN_FILENO, F_GETFD) != -1);
	/* What is opened from now on is none of the three. */
	want((fd = open("/dev/null", O_RDONLY)) > STDERR_FILENO);
	want(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
}

static void
harden(void **state)
{
	(void)state;
	assert_int_equal(exit_of(harden_), PASSED);
}

static void
drop_all_(void)
{
	const gid_t stray = 12345;

	want(setgroups(1, &stray) == 0);
	proc_harden("x");
	proc_drop(USER, 0);
	look(0);
	want(status_value("CapBnd:", 16) == 0);
}

static void
drop_keep_one_(void)
{
	int sig = 0;

	proc_harden("x");
	proc_drop(USER, BIT(CAP_NET_ADMIN));
	look(BIT(CAP_NET_ADMIN));
	want(status_value("CapBnd:", 16) == 0);
	want(prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0) == 0 && sig == SIGKILL);
}

static void
drop_keep_two_(void)
{
	const uint64_t two = BIT(CAP_NET_ADMIN) | BIT(CAP_CHECKPOINT_RESTORE);

	proc_harden("x"); /* the last one is above bit 31 */
	proc_drop(USER, two);
	look(two);
}

static void
need_root(void)
{
	if (geteuid() != 0) {
		print_message("# SKIP not root\n");
		skip();
	}
}

static void
drop_from_root(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(exit_of(drop_all_), PASSED);
	assert_int_equal(exit_of(drop_keep_one_), PASSED);
	assert_int_equal(exit_of(drop_keep_two_), PASSED);
}

/* As systemd starts a service with User= and AmbientCapabilities=. */
static void
become_ambient(uint64_t mask)
{
	capng_clear(CAPNG_SELECT_BOTH);
	for (unsigned int c = 0; c < 41; c++)
		if ((mask & BIT(c)) != 0)
			(void)capng_update(CAPNG_ADD,
			    CAPNG_EFFECTIVE | CAPNG_PERMITTED |
				CAPNG_INHERITABLE | CAPNG_BOUNDING_SET,
			    c);
	want(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
	want(setgroups(0, NULL) == 0);
	want(setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0);
	want(capng_apply(CAPNG_SELECT_CAPS) == 0);
	for (unsigned int c = 0; c < 41; c++)
		if ((mask & BIT(c)) != 0)
			want(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0,
				 0) == 0);
	want(status_value("CapAmb:", 16) == mask);
}

static void
ambient_keep_(void)
{
	become_ambient(BIT(CAP_NET_ADMIN) | BIT(CAP_NET_BIND_SERVICE));
	proc_harden("x");
	proc_drop(USER, BIT(CAP_NET_ADMIN));
	look(BIT(CAP_NET_ADMIN));
	/* Without CAP_SETPCAP the bounding set cannot be emptied. */
	want(status_value("CapBnd:", 16) != 0);
}

static void
ambient_setpcap_(void)
{
	become_ambient(BIT(CAP_NET_ADMIN) | BIT(CAP_SETPCAP));
	proc_harden("x");
	proc_drop(USER, BIT(CAP_NET_ADMIN));
	look(BIT(CAP_NET_ADMIN));
	want(status_value("CapBnd:", 16) == 0);
}

static void
ambient_none_(void)
{
	become_ambient(0);
	proc_harden("x");
	proc_drop(USER, 0);
	look(0);
}

static void
ambient_missing_(void)
{
	become_ambient(BIT(CAP_NET_BIND_SERVICE));
	proc_harden("x");
	proc_drop(USER, BIT(CAP_NET_ADMIN));
}

static void
drop_from_ambient(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(exit_of(ambient_keep_), PASSED);
	assert_int_equal(exit_of(ambient_setpcap_), PASSED);
	assert_int_equal(exit_of(ambient_none_), PASSED);
	assert_int_equal(exit_of(ambient_missing_), 1);
}

static void
other_user_(void)
{
	become_ambient(0);
	proc_harden("x");
	proc_drop("daemon", 0);
}

static void
stray_group_(void)
{
	const gid_t stray = 12345;

	want(setgroups(1, &stray) == 0);
	want(setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0);
	proc_harden("x");
	proc_drop(USER, 0);
}

static void
own_group_listed_(void)
{
	want(setgroups(1, &gid) == 0); /* as initgroups(3) does */
	want(setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0);
	proc_harden("x");
	proc_drop(USER, 0);
}

static void
unknown_user_(void)
{
	proc_drop("no-such-user-here", 0);
}

static void
what_cannot_be_done_is_fatal(void **state)
{
	(void)state;
	assert_int_equal(exit_of(unknown_user_), 1);
	need_root();
	assert_int_equal(exit_of(other_user_), 1);
	assert_int_equal(exit_of(stray_group_), 1);
	assert_int_equal(exit_of(own_group_listed_), PASSED);
}

static void
chroot_(void)
{
	struct stat st;
	uid_t u;
	gid_t g;

	proc_harden("x");
	proc_user(USER, &u, &g);
	want(u == uid && g == gid);
	proc_chroot(dir);
	want(stat("/etc/passwd", &st) == -1 && errno == ENOENT);
	want(stat("/marker", &st) == 0 && stat("marker", &st) == 0);
	want(stat("../../../etc/passwd", &st) == -1);
	/* The name is remembered: there is no passwd file any more. */
	proc_drop(USER, 0);
	want(getuid() == uid && getgid() == gid && setuid(0) == -1);
	want(chroot("/") == -1 && errno == EPERM);
}

static void
chroot_missing_(void)
{
	proc_chroot("/no/such/dir");
}

static void
chroot_then_drop(void **state)
{
	(void)state;
	assert_int_equal(exit_of(chroot_missing_), 1);
	need_root();
	assert_int_equal(exit_of(chroot_), PASSED);
}

/* -- options ------------------------------------------------------------- */

#define ARGV(...)                                                              \
	static char args[][16] = { "daemon", __VA_ARGS__ };                    \
	char *argv[NITEMS(args) + 1] = { NULL };                               \
	struct opts o;                                                         \
	for (size_t i = 0; i < NITEMS(args); i++)                              \
		argv[i] = args[i];                                             \
	optind = 1;                                                            \
	opts_parse(&o, (int)NITEMS(args), argv)

static void
defaults_(void)
{
	ARGV();
	want(strcmp(o.conf, "/etc/mike") == 0);
	want(strcmp(o.run, "/run/mike") == 0);
	want(strcmp(o.state, "/var/lib/mike") == 0);
	want(strcmp(o.ports, "848") == 0);
	want(o.slot == 0 && !o.debug && !o.strict);
}

static void
all_options_(void)
{
	ARGV("-c", "/c", "-r", "/r", "-s", "/s", "-n", "63", "-P", "848,500",
	    "-d", "-S");
	want(strcmp(o.conf, "/c") == 0 && strcmp(o.run, "/r") == 0);
	want(strcmp(o.state, "/s") == 0 && strcmp(o.ports, "848,500") == 0);
	want(o.slot == 63 && o.debug && o.strict);
}

static void
slot_too_big_(void)
{
	ARGV("-n", "64");
}

static void
slot_no_number_(void)
{
	ARGV("-n", "7x");
}

/* The good one behind it does not heal it. */
static void
slot_bad_then_good_(void)
{
	ARGV("-n", "x", "-n", "7");
}

static void
unknown_option_(void)
{
	ARGV("-x");
}

static void
argument_missing_(void)
{
	ARGV("-c");
}

static void
stray_argument_(void)
{
	ARGV("-d", "stray");
}

static void
help_(void)
{
	ARGV("-h");
}

static void
options(void **state)
{
	(void)state;
	assert_int_equal(exit_of(defaults_), PASSED);
	assert_int_equal(exit_of(all_options_), PASSED);
	assert_int_equal(exit_of(slot_too_big_), 64);
	assert_int_equal(exit_of(slot_no_number_), 64);
	assert_int_equal(exit_of(slot_bad_then_good_), 64);
	assert_int_equal(exit_of(unknown_option_), 64);
	assert_int_equal(exit_of(argument_missing_), 64);
	assert_int_equal(exit_of(stray_argument_), 64);
	assert_int_equal(exit_of(help_), 0);
}

static int
setup(void **state)
{
	struct passwd *pw = getpwnam(USER);
	char marker[96];
	int fd;

	(void)state;
	if (pw == NULL)
		return -1;
	uid = pw->pw_uid;
	gid = pw->pw_gid;
	(void)snprintf(dir, sizeof(dir), "/tmp/mike-proc.XXXXXX");
	if (mkdtemp(dir) == NULL || chmod(dir, 0755) == -1)
		return -1;
	(void)snprintf(marker, sizeof(marker), "%s/marker", dir);
	if ((fd = open(marker, O_CREAT | O_WRONLY, 0644)) == -1)
		return -1;
	return close(fd);
}

static int
teardown(void **state)
{
	char marker[96];

	(void)state;
	(void)snprintf(marker, sizeof(marker), "%s/marker", dir);
	(void)unlink(marker);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harden),
		cmocka_unit_test(drop_from_root),
		cmocka_unit_test(drop_from_ambient),
		cmocka_unit_test(what_cannot_be_done_is_fatal),
		cmocka_unit_test(chroot_then_drop),
		cmocka_unit_test(options),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
