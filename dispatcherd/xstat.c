/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "dispatcherd/xstat.h"

int
xstat_open(void)
{
	int fd = open("/proc/net/xfrm_stat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		log_warn("xstat.open /proc/net/xfrm_stat: %s; drops of the "
			 "kernel will not show (CONFIG_XFRM_STATISTICS)",
		    strerror(errno));
	return fd;
}

/* A name that is as long as it may be, letters and digits only. */
static bool
name_is_fine(const char *name)
{
	size_t n = 0;

	while (isalnum((unsigned char)name[n]))
		n++;
	return n > 0 && n <= XSTAT_NAME_MAX && name[n] == '\0';
}

void
xstat_parse(char *text, xstat_fn *fn, void *arg)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n")) != NULL) {
		char *num = line, *name = strsep(&num, " \t"), *end;
		unsigned long long value;

		if (num == NULL || !name_is_fine(name))
			continue;
		value = strtoull(num, &end, 10);
		if (end != num && *end == '\0' && value != 0)
			fn(arg, name, value);
	}
}

void
xstat_each(int fd, xstat_fn *fn, void *arg)
{
	char text[4096]; /* 30 lines of at most 60 octets */
	ssize_t n;

	if (fd < 0)
		return;
	n = pread(fd, text, sizeof(text) - 1, 0);
	if (n < 0) {
		log_warn("xstat.read %s", strerror(errno));
		return;
	}
	text[n] = '\0';
	xstat_parse(text, fn, arg);
}
