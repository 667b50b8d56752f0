/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "common/wire.h"
#include "policyd/core/sig.h"

#define TBS_MAX (16384 + 256 + 48) /* what the messages of the IPC bound */

/* One for each thread, as in common/crypto.c. */
static _Thread_local struct {
	EVP_MD *md[SIG_SHA512 + 1]; /* by enum sig_hash */
	EVP_MD_CTX *ctx, *eddsa;
	uint8_t tbs[TBS_MAX];
} sg;

/* What we send: AlgorithmIdentifiers as RFC 7427 appendix A has them. */
#define SHA2(n) 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 101, 3, 4, 2, n, 5, 0
#define PKCS1(n) 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, n
#define PSS(n, salt)                                                           \
	{                                                                      \
		0x30, 0x41, PKCS1(10), 0x30, 0x34, 0xa0, 0x0f, SHA2(n), 0xa1,  \
		    0x1c, 0x30, 0x1a, PKCS1(8), SHA2(n), 0xa2, 3, 2, 1, salt   \
	}
#define ECDSA(n)                                                               \
	{                                                                      \
		0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, n        \
	}

static const struct made {
	const char *refused;
	enum sig_kind kind;
	struct sig_alg alg;
	uint8_t der[67];
} made[] = {
	{ "the peer does not take Ed25519 (hash 5, Identity)", SIG_ED25519,
	    { SIG_EDDSA, SIG_IDENTITY }, { 0x30, 5, 6, 3, 0x2b, 0x65, 0x70 } },
	{ "the peer does not take SHA2-256, which our P-256 key needs",
	    SIG_P256, { SIG_ECDSA, SIG_SHA256 }, ECDSA(2) },
	{ "the peer does not take SHA2-384, which our P-384 key needs",
	    SIG_P384, { SIG_ECDSA, SIG_SHA384 }, ECDSA(3) },
	{ NULL, SIG_RSA, { SIG_PSS, SIG_SHA256 }, PSS(1, 32) },
	{ NULL, SIG_RSA, { SIG_PSS, SIG_SHA384 }, PSS(2, 48) },
	{ "the peer takes none of the hashes that RSA signatures use", SIG_RSA,
	    { SIG_PSS, SIG_SHA512 }, PSS(3, 64) },
};

/* OpenSSL refused: forget its error queue, which nobody reads. */
static int
refused(int r)
{
	ERR_clear_error();
	return r;
}

int
sig_init(void)
{
	static const char *const names[] = { "SHA2-256", "SHA2-384",
		"SHA2-512" };

	if (sg.ctx != NULL)
		return 0;
	for (size_t i = 0; i < NITEMS(names); i++) {
		sg.md[SIG_SHA256 + i] = EVP_MD_fetch(NULL, names[i], NULL);
		if (sg.md[SIG_SHA256 + i] == NULL)
			goto out;
	}
	sg.eddsa = EVP_MD_CTX_new();
	sg.ctx = EVP_MD_CTX_new();
	if (sg.ctx != NULL && sg.eddsa != NULL)
		return 0;
out:
	sig_fini();
	return refused(-EIO);
}

void
sig_fini(void)
{
	for (size_t i = 0; i < NITEMS(sg.md); i++)
		EVP_MD_free(sg.md[i]);
	EVP_MD_CTX_free(sg.ctx);
	EVP_MD_CTX_free(sg.eddsa);
	memset(&sg, 0, sizeof(sg));
}

static bool
is_curve(EVP_PKEY *pkey, const char *name)
{
	char group[32];
	int explicit = 0;
	size_t len;

	if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) != 1 ||
	    strcmp(group, name) != 0)
		return false;
	/* Parameters written out could be anybody's. */
	return EVP_PKEY_get_int_param(pkey,
		   OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
		   &explicit) != 1 ||
	       explicit == 0;
}

/* Verifying takes as long as the exponent is. */
static bool
has_short_exponent(const EVP_PKEY *pkey)
{
	BIGNUM *e = NULL;
	bool ok = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
		  BN_num_bits(e) <= 64;

	BN_free(e);
	return ok;
}

int
sig_key_of(struct sig_key *k, EVP_PKEY *pkey, const char **why)
{
	int bits;

	*k = (struct sig_key){ .pkey = pkey };
	bits = pkey == NULL ? 0 : EVP_PKEY_get_bits(pkey);
	k->bits = bits < 0 ? 0 : (unsigned int)bits;
	*why = "the key is not Ed25519, EC P-256, EC P-384 or RSA";
	switch (pkey == NULL ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_ED25519:
		k->kind = SIG_ED25519;
		return 0;
	case EVP_PKEY_EC:
		k->kind = is_curve(pkey, "prime256v1")	? SIG_P256
			  : is_curve(pkey, "secp384r1") ? SIG_P384
							: 0;
		return k->kind ? 0 : refused(-EINVAL);
	case EVP_PKEY_RSA:
		k->kind = SIG_RSA;
		*why = "an RSA key must have 3072 to 8192 bits, and an "
		       "exponent of at most 64";
		return k->bits < SIG_RSA_MIN || k->bits > SIG_RSA_MAX ||
			       !has_short_exponent(pkey)
			   ? refused(-EINVAL)
			   : 0;
	default:
		return refused(-EINVAL);
	}
}

/* Ed25519 hashes twice and so wants it in one piece. */
static int
join(const struct chunk in[SIG_PARTS], size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < SIG_PARTS; i++) {
		if (in[i].len > sizeof(sg.tbs) - *len)
			return -EINVAL;
		memcpy(sg.tbs + *len, in[i].p, in[i].len);
		*len += in[i].len;
	}
	return 0;
}

static int
digest(enum sig_hash h, const struct chunk in[SIG_PARTS],
    uint8_t out[EVP_MAX_MD_SIZE], unsigned int *len)
{
	int ok = EVP_DigestInit_ex2(sg.ctx, sg.md[h], NULL);

	for (size_t i = 0; ok && i < SIG_PARTS; i++)
		ok = EVP_DigestUpdate(sg.ctx, in[i].p, in[i].len);
	return ok && EVP_DigestFinal_ex(sg.ctx, out, len) ? 0 : -EIO;
}

/* What goes with the key's context besides the key. */
static int
set_params(EVP_PKEY_CTX *ctx, const struct sig_alg *a)
{
	const EVP_MD *md = sg.md[a->hash];

	if (EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
		return 0;
	if (a->scheme == SIG_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) ==
		       1;
	if (a->scheme != SIG_PSS)
		return 1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) ==
		   1;
}

static int
sign_hashed(const struct sig_key *k, const struct sig_alg *a,
    const struct chunk in[SIG_PARTS], uint8_t *out, size_t *len)
{
	uint8_t h[EVP_MAX_MD_SIZE];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	unsigned int n;
	int ok;

	ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	     set_params(ctx, a) && digest(a->hash, in, h, &n) == 0 &&
	     EVP_PKEY_sign(ctx, out, len, h, n) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : refused(-EIO);
}

static int
sign_whole(const struct sig_key *k, const struct chunk in[SIG_PARTS],
    uint8_t *out, size_t *len)
{
	size_t n;
	int ok;

	if (join(in, &n))
		return -EINVAL;
	ok = EVP_DigestSignInit_ex(
		 sg.eddsa, NULL, NULL, NULL, NULL, k->pkey, NULL) == 1 &&
	     EVP_DigestSign(sg.eddsa, out, len, sg.tbs, n) == 1;
	EVP_MD_CTX_reset(sg.eddsa);
	return ok ? 0 : refused(-EIO);
}

/* The first that the peer takes. */
static const struct made *
choose(enum sig_kind kind, uint8_t hashes, const char **why)
{
	for (size_t i = 0; i < NITEMS(made); i++) {
		if (made[i].kind != kind)
			continue;
		if ((hashes & 1u << made[i].alg.hash) != 0)
			return &made[i];
		if (made[i].refused != NULL)
			*why = made[i].refused;
	}
	return NULL;
}

int
sig_make(const struct sig_key *k, uint8_t hashes,
    const struct chunk in[SIG_PARTS], uint8_t out[SIG_AUTH_MAX], size_t *len,
    const char **why)
{
	const struct made *m = choose(k->kind, hashes, why);
	size_t head, n;
	int r;

	if (m == NULL)
		return -ENOTSUP;
	head = 2u + m->der[1];
	out[0] = (uint8_t)head;
	memcpy(out + 1, m->der, head);
	n = SIG_AUTH_MAX - 1 - head;
	r = k->kind == SIG_ED25519
		? sign_whole(k, in, out + 1 + head, &n)
		: sign_hashed(k, &m->alg, in, out + 1 + head, &n);
	*why = "the signature cannot be computed";
	if (r == 0)
		*len = 1 + head + n;
	else
		explicit_bzero(out, SIG_AUTH_MAX);
	return r;
}

static int
check_hashed(const struct sig_key *k, const struct sig_alg *a, struct chunk sig,
    const struct chunk in[SIG_PARTS])
{
	uint8_t h[EVP_MAX_MD_SIZE];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	unsigned int n;
	int ok;

	ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
	     set_params(ctx, a) && digest(a->hash, in, h, &n) == 0 &&
	     EVP_PKEY_verify(ctx, sig.p, sig.len, h, n) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : refused(-EBADMSG);
}

static int
check_whole(
    const struct sig_key *k, struct chunk sig, const struct chunk in[SIG_PARTS])
{
	size_t n;
	int ok;

	if (join(in, &n))
		return -EBADMSG;
	ok = EVP_DigestVerifyInit_ex(
		 sg.eddsa, NULL, NULL, NULL, NULL, k->pkey, NULL) == 1 &&
	     EVP_DigestVerify(sg.eddsa, sig.p, sig.len, sg.tbs, n) == 1;
	EVP_MD_CTX_reset(sg.eddsa);
	return ok ? 0 : refused(-EBADMSG);
}

/* With a curve goes its hash; PKCS #1 v1.5 is for those who must. */
static bool
agrees(const struct sig_key *k, const struct sig_alg *a, bool pkcs1)
{
	if (!sig_fits(k->kind, a))
		return false;
	if (k->kind == SIG_P256)
		return a->hash == SIG_SHA256;
	if (k->kind == SIG_P384)
		return a->hash == SIG_SHA384;
	return a->scheme != SIG_PKCS1 || pkcs1;
}

int
sig_check(const struct sig_key *k, struct chunk auth, bool pkcs1,
    const struct chunk in[SIG_PARTS], const char **why)
{
	struct chunk der, sig;
	struct sig_alg a;
	struct rbuf rb;
	uint8_t len;

	*why = "AUTH names no signature algorithm that we use";
	rb_init(&rb, auth.p, auth.len);
	if (rb_u8(&rb, &len) || rb_bytes(&rb, len, &der) ||
	    rb_rest(&rb, &sig) || sig_alg_get(der, &a))
		return -ENOTSUP;
	*why = "AUTH's signature algorithm is not for the certificate's key";
	if (!agrees(k, &a, pkcs1))
		return -ENOTSUP;
	*why = "the signature in AUTH is wrong";
	return k->kind == SIG_ED25519 ? check_whole(k, sig, in)
				      : check_hashed(k, &a, sig, in);
}
