/* SPDX-License-Identifier: ISC */
#include <sys/syscall.h>

#include <linux/capability.h>

#include "common/log.h"
#include "common/sandbox.h"
#include "dispatcherd/disp.h"

#define DISP_USER "mike-dispatcherd"

/*
 * All sockets are open by now: no socket, bind, connect, open, setsockopt.
 * Netlink and datagrams need no more than these; /proc/net/xfrm_stat is read
 * through the descriptor that was opened as root.
 */
static const struct sandbox_call own_calls[] = {
	{ .nr = SYS_sendmsg },
	{ .nr = SYS_recvmsg },
	{ .nr = SYS_recvmmsg },
	{ .nr = SYS_pread64 },
};

int
main(int argc, char **argv)
{
	struct opts opts;
	struct disp *d;

	log_init("dispatcherd");
	proc_harden("dispatcherd");
	opts_parse(&opts, argc, argv);

	/* What needs root or a path; nothing is opened later. */
	d = disp_open(&opts);

	/* XFRM checks the sender's capability with every message. */
	proc_drop(DISP_USER, 1ULL << CAP_NET_ADMIN);

	/* Landlock binds one thread, so before nanomsg starts another. */
	disp_confine(d);
	disp_channels(d);

	const struct sandbox_list lists[] = {
		{ SC_RUNTIME, SC_RUNTIME_LEN },
		{ SC_NANOMSG, SC_NANOMSG_LEN },
		{ own_calls, NITEMS(own_calls) },
	};
	sandbox_syscalls(lists, NITEMS(lists));
	sandbox_probe();

	/* Only now look at octets that somebody else wrote. */
	disp_run(d);
}
