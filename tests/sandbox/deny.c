/* SPDX-License-Identifier: ISC */

/*
 * deny [-c | -f FILE] CALL ERRNO COMMAND [ARG...]: run COMMAND on a kernel
 * that answers the system call CALL with ERRNO, as one does that was built
 * without it.  CALL "none" changes nothing: the control.
 *   -c       descriptor 3 is one end of a socketpair, as groupd's
 *   -f FILE  descriptor 3 is FILE, as keymgrd's
 * Exit status: COMMAND's, or 128 + signal.
 */

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <seccomp.h>

static const struct {
	const char *name;
	int nr;
} errors[] = {
	{ "ENOSYS", ENOSYS },
	{ "EPERM", EPERM },
	{ "EINVAL", EINVAL },
	{ "EOPNOTSUPP", EOPNOTSUPP },
};

static void
die(const char *what)
{
	fprintf(stderr, "deny: %s: %s\n", what, strerror(errno));
	exit(99);
}

static unsigned int
error_number(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return (unsigned int)errors[i].nr;
	errno = EINVAL;
	die(name);
	return 0;
}

static void
deny(const char *call, const char *error)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int nr = seccomp_syscall_resolve_name(call);

	/* Root needs no no_new_privs, and COMMAND must not inherit it. */
	if (ctx == NULL || nr == __NR_SCMP_ERROR ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) != 0 ||
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(error_number(error)), nr, 0) !=
		0 ||
	    seccomp_load(ctx) != 0)
		die("cannot load the filter (needs root)");
	seccomp_release(ctx);
}

/* The other end stays with us until COMMAND ends, so it never sees an end. */
static void
run_with_channel(void)
{
	int sv[2], status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) != 0)
		die("socketpair");
	if ((pid = fork()) == -1)
		die("fork");
	if (pid > 0) {
		close(sv[1]);
		if (waitpid(pid, &status, 0) != pid)
			die("wait");
		exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status)
					 : WEXITSTATUS(status));
	}
	/* A socketpair of a fresh process may well be 3 and 4. */
	if (sv[1] == 3 || dup2(sv[1], 3) != 3)
		die("dup2");
}

static void
run_with_file(const char *path)
{
	int fd = open(path, O_RDWR | O_APPEND);

	if (fd == -1 || dup2(fd, 3) != 3)
		die(path);
	if (fd != 3)
		close(fd);
}

int
main(int argc, char **argv)
{
	int o;

	/* "+": COMMAND's options are not ours. */
	while ((o = getopt(argc, argv, "+cf:")) != -1) {
		if (o == 'c')
			run_with_channel();
		else if (o == 'f')
			run_with_file(optarg);
		else
			return 64;
	}
	argv += optind;
	if (argc - optind < 3) {
		fprintf(stderr, "usage: deny [-c | -f FILE] CALL ERRNO "
				"COMMAND [ARG...]\n");
		return 64;
	}
	if (strcmp(argv[0], "none") != 0)
		deny(argv[0], argv[1]);
	execvp(argv[2], argv + 2);
	die(argv[2]);
}
