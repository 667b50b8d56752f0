/* SPDX-License-Identifier: ISC */

/*
 * Children that put the sandbox on and then do what the daemons live on.
 * What must kill them is in seccomp_test.c.
 */

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "ipc/chan.h"

#define PASSED 7 /* exit status: the act was done and the child lives */

static char dir[64], path[96];
static int ready[2], go[2]; /* pipes to and from a child that is looked at */

static void
filter_on(void)
{
	const struct sandbox_list lists[] = {
		{ SC_RUNTIME, SC_RUNTIME_LEN },
		{ SC_NANOMSG, SC_NANOMSG_LEN },
		{ SC_NANOMSG_CONNECT, SC_NANOMSG_CONNECT_LEN },
	};

	sandbox_syscalls(lists, NITEMS(lists));
	sandbox_probe();
}

/* What a daemon with an edge needs: nanomsg binds, and unlinks before. */
static void
landlock_on(void)
{
	const struct sandbox_path v = { dir,
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE };

	sandbox_paths(&v, 1, false);
}

/* Wait status of a child that runs act() and then says PASSED. */
static int
run_child(void (*act)(void))
{
	pid_t pid = fork();
	int st;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		(void)setpgid(0, 0);
		(void)alarm(20);
		act();
		_exit(PASSED);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	/* Its children too: it may not signal them itself, sandboxed. */
	(void)kill(-pid, SIGKILL);
	while (waitpid(-pid, NULL, 0) > 0)
		;
	return st;
}

static void
lives(void (*act)(void))
{
	int st = run_child(act);

	if (!WIFEXITED(st) || WEXITSTATUS(st) != PASSED)
		fail_msg("exit %d signal %d",
		    WIFEXITED(st) ? WEXITSTATUS(st) : -1,
		    WIFSIGNALED(st) ? WTERMSIG(st) : 0);
}

/* -- two ends of an edge that talk behind the filter -------------------- */

static struct event_base *base;
static struct chan *ends[2];
static unsigned int ups, msgs, wanted;

static void open_end(unsigned int i);

static void
on_up(void *arg)
{
	struct msg m = { .type = MSG_COUNT };

	ups++;
	for (int i = 0; arg == &ends[1] && i < 200; i++)
		if (chan_send(ends[1], &m))
			_exit(2);
}

static void
on_down(void *arg)
{
	(void)arg;
}

static void
on_msg(void *arg, const struct msg *m)
{
	(void)arg;
	(void)m;
	if (++msgs == wanted)
		(void)event_base_loopbreak(base);
}

static const struct chan_ops ops = { on_up, on_down, on_msg };

static void
open_end(unsigned int i)
{
	struct chan_conf conf = { PEER_GROUPD, PEER_KEYMGRD, path, true };

	if (i == 1)
		conf = (struct chan_conf){ PEER_KEYMGRD, PEER_GROUPD, path,
			false };
	ends[i] = chan_new(base, &conf, &ops, &ends[i]);
}

static void
loop_for(unsigned int want)
{
	const struct timeval tv = { 5, 0 };

	wanted = want;
	(void)event_base_loopexit(base, &tv);
	(void)event_base_dispatch(base);
	if (msgs != want)
		_exit(3);
}

static void
open_both(void)
{
	struct event_config *ec = event_config_new();

	if (ec == NULL ||
	    event_config_set_flag(
		ec, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) ||
	    (base = event_base_new_with_config(ec)) == NULL)
		_exit(4);
	event_config_free(ec);
	log_init("sandboxed");
	log_debug_enable(true);
	if (crypto_init())
		_exit(5);
	landlock_on();
	open_end(0);
	open_end(1);
}

/* The filter lands at once, when the worker thread may not have run yet. */
static void
edge_works(void)
{
	open_both();
	filter_on();
	loop_for(200);
	log_info("test.line text=%s", "written");
}

/*
 * A peer in a process of its own dies and comes back: accept, recvmsg and
 * reconnect all happen behind the filter.
 */
static void
peer_child(void)
{
	(void)alarm(20);
	base = event_base_new();
	open_end(1);
	(void)event_base_dispatch(base);
	_exit(0);
}

static pid_t
peer_start(void)
{
	pid_t pid = fork();

	if (pid == 0)
		peer_child();
	return pid;
}

static void
edge_survives_a_restart(void)
{
	pid_t a, b;
	int gate[2];
	char c;

	/* Forked before any socket: the worker thread does not fork. */
	if (pipe(gate) == -1 || (a = peer_start()) == -1 || (b = fork()) == -1)
		_exit(6);
	if (b == 0) { /* outside the sandbox: replaces a by a new one */
		if (read(gate[0], &c, 1) != 1 || kill(a, SIGKILL) == -1)
			_exit(1);
		peer_child();
	}
	base = event_base_new();
	landlock_on();
	open_end(0);
	filter_on();
	loop_for(200);
	if (write(gate[1], "x", 1) != 1)
		_exit(7);
	loop_for(400);
}

/* Each group, and a peer's point with each: nothing is loaded late. */
static bool
ke_works(void)
{
	static const uint16_t groups[] = { KE_X25519, KE_P256, KE_P384 };
	uint8_t k[KE_PRIV_MAX] = { 1 }, pub[KE_PUB_MAX], out[KE_SHARED_MAX];

	for (size_t i = 0; i < NITEMS(groups); i++)
		if (ke_public(groups[i], k, pub) ||
		    ke_shared(groups[i], k,
			(struct chunk){ pub, ke_pub_len(groups[i]) }, out))
			return false;
	return true;
}

static void
openssl_works(void)
{
	uint8_t k[32] = { 1 }, out[64], big[4096];
	struct chunk c = { k, sizeof(k) };
	size_t n;

	if (crypto_init())
		_exit(2);
	landlock_on();
	filter_on();
	for (int i = 0; i < 1000; i++)
		if (crypto_rand(big, sizeof(big)))
			_exit(3);
	if (sha256(&c, 1, out) || prf(PRF_SHA384, k, sizeof(k), &c, 1, out) ||
	    !ke_works() || kw_wrap(k, c, out, sizeof(out), &n) ||
	    cbc_encrypt(k, k, c, out) || cbc_decrypt(k, k, c, out) ||
	    aes_block(k, k, out) || hmac_icv(k, &c, 1, out) ||
	    aead_open(k, k, c, c, out) != -EBADMSG)
		_exit(4);
}

static int
by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void
libc_works(void)
{
	static int v[100000];
	void *p, *q;

	filter_on();
	for (int i = 0; i < (int)NITEMS(v); i++)
		v[i] = i * 7919 % 10007;
	qsort(v, NITEMS(v), sizeof(v[0]), by_value);
	if ((p = malloc(64u << 20)) == NULL ||
	    (q = realloc(p, 128u << 20)) == NULL)
		_exit(2);
	free(q);
	(void)prctl(PR_SET_NAME, "renamed", 0, 0, 0);
	(void)getpid();
	(void)signal(SIGTERM, SIG_DFL);
}

static void
what_daemons_do_works(void **state)
{
	(void)state;
	lives(edge_works);
	lives(edge_survives_a_restart);
	lives(openssl_works);
	lives(libc_works);
}

/* -- every thread ---------------------------------------------------------- */

static void
wait_to_be_looked_at(void)
{
	char c = 'r';

	open_both();
	filter_on();
	if (write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 1)
		_exit(2);
}

/* Value of a "Name:\tN" line of /proc/PID/task/TID/status. */
static int
task_value(pid_t pid, const char *tid, const char *name)
{
	char file[64], line[256];
	int v = -1;
	FILE *f;

	(void)snprintf(
	    file, sizeof(file), "/proc/%d/task/%.16s/status", (int)pid, tid);
	assert_non_null(f = fopen(file, "r"));
	while (fgets(line, (int)sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			v = atoi(line + strlen(name));
	(void)fclose(f);
	return v;
}

static void
filter_binds_every_thread(void **state)
{
	char task[64], c;
	unsigned int threads = 0;
	struct dirent *e;
	pid_t pid;
	DIR *d;
	int st;

	(void)state;
	assert_int_equal(pipe(ready) | pipe(go), 0);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		(void)alarm(20);
		wait_to_be_looked_at();
		_exit(PASSED);
	}
	(void)close(ready[1]); /* its death must not leave us waiting */
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)snprintf(task, sizeof(task), "/proc/%d/task", (int)pid);
	assert_non_null(d = opendir(task));
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		threads++;
		assert_int_equal(task_value(pid, e->d_name, "Seccomp:"), 2);
		assert_int_equal(task_value(pid, e->d_name, "NoNewPrivs:"), 1);
	}
	(void)closedir(d);
	assert_in_range(threads, 2, 3); /* the loop and nanomsg's worker */
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(WEXITSTATUS(st), PASSED);
}

/* -- Landlock --------------------------------------------------------------- */

static bool
have_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0,
		   LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

static void
landlock_refuses(void)
{
	char inside[128];
	const struct sandbox_path v[] = {
		{ dir, LANDLOCK_ACCESS_FS_MAKE_REG |
			   LANDLOCK_ACCESS_FS_WRITE_FILE },
		{ "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE },
	};
	int fd;

	sandbox_paths(v, NITEMS(v), true);
	if (open("/etc/passwd", O_RDONLY) != -1 || errno != EACCES)
		_exit(2);
	if (open("/dev/null", O_RDONLY) == -1)
		_exit(3);
	if (open("/dev/null", O_WRONLY) != -1)
		_exit(4);
	(void)snprintf(inside, sizeof(inside), "%s/f", dir);
	if ((fd = open(inside, O_WRONLY | O_CREAT, 0600)) == -1)
		_exit(5);
	/* Whoever may write may make it shorter, on every kernel. */
	if (ftruncate(fd, 0) == -1 || open(inside, O_WRONLY | O_TRUNC) == -1)
		_exit(6);
	if (open(inside, O_RDONLY) != -1)
		_exit(8);
	if (unlink(inside) != -1)
		_exit(9);
	/* And it can only become less. */
	sandbox_paths(NULL, 0, true);
	if (open("/dev/null", O_RDONLY) != -1)
		_exit(10);
}

static void
landlock_missing_path(void)
{
	const struct sandbox_path v = { "/no/such/path",
		LANDLOCK_ACCESS_FS_READ_FILE };

	sandbox_paths(&v, 1, false);
}

static void
landlock_leaves_only_what_is_listed(void **state)
{
	char inside[128];
	int st;

	(void)state;
	if (!have_landlock()) {
		print_message("# SKIP this kernel has no Landlock\n");
		skip();
	}
	lives(landlock_refuses);
	(void)snprintf(inside, sizeof(inside), "%s/f", dir);
	assert_int_equal(unlink(inside), 0);
	st = run_child(landlock_missing_path);
	assert_true(WIFEXITED(st) && WEXITSTATUS(st) == 1);
}

static void
sandbox_none_strict(void)
{
	sandbox_paths(NULL, 0, true);
}

static void
strict_needs_landlock(void **state)
{
	int st;

	(void)state;
	st = run_child(sandbox_none_strict);
	assert_true(WIFEXITED(st));
	assert_int_equal(WEXITSTATUS(st), have_landlock() ? PASSED : 1);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/mike-sandbox.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_daemons_do_works),
		T(filter_binds_every_thread),
		T(landlock_leaves_only_what_is_listed),
		T(strict_needs_landlock),
	};

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
