/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_TEXT_H
#define POLICYD_CORE_TEXT_H

/*
 * A configuration text before libconfuse sees it.  Comments become blanks, what
 * libconfuse would read in surprising ways is refused, and an index says
 * where each section, option and value stands.
 */

#include "policyd/core/diag.h"

#define TEXT_MAX (1u << 20) /* octets */
#define TEXT_SECS_MAX 2048
#define TEXT_OPTS_MAX 64 /* in one section */
#define TEXT_NAME_MAX 64

struct text_value {
	unsigned int line;
	char *s; /* without quotes and escapes */
};

struct text_opt {
	char name[TEXT_NAME_MAX + 1];
	unsigned int line;
	bool list;
	size_t first, n; /* in text.value */
};

struct text_sec {
	char kind[TEXT_NAME_MAX + 1];
	char title[TEXT_NAME_MAX + 1]; /* "" when it has none */
	bool titled;
	unsigned int line;
	size_t first, n; /* in text.opt */
};

struct text {
	char *blanked; /* what libconfuse gets */
	struct text_sec *sec;
	struct text_opt *opt;
	struct text_value *value;
	size_t n_sec, n_opt, n_value;
};

/* -EINVAL: d says what and where; -ENOMEM. */
int text_read(struct text **out, const void *p, size_t len, struct diag *d)
    MUST_CHECK;
void text_free(struct text **t);

/*
 * The first half alone: p with comments blanked, newlines kept, terminated by
 * NUL.  What is refused goes to d.  NULL: out of memory.
 */
char *text_blank(const void *p, size_t len, struct diag *d);

#endif
