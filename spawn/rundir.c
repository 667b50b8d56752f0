/* SPDX-License-Identifier: ISC */
#include "spawn/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/log.h"
#include "common/proc.h"

#define PATH_LEN 256

#define POLICYD "mike-policyd"
#define DISPATCHERD "mike-dispatcherd"
#define GROUPD "mike-groupd"

/* NULL: root.  Edges: owner binds, group connects, nobody else enters. */
static const struct dir {
	const char *path, *owner, *group;
	mode_t mode;
} dirs[] = {
	{ "state", NULL, NULL, 0700 },
	{ "policyd", POLICYD, POLICYD, 0700 },
	{ "ctl", GROUPD, "mike", 02750 },
	{ "edge", NULL, NULL, 0755 },
	{ "edge/gd", DISPATCHERD, GROUPD, 02710 },
	{ "edge/gp", POLICYD, GROUPD, 02710 },
	{ "edge/dp", DISPATCHERD, POLICYD, 02710 },
};

PRINTF_LIKE(2, 3)
static const char *
join(char buf[PATH_LEN], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, PATH_LEN, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= PATH_LEN)
		fatal("rundir.path: longer than %d octets: %s", PATH_LEN, buf);
	return buf;
}

/*
 * Owner before mode: chown clears the set-group-id bit.  Every parent is
 * root's, so nobody can exchange a directory under us.
 */
static void
make_dir(const char *path, const char *owner, const char *group, mode_t mode)
{
	struct stat st;
	struct group *gr;
	uid_t uid = 0;
	gid_t gid = 0;
	int fd;

	if (owner != NULL)
		proc_user(owner, &uid, &gid);
	if (group != NULL && (gr = getgrnam(group)) == NULL)
		fatal("rundir.group name=%s: no such group; make it with "
		      "systemd-sysusers or mkusers",
		    group);
	gid = group != NULL ? gr->gr_gid : 0;
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		fatal("rundir.mkdir path=%s: %s", path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		fatal("rundir.open path=%s: %s; must be a directory", path,
		    strerror(errno));
	if (fchown(fd, uid, gid) != 0 || fchmod(fd, mode) != 0)
		fatal("rundir.owner path=%s: %s", path, strerror(errno));
	close(fd);
}

static void
make_slot(const char *run, unsigned int slot)
{
	static const struct {
		const char *edge, *binder;
	} e[] = { { "g", GROUPD }, { "d", DISPATCHERD }, { "p", POLICYD } };
	char path[PATH_LEN], user[16];

	snprintf(user, sizeof(user), "mike-k%02u", slot);
	make_dir(join(path, "%s/edge/k%02u", run, slot), NULL, NULL, 0711);
	for (size_t i = 0; i < NITEMS(e); i++)
		make_dir(join(path, "%s/edge/k%02u/%s", run, slot, e[i].edge),
		    e[i].binder, user, 02710);
}

/* The descriptor stays open on purpose: the lock is the instance. */
static void
take_lock(const char *run)
{
	char path[PATH_LEN], pid[16] = "";
	ssize_t n;
	int fd;

	join(path, "%s/spawn.pid", run);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		fatal("rundir.lock path=%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		n = read(fd, pid, sizeof(pid) - 1);
		pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
		fatal("rundir.busy run=%s pid=%s: another mike-spawn uses this "
		      "directory; stop it, or give this one its own with -r",
		    run, pid);
	}
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || write(fd, pid, (size_t)n) != n)
		fatal("rundir.pid path=%s: %s", path, strerror(errno));
}

void
rundir_make(const char *run, const char *state)
{
	char path[PATH_LEN];
	struct statfs fs;

	make_dir(run, NULL, NULL, 0755);
	take_lock(run);
	if (statfs(run, &fs) != 0 || fs.f_type != TMPFS_MAGIC)
		log_warn("rundir.disk run=%s: not on tmpfs, so sealed keys "
			 "outlive a reboot; use a directory below /run",
		    run);
	for (size_t i = 0; i < NITEMS(dirs); i++)
		make_dir(join(path, "%s/%s", run, dirs[i].path), dirs[i].owner,
		    dirs[i].group, dirs[i].mode);
	for (unsigned int i = 0; i < MIKE_SLOTS; i++)
		make_slot(run, i);
	make_dir(state, NULL, NULL, 0755);
	make_dir(join(path, "%s/policyd", state), POLICYD, POLICYD, 0700);
}

void
rundir_release(const char *run)
{
	char path[PATH_LEN];

	if (unlink(join(path, "%s/spawn.pid", run)) != 0)
		log_warn("rundir.pid path=%s: %s", path, strerror(errno));
}

void
rundir_open_slots(const char *run, int fd[MIKE_SLOTS])
{
	char path[PATH_LEN];
	struct stat st;

	for (unsigned int i = 0; i < MIKE_SLOTS; i++) {
		join(path, "%s/state/%02u", run, i);
		fd[i] = open(path,
		    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd[i] < 0 || fstat(fd[i], &st) != 0)
			fatal(
			    "rundir.state path=%s: %s", path, strerror(errno));
		if (!S_ISREG(st.st_mode) || st.st_nlink != 1 ||
		    st.st_uid != geteuid() || (st.st_mode & 077) != 0)
			fatal("rundir.state path=%s: must be a plain file of "
			      "uid %u with mode 0600; remove it",
			    path, geteuid());
	}
}
