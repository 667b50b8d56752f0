/* SPDX-License-Identifier: ISC */
#include "spawn/guard.h"

#include <bsd/unistd.h>
#include <cap-ng.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"
#include "common/proc.h"
#include "spawn/core/filter.h"

/* The first four stay with mike-spawn, all are what an exec as root gives. */
static const unsigned int caps[] = { CAP_SETUID, CAP_SETGID, CAP_SYS_CHROOT,
	CAP_KILL, CAP_SETPCAP, CAP_NET_ADMIN, CAP_NET_BIND_SERVICE };
#define CAPS_OWN 4

void
guard_start(bool supervised)
{
	struct rlimit none = { 0, 0 };

	/* 3 is the channel to groupd when both are supervised from outside. */
	closefrom(supervised ? 4 : 3);
	umask(022);
	/* Ignored, which is inherited, no death would ever be reported. */
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		fatal("guard.signal: %s", strerror(errno));
	if (setrlimit(RLIMIT_CORE, &none) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		fatal("guard.core: %s", strerror(errno));
	/*
	 * Not when started as root: under no_new_privs an exec gives no
	 * capability that we do not hold, and dispatcherd could not get
	 * CAP_NET_ADMIN back after a crash unless we held it all the time.
	 */
	if (supervised && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fatal("guard.no_new_privs: %s", strerror(errno));
}

/* The ELF interpreter: the kernel opens it for execution at every exec. */
static int
find_interp(struct dl_phdr_info *info, size_t size, void *out)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*(const char **)out =
			    (const char *)(info->dlpi_addr +
					   info->dlpi_phdr[i].p_vaddr);
	return 1; /* the first is the program */
}

static void
allow_exec(int rules, const char *path)
{
	struct landlock_path_beneath_attr at = {
		.allowed_access = LANDLOCK_ACCESS_FS_EXECUTE,
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};

	if (at.parent_fd < 0 || syscall(SYS_landlock_add_rule, rules,
				    LANDLOCK_RULE_PATH_BENEATH, &at, 0) != 0)
		fatal("guard.landlock path=%s: %s", path, strerror(errno));
	close(at.parent_fd);
}

static void
guard_exec(const char *libexec, bool strict)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE,
	};
	const char *interp = NULL;
	int rules;

	rules =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (rules < 0) {
		if (strict || (errno != ENOSYS && errno != EOPNOTSUPP))
			fatal("guard.landlock: %s", strerror(errno));
		log_warn("guard.landlock: this kernel has none; going on "
			 "without (-S refuses)");
		return;
	}
	dl_iterate_phdr(find_interp, &interp);
	allow_exec(rules, libexec);
	if (interp != NULL)
		allow_exec(rules, interp);
	if (syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		fatal("guard.landlock: %s", strerror(errno));
	close(rules);
}

static void
guard_calls(void)
{
	static struct filter p;
	struct sock_fprog prog;
	uint32_t ids[MIKE_SLOTS + 3];
	char name[] = "mike-k00";
	size_t n = 0;
	uid_t u;
	gid_t g;

	for (unsigned int i = 0; i < MIKE_SLOTS + 3; i++) {
		static const char *const daemons[] = { "mike-policyd",
			"mike-dispatcherd", "mike-groupd" };

		name[6] = (char)('0' + i / 10);
		name[7] = (char)('0' + i % 10);
		proc_user(
		    i < MIKE_SLOTS ? name : daemons[i - MIKE_SLOTS], &u, &g);
		if (u != g)
			fatal("guard.ids uid=%u gid=%u: each user of the suite "
			      "needs a group of its own number; make them with "
			      "systemd-sysusers or mkusers",
			    u, g);
		ids[n++] = u;
	}
	if (filter_build(&p, seccomp_arch_native(), ids, n) != 0)
		fatal("guard.seccomp: too many ids");
	prog = (struct sock_fprog){ .len = (unsigned short)p.n, .filter = p.f };
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) != 0)
		fatal("guard.seccomp: %s (needs CONFIG_SECCOMP_FILTER)",
		    strerror(errno));
}

static void
guard_caps(bool supervised)
{
	/* A supervisor has bounded us; ambient ones must reach our children. */
	capng_select_t what =
	    supervised ? CAPNG_SELECT_CAPS : CAPNG_SELECT_BOTH;

	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < NITEMS(caps); i++) {
		if (i < CAPS_OWN &&
		    capng_update(CAPNG_ADD,
			CAPNG_EFFECTIVE | CAPNG_PERMITTED |
			    (supervised ? CAPNG_INHERITABLE : 0),
			caps[i]) != 0)
			fatal("guard.caps: capng_update");
		if (capng_update(CAPNG_ADD, CAPNG_BOUNDING_SET, caps[i]) != 0)
			fatal("guard.caps: capng_update");
	}
	if (capng_apply(what) != 0)
		fatal("guard.caps: %s; start as root, or with -k and "
		      "CAP_SETUID, SETGID, SYS_CHROOT and KILL ambient",
		    strerror(errno));
}

void
guard_enter(const char *libexec, bool strict, bool supervised)
{
	guard_exec(libexec, strict);
	guard_calls();
	guard_caps(supervised);
}
