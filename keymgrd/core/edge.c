/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/edge.h"

#include <errno.h>

/* -- effects -------------------------------------------------------------- */

static struct chunk
of_addr(const struct addr *a)
{
	return (struct chunk){ a->b, a->len };
}

static void
dgram(const struct km_fx *fx, struct msg *m)
{
	m->type = MSG_DGRAM_OUT;
	m->dgram_out.local = of_addr(&fx->send.local.addr);
	m->dgram_out.local_port = fx->send.local.port;
	m->dgram_out.peer = of_addr(&fx->send.peer.addr);
	m->dgram_out.peer_port = fx->send.peer.port;
	m->dgram_out.data = fx->send.data;
}

static void
sign(const struct km_fx *fx, struct msg *m)
{
	m->type = MSG_AUTH_SIGN;
	m->auth_sign.req = fx->sign.req;
	m->auth_sign.prf = fx->sign.prf;
	m->auth_sign.hashes = fx->sign.hashes;
	m->auth_sign.own_init = fx->sign.own_init;
	m->auth_sign.peer_nonce = fx->sign.peer_nonce;
	m->auth_sign.maced_id = fx->sign.maced_id;
}

static void
check(const struct km_fx *fx, enum role role, struct msg *m)
{
	struct msg_auth_check *c = &m->auth_check;

	m->type = MSG_AUTH_CHECK;
	c->req = fx->check.req;
	c->own_role = (uint8_t)role;
	c->prf = fx->check.prf;
	c->peer_init = fx->check.peer_init;
	c->own_nonce = fx->check.own_nonce;
	c->maced_id = fx->check.maced_id;
	c->peer_id = fx->check.peer_id;
	c->method = fx->check.method;
	c->auth = fx->check.auth;
	c->certs = fx->check.certs;
}

static void
mix(const struct km_fx *fx, struct msg *m)
{
	m->type = MSG_PPK_MIX;
	m->ppk_mix.req = fx->mix.req;
	m->ppk_mix.prf = fx->mix.prf;
	m->ppk_mix.ppk_id =
	    (struct chunk){ fx->mix.ppk_id, fx->mix.ppk_id_len };
	m->ppk_mix.sk = (struct chunk){ fx->mix.sk, fx->mix.sk_len };
}

static void
sa_install(const struct km_fx *fx, struct msg *m)
{
	struct msg_sa_install *i = &m->sa_install;

	m->type = MSG_SA_INSTALL;
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
}

static void
sa_delete(const struct km_fx *fx, struct msg *m)
{
	m->type = MSG_SA_DELETE;
	m->sa_delete.req = fx->sa.req;
	m->sa_delete.spi = fx->sa.spi;
	m->sa_delete.dst = of_addr(&fx->sa.dst);
}

bool
km_fx_msg(const struct km_fx *fx, enum role role, struct msg *m, enum peer *to)
{
	*m = (struct msg){ 0 };
	*to = PEER_POLICYD;
	switch (fx->kind) {
	case KM_FX_SEND:
		*to = PEER_GROUPD;
		dgram(fx, m);
		return true;
	case KM_FX_SIGN:
		sign(fx, m);
		return true;
	case KM_FX_CHECK:
		check(fx, role, m);
		return true;
	case KM_FX_MIX:
		mix(fx, m);
		return true;
	case KM_FX_SA_INSTALL:
		*to = PEER_DISPATCHERD;
		sa_install(fx, m);
		return true;
	case KM_FX_SA_DELETE:
		*to = PEER_DISPATCHERD;
		sa_delete(fx, m);
		return true;
	case KM_FX_STATE:
	case KM_FX_CHANGED:
	case KM_FX_NOTE:
	case KM_FX_LEFT:
		break;
	}
	return false;
}

/* -- events --------------------------------------------------------------- */

static int
to_addr(struct addr *a, struct chunk c)
{
	return addr_from(a, c.p, c.len) == 0 ? 0 : -EPROTO;
}

static int
signed_(const struct msg_auth_signed *m, struct km_in *in)
{
	in->ev = KM_EV_SIGNED;
	in->sig.req = m->req;
	in->sig.ok = m->status == ST_OK;
	in->sig.method = m->method;
	in->sig.auth = m->auth;
	return 0;
}

static int
checked(const struct msg_auth_checked *m, struct km_in *in)
{
	in->ev = KM_EV_CHECKED;
	in->checked.req = m->req;
	in->checked.verdict = (enum auth_verdict)m->verdict;
	in->checked.cause = (enum auth_cause)m->cause;
	in->checked.admit = m->admit;
	in->checked.valid_s = m->valid_s;
	in->checked.identity = m->identity;
	return 0;
}

static int
mixed(const struct msg_ppk_mixed *m, struct km_in *in)
{
	in->ev = KM_EV_MIXED;
	in->mixed.req = m->req;
	in->mixed.ok = m->status == ST_OK;
	in->mixed.sk = m->sk;
	return 0;
}

static int
result(const struct msg_result *m, struct km_in *in)
{
	in->ev = KM_EV_SA;
	in->sa.req = m->req;
	in->sa.status = (enum ipc_status)m->status;
	in->sa.text = m->text;
	return 0;
}

static int
expired(const struct msg_sa_expired *m, struct km_in *in)
{
	in->ev = KM_EV_EXPIRED;
	in->expired.spi = m->spi;
	in->expired.hard = m->hard != 0;
	return to_addr(&in->expired.dst, m->dst);
}

static int
dgram_in(const struct msg_dgram_in *m, struct km_in *in)
{
	in->ev = KM_EV_DGRAM;
	in->dgram.local.port = m->local_port;
	in->dgram.peer.port = m->peer_port;
	in->dgram.data = m->data;
	if (to_addr(&in->dgram.local.addr, m->local) != 0)
		return -EPROTO;
	return to_addr(&in->dgram.peer.addr, m->peer);
}

int
km_in_msg(const struct msg *m, struct km_in *in)
{
	*in = (struct km_in){ 0 };
	switch (m->type) {
	case MSG_AUTH_SIGNED:
		return signed_(&m->auth_signed, in);
	case MSG_AUTH_CHECKED:
		return checked(&m->auth_checked, in);
	case MSG_PPK_MIXED:
		return mixed(&m->ppk_mixed, in);
	case MSG_RESULT: /* of dispatcherd */
		return result(&m->result, in);
	case MSG_SA_EXPIRED:
		return expired(&m->sa_expired, in);
	case MSG_DGRAM_IN:
		return dgram_in(&m->dgram_in, in);
	case MSG_ACQUIRE:
		in->ev = KM_EV_ACQUIRE;
		return to_addr(&in->acquire.dst, m->acquire.dst);
	case MSG_LEAVE:
		in->ev = KM_EV_LEAVE;
		return 0;
	default:
		return -EPROTO;
	}
}
