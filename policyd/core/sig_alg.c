/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "common/der.h"
#include "policyd/core/sig.h"

/*
 * AlgorithmIdentifiers are compared by what they mean: encoders differ in
 * whether they write NULL where there are no parameters, and defaults.
 */

#define OID(...)                                                               \
	{                                                                      \
		(const uint8_t[]){ __VA_ARGS__ },                              \
		    sizeof((const uint8_t[]){ __VA_ARGS__ })                   \
	}
#define PKCS1_OID(n) OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, n)

static const struct known {
	struct chunk oid;
	struct sig_alg alg;
	bool null; /* NULL may stand for "no parameters" */
} known[] = {
	{ OID(0x2b, 0x65, 0x70), { SIG_EDDSA, SIG_IDENTITY }, false },
	{ OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2), { SIG_ECDSA, SIG_SHA256 },
	    false },
	{ OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3), { SIG_ECDSA, SIG_SHA384 },
	    false },
	{ PKCS1_OID(11), { SIG_PKCS1, SIG_SHA256 }, true },
	{ PKCS1_OID(12), { SIG_PKCS1, SIG_SHA384 }, true },
	{ PKCS1_OID(13), { SIG_PKCS1, SIG_SHA512 }, true },
};

static const struct chunk oid_pss = PKCS1_OID(10), oid_mgf1 = PKCS1_OID(8);
static const struct chunk oid_sha2 = OID(0x60, 0x86, 0x48, 1, 101, 3, 4, 2);

static bool
is_oid(struct chunk a, struct chunk b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

/* The parameters of what has none: nothing, or NULL. */
static int
no_params(struct rbuf *rb, bool null)
{
	struct rbuf body;

	if (rb_left(rb) == 0)
		return 0;
	if (!null || der_take(rb, DER_NULL, &body) || rb_done(&body))
		return -EBADMSG;
	return rb_done(rb);
}

/* AlgorithmIdentifier of SHA-256, SHA-384 or SHA-512. */
static int
hash_get(struct rbuf *rb, enum sig_hash *h)
{
	struct rbuf seq;
	struct chunk oid;
	size_t n = oid_sha2.len;

	if (der_take(rb, DER_SEQUENCE, &seq) || der_oid(&seq, &oid) ||
	    no_params(&seq, true))
		return -EBADMSG;
	if (oid.len != n + 1 || memcmp(oid.p, oid_sha2.p, n) != 0 ||
	    oid.p[n] < 1 || oid.p[n] > 3)
		return -EBADMSG;
	*h = (enum sig_hash)(oid.p[n] + 1);
	return 0;
}

/*
 * RSASSA-PSS-params (RFC 8017 A.2.3).  The defaults are SHA-1, so the first
 * three must be there; salt and mask have the hash's size and hash.
 */
static int
pss_get(struct rbuf *rb, enum sig_hash *h)
{
	struct rbuf seq, part, mgf;
	enum sig_hash mgf_hash;
	struct chunk oid;
	uint8_t salt, trailer = 1;

	if (der_take(rb, DER_SEQUENCE, &seq) || rb_done(rb) ||
	    der_take(&seq, DER_CONTEXT(0), &part) || hash_get(&part, h) ||
	    rb_done(&part))
		return -EBADMSG;
	if (der_take(&seq, DER_CONTEXT(1), &part) ||
	    der_take(&part, DER_SEQUENCE, &mgf) || rb_done(&part) ||
	    der_oid(&mgf, &oid) || !is_oid(oid, oid_mgf1) ||
	    hash_get(&mgf, &mgf_hash) || rb_done(&mgf) || mgf_hash != *h)
		return -EBADMSG;
	if (der_take(&seq, DER_CONTEXT(2), &part) || der_small(&part, &salt) ||
	    rb_done(&part) || salt != 16 * (unsigned int)*h)
		return -EBADMSG;
	if (der_is_next(&seq, DER_CONTEXT(3)) &&
	    (der_take(&seq, DER_CONTEXT(3), &part) ||
		der_small(&part, &trailer) || rb_done(&part)))
		return -EBADMSG;
	return trailer != 1 ? -EBADMSG : rb_done(&seq);
}

int
sig_alg_get(struct chunk der, struct sig_alg *a)
{
	struct rbuf rb, seq;
	struct chunk oid;

	rb_init(&rb, der.p, der.len);
	if (der_take(&rb, DER_SEQUENCE, &seq) || rb_done(&rb) ||
	    der_oid(&seq, &oid))
		return -EBADMSG;
	if (is_oid(oid, oid_pss)) {
		a->scheme = SIG_PSS;
		return pss_get(&seq, &a->hash);
	}
	for (size_t i = 0; i < NITEMS(known); i++)
		if (is_oid(oid, known[i].oid)) {
			*a = known[i].alg;
			return no_params(&seq, known[i].null);
		}
	return -EBADMSG;
}

bool
sig_fits(enum sig_kind kind, const struct sig_alg *a)
{
	switch (kind) {
	case SIG_ED25519:
		return a->scheme == SIG_EDDSA;
	case SIG_P256:
	case SIG_P384:
		return a->scheme == SIG_ECDSA;
	case SIG_RSA:
		return a->scheme == SIG_PSS || a->scheme == SIG_PKCS1;
	}
	return false;
}
