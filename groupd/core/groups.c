/* SPDX-License-Identifier: ISC */
#include "groupd/core/groups.h"

#include <errno.h>
#include <string.h>

/* What a state asks for when it is entered, and again on each tick. */
static const struct {
	enum grp_fx ask;
	bool again;
} states[] = {
	[L_NONE] = { GF_NONE, false },
	[L_LEFT] = { GF_NONE, false },
	[L_SAVING_JOIN] = { GF_SAVE_JOIN, true },
	[L_SPD] = { GF_SPD_SET, true },
	[L_RUN] = { GF_START, false },
	[L_STOPPING] = { GF_STOP, true },
	[L_CLEARING] = { GF_SPD_CLEAR, true },
	[L_SAVING_LEAVE] = { GF_SAVE_LEAVE, true },
	[L_ORPHAN] = { GF_STOP, false },
	[L_PARTING] = { GF_PART, false },
	[L_RENEWING] = { GF_STOP, true },
};

/* A pair that is not listed is an error, not a no-op. */
static const struct {
	enum life at;
	enum life_ev ev;
	enum life to;
} edges[] = {
	{ L_LEFT, E_JOIN, L_SAVING_JOIN },
	{ L_SAVING_JOIN, E_DONE, L_SPD },
	{ L_SAVING_JOIN, E_FAIL, L_LEFT },
	{ L_SPD, E_DONE, L_RUN },
	{ L_SPD, E_LEAVE, L_STOPPING },
	{ L_SPD, E_OPEN, L_STOPPING },
	{ L_SPD, E_DROP, L_ORPHAN },
	{ L_RUN, E_LEAVE, L_PARTING },
	{ L_RUN, E_OPEN, L_STOPPING },
	{ L_RUN, E_DROP, L_ORPHAN },
	{ L_RUN, E_CHANGED, L_RENEWING },
	{ L_PARTING, E_PARTED, L_STOPPING },
	{ L_PARTING, E_GONE, L_STOPPING },
	{ L_PARTING, E_OPEN, L_STOPPING },
	{ L_RENEWING, E_GONE, L_SPD },
	{ L_RENEWING, E_LEAVE, L_STOPPING },
	{ L_RENEWING, E_OPEN, L_STOPPING },
	{ L_RENEWING, E_DROP, L_ORPHAN },
	{ L_ORPHAN, E_LEAVE, L_STOPPING },
	{ L_ORPHAN, E_OPEN, L_STOPPING },
	{ L_STOPPING, E_GONE, L_CLEARING },
	/* It is still on record as a member: closing it again is enough. */
	{ L_CLEARING, E_JOIN, L_SPD },
	{ L_CLEARING, E_DONE, L_SAVING_LEAVE },
	{ L_SAVING_LEAVE, E_DONE, L_LEFT },
};

static void
enter(struct grp *g, enum life to, enum grp_fx *fx)
{
	/* Nobody who could say good-bye, or to whom. */
	if (to == L_PARTING && (!g->running || g->role != ROLE_RECEIVER))
		to = L_STOPPING;
	if (to == L_RENEWING && !g->running)
		to = L_SPD;
	/* Nothing to stop: go on at once.  Nothing to record: likewise. */
	if (to == L_STOPPING && !g->running)
		to = L_CLEARING;
	if (to == L_SAVING_LEAVE && !g->named)
		to = L_NONE;
	if (to == L_SAVING_LEAVE && g->forget)
		to = L_LEFT;
	g->life = to;
	g->closed = to == L_RUN;
	g->asked++;
	*fx = states[to].ask;
}

/* What is still open; a running group may have to be closed again. */
static enum grp_fx
ask_again(const struct grp *g)
{
	if (g->life == L_RUN)
		return g->closed ? GF_NONE : GF_SPD_SET;
	return states[g->life].again ? states[g->life].ask : GF_NONE;
}

/* Events that do not move a group; false: look into the table. */
static bool
stay(struct grp *g, enum life_ev ev, enum grp_fx *fx)
{
	if (ev == E_LOST) {
		g->closed = false;
		g->asked++;
	} else if (ev == E_DONE && g->life == L_RUN && !g->closed) {
		g->closed = true;
		g->asked++;
	} else if (ev == E_FAIL) {
		return g->life != L_SAVING_JOIN;
	} else if (ev != E_TICK) {
		return false;
	}
	*fx = ask_again(g);
	return true;
}

int
grp_step(struct grp *g, enum life_ev ev, enum grp_fx *fx)
{
	*fx = GF_NONE;
	if (stay(g, ev, fx))
		return 0;
	if (ev == E_JOIN && !g->named)
		return -EPROTO;
	for (size_t i = 0; i < NITEMS(edges); i++) {
		if (edges[i].at != g->life || edges[i].ev != ev)
			continue;
		/* One that is leaving for good does so. */
		if (ev == E_LEAVE || (ev == E_OPEN && g->life != L_PARTING))
			g->forget = ev == E_OPEN;
		if (ev != E_FAIL)
			g->why[0] = '\0';
		enter(g, edges[i].to, fx);
		return 0;
	}
	return -EPROTO;
}

bool
grp_settled(const struct grp *g)
{
	return g->life == L_NONE || g->life == L_LEFT || g->life == L_RUN ||
	       g->life == L_ORPHAN;
}

bool
grp_runs(const struct grp *g)
{
	return g->life == L_RUN || g->life == L_PARTING;
}

uint32_t
grp_req(const struct grp *g)
{
	return g->asked << 8 | g->slot;
}

struct grp *
groups_asker(struct groups *t, uint32_t req)
{
	struct grp *g = groups_slot(t, (uint8_t)req);

	return g != NULL && grp_req(g) == req ? g : NULL;
}

struct grp *
groups_slot(struct groups *t, uint8_t slot)
{
	if (slot >= MIKE_SLOTS || t->g[slot].life == L_NONE)
		return NULL;
	return &t->g[slot];
}

struct grp *
groups_find(struct groups *t, const char *name, size_t len)
{
	for (size_t i = 0; i < MIKE_SLOTS; i++)
		if (t->g[i].life != L_NONE && strlen(t->g[i].name) == len &&
		    memcmp(t->g[i].name, name, len) == 0)
			return &t->g[i];
	return NULL;
}

void
groups_begin(struct groups *t)
{
	for (size_t i = 0; i < MIKE_SLOTS; i++)
		t->g[i].listed = false;
}

void
groups_end(struct groups *t)
{
	for (size_t i = 0; i < MIKE_SLOTS; i++) {
		struct grp *g = &t->g[i];

		g->named = g->listed;
		if (!g->named && g->life == L_LEFT)
			g->life = L_NONE;
	}
}

static bool
is_usable(const struct grp_conf *c)
{
	const struct grp *g;

	if (c->slot >= MIKE_SLOTS || c->name.len == 0 ||
	    c->name.len >= sizeof(g->name) || c->id.len == 0 ||
	    c->id.len > sizeof(g->id))
		return false;
	if (c->role != ROLE_SENDER && c->role != ROLE_RECEIVER)
		return false;
	return c->foreign == 0 || (c->foreign == 1 && c->role == ROLE_SENDER);
}

/* Is this another group than the one whose key manager runs? */
static bool
is_another(const struct grp *g, const struct grp_conf *c)
{
	return g->role != c->role || g->id_len != c->id.len ||
	       memcmp(g->id, c->id.p, c->id.len) != 0;
}

int
groups_set(struct groups *t, const struct grp_conf *c, enum grp_fx *fx)
{
	struct grp *g;
	bool renew;

	*fx = GF_NONE;
	if (!is_usable(c))
		return -EINVAL;
	g = &t->g[c->slot];
	renew = g->life == L_RUN && is_another(g, c);
	memcpy(g->name, c->name.p, c->name.len);
	g->name[c->name.len] = '\0';
	memcpy(g->id, c->id.p, c->id.len);
	g->id_len = c->id.len;
	g->slot = c->slot;
	g->role = c->role;
	g->foreign = c->foreign == 1;
	g->named = g->listed = true;
	if (g->life == L_NONE || g->life == L_ORPHAN)
		enter(g, c->joined ? L_SPD : L_LEFT, fx);
	if (renew)
		return grp_step(g, E_CHANGED, fx);
	return 0;
}
