/* SPDX-License-Identifier: ISC */
#include "tests/lib/skmsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define eq(a, b) assert_int_equal((a), (b))

const struct ike_hdr hdr = { .spi_i = { 1, 2, 3, 4, 5, 6, 7, 8 },
	.spi_r = { 9, 10, 11, 12, 13, 14, 15, 16 },
	.version = IKE_VERSION,
	.exchange = GSA_AUTH,
	.flags = IKE_F_INITIATOR,
	.mid = 1 };

struct sk_key gcm = { .encr = ENCR_AES_GCM_16 };
struct sk_key cbc = { .encr = ENCR_AES_CBC };
const struct sk_key *const both[] = { &gcm, &cbc };

uint8_t text[IKE_MSG_MAX + 64];
uint8_t buf[IKE_MSG_MAX + 96 * SK_FRAGS_MAX];
struct wbuf wb;
uint64_t iv;
struct sk_frags *frags;
struct sk_plain got;
int skm_lie;

int
skm_setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t i = 0; i < GCM_KEYMAT_LEN; i++)
		gcm.e[i] = cbc.e[i] = (uint8_t)(i * 5 + 1);
	for (size_t i = 0; i < HMAC_KEY_LEN; i++)
		cbc.a[i] = (uint8_t)(i * 3 + 9);
	return crypto_init();
}

int
skm_teardown(void **state)
{
	(void)state;
	crypto_fini();
	return 0;
}

int
skm_clean(void **state)
{
	(void)state;
	sk_frags_free(&frags);
	sk_plain_free(&got);
	return 0;
}

int
skm_protect(
    const struct sk_key *k, const struct ike_hdr *h, size_t len, size_t limit)
{
	iv = IV0;
	wb_init(&wb, buf, sizeof(buf));
	return sk_protect(
	    k, h, PLD_NONCE, (struct chunk){ text, len }, limit, &iv, &wb);
}

size_t
skm_split_as(const struct sk_key *k, const struct ike_hdr *h, size_t len,
    size_t limit, struct chunk m[MANY])
{
	struct chunk rest;
	size_t n = 0;

	eq(skm_protect(k, h, len, limit), 0);
	rest = (struct chunk){ buf, wb.len };
	while (n < MANY && sk_next(&rest, &m[n]))
		n++;
	eq(rest.len, 0);
	eq(iv, IV0 + n);
	return n;
}

size_t
skm_split(
    const struct sk_key *k, size_t len, size_t limit, struct chunk m[MANY])
{
	return skm_split_as(k, &hdr, len, limit, m);
}

int
skm_take(const struct sk_key *k, struct chunk m)
{
	int r;

	sk_plain_free(&got);
	r = sk_take(k, m, &frags, &got);
	if (r != 0)
		assert_true(got.p == NULL && got.size == 0);
	else
		assert_null(frags);
	return r;
}

void
skm_got(size_t len)
{
	eq(got.first, PLD_NONCE);
	eq(rb_left(&got.inner), len);
	assert_memory_equal(got.inner.p, text, len);
}

void
skm_lengths(struct chunk c)
{
	struct wbuf w = { (uint8_t *)(uintptr_t)c.p, c.len, c.len, false };

	if (c.len >= 28)
		eq(wb_set_u32(&w, 24, c.len), 0);
	if (c.len >= 32)
		eq(wb_set_u16(&w, 30, c.len - 28), 0);
}

struct chunk
skm_forge(const struct sk_key *k, uint8_t type, uint16_t no, uint16_t total,
    struct chunk plain)
{
	static uint8_t p[IKE_MSG_MAX + 64];
	size_t iv_len = k == &gcm ? 8 : 16, head;
	struct ike_hdr h = hdr;
	uint8_t nonce[12];
	struct wbuf w;

	h.next = type;
	wb_init(&w, p, sizeof(p));
	eq(ike_hdr_put(&w, &h) || wb_u8(&w, PLD_NONCE) || wb_zero(&w, 3), 0);
	if (type == PLD_SKF)
		eq(wb_u16(&w, no) || wb_u16(&w, total), 0);
	head = w.len;
	eq(wb_zero(&w, iv_len) || wb_put(&w, plain.p, plain.len), 0);
	eq(wb_zero(&w, 16), 0);
	skm_lengths((struct chunk){ p, w.len });
	eq(wb_set_u16(&w, 30, w.len - 28 + (size_t)skm_lie), 0);
	plain.p = p + head + iv_len;
	if (k == &gcm) {
		memcpy(nonce, k->e + 32, 4);
		memcpy(nonce + 4, p + head, 8);
		eq(aead_seal(k->e, nonce, (struct chunk){ p, head }, plain,
		       p + head + iv_len),
		    0);
	} else {
		struct chunk mac = { p, w.len - 16 };

		if (plain.len % 16 == 0)
			eq(cbc_encrypt(
			       k->e, p + head, plain, p + head + iv_len),
			    0);
		eq(hmac_icv(k->a, &mac, 1, p + w.len - 16), 0);
	}
	return (struct chunk){ p, w.len };
}
