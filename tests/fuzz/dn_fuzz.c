/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/dn.h"

/*
 * The input is DER, and up to the first NUL it is text: a name and a pattern.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is shown of a name is printable, and can be typed in again. */
static void
try_der(struct chunk der)
{
	static char text[8 * DN_MAX];
	uint8_t again[2 * DN_MAX];
	char small[16];
	size_t len;
	int r = dn_text(der, text, sizeof(text));

	must(r == 0 || r == -EBADMSG);
	must(dn_eq(der, der) == (r == 0));
	must(dn_match("*", der) == (r == 0));
	if (r != 0)
		return;
	for (const char *s = text; *s != '\0'; s++)
		must(*s >= 0x20 && *s < 0x7f);
	r = dn_text(der, small, sizeof(small));
	must(r == -ENOBUFS || strcmp(text, small) == 0);
	must(strncmp(text, small, strlen(small)) == 0);
	/* Not for types that are no strings, and not beyond our limits. */
	if (dn_parse(text, again, sizeof(again), &len) == 0)
		must(dn_eq(der, (struct chunk){ again, len }));
}

static void
try_text(const char *s)
{
	uint8_t der[DN_MAX], again[DN_MAX];
	char text[4 * DN_TEXT_MAX];
	const char *why = NULL;
	size_t len, len2;
	int r = dn_parse(s, der, sizeof(der), &len);

	must(r == 0 || r == -EINVAL || r == -ENOBUFS);
	if (dn_pattern_check(s, &why) != 0) {
		must(r == -EINVAL && why != NULL);
		return;
	}
	if (r != 0)
		return;
	/* A name without wildcards is a pattern for itself. */
	must(dn_match(s, (struct chunk){ der, len }));
	must(dn_text((struct chunk){ der, len }, text, sizeof(text)) == 0);
	must(dn_parse(text, again, sizeof(again), &len2) == 0);
	must(len == len2 && memcmp(der, again, len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = strnlen((const char *)data, size);
	char *s = malloc(n + 1);

	must(s != NULL);
	memcpy(s, data, n);
	s[n] = '\0';
	try_text(s);
	try_der((struct chunk){ data, size });
	if (n < size) /* text as a pattern for the DER behind it */
		(void)dn_match(s, (struct chunk){ data + n + 1, size - n - 1 });
	free(s);
	return 0;
}
