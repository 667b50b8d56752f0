/* SPDX-License-Identifier: ISC */
#include "groupd/core/route.h"

#include <string.h>

#include "common/ike/hdr.h"

#define REPLIES_PER_S 20

static const uint8_t no_spi[8];

void
router_init(struct router *r)
{
	*r = (struct router){ .tokens = REPLIES_PER_S };
	/* Until policyd has said from when on cookies are asked for. */
	load_init(&r->load, UINT32_MAX);
	cookie_init(&r->jar);
}

const char *
route_cause_name(enum route_cause c)
{
	static const char *const names[RC_COUNT] = {
		[RC_MALFORMED] = "malformed",
		[RC_COOKIE] = "no-cookie",
		[RC_NO_GROUP] = "no-group",
		[RC_NO_BIND] = "no-mike-group",
		[RC_NO_SLOT] = "no-slot",
		[RC_ROLE] = "role",
		[RC_EXCHANGE] = "exchange",
		[RC_REPLY_RATE] = "reply-rate",
		[RC_OUT_SPI] = "forged-spi",
		[RC_OUT_ROLE] = "out-role",
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

/* One notify as the answer to an IKE_SA_INIT request; keeps no state. */
static void
reply_make(const struct ike_hdr *req, uint16_t type, struct chunk data,
    struct route *out)
{
	struct ike_hdr h = { .next = PLD_NOTIFY,
		.version = IKE_VERSION,
		.exchange = IKE_SA_INIT,
		.flags = IKE_F_RESPONSE,
		.len = (uint32_t)(IKE_HDR_LEN + 8 + data.len) };
	struct wbuf wb;

	memcpy(h.spi_i, req->spi_i, sizeof(h.spi_i));
	wb_init(&wb, out->reply, sizeof(out->reply));
	must(ike_hdr_put(&wb, &h) == 0 && wb_u16(&wb, 0) == 0 &&
	     wb_u16(&wb, (uint16_t)(8 + data.len)) == 0 &&
	     wb_u16(&wb, 0) == 0 && wb_u16(&wb, type) == 0 &&
	     wb_put(&wb, data.p, data.len) == 0);
	out->to = RT_REPLY;
	out->reply_len = wb.len;
}

/* The first message has its sender's SPI and none of ours (RFC 7296 3.1). */
static bool
fresh(const struct ike_hdr *h)
{
	return (h->flags & IKE_F_INITIATOR) != 0 &&
	       memcmp(h->spi_i, no_spi, sizeof(no_spi)) != 0 &&
	       memcmp(h->spi_r, no_spi, sizeof(no_spi)) == 0;
}

/* What is shorter than our longest answer is no request, and gets none. */
static bool
init_request_get(struct chunk data, struct ike_init_view *v)
{
	return data.len >= ROUTE_REPLY_MAX && ike_init_view(data, v) == 0 &&
	       fresh(&v->hdr) && v->nonce.len != 0 &&
	       (v->cookie.len == 0 || v->cookie_first);
}

static bool
answers(const struct grp *g)
{
	return g->life == L_RUN && g->role == ROLE_SENDER;
}

/* Is there anybody here whom such a request could be for? */
static bool
somebody_answers(const struct groups *t, bool foreign)
{
	for (size_t i = 0; i < MIKE_SLOTS; i++)
		if (answers(&t->g[i]) && (!foreign || t->g[i].foreign))
			return true;
	return false;
}

/*
 * Ask for a cookie instead of working?  It comes before the search for the
 * group, which hashes once for each.  A wrong cookie is as good as none.
 */
static bool
cookie_wanted(struct router *r, const struct ike_init_view *v,
    const struct addr *peer, uint64_t now_ms)
{
	if (cookie_ok(&r->jar, v, peer, now_ms)) {
		r->cookies_good++;
		return false;
	}
	if (v->cookie.len != 0)
		r->cookies_wrong++;
	load_count(&r->load, now_ms);
	return load_is_high(&r->load, now_ms);
}

static bool
is_for(const struct grp *g, const struct ike_init_view *v)
{
	struct chunk id = { g->id, g->id_len };

	return v->mike_group.len == 0 ? g->foreign : mike_group_matches(v, id);
}

static void
no_group(struct router *r, const struct ike_init_view *v, uint64_t now_ms,
    struct route *out)
{
	drop(r, RC_NO_GROUP, out);
	if (reply_allowed(r, now_ms))
		reply_make(
		    &v->hdr, N_INVALID_GROUP_ID, (struct chunk){ 0 }, out);
	else
		r->drops[RC_REPLY_RATE]++;
}

static void
ask_cookie(struct router *r, const struct ike_init_view *v,
    const struct addr *peer, struct route *out)
{
	uint8_t cookie[COOKIE_LEN];

	drop(r, RC_COOKIE, out);
	if (cookie_make(&r->jar, v, peer, cookie) == 0)
		reply_make(&v->hdr, N_COOKIE,
		    (struct chunk){ cookie, sizeof(cookie) }, out);
}

static void
route_init_request(struct router *r, const struct groups *t, struct chunk data,
    const struct addr *peer, uint64_t now_ms, struct route *out)
{
	struct ike_init_view v;
	bool foreign;

	if (!init_request_get(data, &v)) {
		drop(r, RC_MALFORMED, out);
		return;
	}
	foreign = v.mike_group.len == 0;
	/* A receiver answers nobody, like a host without the group. */
	if (!somebody_answers(t, foreign)) {
		if (foreign)
			drop(r, RC_NO_BIND, out);
		else
			no_group(r, &v, now_ms, out);
		return;
	}
	if (cookie_wanted(r, &v, peer, now_ms)) {
		ask_cookie(r, &v, peer, out);
		return;
	}
	for (uint8_t i = 0; i < MIKE_SLOTS; i++) {
		if (!answers(&t->g[i]) || !is_for(&t->g[i], &v))
			continue;
		out->to = RT_SLOT;
		out->slot = i;
		return;
	}
	no_group(r, &v, now_ms, out);
}

/*
 * Which exchanges each side of an IKE SA may begin.  The initiator's requests
 * go to groups that this host sends in, and their answers to those it receives
 * in; a key server's own requests go the other way.  The first exchange's
 * request is not here: it has no SPI of ours.
 */
static bool
may_begin(bool initiator, uint8_t exchange)
{
	switch (exchange) {
	case IKE_AUTH:
	case GSA_AUTH:
	case GSA_REGISTRATION:
		return initiator;
	case GSA_INBAND_REKEY:
		return !initiator;
	case IKE_CREATE_CHILD_SA:
	case IKE_INFORMATIONAL:
		return true;
	default:
		return false;
	}
}

/* role: of the group on the side that gets the message. */
static bool
role_fits(const struct ike_hdr *h, uint8_t role)
{
	bool initiator = (h->flags & IKE_F_INITIATOR) != 0;

	return role == (initiator ? ROLE_SENDER : ROLE_RECEIVER);
}

static bool
exchange_fits(const struct ike_hdr *h)
{
	bool initiator = (h->flags & IKE_F_INITIATOR) != 0;
	bool response = (h->flags & IKE_F_RESPONSE) != 0;

	/* The responder has answered, so it was the initiator who began. */
	if (h->exchange == IKE_SA_INIT)
		return response && !initiator;
	return may_begin(initiator != response, h->exchange);
}

void
route_dgram(struct router *r, struct groups *t, struct chunk data,
    const struct addr *peer, uint64_t now_ms, struct route *out)
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
		route_init_request(r, t, data, peer, now_ms, out);
		return;
	}
	if (ike_slot(&h, &out->slot) != 0 ||
	    (g = groups_slot(t, out->slot)) == NULL || !grp_runs(g))
		drop(r, RC_NO_SLOT, out);
	else if (!role_fits(&h, g->role))
		drop(r, RC_ROLE, out);
	else if (!exchange_fits(&h))
		drop(r, RC_EXCHANGE, out);
	else
		out->to = RT_SLOT;
}

/* What goes out is in order when the other role may get it. */
static bool
out_fits(const struct ike_hdr *h, uint8_t role)
{
	uint8_t other = role == ROLE_SENDER ? ROLE_RECEIVER : ROLE_SENDER;

	if (!role_fits(h, other))
		return false;
	if (h->exchange == IKE_SA_INIT && (h->flags & IKE_F_RESPONSE) == 0)
		return other == ROLE_SENDER;
	return exchange_fits(h);
}

bool
route_out_ok(struct router *r, const struct grp *g, struct chunk data)
{
	const uint8_t *own;
	struct ike_hdr h;
	struct rbuf rb;
	bool mine;

	rb_init(&rb, data.p, data.len);
	if (ike_hdr_get(&rb, &h) != 0) {
		r->drops[RC_OUT_SPI]++;
		return false;
	}
	own = (h.flags & IKE_F_INITIATOR) != 0 ? h.spi_i : h.spi_r;
	mine =
	    memcmp(own, no_spi, sizeof(no_spi)) != 0
		? own[0] == g->slot
		: h.exchange == IKE_SA_INIT && (h.flags & IKE_F_RESPONSE) != 0;
	if (!mine)
		r->drops[RC_OUT_SPI]++;
	else if (!out_fits(&h, g->role))
		r->drops[RC_OUT_ROLE]++;
	else
		return true;
	return false;
}
