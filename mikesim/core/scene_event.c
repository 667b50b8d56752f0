/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "mikesim/core/scene_int.h"

/* Events of the timeline, from the text and back. */

#define WORDS_MAX 12
#define EVENT_MAX 160
#define RATE_MAX 1000000
#define SIZE_MIN 12
#define SIZE_LARGEST 1400
#define STEP_MAX (365 * 86400 * (int64_t)NS_PER_S)
#define DRIFT_MAX 100000000 /* 10 % */
#define AFTER_MAX 1000000
#define HOST_CHARS                                                             \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-*"

/* What follows the verb, in this order. */
enum {
	P_EMCON = 1 << 0,
	P_HOSTS = 1 << 1,
	P_DAEMON = 1 << 2,
	P_STEP = 1 << 3,
	P_DRIFT = 1 << 4,
	P_RATE = 1 << 5,
	P_SIZE = 1 << 6,
	/* Then in any order, if at all. */
	P_FOR = 1 << 7,
	P_OVER = 1 << 8,
	P_AFTER = 1 << 9,
};

static const struct verb_def {
	const char *name;
	unsigned int parts;
	const char *usage;
} verbs[VERBS] = {
	[V_JOIN] = { "join", P_HOSTS | P_OVER, "join HOSTS [over SPAN]" },
	[V_LEAVE] = { "leave", P_HOSTS | P_OVER, "leave HOSTS [over SPAN]" },
	[V_EXCLUDE] = { "exclude", P_HOSTS | P_OVER,
	    "exclude HOSTS [over SPAN]" },
	[V_EMCON] = { "emcon", P_EMCON | P_HOSTS | P_FOR,
	    "emcon transmit|receive-only|silent HOSTS [for SPAN]" },
	[V_CRASH] = { "crash", P_HOSTS | P_DAEMON | P_FOR | P_AFTER,
	    "crash HOSTS DAEMON|host [after MESSAGES] [for SPAN]" },
	[V_LINK_DOWN] = { "link-down", P_HOSTS | P_FOR,
	    "link-down HOSTS [for SPAN]" },
	[V_LINK_UP] = { "link-up", P_HOSTS, "link-up HOSTS" },
	[V_PARTITION] = { "partition", P_HOSTS | P_FOR,
	    "partition HOSTS [for SPAN]" },
	[V_HEAL] = { "heal", 0, "heal" },
	[V_CLOCK_STEP] = { "clock", P_HOSTS | P_STEP,
	    "clock HOSTS +5s (whole milliseconds)" },
	[V_CLOCK_DRIFT] = { "drift", P_HOSTS | P_DRIFT, "drift HOSTS -50ppm" },
	[V_FLOOD] = { "flood", P_HOSTS | P_RATE | P_FOR,
	    "flood RECEIVERS RATE/s [for SPAN]" },
	[V_REPLAY] = { "replay", P_HOSTS | P_RATE | P_FOR,
	    "replay HOSTS RATE/s [for SPAN]" },
	[V_GARBAGE] = { "garbage", P_HOSTS | P_RATE | P_FOR,
	    "garbage HOSTS RATE/s [for SPAN]" },
	[V_TRAFFIC] = { "traffic", P_HOSTS | P_RATE | P_SIZE | P_FOR,
	    "traffic SENDERS RATE/s OCTETS [for SPAN]" },
};

static const char *const daemons[SIM_DAEMONS] = {
	[SD_POLICYD] = "policyd",
	[SD_DISPATCHERD] = "dispatcherd",
	[SD_GROUPD] = "groupd",
	[SD_KEYMGRD] = "keymgrd",
	[SD_HOST] = "host",
};

static const char *const emcons[] = {
	[EMCON_TRANSMIT] = "transmit",
	[EMCON_RECEIVE_ONLY] = "receive-only",
	[EMCON_SILENT] = "silent",
};

const char *
verb_name(enum verb v)
{
	return verbs[v].name;
}

const char *
sim_daemon_name(enum sim_daemon d)
{
	return daemons[d];
}

const char *
emcon_name(enum emcon e)
{
	return emcons[e];
}

/* -- reading --------------------------------------------------------------- */

struct words {
	char text[EVENT_MAX + 1];
	const char *v[WORDS_MAX];
	size_t n, at;
};

static bool
split(struct words *w, const char *text)
{
	char *rest = w->text, *word;

	if (strlcpy(w->text, text, sizeof(w->text)) >= sizeof(w->text))
		return false;
	while ((word = strsep(&rest, " \t")) != NULL) {
		if (*word == '\0')
			continue;
		if (w->n == WORDS_MAX)
			return false;
		w->v[w->n++] = word;
	}
	return true;
}

static const char *
take(struct words *w)
{
	return w->at < w->n ? w->v[w->at++] : "";
}

static bool
one_of(const char *const *names, size_t n, const char *s, int64_t *arg)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], s) == 0) {
			*arg = (int64_t)i;
			return true;
		}
	return false;
}

static const char *
take_hosts(struct scene_event *e, const char *s)
{
	if (*s == '\0')
		return "the hosts are missing";
	if (strlen(s) > SCENE_PATTERN)
		return "the pattern of hosts is longer than 63 characters";
	if (strspn(s, HOST_CHARS) != strlen(s))
		return "hosts are named by letters, digits, '.', '_', '-' and "
		       "'*'";
	(void)strlcpy(e->hosts, s, sizeof(e->hosts));
	return NULL;
}

static const char *
take_step(struct scene_event *e, const char *s)
{
	int64_t ns;

	if (sv_read_step(s, &ns) || ns % (int64_t)NS_PER_MS != 0 ||
	    ns > STEP_MAX || ns < -STEP_MAX)
		return "the step must be a time such as +5s or -300ms";
	e->arg = ns / (int64_t)NS_PER_MS;
	return NULL;
}

static const char *
take_rate(struct scene_event *e, const char *s)
{
	char digits[16];
	size_t n = strlen(s);
	uint64_t v;

	if (n < 3 || n >= sizeof(digits) || strcmp(s + n - 2, "/s") != 0)
		return "the rate must be a number such as 200/s";
	memcpy(digits, s, n - 2);
	digits[n - 2] = '\0';
	if (sv_read(digits, SV_COUNT, &v) || v < 1 || v > RATE_MAX)
		return "the rate must be from 1/s to 1000000/s";
	e->arg = (int64_t)v;
	return NULL;
}

static const char *
take_size(struct scene_event *e, const char *s)
{
	uint64_t v;

	if (sv_read(s, SV_OCTETS, &v) || v < SIZE_MIN || v > SIZE_LARGEST)
		return "the size must be from 12 to 1400 octets";
	e->size = (uint32_t)v;
	return NULL;
}

/* One of the parts that must be there; NULL: fine. */
static const char *
take_part(struct scene_event *e, unsigned int part, const char *s)
{
	switch (part) {
	case P_EMCON:
		return one_of(emcons, NITEMS(emcons), s, &e->arg)
			   ? NULL
			   : "emcon is transmit, receive-only or silent";
	case P_HOSTS:
		return take_hosts(e, s);
	case P_DAEMON:
		return one_of(daemons, NITEMS(daemons), s, &e->arg)
			   ? NULL
			   : "what crashes is policyd, dispatcherd, groupd, "
			     "keymgrd or host";
	case P_STEP:
		return take_step(e, s);
	case P_DRIFT:
		if (sv_read_drift(s, &e->arg) || e->arg > DRIFT_MAX ||
		    e->arg < -DRIFT_MAX)
			return "the drift must be a number such as -50ppm";
		return NULL;
	case P_RATE:
		return take_rate(e, s);
	default:
		return take_size(e, s);
	}
}

static const char *
take_span(struct scene_event *e, const char *s)
{
	if (e->span != 0)
		return "two spans";
	if (sv_read(s, SV_TIME, &e->span) || e->span == 0 ||
	    e->span > SCENE_DURATION_MAX)
		return "the span must be a time such as 90s";
	return NULL;
}

static const char *
take_after(struct scene_event *e, const char *s)
{
	uint64_t v;

	if (e->messages != 0)
		return "two after";
	if (sv_read(s, SV_COUNT, &v) || v < 1 || v > AFTER_MAX)
		return "after how many messages? From 1 to 1000000";
	e->messages = (uint32_t)v;
	return NULL;
}

static const char *
take_tail(struct scene_event *e, unsigned int parts, struct words *w)
{
	const char *why = NULL;

	while (why == NULL && w->at < w->n) {
		const char *word = take(w);

		if (((parts & P_FOR) != 0 && strcmp(word, "for") == 0) ||
		    ((parts & P_OVER) != 0 && strcmp(word, "over") == 0))
			why = take_span(e, take(w));
		else if ((parts & P_AFTER) != 0 && strcmp(word, "after") == 0)
			why = take_after(e, take(w));
		else
			why = "there is more than is understood";
	}
	return why;
}

static bool
find_verb(const char *s, enum verb *v)
{
	for (size_t i = 0; i < NITEMS(verbs); i++)
		if (strcmp(verbs[i].name, s) == 0) {
			*v = (enum verb)i;
			return true;
		}
	return false;
}

const char *
event_parse(struct scene_event *e, const char *text, const char **usage)
{
	struct words w = { .n = 0 };
	const char *why = NULL;
	unsigned int parts;

	*e = (struct scene_event){ .verb = V_JOIN };
	*usage = "TIME VERB HOSTS ...";
	if (!split(&w, text))
		return "too long";
	if (sv_read(take(&w), SV_TIME, &e->at))
		return "it must begin with a time such as 90s";
	if (!find_verb(take(&w), &e->verb)) {
		*usage = "join, leave, exclude, emcon, crash, link-down, "
			 "link-up, partition, heal, clock, drift, flood, "
			 "replay, garbage or traffic";
		return "no such verb";
	}
	*usage = verbs[e->verb].usage;
	parts = verbs[e->verb].parts;
	for (unsigned int p = 1; why == NULL && p < P_FOR; p <<= 1)
		if ((parts & p) != 0)
			why = take_part(e, p, take(&w));
	return why != NULL ? why : take_tail(e, parts, &w);
}

/* -- order ----------------------------------------------------------------- */

struct order {
	t_ns at;
	size_t i;
};

static int
by_time(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

int
events_sort(struct scene_event *ev, size_t n)
{
	struct scene_event *copy;
	struct order *o;

	if (n < 2)
		return 0;
	copy = calloc(n, sizeof(*copy));
	o = calloc(n, sizeof(*o));
	if (copy != NULL && o != NULL) {
		memcpy(copy, ev, n * sizeof(*ev));
		for (size_t i = 0; i < n; i++)
			o[i] = (struct order){ .at = ev[i].at, .i = i };
		qsort(o, n, sizeof(*o), by_time);
		for (size_t i = 0; i < n; i++)
			ev[i] = copy[o[i].i];
	}
	n = copy != NULL && o != NULL;
	free(copy);
	free(o);
	return n ? 0 : -ENOMEM;
}

/* -- writing --------------------------------------------------------------- */

static void
add(char *buf, const char *word)
{
	(void)strlcat(buf, " ", SCENE_EVENT_TEXT);
	(void)strlcat(buf, word, SCENE_EVENT_TEXT);
}

static const char *
part_text(const struct scene_event *e, unsigned int part, char out[SV_TEXT])
{
	switch (part) {
	case P_EMCON:
		return emcons[e->arg];
	case P_HOSTS:
		return e->hosts;
	case P_DAEMON:
		return daemons[e->arg];
	case P_STEP:
		return sv_write_step(e->arg * (int64_t)NS_PER_MS, out);
	case P_DRIFT:
		return sv_write_drift(e->arg, out);
	case P_RATE:
		snprintf(out, SV_TEXT, "%lld/s", (long long)e->arg);
		return out;
	default:
		snprintf(out, SV_TEXT, "%u", e->size);
		return out;
	}
}

const char *
scene_event_text(const struct scene_event *e, char buf[SCENE_EVENT_TEXT])
{
	const struct verb_def *v = &verbs[e->verb];
	char text[SV_TEXT];

	(void)strlcpy(buf, v->name, SCENE_EVENT_TEXT);
	for (unsigned int p = 1; p < P_FOR; p <<= 1)
		if ((v->parts & p) != 0)
			add(buf, part_text(e, p, text));
	if (e->messages != 0) {
		snprintf(text, sizeof(text), "after %u", e->messages);
		add(buf, text);
	}
	if (e->span != 0) {
		add(buf, (v->parts & P_OVER) != 0 ? "over" : "for");
		add(buf, sv_write(e->span, SV_TIME, text));
	}
	return buf;
}
