/* SPDX-License-Identifier: ISC */
/*
 * Gathering an answer to STATUS_GET: dispatcherd and all key managers are
 * asked at once; what they say is passed on as it comes, and the rest follows
 * when all have ended or a second is over.  One gathering at a time serves
 * every client that asked before it began.
 */

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/log.h"
#include "groupd/ctl.h"

#define CLIENTS_MAX CTL_CLIENTS
#define SLOT_HOST 255
#define COUNTS_MAX 64 /* of one key manager, which may be taken over */
#define REFUSED_MAX 16
#define ANSWER_MS 1000
#define PAUSE_MS 50 /* between two: asking without end must not be all we do */

struct asker {
	uint32_t client, req;
};

struct gather {
	struct event *timeout, *pause;
	bool running;
	uint64_t ended_ms;
	uint32_t req;
	uint64_t missing; /* bit per key manager */
	bool missing_d;
	uint8_t counts[MIKE_SLOTS], refused[MIKE_SLOTS];
	struct asker now[CLIENTS_MAX], next[CLIENTS_MAX];
	size_t n_now, n_next;
};

static void gather_begin(struct gd *gd);
static void gather_end(struct gd *gd);

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	gather_end(arg);
}

static void
on_pause(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	gather_begin(arg);
}

struct gather *
gather_new(struct gd *gd)
{
	struct gather *ga = calloc(1, sizeof(*ga));

	if (ga == NULL ||
	    (ga->timeout = evtimer_new(gd->base, on_timeout, gd)) == NULL ||
	    (ga->pause = evtimer_new(gd->base, on_pause, gd)) == NULL)
		fatal("groupd: out of memory");
	return ga;
}

void
gather_free(struct gather **ga)
{
	event_free((*ga)->timeout);
	event_free((*ga)->pause);
	free(*ga);
	*ga = NULL;
}

/* To every client of this gathering, under the number it chose. */
static void
tell(struct gd *gd, struct msg *m, uint32_t *req)
{
	struct gather *ga = gd->gather;

	for (size_t i = 0; i < ga->n_now; i++) {
		*req = ga->now[i].req;
		ctl_send(gd->ctl, ga->now[i].client, m);
	}
}

static void
tell_count(struct gd *gd, const char *name, uint64_t value)
{
	struct msg m = { .type = MSG_COUNT };

	m.count.slot = SLOT_HOST;
	m.count.name = (struct chunk){ (const uint8_t *)name, strlen(name) };
	m.count.value = value;
	tell(gd, &m, &m.count.req);
}

static void
tell_daemon(struct gd *gd, const char *name, bool up)
{
	struct msg m = { .type = MSG_CTL_DAEMON };

	m.ctl_daemon.name =
	    (struct chunk){ (const uint8_t *)name, strlen(name) };
	m.ctl_daemon.up = up;
	tell(gd, &m, &m.ctl_daemon.req);
}

static struct chunk
text(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

/* Down is what ran and does not any more; before that it is starting. */
static uint8_t
state_of(const struct grp *g, const struct slot_edge *e)
{
	switch (g->life) {
	case L_LEFT:
		return GS_LEFT;
	case L_RUN:
	case L_PARTING:
		if (chan_is_up(e->c))
			return e->view.seen ? e->view.state : GS_STARTING;
		return e->was_up || g->restarts != 0 ? GS_DOWN : GS_STARTING;
	case L_STOPPING:
	case L_CLEARING:
	case L_SAVING_LEAVE:
	case L_ORPHAN:
	case L_RENEWING:
		return GS_DOWN;
	default:
		return GS_SECURING;
	}
}

static const char *
detail_of(const struct grp *g, const struct slot_edge *e)
{
	switch (g->life) {
	case L_LEFT:
		return g->forget ? "opened by an operator: traffic passes in "
				   "the clear until the next start"
				 : "";
	case L_RUN:
		if (!chan_is_up(e->c) && g->restarts != 0)
			return "the key manager has ended and is started again";
		return g->why[0] != '\0' ? g->why : e->view.detail;
	case L_ORPHAN:
		return "not in the policy any more; stays closed until it is "
		       "left or back in the policy";
	case L_RENEWING:
		return "its role or id has changed: it starts anew";
	case L_PARTING:
	case L_STOPPING:
	case L_CLEARING:
	case L_SAVING_LEAVE:
		return g->why[0] != '\0' ? g->why : "is just leaving";
	default:
		return g->why;
	}
}

static void
tell_group(struct gd *gd, const struct grp *g)
{
	const struct slot_edge *e = &gd->k[g->slot];
	const struct km_view *v = &e->view;
	struct msg m = { .type = MSG_CTL_GROUP };
	struct msg_ctl_group *c = &m.ctl_group;

	c->slot = g->slot;
	c->name = text(g->name);
	c->role = g->role;
	c->state = state_of(g, e);
	c->restarts = g->restarts;
	c->detail = text(detail_of(g, e));
	c->gcks = text("");
	if (grp_runs(g)) {
		c->generation = v->generation;
		c->step = v->step;
		c->key_age_s = v->key_age_s;
		c->key_left_s = v->key_left_s;
		c->gcks = text(v->gcks);
	}
	tell(gd, &m, &c->req);
}

static void
tell_own(struct gd *gd)
{
	struct msg host = { .type = MSG_CTL_HOST };
	struct router *r = &gd->router;
	char name[48];

	host.ctl_host.identity = text(gd->listed ? gd->identity : "");
	tell(gd, &host, &host.ctl_host.req);
	tell_daemon(gd, "policyd", chan_is_up(gd->p));
	tell_daemon(gd, "dispatcherd", chan_is_up(gd->d));
	tell_daemon(gd, "groupd", true);
	for (size_t i = 0; i < MIKE_SLOTS; i++)
		if (gd->t.g[i].life != L_NONE)
			tell_group(gd, &gd->t.g[i]);
	for (enum route_cause c = 0; c < RC_COUNT; c++) {
		(void)snprintf(
		    name, sizeof(name), "route.%s", route_cause_name(c));
		tell_count(gd, name, r->drops[c]);
	}
	tell_count(gd, "route.ipc-busy", gd->lost);
	tell_count(gd, "route.ipc-absent", gd->absent);
	tell_count(gd, "cookie.asked", r->drops[RC_COOKIE]);
	tell_count(gd, "cookie.accepted", r->cookies_good);
	tell_count(gd, "cookie.wrong", r->cookies_wrong);
	tell_count(gd, "cookie.under-load", load_is_high(&r->load, gd_now()));
}

/* Begin for those who wait; an empty list ends it. */
static void
gather_begin(struct gd *gd)
{
	struct timeval answer = { .tv_sec = ANSWER_MS / 1000 };
	struct gather *ga = gd->gather;
	struct msg m = { .type = MSG_STATUS_GET };

	memcpy(ga->now, ga->next, sizeof(ga->now));
	ga->n_now = ga->n_next;
	ga->n_next = 0;
	if (ga->n_now == 0)
		return;
	ga->running = true;
	m.status_get.req = ++ga->req;
	ga->missing_d = chan_is_up(gd->d) && chan_send(gd->d, &m) == 0;
	ga->missing = 0;
	memset(ga->counts, 0, sizeof(ga->counts));
	memset(ga->refused, 0, sizeof(ga->refused));
	for (size_t i = 0; i < MIKE_SLOTS; i++)
		if (chan_is_up(gd->k[i].c) && chan_send(gd->k[i].c, &m) == 0)
			ga->missing |= 1ULL << i;
	(void)event_add(ga->timeout, &answer);
	if (!ga->missing_d && ga->missing == 0)
		gather_end(gd);
}

/* Soon after the last one: a little later. */
static void
gather_next(struct gd *gd)
{
	struct timeval pause = { .tv_usec = PAUSE_MS * 1000 };
	struct gather *ga = gd->gather;

	if (ga->running || ga->n_next == 0)
		return;
	if (gd_now() - ga->ended_ms >= PAUSE_MS)
		gather_begin(gd);
	else if (!event_pending(ga->pause, EV_TIMEOUT, NULL))
		(void)event_add(ga->pause, &pause);
}

static void
gather_end(struct gd *gd)
{
	struct gather *ga = gd->gather;
	struct msg end = { .type = MSG_STATUS_END };

	event_del(ga->timeout);
	tell_own(gd);
	tell(gd, &end, &end.status_end.req);
	ga->running = false;
	ga->ended_ms = gd_now();
	ga->n_now = 0;
	gather_next(gd);
}

void
gather_ask(struct gd *gd, uint32_t client, uint32_t req)
{
	struct gather *ga = gd->gather;

	for (size_t i = 0; i < ga->n_next; i++) {
		if (ga->next[i].client == client) { /* one answer for both */
			ga->next[i].req = req;
			return;
		}
	}
	must(ga->n_next < CLIENTS_MAX);
	ga->next[ga->n_next++] = (struct asker){ client, req };
	gather_next(gd);
}

static void
forget(struct asker *v, size_t *n, uint32_t client)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++)
		if (v[i].client != client)
			v[kept++] = v[i];
	*n = kept;
}

void
gather_forget(struct gd *gd, uint32_t client)
{
	struct gather *ga = gd->gather;

	forget(ga->now, &ga->n_now, client);
	forget(ga->next, &ga->n_next, client);
}

void
gather_msg(struct gd *gd, int slot, const struct msg *m)
{
	struct gather *ga = gd->gather;
	struct msg out = *m;

	if (!ga->running)
		return;
	if (m->type == MSG_COUNT && m->count.req == ga->req) {
		if (slot >= 0) {
			if (ga->counts[slot] >= COUNTS_MAX)
				return;
			ga->counts[slot]++;
			/* Never what it says itself. */
			out.count.slot = (uint8_t)slot;
		}
		tell(gd, &out, &out.count.req);
	} else if (m->type == MSG_REFUSED && m->refused.req == ga->req) {
		if (slot < 0 || ga->refused[slot] >= REFUSED_MAX)
			return;
		ga->refused[slot]++;
		out.refused.slot = (uint8_t)slot;
		tell(gd, &out, &out.refused.req);
	} else if (m->type == MSG_SA_STAT && m->sa_stat.req == ga->req) {
		tell(gd, &out, &out.sa_stat.req);
	} else if (m->type == MSG_STATUS_END && m->status_end.req == ga->req) {
		if (slot < 0)
			ga->missing_d = false;
		else
			ga->missing &= ~(1ULL << slot);
		if (!ga->missing_d && ga->missing == 0)
			gather_end(gd);
	}
}
