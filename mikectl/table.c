/* SPDX-License-Identifier: ISC */
/* Status for people. */

#include <inttypes.h>
#include <string.h>

#include "mikectl/model.h"

/* 3725 -> "1h02m": two units are enough for a glance. */
static const char *
span(uint64_t s, char buf[32])
{
	if (s < 60)
		(void)snprintf(buf, 32, "%" PRIu64 "s", s);
	else if (s < 3600)
		(void)snprintf(
		    buf, 32, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(buf, 32, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
		    s / 60 % 60);
	else
		(void)snprintf(buf, 32, "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
		    s / 3600 % 24);
	return buf;
}

static void
host_print(const struct model *m, FILE *to)
{
	fprintf(to, "host      %s\n", m->identity);
	fprintf(to, "daemons  ");
	for (size_t i = 0; i < m->n_daemon; i++)
		fprintf(to, " %s %s%s", m->daemon[i].name,
		    m->daemon[i].up ? "up" : "DOWN",
		    i + 1 < m->n_daemon ? "," : "");
	fprintf(to, "\n");
}

/* "reg.ok" with prefix "reg." -> " ok 2": one line for a family. */
static void
counts_print(const struct model *m, uint8_t slot, const char *prefix,
    const char *title, FILE *to)
{
	size_t len = strlen(prefix);
	bool any = false;

	for (size_t i = 0; i < m->n_count; i++) {
		const struct model_count *c = &m->count[i];

		if (c->slot != slot || strncmp(c->name, prefix, len) != 0 ||
		    c->value == 0)
			continue;
		if (!any)
			fprintf(to, "%s", title);
		fprintf(to, "%s %s %" PRIu64, any ? "," : "", c->name + len,
		    c->value);
		any = true;
	}
	if (any)
		fprintf(to, "\n");
}

static void
sas_print(const struct model *m, uint8_t slot, FILE *to)
{
	char a[ADDR_STRLEN], b[ADDR_STRLEN], age[32];
	bool any = false;

	for (size_t i = 0; i < m->n_sa; i++) {
		const struct model_sa *s = &m->sa[i];

		if (s->slot != slot)
			continue;
		if (!any)
			fprintf(to, "  %-10s %-3s %-24s %-24s %10s %12s %7s\n",
			    "SPI", "DIR", "FROM", "TO", "PACKETS", "OCTETS",
			    "AGE");
		any = true;
		fprintf(to,
		    "  0x%08x %-3s %-24s %-24s %10" PRIu64 " %12" PRIu64
		    " %7s\n",
		    s->spi, dir_word(s->dir), addr_text(&s->src, a),
		    addr_text(&s->dst, b), s->packets, s->octets,
		    span(s->age_s, age));
		if (s->replay_drops != 0 || s->integrity_drops != 0)
			fprintf(to,
			    "             dropped: replay %u, integrity %u\n",
			    s->replay_drops, s->integrity_drops);
	}
}

static void
refused_print(const struct model *m, uint8_t slot, FILE *to)
{
	char peer[ADDR_STRLEN], age[32];

	for (size_t i = 0; i < m->n_refused; i++) {
		const struct model_refused *r = &m->refused[i];

		if (r->slot == slot)
			fprintf(to,
			    "  refused %s from %s: %s, %" PRIu32
			    " times, last %s ago\n",
			    r->identity, addr_text(&r->peer, peer), r->cause,
			    r->times, span(r->age_s, age));
	}
}

static void
group_print(const struct model *m, const struct model_group *g, FILE *to)
{
	char age[32], left[32];

	fprintf(to, "\ngroup     %s (%s, slot %u): %s\n", g->name,
	    role_word(g->role), g->slot, state_word(g->state));
	if (g->detail[0] != '\0')
		fprintf(to, "  why     %s\n", g->detail);
	if (g->gcks[0] != '\0')
		fprintf(to, "  keys by %s\n", g->gcks);
	if (g->state == GS_KEYED || g->key_left_s != 0) {
		fprintf(to, "  keys    ");
		if (g->generation != 0) /* receivers are not told */
			fprintf(to, "generation %u, step %u, ", g->generation,
			    g->step);
		fprintf(to, "age %s, %s left\n", span(g->key_age_s, age),
		    span(g->key_left_s, left));
	}
	if (g->restarts != 0)
		fprintf(to, "  restarts of the key manager: %u\n", g->restarts);
	sas_print(m, g->slot, to);
	counts_print(m, g->slot, "reg.", "  registrations:", to);
	counts_print(m, g->slot, "auth.", "  authentication:", to);
	counts_print(m, g->slot, "refuse.", "  requests refused:", to);
	counts_print(m, g->slot, "drop.", "  dropped:", to);
	refused_print(m, g->slot, to);
}

void
table_print(const struct model *m, FILE *to)
{
	host_print(m, to);
	for (size_t i = 0; i < m->n_group; i++)
		group_print(m, &m->group[i], to);
	if (m->n_group == 0)
		fprintf(to, "\nno groups in the policy of this host\n");
	fprintf(to, "\n");
	counts_print(m, SLOT_HOST, "dgram.", "datagrams:", to);
	counts_print(m, SLOT_HOST, "drop.", "dropped by the filter:", to);
	counts_print(m, SLOT_HOST, "route.", "refused by groupd:", to);
	counts_print(m, SLOT_HOST, "cookie.", "cookies:", to);
	counts_print(m, SLOT_HOST, "xfrm.", "dropped by the kernel:", to);
}
