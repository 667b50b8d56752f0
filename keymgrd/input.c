/* SPDX-License-Identifier: ISC */
/* Messages of the edges, turned into events of the core. */

#include "common/log.h"
#include "keymgrd/shell_int.h"

/* IPC octets that make no sense are a broken peer: fatal, and the supervisor
 * restarts us. */
static void
addr_set(struct addr *a, struct chunk c, const char *what)
{
	if (addr_from(a, c.p, c.len) != 0)
		fatal("ipc %s: address of %zu octets", what, c.len);
}

void
input_policyd(struct shell *s, const struct msg *m)
{
	struct km_in in = { 0 };

	if (m->type == MSG_AUTH_SIGNED) {
		in.ev = KM_EV_SIGNED;
		in.sig.req = m->auth_signed.req;
		in.sig.ok = m->auth_signed.status == ST_OK;
		in.sig.method = m->auth_signed.method;
		in.sig.auth = m->auth_signed.auth;
	} else if (m->type == MSG_PPK_MIXED) {
		in.ev = KM_EV_MIXED;
		in.mixed.req = m->ppk_mixed.req;
		in.mixed.ok = m->ppk_mixed.status == ST_OK;
		in.mixed.sk = m->ppk_mixed.sk;
	} else {
		in.ev = KM_EV_CHECKED;
		in.checked.req = m->auth_checked.req;
		in.checked.verdict = (enum auth_verdict)m->auth_checked.verdict;
		in.checked.cause = (enum auth_cause)m->auth_checked.cause;
		in.checked.admit = m->auth_checked.admit;
		in.checked.valid_s = m->auth_checked.valid_s;
		in.checked.identity = m->auth_checked.identity;
	}
	shell_feed(s, &in);
}

void
input_dispatcherd(struct shell *s, const struct msg *m)
{
	struct km_in in = { 0 };

	if (m->type == MSG_SA_EXPIRED) {
		in.ev = KM_EV_EXPIRED;
		in.expired.spi = m->sa_expired.spi;
		in.expired.hard = m->sa_expired.hard != 0;
		addr_set(&in.expired.dst, m->sa_expired.dst, "SA_EXPIRED");
	} else {
		in.ev = KM_EV_SA;
		in.sa.req = m->result.req;
		in.sa.status = (enum ipc_status)m->result.status;
		in.sa.text = m->result.text;
	}
	shell_feed(s, &in);
}

void
input_groupd(struct shell *s, const struct msg *m)
{
	struct km_in in = { 0 };

	if (m->type == MSG_ACQUIRE) {
		in.ev = KM_EV_ACQUIRE;
		addr_set(&in.acquire.dst, m->acquire.dst, "ACQUIRE");
	} else if (m->type == MSG_LEAVE) {
		in.ev = KM_EV_LEAVE;
		s->req_leave = m->leave.req;
	} else {
		in.ev = KM_EV_DGRAM;
		addr_set(&in.dgram.local.addr, m->dgram_in.local, "DGRAM_IN");
		addr_set(&in.dgram.peer.addr, m->dgram_in.peer, "DGRAM_IN");
		in.dgram.local.port = m->dgram_in.local_port;
		in.dgram.peer.port = m->dgram_in.peer_port;
		in.dgram.data = m->dgram_in.data;
	}
	shell_feed(s, &in);
}
