/* SPDX-License-Identifier: ISC */
#ifndef COMMON_UTIL_H
#define COMMON_UTIL_H

/* Small helpers that every module may use; nothing here does I/O. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))
#define MUST_CHECK __attribute__((__warn_unused_result__))
#define PRINTF_LIKE(f, a) __attribute__((__format__(__printf__, f, a)))
#define NORETURN __attribute__((__noreturn__))

/* A broken invariant ends the process, in release builds too. */
#define must(expr) ((expr) ? (void)0 : must_failed(#expr, __FILE__, __LINE__))
void must_failed(const char *expr, const char *file, int line) NORETURN;

/* A borrowed run of octets: never owns, never frees. */
struct chunk {
	const uint8_t *p;
	size_t len;
};

#define MIKE_SLOTS 64 /* key managers per host, ARCHITECTURE */

#endif
