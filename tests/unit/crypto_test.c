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

#define eq(a, b) assert_int_equal((a), (b))
#define C(s) ((struct chunk){ (const uint8_t *)(s), sizeof(s) - 1 })

static const uint8_t zero[64];

static uint8_t
nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Hex text to octets, in one of a few buffers that take turns. */
static struct chunk
hex(const char *s)
{
	static uint8_t bufs[8][256];
	static unsigned int turn;
	uint8_t *b = bufs[turn++ % 8];
	size_t n = strlen(s) / 2;

	assert_true(n <= sizeof(bufs[0]));
	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(nibble(s[2 * i]) << 4 | nibble(s[2 * i + 1]));
	return (struct chunk){ b, n };
}

static struct chunk
repeated(uint8_t v, size_t n)
{
	static uint8_t bufs[4][256];
	static unsigned int turn;
	uint8_t *b = bufs[turn++ % 4];

	memset(b, v, n);
	return (struct chunk){ b, n };
}

static void
is(const uint8_t *got, const char *want)
{
	assert_memory_equal(got, hex(want).p, strlen(want) / 2);
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
mac_is(struct chunk key, struct chunk data, const char *want)
{
	uint8_t out[PRF_LEN];

	/* Whole, and cut in two: chunks are one text. */
	for (size_t cut = 0; cut <= data.len; cut += data.len) {
		const struct chunk in[] = { { data.p, cut },
			{ data.p + cut, data.len - cut } };

		memset(out, 0, sizeof(out));
		eq(prf(key.p, key.len, in, 2, out), 0);
		is(out, want);
	}
}

static void
prf_rfc_4231(void **state)
{
	(void)state;
	mac_is(repeated(0x0b, 20), C("Hi There"),
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff"
	    "7");
	mac_is(C("Jefe"), C("what do ya want for nothing?"),
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec384"
	    "3");
	mac_is(repeated(0xaa, 20), repeated(0xdd, 50),
	    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565f"
	    "e");
	mac_is(hex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
	    repeated(0xcd, 50),
	    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665"
	    "b");
	mac_is(repeated(0xaa, 131),
	    C("Test Using Larger Than Block-Size Key - Hash Key First"),
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f5"
	    "4");
}

/* An empty key is a key, not "the key of the last call". */
static void
prf_of_an_empty_key(void **state)
{
	(void)state;
	mac_is(C("Jefe"), C("what do ya want for nothing?"),
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec384"
	    "3");
	mac_is(C(""), C("x"), /* by Python's hmac */
	    "4cbc96099a6467ce002461f10549b4898265ebe6188b45efacc44293516e62c"
	    "4");
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
	eq(prf_plus(sk_d, 32, &label, 1, out, 32), 0);
	is(out, "b169180742eb22165048cce7281f2e65465010931c41a1b39a8492aff33a"
		"06d4");
	memset(out, 0, sizeof(out));
	eq(prf_plus(sk_d, 32, parts, 2, out, 32), 0);
	is(out, "b169180742eb22165048cce7281f2e65465010931c41a1b39a8492aff33a"
		"06d4");
}

static void
prf_plus_has_an_end(void **state)
{
	static uint8_t a[255 * 32], b[255 * 32 + 1];
	const struct chunk seed = C("seed");

	(void)state;
	eq(prf_plus(zero, 32, &seed, 1, b, sizeof(b)), -EINVAL);
	eq(prf_plus(zero, 32, &seed, 1, a, sizeof(a)), 0);
	/* A shorter output is the beginning of a longer one. */
	eq(prf_plus(zero, 32, &seed, 1, b, 100), 0);
	assert_memory_equal(a, b, 100);
	eq(b[100], 0);
	eq(prf_plus(zero, 32, &seed, 1, b, 0), 0);
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
x25519_rfc_7748(void **state)
{
	uint8_t k[32] = { 9 }, u[32] = { 9 }, out[32];

	(void)state;
	eq(x25519_shared(hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18"
			     "506a2244ba449ac4")
			     .p,
	       hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0"
		   "ab1c4c")
		   .p,
	       out),
	    0);
	is(out, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b407557"
		"7a28552");
	/* The iterated test of section 5.2. */
	for (int i = 1; i <= 1000; i++) {
		eq(x25519_shared(k, u, out), 0);
		memcpy(u, k, 32);
		memcpy(k, out, 32);
		if (i == 1)
			is(k, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b"
			      "783c60e80311ae3079");
	}
	is(k, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d9953"
	      "2c51");
}

static void
x25519_both_sides_agree(void **state)
{
	uint8_t a[32], b[32], pa[32], pb[32], s[32], t[32];
	const uint8_t base[32] = { 9 };

	(void)state;
	eq(crypto_rand(a, 32) || crypto_rand(b, 32), 0);
	eq(x25519_public(a, pa) || x25519_public(b, pb), 0);
	eq(x25519_shared(a, pb, s) || x25519_shared(b, pa, t), 0);
	assert_memory_equal(s, t, 32);
	assert_memory_not_equal(s, zero, 32);
	eq(x25519_shared(a, base, t), 0);
	assert_memory_equal(pa, t, 32);
}

/* Points of small order: everybody could know the secret. */
static void
x25519_refuses_the_zero_secret(void **state)
{
	static const uint8_t one[32] = { 1 };
	uint8_t a[32], out[32];

	(void)state;
	memset(out, 0xee, sizeof(out));
	eq(crypto_rand(a, 32), 0);
	eq(x25519_shared(a, zero, out), -EBADMSG);
	eq(x25519_shared(a, one, out), -EBADMSG);
	eq(x25519_shared(a,
	       hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f"
		   "49b800")
		   .p,
	       out),
	    -EBADMSG);
	eq(out[0], 0xee);
	eq(out[31], 0xee);
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
	eq(prf(b, 32, &c, 1, out), -EIO);
	eq(prf_plus(b, 32, &c, 1, out, 32), -EIO);
	eq(aead_seal(b, b, c, c, out), -EIO);
	eq(aead_open(b, b, c, c, out), -EIO);
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
		cmocka_unit_test(prf_plus_gives_gsk_w),
		cmocka_unit_test(prf_plus_has_an_end),
		cmocka_unit_test(hkdf_rfc_5869),
		cmocka_unit_test(hkdf_in_place),
		cmocka_unit_test(gcm_vectors),
		cmocka_unit_test(gcm_refuses_what_was_changed),
		cmocka_unit_test(kw_vectors),
		cmocka_unit_test(kw_every_length),
		cmocka_unit_test(kw_refuses_what_was_changed),
		cmocka_unit_test(x25519_rfc_7748),
		cmocka_unit_test(x25519_both_sides_agree),
		cmocka_unit_test(x25519_refuses_the_zero_secret),
		cmocka_unit_test(random_octets_differ),
		cmocka_unit_test(nothing_works_before_init),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
