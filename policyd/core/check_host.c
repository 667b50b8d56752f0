/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "policyd/core/check.h"
#include "policyd/core/value.h"

static void
check_interfaces(struct check *c, const struct conf_sec *s)
{
	struct policy *p = c->pol;
	size_t n = conf_size(s, "interface");

	for (size_t i = 0; i < n; i++) {
		const char *v = conf_value(s, "interface", i);
		unsigned int line = conf_line(s, "interface", i);

		if (p->n_iface == POL_IFACES_MAX) {
			diag_add(c->d, line, "interface: more than %d",
			    POL_IFACES_MAX);
			return;
		}
		if (!value_is_interface(v))
			diag_add(c->d, line,
			    "interface \"%s\": not a name that an interface "
			    "can have",
			    v);
		else
			strlcpy(p->iface[p->n_iface++], v, sizeof(p->iface[0]));
	}
}

static void
check_numbers(struct check *c, const struct conf_sec *s)
{
	uint32_t port = 848, fragment = 1280;

	(void)check_u32(c, s, "port", 1, UINT16_MAX, &port);
	c->pol->port = (uint16_t)port;
	if (check_u32(c, s, "fragment", 0, UINT16_MAX, &fragment) &&
	    fragment > 0 && fragment < 576)
		diag_add(c->d, conf_line(s, "fragment", 0),
		    "fragment = \"%u\": must be 0 (never) or from 576 to 65535",
		    fragment);
	c->pol->fragment = (uint16_t)fragment;
	c->pol->cookie_above = 100;
	(void)check_u32(
	    c, s, "cookie-above", 0, 1000000, &c->pol->cookie_above);
}

void
check_host(struct check *c)
{
	struct policy *p = c->pol;
	struct conf_sec s;

	if (!conf_section(c->conf, "host", 0, &s)) {
		diag_add(c->d, 0,
		    "there is no host section: it says who this host is");
		return;
	}
	(void)check_name(c, &s, "identity", &p->id);
	check_auth(c, &s);
	check_interfaces(c, &s);
	check_numbers(c, &s);
	check_choices(c, &s);
	(void)check_needed(c, &s, "listen");
	p->n_listen =
	    check_addrs(c, &s, "listen", false, p->listen, NITEMS(p->listen));
}

/* Name and address say who a peer is: neither may be another one's. */
static void
check_peer_is_new(
    struct check *c, const struct conf_sec *s, const struct pol_peer *peer)
{
	for (size_t i = 0; i < c->pol->n_peer; i++) {
		const struct pol_peer *o = &c->pol->peer[i];
		char text[ADDR_STRLEN];

		if (peer->id.len != 0 && o->id.len != 0 &&
		    dn_eq(policy_der(&peer->id), policy_der(&o->id)))
			diag_add(c->d, conf_line(s, "identity", 0),
			    "peer %s has the identity of peer %s", peer->name,
			    o->name);
		for (size_t k = 0; k < peer->n_addr; k++)
			for (size_t j = 0; j < o->n_addr; j++)
				if (addr_eq(&peer->addr[k], &o->addr[j]))
					diag_add(c->d,
					    conf_line(s, "address", 0),
					    "peer %s has address %s of peer "
					    "%s",
					    peer->name,
					    addr_text(&o->addr[j], text),
					    o->name);
	}
}

static void
check_peer(struct check *c, const struct conf_sec *s)
{
	struct pol_peer *peer = &c->pol->peer[c->pol->n_peer];
	const char *exchange;

	strlcpy(peer->name, s->where->title, sizeof(peer->name));
	if (!value_is_name(peer->name))
		diag_add(c->d, s->where->line,
		    "peer \"%s\": a name has letters, digits, '.', '_', '-'",
		    peer->name);
	(void)check_name(c, s, "identity", &peer->id);
	(void)check_needed(c, s, "address");
	peer->n_addr =
	    check_addrs(c, s, "address", false, peer->addr, NITEMS(peer->addr));
	check_choices(c, s);
	exchange = conf_value(s, "exchange", 0);
	peer->foreign = exchange != NULL && strcmp(exchange, "ike-auth") == 0;
	check_peer_is_new(c, s, peer);
	c->pol->n_peer++;
}

void
check_peers(struct check *c)
{
	struct conf_sec s;
	size_t n = 0;

	while (conf_section(c->conf, "peer", n, &s))
		n++;
	if (n == 0)
		return;
	if (n > POL_PEERS_MAX) {
		diag_add(
		    c->d, s.where->line, "more than %d peers", POL_PEERS_MAX);
		n = POL_PEERS_MAX;
	}
	c->pol->peer = calloc(n, sizeof(*c->pol->peer));
	if (c->pol->peer == NULL) {
		c->no_memory = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (conf_section(c->conf, "peer", i, &s))
			check_peer(c, &s);
}
