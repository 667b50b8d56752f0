/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gcks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "keymgrd/core/ike/msg.h"
#include "keymgrd/core/ike/sa.h"
#include "keymgrd/core/ike/sk.h"

struct gcks *
gcks_new(struct km *km)
{
	struct gcks *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	if (satab_init(&g->t, km->conf.members_max, km) != 0 ||
	    timers_reserve(&km->timers, 64) != 0)
		gcks_free(&g, &km->timers);
	return g;
}

void
gcks_free(struct gcks **g, struct timers *timers)
{
	if (*g == NULL)
		return;
	satab_fini(&(*g)->t, timers);
	free(*g);
	*g = NULL;
}

void
gcks_end(struct km *km, struct ikesa *sa)
{
	struct satab *t = &km->gcks->t;

	satab_take(t, BY_REQ, sa);
	satab_take(t, BY_ID, sa);
	handshake_free(&sa->hs);
	sa->state = RS_DEAD;
	timer_set(&km->timers, &sa->timer, km->now_ms + DEAD_MS);
}

void
gcks_timer(struct km *km, struct timer *tm)
{
	struct ikesa *sa =
	    (struct ikesa *)(void *)((uint8_t *)tm -
				     offsetof(struct ikesa, timer));

	satab_drop(&km->gcks->t, &km->timers, sa);
}

/* -- responses ---------------------------------------------------------- */

int
reply_begin(
    struct km *km, const struct ikesa *sa, uint8_t exchange, struct reply *r)
{
	struct ike_hdr h = { .exchange = exchange,
		.flags = IKE_F_RESPONSE,
		.version = IKE_VERSION,
		.mid = sa->last_mid };
	uint64_t iv;
	int e;

	memcpy(h.spi_i, sa->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, sa->spi_r, sizeof(h.spi_r));
	if ((e = km_iv(km, &iv)) != 0)
		return e;
	wb_init(&r->wb, r->buf, sizeof(r->buf));
	return sk_begin(&r->wb, &h, iv, &r->chain);
}

int
reply_end(struct ikesa *sa, const uint8_t er[GCM_KEYMAT_LEN], struct reply *r,
    struct fx *fx)
{
	uint8_t *copy;
	int e;

	if ((e = sk_end(&r->wb, er)) != 0)
		return e;
	if ((copy = malloc(r->wb.len)) == NULL)
		return -ENOMEM;
	memcpy(copy, r->buf, r->wb.len);
	e = km_send(
	    fx, &sa->local, &sa->peer, (struct chunk){ copy, r->wb.len });
	if (e != 0) {
		free(copy);
		return e;
	}
	free(sa->resp);
	sa->resp = copy;
	sa->resp_len = r->wb.len;
	return 0;
}

int
reply_notify(struct km *km, struct ikesa *sa, const uint8_t er[GCM_KEYMAT_LEN],
    uint8_t exchange, uint16_t type, struct chunk data, struct fx *fx)
{
	struct reply r;
	int e;

	if ((e = reply_begin(km, sa, exchange, &r)) != 0 ||
	    (e = pld_notify_put(&r.chain, type, data)) != 0)
		return e;
	return reply_end(sa, er, &r, fx);
}

/* -- requests on an SA -------------------------------------------------- */

static int
repeat(struct km *km, struct ikesa *sa, const uint8_t digest[SHA256_LEN],
    struct fx *fx)
{
	/* Only the same octets: a forged one must not draw a response. */
	if (memcmp(digest, sa->last_digest, sizeof(sa->last_digest)) != 0) {
		km->count[C_DROP_REPLAY]++;
		return -EBADMSG;
	}
	if (sa->resp == NULL) {
		km->count[C_DROP_BUSY]++; /* policyd works on it */
		return 0;
	}
	km->count[C_REPEATED]++;
	return km_send(fx, &sa->local, &sa->peer,
	    (struct chunk){ sa->resp, sa->resp_len });
}

static bool
deletes_ike_sa(const struct ike_view *v)
{
	struct pld_delete d;

	return ike_has(&v->del) && pld_delete_get(v->del, &d) == 0 &&
	       d.proto == PROTO_IKE;
}

/*
 * A request on an open SA.  There is only INFORMATIONAL; for anything else
 * the peer, which is authenticated, gets an answer that says so.
 */
static int
on_open(struct km *km, struct ikesa *sa, uint8_t exchange,
    const struct opened *o, struct fx *fx)
{
	struct chunk none = { NULL, 0 }, crit;
	struct ike_view v;
	struct reply r;
	int e;

	if (ike_view_get(o->first, o->inner, &v) != 0 ||
	    exchange != IKE_INFORMATIONAL)
		return reply_notify(
		    km, sa, sa->er, exchange, N_INVALID_SYNTAX, none, fx);
	crit = (struct chunk){ &v.critical, 1 };
	if (v.critical != 0)
		return reply_notify(km, sa, sa->er, exchange,
		    N_UNSUPPORTED_CRITICAL_PAYLOAD, crit, fx);
	if ((e = reply_begin(km, sa, exchange, &r)) != 0 ||
	    (e = reply_end(sa, sa->er, &r, fx)) != 0)
		return e;
	if (deletes_ike_sa(&v))
		gcks_end(km, sa);
	else
		timer_set(&km->timers, &sa->timer, km->now_ms + IDLE_MS);
	return 0;
}

static int
shared_keys(struct ikesa *sa)
{
	struct chunk pi = { sa->hs->peer_init, sa->hs->peer_init_len };
	struct chunk po = { sa->hs->own_init, sa->hs->own_init_len };
	struct ike_init_view vi, vr;
	uint8_t shared[X25519_LEN];
	struct ike_view v;
	struct rbuf rb;
	struct ike_hdr h;
	struct pld_ke ke;
	int r = -EBADMSG;

	rb_init(&rb, pi.p, pi.len);
	if (ike_init_view(pi, &vi) || ike_init_view(po, &vr) ||
	    ike_hdr_get(&rb, &h) || ike_view_get(h.next, rb, &v) ||
	    pld_ke_get(v.ke, &ke) || ke.pub.len != X25519_LEN)
		return -EBADMSG;
	if ((r = x25519_shared(sa->hs->priv, ke.pub.p, shared)) == 0)
		r = ike_keys_derive((struct chunk){ shared, X25519_LEN },
		    vi.nonce, vr.nonce, sa->spi_i, sa->spi_r, &sa->hs->keys);
	explicit_bzero(shared, sizeof(shared));
	sa->hs->have_keys = r == 0;
	return r;
}

/* Decrypt; keys are computed no sooner than a GSA_AUTH is there. */
static int
open_request(
    struct km *km, struct ikesa *sa, struct chunk msg, struct opened *o)
{
	const uint8_t *ei = sa->ei;
	int r;

	if (sa->state == RS_INIT) {
		if (!sa->hs->have_keys && (r = shared_keys(sa)) != 0) {
			km->count[C_DROP_MALFORMED]++;
			return r;
		}
		ei = sa->hs->keys.ei;
	}
	o->plain_len = msg.len;
	if ((o->plain = malloc(msg.len)) == NULL)
		return -ENOMEM;
	r = sk_open(msg, ei, o->plain, &o->first, &o->inner);
	if (r == 0)
		return 0;
	freezero(o->plain, o->plain_len);
	if (r == -EBADMSG)
		km->count[C_DROP_INTEGRITY]++;
	return r;
}

static bool
expected(const struct ikesa *sa, const struct ike_hdr *h)
{
	if (h->mid != sa->last_mid + 1)
		return false;
	return sa->state == RS_OPEN ||
	       (sa->state == RS_INIT && h->exchange == GSA_AUTH);
}

/* The window has size 1: the next request or a repeat of the last one. */
static int
on_sa(struct km *km, struct ikesa *sa, const struct ike_hdr *h,
    struct chunk msg, struct fx *fx)
{
	uint8_t digest[SHA256_LEN], was[sizeof(sa->last_digest)];
	uint32_t mid = sa->last_mid;
	struct opened o;
	bool kept = false;
	int r;

	if ((r = sha256(&msg, 1, digest)) != 0)
		return r;
	if (h->mid == sa->last_mid)
		return repeat(km, sa, digest, fx);
	if (!expected(sa, h)) {
		km->count[C_DROP_UNEXPECTED]++;
		return -EBADMSG;
	}
	if ((r = open_request(km, sa, msg, &o)) != 0)
		return r;
	memcpy(was, sa->last_digest, sizeof(was));
	memcpy(sa->last_digest, digest, sizeof(was));
	sa->last_mid = h->mid;
	r = sa->state == RS_OPEN ? on_open(km, sa, h->exchange, &o, fx)
				 : gcks_auth(km, sa, &o, fx, &kept);
	if (!kept)
		freezero(o.plain, o.plain_len);
	if (r != 0) {
		sa->last_mid = mid;
		memcpy(sa->last_digest, was, sizeof(was));
	}
	return r;
}

static bool
same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_eq(&a->addr, &b->addr);
}

int
gcks_dgram(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx)
{
	static const uint8_t zero[8];
	struct ikesa *sa;

	/* We are never the initiator, and nobody answers us. */
	if (h->flags & IKE_F_RESPONSE || !(h->flags & IKE_F_INITIATOR)) {
		km->count[C_DROP_UNEXPECTED]++;
		return -EBADMSG;
	}
	if (h->exchange == IKE_SA_INIT && memcmp(h->spi_r, zero, 8) == 0)
		return gcks_init(km, h, in, fx);
	sa = satab_get(&km->gcks->t, BY_SPI, satab_spi_key(h->spi_r));
	if (sa == NULL || memcmp(sa->spi_i, h->spi_i, 8) != 0) {
		km->count[C_DROP_NO_SA]++;
		return -EBADMSG;
	}
	if (!same_endpoint(&sa->peer, &in->dgram.peer)) {
		km->count[C_DROP_PEER]++;
		return -EBADMSG;
	}
	return on_sa(km, sa, h, in->dgram.data, fx);
}
