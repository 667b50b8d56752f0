/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/confmsg.h"

#include <errno.h>
#include <string.h>

static int
octets(uint8_t *to, size_t size, size_t *len, struct chunk from)
{
	if (from.len > size)
		return -EPROTO;
	if (from.len > 0)
		memcpy(to, from.p, from.len);
	*len = from.len;
	return 0;
}

static int
name_set(char *to, size_t size, struct chunk from)
{
	if (from.len >= size || memchr(from.p, 0, from.len) != NULL)
		return -EPROTO;
	memcpy(to, from.p, from.len);
	to[from.len] = '\0';
	return 0;
}

static int
begin(struct confmsg *c, const struct msg_conf_begin *b)
{
	struct km_conf *k = &c->conf;

	/* Padding too: two configurations are compared octet by octet. */
	memset(c, 0, sizeof(*c));
	c->open = true;
	if (b->role != ROLE_SENDER && b->role != ROLE_RECEIVER)
		return -EPROTO;
	k->role = (enum role)b->role;
	k->port = b->port;
	k->lifetime_s = b->lifetime_s;
	k->atd_ms = b->atd_ms;
	k->dtd_ms = b->dtd_ms;
	k->half_open_max = b->half_open_max;
	k->members_max = b->members_max;
	k->suite = (enum suite)b->suite; /* km_new() checks it */
	k->foreign = b->foreign != 0;
	k->fragment = b->fragment;
	return octets(
		   k->ppk_id, sizeof(k->ppk_id), &k->ppk_id_len, b->ppk_id) ||
		       octets(k->anchors, sizeof(k->anchors), &k->anchors_len,
			   b->anchors) ||
		       name_set(k->name, sizeof(k->name), b->name) ||
		       octets(k->group_id, sizeof(k->group_id),
			   &k->group_id_len, b->group_id) ||
		       octets(k->own_id, sizeof(k->own_id), &k->own_id_len,
			   b->own_id)
		   ? -EPROTO
		   : 0;
}

/* The chain, leaf first, back to back. */
static int
add_cert(struct km_conf *k, struct chunk der)
{
	size_t at = 0;

	for (size_t i = 0; i < k->n_cert; i++)
		at += k->cert_len[i];
	if (k->n_cert == KM_CERTS_MAX || der.len == 0 ||
	    der.len > sizeof(k->certs) - at)
		return -EPROTO;
	memcpy(k->certs + at, der.p, der.len);
	k->cert_len[k->n_cert++] = der.len;
	return 0;
}

static int
addr_set(struct addr *to, struct chunk from)
{
	return addr_from(to, from.p, from.len) ? -EPROTO : 0;
}

static int
add_addr(struct km_conf *k, const struct msg_conf_addr *a)
{
	struct km_addr *to;

	if (k->n_addr == KM_ADDRS_MAX)
		return -EPROTO;
	to = &k->addr[k->n_addr++];
	to->cls = a->cls;
	to->port_lo = a->port_lo;
	to->port_hi = a->port_hi;
	return addr_set(&to->dst, a->dst) || addr_set(&to->src, a->src)
		   ? -EPROTO
		   : 0;
}

static int
add_gcks(struct km_conf *k, const struct msg_conf_gcks *g)
{
	struct km_gcks *to;

	if (k->n_gcks == KM_GCKS_MAX)
		return -EPROTO;
	to = &k->gcks[k->n_gcks++];
	to->peer.port = g->port;
	to->exchange = g->exchange;
	return name_set(to->name, sizeof(to->name), g->name) ||
		       octets(to->id, sizeof(to->id), &to->id_len, g->id) ||
		       addr_set(&to->local, g->local) ||
		       addr_set(&to->peer.addr, g->addr)
		   ? -EPROTO
		   : 0;
}

int
confmsg_add(struct confmsg *c, const struct msg *m)
{
	if (m->type == MSG_CONF_BEGIN)
		return begin(c, &m->conf_begin);
	if (!c->open)
		return -EPROTO;
	switch (m->type) {
	case MSG_CONF_ADDR:
		return add_addr(&c->conf, &m->conf_addr);
	case MSG_CONF_GCKS:
		return add_gcks(&c->conf, &m->conf_gcks);
	case MSG_CONF_CERT:
		return add_cert(&c->conf, m->conf_cert.der);
	case MSG_CONF_END:
		c->open = false;
		return 1;
	default:
		return -EPROTO;
	}
}
