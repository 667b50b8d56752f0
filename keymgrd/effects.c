/* SPDX-License-Identifier: ISC */
#include "keymgrd/effects.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "common/log.h"
#include "keymgrd/core/count.h"
#include "keymgrd/core/edge.h"
#include "keymgrd/shell_int.h"

static struct chunk
of_text(const char *s, size_t max)
{
	return (struct chunk){ (const uint8_t *)s, strnlen(s, max) };
}

/*
 * Lost while the peer is away: it is asked again when the edge is up.  A queue
 * that is full says that the peer hangs.
 */
static void
ask(struct chan *c, const struct msg *m)
{
	int r = chan_send(c, m);

	if (r == -ENOTCONN)
		log_debug("ipc.lost msg=%s", msg_name(m->type));
	else if (r != 0)
		log_warn(
		    "ipc.lost msg=%s: %s", msg_name(m->type), strerror(-r));
}

static void
state_put(struct shell *s, struct chunk rec)
{
	int r = seal_put(&s->seal, SEAL_RECORD, rec);

	if (r != 0)
		fatal("state.write slot=%u: %s: the run directory must have "
		      "room",
		    s->slot, strerror(-r));
}

static void
ask_one(struct shell *s, enum peer to, const struct msg *m)
{
	if (to == PEER_POLICYD)
		ask(s->p, m);
	else if (to == PEER_DISPATCHERD)
		ask(s->d, m);
	else if (chan_try(s->g, m) != 0) /* as if the network had lost it */
		log_debug("dgram.lost octets=%zu", m->dgram_out.data.len);
}

static void
note(const struct shell *s, const struct km_fx *fx)
{
	void (*to)(const char *, ...) = fx->note.level <= 3   ? log_err
					: fx->note.level == 4 ? log_warn
					: fx->note.level == 6 ? log_info
							      : log_debug;

	to("%s group=%s %.*s", fx->note.token, s->conf.name,
	    (int)fx->note.text.len, (const char *)fx->note.text.p);
}

static void
one(struct shell *s, const struct km_fx *fx)
{
	struct msg m;
	enum peer to;

	if (km_fx_msg(fx, s->conf.role, &m, &to)) {
		ask_one(s, to, &m);
		return;
	}
	switch (fx->kind) {
	case KM_FX_STATE:
		state_put(s, fx->rec);
		break;
	case KM_FX_LEFT:
		effects_left_send(s, s->req_leave);
		break;
	case KM_FX_CHANGED:
		effects_state_send(s, 0);
		break;
	case KM_FX_NOTE:
		note(s, fx);
		break;
	default:
		must(false); /* it is a message */
	}
}

void
effects_run(struct shell *s)
{
	size_t n = fx_count(s->fx);

	for (size_t i = 0; i < n; i++)
		one(s, fx_at(s->fx, i));
	if (s->phase == PH_RUN && seal_full(&s->seal)) {
		shell_snapshot(s);
		shell_punch(s);
	}
}

void
effects_records(struct shell *s)
{
	size_t n = fx_count(s->fx);

	for (size_t i = 0; i < n; i++) {
		const struct km_fx *fx = fx_at(s->fx, i);

		must(fx->kind == KM_FX_STATE);
		state_put(s, fx->rec);
	}
}

void
effects_state_send(struct shell *s, uint32_t req)
{
	struct msg m = { .type = MSG_KM_STATE };
	struct km_status st = {
		.state = GS_STARTING, .gcks = "", .detail = ""
	};

	if (s->phase == PH_RUN)
		km_status(s->km, shell_now(), &st);
	m.km_state.req = req;
	m.km_state.state = (uint8_t)st.state;
	m.km_state.generation = st.generation;
	m.km_state.step = st.step;
	m.km_state.key_age_s = st.key_age_s;
	m.km_state.key_left_s = st.key_left_s;
	m.km_state.gcks = of_text(st.gcks, 64);
	m.km_state.detail = of_text(st.detail, 256);
	ask(s->g, &m);
}

static void
refused_send(struct shell *s, uint32_t req)
{
	struct km_refused v[KM_REFUSED_MAX];
	size_t n = km_refused(s->km, shell_now(), v);

	for (size_t i = 0; i < n; i++) {
		struct msg m = { .type = MSG_REFUSED };

		m.refused.req = req;
		m.refused.slot = s->slot;
		m.refused.identity = of_text(v[i].who, 128);
		m.refused.cause = of_text(v[i].cause, 48);
		m.refused.peer = (struct chunk){ v[i].peer->b, v[i].peer->len };
		m.refused.times = v[i].times;
		m.refused.age_s = v[i].age_s;
		ask(s->g, &m);
	}
}

void
effects_status_send(struct shell *s, uint32_t req)
{
	struct km_count counts[C_ALL];
	size_t n = s->phase == PH_RUN ? km_counts(s->km, counts, C_ALL) : 0;
	struct msg end = { .type = MSG_STATUS_END, .status_end.req = req };

	effects_state_send(s, req);
	for (size_t i = 0; i < n; i++) {
		struct msg m = { .type = MSG_COUNT };

		m.count.req = req;
		m.count.slot = s->slot;
		m.count.name = of_text(counts[i].name, 48);
		m.count.value = counts[i].value;
		ask(s->g, &m);
	}
	if (s->phase == PH_RUN)
		refused_send(s, req);
	ask(s->g, &end);
}

void
effects_left_send(struct shell *s, uint32_t req)
{
	struct msg m = { .type = MSG_LEFT, .left.req = req };

	ask(s->g, &m);
}
