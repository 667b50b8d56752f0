/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
why_clear(char **why)
{
	free(*why);
	*why = NULL;
}

void
why_set(char **why, const char *fmt, ...)
{
	char text[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	free(*why);
	*why = strdup(text);
}
