/* SPDX-License-Identifier: ISC */
#include "keymgrd/effects.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "common/log.h"
#include "keymgrd/core/count.h"
#include "keymgrd/shell_int.h"

static struct chunk
of_addr(const struct addr *a)
{
	return (struct chunk){ a->b, a->len };
}

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
send_dgram(struct shell *s, const struct km_fx *fx)
{
	struct msg m = { .type = MSG_DGRAM_OUT };

	m.dgram_out.local = of_addr(&fx->send.local.addr);
	m.dgram_out.local_port = fx->send.local.port;
	m.dgram_out.peer = of_addr(&fx->send.peer.addr);
	m.dgram_out.peer_port = fx->send.peer.port;
	m.dgram_out.data = fx->send.data;
	if (chan_try(s->g, &m) != 0) /* as if the network had lost it */
		log_debug("dgram.lost octets=%zu", fx->send.data.len);
}

static void
ask_sign(struct shell *s, const struct km_fx *fx)
{
	struct msg m = { .type = MSG_AUTH_SIGN };

	m.auth_sign.req = fx->sign.req;
	m.auth_sign.prf = fx->sign.prf;
	m.auth_sign.hashes = fx->sign.hashes;
	m.auth_sign.own_init = fx->sign.own_init;
	m.auth_sign.peer_nonce = fx->sign.peer_nonce;
	m.auth_sign.maced_id = fx->sign.maced_id;
	ask(s->p, &m);
}

static void
ask_check(struct shell *s, const struct km_fx *fx)
{
	struct msg m = { .type = MSG_AUTH_CHECK };
	struct msg_auth_check *c = &m.auth_check;

	c->req = fx->check.req;
	c->own_role = (uint8_t)s->conf.role;
	c->prf = fx->check.prf;
	c->peer_init = fx->check.peer_init;
	c->own_nonce = fx->check.own_nonce;
	c->maced_id = fx->check.maced_id;
	c->peer_id = fx->check.peer_id;
	c->method = fx->check.method;
	c->auth = fx->check.auth;
	c->certs = fx->check.certs;
	ask(s->p, &m);
}

static void
ask_mix(struct shell *s, const struct km_fx *fx)
{
	struct msg m = { .type = MSG_PPK_MIX };

	m.ppk_mix.req = fx->mix.req;
	m.ppk_mix.prf = fx->mix.prf;
	m.ppk_mix.ppk_id = (struct chunk){ fx->mix.ppk_id, fx->mix.ppk_id_len };
	m.ppk_mix.sk = (struct chunk){ fx->mix.sk, fx->mix.sk_len };
	ask(s->p, &m);
}

static void
ask_install(struct shell *s, const struct km_fx *fx)
{
	struct msg m = { .type = MSG_SA_INSTALL };
	struct msg_sa_install *i = &m.sa_install;

	i->req = fx->sa.req;
	i->mode = (uint8_t)fx->sa.mode;
	i->dir = (uint8_t)fx->sa.dir;
	i->spi = fx->sa.spi;
	i->src = of_addr(&fx->sa.src);
	i->dst = of_addr(&fx->sa.dst);
	i->key = (struct chunk){ fx->sa.key, sizeof(fx->sa.key) };
	i->replay = fx->sa.replay;
	i->soft_s = fx->sa.soft_s;
	i->hard_s = fx->sa.hard_s;
	i->soft_packets = fx->sa.soft_packets;
	i->hard_packets = fx->sa.hard_packets;
	ask(s->d, &m);
}

static void
ask_delete(struct shell *s, const struct km_fx *fx)
{
	struct msg m = { .type = MSG_SA_DELETE };

	m.sa_delete.req = fx->sa.req;
	m.sa_delete.spi = fx->sa.spi;
	m.sa_delete.dst = of_addr(&fx->sa.dst);
	ask(s->d, &m);
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
	switch (fx->kind) {
	case KM_FX_STATE:
		state_put(s, fx->rec);
		break;
	case KM_FX_SEND:
		send_dgram(s, fx);
		break;
	case KM_FX_SIGN:
		ask_sign(s, fx);
		break;
	case KM_FX_CHECK:
		ask_check(s, fx);
		break;
	case KM_FX_MIX:
		ask_mix(s, fx);
		break;
	case KM_FX_LEFT:
		effects_left_send(s, s->req_leave);
		break;
	case KM_FX_SA_INSTALL:
		ask_install(s, fx);
		break;
	case KM_FX_SA_DELETE:
		ask_delete(s, fx);
		break;
	case KM_FX_CHANGED:
		effects_state_send(s, 0);
		break;
	case KM_FX_NOTE:
		note(s, fx);
		break;
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
		m.refused.peer = of_addr(v[i].peer);
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
