/* SPDX-License-Identifier: ISC */

/* Children that put the filter on and then do one thing too many. */

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/sandbox.h"

/* All that any daemon gets from the shared lists. */
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

static int
run_child(void (*act)(void))
{
	pid_t pid = fork();
	int st;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		(void)alarm(20);
		act();
		_exit(0); /* the act was done and the child lives */
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	return st;
}

static void
dies_of(int sig, void (*act)(void))
{
	int st = run_child(act);

	if (!WIFSIGNALED(st) || WTERMSIG(st) != sig)
		fail_msg("exit %d signal %d, wanted signal %d",
		    WIFEXITED(st) ? WEXITSTATUS(st) : -1,
		    WIFSIGNALED(st) ? WTERMSIG(st) : 0, sig);
}

static void
abort_(void)
{
	filter_on();
	must_failed("a broken invariant", "file", 1);
}

static void
abort_is_not_sigsys(void **state)
{
	(void)state;
	dies_of(SIGABRT, abort_);
}

/* -- forbidden acts ------------------------------------------------------ */

static void
act_open(void)
{
	filter_on();
	(void)open("/dev/null", O_RDONLY);
}

static void
act_stat(void)
{
	struct stat st;

	filter_on();
	(void)stat("/etc/passwd", &st);
}

static void
act_unlink(void)
{
	filter_on();
	(void)unlink("/no/such/file");
}

static void
act_exec(void)
{
	char *argv[] = { NULL };

	filter_on();
	(void)execve("/bin/true", argv, argv);
}

static void
act_fork(void)
{
	filter_on();
	(void)fork();
}

static void
act_inet(void)
{
	filter_on();
	(void)socket(AF_INET, SOCK_DGRAM, 0);
}

static void
act_netlink(void)
{
	filter_on();
	(void)socket(AF_NETLINK, SOCK_RAW, 0);
}

static void
act_bind(void)
{
	filter_on();
	(void)bind(0, NULL, 0);
}

static void
act_ptrace(void)
{
	filter_on();
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void
act_kill_parent(void)
{
	filter_on();
	(void)kill(getpid() - 1, 0);
}

static void
act_mmap_exec(void)
{
	filter_on();
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void
act_mprotect_exec(void)
{
	void *p =
	    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	filter_on();
	(void)mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void
act_dumpable(void)
{
	filter_on();
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void
act_ioctl(void)
{
	int n;

	filter_on();
	(void)ioctl(0, FIONREAD, &n);
}

static void
act_dup(void)
{
	filter_on();
	(void)fcntl(0, F_DUPFD_CLOEXEC, 0);
}

/* The i386 entry has numbers of its own: the architecture check's business. */
static void
act_int80(void)
{
	filter_on();
#ifdef __x86_64__
	__asm__ volatile("int $0x80" : : "a"(20) : "memory");
#else
	(void)open("/", O_RDONLY);
#endif
}

static void
what_is_not_listed_kills(void **state)
{
	static void (*const acts[])(void) = {
		act_open,
		act_stat,
		act_unlink,
		act_exec,
		act_fork,
		act_inet,
		act_netlink,
		act_bind,
		act_ptrace,
		act_kill_parent,
		act_mmap_exec,
		act_mprotect_exec,
		act_dumpable,
		act_ioctl,
		act_dup,
		act_int80,
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(acts); i++) {
		print_message("# act %zu\n", i);
		dies_of(SIGSYS, acts[i]);
	}
}

/* A list entry with values and a mask, as daemons write them. */
static void
masked_only(uint64_t type)
{
	static const struct sandbox_call own[] = {
		{ .nr = SYS_socket,
		    .nargs = 2,
		    .a = { { 0, AF_INET, 0 }, { 1, SOCK_DGRAM, 0xf } } },
	};
	const struct sandbox_list lists[] = {
		{ SC_RUNTIME, SC_RUNTIME_LEN },
		{ own, NITEMS(own) },
	};

	sandbox_syscalls(lists, NITEMS(lists));
	/* The high half of an int's register is nobody's business. */
	(void)syscall(SYS_socket, 0x1234500000000ULL | AF_INET, type, 0);
}

static void
act_in_mask(void)
{
	masked_only(SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void
act_out_of_mask(void)
{
	masked_only(SOCK_STREAM | SOCK_CLOEXEC);
}

static void
values_are_compared(void **state)
{
	(void)state;
	assert_int_equal(run_child(act_in_mask), 0);
	dies_of(SIGSYS, act_out_of_mask);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(abort_is_not_sigsys),
		cmocka_unit_test(what_is_not_listed_kills),
		cmocka_unit_test(values_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
