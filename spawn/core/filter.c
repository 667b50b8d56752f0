/* SPDX-License-Identifier: ISC */
#include "spawn/core/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>

#define RET_ALLOW SECCOMP_RET_ALLOW
#define RET_KILL SECCOMP_RET_KILL_PROCESS
#define X32_BIT 0x40000000u

/* From <sys/socket.h>, which a core does not include. */
enum { DOM_UNIX = 1, DOM_INET = 2, DOM_INET6 = 10, DOM_NETLINK = 16 };
enum { TYPE_DGRAM = 2, TYPE_MASK = 0xf };

/* Nobody in the suite has a use for these, whatever the capabilities. */
/* clang-format off */
static const uint32_t denied[] = {
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
	SYS_pidfd_getfd, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_open_tree,
	SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
	SYS_mount_setattr, SYS_unshare, SYS_setns, SYS_bpf, SYS_init_module,
	SYS_finit_module, SYS_delete_module, SYS_kexec_load,
	SYS_kexec_file_load, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct,
	SYS_quotactl, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup,
	SYS_io_uring_enter, SYS_io_uring_register, SYS_add_key,
	SYS_request_key, SYS_keyctl, SYS_settimeofday, SYS_clock_settime,
	SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname,
	SYS_syslog, SYS_open_by_handle_at, SYS_fanotify_init, SYS_mknodat,
	SYS_vhangup, SYS_personality, SYS_setfsuid, SYS_setfsgid,
#ifdef SYS_mknod
	SYS_mknod,
#endif
#ifdef SYS_iopl
	SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
};
/* clang-format on */

/* Calls that take ids, and how many: all must be the same one. */
static const struct {
	uint32_t nr;
	unsigned int args;
} id_calls[] = {
	{ SYS_setuid, 1 },
	{ SYS_setgid, 1 },
	{ SYS_setreuid, 2 },
	{ SYS_setregid, 2 },
	{ SYS_setresuid, 3 },
	{ SYS_setresgid, 3 },
};

static void
put(struct filter *p, unsigned int code, uint32_t k, unsigned int jt,
    unsigned int jf)
{
	must(p->n < FILTER_MAX && jt <= UINT8_MAX && jf <= UINT8_MAX);
	p->f[p->n++] = (struct sock_filter){ .code = (uint16_t)code,
		.k = k,
		.jt = (uint8_t)jt,
		.jf = (uint8_t)jf };
}

static void
ret(struct filter *p, uint32_t action)
{
	put(p, BPF_RET | BPF_K, action, 0, 0);
}

/* The low half of an argument; ids, domains and flags are 32 bits wide. */
static void
load_arg(struct filter *p, unsigned int i)
{
	uint32_t at = (uint32_t)(offsetof(struct seccomp_data, args) + 8 * i);

	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		at += 4;
	put(p, BPF_LD | BPF_W | BPF_ABS, at, 0, 0);
}

/* Begin what applies to one system call; the accumulator holds its number. */
static size_t
open_call(struct filter *p, uint32_t nr)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 0);
	return p->n - 1;
}

/* Other calls jump to here.  What is inside must end in a return. */
static void
close_call(struct filter *p, size_t at)
{
	must(p->n - at - 1 <= UINT8_MAX);
	p->f[at].jf = (uint8_t)(p->n - at - 1);
}

static void
whole_call(struct filter *p, uint32_t nr, uint32_t action)
{
	size_t at = open_call(p, nr);

	ret(p, action);
	close_call(p, at);
}

/* Allow when the accumulator lies in one of the runs of the sorted ids. */
static void
allow_ids(struct filter *p, const uint32_t *ids, size_t n)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	ret(p, RET_ALLOW);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && ids[j] - ids[j - 1] <= 1; j++)
			continue;
		put(p, BPF_JMP | BPF_JGE | BPF_K, ids[i], 0, 2);
		put(p, BPF_JMP | BPF_JGT | BPF_K, ids[j - 1], 1, 0);
		ret(p, RET_ALLOW);
	}
	ret(p, RET_KILL);
}

static void
id_call(struct filter *p, uint32_t nr, unsigned int args, const uint32_t *ids,
    size_t n)
{
	size_t at = open_call(p, nr);

	load_arg(p, 0);
	put(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	for (unsigned int i = 1; i < args; i++) {
		load_arg(p, i);
		put(p, BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0);
		ret(p, RET_KILL);
	}
	put(p, BPF_MISC | BPF_TXA, 0, 0, 0);
	allow_ids(p, ids, n);
	close_call(p, at);
}

/* No raw, packet or exotic sockets; netlink is libnl's SOCK_RAW. */
static void
socket_call(struct filter *p)
{
	size_t at = open_call(p, SYS_socket);

	load_arg(p, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, DOM_UNIX, 6, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, DOM_NETLINK, 5, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, DOM_INET, 1, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, DOM_INET6, 0, 4);
	load_arg(p, 1);
	put(p, BPF_ALU | BPF_AND | BPF_K, TYPE_MASK, 0, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, TYPE_DGRAM, 0, 1);
	ret(p, RET_ALLOW);
	ret(p, RET_KILL);
	close_call(p, at);
}

static void
other_calls(struct filter *p)
{
	size_t at;

	/* Its flags lie in memory; ENOSYS makes libc take clone. */
	whole_call(p, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	at = open_call(p, SYS_clone);
	load_arg(p, 0);
	put(p, BPF_JMP | BPF_JSET | BPF_K,
	    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID |
		CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP,
	    0, 1);
	ret(p, RET_KILL);
	ret(p, RET_ALLOW);
	close_call(p, at);
	/* Supplementary groups can be dropped, not taken. */
	at = open_call(p, SYS_setgroups);
	load_arg(p, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	ret(p, RET_KILL);
	ret(p, RET_ALLOW);
	close_call(p, at);
	socket_call(p);
}

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int
filter_build(struct filter *p, uint32_t arch, uint32_t *ids, size_t n)
{
	if (n > FILTER_IDS_MAX)
		return -E2BIG;
	qsort(ids, n, sizeof(*ids), by_value);
	p->n = 0;
	put(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0,
	    0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0);
	ret(p, RET_KILL);
	put(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0,
	    0);
	put(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	ret(p, RET_KILL);
	for (size_t i = 0; i < NITEMS(denied); i++)
		whole_call(p, denied[i], RET_KILL);
	for (size_t i = 0; i < NITEMS(id_calls); i++)
		id_call(p, id_calls[i].nr, id_calls[i].args, ids, n);
	other_calls(p);
	ret(p, RET_ALLOW);
	return 0;
}
