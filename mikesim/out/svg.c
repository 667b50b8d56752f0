/* SPDX-License-Identifier: ISC */
/*
 * The first exchanges of a run as a ladder: a column for each host, time
 * downward.  Rows are evenly apart, so that milliseconds and minutes can
 * stand in one picture; the time of each is written beside it.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mikesim/out/page_int.h"
#include "mikesim/out/page_text.h"

#define LANES 6
#define ROWS 60
#define LANE_GAP 220
#define LEFT 190
#define TOP 104
#define ROW 34
#define SLANT 12       /* an arrow arrives so much lower */
#define PAUSE NS_PER_S /* a longer one is drawn as one */

/* Okabe and Ito's palette; blue and vermillion are told apart by everyone. */
static const char *const colour[PAGE_KINDS] = {
	[PK_INIT] = "#a06a00",
	[PK_AUTH] = "#0072b2",
	[PK_REG] = "#00785a",
	[PK_INFO] = "#a6447c",
	[PK_REKEY] = "#2b7fae",
	[PK_OTHER] = "#555555",
	[PK_DATA] = "#888888",
};
#define LOST "#d55e00"
#define INK "#222222"
#define PALE "#8a8a8a"

struct ladder {
	const struct page *p;
	FILE *f;
	uint32_t lane[LANES];
	size_t n_lane;
	size_t msgs; /* drawn; of the first so many of the store */
	size_t of;
	int y;
};

static bool
find_lane(const struct ladder *l, uint32_t host, size_t *at)
{
	for (*at = 0; *at < l->n_lane; ++*at)
		if (l->lane[*at] == host)
			return true;
	return false;
}

static bool
add_lane(struct ladder *l, uint32_t host)
{
	size_t at;

	if (host == OBS_NOBODY || find_lane(l, host, &at))
		return true;
	if (l->n_lane == LANES)
		return false;
	l->lane[l->n_lane++] = host;
	return true;
}

/* Both ends have a lane, and it is MIKE's. */
static bool
is_shown(const struct ladder *l, const struct page_msg *m)
{
	size_t at;

	return m->kind != PK_DATA && find_lane(l, m->from, &at) &&
	       (m->to == OBS_NOBODY || find_lane(l, m->to, &at));
}

/* Hosts in the order of their first message, then by number. */
static void
choose(struct ladder *l)
{
	const struct page_msgs *s = &l->p->msgs;

	for (size_t i = 0; i < s->n; i++)
		if (s->m[i].kind != PK_DATA && add_lane(l, s->m[i].from))
			(void)add_lane(l, s->m[i].to);
	for (size_t i = 1; i < l->n_lane; i++)
		for (size_t j = i; j > 0 && l->lane[j - 1] > l->lane[j]; j--) {
			uint32_t x = l->lane[j];

			l->lane[j] = l->lane[j - 1];
			l->lane[j - 1] = x;
		}
	for (; l->of < s->n && l->msgs < ROWS; l->of++)
		l->msgs += is_shown(l, &s->m[l->of]);
}

static int
lane_x(size_t lane)
{
	return LEFT + (int)lane * LANE_GAP;
}

static void
text_at(
    const struct ladder *l, int x, int y, const char *attrs, const char *text)
{
	(void)fprintf(l->f, "<text x=\"%d\" y=\"%d\" %s>", x, y, attrs);
	text_xml(l->f, text, strlen(text));
	(void)fputs("</text>\n", l->f);
}

static void
text_time(const struct ladder *l, int y, t_ns t)
{
	char buf[40];

	(void)snprintf(buf, sizeof(buf), "%llu.%03llu s", t / NS_PER_S,
	    t % NS_PER_S / NS_PER_MS);
	text_at(l, LEFT - 110, y,
	    "class=\"t\" text-anchor=\"end\" fill=\"" INK "\"", buf);
}

/* Where an arrow of a message without a receiver goes: out to the side. */
static int
end_x(const struct ladder *l, const struct page_msg *m, uint32_t host)
{
	size_t from = 0, to;

	(void)find_lane(l, m->from, &from);
	if (host == OBS_NOBODY || !find_lane(l, host, &to) || to == from)
		return lane_x(from) + (from > 0 ? -1 : 1) * LANE_GAP / 2;
	return lane_x(to);
}

static void
draw_head(const struct ladder *l, int x, int y, int sign, const char *c,
    enum fate fate)
{
	(void)fprintf(l->f,
	    "<path d=\"M%d %dl%d -5v10z\" fill=\"%s\" stroke=\"%s\"/>\n", x, y,
	    -sign * 10, fate == FATE_LATE ? "#fff" : c, c);
	if (fate == FATE_DUPLICATE)
		(void)fprintf(l->f,
		    "<path d=\"M%d %dl%d -5v10z\" fill=\"%s\"/>\n",
		    x - sign * 9, y, -sign * 10, c);
}

/* One copy: an arrow, or one that ends on the way with its cause. */
static void
draw_copy(const struct ladder *l, const struct page_msg *m,
    const struct page_fate *x, int y)
{
	size_t from = 0;
	bool lost = x != NULL && x->fate > FATE_LATE;
	int x0, x1, y1 = y + SLANT, sign;

	(void)find_lane(l, m->from, &from);
	x0 = lane_x(from);
	x1 = end_x(l, m, x != NULL && x->host != OBS_NOBODY ? x->host : m->to);
	sign = x1 > x0 ? 1 : -1;
	if (lost || x == NULL) {
		x1 = x0 + (x1 - x0) * 3 / 4;
		y1 = y + SLANT * 3 / 4;
	}
	(void)fprintf(l->f,
	    "<path d=\"M%d %dL%d %d\" stroke=\"%s\" stroke-width=\"1.6\" "
	    "fill=\"none\"%s/>\n",
	    x0, y, x1, y1, colour[m->kind],
	    m->response ? " stroke-dasharray=\"6 4\"" : "");
	if (lost) {
		(void)fprintf(l->f,
		    "<path d=\"M%d %dl10 10m0 -10l-10 10\" stroke=\"" LOST
		    "\" stroke-width=\"2.4\"/>\n",
		    x1 - 5, y1 - 5);
		text_at(l, x1 + sign * 10, y1 + 4,
		    sign > 0 ? "class=\"s\" fill=\"" LOST "\""
			     : "class=\"s\" text-anchor=\"end\" fill=\"" LOST
			       "\"",
		    fate_name(x->fate));
	} else if (x != NULL) {
		draw_head(l, x1, y1, sign, colour[m->kind], x->fate);
	}
}

/* The label stands over the middle of the way to the nearest lane. */
static void
draw_label(const struct ladder *l, const struct page_msg *m, int y)
{
	char buf[120], attrs[120];
	size_t from = 0;
	int x0, x1;

	(void)find_lane(l, m->from, &from);
	x0 = lane_x(from);
	x1 = end_x(l, m, m->to);
	(void)snprintf(buf, sizeof(buf), "%s%s, %u octets",
	    page_kind_name(m->kind), m->response ? " response" : "", m->octets);
	(void)snprintf(attrs, sizeof(attrs),
	    "class=\"s h\" text-anchor=\"middle\" fill=\"%s\"",
	    colour[m->kind]);
	text_at(l, x0 + (x1 > x0 ? 1 : -1) * LANE_GAP / 2, y - 4, attrs, buf);
}

static void
draw_msg(struct ladder *l, const struct page_msg *m)
{
	size_t at;

	text_time(l, l->y + 4, m->t);
	if (m->fates == 0)
		draw_copy(l, m, NULL, l->y);
	for (uint32_t i = m->fates; i != 0; i = l->p->msgs.fate[i - 1].next) {
		const struct page_fate *x = &l->p->msgs.fate[i - 1];

		if (x->host == OBS_NOBODY || find_lane(l, x->host, &at))
			draw_copy(l, m, x, l->y);
	}
	draw_label(l, m, l->y);
	l->y += ROW;
}

static void
draw_pause(struct ladder *l, t_ns t)
{
	char buf[60];

	(void)snprintf(buf, sizeof(buf), "%llu.%llu s later", t / NS_PER_S,
	    t % NS_PER_S / (NS_PER_S / 10));
	text_at(l, LEFT - 110, l->y - 6,
	    "class=\"s\" text-anchor=\"end\" fill=\"" PALE "\"", buf);
	for (size_t i = 0; i < l->n_lane; i++)
		(void)fprintf(l->f,
		    "<path d=\"M%d %dv18\" stroke=\"#fff\" stroke-width=\"4\" "
		    "stroke-dasharray=\"3 3\"/>\n",
		    lane_x(i), l->y - 19);
	l->y += ROW * 2 / 3;
}

static void
draw_event(struct ladder *l, const struct page_event *e)
{
	text_time(l, l->y + 4, e->t);
	(void)fprintf(l->f,
	    "<path d=\"M%d %dH%d\" stroke=\"" LOST
	    "\" stroke-dasharray=\"2 3\"/>\n",
	    LEFT - 100, l->y, lane_x(l->n_lane - 1) + 90);
	text_at(
	    l, LEFT - 96, l->y - 4, "class=\"s h\" fill=\"" LOST "\"", e->text);
	l->y += ROW;
}

static void
draw_lanes(const struct ladder *l, int end)
{
	char name[SCENE_HOST_NAME];

	for (size_t i = 0; i < l->n_lane; i++) {
		int x = lane_x(i);

		(void)fprintf(l->f,
		    "<path d=\"M%d %dV%d\" stroke=\"#bbb\"/>\n"
		    "<rect x=\"%d\" y=\"%d\" width=\"180\" height=\"26\" "
		    "rx=\"3\" fill=\"#f3f3f1\" stroke=\"#999\"/>\n",
		    x, TOP - 30, end, x - 90, TOP - 56);
		text_at(l, x, TOP - 39,
		    "text-anchor=\"middle\" fill=\"" INK "\"",
		    scene_host_name(l->p->scene, l->lane[i], name));
	}
}

/* Events before a time; the time of the last thing drawn. */
static t_ns
draw_events(struct ladder *l, size_t *ev, t_ns until, t_ns last)
{
	const struct page *p = l->p;

	for (; *ev < p->n_event && p->event[*ev].t <= until; ++*ev)
		if (*ev < ROWS) {
			if (p->event[*ev].t > last + PAUSE && last > 0)
				draw_pause(l, p->event[*ev].t - last);
			last = p->event[*ev].t;
			draw_event(l, &p->event[*ev]);
		}
	return last;
}

static void
draw_body(struct ladder *l)
{
	size_t ev = 0;
	t_ns last = 0;

	l->y = TOP;
	for (size_t i = 0; i < l->of; i++) {
		const struct page_msg *m = &l->p->msgs.m[i];

		if (!is_shown(l, m))
			continue;
		last = draw_events(l, &ev, m->t, last);
		if (m->t > last + PAUSE && last > 0)
			draw_pause(l, m->t - last);
		last = m->t;
		draw_msg(l, m);
	}
}

static void
write_caption(const struct ladder *l, int y)
{
	char buf[200];
	uint64_t all = 0;

	for (size_t i = 0; i < PAGE_BINS; i++)
		for (int k = 0; k < PK_DATA; k++)
			all += l->p->bin[i].sent[k];
	(void)snprintf(buf, sizeof(buf),
	    "%zu of %" PRIu64 " messages: the first between %zu of %u hosts.  "
	    "Dashed: response.  Rows are evenly apart, time is not.",
	    l->msgs, all, l->n_lane, l->p->hosts);
	text_at(l, 20, y, "class=\"s\" fill=\"" INK "\"", buf);
}

static void
draw_all(const struct ladder *l, const char *body)
{
	const char *title = l->p->scene->title;
	int width = lane_x(l->n_lane > 3 ? l->n_lane - 1 : 2) + 130;
	int end = l->y + 10;

	(void)fprintf(l->f,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
	    "height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"'Helvetica "
	    "Neue',Arial,'Liberation Sans',sans-serif\" font-size=\"13\">\n"
	    "<title>",
	    width, end + 50, width, end + 50);
	text_xml(l->f, title, strlen(title));
	(void)fputs("</title>\n"
		    "<style>.s{font-size:11px}.t{font-size:12px}.h{paint-order:"
		    "stroke;stroke:#fff;stroke-width:4px}</style>\n"
		    "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
	    l->f);
	text_at(l, 20, 28, "font-size=\"17\" fill=\"" INK "\"", title);
	draw_lanes(l, end);
	(void)fputs(body, l->f);
	write_caption(l, end + 30);
	(void)fputs("</svg>\n", l->f);
}

int
page_write_svg(const struct page *p, FILE *f)
{
	struct ladder l = { .p = p };
	char *body = NULL;
	size_t len;

	/* How tall it is is known when all rows are drawn. */
	l.f = open_memstream(&body, &len);
	if (l.f == NULL)
		return -ENOMEM;
	choose(&l);
	draw_body(&l);
	if (fclose(l.f) != 0) {
		free(body);
		return -ENOMEM;
	}
	l.f = f;
	draw_all(&l, body);
	free(body);
	return 0;
}
