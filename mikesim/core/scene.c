/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "mikesim/core/scene_int.h"

t_ns
scene_last(const struct scene *s)
{
	return s->duration - (s->quiet < s->duration ? s->quiet : s->duration);
}

/* It goes into logs, pages and JSON. */
static void
check_title(struct scene_check *c, const struct conf_sec *s)
{
	const char *v = check_value(c, s, "title");
	unsigned int line = conf_line(s, "title", 0);

	if (v == NULL)
		return;
	for (const char *p = v; *p != '\0'; p++)
		if (*p < 0x20 || *p >= 0x7f) {
			diag_add(c->d, line,
			    "title: use printable ASCII characters only");
			return;
		}
	if (strlcpy(c->s->title, v, sizeof(c->s->title)) >= sizeof(c->s->title))
		diag_add(c->d, line, "title is longer than %zu octets",
		    sizeof(c->s->title) - 1);
}

static void
check_needs(struct scene_check *c, const struct conf_sec *s)
{
	for (size_t i = 0; i < conf_size(s, "needs"); i++) {
		const char *v = conf_value(s, "needs", i);
		size_t k = 0;

		while (scene_needs[k] != NULL && strcmp(scene_needs[k], v) != 0)
			k++;
		if (scene_needs[k] == NULL)
			diag_add(c->d, conf_line(s, "needs", i),
			    "needs \"%.40s\" is unknown: use rekey, exclusion "
			    "or agreement",
			    v);
		else
			c->s->needs |= 1u << k;
	}
}

/* The delays must leave something of the lifetime, as policyd wants it. */
static void
check_group_times(struct scene_check *c, const struct conf_sec *g)
{
	struct scene *s = c->s;

	if (!conf_is_set(g, "atd") && s->atd_s > s->lifetime_s / 8)
		s->atd_s = s->lifetime_s / 8;
	if (!conf_is_set(g, "dtd") && s->dtd_s > s->lifetime_s / 4)
		s->dtd_s = s->lifetime_s / 4;
	if (s->atd_s + s->dtd_s >= s->lifetime_s)
		diag_add(c->d, conf_line(g, "lifetime", 0),
		    "lifetime (%us) must be longer than atd + dtd (%us)",
		    s->lifetime_s, s->atd_s + s->dtd_s);
}

static void
check_fragment(struct scene_check *c, const struct conf_sec *g)
{
	uint32_t v = c->s->fragment;

	if (v > 0 && v < 576)
		diag_add(c->d, conf_line(g, "fragment", 0),
		    "fragment = \"%u\": must be 0 (never) or from 576 to 65535",
		    v);
}

static void
check_group(struct scene_check *c)
{
	struct conf_sec g;
	bool has = conf_section(c->conf, "group", 0, &g);
	bool good = fields_load(
	    c, has ? &g : NULL, scene_group_fields, scene_n_group_fields, c->s);

	if (has)
		check_fragment(c, &g);
	if (has && good)
		check_group_times(c, &g);
}

void
check_run(struct scene_check *c)
{
	struct conf_sec run;
	bool has = conf_section(c->conf, "scenario", 0, &run);

	(void)fields_load(
	    c, has ? &run : NULL, scene_fields, scene_n_fields, c->s);
	if (!has) {
		diag_add(c->d, 0,
		    "there is no section scenario: write scenario { duration = "
		    "10m }");
	} else {
		check_title(c, &run);
		check_needs(c, &run);
		if (check_set(c, &run, "duration") &&
		    c->s->quiet >= c->s->duration)
			diag_add(c->d, conf_line(&run, "quiet", 0),
			    "quiet must be shorter than the duration");
	}
	check_group(c);
}

static void
check_chaos_times(struct scene_check *c, const struct conf_sec *s)
{
	struct scene_chaos *k = &c->s->chaos;
	t_ns last = scene_last(c->s);

	if (!conf_is_set(s, "until"))
		k->until = last;
	if (k->until > last)
		diag_add(c->d, conf_line(s, "until", 0),
		    "until is behind the end, or in the quiet before it");
	else if (k->from >= k->until || k->until - k->from < NS_PER_S)
		diag_add(c->d, conf_line(s, "from", 0),
		    "from must be a second or more before until");
	else if (!conf_is_set(s, "longest") && k->longest > k->until - k->from)
		k->longest = k->until - k->from;
	else if (k->longest > k->until - k->from)
		diag_add(c->d, conf_line(s, "longest", 0),
		    "longest is longer than the time from from until until");
}

/* Of a leave may become two events. */
static size_t
chaos_events(const struct scene_chaos *k)
{
	return (size_t)k->crashes + k->emcons + k->partitions + k->outages +
	       2 * (size_t)k->leaves;
}

void
check_chaos(struct scene_check *c)
{
	struct scene_chaos *k = &c->s->chaos;
	struct conf_sec s;

	if (!conf_section(c->conf, "chaos", 0, &s))
		return;
	if (fields_load(c, &s, scene_chaos_fields, scene_n_chaos_fields, k))
		check_chaos_times(c, &s);
	if (c->s->n_ev + chaos_events(k) > SCENE_EVENTS)
		diag_add(c->d, s.where->line,
		    "more than %d events with those of the timeline (leaves "
		    "count twice)",
		    SCENE_EVENTS);
	if (c->s->n_recv == 0 && k->leaves != 0)
		diag_add(c->d, conf_line(&s, "leaves", 0),
		    "leaves: there are no receivers that could leave");
}

static int
understand(struct scene *s, const struct conf *conf, struct diag *d)
{
	struct scene_check c = { .conf = conf, .s = s, .d = d };

	check_run(&c);
	check_links(&c);
	check_hosts(&c);
	check_timeline(&c);
	check_chaos(&c);
	if (c.no_memory)
		return -ENOMEM;
	return d->n == 0 ? 0 : -EINVAL;
}

int
scene_load(struct scene **out, const void *text, size_t len, struct diag *d)
{
	struct text *t = NULL;
	struct conf *conf = NULL;
	struct scene *s = NULL;
	int r;

	if ((r = text_read(&t, text, len, d)) ||
	    (r = conf_parse(&conf, t, scene_options(), d)))
		goto out;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		r = -ENOMEM;
		goto out;
	}
	r = understand(s, conf, d);
	if (r == 0) {
		*out = s;
		s = NULL;
	}
out:
	scene_free(&s);
	conf_free(&conf);
	text_free(&t);
	return r;
}

void
scene_free(struct scene **s)
{
	if (*s == NULL)
		return;
	free((*s)->ev);
	free(*s);
	*s = NULL;
}
