/* SPDX-License-Identifier: ISC */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

/*
 * Landlock and seccomp.  Both are fatal() when they cannot be applied; a
 * kernel without Landlock (ENOSYS, EOPNOTSUPP) is said at start and survived
 * unless strict.  Call sandbox_paths before the first nn_socket() and
 * sandbox_syscalls (TSYNC) after the last bind.  A forbidden system call
 * kills the process (SIGSYS).
 */

#include "common/util.h"

struct sandbox_path {
	const char *path;
	uint64_t access; /* LANDLOCK_ACCESS_FS_*, what stays allowed */
};

/* Everything not listed is refused.  n may be 0. */
void sandbox_paths(const struct sandbox_path *v, size_t n, bool strict);

/* One allowed system call, optionally only with these argument values. */
struct sandbox_call {
	int nr;
	uint8_t nargs; /* 0: any arguments */
	struct {
		uint8_t arg;
		uint64_t value;
		uint64_t mask; /* bits compared; 0: all */
	} a[2];
};

/* libevent, log, malloc, time, exit, signals; not open, socket, exec. */
extern const struct sandbox_call SC_RUNTIME[];
extern const size_t SC_RUNTIME_LEN;
/* nanomsg's worker thread, accept and bound AF_UNIX sockets in use. */
extern const struct sandbox_call SC_NANOMSG[];
extern const size_t SC_NANOMSG_LEN;
/* nanomsg's connecting side: socket(AF_UNIX), connect. */
extern const struct sandbox_call SC_NANOMSG_CONNECT[];
extern const size_t SC_NANOMSG_CONNECT_LEN;

struct sandbox_list {
	const struct sandbox_call *v;
	size_t n;
};

/* Default action: kill the process.  Installed on all threads. */
void sandbox_syscalls(const struct sandbox_list *lists, size_t n);

/*
 * Does nothing here.  The sandbox tests link every daemon once more with a
 * probe that commits one forbidden act when this is called, at the end of
 * start-up (tests/sandbox/).
 */
void sandbox_probe(void);

#endif
