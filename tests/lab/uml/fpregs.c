/* SPDX-License-Identifier: ISC */

/*
 * Preloaded into User-Mode Linux.  Its kernel (6.1) knows 2,696 octets of
 * floating-point state (up to AVX-512 and PKRU) and hands as many to
 * PTRACE_SETREGSET; a processor with AMX has 11,008, and its kernel refuses
 * (EFAULT) whatever is not exactly that long, so UML dies before its first
 * program.  What UML does not know is in its initial state: programs in it
 * cannot ask for AMX.  So the rest is zeros, and the header of the state, in
 * the part that UML has, says that it is not in use.
 */

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define STATE_MAX 65536

static unsigned char state[STATE_MAX];
static size_t state_len; /* 0: as long as UML believes */

static long
raw(long req, long pid, void *addr, void *data)
{
	return syscall(SYS_ptrace, req, pid, addr, data);
}

static long
set_padded(long pid, void *addr, const struct iovec *v)
{
	struct iovec full = { state, sizeof(state) };

	if (state_len == 0) {
		if (raw(PTRACE_GETREGSET, pid, addr, &full) != 0)
			return -1;
		state_len = full.iov_len;
		memset(state, 0, sizeof(state));
	}
	if (v->iov_len > state_len) {
		errno = EFAULT;
		return -1;
	}
	memcpy(state, v->iov_base, v->iov_len);
	full.iov_len = state_len;
	return raw(PTRACE_SETREGSET, pid, addr, &full);
}

long ptrace(enum __ptrace_request req, ...);

long
ptrace(enum __ptrace_request req, ...)
{
	unsigned long word;
	void *addr, *data;
	va_list ap;
	long pid, r;

	va_start(ap, req);
	pid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	if (req == PTRACE_PEEKTEXT || req == PTRACE_PEEKDATA ||
	    req == PTRACE_PEEKUSER) {
		r = raw(req, pid, addr, &word);
		return r < 0 ? r : (long)word;
	}
	if (req != PTRACE_SETREGSET || (long)addr != NT_X86_XSTATE)
		return raw(req, pid, addr, data);
	if (state_len == 0) {
		r = raw(req, pid, addr, data);
		if (r == 0 || errno != EFAULT)
			return r;
	}
	return set_padded(pid, addr, data);
}
