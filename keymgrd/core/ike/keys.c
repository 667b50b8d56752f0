/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ike/keys.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

int
ike_gsk_w(const uint8_t sk_d[PRF_LEN], uint8_t out[KW_KEY_LEN])
{
	static const char label[] = "Key Wrap for G-IKEv2";
	struct chunk seed = { (const uint8_t *)label, sizeof(label) - 1 };

	return prf_plus(sk_d, PRF_LEN, &seed, 1, out, KW_KEY_LEN);
}

int
ike_keys_derive(struct chunk shared, struct chunk ni, struct chunk nr,
    const uint8_t spi_i[8], const uint8_t spi_r[8], struct ike_keys *out)
{
	struct chunk seed[] = { ni, nr, { spi_i, 8 }, { spi_r, 8 } };
	uint8_t nonces[512], skeyseed[PRF_LEN];
	/* SK_d, SK_ai and SK_ar (empty with AEAD), SK_ei, SK_er, SK_pi, SK_pr */
	uint8_t mat[3 * PRF_LEN + 2 * GCM_KEYMAT_LEN];
	struct ike_keys k;
	const uint8_t *p = mat;
	int r;

	if (ni.len > 256 || nr.len > 256)
		return -EINVAL;
	memcpy(nonces, ni.p, ni.len);
	memcpy(nonces + ni.len, nr.p, nr.len);
	if ((r = prf(nonces, ni.len + nr.len, &shared, 1, skeyseed)) ||
	    (r = prf_plus(
		 skeyseed, PRF_LEN, seed, NITEMS(seed), mat, sizeof(mat))))
		goto out;
	memcpy(k.d, p, PRF_LEN);
	p += PRF_LEN;
	memcpy(k.ei, p, GCM_KEYMAT_LEN);
	p += GCM_KEYMAT_LEN;
	memcpy(k.er, p, GCM_KEYMAT_LEN);
	p += GCM_KEYMAT_LEN;
	memcpy(k.pi, p, PRF_LEN);
	p += PRF_LEN;
	memcpy(k.pr, p, PRF_LEN);
	if ((r = ike_gsk_w(k.d, k.gsk_w)))
		goto out;
	*out = k;
out:
	explicit_bzero(&k, sizeof(k));
	explicit_bzero(mat, sizeof(mat));
	explicit_bzero(skeyseed, sizeof(skeyseed));
	return r;
}

int
ike_maced_id(
    const uint8_t sk_p[PRF_LEN], struct chunk id_body, uint8_t out[PRF_LEN])
{
	return prf(sk_p, PRF_LEN, &id_body, 1, out);
}
