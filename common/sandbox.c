/* SPDX-License-Identifier: ISC */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <string.h>
#include <unistd.h>

#include <seccomp.h>

#include "common/log.h"
#include "common/sandbox.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN
#endif
#endif

/* The kernel's interface, which grows faster than the headers we build on. */
struct ruleset {
	uint64_t fs, net, scoped;
};
#define FS_V1 0x1fffULL	      /* execute .. make_sym */
#define FS_REFER 0x2000ULL    /* version 2 */
#define FS_TRUNCATE 0x4000ULL /* version 3 */
#define NET_TCP 0x3ULL	      /* version 4: bind, connect */
#define FS_IOCTL 0x8000ULL    /* version 5: on devices */
#define SCOPED 0x3ULL	      /* version 6: abstract sockets, signals */
/* What makes sense for a file; the rest is for directories. */
#define FS_FILE                                                                \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |          \
	    LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | FS_IOCTL)

/* Everything that this kernel can refuse.  0: it has no Landlock. */
static size_t
ruleset_for(struct ruleset *rs)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	if (abi == -1 && errno != ENOSYS && errno != EOPNOTSUPP)
		fatal("sandbox.landlock step=version error=\"%s\"",
		    strerror(errno));
	if (abi < 1)
		return 0;
	*rs = (struct ruleset){ .fs = FS_V1 };
	if (abi >= 2)
		rs->fs |= FS_REFER;
	if (abi >= 3)
		rs->fs |= FS_TRUNCATE;
	if (abi >= 5)
		rs->fs |= FS_IOCTL;
	if (abi >= 4)
		rs->net = NET_TCP;
	if (abi >= 6)
		rs->scoped = SCOPED;
	if (abi >= 6)
		return sizeof(*rs);
	return abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static void
allow_path(int ruleset, const struct sandbox_path *p, uint64_t handled)
{
	struct landlock_path_beneath_attr rule = { .allowed_access =
						       p->access };
	struct stat st;

	/* Before version 3 nothing could refuse it to a writer. */
	if ((p->access & LANDLOCK_ACCESS_FS_WRITE_FILE) != 0)
		rule.allowed_access |= FS_TRUNCATE;
	rule.allowed_access &= handled;
	rule.parent_fd = open(p->path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd == -1 || fstat(rule.parent_fd, &st) == -1)
		fatal("sandbox.landlock path=%s error=\"%s\"", p->path,
		    strerror(errno));
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
		&rule, 0) == -1)
		fatal("sandbox.landlock path=%s access=0x%llx error=\"%s\"",
		    p->path, (unsigned long long)p->access, strerror(errno));
	(void)close(rule.parent_fd);
}

void
sandbox_paths(const struct sandbox_path *v, size_t n, bool strict)
{
	struct ruleset rs;
	size_t size = ruleset_for(&rs);
	int fd;

	if (size == 0) {
		if (strict)
			fatal("sandbox.landlock error=\"this kernel has none\" "
			      "(needs CONFIG_SECURITY_LANDLOCK and "
			      "lsm=landlock; or start without -S)");
		log_warn("sandbox.landlock unavailable");
		return;
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &rs, size, 0);
	if (fd == -1)
		fatal("sandbox.landlock step=create error=\"%s\"",
		    strerror(errno));
	for (size_t i = 0; i < n; i++)
		allow_path(fd, &v[i], rs.fs);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		fatal("sandbox.landlock step=restrict error=\"%s\"",
		    strerror(errno));
	(void)close(fd);
}

/* clang-format off */
#define ANY(name) { .nr = SYS_##name }
#define ARG(name, i, v) \
	{ .nr = SYS_##name, .nargs = 1, .a = { { (i), (uint64_t)(v), 0 } } }

const struct sandbox_call SC_RUNTIME[] = {
	/* descriptors that are open already */
	ANY(read), ANY(readv), ANY(write), ANY(writev), ANY(close),
	ANY(fstat), ARG(newfstatat, 3, AT_EMPTY_PATH), /* glibc's fstat */
	ARG(fcntl, 1, F_GETFD), ARG(fcntl, 1, F_SETFD),
	ARG(fcntl, 1, F_GETFL), ARG(fcntl, 1, F_SETFL),
	/* the loop */
	ANY(epoll_wait), ANY(epoll_pwait), ANY(epoll_ctl), ANY(poll),
	ANY(ppoll), ANY(clock_gettime), ANY(gettimeofday), ANY(time),
	ANY(clock_nanosleep), ANY(nanosleep), ANY(restart_syscall),
	/* memory; mmap and mprotect are added without PROT_EXEC */
	ANY(brk), ANY(munmap), ANY(mremap), ANY(madvise),
	/* threads: the worker may not have run yet when the filter lands */
	ANY(futex), ANY(rseq), ANY(set_robust_list), ANY(sched_yield),
	ANY(sched_getaffinity), ANY(getcpu), ARG(prctl, 0, PR_SET_NAME),
	/* what malloc, qsort and OpenSSL ask */
	ANY(sysinfo), ANY(getrandom), ANY(getpid), ANY(gettid),
	ANY(getuid), ANY(geteuid), ANY(getgid), ANY(getegid),
	/* signals and the end; tgkill is added for ourselves only */
	ANY(rt_sigaction), ANY(rt_sigprocmask), ANY(rt_sigreturn),
	ANY(sigaltstack), ANY(exit), ANY(exit_group),
	ARG(prctl, 0, PR_GET_SECCOMP),
#ifdef WITH_ASAN
	ANY(prlimit64), ANY(getrusage), ANY(readlink),
#endif
};
const size_t SC_RUNTIME_LEN = NITEMS(SC_RUNTIME);

const struct sandbox_call SC_NANOMSG[] = {
	ANY(accept), ANY(accept4), ANY(recvfrom), ANY(recvmsg), ANY(sendto),
	ANY(sendmsg), ANY(getsockopt), ANY(setsockopt), ANY(shutdown),
	ANY(getsockname), ANY(getpeername),
};
const size_t SC_NANOMSG_LEN = NITEMS(SC_NANOMSG);

const struct sandbox_call SC_NANOMSG_CONNECT[] = {
	ARG(socket, 0, AF_UNIX), ANY(connect),
};
const size_t SC_NANOMSG_CONNECT_LEN = NITEMS(SC_NANOMSG_CONNECT);
/* clang-format on */

static void
add_rule(
    scmp_filter_ctx ctx, int nr, unsigned int n, const struct scmp_arg_cmp *cmp)
{
	int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, n, cmp);

	if (r != 0 && r != -EEXIST)
		fatal("sandbox.seccomp call=%d error=\"%s\"", nr, strerror(-r));
}

/*
 * The kernel looks at the low half only of an argument that is an int to it,
 * and the high half of the register may hold anything: with no mask given,
 * compare what it uses.
 */
static struct scmp_arg_cmp
arg_is(unsigned int arg, uint64_t v, uint64_t mask)
{
	if (mask == 0)
		mask = v <= UINT32_MAX || v >= (uint64_t)INT32_MIN ? UINT32_MAX
								   : UINT64_MAX;
	return SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, v & mask);
}

static void
add_call(scmp_filter_ctx ctx, const struct sandbox_call *c)
{
	struct scmp_arg_cmp cmp[NITEMS(c->a)];

	must(c->nargs <= NITEMS(cmp));
	for (unsigned int i = 0; i < c->nargs; i++)
		cmp[i] = arg_is(c->a[i].arg, c->a[i].value, c->a[i].mask);
	add_rule(ctx, c->nr, c->nargs, cmp);
}

/* What a list of equalities cannot say. */
static void
add_special(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp no_exec =
	    SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp self = arg_is(0, (uint64_t)getpid(), 0);

	add_rule(ctx, SYS_mmap, 1, &no_exec);
	add_rule(ctx, SYS_mprotect, 1, &no_exec);
	add_rule(ctx, SYS_tgkill, 1, &self); /* abort() */
}

void
sandbox_syscalls(const struct sandbox_list *lists, size_t n)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	if (ctx == NULL)
		fatal("sandbox.seccomp step=init error=\"no memory, or no "
		      "seccomp in this kernel\" (needs "
		      "CONFIG_SECCOMP_FILTER)");
	if ((r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1)) != 0 ||
	    (r = seccomp_attr_set(
		 ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) != 0)
		fatal("sandbox.seccomp step=attributes error=\"%s\"",
		    strerror(-r));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < lists[i].n; j++)
			add_call(ctx, &lists[i].v[j]);
	add_special(ctx);
	/* TSYNC: it fails unless every thread has the filter afterwards. */
	if ((r = seccomp_load(ctx)) != 0)
		fatal("sandbox.seccomp step=load error=\"%s\" (needs "
		      "CONFIG_SECCOMP_FILTER)",
		    strerror(-r));
	seccomp_release(ctx);
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER)
		fatal("sandbox.seccomp error=\"not in force\"");
}
