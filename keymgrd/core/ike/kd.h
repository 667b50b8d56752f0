/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKE_KD_H
#define KEYMGRD_CORE_IKE_KD_H

/* The KD payload: keys of the SAs in GSA, wrapped (RFC 9838 4.5). */

#include "common/crypto.h"
#include "keymgrd/core/ike/pld.h"

#define KD_KEYS_MAX 32

struct kd_key {
	uint32_t spi;
	uint8_t key[GCM_KEYMAT_LEN];
};

struct kd {
	struct kd_key key[KD_KEYS_MAX];
	size_t n;
};

/* Wrap under GSK_w (KWK ID 0). */
int kd_put(struct chain *c, const struct kd *k, const uint8_t gsk_w[KW_KEY_LEN])
    MUST_CHECK;
/*
 * Parse and unwrap.  -EBADMSG: malformed, a wrap that does not verify, a key
 * of the wrong size, two keys for one SPI.  -EPROTONOSUPPORT: a bag or an
 * attribute that this version does not use.  The caller wipes *out.
 */
int kd_get(struct rbuf body, const uint8_t gsk_w[KW_KEY_LEN], struct kd *out)
    MUST_CHECK;
const struct kd_key *kd_find(const struct kd *k, uint32_t spi);

#endif
