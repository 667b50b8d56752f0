/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_X509_INT_H
#define POLICYD_CORE_X509_INT_H

/* What the files of x509.h share. */

#include <openssl/x509.h>

#include "policyd/core/x509.h"

struct x509_chain {
	size_t n;
	EVP_PKEY *leaf_key; /* of x509_leaf_parse(), or NULL */
	struct {
		X509 *x;
		struct sig_key key; /* of its subject */
		struct sig_alg alg; /* it is signed with */
	} v[X509_CHAIN_MAX];
};

/* OpenSSL refused: forget its error queue, which nobody reads. */
void x509_forget(void);

/* Seconds since 1970; INT64_MIN: not a time. */
int64_t x509_epoch(const ASN1_TIME *t);

/* 0; -EINVAL: nothing but PEM blocks of this kind, *why; 1: no more. */
int x509_pem_next(BIO *bio, const char *kind, uint8_t **der, long *len,
    const char **why) MUST_CHECK;

/*
 * What is to be known of a certificate before OpenSSL sees it.  0; -EBADMSG:
 * no certificate; -ENOTSUP: a key or signature of a kind that is not used.
 * alg: what it is signed with; spki: its SubjectPublicKeyInfo.
 */
int x509_scan(struct chunk der, struct sig_alg *alg, struct chunk *spki)
    MUST_CHECK;

/*
 * A certificate of the plainest kind, quickly: with an Ed25519 key, which
 * becomes *key.  NULL: it is not one, or cannot be read.
 */
int x509_leaf_init(void) MUST_CHECK;
X509 *x509_leaf_parse(struct chunk der, struct chunk spki, EVP_PKEY **key);

#endif
