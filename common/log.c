/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#define LINE_MAX_LEN 1024 /* below PIPE_BUF: lines of daemons do not mix */

static const char *log_name = "mike";
static bool log_debugging;

void
log_init(const char *name)
{
	log_name = name;
}

void
log_debug_enable(bool on)
{
	log_debugging = on;
}

/* UTC by hand: gmtime_r() would look for a time zone file in the sandbox. */
static size_t
stamp(char *buf, size_t size)
{
	struct timespec ts;
	long long days, y, era, doe, yoe, doy, mp, secs;
	int n;

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		ts = (struct timespec){ 0 };
	secs = (long long)ts.tv_sec % 86400;
	/* Days since 0000-03-01, in eras of 400 years. */
	days = (long long)ts.tv_sec / 86400 + 719468;
	era = days / 146097;
	doe = days % 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	y = yoe + era * 400 + (mp >= 10);
	n = snprintf(buf, size,
	    "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%03ldZ ", y,
	    mp < 10 ? mp + 3 : mp - 9, doy - (153 * mp + 2) / 5 + 1,
	    secs / 3600, secs / 60 % 60, secs % 60, ts.tv_nsec / 1000000);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static void append(char *line, size_t *len, const char *fmt, va_list ap)
    PRINTF_LIKE(3, 0);
static void appendf(char *line, size_t *len, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
static void vlog(const char *level, const char *fmt, va_list ap)
    PRINTF_LIKE(2, 0);

/* printf at *len; what does not fit is cut, not an error. */
static void
append(char *line, size_t *len, const char *fmt, va_list ap)
{
	size_t room = LINE_MAX_LEN - *len;
	int n = vsnprintf(line + *len, room, fmt, ap);

	if (n > 0)
		*len += (size_t)n < room ? (size_t)n : room - 1;
}

static void
appendf(char *line, size_t *len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(line, len, fmt, ap);
	va_end(ap);
}

/*
 * One write per line.  A log that cannot be written must neither block the
 * daemon for ever nor end it, so the result is only looked at for EINTR.
 */
static void
vlog(const char *level, const char *fmt, va_list ap)
{
	char line[LINE_MAX_LEN + 1];
	size_t len;
	int saved = errno;

	len = stamp(line, LINE_MAX_LEN);
	appendf(line, &len, "%s[%ld]: %s: ", log_name, (long)getpid(), level);
	append(line, &len, fmt, ap);
	/* A newline inside would let a message forge the next line. */
	for (size_t i = 0; i < len; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	line[len++] = '\n';
	while (write(STDERR_FILENO, line, len) == -1 && errno == EINTR)
		;
	errno = saved;
}

void
log_err(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog("err", fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog("warn", fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog("info", fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (!log_debugging)
		return;
	va_start(ap, fmt);
	vlog("debug", fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog("err", fmt, ap);
	va_end(ap);
	/* No exit handlers: the state may be what is broken. */
	_exit(1);
}

/*
 * The encoding of vis(3) with VIS_OCTAL | VIS_WHITE | VIS_DQ, by hand because
 * libbsd's allocates for each octet and follows the locale.  A sequence is
 * never cut in the middle, and the value stays one word.
 */
const char *
log_safe(char *buf, size_t size, const void *p, size_t len)
{
	const uint8_t *s = p;
	size_t n = 0;

	if (size == 0)
		return "";
	for (size_t i = 0; i < len; i++) {
		bool plain =
		    s[i] > ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '\\';

		if ((plain ? 1u : 4u) >= size - n)
			break;
		if (plain) {
			buf[n++] = (char)s[i];
			continue;
		}
		buf[n++] = '\\';
		buf[n++] = (char)('0' + (s[i] >> 6));
		buf[n++] = (char)('0' + (s[i] >> 3 & 7));
		buf[n++] = (char)('0' + (s[i] & 7));
	}
	buf[n] = '\0';
	return buf;
}
