/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKE_SK_H
#define KEYMGRD_CORE_IKE_SK_H

/*
 * The Encrypted payload with AES-256-GCM-16: RFC 7296 3.14, RFC 5282.
 * Nonce = salt | IV; additional data = IKE header and the payload's generic
 * header, with the lengths as sent.
 */

#include "common/crypto.h"
#include "common/ike/hdr.h"
#include "keymgrd/core/ike/pld.h"

/* Octets that protection adds: header, IV, pad length, ICV. */
#define SK_OVERHEAD (4 + GCM_IV_LEN + 1 + GCM_TAG_LEN)

/*
 * Start a protected message: IKE header, Encrypted payload's header, IV.  The
 * inner payloads are then written through *inner.
 */
int sk_begin(struct wbuf *wb, const struct ike_hdr *h, uint64_t iv,
    struct chain *inner) MUST_CHECK;
/* Pad, set the lengths, encrypt in place with keymat = key | salt. */
int sk_end(struct wbuf *wb, const uint8_t keymat[GCM_KEYMAT_LEN]) MUST_CHECK;

/*
 * Open a whole message.  plain must hold msg.len octets; *first is the type of
 * the first inner payload, *inner reads the inner payloads without padding.
 * -EBADMSG: not one Encrypted payload that ends the message, or its ICV is
 * wrong.
 */
int sk_open(struct chunk msg, const uint8_t keymat[GCM_KEYMAT_LEN],
    uint8_t *plain, uint8_t *first, struct rbuf *inner) MUST_CHECK;

#endif
