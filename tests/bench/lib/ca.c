/* SPDX-License-Identifier: ISC */
#include "tests/bench/lib/ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAYS 30
#define PAD 20 /* to begin with */

struct ca {
	EVP_PKEY *key;
	X509 *cert;
	uint8_t *der;
	size_t der_len;
	long serial;
	size_t pad; /* what made the last leaf as long as it is */
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
key_new(void)
{
	EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

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

/* Serial numbers of 16 octets, as a CA of our days has them. */
static void
serial_set(X509 *cert, long n)
{
	BIGNUM *b = BN_new();

	must(b != NULL && BN_set_word(b, 0x4d494b45) == 1 &&
	     BN_lshift(b, b, 96) == 1 && BN_add_word(b, (BN_ULONG)n) == 1);
	must(BN_to_ASN1_INTEGER(b, X509_get_serialNumber(cert)) != NULL);
	BN_free(b);
}

static X509 *
cert_new(const char *cn, EVP_PKEY *key, long serial)
{
	X509 *x = X509_new();
	X509_NAME *n = name_new(cn);

	must(x != NULL && X509_set_version(x, X509_VERSION_3) == 1);
	serial_set(x, serial);
	must(X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL);
	must(X509_gmtime_adj(X509_getm_notAfter(x), DAYS * 86400L) != NULL);
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

struct ca *
ca_new(void)
{
	struct ca *c = calloc(1, sizeof(*c));

	must(c != NULL);
	c->key = key_new();
	c->cert = cert_new("Bench CA", c->key, 1);
	must(
	    X509_set_issuer_name(c->cert, X509_get_subject_name(c->cert)) == 1);
	extend(c->cert, c->cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(c->cert, c->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	extend(c->cert, c->cert, NID_subject_key_identifier, "hash");
	must(X509_sign(c->cert, c->key, NULL) > 0);
	c->serial = 1;
	c->pad = PAD;
	keep_der(c);
	return c;
}

static FILE *
open_in(const char *dir, const char *name)
{
	char path[512];
	FILE *f;

	must((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) <
	     sizeof(path));
	if ((f = fopen(path, "r")) == NULL) {
		fprintf(stderr, "%s: cannot read it; make it with mkpki.sh\n",
		    path);
		exit(66);
	}
	return f;
}

struct ca *
ca_load(const char *dir)
{
	struct ca *c = calloc(1, sizeof(*c));
	FILE *cert = open_in(dir, "ca.pem"), *key = open_in(dir, "ca.key");

	must(c != NULL);
	c->cert = PEM_read_X509(cert, NULL, NULL, NULL);
	c->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
	fclose(cert);
	fclose(key);
	must(c->cert != NULL && c->key != NULL);
	c->pad = PAD;
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
	X509 *x = cert_new(l->name, l->key, c->serial);
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

/* The name in the subjectAltName is as long as makes LEAF_LEN octets. */
void
ca_leaf(struct ca *c, const char *name, struct leaf *out)
{
	X509 *x;
	int n;

	*out = (struct leaf){ .key = key_new() };
	must((size_t)snprintf(out->name, sizeof(out->name), "%s", name) <
	     sizeof(out->name));
	c->serial++;
	x = leaf_cert(c, out, c->pad);
	if ((n = i2d_X509(x, NULL)) != LEAF_LEN) {
		X509_free(x);
		must(n < LEAF_LEN + (int)c->pad);
		c->pad += (size_t)(LEAF_LEN - n);
		x = leaf_cert(c, out, c->pad);
	}
	n = i2d_X509(x, &out->der);
	must(n == LEAF_LEN);
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
