/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gm_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

void
gm_hs_free(struct gm_hs **hs)
{
	struct gm_hs *h = *hs;

	if (h == NULL)
		return;
	free(h->peer_init);
	sk_frags_free(&h->frags);
	sk_plain_free(&h->plain);
	freezero(h, sizeof(*h));
	*hs = NULL;
}

void
gm_sa_free(struct gm_sa **sa)
{
	struct gm_sa *s = *sa;

	if (s == NULL)
		return;
	sk_frags_free(&s->peer_frags);
	free(s->resp);
	freezero(s, sizeof(*s));
	*sa = NULL;
}

/* -- IKE_SA_INIT -------------------------------------------------------- */

/* Octet 0 is our slot, by which groupd finds us; the rest is random. */
int
gm_hs_begin(struct km *km, struct gm_hs *hs)
{
	static const uint8_t zero[8];
	int r;

	hs->offer = gm_is_foreign(km) ? SA_FOREIGN : SA_SHORT;
	hs->ke = sa_ike_first_ke(km->conf->suite);
	if ((r = km_rand(km, hs->nonce, sizeof(hs->nonce))) != 0)
		return r;
	do {
		if ((r = km_rand(km, hs->spi_i, 8)) != 0)
			return r;
		hs->spi_i[0] = km->conf->slot;
	} while (memcmp(hs->spi_i, zero, 8) == 0);
	return init_ke(km, hs->ke, hs->priv, hs->pub);
}

static int
put_init(const struct km *km, const struct gm_hs *hs, struct wbuf *wb)
{
	struct ike_hdr h = { .exchange = IKE_SA_INIT,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR };
	struct chunk n = { hs->nonce, sizeof(hs->nonce) };
	struct chunk p = { hs->pub, ke_pub_len(hs->ke) };
	struct chain c;
	int r;

	memcpy(h.spi_i, hs->spi_i, sizeof(h.spi_i));
	if ((r = ike_hdr_put(wb, &h)) != 0)
		return r;
	chain_init(&c, wb, 16);
	/* A cookie comes first: RFC 7296 2.6. */
	if (hs->cookie_len > 0 &&
	    (r = pld_notify_put(&c, N_COOKIE,
		 (struct chunk){ hs->cookie, hs->cookie_len })) != 0)
		return r;
	if ((r = sa_ike_offer(&c, km->conf->suite, hs->offer)) != 0 ||
	    (r = pld_ke_put(&c, hs->ke, p)) != 0 ||
	    (r = pld_raw_put(&c, PLD_NONCE, n)) != 0 ||
	    (r = init_notifies_put(km, &c, n)) != 0)
		return r;
	return wb_set_u32(wb, 24, wb->len);
}

int
gm_init_write(const struct km *km, struct gm_hs *hs)
{
	struct wbuf wb;
	int r;

	wb_init(&wb, hs->init, sizeof(hs->init));
	if ((r = put_init(km, hs, &wb)) != 0)
		return r;
	hs->init_len = wb.len;
	return 0;
}

static int
derive(const struct gm_hs *hs, const struct ike_suite *s,
    const struct init_view *v, struct ike_keys *keys)
{
	struct chunk ni = { hs->nonce, sizeof(hs->nonce) };
	uint8_t shared[KE_SHARED_MAX];
	int r;

	if ((r = ke_shared(hs->ke, hs->priv, v->ke.pub, shared)) == 0)
		r = ike_keys_derive(s,
		    (struct chunk){ shared, ke_shared_len(hs->ke) }, ni,
		    v->c.nonce, hs->spi_i, v->c.hdr.spi_r, keys);
	explicit_bzero(shared, sizeof(shared));
	return r;
}

/* Only a foreign GCKS need not show that it knows the group. */
static bool
is_bound(const struct km *km, const struct init_view *v)
{
	struct chunk group = { km->conf->group_id, km->conf->group_id_len };

	if (v->c.mike_group.len == 0)
		return gm_is_foreign(km);
	return mike_group_matches(&v->c, group);
}

int
gm_init_read(struct km *km, struct gm_hs *hs, struct chunk msg)
{
	static const uint8_t zero[8];
	struct init_view v;
	struct ike_suite s;
	struct ike_keys keys;
	uint8_t *copy;
	int r;

	if (init_read(msg, &v) || v.v.critical != 0 ||
	    memcmp(v.c.hdr.spi_r, zero, 8) == 0 || !ike_has(&v.v.sa) ||
	    v.ke.group != hs->ke || v.c.nonce.len < IKE_NONCE_MIN ||
	    sa_ike_answer(v.v.sa, km->conf->suite, hs->offer, &s) != 0 ||
	    s.ke != hs->ke || !is_bound(km, &v))
		return -EBADMSG;
	if ((r = derive(hs, &s, &v, &keys)) != 0)
		return r;
	if ((copy = malloc(msg.len)) == NULL) {
		explicit_bzero(&keys, sizeof(keys));
		return -ENOMEM;
	}
	memcpy(copy, msg.p, msg.len);
	free(hs->peer_init);
	hs->peer_init = copy;
	hs->peer_init_len = msg.len;
	hs->suite = s;
	hs->keys = keys;
	hs->known = v.c.mike_group.len != 0;
	hs->fragments = v.fragments && km->conf->fragment != 0;
	hs->hashes = v.hashes;
	memcpy(hs->spi_r, v.c.hdr.spi_r, sizeof(hs->spi_r));
	explicit_bzero(&keys, sizeof(keys));
	explicit_bzero(hs->priv, sizeof(hs->priv));
	return 0;
}

/* -- protected messages ------------------------------------------------- */

int
gm_seal(struct km *km, struct body *b, uint8_t exchange, uint32_t mid,
    const uint8_t spi_i[8], const uint8_t spi_r[8], const struct sk_key *key,
    bool fragments)
{
	struct ike_hdr h = { .exchange = exchange,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR,
		.mid = mid };
	size_t len,
	    limit = fragments ? init_limit(km, &gm_current(km)->peer) : 0;
	uint8_t *p;
	int r;

	memcpy(h.spi_i, spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, spi_r, sizeof(h.spi_r));
	if ((r = body_protect(km, b, &h, key, limit, &p, &len)) != 0)
		return r;
	free(km->gm->out);
	km->gm->out = p;
	km->gm->out_len = len;
	return 0;
}

/* The group's part: IDg and SAg. */
static int
put_ask(const struct km *km, struct chain *c)
{
	int r = body_group(km, c);

	return r != 0 ? r : sag_put(c);
}

int
gm_auth_write(
    struct km *km, struct gm_hs *hs, uint8_t method, struct chunk auth)
{
	struct chunk own = { km->conf->own_id, km->conf->own_id_len };
	struct chunk ppk = { km->conf->ppk_id, km->conf->ppk_id_len };
	bool gsa = gm_current(km)->exchange == GSA_AUTH;
	struct body b;
	int r;

	if ((r = body_begin(&b)) != 0 ||
	    (r = pld_raw_put(&b.chain, PLD_IDI, own)) != 0 ||
	    (r = body_certs(km, &b.chain)) != 0 ||
	    (!hs->known && (r = body_certreq(km, &b.chain)) != 0) ||
	    (r = pld_auth_put(&b.chain, method, auth)) != 0 ||
	    (ppk.len > 0 &&
		(r = pld_notify_put(&b.chain, N_PPK_IDENTITY, ppk)) != 0) ||
	    (gsa && (r = put_ask(km, &b.chain)) != 0))
		return r;
	return gm_seal(km, &b, gm_current(km)->exchange, 1, hs->spi_i,
	    hs->spi_r, &hs->keys.i, hs->fragments);
}

int
gm_open(
    struct km *km, struct gm_hs *hs, const struct sk_key *key, struct chunk msg)
{
	struct ike_view v = { 0 };
	struct sk_plain o;
	int r = sk_take(key, msg, &hs->frags, &o);

	if (r == -EAGAIN || r == -EALREADY) {
		km->count[r == -EAGAIN ? C_FRAGMENT : C_DROP_FRAGMENT]++;
		hs->octets += msg.len;
		return -EAGAIN;
	}
	if (r != 0) {
		if (r == -EBADMSG)
			km->count[C_DROP_INTEGRITY]++;
		return r;
	}
	/*
	 * From here on the message is the peer's own.  A chain that cannot be
	 * read is an empty view, which is refused for what it lacks.
	 */
	if (ike_view_get(o.first, o.inner, &v) != 0 || v.critical != 0) {
		v = (struct ike_view){ 0 };
		km->count[C_DROP_MALFORMED]++;
	}
	sk_plain_free(&hs->plain);
	hs->view = v;
	hs->plain = o;
	hs->octets += msg.len;
	return 0;
}

/* -- questions to policyd ----------------------------------------------- */

int
gm_mac_own(const struct km *km, struct gm_hs *hs)
{
	return ike_maced_id(&hs->keys, true,
	    (struct chunk){ km->conf->own_id, km->conf->own_id_len },
	    hs->maced_i);
}

int
gm_ask_mix(
    const struct km *km, const struct gm_hs *hs, uint32_t req, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_MIX);

	if (e == NULL)
		return -ENOMEM;
	e->mix.req = req;
	e->mix.prf = (uint8_t)hs->keys.prf;
	memcpy(e->mix.ppk_id, km->conf->ppk_id, sizeof(e->mix.ppk_id));
	e->mix.ppk_id_len = km->conf->ppk_id_len;
	e->mix.sk_len = 3 * prf_len(hs->keys.prf);
	memcpy(e->mix.sk, hs->keys.d_pi_pr, e->mix.sk_len);
	return 0;
}

int
gm_ask_sign(const struct gm_hs *hs, uint32_t req, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_SIGN);
	struct chunk init = { hs->init, hs->init_len };
	struct chunk nonce = init_nonce(hs->peer_init, hs->peer_init_len);
	struct chunk maced = { hs->maced_i, prf_len(hs->keys.prf) };
	int r;

	if (e == NULL)
		return -ENOMEM;
	e->sign.req = req;
	e->sign.prf = (uint8_t)hs->keys.prf;
	e->sign.hashes = hs->hashes;
	if ((r = fx_copy(fx, init, &e->sign.own_init)) != 0 ||
	    (r = fx_copy(fx, nonce, &e->sign.peer_nonce)) != 0)
		return r;
	return fx_copy(fx, maced, &e->sign.maced_id);
}

int
gm_ask_check(const struct gm_hs *hs, uint32_t req, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_CHECK);
	struct chunk init = { hs->peer_init, hs->peer_init_len };
	struct chunk nonce = { hs->nonce, sizeof(hs->nonce) };
	struct chunk maced = { hs->maced_r, prf_len(hs->keys.prf) };
	struct pld_auth a;
	struct pld_id id;
	int r;

	if (e == NULL)
		return -ENOMEM;
	if (pld_id_get(hs->view.id_r, &id) || pld_auth_get(hs->view.auth, &a))
		return -EBADMSG;
	e->check.req = req;
	e->check.prf = (uint8_t)hs->keys.prf;
	e->check.method = a.method;
	if ((r = fx_copy(fx, init, &e->check.peer_init)) != 0 ||
	    (r = fx_copy(fx, nonce, &e->check.own_nonce)) != 0 ||
	    (r = fx_copy(fx, maced, &e->check.maced_id)) != 0 ||
	    (r = fx_copy(fx, id.body, &e->check.peer_id)) != 0 ||
	    (r = fx_join(
		 fx, hs->view.cert, hs->view.n_cert, &e->check.certs)) != 0)
		return r;
	return fx_copy(fx, a.data, &e->check.auth);
}
