/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "common/der.h"

/* The shortest form of a length only; long tags have no place here. */
int
der_next(struct rbuf *rb, uint8_t *tag, struct rbuf *body, struct chunk *tlv)
{
	const uint8_t *start = rb->p;
	uint8_t first, len8;
	uint16_t len16;
	size_t len;

	if (rb_u8(rb, tag) || rb_u8(rb, &first) || (*tag & 0x1f) == 0x1f)
		return -EBADMSG;
	len = first;
	if (first == 0x81) {
		if (rb_u8(rb, &len8) || len8 < 0x80)
			return -EBADMSG;
		len = len8;
	} else if (first == 0x82) {
		if (rb_u16(rb, &len16) || len16 < 0x100)
			return -EBADMSG;
		len = len16;
	} else if (first >= 0x80) {
		return -EBADMSG;
	}
	if (rb_sub(rb, len, body))
		return -EBADMSG;
	*tlv = (struct chunk){ start, (size_t)(rb->p - start) };
	return 0;
}

int
der_take(struct rbuf *rb, uint8_t tag, struct rbuf *body)
{
	struct chunk tlv;
	uint8_t is;

	if (der_next(rb, &is, body, &tlv) || is != tag)
		return -EBADMSG;
	return 0;
}

int
der_skip(struct rbuf *rb, uint8_t tag)
{
	struct rbuf body;

	return der_take(rb, tag, &body);
}

int
der_oid(struct rbuf *rb, struct chunk *oid)
{
	struct rbuf body;

	if (der_take(rb, DER_OID, &body) || rb_rest(&body, oid) ||
	    oid->len == 0)
		return -EBADMSG;
	return 0;
}

int
der_small(struct rbuf *rb, uint8_t *v)
{
	struct rbuf body;

	if (der_take(rb, DER_INTEGER, &body))
		return -EBADMSG;
	/* A leading zero is there when the number would look negative. */
	if (rb_left(&body) == 2 && (rb_u8(&body, v) || *v != 0))
		return -EBADMSG;
	return rb_u8(&body, v) || rb_done(&body) ? -EBADMSG : 0;
}

bool
der_is_next(const struct rbuf *rb, uint8_t tag)
{
	return !rb->bad && rb->left > 0 && *rb->p == tag;
}
