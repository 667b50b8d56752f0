/* SPDX-License-Identifier: ISC */
/* Protected messages, whole and in fragments, with both ciphers. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tests/lib/skmsg.h"

#define eq(a, b) assert_int_equal((a), (b))
/* -- whole messages ----------------------------------------------------- */

static void
every_length(void **state)
{
	struct chunk m[MANY];

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++)
		for (size_t len = 0; len < 300; len++) {
			eq(skm_split(both[k], len, 0, m), 1);
			eq(buf[16], PLD_SK);
			eq(sk_frag_no(m[0]), 1);
			eq(skm_take(both[k], m[0]), 0);
			skm_got(len);
		}
}

static void
as_long_as_ike_allows(void **state)
{
	/* 28 + 4 + IV + payloads + padding + ICV == IKE_MSG_MAX */
	static const size_t max[] = { IKE_MSG_MAX - 57, IKE_MSG_MAX - 65 };
	struct chunk m[MANY];

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		eq(skm_split(both[k], max[k], 0, m), 1);
		eq(m[0].len, IKE_MSG_MAX);
		eq(skm_take(both[k], m[0]), 0);
		skm_got(max[k]);
		eq(skm_protect(both[k], &hdr, max[k] + 1, 0), -EMSGSIZE);
		eq(skm_protect(both[k], &hdr, max[k] + 1, 1280), -EMSGSIZE);
		eq(skm_protect(both[k], &hdr, SIZE_MAX / 2, 1280), -EMSGSIZE);
		eq(wb.len, 0);
		/* As many octets in fragments. */
		assert_true(skm_split(both[k], max[k], 1280, m) > 10);
	}
}

/* RFC 5282 by OpenSSL alone: p has len octets of one message. */
static void
gcm_opens(struct chunk m, size_t head, struct chunk want)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], out[512], tag[16];
	size_t len = m.len - head - 8 - 16;
	int n;

	assert_non_null(ctx);
	memcpy(nonce, gcm.e + 32, 4);
	memcpy(nonce + 4, m.p + head, 8);
	memcpy(tag, m.p + m.len - 16, 16);
	eq(EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, gcm.e, nonce), 1);
	eq(EVP_DecryptUpdate(ctx, NULL, &n, m.p, (int)head), 1);
	eq(EVP_DecryptUpdate(ctx, out, &n, m.p + head + 8, (int)len), 1);
	eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag), 1);
	eq(EVP_DecryptFinal_ex(ctx, out + n, &n), 1);
	EVP_CIPHER_CTX_free(ctx);
	eq(len, want.len + 1);
	assert_memory_equal(out, want.p, want.len);
	eq(out[want.len], 0);
}

/* RFC 7296 3.14, RFC 4868. */
static void
cbc_opens(struct chunk m, size_t head, struct chunk want)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t out[512], icv[32];
	size_t len = m.len - head - 16 - 16;
	int n, end;

	assert_non_null(ctx);
	assert_non_null(
	    HMAC(EVP_sha256(), cbc.a, 32, m.p, m.len - 16, icv, NULL));
	assert_memory_equal(icv, m.p + m.len - 16, 16);
	eq(EVP_DecryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, cbc.e, m.p + head),
	    1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	eq(EVP_DecryptUpdate(ctx, out, &n, m.p + head + 16, (int)len), 1);
	eq(EVP_DecryptFinal_ex(ctx, out + n, &end), 1);
	EVP_CIPHER_CTX_free(ctx);
	eq((size_t)n, len);
	eq(out[len - 1], len - 1 - want.len);
	assert_true(out[len - 1] < 16);
	assert_memory_equal(out, want.p, want.len);
}

static void
another_implementation_opens_it(void **state)
{
	struct chunk m[MANY];

	(void)state;
	for (size_t len = 0; len < 40; len++) {
		eq(skm_split(&gcm, len, 0, m), 1);
		gcm_opens(m[0], 32, (struct chunk){ text, len });
		eq(skm_split(&cbc, len, 0, m), 1);
		cbc_opens(m[0], 32, (struct chunk){ text, len });
	}
	/* 100 - 28 - 4 - 4 - 8 - 16 - 1, 100 - 28 - 4 - 4 - 16 - 16 - 1 */
	eq(skm_split(&gcm, 100, 100, m), 3);
	gcm_opens(m[1], 36, (struct chunk){ text + 39, 39 });
	eq(skm_split(&cbc, 100, 100, m), 4);
	cbc_opens(m[1], 36, (struct chunk){ text + 31, 31 });
}

/* The block that is encrypted to the IV: eight zeros and the count. */
static void
cbc_ivs_cannot_be_foreseen(void **state)
{
	static const uint8_t block[16] = { [9] = 7, [15] = 0x12 };
	struct chunk m[MANY];
	uint8_t want[16];

	(void)state;
	assert_true(skm_split(&cbc, 100, 100, m) > 2);
	eq(aes_block(cbc.e, block, want), 0);
	assert_memory_equal(m[1].p + 36, want, 16);
	assert_memory_not_equal(m[0].p + 36, m[1].p + 36, 16);
}

static void
ivs_run_out(void **state)
{
	const uint64_t last = (UINT64_C(1) << 48) - 1, top = UINT64_C(5) << 48;
	struct chunk inner = { text, 60 };

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		iv = top | (last - 1);
		wb_init(&wb, buf, sizeof(buf));
		eq(sk_protect(both[k], &hdr, 40, inner, 0, &iv, &wb), 0);
		eq(iv, top | last);
		eq(sk_protect(both[k], &hdr, 40, inner, 0, &iv, &wb),
		    -EOVERFLOW);
		eq(iv, top | last); /* not into the instance */
		/* Not in the middle of a message either. */
		iv = top | (last - 1);
		wb_init(&wb, buf, sizeof(buf));
		eq(sk_protect(both[k], &hdr, 40, inner, 90, &iv, &wb),
		    -EOVERFLOW);
		eq(wb.len, 0);
	}
}

static void
no_room_is_an_error(void **state)
{
	static const uint8_t zero[1024];
	size_t whole;

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		eq(skm_protect(both[k], &hdr, 200, 100), 0);
		whole = wb.len;
		for (size_t n = 0; n < whole; n++) {
			memset(buf, 0, whole);
			wb_init(&wb, buf, n);
			eq(sk_protect(both[k], &hdr, 40,
			       (struct chunk){ text, 200 }, 100, &iv, &wb),
			    -ENOBUFS);
			eq(wb.len, 0);
			/* No plain text is left. */
			assert_memory_equal(buf, zero, whole);
		}
	}
}

static void
other_ciphers(void **state)
{
	struct sk_key k = gcm;
	struct chunk m[MANY];

	(void)state;
	eq(skm_split(&gcm, 10, 0, m), 1);
	for (uint16_t e = 0; e < 64; e++) {
		if (e == ENCR_AES_CBC || e == ENCR_AES_GCM_16)
			continue;
		k.encr = e;
		eq(sk_protect(
		       &k, &hdr, 0, (struct chunk){ text, 1 }, 0, &iv, &wb),
		    -EINVAL);
		eq(skm_take(&k, m[0]), -EINVAL);
	}
	/* The right key for the other cipher. */
	eq(skm_take(&cbc, m[0]), -EBADMSG);
	eq(skm_split(&cbc, 10, 0, m), 1);
	eq(skm_take(&gcm, m[0]), -EBADMSG);
}

/* -- what was changed --------------------------------------------------- */

static struct chunk
copy_of(struct chunk m)
{
	static uint8_t copy[2048];

	assert_true(m.len <= sizeof(copy));
	memcpy(copy, m.p, m.len);
	return (struct chunk){ copy, m.len };
}

static void
refuse_bent(const struct sk_key *k, struct chunk good)
{
	struct chunk c = copy_of(good);
	uint8_t *p = (uint8_t *)(uintptr_t)c.p;

	for (size_t bit = 0; bit < 8 * c.len; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		eq(skm_take(k, c), -EBADMSG);
		assert_null(frags); /* nothing kept before it verified */
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void
every_single_bit(void **state)
{
	struct chunk m[MANY];

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		eq(skm_split(both[k], 40, 0, m), 1);
		refuse_bent(both[k], m[0]);
		eq(skm_split(both[k], 60, 110, m), 2);
		refuse_bent(both[k], m[0]);
		refuse_bent(both[k], m[1]);
		eq(skm_take(both[k], m[0]), -EAGAIN);
		eq(skm_take(both[k], m[1]), 0);
		skm_got(60);
	}
}

static void
refuse_cut(const struct sk_key *k, struct chunk good)
{
	struct chunk c = copy_of(good);

	for (c.len = 0; c.len < good.len; c.len++)
		eq(skm_take(k, c), -EBADMSG);
	/* And with lengths that fit. */
	while (c.len-- > 0) {
		skm_lengths(c);
		eq(skm_take(k, c), -EBADMSG);
		eq(sk_frag_no(c) != 0,
		    c.len >= 36 || (c.len >= 32 && good.p[16] == PLD_SK));
	}
	c = copy_of(good);
	c.len++;
	eq(skm_take(k, c), -EBADMSG);
	skm_lengths(c);
	eq(skm_take(k, c), -EBADMSG);
	assert_null(frags);
}

static void
truncations(void **state)
{
	struct chunk m[MANY];

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		eq(skm_split(both[k], 40, 0, m), 1);
		refuse_cut(both[k], m[0]);
		eq(skm_split(both[k], 60, 110, m), 2);
		refuse_cut(both[k], m[0]);
		refuse_cut(both[k], m[1]);
	}
}

static void
another_key_opens_nothing(void **state)
{
	struct chunk m[MANY];
	struct sk_key k;

	(void)state;
	for (size_t i = 0; i < NITEMS(both); i++) {
		size_t n = both[i] == &gcm ? GCM_KEYMAT_LEN : HMAC_KEY_LEN;

		eq(skm_split(both[i], 40, 0, m), 1);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			k = *both[i];
			(both[i] == &gcm ? k.e : k.a)[bit / 8] ^=
			    (uint8_t)(1u << bit % 8);
			eq(skm_take(&k, m[0]), -EBADMSG);
		}
	}
}

/* -- the sender's fault, under an ICV that is right --------------------- */

static void
numbers_that_cannot_be(void **state)
{
	static const struct {
		uint16_t no, total;
	} v[] = { { 1, 2 }, { 32, 32 }, { 1, 32 }, /* these three can be */
		{ 0, 1 }, { 0, 2 }, { 0, 0 }, { 1, 0 }, { 2, 1 }, { 3, 2 },
		{ 33, 32 }, { 1, 33 }, { 33, 33 }, { 32, 33 }, { 65535, 65535 },
		{ 1, 65535 }, { 65535, 1 }, { 0, 65535 }, { 256, 1 },
		{ 1, 256 } };
	static const uint8_t plain[16] = { 0, 0, 0, 5, 'x', [15] = 10 };

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++)
		for (size_t i = 0; i < NITEMS(v); i++) {
			struct chunk m = skm_forge(both[k], PLD_SKF, v[i].no,
			    v[i].total, (struct chunk){ plain, 16 });

			eq(sk_frag_no(m), i < 3 ? v[i].no : 0);
			eq(skm_take(both[k], m), i < 3 ? -EAGAIN : -EBADMSG);
			assert_int_equal(frags != NULL, i < 3);
			sk_frags_free(&frags);
		}
}

/* RFC 7383 2.5 does not forbid a message in one fragment. */
static void
one_of_one(void **state)
{
	static const uint8_t plain[16] = { 0, 0, 0, 5, 'x', [15] = 10 };

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		eq(skm_take(both[k], skm_forge(both[k], PLD_SKF, 1, 1,
					 (struct chunk){ plain, 16 })),
		    0);
		eq(got.first, PLD_NONCE);
		eq(rb_left(&got.inner), 5);
		assert_memory_equal(got.inner.p, plain, 5);
	}
}

static void
padding(void **state)
{
	static const struct {
		size_t len, left;
		uint8_t pad;
		int r[2];
	} v[] = {
		{ 16, 15, 0, { 0, 0 } },
		{ 16, 0, 15, { 0, 0 } },
		{ 16, 0, 16, { -EBADMSG, -EBADMSG } },
		{ 16, 0, 255, { -EBADMSG, -EBADMSG } },
		{ 256, 0, 255, { 0, 0 } },
		{ 256, 5, 250, { 0, 0 } },
		{ 1, 0, 0, { 0, -EBADMSG } },
		{ 1, 0, 1, { -EBADMSG, -EBADMSG } },
		{ 0, 0, 0, { -EBADMSG, -EBADMSG } },
		{ 15, 14, 0, { 0, -EBADMSG } }, /* no whole block */
		{ 17, 16, 0, { 0, -EBADMSG } },
	};
	uint8_t plain[256];

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++)
		for (size_t k = 0; k < NITEMS(both); k++) {
			memcpy(plain, text, sizeof(plain));
			if (v[i].len != 0)
				plain[v[i].len - 1] = v[i].pad;
			eq(skm_take(
			       both[k], skm_forge(both[k], PLD_SK, 0, 0,
					    (struct chunk){ plain, v[i].len })),
			    v[i].r[k]);
			if (v[i].r[k] == 0)
				skm_got(v[i].left);
		}
}

/* The Encrypted payload ends the message, no sooner and no later. */
static void
lengths_that_lie(void **state)
{
	static const int by[] = { 1, -1, 16, -16, -32, -44, 256, 0 };
	static const uint8_t plain[16] = { [15] = 15 };

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++)
		for (size_t i = 0; i < NITEMS(by); i++) {
			int r = by[i] == 0 ? 0 : -EBADMSG;

			skm_lie = by[i];
			for (uint8_t n = 0; n < 2; n++) {
				struct chunk m = skm_forge(both[k],
				    n == 0 ? PLD_SK : PLD_SKF, 1, 1,
				    (struct chunk){ plain, 16 });

				eq(skm_take(both[k], m), r);
				eq(sk_frag_no(m), r == 0);
			}
		}
}

static void
longer_than_ike_allows(void **state)
{
	static uint8_t plain[IKE_MSG_MAX];

	(void)state;
	/* Of GCM, 56 octets are around it. */
	eq(skm_take(&gcm, skm_forge(&gcm, PLD_SK, 0, 0,
			      (struct chunk){ plain, IKE_MSG_MAX - 56 })),
	    0);
	eq(skm_take(&gcm, skm_forge(&gcm, PLD_SK, 0, 0,
			      (struct chunk){ plain, IKE_MSG_MAX - 55 })),
	    -EBADMSG);
}

static void
other_payloads(void **state)
{
	static const uint8_t plain[16] = { [15] = 15 };

	(void)state;
	for (unsigned int type = 0; type < 256; type++) {
		struct chunk m = skm_forge(
		    &gcm, (uint8_t)type, 1, 1, (struct chunk){ plain, 16 });
		int r = type == PLD_SK || type == PLD_SKF ? 0 : -EBADMSG;

		eq(skm_take(&gcm, m), r);
		eq(sk_frag_no(m), r == 0);
	}
}

static void
next_stops_at_the_end(void **state)
{
	struct chunk m[MANY], rest, one = { NULL, 0 };

	(void)state;
	eq(skm_split(&gcm, 60, 110, m), 2);
	for (size_t n = 0; n < m[0].len; n++) {
		rest = (struct chunk){ buf, n };
		assert_false(sk_next(&rest, &one));
		eq(rest.len, n);
	}
	rest = (struct chunk){ buf, m[0].len };
	assert_true(sk_next(&rest, &one));
	assert_false(sk_next(&rest, &one));
	buf[27] = 27; /* shorter than a header */
	buf[26] = 0;
	rest = (struct chunk){ buf, wb.len };
	assert_false(sk_next(&rest, &one));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_length, skm_clean),
		cmocka_unit_test_teardown(as_long_as_ike_allows, skm_clean),
		cmocka_unit_test_teardown(
		    another_implementation_opens_it, skm_clean),
		cmocka_unit_test(cbc_ivs_cannot_be_foreseen),
		cmocka_unit_test(ivs_run_out),
		cmocka_unit_test(no_room_is_an_error),
		cmocka_unit_test_teardown(other_ciphers, skm_clean),
		cmocka_unit_test_teardown(every_single_bit, skm_clean),
		cmocka_unit_test_teardown(truncations, skm_clean),
		cmocka_unit_test_teardown(another_key_opens_nothing, skm_clean),
		cmocka_unit_test_teardown(numbers_that_cannot_be, skm_clean),
		cmocka_unit_test_teardown(one_of_one, skm_clean),
		cmocka_unit_test_teardown(padding, skm_clean),
		cmocka_unit_test_teardown(lengths_that_lie, skm_clean),
		cmocka_unit_test_teardown(longer_than_ike_allows, skm_clean),
		cmocka_unit_test_teardown(other_payloads, skm_clean),
		cmocka_unit_test(next_stops_at_the_end),
	};

	return cmocka_run_group_tests(tests, skm_setup, skm_teardown);
}
