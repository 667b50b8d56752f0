/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_PKI_H
#define TESTS_LIB_PKI_H

/*
 * A certificate authority for tests: real certificates, good and bad ones,
 * made while the test runs.  What cannot be made fails the test.
 */

#include <openssl/x509.h>

#include "common/util.h"

enum pki_alg { PKI_ED25519, PKI_P256, PKI_P384, PKI_RSA, PKI_ALGS };

#define PKI_NOW 1800000000 /* when the tests think they are */
#define PKI_DAY 86400

struct pki_cert {
	EVP_PKEY *key;
	X509 *x;
	uint8_t der[6000];
	size_t len;
};

/* What is left 0 or NULL is as it should be. */
struct pki_want {
	const char *dn;
	enum pki_alg alg;
	const struct pki_cert *issuer; /* NULL: signed by itself */
	int64_t from, until;	       /* default: a day, a year around now */
	bool ca;
	const char *ext[6][2]; /* name, value as OpenSSL's configuration has
				  them; "" leaves a usual one out */
	EVP_PKEY *key;	       /* default: a new one */
	bool pss;	       /* of the issuer's RSA key */
	const char *md;	       /* of the signature */
	size_t padding;	       /* octets of an extension nobody reads */
};

void pki_make(struct pki_cert *c, const struct pki_want *w);
void pki_free(struct pki_cert *c);

/* A new key; the one RSA key is made once and always the same. */
EVP_PKEY *pki_key(enum pki_alg alg);
/* An RSA key of another size, or a curve that we do not take. */
EVP_PKEY *pki_rsa(unsigned int bits);
EVP_PKEY *pki_curve(const char *name);

/* Certificates back to back; static, in a ring of eight. */
struct chunk pki_chain(const struct pki_cert *const *v, size_t n);
#define PKI_CHAIN(...)                                                         \
	pki_chain((const struct pki_cert *const[]){ __VA_ARGS__ },             \
	    sizeof((const struct pki_cert *const[]){ __VA_ARGS__ }) /          \
		sizeof(struct pki_cert *))

struct pki_crl {
	const struct pki_cert *issuer;
	EVP_PKEY *key;	     /* that signs; default: the issuer's */
	int64_t from, until; /* default: yesterday, tomorrow */
	bool endless;	     /* no nextUpdate */
	unsigned int delta;  /* 1: marked critical; 2: not */
	const struct pki_cert *revoked[4];
};
/* DER; static, in a ring of eight. */
struct chunk pki_crl(const struct pki_crl *w);

/* PEM of DER, or of a private key as PKCS #8; static, in a ring of eight. */
struct chunk pki_pem(const char *kind, struct chunk der);
struct chunk pki_key_pem(EVP_PKEY *key);
struct chunk pki_join(struct chunk a, struct chunk b);

#endif
