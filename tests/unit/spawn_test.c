/* SPDX-License-Identifier: ISC */

/* What mike-spawn decides: arguments, back-off, messages, its filter. */

#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "spawn/core/filter.h"
#include "spawn/core/sup.h"

#define eq(a, b) assert_int_equal((a), (b))
#define ARCH 0xc000003eu
#define KILL SECCOMP_RET_KILL_PROCESS
#define ALLOW SECCOMP_RET_ALLOW

/* -- argv ---------------------------------------------------------------- */

static const struct sup_conf conf = { .conf = "/c",
	.run = "/r",
	.state = "/s",
	.ports = "848,500",
	.libexec = "/usr/lib/mike" };

static void
is_command(const struct sup_conf *c, unsigned int id, const char *path,
    const char *words)
{
	struct sup_cmd cmd;
	char got[256] = "";

	eq(sup_command(c, id, &cmd), 0);
	for (size_t i = 0; cmd.argv[i] != NULL; i++) {
		strncat(got, i ? " " : "", sizeof(got) - strlen(got) - 1);
		strncat(got, cmd.argv[i], sizeof(got) - strlen(got) - 1);
	}
	assert_string_equal(cmd.path, path);
	assert_string_equal(got, words);
}

static void
commands(void **state)
{
	struct sup_conf c = conf;
	struct sup_cmd cmd;
	char longpath[300];

	(void)state;
	is_command(&c, SUP_POLICYD, "/usr/lib/mike/policyd",
	    "policyd -r /r -c /c -s /s -P 848,500");
	is_command(&c, SUP_GROUPD, "/usr/lib/mike/groupd",
	    "groupd -r /r -c /c -s /s -P 848,500");
	is_command(
	    &c, SUP_SLOT0, "/usr/lib/mike/keymgrd", "keymgrd -r /r -n 00");
	c.debug = c.strict = true;
	is_command(&c, SUP_SLOT0 + 63, "/usr/lib/mike/keymgrd",
	    "keymgrd -r /r -n 63 -d -S");
	is_command(&c, SUP_DISPATCHERD, "/usr/lib/mike/dispatcherd",
	    "dispatcherd -r /r -c /c -s /s -P 848,500 -d -S");
	memset(longpath, 'x', sizeof(longpath) - 1);
	longpath[sizeof(longpath) - 1] = '\0';
	c.libexec = longpath;
	eq(sup_command(&c, SUP_POLICYD, &cmd), -ENAMETOOLONG);
}

/* -- start, death, back-off ---------------------------------------------- */

static void
daemons_are_due_at_once(void **state)
{
	struct sup s;
	unsigned int id;

	(void)state;
	sup_init(&s, true);
	for (unsigned int i = 0; i < SUP_SLOT0; i++) {
		eq(sup_due(&s, 7, &id), 0);
		eq(id, i);
		sup_started(&s, id, 100 + (pid_t)i, 7);
	}
	eq(sup_due(&s, 7, &id), -ENOENT);
	eq(sup_wait_ms(&s, 7), -1);
	eq(sup_find(&s, 101, &id), 0);
	eq(id, SUP_DISPATCHERD);
	eq(sup_find(&s, 55, &id), -ENOENT);
	eq(sup_find(&s, 0, &id), -ENOENT);

	sup_init(&s, false);
	eq(sup_due(&s, 7, &id), -ENOENT);
}

/* Deaths right after the start: 0.1 0.2 0.4 ... 5 5 5 s. */
static void
backoff_doubles_and_stays(void **state)
{
	static const uint64_t want[] = { 100, 200, 400, 800, 1600, 3200, 5000,
		5000, 5000 };
	uint64_t now = 1000;
	struct sup s;
	unsigned int id;

	(void)state;
	sup_init(&s, true);
	for (size_t i = 0; i < NITEMS(want); i++) {
		sup_started(&s, SUP_POLICYD, 9, now);
		s.c[SUP_DISPATCHERD].pid = s.c[SUP_GROUPD].pid = 8;
		sup_died(&s, SUP_POLICYD, now + 1);
		now++;
		eq(sup_wait_ms(&s, now), want[i]);
		eq(sup_due(&s, now + want[i] - 1, &id), -ENOENT);
		now += want[i];
		eq(sup_due(&s, now, &id), 0);
		eq(id, SUP_POLICYD);
		eq(sup_wait_ms(&s, now), 0);
	}
	/* A life just too short to forgive, then one long enough. */
	sup_started(&s, SUP_POLICYD, 9, now);
	sup_died(&s, SUP_POLICYD, now + SUP_STABLE_MS - 1);
	eq(sup_wait_ms(&s, now + SUP_STABLE_MS - 1), 5000);
	sup_started(&s, SUP_POLICYD, 9, now);
	sup_died(&s, SUP_POLICYD, now + SUP_STABLE_MS);
	eq(sup_wait_ms(&s, now + SUP_STABLE_MS), 100);
	sup_died(&s, SUP_POLICYD, now);
	eq(sup_wait_ms(&s, now), 200);
}

static void
a_failed_start_counts_as_a_death(void **state)
{
	struct sup s;

	(void)state;
	sup_init(&s, true);
	s.c[SUP_POLICYD].pid = s.c[SUP_DISPATCHERD].pid = 8;
	/* Never started: its start time of 0 is no long life. */
	sup_died(&s, SUP_GROUPD, 100000);
	eq(sup_wait_ms(&s, 100000), 100);
	sup_died(&s, SUP_GROUPD, 200000);
	eq(sup_wait_ms(&s, 200000), 200);
}

static void
wait_fits_an_int(void **state)
{
	struct sup s;

	(void)state;
	sup_init(&s, true);
	for (unsigned int i = 0; i < SUP_SLOT0; i++)
		s.c[i].due_ms = UINT64_MAX - 1;
	eq(sup_wait_ms(&s, 0), INT_MAX);
}

/* -- messages of groupd -------------------------------------------------- */

static void
start_and_stop_of_a_slot(void **state)
{
	struct sup s;
	unsigned int id;

	(void)state;
	sup_init(&s, false);
	eq(sup_message(&s, (const uint8_t[]){ 'S', 5 }, 2, &id), 0);
	eq(id, SUP_SLOT0 + 5);
	eq(sup_due(&s, 0, &id), 0);
	eq(id, SUP_SLOT0 + 5);
	sup_started(&s, id, 77, 10);
	/* A second start changes nothing. */
	eq(sup_message(&s, (const uint8_t[]){ 'S', 5 }, 2, &id), 0);
	eq(s.c[id].pid, 77);
	eq(sup_due(&s, 0, &id), -ENOENT);
	/* A crash: due after the back-off, which 'S' does not shorten. */
	sup_died(&s, SUP_SLOT0 + 5, 20);
	eq(sup_message(&s, (const uint8_t[]){ 'S', 5 }, 2, &id), 0);
	eq(sup_wait_ms(&s, 20), 100);
	/* Stopped: not wanted, so never due. */
	eq(sup_message(&s, (const uint8_t[]){ 'K', 5 }, 2, &id), 0);
	eq(id, SUP_SLOT0 + 5);
	assert_false(s.c[id].wanted);
	eq(sup_wait_ms(&s, 20), -1);
	/* Wanted again by the operator: at once. */
	eq(sup_message(&s, (const uint8_t[]){ 'S', 5 }, 2, &id), 0);
	eq(sup_due(&s, 20, &id), 0);
}

static void
a_stop_erases_once(void **state)
{
	struct sup s;
	unsigned int id = SUP_SLOT0 + 5;

	(void)state;
	sup_init(&s, false);
	eq(sup_message(&s, (const uint8_t[]){ 'S', 5 }, 2, &id), 0);
	sup_started(&s, id, 77, 10);
	assert_false(sup_erase(&s, id));
	/* A crash keeps the state. */
	sup_died(&s, id, 20);
	assert_false(sup_erase(&s, id));
	sup_started(&s, id, 78, 30);
	eq(sup_message(&s, (const uint8_t[]){ 'K', 5 }, 2, &id), 0);
	assert_false(sup_erase(&s, id)); /* it may still write */
	/* Wanted again before it is dead: still without the old state. */
	eq(sup_message(&s, (const uint8_t[]){ 'S', 5 }, 2, &id), 0);
	sup_died(&s, id, 40);
	assert_true(sup_erase(&s, id));
	assert_false(sup_erase(&s, id));
	/* Stopped when it does not run anyway. */
	eq(sup_message(&s, (const uint8_t[]){ 'K', 5 }, 2, &id), 0);
	assert_true(sup_erase(&s, id));
}

static void
other_messages_are_refused(void **state)
{
	static const struct {
		uint8_t msg[4];
		size_t len;
	} bad[] = { { { 'S', 64 }, 2 }, { { 'S', 255 }, 2 }, { { 'U', 1 }, 2 },
		{ { 'S' }, 1 }, { { 'S', 1, 0 }, 3 }, { { 0 }, 0 },
		{ { 'D', 1 }, 2 } };
	struct sup s, before;
	unsigned int id = 99;

	(void)state;
	sup_init(&s, false);
	before = s;
	for (size_t i = 0; i < NITEMS(bad); i++)
		eq(sup_message(&s, bad[i].msg, bad[i].len, &id), -EBADMSG);
	eq(id, 99);
	assert_memory_equal(&s, &before, sizeof(s));
}

/* -- the filter, run by a small BPF machine ------------------------------ */

static struct filter prog;

static bool
jump_taken(const struct sock_filter *f, uint32_t a, uint32_t x)
{
	uint32_t k = BPF_SRC(f->code) == BPF_X ? x : f->k;

	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return (a & k) != 0;
	}
	fail_msg("jump 0x%x", f->code);
	return false;
}

static uint32_t
run_prog(const struct seccomp_data *d)
{
	uint32_t a = 0, x = 0;

	for (size_t pc = 0; pc < prog.n; pc++) {
		const struct sock_filter *f = &prog.f[pc];

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			assert_true(f->k + 4 <= sizeof(*d));
			memcpy(&a, (const char *)d + f->k, 4);
			break;
		case BPF_MISC:
			if (BPF_MISCOP(f->code) == BPF_TAX)
				x = a;
			else
				a = x;
			break;
		case BPF_ALU:
			eq(f->code, BPF_ALU | BPF_AND | BPF_K);
			a &= f->k;
			break;
		case BPF_JMP:
			pc += jump_taken(f, a, x) ? f->jt : f->jf;
			break;
		case BPF_RET:
			return f->k;
		default:
			fail_msg("code 0x%x", f->code);
		}
	}
	fail_msg("ran off the end");
	return 0;
}

static uint32_t
call(long nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct seccomp_data d = {
		.nr = (int)nr, .arch = ARCH, .args = { a0, a1, a2, 0, 0, 0 }
	};

	return run_prog(&d);
}

/* 700-703 and 900 are the suite's; given unsorted, with a gap. */
static int
build(void **state)
{
	uint32_t ids[] = { 900, 702, 700, 703, 701 };

	(void)state;
	return filter_build(&prog, ARCH, ids, NITEMS(ids));
}

static void
ids_of_the_suite_only(void **state)
{
	static const uint32_t good[] = { 0, 700, 701, 703, 900 };
	static const uint32_t bad[] = { 1, 33, 699, 704, 899, 901, 1000, 65534,
		UINT32_MAX };
	static const long three[] = { SYS_setresuid, SYS_setresgid };

	(void)state;
	for (size_t c = 0; c < NITEMS(three); c++) {
		for (size_t i = 0; i < NITEMS(good); i++)
			eq(call(three[c], good[i], good[i], good[i]), ALLOW);
		for (size_t i = 0; i < NITEMS(bad); i++) {
			eq(call(three[c], bad[i], bad[i], bad[i]), KILL);
			eq(call(three[c], 700, 700, bad[i]), KILL);
			eq(call(three[c], 700, bad[i], 700), KILL);
			eq(call(three[c], bad[i], 700, 700), KILL);
		}
		/* A saved id to come back to is not dropped. */
		eq(call(three[c], 700, 700, 0), KILL);
		eq(call(three[c], 700, 700, 701), KILL);
	}
	for (size_t i = 0; i < NITEMS(bad); i++) {
		eq(call(SYS_setuid, bad[i], 0, 0), KILL);
		eq(call(SYS_setgid, bad[i], 0, 0), KILL);
		eq(call(SYS_setreuid, bad[i], bad[i], 0), KILL);
		eq(call(SYS_setregid, 700, bad[i], 0), KILL);
	}
	eq(call(SYS_setuid, 703, 0, 0), ALLOW);
	eq(call(SYS_setreuid, 703, 703, 0), ALLOW);
	eq(call(SYS_setfsuid, 700, 0, 0), KILL);
	eq(call(SYS_setgroups, 0, 1, 0), ALLOW);
	eq(call(SYS_setgroups, 1, 1, 0), KILL);
}

static void
sockets(void **state)
{
	(void)state;
	eq(call(SYS_socket, 1, 5 | 02000000, 0), ALLOW);  /* UNIX */
	eq(call(SYS_socket, 2, 2 | 02004000, 17), ALLOW); /* INET DGRAM */
	eq(call(SYS_socket, 10, 2, 17), ALLOW);
	eq(call(SYS_socket, 16, 3, 6), ALLOW);	  /* NETLINK XFRM */
	eq(call(SYS_socket, 2, 3, 50), KILL);	  /* INET RAW */
	eq(call(SYS_socket, 10, 3, 58), KILL);	  /* INET6 RAW */
	eq(call(SYS_socket, 2, 1, 6), KILL);	  /* INET STREAM */
	eq(call(SYS_socket, 17, 3, 0x300), KILL); /* PACKET */
	eq(call(SYS_socket, 38, 5, 0), KILL);	  /* ALG */
	eq(call(SYS_socket, 40, 1, 0), KILL);	  /* VSOCK */
}

static void
the_rest(void **state)
{
	static const long bad[] = { SYS_ptrace, SYS_mount, SYS_bpf, SYS_unshare,
		SYS_setns, SYS_finit_module, SYS_kexec_load, SYS_reboot,
		SYS_pivot_root, SYS_process_vm_readv, SYS_keyctl,
		SYS_io_uring_setup, SYS_userfaultfd, SYS_perf_event_open,
		SYS_open_by_handle_at, SYS_mknodat };
	static const long good[] = { SYS_read, SYS_openat, SYS_execve,
		SYS_chroot, SYS_prctl, SYS_capset, SYS_seccomp, SYS_kill,
		SYS_bind, SYS_futex, SYS_fchown, 10000 };
	struct seccomp_data d = { .nr = SYS_read, .arch = 0x40000003 };

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++)
		eq(call(bad[i], 0, 0, 0), KILL);
	for (size_t i = 0; i < NITEMS(good); i++)
		eq(call(good[i], 0, 0, 0), ALLOW);
	eq(call(SYS_clone, CLONE_VM | CLONE_THREAD, 0, 0), ALLOW);
	eq(call(SYS_clone, CLONE_NEWUSER, 0, 0), KILL);
	eq(call(SYS_clone, CLONE_NEWNET | 17, 0, 0), KILL);
	eq(call(SYS_clone3, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	/* Another calling convention has other numbers: none passes. */
	eq(run_prog(&d), KILL);
	eq(call(0x40000000 | SYS_setuid, 0, 0, 0), KILL);
}

static void
filter_bounds(void **state)
{
	uint32_t ids[FILTER_IDS_MAX + 1];
	static struct filter f;

	(void)state;
	/* Sixty-seven users without two neighbours are the worst case. */
	for (uint32_t i = 0; i < NITEMS(ids); i++)
		ids[i] = 1000 + 2 * i;
	eq(filter_build(&f, ARCH, ids, MIKE_SLOTS + 3), 0);
	assert_true(f.n < 4096);
	eq(filter_build(&f, ARCH, ids, NITEMS(ids)), -E2BIG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands),
		cmocka_unit_test(daemons_are_due_at_once),
		cmocka_unit_test(backoff_doubles_and_stays),
		cmocka_unit_test(a_failed_start_counts_as_a_death),
		cmocka_unit_test(wait_fits_an_int),
		cmocka_unit_test(start_and_stop_of_a_slot),
		cmocka_unit_test(a_stop_erases_once),
		cmocka_unit_test(other_messages_are_refused),
		cmocka_unit_test(ids_of_the_suite_only),
		cmocka_unit_test(sockets),
		cmocka_unit_test(the_rest),
		cmocka_unit_test(filter_bounds),
	};

	return cmocka_run_group_tests(tests, build, NULL);
}
