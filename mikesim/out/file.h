/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_OUT_FILE_H
#define MIKESIM_OUT_FILE_H

/*
 * A file that a run writes.  What goes wrong is said once, to standard error,
 * with what it is, its name and why.
 */

#include <stdbool.h>
#include <stdio.h>

#include "common/util.h"

struct out_file {
	FILE *f;	  /* NULL: not open */
	const char *name; /* borrowed */
	const char *what; /* "the trace"; borrowed */
	int err;	  /* 0, or -Exxx that was said */
};

/*
 * Create or truncate.  secret: nobody else may read it (mode 0600), if it was
 * there before too.  0 or -Exxx.
 */
int out_open(struct out_file *o, const char *name, const char *what,
    bool secret) MUST_CHECK;
/* Say that writing failed, of errno; gives -Exxx, for a sink to return. */
int out_failed(struct out_file *o);
/* 0, or -Exxx if a write failed just now. */
int out_check(struct out_file *o) MUST_CHECK;
/* Flush and close; 0, or -Exxx if that or anything before failed. */
int out_close(struct out_file *o) MUST_CHECK;

#endif
