/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "common/crypto.h"
#include "policyd/core/sig.h"
#include "tests/lib/hex.h"
#include "tests/lib/pki.h"

#define eq assert_int_equal
#define ALL 0xff
#define BIT(h) (uint8_t)(1u << (h))

/* AUTH values of RFC 7427, made and taken. */

static const uint8_t init[300] = "a message", nonce[32] = "a nonce";
static const uint8_t maced[48] = "prf";
static const struct chunk parts[SIG_PARTS] = { { init, sizeof(init) },
	{ nonce, sizeof(nonce) }, { maced, sizeof(maced) } };
static EVP_PKEY *pkey[PKI_ALGS];
static const char *why;

static struct sig_key
key(enum pki_alg alg)
{
	struct sig_key k;

	eq(sig_key_of(&k, pkey[alg], &why), 0);
	return k;
}

static struct chunk
make(enum pki_alg alg, uint8_t hashes)
{
	static uint8_t ring[4][SIG_AUTH_MAX];
	static unsigned int n;
	uint8_t *out = ring[n++ % NITEMS(ring)];
	struct sig_key k = key(alg);
	size_t len = 0;

	why = "";
	eq(sig_make(&k, hashes, parts, out, &len, &why), 0);
	assert_true(len <= SIG_AUTH_MAX);
	return (struct chunk){ out, len };
}

static int
take(enum pki_alg alg, struct chunk auth, bool pkcs1)
{
	struct sig_key k = key(alg);

	return sig_check(&k, auth, pkcs1, parts, &why);
}

static void
what_is_made_is_taken(void **state)
{
	(void)state;
	for (enum pki_alg alg = 0; alg < PKI_ALGS; alg++)
		for (unsigned int h = SIG_SHA256; h <= SIG_IDENTITY; h++) {
			struct sig_key k = key(alg);
			uint8_t out[SIG_AUTH_MAX];
			size_t len = 0;
			bool fits = alg == PKI_ED25519 ? h == SIG_IDENTITY
				    : alg == PKI_P256  ? h == SIG_SHA256
				    : alg == PKI_P384  ? h == SIG_SHA384
						       : h != SIG_IDENTITY;
			int r = sig_make(&k, BIT(h), parts, out, &len, &why);

			eq(r, fits ? 0 : -ENOTSUP);
			eq(len != 0, fits);
			if (fits)
				eq(take(alg, (struct chunk){ out, len }, false),
				    0);
			else
				assert_non_null(strstr(why, "the peer"));
		}
}

/* RFC 7427 A.1 to A.4 and RFC 8420 3, octet for octet. */
static void
algorithms_are_written_as_registered(void **state)
{
	static const struct {
		enum pki_alg alg;
		uint8_t hashes;
		const char *hex; /* with the length */
		size_t sig;	 /* octets; 0: they vary */
	} v[] = {
		{ PKI_ED25519, ALL, "07300506032b6570", 64 },
		{ PKI_P256, ALL, "0c300a06082a8648ce3d040302", 0 },
		{ PKI_P384, ALL, "0c300a06082a8648ce3d040303", 0 },
		{ PKI_RSA, ALL,
		    "43304106092a864886f70d01010a3034a00f300d060960864801650304"
		    "02010500a11c301a06092a864886f70d010108300d0609608648016503"
		    "0402010500a203020120",
		    384 },
		{ PKI_RSA, BIT(SIG_SHA384) | BIT(SIG_SHA512),
		    "43304106092a864886f70d01010a3034a00f300d060960864801650304"
		    "02020500a11c301a06092a864886f70d010108300d0609608648016503"
		    "0402020500a203020130",
		    384 },
		{ PKI_RSA, BIT(SIG_SHA512),
		    "43304106092a864886f70d01010a3034a00f300d060960864801650304"
		    "02030500a11c301a06092a864886f70d010108300d0609608648016503"
		    "0402030500a203020140",
		    384 },
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		struct chunk auth = make(v[i].alg, v[i].hashes);
		struct chunk want = hex(v[i].hex);

		assert_memory_equal(auth.p, want.p, want.len);
		if (v[i].sig != 0)
			eq(auth.len, want.len + v[i].sig);
	}
}

static void
every_octet_counts(void **state)
{
	(void)state;
	for (enum pki_alg alg = 0; alg < PKI_ALGS; alg++) {
		struct chunk auth = make(alg, ALL);
		uint8_t bent[SIG_AUTH_MAX];

		for (size_t i = 0; i < auth.len;
		     i += alg == PKI_RSA && i > 80 ? 37 : 1) {
			memcpy(bent, auth.p, auth.len);
			bent[i] ^= 0x01;
			assert_int_not_equal(
			    take(alg, (struct chunk){ bent, auth.len }, true),
			    0);
		}
		for (size_t n = 0; n < auth.len; n += alg == PKI_RSA ? 41 : 1)
			assert_int_not_equal(
			    take(alg, (struct chunk){ auth.p, n }, true), 0);
	}
}

static void
what_is_signed_is_all_three(void **state)
{
	(void)state;
	for (enum pki_alg alg = 0; alg < PKI_ALGS; alg++) {
		struct chunk auth = make(alg, ALL);
		struct sig_key k = key(alg);

		for (size_t i = 0; i < SIG_PARTS; i++) {
			struct chunk bent[SIG_PARTS];

			memcpy(bent, parts, sizeof(bent));
			bent[i].len--;
			eq(sig_check(&k, auth, false, bent, &why), -EBADMSG);
			assert_non_null(strstr(why, "wrong"));
		}
		eq(take(alg, auth, false), 0);
	}
}

static void
keys_and_algorithms_agree(void **state)
{
	(void)state;
	for (enum pki_alg a = 0; a < PKI_ALGS; a++)
		for (enum pki_alg b = 0; b < PKI_ALGS; b++)
			if (a != b)
				eq(take(b, make(a, ALL), true), -ENOTSUP);
}

/* Sign as another implementation would: its choice of algorithm. */
static struct chunk
foreign(enum pki_alg alg, const char *md, int padding, const char *id)
{
	static uint8_t out[SIG_AUTH_MAX];
	uint8_t tbs[sizeof(init) + sizeof(nonce) + sizeof(maced)];
	size_t n = hex(id).len, len = SIG_AUTH_MAX - 1 - n;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;

	out[0] = (uint8_t)n;
	memcpy(out + 1, hex(id).p, n);
	memcpy(tbs, init, sizeof(init));
	memcpy(tbs + sizeof(init), nonce, sizeof(nonce));
	memcpy(tbs + sizeof(init) + sizeof(nonce), maced, sizeof(maced));
	assert_true(
	    EVP_DigestSignInit_ex(ctx, &pctx, md, NULL, NULL, pkey[alg], NULL));
	if (padding != 0)
		assert_true(EVP_PKEY_CTX_set_rsa_padding(pctx, padding) > 0);
	if (padding == RSA_PKCS1_PSS_PADDING)
		assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(
				pctx, RSA_PSS_SALTLEN_DIGEST) > 0);
	assert_true(EVP_DigestSign(ctx, out + 1 + n, &len, tbs, sizeof(tbs)));
	EVP_MD_CTX_free(ctx);
	return (struct chunk){ out, 1 + n + len };
}

#define PKCS1(n) "06092a864886f70d0101" n
#define SHA256_ID "300d06096086480165030402010500"

static void
pkcs1_is_for_foreign_peers_alone(void **state)
{
	static const char *const with_null = "300d" PKCS1("0b") "0500";
	struct chunk a;

	(void)state;
	a = foreign(PKI_RSA, "SHA256", RSA_PKCS1_PADDING, with_null);
	eq(take(PKI_RSA, a, true), 0);
	eq(take(PKI_RSA, a, false), -ENOTSUP);
	assert_non_null(strstr(why, "not for the certificate's key"));
	/* Parameters may be left out. */
	a = foreign(PKI_RSA, "SHA256", RSA_PKCS1_PADDING, "300b" PKCS1("0b"));
	eq(take(PKI_RSA, a, true), 0);
	/* Another hash than the one that is named; SHA-1 by name. */
	a = foreign(PKI_RSA, "SHA384", RSA_PKCS1_PADDING, with_null);
	eq(take(PKI_RSA, a, true), -EBADMSG);
	a = foreign(
	    PKI_RSA, "SHA1", RSA_PKCS1_PADDING, "300d" PKCS1("05") "0500");
	eq(take(PKI_RSA, a, true), -ENOTSUP);
	/* Named PSS, but it is not. */
	a = foreign(PKI_RSA, "SHA256", RSA_PKCS1_PADDING,
	    "3041" PKCS1("0a") "3034a00f" SHA256_ID "a11c301a" PKCS1("08")
		SHA256_ID "a203020120");
	eq(take(PKI_RSA, a, true), -EBADMSG);
}

static void
pss_parameters_are_compared_by_value(void **state)
{
	static const struct {
		const char *hex;
		int want;
	} v[] = {
		/* With the trailer that is the default; without NULLs. */
		{ "3046" PKCS1("0a") "3039a00f" SHA256_ID "a11c301a" PKCS1("08")
			SHA256_ID "a203020120a303020101",
		    0 },
		{ "303d" PKCS1(
		      "0a") "3030a00d300b0609608648016503040201"
			    "a11a3018" PKCS1(
				"08") "300b0609608648016503040201a203020120",
		    0 },
		/* Other salts, another mask, another trailer, none at all. */
		{ "3041" PKCS1("0a") "3034a00f" SHA256_ID "a11c301a" PKCS1("08")
			SHA256_ID "a203020114",
		    -ENOTSUP },
		{ "3041" PKCS1("0a") "3034a00f" SHA256_ID "a11c301a" PKCS1(
		      "08") "300d06096086480165030402020500a203020120",
		    -ENOTSUP },
		{ "3046" PKCS1("0a") "3039a00f" SHA256_ID "a11c301a" PKCS1("08")
			SHA256_ID "a203020120a303020102",
		    -ENOTSUP },
		{ "300d" PKCS1("0a") "3000", -ENOTSUP },
		{ "300b" PKCS1("0a"), -ENOTSUP },
		{ "300d" PKCS1("0a") "0500", -ENOTSUP },
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		struct chunk a =
		    foreign(PKI_RSA, "SHA256", RSA_PKCS1_PSS_PADDING, v[i].hex);

		if (take(PKI_RSA, a, false) != v[i].want)
			fail_msg("%zu: %s", i, why);
	}
}

static void
curves_have_their_hash(void **state)
{
	struct chunk a;

	(void)state;
	a = foreign(PKI_P256, "SHA256", 0, "300a06082a8648ce3d040302");
	eq(take(PKI_P256, a, false), 0);
	a = foreign(PKI_P256, "SHA384", 0, "300a06082a8648ce3d040303");
	eq(take(PKI_P256, a, false), -ENOTSUP);
	a = foreign(PKI_P384, "SHA256", 0, "300a06082a8648ce3d040302");
	eq(take(PKI_P384, a, false), -ENOTSUP);
	/* NULL has no place with ECDSA and Ed25519 (RFC 5758, 8410). */
	a = foreign(PKI_P256, "SHA256", 0, "300c06082a8648ce3d0403020500");
	eq(take(PKI_P256, a, false), -ENOTSUP);
	a = foreign(PKI_ED25519, NULL, 0, "300706032b65700500");
	eq(take(PKI_ED25519, a, false), -ENOTSUP);
}

static void
keys_of_other_kinds_are_refused(void **state)
{
	EVP_PKEY *other[] = { pki_rsa(2048), pki_curve("P-521"),
		pki_curve("secp256k1"), EVP_PKEY_Q_keygen(NULL, NULL, "ED448"),
		EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), NULL };
	struct sig_key k;

	(void)state;
	for (size_t i = 0; i < NITEMS(other); i++) {
		why = NULL;
		eq(sig_key_of(&k, other[i], &why), -EINVAL);
		assert_non_null(why);
		EVP_PKEY_free(other[i]);
	}
}

static int
group_setup(void **state)
{
	(void)state;
	if (crypto_init() || sig_init())
		return -1;
	for (enum pki_alg alg = 0; alg < PKI_ALGS; alg++)
		pkey[alg] = pki_key(alg);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_is_taken),
		cmocka_unit_test(algorithms_are_written_as_registered),
		cmocka_unit_test(every_octet_counts),
		cmocka_unit_test(what_is_signed_is_all_three),
		cmocka_unit_test(keys_and_algorithms_agree),
		cmocka_unit_test(pkcs1_is_for_foreign_peers_alone),
		cmocka_unit_test(pss_parameters_are_compared_by_value),
		cmocka_unit_test(curves_have_their_hash),
		cmocka_unit_test(keys_of_other_kinds_are_refused),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
