/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "policyd/core/x509_int.h"
#include "policyd/core/x509_trust.h"

struct x509_trust *
x509_trust_new(bool crl_required)
{
	struct x509_trust *t = calloc(1, sizeof(*t));
	X509_VERIFY_PARAM *p;

	if (t == NULL)
		return NULL;
	t->crl_required = crl_required;
	t->store = X509_STORE_new();
	t->ctx = X509_STORE_CTX_new();
	t->untrusted = sk_X509_new_reserve(NULL, X509_CHAIN_MAX);
	if (t->store == NULL || t->ctx == NULL || t->untrusted == NULL) {
		x509_trust_free(&t);
		return NULL;
	}
	p = X509_STORE_get0_param(t->store);
	/* An anchor need not be a root: its operator put it there. */
	X509_VERIFY_PARAM_set_flags(
	    p, X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_depth(p, X509_CHAIN_MAX - 2);
	return t;
}

void
x509_trust_free(struct x509_trust **t)
{
	if (*t == NULL)
		return;
	for (size_t i = 0; i < (*t)->n_anchor; i++)
		X509_free((*t)->anchor[i].x);
	for (size_t i = 0; i < (*t)->n_crl; i++) {
		X509_CRL_free((*t)->crl[i].crl);
		EVP_PKEY_free((*t)->crl[i].by);
	}
	for (size_t i = 0; i < NITEMS((*t)->kept); i++)
		x509_kept_free(&(*t)->kept[i]);
	sk_X509_free((*t)->untrusted);
	X509_STORE_CTX_free((*t)->ctx);
	X509_STORE_free((*t)->store);
	free(*t);
	*t = NULL;
}

/* -- anchors --------------------------------------------------------------- */

int
x509_pem_next(
    BIO *bio, const char *kind, uint8_t **der, long *len, const char **why)
{
	char *name = NULL, *header = NULL;
	bool ok;

	*der = NULL;
	if (PEM_read_bio(bio, &name, &header, der, len) != 1) {
		ok = ERR_GET_REASON(ERR_peek_last_error()) ==
		     PEM_R_NO_START_LINE;
		x509_forget();
		return ok ? 1 : -EINVAL;
	}
	ok = strcmp(name, kind) == 0 && *header == '\0';
	OPENSSL_free(name);
	OPENSSL_free(header);
	if (ok)
		return 0;
	*why = "holds a PEM block of another kind";
	OPENSSL_clear_free(*der, (size_t)*len);
	*der = NULL;
	return -EINVAL;
}

/* SHA-1 of the SubjectPublicKeyInfo (RFC 7296 3.7). */
static int
keyid(X509 *x, uint8_t out[X509_KEYID_LEN])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	bool ok = n > 0 && EVP_Q_digest(NULL, "SHA1", NULL, der, (size_t)n, out,
			       NULL) == 1;

	OPENSSL_free(der);
	return ok ? 0 : -EINVAL;
}

static int
anchor_add(struct x509_trust *t, struct chunk der, const char **why)
{
	struct anchor *a = &t->anchor[t->n_anchor];
	const uint8_t *p = der.p;
	struct sig_alg alg;
	struct chunk spki;

	*why = "more than 16 anchors";
	if (t->n_anchor == X509_ANCHORS_MAX)
		return -EINVAL;
	*why = "has a certificate that cannot be read, or whose key or "
	       "signature is of a kind that is not used here";
	if (x509_scan(der, &alg, &spki) ||
	    (a->x = d2i_X509(NULL, &p, (long)der.len)) == NULL)
		return -EINVAL;
	t->n_anchor++;
	if (sig_key_of(&a->key, X509_get0_pubkey(a->x), why))
		return -EINVAL;
	*why = "has a certificate that is not of an authority (no CA:TRUE)";
	if (X509_check_ca(a->x) != 1)
		return -EINVAL;
	*why = "has a certificate that OpenSSL does not take";
	if (keyid(a->x, t->keyid + X509_KEYID_LEN * (t->n_anchor - 1)) ||
	    X509_STORE_add_cert(t->store, a->x) != 1)
		return -EINVAL;
	return 0;
}

int
x509_trust_anchors(struct x509_trust *t, struct chunk pem, const char **why)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	size_t before = t->n_anchor;
	uint8_t *der;
	long len;
	int r = bio == NULL ? -EINVAL : 0;

	*why = "holds no certificate in PEM";
	while (r == 0) {
		*why = "cannot be read as PEM";
		r = x509_pem_next(bio, "CERTIFICATE", &der, &len, why);
		if (r == 0) {
			r = anchor_add(
			    t, (struct chunk){ der, (size_t)len }, why);
			OPENSSL_free(der);
		}
	}
	BIO_free(bio);
	x509_forget();
	if (r == 1 && t->n_anchor == before)
		*why = "holds no certificate in PEM";
	return r == 1 && t->n_anchor > before ? 0 : -EINVAL;
}

struct chunk
x509_trust_keyids(const struct x509_trust *t)
{
	return (struct chunk){ t->keyid, X509_KEYID_LEN * t->n_anchor };
}

bool
x509_trust_has(const struct x509_trust *t, enum sig_kind kind)
{
	for (size_t i = 0; i < t->n_anchor; i++)
		if (t->anchor[i].key.kind == kind)
			return true;
	return false;
}

const char *
x509_trust_warning(const struct x509_trust *t, int64_t now)
{
	for (size_t i = 0; i < t->n_anchor; i++) {
		const X509 *x = t->anchor[i].x;

		if (x509_epoch(X509_get0_notBefore(x)) > now ||
		    x509_epoch(X509_get0_notAfter(x)) < now)
			return "an anchor is not valid now";
	}
	for (size_t i = 0; i < t->n_crl; i++)
		if (t->crl[i].from > now || t->crl[i].until < now)
			return "a CRL is not valid now: who it is about is "
			       "refused";
	return NULL;
}

/* -- CRLs ------------------------------------------------------------------ */

/* Whose signature it is; that never changes, so it is asked once. */
static bool
is_signed_by(struct crl *c, EVP_PKEY *key)
{
	if (c->by != NULL)
		return EVP_PKEY_eq(c->by, key) == 1;
	if (X509_CRL_verify(c->crl, key) != 1) {
		x509_forget();
		return false;
	}
	c->by = key;
	return EVP_PKEY_up_ref(key) == 1;
}

/* Says that the CRL is not about everything, or something we do not know. */
static bool
narrows(X509_EXTENSION *e)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));

	return X509_EXTENSION_get_critical(e) || nid == NID_delta_crl ||
	       nid == NID_issuing_distribution_point;
}

/* One that is about everything its issuer signed, and says until when. */
static const char *
crl_fault(const struct crl *c)
{
	struct sig_alg alg;
	const X509_ALGOR *a;
	unsigned char *der = NULL;
	int n;
	bool ok;

	X509_CRL_get0_signature(c->crl, NULL, &a);
	n = i2d_X509_ALGOR(a, &der);
	ok = n > 0 && sig_alg_get((struct chunk){ der, (size_t)n }, &alg) == 0;
	OPENSSL_free(der);
	if (!ok)
		return "has a CRL with a signature of a kind that is not used "
		       "here";
	for (int i = 0; i < X509_CRL_get_ext_count(c->crl); i++)
		if (narrows(X509_CRL_get_ext(c->crl, i)))
			return "has a CRL that is not complete (delta or "
			       "partial): get the complete one";
	if (c->from == INT64_MIN || c->until == INT64_MIN)
		return "has a CRL that does not say until when it is good";
	return NULL;
}

static int
crl_add(struct x509_trust *t, struct chunk der, const char **why)
{
	struct crl *c = &t->crl[t->n_crl];
	const uint8_t *p = der.p;
	bool known = false, ok = false;

	*why = "more than 64 CRLs";
	if (t->n_crl == X509_CRLS_MAX)
		return -EINVAL;
	*why = "has a CRL that cannot be read";
	c->crl = d2i_X509_CRL(NULL, &p, (long)der.len);
	if (c->crl == NULL)
		return -EINVAL;
	t->n_crl++;
	c->from = x509_epoch(X509_CRL_get0_lastUpdate(c->crl));
	c->until = x509_epoch(X509_CRL_get0_nextUpdate(c->crl));
	if (p != der.p + der.len || (*why = crl_fault(c)) != NULL)
		return -EINVAL;
	for (size_t i = 0; i < t->n_anchor && !ok; i++) {
		X509 *x = t->anchor[i].x;

		if (X509_NAME_cmp(X509_CRL_get_issuer(c->crl),
			X509_get_subject_name(x)) != 0)
			continue;
		known = true;
		ok = is_signed_by(c, t->anchor[i].key.pkey);
	}
	/* One of an intermediate authority is verified when that one shows. */
	*why = "has a CRL in the name of an anchor, but not signed by it";
	return known && !ok ? -EINVAL : 0;
}

int
x509_trust_crls(struct x509_trust *t, struct chunk file, const char **why)
{
	BIO *bio;
	size_t before = t->n_crl;
	uint8_t *der;
	long len;
	int r;

	if (file.len > 0 && file.p[0] == 0x30) {
		r = crl_add(t, file, why);
		x509_forget();
		return r;
	}
	*why = "holds no CRL in PEM or DER";
	bio = BIO_new_mem_buf(file.p, (int)file.len);
	r = bio == NULL ? -EINVAL : 0;
	while (r == 0) {
		*why = "cannot be read as PEM";
		r = x509_pem_next(bio, "X509 CRL", &der, &len, why);
		if (r == 0) {
			r = crl_add(t, (struct chunk){ der, (size_t)len }, why);
			OPENSSL_free(der);
		}
	}
	BIO_free(bio);
	x509_forget();
	if (r == 1 && t->n_crl == before)
		*why = "holds no CRL in PEM or DER";
	return r == 1 && t->n_crl > before ? 0 : -EINVAL;
}

/* The newest of those that the issuer signed; *named: there is any. */
static struct crl *
crl_of(struct x509_trust *t, const X509 *issuer, EVP_PKEY *key, bool *named)
{
	struct crl *best = NULL;

	*named = false;
	for (size_t i = 0; i < t->n_crl; i++) {
		struct crl *c = &t->crl[i];

		if (X509_NAME_cmp(X509_CRL_get_issuer(c->crl),
			X509_get_subject_name(issuer)) != 0)
			continue;
		*named = true;
		if (is_signed_by(c, key) &&
		    (best == NULL || c->from > best->from))
			best = c;
	}
	return best;
}

enum auth_cause
x509_crl_check(struct x509_trust *t, X509 *x, X509 *issuer, int64_t now,
    int64_t *until, const char **why)
{
	X509_REVOKED *rev;
	struct crl *c;
	bool named;

	if (t->n_crl == 0 && !t->crl_required)
		return AC_NONE;
	c = crl_of(t, issuer, X509_get0_pubkey(issuer), &named);
	*why = "no CRL of the certificate's issuer";
	if (!named)
		return t->crl_required ? AC_UNTRUSTED : AC_NONE;
	*why = "the CRL in the issuer's name is not signed by the issuer";
	if (c == NULL || (X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0)
		return AC_UNTRUSTED;
	*why = "the CRL of the certificate's issuer is not valid now";
	if (now < c->from || now >= c->until)
		return AC_EXPIRED;
	*why = "the certificate is revoked";
	if (X509_CRL_get0_by_cert(c->crl, &rev, x) == 1)
		return AC_REVOKED;
	if (c->until < *until)
		*until = c->until;
	return AC_NONE;
}
