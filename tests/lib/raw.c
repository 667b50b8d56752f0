/* SPDX-License-Identifier: ISC */
#include "tests/lib/raw.h"

#include <stdio.h>
#include <string.h>

#include "common/ike/auth.h"
#include "keymgrd/core/ike/msg.h"
#include "keymgrd/core/ike/sa.h"
#include "keymgrd/core/ike/sk.h"

static enum net_verdict catch (struct world *w, struct packet *p) {
	struct raw *r = w->arg;

	if (!addr_eq(&p->dst.addr, &r->self.addr)) return NET_PASS;
	must(p->len <= sizeof(r->got));
	memcpy(r->got, p->p, p->len);
	r->got_len = p->len;
	r->n_got++;
	return NET_DROP;
}

void
raw_init(struct raw *r, struct world *w, unsigned int gcks, uint8_t number)
{
	char text[32];

	memset(r, 0, sizeof(*r));
	r->w = w;
	r->gcks = gcks;
	w->net = catch;
	w->arg = r;
	must(addr_parse(&r->self.addr, "192.0.2.200") == 0);
	r->self.port = r->peer.port = 848;
	snprintf(text, sizeof(text), "192.0.2.%u", gcks + 1);
	must(addr_parse(&r->peer.addr, text) == 0);
	memset(r->priv, number ^ 0x5a, sizeof(r->priv));
	memset(r->nonce, number, sizeof(r->nonce));
	memset(r->spi_i, number, sizeof(r->spi_i));
	r->iv = (uint64_t)number << 32;
}

void
raw_send(struct raw *r, const void *p, size_t len)
{
	world_inject(r->w, &r->self, &r->peer, p, len);
	world_settle(r->w);
}

void
raw_init_send(struct raw *r)
{
	struct ike_hdr h = { .exchange = IKE_SA_INIT,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR };
	struct chunk group = { (const uint8_t *)W_GROUP, strlen(W_GROUP) };
	struct chunk n = { r->nonce, sizeof(r->nonce) };
	uint8_t pub[X25519_LEN], bind[MIKE_GROUP_LEN];
	struct chain c;
	struct wbuf wb;

	memcpy(h.spi_i, r->spi_i, 8);
	wb_init(&wb, r->init, sizeof(r->init));
	must(x25519_public(r->priv, pub) == 0);
	must(mike_group_bind(group, n, bind) == 0);
	must(ike_hdr_put(&wb, &h) == 0);
	chain_init(&c, &wb, 16);
	must(sa_ike_put(&c, 1) == 0);
	must(pld_ke_put(&c, 31, (struct chunk){ pub, sizeof(pub) }) == 0);
	must(pld_raw_put(&c, PLD_NONCE, n) == 0);
	must(pld_notify_put(&c, N_MIKE_GROUP, (struct chunk){ bind, 16 }) == 0);
	must(wb_set_u32(&wb, 24, wb.len) == 0);
	r->init_len = wb.len;
	raw_send(r, r->init, r->init_len);
}

void
raw_handshake(struct raw *r)
{
	struct chunk ni = { r->nonce, sizeof(r->nonce) };
	struct ike_init_view iv;
	uint8_t shared[X25519_LEN];
	struct ike_view v;
	struct ike_hdr h;
	struct pld_ke ke;
	struct rbuf rb;

	raw_init_send(r);
	rb_init(&rb, r->got, r->got_len);
	must(ike_init_view((struct chunk){ r->got, r->got_len }, &iv) == 0);
	must(ike_hdr_get(&rb, &h) == 0 && ike_view_get(h.next, rb, &v) == 0);
	must(pld_ke_get(v.ke, &ke) == 0);
	must(x25519_shared(r->priv, ke.pub.p, shared) == 0);
	memcpy(r->spi_r, h.spi_r, 8);
	must(ike_keys_derive((struct chunk){ shared, sizeof(shared) }, ni,
		 iv.nonce, r->spi_i, r->spi_r, &r->keys) == 0);
}

void
raw_begin(struct raw *r, uint8_t exchange, uint32_t mid)
{
	struct ike_hdr h = { .exchange = exchange,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR,
		.mid = mid };

	memcpy(h.spi_i, r->spi_i, 8);
	memcpy(h.spi_r, r->spi_r, 8);
	wb_init(&r->wb, r->buf, sizeof(r->buf));
	must(sk_begin(&r->wb, &h, ++r->iv, &r->chain) == 0);
}

void
raw_end(struct raw *r)
{
	must(sk_end(&r->wb, r->keys.ei) == 0);
	raw_send(r, r->buf, r->wb.len);
}

void
raw_put_auth(struct raw *r, unsigned int host, const char *psk)
{
	struct chunk k = { (const uint8_t *)psk, strlen(psk) };
	struct chunk init = { r->init, r->init_len }, id;
	uint8_t body[64] = { 9 }, maced[PRF_LEN], auth[PRF_LEN];
	struct ike_init_view iv;
	int n = snprintf((char *)body + 4, 60, "host-%u", host);

	id = (struct chunk){ body, 4 + (size_t)n };
	/* got still holds the answer to IKE_SA_INIT. */
	must(ike_init_view((struct chunk){ r->got, r->got_len }, &iv) == 0);
	must(ike_maced_id(r->keys.pi, id, maced) == 0);
	must(ike_psk_auth(k, init, iv.nonce,
		 (struct chunk){ maced, sizeof(maced) }, auth) == 0);
	must(pld_raw_put(&r->chain, PLD_IDI, id) == 0);
	must(pld_auth_put(&r->chain, IKE_AUTH_PSK,
		 (struct chunk){ auth, sizeof(auth) }) == 0);
}

void
raw_put_idg(struct raw *r, const char *group)
{
	uint8_t body[64] = { 11 };
	int n = snprintf((char *)body + 4, 60, "%s", group);

	must(pld_raw_put(&r->chain, PLD_IDG,
		 (struct chunk){ body, 4 + (size_t)n }) == 0);
}

uint8_t
raw_open(struct raw *r, uint8_t plain[8192], struct rbuf *inner)
{
	uint8_t first = 0;

	must(sk_open((struct chunk){ r->got, r->got_len }, r->keys.er, plain,
		 &first, inner) == 0);
	return first;
}

bool
raw_got_notify(struct raw *r, uint16_t type)
{
	uint8_t plain[8192];
	struct rbuf inner;
	struct ike_view v;
	uint8_t first = raw_open(r, plain, &inner);

	must(ike_view_get(first, inner, &v) == 0);
	return ike_ntf_find(&v, type) != NULL;
}
