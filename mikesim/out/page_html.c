/* SPDX-License-Identifier: ISC */
/*
 * The page is put together from its parts: @TITLE@, @POLICY@, @STYLE@, @DATA@
 * and @SCRIPT@ of the skeleton are replaced.  Its content security policy
 * names the style and the script by their hashes and allows nothing else, so
 * that text of a run could not act even if it became markup.
 */

#include <errno.h>
#include <string.h>

#include "common/crypto.h"
#include "mikesim/out/page_int.h"
#include "mikesim/out/page_text.h"

static int
write_hash(FILE *f, enum page_part part)
{
	struct chunk c = page_file(part);
	struct b64 b = { .f = f };
	uint8_t h[SHA256_LEN];
	int rc = sha256(&c, 1, h);

	if (rc != 0)
		return rc;
	(void)fputs("'sha256-", f);
	for (size_t i = 0; i < sizeof(h); i++)
		b64_octet(&b, h[i]);
	b64_end(&b);
	(void)fputs("'", f);
	return 0;
}

static int
write_policy(FILE *f)
{
	int rc;

	(void)fputs("default-src 'none'; script-src ", f);
	rc = write_hash(f, PART_JS);
	(void)fputs("; style-src ", f);
	if (rc == 0)
		rc = write_hash(f, PART_CSS);
	(void)fputs("; base-uri 'none'; form-action 'none'", f);
	return rc;
}

static void
write_part(FILE *f, enum page_part part)
{
	struct chunk c = page_file(part);

	(void)fwrite(c.p, 1, c.len, f);
}

static int
write_field(
    const struct page *p, FILE *f, const struct sim *sim, struct chunk name)
{
	static const char *const names[] = { "TITLE", "POLICY", "STYLE", "DATA",
		"SCRIPT" };
	size_t i = 0;

	while (
	    i < NITEMS(names) && (strlen(names[i]) != name.len ||
				     memcmp(names[i], name.p, name.len) != 0))
		i++;
	switch (i) {
	case 0:
		text_xml(f, p->scene->title,
		    strnlen(p->scene->title, sizeof(p->scene->title)));
		return 0;
	case 1:
		return write_policy(f);
	case 2:
		write_part(f, PART_CSS);
		return 0;
	case 3:
		page_write_json(p, f, sim);
		return 0;
	case 4:
		write_part(f, PART_JS);
		return 0;
	default:
		return -EINVAL; /* the skeleton is the program's own */
	}
}

int
page_write_html(const struct page *p, FILE *f, const struct sim *sim)
{
	struct chunk c = page_file(PART_HTML);
	const uint8_t *at, *to;
	int rc = 0;

	while (rc == 0 && (at = memchr(c.p, '@', c.len)) != NULL) {
		(void)fwrite(c.p, 1, (size_t)(at - c.p), f);
		c.len -= (size_t)(at + 1 - c.p);
		c.p = at + 1;
		to = memchr(c.p, '@', c.len);
		if (to == NULL)
			return -EINVAL;
		rc = write_field(
		    p, f, sim, (struct chunk){ c.p, (size_t)(to - c.p) });
		c.len -= (size_t)(to + 1 - c.p);
		c.p = to + 1;
	}
	(void)fwrite(c.p, 1, c.len, f);
	return rc;
}
