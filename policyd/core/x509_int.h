/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_X509_INT_H
#define POLICYD_CORE_X509_INT_H

/* What the files of x509.h share. */

#include <openssl/x509.h>

#include "policyd/core/x509.h"

struct x509_chain {
	size_t n;
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
 * alg: what it is signed with.
 */
int x509_scan(struct chunk der, struct sig_alg *alg) MUST_CHECK;

#endif
