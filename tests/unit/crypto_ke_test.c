/* SPDX-License-Identifier: ISC */

/* Key exchange: published examples, and what must fail. */

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

static const uint8_t zero[KE_PUB_MAX];
static const uint16_t groups[] = { KE_X25519, KE_P256, KE_P384 };

static struct chunk
pub_of(uint16_t group, const uint8_t *pub)
{
	return (struct chunk){ pub, ke_pub_len(group) };
}

/* A private key and what belongs to it. */
static void
draw(uint16_t group, uint8_t priv[KE_PRIV_MAX], uint8_t pub[KE_PUB_MAX])
{
	int r;

	do {
		eq(crypto_rand(priv, KE_PRIV_MAX), 0);
		r = ke_public(group, priv, pub);
	} while (r == -ERANGE);
	eq(r, 0);
}

static void
lengths(void **state)
{
	(void)state;
	for (unsigned int g = 0; g <= UINT16_MAX; g++) {
		uint16_t group = (uint16_t)g;
		size_t n = group == KE_P384			    ? 48
			   : group == KE_P256 || group == KE_X25519 ? 32
								    : 0;

		eq(ke_known(group), n != 0);
		eq(ke_priv_len(group), n);
		eq(ke_shared_len(group), n);
		eq(ke_pub_len(group), group == KE_X25519 ? n : 2 * n);
	}
	assert_true(KE_PRIV_MAX >= 48 && KE_PUB_MAX >= 96);
}

static void
unknown_groups(void **state)
{
	uint8_t priv[KE_PRIV_MAX] = { 1 }, out[KE_PUB_MAX];

	(void)state;
	for (uint16_t g = 0; g < 64; g++) {
		if (ke_known(g))
			continue;
		eq(ke_public(g, priv, out), -EINVAL);
		eq(ke_shared(g, priv, (struct chunk){ zero, 32 }, out),
		    -EINVAL);
		eq(ke_shared(g, priv, (struct chunk){ zero, 0 }, out), -EINVAL);
	}
}

static void
x25519_rfc_7748(void **state)
{
	uint8_t k[32] = { 9 }, u[32] = { 9 }, out[32];

	(void)state;
	eq(ke_shared(KE_X25519,
	       hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18"
		   "506a2244ba449ac4")
		   .p,
	       hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0"
		   "ab1c4c"),
	       out),
	    0);
	is(out, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b407557"
		"7a28552");
	/* The iterated test of section 5.2. */
	for (int i = 1; i <= 1000; i++) {
		eq(ke_shared(KE_X25519, k, (struct chunk){ u, 32 }, out), 0);
		memcpy(u, k, 32);
		memcpy(k, out, 32);
		if (i == 1)
			is(k, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b"
			      "783c60e80311ae3079");
	}
	is(k, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d9953"
	      "2c51");
}

/* Section 8.1 and 8.2: i and r, their public values, and what both get. */
static void
nist_rfc_5903(void **state)
{
	static const struct {
		uint16_t group;
		const char *i, *gi, *r, *gr, *gir;
	} v[] = {
		{ KE_P256,
		    "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c5786"
		    "2d1433",
		    "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772"
		    "581180"
		    "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8"
		    "990bb3",
		    "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab4647"
		    "6bee53",
		    "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc75544"
		    "94bf63"
		    "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f3303"
		    "9872ab",
		    "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b"
		    "9442de" },
		{ KE_P384,
		    "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414"
		    "dce655e35b538041e649ee3faef896783ab194",
		    "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4"
		    "c55ee6de3ac808acb4bdb4c88732aee95f41aa"
		    "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535"
		    "a0f38eeb9fcff3c2c947dae69b4c634573a81c",
		    "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0"
		    "aa2942e0308312916b8ed2960e4bd55a7448fc",
		    "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732"
		    "bc509d0d1ac43a0336def96fda41d0774a3571"
		    "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c6875"
		    "9dd1fff83fa40142209dff5eaad96db9e6386c",
		    "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e71"
		    "56c5c4d603135569b9e9d09cf5d4a270f59746" },
	};
	uint8_t out[KE_PUB_MAX];

	(void)state;
	for (size_t k = 0; k < NITEMS(v); k++) {
		eq(ke_public(v[k].group, hex(v[k].i).p, out), 0);
		is(out, v[k].gi);
		eq(ke_public(v[k].group, hex(v[k].r).p, out), 0);
		is(out, v[k].gr);
		memset(out, 0xee, sizeof(out));
		eq(ke_shared(v[k].group, hex(v[k].i).p, hex(v[k].gr), out), 0);
		is(out, v[k].gir);
		eq(out[ke_shared_len(v[k].group)], 0xee);
		memset(out, 0, sizeof(out));
		eq(ke_shared(v[k].group, hex(v[k].r).p, hex(v[k].gi), out), 0);
		is(out, v[k].gir);
	}
}

static void
both_sides_agree(void **state)
{
	uint8_t a[KE_PRIV_MAX], b[KE_PRIV_MAX], s[KE_SHARED_MAX];
	uint8_t pa[KE_PUB_MAX], pb[KE_PUB_MAX], t[KE_SHARED_MAX];

	(void)state;
	for (size_t i = 0; i < NITEMS(groups); i++)
		for (int round = 0; round < 20; round++) {
			uint16_t g = groups[i];
			size_t n = ke_shared_len(g);

			draw(g, a, pa);
			draw(g, b, pb);
			eq(ke_shared(g, a, pub_of(g, pb), s), 0);
			eq(ke_shared(g, b, pub_of(g, pa), t), 0);
			assert_memory_equal(s, t, n);
			assert_memory_not_equal(s, zero, n);
		}
}

static void
lengths_of_a_peer(void **state)
{
	uint8_t a[KE_PRIV_MAX], pub[KE_PUB_MAX + 2], out[KE_SHARED_MAX];

	(void)state;
	memset(out, 0xee, sizeof(out));
	for (size_t i = 0; i < NITEMS(groups); i++) {
		draw(groups[i], a, pub);
		for (size_t n = 0; n <= sizeof(pub); n++)
			if (n != ke_pub_len(groups[i]))
				eq(ke_shared(groups[i], a,
				       (struct chunk){ pub, n }, out),
				    -EBADMSG);
	}
	eq(out[0], 0xee);
}

/* Points of small order: everybody could know the secret. */
static void
x25519_refuses_the_zero_secret(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000"
		"000",
		"0100000000000000000000000000000000000000000000000000000000000"
		"000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b"
		"800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1"
		"157",
		"ecfffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"f7f",
	};
	uint8_t a[32], out[32];

	(void)state;
	memset(out, 0xee, sizeof(out));
	eq(crypto_rand(a, 32), 0);
	for (size_t i = 0; i < NITEMS(points); i++)
		eq(ke_shared(KE_X25519, a, hex(points[i]), out), -EBADMSG);
	eq(out[0], 0xee);
	eq(out[31], 0xee);
}

/* Each bit of a point bent: off the curve, with either of its halves. */
static void
nist_points_off_the_curve(void **state)
{
	uint8_t a[KE_PRIV_MAX], pub[KE_PUB_MAX], out[KE_SHARED_MAX];

	(void)state;
	memset(out, 0xee, sizeof(out));
	for (size_t i = 1; i < NITEMS(groups); i++) {
		struct chunk p = pub_of(groups[i], pub);

		draw(groups[i], a, pub);
		for (size_t bit = 0; bit < 8 * p.len; bit++) {
			pub[bit / 8] ^= (uint8_t)(1 << bit % 8);
			eq(ke_shared(groups[i], a, p, out), -EBADMSG);
			pub[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		eq(out[0], 0xee);
		eq(ke_shared(groups[i], a, p, out), 0);
		memset(out, 0xee, sizeof(out));
		eq(ke_shared(groups[i], a, pub_of(groups[i], zero), out),
		    -EBADMSG);
		memset(pub, 0xff, sizeof(pub));
		eq(ke_shared(groups[i], a, p, out), -EBADMSG);
		eq(out[0], 0xee);
	}
}

/*
 * A coordinate is written in one way only: x + p, where it fits, is the same
 * point for sloppy arithmetic.  This point of P-256 has x = 5.
 */
static void
nist_coordinates_are_below_p(void **state)
{
	uint8_t a[KE_PRIV_MAX] = { 0 }, out[KE_SHARED_MAX];
	struct chunk good = hex(
	    "0000000000000000000000000000000000000000000000000000000000000005"
	    "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc");
	struct chunk bad = hex(
	    "ffffffff00000001000000000000000000000001000000000000000000000004"
	    "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc");

	(void)state;
	a[31] = 1;
	eq(ke_shared(KE_P256, a, good, out), 0);
	eq(out[31], 5);
	eq(ke_shared(KE_P256, a, bad, out), -EBADMSG);
}

/* 1 gives the base point, n - 1 its mirror image, 0 and n are no keys. */
static void
nist_private_keys_have_a_range(void **state)
{
	static const struct {
		uint16_t group;
		const char *n, *gx;
	} v[] = {
		{ KE_P256,
		    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc"
		    "632551",
		    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d8"
		    "98c296" },
		{ KE_P384,
		    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4"
		    "372ddf581a0db248b0a77aecec196accc52973",
		    "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082"
		    "542a385502f25dbf55296c3a545e3872760ab7" },
	};
	uint8_t k[KE_PRIV_MAX], pub[KE_PUB_MAX], own[KE_PUB_MAX];

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		uint16_t g = v[i].group;
		size_t n = ke_priv_len(g);

		memset(pub, 0xee, sizeof(pub));
		eq(ke_public(g, zero, pub), -ERANGE);
		eq(ke_public(g, hex(v[i].n).p, pub), -ERANGE);
		memset(k, 0xff, sizeof(k));
		eq(ke_public(g, k, pub), -ERANGE);
		eq(pub[0], 0xee);
		memcpy(k, hex(v[i].n).p, n);
		k[n - 1]--;
		eq(ke_public(g, k, pub), 0);
		is(pub, v[i].gx);
		memset(k, 0, sizeof(k));
		k[n - 1] = 1;
		eq(ke_public(g, k, own), 0);
		is(own, v[i].gx);
		assert_memory_not_equal(pub + n, own + n, n);
		/* The same goes for an agreement. */
		eq(ke_shared(g, zero, pub_of(g, pub), own), -ERANGE);
		eq(ke_shared(g, hex(v[i].n).p, pub_of(g, pub), own), -ERANGE);
		eq(ke_shared(g, k, pub_of(g, pub), own), 0);
		is(own, v[i].gx);
	}
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
		cmocka_unit_test(lengths),
		cmocka_unit_test(unknown_groups),
		cmocka_unit_test(x25519_rfc_7748),
		cmocka_unit_test(nist_rfc_5903),
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(lengths_of_a_peer),
		cmocka_unit_test(x25519_refuses_the_zero_secret),
		cmocka_unit_test(nist_points_off_the_curve),
		cmocka_unit_test(nist_coordinates_are_below_p),
		cmocka_unit_test(nist_private_keys_have_a_range),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
