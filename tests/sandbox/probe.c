/* SPDX-License-Identifier: ISC */

/*
 * Linked into a daemon in the place of common/probe.c: says on standard error
 * that the end of start-up is reached, commits one act, and says how it went
 * when there is still somebody to say it.  PROBE_ACT names the act.
 */

#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/sandbox.h"

static int
act_none(void)
{
	return 0;
}

/* Exists, and is readable for everybody, in every chroot. */
static int
act_open(void)
{
	return open("/", O_RDONLY | O_CLOEXEC);
}

/* A stream: mike-spawn's children may have datagrams. */
static int
act_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
act_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static int
act_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int
act_exec(void)
{
	static char name[] = "true";
	static char *const argv[] = { name, NULL };

	return execv("/bin/true", argv);
}

static int
act_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int
act_mount(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

/* The id of a user that every system has and the suite has no say over. */
static int
act_setuid(void)
{
	return setresuid(1, 1, 1);
}

static const struct {
	const char *name;
	int (*act)(void);
} acts[] = {
	{ "none", act_none },
	{ "open", act_open },
	{ "inet", act_inet },
	{ "packet", act_packet },
	{ "netlink", act_netlink },
	{ "exec", act_exec },
	{ "ptrace", act_ptrace },
	{ "mount", act_mount },
	{ "setuid", act_setuid },
};

static void
say(const char *what, int err)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "probe: act=%s pid=%d %s=%d\n",
	    PROBE_ACT, (int)getpid(), what, err);

	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) != n)
		_exit(99);
}

void
sandbox_probe(void)
{
	for (size_t i = 0; i < NITEMS(acts); i++) {
		if (strcmp(acts[i].name, PROBE_ACT) != 0)
			continue;
		say("reached", 0);
		errno = 0;
		say("survived", acts[i].act() == -1 ? errno : 0);
		return;
	}
	_exit(98);
}
