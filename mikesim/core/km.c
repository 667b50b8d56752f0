/* SPDX-License-Identifier: ISC */
/* The key manager's shell: phases, state, effects.  See keymgrd/shell.c. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keymgrd/core/edge.h"
#include "mikesim/core/site.h"

#define LOG_MAX 65536 /* octets of records before they are made one */

/* -- its state on tmpfs --------------------------------------------------- */

static void
log_put(struct site *s, struct host *h, struct chunk rec)
{
	uint32_t len = (uint32_t)rec.len, cap = h->log_cap;
	uint8_t *p = h->log;

	if (!s->sim->keep_logs)
		return;
	while (cap < h->log_len + sizeof(len) + len)
		cap = cap > 0 ? cap * 2 : 512;
	if (cap != h->log_cap && (p = realloc(p, cap)) == NULL) {
		site_fail(s, -ENOMEM);
		return;
	}
	h->log = p;
	h->log_cap = cap;
	memcpy(p + h->log_len, &len, sizeof(len));
	memcpy(p + h->log_len + sizeof(len), rec.p, len);
	h->log_len += (uint32_t)sizeof(len) + len;
}

/* What its predecessor knew. */
static void
log_load(struct site *s, struct host *h)
{
	struct km_in in = { .ev = KM_EV_STATE, .now_ms = host_boot_ms(s, h) };
	uint32_t len;

	for (uint32_t at = 0; at < h->log_len; at += len) {
		memcpy(&len, h->log + at, sizeof(len));
		at += (uint32_t)sizeof(len);
		in.record = (struct chunk){ h->log + at, len };
		if (km_step(h->km, &in, s->fx) != 0)
			inv_broken(s, h, "state", "a record is not taken back");
	}
	fx_reset(s->fx);
}

static void
log_renew(struct site *s, struct host *h)
{
	h->log_len = 0;
	fx_reset(s->fx);
	if (km_snapshot(h->km, host_boot_ms(s, h), s->fx) != 0)
		site_fail(s, -ENOMEM);
	for (size_t i = 0; i < fx_count(s->fx); i++)
		log_put(s, h, fx_at(s->fx, i)->rec);
	fx_reset(s->fx);
}

/* -- effects -------------------------------------------------------------- */

static void
say_state(struct site *s, struct host *h)
{
	struct msg m = { .type = MSG_KM_STATE };
	struct km_status st = { .gcks = "", .detail = "" };

	if (h->km_phase == KP_RUN)
		km_status(h->km, host_boot_ms(s, h), &st);
	else
		st.state = GS_STARTING;
	m.km_state.state = (uint8_t)st.state;
	m.km_state.generation = st.generation;
	m.km_state.step = st.step;
	m.km_state.key_age_s = st.key_age_s;
	m.km_state.key_left_s = st.key_left_s;
	m.km_state.gcks =
	    (struct chunk){ (const uint8_t *)st.gcks, strnlen(st.gcks, 64) };
	m.km_state.detail = (struct chunk){ (const uint8_t *)st.detail,
		strnlen(st.detail, 256) };
	ipc_send(s, PEER_KEYMGRD, PEER_GROUPD, &m);
}

static void
effect(struct site *s, struct host *h, const struct km_fx *fx)
{
	struct kind *k = &s->kind[h->kind];
	struct msg m;
	enum peer to;

	if (km_fx_msg(fx, k->role, &m, &to)) {
		ipc_send(s, PEER_KEYMGRD, to, &m);
		return;
	}
	switch (fx->kind) {
	case KM_FX_STATE:
		log_put(s, h, fx->rec);
		break;
	case KM_FX_CHANGED:
		say_state(s, h);
		break;
	case KM_FX_LEFT:
		m = (struct msg){ .type = MSG_LEFT };
		m.left.req = h->leave_req;
		ipc_send(s, PEER_KEYMGRD, PEER_GROUPD, &m);
		break;
	case KM_FX_NOTE:
		show_note(s, h, SD_KEYMGRD, fx->note.level, fx->note.token,
		    fx->note.text);
		break;
	default:
		break;
	}
}

static int
feed(struct site *s, struct host *h, struct km_in *in)
{
	uint64_t from = s->sim->o.clock_ns != NULL ? s->sim->o.clock_ns() : 0;
	int r;

	in->now_ms = host_boot_ms(s, h);
	fx_reset(s->fx);
	r = km_step(h->km, in, s->fx);
	if (s->sim->o.clock_ns != NULL)
		s->cpu_ns[h->kind == 0 ? SD_KEYMGRD : SIM_DAEMONS] +=
		    s->sim->o.clock_ns() - from;
	if (r == -ENOMEM || r == -EIO)
		site_fail(s, r);
	for (size_t i = 0; r == 0 && i < fx_count(s->fx); i++)
		effect(s, h, fx_at(s->fx, i));
	fx_reset(s->fx);
	if (h->log_len > LOG_MAX)
		log_renew(s, h);
	host_wake_at(s, h, host_when(s, h, km_deadline(h->km)));
	return r;
}

/* -- the ladder of its start ---------------------------------------------- */

static void
phase_ask(struct site *s, struct host *h)
{
	struct msg m = { 0 };

	if (!host_is_up(h, SD_POLICYD) || !host_is_up(h, SD_DISPATCHERD) ||
	    !host_is_up(h, SD_GROUPD) || (h->km_asked & 1u << h->km_phase) != 0)
		return;
	switch ((enum km_phase)h->km_phase) {
	case KP_SEAL:
		m.type = MSG_SEAL_OPEN;
		break;
	case KP_CONF:
		m.type = MSG_CONF_GET;
		break;
	case KP_DONE:
		m.type = MSG_SEAL_DONE;
		m.seal_done.n = h->instance;
		break;
	default:
		return;
	}
	h->km_asked |= (uint8_t)(1u << h->km_phase);
	ipc_send(s, PEER_KEYMGRD, PEER_POLICYD, &m);
}

void
km_shell_start(struct site *s, struct host *h)
{
	h->km_phase = KP_SEAL;
	h->km_asked = 0;
	phase_ask(s, h);
}

/* Its counters die with it. */
static void
keep_counts(struct site *s, const struct host *h)
{
	struct km_count c[64];
	size_t n = km_counts(h->km, c, NITEMS(c));

	for (size_t i = 0; i < n; i++)
		if (strcmp(c[i].name, "req.retransmitted") == 0)
			s->retransmits += c[i].value;
}

void
km_shell_end(struct site *s, struct host *h)
{
	if (h->km != NULL)
		keep_counts(s, h);
	km_free(&h->km);
	h->km_phase = KP_NONE;
}

static void
core_start(struct site *s, struct host *h, struct kind *k)
{
	struct km_ops ops = { .rand = rand_draw };

	k->conf.conf.slot = SIM_SLOT;
	site_turn(s, h);
	must((h->km = km_new(&k->conf.conf, &ops)) != NULL);
	log_load(s, h);
	log_renew(s, h);
	h->km_phase = KP_DONE;
	phase_ask(s, h);
}

static void
on_conf(struct site *s, struct host *h, const struct msg *m)
{
	struct kind *k = &s->kind[h->kind];

	/* The same for all of the kind but for what site_turn() puts in. */
	if (!k->conf_known)
		k->conf_known = confmsg_add(&k->conf, m) == 1;
	if (m->type == MSG_CONF_END && h->km_phase == KP_CONF) {
		k->in = NULL;
		core_start(s, h, k);
	}
}

static void
run_start(struct site *s, struct host *h)
{
	struct km_in in = { .ev = KM_EV_START };

	h->km_phase = KP_RUN;
	if (feed(s, h, &in) != 0)
		inv_broken(s, h, "start", "the key manager does not start");
	say_state(s, h);
}

/* Refused: somebody else counts this slot's instances, which nobody can. */
static void
on_seal(struct site *s, struct host *h, const struct msg_seal_keys *m)
{
	if (h->km_phase != KP_SEAL)
		return;
	if (m->status != ST_OK) {
		inv_broken(s, h, "seal", "policyd gives no instance");
		return;
	}
	h->instance = m->n;
	h->km_phase = KP_CONF;
	phase_ask(s, h);
}

static void
on_policyd(struct site *s, struct host *h, const struct msg *m)
{
	struct km_in in;

	switch (m->type) {
	case MSG_SEAL_KEYS:
		on_seal(s, h, &m->seal_keys);
		break;
	case MSG_RESULT:
		if (h->km_phase == KP_DONE && m->result.status == ST_OK)
			run_start(s, h);
		break;
	case MSG_CONF_BEGIN:
	case MSG_CONF_CERT:
	case MSG_CONF_ADDR:
	case MSG_CONF_GCKS:
	case MSG_CONF_END:
		on_conf(s, h, m);
		break;
	default:
		if (h->km_phase == KP_RUN && km_in_msg(m, &in) == 0)
			(void)feed(s, h, &in);
	}
}

void
km_shell_msg(
    struct site *s, struct host *h, enum peer from, const struct msg *m)
{
	struct msg left = { .type = MSG_LEFT };
	struct km_in in;

	if (h->km_phase == KP_NONE)
		return;
	if (m->type == MSG_LEAVE)
		h->leave_req = m->leave.req;
	if (from == PEER_POLICYD) {
		on_policyd(s, h, m);
	} else if (h->km_phase == KP_RUN) {
		if (km_in_msg(m, &in) == 0)
			s->dgram_err = feed(s, h, &in);
	} else if (m->type == MSG_LEAVE) {
		left.left.req = m->leave.req; /* nobody was asked yet */
		ipc_send(s, PEER_KEYMGRD, PEER_GROUPD, &left);
	}
}

void
km_shell_up(struct site *s, struct host *h, enum peer who)
{
	struct km_in in = { .ev = KM_EV_RESYNC,
		.resync.policyd = who == PEER_POLICYD };

	if (h->km_phase == KP_NONE)
		return;
	if (who == PEER_POLICYD)
		h->km_asked = 0;
	if (h->km_phase != KP_RUN) {
		phase_ask(s, h);
		return;
	}
	if (who == PEER_GROUPD) {
		say_state(s, h);
		in.ev = KM_EV_STAY;
	}
	(void)feed(s, h, &in);
}

void
km_shell_wake(struct site *s, struct host *h)
{
	struct km_in in = { .ev = KM_EV_TIMER };

	if (h->km_phase != KP_RUN)
		return;
	if (km_deadline(h->km) <= host_boot_ms(s, h))
		(void)feed(s, h, &in);
	else
		host_wake_at(s, h, host_when(s, h, km_deadline(h->km)));
}
