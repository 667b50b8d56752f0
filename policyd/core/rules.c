/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/ike/hdr.h"
#include "policyd/core/rules.h"

static struct chunk
addr_chunk(const struct addr *a)
{
	return (struct chunk){ a->b, a->len };
}

static struct chunk
str_chunk(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

static int
emit(const struct pol_out *out, const struct msg m)
{
	return out->send(out->arg, &m);
}

struct chunk
pol_id_body(const struct pol_name *id, uint8_t buf[POL_ID_BODY_MAX])
{
	memset(buf, 0, 4);
	buf[0] = POL_ID_DER_ASN1_DN;
	memcpy(buf + 4, id->der, id->len);
	return (struct chunk){ buf, 4 + id->len };
}

const struct pol_group *
pol_group_of(const struct policy *p, const struct pol_slots *s, uint8_t slot)
{
	for (size_t i = 0; i < p->n_group; i++)
		if (s->slot[i] == slot)
			return &p->group[i];
	return NULL;
}

static int
emit_host(const struct policy *p, uint32_t req, const struct pol_out *out)
{
	int r;

	r = emit(out, (struct msg){ .type = MSG_RULES_BEGIN,
			  .rules_begin = { req, p->port, .transmit = 1 } });
	for (size_t i = 0; r == 0 && i < p->n_listen; i++)
		r = emit(
		    out, (struct msg){ .type = MSG_RULE_LISTEN,
			     .rule_listen = { addr_chunk(&p->listen[i]) } });
	for (size_t i = 0; r == 0 && i < p->n_iface; i++)
		r = emit(out, (struct msg){ .type = MSG_RULE_IFACE,
				  .rule_iface = { str_chunk(p->iface[i]) } });
	return r;
}

/* The rate at which one source may ask, over the groups that concern it. */
static void
raise_rate(uint32_t *rate, const struct pol_group *g)
{
	if (g->source_rate > *rate)
		*rate = g->source_rate;
}

/* The same prefix in an earlier group, or earlier in this one? */
static bool
is_repeated(const struct policy *p, size_t group, size_t from)
{
	const struct pol_prefix *x = &p->group[group].from[from];

	for (size_t i = 0; i <= group; i++)
		for (size_t k = 0; k < p->group[i].n_from; k++) {
			const struct pol_prefix *o = &p->group[i].from[k];

			if (o == x)
				return false;
			if (o->bits == x->bits && addr_eq(&o->addr, &x->addr))
				return true;
		}
	return false;
}

/*
 * A sender hears anyone, each at the rate of the policy, unless the policy
 * says for all its groups where receivers come from: a datagram does not say
 * which group it is for before it was looked at.
 */
static int
emit_askers(const struct policy *p, const struct pol_out *out)
{
	bool anyone = false;
	uint32_t rate = 0;
	int r = 0;

	for (size_t i = 0; i < p->n_group; i++)
		if (p->group[i].role == ROLE_SENDER) {
			raise_rate(&rate, &p->group[i]);
			anyone = anyone || p->group[i].n_from == 0;
		}
	if (anyone)
		return emit(out, (struct msg){ .type = MSG_RULE_PEER,
				     .rule_peer = { .rate = rate } });
	for (size_t i = 0; i < p->n_group; i++)
		for (size_t k = 0; r == 0 && k < p->group[i].n_from; k++) {
			const struct pol_prefix *x = &p->group[i].from[k];

			if (is_repeated(p, i, k))
				continue;
			r = emit(out, (struct msg){ .type = MSG_RULE_PEER,
					  .rule_peer = { addr_chunk(&x->addr),
					      x->bits, rate } });
		}
	return r;
}

/* A receiver hears its designated senders only. */
static int
emit_peers(const struct policy *p, const struct pol_out *out)
{
	int r = emit_askers(p, out);

	for (size_t k = 0; r == 0 && k < p->n_peer; k++) {
		uint32_t rate = 0;

		for (size_t i = 0; i < p->n_group; i++) {
			const struct pol_group *g = &p->group[i];

			for (size_t j = 0; j < g->n_designated; j++)
				if (g->role == ROLE_RECEIVER &&
				    g->designated[j] == k)
					raise_rate(&rate, g);
		}
		for (size_t j = 0; r == 0 && rate != 0 && j < p->peer[k].n_addr;
		     j++) {
			const struct addr *a = &p->peer[k].addr[j];

			if (policy_local(p, a) == NULL)
				continue; /* nobody here could ask it */
			r = emit(out, (struct msg){ .type = MSG_RULE_PEER,
					  .rule_peer = { addr_chunk(a),
					      (uint8_t)(8 * a->len), rate } });
		}
	}
	return r;
}

static int
emit_senders(const struct policy *p, const struct pol_group *g, uint8_t slot,
    const struct pol_out *out)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < p->n_peer; k++) {
		const struct pol_peer *o = &p->peer[k];

		if (!policy_matches(&g->senders, policy_der(&o->id)))
			continue;
		for (size_t j = 0; r == 0 && j < o->n_addr; j++)
			r = emit(out, (struct msg){ .type = MSG_RULE_SENDER,
					  .rule_sender = { slot,
					      addr_chunk(&o->addr[j]) } });
	}
	return r;
}

static int
emit_group_rules(const struct policy *p, const struct pol_group *g,
    uint8_t slot, const struct pol_out *out)
{
	int r;

	r = emit(
	    out, (struct msg){ .type = MSG_RULE_GROUP,
		     .rule_group = { slot, str_chunk(g->name), (uint8_t)g->role,
			 (uint8_t)g->hop_limit, g->lifetime_s } });
	for (size_t i = 0; r == 0 && i < g->n_addr; i++)
		r = emit(out, (struct msg){ .type = MSG_RULE_ADDR,
				  .rule_addr = { slot, (uint8_t)i,
				      addr_chunk(&g->addr[i]) } });
	return r ? r : emit_senders(p, g, slot, out);
}

int
pol_rules(const struct policy *p, const struct pol_slots *s, uint32_t req,
    const struct pol_out *out)
{
	int r;

	if ((r = emit_host(p, req, out)) || (r = emit_peers(p, out)))
		return r;
	for (size_t i = 0; i < p->n_group; i++)
		if ((r = emit_group_rules(p, &p->group[i], s->slot[i], out)))
			return r;
	return emit(
	    out, (struct msg){ .type = MSG_RULES_END, .rules_end = { req } });
}

int
pol_groups(const struct policy *p, const struct pol_slots *s, uint32_t req,
    const struct pol_out *out)
{
	char identity[DN_TEXT_MAX];
	int r;

	/* For people; a name too long to show is shown as far as it fits. */
	(void)!dn_text(policy_der(&p->id), identity, sizeof(identity));
	r = emit(out, (struct msg){ .type = MSG_GROUPS_BEGIN,
			  .groups_begin = {
			      req, str_chunk(identity), p->cookie_above } });
	for (size_t i = 0; r == 0 && i < p->n_group; i++) {
		const struct pol_group *g = &p->group[i];

		r = emit(out, (struct msg){ .type = MSG_GROUP,
				  .group = { s->slot[i], str_chunk(g->name),
				      { g->id, g->id_len }, (uint8_t)g->role,
				      s->joined[i], g->half_open_max,
				      g->source_rate, g->foreign } });
	}
	return r ? r
		 : emit(out, (struct msg){ .type = MSG_GROUPS_END,
				 .groups_end = { req } });
}

static int
emit_conf_begin(const struct policy *p, const struct pol_group *g,
    const struct pol_creds *creds, uint32_t req, const struct pol_out *out)
{
	uint8_t id[POL_ID_BODY_MAX];
	struct chunk anchors = { NULL, 0 };

	if (creds->trust != NULL)
		anchors = x509_trust_keyids(creds->trust);

	return emit(out, (struct msg){ .type = MSG_CONF_BEGIN,
			     .conf_begin = {
				 .req = req,
				 .name = str_chunk(g->name),
				 .group_id = { g->id, g->id_len },
				 .role = (uint8_t)g->role,
				 .own_id = pol_id_body(&p->id, id),
				 .port = p->port,
				 .lifetime_s = g->lifetime_s,
				 .atd_ms = g->atd_s * 1000,
				 .dtd_ms = g->dtd_s * 1000,
				 .half_open_max = g->half_open_max,
				 .members_max = g->members_max,
				 .suite = (uint8_t)g->suite,
				 .foreign = g->foreign,
				 .fragment = p->fragment,
				 .ppk_id = { p->ppk_id, p->ppk_id_len },
				 .anchors = anchors,
			     } });
}

static int
emit_conf_certs(const struct pol_creds *creds, const struct pol_out *out)
{
	struct chunk der;
	int r = 0;

	if (creds->own == NULL)
		return 0;
	for (size_t i = 0;
	     r == 0 && (der = x509_own_der(creds->own, i)).len != 0; i++)
		r = emit(out, (struct msg){ .type = MSG_CONF_CERT,
				  .conf_cert = { der } });
	return r;
}

static int
emit_conf_addrs(const struct policy *p, const struct pol_group *g,
    const struct pol_out *out)
{
	static const struct addr none;
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n_addr; i++) {
		const struct addr *src = policy_local(p, &g->addr[i]);

		r = emit(
		    out, (struct msg){ .type = MSG_CONF_ADDR,
			     .conf_addr = { (uint8_t)i, addr_chunk(&g->addr[i]),
				 addr_chunk(src ? src : &none), g->port_lo,
				 g->port_hi } });
	}
	return r;
}

/* Each address of each designated sender that we have the family for. */
static int
emit_conf_gcks(const struct policy *p, const struct pol_group *g,
    const struct pol_out *out)
{
	uint8_t id[POL_ID_BODY_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n_designated; i++) {
		const struct pol_peer *o = &p->peer[g->designated[i]];

		for (size_t k = 0; r == 0 && k < o->n_addr; k++) {
			const struct addr *l = policy_local(p, &o->addr[k]);

			if (l == NULL)
				continue;
			r = emit(
			    out, (struct msg){ .type = MSG_CONF_GCKS,
				     .conf_gcks = { str_chunk(o->name),
					 pol_id_body(&o->id, id), addr_chunk(l),
					 addr_chunk(&o->addr[k]), p->port,
					 o->foreign ? IKE_AUTH : GSA_AUTH } });
		}
	}
	return r;
}

int
pol_conf(const struct policy *p, const struct pol_group *g,
    const struct pol_creds *creds, uint32_t req, const struct pol_out *out)
{
	int r;

	if ((r = emit_conf_begin(p, g, creds, req, out)) ||
	    (r = emit_conf_certs(creds, out)) ||
	    (r = emit_conf_addrs(p, g, out)))
		return r;
	if (g->role == ROLE_RECEIVER && (r = emit_conf_gcks(p, g, out)))
		return r;
	return emit(
	    out, (struct msg){ .type = MSG_CONF_END, .conf_end = { req } });
}
