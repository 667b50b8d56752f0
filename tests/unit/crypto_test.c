/* SPDX-License-Identifier: ISC */

/* Published test vectors, and what must fail. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "tests/lib/hex.h"

#define eq(a, b) assert_int_equal((a), (b))
#define C(s) ((struct chunk){ (const uint8_t *)(s), sizeof(s) - 1 })

static const uint8_t zero[64];
static const enum prf_alg algs[] = { PRF_SHA256, PRF_SHA384 };

static struct chunk
repeated(uint8_t v, size_t n)
{
	static uint8_t bufs[8][256];
	static unsigned int turn;
	uint8_t *b = bufs[turn++ % 8];

	memset(b, v, n);
	return (struct chunk){ b, n };
}

static void
sha256_fips_180(void **state)
{
	const struct chunk parts[] = { C("a"), C(""), C("bc") };
	uint8_t h[SHA256_LEN];

	(void)state;
	eq(sha256(parts, 3, h), 0);
	is(h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015"
	      "ad");
	eq(sha256(NULL, 0, h), 0);
	is(h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8"
	      "55");
}

static void
mac_is(enum prf_alg alg, struct chunk key, struct chunk data, const char *want)
{
	uint8_t out[PRF_MAX + 1];

	eq(strlen(want) / 2, prf_len(alg));
	/* Whole, and cut in two: chunks are one text. */
	for (size_t cut = 0; cut <= data.len; cut += data.len) {
		const struct chunk in[] = { { data.p, cut },
			{ data.p + cut, data.len - cut } };

		memset(out, 0xee, sizeof(out));
		eq(prf(alg, key.p, key.len, in, 2, out), 0);
		is(out, want);
		eq(out[prf_len(alg)], 0xee);
	}
}

/* RFC 4868 has the same ones for IKE's PRFs. */
static void
prf_rfc_4231(void **state)
{
	struct {
		struct chunk key, data;
		const char *want256, *want384;
	} v[] = {
		{ repeated(0x0b, 20), C("Hi There"),
		    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e"
		    "32cff7",
		    "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7c"
		    "ebc59cfaea9ea9076ede7f4af152e8b2fa9cb6" },
		{ C("Jefe"), C("what do ya want for nothing?"),
		    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964"
		    "ec3843",
		    "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec37363"
		    "22445e8e2240ca5e69e2c78b3239ecfab21649" },
		{ repeated(0xaa, 20), repeated(0xdd, 50),
		    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ce"
		    "d565fe",
		    "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e559"
		    "66144b2a5ab39dc13814b94e3ab6e101a34f27" },
		{ C("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"
		    "\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"),
		    repeated(0xcd, 50),
		    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff467"
		    "29665b",
		    "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f"
		    "573b4e6801dd23c4a7d679ccf8a386c674cffb" },
		{ repeated(0xaa, 131),
		    C("Test Using Larger Than Block-Size Key - Hash Key First"),
		    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0e"
		    "e37f54",
		    "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f0503"
		    "3ac4c60c2ef6ab4030fe8296248df163f44952" },
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		mac_is(PRF_SHA256, v[i].key, v[i].data, v[i].want256);
		mac_is(PRF_SHA384, v[i].key, v[i].data, v[i].want384);
	}
}

/* An empty key is a key, not "the key of the last call". */
static void
prf_of_an_empty_key(void **state)
{
	(void)state;
	mac_is(PRF_SHA256, C("Jefe"), C("what do ya want for nothing?"),
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec384"
	    "3");
	mac_is(PRF_SHA256, C(""), C("x"), /* by Python's hmac */
	    "4cbc96099a6467ce002461f10549b4898265ebe6188b45efacc44293516e62c"
	    "4");
}

static void
prf_numbers_are_checked(void **state)
{
	const struct chunk in = C("x");
	uint8_t out[PRF_MAX];

	(void)state;
	eq(prf_len(PRF_SHA256), 32);
	eq(prf_len(PRF_SHA384), 48);
	for (int n = 0; n < 300; n++) {
		enum prf_alg alg = (enum prf_alg)n;

		if (alg == PRF_SHA256 || alg == PRF_SHA384)
			continue;
		eq(prf_len(alg), 0);
		eq(prf(alg, zero, 32, &in, 1, out), -EINVAL);
		eq(prf_plus(alg, zero, 32, &in, 1, out, 1), -EINVAL);
	}
}

/* GSK_w = prf+(SK_d, "Key Wrap for G-IKEv2"), RFC 9838 3.2. */
static void
prf_plus_gives_gsk_w(void **state)
{
	const struct chunk label = C("Key Wrap for G-IKEv2");
	const struct chunk parts[] = { C("Key Wrap "), C("for G-IKEv2") };
	uint8_t sk_d[32], out[32];

	(void)state;
	for (uint8_t i = 0; i < 32; i++)
		sk_d[i] = i;
	eq(prf_plus(PRF_SHA256, sk_d, 32, &label, 1, out, 32), 0);
	is(out, "b169180742eb22165048cce7281f2e65465010931c41a1b39a8492aff33a"
		"06d4");
	memset(out, 0, sizeof(out));
	eq(prf_plus(PRF_SHA256, sk_d, 32, parts, 2, out, 32), 0);
	is(out, "b169180742eb22165048cce7281f2e65465010931c41a1b39a8492aff33a"
		"06d4");
}

/* By Python's hmac: three blocks, the last one cut short. */
static void
prf_plus_with_sha384(void **state)
{
	const struct chunk label = C("Key Wrap for G-IKEv2");
	uint8_t sk_d[48], out[101] = { 0 };

	(void)state;
	for (uint8_t i = 0; i < 48; i++)
		sk_d[i] = i;
	eq(prf_plus(PRF_SHA384, sk_d, 48, &label, 1, out, 100), 0);
	is(out, "3564819635858822aa2a28dcca8c46af60eef9e54a6624b633255d43af70ae"
		"804d730ce052a8ba593f9e5febb7f4afd7e2f8b7537c2f28aca0166f413892"
		"18836c2244418972c5e2b1210474ce47fe3c16d52eaf7704c3f403238638f0"
		"ccb67903b95b6a");
	eq(out[100], 0);
}

static void
prf_plus_has_an_end(void **state)
{
	static uint8_t a[255 * PRF_MAX], b[255 * PRF_MAX + 1];
	const struct chunk seed = C("seed");

	(void)state;
	for (size_t i = 0; i < NITEMS(algs); i++) {
		enum prf_alg g = algs[i];
		size_t max = 255 * prf_len(g);

		memset(b, 0, sizeof(b));
		eq(prf_plus(g, zero, 32, &seed, 1, b, max + 1), -EINVAL);
		eq(prf_plus(g, zero, 32, &seed, 1, a, max), 0);
		/* A shorter output is the beginning of a longer one. */
		eq(prf_plus(g, zero, 32, &seed, 1, b, 100), 0);
		assert_memory_equal(a, b, 100);
		eq(b[100], 0);
		eq(prf_plus(g, zero, 32, &seed, 1, b, 0), 0);
	}
}

static void
okm_is(const char *prk, struct chunk info, size_t len, const char *want)
{
	uint8_t out[96] = { 0 };

	eq(hkdf_expand(hex(prk).p, &info, 1, out, len), 0);
	eq(strlen(want), 2 * len);
	is(out, want);
	eq(out[len], 0);
}

static void
hkdf_rfc_5869(void **state)
{
	uint8_t info[80];

	(void)state;
	for (uint8_t i = 0; i < 80; i++)
		info[i] = (uint8_t)(0xb0 + i);
	okm_is(
	    "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
	    hex("f0f1f2f3f4f5f6f7f8f9"), 42,
	    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	    "34007208d5b887185865");
	okm_is(
	    "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
	    (struct chunk){ info, 80 }, 82,
	    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	    "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	    "cc30c58179ec3e87c14c01d5c1f3434f1d87");
	okm_is(
	    "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
	    C(""), 42,
	    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	    "9d201395faa4b61a96c8");
}

/* root[s+1] overwrites root[s]: the output may lie over the key. */
static void
hkdf_in_place(void **state)
{
	uint8_t k[32] = { 7 }, out[32];
	const struct chunk info = C("MIKE step");

	(void)state;
	eq(hkdf_expand(k, &info, 1, out, 32), 0);
	eq(hkdf_expand(k, &info, 1, k, 32), 0);
	assert_memory_equal(k, out, 32);
}

/* The GCM specification's test cases 13, 14 and 16. */
static void
gcm_is(const char *key, const char *iv, const char *aad, const char *plain,
    const char *want)
{
	uint8_t out[128], back[128];
	size_t n = strlen(plain) / 2;

	eq(aead_seal(hex(key).p, hex(iv).p, hex(aad), hex(plain), out), 0);
	is(out, want);
	eq(aead_open(hex(key).p, hex(iv).p, hex(aad),
	       (struct chunk){ out, n + GCM_TAG_LEN }, back),
	    0);
	is(back, plain);
	/* The same in place. */
	eq(aead_open(hex(key).p, hex(iv).p, hex(aad),
	       (struct chunk){ out, n + GCM_TAG_LEN }, out),
	    0);
	is(out, plain);
	eq(aead_seal(
	       hex(key).p, hex(iv).p, hex(aad), (struct chunk){ out, n }, out),
	    0);
	is(out, want);
}

static void
gcm_vectors(void **state)
{
	static const char z32[] = "00000000000000000000000000000000"
				  "00000000000000000000000000000000";

	(void)state;
	gcm_is(z32, "000000000000000000000000", "", "",
	    "530f8afbc74536b9a963b4f1c4cb738b");
	gcm_is(z32, "000000000000000000000000", "",
	    "00000000000000000000000000000000",
	    "cea7403d4d606b6e074ec5d3baf39d18"
	    "d0d1c8a799996bf0265b98b5d48ab919");
	gcm_is("feffe9928665731c6d6a8f9467308308"
	       "feffe9928665731c6d6a8f9467308308",
	    "cafebabefacedbaddecaf888",
	    "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
	    "76fc6ece0f4e1768cddf8853bb2d551b");
}

/* Each bit of text, tag, additional data, nonce and key counts. */
static void
gcm_refuses_what_was_changed(void **state)
{
	uint8_t key[32] = { 1 }, nonce[12] = { 2 }, aad[5] = { 3 };
	uint8_t text[37] = { 4 }, box[37 + 16], out[37];
	struct {
		uint8_t *p;
		size_t n;
	} v[] = { { key, 32 }, { nonce, 12 }, { aad, 5 }, { box, 53 } };
	const struct chunk a = { aad, sizeof(aad) };
	const struct chunk b = { box, sizeof(box) };

	(void)state;
	eq(aead_seal(key, nonce, a, (struct chunk){ text, 37 }, box), 0);
	for (size_t i = 0; i < NITEMS(v); i++)
		for (size_t bit = 0; bit < 8 * v[i].n; bit++) {
			v[i].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			memset(out, 0xee, sizeof(out));
			eq(aead_open(key, nonce, a, b, out), -EBADMSG);
			/* No unverified octet is left to be read. */
			for (size_t j = 0; j < sizeof(out); j++)
				assert_true(out[j] == 0xee || out[j] == 0);
			v[i].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	eq(aead_open(key, nonce, a, b, out), 0);
	for (size_t n = 0; n < sizeof(box); n++)
		eq(aead_open(key, nonce, a, (struct chunk){ box, n }, out),
		    -EBADMSG);
}

/* kat.json "RFC5649": KEK and text are cut from one run of 1 + 7 i. */
static void
kw_vectors(void **state)
{
	static const struct {
		size_t n;
		const char *want;
	} v[] = {
		{ 16, "a633ca7bec0458575939362d16ddcbbc169e4cca191deeea" },
		{ 32, "c7a75b1e5e43a09670d6e9548fa00af0eb5d617385090d3f52dff19"
		      "63fed3739c42a2e0bc70ad8f0" },
		{ 36, "1aae2c3bb47a871699a25aa0240335e4991e43f1cb20dab9766aceb"
		      "408988af870918f697980ff228321140cc7740fed" },
	};
	uint8_t run[68], out[128], back[128];
	size_t len, got;

	(void)state;
	for (size_t i = 0; i < sizeof(run); i++)
		run[i] = (uint8_t)(1 + 7 * i);
	for (size_t i = 0; i < NITEMS(v); i++) {
		eq(kw_wrap(run + 36, (struct chunk){ run, v[i].n }, out,
		       sizeof(out), &len),
		    0);
		eq(len, strlen(v[i].want) / 2);
		eq(len, KW_WRAPPED_LEN(v[i].n));
		is(out, v[i].want);
		eq(kw_unwrap(run + 36, (struct chunk){ out, len }, back,
		       sizeof(back), &got),
		    0);
		eq(got, v[i].n);
		assert_memory_equal(back, run, got);
	}
}

static void
kw_every_length(void **state)
{
	uint8_t kek[32] = { 9 }, in[256], out[KW_WRAPPED_LEN(256)], back[256];
	size_t len, got;

	(void)state;
	eq(crypto_rand(in, sizeof(in)), 0);
	for (size_t n = 1; n <= sizeof(in); n++) {
		const struct chunk c = { in, n };

		eq(kw_wrap(kek, c, out, KW_WRAPPED_LEN(n) - 1, &len), -ENOBUFS);
		eq(kw_wrap(kek, c, out, KW_WRAPPED_LEN(n), &len), 0);
		eq(kw_unwrap(
		       kek, (struct chunk){ out, len }, back, n - 1, &got),
		    -ENOBUFS);
		eq(kw_unwrap(kek, (struct chunk){ out, len }, back, n, &got),
		    0);
		eq(got, n);
		assert_memory_equal(in, back, n);
	}
	eq(kw_wrap(kek, (struct chunk){ in, 0 }, out, sizeof(out), &len),
	    -EINVAL);
}

static void
kw_refuses_what_was_changed(void **state)
{
	uint8_t kek[32] = { 9 }, out[64], back[64] = { 0xee };
	size_t len, got = 77;

	(void)state;
	eq(kw_wrap(kek, C("0123456789"), out, sizeof(out), &len), 0);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		out[bit / 8] ^= (uint8_t)(1 << bit % 8);
		eq(kw_unwrap(kek, (struct chunk){ out, len }, back,
		       sizeof(back), &got),
		    -EBADMSG);
		out[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n <= sizeof(out); n++)
		if (n != len)
			eq(kw_unwrap(kek, (struct chunk){ out, n }, back,
			       sizeof(back), &got),
			    -EBADMSG);
	eq(back[0], 0xee);
	eq(got, 77);
	kek[0] ^= 1;
	eq(kw_unwrap(kek, (struct chunk){ out, len }, back, sizeof(back), &got),
	    -EBADMSG);
}

static void
icv_is(struct chunk key, struct chunk data, const char *want)
{
	const struct chunk in[] = { { data.p, 3 },
		{ data.p + 3, data.len - 3 } };
	uint8_t out[HMAC_ICV_LEN + 1] = { 0 };

	eq(key.len, HMAC_KEY_LEN);
	eq(hmac_icv(key.p, in, 2, out), 0);
	is(out, want);
	eq(out[HMAC_ICV_LEN], 0);
}

/* AUTH256-1 to -4. */
static void
icv_rfc_4868(void **state)
{
	(void)state;
	icv_is(repeated(0x0b, 32), C("Hi There"),
	    "198a607eb44bfbc69903a0f1cf2bbdc5");
	icv_is(C("JefeJefeJefeJefeJefeJefeJefeJefe"),
	    C("what do ya want for nothing?"),
	    "167f928588c5cc2eef8e3093caa0e87c");
	icv_is(repeated(0xaa, 32), repeated(0xdd, 50),
	    "cdcb1220d1ecccea91e53aba3092f962");
	icv_is(hex("0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"
		   "1e1f20"),
	    repeated(0xcd, 50), "372efcf9b40b35c2115b1346903d2ef4");
}

#define AES_KEY                                                                \
	"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914df"       \
	"f4"
#define AES_TEXT                                                               \
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e"       \
	"5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c"       \
	"3710"

/* SP 800-38A, F.2.5 and F.2.6. */
static void
cbc_sp_800_38a(void **state)
{
	const struct chunk key = hex(AES_KEY), text = hex(AES_TEXT);
	const struct chunk iv = hex("000102030405060708090a0b0c0d0e0f");
	const struct chunk want = hex(
	    "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
	    "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b");
	uint8_t out[65] = { 0 };

	(void)state;
	for (size_t n = 0; n <= 64; n++) {
		int r = n % 16 == 0 ? 0 : -EINVAL;
		size_t done = r == 0 ? n : 0;

		memset(out, 0xee, sizeof(out));
		eq(cbc_encrypt(key.p, iv.p, (struct chunk){ text.p, n }, out),
		    r);
		assert_memory_equal(out, want.p, done);
		eq(out[done], 0xee);
		eq(cbc_decrypt(key.p, iv.p, (struct chunk){ want.p, n }, out),
		    r);
		assert_memory_equal(out, text.p, done);
		eq(out[done], 0xee);
		/* The same in place. */
		eq(cbc_encrypt(key.p, iv.p, (struct chunk){ out, n }, out), r);
		assert_memory_equal(out, want.p, done);
		eq(cbc_decrypt(key.p, iv.p, (struct chunk){ out, n }, out), r);
		assert_memory_equal(out, text.p, done);
	}
}

/* F.1.5; twice, for there is no state. */
static void
block_sp_800_38a(void **state)
{
	const struct chunk key = hex(AES_KEY), text = hex(AES_TEXT);
	uint8_t out[16];

	(void)state;
	for (int i = 0; i < 2; i++) {
		eq(aes_block(key.p, text.p, out), 0);
		is(out, "f3eed1bdb5d2a03c064b5a7e3db181f8");
		eq(aes_block(key.p, text.p + 16, out), 0);
		is(out, "591ccb10d410ed26dc5ba74a31362870");
	}
}

static void
random_octets_differ(void **state)
{
	uint8_t a[32], b[32];

	(void)state;
	eq(crypto_rand(a, 32) || crypto_rand(b, 32), 0);
	assert_memory_not_equal(a, b, 32);
	eq(crypto_rand(a, 0), 0);
}

static void
nothing_works_before_init(void **state)
{
	uint8_t b[32] = { 0 }, out[64];
	const struct chunk c = { b, 32 };
	size_t n;

	(void)state;
	crypto_fini();
	eq(sha256(&c, 1, out), -EIO);
	eq(prf(PRF_SHA256, b, 32, &c, 1, out), -EIO);
	eq(prf_plus(PRF_SHA384, b, 32, &c, 1, out, 32), -EIO);
	eq(aead_seal(b, b, c, c, out), -EIO);
	eq(aead_open(b, b, c, c, out), -EIO);
	eq(hmac_icv(b, &c, 1, out), -EIO);
	eq(cbc_encrypt(b, b, c, out), -EIO);
	eq(cbc_decrypt(b, b, c, out), -EIO);
	eq(aes_block(b, b, out), -EIO);
	eq(ke_public(KE_P256, b, out), -EIO);
	eq(kw_wrap(b, c, out, sizeof(out), &n), -EIO);
	eq(kw_unwrap(b, c, out, sizeof(out), &n), -EIO);
	eq(crypto_init(), 0);
	eq(crypto_init(), 0);
	eq(sha256(&c, 1, out), 0);
}

static int
setup(void **state)
{
	(void)state;
	return crypto_init();
}

static int
teardown(void **state)
{
	(void)state;
	crypto_fini();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_fips_180),
		cmocka_unit_test(prf_rfc_4231),
		cmocka_unit_test(prf_of_an_empty_key),
		cmocka_unit_test(prf_numbers_are_checked),
		cmocka_unit_test(prf_plus_gives_gsk_w),
		cmocka_unit_test(prf_plus_with_sha384),
		cmocka_unit_test(prf_plus_has_an_end),
		cmocka_unit_test(hkdf_rfc_5869),
		cmocka_unit_test(hkdf_in_place),
		cmocka_unit_test(gcm_vectors),
		cmocka_unit_test(gcm_refuses_what_was_changed),
		cmocka_unit_test(kw_vectors),
		cmocka_unit_test(kw_every_length),
		cmocka_unit_test(kw_refuses_what_was_changed),
		cmocka_unit_test(icv_rfc_4868),
		cmocka_unit_test(cbc_sp_800_38a),
		cmocka_unit_test(block_sp_800_38a),
		cmocka_unit_test(random_octets_differ),
		cmocka_unit_test(nothing_works_before_init),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
