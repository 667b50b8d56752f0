/* SPDX-License-Identifier: ISC */
/* keymgrd: start in the order of docs/architecture.md, then run the shell. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <bsd/unistd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/proc.h"
#include "common/sandbox.h"
#include "common/secret.h"
#include "keymgrd/shell.h"

/* The state file, beyond what every daemon may do. */
static const struct sandbox_call state_calls[] = {
	{ .nr = SYS_lseek },
	{ .nr = SYS_fallocate },
	{ .nr = SYS_pread64 },
};

static void
state_check(void)
{
	struct stat st;
	int flags = fcntl(SHELL_STATE_FD, F_GETFL);

	if (flags < 0 || fstat(SHELL_STATE_FD, &st) != 0 ||
	    !S_ISREG(st.st_mode) || (flags & O_ACCMODE) != O_RDWR ||
	    (flags & O_APPEND) == 0)
		fatal("state: descriptor %d is not a state file: keymgrd is "
		      "started by mike-spawn",
		    SHELL_STATE_FD);
	if (fcntl(SHELL_STATE_FD, F_SETFD, FD_CLOEXEC) != 0)
		fatal("state: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	char user[16], dir[PATH_MAX];
	struct event_base *base;
	struct shell *s;
	struct opts o;
	uid_t uid;
	gid_t gid;
	int n;

	log_init("keymgrd");
	opts_parse(&o, argc, argv);
	proc_harden("keymgrd");
	closefrom(SHELL_STATE_FD + 1); /* nothing else is ours */
	state_check();
	if (crypto_init() != 0)
		fatal("crypto: OpenSSL lacks an algorithm that MIKE needs");
	if (secret_init() != 0)
		fatal("secret: no locked memory");
	(void)snprintf(user, sizeof(user), "mike-k%02u", o.slot);
	n = snprintf(dir, sizeof(dir), "%s/edge/k%02u", o.run, o.slot);
	if (n < 0 || (size_t)n >= sizeof(dir))
		fatal("run directory: name too long");
	proc_user(user, &uid, &gid);
	proc_chroot(dir);
	proc_drop(user, 0);
	sandbox_paths(NULL, 0, o.strict);
	base = loop_new();
	s = shell_new(base, (uint8_t)o.slot);
	shell_open(s);
	sandbox_syscalls(
	    (const struct sandbox_list[]){ { SC_RUNTIME, SC_RUNTIME_LEN },
		{ SC_NANOMSG, SC_NANOMSG_LEN },
		{ SC_NANOMSG_CONNECT, SC_NANOMSG_CONNECT_LEN },
		{ state_calls, NITEMS(state_calls) } },
	    4);
	sandbox_probe();
	loop_run(base);
}
