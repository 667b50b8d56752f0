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

#include "common/crypto.h"
#include "common/log.h"

/* An answer that is waited for is asked for again after this time. */
#define AGAIN_MS 200
#define IDLE_MS 1000
/* For a receiver's good-bye to its key server; it leaves with or without. */
#define PART_MS 3000
/* Octets of datagrams for a slow peer; and that of answers of our own. */
#define WAITING_MAX (256 * 1024)
#define WAITING_OWN (64 * 1024)

uint64_t
gd_now(void)
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
		m.spd_set.req = grp_req(g);
		m.spd_set.slot = g->slot;
	} else {
		m.type = MSG_SPD_CLEAR;
		m.spd_clear.req = grp_req(g);
		m.spd_clear.slot = g->slot;
	}
	ask(gd->d, &m);
}

void
gd_clear(struct gd *gd, uint8_t slot)
{
	struct grp none = { .slot = slot };

	ask_spd(gd, &none, false);
}

static void
ask_joined(struct gd *gd, const struct grp *g, bool joined)
{
	struct msg m = { .type = MSG_JOINED_SET };

	m.joined_set.req = grp_req(g);
	m.joined_set.slot = g->slot;
	m.joined_set.joined = joined;
	ask(gd->p, &m);
}

static void
ask_leave(struct gd *gd, const struct grp *g)
{
	struct slot_edge *e = &gd->k[g->slot];
	struct msg m = { .type = MSG_LEAVE, .leave.req = grp_req(g) };

	e->part_ms = gd_now();
	/* With nobody to say it, the next tick goes on. */
	if (chan_send(e->c, &m) != 0)
		e->part_ms -= PART_MS;
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
		gd->k[g->slot].was_up = false;
		spawn_say(gd, 'S', g->slot);
		break;
	case GF_STOP:
		spawn_say(gd, 'K', g->slot);
		break;
	case GF_PART:
		ask_leave(gd, g);
		break;
	}
}

static void
say_life(const struct grp *g)
{
	switch (g->life) {
	case L_RUN:
		log_info("group.run group=%s slot=%u", g->name, g->slot);
		break;
	case L_NONE:
	case L_LEFT:
		log_info("group.left group=%s slot=%u%s", g->name, g->slot,
		    g->forget ? " until=start" : "");
		break;
	case L_ORPHAN:
		log_warn("group.orphan group=%s slot=%u: not in the policy any "
			 "more; its kernel policies stay until it is left",
		    g->name, g->slot);
		break;
	case L_RENEWING:
		log_warn("group.renew group=%s slot=%u: another role or id by "
			 "the policy; its key manager starts anew",
		    g->name, g->slot);
		break;
	default:
		log_debug("group.life group=%s life=%d", g->name, (int)g->life);
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
	if (g->life != was)
		say_life(g);
	/*
	 * One that has crashed is told to go, too: it is about to be started
	 * again, and what it has sealed must be erased.
	 */
	if (g->life == L_CLEARING && was != L_CLEARING && was != L_STOPPING)
		spawn_say(gd, 'K', g->slot);
	effect(gd, g, fx);
	if (g->waiting && grp_settled(g))
		ctl_settled(gd->ctl, g);
	return 0;
}

/* Refusals repeat until their cause is gone: only what is new is said. */
static void
refused(struct grp *g, const struct msg_result *r)
{
	char why[sizeof(g->why)];

	(void)snprintf(why, sizeof(why), "%.*s", (int)r->text.len,
	    (const char *)r->text.p);
	if (strcmp(why, g->why) == 0)
		return;
	memcpy(g->why, why, sizeof(why));
	log_warn("group.refused group=%s slot=%u status=%u why=\"%s\"", g->name,
	    g->slot, r->status, g->why);
}

static void
on_result(struct gd *gd, const struct msg_result *r)
{
	struct grp *g = groups_asker(&gd->t, r->req);

	if (g == NULL)
		return;
	if (r->status != ST_OK)
		refused(g, r);
	else
		g->why[0] = '\0';
	if (gd_step(gd, g, r->status == ST_OK ? E_DONE : E_FAIL) != 0)
		log_debug("group.late group=%s", g->name);
}

/*
 * Datagrams are sent again by whoever needs an answer.  A burst of them waits
 * for a peer that is behind; answers that anybody can ask for are lost first.
 */
static void
try(struct gd *gd, struct chan *c, const struct msg *m, size_t max)
{
	int r = chan_waiting(c) < max ? chan_send(c, m) : -EAGAIN;

	if (r == -ENOTCONN)
		gd->absent++;
	else if (r != 0)
		gd->lost++;
}

static void
on_dgram_in(struct gd *gd, const struct msg *m)
{
	struct msg out = *m;
	struct addr peer;
	struct route to;

	if (addr_from(&peer, m->dgram_in.peer.p, m->dgram_in.peer.len) != 0)
		fatal("ipc DGRAM_IN: address of %zu octets",
		    m->dgram_in.peer.len);
	route_dgram(
	    &gd->router, &gd->t, m->dgram_in.data, &peer, gd_now(), &to);
	if (to.to == RT_DROP)
		return;
	if (to.to == RT_SLOT) {
		try(gd, gd->k[to.slot].c, m, WAITING_MAX);
		return;
	}
	out.type = MSG_DGRAM_OUT;
	out.dgram_out = (struct msg_dgram_out){ .local = m->dgram_in.local,
		.local_port = m->dgram_in.local_port,
		.peer = m->dgram_in.peer,
		.peer_port = m->dgram_in.peer_port,
		.data = { to.reply, to.reply_len } };
	try(gd, gd->d, &out, WAITING_OWN);
}

/*
 * All groups are named.  What runs and is not among them is ended: a group that
 * the text has lost, or a key manager that outlived a groupd that knew it.
 */
static void
on_groups_end(struct gd *gd)
{
	groups_end(&gd->t);
	for (uint8_t i = 0; i < MIKE_SLOTS; i++) {
		struct grp *g = &gd->t.g[i];

		if (g->running && (g->life == L_NONE || g->life == L_LEFT))
			spawn_say(gd, 'K', i);
		if (!g->named &&
		    (g->life == L_RUN || g->life == L_SPD ||
			g->life == L_RENEWING) &&
		    gd_step(gd, g, E_DROP) != 0)
			fatal("group.step: broken table");
	}
	gd->listed = true;
}

static void
on_groups(struct gd *gd, const struct msg_group *m)
{
	struct grp_conf c = { .slot = m->slot,
		.role = m->role,
		.joined = m->joined != 0,
		.foreign = m->foreign,
		.name = m->name,
		.id = m->id };
	enum grp_fx fx;
	struct grp *g;

	if (groups_set(&gd->t, &c, &fx) != 0)
		fatal("group.set: policyd's group of slot %u is not usable",
		    m->slot);
	g = groups_slot(&gd->t, m->slot);
	if (g->life == L_RENEWING)
		say_life(g);
	effect(gd, g, fx);
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
		if (m->acquire.slot < MIKE_SLOTS)
			try(gd, gd->k[m->acquire.slot].c, m, WAITING_OWN);
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
		groups_begin(&gd->t);
		load_limit(&gd->router.load, m->groups_begin.cookie_above);
		(void)snprintf(gd->identity, sizeof(gd->identity), "%.*s",
		    (int)m->groups_begin.identity.len,
		    (const char *)m->groups_begin.identity.p);
		break;
	case MSG_GROUP:
		on_groups(gd, &m->group);
		break;
	case MSG_GROUPS_END:
		on_groups_end(gd);
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

/* What a key manager may say of itself; whether it runs, we see ourselves. */
static const char *
km_state_word(uint8_t state)
{
	static const char *const words[] = {
		[GS_STARTING] = "starting",
		[GS_REGISTERING] = "registering",
		[GS_KEYED] = "keyed",
		[GS_NO_ESP] = "no-esp",
	};

	return state < NITEMS(words) ? words[state] : NULL;
}

static void
on_km_state(struct slot_edge *e, const struct msg_km_state *s)
{
	struct km_view *v = &e->view;
	struct grp *g = groups_slot(&e->gd->t, e->slot);
	const char *word = km_state_word(s->state);

	if (word == NULL)
		return;
	if (g != NULL && (!v->seen || v->state != s->state))
		log_info("group.state group=%s slot=%u state=%s", g->name,
		    e->slot, word);
	v->seen = true;
	v->state = s->state;
	v->generation = s->generation;
	v->step = s->step;
	v->key_age_s = s->key_age_s;
	v->key_left_s = s->key_left_s;
	text_keep(v->gcks, sizeof(v->gcks), s->gcks);
	text_keep(v->detail, sizeof(v->detail), s->detail);
}

/* An answer that comes late, or about another group, means nothing. */
static void
on_left(struct gd *gd, struct grp *g, uint8_t slot)
{
	if (g == NULL || g->slot != slot || g->life != L_PARTING)
		return;
	if (gd_step(gd, g, E_PARTED) != 0)
		fatal("group.step: broken table");
}

static void
on_keymgrd(void *arg, const struct msg *m)
{
	struct slot_edge *e = arg;
	struct gd *gd = e->gd;

	switch (m->type) {
	case MSG_DGRAM_OUT:
		if (route_out_ok(
			&gd->router, &gd->t.g[e->slot], m->dgram_out.data))
			try(gd, gd->d, m, WAITING_MAX);
		break;
	case MSG_LEFT:
		on_left(gd, groups_asker(&gd->t, m->left.req), e->slot);
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
		if (gd_step(gd, &gd->t.g[i], E_LOST) != 0)
			fatal("group.step: broken table");
}

/* Its successor tells us anew. */
static void
down_keymgrd(void *arg)
{
	struct slot_edge *e = arg;

	e->view = (struct km_view){ 0 };
	e->was_up = true;
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
part_check(struct gd *gd, struct grp *g)
{
	const struct slot_edge *e = &gd->k[g->slot];

	if (g->life != L_PARTING ||
	    (chan_is_up(e->c) && gd_now() - e->part_ms < PART_MS))
		return;
	log_warn(
	    "group.leave group=%s: without a word to its key server", g->name);
	if (gd_step(gd, g, E_PARTED) != 0)
		fatal("group.step: broken table");
}

static void
cookies_check(struct gd *gd)
{
	struct router *r = &gd->router;
	uint8_t secret[COOKIE_SECRET_LEN];
	uint64_t now = gd_now();
	bool high = load_is_high(&r->load, now);

	if (cookie_due(&r->jar, now)) {
		if (crypto_rand(secret, sizeof(secret)) != 0)
			fatal("cookie: no randomness from OpenSSL");
		cookie_renew(&r->jar, secret, now);
		explicit_bzero(secret, sizeof(secret));
	}
	if (high && !gd->said_load)
		log_warn("load.high more than %u requests/s: each new peer is "
			 "asked for a cookie",
		    r->load.above);
	else if (!high && gd->said_load)
		log_info("load.calm cookies asked for so far: %llu",
		    (unsigned long long)r->drops[RC_COOKIE]);
	gd->said_load = high;
}

/* What is waited for is asked again; see core/groups.h. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct timeval next = { .tv_sec = IDLE_MS / 1000 };
	struct gd *gd = arg;
	bool again = !gd->listed;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < MIKE_SLOTS; i++) {
		struct grp *g = &gd->t.g[i];

		if (gd_step(gd, g, E_TICK) != 0)
			fatal("group.step: broken table");
		part_check(gd, g);
		again = again || !grp_settled(g) ||
			(g->life == L_RUN && !g->closed);
	}
	if (!gd->listed && chan_is_up(gd->p))
		up_policyd(gd);
	cookies_check(gd);
	ctl_tick(gd->ctl);
	if (again)
		next = (struct timeval){ .tv_usec = AGAIN_MS * 1000 };
	(void)event_add(gd->tick, &next);
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
	static const struct chan_ops k = { nothing, down_keymgrd, on_keymgrd };
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
