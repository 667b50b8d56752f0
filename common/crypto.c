/* SPDX-License-Identifier: ISC */

/*
 * Everything here keeps to one pattern: the algorithm is fetched once, its
 * context is reused (fetching costs more than a small message does), and
 * after each use the context is given a key of zeros, so that a key that the
 * caller has erased does not live on in the context.
 */

#include <bsd/string.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "common/crypto.h"

/* RFC 9838 asks for 256 octets at least; nothing we wrap comes near. */
#define KW_PLAIN_MAX 512

static struct {
	bool ready;
	EVP_MD *md;
	EVP_MD_CTX *md_ctx;
	EVP_MAC *hmac;
	EVP_MAC_CTX *mac_ctx;
	EVP_CIPHER *gcm;
	EVP_CIPHER_CTX *seal_ctx, *open_ctx;
	EVP_CIPHER *kw;
	EVP_CIPHER_CTX *wrap_ctx, *unwrap_ctx;
} cr;

static const uint8_t zeros[32];

/* The provider refused: forget its error queue, which nobody reads. */
static int
refused(void)
{
	ERR_clear_error();
	return -EIO;
}

static EVP_CIPHER_CTX *
cipher_ctx(EVP_CIPHER *cipher, int enc)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx == NULL)
		return NULL;
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_CipherInit_ex2(ctx, cipher, zeros, NULL, enc, NULL) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static int
fetch_hashes(void)
{
	char name[] = "SHA2-256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
		    OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};

	cr.md = EVP_MD_fetch(NULL, name, NULL);
	cr.md_ctx = EVP_MD_CTX_new();
	cr.hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	if (cr.md == NULL || cr.md_ctx == NULL || cr.hmac == NULL)
		return -EIO;
	cr.mac_ctx = EVP_MAC_CTX_new(cr.hmac);
	if (cr.mac_ctx == NULL || !EVP_MAC_CTX_set_params(cr.mac_ctx, params))
		return -EIO;
	return 0;
}

static int
fetch_ciphers(void)
{
	cr.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	cr.kw = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
	if (cr.gcm == NULL || cr.kw == NULL)
		return -EIO;
	cr.seal_ctx = cipher_ctx(cr.gcm, 1);
	cr.open_ctx = cipher_ctx(cr.gcm, 0);
	cr.wrap_ctx = cipher_ctx(cr.kw, 1);
	cr.unwrap_ctx = cipher_ctx(cr.kw, 0);
	if (cr.seal_ctx == NULL || cr.open_ctx == NULL || cr.wrap_ctx == NULL ||
	    cr.unwrap_ctx == NULL)
		return -EIO;
	return 0;
}

/*
 * Whatever OpenSSL loads on first use (random generator, X25519, derivation)
 * is loaded by this run, while files may still be opened.
 */
static int
warm_up(void)
{
	uint8_t priv[X25519_LEN], pub[X25519_LEN], out[X25519_LEN];
	int r;

	if ((r = crypto_rand(priv, sizeof(priv))) == 0 &&
	    (r = x25519_public(priv, pub)) == 0)
		r = x25519_shared(priv, pub, out);
	explicit_bzero(priv, sizeof(priv));
	explicit_bzero(out, sizeof(out));
	return r;
}

int
crypto_init(void)
{
	if (cr.ready)
		return 0;
	if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1)
		return refused();
	cr.ready = true; /* warm_up() uses the functions below */
	if (fetch_hashes() || fetch_ciphers() || warm_up()) {
		crypto_fini();
		return refused();
	}
	return 0;
}

void
crypto_fini(void)
{
	EVP_MD_CTX_free(cr.md_ctx);
	EVP_MD_free(cr.md);
	EVP_MAC_CTX_free(cr.mac_ctx);
	EVP_MAC_free(cr.hmac);
	EVP_CIPHER_CTX_free(cr.seal_ctx);
	EVP_CIPHER_CTX_free(cr.open_ctx);
	EVP_CIPHER_CTX_free(cr.wrap_ctx);
	EVP_CIPHER_CTX_free(cr.unwrap_ctx);
	EVP_CIPHER_free(cr.gcm);
	EVP_CIPHER_free(cr.kw);
	memset(&cr, 0, sizeof(cr));
}

int
crypto_rand(void *out, size_t len)
{
	if (len > INT_MAX)
		return -EINVAL;
	/* Keys come from here: the generator kept apart for secrets. */
	return RAND_priv_bytes(out, (int)len) == 1 ? 0 : refused();
}

int
sha256(const struct chunk *in, size_t n, uint8_t out[SHA256_LEN])
{
	uint8_t h[SHA256_LEN];
	int ok;

	if (!cr.ready)
		return -EIO;
	ok = EVP_DigestInit_ex2(cr.md_ctx, cr.md, NULL);
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(cr.md_ctx, in[i].p, in[i].len);
	if (!ok || !EVP_DigestFinal_ex(cr.md_ctx, h, NULL))
		return refused();
	memcpy(out, h, sizeof(h));
	return 0;
}

/* key NULL: once more with the key of the last call. */
static int
mac_start(const uint8_t *key, size_t key_len)
{
	return EVP_MAC_init(cr.mac_ctx, key, key_len, NULL);
}

static int
mac_chunks(const struct chunk *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (in[i].len != 0 &&
		    !EVP_MAC_update(cr.mac_ctx, in[i].p, in[i].len))
			return 0;
	return 1;
}

static int
mac_end(uint8_t out[PRF_LEN])
{
	size_t len;

	return EVP_MAC_final(cr.mac_ctx, out, &len, PRF_LEN) && len == PRF_LEN;
}

/* A key of no octets is a key too, and must not look like "no key". */
static const uint8_t *
key_or_empty(const uint8_t *key, size_t key_len)
{
	return key_len == 0 ? zeros : key;
}

int
prf(const uint8_t *key, size_t key_len, const struct chunk *in, size_t n,
    uint8_t out[PRF_LEN])
{
	uint8_t t[PRF_LEN];
	int ok;

	if (!cr.ready)
		return -EIO;
	ok = mac_start(key_or_empty(key, key_len), key_len) &&
	     mac_chunks(in, n) && mac_end(t);
	ok = mac_start(zeros, sizeof(zeros)) && ok;
	if (ok)
		memcpy(out, t, sizeof(t));
	explicit_bzero(t, sizeof(t));
	return ok ? 0 : refused();
}

/* T(i) = prf(K, T(i-1) | seed | i), with T(0) empty. */
static int
next_block(uint8_t t[PRF_LEN], uint8_t i, const struct chunk *seed, size_t n)
{
	struct chunk prev = { t, i == 1 ? 0 : PRF_LEN };
	struct chunk count = { &i, 1 };

	return (i == 1 || mac_start(NULL, 0)) && mac_chunks(&prev, 1) &&
	       mac_chunks(seed, n) && mac_chunks(&count, 1) && mac_end(t);
}

int
prf_plus(const uint8_t *key, size_t key_len, const struct chunk *seed, size_t n,
    uint8_t *out, size_t out_len)
{
	uint8_t t[PRF_LEN];
	size_t done = 0, part;
	int ok;

	if (!cr.ready)
		return -EIO;
	if (out_len > 255 * PRF_LEN)
		return -EINVAL;
	ok = mac_start(key_or_empty(key, key_len), key_len);
	for (uint8_t i = 1; ok && done < out_len; i++) {
		if (!(ok = next_block(t, i, seed, n)))
			break;
		part = out_len - done < PRF_LEN ? out_len - done : PRF_LEN;
		memcpy(out + done, t, part);
		done += part;
	}
	ok = mac_start(zeros, sizeof(zeros)) && ok;
	explicit_bzero(t, sizeof(t));
	if (ok)
		return 0;
	explicit_bzero(out, done);
	return refused();
}

/* The two constructions are the same one: RFC 5869 took it from IKEv2. */
int
hkdf_expand(const uint8_t prk[SHA256_LEN], const struct chunk *info, size_t n,
    uint8_t *out, size_t out_len)
{
	return prf_plus(prk, SHA256_LEN, info, n, out, out_len);
}

/* Nonce in, additional data in, text through; the tag is the caller's. */
static int
gcm_run(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *nonce,
    struct chunk aad, const uint8_t *in, size_t len, uint8_t *out)
{
	int n;

	if (EVP_CipherInit_ex2(ctx, NULL, key, nonce, -1, NULL) != 1)
		return 0;
	if (aad.len != 0 &&
	    EVP_CipherUpdate(ctx, NULL, &n, aad.p, (int)aad.len) != 1)
		return 0;
	if (len == 0)
		return 1;
	return EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 &&
	       (size_t)n == len;
}

static int
ctx_forget(EVP_CIPHER_CTX *ctx)
{
	return EVP_CipherInit_ex2(ctx, NULL, zeros, NULL, -1, NULL);
}

int
aead_seal(const uint8_t key[GCM_KEY_LEN], const uint8_t nonce[GCM_NONCE_LEN],
    struct chunk aad, struct chunk plain, uint8_t *out)
{
	uint8_t end[16];
	int n, ok;

	if (!cr.ready)
		return -EIO;
	if (aad.len > INT_MAX || plain.len > INT_MAX - GCM_TAG_LEN)
		return -EINVAL;
	ok = gcm_run(cr.seal_ctx, key, nonce, aad, plain.p, plain.len, out) &&
	     EVP_CipherFinal_ex(cr.seal_ctx, end, &n) == 1 &&
	     EVP_CIPHER_CTX_ctrl(cr.seal_ctx, EVP_CTRL_AEAD_GET_TAG,
		 GCM_TAG_LEN, out + plain.len) == 1;
	ok = ctx_forget(cr.seal_ctx) == 1 && ok;
	return ok ? 0 : refused();
}

int
aead_open(const uint8_t key[GCM_KEY_LEN], const uint8_t nonce[GCM_NONCE_LEN],
    struct chunk aad, struct chunk in, uint8_t *out)
{
	uint8_t tag[GCM_TAG_LEN], end[16];
	size_t len;
	int n, run, ok = 0;

	if (!cr.ready)
		return -EIO;
	if (in.len < GCM_TAG_LEN)
		return -EBADMSG;
	if (aad.len > INT_MAX || in.len > INT_MAX)
		return -EINVAL;
	len = in.len - GCM_TAG_LEN;
	memcpy(tag, in.p + len, sizeof(tag)); /* out may lie over in */
	run = gcm_run(cr.open_ctx, key, nonce, aad, in.p, len, out) &&
	      EVP_CIPHER_CTX_ctrl(
		  cr.open_ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, tag) == 1;
	if (run)
		ok = EVP_CipherFinal_ex(cr.open_ctx, end, &n) == 1;
	run = ctx_forget(cr.open_ctx) == 1 && run;
	if (run && ok)
		return 0;
	/* Nobody may see what did not verify. */
	if (len != 0)
		explicit_bzero(out, len);
	ERR_clear_error();
	return run ? -EBADMSG : -EIO;
}

int
kw_wrap(const uint8_t kek[KW_KEY_LEN], struct chunk plain, uint8_t *out,
    size_t out_size, size_t *out_len)
{
	int n = 0, ok;

	if (!cr.ready)
		return -EIO;
	if (plain.len == 0 || plain.len > KW_PLAIN_MAX)
		return -EINVAL;
	if (out_size < KW_WRAPPED_LEN(plain.len))
		return -ENOBUFS;
	ok = EVP_CipherInit_ex2(cr.wrap_ctx, NULL, kek, NULL, -1, NULL) == 1 &&
	     EVP_CipherUpdate(cr.wrap_ctx, out, &n, plain.p, (int)plain.len) ==
		 1 &&
	     (size_t)n == KW_WRAPPED_LEN(plain.len);
	ok = ctx_forget(cr.wrap_ctx) == 1 && ok;
	if (!ok)
		return refused();
	*out_len = (size_t)n;
	return 0;
}

int
kw_unwrap(const uint8_t kek[KW_KEY_LEN], struct chunk wrapped, uint8_t *out,
    size_t out_size, size_t *out_len)
{
	/* EVP may write (and on failure clear) as much as it reads. */
	uint8_t t[KW_WRAPPED_LEN(KW_PLAIN_MAX)];
	int n = 0, run, ok = 0, r = 0;

	if (!cr.ready)
		return -EIO;
	if (wrapped.len < 16 || wrapped.len % 8 != 0 || wrapped.len > sizeof(t))
		return -EBADMSG;
	run = EVP_CipherInit_ex2(cr.unwrap_ctx, NULL, kek, NULL, -1, NULL) == 1;
	if (run)
		ok = EVP_CipherUpdate(cr.unwrap_ctx, t, &n, wrapped.p,
			 (int)wrapped.len) == 1 &&
		     n > 0;
	run = ctx_forget(cr.unwrap_ctx) == 1 && run;
	if (!run)
		r = refused();
	else if (!ok)
		r = -EBADMSG;
	else if ((size_t)n > out_size)
		r = -ENOBUFS;
	if (r == 0) {
		memcpy(out, t, (size_t)n);
		*out_len = (size_t)n;
	}
	explicit_bzero(t, sizeof(t));
	ERR_clear_error();
	return r;
}

int
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
		return refused();
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

int
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
