/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mikesim/core/scene_int.h"

/* A text that grows; once memory is out nothing more happens. */
struct str {
	char *p;
	size_t len, room;
	bool failed;
};

static bool
str_room(struct str *s, size_t need)
{
	size_t room = s->room == 0 ? 1024 : s->room;
	char *p;

	while (room < need)
		room *= 2;
	if (room == s->room)
		return true;
	p = realloc(s->p, room);
	if (p == NULL) {
		s->failed = true;
		return false;
	}
	s->p = p;
	s->room = room;
	return true;
}

static void put(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
put(struct str *s, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	must(n >= 0 && (size_t)n < sizeof(text));
	if (s->failed || !str_room(s, s->len + (size_t)n + 1))
		return;
	memcpy(s->p + s->len, text, (size_t)n + 1);
	s->len += (size_t)n;
}

/* Outside quotes a '+' would be refused. */
static void
put_option(struct str *out, const char *opt, const char *value)
{
	const char *quote = strchr(value, '+') != NULL ? "\"" : "";

	put(out, "\t%s = %s%s%s\n", opt, quote, value, quote);
}

/* Those that are not as without being said, or all of them. */
static void
put_fields(
    struct str *out, const struct field *f, size_t n, const void *obj, bool all)
{
	char text[SV_TEXT];

	for (size_t i = 0; i < n; i++)
		if (all || field_get(&f[i], obj) != f[i].def)
			put_option(
			    out, f[i].opt, field_write(&f[i], obj, text));
}

static void
put_run(struct str *out, const struct scene *s)
{
	const char *sep = "";

	put(out, "scenario {\n");
	if (*s->title != '\0') {
		put(out, "\ttitle = \"");
		for (const char *p = s->title; *p != '\0'; p++)
			put(out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
		put(out, "\"\n");
	}
	put_fields(out, scene_fields, scene_n_fields, s, true);
	if (s->needs != 0) {
		put(out, "\tneeds = {");
		for (size_t i = 0; scene_needs[i] != NULL; i++)
			if ((s->needs >> i & 1) != 0) {
				put(out, "%s %s", sep, scene_needs[i]);
				sep = ",";
			}
		put(out, " }\n");
	}
	put(out, "}\n\ngroup {\n");
	put_fields(out, scene_group_fields, scene_n_group_fields, s, true);
	put(out, "}\n");
}

/* As people say it, if that is read as the very same chances. */
static void
put_burst(struct str *out, const struct link_class *l)
{
	double good = chance_as_real(l->to_good),
	       bad = chance_as_real(l->to_bad);
	char share[SV_TEXT], length[SV_TEXT];
	struct link_class again;
	double p, n;

	if (l->to_bad == 0 && l->to_good == 0)
		return;
	if (good > 0) {
		snprintf(share, sizeof(share), "%.9g", bad / (bad + good));
		snprintf(length, sizeof(length), "%.9g", 1 / good);
		if (sv_read_real(share, &p) == 0 &&
		    sv_read_real(length, &n) == 0 && burst_of(p, n, &again) &&
		    again.to_good == l->to_good && again.to_bad == l->to_bad) {
			put_option(out, "burst-loss", sv_write_real(p, share));
			put_option(
			    out, "burst-length", sv_write_real(n, length));
			return;
		}
	}
	put_option(out, "burst-begin", sv_write_chance(l->to_bad, share));
	put_option(out, "burst-end", sv_write_chance(l->to_good, length));
}

static void
put_links(struct str *out, const struct scene *s)
{
	for (size_t i = 0; i < s->n_link; i++) {
		put(out, "\nlink %s {\n", s->link[i].name);
		put_fields(out, scene_link_fields, scene_n_link_fields,
		    &s->link[i], false);
		put_burst(out, &s->link[i]);
		put(out, "}\n");
	}
}

static void
put_join(struct str *out, const struct scene_recv *r)
{
	char from[SV_TEXT], to[SV_TEXT];

	if (r->join_from == T_NEVER)
		put(out, "\tjoin = never\n");
	else if (r->join_from == r->join_to)
		put(out, "\tjoin = %s\n", sv_write(r->join_to, SV_TIME, to));
	else
		put(out, "\tjoin = %s-%s\n",
		    sv_write(r->join_from, SV_TIME, from),
		    sv_write(r->join_to, SV_TIME, to));
}

static void
put_hosts(struct str *out, const struct scene *s)
{
	put(out, "\nsenders %s {\n\tlink = %s\n", s->sender_name,
	    s->link[s->uplink].name);
	put_fields(out, scene_senders_fields, scene_n_senders_fields, s, true);
	put(out, "}\n");
	for (size_t i = 0; i < s->n_recv; i++) {
		const struct scene_recv *r = &s->recv[i];

		put(out, "\nreceivers %s {\n\tlink = %s\n", r->name,
		    s->link[r->link].name);
		put_fields(
		    out, scene_recv_fields, scene_n_recv_fields, r, false);
		put_join(out, r);
		put(out, "}\n");
	}
}

static void
put_timeline(struct str *out, const struct scene *s)
{
	char at[SV_TEXT], text[SCENE_EVENT_TEXT];

	if (s->n_ev == 0)
		return;
	put(out, "\ntimeline {\n\tevents = {\n");
	for (size_t i = 0; i < s->n_ev; i++)
		put(out, "\t\t\"%s %s\",\n", sv_write(s->ev[i].at, SV_TIME, at),
		    scene_event_text(&s->ev[i], text));
	put(out, "\t}\n}\n");
}

static void
put_chaos(struct str *out, const struct scene *s)
{
	if (s->chaos.until == 0)
		return;
	put(out, "\nchaos {\n");
	put_fields(
	    out, scene_chaos_fields, scene_n_chaos_fields, &s->chaos, true);
	put(out, "}\n");
}

char *
scene_text(const struct scene *s)
{
	struct str out = { .p = NULL };

	put_run(&out, s);
	put_links(&out, s);
	put_hosts(&out, s);
	put_timeline(&out, s);
	put_chaos(&out, s);
	if (out.failed) {
		free(out.p);
		return NULL;
	}
	return out.p;
}
