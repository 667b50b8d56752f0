/* SPDX-License-Identifier: ISC */
/*
 * A run as JSON for the page's script (mikesim/page/data.js reads it).  Times
 * are microseconds.  Numbers above 2^53 and what people gave names to are
 * strings.
 */

#include <inttypes.h>
#include <string.h>

#include "mikesim/out/page_int.h"
#include "mikesim/out/page_text.h"

#define US(t) ((uint64_t)(t) / 1000u)

static void
key(FILE *f, const char *name)
{
	(void)fprintf(f, ",\n\"%s\":", name);
}

static void
str(FILE *f, const char *s)
{
	text_json(f, s, strlen(s));
}

static void
comma(FILE *f, size_t i)
{
	if (i > 0)
		(void)putc(',', f);
}

static void
num(FILE *f, const char *name, uint64_t v)
{
	key(f, name);
	(void)fprintf(f, "%" PRIu64, v);
}

static void
write_head(const struct page *p, FILE *f, const struct sim *sim)
{
	const struct scene *s = p->scene;
	struct sim_results r = { 0 };

	sim_results(sim, &r);
	(void)fprintf(f, "{\"version\":1");
	key(f, "title");
	text_json(f, s->title, strnlen(s->title, sizeof(s->title)));
	(void)fprintf(f, ",\n\"seed\":\"%" PRIu64 "\"", s->seed);
	num(f, "end", US(r.now > 0 ? r.now : s->duration));
	num(f, "duration", US(s->duration));
	(void)fprintf(f, ",\n\"stopped\":%s", r.stopped ? "true" : "false");
	num(f, "hosts", p->hosts);
	num(f, "senders", p->senders);
	num(f, "receivers", p->receivers);
	num(f, "drawn", p->drawn);
	num(f, "msgStride", p->msgs.stride);
	num(f, "msgEvery", p->msgs.every);
	num(f, "appEvery", p->msgs.app_every);
	num(f, "fatesLeftOut", p->msgs.fates_left_out);
	num(f, "textsLeftOut", p->msgs.texts_left_out);
	num(f, "eventsLeftOut", p->events_left_out);
	num(f, "changesLeftOut", p->changes_left_out);
	num(f, "changesUntil", US(p->changes_until));
}

static void
write_host(const struct page *p, FILE *f, uint32_t host)
{
	char name[SCENE_HOST_NAME];

	comma(f, host);
	(void)fprintf(f, "[%u,%u,", host, scene_site(p->scene, host));
	str(f, scene_host_name(p->scene, host, name));
	(void)putc(']', f);
}

static void
write_hosts(const struct page *p, FILE *f)
{
	const struct scene *s = p->scene;

	key(f, "names");
	(void)putc('[', f);
	for (uint32_t i = 0; i < p->senders; i++)
		write_host(p, f, i);
	for (uint32_t i = 0; i < p->senders && p->receivers > 0; i++)
		for (uint32_t j = 0; j < p->drawn; j++)
			write_host(p, f, page_drawn(p, i, j));
	(void)putc(']', f);
	key(f, "sections");
	(void)putc('[', f);
	for (size_t i = 0; i < s->n_recv; i++) {
		comma(f, i);
		(void)putc('[', f);
		str(f, s->recv[i].name);
		(void)fprintf(f, ",%u]", s->recv[i].count);
	}
	(void)putc(']', f);
}

static void
write_names(FILE *f)
{
	key(f, "kinds");
	(void)putc('[', f);
	for (int i = 0; i < PAGE_KINDS; i++) {
		comma(f, (size_t)i);
		str(f, page_kind_name((enum page_kind)i));
	}
	(void)putc(']', f);
	key(f, "fates");
	(void)putc('[', f);
	for (int i = 0; i < FATES; i++) {
		comma(f, (size_t)i);
		str(f, fate_name((enum fate)i));
	}
	(void)putc(']', f);
	key(f, "phases");
	(void)putc('[', f);
	for (int i = 0; i < PHASES; i++) {
		comma(f, (size_t)i);
		str(f, phase_name((enum obs_phase)i));
	}
	(void)putc(']', f);
}

static void
write_states(const struct page *p, FILE *f)
{
	struct b64 b = { .f = f };
	uint64_t last = 0;

	key(f, "states");
	(void)putc('[', f);
	for (size_t i = 0; i < p->n_state; i++) {
		const struct page_state *s = &p->state[i];

		comma(f, i);
		(void)fprintf(f, "[%d,%d,%u,%u]", (int)s->phase, (int)s->emcon,
		    s->generation, s->step);
	}
	(void)putc(']', f);
	num(f, "nChanges", p->n_change);
	/* For each: microseconds since the one before, host, state. */
	key(f, "changes");
	(void)putc('"', f);
	for (size_t i = 0; i < p->n_change; i++) {
		const struct page_change *c = &p->change[i];
		uint64_t t = c->t_us > last ? c->t_us : last;

		b64_varint(&b, t - last);
		b64_varint(&b, c->host);
		b64_varint(&b, c->state);
		last = t;
	}
	b64_end(&b);
	(void)putc('"', f);
}

static void
write_endpoint(FILE *f, const struct endpoint *e)
{
	char a[ADDR_STRLEN], buf[ADDR_STRLEN + 16];

	(void)addr_text(&e->addr, a);
	(void)snprintf(buf, sizeof(buf),
	    e->addr.len == 16 ? "[%s]:%u" : "%s:%u", a, e->port);
	str(f, buf);
}

static void
write_spi(FILE *f, const uint8_t spi[8])
{
	(void)fputs(",\"", f);
	for (size_t i = 0; i < 8; i++)
		(void)fprintf(f, "%02x", spi[i]);
	(void)putc('"', f);
}

static long long
host_num(uint32_t host)
{
	return host == OBS_NOBODY ? -1 : (long long)host;
}

/* Copies one by one, the newest first: host, fate, time. */
static void
write_fates(const struct page *p, FILE *f, const struct page_msg *m)
{
	size_t i = 0, n = 0;

	(void)fputs(",[", f);
	for (uint32_t at = m->fates; at != 0; at = p->msgs.fate[at - 1].next) {
		const struct page_fate *x = &p->msgs.fate[at - 1];

		comma(f, i++);
		(void)fprintf(f, "[%lld,%d,%" PRIu64 "]", host_num(x->host),
		    (int)x->fate, US(x->t));
	}
	(void)fputs("],[", f);
	for (int k = 0; k < FATES; k++)
		if (m->n_fate[k] > 0) {
			comma(f, n++);
			(void)fprintf(f, "[%d,%u]", k, m->n_fate[k]);
		}
	(void)putc(']', f);
}

/*
 * [time, from, to or -1, kind, 0 request 1 response 2 no IKE, octets, source,
 * destination, copies drawn, copies counted, SPIs, message ID, exchange,
 * payloads]; the last five for IKE only.
 */
static void
write_msg(const struct page *p, FILE *f, const struct page_msg *m)
{
	(void)fprintf(f, "[%" PRIu64 ",%lld,%lld,%d,%d,%u,", US(m->t),
	    host_num(m->from), host_num(m->to), m->kind,
	    !m->ike	  ? 2
	    : m->response ? 1
			  : 0,
	    m->octets);
	write_endpoint(f, &m->src);
	(void)putc(',', f);
	write_endpoint(f, &m->dst);
	write_fates(p, f, m);
	if (m->ike) {
		write_spi(f, m->spi_i);
		write_spi(f, m->spi_r);
		(void)fprintf(f, ",%u,%u,", m->mid, m->exchange);
		str(f, m->text == NULL ? "" : m->text);
	} else if (m->text != NULL) {
		(void)fputs(",\"\",\"\",0,0,", f);
		str(f, m->text);
	}
	(void)putc(']', f);
}

static void
write_msgs(const struct page *p, FILE *f)
{
	key(f, "msgs");
	(void)putc('[', f);
	for (size_t i = 0; i < p->msgs.n; i++) {
		(void)fputs(i > 0 ? ",\n" : "\n", f);
		write_msg(p, f, &p->msgs.m[i]);
	}
	(void)putc(']', f);
}

static void
write_bins(const struct page *p, FILE *f)
{
	(void)fprintf(f, ",\n\"binWidth\":%" PRIu64,
	    US(p->scene->duration / PAGE_BINS + 1));
	/* By kind, then delivered copies, then lost ones. */
	key(f, "bins");
	(void)putc('[', f);
	for (size_t k = 0; k < PAGE_KINDS + 2; k++) {
		(void)fputs(k > 0 ? ",\n[" : "\n[", f);
		for (size_t i = 0; i < PAGE_BINS; i++) {
			const struct page_bin *b = &p->bin[i];

			comma(f, i);
			(void)fprintf(f, "%u",
			    k < PAGE_KINDS    ? b->sent[k]
			    : k == PAGE_KINDS ? b->delivered
					      : b->lost);
		}
		(void)putc(']', f);
	}
	(void)putc(']', f);
}

static void
write_events(const struct page *p, FILE *f)
{
	key(f, "events");
	(void)putc('[', f);
	for (size_t i = 0; i < p->n_event; i++) {
		const struct page_event *e = &p->event[i];

		comma(f, i);
		(void)fprintf(
		    f, "\n[%" PRIu64 ",%" PRIu64 ",", US(e->t), US(e->span));
		str(f, e->what);
		(void)putc(',', f);
		str(f, e->text);
		(void)putc(']', f);
	}
	(void)putc(']', f);
}

/* The bins in use, without the empty ones behind them. */
static void
write_bin_row(FILE *f, const t_ns *v, t_ns per)
{
	size_t n = MEDIUM_BINS;

	while (n > 0 && v[n - 1] < per)
		n--;
	(void)fputs(",[", f);
	for (size_t i = 0; i < n; i++) {
		comma(f, i);
		(void)fprintf(f, "%" PRIu64, v[i] / per);
	}
	(void)putc(']', f);
}

/*
 * [name, site, stations, bin width, per mille busy ..., backlog ms ...].
 * A medium of two channels is busy when both are.
 */
static void
write_medium(FILE *f, const struct sim_medium *m, size_t i)
{
	const struct medium_stat *st = m->stat;
	t_ns whole = st->bin_width * (m->cls->half_duplex ? 1 : 2);

	(void)fputs(i > 0 ? ",\n[" : "\n[", f);
	text_json(f, m->name, strnlen(m->name, sizeof(m->name)));
	(void)fprintf(
	    f, ",%u,%u,%" PRIu64, m->site, m->stations, US(st->bin_width));
	write_bin_row(f, st->bin_air, whole >= 1000 ? whole / 1000 : 1);
	write_bin_row(f, st->bin_backlog, NS_PER_MS);
	(void)putc(']', f);
}

static void
write_media(FILE *f, const struct sim *sim)
{
	struct sim_medium m;
	size_t n = 0;
	uint64_t left_out = 0;

	key(f, "media");
	(void)putc('[', f);
	for (size_t i = 0; sim_medium_at(sim, i, &m); i++) {
		if (m.stat == NULL || m.stat->bin_width == 0)
			continue;
		if (n == PAGE_MEDIA)
			left_out++;
		else
			write_medium(f, &m, n++);
	}
	(void)putc(']', f);
	num(f, "mediaLeftOut", left_out);
}

void
page_write_json(const struct page *p, FILE *f, const struct sim *sim)
{
	write_head(p, f, sim);
	write_names(f);
	write_hosts(p, f);
	write_states(p, f);
	write_events(p, f);
	write_bins(p, f);
	write_media(f, sim);
	write_msgs(p, f);
	(void)fputs("}\n", f);
}
