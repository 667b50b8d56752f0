/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dispatcherd/core/rules.h"

struct ruleset {
	struct rules *now;
	struct rules *next; /* under way; NULL: none, or spoiled */
	bool under_way;
};

struct ruleset *
ruleset_new(void)
{
	return calloc(1, sizeof(struct ruleset));
}

void
ruleset_free(struct ruleset **rs)
{
	if (*rs == NULL)
		return;
	free((*rs)->now);
	free((*rs)->next);
	free(*rs);
	*rs = NULL;
}

void
ruleset_abort(struct ruleset *rs)
{
	free(rs->next);
	rs->next = NULL;
	rs->under_way = false;
}

const struct rules *
ruleset_now(const struct ruleset *rs)
{
	return rs->now;
}

static bool
is_unicast(const struct addr *a)
{
	static const struct addr none;

	return !addr_is_multicast(a) && memcmp(a->b, none.b, sizeof(a->b)) != 0;
}

static const char *
add_listen(struct rules *r, const struct msg_rule_listen *m)
{
	struct addr a;

	if (addr_from(&a, m->addr.p, m->addr.len) || !is_unicast(&a))
		return "listen: not a unicast address";
	if (rules_listens(r, &a))
		return NULL;
	if (r->n_listen == NITEMS(r->listen))
		return "listen: too many addresses";
	r->listen[r->n_listen++] = a;
	return NULL;
}

static const char *
add_peer(struct rules *r, const struct msg_rule_peer *m)
{
	struct rules_peer p = { .prefix = m->prefix, .rate = m->rate };

	if (m->addr.len != 0 && addr_from(&p.net, m->addr.p, m->addr.len))
		return "peer: not an address";
	if (p.prefix > p.net.len * 8)
		return "peer: prefix is longer than the address";
	if (r->n_peers == NITEMS(r->peer))
		return "peer: too many";
	r->peer[r->n_peers++] = p;
	return NULL;
}

static const char *
add_group(struct rules *r, const struct msg_rule_group *m)
{
	struct rules_group *g;

	if (m->slot >= MIKE_SLOTS)
		return "group: no such slot";
	g = &r->group[m->slot];
	if (g->present)
		return "group: slot taken twice";
	if (m->role != ROLE_RECEIVER && m->role != ROLE_SENDER)
		return "group: no such role";
	if (m->name.len == 0 || m->name.len > RULES_NAME_MAX)
		return "group: bad name";
	if (m->lifetime_s == 0)
		return "group: no lifetime";
	g->present = true;
	g->role = m->role;
	g->lifetime_s = m->lifetime_s;
	memcpy(g->name, m->name.p, m->name.len);
	return NULL;
}

/* Two groups on one address could not be told apart by the kernel. */
static bool
dst_is_taken(const struct rules *r, const struct addr *dst)
{
	uint8_t cls;

	for (size_t i = 0; i < NITEMS(r->group); i++)
		if (rules_class(&r->group[i], dst, &cls) == 0)
			return true;
	return false;
}

static const char *
add_addr(struct rules *r, const struct msg_rule_addr *m)
{
	struct addr a;

	if (m->slot >= MIKE_SLOTS || !r->group[m->slot].present)
		return "address: of no group";
	if (m->cls >= REQID_CLASSES || r->group[m->slot].dst[m->cls].len != 0)
		return "address: class out of range or taken";
	if (addr_from(&a, m->dst.p, m->dst.len) || !addr_is_multicast(&a))
		return "address: not multicast";
	if (dst_is_taken(r, &a))
		return "address: protected twice";
	r->group[m->slot].dst[m->cls] = a;
	return NULL;
}

static const char *
add_sender(struct rules *r, const struct msg_rule_sender *m)
{
	struct rules_group *g;
	struct addr a;

	if (m->slot >= MIKE_SLOTS || !r->group[m->slot].present)
		return "sender: of no group";
	if (addr_from(&a, m->src.p, m->src.len) || !is_unicast(&a))
		return "sender: not a unicast address";
	g = &r->group[m->slot];
	if (g->n_senders == NITEMS(g->sender))
		return "sender: too many";
	g->sender[g->n_senders++] = a;
	return NULL;
}

/* NULL when the rule went into the set. */
static const char *
add_rule(struct rules *r, const struct msg *m)
{
	switch (m->type) {
	case MSG_RULE_LISTEN:
		return add_listen(r, &m->rule_listen);
	case MSG_RULE_PEER:
		return add_peer(r, &m->rule_peer);
	case MSG_RULE_GROUP:
		return add_group(r, &m->rule_group);
	case MSG_RULE_ADDR:
		return add_addr(r, &m->rule_addr);
	case MSG_RULE_SENDER:
		return add_sender(r, &m->rule_sender);
	case MSG_RULE_IFACE:
		/* Unicast follows the routes; nothing here is per interface. */
		return NULL;
	default:
		return "not a rule";
	}
}

static int
begin(struct ruleset *rs, const struct msg_rules_begin *m, const char **why)
{
	ruleset_abort(rs);
	rs->next = calloc(1, sizeof(*rs->next));
	if (rs->next == NULL) {
		*why = "out of memory";
		return -ENOMEM;
	}
	rs->under_way = true;
	rs->next->port = m->port;
	rs->next->transmit = m->transmit == 1;
	return 0;
}

static int
end(struct ruleset *rs)
{
	bool whole = rs->next != NULL;

	if (whole) {
		free(rs->now);
		rs->now = rs->next;
		rs->next = NULL;
	}
	rs->under_way = false;
	return whole ? 1 : 0;
}

int
ruleset_take(
    struct ruleset *rs, uint32_t req, const struct msg *m, const char **why)
{
	if (m->type == MSG_RULES_BEGIN && m->rules_begin.req == req)
		return begin(rs, &m->rules_begin, why);
	if (m->type == MSG_RULES_BEGIN || !rs->under_way) {
		*why = "rules that nobody asked for";
		return -EPROTO;
	}
	if (m->type == MSG_RULES_END)
		return end(rs);
	if (rs->next == NULL) /* spoiled already, and said so */
		return 0;
	*why = add_rule(rs->next, m);
	if (*why == NULL)
		return 0;
	free(rs->next);
	rs->next = NULL;
	return -EINVAL;
}

bool
rules_listens(const struct rules *r, const struct addr *a)
{
	for (size_t i = 0; i < r->n_listen; i++)
		if (addr_eq(&r->listen[i], a))
			return true;
	return false;
}

const struct rules_peer *
rules_peer(const struct rules *r, const struct addr *a)
{
	const struct rules_peer *best = NULL;

	for (size_t i = 0; i < r->n_peers; i++)
		if ((best == NULL || r->peer[i].prefix > best->prefix) &&
		    addr_in(a, &r->peer[i].net, r->peer[i].prefix))
			best = &r->peer[i];
	return best;
}

const struct rules_group *
rules_group(const struct rules *r, uint8_t slot)
{
	if (slot >= MIKE_SLOTS || !r->group[slot].present)
		return NULL;
	return &r->group[slot];
}

int
rules_class(const struct rules_group *g, const struct addr *dst, uint8_t *cls)
{
	for (uint8_t i = 0; i < REQID_CLASSES; i++) {
		if (g->dst[i].len == 0 || !addr_eq(&g->dst[i], dst))
			continue;
		*cls = i;
		return 0;
	}
	return -ENOENT;
}

bool
rules_sender(const struct rules_group *g, const struct addr *src)
{
	for (size_t i = 0; i < g->n_senders; i++)
		if (addr_eq(&g->sender[i], src))
			return true;
	return false;
}
