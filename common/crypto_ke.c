/* SPDX-License-Identifier: ISC */

/* Key exchange.  Nothing of a private key outlives the call it came with. */

#include <bsd/string.h>
#include <errno.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

#include "common/crypto.h"
#include "common/crypto_int.h"

#define X25519_LEN 32

static _Thread_local struct curve {
	uint16_t group;
	int nid;
	uint8_t n; /* octets of a coordinate, and of a private key */
	EC_GROUP *g;
} curves[] = {
	{ KE_P256, NID_X9_62_prime256v1, 32, NULL },
	{ KE_P384, NID_secp384r1, 48, NULL },
};

int
ke_init(void)
{
	for (size_t i = 0; i < NITEMS(curves); i++) {
		curves[i].g = EC_GROUP_new_by_curve_name(curves[i].nid);
		if (curves[i].g == NULL)
			return -EIO;
	}
	return 0;
}

void
ke_fini(void)
{
	for (size_t i = 0; i < NITEMS(curves); i++) {
		EC_GROUP_free(curves[i].g);
		curves[i].g = NULL;
	}
}

/* NULL: not a NIST curve. */
static const struct curve *
curve_of(uint16_t group)
{
	for (size_t i = 0; i < NITEMS(curves); i++)
		if (curves[i].group == group)
			return &curves[i];
	return NULL;
}

size_t
ke_priv_len(uint16_t group)
{
	const struct curve *c = curve_of(group);

	if (c != NULL)
		return c->n;
	return group == KE_X25519 ? X25519_LEN : 0;
}

size_t
ke_pub_len(uint16_t group)
{
	return ke_priv_len(group) * (curve_of(group) != NULL ? 2 : 1);
}

size_t
ke_shared_len(uint16_t group)
{
	return ke_priv_len(group);
}

bool
ke_known(uint16_t group)
{
	return ke_priv_len(group) != 0;
}

/* -- X25519 ------------------------------------------------------------- */

static int
x25519_public(const uint8_t priv[X25519_LEN], uint8_t pub[X25519_LEN])
{
	uint8_t p[X25519_LEN];
	size_t len = sizeof(p);
	EVP_PKEY *key;
	int ok;

	key = EVP_PKEY_new_raw_private_key_ex(
	    NULL, "X25519", NULL, priv, X25519_LEN);
	ok = key != NULL && EVP_PKEY_get_raw_public_key(key, p, &len) == 1 &&
	     len == X25519_LEN;
	EVP_PKEY_free(key); /* wipes */
	if (!ok)
		return crypto_refused();
	memcpy(pub, p, sizeof(p));
	return 0;
}

/*
 * A private key given alone makes OpenSSL compute its public half first, as
 * much work again as the agreement itself, which never looks at it.  So it is
 * given one: the base point.
 */
static EVP_PKEY *
own_key(const uint8_t priv[X25519_LEN])
{
	uint8_t base[X25519_LEN] = { 9 }, copy[X25519_LEN];
	OSSL_PARAM params[3];
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx;

	memcpy(copy, priv, sizeof(copy)); /* the parameters want no const */
	params[0] = OSSL_PARAM_construct_octet_string(
	    OSSL_PKEY_PARAM_PRIV_KEY, copy, sizeof(copy));
	params[1] = OSSL_PARAM_construct_octet_string(
	    OSSL_PKEY_PARAM_PUB_KEY, base, sizeof(base));
	params[2] = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	explicit_bzero(copy, sizeof(copy));
	return key;
}

static int
x25519_shared(const uint8_t priv[X25519_LEN], const uint8_t peer[X25519_LEN],
    uint8_t out[X25519_LEN])
{
	uint8_t t[X25519_LEN];
	size_t len = sizeof(t);
	EVP_PKEY *key = own_key(priv), *other;
	EVP_PKEY_CTX *ctx = NULL;
	int r = -EIO;

	other = EVP_PKEY_new_raw_public_key_ex(
	    NULL, "X25519", NULL, peer, X25519_LEN);
	if (key == NULL || other == NULL)
		goto out;
	if ((ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL)) == NULL ||
	    EVP_PKEY_derive_init(ctx) != 1 ||
	    EVP_PKEY_derive_set_peer_ex(ctx, other, 0) != 1)
		goto out;
	/* OpenSSL refuses to give out a shared secret of all zeros. */
	r = EVP_PKEY_derive(ctx, t, &len) == 1 && len == sizeof(t) ? 0
								   : -EBADMSG;
	if (r == 0)
		memcpy(out, t, sizeof(t));
out:
	explicit_bzero(t, sizeof(t));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
	EVP_PKEY_free(key);
	if (r != 0)
		ERR_clear_error();
	return r;
}

/* -- P-256 and P-384 ---------------------------------------------------- */

/* A private key's number; NULL with *r set when it is none. */
static BIGNUM *
scalar(const struct curve *c, const uint8_t *priv, int *r)
{
	BIGNUM *k = BN_bin2bn(priv, c->n, NULL);

	*r = -EIO;
	if (k == NULL)
		return NULL;
	BN_set_flags(k, BN_FLG_CONSTTIME);
	if (!BN_is_zero(k) && BN_cmp(k, EC_GROUP_get0_order(c->g)) < 0)
		return k;
	*r = -ERANGE;
	BN_clear_free(k);
	return NULL;
}

/* A point as OpenSSL has it: an octet that says "uncompressed" first. */
#define POINT_MAX (1 + KE_PUB_MAX)

/*
 * k times a point (x | y), NULL for the base point.  EVP does not compute a
 * public half from a private one, and to agree it would do just this.  out
 * has the result's x, and its y behind when it is to be a public value.  Both
 * coordinates of the point are checked: oct2point refuses what is not on the
 * curve, and on these curves nothing else has a small order.
 */
static int
multiply(const struct curve *c, const uint8_t *priv, const uint8_t *point,
    uint8_t *out, size_t out_len)
{
	uint8_t oct[POINT_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
	size_t len = 1 + 2 * (size_t)c->n;
	EC_POINT *q = NULL, *p = NULL;
	BN_CTX *ctx = NULL;
	BIGNUM *k;
	int r;

	if (c->g == NULL)
		return -EIO;
	if ((k = scalar(c, priv, &r)) == NULL)
		goto out;
	r = -EIO;
	if ((ctx = BN_CTX_new()) == NULL || (q = EC_POINT_new(c->g)) == NULL ||
	    (p = EC_POINT_new(c->g)) == NULL)
		goto out;
	if (point != NULL) {
		memcpy(oct + 1, point, len - 1);
		if (EC_POINT_oct2point(c->g, p, oct, len, ctx) != 1) {
			r = -EBADMSG;
			goto out;
		}
	}
	if (EC_POINT_mul(c->g, q, point == NULL ? k : NULL,
		point == NULL ? NULL : p, point == NULL ? NULL : k, ctx) != 1 ||
	    EC_POINT_point2oct(
		c->g, q, POINT_CONVERSION_UNCOMPRESSED, oct, len, ctx) != len)
		goto out;
	memcpy(out, oct + 1, out_len);
	r = 0;
out:
	explicit_bzero(oct, sizeof(oct));
	EC_POINT_clear_free(q);
	EC_POINT_free(p);
	BN_CTX_free(ctx); /* wipes */
	BN_clear_free(k);
	if (r != 0)
		ERR_clear_error();
	return r;
}

/* -- any group ---------------------------------------------------------- */

int
ke_public(uint16_t group, const uint8_t *priv, uint8_t *pub)
{
	const struct curve *c = curve_of(group);

	if (!ke_known(group))
		return -EINVAL;
	if (c == NULL)
		return x25519_public(priv, pub);
	return multiply(c, priv, NULL, pub, ke_pub_len(group));
}

int
ke_shared(
    uint16_t group, const uint8_t *priv, struct chunk peer_pub, uint8_t *out)
{
	const struct curve *c = curve_of(group);

	if (!ke_known(group))
		return -EINVAL;
	if (peer_pub.len != ke_pub_len(group))
		return -EBADMSG;
	if (c == NULL)
		return x25519_shared(priv, peer_pub.p, out);
	return multiply(c, priv, peer_pub.p, out, ke_shared_len(group));
}
