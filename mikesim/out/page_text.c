/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "mikesim/out/page_text.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/*
 * Octets of the character that s begins with; 0: it is none (RFC 3629: not
 * overlong, no surrogate, not above U+10FFFF).
 */
static size_t
utf8_len(const uint8_t *s, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80	 ? 1
		   : s[0] < 0xc0 ? 0
		   : s[0] < 0xe0 ? 2
		   : s[0] < 0xf0 ? 3
		   : s[0] < 0xf8 ? 4
				 : 0;
	uint32_t c;

	if (n <= 1)
		return n;
	if (n > left)
		return 0;
	c = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

static void
json_octet(FILE *f, uint8_t c)
{
	if (c == '"' || c == '\\')
		(void)fprintf(f, "\\%c", c);
	else if (c < 0x20 || c == 0x7f || c == '<' || c == '>' || c == '&')
		(void)fprintf(f, "\\u%04x", c);
	else
		(void)putc(c, f);
}

static void
xml_octet(FILE *f, uint8_t c)
{
	if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
		(void)fprintf(f, "&#%u;", c);
	else if (c < 0x20 || c == 0x7f)
		(void)fputs(REPLACEMENT, f); /* XML has no way to say them */
	else
		(void)putc(c, f);
}

static void
each(FILE *f, const char *text, size_t len, void (*octet)(FILE *, uint8_t))
{
	const uint8_t *s = (const uint8_t *)text;

	for (size_t n; len > 0; s += n, len -= n) {
		n = utf8_len(s, len);
		/* U+FFFE and U+FFFF are no characters of XML. */
		if (n == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe)
			(void)fputs(REPLACEMENT, f);
		else if (n == 1)
			octet(f, *s);
		else if (n > 1)
			(void)fwrite(s, 1, n, f);
		else
			(void)fputs(REPLACEMENT, f);
		if (n == 0)
			n = 1;
	}
}

void
text_json(FILE *f, const char *s, size_t len)
{
	(void)putc('"', f);
	each(f, s, len, json_octet);
	(void)putc('"', f);
}

void
text_xml(FILE *f, const char *s, size_t len)
{
	each(f, s, len, xml_octet);
}

/* RFC 4648 section 4, without line breaks. */
static void
b64_out(const struct b64 *b)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				    "klmnopqrstuvwxyz0123456789+/";
	uint32_t v =
	    (uint32_t)b->buf[0] << 16 | (uint32_t)b->buf[1] << 8 | b->buf[2];

	for (size_t i = 0; i < 4; i++)
		(void)putc(
		    i <= b->n ? digit[v >> (18 - 6 * i) & 63] : '=', b->f);
}

void
b64_octet(struct b64 *b, uint8_t v)
{
	b->buf[b->n++] = v;
	if (b->n == 3) {
		b64_out(b);
		b->n = 0;
		memset(b->buf, 0, sizeof(b->buf));
	}
}

void
b64_varint(struct b64 *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		b64_octet(b, (uint8_t)(v & 0x7f) | 0x80);
	b64_octet(b, (uint8_t)v);
}

void
b64_end(struct b64 *b)
{
	if (b->n > 0)
		b64_out(b);
	b->n = 0;
}
