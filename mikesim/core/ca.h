/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_CA_H
#define MIKESIM_CORE_CA_H

/*
 * An Ed25519 certification authority inside the process, for hosts that are
 * made by the thousand.  Failures end the process: nothing can go on then.
 */

#include <openssl/evp.h>

#include "common/util.h"

#define CA_SEED_LEN 32 /* of an Ed25519 private key */
#define LEAF_DN_MAX 128
#define LEAF_NAME 17
#define LEAF_LEN 450 /* octets of a leaf certificate, or more: see ca_leaf */

struct ca;
struct leaf {
	char name[64]; /* common name */
	EVP_PKEY *key;
	uint8_t *der; /* the certificate */
	size_t der_len;
	uint8_t dn[LEAF_DN_MAX]; /* its subject, DER */
	size_t dn_len;
};

/*
 * Private keys lie in OpenSSL's secure heap once policyd's code is there, and
 * a daemon needs few: make it large enough for so many, before x509_init().
 */
int ca_room(size_t keys) MUST_CHECK;

/* seed NULL: a new key.  What it signs is valid from an hour before `now`. */
struct ca *ca_new(const uint8_t seed[CA_SEED_LEN], int64_t now);
/* Take key and certificate over from files in PEM. */
struct ca *ca_from(struct chunk cert_pem, struct chunk key_pem, int64_t now);
void ca_free(struct ca **c);
/* The certificate of the CA, DER; borrowed. */
struct chunk ca_cert(const struct ca *c);
/*
 * The subject is O=Example, CN=name.  seed NULL: a new key.  Whatever the
 * name, it has LEAF_LEN octets; only one of more than LEAF_NAME octets makes
 * it longer, by one or two for each.
 */
void ca_leaf(struct ca *c, const char *name, const uint8_t seed[CA_SEED_LEN],
    struct leaf *out);
void leaf_fini(struct leaf *l);
/* PEM; to be freed by free(). */
char *cert_pem(struct chunk der);
char *leaf_key_pem(const struct leaf *l);
/* Subject O=Example, CN=name as DER, without a certificate. */
size_t ca_dn(const char *name, uint8_t out[LEAF_DN_MAX]);

#endif
