/* SPDX-License-Identifier: ISC */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mikesim/out/file.h"

#define BUFFER (256u * 1024)

int
out_failed(struct out_file *o)
{
	int e = errno != 0 ? errno : EIO;

	if (o->err == 0) {
		fprintf(stderr, "mikesim: cannot write %s to %s: %s\n", o->what,
		    o->name, strerror(e));
		o->err = -e;
	}
	return o->err;
}

/* A device keeps the mode that it has. */
static int
make_private(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	return S_ISREG(st.st_mode) ? fchmod(fd, 0600) : 0;
}

int
out_open(struct out_file *o, const char *name, const char *what, bool secret)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    secret ? 0600 : 0666);

	*o = (struct out_file){ .name = name, .what = what };
	if (fd >= 0 && (!secret || make_private(fd) == 0) &&
	    (o->f = fdopen(fd, "w")) != NULL) {
		(void)setvbuf(o->f, NULL, _IOFBF, BUFFER);
		return 0;
	}
	(void)out_failed(o);
	if (fd >= 0)
		close(fd);
	return o->err;
}

int
out_check(struct out_file *o)
{
	if (o->err != 0)
		return o->err;
	return ferror(o->f) ? out_failed(o) : 0;
}

int
out_close(struct out_file *o)
{
	FILE *f = o->f;

	if (f == NULL)
		return o->err;
	o->f = NULL;
	errno = 0;
	if (ferror(f) || fflush(f) != 0)
		(void)out_failed(o);
	if (fclose(f) != 0)
		(void)out_failed(o);
	return o->err;
}
