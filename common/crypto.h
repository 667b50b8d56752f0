/* SPDX-License-Identifier: ISC */
#ifndef COMMON_CRYPTO_H
#define COMMON_CRYPTO_H

/*
 * The cryptography MIKE uses, over OpenSSL's EVP with the default context.
 * Algorithms are fetched once and contexts are reused (not thread safe: one
 * thread per daemon).  All functions return 0 or -Exxx; outputs are written
 * on success only, or zeroed (aead_open, prf_plus).  -EIO: the provider refused; -EBADMSG: a tag or check
 * value did not verify.
 */

#include "common/util.h"

#define SHA256_LEN 32
#define PRF_LEN 32	  /* PRF_HMAC_SHA2_256 */
#define GCM_KEY_LEN 32	  /* AES-256 */
#define GCM_SALT_LEN 4	  /* RFC 4106, RFC 5282 */
#define GCM_KEYMAT_LEN 36 /* key | salt */
#define GCM_IV_LEN 8	  /* explicit IV on the wire */
#define GCM_NONCE_LEN 12  /* salt | IV */
#define GCM_TAG_LEN 16
#define KW_KEY_LEN 32 /* KW_5649_256 */
#define X25519_LEN 32

/* Load configuration and providers, fetch everything; before the sandbox. */
int crypto_init(void) MUST_CHECK;
void crypto_fini(void);

int crypto_rand(void *out, size_t len) MUST_CHECK;
int sha256(const struct chunk *in, size_t n, uint8_t out[SHA256_LEN])
    MUST_CHECK;
/* HMAC-SHA2-256 over the concatenation of n chunks. */
int prf(const uint8_t *key, size_t key_len, const struct chunk *in, size_t n,
    uint8_t out[PRF_LEN]) MUST_CHECK;
/* prf+ of RFC 7296 2.13; out_len <= 255 * 32. */
int prf_plus(const uint8_t *key, size_t key_len, const struct chunk *seed,
    size_t n, uint8_t *out, size_t out_len) MUST_CHECK;
/* HKDF-Expand with SHA-256, RFC 5869 2.3; info is the chunks' concatenation. */
int hkdf_expand(const uint8_t prk[SHA256_LEN], const struct chunk *info,
    size_t n, uint8_t *out, size_t out_len) MUST_CHECK;

/* AES-256-GCM-16: out has len + GCM_TAG_LEN octets.  In place is allowed. */
int aead_seal(const uint8_t key[GCM_KEY_LEN],
    const uint8_t nonce[GCM_NONCE_LEN], struct chunk aad, struct chunk plain,
    uint8_t *out) MUST_CHECK;
/* in ends with the tag; out has in.len - GCM_TAG_LEN octets. */
int aead_open(const uint8_t key[GCM_KEY_LEN],
    const uint8_t nonce[GCM_NONCE_LEN], struct chunk aad, struct chunk in,
    uint8_t *out) MUST_CHECK;

/* AES key wrap with padding (RFC 5649), 256-bit KEK. */
#define KW_WRAPPED_LEN(n) ((((n) + 7) / 8) * 8 + 8)
int kw_wrap(const uint8_t kek[KW_KEY_LEN], struct chunk plain, uint8_t *out,
    size_t out_size, size_t *out_len) MUST_CHECK;
int kw_unwrap(const uint8_t kek[KW_KEY_LEN], struct chunk wrapped, uint8_t *out,
    size_t out_size, size_t *out_len) MUST_CHECK;

/* X25519 (RFC 7748); -EBADMSG when the shared secret is all zero. */
int x25519_public(const uint8_t priv[X25519_LEN], uint8_t pub[X25519_LEN])
    MUST_CHECK;
int x25519_shared(const uint8_t priv[X25519_LEN],
    const uint8_t peer[X25519_LEN], uint8_t out[X25519_LEN]) MUST_CHECK;

#endif
