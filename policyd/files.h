/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_FILES_H
#define POLICYD_FILES_H

/*
 * The files that policyd reads before its seccomp filter.  On error err has
 * what is wrong and what to do about it.
 */

#include "common/secret.h"
#include "policyd/core/policy.h"

#define FILE_ERR_MAX 1024

/*
 * Read and check a policy text; errors go to say, one line each.  NULL: there
 * was at least one.
 */
struct policy *file_policy(const char *path, void (*say)(const char *line))
    MUST_CHECK;

/*
 * A file that an option of the policy names; a relative path is below
 * confdir.
 */
struct file_want {
	const char *confdir, *opt, *path;
	size_t max;  /* octets */
	bool secret; /* nobody else may read it */
};

struct file_buf {
	uint8_t *p;
	size_t len, size;
};

int file_read(struct file_buf *out, const struct file_want *w,
    char err[FILE_ERR_MAX]) MUST_CHECK;
void file_wipe(struct file_buf *b);

/* The pre-shared key, or the PPK: opt says which. */
int file_psk(struct secret **out, const char *confdir, const char *opt,
    const char *path, char err[FILE_ERR_MAX]) MUST_CHECK;

/* The boot secret in dir, made when it is not there (*fresh). */
int file_boot(struct secret **out, const char *dir, bool *fresh,
    char err[FILE_ERR_MAX]) MUST_CHECK;

#endif
