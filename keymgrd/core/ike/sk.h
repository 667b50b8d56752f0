/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKE_SK_H
#define KEYMGRD_CORE_IKE_SK_H

/*
 * The Encrypted payload and its fragments: RFC 7296 3.14, RFC 5282 for
 * AES-256-GCM-16, RFC 7383.  With GCM the nonce is salt | IV and additional
 * data is the IKE header and the payload's generic header (of a fragment: and
 * its numbers), with the lengths as sent.  With CBC the ICV covers everything
 * before it.
 */

#include "common/crypto.h"
#include "common/ike/hdr.h"

#define ENCR_AES_CBC 12	   /* with AUTH_HMAC_SHA2_256_128 */
#define ENCR_AES_GCM_16 20 /* without an integrity algorithm */

/* One direction's keys. */
struct sk_key {
	uint16_t encr;		   /* ENCR_AES_CBC or ENCR_AES_GCM_16 */
	uint8_t e[GCM_KEYMAT_LEN]; /* key, and for GCM the salt */
	uint8_t a[HMAC_KEY_LEN];   /* CBC only */
};

#define SK_FRAGS_MAX 32 /* fragments of one message */

/*
 * Protect the payloads in inner (first: type of the first one, 0 if none) as
 * one message, or, when that is longer than limit octets (0: any length), as
 * fragments none of which is longer.  The messages stand in out back to back,
 * each with its length in its header.  h gives SPIs, exchange, flags and
 * Message ID.  Each takes one value of *iv, which never repeats for a key:
 * the explicit IV of GCM; with CBC the block that, encrypted, is the IV (SP
 * 800-38A, appendix C), so that nobody can foresee it.
 *
 * -EMSGSIZE: longer than IKE_MSG_MAX, more than SK_FRAGS_MAX fragments, or
 * limit leaves no room; -EOVERFLOW: *iv's low 48 bits are used up; -ENOBUFS;
 * -EINVAL: k->encr is neither; -EIO.  After an error out has what it had.
 */
int sk_protect(const struct sk_key *k, const struct ike_hdr *h, uint8_t first,
    struct chunk inner, size_t limit, uint64_t *iv, struct wbuf *out)
    MUST_CHECK;

/* The next whole message in what sk_protect() wrote; false at the end. */
bool sk_next(struct chunk *rest, struct chunk *msg);

/* Fragments of the one message that is being put together; NULL: none. */
struct sk_frags;
void sk_frags_free(struct sk_frags **f); /* wipes */

/*
 * What a message held; the octets are the caller's, to be freed by
 * sk_plain_free().
 */
struct sk_plain {
	uint8_t *p;
	size_t size;	   /* of the allocation */
	uint8_t first;	   /* type of the first payload in inner */
	struct rbuf inner; /* payloads, without padding */
};
void sk_plain_free(struct sk_plain *o); /* wipes, zeroes */

/*
 * Open a whole message or take one more fragment, of a Message ID that the
 * caller found to be the one he waits for: what was recorded verifies again.
 * 0: *out has the payloads, and *f is gone; -EAGAIN: a fragment was kept and
 * others are missing; -EALREADY: this one was there already, or is ignored;
 * -EBADMSG: not one Encrypted (Fragment) payload that ends the message, an ICV
 * that is wrong (nothing is kept before it verified), numbers that contradict
 * each other; -ENOMEM; -EINVAL: k->encr is neither; -EIO.  Fragments of
 * another Message ID, or with a larger total, replace those that were kept;
 * with a smaller one they are ignored (RFC 7383 2.6).  *f holds at most
 * SK_FRAGS_MAX fragments and IKE_MSG_MAX octets; a message that is longer is
 * dropped, all of it.  *out is empty unless the answer is 0.
 */
int sk_take(const struct sk_key *k, struct chunk msg, struct sk_frags **f,
    struct sk_plain *out) MUST_CHECK;

/* Number of the fragment; 1 for a whole message; 0: malformed. */
uint16_t sk_frag_no(struct chunk msg);

#endif
