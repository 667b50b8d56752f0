/* SPDX-License-Identifier: ISC */
#include "tests/lib/raw.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/ike/auth.h"
#include "keymgrd/core/ike/msg.h"
#include "keymgrd/core/ike/sa.h"
#include "keymgrd/core/ike/sk.h"

/* Fragments are collected behind each other: sk_next() tells them apart. */
static enum net_verdict catch (struct world *w, struct packet *p) {
	struct raw *r = w->arg;

	if (!addr_eq(&p->dst.addr, &r->self.addr)) return NET_PASS;
	if (sk_frag_no((struct chunk){ p->p, p->len }) <= 1) r->got_len = 0;
	must(p->len <= sizeof(r->got) - r->got_len);
	memcpy(r->got + r->got_len, p->p, p->len);
	r->got_len += p->len;
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
	r->suite =
	    (struct ike_suite){ ENCR_AES_GCM_16, PRF_SHA256, KE_X25519, true };
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
	struct chunk none = { NULL, 0 };
	uint8_t pub[KE_PUB_MAX], bind[MIKE_GROUP_LEN];
	struct chunk p = { pub, ke_pub_len(r->suite.ke) };
	struct chain c;
	struct wbuf wb;

	memcpy(h.spi_i, r->spi_i, 8);
	wb_init(&wb, r->init, sizeof(r->init));
	must(ke_public(r->suite.ke, r->priv, pub) == 0);
	must(mike_group_bind(group, n, bind) == 0);
	must(ike_hdr_put(&wb, &h) == 0);
	chain_init(&c, &wb, 16);
	must(sa_ike_put(&c, 1, &r->suite) == 0);
	must(pld_ke_put(&c, r->suite.ke, p) == 0);
	must(pld_raw_put(&c, PLD_NONCE, n) == 0);
	if (!r->foreign)
		must(pld_notify_put(
			 &c, N_MIKE_GROUP, (struct chunk){ bind, 16 }) == 0);
	if (r->fragments)
		must(pld_notify_put(&c, N_FRAGMENTATION_SUPPORTED, none) == 0);
	if (r->notify != 0)
		must(pld_notify_put(&c, r->notify, none) == 0);
	must(wb_set_u32(&wb, 24, wb.len) == 0);
	r->init_len = wb.len;
	raw_send(r, r->init, r->init_len);
}

void
raw_handshake(struct raw *r)
{
	struct chunk ni = { r->nonce, sizeof(r->nonce) };
	struct ike_init_view iv;
	uint8_t shared[KE_SHARED_MAX];
	struct ike_view v;
	struct ike_hdr h;
	struct pld_ke ke;
	struct rbuf rb;

	raw_init_send(r);
	rb_init(&rb, r->got, r->got_len);
	must(ike_init_view((struct chunk){ r->got, r->got_len }, &iv) == 0);
	must(ike_hdr_get(&rb, &h) == 0 && ike_view_get(h.next, rb, &v) == 0);
	must(pld_ke_get(v.ke, &ke) == 0);
	must(ke_shared(r->suite.ke, r->priv, ke.pub, shared) == 0);
	memcpy(r->spi_r, h.spi_r, 8);
	must(ike_keys_derive(&r->suite,
		 (struct chunk){ shared, ke_shared_len(r->suite.ke) }, ni,
		 iv.nonce, r->spi_i, r->spi_r, &r->keys) == 0);
}

void
raw_begin(struct raw *r, uint8_t exchange, uint32_t mid)
{
	r->exchange = exchange;
	r->mid = mid;
	wb_init(&r->wb, r->buf, sizeof(r->buf));
	chain_init(&r->chain, &r->wb, 0);
	must(wb_u8(&r->wb, 0) == 0);
}

void
raw_again(struct raw *r)
{
	struct chunk rest = { r->out, r->out_len }, m;

	while (sk_next(&rest, &m))
		raw_send(r, m.p, m.len);
}

void
raw_end(struct raw *r)
{
	struct ike_hdr h = { .exchange = r->exchange,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR,
		.mid = r->mid };
	struct chunk inner = { r->buf + 1, r->wb.len - 1 };
	struct wbuf wb;

	memcpy(h.spi_i, r->spi_i, 8);
	memcpy(h.spi_r, r->spi_r, 8);
	r->iv++;
	wb_init(&wb, r->out, sizeof(r->out));
	must(sk_protect(
		 &r->keys.i, &h, r->buf[0], inner, r->limit, &r->iv, &wb) == 0);
	r->out_len = wb.len;
	raw_again(r);
}

void
raw_put_auth(struct raw *r, unsigned int host, const char *psk)
{
	struct chunk k = { (const uint8_t *)psk, strlen(psk) };
	struct chunk init = { r->init, r->init_len }, id;
	uint8_t body[64] = { 9 }, maced[PRF_MAX], auth[PRF_MAX];
	struct ike_init_view iv;
	int n = snprintf((char *)body + 4, 60, "host-%u", host);

	id = (struct chunk){ body, 4 + (size_t)n };
	/* got still holds the answer to IKE_SA_INIT. */
	must(ike_init_view((struct chunk){ r->got, r->got_len }, &iv) == 0);
	must(ike_maced_id(&r->keys, true, id, maced) == 0);
	must(ike_psk_auth(r->keys.prf, k, init, iv.nonce,
		 (struct chunk){ maced, prf_len(r->keys.prf) }, auth) == 0);
	must(pld_raw_put(&r->chain, PLD_IDI, id) == 0);
	must(pld_auth_put(&r->chain, IKE_AUTH_PSK,
		 (struct chunk){ auth, prf_len(r->keys.prf) }) == 0);
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
raw_open(struct raw *r, struct rbuf *inner)
{
	struct chunk rest = { r->got, r->got_len }, m;
	int e = -EBADMSG;

	sk_plain_free(&r->plain);
	while (sk_next(&rest, &m))
		e = sk_take(&r->keys.r, m, &r->frags, &r->plain);
	must(e == 0);
	*inner = r->plain.inner;
	return r->plain.first;
}

void
raw_view(struct raw *r, struct ike_view *v)
{
	struct rbuf inner;
	uint8_t first = raw_open(r, &inner);

	must(ike_view_get(first, inner, v) == 0);
}

bool
raw_got_notify(struct raw *r, uint16_t type)
{
	struct ike_view v;

	raw_view(r, &v);
	return ike_ntf_find(&v, type) != NULL;
}

void
raw_fini(struct raw *r)
{
	sk_plain_free(&r->plain);
	sk_frags_free(&r->frags);
}
