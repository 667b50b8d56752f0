/* SPDX-License-Identifier: ISC */
/* What clients of the control socket ask for, and when they are answered. */

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "groupd/ctl.h"

#define AUDITS_MAX 20 /* refusals a tick; what root does is always written */

static void
result(struct client *c, uint32_t req, enum ipc_status st, const char *why)
{
	struct msg m = { .type = MSG_RESULT };

	m.result.req = req;
	m.result.status = (uint8_t)st;
	m.result.text = (struct chunk){ (const uint8_t *)why, strlen(why) };
	ctl_send(c->ctl, c->id, &m);
}

static void
finish(struct client *c, enum ipc_status st, const char *why)
{
	c->acting = false;
	result(c, c->req, st, why);
}

/* The first group that this client still waits for; NULL: none. */
static struct grp *
pending(struct client *c)
{
	struct groups *t = &c->ctl->gd->t;

	for (size_t i = 0; i < MIKE_SLOTS; i++)
		if (t->g[i].waiting && t->g[i].op == c->id)
			return &t->g[i];
	return NULL;
}

void
ctl_settled(struct ctl *ctl, struct grp *g)
{
	struct client *c = ctl_find(ctl, g->op);
	bool good;

	g->waiting = false;
	if (c == NULL || !c->acting)
		return;
	good = (g->life == L_RUN) == (c->cmd == E_JOIN);
	if (!good && c->why[0] == '\0')
		(void)snprintf(c->why, sizeof(c->why), "%s",
		    g->why[0] != '\0' ? g->why : "overtaken by another change");
	if (pending(c) == NULL)
		finish(c, c->why[0] == '\0' ? ST_OK : ST_ERROR, c->why);
}

/* It is gone: what it asked for goes on, and others may ask for the next. */
void
cmd_forget(struct client *c)
{
	struct grp *g;

	while ((g = pending(c)) != NULL)
		g->waiting = false;
}

static const char *
waits_for(const struct grp *g)
{
	switch (g->life) {
	case L_SAVING_JOIN:
	case L_SAVING_LEAVE:
		return "policyd has not written it down";
	case L_SPD:
	case L_CLEARING:
		return "dispatcherd has not changed the kernel's policies";
	case L_PARTING:
		return "the key manager has not said good-bye";
	default:
		return "the key manager has not ended";
	}
}

/* It goes on all the same; the operator hears why it takes long. */
void
cmd_overdue(struct client *c)
{
	char text[320];
	struct grp *g = pending(c);

	if (g == NULL) {
		finish(c, ST_ERROR, "overtaken by another command");
		return;
	}
	(void)snprintf(text, sizeof(text), "not done yet, goes on: %s%s%.200s",
	    waits_for(g), g->why[0] != '\0' ? ": " : "", g->why);
	cmd_forget(c);
	text[256] = '\0';
	finish(c, ST_ERROR, text);
}

static void
begin(struct client *c, enum life_ev cmd, uint32_t req)
{
	c->acting = true;
	c->cmd = cmd;
	c->req = req;
	c->since_ms = gd_now();
	c->why[0] = '\0';
}

static void
act(struct client *c, struct grp *g)
{
	g->waiting = true;
	g->op = c->id;
	if (gd_step(c->ctl->gd, g, c->cmd) == 0)
		return;
	g->waiting = false;
	finish(c, ST_CONFLICT,
	    c->cmd == E_JOIN ? "is a member already, or just leaving"
			     : "is no member, or just joining or leaving");
}

static void
cmd_group(struct client *c, struct chunk name, enum life_ev ev, uint32_t req)
{
	struct grp *g =
	    groups_find(&c->ctl->gd->t, (const char *)name.p, name.len);

	if (g == NULL) {
		result(c, req, ST_MISSING, "no such group in the policy");
	} else if (g->waiting || c->acting) {
		result(c, req, ST_CONFLICT, "another command is under way");
	} else {
		begin(c, ev, req);
		act(c, g);
	}
}

/*
 * Every slot, because the kernel may hold policies of a group that neither
 * policyd nor we know any more.
 */
static void
cmd_open(struct client *c, uint32_t req)
{
	struct gd *gd = c->ctl->gd;

	if (c->acting) {
		result(c, req, ST_CONFLICT, "another command is under way");
		return;
	}
	begin(c, E_OPEN, req);
	for (uint8_t i = 0; i < MIKE_SLOTS; i++) {
		struct grp *g = &gd->t.g[i];

		if (g->life == L_NONE || g->life == L_LEFT)
			gd_clear(gd, i);
		if (g->life != L_RUN && g->life != L_SPD &&
		    g->life != L_ORPHAN && g->life != L_PARTING &&
		    g->life != L_RENEWING)
			continue;
		g->waiting = true;
		g->op = c->id;
	}
	/* All are marked first: the first to settle is not the last. */
	for (size_t i = 0; i < MIKE_SLOTS; i++) {
		struct grp *g = &gd->t.g[i];

		if (g->waiting && g->op == c->id && gd_step(gd, g, E_OPEN) != 0)
			fatal("group.step: broken table");
	}
	if (c->acting && pending(c) == NULL)
		finish(c, ST_OK, "");
}

/*
 * Changing something is for root, and on record whether it is allowed or not.
 */
static bool
allowed(struct client *c, const char *cmd, struct chunk name, uint32_t req)
{
	struct ctl *ctl = c->ctl;
	bool ok = c->who.uid == 0;
	char safe[260];

	if (ok || ctl->audits++ < AUDITS_MAX)
		log_info("audit uid=%u gid=%u pid=%d cmd=%s group=%s %s",
		    c->who.uid, c->who.gid, (int)c->who.pid, cmd,
		    log_safe(safe, sizeof(safe), name.p, name.len),
		    ok ? "allowed" : "refused");
	else
		ctl->unwritten++;
	if (!ok)
		result(c, req, ST_REFUSED, "only root may do that");
	return ok;
}

void
cmd_run(struct client *c, const struct msg *m)
{
	struct chunk none = { (const uint8_t *)"-", 1 };

	switch (m->type) {
	case MSG_STATUS_GET:
		gather_ask(c->ctl->gd, c->id, m->status_get.req);
		break;
	case MSG_CTL_JOIN:
		if (allowed(c, "join", m->ctl_join.name, m->ctl_join.req))
			cmd_group(c, m->ctl_join.name, E_JOIN, m->ctl_join.req);
		break;
	case MSG_CTL_LEAVE:
		if (allowed(c, "leave", m->ctl_leave.name, m->ctl_leave.req))
			cmd_group(
			    c, m->ctl_leave.name, E_LEAVE, m->ctl_leave.req);
		break;
	case MSG_CTL_OPEN:
		if (allowed(c, "open", none, m->ctl_open.req))
			cmd_open(c, m->ctl_open.req);
		break;
	default:
		break;
	}
}
