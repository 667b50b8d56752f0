/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ike/keys.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "common/ike/hdr.h"

int
ike_gsk_w(enum prf_alg alg, const uint8_t *sk_d, uint8_t out[KW_KEY_LEN])
{
	static const char label[] = "Key Wrap for G-IKEv2";
	struct chunk seed = { (const uint8_t *)label, sizeof(label) - 1 };

	return prf_plus(alg, sk_d, prf_len(alg), &seed, 1, out, KW_KEY_LEN);
}

static size_t
ekey_len(uint16_t encr)
{
	return encr == ENCR_AES_GCM_16 ? GCM_KEYMAT_LEN : CBC_KEY_LEN;
}

static size_t
akey_len(uint16_t encr)
{
	return encr == ENCR_AES_GCM_16 ? 0 : HMAC_KEY_LEN;
}

static const uint8_t *
take(const uint8_t *p, uint8_t *to, size_t len)
{
	memcpy(to, p, len);
	return p + len;
}

/* SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr */
static void
share_out(struct ike_keys *k, const uint8_t *mat, size_t n)
{
	size_t e = ekey_len(k->i.encr), a = akey_len(k->i.encr);
	const uint8_t *p = mat;

	p = take(p, k->d_pi_pr, n);
	p = take(p, k->i.a, a);
	p = take(p, k->r.a, a);
	p = take(p, k->i.e, e);
	p = take(p, k->r.e, e);
	memcpy(k->d_pi_pr + n, p, 2 * n);
}

int
ike_keys_derive(const struct ike_suite *s, struct chunk shared, struct chunk ni,
    struct chunk nr, const uint8_t spi_i[8], const uint8_t spi_r[8],
    struct ike_keys *out)
{
	struct chunk seed[] = { ni, nr, { spi_i, 8 }, { spi_r, 8 } };
	uint8_t nonces[2 * IKE_NONCE_MAX], skeyseed[PRF_MAX];
	uint8_t mat[3 * PRF_MAX + 2 * (CBC_KEY_LEN + HMAC_KEY_LEN)];
	size_t n = prf_len(s->prf);
	struct ike_keys k = {
		.prf = s->prf, .i.encr = s->encr, .r.encr = s->encr
	};
	int r;

	if (n == 0 || ni.len > IKE_NONCE_MAX || nr.len > IKE_NONCE_MAX)
		return -EINVAL;
	memcpy(nonces, ni.p, ni.len);
	memcpy(nonces + ni.len, nr.p, nr.len);
	if ((r = prf(s->prf, nonces, ni.len + nr.len, &shared, 1, skeyseed)) ||
	    (r = prf_plus(s->prf, skeyseed, n, seed, NITEMS(seed), mat,
		 3 * n + 2 * (ekey_len(s->encr) + akey_len(s->encr)))))
		goto out;
	share_out(&k, mat, n);
	if ((r = ike_gsk_w(k.prf, k.d_pi_pr, k.gsk_w)))
		goto out;
	*out = k;
out:
	explicit_bzero(&k, sizeof(k));
	explicit_bzero(mat, sizeof(mat));
	explicit_bzero(skeyseed, sizeof(skeyseed));
	return r;
}

int
ike_keys_mixed(struct ike_keys *k, struct chunk d_pi_pr)
{
	uint8_t gsk_w[KW_KEY_LEN];
	int r;

	if (d_pi_pr.len != 3 * prf_len(k->prf))
		return -EBADMSG;
	if ((r = ike_gsk_w(k->prf, d_pi_pr.p, gsk_w)) == 0) {
		memcpy(k->d_pi_pr, d_pi_pr.p, d_pi_pr.len);
		memcpy(k->gsk_w, gsk_w, sizeof(gsk_w));
	}
	explicit_bzero(gsk_w, sizeof(gsk_w));
	return r;
}

int
ike_maced_id(const struct ike_keys *k, bool initiator, struct chunk id_body,
    uint8_t out[PRF_MAX])
{
	size_t n = prf_len(k->prf);

	return prf(
	    k->prf, k->d_pi_pr + (initiator ? n : 2 * n), n, &id_body, 1, out);
}
