/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gm_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "keymgrd/core/ike/sa.h"
#include "keymgrd/core/ike/sk.h"

#define NONCE_LEN 32
#define ID_KEY_ID 11

void
gm_hs_free(struct gm_hs **hs)
{
	struct gm_hs *h = *hs;

	if (h == NULL)
		return;
	free(h->peer_init);
	freezero(h->plain, h->plain_len);
	freezero(h, sizeof(*h));
	*hs = NULL;
}

static int
choose_spi(const struct km *km, uint8_t spi[8])
{
	static const uint8_t zero[8];
	int r;

	do {
		if ((r = km_rand(km, spi, 8)) != 0)
			return r;
		spi[0] = km->conf.slot;
	} while (memcmp(spi, zero, 8) == 0);
	return 0;
}

int
gm_init_write(struct km *km, struct gm_hs *hs)
{
	struct ike_hdr h = { .exchange = IKE_SA_INIT,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR };
	struct chunk group = { km->conf.group_id, km->conf.group_id_len };
	uint8_t pub[X25519_LEN], nonce[NONCE_LEN], bind[MIKE_GROUP_LEN];
	struct chunk n = { nonce, sizeof(nonce) };
	struct chain c;
	struct wbuf wb;
	int r;

	wb_init(&wb, hs->init, sizeof(hs->init));
	if ((r = choose_spi(km, hs->spi_i)) != 0 ||
	    (r = km_rand(km, hs->priv, sizeof(hs->priv))) != 0 ||
	    (r = x25519_public(hs->priv, pub)) != 0 ||
	    (r = km_rand(km, nonce, sizeof(nonce))) != 0 ||
	    (r = mike_group_bind(group, n, bind)) != 0)
		return r;
	memcpy(h.spi_i, hs->spi_i, sizeof(h.spi_i));
	if ((r = ike_hdr_put(&wb, &h)) != 0)
		return r;
	chain_init(&c, &wb, 16);
	if ((r = sa_ike_put(&c, 1)) != 0 ||
	    (r = pld_ke_put(
		 &c, KE_X25519, (struct chunk){ pub, sizeof(pub) })) != 0 ||
	    (r = pld_raw_put(&c, PLD_NONCE, n)) != 0 ||
	    (r = pld_notify_put(&c, N_MIKE_GROUP,
		 (struct chunk){ bind, sizeof(bind) })) != 0 ||
	    (r = wb_set_u32(&wb, 24, wb.len)) != 0)
		return r;
	hs->init_len = wb.len;
	return 0;
}

static struct chunk
init_nonce(const uint8_t *p, size_t len)
{
	struct ike_init_view v;

	/* Both messages were written or checked before they were kept. */
	must(ike_init_view((struct chunk){ p, len }, &v) == 0);
	return v.nonce;
}

static int
derive(struct gm_hs *hs, const struct ike_init_view *iv, struct chunk pub)
{
	struct ike_keys keys;
	uint8_t shared[X25519_LEN];
	int r;

	if (pub.len != X25519_LEN)
		return -EBADMSG;
	if ((r = x25519_shared(hs->priv, pub.p, shared)) == 0)
		r = ike_keys_derive((struct chunk){ shared, X25519_LEN },
		    init_nonce(hs->init, hs->init_len), iv->nonce, hs->spi_i,
		    iv->hdr.spi_r, &keys);
	if (r == 0)
		hs->keys = keys;
	explicit_bzero(shared, sizeof(shared));
	explicit_bzero(&keys, sizeof(keys));
	return r;
}

int
gm_init_read(struct km *km, struct gm_hs *hs, struct chunk msg)
{
	struct chunk group = { km->conf.group_id, km->conf.group_id_len };
	struct chunk own = { km->conf.own_id, km->conf.own_id_len };
	static const uint8_t zero[8];
	struct ike_init_view iv;
	struct ike_view v;
	struct ike_hdr h;
	struct pld_ke ke;
	struct rbuf rb;
	uint8_t num, *copy;
	int r;

	rb_init(&rb, msg.p, msg.len);
	if (ike_init_view(msg, &iv) || ike_hdr_get(&rb, &h) ||
	    ike_view_get(h.next, rb, &v) || v.critical != 0 ||
	    memcmp(h.spi_r, zero, 8) == 0 || !ike_has(&v.sa) ||
	    !ike_has(&v.ke) || iv.nonce.len < IKE_NONCE_MIN ||
	    sa_ike_choose(v.sa, true, &num) != 0 || num != 1 ||
	    pld_ke_get(v.ke, &ke) || ke.group != KE_X25519)
		return -EBADMSG;
	if (!mike_group_matches(&iv, group))
		return -EBADMSG;
	if ((r = derive(hs, &iv, ke.pub)) != 0 ||
	    (r = ike_maced_id(hs->keys.pi, own, hs->maced_i)) != 0)
		return r;
	if ((copy = malloc(msg.len)) == NULL)
		return -ENOMEM;
	memcpy(copy, msg.p, msg.len);
	hs->peer_init = copy;
	hs->peer_init_len = msg.len;
	memcpy(hs->spi_r, h.spi_r, sizeof(hs->spi_r));
	return 0;
}

static int
put_group(const struct km *km, struct chain *c)
{
	uint8_t body[4 + sizeof(km->conf.group_id)] = { ID_KEY_ID };

	memcpy(body + 4, km->conf.group_id, km->conf.group_id_len);
	return pld_raw_put(
	    c, PLD_IDG, (struct chunk){ body, 4 + km->conf.group_id_len });
}

int
gm_auth_write(
    struct km *km, struct gm_hs *hs, uint8_t method, struct chunk auth)
{
	struct ike_hdr h = { .exchange = GSA_AUTH,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR,
		.mid = 1 };
	struct chunk own = { km->conf.own_id, km->conf.own_id_len };
	struct chain c;
	struct wbuf wb;
	uint64_t iv;
	int r;

	memcpy(h.spi_i, hs->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, hs->spi_r, sizeof(h.spi_r));
	wb_init(&wb, hs->auth, sizeof(hs->auth));
	if ((r = km_iv(km, &iv)) != 0 || (r = sk_begin(&wb, &h, iv, &c)) != 0 ||
	    (r = pld_raw_put(&c, PLD_IDI, own)) != 0 ||
	    (r = pld_auth_put(&c, method, auth)) != 0 ||
	    (r = put_group(km, &c)) != 0 || (r = sag_put(&c)) != 0 ||
	    (r = sk_end(&wb, hs->keys.ei)) != 0)
		return r;
	hs->auth_len = wb.len;
	return 0;
}

int
gm_auth_read(struct km *km, struct gm_hs *hs, struct chunk msg)
{
	struct ike_view v = { 0 };
	struct rbuf inner;
	uint8_t *plain, first;
	int r;

	if ((plain = malloc(msg.len)) == NULL)
		return -ENOMEM;
	if ((r = sk_open(msg, hs->keys.er, plain, &first, &inner)) != 0) {
		freezero(plain, msg.len);
		return r;
	}
	/*
	 * From here on the message is the peer's own.  A chain that cannot be
	 * read is an empty view, which is refused for what it lacks.
	 */
	if (ike_view_get(first, inner, &v) != 0 || v.critical != 0) {
		v = (struct ike_view){ 0 };
		km->count[C_DROP_MALFORMED]++;
	}
	freezero(hs->plain, hs->plain_len);
	hs->view = v;
	hs->plain = plain;
	hs->plain_len = msg.len;
	return 0;
}

int
gm_ask_sign(const struct gm_hs *hs, uint32_t req, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_SIGN);
	struct chunk init = { hs->init, hs->init_len };
	struct chunk nonce = init_nonce(hs->peer_init, hs->peer_init_len);
	int r;

	if (e == NULL)
		return -ENOMEM;
	e->sign.req = req;
	if ((r = fx_copy(fx, init, &e->sign.own_init)) != 0 ||
	    (r = fx_copy(fx, nonce, &e->sign.peer_nonce)) != 0)
		return r;
	return fx_copy(
	    fx, (struct chunk){ hs->maced_i, PRF_LEN }, &e->sign.maced_id);
}

int
gm_ask_check(const struct gm_hs *hs, uint32_t req, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_CHECK);
	struct chunk init = { hs->peer_init, hs->peer_init_len };
	struct chunk nonce = init_nonce(hs->init, hs->init_len);
	struct pld_auth a;
	struct pld_id id;
	int r;

	if (e == NULL)
		return -ENOMEM;
	if (pld_id_get(hs->view.id_r, &id) || pld_auth_get(hs->view.auth, &a))
		return -EBADMSG;
	e->check.req = req;
	e->check.wants_sender = true;
	e->check.method = a.method;
	if ((r = fx_copy(fx, init, &e->check.peer_init)) != 0 ||
	    (r = fx_copy(fx, nonce, &e->check.own_nonce)) != 0 ||
	    (r = fx_copy(fx, (struct chunk){ hs->maced_r, PRF_LEN },
		 &e->check.maced_id)) != 0 ||
	    (r = fx_copy(fx, id.body, &e->check.peer_id)) != 0)
		return r;
	return fx_copy(fx, a.data, &e->check.auth);
}
