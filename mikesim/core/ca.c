/* SPDX-License-Identifier: ISC */
#include "mikesim/core/ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAYS 30
#define PAD 20 /* to begin with */

#define KEY_ROOM 32 /* octets of a private key; a power of two */

int
ca_room(size_t keys)
{
	size_t size = KEY_ROOM;

	while (size < keys * KEY_ROOM)
		size *= 2;
	if (CRYPTO_secure_malloc_initialized())
		return 0;
	/* Whether it can be locked as well does not matter here. */
	return CRYPTO_secure_malloc_init(size, KEY_ROOM) != 0 ? 0 : -ENOMEM;
}

struct ca {
	EVP_PKEY *key;
	X509 *cert;
	uint8_t *der;
	size_t der_len;
	int64_t from, until; /* of leaves, seconds since 1970 */
	size_t pad;	     /* what made the last leaf as long as it is */
};

static X509_NAME *
name_new(const char *cn)
{
	X509_NAME *n = X509_NAME_new();

	must(n != NULL);
	must(X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8,
		 (const unsigned char *)"Example", -1, -1, 0) == 1);
	must(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
		 (const unsigned char *)cn, -1, -1, 0) == 1);
	return n;
}

size_t
ca_dn(const char *name, uint8_t out[LEAF_DN_MAX])
{
	X509_NAME *n = name_new(name);
	int len = i2d_X509_NAME(n, NULL);

	must(len > 0 && len <= LEAF_DN_MAX);
	must(i2d_X509_NAME(n, &out) == len);
	X509_NAME_free(n);
	return (size_t)len;
}

static EVP_PKEY *
key_new(const uint8_t *seed)
{
	EVP_PKEY *k = seed == NULL
			  ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
			  : EVP_PKEY_new_raw_private_key(
				EVP_PKEY_ED25519, NULL, seed, CA_SEED_LEN);

	must(k != NULL);
	return k;
}

static void
extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(e != NULL && X509_add_ext(cert, e, -1) == 1);
	X509_EXTENSION_free(e);
}

/*
 * Serial numbers of 16 octets, as a CA of our days has them; from the name, so
 * that a certificate is the same whenever it is made.
 */
static void
serial_set(X509 *cert, const char *cn)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	BIGNUM *b;

	must(EVP_Digest(cn, strlen(cn), md, NULL, EVP_sha256(), NULL) == 1);
	md[0] = (md[0] & 0x7f) | 0x40; /* positive, and all 16 are needed */
	must((b = BN_bin2bn(md, 16, NULL)) != NULL);
	must(BN_to_ASN1_INTEGER(b, X509_get_serialNumber(cert)) != NULL);
	BN_free(b);
}

static X509 *
cert_new(const struct ca *c, const char *cn, EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *n = name_new(cn);

	must(x != NULL && X509_set_version(x, X509_VERSION_3) == 1);
	serial_set(x, cn);
	must(ASN1_TIME_set(X509_getm_notBefore(x), c->from) != NULL);
	must(ASN1_TIME_set(X509_getm_notAfter(x), c->until) != NULL);
	must(X509_set_subject_name(x, n) == 1 && X509_set_pubkey(x, key) == 1);
	X509_NAME_free(n);
	return x;
}

static void
keep_der(struct ca *c)
{
	int len = i2d_X509(c->cert, &c->der);

	must(len > 0);
	c->der_len = (size_t)len;
}

static struct ca *
ca_make(int64_t now)
{
	struct ca *c = calloc(1, sizeof(*c));

	must(c != NULL);
	c->from = now - 3600;
	c->until = now + DAYS * 86400;
	c->pad = PAD;
	return c;
}

struct ca *
ca_new(const uint8_t seed[CA_SEED_LEN], int64_t now)
{
	struct ca *c = ca_make(now);

	c->key = key_new(seed);
	c->cert = cert_new(c, "Example CA", c->key);
	must(
	    X509_set_issuer_name(c->cert, X509_get_subject_name(c->cert)) == 1);
	extend(c->cert, c->cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(c->cert, c->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	extend(c->cert, c->cert, NID_subject_key_identifier, "hash");
	must(X509_sign(c->cert, c->key, NULL) > 0);
	keep_der(c);
	return c;
}

struct ca *
ca_from(struct chunk cert_pem, struct chunk key_pem, int64_t now)
{
	struct ca *c = ca_make(now);
	BIO *cert = BIO_new_mem_buf(cert_pem.p, (int)cert_pem.len);
	BIO *key = BIO_new_mem_buf(key_pem.p, (int)key_pem.len);

	must(cert != NULL && key != NULL);
	c->cert = PEM_read_bio_X509(cert, NULL, NULL, NULL);
	c->key = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
	BIO_free(cert);
	BIO_free(key);
	must(c->cert != NULL && c->key != NULL);
	keep_der(c);
	return c;
}

void
ca_free(struct ca **c)
{
	EVP_PKEY_free((*c)->key);
	X509_free((*c)->cert);
	OPENSSL_free((*c)->der);
	free(*c);
	*c = NULL;
}

struct chunk
ca_cert(const struct ca *c)
{
	return (struct chunk){ c->der, c->der_len };
}

static X509 *
leaf_cert(struct ca *c, const struct leaf *l, size_t pad)
{
	X509 *x = cert_new(c, l->name, l->key);
	char san[256];

	must(X509_set_issuer_name(x, X509_get_subject_name(c->cert)) == 1);
	extend(x, c->cert, NID_basic_constraints, "critical,CA:FALSE");
	extend(x, c->cert, NID_key_usage, "critical,digitalSignature");
	extend(x, c->cert, NID_ext_key_usage, "ipsecIKE,serverAuth,clientAuth");
	extend(x, c->cert, NID_subject_key_identifier, "hash");
	extend(x, c->cert, NID_authority_key_identifier, "keyid");
	snprintf(san, sizeof(san), "DNS:%s.%.*s", l->name, (int)pad,
	    "unit.battalion.brigade.division.corps.army.example");
	extend(x, c->cert, NID_subject_alt_name, san);
	must(X509_sign(x, c->key, NULL) > 0);
	return x;
}

/* How long the name in the subjectAltName must be, after one of n octets. */
static size_t
pad_for(const struct ca *c, int n)
{
	int pad = (int)c->pad + LEAF_LEN - n;

	return pad > 0 ? (size_t)pad : 0;
}

void
ca_leaf(struct ca *c, const char *name, const uint8_t seed[CA_SEED_LEN],
    struct leaf *out)
{
	X509 *x;
	size_t pad;
	int n;

	*out = (struct leaf){ .key = key_new(seed) };
	must((size_t)snprintf(out->name, sizeof(out->name), "%s", name) <
	     sizeof(out->name));
	x = leaf_cert(c, out, c->pad);
	if ((pad = pad_for(c, i2d_X509(x, NULL))) != c->pad) {
		X509_free(x);
		c->pad = pad;
		x = leaf_cert(c, out, pad);
	}
	n = i2d_X509(x, &out->der);
	must(n == LEAF_LEN || (n > LEAF_LEN && c->pad == 0));
	out->der_len = (size_t)n;
	out->dn_len = ca_dn(name, out->dn);
	X509_free(x);
}

void
leaf_fini(struct leaf *l)
{
	EVP_PKEY_free(l->key);
	OPENSSL_free(l->der);
	*l = (struct leaf){ 0 };
}

static char *
taken(BIO *b)
{
	char *p, *text;
	long n = BIO_get_mem_data(b, &p);

	must(n > 0 && (text = strndup(p, (size_t)n)) != NULL);
	BIO_free(b);
	return text;
}

char *
cert_pem(struct chunk der)
{
	BIO *b = BIO_new(BIO_s_mem());

	must(b != NULL &&
	     PEM_write_bio(b, PEM_STRING_X509, "", der.p, (long)der.len) > 0);
	return taken(b);
}

char *
leaf_key_pem(const struct leaf *l)
{
	BIO *b = BIO_new(BIO_s_mem());

	must(b != NULL && PEM_write_bio_PKCS8PrivateKey(
			      b, l->key, NULL, NULL, 0, NULL, NULL) == 1);
	return taken(b);
}
