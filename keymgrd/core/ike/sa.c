/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ike/sa.h"

#include <errno.h>

#define ATTR_KEY_LENGTH 14
#define ATTR_SIG_ALG 18
#define ATTR_TV 0x8000
#define PROPOSALS_MAX 64

int
attr_get(struct rbuf *rb, uint16_t *type, struct chunk *value, bool *tv)
{
	uint16_t t, len = 2;

	if (rb_u16(rb, &t))
		return -EBADMSG;
	*tv = (t & ATTR_TV) != 0;
	if (!*tv && rb_u16(rb, &len))
		return -EBADMSG;
	*type = t & (uint16_t)~ATTR_TV;
	return rb_bytes(rb, len, value);
}

/*
 * An attribute is known where it has a meaning, once: a key length belongs to
 * a cipher and is never 0, an AlgorithmIdentifier belongs to GCAUTH.
 */
static int
xf_attr(struct rbuf *rb, struct xf *x)
{
	uint16_t type, bits = 0;
	struct chunk v;
	bool tv;

	if (attr_get(rb, &type, &v, &tv))
		return -EBADMSG;
	if (tv)
		bits = (uint16_t)(v.p[0] << 8 | v.p[1]);
	if (type == ATTR_KEY_LENGTH && x->type == XF_ENCR && bits != 0 &&
	    x->key_bits == 0)
		x->key_bits = bits;
	else if (type == ATTR_SIG_ALG && x->type == XF_GCAUTH && !tv &&
		 x->alg.p == NULL)
		x->alg = v;
	else
		x->unknown_attr = true;
	return 0;
}

int
xf_get(struct rbuf *rb, struct xf *out)
{
	struct xf x = { 0 };
	struct rbuf body;
	uint8_t more, reserved;
	uint16_t len;

	if (rb_u8(rb, &more) || rb_u8(rb, &reserved) || rb_u16(rb, &len))
		return -EBADMSG;
	if (len < 8 || (more != 0 && more != 3) ||
	    rb_sub(rb, (size_t)len - 4, &body))
		return -EBADMSG;
	if (rb_u8(&body, &x.type) || rb_u8(&body, &reserved) ||
	    rb_u16(&body, &x.id))
		return -EBADMSG;
	while (rb_left(&body) > 0)
		if (xf_attr(&body, &x))
			return -EBADMSG;
	x.last = more == 0;
	*out = x;
	return 0;
}

int
xf_put(struct wbuf *wb, bool last, uint8_t type, uint16_t id, uint16_t key_bits)
{
	if (wb_u8(wb, last ? 0 : 3) || wb_u8(wb, 0) ||
	    wb_u16(wb, key_bits ? 12 : 8) || wb_u8(wb, type) || wb_u8(wb, 0) ||
	    wb_u16(wb, id))
		return -ENOBUFS;
	if (key_bits == 0)
		return 0;
	return wb_u16(wb, ATTR_TV | ATTR_KEY_LENGTH) || wb_u16(wb, key_bits)
		   ? -ENOBUFS
		   : 0;
}

/* Header of a proposal without SPI; its length is set by prop_close(). */
static int
prop_open(struct wbuf *wb, bool last, uint8_t num, uint8_t proto, uint8_t n,
    size_t *at)
{
	*at = wb->len;
	return wb_u8(wb, last ? 0 : 2) || wb_u8(wb, 0) || wb_u16(wb, 0) ||
		       wb_u8(wb, num) || wb_u8(wb, proto) || wb_u8(wb, 0) ||
		       wb_u8(wb, n)
		   ? -ENOBUFS
		   : 0;
}

static int
prop_close(struct wbuf *wb, size_t at)
{
	return wb_set_u16(wb, at + 2, wb->len - at);
}

int
sa_ike_put(struct chain *c, uint8_t num)
{
	struct wbuf *wb = c->wb;
	size_t at;

	if (chain_open(c, PLD_SA) ||
	    prop_open(wb, true, num, PROTO_IKE, 4, &at) ||
	    xf_put(wb, false, XF_ENCR, ENCR_AES_GCM_16, 256) ||
	    xf_put(wb, false, XF_PRF, PRF_HMAC_SHA2_256, 0) ||
	    xf_put(wb, false, XF_KE, KE_X25519, 0) ||
	    xf_put(wb, true, XF_KWA, KW_5649_256, 0) || prop_close(wb, at))
		return -ENOBUFS;
	return chain_close(c);
}

int
sag_put(struct chain *c)
{
	struct wbuf *wb = c->wb;
	size_t at;

	if (chain_open(c, PLD_SA) ||
	    prop_open(wb, false, 1, PROTO_UPDATE, 1, &at) ||
	    xf_put(wb, true, XF_KWA, KW_5649_256, 0) || prop_close(wb, at) ||
	    prop_open(wb, true, 1, PROTO_ESP, 2, &at) ||
	    xf_put(wb, false, XF_ENCR, ENCR_AES_GCM_16, 256) ||
	    xf_put(wb, true, XF_SN, SN_32_SEQUENTIAL, 0) || prop_close(wb, at))
		return -ENOBUFS;
	return chain_close(c);
}

struct prop {
	bool last;
	uint8_t num, proto;
	uint8_t n[16]; /* transforms seen of each type below 16 */
	uint16_t has;  /* bit t: our transform of type t is offered */
	bool foreign;  /* a type we do not know, or a count that is wrong */
};

/* Is this one of the transforms of our only suite? */
static bool
xf_ours(const struct xf *x)
{
	if (x->unknown_attr)
		return false; /* RFC 7296 3.3.6: not understood, not chosen */
	switch (x->type) {
	case XF_ENCR:
		return x->id == ENCR_AES_GCM_16 && x->key_bits == 256;
	case XF_PRF:
		return x->id == PRF_HMAC_SHA2_256;
	case XF_INTEG:
		return x->id == INTEG_NONE;
	case XF_KE:
		return x->id == KE_X25519;
	case XF_SN:
		return x->id == SN_32_SEQUENTIAL;
	case XF_KWA:
		return x->id == KW_5649_256;
	default:
		return false;
	}
}

static int
prop_xfs(struct rbuf *body, uint8_t count, struct prop *p)
{
	struct xf x = { .last = count == 0 };

	for (unsigned int i = 0; i < count; i++) {
		if (xf_get(body, &x) || x.last != (i + 1u == count))
			return -EBADMSG;
		if (x.type >= NITEMS(p->n)) {
			p->foreign = true;
			continue;
		}
		p->n[x.type]++;
		if (xf_ours(&x))
			p->has |= (uint16_t)(1u << x.type);
	}
	return rb_done(body);
}

static int
prop_get(struct rbuf *rb, struct prop *out)
{
	struct prop p = { 0 };
	struct rbuf body;
	uint8_t more, reserved, spi_size, count;
	uint16_t len;

	if (rb_u8(rb, &more) || rb_u8(rb, &reserved) || rb_u16(rb, &len))
		return -EBADMSG;
	if (len < 8 || (more != 0 && more != 2) ||
	    rb_sub(rb, (size_t)len - 4, &body))
		return -EBADMSG;
	if (rb_u8(&body, &p.num) || rb_u8(&body, &p.proto) ||
	    rb_u8(&body, &spi_size) || rb_u8(&body, &count) ||
	    rb_skip(&body, spi_size) || prop_xfs(&body, count, &p))
		return -EBADMSG;
	/* The SPI of an initial IKE SA is in the header: RFC 7296 3.3.1. */
	if (p.proto == PROTO_IKE && spi_size != 0)
		return -EBADMSG;
	p.last = more == 0;
	*out = p;
	return 0;
}

#define BIT(t) (1u << (t))
#define IKE_NEEDS (BIT(XF_ENCR) | BIT(XF_PRF) | BIT(XF_KE) | BIT(XF_KWA))
#define ESP_NEEDS (BIT(XF_ENCR) | BIT(XF_SN))

/* Types the proposal has but we did not choose from, unless INTEG NONE. */
static bool
prop_fits(const struct prop *p, unsigned int needs, bool exact)
{
	if (p->foreign || (p->has & needs) != needs)
		return false;
	for (unsigned int t = 0; t < NITEMS(p->n); t++) {
		if (p->n[t] == 0)
			continue;
		if ((needs & BIT(t)) == 0 &&
		    !(t == XF_INTEG && (p->has & BIT(t)) != 0))
			return false;
		if (exact && p->n[t] != 1)
			return false;
	}
	return true;
}

int
sa_ike_choose(struct rbuf body, bool exact, uint8_t *num)
{
	struct prop p = { 0 };
	int found = -ENOENT, n = 0;
	uint8_t first = 0;

	while (!p.last) {
		if (prop_get(&body, &p) || ++n > PROPOSALS_MAX)
			return -EBADMSG;
		if (found != 0 && p.proto == PROTO_IKE &&
		    prop_fits(&p, IKE_NEEDS, exact)) {
			found = 0;
			first = p.num;
		}
	}
	if (rb_done(&body) || (exact && n != 1))
		return -EBADMSG;
	if (found == 0)
		*num = first;
	return found;
}

/*
 * AEAD and other ciphers may share a proposal here, so what else is offered of
 * a known type does not matter.
 */
int
sag_check(struct rbuf body)
{
	enum { ESP = 1, KWA = 2 };
	uint8_t has[UINT8_MAX + 1] = { 0 }; /* proposals of one number */
	struct prop p = { 0 };
	int n = 0, found = -ENOENT;

	while (!p.last) {
		if (prop_get(&body, &p) || ++n > PROPOSALS_MAX)
			return -EBADMSG;
		if (p.foreign)
			continue;
		if (p.proto == PROTO_ESP && (p.has & ESP_NEEDS) == ESP_NEEDS)
			has[p.num] |= ESP;
		if (p.proto == PROTO_UPDATE && (p.has & BIT(XF_KWA)) != 0)
			has[p.num] |= KWA;
		if (has[p.num] == (ESP | KWA))
			found = 0;
	}
	return rb_done(&body) ? -EBADMSG : found;
}
