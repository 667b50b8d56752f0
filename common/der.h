/* SPDX-License-Identifier: ISC */
#ifndef COMMON_DER_H
#define COMMON_DER_H

/*
 * As much DER as names need, and certificates before OpenSSL may look at
 * them: where an element ends, which algorithms it names.  All: 0 or -EBADMSG.
 */

#include "common/wire.h"

#define DER_BOOLEAN 0x01
#define DER_INTEGER 0x02
#define DER_BITS 0x03
#define DER_NULL 0x05
#define DER_OID 0x06
#define DER_SEQUENCE 0x30
#define DER_SET 0x31
#define DER_CONTEXT(n) (0xa0 | (n)) /* [n], constructed */

/* One element, whatever it is: its tag, its body, and tlv, all of it. */
int der_next(struct rbuf *rb, uint8_t *tag, struct rbuf *body,
    struct chunk *tlv) MUST_CHECK;
/* One with this tag. */
int der_take(struct rbuf *rb, uint8_t tag, struct rbuf *body) MUST_CHECK;
int der_skip(struct rbuf *rb, uint8_t tag) MUST_CHECK;
/* An OID's octets. */
int der_oid(struct rbuf *rb, struct chunk *oid) MUST_CHECK;
/* A number from 0 to 255. */
int der_small(struct rbuf *rb, uint8_t *v) MUST_CHECK;
/* Is an element with this tag next? */
bool der_is_next(const struct rbuf *rb, uint8_t tag);

#endif
