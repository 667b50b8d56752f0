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
#include "common/crypto_int.h"

/* RFC 9838 asks for 256 octets at least; nothing we wrap comes near. */
#define KW_PLAIN_MAX 512

/* One for each thread: a simulation has several. */
static _Thread_local struct {
	bool ready;
	EVP_MD *md;
	EVP_MD_CTX *md_ctx;
	EVP_MAC *hmac;
	EVP_MAC_CTX *mac256, *mac384;
	EVP_CIPHER *gcm;
	EVP_CIPHER_CTX *seal_ctx, *open_ctx;
	EVP_CIPHER *cbc, *ecb;
	EVP_CIPHER_CTX *encrypt_ctx, *decrypt_ctx, *block_ctx;
	EVP_CIPHER *kw;
	EVP_CIPHER_CTX *wrap_ctx, *unwrap_ctx;
} cr;

static const uint8_t zeros[32];

int
crypto_refused(void)
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

/* A context of HMAC with this hash; NULL on failure. */
static EVP_MAC_CTX *
mac_ctx(char *hash)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
		    OSSL_MAC_PARAM_DIGEST, hash, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(cr.hmac);

	if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params))
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

static int
fetch_hashes(void)
{
	char sha256_name[] = "SHA2-256", sha384_name[] = "SHA2-384";

	cr.md = EVP_MD_fetch(NULL, sha256_name, NULL);
	cr.md_ctx = EVP_MD_CTX_new();
	cr.hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	if (cr.md == NULL || cr.md_ctx == NULL || cr.hmac == NULL)
		return -EIO;
	cr.mac256 = mac_ctx(sha256_name);
	cr.mac384 = mac_ctx(sha384_name);
	return cr.mac256 != NULL && cr.mac384 != NULL ? 0 : -EIO;
}

/* The same for whole blocks: nothing is added or held back. */
static EVP_CIPHER_CTX *
block_ctx(EVP_CIPHER *cipher, int enc)
{
	EVP_CIPHER_CTX *ctx = cipher_ctx(cipher, enc);

	if (ctx != NULL)
		EVP_CIPHER_CTX_set_padding(ctx, 0);
	return ctx;
}

static int
fetch_ciphers(void)
{
	cr.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	cr.cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	cr.ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
	cr.kw = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
	if (cr.gcm == NULL || cr.cbc == NULL || cr.ecb == NULL || cr.kw == NULL)
		return -EIO;
	cr.seal_ctx = cipher_ctx(cr.gcm, 1);
	cr.open_ctx = cipher_ctx(cr.gcm, 0);
	cr.encrypt_ctx = block_ctx(cr.cbc, 1);
	cr.decrypt_ctx = block_ctx(cr.cbc, 0);
	cr.block_ctx = block_ctx(cr.ecb, 1);
	cr.wrap_ctx = cipher_ctx(cr.kw, 1);
	cr.unwrap_ctx = cipher_ctx(cr.kw, 0);
	if (cr.seal_ctx == NULL || cr.open_ctx == NULL ||
	    cr.encrypt_ctx == NULL || cr.decrypt_ctx == NULL ||
	    cr.block_ctx == NULL || cr.wrap_ctx == NULL ||
	    cr.unwrap_ctx == NULL)
		return -EIO;
	return 0;
}

/*
 * Whatever OpenSSL loads on first use (random generators, the curves) is
 * loaded by this run, while files may still be opened.
 */
static int
warm_up(void)
{
	static const uint16_t groups[] = { KE_X25519, KE_P256, KE_P384 };
	uint8_t priv[KE_PRIV_MAX], pub[KE_PUB_MAX], out[KE_SHARED_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < NITEMS(groups); i++) {
		struct chunk peer = { pub, ke_pub_len(groups[i]) };

		if ((r = crypto_rand(priv, sizeof(priv))) != 0)
			break;
		priv[0] &= 0x7f; /* below any order, and not zero */
		priv[1] |= 1;
		if ((r = ke_public(groups[i], priv, pub)) == 0)
			r = ke_shared(groups[i], priv, peer, out);
	}
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
		return crypto_refused();
	cr.ready = true; /* warm_up() uses the functions below */
	if (fetch_hashes() || fetch_ciphers() || ke_init() || warm_up()) {
		crypto_fini();
		return crypto_refused();
	}
	return 0;
}

void
crypto_fini(void)
{
	EVP_MD_CTX_free(cr.md_ctx);
	EVP_MD_free(cr.md);
	EVP_MAC_CTX_free(cr.mac256);
	EVP_MAC_CTX_free(cr.mac384);
	EVP_MAC_free(cr.hmac);
	EVP_CIPHER_CTX_free(cr.seal_ctx);
	EVP_CIPHER_CTX_free(cr.open_ctx);
	EVP_CIPHER_CTX_free(cr.encrypt_ctx);
	EVP_CIPHER_CTX_free(cr.decrypt_ctx);
	EVP_CIPHER_CTX_free(cr.block_ctx);
	EVP_CIPHER_CTX_free(cr.wrap_ctx);
	EVP_CIPHER_CTX_free(cr.unwrap_ctx);
	EVP_CIPHER_free(cr.gcm);
	EVP_CIPHER_free(cr.cbc);
	EVP_CIPHER_free(cr.ecb);
	EVP_CIPHER_free(cr.kw);
	ke_fini();
	memset(&cr, 0, sizeof(cr));
}

int
crypto_rand(void *out, size_t len)
{
	if (len > INT_MAX)
		return -EINVAL;
	/* Keys come from here: the generator kept apart for secrets. */
	return RAND_priv_bytes(out, (int)len) == 1 ? 0 : crypto_refused();
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
		return crypto_refused();
	memcpy(out, h, sizeof(h));
	return 0;
}

size_t
prf_len(enum prf_alg alg)
{
	if (alg == PRF_SHA256)
		return 32;
	return alg == PRF_SHA384 ? 48 : 0;
}

/* HMAC with one of its hashes, for one call. */
struct mac {
	EVP_MAC_CTX *ctx;
	size_t len;
};

static int
mac_of(enum prf_alg alg, struct mac *m)
{
	if (!cr.ready)
		return -EIO;
	m->ctx = alg == PRF_SHA256 ? cr.mac256 : cr.mac384;
	m->len = prf_len(alg);
	return m->len != 0 ? 0 : -EINVAL;
}

/* key NULL: once more with the key of the last call. */
static int
mac_start(const struct mac *m, const uint8_t *key, size_t key_len)
{
	return EVP_MAC_init(m->ctx, key, key_len, NULL);
}

static int
mac_chunks(const struct mac *m, const struct chunk *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (in[i].len != 0 &&
		    !EVP_MAC_update(m->ctx, in[i].p, in[i].len))
			return 0;
	return 1;
}

static int
mac_end(const struct mac *m, uint8_t out[PRF_MAX])
{
	size_t len;

	return EVP_MAC_final(m->ctx, out, &len, PRF_MAX) && len == m->len;
}

static int
mac_forget(const struct mac *m)
{
	return mac_start(m, zeros, sizeof(zeros));
}

/* A key of no octets is a key too, and must not look like "no key". */
static const uint8_t *
key_or_empty(const uint8_t *key, size_t key_len)
{
	return key_len == 0 ? zeros : key;
}

int
prf(enum prf_alg alg, const uint8_t *key, size_t key_len,
    const struct chunk *in, size_t n, uint8_t *out)
{
	uint8_t t[PRF_MAX];
	struct mac m;
	int r, ok;

	if ((r = mac_of(alg, &m)) != 0)
		return r;
	ok = mac_start(&m, key_or_empty(key, key_len), key_len) &&
	     mac_chunks(&m, in, n) && mac_end(&m, t);
	ok = mac_forget(&m) && ok;
	if (ok)
		memcpy(out, t, m.len);
	explicit_bzero(t, sizeof(t));
	return ok ? 0 : crypto_refused();
}

/* T(i) = prf(K, T(i-1) | seed | i), with T(0) empty. */
static int
next_block(const struct mac *m, uint8_t t[PRF_MAX], uint8_t i,
    const struct chunk *seed, size_t n)
{
	struct chunk prev = { t, i == 1 ? 0 : m->len };
	struct chunk count = { &i, 1 };

	return (i == 1 || mac_start(m, NULL, 0)) && mac_chunks(m, &prev, 1) &&
	       mac_chunks(m, seed, n) && mac_chunks(m, &count, 1) &&
	       mac_end(m, t);
}

int
prf_plus(enum prf_alg alg, const uint8_t *key, size_t key_len,
    const struct chunk *seed, size_t n, uint8_t *out, size_t out_len)
{
	uint8_t t[PRF_MAX];
	size_t done = 0, part;
	struct mac m;
	int r, ok;

	if ((r = mac_of(alg, &m)) != 0)
		return r;
	if (out_len > 255 * m.len)
		return -EINVAL;
	ok = mac_start(&m, key_or_empty(key, key_len), key_len);
	for (uint8_t i = 1; ok && done < out_len; i++) {
		if (!(ok = next_block(&m, t, i, seed, n)))
			break;
		part = out_len - done < m.len ? out_len - done : m.len;
		memcpy(out + done, t, part);
		done += part;
	}
	ok = mac_forget(&m) && ok;
	explicit_bzero(t, sizeof(t));
	if (ok)
		return 0;
	explicit_bzero(out, done);
	return crypto_refused();
}

/* The two constructions are the same one: RFC 5869 took it from IKEv2. */
int
hkdf_expand(const uint8_t prk[SHA256_LEN], const struct chunk *info, size_t n,
    uint8_t *out, size_t out_len)
{
	return prf_plus(PRF_SHA256, prk, SHA256_LEN, info, n, out, out_len);
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
	return ok ? 0 : crypto_refused();
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

static int
cbc_run(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *iv,
    struct chunk in, uint8_t *out)
{
	int n, ok;

	if (!cr.ready)
		return -EIO;
	if (in.len > INT_MAX || in.len % CBC_BLOCK_LEN != 0)
		return -EINVAL;
	if (in.len == 0)
		return 0;
	ok = EVP_CipherInit_ex2(ctx, NULL, key, iv, -1, NULL) == 1 &&
	     EVP_CipherUpdate(ctx, out, &n, in.p, (int)in.len) == 1 &&
	     (size_t)n == in.len;
	ok = ctx_forget(ctx) == 1 && ok;
	return ok ? 0 : crypto_refused();
}

int
cbc_encrypt(const uint8_t key[CBC_KEY_LEN], const uint8_t iv[CBC_BLOCK_LEN],
    struct chunk in, uint8_t *out)
{
	return cbc_run(cr.encrypt_ctx, key, iv, in, out);
}

int
cbc_decrypt(const uint8_t key[CBC_KEY_LEN], const uint8_t iv[CBC_BLOCK_LEN],
    struct chunk in, uint8_t *out)
{
	return cbc_run(cr.decrypt_ctx, key, iv, in, out);
}

int
aes_block(const uint8_t key[CBC_KEY_LEN], const uint8_t in[CBC_BLOCK_LEN],
    uint8_t out[CBC_BLOCK_LEN])
{
	struct chunk block = { in, CBC_BLOCK_LEN };

	return cbc_run(cr.block_ctx, key, NULL, block, out);
}

int
hmac_icv(const uint8_t key[HMAC_KEY_LEN], const struct chunk *in, size_t n,
    uint8_t icv[HMAC_ICV_LEN])
{
	uint8_t t[PRF_MAX];
	int r = prf(PRF_SHA256, key, HMAC_KEY_LEN, in, n, t);

	if (r == 0)
		memcpy(icv, t, HMAC_ICV_LEN);
	return r;
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
		return crypto_refused();
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
		r = crypto_refused();
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
