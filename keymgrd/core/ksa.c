/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ksa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "keymgrd/core/why.h"

/* The sequence number has 32 bits and must not come round (RFC 4303 3.3.3). */
#define SOFT_PACKETS (1ull << 31)
#define HARD_PACKETS 0xfff00000ull

void
ksas_fini(struct ksas *t)
{
	freezero(t->v, t->cap * sizeof(*t->v));
	t->v = NULL;
	t->n = t->cap = 0;
}

int
ksas_copy(const struct ksas *from, struct ksas *to)
{
	struct ksa *v = NULL;

	if (from->n > 0) {
		if ((v = calloc(from->n, sizeof(*v))) == NULL)
			return -ENOMEM;
		memcpy(v, from->v, from->n * sizeof(*v));
	}
	*to = *from;
	to->v = v;
	to->cap = from->n;
	return 0;
}

/* Room for cap entries, not less than there are. */
static bool
resize(struct ksas *t, size_t cap)
{
	struct ksa *v = calloc(cap, sizeof(*v));

	if (v == NULL)
		return false;
	if (t->n > 0)
		memcpy(v, t->v, t->n * sizeof(*v));
	freezero(t->v, t->cap * sizeof(*v));
	t->v = v;
	t->cap = cap;
	return true;
}

static void
make_room(struct ksas *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].state == KSA_GOING ||
		    t->v[i].drop_ms != KSA_NEVER) {
			t->v[i].state = KSA_GONE;
			break;
		}
	ksa_sweep(t);
}

struct ksa *
ksa_add(struct ksas *t)
{
	struct ksa *k;

	if (t->n == KSA_MAX)
		make_room(t);
	if (t->n == KSA_MAX || (t->n == t->cap && !resize(t, t->n + 1)))
		return NULL;
	k = &t->v[t->n++];
	memset(k, 0, sizeof(*k));
	k->drop_ms = KSA_NEVER;
	k->retry_ms = KSA_NEVER;
	return k;
}

struct ksa *
ksa_find(struct ksas *t, uint32_t spi, const struct addr *dst)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].spi == spi && addr_eq(&t->v[i].dst, dst))
			return &t->v[i];
	return NULL;
}

struct ksa *
ksa_by_req(struct ksas *t, uint32_t req)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].req == req &&
		    (t->v[i].state == KSA_ASKED || t->v[i].state == KSA_GOING))
			return &t->v[i];
	return NULL;
}

void
ksa_sweep(struct ksas *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].state != KSA_GONE)
			t->v[n++] = t->v[i];
	if (n == t->n)
		return;
	if (n == 0) {
		ksas_fini(t);
		return;
	}
	explicit_bzero(&t->v[n], (t->n - n) * sizeof(t->v[0]));
	t->n = n;
	(void)resize(t, n); /* or it stays as large as it was */
}

bool
ksa_any(const struct ksas *t, enum ksa_state state)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].state == state)
			return true;
	return false;
}

/* Rounded up, for the kernel may be a second early but not late. */
static uint32_t
seconds_left(uint64_t end_ms, uint64_t now_ms)
{
	return end_ms > now_ms ? (uint32_t)((end_ms - now_ms + 999) / 1000) : 0;
}

/* An SA whose end has come is not worth a request. */
int
ksa_ask(struct ksas *t, struct ksa *k, enum sa_mode mode, uint64_t now_ms,
    struct fx *fx)
{
	uint32_t hard_s = seconds_left(k->end_ms, now_ms);
	struct km_fx *e;

	if (hard_s == 0) {
		k->state = KSA_GONE;
		return 0;
	}
	if ((e = fx_add(fx, KM_FX_SA_INSTALL)) == NULL)
		return -ENOMEM;
	e->sa.req = ++*t->next_req;
	e->sa.mode = mode;
	e->sa.dir = k->dir;
	e->sa.spi = k->spi;
	e->sa.src = k->src;
	e->sa.dst = k->dst;
	memcpy(e->sa.key, k->key, sizeof(e->sa.key));
	e->sa.replay = KSA_REPLAY;
	e->sa.hard_s = hard_s;
	e->sa.soft_s = seconds_left(k->soft_ms, now_ms);
	if (k->dir == SA_OUT) {
		e->sa.soft_packets = SOFT_PACKETS;
		e->sa.hard_packets = HARD_PACKETS;
	}
	k->req = e->sa.req;
	k->mode = mode;
	k->state = KSA_ASKED;
	k->retry_ms = KSA_NEVER;
	return 0;
}

int
ksa_delete(struct ksas *t, struct ksa *k, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_SA_DELETE);

	if (e == NULL)
		return -ENOMEM;
	e->sa.req = ++*t->next_req;
	e->sa.spi = k->spi;
	e->sa.dst = k->dst;
	k->req = e->sa.req;
	k->state = KSA_GOING;
	k->drop_ms = KSA_NEVER;
	k->retry_ms = KSA_NEVER;
	return 0;
}

static uint64_t
pause_ms(uint32_t tries)
{
	uint64_t ms = KSA_RETRY_MS;

	while (tries-- > 0 && ms < KSA_RETRY_MAX_MS)
		ms *= 2;
	return ms < KSA_RETRY_MAX_MS ? ms : KSA_RETRY_MAX_MS;
}

/* dispatcherd's text is for people: keep what is printable ASCII. */
static void
keep_why(struct ksas *t, struct chunk text)
{
	char why[160];
	size_t n = 0;

	for (size_t i = 0; i < text.len && n + 1 < sizeof(why); i++)
		if (text.p[i] >= ' ' && text.p[i] <= '~')
			why[n++] = (char)text.p[i];
	why[n] = '\0';
	why_set(t->why, "dispatcherd: %s", why);
}

void
ksa_answer(struct ksas *t, struct ksa *k, enum ipc_status status,
    struct chunk text, uint64_t now_ms)
{
	if (k->state == KSA_GOING) {
		/* What cannot be deleted ends by its lifetime. */
		k->state = KSA_GONE;
		return;
	}
	k->up = status == ST_OK;
	k->no_esp = status == ST_NO_ESP;
	if (k->up) {
		k->state = KSA_UP;
		k->tries = 0;
		if (!ksa_any(t, KSA_RETRY) && !ksa_any(t, KSA_NO_ESP))
			why_clear(t->why);
		return;
	}
	k->state = status == ST_NO_ESP ? KSA_NO_ESP : KSA_RETRY;
	k->retry_ms = now_ms + pause_ms(k->tries++);
	if (status == ST_NO_ESP)
		k->retry_ms = now_ms + KSA_RETRY_MAX_MS;
	keep_why(t, text);
}

static int
one_timer(struct ksas *t, struct ksa *k, uint64_t now_ms, struct fx *fx)
{
	if (k->end_ms <= now_ms && k->state != KSA_GOING) {
		/* The kernel has ended it at the same time. */
		k->state = KSA_GONE;
		return 0;
	}
	if (k->drop_ms <= now_ms && k->state != KSA_GOING)
		return ksa_delete(t, k, fx);
	if (k->retry_ms <= now_ms &&
	    (k->state == KSA_RETRY || k->state == KSA_NO_ESP))
		return ksa_ask(t, k, k->mode, now_ms, fx);
	return 0;
}

int
ksa_timer(struct ksas *t, uint64_t now_ms, struct fx *fx)
{
	int r;

	for (size_t i = 0; i < t->n; i++)
		if ((r = one_timer(t, &t->v[i], now_ms, fx)) != 0)
			return r;
	return 0;
}

uint64_t
ksa_due(const struct ksas *t)
{
	uint64_t due = KSA_NEVER;

	for (size_t i = 0; i < t->n; i++) {
		const struct ksa *k = &t->v[i];

		if (k->state == KSA_GOING || k->state == KSA_GONE)
			continue;
		due = k->end_ms < due ? k->end_ms : due;
		due = k->drop_ms < due ? k->drop_ms : due;
		due = k->retry_ms < due ? k->retry_ms : due;
	}
	return due;
}

/*
 * The fate of a request for a new SA that was under way is not known: it is
 * verified, like all that is up, so that no key is ever added twice.
 */
int
ksa_resync(struct ksas *t, enum sa_mode mode, uint64_t now_ms, struct fx *fx)
{
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++) {
		struct ksa *k = &t->v[i];

		if (k->state == KSA_GOING)
			r = ksa_delete(t, k, fx);
		else if (k->state == KSA_UP || k->state == KSA_ASKED)
			r = ksa_ask(t, k, mode, now_ms, fx);
	}
	return r;
}
