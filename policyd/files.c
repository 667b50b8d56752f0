/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/crypto.h"
#include "policyd/core/psk.h"
#include "policyd/core/seal.h"
#include "policyd/core/text.h"
#include "policyd/files.h"

/* Up to size octets; *len > size - 1 would mean that there are more. */
static int
read_all(int fd, void *buf, size_t size, size_t *len)
{
	size_t n = 0;
	ssize_t r;

	while (n < size) {
		r = read(fd, (uint8_t *)buf + n, size - n);
		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	*len = n;
	return 0;
}

/* A regular file; O_NONBLOCK so that a FIFO cannot hold us up. */
static int
open_file(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1)
		return -errno;
	if (fstat(fd, st) == -1 || !S_ISREG(st->st_mode)) {
		(void)close(fd);
		return -EINVAL;
	}
	return fd;
}

static const char *
open_hint(int r)
{
	if (r == -EINVAL)
		return "not a regular file";
	if (r == -EACCES)
		return "Permission denied (it must be below the configuration "
		       "directory and readable by mike-policyd: chown "
		       "root:mike-policyd, chmod 0640)";
	return strerror(-r);
}

static char *
read_text(const char *path, size_t *len, char err[FILE_ERR_MAX])
{
	char *buf = NULL;
	struct stat st;
	int fd, r;

	fd = open_file(path, &st);
	if (fd < 0) {
		snprintf(err, FILE_ERR_MAX, "%s: %s", path, open_hint(fd));
		return NULL;
	}
	r = (st.st_mode & S_IWOTH) != 0 ? -EPERM : 0;
	if (r == 0)
		buf = malloc(TEXT_MAX + 1);
	if (buf != NULL)
		r = read_all(fd, buf, TEXT_MAX + 1, len);
	(void)close(fd);
	if (r == -EPERM)
		snprintf(err, FILE_ERR_MAX,
		    "%s: anybody may write to it: chmod o-w", path);
	else if (r != 0 || buf == NULL)
		snprintf(err, FILE_ERR_MAX, "%s: %s", path,
		    strerror(buf == NULL ? ENOMEM : -r));
	if (r == 0)
		return buf;
	free(buf);
	return NULL;
}

static void
say_diag(const struct diag *d, const char *path, void (*say)(const char *line))
{
	char line[FILE_ERR_MAX + DIAG_TEXT];

	for (size_t i = 0; i < d->n; i++)
		say(diag_text(d, i, path, line, sizeof(line)));
	if (d->more > 0) {
		snprintf(
		    line, sizeof(line), "%s: %zu more errors", path, d->more);
		say(line);
	}
}

struct policy *
file_policy(const char *path, void (*say)(const char *line))
{
	char err[FILE_ERR_MAX];
	struct policy *p = NULL;
	struct diag d = { 0 };
	size_t len;
	char *text;
	int r;

	text = read_text(path, &len, err);
	if (text == NULL) {
		say(err);
		return NULL;
	}
	r = policy_load(&p, text, len, &d);
	free(text);
	if (r == -ENOMEM) {
		snprintf(err, sizeof(err), "%s: out of memory", path);
		say(err);
	}
	if (r)
		say_diag(&d, path, say);
	return r ? NULL : p;
}

/* NULL when nobody but root, us and our group can come to the key. */
static const char *
psk_mode_fault(const struct stat *st)
{
	if ((st->st_mode & S_IRWXO) != 0)
		return "others may open it: chmod 0640";
	if ((st->st_mode & S_IWGRP) != 0)
		return "its group may write to it: chmod 0640";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "it belongs to somebody else: chown root:mike-policyd";
	return NULL;
}

/* NULL when nobody but root and us decides what is in it. */
static const char *
public_mode_fault(const struct stat *st)
{
	if ((st->st_mode & (S_IWOTH | S_IWGRP)) != 0)
		return "others than its owner may write to it: chmod go-w";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "it belongs to somebody else: chown root";
	return NULL;
}

static int
take_file(struct file_buf *b, int fd, const struct file_want *w,
    const struct stat *st, const char **why)
{
	int r;

	*why = w->secret ? psk_mode_fault(st) : public_mode_fault(st);
	if (*why != NULL)
		return -EPERM;
	b->size = w->max + 1;
	b->p = malloc(b->size);
	r = b->p == NULL ? -ENOMEM : read_all(fd, b->p, b->size, &b->len);
	*why = strerror(-r);
	if (r == 0 && b->len > w->max) {
		*why = "is too long";
		r = -EINVAL;
	}
	return r;
}

int
file_read(
    struct file_buf *out, const struct file_want *w, char err[FILE_ERR_MAX])
{
	bool whole = *w->path == '/';
	char full[POL_PATH_MAX + 256];
	const char *why;
	struct stat st;
	int fd, r, n;

	n = snprintf(full, sizeof(full), "%s%s%s", whole ? "" : w->confdir,
	    whole ? "" : "/", w->path);
	if (n < 0 || (size_t)n >= sizeof(full)) {
		snprintf(err, FILE_ERR_MAX, "%s: path is too long", w->opt);
		return -ENAMETOOLONG;
	}
	fd = open_file(full, &st);
	if (fd < 0) {
		snprintf(err, FILE_ERR_MAX, "%s %s: %s", w->opt, full,
		    open_hint(fd));
		return fd;
	}
	*out = (struct file_buf){ 0 };
	r = take_file(out, fd, w, &st, &why);
	(void)close(fd);
	if (r) {
		snprintf(err, FILE_ERR_MAX, "%s %s: %s", w->opt, full, why);
		file_wipe(out);
	}
	return r;
}

void
file_wipe(struct file_buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->size);
	free(b->p);
	*b = (struct file_buf){ 0 };
}

int
file_psk(struct secret **out, const char *confdir, const char *opt,
    const char *path, char err[FILE_ERR_MAX])
{
	struct file_want w = { confdir, opt, path, PSK_FILE_MAX, true };
	struct file_buf b;
	const char *why;
	int r;

	r = file_read(&b, &w, err);
	if (r)
		return r;
	r = psk_parse(out, b.p, b.len, &why);
	file_wipe(&b);
	if (r)
		snprintf(err, FILE_ERR_MAX, "%s %s%s%s: %s", opt,
		    *path == '/' ? "" : confdir, *path == '/' ? "" : "/", path,
		    why);
	return r;
}

/*
 * Written aside and renamed: a file of that name is always whole.  O_EXCL: a
 * file that somebody put there is not ours to fill.
 */
static int
boot_make(int dir, const uint8_t secret[SEAL_SECRET_LEN])
{
	int fd, r = 0;

	(void)unlinkat(dir, "boot.new", 0);
	fd = openat(dir, "boot.new",
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return -errno;
	if (write(fd, secret, SEAL_SECRET_LEN) != SEAL_SECRET_LEN ||
	    fsync(fd) == -1)
		r = errno ? -errno : -EIO;
	(void)close(fd);
	if (r == 0 && renameat(dir, "boot.new", dir, "boot") == -1)
		r = -errno;
	return r;
}

static int
boot_read(int dir, uint8_t secret[SEAL_SECRET_LEN])
{
	uint8_t buf[SEAL_SECRET_LEN + 1];
	struct stat st;
	size_t len;
	int fd, r;

	fd = openat(dir, "boot", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -errno;
	r = fstat(fd, &st) == -1 ? -errno
				 : read_all(fd, buf, sizeof(buf), &len);
	if (r == 0 && (len != SEAL_SECRET_LEN || st.st_uid != geteuid() ||
			  (st.st_mode & 077) != 0))
		r = -EBADMSG;
	if (r == 0)
		memcpy(secret, buf, SEAL_SECRET_LEN);
	explicit_bzero(buf, sizeof(buf));
	(void)close(fd);
	return r;
}

static int
boot_get(int dir, uint8_t secret[SEAL_SECRET_LEN], bool *fresh)
{
	int r = boot_read(dir, secret);

	*fresh = r == -ENOENT;
	if (!*fresh)
		return r;
	r = crypto_rand(secret, SEAL_SECRET_LEN);
	return r ? r : boot_make(dir, secret);
}

int
file_boot(
    struct secret **out, const char *dir, bool *fresh, char err[FILE_ERR_MAX])
{
	uint8_t secret[SEAL_SECRET_LEN];
	int fd, r;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd == -1 ? -errno : boot_get(fd, secret, fresh);
	if (fd != -1)
		(void)close(fd);
	if (r == 0) {
		*out = secret_from(secret, sizeof(secret));
		r = *out == NULL ? -ENOMEM : 0;
	}
	explicit_bzero(secret, sizeof(secret));
	if (r == -EBADMSG)
		snprintf(err, FILE_ERR_MAX,
		    "%s/boot: not a boot secret (32 octets, 0600, own file): "
		    "remove it; receivers will have to register again",
		    dir);
	else if (r)
		snprintf(err, FILE_ERR_MAX, "%s/boot: %s", dir, strerror(-r));
	return r;
}
