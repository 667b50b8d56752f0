/* SPDX-License-Identifier: ISC */
/* Edges, datagrams and the life of groups. */

#include "groupd/gd.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "common/ike/hdr.h"
#include "common/log.h"

/* Requests carry what they are about: an answer needs no table. */
enum {
	REQ_SPD_SET = 0x100,
	REQ_SPD_CLEAR = 0x200,
	REQ_JOIN = 0x300,
	REQ_LEAVE = 0x400,
	REQ_KIND = 0xff00
};

static uint64_t
now_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		fatal("clock: %s", strerror(errno));
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Asked again at the next tick when it cannot be sent. */
static void
ask(struct chan *c, const struct msg *m)
{
	if (chan_send(c, m) != 0)
		log_debug("ipc.wait msg=%s", msg_name(m->type));
}

static void
ask_spd(struct gd *gd, const struct grp *g, bool set)
{
	struct msg m = { 0 };

	if (set) {
		m.type = MSG_SPD_SET;
		m.spd_set.req = REQ_SPD_SET | g->slot;
		m.spd_set.slot = g->slot;
	} else {
		m.type = MSG_SPD_CLEAR;
		m.spd_clear.req = REQ_SPD_CLEAR | g->slot;
		m.spd_clear.slot = g->slot;
	}
	ask(gd->d, &m);
}

static void
ask_joined(struct gd *gd, const struct grp *g, bool joined)
{
	struct msg m = { .type = MSG_JOINED_SET };

	m.joined_set.req = (joined ? REQ_JOIN : REQ_LEAVE) | (uint32_t)g->slot;
	m.joined_set.slot = g->slot;
	m.joined_set.joined = joined;
	ask(gd->p, &m);
}

static void
effect(struct gd *gd, const struct grp *g, enum grp_fx fx)
{
	switch (fx) {
	case GF_NONE:
		break;
	case GF_SAVE_JOIN:
		ask_joined(gd, g, true);
		break;
	case GF_SAVE_LEAVE:
		ask_joined(gd, g, false);
		break;
	case GF_SPD_SET:
		ask_spd(gd, g, true);
		break;
	case GF_SPD_CLEAR:
		ask_spd(gd, g, false);
		break;
	case GF_START:
		spawn_say(gd, 'S', g->slot);
		break;
	case GF_STOP:
		spawn_say(gd, 'K', g->slot);
		break;
	}
}

int
gd_step(struct gd *gd, struct grp *g, enum life_ev ev)
{
	enum life was = g->life;
	enum grp_fx fx;
	int r;

	if ((r = grp_step(g, ev, &fx)) != 0)
		return r;
	effect(gd, g, fx);
	if (g->life != was && g->life == L_RUN)
		log_info("group.run group=%s slot=%u", g->name, g->slot);
	if (g->life != was && g->life == L_LEFT)
		log_info("group.left group=%s%s", g->name,
		    g->forget ? " until the next start" : "");
	if (g->waiting && grp_settled(g))
		ctl_settled(gd->ctl, g);
	return 0;
}

/* Which answer a state waits for; others come late and mean nothing. */
static uint32_t
awaited(enum life life)
{
	switch (life) {
	case L_SAVING_JOIN:
		return REQ_JOIN;
	case L_SPD:
		return REQ_SPD_SET;
	case L_CLEARING:
		return REQ_SPD_CLEAR;
	case L_SAVING_LEAVE:
		return REQ_LEAVE;
	default:
		return 0;
	}
}

static void
on_result(struct gd *gd, const struct msg_result *r)
{
	struct grp *g = groups_slot(&gd->t, (uint8_t)(r->req & 0xff));
	enum life_ev ev = r->status == ST_OK ? E_DONE : E_FAIL;

	if (g == NULL)
		return;
	if (ev == E_FAIL) {
		(void)snprintf(g->why, sizeof(g->why), "%.*s", (int)r->text.len,
		    (const char *)r->text.p);
		log_warn("group.refused group=%s status=%u why=\"%s\"", g->name,
		    r->status, g->why);
	}
	if ((r->req & REQ_KIND) == awaited(g->life) && gd_step(gd, g, ev) != 0)
		fatal("group.step group=%s: broken table", g->name);
}

static void
on_dgram_in(struct gd *gd, const struct msg *m)
{
	struct msg out = *m;
	struct route to;

	route_dgram(&gd->router, &gd->t, m->dgram_in.data, now_ms(), &to);
	if (to.to == RT_DROP)
		return;
	if (to.to == RT_SLOT) {
		if (chan_try(gd->k[to.slot].c, m) != 0)
			gd->lost++;
		return;
	}
	out.type = MSG_DGRAM_OUT;
	out.dgram_out = (struct msg_dgram_out){ .local = m->dgram_in.local,
		.local_port = m->dgram_in.local_port,
		.peer = m->dgram_in.peer,
		.peer_port = m->dgram_in.peer_port,
		.data = { to.reply, sizeof(to.reply) } };
	if (chan_try(gd->d, &out) != 0)
		gd->lost++;
}

static void
on_groups(struct gd *gd, const struct msg_group *m)
{
	struct grp_conf c = { .slot = m->slot,
		.role = m->role,
		.joined = m->joined != 0,
		.name = m->name,
		.id = m->id };
	enum grp_fx fx;

	if (groups_set(&gd->t, &c, &fx) != 0)
		fatal("group.set: policyd's group of slot %u is not usable",
		    m->slot);
	effect(gd, groups_slot(&gd->t, m->slot), fx);
}

static void
on_dispatcherd(void *arg, const struct msg *m)
{
	struct gd *gd = arg;

	switch (m->type) {
	case MSG_DGRAM_IN:
		on_dgram_in(gd, m);
		break;
	case MSG_ACQUIRE:
		if (m->acquire.slot < MIKE_SLOTS &&
		    chan_try(gd->k[m->acquire.slot].c, m) != 0)
			gd->lost++;
		break;
	case MSG_RESULT:
		on_result(gd, &m->result);
		break;
	default:
		gather_msg(gd, -1, m);
	}
}

static void
on_policyd(void *arg, const struct msg *m)
{
	struct gd *gd = arg;

	switch (m->type) {
	case MSG_GROUPS_BEGIN:
		(void)snprintf(gd->identity, sizeof(gd->identity), "%.*s",
		    (int)m->groups_begin.identity.len,
		    (const char *)m->groups_begin.identity.p);
		break;
	case MSG_GROUP:
		on_groups(gd, &m->group);
		break;
	case MSG_RESULT:
		on_result(gd, &m->result);
		break;
	default:
		break;
	}
}

static void
text_keep(char *to, size_t size, struct chunk from)
{
	(void)snprintf(to, size, "%.*s", (int)from.len, (const char *)from.p);
}

static void
on_km_state(struct slot_edge *e, const struct msg_km_state *s)
{
	struct km_view *v = &e->view;
	struct grp *g = groups_slot(&e->gd->t, e->slot);

	if (g != NULL && (!v->seen || v->state != s->state))
		log_info("group.state group=%s state=%u", g->name, s->state);
	v->seen = true;
	v->state = s->state;
	v->generation = s->generation;
	v->step = s->step;
	v->key_age_s = s->key_age_s;
	v->key_left_s = s->key_left_s;
	text_keep(v->gcks, sizeof(v->gcks), s->gcks);
	text_keep(v->detail, sizeof(v->detail), s->detail);
}

static void
on_keymgrd(void *arg, const struct msg *m)
{
	struct slot_edge *e = arg;
	struct gd *gd = e->gd;

	switch (m->type) {
	case MSG_DGRAM_OUT:
		if (!route_out_ok(m->dgram_out.data, e->slot))
			gd->forged++;
		else if (chan_try(gd->d, m) != 0)
			gd->lost++;
		break;
	case MSG_KM_STATE:
		on_km_state(e, &m->km_state);
		break;
	default:
		gather_msg(gd, e->slot, m);
	}
}

static void
up_policyd(void *arg)
{
	struct gd *gd = arg;
	struct msg m = { .type = MSG_GROUPS_GET };

	ask(gd->p, &m);
}

/* A new dispatcherd: see to it that the policies still stand. */
static void
up_dispatcherd(void *arg)
{
	struct gd *gd = arg;

	for (size_t i = 0; i < MIKE_SLOTS; i++)
		if (gd->t.g[i].life == L_RUN || gd->t.g[i].life == L_SPD)
			ask_spd(gd, &gd->t.g[i], true);
}

static void
nothing(void *arg)
{
	(void)arg;
}

/* What is waited for is asked again; see core/groups.h. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct timeval second = { .tv_sec = 1 };
	struct gd *gd = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < MIKE_SLOTS; i++)
		if (gd->t.g[i].life != L_NONE &&
		    gd_step(gd, &gd->t.g[i], E_TICK) != 0)
			fatal("group.step: broken table");
	if (gd->identity[0] == '\0' && chan_is_up(gd->p))
		up_policyd(gd);
	(void)event_add(gd->tick, &second);
}

struct gd *
gd_new(const struct opts *o, struct event_base *base)
{
	struct gd *gd = calloc(1, sizeof(*gd));

	if (gd == NULL || (gd->tick = evtimer_new(base, on_tick, gd)) == NULL)
		fatal("groupd: out of memory");
	gd->o = o;
	gd->base = base;
	router_init(&gd->router);
	gd->gather = gather_new(gd);
	return gd;
}

static void
edge_open(struct gd *gd, struct chan **to, enum peer remote, const char *dir,
    const struct chan_ops *ops)
{
	char path[PATH_MAX];
	struct chan_conf c = {
		.self = PEER_GROUPD, .remote = remote, .path = path
	};

	if ((size_t)snprintf(path, sizeof(path), "%s/edge/%s/s", gd->o->run,
		dir) >= sizeof(path))
		fatal("run directory: name too long");
	*to = chan_new(gd->base, &c, ops, gd);
}

void
gd_open_channels(struct gd *gd)
{
	static const struct chan_ops d = { up_dispatcherd, nothing,
		on_dispatcherd };
	static const struct chan_ops p = { up_policyd, nothing, on_policyd };
	static const struct chan_ops k = { nothing, nothing, on_keymgrd };
	char path[PATH_MAX];
	struct chan_conf c = { .self = PEER_GROUPD,
		.remote = PEER_KEYMGRD,
		.path = path,
		.bind = true };

	edge_open(gd, &gd->d, PEER_DISPATCHERD, "gd", &d);
	edge_open(gd, &gd->p, PEER_POLICYD, "gp", &p);
	for (uint8_t i = 0; i < MIKE_SLOTS; i++) {
		struct slot_edge *e = &gd->k[i];

		e->gd = gd;
		e->slot = i;
		if ((size_t)snprintf(path, sizeof(path), "%s/edge/k%02u/g/s",
			gd->o->run, i) >= sizeof(path))
			fatal("run directory: name too long");
		e->c = chan_new(gd->base, &c, &k, e);
	}
	on_tick(-1, 0, gd);
}
