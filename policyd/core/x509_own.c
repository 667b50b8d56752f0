/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/der.h"
#include "common/wire.h"
#include "policyd/core/x509_int.h"

struct x509_own {
	struct x509_chain *chain;
	struct chunk cert[X509_CHAIN_MAX]; /* in der */
	size_t n;			   /* to be sent */
	EVP_PKEY *pkey;
	struct sig_key key;
	uint8_t der[X509_CHAIN_MAX * X509_DER_MAX];
};

/* The certificates of a PEM file, back to back. */
static int
collect(struct wbuf *wb, struct chunk pem, const char **why)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	uint8_t *der;
	long len;
	int r = bio == NULL ? -EINVAL : 0;

	*why = "holds no certificate in PEM";
	while (r == 0) {
		*why = "cannot be read as PEM";
		r = x509_pem_next(bio, "CERTIFICATE", &der, &len, why);
		if (r != 0)
			break;
		*why = "is longer than 4 certificates of 4096 octets";
		r = wb_put(wb, der, (size_t)len) ? -EINVAL : 0;
		OPENSSL_free(der);
	}
	BIO_free(bio);
	if (r == 1 && wb->len == 0)
		*why = "holds no certificate in PEM";
	return r == 1 ? (wb->len == 0 ? -EINVAL : 0) : r;
}

static int
chain_order(const struct x509_chain *c, const char **why)
{
	*why = "the first certificate must be the host's own, which no "
	       "authority is";
	if (X509_check_ca(c->v[0].x) != 0)
		return -EINVAL;
	*why = "its key usage has no digitalSignature";
	if ((X509_get_key_usage(c->v[0].x) & KU_DIGITAL_SIGNATURE) == 0)
		return -EINVAL;
	*why = "the certificates are not in order: the host's own first, "
	       "then each one's issuer";
	for (size_t i = 0; i + 1 < c->n; i++)
		if (X509_check_issued(c->v[i + 1].x, c->v[i].x) != X509_V_OK)
			return -EINVAL;
	return 0;
}

/* An anchor at the end is what the peer has itself. */
static void
split(struct x509_own *o, size_t len)
{
	const struct x509_chain *c = o->chain;
	struct rbuf rb, body;
	uint8_t tag;

	rb_init(&rb, o->der, len);
	while (o->n < c->n && der_next(&rb, &tag, &body, &o->cert[o->n]) == 0)
		o->n++;
	if (o->n > 1 &&
	    (X509_get_extension_flags(c->v[o->n - 1].x) & EXFLAG_SS) != 0)
		o->n--;
}

int
x509_own_new(struct x509_own **out, struct chunk pem, const char **why)
{
	struct x509_own *o = calloc(1, sizeof(*o));
	struct wbuf wb;
	int r;

	*why = "out of memory";
	if (o == NULL)
		return -ENOMEM;
	wb_init(&wb, o->der, sizeof(o->der));
	r = collect(&wb, pem, why);
	if (r == 0 && x509_chain_get(&o->chain,
			  (struct chunk){ o->der, wb.len }, why) != AC_NONE)
		r = -EINVAL;
	if (r == 0)
		r = chain_order(o->chain, why);
	if (r == 0 && x509_key(o->chain)->bits > SIG_RSA_HOST_MAX) {
		*why = "a host's RSA key must have 3072 to 4096 bits";
		r = -EINVAL;
	}
	if (r == 0) {
		split(o, wb.len);
		*out = o;
		return 0;
	}
	x509_forget();
	x509_own_free(&o);
	return r;
}

static EVP_PKEY *
decode(const uint8_t *der, long len)
{
	const uint8_t *p = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, len);
	EVP_PKEY *pkey = info == NULL ? NULL : EVP_PKCS82PKEY(info);

	PKCS8_PRIV_KEY_INFO_free(info);
	return pkey;
}

int
x509_own_pkey(struct x509_own *o, EVP_PKEY *pkey, const char **why)
{
	int r = 0;

	*why = "has a private key that cannot be read";
	o->pkey = pkey;
	if (pkey == NULL || sig_key_of(&o->key, pkey, why))
		r = -EINVAL;
	if (r == 0 && EVP_PKEY_eq(x509_key(o->chain)->pkey, pkey) != 1) {
		*why = "is not the key of the host's certificate";
		r = -EINVAL;
	}
	x509_forget();
	return r;
}

int
x509_own_key(struct x509_own *o, struct chunk pem, const char **why)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	uint8_t *der = NULL;
	long len = 0;
	int r = -EINVAL;

	*why = "cannot be read as PEM";
	if (bio == NULL)
		return -EINVAL;
	r = x509_pem_next(bio, "PRIVATE KEY", &der, &len, why);
	BIO_free(bio);
	if (r != 0) {
		*why = "is not a private key in PEM, PKCS #8, not encrypted "
		       "(openssl pkcs8 -topk8 -nocrypt makes one)";
		return -EINVAL;
	}
	r = x509_own_pkey(o, decode(der, len), why);
	OPENSSL_clear_free(der, (size_t)len);
	return r;
}

void
x509_own_free(struct x509_own **o)
{
	if (*o == NULL)
		return;
	x509_chain_free(&(*o)->chain);
	EVP_PKEY_free((*o)->pkey); /* wipes */
	free(*o);
	*o = NULL;
}

const struct sig_key *
x509_own_signer(const struct x509_own *o)
{
	return &o->key;
}

const struct x509_chain *
x509_own_chain(const struct x509_own *o)
{
	return o->chain;
}

struct chunk
x509_own_der(const struct x509_own *o, size_t i)
{
	return i < o->n ? o->cert[i] : (struct chunk){ NULL, 0 };
}
