/* SPDX-License-Identifier: ISC */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

/*
 * Long-lived secrets in memory that is locked, left out of core dumps and
 * emptied in a forked child.  Short-lived copies on the stack die by
 * explicit_bzero at the function's out: label.
 */

#include "common/util.h"

struct secret;

/* Map the pool; call once, before the sandbox.  Failure is reported. */
int secret_init(void) MUST_CHECK;
/* NULL when the pool is full.  Zeroed; len <= 256. */
struct secret *secret_new(size_t len);
struct secret *secret_from(const void *p, size_t len);
uint8_t *secret_bytes(struct secret *s); /* use in place, do not keep */
size_t secret_len(const struct secret *s);
void secret_free(struct secret **s); /* wipes and nulls; NULL is fine */
/* Constant time. */
bool secret_eq(const void *a, const void *b, size_t len);

#endif
