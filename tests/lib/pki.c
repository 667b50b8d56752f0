/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "common/dn.h"
#include "tests/lib/pki.h"

#define ok(expr) assert_true(expr)
#define RING 8
#define OCTETS_MAX 65536

/* A place in the ring, which the eighth next one will have as well. */
static uint8_t *
ring(void)
{
	static uint8_t buf[RING][OCTETS_MAX];
	static unsigned int n;

	return buf[n++ % RING];
}

EVP_PKEY *
pki_rsa(unsigned int bits)
{
	EVP_PKEY *key = EVP_RSA_gen(bits);

	assert_non_null(key);
	return key;
}

EVP_PKEY *
pki_curve(const char *name)
{
	EVP_PKEY *key = EVP_EC_gen(name);

	assert_non_null(key);
	return key;
}

EVP_PKEY *
pki_key(enum pki_alg alg)
{
	static EVP_PKEY *rsa;
	EVP_PKEY *key;

	switch (alg) {
	case PKI_P256:
		return pki_curve("P-256");
	case PKI_P384:
		return pki_curve("P-384");
	case PKI_RSA:
		if (rsa == NULL)
			rsa = pki_rsa(3072);
		ok(EVP_PKEY_up_ref(rsa));
		return rsa;
	default:
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		assert_non_null(key);
		return key;
	}
}

static void
set_name(X509 *x, const char *dn, bool subject)
{
	uint8_t der[DN_MAX];
	const uint8_t *p = der;
	X509_NAME *name;
	size_t len;

	assert_int_equal(dn_parse(dn, der, sizeof(der), &len), 0);
	name = d2i_X509_NAME(NULL, &p, (long)len);
	assert_non_null(name);
	ok(subject ? X509_set_subject_name(x, name)
		   : X509_set_issuer_name(x, name));
	X509_NAME_free(name);
}

static const char *
extra(const struct pki_want *w, const char *name, const char *usual)
{
	for (size_t i = 0; i < NITEMS(w->ext) && w->ext[i][0] != NULL; i++)
		if (strcmp(w->ext[i][0], name) == 0)
			return w->ext[i][1];
	return usual;
}

static void
add(X509 *x, const struct pki_cert *issuer, const char *name, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX ctx;

	if (value == NULL || *value == '\0')
		return;
	X509V3_set_ctx(&ctx, issuer == NULL ? x : issuer->x, x, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	e = X509V3_EXT_conf(NULL, &ctx, name, value);
	if (e == NULL)
		fail_msg("extension %s = %s", name, value);
	ok(X509_add_ext(x, e, -1));
	X509_EXTENSION_free(e);
}

static void
add_extensions(X509 *x, const struct pki_want *w)
{
	static const char *const usual[] = { "subjectKeyIdentifier",
		"authorityKeyIdentifier", "basicConstraints", "keyUsage" };

	add(x, NULL, usual[0], extra(w, usual[0], "hash"));
	if (w->issuer != NULL)
		add(x, w->issuer, usual[1], extra(w, usual[1], "keyid"));
	add(x, NULL, usual[2],
	    extra(w, usual[2], w->ca ? "critical,CA:TRUE" : NULL));
	add(x, NULL, usual[3],
	    extra(w, usual[3],
		w->ca ? "critical,keyCertSign,cRLSign"
		      : "critical,digitalSignature"));
	for (size_t i = 0; i < NITEMS(w->ext) && w->ext[i][0] != NULL; i++) {
		bool done = false;

		for (size_t k = 0; k < NITEMS(usual); k++)
			done = done || strcmp(usual[k], w->ext[i][0]) == 0;
		if (!done)
			add(x, w->issuer, w->ext[i][0], w->ext[i][1]);
	}
	if (w->padding > 0) {
		char *text = malloc(w->padding * 2 + 8);

		strcpy(text, "DER:");
		for (size_t i = 0; i < w->padding; i++)
			sprintf(text + 4 + 2 * i, "41");
		add(x, NULL, "1.3.6.1.4.1.99999.1", text);
		free(text);
	}
}

static void
sign(X509 *x, EVP_PKEY *key, const struct pki_want *w)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	const char *md = w->md;

	if (md == NULL && EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519)
		md = EVP_PKEY_get_bits(key) == 384 ? "SHA2-384" : "SHA2-256";
	ok(EVP_DigestSignInit_ex(ctx, &pctx, md, NULL, NULL, key, NULL));
	if (w->pss) {
		ok(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) >
		    0);
		ok(EVP_PKEY_CTX_set_rsa_pss_saltlen(
		       pctx, RSA_PSS_SALTLEN_DIGEST) > 0);
	}
	ok(X509_sign_ctx(x, ctx) > 0);
	EVP_MD_CTX_free(ctx);
}

void
pki_make(struct pki_cert *c, const struct pki_want *w)
{
	static long serial = 1000;
	int64_t from = w->from ? w->from : PKI_NOW - PKI_DAY;
	int64_t until = w->until ? w->until : PKI_NOW + 365 * PKI_DAY;
	uint8_t *p = c->der;
	int len;

	c->key = w->key != NULL ? w->key : pki_key(w->alg);
	c->x = X509_new();
	ok(X509_set_version(c->x, X509_VERSION_3));
	ok(ASN1_INTEGER_set(X509_get_serialNumber(c->x), ++serial));
	set_name(c->x, w->dn, true);
	if (w->issuer == NULL)
		set_name(c->x, w->dn, false);
	else
		ok(X509_set_issuer_name(
		    c->x, X509_get_subject_name(w->issuer->x)));
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(c->x), from));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(c->x), until));
	ok(X509_set_pubkey(c->x, c->key));
	add_extensions(c->x, w);
	sign(c->x, w->issuer != NULL ? w->issuer->key : c->key, w);
	len = i2d_X509(c->x, NULL);
	ok(len > 0 && (size_t)len <= sizeof(c->der));
	c->len = (size_t)i2d_X509(c->x, &p);
}

void
pki_free(struct pki_cert *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->key);
	memset(c, 0, sizeof(*c));
}

struct chunk
pki_chain(const struct pki_cert *const *v, size_t n)
{
	uint8_t *buf = ring();
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		memcpy(buf + len, v[i]->der, v[i]->len);
		len += v[i]->len;
	}
	return (struct chunk){ buf, len };
}

static void
revoke(X509_CRL *crl, X509 *x)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, PKI_NOW - PKI_DAY);

	ok(X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(x)));
	ok(X509_REVOKED_set_revocationDate(r, t));
	ok(X509_CRL_add0_revoked(crl, r));
	ASN1_TIME_free(t);
}

static void
set_times(X509_CRL *crl, const struct pki_crl *w)
{
	ASN1_TIME *t;

	t = ASN1_TIME_set(NULL, w->from ? w->from : PKI_NOW - PKI_DAY);
	ok(X509_CRL_set1_lastUpdate(crl, t));
	ASN1_TIME_free(t);
	if (w->endless)
		return;
	t = ASN1_TIME_set(NULL, w->until ? w->until : PKI_NOW + PKI_DAY);
	ok(X509_CRL_set1_nextUpdate(crl, t));
	ASN1_TIME_free(t);
}

struct chunk
pki_crl(const struct pki_crl *w)
{
	X509_CRL *crl = X509_CRL_new();
	EVP_PKEY *key = w->key != NULL ? w->key : w->issuer->key;
	const EVP_MD *md =
	    EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha384();
	uint8_t *buf = ring(), *p = buf;
	int len;

	ok(X509_CRL_set_version(crl, X509_CRL_VERSION_2));
	ok(X509_CRL_set_issuer_name(crl, X509_get_subject_name(w->issuer->x)));
	set_times(crl, w);
	for (size_t i = 0; i < NITEMS(w->revoked); i++)
		if (w->revoked[i] != NULL)
			revoke(crl, w->revoked[i]->x);
	if (w->delta != 0) {
		ASN1_INTEGER *base = ASN1_INTEGER_new();

		ok(ASN1_INTEGER_set(base, 1));
		ok(X509_CRL_add1_ext_i2d(
		    crl, NID_delta_crl, base, w->delta == 1, 0));
		ASN1_INTEGER_free(base);
	}
	ok(X509_CRL_sort(crl));
	ok(X509_CRL_sign(crl, key, md) > 0);
	len = i2d_X509_CRL(crl, NULL);
	ok(len > 0 && len <= OCTETS_MAX);
	(void)i2d_X509_CRL(crl, &p);
	X509_CRL_free(crl);
	return (struct chunk){ buf, (size_t)len };
}

static struct chunk
take(BIO *bio)
{
	uint8_t *buf = ring();
	int len = BIO_read(bio, buf, OCTETS_MAX);

	ok(len > 0);
	BIO_free(bio);
	return (struct chunk){ buf, (size_t)len };
}

struct chunk
pki_pem(const char *kind, struct chunk der)
{
	BIO *bio = BIO_new(BIO_s_mem());

	ok(PEM_write_bio(bio, kind, "", der.p, (long)der.len) > 0);
	return take(bio);
}

struct chunk
pki_key_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	ok(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	return take(bio);
}

struct chunk
pki_join(struct chunk a, struct chunk b)
{
	uint8_t *buf = ring();

	ok(a.len + b.len <= OCTETS_MAX);
	memcpy(buf, a.p, a.len);
	memcpy(buf + a.len, b.p, b.len);
	return (struct chunk){ buf, a.len + b.len };
}
