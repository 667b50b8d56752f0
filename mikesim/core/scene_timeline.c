/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "mikesim/core/scene_int.h"

/* The timeline against the rest of the scenario. */

static const char *
hosts_fault(const struct scene *s, const struct scene_event *e)
{
	unsigned int hits;

	if (e->verb == V_HEAL)
		return NULL;
	hits = scene_hits(s, e->hosts);
	if (hits == 0)
		return "no host matches: names are like hq-01 and "
		       "scout-01-00001";
	if (e->verb == V_TRAFFIC && (hits & HIT_RECEIVER) != 0)
		return "only senders send to the group";
	if (e->verb == V_FLOOD && (hits & HIT_SENDER) != 0)
		return "only receivers can flood their sender";
	return NULL;
}

/* Is there an end to it?  What crashed comes back by itself. */
static bool
is_open(const struct scene *s, const struct scene_event *e)
{
	enum verb end = e->verb == V_LINK_DOWN ? V_LINK_UP : V_HEAL;

	if (e->span != 0)
		return false;
	if (e->verb == V_FLOOD || e->verb == V_REPLAY || e->verb == V_GARBAGE)
		return true;
	if (e->verb != V_LINK_DOWN && e->verb != V_PARTITION)
		return false;
	for (size_t i = 0; i < s->n_ev; i++)
		if (s->ev[i].verb == end && s->ev[i].at >= e->at)
			return false;
	return true;
}

/* Times are at most a year each: no sum overflows. */
static const char *
time_fault(const struct scene *s, const struct scene_event *e)
{
	if (e->at >= s->duration)
		return "after the end: raise the duration or begin earlier";
	if (s->quiet == 0 || e->verb == V_TRAFFIC)
		return NULL;
	if (e->at + e->span > scene_last(s))
		return "in the quiet end, in which there are no events but "
		       "traffic";
	if (is_open(s, e))
		return "lasts into the quiet end: say for how long";
	return NULL;
}

static const char *
needs_fault(const struct scene *s, const struct scene_event *e)
{
	if (e->verb == V_EXCLUDE && (s->needs & NEED_EXCLUSION) == 0)
		return "write needs = { exclusion } in the section scenario";
	return NULL;
}

static void
report(struct scene_check *c, const struct scene_event *e, const char *why)
{
	char text[SCENE_EVENT_TEXT], at[SV_TEXT];

	if (why != NULL)
		diag_add(c->d, e->line, "\"%s %.70s\": %s",
		    sv_write(e->at, SV_TIME, at), scene_event_text(e, text),
		    why);
}

static void
read_events(struct scene_check *c, const struct conf_sec *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *text = conf_value(s, "events", i), *usage, *why;
		struct scene_event *e = &c->s->ev[c->s->n_ev];
		unsigned int line = conf_line(s, "events", i);

		why = event_parse(e, text, &usage);
		e->line = line;
		if (why != NULL)
			diag_add(
			    c->d, line, "\"%.60s\": %s: %s", text, why, usage);
		else
			c->s->n_ev++;
	}
}

void
check_timeline(struct scene_check *c)
{
	struct scene *sc = c->s;
	struct conf_sec s;
	size_t n;

	if (!conf_section(c->conf, "timeline", 0, &s))
		return;
	n = conf_size(&s, "events");
	if (n > SCENE_EVENTS) {
		diag_add(c->d, conf_line(&s, "events", SCENE_EVENTS),
		    "more than %d events", SCENE_EVENTS);
		return;
	}
	if (n == 0)
		return;
	sc->ev = calloc(n, sizeof(*sc->ev));
	if (sc->ev == NULL) {
		c->no_memory = true;
		return;
	}
	read_events(c, &s, n);
	if (events_sort(sc->ev, sc->n_ev))
		c->no_memory = true;
	for (size_t i = 0; i < sc->n_ev; i++) {
		report(c, &sc->ev[i], time_fault(sc, &sc->ev[i]));
		report(c, &sc->ev[i], hosts_fault(sc, &sc->ev[i]));
		report(c, &sc->ev[i], needs_fault(sc, &sc->ev[i]));
	}
}
