/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_XSTAT_H
#define DISPATCHERD_XSTAT_H

/*
 * The kernel's IPsec counters, /proc/net/xfrm_stat of the network namespace
 * that dispatcherd was started in.  Opened before the sandbox, read again and
 * again.
 */

#include "common/util.h"

#define XSTAT_NAME_MAX 40

typedef void xstat_fn(void *arg, const char *name, uint64_t value);

/* A descriptor, or -1 (said in the log) when this kernel does not count. */
int xstat_open(void);
/* Each counter that is not zero. */
void xstat_each(int fd, xstat_fn *fn, void *arg);
/* The same for the text of the file: for xstat_each() and its test. */
void xstat_parse(char *text, xstat_fn *fn, void *arg);

#endif
