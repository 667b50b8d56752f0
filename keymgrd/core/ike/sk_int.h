/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKE_SK_INT_H
#define KEYMGRD_CORE_IKE_SK_INT_H

/* Between sk.c (one message) and sk_frag.c (several). */

#include "keymgrd/core/ike/sk.h"

/* What a protected message says in the clear. */
struct sk_seen {
	struct ike_hdr h;
	bool frag;
	uint8_t first;	    /* type of the first payload inside */
	uint16_t no, total; /* 1 of 1 for a whole message */
	size_t head;	    /* octets before the IV */
};

/*
 * -EBADMSG: not one Encrypted (Fragment) payload that ends the message, or a
 * number that no fragment can have.  Nothing of it is authentic yet.
 */
int sk_look(struct chunk msg, struct sk_seen *s) MUST_CHECK;

/*
 * Check and decrypt what sk_look() saw into memory of its own.  -EBADMSG: the
 * ICV is wrong, or the padding.
 */
int sk_open_one(const struct sk_key *k, struct chunk msg,
    const struct sk_seen *s, struct sk_plain *out) MUST_CHECK;

#endif
