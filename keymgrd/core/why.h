/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_WHY_H
#define KEYMGRD_CORE_WHY_H

/*
 * What is wrong, for people: a text on the heap that is there only while
 * something is.  NULL is "nothing".
 */

#include "common/util.h"

#define WHY_MAX 200 /* with NUL; more is cut off */

/* Without memory for it there is none. */
void why_set(char **why, const char *fmt, ...) PRINTF_LIKE(2, 3);
void why_clear(char **why);
static inline const char *
why_text(const char *why)
{
	return why != NULL ? why : "";
}

#endif
