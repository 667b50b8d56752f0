/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ike/gsa.h"

#include <errno.h>
#include <string.h>

#define GSA_KEY_LIFETIME 1
#define GSA_NEXT_SPI 3
#define GWP_ATD 1
#define GWP_DTD 2
#define GWP_ATD_TV (0x8000 | GWP_ATD) /* value in place of a length */
#define GWP_DTD_TV (0x8000 | GWP_DTD)
#define TS_IPV4 7
#define TS_IPV6 8
#define PROTO_GROUP_WIDE 0

static int
ts_put(struct wbuf *wb, const struct gsa_ts *t)
{
	bool v4 = t->lo.len == 4;

	if (wb_u8(wb, v4 ? TS_IPV4 : TS_IPV6) || wb_u8(wb, t->ip_proto) ||
	    wb_u16(wb, v4 ? 16 : 40) || wb_u16(wb, t->port_lo) ||
	    wb_u16(wb, t->port_hi) || wb_put(wb, t->lo.b, t->lo.len) ||
	    wb_put(wb, t->hi.b, t->hi.len))
		return -ENOBUFS;
	return 0;
}

static int
ts_get(struct rbuf *rb, struct gsa_ts *out)
{
	struct gsa_ts t = { 0 };
	struct chunk lo, hi;
	uint8_t type;
	uint16_t len;
	size_t n;

	if (rb_u8(rb, &type) || rb_u8(rb, &t.ip_proto) || rb_u16(rb, &len) ||
	    rb_u16(rb, &t.port_lo) || rb_u16(rb, &t.port_hi))
		return -EBADMSG;
	n = type == TS_IPV4 ? 4 : 16;
	if ((type != TS_IPV4 && type != TS_IPV6) || len != 8 + 2 * n ||
	    rb_bytes(rb, n, &lo) || rb_bytes(rb, n, &hi) ||
	    addr_from(&t.lo, lo.p, n) || addr_from(&t.hi, hi.p, n) ||
	    t.port_lo > t.port_hi || memcmp(lo.p, hi.p, n) > 0)
		return -EBADMSG;
	*out = t;
	return 0;
}

static int
wide_put(struct wbuf *wb, const struct gsa *g)
{
	size_t at = wb->len;

	if (g->atd_s == 0 && g->dtd_s == 0)
		return 0;
	if (wb_u8(wb, PROTO_GROUP_WIDE) || wb_zero(wb, 3))
		return -ENOBUFS;
	if (g->atd_s != 0 && (wb_u16(wb, GWP_ATD_TV) || wb_u16(wb, g->atd_s)))
		return -ENOBUFS;
	if (g->dtd_s != 0 && (wb_u16(wb, GWP_DTD_TV) || wb_u16(wb, g->dtd_s)))
		return -ENOBUFS;
	return wb_set_u16(wb, at + 2, wb->len - at);
}

static int
tek_put(struct wbuf *wb, const struct gsa_tek *t)
{
	size_t at = wb->len;

	if (wb_u8(wb, PROTO_ESP) || wb_u8(wb, 4) || wb_u16(wb, 0) ||
	    wb_u32(wb, t->spi) || ts_put(wb, &t->src) || ts_put(wb, &t->dst) ||
	    xf_put(wb, false, XF_ENCR, ENCR_AES_GCM_16, 256) ||
	    xf_put(wb, true, XF_SN, SN_32_SEQUENTIAL, 0) ||
	    wb_u16(wb, GSA_KEY_LIFETIME) || wb_u16(wb, 4) ||
	    wb_u32(wb, t->lifetime_s))
		return -ENOBUFS;
	return wb_set_u16(wb, at + 2, wb->len - at);
}

int
gsa_put(struct chain *c, const struct gsa *g)
{
	if (chain_open(c, PLD_GSA) || wide_put(c->wb, g))
		return -ENOBUFS;
	for (size_t i = 0; i < g->n_tek; i++)
		if (tek_put(c->wb, &g->tek[i]))
			return -ENOBUFS;
	return chain_close(c);
}

static int
wide_get(struct rbuf *body, struct gsa *g)
{
	unsigned int seen = 0;
	struct chunk v;
	uint16_t type;
	bool tv;

	while (rb_left(body) > 0) {
		if (attr_get(body, &type, &v, &tv))
			return -EBADMSG;
		if ((type != GWP_ATD && type != GWP_DTD) || !tv)
			return -EPROTONOSUPPORT;
		if ((seen & 1u << type) != 0)
			return -EBADMSG;
		seen |= 1u << type;
		*(type == GWP_ATD ? &g->atd_s : &g->dtd_s) =
		    (uint16_t)(v.p[0] << 8 | v.p[1]);
	}
	return 0;
}

/* One ENCR AES-256-GCM-16, one SN 0; INTEG only as NONE (RFC 9838 4.4.2). */
static int
tek_xfs(struct rbuf *body)
{
	struct xf x = { 0 };
	unsigned int encr = 0, sn = 0, none = 0;
	bool bad = false;

	while (!x.last) {
		if (xf_get(body, &x))
			return -EBADMSG;
		if (x.unknown_attr)
			bad = true;
		else if (x.type == XF_ENCR && x.id == ENCR_AES_GCM_16 &&
			 x.key_bits == 256)
			encr++;
		else if (x.type == XF_SN && x.id == SN_32_SEQUENTIAL)
			sn++;
		else if (x.type == XF_INTEG && x.id == INTEG_NONE)
			none++;
		else
			bad = true;
	}
	if (bad || encr != 1 || sn != 1 || none > 1)
		return -EPROTONOSUPPORT;
	return 0;
}

static int
tek_attrs(struct rbuf *body, struct gsa_tek *t)
{
	struct chunk v;
	struct rbuf rb;
	uint16_t type;
	bool tv, seen = false;

	while (rb_left(body) > 0) {
		if (attr_get(body, &type, &v, &tv))
			return -EBADMSG;
		if (type == GSA_NEXT_SPI && !tv && v.len == 4)
			continue; /* a hint about a later SA: not used yet */
		if (type != GSA_KEY_LIFETIME || tv)
			return -EPROTONOSUPPORT;
		rb_init(&rb, v.p, v.len);
		if (seen || rb_u32(&rb, &t->lifetime_s) || rb_done(&rb))
			return -EBADMSG;
		seen = true;
	}
	return seen && t->lifetime_s != 0 ? 0 : -EPROTONOSUPPORT;
}

static int
tek_get(struct rbuf *body, uint8_t spi_size, struct gsa *g)
{
	struct gsa_tek t = { 0 };
	int r;

	if (spi_size != 4 || rb_u32(body, &t.spi) || ts_get(body, &t.src) ||
	    ts_get(body, &t.dst))
		return -EBADMSG;
	if ((r = tek_xfs(body)) || (r = tek_attrs(body, &t)))
		return r;
	if (g->n_tek == GSA_TEKS_MAX)
		return -EPROTONOSUPPORT;
	g->tek[g->n_tek++] = t;
	return 0;
}

static int
policy_get(struct rbuf *rb, struct gsa *g, bool *wide)
{
	struct rbuf body;
	uint8_t proto, second;
	uint16_t len;

	if (rb_u8(rb, &proto) || rb_u8(rb, &second) || rb_u16(rb, &len) ||
	    len < 4 || rb_sub(rb, (size_t)len - 4, &body))
		return -EBADMSG;
	if (proto == PROTO_ESP)
		return tek_get(&body, second, g);
	if (proto != PROTO_GROUP_WIDE)
		return -EPROTONOSUPPORT; /* a Rekey SA, AH, or unknown */
	if (*wide)
		return -EBADMSG;
	*wide = true;
	return wide_get(&body, g);
}

int
gsa_get(struct rbuf body, struct gsa *out)
{
	struct gsa g = { 0 };
	bool wide = false;
	int r;

	while (rb_left(&body) > 0)
		if ((r = policy_get(&body, &g, &wide)))
			return r;
	if (g.n_tek == 0)
		return -EPROTONOSUPPORT;
	*out = g;
	return 0;
}
