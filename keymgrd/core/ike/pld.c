/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ike/pld.h"

#include <errno.h>

void
chain_init(struct chain *c, struct wbuf *wb, size_t next_at)
{
	*c = (struct chain){ .wb = wb, .next_at = next_at };
}

int
chain_open(struct chain *c, enum ike_payload type)
{
	if (c->open) {
		c->wb->bad = true; /* a nested payload spoils the chain */
		return -EINVAL;
	}
	if (wb_set_u8(c->wb, c->next_at, type))
		return -ENOBUFS;
	c->open_at = c->wb->len;
	c->next_at = c->wb->len;
	c->open = true;
	return wb_zero(c->wb, 4);
}

int
chain_close(struct chain *c)
{
	if (!c->open)
		return -EINVAL;
	c->open = false;
	return wb_set_u16(c->wb, c->open_at + 2, c->wb->len - c->open_at);
}

int
pld_raw_put(struct chain *c, enum ike_payload type, struct chunk body)
{
	if (chain_open(c, type) || wb_put(c->wb, body.p, body.len))
		return -ENOBUFS;
	return chain_close(c);
}

int
pld_ke_put(struct chain *c, uint16_t group, struct chunk pub)
{
	if (chain_open(c, PLD_KE) || wb_u16(c->wb, group) || wb_u16(c->wb, 0) ||
	    wb_put(c->wb, pub.p, pub.len))
		return -ENOBUFS;
	return chain_close(c);
}

int
pld_auth_put(struct chain *c, uint8_t method, struct chunk data)
{
	if (chain_open(c, PLD_AUTH) || wb_u8(c->wb, method) ||
	    wb_zero(c->wb, 3) || wb_put(c->wb, data.p, data.len))
		return -ENOBUFS;
	return chain_close(c);
}

int
pld_notify_put(struct chain *c, uint16_t type, struct chunk data)
{
	if (chain_open(c, PLD_NOTIFY) || wb_u16(c->wb, 0) ||
	    wb_u16(c->wb, type) || wb_put(c->wb, data.p, data.len))
		return -ENOBUFS;
	return chain_close(c);
}

int
pld_ke_get(struct rbuf body, struct pld_ke *out)
{
	struct pld_ke x;
	uint16_t reserved;

	if (rb_u16(&body, &x.group) || rb_u16(&body, &reserved) ||
	    rb_rest(&body, &x.pub) || x.pub.len == 0)
		return -EBADMSG;
	*out = x;
	return 0;
}

int
pld_auth_get(struct rbuf body, struct pld_auth *out)
{
	struct pld_auth x;

	if (rb_u8(&body, &x.method) || rb_skip(&body, 3) ||
	    rb_rest(&body, &x.data) || x.data.len == 0)
		return -EBADMSG;
	*out = x;
	return 0;
}

int
pld_id_get(struct rbuf body, struct pld_id *out)
{
	struct pld_id x = { .body = { body.p, body.left } };

	if (rb_u8(&body, &x.type) || rb_skip(&body, 3) ||
	    rb_rest(&body, &x.data) || x.data.len == 0)
		return -EBADMSG;
	*out = x;
	return 0;
}

int
pld_delete_get(struct rbuf body, struct pld_delete *out)
{
	struct pld_delete x;

	if (rb_u8(&body, &x.proto) || rb_u8(&body, &x.spi_size) ||
	    rb_u16(&body, &x.n) || rb_rest(&body, &x.spis) ||
	    x.spis.len != (size_t)x.n * x.spi_size)
		return -EBADMSG;
	*out = x;
	return 0;
}
