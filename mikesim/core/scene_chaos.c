/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "mikesim/core/scene_int.h"

/*
 * Faults drawn with the seed.  Each kind has a stream of its own, so that one
 * more of a kind leaves the others where they are.
 */

#define TRIES 64
#define AFTER_MOST 64 /* messages before a crash */

enum kind { K_CRASH, K_EMCON, K_PARTITION, K_OUTAGE, K_LEAVE };

/* A window of time on one host, or on all hosts (partitions). */
struct window {
	uint32_t host;
	t_ns at, end;
};

struct draw {
	struct scene *s;
	struct rng rng;
	struct window *taken; /* of this kind */
	size_t n_taken;
};

static bool
is_free(const struct draw *d, const struct window *w)
{
	for (size_t i = 0; i < d->n_taken; i++)
		if (d->taken[i].host == w->host && w->at <= d->taken[i].end &&
		    w->end >= d->taken[i].at)
			return false;
	return true;
}

static t_ns
between(struct rng *r, t_ns from, t_ns to)
{
	return from + rng_below(r, to - from + 1);
}

/* In milliseconds, as people write it: the text is for reading, too. */
static t_ns
rounded(t_ns t)
{
	return t - t % NS_PER_MS;
}

/*
 * A window of at least a tenth of the longest; its end is in time.  Rounding
 * down may cross the beginning: then it begins there.
 */
static void
draw_window(struct draw *d, struct window *w)
{
	const struct scene_chaos *c = &d->s->chaos;
	t_ns span = rounded(between(&d->rng, c->longest / 10, c->longest));
	t_ns at = rounded(between(&d->rng, c->from, c->until - span));

	w->at = at < c->from ? c->from : at;
	w->end = w->at + span;
}

/* Receivers mostly: there are many, but what happens to senders matters. */
static uint32_t
draw_host(struct draw *d, bool receivers_only)
{
	uint32_t senders = d->s->senders, hosts = scene_hosts(d->s);

	if (hosts == senders || (!receivers_only && rng_below(&d->rng, 3) == 0))
		return (uint32_t)rng_below(&d->rng, senders);
	return senders + (uint32_t)rng_below(&d->rng, hosts - senders);
}

/* A window that no other of the kind touches; false: there is no room. */
static bool
draw_free(struct draw *d, enum kind kind, struct window *w)
{
	for (int i = 0; i < TRIES; i++) {
		w->host =
		    kind == K_PARTITION ? 0 : draw_host(d, kind == K_LEAVE);
		draw_window(d, w);
		if (is_free(d, w)) {
			d->taken[d->n_taken++] = *w;
			return true;
		}
	}
	return false;
}

static struct scene_event *
add_event(struct draw *d, enum verb verb, const struct window *w)
{
	struct scene_event *e = &d->s->ev[d->s->n_ev++];
	char name[SCENE_HOST_NAME];

	*e = (struct scene_event){
		.verb = verb,
		.at = w->at,
		.span = w->end - w->at,
	};
	(void)strlcpy(
	    e->hosts, scene_host_name(d->s, w->host, name), sizeof(e->hosts));
	return e;
}

/*
 * A daemon is started again at once, a host is down for a while.  What waits
 * for messages may come later than drawn, so no host does.
 */
static void
add_crash(struct draw *d, const struct window *w)
{
	struct scene_event *e = add_event(d, V_CRASH, w);

	e->arg = (int64_t)rng_below(&d->rng, SIM_DAEMONS);
	if (e->arg == SD_HOST)
		return;
	e->span = 0;
	if (rng_below(&d->rng, 2) == 0)
		e->messages = 1 + (uint32_t)rng_below(&d->rng, AFTER_MOST);
}

static void
add_emcon(struct draw *d, const struct window *w)
{
	add_event(d, V_EMCON, w)->arg =
	    rng_below(&d->rng, 2) == 0 ? EMCON_SILENT : EMCON_RECEIVE_ONLY;
}

/* One site against the rest, or one sender alone, or one receiver. */
static void
add_partition(struct draw *d, struct window *w)
{
	struct scene_event *e;
	char *dash;

	w->host = draw_host(d, false);
	e = add_event(d, V_PARTITION, w);
	if (w->host < d->s->senders || rng_below(&d->rng, 2) == 0)
		return;
	/* "scout-01-00007" becomes "scout-01-*" */
	dash = strrchr(e->hosts, '-');
	(void)strlcpy(dash, "-*", sizeof(e->hosts) - (size_t)(dash - e->hosts));
}

/* Half of those who leave come back. */
static void
add_leave(struct draw *d, const struct window *w)
{
	struct window back = { .host = w->host, .at = w->end, .end = w->end };

	add_event(d, V_LEAVE, w)->span = 0;
	if (rng_below(&d->rng, 2) == 0)
		(void)add_event(d, V_JOIN, &back);
}

static void
add_fault(struct draw *d, enum kind kind, struct window *w)
{
	switch (kind) {
	case K_CRASH:
		add_crash(d, w);
		break;
	case K_EMCON:
		add_emcon(d, w);
		break;
	case K_PARTITION:
		add_partition(d, w);
		break;
	case K_OUTAGE:
		(void)add_event(d, V_LINK_DOWN, w);
		break;
	case K_LEAVE:
		add_leave(d, w);
		break;
	}
}

static void
draw_kind(struct draw *d, enum kind kind, uint32_t n)
{
	struct window w;

	rng_init(&d->rng, d->s->seed, RNG_CHAOS, kind);
	d->n_taken = 0;
	for (uint32_t i = 0; i < n; i++)
		if (draw_free(d, kind, &w))
			add_fault(d, kind, &w);
}

int
scene_draw_chaos(struct scene *s)
{
	const struct scene_chaos c = s->chaos;
	size_t most = (size_t)c.crashes + c.emcons + c.partitions + c.outages +
		      2 * (size_t)c.leaves;
	struct draw d = { .s = s };
	struct scene_event *ev;
	int r;

	if (most == 0) {
		s->chaos = (struct scene_chaos){ .crashes = 0 };
		return 0;
	}
	ev = reallocarray(s->ev, s->n_ev + most, sizeof(*ev));
	if (ev == NULL)
		return -ENOMEM;
	s->ev = ev;
	d.taken = calloc(most, sizeof(*d.taken));
	if (d.taken == NULL)
		return -ENOMEM;
	draw_kind(&d, K_CRASH, c.crashes);
	draw_kind(&d, K_EMCON, c.emcons);
	draw_kind(&d, K_PARTITION, c.partitions);
	draw_kind(&d, K_OUTAGE, c.outages);
	draw_kind(&d, K_LEAVE, c.leaves);
	free(d.taken);
	r = events_sort(s->ev, s->n_ev);
	s->chaos = (struct scene_chaos){ .crashes = 0 };
	return r;
}
