/* SPDX-License-Identifier: ISC */
#include <bsd/string.h>

#include "common/ike/auth.h"

#define KEY_PAD "Key Pad for IKEv2" /* 17 octets, no NUL */

int
ike_psk_auth(enum prf_alg alg, struct chunk psk, struct chunk init,
    struct chunk nonce, struct chunk maced_id, uint8_t *out)
{
	struct chunk pad = { (const uint8_t *)KEY_PAD, sizeof(KEY_PAD) - 1 };
	struct chunk octets[] = { init, nonce, maced_id };
	uint8_t key[PRF_MAX];
	int r;

	r = prf(alg, psk.p, psk.len, &pad, 1, key);
	if (r == 0)
		r = prf(alg, key, prf_len(alg), octets, NITEMS(octets), out);
	explicit_bzero(key, sizeof(key));
	return r;
}
