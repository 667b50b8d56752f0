/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ike/kd.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "keymgrd/core/ike/sa.h"

#define SA_KEY 1
#define WRAPPED_MAX KW_WRAPPED_LEN(GCM_KEYMAT_LEN)

const struct kd_key *
kd_find(const struct kd *k, uint32_t spi)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->key[i].spi == spi)
			return &k->key[i];
	return NULL;
}

static int
bag_put(
    struct wbuf *wb, const struct kd_key *k, const uint8_t gsk_w[KW_KEY_LEN])
{
	struct chunk plain = { k->key, sizeof(k->key) };
	uint8_t wrapped[WRAPPED_MAX];
	size_t n;
	int r;

	if ((r = kw_wrap(gsk_w, plain, wrapped, sizeof(wrapped), &n)))
		return r;
	/* bag header, SPI, attribute header, Key ID 0, KWK ID 0, key */
	if (wb_u8(wb, PROTO_ESP) || wb_u8(wb, 4) || wb_u16(wb, 8 + 4 + 8 + n) ||
	    wb_u32(wb, k->spi) || wb_u16(wb, SA_KEY) || wb_u16(wb, 8 + n) ||
	    wb_u32(wb, 0) || wb_u32(wb, 0) || wb_put(wb, wrapped, n))
		return -ENOBUFS;
	return 0;
}

int
kd_put(struct chain *c, const struct kd *k, const uint8_t gsk_w[KW_KEY_LEN])
{
	int r;

	if (chain_open(c, PLD_KD))
		return -ENOBUFS;
	for (size_t i = 0; i < k->n; i++)
		if ((r = bag_put(c->wb, &k->key[i], gsk_w)))
			return r;
	return chain_close(c);
}

static int
sa_key_get(struct chunk v, const uint8_t gsk_w[KW_KEY_LEN], struct kd_key *k)
{
	struct chunk wrapped;
	uint32_t key_id, kwk_id;
	struct rbuf rb;
	size_t n;

	rb_init(&rb, v.p, v.len);
	if (rb_u32(&rb, &key_id) || rb_u32(&rb, &kwk_id) ||
	    rb_rest(&rb, &wrapped) || key_id != 0)
		return -EBADMSG;
	if (kwk_id != 0)
		return -EPROTONOSUPPORT; /* no key trees in this version */
	if (kw_unwrap(gsk_w, wrapped, k->key, sizeof(k->key), &n) ||
	    n != sizeof(k->key))
		return -EBADMSG;
	return 0;
}

static int
bag_get(struct rbuf *rb, const uint8_t gsk_w[KW_KEY_LEN], struct kd *out)
{
	struct kd_key *k = &out->key[out->n];
	uint8_t proto, spi_size;
	struct rbuf body;
	struct chunk v;
	uint16_t len, type;
	bool tv;

	if (rb_u8(rb, &proto) || rb_u8(rb, &spi_size) || rb_u16(rb, &len) ||
	    len < 4 || rb_sub(rb, (size_t)len - 4, &body))
		return -EBADMSG;
	if (proto != PROTO_ESP || out->n == KD_KEYS_MAX)
		return -EPROTONOSUPPORT;
	if (spi_size != 4 || rb_u32(&body, &k->spi) ||
	    attr_get(&body, &type, &v, &tv))
		return -EBADMSG;
	/* Exactly one SA_KEY and nothing else in the bag of an ESP SA. */
	if (type != SA_KEY || tv || rb_left(&body) != 0)
		return -EPROTONOSUPPORT;
	if (kd_find(out, k->spi) != NULL)
		return -EBADMSG;
	out->n++; /* counted first: what was unwrapped is wiped by the caller */
	return sa_key_get(v, gsk_w, k);
}

int
kd_get(struct rbuf body, const uint8_t gsk_w[KW_KEY_LEN], struct kd *out)
{
	struct kd k = { 0 };
	int r = 0;

	while (r == 0 && rb_left(&body) > 0)
		r = bag_get(&body, gsk_w, &k);
	if (r == 0 && k.n == 0)
		r = -EBADMSG;
	if (r == 0)
		*out = k;
	explicit_bzero(&k, sizeof(k));
	return r;
}
