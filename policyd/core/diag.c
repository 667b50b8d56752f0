/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policyd/core/diag.h"

/* Values of the text go into messages: keep terminals safe from them. */
static void
make_printable(char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
			*s = '?';
}

/* Checks run by topic, people read by line. */
void
diag_add(struct diag *d, unsigned int line, const char *fmt, ...)
{
	size_t at = d->n;
	va_list ap;

	if (d->n == NITEMS(d->v)) {
		d->more++;
		return;
	}
	while (at > 0 && d->v[at - 1].line > line)
		at--;
	memmove(&d->v[at + 1], &d->v[at], (d->n - at) * sizeof(d->v[0]));
	d->n++;
	d->v[at].line = line;
	va_start(ap, fmt);
	vsnprintf(d->v[at].text, sizeof(d->v[at].text), fmt, ap);
	va_end(ap);
	make_printable(d->v[at].text);
}

const char *
diag_text(
    const struct diag *d, size_t i, const char *file, char *out, size_t size)
{
	if (d->v[i].line == 0)
		snprintf(out, size, "%s: %s", file, d->v[i].text);
	else
		snprintf(
		    out, size, "%s:%u: %s", file, d->v[i].line, d->v[i].text);
	return out;
}
