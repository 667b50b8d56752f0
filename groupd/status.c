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
#include "groupd/gd.h"

#define CLIENTS_MAX 16
#define SLOT_HOST 255

struct asker {
	uint32_t client, req;
};

struct gather {
	struct event *timeout;
	bool running;
	uint32_t req;
	uint64_t missing; /* bit per key manager */
	bool missing_d;
	struct asker now[CLIENTS_MAX], next[CLIENTS_MAX];
	size_t n_now, n_next;
};

static void gather_end(struct gd *gd);

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	gather_end(arg);
}

struct gather *
gather_new(struct gd *gd)
{
	struct gather *ga = calloc(1, sizeof(*ga));

	if (ga == NULL ||
	    (ga->timeout = evtimer_new(gd->base, on_timeout, gd)) == NULL)
		fatal("groupd: out of memory");
	return ga;
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

static uint8_t
state_of(const struct grp *g, const struct slot_edge *e)
{
	switch (g->life) {
	case L_LEFT:
		return GS_LEFT;
	case L_RUN:
		if (chan_is_up(e->c))
			return e->view.seen ? e->view.state : GS_STARTING;
		return e->view.seen ? GS_DOWN : GS_STARTING;
	case L_STOPPING:
	case L_CLEARING:
	case L_SAVING_LEAVE:
		return GS_DOWN;
	default:
		return GS_STARTING;
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
	c->detail = text(g->why);
	if (g->life == L_RUN) {
		c->generation = v->generation;
		c->step = v->step;
		c->key_age_s = v->key_age_s;
		c->key_left_s = v->key_left_s;
		c->gcks = text(v->gcks);
		c->detail = text(v->detail);
	}
	tell(gd, &m, &c->req);
}

static void
tell_own(struct gd *gd)
{
	struct msg host = { .type = MSG_CTL_HOST };
	char name[48];

	host.ctl_host.identity = text(gd->identity);
	tell(gd, &host, &host.ctl_host.req);
	tell_daemon(gd, "policyd", chan_is_up(gd->p));
	tell_daemon(gd, "dispatcherd", chan_is_up(gd->d));
	tell_daemon(gd, "groupd", true);
	for (size_t i = 0; i < MIKE_SLOTS; i++)
		if (gd->t.g[i].life != L_NONE)
			tell_group(gd, &gd->t.g[i]);
	for (enum route_cause c = 0; c < RC_COUNT; c++) {
		(void)snprintf(
		    name, sizeof(name), "drop.%s", route_cause_name(c));
		tell_count(gd, name, gd->router.drops[c]);
	}
	tell_count(gd, "drop.ipc-busy", gd->lost);
	tell_count(gd, "drop.forged-spi", gd->forged);
}

/* Begin for those who wait; an empty list ends it. */
static void
gather_begin(struct gd *gd)
{
	struct timeval second = { .tv_sec = 1 };
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
	for (size_t i = 0; i < MIKE_SLOTS; i++)
		if (chan_is_up(gd->k[i].c) && chan_send(gd->k[i].c, &m) == 0)
			ga->missing |= 1ULL << i;
	(void)event_add(ga->timeout, &second);
	if (!ga->missing_d && ga->missing == 0)
		gather_end(gd);
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
	ga->n_now = 0;
	gather_begin(gd);
}

void
gather_ask(struct gd *gd, uint32_t client, uint32_t req)
{
	struct gather *ga = gd->gather;

	if (ga->n_next == CLIENTS_MAX)
		return; /* as many as there can be clients: it asks twice */
	ga->next[ga->n_next++] = (struct asker){ client, req };
	if (!ga->running)
		gather_begin(gd);
}

void
gather_msg(struct gd *gd, int slot, const struct msg *m)
{
	struct gather *ga = gd->gather;
	struct msg out = *m;

	if (!ga->running)
		return;
	if (m->type == MSG_COUNT && m->count.req == ga->req) {
		if (slot >= 0) /* never what it says itself */
			out.count.slot = (uint8_t)slot;
		tell(gd, &out, &out.count.req);
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
