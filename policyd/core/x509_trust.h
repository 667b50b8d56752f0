/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_X509_TRUST_H
#define POLICYD_CORE_X509_TRUST_H

/* Inside of x509_trust.c (which fills it) and x509_check.c (which uses it). */

#include <openssl/x509_vfy.h>

#include "policyd/core/x509_int.h"

#define X509_SEEN_MAX 4096

struct x509_trust {
	/* The last check needed each certificate that was sent. */
	bool no_ballast;
	X509_STORE *store;
	X509_STORE_CTX *ctx;	    /* initialised anew for each check */
	STACK_OF(X509) * untrusted; /* of the check under way; borrowed */
	bool crl_required;
	struct anchor {
		X509 *x;
		struct sig_key key;
	} anchor[X509_ANCHORS_MAX];
	size_t n_anchor;
	uint8_t keyid[X509_KEYID_LEN * X509_ANCHORS_MAX];
	struct crl {
		X509_CRL *crl;
		int64_t from, until;
		EVP_PKEY *by; /* whose signature verified; NULL: not known */
	} crl[X509_CRLS_MAX];
	size_t n_crl;
	struct kept {
		struct x509_chain *chain; /* NULL: none here */
		uint8_t *der;
		size_t len;
		bool p384;
		int64_t since, until;
	} kept[X509_KEPT_MAX];
	uint32_t seen[X509_SEEN_MAX]; /* of whom there was one */
};

void x509_kept_free(struct kept *k);

/*
 * Is x, which issuer signed, revoked?  *until becomes earlier when the answer
 * is good for less.
 */
enum auth_cause x509_crl_check(struct x509_trust *t, X509 *x, X509 *issuer,
    int64_t now, int64_t *until, const char **why) MUST_CHECK;

#endif
