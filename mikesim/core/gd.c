/* SPDX-License-Identifier: ISC */
/* groupd's shell: one group's life, and which way datagrams go. */

#include <stdlib.h>

#include "mikesim/core/site.h"

#define TICK_NS (200 * NS_PER_MS) /* until what is asked is answered */
#define PART_NS (3 * NS_PER_S)	  /* for a good-bye */

/* -- the table's entry ---------------------------------------------------- */

/* The group as this host has it; what is not there is the same for all. */
static struct grp *
load(struct site *s, const struct host *h)
{
	struct grp *g = &s->kind[h->kind].groups.g[SIM_SLOT];

	g->life = (enum life)h->life;
	g->closed = h->closed;
	g->running = h->running;
	g->forget = h->forget;
	g->named = g->listed = true;
	g->asked = h->asked;
	return g;
}

static void
store(struct host *h, const struct grp *g)
{
	h->life = (uint8_t)g->life;
	h->closed = g->closed;
	h->forget = g->forget;
	h->asked = g->asked;
}

static void
tick_again(struct site *s, struct host *h)
{
	if (h->ticking)
		return;
	h->ticking = true;
	site_at(s, s->now + TICK_NS, Q_TICK, h, NULL);
}

static void
stop(struct site *s, struct host *h)
{
	km_shell_end(s, h);
	/* mike-spawn erases the state of who is stopped. */
	h->log_len = 0;
	h->running = false;
	gd_shell_gone(s, h);
}

static void
start(struct site *s, struct host *h)
{
	if (h->running)
		return;
	h->running = true;
	if (host_is_up(h, SD_KEYMGRD))
		km_shell_start(s, h);
}

static void
ask(struct site *s, struct host *h, const struct grp *g, enum grp_fx fx)
{
	struct msg m = { 0 };
	uint32_t req = grp_req(g);

	switch (fx) {
	case GF_NONE:
		return;
	case GF_SAVE_JOIN:
	case GF_SAVE_LEAVE:
		m.type = MSG_JOINED_SET;
		m.joined_set = (struct msg_joined_set){ req, SIM_SLOT,
			fx == GF_SAVE_JOIN };
		ipc_send(s, PEER_GROUPD, PEER_POLICYD, &m);
		break;
	case GF_SPD_SET:
		m.type = MSG_SPD_SET;
		m.spd_set = (struct msg_spd_set){ req, SIM_SLOT };
		ipc_send(s, PEER_GROUPD, PEER_DISPATCHERD, &m);
		break;
	case GF_SPD_CLEAR:
		m.type = MSG_SPD_CLEAR;
		m.spd_clear = (struct msg_spd_clear){ req, SIM_SLOT };
		ipc_send(s, PEER_GROUPD, PEER_DISPATCHERD, &m);
		break;
	case GF_PART:
		h->part_at = s->now;
		m.type = MSG_LEAVE;
		m.leave.req = req;
		ipc_send(s, PEER_GROUPD, PEER_KEYMGRD, &m);
		break;
	case GF_START:
		start(s, h);
		break;
	case GF_STOP:
		stop(s, h);
		break;
	}
}

bool
gd_shell_step(struct site *s, struct host *h, enum life_ev ev)
{
	struct grp *g = load(s, h);
	enum life was = g->life;
	enum grp_fx fx;
	struct grp now;

	if (grp_step(g, ev, &fx) != 0)
		return false;
	store(h, g);
	now = *g;
	if (now.life == L_CLEARING && was != L_CLEARING && was != L_STOPPING)
		stop(s, h);
	if (was != L_LEFT && now.life == L_LEFT)
		inv_left(s, h);
	ask(s, h, &now, fx);
	if (!grp_settled(&now) || (now.life == L_RUN && !now.closed))
		tick_again(s, h);
	return true;
}

void
gd_shell_gone(struct site *s, struct host *h)
{
	enum life l = (enum life)h->life;

	if (l == L_STOPPING || l == L_PARTING || l == L_RENEWING)
		must(gd_shell_step(s, h, E_GONE));
}

void
gd_shell_tick(struct site *s, struct host *h)
{
	if (!host_is_up(h, SD_GROUPD))
		return;
	if (h->life == L_NONE) {
		gd_shell_up(s, h, PEER_POLICYD);
	} else if (h->life == L_PARTING &&
		   (!host_is_up(h, SD_KEYMGRD) ||
		       s->now - h->part_at >= PART_NS)) {
		must(gd_shell_step(s, h, E_PARTED));
	} else {
		must(gd_shell_step(s, h, E_TICK));
	}
}

/* -- edges ---------------------------------------------------------------- */

/* policyd names the group, and whether this host is a member of it. */
static void
on_groups(struct site *s, struct host *h)
{
	static const struct chunk name = { (const uint8_t *)SIM_GROUP,
		sizeof(SIM_GROUP) - 1 };
	struct kind *k = &s->kind[h->kind];
	struct grp_conf c = { .slot = SIM_SLOT,
		.role = (uint8_t)k->role,
		.joined = h->joined,
		.name = name,
		.id = name };
	struct grp *g = load(s, h), now;
	enum grp_fx fx;

	must(groups_set(&k->groups, &c, &fx) == 0);
	store(h, g);
	now = *g;
	ask(s, h, &now, fx);
	if (!grp_settled(&now))
		tick_again(s, h);
}

void
gd_shell_start(struct site *s, struct host *h)
{
	if (!host_is_up(h, SD_GROUPD))
		return;
	h->life = L_NONE;
	gd_shell_up(s, h, PEER_POLICYD);
}

void
gd_shell_up(struct site *s, struct host *h, enum peer who)
{
	if (!host_is_up(h, SD_GROUPD))
		return;
	if (who == PEER_POLICYD && host_is_up(h, SD_POLICYD))
		on_groups(s, h);
	else if (who == PEER_DISPATCHERD && h->life != L_NONE)
		must(gd_shell_step(s, h, E_LOST));
	if (h->life == L_NONE)
		tick_again(s, h);
}

static void
cookies(struct kind *k, uint64_t now_ms)
{
	uint8_t secret[COOKIE_SECRET_LEN];

	if (!cookie_due(&k->router.jar, now_ms))
		return;
	if (rand_draw(NULL, secret, sizeof(secret)) == 0)
		cookie_renew(&k->router.jar, secret, now_ms);
}

static void
on_dgram_in(struct site *s, struct host *h, const struct msg *m)
{
	struct kind *k = &s->kind[h->kind];
	uint64_t now_ms = host_boot_ms(s, h);
	struct msg out;
	struct addr peer;
	struct route to;

	must(addr_from(&peer, m->dgram_in.peer.p, m->dgram_in.peer.len) == 0);
	(void)load(s, h);
	cookies(k, now_ms);
	route_dgram(
	    &k->router, &k->groups, m->dgram_in.data, &peer, now_ms, &to);
	if (to.to == RT_SLOT) {
		ipc_send(s, PEER_GROUPD, PEER_KEYMGRD, m);
	} else if (to.to == RT_REPLY) {
		out.type = MSG_DGRAM_OUT;
		out.dgram_out = (struct msg_dgram_out){ m->dgram_in.local,
			m->dgram_in.local_port, m->dgram_in.peer,
			m->dgram_in.peer_port, { to.reply, to.reply_len } };
		ipc_send(s, PEER_GROUPD, PEER_DISPATCHERD, &out);
	}
}

static void
on_result(struct site *s, struct host *h, const struct msg_result *r)
{
	struct grp *g = load(s, h);

	if (grp_req(g) != r->req)
		return; /* late */
	(void)gd_shell_step(s, h, r->status == ST_OK ? E_DONE : E_FAIL);
}

static void
on_keymgrd(struct site *s, struct host *h, const struct msg *m)
{
	struct kind *k = &s->kind[h->kind];
	struct grp *g = load(s, h);

	if (m->type == MSG_DGRAM_OUT) {
		if (route_out_ok(&k->router, g, m->dgram_out.data))
			ipc_send(s, PEER_GROUPD, PEER_DISPATCHERD, m);
	} else if (m->type == MSG_LEFT && h->life == L_PARTING &&
		   m->left.req == grp_req(g)) {
		must(gd_shell_step(s, h, E_PARTED));
	}
}

void
gd_shell_msg(
    struct site *s, struct host *h, enum peer from, const struct msg *m)
{
	if (h->life == L_NONE)
		return;
	if (from == PEER_KEYMGRD)
		on_keymgrd(s, h, m);
	else if (m->type == MSG_RESULT)
		on_result(s, h, &m->result);
	else if (m->type == MSG_DGRAM_IN)
		on_dgram_in(s, h, m);
	else if (m->type == MSG_ACQUIRE)
		ipc_send(s, PEER_GROUPD, PEER_KEYMGRD, m);
}
