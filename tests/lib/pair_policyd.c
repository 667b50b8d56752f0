/* SPDX-License-Identifier: ISC */
/* The policyd of an exchange test's host: what it signs, checks and mixes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/ike/auth.h"
#include "common/ike/hdr.h"
#include "tests/lib/pair_int.h"

/*
 * With certificates the "signature" is the same MAC: what is tested here is
 * that both ends hand policyd the same octets.
 */
static int
method_of(const struct host *h)
{
	return h->conf.n_cert > 0 ? 14 : IKE_AUTH_PSK;
}

void
policyd_mix(struct world *w, unsigned int i, const struct km_fx *e)
{
	struct host *h = &w->host[i];
	size_t n = prf_len(e->mix.prf);
	uint8_t sk[3 * PRF_MAX];
	struct item *it;

	h->n_mixes++;
	if (h->policyd_down)
		return;
	must(e->mix.sk_len == 3 * n);
	for (size_t k = 0; k < 3; k++) {
		struct chunk one = { e->mix.sk + k * n, n };

		must(prf_plus(e->mix.prf, (const uint8_t *)h->ppk,
			 strlen(h->ppk), &one, 1, sk + k * n, n) == 0);
	}
	it = item_new(i, KM_EV_MIXED, sk, 3 * n);
	it->in.mixed.req = e->mix.req;
	it->in.mixed.ok = h->ppk[0] != '\0';
	item_push(w, it);
}

void
policyd_sign(struct world *w, unsigned int i, const struct km_fx *e)
{
	struct host *h = &w->host[i];
	struct chunk psk = { (const uint8_t *)h->psk, strlen(h->psk) };
	struct item *it;
	uint8_t auth[PRF_MAX];

	h->n_signs++;
	h->hashes = e->sign.hashes;
	if (h->policyd_down)
		return;
	must(ike_psk_auth(e->sign.prf, psk, e->sign.own_init,
		 e->sign.peer_nonce, e->sign.maced_id, auth) == 0);
	it = item_new(i, KM_EV_SIGNED, auth, prf_len(e->sign.prf));
	it->in.sig.req = e->sign.req;
	it->in.sig.ok = true;
	it->in.sig.method = (uint8_t)method_of(h);
	item_push(w, it);
}

static enum auth_verdict
verdict(const struct host *h, const struct km_fx *e)
{
	struct chunk psk = { (const uint8_t *)h->psk, strlen(h->psk) };
	struct chunk group = { h->conf.group_id, h->conf.group_id_len };
	struct ike_init_view v;
	uint8_t auth[PRF_MAX];

	if (h->trusts)
		return AV_OK;
	if (h->force != AV_OK)
		return h->force;
	if (ike_init_view(e->check.peer_init, &v) != 0)
		return AV_MALFORMED;
	if (!mike_group_matches(&v, group) && v.mike_group.len > 0)
		return AV_UNBOUND;
	must(ike_psk_auth(e->check.prf, psk, e->check.peer_init,
		 e->check.own_nonce, e->check.maced_id, auth) == 0);
	if (e->check.method != method_of(h) ||
	    e->check.auth.len != prf_len(e->check.prf) ||
	    memcmp(e->check.auth.p, auth, e->check.auth.len) != 0)
		return AV_FAILED;
	return h->refuses ? AV_FORBIDDEN : AV_OK;
}

void
policyd_check(struct world *w, unsigned int i, const struct km_fx *e)
{
	struct host *h = &w->host[i];
	struct item *it;

	h->n_checks++;
	if (h->policyd_down)
		return;
	must(e->check.peer_id.len > 4);
	it = item_new(
	    i, KM_EV_CHECKED, e->check.peer_id.p + 4, e->check.peer_id.len - 4);
	it->in.checked.req = e->check.req;
	it->in.checked.verdict = verdict(h, e);
	it->in.checked.cause = h->cause;
	it->in.checked.admit =
	    h->admit != 0 ? h->admit : ADMIT_RECEIVE | ADMIT_SEND;
	it->in.checked.valid_s = h->valid_s != 0 ? h->valid_s : UINT32_MAX;
	if (it->in.checked.verdict != AV_OK)
		it->in.checked.valid_s = 0;
	h->certs_len = e->check.certs.len;
	item_push(w, it);
}
