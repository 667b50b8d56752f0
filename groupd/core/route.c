/* SPDX-License-Identifier: ISC */
#include "groupd/core/route.h"

#include <string.h>

#include "common/ike/hdr.h"

#define REPLIES_PER_S 20

void
router_init(struct router *r)
{
	*r = (struct router){ .tokens = REPLIES_PER_S };
}

const char *
route_cause_name(enum route_cause c)
{
	static const char *const names[RC_COUNT] = {
		[RC_MALFORMED] = "malformed",
		[RC_NO_GROUP] = "no-group",
		[RC_NO_BIND] = "no-mike-group",
		[RC_NO_SLOT] = "no-slot",
		[RC_REPLY_RATE] = "reply-rate",
	};

	return c < RC_COUNT ? names[c] : "?";
}

static void
drop(struct router *r, enum route_cause c, struct route *out)
{
	out->to = RT_DROP;
	out->cause = c;
	r->drops[c]++;
}

static bool
reply_allowed(struct router *r, uint64_t now_ms)
{
	if (now_ms - r->tokens_ms >= 1000) {
		r->tokens_ms = now_ms;
		r->tokens = REPLIES_PER_S;
	}
	if (r->tokens == 0)
		return false;
	r->tokens--;
	return true;
}

/* N(INVALID_GROUP_ID) to an IKE_SA_INIT request; keeps no state. */
static void
reply_make(const struct ike_hdr *req, uint8_t out[ROUTE_REPLY_LEN])
{
	struct ike_hdr h = { .next = PLD_NOTIFY,
		.version = IKE_VERSION,
		.exchange = IKE_SA_INIT,
		.flags = IKE_F_RESPONSE,
		.len = ROUTE_REPLY_LEN };
	struct wbuf wb;

	memcpy(h.spi_i, req->spi_i, sizeof(h.spi_i));
	wb_init(&wb, out, ROUTE_REPLY_LEN);
	must(ike_hdr_put(&wb, &h) == 0 && wb_u16(&wb, 0) == 0 &&
	     wb_u16(&wb, 8) == 0 && wb_u16(&wb, 0) == 0 &&
	     wb_u16(&wb, N_INVALID_GROUP_ID) == 0);
}

/* The first message has its sender's SPI and none of ours (RFC 7296 3.1). */
static bool
fresh(const struct ike_hdr *h)
{
	static const uint8_t zero[8];

	return (h->flags & IKE_F_INITIATOR) != 0 &&
	       memcmp(h->spi_i, zero, sizeof(zero)) != 0 &&
	       memcmp(h->spi_r, zero, sizeof(zero)) == 0;
}

static void
route_init_request(struct router *r, struct groups *t, struct chunk data,
    uint64_t now_ms, struct route *out)
{
	struct ike_init_view v;

	if (ike_init_view(data, &v) != 0 || !fresh(&v.hdr)) {
		drop(r, RC_MALFORMED, out);
		return;
	}
	if (v.mike_group.len == 0) {
		drop(r, RC_NO_BIND, out);
		return;
	}
	for (uint8_t i = 0; i < MIKE_SLOTS; i++) {
		const struct grp *g = &t->g[i];
		struct chunk id = { g->id, g->id_len };

		/* A receiver answers nobody, like a host without the group. */
		if (g->life == L_RUN && g->role == ROLE_SENDER &&
		    mike_group_matches(&v, id)) {
			out->to = RT_SLOT;
			out->slot = i;
			return;
		}
	}
	drop(r, RC_NO_GROUP, out);
	if (!reply_allowed(r, now_ms)) {
		r->drops[RC_REPLY_RATE]++;
		return;
	}
	out->to = RT_REPLY;
	reply_make(&v.hdr, out->reply);
}

void
route_dgram(struct router *r, struct groups *t, struct chunk data,
    uint64_t now_ms, struct route *out)
{
	struct ike_hdr h;
	struct grp *g;
	struct rbuf rb;

	rb_init(&rb, data.p, data.len);
	if (ike_hdr_get(&rb, &h) != 0) {
		drop(r, RC_MALFORMED, out);
		return;
	}
	if (h.exchange == IKE_SA_INIT && (h.flags & IKE_F_RESPONSE) == 0) {
		route_init_request(r, t, data, now_ms, out);
		return;
	}
	if (ike_slot(&h, &out->slot) != 0 ||
	    (g = groups_slot(t, out->slot)) == NULL || g->life != L_RUN) {
		drop(r, RC_NO_SLOT, out);
		return;
	}
	out->to = RT_SLOT;
}

bool
route_out_ok(struct chunk data, uint8_t slot)
{
	static const uint8_t zero[8];
	const uint8_t *own;
	struct ike_hdr h;
	struct rbuf rb;

	rb_init(&rb, data.p, data.len);
	if (ike_hdr_get(&rb, &h) != 0)
		return false;
	own = (h.flags & IKE_F_INITIATOR) != 0 ? h.spi_i : h.spi_r;
	if (memcmp(own, zero, sizeof(zero)) == 0)
		return h.exchange == IKE_SA_INIT &&
		       (h.flags & IKE_F_RESPONSE) != 0;
	return own[0] == slot;
}
