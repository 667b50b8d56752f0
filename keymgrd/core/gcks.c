/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gcks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "keymgrd/core/init.h"

const struct chunk none = { NULL, 0 };

struct gcks *
gcks_new(struct km *km)
{
	struct gcks *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	if (satab_init(&g->t, km->conf->members_max, km) != 0 ||
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
	satab_end(&km->gcks->t, sa);
	sk_frags_free(&sa->frags);
	sa->member = false;
	handshake_free(&sa->hs);
	/* Its last response is all that is left of it. */
	explicit_bzero(&sa->i, sizeof(sa->i));
	explicit_bzero(&sa->r, sizeof(sa->r));
	explicit_bzero(sa->gsk_w, sizeof(sa->gsk_w));
	timer_set(&km->timers, &sa->timer, km->now_ms + DEAD_MS);
}

/*
 * A member's SA stays until it has registered again on it, which costs a
 * fraction of a new one; in no case longer than its authentication holds.
 */
void
gcks_keep(struct km *km, struct ikesa *sa)
{
	uint64_t due = km->now_ms + IDLE_MS;

	if (sa->member)
		due = km->now_ms + km->conf->lifetime_s * 1000ull + DEAD_MS;
	sa->until_ms = due < sa->valid_ms ? due : sa->valid_ms;
	timer_set(&km->timers, &sa->timer, sa->until_ms);
}

/* Fragments that do not become a message are given up: RFC 7383 2.6. */
static void
keep_frags(struct km *km, struct ikesa *sa)
{
	uint64_t due = km->now_ms + HALF_OPEN_MS;

	if (sa->state == RS_OPEN && due < sa->until_ms)
		timer_set(&km->timers, &sa->timer, due);
}

void
gcks_timer(struct km *km, struct timer *tm)
{
	struct ikesa *sa =
	    (struct ikesa *)(void *)((uint8_t *)tm -
				     offsetof(struct ikesa, timer));

	if (sa->state == RS_OPEN && sa->until_ms > km->now_ms) {
		sk_frags_free(&sa->frags);
		timer_set(&km->timers, &sa->timer, sa->until_ms);
		return;
	}
	satab_drop(&km->gcks->t, &km->timers, sa);
}

/* -- responses ---------------------------------------------------------- */

static int
send_again(const struct ikesa *sa, struct fx *fx)
{
	return body_send(fx, &sa->local, &sa->peer, sa->resp, sa->resp_len);
}

int
reply_end(struct km *km, struct ikesa *sa, const struct sk_key *key,
    uint8_t exchange, struct body *b, struct fx *fx)
{
	struct ike_hdr h = { .exchange = exchange,
		.flags = IKE_F_RESPONSE,
		.version = IKE_VERSION,
		.mid = sa->last_mid };
	size_t len, limit = sa->fragments ? init_limit(km, &sa->peer) : 0;
	uint8_t *p;
	int r;

	memcpy(h.spi_i, sa->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, sa->spi_r, sizeof(h.spi_r));
	if ((r = body_protect(km, b, &h, key, limit, &p, &len)) != 0)
		return r;
	if ((r = body_send(fx, &sa->local, &sa->peer, p, len)) != 0) {
		free(p);
		return r;
	}
	free(sa->resp);
	sa->resp = p;
	sa->resp_len = len;
	return 0;
}

int
reply_notify(struct km *km, struct ikesa *sa, const struct sk_key *key,
    uint8_t exchange, uint16_t type, struct chunk data, struct fx *fx)
{
	struct body b;
	int r;

	if ((r = body_begin(&b)) != 0 ||
	    (type != 0 && (r = pld_notify_put(&b.chain, type, data)) != 0))
		return r;
	return reply_end(km, sa, key, exchange, &b, fx);
}

/* -- requests on an SA -------------------------------------------------- */

/*
 * The last request once more.  Only the same octets: a forged one must not
 * draw a response.  Of fragments the first one does (RFC 7383 2.6.1).
 */
static int
repeat(struct km *km, struct ikesa *sa, uint16_t frag,
    const uint8_t digest[SHA256_LEN], struct fx *fx)
{
	if (frag > 1)
		return 0;
	if (memcmp(digest, sa->last_digest, sizeof(sa->last_digest)) != 0) {
		km->count[C_DROP_REPLAY]++;
		return -EBADMSG;
	}
	if (sa->resp == NULL) {
		km->count[C_DROP_BUSY]++; /* policyd works on it */
		return 0;
	}
	km->count[C_REPEATED]++;
	return send_again(sa, fx);
}

static int
shared_keys(struct ikesa *sa)
{
	struct handshake *hs = sa->hs;
	struct chunk pi = { hs->peer_init, hs->peer_init_len };
	struct chunk own = init_nonce(hs->own_init, hs->own_init_len);
	uint8_t shared[KE_SHARED_MAX];
	struct init_view v;
	int r;

	if ((r = init_read(pi, &v)) != 0)
		return r;
	if ((r = ke_shared(hs->suite.ke, hs->priv, v.ke.pub, shared)) == 0)
		r = ike_keys_derive(&hs->suite,
		    (struct chunk){ shared, ke_shared_len(hs->suite.ke) },
		    v.c.nonce, own, sa->spi_i, sa->spi_r, &hs->keys);
	explicit_bzero(shared, sizeof(shared));
	if (r == 0)
		explicit_bzero(hs->priv, sizeof(hs->priv));
	hs->have_keys = r == 0;
	return r;
}

static int
open_request(
    struct km *km, struct ikesa *sa, struct chunk msg, struct sk_plain *o)
{
	const struct sk_key *key =
	    sa->state == RS_INIT ? &sa->hs->keys.i : &sa->i;
	int r;

	r = sk_take(key, msg, &sa->frags, o);
	if (r == -EBADMSG)
		km->count[C_DROP_INTEGRITY]++;
	else if (r == -EALREADY)
		km->count[C_DROP_FRAGMENT]++;
	else if (r == -EAGAIN)
		km->count[C_FRAGMENT]++;
	return r;
}

static bool
expected(const struct km *km, const struct ikesa *sa, const struct ike_hdr *h)
{
	if (h->mid != sa->last_mid + 1)
		return false;
	/* A host that slept may hear of the time only after this. */
	if (sa->state == RS_OPEN)
		return sa->until_ms > km->now_ms;
	return sa->state == RS_INIT &&
	       (h->exchange == GSA_AUTH || h->exchange == IKE_AUTH);
}

/* A whole request; the numbers are put back when it cannot be served. */
static int
take(struct km *km, struct ikesa *sa, const struct ike_hdr *h,
    struct sk_plain *o, struct fx *fx)
{
	uint8_t was[sizeof(sa->last_digest)];
	uint32_t mid = sa->last_mid;
	int r;

	memcpy(was, sa->last_digest, sizeof(was));
	memcpy(sa->last_digest, sa->next_digest, sizeof(was));
	sa->last_mid = h->mid;
	r = sa->state == RS_OPEN ? gcks_open(km, sa, h->exchange, o, fx)
				 : gcks_auth(km, sa, h->exchange, o, fx);
	if (r != 0) {
		sa->last_mid = mid;
		memcpy(sa->last_digest, was, sizeof(was));
	}
	return r;
}

/*
 * What the first protected request of an SA needs: keys, which are computed no
 * sooner, and policyd's time, of which strangers get half the places.
 * -EBADMSG: not now, or never; the SA may be gone.
 */
static int
prepare(struct km *km, struct ikesa *sa)
{
	struct satab *t = &km->gcks->t;
	int r;

	if (t->n_busy >= (km->conf->half_open_max + 1) / 2) {
		km->count[C_DROP_BUSY]++;
		return -EBADMSG;
	}
	if (sa->hs->have_keys || (r = shared_keys(sa)) == 0)
		return 0;
	if (r == -EBADMSG) { /* its public key is none: it stays so */
		km->count[C_DROP_MALFORMED]++;
		satab_drop(t, &km->timers, sa);
	}
	return r;
}

/* The window has size 1: the next request or a repeat of the last one. */
static int
on_sa(struct km *km, struct ikesa *sa, const struct ike_hdr *h,
    struct chunk msg, struct fx *fx)
{
	uint16_t frag = sk_frag_no(msg);
	uint8_t digest[SHA256_LEN];
	struct sk_plain o = { 0 };
	bool first = sa->frags == NULL;
	int r;

	if (frag == 0) {
		km->count[C_DROP_MALFORMED]++;
		return -EBADMSG;
	}
	if (frag == 1 && (r = sha256(&msg, 1, digest)) != 0)
		return r;
	if (h->mid == sa->last_mid)
		return repeat(km, sa, frag, digest, fx);
	if (!expected(km, sa, h)) {
		km->count[C_DROP_UNEXPECTED]++;
		return -EBADMSG;
	}
	if (sa->state == RS_INIT && (r = prepare(km, sa)) != 0)
		return r;
	r = open_request(km, sa, msg, &o);
	if (r != 0 && r != -EAGAIN)
		return r == -EALREADY ? 0 : r;
	if (frag == 1)
		memcpy(sa->next_digest, digest, sizeof(sa->next_digest));
	if (r == -EAGAIN) {
		if (first)
			keep_frags(km, sa);
		return 0;
	}
	r = take(km, sa, h, &o, fx);
	sk_plain_free(&o);
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
	/* It is never protected, and has no place on an SA. */
	if (h->exchange == IKE_SA_INIT) {
		km->count[C_DROP_UNEXPECTED]++;
		return -EBADMSG;
	}
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
