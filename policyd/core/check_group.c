/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "policyd/core/check.h"
#include "policyd/core/value.h"

#define DAY 86400u

/* Numbers and durations; where is NULL for what this version only checks. */
#define AT(field) offsetof(struct pol_group, field)
#define NOWHERE SIZE_MAX
static const struct number {
	const char *opt;
	bool seconds;
	uint32_t min, max, def;
	size_t where;
} numbers[] = {
	{ "lifetime", true, 10, 30 * DAY, 8 * 3600, AT(lifetime_s) },
	/* GWP_ATD and GWP_DTD have 16 bits (RFC 9838 4.4.3.1). */
	{ "atd", true, 0, UINT16_MAX, 2, AT(atd_s) },
	{ "dtd", true, 0, UINT16_MAX, 30, AT(dtd_s) },
	{ "repeats", false, 1, 16, 3, NOWHERE },
	{ "repeat-span", true, 0, 3600, 2, NOWHERE },
	{ "step", true, 60, 30 * DAY, 900, NOWHERE },
	{ "airtime", false, 1, 1000000000, 2400, NOWHERE },
	{ "hop-limit", false, 1, 255, 8, AT(hop_limit) },
	{ "members-max", false, 1, 1u << 20, 16384, AT(members_max) },
	{ "half-open-max", false, 1, 1u << 16, 1024, AT(half_open_max) },
	{ "per-source-rate", false, 1, 100000, 20, AT(source_rate) },
};

static void
check_number(struct check *c, const struct conf_sec *s, const struct number *k,
    struct pol_group *g)
{
	const char *v = check_one(c, s, k->opt, false);
	uint32_t n = k->def;
	int r = 0;

	if (v != NULL)
		r = k->seconds ? value_seconds(v, &n) : value_u32(v, &n);
	if (r || n < k->min || n > k->max)
		diag_add(c->d, conf_line(s, k->opt, 0),
		    k->seconds ? "%s = \"%s\": must be a duration from %us to "
				 "%us, such as 90s, 15m, 8h or 1d"
			       : "%s = \"%s\": must be a number from %u to %u",
		    k->opt, v, k->min, k->max);
	else if (k->where != NOWHERE)
		memcpy((char *)g + k->where, &n, sizeof(n));
}

/* The delays must leave something of the lifetime to use the key in. */
static void
check_times(struct check *c, const struct conf_sec *s, struct pol_group *g)
{
	if (!conf_is_set(s, "atd") && g->atd_s > g->lifetime_s / 8)
		g->atd_s = g->lifetime_s / 8;
	if (!conf_is_set(s, "dtd") && g->dtd_s > g->lifetime_s / 4)
		g->dtd_s = g->lifetime_s / 4;
	if (g->lifetime_s != 0 && g->atd_s + g->dtd_s >= g->lifetime_s)
		diag_add(c->d, conf_line(s, "lifetime", 0),
		    "lifetime (%us) must be longer than atd + dtd (%us)",
		    g->lifetime_s, g->atd_s + g->dtd_s);
}

static void
check_id(struct check *c, const struct conf_sec *s, struct pol_group *g)
{
	const char *id = check_one(c, s, "id", false);
	unsigned int line = conf_line(s, "id", 0);

	if (id == NULL)
		id = g->name;
	if (strlen(id) > sizeof(g->id)) {
		diag_add(
		    c->d, line, "id: longer than %zu octets", sizeof(g->id));
		return;
	}
	g->id_len = strlen(id);
	memcpy(g->id, id, g->id_len);
	for (const struct pol_group *o = c->pol->group; o < g; o++)
		if (o->id_len == g->id_len &&
		    memcmp(o->id, g->id, g->id_len) == 0)
			diag_add(c->d, line, "group %s has the id of group %s",
			    g->name, o->name);
}

static void
check_role(struct check *c, const struct conf_sec *s, struct pol_group *g)
{
	const char *v = check_one(c, s, "role", true);

	if (v == NULL)
		return;
	if (strcmp(v, "sender") == 0)
		g->role = ROLE_SENDER;
	else if (strcmp(v, "receiver") == 0)
		g->role = ROLE_RECEIVER;
	else
		diag_add(c->d, conf_line(s, "role", 0),
		    "role = \"%s\": must be sender or receiver", v);
}

static void
check_ports(struct check *c, const struct conf_sec *s, struct pol_group *g)
{
	const char *v = check_one(c, s, "ports", false);

	g->port_hi = UINT16_MAX;
	if (v != NULL && value_ports(v, &g->port_lo, &g->port_hi))
		diag_add(c->d, conf_line(s, "ports", 0),
		    "ports = \"%s\": must be a port or a range such as "
		    "5000-5010",
		    v);
}

static void
check_patterns(struct check *c, const struct conf_sec *s, const char *opt,
    struct pol_patterns *out)
{
	size_t n = conf_size(s, opt);
	const char *why;

	if (n > POL_PATTERNS_MAX) {
		diag_add(c->d, conf_line(s, opt, POL_PATTERNS_MAX),
		    "%s: more than %d patterns", opt, POL_PATTERNS_MAX);
		return;
	}
	if (n == 0)
		return;
	out->v = calloc(n, sizeof(*out->v));
	for (size_t i = 0; out->v != NULL && i < n; i++) {
		const char *v = conf_value(s, opt, i);

		if (dn_pattern_check(v, &why)) {
			diag_add(c->d, conf_line(s, opt, i), "%s \"%s\": %s",
			    opt, v, why);
			continue;
		}
		out->v[out->n] = strdup(v);
		if (out->v[out->n] == NULL)
			break;
		out->n++;
	}
	if (out->v == NULL || (c->d->n == 0 && out->n != n))
		c->no_memory = true;
}

static const struct pol_peer *
find_peer(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_peer; i++)
		if (strcmp(p->peer[i].name, name) == 0)
			return &p->peer[i];
	return NULL;
}

/* NULL when a receiver can be served by this peer. */
static const char *
designated_fault(
    const struct check *c, const struct pol_group *g, const struct pol_peer *o)
{
	if (o == NULL)
		return "there is no peer of that name";
	for (size_t i = 0; i < g->n_designated; i++)
		if (&c->pol->peer[g->designated[i]] == o)
			return "is there twice";
	if (o->id.len == 0)
		return NULL; /* reported there */
	if (c->pol->id.len != 0 &&
	    dn_eq(policy_der(&o->id), policy_der(&c->pol->id)))
		return g->role == ROLE_RECEIVER ? "is this host itself" : NULL;
	if (g->senders.n != 0 &&
	    !policy_matches(&g->senders, policy_der(&o->id)))
		return "its identity is not among the group's senders";
	return NULL;
}

static void
check_designated(struct check *c, const struct conf_sec *s, struct pol_group *g)
{
	size_t n = conf_size(s, "designated");

	for (size_t i = 0; i < n; i++) {
		const char *v = conf_value(s, "designated", i), *why;
		const struct pol_peer *o = find_peer(c->pol, v);
		unsigned int line = conf_line(s, "designated", i);

		if (g->n_designated == POL_DESIGNATED_MAX) {
			diag_add(c->d, line, "designated: more than %d",
			    POL_DESIGNATED_MAX);
			return;
		}
		why = designated_fault(c, g, o);
		if (why != NULL)
			diag_add(c->d, line, "designated \"%s\": %s", v, why);
		else
			g->designated[g->n_designated++] =
			    (size_t)(o - c->pol->peer);
	}
}

/* How many of the addresses are of a family that we listen on? */
static size_t
reachable(const struct policy *p, const struct addr *v, size_t n)
{
	size_t hits = 0;

	for (size_t i = 0; i < n; i++)
		hits += policy_local(p, &v[i]) != NULL;
	return hits;
}

static void
check_receiver(struct check *c, const struct conf_sec *s, struct pol_group *g)
{
	unsigned int line = conf_line(s, "designated", 0);
	size_t n = 0;

	if (!check_needed(c, s, "designated"))
		return;
	for (size_t i = 0; i < g->n_designated; i++) {
		const struct pol_peer *o = &c->pol->peer[g->designated[i]];

		n += reachable(c->pol, o->addr, o->n_addr);
	}
	if (n == 0 && g->n_designated != 0 && c->pol->n_listen != 0)
		diag_add(c->d, line,
		    "no designated sender has an address of a family that the "
		    "host listens on");
	if (n > POL_GCKS_MAX)
		diag_add(c->d, line,
		    "designated: they have %zu addresses together, more than "
		    "%d",
		    n, POL_GCKS_MAX);
}

/* Where receivers may ask from. */
static void
check_from(struct check *c, const struct conf_sec *s, struct pol_group *g)
{
	size_t n = conf_size(s, "from");

	if (n > POL_FROM_MAX) {
		diag_add(c->d, conf_line(s, "from", POL_FROM_MAX),
		    "from: more than %d prefixes", POL_FROM_MAX);
		return;
	}
	if (n > 0 && g->role == ROLE_RECEIVER)
		diag_add(c->d, conf_line(s, "from", 0),
		    "from says where a sender's receivers are: a receiver has "
		    "designated");
	for (size_t i = 0; i < n; i++) {
		const char *v = conf_value(s, "from", i);
		struct pol_prefix *p = &g->from[g->n_from];

		if (value_prefix(v, &p->addr, &p->bits))
			diag_add(c->d, conf_line(s, "from", i),
			    "from \"%s\": must be a prefix such as 10.1.0.0/16 "
			    "or 2001:db8::/32, with zeros behind it",
			    v);
		else
			g->n_from++;
	}
}

static void
check_suite(const struct conf_sec *s, struct pol_group *g)
{
	const char *v = conf_value(s, "suite", 0);

	/* Another word is reported with the other choices. */
	g->suite =
	    v != NULL && strcmp(v, "cnsa") == 0 ? SUITE_CNSA : SUITE_DEFAULT;
}

static void
check_sender(struct check *c, const struct conf_sec *s, struct pol_group *g)
{
	(void)check_needed(c, s, "receivers");
	if (c->pol->id.len != 0 && g->senders.n != 0 &&
	    !policy_matches(&g->senders, policy_der(&c->pol->id)))
		diag_add(c->d, conf_line(s, "senders", 0),
		    "role is sender, but the host's identity is not among the "
		    "senders");
	if (c->pol->n_listen != 0 && g->n_addr != 0 &&
	    reachable(c->pol, g->addr, g->n_addr) == 0)
		diag_add(c->d, conf_line(s, "address", 0),
		    "the host listens on no address of the families of the "
		    "group's addresses");
}

/* dispatcherd keeps a table of them. */
static void
check_sender_addrs(
    struct check *c, const struct conf_sec *s, const struct pol_group *g)
{
	size_t n = 0;

	for (size_t i = 0; i < c->pol->n_peer; i++)
		if (policy_matches(
			&g->senders, policy_der(&c->pol->peer[i].id)))
			n += c->pol->peer[i].n_addr;
	if (n > POL_SENDER_ADDRS_MAX)
		diag_add(c->d, conf_line(s, "senders", 0),
		    "senders: they have %zu addresses together, more than %d",
		    n, POL_SENDER_ADDRS_MAX);
}

static void
check_group(struct check *c, const struct conf_sec *s, struct pol_group *g)
{
	strlcpy(g->name, s->where->title, sizeof(g->name));
	if (!value_is_name(g->name))
		diag_add(c->d, s->where->line,
		    "group \"%s\": a name has letters, digits, '.', '_', '-'",
		    g->name);
	check_id(c, s, g);
	check_role(c, s, g);
	(void)check_needed(c, s, "address");
	g->n_addr =
	    check_addrs(c, s, "address", true, g->addr, NITEMS(g->addr));
	g->n_rekey_to = check_addrs(
	    c, s, "rekey-to", true, g->rekey_to, NITEMS(g->rekey_to));
	g->n_agree_on = check_addrs(
	    c, s, "agree-on", true, g->agree_on, NITEMS(g->agree_on));
	check_ports(c, s, g);
	check_choices(c, s);
	check_suite(s, g);
	check_from(c, s, g);
	for (size_t i = 0; i < NITEMS(numbers); i++)
		check_number(c, s, &numbers[i], g);
	check_times(c, s, g);
	(void)check_needed(c, s, "senders");
	check_patterns(c, s, "senders", &g->senders);
	check_patterns(c, s, "receivers", &g->receivers);
	check_sender_addrs(c, s, g);
	check_designated(c, s, g);
	if (g->role == ROLE_RECEIVER)
		check_receiver(c, s, g);
	else if (g->role == ROLE_SENDER)
		check_sender(c, s, g);
}

/* Whom does a protected address belong to?  NULL: nobody. */
static const struct pol_group *
owner_of(const struct policy *p, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < p->group[i].n_addr; k++)
			if (addr_eq(&p->group[i].addr[k], a))
				return &p->group[i];
	return NULL;
}

/*
 * The kernel finds a policy by address alone: an address of two groups, or
 * one that carries key management as well, would be ESP for the wrong one.
 */
static void
check_overlap(struct check *c, const struct conf_sec *s, const char *opt,
    const struct addr *v, size_t n, size_t upto)
{
	const struct pol_group *o;
	char text[ADDR_STRLEN];

	if (n != conf_size(s, opt)) /* bad ones were left out and reported */
		return;
	for (size_t i = 0; i < n; i++) {
		o = owner_of(c->pol, upto, &v[i]);
		if (o != NULL)
			diag_add(c->d, conf_line(s, opt, i),
			    "%s \"%s\" is an address of group %s already", opt,
			    addr_text(&v[i], text), o->name);
	}
}

void
check_groups(struct check *c)
{
	struct policy *p = c->pol;
	struct conf_sec s;
	size_t n = 0;

	while (conf_section(c->conf, "group", n, &s))
		if (n++ == POL_GROUPS_MAX)
			diag_add(c->d, s.where->line, "more than %d groups",
			    POL_GROUPS_MAX);
	if (n > POL_GROUPS_MAX)
		n = POL_GROUPS_MAX;
	p->group = calloc(n + 1, sizeof(*p->group));
	if (p->group == NULL) {
		c->no_memory = true;
		return;
	}
	for (; p->n_group < n && conf_section(c->conf, "group", p->n_group, &s);
	     p->n_group++)
		check_group(c, &s, &p->group[p->n_group]);
	for (size_t i = 0; i < p->n_group; i++) {
		const struct pol_group *g = &p->group[i];

		if (!conf_section(c->conf, "group", i, &s))
			return;
		check_overlap(c, &s, "address", g->addr, g->n_addr, i);
		check_overlap(
		    c, &s, "rekey-to", g->rekey_to, g->n_rekey_to, p->n_group);
		check_overlap(
		    c, &s, "agree-on", g->agree_on, g->n_agree_on, p->n_group);
	}
}

void
check_default_group(struct check *c)
{
	struct pol_group *g = NULL;
	struct conf_sec s;
	const char *v;

	if (!conf_section(c->conf, "host", 0, &s))
		return;
	v = check_one(c, &s, "default-group", false);
	if (v == NULL)
		return;
	for (size_t i = 0; i < c->pol->n_group; i++)
		if (strcmp(c->pol->group[i].name, v) == 0)
			g = &c->pol->group[i];
	if (g == NULL)
		diag_add(c->d, conf_line(&s, "default-group", 0),
		    "default-group = \"%s\": there is no group of that name",
		    v);
	else if (g->role == ROLE_RECEIVER)
		diag_add(c->d, conf_line(&s, "default-group", 0),
		    "default-group = \"%s\": this host only receives in that "
		    "group, and nobody asks a receiver",
		    v);
	else
		g->foreign = true;
}
