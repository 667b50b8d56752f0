/* SPDX-License-Identifier: ISC */
#ifndef COMMON_IKE_AUTH_H
#define COMMON_IKE_AUTH_H

/* What an AUTH payload holds, RFC 7296 2.15. */

#include "common/crypto.h"
#include "common/util.h"

#define IKE_AUTH_PSK 2 /* Shared Key Message Integrity Code */

/*
 * AUTH = prf(prf(psk, "Key Pad for IKEv2"), init | nonce | maced_id)
 *
 * init is the signer's own IKE_SA_INIT message, nonce the other side's,
 * maced_id = prf(SK_pi or SK_pr, body of the signer's ID payload).  out has
 * prf_len(alg) octets.
 */
int ike_psk_auth(enum prf_alg alg, struct chunk psk, struct chunk init,
    struct chunk nonce, struct chunk maced_id, uint8_t *out) MUST_CHECK;

#endif
