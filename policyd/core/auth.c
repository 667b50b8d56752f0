/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "common/ike/auth.h"
#include "common/ike/hdr.h"
#include "policyd/core/auth.h"

bool
pol_binds_group(const struct pol_asker *a, const struct ike_init_view *v)
{
	struct chunk id = { a->group->id, a->group->id_len };

	return mike_group_matches(v, id);
}

bool
pol_is_nonce(struct chunk c)
{
	return c.len >= IKE_NONCE_MIN && c.len <= IKE_NONCE_MAX;
}

/* Both flags of the header must tell the same story (RFC 7296 3.1). */
bool
pol_flags_agree(const struct ike_hdr *h)
{
	bool response = (h->flags & IKE_F_RESPONSE) != 0;

	return response != ((h->flags & IKE_F_INITIATOR) != 0);
}

/* A PRF of the group's suite, and a MACed ID of its length. */
bool
pol_fits_prf(const struct pol_asker *a, uint8_t alg, struct chunk maced)
{
	size_t len = prf_len((enum prf_alg)alg);

	if (a->group->suite == SUITE_CNSA && alg != PRF_SHA384)
		return false;
	return len != 0 && maced.len == len;
}

/*
 * NULL when these are octets that this key manager may have signed.
 * Receivers ask, senders answer: without that a receiver's key manager that
 * was taken over could have a response signed, and with a shared key pose as
 * the group's sender.
 */
static const char *
sign_fault(const struct pol_asker *a, const struct msg_auth_sign *m)
{
	struct ike_init_view v;
	bool response = a->group->role == ROLE_SENDER;

	if (!pol_is_nonce(m->peer_nonce))
		return "nonce has a wrong length";
	if (!pol_fits_prf(a, m->prf, m->maced_id))
		return "PRF or MACed ID does not fit the group's suite";
	if (ike_init_view(m->own_init, &v) || !pol_flags_agree(&v.hdr))
		return "not an IKE_SA_INIT message";
	if (((v.hdr.flags & IKE_F_RESPONSE) != 0) != response)
		return "message of the other role";
	if ((response ? v.hdr.spi_r : v.hdr.spi_i)[0] != a->slot)
		return "SPI of another slot";
	if (!pol_binds_group(a, &v))
		return "MIKE_GROUP does not name the group";
	return NULL;
}

static int
sign_psk(struct secret *psk, const struct msg_auth_sign *m,
    struct pol_signed *out, const char **why)
{
	struct chunk key = { secret_bytes(psk), secret_len(psk) };
	enum prf_alg alg = (enum prf_alg)m->prf;

	*why = "cannot compute";
	out->method = IKE_AUTH_PSK;
	out->len = prf_len(alg);
	return ike_psk_auth(
	    alg, key, m->own_init, m->peer_nonce, m->maced_id, out->auth);
}

enum ipc_status
pol_auth_sign(const struct pol_asker *a, const struct msg_auth_sign *m,
    struct pol_signed *out, const char **why)
{
	struct chunk in[SIG_PARTS] = { m->own_init, m->peer_nonce,
		m->maced_id };
	int r;

	*why = sign_fault(a, m);
	if (*why != NULL)
		return ST_REFUSED;
	if (a->creds->own == NULL) {
		r = sign_psk(a->creds->psk, m, out, why);
	} else {
		out->method = SIG_METHOD;
		r = sig_make(x509_own_signer(a->creds->own), m->hashes, in,
		    out->auth, &out->len, why);
	}
	if (r)
		return r == -ENOTSUP ? ST_REFUSED : ST_ERROR;
	return ST_OK;
}

/* NULL when the request is one for our PPK. */
static const char *
mix_fault(const struct pol_asker *a, const struct msg_ppk_mix *m)
{
	size_t len = prf_len((enum prf_alg)m->prf);

	if (a->creds->ppk == NULL)
		return "this host has no PPK";
	if (m->ppk_id.len != a->pol->ppk_id_len ||
	    memcmp(m->ppk_id.p, a->pol->ppk_id, m->ppk_id.len) != 0)
		return "PPK_ID is not this host's";
	if (!pol_fits_prf(a, m->prf, (struct chunk){ m->sk.p, len }) ||
	    m->sk.len != 3 * len)
		return "PRF or keys do not fit the group's suite";
	return NULL;
}

enum ipc_status
pol_ppk_mix(const struct pol_asker *a, const struct msg_ppk_mix *m,
    uint8_t out[POL_SK_MAX], const char **why)
{
	size_t len = prf_len((enum prf_alg)m->prf);
	int r = 0;

	*why = mix_fault(a, m);
	if (*why != NULL)
		return ST_REFUSED;
	for (size_t i = 0; r == 0 && i < 3; i++) {
		struct chunk part = { m->sk.p + i * len, len };

		r = prf_plus((enum prf_alg)m->prf, secret_bytes(a->creds->ppk),
		    secret_len(a->creds->ppk), &part, 1, out + i * len, len);
	}
	if (r == 0)
		return ST_OK;
	explicit_bzero(out, POL_SK_MAX);
	*why = "cannot compute";
	return ST_ERROR;
}
