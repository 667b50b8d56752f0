/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_OUT_PAGE_TEXT_H
#define MIKESIM_OUT_PAGE_TEXT_H

/*
 * Text of any origin inside JSON, inside a page, and inside SVG: it stays
 * text.  What is no UTF-8 becomes U+FFFD.  Errors of the file are for the
 * caller to ask for, at the end, with ferror().
 */

#include <stdio.h>

#include "common/util.h"

/* A JSON string with its quotes, and without '<', '>' and '&'. */
void text_json(FILE *f, const char *s, size_t len);
/* Character data or an attribute's value in double quotes, of XML. */
void text_xml(FILE *f, const char *s, size_t len);

/* Numbers in base 128, low groups first, as base64 text. */
struct b64 {
	FILE *f;
	uint8_t buf[3];
	size_t n;
};
void b64_varint(struct b64 *b, uint64_t v);
void b64_octet(struct b64 *b, uint8_t v);
void b64_end(struct b64 *b);

#endif
