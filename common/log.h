/* SPDX-License-Identifier: ISC */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

/*
 * One line per event to standard error: a stable token, then key=value.
 *   2026-01-02T03:04:05.678Z groupd[12]: warn: dgram.drop cause=no-group
 * err = an operator must act, warn = a peer or the environment misbehaves,
 * info = lifecycle, debug = the rest.  Never a key at any level, never %p;
 * strings that a peer chose go through log_safe().
 */

#include "common/util.h"

void log_init(const char *name); /* name is kept, not copied */
void log_debug_enable(bool on);

void log_err(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Log and exit 1; main, shell, sandbox and chan only. */
void fatal(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;

/*
 * Make a peer's octets printable: strnvis(3) into buf (truncates), which is
 * returned.  For use as a %s argument.
 */
const char *log_safe(char *buf, size_t size, const void *p, size_t len);

#endif
