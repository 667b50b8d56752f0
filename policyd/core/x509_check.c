/* SPDX-License-Identifier: ISC */
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "policyd/core/x509_trust.h"

/*
 * Path validation is OpenSSL's (RFC 5280 6); CRLs are looked at here, since
 * OpenSSL would verify their signatures each time, which costs as much as
 * everything else.
 */

/* What OpenSSL found, as counters show it. */
static enum auth_cause
cause_of(int err)
{
	switch (err) {
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return AC_EXPIRED;
	case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
	case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
	case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
	case X509_V_ERR_UNSPECIFIED:
	case X509_V_ERR_OUT_OF_MEM:
		return AC_NO_CERT;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_REJECTED:
	case X509_V_ERR_SUBJECT_ISSUER_MISMATCH:
	case X509_V_ERR_AKID_SKID_MISMATCH:
	case X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
		return AC_UNTRUSTED;
	default:
		/* Key usage, CA bit, path length, constraints, RFC 5280. */
		return AC_USAGE;
	}
}

static const struct sig_key *
key_of(const struct x509_trust *t, const struct x509_chain *c, const X509 *x,
    const struct sig_alg **alg)
{
	*alg = NULL;
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].x == x) {
			*alg = &c->v[i].alg;
			return &c->v[i].key;
		}
	for (size_t i = 0; i < t->n_anchor; i++)
		if (t->anchor[i].x == x)
			return &t->anchor[i].key;
	return NULL;
}

/* An anchor's own signature proves nothing and is not looked at. */
static bool
is_cnsa(const struct x509_trust *t, const struct x509_chain *c, const X509 *x)
{
	const struct sig_alg *alg;
	const struct sig_key *k = key_of(t, c, x, &alg);

	return k != NULL && k->kind == SIG_P384 &&
	       (alg == NULL ||
		   (alg->scheme == SIG_ECDSA && alg->hash == SIG_SHA384));
}

/*
 * A certificate that says what it is for must say IKE or anything (RFC 4945
 * 5.1.3.12); an authority's own is for signing certificates.
 */
static const char *
purpose_fault(X509 *leaf)
{
	EXTENDED_KEY_USAGE *eku;
	uint32_t flags = X509_get_extension_flags(leaf);
	bool ike = false;

	if ((flags & EXFLAG_CA) != 0)
		return "the certificate is an authority's";
	if ((X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) == 0)
		return "the certificate's key is not for signatures (key "
		       "usage)";
	if ((flags & EXFLAG_XKUSAGE) == 0)
		return NULL;
	eku = X509_get_ext_d2i(leaf, NID_ext_key_usage, NULL, NULL);
	for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
		int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(eku, i));

		ike |= nid == NID_ipsec_IKE || nid == NID_anyExtendedKeyUsage;
	}
	EXTENDED_KEY_USAGE_free(eku);
	return ike ? NULL
		   : "the certificate is for something else than IKE (extended "
		     "key usage)";
}

static bool
is_sent(const struct x509_chain *c, const X509 *x)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].x == x)
			return true;
	return false;
}

/* What OpenSSL does not look at, from the leaf to the anchor. */
static enum auth_cause
walk(struct x509_trust *t, const struct x509_chain *c, STACK_OF(X509) * path,
    int64_t now, bool p384, int64_t *until, const char **why)
{
	enum auth_cause cause;
	int n = sk_X509_num(path);
	size_t used = 0;

	for (int i = 0; i < n; i++) {
		X509 *x = sk_X509_value(path, i);
		int64_t end = x509_epoch(X509_get0_notAfter(x));

		used += is_sent(c, x);
		t->no_ballast = used == c->n;
		if (end < *until)
			*until = end;
		*why = "suite cnsa: a certificate is not P-384 with SHA-384";
		if (p384 && !is_cnsa(t, c, x))
			return AC_METHOD;
		if (i + 1 == n)
			break;
		cause = x509_crl_check(
		    t, x, sk_X509_value(path, i + 1), now, until, why);
		if (cause != AC_NONE)
			return cause;
	}
	return AC_NONE;
}

static enum auth_cause
verify(struct x509_trust *t, const struct x509_chain *c, int64_t now,
    const char **why)
{
	int err;

	*why = "out of memory";
	for (size_t i = 1; i < c->n; i++)
		if (sk_X509_push(t->untrusted, c->v[i].x) == 0)
			return AC_NO_CERT;
	if (X509_STORE_CTX_init(t->ctx, t->store, c->v[0].x, t->untrusted) != 1)
		return AC_NO_CERT;
	X509_STORE_CTX_set_time(t->ctx, 0, (time_t)now);
	if (X509_verify_cert(t->ctx) == 1)
		return AC_NONE;
	err = X509_STORE_CTX_get_error(t->ctx);
	*why = X509_verify_cert_error_string(err);
	return cause_of(err);
}

enum auth_cause
x509_check(struct x509_trust *t, const struct x509_chain *c, int64_t now,
    bool p384, uint32_t *valid_s, const char **why)
{
	int64_t until = INT64_MAX;
	enum auth_cause cause;

	t->no_ballast = false;
	if ((*why = purpose_fault(c->v[0].x)) != NULL)
		return AC_USAGE;
	cause = verify(t, c, now, why);
	if (cause == AC_NONE)
		cause = walk(t, c, X509_STORE_CTX_get0_chain(t->ctx), now, p384,
		    &until, why);
	X509_STORE_CTX_cleanup(t->ctx);
	sk_X509_zero(t->untrusted);
	x509_forget();
	if (cause != AC_NONE)
		return cause;
	*valid_s =
	    until - now > UINT32_MAX ? UINT32_MAX : (uint32_t)(until - now);
	return AC_NONE;
}
