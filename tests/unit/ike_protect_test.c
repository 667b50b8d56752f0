/* SPDX-License-Identifier: ISC */
/* The Encrypted payload and the keys of an IKE SA. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/ike/auth.h"
#include "keymgrd/core/ike/keys.h"
#include "keymgrd/core/ike/sk.h"

#define SK_AT IKE_HDR_LEN
#define IV_AT (IKE_HDR_LEN + 4)
#define ENC_AT (IV_AT + GCM_IV_LEN)
#define IV 0x0102030405060708

static const struct ike_hdr hdr = { .spi_i = { 1, 2, 3, 4, 5, 6, 7, 8 },
	.spi_r = { 9, 10, 11, 12, 13, 14, 15, 16 },
	.version = IKE_VERSION,
	.exchange = GSA_AUTH,
	.flags = IKE_F_INITIATOR,
	.mid = 1 };

static uint8_t keymat[GCM_KEYMAT_LEN], buf[1024], plain[1024];
static struct wbuf wb;

static int
setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(keymat); i++)
		keymat[i] = (uint8_t)(i * 5 + 1);
	return crypto_init();
}

static int
teardown(void **state)
{
	(void)state;
	crypto_fini();
	return 0;
}

static struct chunk
text(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

static struct chunk
msg(void)
{
	return (struct chunk){ buf, wb.len };
}

/* A sealed message with a nonce "nonce" and a notify in it. */
static void
seal(void)
{
	struct chain inner;

	wb_init(&wb, buf, sizeof(buf));
	assert_int_equal(sk_begin(&wb, &hdr, IV, &inner), 0);
	assert_int_equal(pld_raw_put(&inner, PLD_NONCE, text("nonce")), 0);
	assert_int_equal(pld_notify_put(&inner, N_COOKIE, text("c")), 0);
	assert_int_equal(sk_end(&wb, keymat), 0);
}

static const uint8_t inner_octets[] = { 41, 0, 0, 9, 'n', 'o', 'n', 'c', 'e', 0,
	0, 0, 9, 0, 0, 0x40, 0x06, 'c' };

/* Headers and IV of a message that will hold n octets and the ICV. */
static void
frame(size_t n)
{
	wb_init(&wb, buf, sizeof(buf));
	assert_int_equal(ike_hdr_put(&wb, &hdr), 0);
	assert_int_equal(wb_u32(&wb, 0), 0);
	assert_int_equal(wb_u64(&wb, IV), 0);
	assert_int_equal(wb_zero(&wb, n + GCM_TAG_LEN), 0);
	buf[16] = PLD_SK;
	buf[SK_AT] = PLD_NONCE;
	assert_int_equal(wb_set_u32(&wb, 24, wb.len), 0);
	assert_int_equal(wb_set_u16(&wb, SK_AT + 2, wb.len - SK_AT), 0);
}

/* Whatever the headers say now is what the ICV covers. */
static void
encrypt(const uint8_t *p, size_t n)
{
	uint8_t nonce[GCM_NONCE_LEN];

	memcpy(nonce, keymat + GCM_KEY_LEN, GCM_SALT_LEN);
	memcpy(nonce + GCM_SALT_LEN, buf + IV_AT, GCM_IV_LEN);
	assert_int_equal(aead_seal(keymat, nonce, (struct chunk){ buf, IV_AT },
			     (struct chunk){ p, n }, buf + ENC_AT),
	    0);
}

static void
seal_octets(const uint8_t *p, size_t n)
{
	frame(n);
	encrypt(p, n);
}

static int
open_it(struct chunk m, const uint8_t *key, struct rbuf *inner)
{
	uint8_t first = 0xff;
	int r = sk_open(m, key, plain, &first, inner);

	if (r == 0)
		assert_true(first == buf[SK_AT]);
	return r;
}

static void
refused(void)
{
	struct rbuf inner;

	assert_int_equal(open_it(msg(), keymat, &inner), -EBADMSG);
}

static void
round_trip(void **state)
{
	struct rbuf inner;

	(void)state;
	seal();
	assert_int_equal(
	    wb.len, IKE_HDR_LEN + SK_OVERHEAD + sizeof(inner_octets));
	assert_int_equal(open_it(msg(), keymat, &inner), 0);
	assert_int_equal(rb_left(&inner), sizeof(inner_octets));
	assert_memory_equal(inner.p, inner_octets, sizeof(inner_octets));
}

static void
empty_message(void **state)
{
	struct chain chain;
	struct rbuf inner;

	(void)state;
	wb_init(&wb, buf, sizeof(buf));
	assert_int_equal(sk_begin(&wb, &hdr, IV, &chain), 0);
	assert_int_equal(sk_end(&wb, keymat), 0);
	assert_int_equal(buf[SK_AT], PLD_NONE);
	assert_int_equal(open_it(msg(), keymat, &inner), 0);
	assert_int_equal(rb_left(&inner), 0);
}

/* AES-256-GCM by OpenSSL alone, nonce and additional data as in RFC 5282. */
static void
another_implementation_opens_it(void **state)
{
	uint8_t nonce[12], out[256];
	int n, fin;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	(void)state;
	seal();
	assert_int_equal(buf[16], PLD_SK);
	assert_int_equal(buf[27], wb.len);
	assert_int_equal(buf[SK_AT], PLD_NONCE);
	assert_int_equal(buf[SK_AT + 3], wb.len - SK_AT);
	assert_memory_equal(buf + IV_AT, "\1\2\3\4\5\6\7\x08", 8);
	memcpy(nonce, keymat + 32, 4);
	memcpy(nonce + 4, buf + IV_AT, 8);
	n = (int)(wb.len - ENC_AT - 16);
	assert_non_null(ctx);
	assert_int_equal(
	    EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, keymat, nonce), 1);
	assert_int_equal(EVP_DecryptUpdate(ctx, NULL, &fin, buf, IV_AT), 1);
	assert_int_equal(EVP_DecryptUpdate(ctx, out, &n, buf + ENC_AT, n), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(
			     ctx, EVP_CTRL_AEAD_SET_TAG, 16, buf + wb.len - 16),
	    1);
	assert_int_equal(EVP_DecryptFinal_ex(ctx, out + n, &fin), 1);
	EVP_CIPHER_CTX_free(ctx);
	assert_int_equal(n, sizeof(inner_octets) + 1);
	assert_memory_equal(out, inner_octets, sizeof(inner_octets));
	assert_int_equal(out[n - 1], 0); /* pad length */
}

static void
every_single_bit(void **state)
{
	(void)state;
	seal();
	for (size_t bit = 0; bit < 8 * wb.len; bit++) {
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		refused();
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void
lengths_set(size_t n)
{
	wb.len = n;
	if (n >= IKE_HDR_LEN)
		assert_int_equal(wb_set_u32(&wb, 24, n), 0);
	if (n >= IV_AT)
		assert_int_equal(wb_set_u16(&wb, SK_AT + 2, n - SK_AT), 0);
}

static void
truncations(void **state)
{
	size_t whole;

	(void)state;
	seal();
	whole = wb.len;
	for (wb.len = 0; wb.len < whole; wb.len++)
		refused();
	/* And with length fields that fit. */
	for (size_t n = whole; n-- > 0;) {
		lengths_set(n);
		refused();
	}
	seal();
	buf[wb.len] = 0;
	lengths_set(wb.len + 1);
	refused();
}

static void
another_key_opens_nothing(void **state)
{
	struct rbuf inner;
	uint8_t k[GCM_KEYMAT_LEN];

	(void)state;
	seal();
	for (size_t bit = 0; bit < 8 * sizeof(k); bit++) {
		memcpy(k, keymat, sizeof(k));
		k[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(open_it(msg(), k, &inner), -EBADMSG);
	}
}

/* Lengths that contradict each other, under a good ICV. */
static void
length_fields(void **state)
{
	static const uint8_t p[] = { 0, 0, 0, 5, 'x', 0 };
	static const struct {
		size_t at;
		int by;
	} v[] = { { 27, 1 }, { 27, -1 }, { SK_AT + 3, 1 }, { SK_AT + 3, -1 },
		{ SK_AT + 3, -30 }, { SK_AT + 2, 1 }, { 26, 1 } };

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		frame(sizeof(p));
		buf[v[i].at] = (uint8_t)(buf[v[i].at] + v[i].by);
		encrypt(p, sizeof(p));
		refused();
	}
}

/* The Encrypted payload is the first and the last one. */
static void
payloads_around_it(void **state)
{
	static const uint8_t p[] = { 0, 0, 0, 5, 'x', 0 };
	struct rbuf inner;

	(void)state;
	seal_octets(p, sizeof(p));
	assert_int_equal(open_it(msg(), keymat, &inner), 0);
	frame(sizeof(p));
	assert_int_equal(wb_set_u32(&wb, 24, wb.len + 5), 0);
	encrypt(p, sizeof(p));
	assert_int_equal(wb_put(&wb, "\0\0\0\5v", 5), 0);
	refused();
	frame(sizeof(p));
	buf[16] = PLD_NONCE;
	encrypt(p, sizeof(p));
	refused();
	frame(sizeof(p));
	buf[16] = PLD_SKF;
	encrypt(p, sizeof(p));
	refused();
}

static void
padding(void **state)
{
	static const uint8_t pad[] = { 0, 0, 0, 5, 'x', 'p', 'a', 'd', 3 };
	static const uint8_t all[] = { 9, 9, 9, 3 };
	static const uint8_t more[] = { 9, 9, 9, 4 };
	static const uint8_t none[] = { 1 };
	uint8_t most[256] = { 0, 0, 0, 5, 'x', [255] = 250 };
	struct rbuf inner;

	(void)state;
	seal_octets(pad, sizeof(pad));
	assert_int_equal(open_it(msg(), keymat, &inner), 0);
	assert_int_equal(rb_left(&inner), 5);
	seal_octets(all, sizeof(all));
	assert_int_equal(open_it(msg(), keymat, &inner), 0);
	assert_int_equal(rb_left(&inner), 0);
	seal_octets(most, sizeof(most));
	assert_int_equal(open_it(msg(), keymat, &inner), 0);
	assert_int_equal(rb_left(&inner), 5);
	seal_octets(more, sizeof(more));
	refused();
	seal_octets(none, sizeof(none));
	refused();
	seal_octets(none, 0); /* not even the pad length */
	refused();
}

static void
no_room_is_an_error(void **state)
{
	struct chain inner;
	size_t whole;
	int r;

	(void)state;
	seal();
	whole = wb.len;
	for (size_t size = 0; size < whole; size++) {
		wb_init(&wb, buf, size);
		r = sk_begin(&wb, &hdr, IV, &inner) ||
		    pld_raw_put(&inner, PLD_NONCE, text("nonce")) ||
		    pld_notify_put(&inner, N_COOKIE, text("c")) ||
		    sk_end(&wb, keymat);
		assert_true(r);
	}
	wb_init(&wb, buf, sizeof(buf));
	assert_int_equal(wb_u8(&wb, 0), 0);
	assert_int_equal(sk_begin(&wb, &hdr, IV, &inner), -EINVAL);
}

/* HMAC-SHA2-256 of OpenSSL alone. */
static void
hmac(const uint8_t *key, size_t key_len, const uint8_t *p, size_t n,
    uint8_t out[32])
{
	unsigned int out_len = 32;

	assert_non_null(
	    HMAC(EVP_sha256(), key, (int)key_len, p, n, out, &out_len));
	assert_int_equal(out_len, 32);
}

/* RFC 7296 2.13, written down once more. */
static void
test_prf_plus(
    const uint8_t key[32], const uint8_t *seed, size_t n, uint8_t out[32 * 8])
{
	uint8_t in[32 + 600 + 1];

	assert_true(n <= 600);
	for (uint8_t i = 1; i <= 8; i++) {
		size_t at = 0;

		if (i > 1) {
			memcpy(in, out + 32 * (i - 2), 32);
			at = 32;
		}
		memcpy(in + at, seed, n);
		in[at + n] = i;
		hmac(key, 32, in, at + n + 1, out + 32 * (i - 1));
	}
}

static void
check_keys(size_t ni_len, size_t nr_len)
{
	uint8_t nonces[512], shared[32], seed[528], skeyseed[32], t[256];
	uint8_t w[256];
	struct ike_keys k;

	for (size_t i = 0; i < sizeof(nonces); i++)
		nonces[i] = (uint8_t)(i * 3 + ni_len);
	for (size_t i = 0; i < sizeof(shared); i++)
		shared[i] = (uint8_t)(0xf0 - i);
	assert_int_equal(
	    ike_keys_derive((struct chunk){ shared, sizeof(shared) },
		(struct chunk){ nonces, ni_len },
		(struct chunk){ nonces + ni_len, nr_len }, hdr.spi_i, hdr.spi_r,
		&k),
	    0);
	hmac(nonces, ni_len + nr_len, shared, sizeof(shared), skeyseed);
	memcpy(seed, nonces, ni_len + nr_len);
	memcpy(seed + ni_len + nr_len, hdr.spi_i, 8);
	memcpy(seed + ni_len + nr_len + 8, hdr.spi_r, 8);
	test_prf_plus(skeyseed, seed, ni_len + nr_len + 16, t);
	/* SK_d | SK_ei | SK_er | SK_pi | SK_pr; AEAD has no SK_a. */
	assert_memory_equal(k.d, t, 32);
	assert_memory_equal(k.ei, t + 32, 36);
	assert_memory_equal(k.er, t + 68, 36);
	assert_memory_equal(k.pi, t + 104, 32);
	assert_memory_equal(k.pr, t + 136, 32);
	test_prf_plus(k.d, text("Key Wrap for G-IKEv2").p, 20, w);
	assert_memory_equal(k.gsk_w, w, 32);
}

static void
keys_in_their_order(void **state)
{
	(void)state;
	check_keys(32, 32);
	check_keys(16, 16);
	check_keys(33, 64); /* longer than a block of the hash */
	check_keys(256, 256);
}

static void
nonces_too_long(void **state)
{
	static const uint8_t n[257];
	struct ike_keys k;
	struct chunk s = { n, 32 }, longer = { n, 257 };

	(void)state;
	assert_int_equal(
	    ike_keys_derive(s, longer, s, hdr.spi_i, hdr.spi_r, &k), -EINVAL);
	assert_int_equal(
	    ike_keys_derive(s, s, longer, hdr.spi_i, hdr.spi_r, &k), -EINVAL);
}

static void
gsk_w_known_answer(void **state)
{
	static const uint8_t want[] = { 0xb1, 0x69, 0x18, 0x07, 0x42, 0xeb,
		0x22, 0x16, 0x50, 0x48, 0xcc, 0xe7, 0x28, 0x1f, 0x2e, 0x65,
		0x46, 0x50, 0x10, 0x93, 0x1c, 0x41, 0xa1, 0xb3, 0x9a, 0x84,
		0x92, 0xaf, 0xf3, 0x3a, 0x06, 0xd4 };
	uint8_t d[PRF_LEN], got[KW_KEY_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(d); i++)
		d[i] = (uint8_t)i;
	assert_int_equal(ike_gsk_w(d, got), 0);
	assert_memory_equal(got, want, sizeof(want));
}

static void
maced_id_and_psk_auth(void **state)
{
	static const uint8_t id[] = { 11, 0, 0, 0, 'm', 'e' };
	const char *psk = "a secret of more than one block of the hash, which "
			  "HMAC hashes first: 64 octets";
	uint8_t p[PRF_LEN] = { 7 }, mac[32], want[32], pad_key[32], all[256];
	struct chunk init = text("IKE_SA_INIT message"), nonce = text("Nr");
	struct chunk m = { mac, sizeof(mac) };

	(void)state;
	assert_int_equal(
	    ike_maced_id(p, (struct chunk){ id, sizeof(id) }, mac), 0);
	hmac(p, sizeof(p), id, sizeof(id), want);
	assert_memory_equal(mac, want, sizeof(want));
	hmac(
	    text(psk).p, strlen(psk), text("Key Pad for IKEv2").p, 17, pad_key);
	memcpy(all, init.p, init.len);
	memcpy(all + init.len, nonce.p, nonce.len);
	memcpy(all + init.len + nonce.len, mac, sizeof(mac));
	hmac(pad_key, sizeof(pad_key), all, init.len + nonce.len + sizeof(mac),
	    want);
	assert_int_equal(ike_psk_auth(text(psk), init, nonce, m, p), 0);
	assert_memory_equal(p, want, sizeof(want));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(empty_message),
		cmocka_unit_test(another_implementation_opens_it),
		cmocka_unit_test(every_single_bit),
		cmocka_unit_test(truncations),
		cmocka_unit_test(another_key_opens_nothing),
		cmocka_unit_test(length_fields),
		cmocka_unit_test(payloads_around_it),
		cmocka_unit_test(padding),
		cmocka_unit_test(no_room_is_an_error),
		cmocka_unit_test(keys_in_their_order),
		cmocka_unit_test(nonces_too_long),
		cmocka_unit_test(gsk_w_known_answer),
		cmocka_unit_test(maced_id_and_psk_auth),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
