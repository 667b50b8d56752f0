/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/ike/hdr.h"
#include "keymgrd/core/gcks.h"
#include "keymgrd/core/gm.h"
#include "keymgrd/core/life.h"
#include "keymgrd/core/record.h"
#include "keymgrd/core/skeys.h"

static const char *const count_names[] = {
#define C(name, text) text,
	COUNT_KEPT(C) COUNT_MORE(C)
#undef C
};

/* -- creation ----------------------------------------------------------- */

static bool
addrs_are_usable(const struct km_conf *c)
{
	size_t own = 0;

	if (c->n_addr == 0 || c->n_addr > KM_ADDRS_MAX)
		return false;
	for (size_t i = 0; i < c->n_addr; i++) {
		const struct km_addr *a = &c->addr[i];

		if (!addr_is_multicast(&a->dst) ||
		    (a->src.len != 0 && a->src.len != a->dst.len))
			return false;
		own += a->src.len != 0;
		for (size_t j = 0; j < i; j++)
			if (a->cls == c->addr[j].cls ||
			    addr_eq(&a->dst, &c->addr[j].dst))
				return false;
	}
	return c->role == ROLE_RECEIVER || own > 0;
}

static bool
role_is_usable(const struct km_conf *c)
{
	if (c->role == ROLE_SENDER)
		return c->half_open_max > 0 && c->members_max > 0;
	if (c->role != ROLE_RECEIVER || c->n_gcks == 0 ||
	    c->n_gcks > KM_GCKS_MAX)
		return false;
	for (size_t i = 0; i < c->n_gcks; i++)
		if (c->gcks[i].id_len < 5 || c->gcks[i].id_len > KM_ID_MAX ||
		    c->gcks[i].peer.addr.len == 0 ||
		    c->gcks[i].peer.addr.len != c->gcks[i].local.len ||
		    (c->gcks[i].exchange != GSA_AUTH &&
			c->gcks[i].exchange != IKE_AUTH))
			return false;
	return true;
}

static bool
suite_is_usable(const struct km_conf *c)
{
	size_t len = 0;

	if (c->n_cert > KM_CERTS_MAX)
		return false;
	for (size_t i = 0; i < c->n_cert; i++)
		len += c->cert_len[i];
	return (c->suite == SUITE_DEFAULT || c->suite == SUITE_CNSA) &&
	       len <= sizeof(c->certs) &&
	       (c->fragment == 0 || c->fragment >= 576) &&
	       c->ppk_id_len <= sizeof(c->ppk_id) &&
	       c->anchors_len <= sizeof(c->anchors);
}

static bool
conf_is_usable(const struct km_conf *c)
{
	return c->slot < MIKE_SLOTS && c->group_id_len > 0 &&
	       c->group_id_len <= sizeof(c->group_id) && c->own_id_len >= 5 &&
	       c->own_id_len <= KM_ID_MAX && suite_is_usable(c) &&
	       c->lifetime_s >= LIFE_MIN_S && addrs_are_usable(c) &&
	       role_is_usable(c);
}

struct km *
km_new(const struct km_conf *conf, const struct km_ops *ops)
{
	struct km *km;
	bool ok;

	if (!conf_is_usable(conf) || (km = calloc(1, sizeof(*km))) == NULL)
		return NULL;
	km->conf = conf;
	km->ops = *ops;
	km->iv = (uint64_t)conf->instance << 48;
	km->keys.sas.next_req = &km->next_req;
	km->keys.sas.why = &km->sa_why;
	km->told_state = GS_STARTING;
	ok = timers_reserve(&km->timers, 1) == 0;
	if (ok && conf->role == ROLE_SENDER)
		ok = (km->gcks = gcks_new(km)) != NULL;
	else if (ok)
		ok = (km->gm = gm_new()) != NULL;
	if (!ok)
		km_free(&km);
	return km;
}

void
km_free(struct km **km)
{
	struct km *k = *km;

	if (k == NULL)
		return;
	gm_free(&k->gm);
	gcks_free(&k->gcks, &k->timers);
	timers_fini(&k->timers);
	keys_fini(&k->keys);
	free(k->refused);
	why_clear(&k->sa_why);
	freezero(k, sizeof(*k));
	*km = NULL;
}

/* -- keys ---------------------------------------------------------------- */

int
keys_save(const struct keys *k, struct keys *copy)
{
	struct ksas sas = { 0 };
	int r = ksas_copy(&k->sas, &sas);

	if (r != 0)
		return r;
	*copy = *k;
	copy->sas = sas;
	return 0;
}

void
keys_restore(struct keys *k, struct keys *copy)
{
	struct keys was = *k;

	*k = *copy;
	*copy = was; /* dies with it */
}

void
keys_fini(struct keys *k)
{
	ksas_fini(&k->sas);
	explicit_bzero(k, sizeof(*k));
}

/* -- for the other modules ---------------------------------------------- */

int
km_rand(const struct km *km, void *out, size_t len)
{
	return km->ops.rand(km->ops.arg, out, len);
}

int
km_rand_between(const struct km *km, uint64_t lo, uint64_t hi, uint64_t *v)
{
	uint64_t x;
	int r;

	must(lo <= hi && hi - lo < UINT32_MAX);
	if ((r = km_rand(km, &x, sizeof(x))) != 0)
		return r;
	*v = lo + x % (hi - lo + 1);
	return 0;
}

int
km_send(struct fx *fx, const struct endpoint *local,
    const struct endpoint *peer, struct chunk data)
{
	struct km_fx *e = fx_add(fx, KM_FX_SEND);

	if (e == NULL)
		return -ENOMEM;
	e->send.local = *local;
	e->send.peer = *peer;
	return fx_copy(fx, data, &e->send.data);
}

static int
emit_record(struct wbuf *wb, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_STATE);
	int r = e == NULL
		    ? -ENOMEM
		    : fx_copy(fx, (struct chunk){ wb->p, wb->len }, &e->rec);

	explicit_bzero(wb->p, wb->len);
	return r;
}

int
km_record_keys(const struct km *km, struct fx *fx)
{
	uint8_t buf[RECORD_MAX];
	struct wbuf wb;

	wb_init(&wb, buf, sizeof(buf));
	must(record_put_keys(&wb, km->conf->role, &km->keys) == 0);
	return emit_record(&wb, fx);
}

int
km_record_counts(const struct km *km, struct fx *fx)
{
	uint8_t buf[16 + 8 * C_KEPT];
	struct wbuf wb;

	wb_init(&wb, buf, sizeof(buf));
	must(record_put_counts(&wb, km->count, C_KEPT) == 0);
	return emit_record(&wb, fx);
}

/* -- events ------------------------------------------------------------- */

static int
on_dgram(struct km *km, const struct km_in *in, struct fx *fx)
{
	struct ike_hdr h;
	struct rbuf rb;

	rb_init(&rb, in->dgram.data.p, in->dgram.data.len);
	if (in->dgram.data.len > IKE_MSG_MAX || ike_hdr_get(&rb, &h) != 0) {
		km->count[C_DROP_MALFORMED]++;
		return -EBADMSG;
	}
	return km->gcks != NULL ? gcks_dgram(km, &h, in, fx)
				: gm_dgram(km, &h, in, fx);
}

static int
on_policyd(struct km *km, const struct km_in *in, struct fx *fx)
{
	if (km->gm != NULL)
		return gm_policyd(km, in, fx);
	switch (in->ev) {
	case KM_EV_SIGNED:
		return gcks_signed(km, in, fx);
	case KM_EV_CHECKED:
		return gcks_checked(km, in, fx);
	default:
		return gcks_mixed(km, in, fx);
	}
}

static int
on_sa(struct km *km, const struct km_in *in, struct fx *fx)
{
	struct ksa *k = ksa_by_req(&km->keys.sas, in->sa.req);

	if (k == NULL) {
		km->count[C_LATE_ANSWER]++;
		return -EPROTO;
	}
	return km->gm != NULL ? gm_answer(km, k, in, fx)
			      : skeys_answer(km, k, in, fx);
}

/* Several timers may be due: a host that slept has a lot to catch up with. */
static int
on_timer(struct km *km, struct fx *fx)
{
	struct timer *tm;

	while ((tm = timer_first(&km->timers)) != NULL &&
	       tm->due_ms <= km->now_ms) {
		timer_stop(&km->timers, tm);
		if (tm != &km->timer)
			gcks_timer(km, tm);
	}
	return km->gm != NULL ? gm_timer(km, fx) : skeys_timer(km, fx);
}

static int
on_resync(struct km *km, bool policyd, struct fx *fx)
{
	int r;

	if (km->gm != NULL)
		return gm_resync(km, policyd, fx);
	r = skeys_resync(km, fx);
	return r != 0 ? r : gcks_resync(km, policyd, fx);
}

static int
dispatch(struct km *km, const struct km_in *in, struct fx *fx)
{
	bool sender = km->gcks != NULL;

	switch (in->ev) {
	case KM_EV_STATE:
		return record_get(
		    in->record, km->conf->role, &km->keys, km->count, C_KEPT);
	case KM_EV_START:
		return sender ? skeys_start(km, fx) : gm_start(km, fx);
	case KM_EV_TIMER:
		return on_timer(km, fx);
	case KM_EV_DGRAM:
		return on_dgram(km, in, fx);
	case KM_EV_SIGNED:
	case KM_EV_CHECKED:
	case KM_EV_MIXED:
		return on_policyd(km, in, fx);
	case KM_EV_SA:
		return on_sa(km, in, fx);
	case KM_EV_EXPIRED:
		return sender ? skeys_expired(km, in, fx)
			      : gm_expired(km, in, fx);
	case KM_EV_ACQUIRE: /* a receiver's application sends: not allowed */
		return sender ? skeys_acquire(km, in, fx) : 0;
	case KM_EV_RESYNC:
		return on_resync(km, in->resync.policyd, fx);
	case KM_EV_LEAVE:
		return sender ? fx_left(fx) : gm_leave(km, fx);
	case KM_EV_STAY:
		return sender ? 0 : gm_stay(km, fx);
	}
	return -EPROTO;
}

/* Records come before the start, everything else after it. */
static bool
fits(const struct km *km, enum km_ev ev)
{
	bool early = ev == KM_EV_STATE || ev == KM_EV_START;

	return early != km->started;
}

static const char *
detail(const struct km *km)
{
	if (km->sa_why != NULL || km->gm == NULL)
		return why_text(km->sa_why);
	return why_text(km->gm->why);
}

/* FNV-1a with the NUL at the end; 0 is the hash of two empty texts. */
static uint64_t
text_hash(const char *a, const char *b)
{
	uint64_t h = 0xcbf29ce484222325u;

	if (*a == '\0' && *b == '\0')
		return 0;
	for (size_t i = 0; i <= strlen(a); i++)
		h = (h ^ (uint8_t)a[i]) * 0x100000001b3u;
	for (size_t i = 0; i <= strlen(b); i++)
		h = (h ^ (uint8_t)b[i]) * 0x100000001b3u;
	return h;
}

/* Tell groupd when what an operator sees has changed. */
static void
tell_changes(struct km *km, struct fx *fx)
{
	struct km_status st;
	uint64_t text;

	km_status(km, km->now_ms, &st);
	text = text_hash(st.gcks, st.detail);
	if (st.state == km->told_state &&
	    st.generation == km->told_generation && st.step == km->told_step &&
	    text == km->told_text)
		return;
	if (fx_add(fx, KM_FX_CHANGED) == NULL)
		return; /* with the next event, then */
	km->told_state = st.state;
	km->told_generation = st.generation;
	km->told_step = st.step;
	km->told_text = text;
}

static void
set_timer(struct km *km)
{
	uint64_t due = km->gm != NULL ? gm_due(km) : skeys_due(km);

	if (km->started)
		timer_set(&km->timers, &km->timer, due);
}

int
km_step(struct km *km, const struct km_in *in, struct fx *fx)
{
	bool touches_keys =
	    km->gm != NULL || (in->ev != KM_EV_DGRAM && in->ev != KM_EV_SIGNED);
	struct fx_mark mark = fx_mark(fx);
	struct keys before;
	int r;

	if (!fits(km, in->ev)) {
		km->count[C_DROP_UNEXPECTED]++;
		return -EPROTO;
	}
	if (in->now_ms > km->now_ms)
		km->now_ms = in->now_ms;
	if (touches_keys && (r = keys_save(&km->keys, &before)) != 0)
		return r;
	r = dispatch(km, in, fx);
	if (r == 0) {
		km->started |= in->ev == KM_EV_START;
		ksa_sweep(&km->keys.sas);
		tell_changes(km, fx);
	} else {
		fx_undo(fx, mark);
		if (touches_keys)
			keys_restore(&km->keys, &before);
	}
	if (touches_keys)
		keys_fini(&before);
	set_timer(km);
	return r;
}

uint64_t
km_deadline(const struct km *km)
{
	const struct timer *tm = timer_first(&km->timers);

	return tm != NULL ? tm->due_ms : TIMER_NEVER;
}

int
km_snapshot(const struct km *km, uint64_t now_ms, struct fx *fx)
{
	struct fx_mark mark = fx_mark(fx);
	bool any = km->keys.n_steps > 0 || km->keys.sas.n > 0;
	int r = any ? km_record_keys(km, fx) : 0;

	(void)now_ms;
	if (r == 0)
		r = km_record_counts(km, fx);
	if (r != 0)
		fx_undo(fx, mark);
	return r;
}

/* -- for people --------------------------------------------------------- */

static void
key_span(const struct km *km, uint64_t *born, uint64_t *end)
{
	*born = *end = 0;
	if (km->keys.n_steps > 0) {
		*born = km->keys.step[0].born_ms;
		*end = *born + km->conf->lifetime_s * 1000ull;
		return;
	}
	for (size_t i = 0; i < km->keys.sas.n; i++) {
		const struct ksa *k = &km->keys.sas.v[i];

		if (k->drop_ms == KSA_NEVER && k->end_ms > *end) {
			*born = k->born_ms;
			*end = k->end_ms;
		}
	}
}

void
km_status(const struct km *km, uint64_t now_ms, struct km_status *out)
{
	uint64_t born, end;

	key_span(km, &born, &end);
	*out = (struct km_status){
		.state = GS_STARTING,
		.generation = km->keys.generation,
		.gcks = km->keys.gcks,
		.detail = detail(km),
	};
	if (km->started)
		out->state =
		    km->gm != NULL ? gm_group_state(km) : skeys_state(km);
	if (km->keys.n_steps > 0)
		out->step = km->keys.step[0].no;
	if (end > 0 && now_ms > born)
		out->key_age_s = (now_ms - born) / 1000;
	if (end > now_ms)
		out->key_left_s = (end - now_ms) / 1000;
}

size_t
km_counts(const struct km *km, struct km_count *out, size_t max)
{
	size_t n = 0;

	for (; n < C_ALL && n < max; n++)
		out[n] = (struct km_count){ count_names[n], km->count[n] };
	return n;
}

size_t
km_refused(
    const struct km *km, uint64_t now_ms, struct km_refused out[KM_REFUSED_MAX])
{
	_Static_assert(KM_REFUSED_MAX == REFUSED_MAX, "one limit");
	if (km->refused == NULL)
		return 0;
	for (size_t i = 0; i < km->refused->n; i++) {
		const struct refused *r = &km->refused->v[i];

		out[i] = (struct km_refused){ .who = r->who,
			.cause = r->cause,
			.peer = &r->peer,
			.times = r->times,
			.age_s = now_ms > r->last_ms
				     ? (now_ms - r->last_ms) / 1000
				     : 0 };
	}
	return km->refused->n;
}
