/* SPDX-License-Identifier: ISC */
#ifndef COMMON_CRYPTO_H
#define COMMON_CRYPTO_H

/*
 * The cryptography MIKE uses, over OpenSSL with the default context.
 * Algorithms are fetched once and contexts are reused.  What is fetched
 * belongs to the thread: each calls crypto_init() itself.  All functions
 * return 0 or -Exxx; outputs are written on success only, or zeroed
 * (aead_open, prf_plus).  -EIO: the provider refused, or crypto_init() did not
 * run; -EINVAL: an algorithm or a length that there is not; -EBADMSG: a tag or
 * check value did not verify.
 */

#include "common/util.h"

#define SHA256_LEN 32
#define PRF_LEN 32 /* PRF_HMAC_SHA2_256 */
#define PRF_MAX 48 /* of any PRF */
#define CBC_KEY_LEN 32
#define CBC_BLOCK_LEN 16
#define HMAC_KEY_LEN 32 /* HMAC-SHA2-256-128 */
#define HMAC_ICV_LEN 16
#define GCM_KEY_LEN 32	  /* AES-256 */
#define GCM_SALT_LEN 4	  /* RFC 4106, RFC 5282 */
#define GCM_KEYMAT_LEN 36 /* key | salt */
#define GCM_IV_LEN 8	  /* explicit IV on the wire */
#define GCM_NONCE_LEN 12  /* salt | IV */
#define GCM_TAG_LEN 16
#define KW_KEY_LEN 32 /* KW_5649_256 */

/* The numbers are IKEv2's: transform types 2 and 4. */
enum prf_alg { PRF_SHA256 = 5, PRF_SHA384 = 6 };
enum ke_group { KE_P256 = 19, KE_P384 = 20, KE_X25519 = 31 };
#define KE_PRIV_MAX 48
#define KE_PUB_MAX 96
#define KE_SHARED_MAX 48

/* Load configuration and providers, fetch everything; before the sandbox. */
int crypto_init(void) MUST_CHECK;
void crypto_fini(void);

int crypto_rand(void *out, size_t len) MUST_CHECK;
int sha256(const struct chunk *in, size_t n, uint8_t out[SHA256_LEN])
    MUST_CHECK;

/* Octets that the PRF gives, and of its preferred key; 0: an unknown one. */
size_t prf_len(enum prf_alg alg);
/* HMAC over the concatenation of n chunks; out has prf_len(alg) octets. */
int prf(enum prf_alg alg, const uint8_t *key, size_t key_len,
    const struct chunk *in, size_t n, uint8_t *out) MUST_CHECK;
/* prf+ of RFC 7296 2.13; out_len <= 255 * prf_len(alg). */
int prf_plus(enum prf_alg alg, const uint8_t *key, size_t key_len,
    const struct chunk *seed, size_t n, uint8_t *out, size_t out_len)
    MUST_CHECK;
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

/*
 * IKE's encryption for peers without AES-GCM: AES-256-CBC over whole blocks
 * (padding is the caller's), in place if he likes, and HMAC-SHA2-256-128 over
 * the concatenation of n chunks.
 */
int cbc_encrypt(const uint8_t key[CBC_KEY_LEN], const uint8_t iv[CBC_BLOCK_LEN],
    struct chunk in, uint8_t *out) MUST_CHECK;
int cbc_decrypt(const uint8_t key[CBC_KEY_LEN], const uint8_t iv[CBC_BLOCK_LEN],
    struct chunk in, uint8_t *out) MUST_CHECK;
int hmac_icv(const uint8_t key[HMAC_KEY_LEN], const struct chunk *in, size_t n,
    uint8_t icv[HMAC_ICV_LEN]) MUST_CHECK;
/* AES-256 of one block: makes IVs that nobody foresees out of a counter. */
int aes_block(const uint8_t key[CBC_KEY_LEN], const uint8_t in[CBC_BLOCK_LEN],
    uint8_t out[CBC_BLOCK_LEN]) MUST_CHECK;

/*
 * Key exchange: X25519 (RFC 7748, 8031), and ECDH over P-256 and P-384 as RFC
 * 5903 writes it: a public value is x | y, a shared secret is x.  Private keys
 * are random octets.  The lengths are 0 for a group that we do not know.
 */
bool ke_known(uint16_t group);
size_t ke_priv_len(uint16_t group);
size_t ke_pub_len(uint16_t group);
size_t ke_shared_len(uint16_t group);
/* -ERANGE (of P-256 and P-384, once in 2^32): not a private key, draw again. */
int ke_public(uint16_t group, const uint8_t *priv, uint8_t *pub) MUST_CHECK;
/* -EBADMSG: a wrong length, not on the curve, or the secret is all zero. */
int ke_shared(uint16_t group, const uint8_t *priv, struct chunk peer_pub,
    uint8_t *out) MUST_CHECK;

#endif
