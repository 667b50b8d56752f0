/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKE_KEYS_H
#define KEYMGRD_CORE_IKE_KEYS_H

/* Keys of an IKE SA: RFC 7296 2.14, RFC 8784 3, RFC 9838 2.5.4 for GSK_w. */

#include "keymgrd/core/ike/sa.h"

struct ike_keys {
	enum prf_alg prf;
	/* SK_d, SK_pi, SK_pr in this order, each of prf_len() octets. */
	uint8_t d_pi_pr[3 * PRF_MAX];
	struct sk_key i, r; /* of what the initiator, the responder sends */
	uint8_t gsk_w[KW_KEY_LEN];
};

/* From the shared secret; the caller wipes *out when done with it. */
int ike_keys_derive(const struct ike_suite *s, struct chunk shared,
    struct chunk ni, struct chunk nr, const uint8_t spi_i[8],
    const uint8_t spi_r[8], struct ike_keys *out) MUST_CHECK;
/*
 * Take SK_d, SK_pi and SK_pr that policyd mixed with the post-quantum
 * pre-shared key, and what follows from SK_d.  -EBADMSG: wrong length.
 */
int ike_keys_mixed(struct ike_keys *k, struct chunk d_pi_pr) MUST_CHECK;
/* GSK_w = prf+(SK_d, "Key Wrap for G-IKEv2"). */
int ike_gsk_w(enum prf_alg alg, const uint8_t *sk_d, uint8_t out[KW_KEY_LEN])
    MUST_CHECK;
/* prf(SK_pi or SK_pr, body of the ID payload), RFC 7296 2.15. */
int ike_maced_id(const struct ike_keys *k, bool initiator, struct chunk id_body,
    uint8_t out[PRF_MAX]) MUST_CHECK;

#endif
