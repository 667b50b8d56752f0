/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "mikesim/core/scene_int.h"
#include "policyd/core/value.h"

/* The sections that say who takes part, and over which links. */

/* "hq" is fine, "hq-01" would be a host's name as well. */
static bool
ends_like_host(const char *name)
{
	size_t n = strlen(name), digits = 0;

	while (digits < n && name[n - 1 - digits] >= '0' &&
	       name[n - 1 - digits] <= '9')
		digits++;
	return digits > 0 && digits < n && name[n - 1 - digits] == '-';
}

static bool
is_keyword(const char *name)
{
	return strcmp(name, "all") == 0 || strcmp(name, "senders") == 0 ||
	       strcmp(name, "receivers") == 0;
}

static void
check_title(
    struct scene_check *c, const struct conf_sec *s, char out[SCENE_NAME + 1])
{
	const char *v = s->where->title, *why = NULL;

	if (!value_is_name(v))
		why = "use letters, digits, '.', '_' and '-'";
	else if (strlen(v) > SCENE_NAME)
		why = "use 32 characters or less";
	else if (is_keyword(v))
		why = "this word stands for more than one section";
	else if (ends_like_host(v))
		why = "the hosts of a section are called like this; do not end "
		      "it with '-' and digits";
	if (why != NULL)
		diag_add(c->d, s->where->line, "%s \"%s\": %s", s->where->kind,
		    v, why);
	(void)strlcpy(out, v, SCENE_NAME + 1);
}

/* -- links ----------------------------------------------------------------- */

bool
burst_of(double share, double length, struct link_class *l)
{
	if (!(length >= 1) || !(share < 1) || share / (1 - share) > length)
		return false;
	l->to_good = chance_of(1 / length);
	l->to_bad = chance_of(share / (1 - share) / length);
	return true;
}

/* A chance, or 0; *set: it is there. */
static chance
burst_chance(
    struct scene_check *c, const struct conf_sec *s, const char *opt, bool *set)
{
	const char *v = check_value(c, s, opt);
	chance p = 0;

	*set = conf_is_set(s, opt);
	if (v != NULL && sv_read_chance(v, &p))
		diag_add(c->d, conf_line(s, opt, 0),
		    "%s = \"%.40s\": must be a chance from 0 to 100%%, such as "
		    "5%% or 0.05",
		    opt, v);
	return p;
}

static void
burst_by_share(
    struct scene_check *c, const struct conf_sec *s, struct link_class *l)
{
	const char *share = check_value(c, s, "burst-loss");
	const char *length = check_value(c, s, "burst-length");
	double p, n;

	if (share == NULL || length == NULL) {
		diag_add(c->d, s->where->line,
		    "link %s: burst-loss and burst-length go together: the "
		    "share of frames lost in bursts and the frames in one",
		    s->where->title);
		return;
	}
	if (sv_read_real(share, &p) || sv_read_real(length, &n) ||
	    !burst_of(p, n, l))
		diag_add(c->d, conf_line(s, "burst-loss", 0),
		    "burst-loss = \"%.20s\", burst-length = \"%.20s\": must "
		    "be a share such as 5%% and 1 frame or more, and leave "
		    "time between two bursts",
		    share, length);
}

static void
check_burst(
    struct scene_check *c, const struct conf_sec *s, struct link_class *l)
{
	bool by_share =
	    conf_is_set(s, "burst-loss") || conf_is_set(s, "burst-length");
	bool begin, end;

	l->to_bad = burst_chance(c, s, "burst-begin", &begin);
	l->to_good = burst_chance(c, s, "burst-end", &end);
	if (by_share && (begin || end))
		diag_add(c->d, s->where->line,
		    "link %s: say bursts by burst-loss and burst-length or by "
		    "burst-begin and burst-end, not by both",
		    s->where->title);
	else if (by_share)
		burst_by_share(c, s, l);
	else if (begin != end)
		diag_add(c->d, s->where->line,
		    "link %s: burst-begin and burst-end go together",
		    s->where->title);
	else if (l->to_bad != 0 && l->to_good == 0)
		diag_add(c->d, conf_line(s, "burst-end", 0),
		    "link %s: a burst that never ends; use loss",
		    s->where->title);
}

static void
check_link(
    struct scene_check *c, const struct conf_sec *s, struct link_class *l)
{
	bool good;

	check_title(c, s, l->name);
	good = fields_load(c, s, scene_link_fields, scene_n_link_fields, l);
	check_burst(c, s, l);
	if (l->mtu != 0 && l->mtu < 68)
		diag_add(c->d, conf_line(s, "mtu", 0),
		    "mtu = \"%u\": must be 0 (any) or from 68 to 65535",
		    l->mtu);
	if (!good)
		return;
	if (l->reorder != 0 && l->reorder_by == 0)
		diag_add(c->d, conf_line(s, "reorder", 0),
		    "reorder needs reorder-by: how much later, such as 100ms");
	if (l->turn != 0 && !l->half_duplex)
		diag_add(c->d, conf_line(s, "turn-around", 0),
		    "turn-around has no effect without half-duplex = yes");
}

void
check_links(struct scene_check *c)
{
	struct conf_sec s;

	for (size_t i = 0; conf_section(c->conf, "link", i, &s); i++) {
		if (i == SCENE_LINKS) {
			diag_add(c->d, s.where->line,
			    "more than %d sections link", SCENE_LINKS);
			return;
		}
		check_link(c, &s, &c->s->link[i]);
		c->s->n_link = i + 1;
	}
}

/* Index of the link that a section names; NULL: reported. */
static const struct link_class *
find_link(struct scene_check *c, const struct conf_sec *s, uint8_t *index)
{
	const char *v = NULL;

	if (check_set(c, s, "link"))
		v = check_value(c, s, "link");
	for (size_t i = 0; v != NULL && i < c->s->n_link; i++)
		if (strcmp(c->s->link[i].name, v) == 0) {
			*index = (uint8_t)i;
			return &c->s->link[i];
		}
	if (v != NULL)
		diag_add(c->d, conf_line(s, "link", 0),
		    "link = \"%.40s\": there is no such link; write link %.40s "
		    "{ bandwidth = ... }",
		    v, v);
	return NULL;
}

/* -- hosts ----------------------------------------------------------------- */

static void
check_senders(struct scene_check *c)
{
	const struct link_class *l;
	struct conf_sec s;

	if (!conf_section(c->conf, "senders", 0, &s)) {
		diag_add(c->d, 0,
		    "there are no senders: write senders hq { count = 1 link = "
		    "... }");
		c->s->senders = 1;
		return;
	}
	check_title(c, &s, c->s->sender_name);
	(void)fields_load(
	    c, &s, scene_senders_fields, scene_n_senders_fields, c->s);
	l = find_link(c, &s, &c->s->uplink);
	if (l != NULL && l->shared)
		diag_add(c->d, conf_line(&s, "link", 0),
		    "link = %s is shared, and each sender has an uplink of its "
		    "own: define another link",
		    l->name);
	if (conf_section(c->conf, "senders", 1, &s))
		diag_add(c->d, s.where->line,
		    "a second section senders: all senders are alike, raise "
		    "the count of the first");
}

static int
read_window(const char *v, t_ns *from, t_ns *to)
{
	const char *dash = strchr(v, '-');
	char first[SV_TEXT];

	if (strcmp(v, "never") == 0) {
		*from = *to = T_NEVER;
		return 0;
	}
	if (dash == NULL) {
		if (sv_read(v, SV_TIME, from))
			return -1;
		*to = *from;
		return 0;
	}
	if ((size_t)(dash - v) >= sizeof(first))
		return -1;
	memcpy(first, v, (size_t)(dash - v));
	first[dash - v] = '\0';
	if (sv_read(first, SV_TIME, from) || sv_read(dash + 1, SV_TIME, to))
		return -1;
	return *from <= *to ? 0 : -1;
}

static void
check_join(
    struct scene_check *c, const struct conf_sec *s, struct scene_recv *r)
{
	const char *v = check_value(c, s, "join");
	unsigned int line = conf_line(s, "join", 0);

	if (v == NULL)
		return;
	if (read_window(v, &r->join_from, &r->join_to))
		diag_add(c->d, line,
		    "join = \"%.40s\": must be a time such as 5s, a window "
		    "such as 0s-20m, or never",
		    v);
	else if (r->join_to != T_NEVER && r->join_to > scene_last(c->s))
		diag_add(c->d, line,
		    "join = \"%.40s\" ends behind the end, or in the quiet "
		    "before it",
		    v);
}

/* Names of hosts must tell their section. */
static void
check_other_names(struct scene_check *c, const struct conf_sec *s)
{
	if (strcmp(s->where->title, c->s->sender_name) == 0)
		diag_add(c->d, s->where->line,
		    "receivers %s: the senders are called that already",
		    s->where->title);
}

static void
check_receivers(
    struct scene_check *c, const struct conf_sec *s, struct scene_recv *r)
{
	check_title(c, s, r->name);
	check_other_names(c, s);
	(void)fields_load(c, s, scene_recv_fields, scene_n_recv_fields, r);
	(void)find_link(c, s, &r->link);
	check_join(c, s, r);
	if (r->servers > c->s->senders)
		diag_add(c->d, conf_line(s, "servers", 0),
		    "servers = %u: there are only %u senders", r->servers,
		    c->s->senders);
}

void
check_hosts(struct scene_check *c)
{
	uint32_t all = 0;
	struct conf_sec s;

	check_senders(c);
	for (size_t i = 0; conf_section(c->conf, "receivers", i, &s); i++) {
		if (i == SCENE_RECVS) {
			diag_add(c->d, s.where->line,
			    "more than %d sections receivers", SCENE_RECVS);
			return;
		}
		check_receivers(c, &s, &c->s->recv[i]);
		c->s->n_recv = i + 1;
		all += c->s->recv[i].count;
		if (all > SCENE_SITE_RECEIVERS)
			diag_add(c->d, conf_line(&s, "count", 0),
			    "%u receivers for each sender with those above: "
			    "%d at most",
			    all, SCENE_SITE_RECEIVERS);
	}
}
