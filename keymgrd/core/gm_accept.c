/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gm.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "common/secret.h"
#include "keymgrd/core/ike/gsa.h"
#include "keymgrd/core/ike/kd.h"
#include "keymgrd/core/life.h"

#define PROTO_UDP 17
#define SPI_MIN 256

static const struct km_addr *
group_addr(const struct km *km, const struct addr *dst)
{
	for (size_t i = 0; i < km->conf->n_addr; i++)
		if (addr_eq(&km->conf->addr[i].dst, dst))
			return &km->conf->addr[i];
	return NULL;
}

static bool
is_unicast(const struct addr *a)
{
	static const uint8_t zero[16], ones[4] = { 255, 255, 255, 255 };

	if (a->len == 0 || memcmp(a->b, zero, a->len) == 0)
		return false;
	if (a->len == 4 && memcmp(a->b, ones, 4) == 0)
		return false;
	return !addr_is_multicast(a);
}

/* NULL, or what is wrong with one policy. */
static const char *
check_tek(const struct km *km, const struct gsa_tek *t)
{
	if (t->spi < SPI_MIN)
		return "an SPI is reserved";
	if (t->src.ip_proto != PROTO_UDP || t->dst.ip_proto != PROTO_UDP)
		return "a selector is not UDP";
	if (!addr_eq(&t->dst.lo, &t->dst.hi) ||
	    group_addr(km, &t->dst.lo) == NULL)
		return "a destination is no address of the group";
	if (t->dst.port_lo > t->dst.port_hi)
		return "a port range is empty";
	if (!addr_eq(&t->src.lo, &t->src.hi) || !is_unicast(&t->src.lo) ||
	    t->src.lo.len != t->dst.lo.len)
		return "a source is not one unicast address";
	if (t->src.port_lo != 0 || t->src.port_hi != UINT16_MAX)
		return "a source selector does not cover all ports";
	if (t->lifetime_s == 0 || t->lifetime_s > km->conf->lifetime_s)
		return "a lifetime is zero or longer than policy allows";
	return NULL;
}

static const char *
check_all(const struct km *km, const struct gsa *g, const struct kd *kd)
{
	const char *why;

	if (g->n_tek == 0)
		return "no SA is offered";
	for (size_t i = 0; i < g->n_tek; i++) {
		if ((why = check_tek(km, &g->tek[i])) != NULL)
			return why;
		for (size_t j = 0; j < i; j++)
			if (g->tek[i].spi == g->tek[j].spi)
				return "an SPI is offered twice";
		if (kd_find(kd, g->tek[i].spi) == NULL)
			return "an SA has no key";
	}
	if (kd->n != g->n_tek)
		return "a key has no SA";
	return NULL;
}

/* The SAs held are replaced by what was offered (RFC 9838 2.3.1). */
static void
drop_others(struct km *km, const struct gsa *g)
{
	uint64_t dtd_ms = g->dtd_s != 0 ? g->dtd_s * 1000ull : km->conf->dtd_ms;

	for (size_t i = 0; i < km->keys.sas.n; i++) {
		struct ksa *k = &km->keys.sas.v[i];
		bool offered = false;

		for (size_t j = 0; j < g->n_tek && !offered; j++)
			offered = g->tek[j].spi == k->spi &&
				  addr_eq(&g->tek[j].dst.lo, &k->dst);
		if (offered)
			k->drop_ms = KSA_NEVER;
		else if (k->state == KSA_UP || k->state == KSA_ASKED) {
			if (k->drop_ms == KSA_NEVER)
				k->drop_ms = km->now_ms + dtd_ms;
		} else if (k->state != KSA_GOING)
			k->state = KSA_GONE;
	}
	ksa_sweep(&km->keys.sas);
}

/*
 * A response is repeated as it was first sent, so what it says of lifetimes may
 * be as old as the request.  Keys are kept as if it were new, for they must
 * not end before the sender's; what is planned counts the age.
 */
static uint64_t
age_ms(const struct km *km)
{
	return km->now_ms - km->gm->sent_ms;
}

static const char *
take_one(struct km *km, const struct gsa_tek *t, const uint8_t *key)
{
	struct ksa *k = ksa_find(&km->keys.sas, t->spi, &t->dst.lo);
	uint64_t warn;

	if (k != NULL && k->state != KSA_GOING)
		return secret_eq(k->key, key, sizeof(k->key)) &&
			       addr_eq(&k->src, &t->src.lo)
			   ? NULL
			   : "an SPI in use has another key or source";
	if (k != NULL)
		k->state = KSA_GONE; /* being deleted, and wanted again */
	ksa_sweep(&km->keys.sas);
	if ((k = ksa_add(&km->keys.sas)) == NULL)
		return "too many SAs";
	k->spi = t->spi;
	k->cls = group_addr(km, &t->dst.lo)->cls;
	k->dir = SA_IN;
	k->src = t->src.lo;
	k->dst = t->dst.lo;
	memcpy(k->key, key, sizeof(k->key));
	k->born_ms = km->now_ms;
	k->end_ms = km->now_ms + t->lifetime_s * 1000ull;
	/* The kernel warns when the sender is about to change. */
	warn = km->conf->lifetime_s * 1000ull -
	       life_switch_ms(km->conf->lifetime_s) + age_ms(km);
	k->soft_ms = k->end_ms > warn ? k->end_ms - warn : 0;
	return NULL;
}

/*
 * How long keys last: of each address the newest SA, and of these the first
 * to end.
 */
static uint64_t
lasts_s(const struct gsa *g)
{
	uint64_t all = UINT64_MAX;

	for (size_t i = 0; i < g->n_tek; i++) {
		uint64_t one = 0;

		for (size_t j = 0; j < g->n_tek; j++)
			if (addr_eq(&g->tek[i].dst.lo, &g->tek[j].dst.lo) &&
			    g->tek[j].lifetime_s > one)
				one = g->tek[j].lifetime_s;
		all = one < all ? one : all;
	}
	return all;
}

/*
 * A random point in 80 to 95 % of the key's lifetime, of which a part was over
 * when it was offered; so the sender's next step is already on offer, and not
 * yet in use.  A sender with another idea of the lifetime must not make this
 * host hurry: a quarter of what is left is waited for in any case.
 */
static int
plan_next(struct km *km, uint64_t left_s)
{
	uint64_t life_ms = km->conf->lifetime_s * 1000ull, at, late, lo, hi;
	int r;

	life_rereg_ms(km->conf->lifetime_s, &lo, &hi);
	if ((r = km_rand_between(km, lo, hi, &at)) != 0)
		return r;
	late = life_ms - (left_s - 1) * 1000; /* it was rounded up */
	late += age_ms(km);
	at = at > late ? at - late : 0;
	if (at < left_s * 250)
		at = left_s * 250;
	km->keys.rereg_ms = km->now_ms + at;
	return 0;
}

static int
take_all(struct km *km, const struct gsa *g, const struct kd *kd,
    const char **why, struct fx *fx)
{
	int r;

	drop_others(km, g);
	for (size_t i = 0; i < g->n_tek; i++) {
		*why =
		    take_one(km, &g->tek[i], kd_find(kd, g->tek[i].spi)->key);
		if (*why != NULL)
			return -EBADMSG;
	}
	strlcpy(km->keys.gcks, km->conf->gcks[km->gm->cur].name,
	    sizeof(km->keys.gcks));
	if ((r = plan_next(km, lasts_s(g))) != 0 ||
	    (r = km_record_keys(km, fx)) != 0)
		return r;
	for (size_t i = 0; i < km->keys.sas.n && r == 0; i++) {
		struct ksa *k = &km->keys.sas.v[i];

		if (k->state == KSA_NONE)
			r = ksa_ask(
			    &km->keys.sas, k, SA_ENSURE, km->now_ms, fx);
	}
	return r;
}

/* A policy that turns out to be bad half-way must leave nothing behind. */
static int
take_or_leave(struct km *km, const struct gsa *g, const struct kd *kd,
    const char **why, struct fx *fx)
{
	struct keys before;
	int r = keys_save(&km->keys, &before);

	if (r != 0)
		return r;
	if ((r = take_all(km, g, kd, why, fx)) != 0)
		keys_restore(&km->keys, &before);
	keys_fini(&before);
	return r;
}

int
gm_accept(
    struct km *km, const struct gm_hs *hs, const char **why, struct fx *fx)
{
	struct gsa gsa;
	struct kd kd;
	int r;

	*why = "the response holds no GSA and KD";
	if (!ike_has(&hs->view.gsa) || !ike_has(&hs->view.kd))
		return -EBADMSG;
	*why = "tunnel mode, which is not supported";
	if (ike_ntf_find(&hs->view, N_USE_TRANSPORT_MODE) == NULL)
		return -EBADMSG;
	r = gsa_get(hs->view.gsa, &gsa);
	*why = r == -EPROTONOSUPPORT ? "GSA asks for what is not supported"
				     : "GSA is malformed";
	if (r != 0)
		return -EBADMSG;
	r = kd_get(hs->view.kd, hs->keys.gsk_w, &kd);
	*why = r == -EPROTONOSUPPORT ? "KD holds what is not supported"
				     : "KD is malformed or its wrap is wrong";
	if (r != 0)
		r = -EBADMSG;
	else if ((*why = check_all(km, &gsa, &kd)) != NULL)
		r = -EBADMSG;
	else
		r = take_or_leave(km, &gsa, &kd, why, fx);
	explicit_bzero(&kd, sizeof(kd));
	return r;
}
