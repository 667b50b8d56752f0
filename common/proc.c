/* SPDX-License-Identifier: ISC */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cap-ng.h>

#include "common/log.h"
#include "common/proc.h"

#define EX_USAGE 64
#define CAP_BIT(c) (1ULL << (c))
#define CAPS 64 /* more than any kernel knows; it says EINVAL above its own */

/* The permitted, effective and inheritable set of this process. */
struct caps {
	uint64_t p, e, i;
};

static void
usage(int status)
{
	(void)fprintf(status == 0 ? stdout : stderr,
	    "usage: %s [-dS] [-c confdir] [-n slot] [-P port,...] "
	    "[-r rundir] [-s statedir]\n",
	    program_invocation_short_name);
	exit(status);
}

void
opts_parse(struct opts *o, int argc, char **argv)
{
	const char *why = NULL;
	int ch;

	*o = (struct opts){
		.conf = MIKE_SYSCONFDIR "/mike",
		.run = "/run/mike",
		.state = "/var/lib/mike",
		.ports = "848",
	};
	while ((ch = getopt(argc, argv, "c:dhn:P:r:Ss:")) != -1) {
		switch (ch) {
		case 'c':
			o->conf = optarg;
			break;
		case 'd':
			o->debug = true;
			break;
		case 'h':
			usage(0);
			break;
		case 'n':
			o->slot = (unsigned int)strtonum(
			    optarg, 0, MIKE_SLOTS - 1, &why);
			if (why != NULL)
				usage(EX_USAGE);
			break;
		case 'P':
			o->ports = optarg;
			break;
		case 'r':
			o->run = optarg;
			break;
		case 'S':
			o->strict = true;
			break;
		case 's':
			o->state = optarg;
			break;
		default:
			usage(EX_USAGE);
		}
	}
	if (optind != argc)
		usage(EX_USAGE);
	log_debug_enable(o->debug);
}

static void
set_or_die(int option, unsigned long value, const char *what)
{
	if (prctl(option, value, 0, 0, 0) == -1)
		fatal(
		    "proc.harden step=%s error=\"%s\"", what, strerror(errno));
}

/*
 * A descriptor that the daemon opens must never become standard error, which
 * is written to.
 */
static void
fill_std_fds(void)
{
	int fd;

	do {
		if ((fd = open("/dev/null", O_RDWR)) == -1)
			fatal("proc.harden step=/dev/null error=\"%s\"",
			    strerror(errno));
	} while (fd <= STDERR_FILENO);
	(void)close(fd);
}

void
proc_harden(const char *name)
{
	const struct rlimit none = { 0, 0 };

	fill_std_fds();
	if (setrlimit(RLIMIT_CORE, &none) == -1)
		fatal("proc.harden step=core error=\"%s\"", strerror(errno));
	set_or_die(PR_SET_DUMPABLE, 0, "dumpable");
	set_or_die(PR_SET_NO_NEW_PRIVS, 1, "no-new-privs");
	if (prctl(PR_SET_NAME, name, 0, 0, 0) == -1)
		fatal("proc.harden step=name error=\"%s\"", strerror(errno));
	/* A reader of our log that went away must not end us. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		fatal("proc.harden step=sigpipe error=\"%s\"", strerror(errno));
	(void)umask(0117);
}

/* Found before a chroot, used behind it. */
static struct {
	char name[32];
	uid_t uid;
	gid_t gid;
} known;

void
proc_user(const char *user, uid_t *uid, gid_t *gid)
{
	struct passwd *pw;

	if (strcmp(user, known.name) != 0) {
		errno = 0;
		if ((pw = getpwnam(user)) == NULL)
			fatal("proc.user user=%s error=\"%s\" (the package "
			      "makes the users; see systemd-sysusers(8))",
			    user, errno ? strerror(errno) : "no such user");
		if (strlcpy(known.name, user, sizeof(known.name)) >=
		    sizeof(known.name))
			fatal(
			    "proc.user user=%s error=\"name too long\"", user);
		known.uid = pw->pw_uid;
		known.gid = pw->pw_gid;
	}
	*uid = known.uid;
	*gid = known.gid;
}

void
proc_chroot(const char *dir)
{
	if (chdir(dir) == -1 || chroot(".") == -1 || chdir("/") == -1)
		fatal("proc.chroot dir=%s error=\"%s\" (mike-spawn makes the "
		      "directory; needs root or CAP_SYS_CHROOT)",
		    dir, strerror(errno));
}

/* Asked of the kernel directly: behind a chroot there is no /proc. */
static struct caps
caps_read(void)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &h, d) == -1)
		fatal("proc.drop step=capget error=\"%s\"", strerror(errno));
	return (struct caps){
		.p = (uint64_t)d[1].permitted << 32 | d[0].permitted,
		.e = (uint64_t)d[1].effective << 32 | d[0].effective,
		.i = (uint64_t)d[1].inheritable << 32 | d[0].inheritable,
	};
}

/* Without CAP_SETPCAP the set stays: no_new_privs makes it powerless. */
static void
drop_bounding(void)
{
	for (unsigned int c = 0; c < CAPS; c++)
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == -1) {
			if (errno == EINVAL)
				break;
			fatal("proc.drop step=bounding cap=%u error=\"%s\"", c,
			    strerror(errno));
		}
}

/* Groups first: behind the change of user there is no right to do it. */
static void
change_ids(const char *user, uid_t uid, gid_t gid)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1 ||
	    setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1 ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) == -1)
		fatal("proc.drop user=%s error=\"%s\" (start it as root, or "
		      "as that user)",
		    user, strerror(errno));
}

static bool
ids_are(uid_t uid, gid_t gid)
{
	uid_t ru, eu, su;
	gid_t rg, eg, sg;

	if (getresuid(&ru, &eu, &su) == -1 || getresgid(&rg, &eg, &sg) == -1)
		return false;
	return ru == uid && eu == uid && su == uid && rg == gid && eg == gid &&
	       sg == gid;
}

/* Our own group may be listed once more (initgroups(3) does it). */
static bool
groups_are(gid_t gid)
{
	gid_t v[2];
	int n = getgroups((int)NITEMS(v), v);

	return n == 0 || (n == 1 && v[0] == gid);
}

static void
keep_caps(const char *user, uint64_t mask)
{
	int r = 0;

	capng_clear(CAPNG_SELECT_CAPS);
	for (unsigned int c = 0; r == 0 && c < CAPS; c++)
		if ((mask & CAP_BIT(c)) != 0)
			r = capng_update(
			    CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, c);
	if (r != 0 || capng_apply(CAPNG_SELECT_CAPS) != 0)
		fatal("proc.drop user=%s step=capabilities error=\"the kernel "
		      "refused\"",
		    user);
}

/* Trust nothing that was asked for: look at what is. */
static void
verify(const char *user, uid_t uid, gid_t gid, uint64_t mask, bool bounded)
{
	struct caps now = caps_read();
	const char *bad = NULL;

	if (!ids_are(uid, gid))
		bad = "ids";
	else if (!groups_are(gid))
		bad = "supplementary groups";
	else if (now.p != mask || now.e != mask || now.i != 0)
		bad = "capabilities";
	else if (uid != 0 && (mask & CAP_BIT(CAP_SETUID)) == 0 &&
		 setuid(0) != -1)
		bad = "the way back to root";
	else if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		bad = "dumpable";
	else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		bad = "no_new_privs";
	for (unsigned int c = 0; bad == NULL && c < CAPS; c++) {
		/* Both say -1 above the kernel's last capability. */
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) == 1)
			bad = "ambient set";
		if (bounded && prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1)
			bad = "bounding set";
	}
	if (bad != NULL)
		fatal("proc.drop user=%s error=\"%s not as asked for\"", user,
		    bad);
}

void
proc_drop(const char *user, uint64_t mask)
{
	struct caps had = caps_read();
	bool bounded = (had.e & CAP_BIT(CAP_SETPCAP)) != 0;
	uid_t uid;
	gid_t gid;

	proc_user(user, &uid, &gid);
	if ((had.p & mask) != mask)
		fatal("proc.drop user=%s missing=0x%llx error=\"a capability "
		      "is missing\" (start it as root or with "
		      "AmbientCapabilities=)",
		    user, (unsigned long long)(mask & ~had.p));
	if (bounded)
		drop_bounding();
	/* EINVAL: a kernel without ambient sets. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 &&
	    errno != EINVAL)
		fatal("proc.drop step=ambient error=\"%s\"", strerror(errno));
	if (!ids_are(uid, gid) || !groups_are(gid))
		change_ids(user, uid, gid);
	keep_caps(user, mask);
	/* The change of ids made the process dumpable by the new user. */
	set_or_die(PR_SET_DUMPABLE, 0, "dumpable");
	set_or_die(PR_SET_NO_NEW_PRIVS, 1, "no-new-privs");
	/* Behind the change of ids, which clears it. */
	set_or_die(PR_SET_PDEATHSIG, SIGKILL, "parent-death");
	verify(user, uid, gid, mask, bounded);
}
