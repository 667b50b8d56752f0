/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "common/crypto.h"
#include "common/ike/hdr.h"

#define PLD_HDR_LEN 4
/* More payloads than any IKE_SA_INIT has; bounds the work of the walk. */
#define WALK_MAX 64

/*
 * The minor version is ignored (RFC 7296 2.5); reserved flag bits too.  A
 * length other than the datagram's is a truncated or padded message.
 */
int
ike_hdr_get(struct rbuf *msg, struct ike_hdr *h)
{
	size_t total = rb_left(msg);
	struct ike_hdr x;

	if (rb_copy(msg, x.spi_i, sizeof(x.spi_i)) ||
	    rb_copy(msg, x.spi_r, sizeof(x.spi_r)) || rb_u8(msg, &x.next) ||
	    rb_u8(msg, &x.version) || rb_u8(msg, &x.exchange) ||
	    rb_u8(msg, &x.flags) || rb_u32(msg, &x.mid) || rb_u32(msg, &x.len))
		return -EBADMSG;
	if (x.version >> 4 != IKE_VERSION >> 4 || x.len != total) {
		msg->bad = true;
		return -EBADMSG;
	}
	*h = x;
	return 0;
}

int
ike_hdr_put(struct wbuf *wb, const struct ike_hdr *h)
{
	if (wb_put(wb, h->spi_i, sizeof(h->spi_i)) ||
	    wb_put(wb, h->spi_r, sizeof(h->spi_r)) || wb_u8(wb, h->next) ||
	    wb_u8(wb, h->version) || wb_u8(wb, h->exchange) ||
	    wb_u8(wb, h->flags) || wb_u32(wb, h->mid) || wb_u32(wb, h->len))
		return -ENOBUFS;
	return 0;
}

void
ike_walk_init(struct ike_walk *w, uint8_t first, struct rbuf body)
{
	*w = (struct ike_walk){ .msg = body, .next = first };
}

/*
 * An encrypted payload is always the last one, whatever its Next Payload
 * field says: that one names the first payload inside (RFC 7296 3.14).
 */
int
ike_walk_next(struct ike_walk *w, struct ike_pld *p)
{
	struct ike_pld x = { .type = w->next };
	uint8_t next, flags;
	uint16_t len;

	if (w->next == PLD_NONE)
		return rb_done(&w->msg) ? -EBADMSG : 0;
	if (rb_u8(&w->msg, &next) || rb_u8(&w->msg, &flags) ||
	    rb_u16(&w->msg, &len))
		return -EBADMSG;
	if (len < PLD_HDR_LEN) {
		w->msg.bad = true;
		return -EBADMSG;
	}
	x.critical = (flags & 0x80) != 0;
	if (rb_sub(&w->msg, (size_t)len - PLD_HDR_LEN, &x.body))
		return -EBADMSG;
	w->next = x.type == PLD_SK || x.type == PLD_SKF ? PLD_NONE : next;
	*p = x;
	return 1;
}

int
ike_ntf_get(struct rbuf body, struct ike_ntf *n)
{
	struct ike_ntf x;
	uint8_t spi_len;

	if (rb_u8(&body, &x.proto) || rb_u8(&body, &spi_len) ||
	    rb_u16(&body, &x.type) || rb_bytes(&body, spi_len, &x.spi) ||
	    rb_rest(&body, &x.data) || rb_done(&body))
		return -EBADMSG;
	*n = x;
	return 0;
}

/* Each of these may stand in the message once: two would be ambiguous. */
static int
take_once(struct chunk *to, struct chunk v)
{
	if (to->p != NULL)
		return -EBADMSG;
	*to = v;
	return 0;
}

static int
view_notify(struct ike_init_view *v, struct rbuf body)
{
	struct ike_ntf n;

	if (ike_ntf_get(body, &n))
		return -EBADMSG;
	if (n.type == N_COOKIE) {
		if (n.data.len == 0 || n.data.len > 64)
			return -EBADMSG;
		return take_once(&v->cookie, n.data);
	}
	if (n.type == N_MIKE_GROUP) {
		if (n.data.len != MIKE_GROUP_LEN)
			return -EBADMSG;
		return take_once(&v->mike_group, n.data);
	}
	return 0;
}

static int
view_payload(struct ike_init_view *v, struct ike_pld *p)
{
	struct chunk c;

	switch (p->type) {
	case PLD_NONCE:
		if (rb_rest(&p->body, &c) || c.len < IKE_NONCE_MIN ||
		    c.len > IKE_NONCE_MAX)
			return -EBADMSG;
		return take_once(&v->nonce, c);
	case PLD_NOTIFY:
		return view_notify(v, p->body);
	case PLD_SK:
	case PLD_SKF:
		return -EBADMSG; /* nothing is encrypted yet */
	default:
		return 0;
	}
}

int
ike_init_view(struct chunk msg, struct ike_init_view *v)
{
	struct ike_init_view x = { 0 };
	struct ike_walk w;
	struct ike_pld p;
	struct rbuf rb;
	int r, n = 0;

	if (msg.len > IKE_MSG_MAX)
		return -EBADMSG;
	rb_init(&rb, msg.p, msg.len);
	if (ike_hdr_get(&rb, &x.hdr))
		return -EBADMSG;
	if (x.hdr.exchange != IKE_SA_INIT || x.hdr.mid != 0)
		return -EBADMSG;
	ike_walk_init(&w, x.hdr.next, rb);
	while ((r = ike_walk_next(&w, &p)) == 1) {
		if (++n > WALK_MAX || view_payload(&x, &p))
			return -EBADMSG;
		if (n == 1)
			x.cookie_first = x.cookie.len != 0;
	}
	if (r < 0)
		return r;
	*v = x;
	return 0;
}

int
mike_group_bind(
    struct chunk group_id, struct chunk nonce, uint8_t out[MIKE_GROUP_LEN])
{
	struct chunk in[] = { group_id, nonce };
	uint8_t h[SHA256_LEN];
	int r;

	if ((r = sha256(in, NITEMS(in), h)))
		return r;
	memcpy(out, h, MIKE_GROUP_LEN);
	return 0;
}

bool
mike_group_matches(const struct ike_init_view *v, struct chunk group_id)
{
	uint8_t want[MIKE_GROUP_LEN];

	if (v->mike_group.len != MIKE_GROUP_LEN || v->nonce.len == 0)
		return false;
	if (mike_group_bind(group_id, v->nonce, want))
		return false;
	/* Public values: nothing is learnt from the time this takes. */
	return memcmp(v->mike_group.p, want, MIKE_GROUP_LEN) == 0;
}

/*
 * IKE_F_INITIATOR set: the sender was the original initiator, so ours is the
 * responder's SPI; clear: ours is the initiator's.
 */
int
ike_slot(const struct ike_hdr *h, uint8_t *slot)
{
	static const uint8_t zero[8];
	const uint8_t *own;

	own = (h->flags & IKE_F_INITIATOR) != 0 ? h->spi_r : h->spi_i;
	if (memcmp(own, zero, sizeof(zero)) == 0)
		return -ENOENT;
	if (own[0] >= MIKE_SLOTS)
		return -ENOENT;
	*slot = own[0];
	return 0;
}
