/* SPDX-License-Identifier: ISC */
/* Status for programs; the names here are documented in mikectl(1). */

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "mikectl/model.h"

static json_t *
num(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* An object of the counters of a slot whose names begin with prefix. */
static json_t *
counts_json(const struct model *m, uint8_t slot, const char *prefix)
{
	json_t *o = json_object();
	size_t len = strlen(prefix);

	for (size_t i = 0; i < m->n_count; i++) {
		const struct model_count *c = &m->count[i];

		if (c->slot == slot && strncmp(c->name, prefix, len) == 0)
			(void)json_object_set_new(
			    o, c->name + len, num(c->value));
	}
	return o;
}

static json_t *
sa_json(const struct model_sa *s)
{
	char src[ADDR_STRLEN], dst[ADDR_STRLEN], spi[16];

	(void)snprintf(spi, sizeof(spi), "0x%08x", s->spi);
	return json_pack("{ss ss ss ss so so so so so}", "spi", spi, "dir",
	    dir_word(s->dir), "src", addr_text(&s->src, src), "dst",
	    addr_text(&s->dst, dst), "packets", num(s->packets), "octets",
	    num(s->octets), "age_s", num(s->age_s), "replay_drops",
	    num(s->replay_drops), "integrity_drops", num(s->integrity_drops));
}

static json_t *
refused_json(const struct model *m, uint8_t slot)
{
	json_t *a = json_array();
	char peer[ADDR_STRLEN];

	for (size_t i = 0; i < m->n_refused; i++) {
		const struct model_refused *r = &m->refused[i];

		if (r->slot == slot)
			(void)json_array_append_new(
			    a, json_pack("{ss ss ss so so}", "identity",
				   r->identity, "cause", r->cause, "peer",
				   addr_text(&r->peer, peer), "times",
				   num(r->times), "age_s", num(r->age_s)));
	}
	return a;
}

static json_t *
group_json(const struct model *m, const struct model_group *g)
{
	json_t *sas = json_array();
	uint64_t packets = 0;

	for (size_t i = 0; i < m->n_sa; i++)
		if (m->sa[i].slot == g->slot) {
			(void)json_array_append_new(sas, sa_json(&m->sa[i]));
			packets += m->sa[i].packets;
		}
	return json_pack(
	    "{ss so ss ss ss ss so so so so so so so so so so so so so so}",
	    "name", g->name, "slot", num(g->slot), "role", role_word(g->role),
	    "state", state_word(g->state), "detail", g->detail, "gcks", g->gcks,
	    "generation", num(g->generation), "step", num(g->step), "key_age_s",
	    num(g->key_age_s), "key_left_s", num(g->key_left_s), "restarts",
	    num(g->restarts), "packets_protected", num(packets), "sas", sas,
	    "registrations", counts_json(m, g->slot, "reg."), "drops",
	    counts_json(m, g->slot, "drop."), "authentication",
	    counts_json(m, g->slot, "auth."), "refusals",
	    counts_json(m, g->slot, "refuse."), "handshakes",
	    counts_json(m, g->slot, "init."), "counters",
	    counts_json(m, g->slot, ""), "refused", refused_json(m, g->slot));
}

int
json_print(const struct model *m, FILE *to)
{
	json_t *daemons = json_object(), *groups = json_array(), *top;
	int r = 0;

	for (size_t i = 0; i < m->n_daemon; i++)
		(void)json_object_set_new(
		    daemons, m->daemon[i].name, json_boolean(m->daemon[i].up));
	for (size_t i = 0; i < m->n_group; i++)
		(void)json_array_append_new(
		    groups, group_json(m, &m->group[i]));
	top = json_pack("{ss so so so so so so so}", "identity", m->identity,
	    "daemons", daemons, "groups", groups, "datagrams",
	    counts_json(m, SLOT_HOST, "dgram."), "drops",
	    counts_json(m, SLOT_HOST, "drop."), "kernel_drops",
	    counts_json(m, SLOT_HOST, "xfrm."), "routing_drops",
	    counts_json(m, SLOT_HOST, "route."), "cookies",
	    counts_json(m, SLOT_HOST, "cookie."));
	if (top == NULL)
		return -ENOMEM;
	if (json_dumpf(top, to, JSON_INDENT(2)) != 0 || fputc('\n', to) == EOF)
		r = -EIO;
	json_decref(top);
	return r;
}
