/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_DIAG_H
#define POLICYD_CORE_DIAG_H

/* What is wrong with a text: "file:line: what, and what to do". */

#include "common/util.h"

#define DIAG_MAX 24
#define DIAG_TEXT 200

struct diag {
	size_t n;    /* in v, by line */
	size_t more; /* that found no room */
	struct {
		unsigned int line; /* 0: the text as a whole */
		char text[DIAG_TEXT];
	} v[DIAG_MAX];
};

void diag_add(struct diag *d, unsigned int line, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* "file:line: text" (or "file: text"); returns out. */
const char *diag_text(
    const struct diag *d, size_t i, const char *file, char *out, size_t size);

#endif
