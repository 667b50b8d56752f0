/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_SIG_H
#define POLICYD_CORE_SIG_H

/*
 * Digital signatures of IKEv2: AUTH method 14 of RFC 7427, with Ed25519 (RFC
 * 8420), ECDSA and RSASSA-PSS.  An AUTH value is the length of an
 * AlgorithmIdentifier in one octet, the AlgorithmIdentifier, the signature.
 */

#include "common/util.h"

#define SIG_METHOD 14
#define SIG_AUTH_MAX 600
#define SIG_PARTS 3 /* own_init | peer_nonce | maced_id */

enum sig_kind { SIG_ED25519 = 1, SIG_P256, SIG_P384, SIG_RSA };

/* IANA, "IKEv2 Hash Algorithms". */
enum sig_hash {
	SIG_SHA256 = 2,
	SIG_SHA384 = 3,
	SIG_SHA512 = 4,
	SIG_IDENTITY = 5,
};

/* RSA: below 3072 bits is too weak; a host's longer key fits no message. */
#define SIG_RSA_MIN 3072
#define SIG_RSA_HOST_MAX 4096
#define SIG_RSA_MAX 8192 /* of an authority */

/* A key of one of these kinds, public or private. */
struct sig_key {
	struct evp_pkey_st *pkey; /* not owned */
	enum sig_kind kind;
	unsigned int bits;
};

/* -EINVAL: not a key that we use; *why says what it should be. */
int sig_key_of(struct sig_key *k, struct evp_pkey_st *pkey, const char **why)
    MUST_CHECK;

enum sig_scheme { SIG_EDDSA = 1, SIG_ECDSA, SIG_PSS, SIG_PKCS1 };

struct sig_alg {
	enum sig_scheme scheme;
	enum sig_hash hash;
};

/* AlgorithmIdentifier; -EBADMSG: malformed or not one of ours. */
int sig_alg_get(struct chunk der, struct sig_alg *a) MUST_CHECK;
/* Can a key of this kind make such a signature? */
bool sig_fits(enum sig_kind kind, const struct sig_alg *a);

/* Fetch the hashes; before the sandbox. */
int sig_init(void) MUST_CHECK;
void sig_fini(void);

/*
 * An AUTH value.  hashes: bit n is set when the peer takes hash n.
 * -ENOTSUP: it does not take ours, *why says which; -EIO.
 */
int sig_make(const struct sig_key *k, uint8_t hashes,
    const struct chunk in[SIG_PARTS], uint8_t out[SIG_AUTH_MAX], size_t *len,
    const char **why) MUST_CHECK;

/*
 * Does the AUTH value verify with this key?  0; -ENOTSUP: an algorithm that
 * we do not use, or not with such a key; -EBADMSG: it does not verify.
 */
int sig_check(const struct sig_key *k, struct chunk auth, bool pkcs1,
    const struct chunk in[SIG_PARTS], const char **why) MUST_CHECK;

#endif
