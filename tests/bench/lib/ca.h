/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_LIB_CA_H
#define TESTS_BENCH_LIB_CA_H

/*
 * An Ed25519 certification authority inside the process, for peers that are
 * made by the thousand.  Failures end the process: there is nothing to measure
 * then.
 */

#include <openssl/evp.h>

#include "common/util.h"

#define LEAF_DN_MAX 128
#define LEAF_LEN 450 /* octets of every leaf certificate */

struct ca;
struct leaf {
	char name[64]; /* common name */
	EVP_PKEY *key;
	uint8_t *der; /* the certificate */
	size_t der_len;
	uint8_t dn[LEAF_DN_MAX]; /* its subject, DER */
	size_t dn_len;
};

struct ca *ca_new(void);
/* A CA that tests/lib/mkpki.sh made: DIR/ca.pem and DIR/ca.key. */
struct ca *ca_load(const char *dir);
void ca_free(struct ca **c);
/* The certificate of the CA, DER; borrowed. */
struct chunk ca_cert(const struct ca *c);
/* The subject is O=Example, CN=name. */
void ca_leaf(struct ca *c, const char *name, struct leaf *out);
void leaf_fini(struct leaf *l);
/* PEM; to be freed by free(). */
char *cert_pem(struct chunk der);
char *leaf_key_pem(const struct leaf *l);
/* Subject O=Example, CN=name as DER, without a certificate. */
size_t ca_dn(const char *name, uint8_t out[LEAF_DN_MAX]);

#endif
