/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/skeys.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "keymgrd/core/life.h"

#define LEAF 0 /* one sender */

static uint64_t
life_ms(const struct km *km)
{
	return (uint64_t)km->conf->lifetime_s * 1000;
}

static uint64_t
switch_ms(const struct km *km, const struct step *s)
{
	return s->born_ms + life_switch_ms(km->conf->lifetime_s);
}

static uint64_t
prepare_ms(const struct km *km, const struct step *s)
{
	return s->born_ms + life_prepare_ms(km->conf->lifetime_s);
}

/* SPIs of a step, one per address of the policy, own family or not. */
static int
step_spis(const struct km *km, const struct step *s, uint32_t spi[KM_ADDRS_MAX])
{
	int r = 0;

	for (size_t i = 0; i < km->conf->n_addr && r == 0; i++)
		r = chain_spi(
		    s->root, LEAF, km->conf->addr[i].cls, spi, i, &spi[i]);
	return r;
}

/* Enter the outbound SAs of step[0] and ask for them. */
static int
install(struct km *km, enum sa_mode mode, struct fx *fx)
{
	const struct step *s = &km->keys.step[0];
	uint32_t spi[KM_ADDRS_MAX] = { 0 };
	int r = step_spis(km, s, spi);

	for (size_t i = 0; i < km->conf->n_addr && r == 0; i++) {
		const struct km_addr *a = &km->conf->addr[i];
		struct ksa *k;

		if (a->src.len == 0)
			continue;
		if ((k = ksa_add(&km->keys.sas)) == NULL)
			return -ENOMEM;
		k->spi = spi[i];
		k->step = s->no;
		k->cls = a->cls;
		k->dir = SA_OUT;
		k->src = a->src;
		k->dst = a->dst;
		k->born_ms = s->born_ms;
		k->soft_ms = switch_ms(km, s);
		k->end_ms = s->born_ms + life_ms(km);
		r = chain_tek(s->root, LEAF, a->cls, k->key);
		if (r == 0)
			r = ksa_ask(&km->keys.sas, k, mode, km->now_ms, fx);
	}
	return r;
}

static int
derive_next(struct km *km, const struct step *from, struct step *to)
{
	to->no = from->no + 1;
	to->born_ms = km->now_ms;
	return chain_next(from->root, to->root);
}

/* From 75 % on, or early when packets run out: step[1] is offered too. */
static int
prepare(struct km *km, struct fx *fx)
{
	int r = derive_next(km, &km->keys.step[0], &km->keys.step[1]);

	if (r != 0)
		return r;
	km->keys.n_steps = 2;
	if ((r = km_record_keys(km, fx)) != 0)
		return r;
	return fx_note(fx, NOTE_INFO, "step.offer", "generation=%u step=%u",
	    km->keys.generation, km->keys.step[1].no);
}

/* What is still in the kernel goes after DTD, what never got in at once. */
static void
retire(struct km *km)
{
	for (size_t i = 0; i < km->keys.sas.n; i++) {
		struct ksa *k = &km->keys.sas.v[i];

		if (k->state != KSA_UP && k->state != KSA_ASKED) {
			if (k->state != KSA_GOING)
				k->state = KSA_GONE;
		} else if (k->drop_ms == KSA_NEVER) {
			k->drop_ms = km->now_ms + km->conf->dtd_ms;
		}
	}
	ksa_sweep(&km->keys.sas);
}

/*
 * Send under the next step.  Its record is ahead of the requests for its SAs,
 * so that a successor never takes the step for unused.
 */
static int
forward(struct km *km, const char *why, struct fx *fx)
{
	struct step next;
	int r = 0;

	do {
		if (km->keys.n_steps == 2)
			next = km->keys.step[1];
		else
			r = derive_next(km, &km->keys.step[0], &next);
		if (r != 0)
			break;
		km->keys.step[0] = next;
		km->keys.n_steps = 1;
	} while (switch_ms(km, &next) <= km->now_ms);
	explicit_bzero(&next, sizeof(next));
	explicit_bzero(&km->keys.step[1], sizeof(km->keys.step[1]));
	if (r != 0)
		return r;
	retire(km);
	if ((r = km_record_keys(km, fx)) != 0 ||
	    (r = fx_note(fx, NOTE_INFO, "step.use",
		 "generation=%u step=%u cause=%s", km->keys.generation,
		 km->keys.step[0].no, why)) != 0)
		return r;
	return install(km, SA_NEW, fx);
}

/* Carry out what the clock demands of the chain. */
static int
follow_clock(struct km *km, struct fx *fx, bool *moved)
{
	*moved = false;
	if (switch_ms(km, &km->keys.step[0]) <= km->now_ms) {
		*moved = true;
		return forward(km, "lifetime", fx);
	}
	if (km->keys.n_steps == 1 &&
	    prepare_ms(km, &km->keys.step[0]) <= km->now_ms) {
		return prepare(km, fx);
	}
	return 0;
}

static int
fresh(struct km *km, struct fx *fx)
{
	struct step *s = &km->keys.step[0];
	int r;

	if ((r = km_rand(km, s->root, sizeof(s->root))) != 0)
		return r;
	s->no = 0;
	s->born_ms = km->now_ms;
	km->keys.n_steps = 1;
	km->keys.generation = 1;
	if ((r = km_record_keys(km, fx)) != 0 ||
	    (r = fx_note(fx, NOTE_INFO, "step.use",
		 "generation=1 step=0 cause=start")) != 0)
		return r;
	return install(km, SA_NEW, fx);
}

/* SAs on their way out that a predecessor left; they were up, or never. */
static void
adopt(struct km *km)
{
	for (size_t i = 0; i < km->keys.sas.n; i++)
		km->keys.sas.v[i].state = KSA_UP;
}

int
skeys_start(struct km *km, struct fx *fx)
{
	bool moved;
	int r;

	if (km->keys.n_steps == 0)
		return fresh(km, fx);
	adopt(km);
	/* A clock behind the record: not of this boot, or set back. */
	for (size_t i = 0; i < km->keys.n_steps; i++)
		if (km->keys.step[i].born_ms > km->now_ms)
			km->keys.step[i].born_ms = km->now_ms;
	if ((r = follow_clock(km, fx, &moved)) != 0 || moved)
		return r;
	return install(km, SA_VERIFY, fx);
}

int
skeys_timer(struct km *km, struct fx *fx)
{
	bool moved;
	int r = follow_clock(km, fx, &moved);

	return r != 0 ? r : ksa_timer(&km->keys.sas, km->now_ms, fx);
}

uint64_t
skeys_due(const struct km *km)
{
	const struct step *s = &km->keys.step[0];
	uint64_t due = ksa_due(&km->keys.sas), own;

	if (km->keys.n_steps == 0)
		return TIMER_NEVER;
	own = km->keys.n_steps == 1 ? prepare_ms(km, s) : switch_ms(km, s);
	return own < due ? own : due;
}

static bool
is_current(const struct km *km, const struct ksa *k)
{
	return k->step == km->keys.step[0].no && k->drop_ms == KSA_NEVER;
}

/*
 * An outbound SA that is not in the kernel any more, or is another's: its
 * sequence numbers are lost, so its key is never added again.
 */
static int
lost(struct km *km, const struct ksa *k, struct fx *fx)
{
	int r = fx_note(fx, NOTE_WARN, "sa.lost", "spi=0x%08x step=%u class=%u",
	    k->spi, k->step, k->cls);

	return r != 0 ? r : forward(km, "lost-sa", fx);
}

int
skeys_answer(
    struct km *km, struct ksa *k, const struct km_in *in, struct fx *fx)
{
	enum ipc_status st = in->sa.status;
	bool current = is_current(km, k);

	if (k->state == KSA_GOING || !current) {
		/* A step that is over: nothing to repair any more. */
		if (k->state == KSA_GOING || st == ST_MISSING)
			k->state = KSA_GONE;
		else
			k->state = KSA_UP;
		return 0;
	}
	if (st == ST_CONFLICT || st == ST_MISSING) {
		k->state = KSA_GONE;
		return lost(km, k, fx);
	}
	ksa_answer(&km->keys.sas, k, st, in->sa.text, km->now_ms);
	if (st == ST_OK)
		return 0;
	return fx_note(fx, NOTE_WARN, "sa.refused", "spi=0x%08x why=\"%s\"",
	    k->spi, why_text(km->sa_why));
}

int
skeys_expired(struct km *km, const struct km_in *in, struct fx *fx)
{
	struct ksa *k =
	    ksa_find(&km->keys.sas, in->expired.spi, &in->expired.dst);
	bool current;

	if (k == NULL)
		return 0;
	current = is_current(km, k);
	if (in->expired.hard)
		k->state = KSA_GONE;
	if (!current)
		return 0;
	/*
	 * Receivers learn of the next step when they register again, so a
	 * soft limit of packets only starts to offer it; the last 2^31
	 * packets are for them.
	 */
	if (in->expired.hard)
		return forward(km, "expired", fx);
	return km->keys.n_steps == 1 ? prepare(km, fx) : 0;
}

int
skeys_acquire(struct km *km, const struct km_in *in, struct fx *fx)
{
	char dst[ADDR_STRLEN];
	int r = fx_note(fx, NOTE_WARN, "sa.acquire", "dst=%s",
	    addr_text(&in->acquire.dst, dst));

	for (size_t i = 0; i < km->keys.sas.n && r == 0; i++) {
		struct ksa *k = &km->keys.sas.v[i];

		if (k->state == KSA_UP && is_current(km, k) &&
		    addr_eq(&k->dst, &in->acquire.dst))
			r = ksa_ask(
			    &km->keys.sas, k, SA_VERIFY, km->now_ms, fx);
	}
	return r;
}

int
skeys_resync(struct km *km, struct fx *fx)
{
	return ksa_resync(&km->keys.sas, SA_VERIFY, km->now_ms, fx);
}

static void
offer_one(const struct km_addr *a, struct gsa_tek *t)
{
	t->src.ip_proto = t->dst.ip_proto = 17;
	t->src.lo = t->src.hi = a->src;
	t->src.port_lo = 0;
	t->src.port_hi = UINT16_MAX;
	t->dst.lo = t->dst.hi = a->dst;
	t->dst.port_lo = a->port_lo;
	t->dst.port_hi = a->port_hi;
}

static int
offer_step(
    const struct km *km, const struct step *s, struct gsa *gsa, struct kd *kd)
{
	uint64_t end = s->born_ms + life_ms(km);
	uint32_t spi[KM_ADDRS_MAX] = { 0 };
	uint64_t left_s;
	int r;

	/* Rounded up: a receiver must not lose its SA before we do. */
	left_s = end > km->now_ms ? (end - km->now_ms + 999) / 1000 : 0;
	if (left_s == 0)
		return 0;
	r = step_spis(km, s, spi);
	for (size_t i = 0; i < km->conf->n_addr && r == 0; i++) {
		const struct km_addr *a = &km->conf->addr[i];

		if (a->src.len == 0)
			continue;
		must(gsa->n_tek < GSA_TEKS_MAX && kd->n < KD_KEYS_MAX);
		gsa->tek[gsa->n_tek].spi = spi[i];
		gsa->tek[gsa->n_tek].lifetime_s = (uint32_t)left_s;
		offer_one(a, &gsa->tek[gsa->n_tek++]);
		kd->key[kd->n].spi = spi[i];
		r = chain_tek(s->root, LEAF, a->cls, kd->key[kd->n++].key);
	}
	return r;
}

static uint16_t
whole_seconds(uint32_t ms)
{
	uint32_t s = (ms + 999) / 1000;

	return s < UINT16_MAX ? (uint16_t)s : UINT16_MAX;
}

int
skeys_offer(const struct km *km, struct gsa *gsa, struct kd *kd)
{
	int r = 0;

	memset(gsa, 0, sizeof(*gsa));
	memset(kd, 0, sizeof(*kd));
	gsa->atd_s = whole_seconds(km->conf->atd_ms);
	gsa->dtd_s = whole_seconds(km->conf->dtd_ms);
	for (size_t i = 0; i < km->keys.n_steps && r == 0; i++)
		r = offer_step(km, &km->keys.step[i], gsa, kd);
	return r == 0 && gsa->n_tek == 0 ? -ENOENT : r;
}

enum group_state
skeys_state(const struct km *km)
{
	enum group_state st = GS_KEYED;
	size_t n = 0;

	for (size_t i = 0; i < km->keys.sas.n; i++) {
		const struct ksa *k = &km->keys.sas.v[i];

		if (!is_current(km, k))
			continue;
		n++;
		if (k->no_esp)
			return GS_NO_ESP;
		if (!k->up)
			st = GS_STARTING;
	}
	return n > 0 ? st : GS_STARTING;
}
