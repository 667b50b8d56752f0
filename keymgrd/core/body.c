/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "keymgrd/core/ike/msg.h"

#define ID_KEY_ID 11
/* Room for what protection adds, to the longest message in fragments. */
#define OUT_MAX (IKE_MSG_MAX + SK_FRAGS_MAX * 96)

int
body_begin(struct body *b)
{
	wb_init(&b->wb, b->buf, sizeof(b->buf));
	chain_init(&b->chain, &b->wb, 0);
	return wb_u8(&b->wb, PLD_NONE);
}

void
body_wipe(struct body *b)
{
	explicit_bzero(b->buf, b->wb.len);
}

int
body_protect(struct km *km, struct body *b, const struct ike_hdr *h,
    const struct sk_key *key, size_t limit, uint8_t **out, size_t *len)
{
	struct chunk inner = { b->buf + 1, b->wb.len - 1 };
	uint8_t buf[OUT_MAX];
	struct wbuf wb;
	int r = -ENOBUFS;

	wb_init(&wb, buf, sizeof(buf));
	if (!b->wb.bad)
		r = sk_protect(key, h, b->buf[0], inner, limit, &km->iv, &wb);
	body_wipe(b);
	if (r != 0)
		return r;
	if ((*out = malloc(wb.len)) == NULL)
		return -ENOMEM;
	memcpy(*out, buf, wb.len);
	*len = wb.len;
	return 0;
}

int
body_send(struct fx *fx, const struct endpoint *local,
    const struct endpoint *peer, const uint8_t *p, size_t len)
{
	struct chunk rest = { p, len }, m;
	int r = 0;

	while (r == 0 && sk_next(&rest, &m))
		r = km_send(fx, local, peer, m);
	return r;
}

int
body_certs(const struct km *km, struct chain *c)
{
	const uint8_t *der = km->conf->certs;

	for (size_t i = 0; i < km->conf->n_cert; i++) {
		if (chain_open(c, PLD_CERT) || wb_u8(c->wb, CERT_X509) ||
		    wb_put(c->wb, der, km->conf->cert_len[i]) || chain_close(c))
			return -ENOBUFS;
		der += km->conf->cert_len[i];
	}
	return 0;
}

int
body_certreq(const struct km *km, struct chain *c)
{
	if (km->conf->anchors_len == 0)
		return 0;
	if (chain_open(c, PLD_CERTREQ) || wb_u8(c->wb, CERT_X509) ||
	    wb_put(c->wb, km->conf->anchors, km->conf->anchors_len))
		return -ENOBUFS;
	return chain_close(c);
}

int
body_group(const struct km *km, struct chain *c)
{
	if (chain_open(c, PLD_IDG) || wb_u8(c->wb, ID_KEY_ID) ||
	    wb_zero(c->wb, 3) ||
	    wb_put(c->wb, km->conf->group_id, km->conf->group_id_len))
		return -ENOBUFS;
	return chain_close(c);
}
