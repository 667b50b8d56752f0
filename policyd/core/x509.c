/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/der.h"
#include "common/dn.h"
#include "policyd/core/idname.h"
#include "policyd/core/x509_int.h"

#define SECURE_HEAP 32768 /* some keys and the numbers of a signature */
#define SECURE_MIN 32

/*
 * The first look at a calendar opens /etc/localtime, and after the sandbox is
 * up a process that opens a file dies.  Whether our own chain gets as far as
 * its dates at the start depends on the anchors.
 */
static bool
calendar_is_open(void)
{
	ASN1_TIME *t = X509_gmtime_adj(NULL, 0);
	bool ok = t != NULL && X509_cmp_current_time(t) != 0;

	ASN1_TIME_free(t);
	return ok;
}

int
x509_init(void)
{
	if (calendar_is_open() && x509_leaf_init() == 0 &&
	    (CRYPTO_secure_malloc_initialized() ||
		CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_MIN) == 1))
		return 0;
	x509_forget();
	return -EIO;
}

void
x509_forget(void)
{
	ERR_clear_error();
}

/* -- reading --------------------------------------------------------------- */

#define OID(...)                                                               \
	{                                                                      \
		(const uint8_t[]){ __VA_ARGS__ },                              \
		    sizeof((const uint8_t[]){ __VA_ARGS__ })                   \
	}

/* Keys: the algorithm, and for curves which one. */
static const struct {
	struct chunk alg, curve;
} keys[] = {
	{ OID(0x2b, 0x65, 0x70), { NULL, 0 } },
	{ OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1),
	    OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7) },
	{ OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1), OID(0x2b, 0x81, 4, 0, 34) },
	{ OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1), { NULL, 0 } },
};

static bool
is_same(struct chunk a, struct chunk b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

/* SubjectPublicKeyInfo of a key that we use; sizes are looked at later. */
static int
scan_key(struct rbuf *spki)
{
	struct chunk alg, curve;
	struct rbuf seq;

	if (der_take(spki, DER_SEQUENCE, &seq) || der_oid(&seq, &alg))
		return -EBADMSG;
	for (size_t i = 0; i < NITEMS(keys); i++) {
		struct rbuf rest = seq;

		if (!is_same(alg, keys[i].alg))
			continue;
		if (keys[i].curve.len == 0)
			return 0;
		if (der_oid(&rest, &curve) == 0 &&
		    is_same(curve, keys[i].curve))
			return 0;
	}
	return -ENOTSUP;
}

/*
 * OpenSSL decodes keys of any kind while it parses.  So that only a few kinds
 * of code see a stranger's octets, it is not shown any others.
 */
int
x509_scan(struct chunk der, struct sig_alg *alg, struct chunk *spki)
{
	struct rbuf rb, cert, tbs, body;
	struct chunk sig;
	uint8_t tag;

	rb_init(&rb, der.p, der.len);
	if (der_take(&rb, DER_SEQUENCE, &cert) || rb_done(&rb) ||
	    der_take(&cert, DER_SEQUENCE, &tbs) ||
	    der_next(&cert, &tag, &body, &sig) || der_skip(&cert, DER_BITS) ||
	    rb_done(&cert))
		return -EBADMSG;
	if (der_is_next(&tbs, DER_CONTEXT(0)) && der_skip(&tbs, DER_CONTEXT(0)))
		return -EBADMSG;
	/* serial, signature, issuer, validity, subject */
	if (der_skip(&tbs, DER_INTEGER) || der_skip(&tbs, DER_SEQUENCE) ||
	    der_skip(&tbs, DER_SEQUENCE) || der_skip(&tbs, DER_SEQUENCE) ||
	    der_skip(&tbs, DER_SEQUENCE) || der_next(&tbs, &tag, &body, spki) ||
	    tag != DER_SEQUENCE)
		return -EBADMSG;
	if (sig_alg_get(sig, alg))
		return -ENOTSUP;
	return scan_key(&body);
}

/* RFC 8410 4: without parameters, 32 octets, so always the same head. */
static bool
is_ed25519(struct chunk spki)
{
	static const uint8_t head[] = { 0x30, 42, 0x30, 5, 6, 3, 0x2b, 0x65,
		0x70, 3, 33, 0 };

	return spki.len == sizeof(head) + 32 &&
	       memcmp(spki.p, head, sizeof(head)) == 0;
}

static X509 *
parse(struct chunk der)
{
	const uint8_t *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);

	if (x != NULL && p == der.p + der.len)
		return x;
	X509_free(x);
	return NULL;
}

static enum auth_cause
chain_add(struct x509_chain *c, struct chunk der, const char **why)
{
	struct sig_alg alg;
	struct chunk spki;
	EVP_PKEY *key;
	size_t i = c->n;
	X509 *x = NULL;
	int r;

	*why = "more than 4 certificates";
	if (i == X509_CHAIN_MAX)
		return AC_NO_CERT;
	*why = "a certificate has more than 4096 octets";
	if (der.len > X509_DER_MAX)
		return AC_NO_CERT;
	r = x509_scan(der, &alg, &spki);
	*why = "a certificate has a key or signature of a kind that is not "
	       "used here";
	if (r == -ENOTSUP)
		return AC_METHOD;
	*why = "a certificate cannot be read";
	if (r)
		return AC_NO_CERT;
	/* Of an issuer OpenSSL uses the key, so it must know it well. */
	if (i == 0 && is_ed25519(spki))
		x = x509_leaf_parse(der, spki, &c->leaf_key);
	if (x == NULL && (x = parse(der)) == NULL)
		return AC_NO_CERT;
	c->v[i].x = x;
	c->v[i].alg = alg;
	c->n++;
	key = i == 0 && c->leaf_key != NULL ? c->leaf_key : X509_get0_pubkey(x);
	return sig_key_of(&c->v[i].key, key, why) ? AC_METHOD : AC_NONE;
}

enum auth_cause
x509_chain_get(struct x509_chain **out, struct chunk certs, const char **why)
{
	struct x509_chain *c = calloc(1, sizeof(*c));
	enum auth_cause cause = AC_NONE;
	struct rbuf rb, body;
	struct chunk der;
	uint8_t tag;

	*why = c == NULL ? "out of memory" : "no certificate";
	if (c == NULL || certs.len == 0) {
		free(c);
		return AC_NO_CERT;
	}
	rb_init(&rb, certs.p, certs.len);
	while (cause == AC_NONE && rb_left(&rb) > 0) {
		*why = "a certificate cannot be read";
		if (der_next(&rb, &tag, &body, &der))
			cause = AC_NO_CERT;
		else
			cause = chain_add(c, der, why);
	}
	x509_forget();
	if (cause == AC_NONE)
		*out = c;
	else
		x509_chain_free(&c);
	return cause;
}

void
x509_chain_free(struct x509_chain **c)
{
	if (*c == NULL)
		return;
	for (size_t i = 0; i < (*c)->n; i++)
		X509_free((*c)->v[i].x);
	EVP_PKEY_free((*c)->leaf_key);
	free(*c);
	*c = NULL;
}

struct chunk
x509_subject(const struct x509_chain *c)
{
	X509_NAME *name = X509_get_subject_name(c->v[0].x);
	const unsigned char *p;
	size_t len;

	if (X509_NAME_get0_der(name, &p, &len) != 1)
		return (struct chunk){ NULL, 0 };
	return (struct chunk){ p, len };
}

const struct sig_key *
x509_key(const struct x509_chain *c)
{
	return &c->v[0].key;
}

bool
x509_is_p384(const struct x509_chain *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].key.kind != SIG_P384 ||
		    c->v[i].alg.scheme != SIG_ECDSA ||
		    c->v[i].alg.hash != SIG_SHA384)
			return false;
	return true;
}

/* -- names ----------------------------------------------------------------- */

/* Host names: letters of either case are the same; anything else is not. */
static bool
eq_nocase(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t x = a[i], y = b[i];

		if (x >= 'A' && x <= 'Z')
			x = (uint8_t)(x - 'A' + 'a');
		if (y >= 'A' && y <= 'Z')
			y = (uint8_t)(y - 'A' + 'a');
		if (x != y)
			return false;
	}
	return true;
}

/* What stands before the "@" belongs to the other host: octet by octet. */
static bool
eq_mail(const uint8_t *a, const uint8_t *b, size_t n)
{
	const uint8_t *at = memrchr(a, '@', n);
	size_t local = at == NULL ? 0 : (size_t)(at - a) + 1;

	return at != NULL && memcmp(a, b, local) == 0 &&
	       eq_nocase(a + local, b + local, n - local);
}

static bool
eq_name(uint8_t id_type, const GENERAL_NAME *g, struct chunk id)
{
	const ASN1_STRING *s;
	int type;

	s = GENERAL_NAME_get0_value(g, &type);
	switch (id_type) {
	case IDN_FQDN:
		if (type != GEN_DNS)
			return false;
		break;
	case IDN_RFC822:
		if (type != GEN_EMAIL)
			return false;
		break;
	default:
		if (type != GEN_IPADD)
			return false;
	}
	if (id.len == 0 || (size_t)ASN1_STRING_length(s) != id.len)
		return false;
	if (id_type == IDN_FQDN)
		return eq_nocase(ASN1_STRING_get0_data(s), id.p, id.len);
	if (id_type == IDN_RFC822)
		return eq_mail(ASN1_STRING_get0_data(s), id.p, id.len);
	return memcmp(ASN1_STRING_get0_data(s), id.p, id.len) == 0;
}

static bool
has_altname(const X509 *x, uint8_t id_type, struct chunk id)
{
	GENERAL_NAMES *names;
	bool found = false;

	names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++)
		found = eq_name(id_type, sk_GENERAL_NAME_value(names, i), id);
	GENERAL_NAMES_free(names);
	x509_forget();
	return found;
}

bool
x509_binds(const struct x509_chain *c, struct chunk id_body)
{
	struct chunk id;

	if (id_body.len < 4)
		return false;
	id = (struct chunk){ id_body.p + 4, id_body.len - 4 };
	switch (id_body.p[0]) {
	case IDN_DN:
		return dn_eq(x509_subject(c), id);
	case IDN_IPV4:
		return id.len == 4 && has_altname(c->v[0].x, IDN_IPV4, id);
	case IDN_IPV6:
		return id.len == 16 && has_altname(c->v[0].x, IDN_IPV6, id);
	case IDN_FQDN:
	case IDN_RFC822:
		return has_altname(c->v[0].x, id_body.p[0], id);
	default:
		return false;
	}
}

/* -- times ----------------------------------------------------------------- */

/* Days since 1970-01-01 of a day in the Gregorian calendar. */
static int64_t
days(int64_t y, int64_t m, int64_t d)
{
	/* Years that begin in March, so that the odd day is the last. */
	y -= m <= 2;
	m = m <= 2 ? m + 9 : m - 3;
	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + d -
	       719469;
}

int64_t
x509_epoch(const ASN1_TIME *t)
{
	struct tm tm;

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1) {
		x509_forget();
		return INT64_MIN;
	}
	return 86400 * days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) +
	       3600 * tm.tm_hour + 60 * tm.tm_min + tm.tm_sec;
}

const char *
x509_chain_warning(const struct x509_chain *c, int64_t now)
{
	for (size_t i = 0; i < c->n; i++) {
		if (x509_epoch(X509_get0_notBefore(c->v[i].x)) > now)
			return "a certificate in it is not valid yet";
		if (x509_epoch(X509_get0_notAfter(c->v[i].x)) < now)
			return "a certificate in it has expired";
	}
	return NULL;
}
