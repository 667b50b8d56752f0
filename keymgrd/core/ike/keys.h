/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKE_KEYS_H
#define KEYMGRD_CORE_IKE_KEYS_H

/* Keys of an IKE SA: RFC 7296 2.14, RFC 9838 2.5.4 for GSK_w. */

#include "common/crypto.h"

struct ike_keys {
	uint8_t d[PRF_LEN];
	uint8_t ei[GCM_KEYMAT_LEN], er[GCM_KEYMAT_LEN]; /* key | salt */
	uint8_t pi[PRF_LEN], pr[PRF_LEN];
	uint8_t gsk_w[KW_KEY_LEN];
};

/* From the shared secret; the caller wipes *out when done with it. */
int ike_keys_derive(struct chunk shared, struct chunk ni, struct chunk nr,
    const uint8_t spi_i[8], const uint8_t spi_r[8], struct ike_keys *out)
    MUST_CHECK;
/* GSK_w = prf+(SK_d, "Key Wrap for G-IKEv2"); again after SK_d changes. */
int ike_gsk_w(const uint8_t sk_d[PRF_LEN], uint8_t out[KW_KEY_LEN]) MUST_CHECK;
/* prf(SK_pi or SK_pr, body of the ID payload), RFC 7296 2.15. */
int ike_maced_id(const uint8_t sk_p[PRF_LEN], struct chunk id_body,
    uint8_t out[PRF_LEN]) MUST_CHECK;

#endif
