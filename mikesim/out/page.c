/* SPDX-License-Identifier: ISC */
/* The collector: what the pictures need of a run, and not more. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mikesim/out/page_int.h"

#define CHANGES_PER_HOST 16
#define CHANGES_MIN 65536
#define CHANGE_US_MAX ((1ull << 48) - 1)

const char *
page_kind_name(enum page_kind k)
{
	static const char *const name[PAGE_KINDS] = {
		[PK_INIT] = "IKE_SA_INIT",
		[PK_AUTH] = "GSA_AUTH",
		[PK_REG] = "GSA_REGISTRATION",
		[PK_INFO] = "INFORMATIONAL",
		[PK_REKEY] = "GSA_REKEY",
		[PK_OTHER] = "other",
		[PK_DATA] = "application data",
	};

	return (unsigned int)k < PAGE_KINDS ? name[k] : "?";
}

int
page_grow(void **array, size_t *room, size_t want, size_t size)
{
	size_t n = *room == 0 ? 64 : *room;
	void *a;

	if (want <= *room)
		return 0;
	while (n < want)
		n *= 2;
	a = reallocarray(*array, n, size);
	if (a == NULL)
		return -ENOMEM;
	*array = a;
	*room = n;
	return 0;
}

/* -- which hosts are drawn ------------------------------------------------ */

/* The j-th of k that lie evenly among n. */
static uint32_t
spread(uint32_t j, uint32_t k, uint32_t n)
{
	return (uint32_t)((uint64_t)j * n / k);
}

uint32_t
page_drawn(const struct page *p, uint32_t site, uint32_t nth)
{
	return p->senders + site * p->receivers +
	       spread(nth, p->drawn, p->receivers);
}

bool
page_draws(const struct page *p, uint32_t host, uint32_t *nth)
{
	uint32_t r, j;

	*nth = 0;
	if (host < p->senders)
		return true;
	if (host >= p->hosts || p->drawn == 0)
		return false;
	r = (host - p->senders) % p->receivers;
	j = (uint32_t)(((uint64_t)r * p->drawn + p->receivers - 1) /
		       p->receivers);
	if (j >= p->drawn || spread(j, p->drawn, p->receivers) != r)
		return false;
	*nth = j;
	return true;
}

static void
choose_hosts(struct page *p)
{
	uint64_t most = p->o.hosts_max != 0 ? p->o.hosts_max : PAGE_RECEIVERS;
	uint64_t all = (uint64_t)p->receivers * p->senders;

	p->drawn = p->receivers;
	if (all <= most && all <= PAGE_PER_SITE)
		return;
	if (all > most)
		p->drawn = (uint32_t)(most / p->senders);
	if (p->drawn > PAGE_PER_SITE)
		p->drawn = PAGE_PER_SITE;
	if (p->drawn == 0)
		p->drawn = 1;
}

/* -- states --------------------------------------------------------------- */

/*
 * The first ones are those of every phase without keys told apart, for the
 * time when there are too many different keys.
 */
static void
states_init(struct page *p)
{
	for (unsigned int i = 0; i < PHASES; i++)
		for (unsigned int j = 0; j <= EMCON_SILENT; j++)
			p->state[p->n_state++] =
			    (struct page_state){ .phase = (enum obs_phase)i,
				    .emcon = (enum emcon)j };
}

static uint16_t
state_code(struct page *p, const struct obs *o)
{
	const struct page_state *s;
	bool keyed = o->state.phase == PHASE_KEYED;
	uint32_t generation = keyed ? o->state.generation : 0;
	uint32_t step = keyed ? o->state.step : 0;

	/* The newest first: most hosts are there. */
	for (size_t i = p->n_state; i-- > 0;) {
		s = &p->state[i];
		if (s->phase == o->state.phase && s->emcon == o->state.emcon &&
		    s->generation == generation && s->step == step)
			return (uint16_t)i;
	}
	if (p->n_state == PAGE_STATES)
		return (uint16_t)(o->state.phase * (EMCON_SILENT + 1) +
				  o->state.emcon);
	p->state[p->n_state] = (struct page_state){ o->state.phase,
		o->state.emcon, generation, step };
	return (uint16_t)p->n_state++;
}

static int
take_state(struct page *p, const struct obs *o)
{
	uint16_t code;
	uint64_t us = o->t / 1000;

	if (o->state.phase >= PHASES || o->state.emcon > EMCON_SILENT)
		return -EINVAL;
	code = state_code(p, o);
	if (p->now[o->host] == code)
		return 0;
	if (p->n_change == p->change_max) {
		if (p->changes_left_out++ == 0)
			p->changes_until = o->t;
		return 0;
	}
	if (page_grow((void **)&p->change, &p->change_room, p->n_change + 1,
		sizeof(*p->change)) != 0)
		return -ENOMEM;
	p->now[o->host] = code;
	p->change[p->n_change++] = (struct page_change){
		.t_us = us & CHANGE_US_MAX, .state = code, .host = o->host
	};
	return 0;
}

/* -- messages and events -------------------------------------------------- */

static struct page_bin *
bin_at(struct page *p, t_ns t)
{
	t_ns width = p->scene->duration / PAGE_BINS + 1;
	t_ns i = t / width;

	return &p->bin[i < PAGE_BINS ? i : PAGE_BINS - 1];
}

static int
take_send(struct page *p, const struct obs *o)
{
	struct page_msg m;

	page_classify(&m, o);
	bin_at(p, o->t)->sent[m.kind]++;
	return page_msgs_send(p, o, &m);
}

static int
take_fate(struct page *p, const struct obs *o)
{
	if (o->fate.fate >= FATES)
		return -EINVAL;
	if (o->fate.fate <= FATE_LATE)
		bin_at(p, o->t)->delivered++;
	else
		bin_at(p, o->t)->lost++;
	return page_msgs_fate(p, o);
}

static int
add_event(struct page *p, t_ns t, t_ns span, const char *what, const char *text)
{
	char *copy;

	if (p->n_event == PAGE_EVENTS) {
		p->events_left_out++;
		return 0;
	}
	if (page_grow((void **)&p->event, &p->event_room, p->n_event + 1,
		sizeof(*p->event)) != 0)
		return -ENOMEM;
	copy = strndup(text == NULL ? "" : text, PAGE_EVENT_TEXT);
	if (copy == NULL)
		return -ENOMEM;
	p->event[p->n_event++] = (struct page_event){ t, span, what, copy };
	return 0;
}

static int
take_event(struct page *p, const struct obs *o)
{
	const struct scene_event *ev = o->event.ev;

	return add_event(p, o->t, ev == NULL ? 0 : ev->span,
	    ev == NULL ? "" : verb_name(ev->verb), o->event.text);
}

static int
take_broken(struct page *p, const struct obs *o)
{
	char text[PAGE_EVENT_TEXT];

	(void)snprintf(text, sizeof(text), "%s: %s", o->broken.rule,
	    o->broken.text == NULL ? "" : o->broken.text);
	return add_event(p, o->t, 0, "broken", text);
}

/* -- the sink ------------------------------------------------------------- */

static int
open_file(struct page *p, FILE **f, const char *path)
{
	int e;

	if (path == NULL)
		return 0;
	*f = fopen(path, "we");
	if (*f != NULL)
		return 0;
	e = errno;
	(void)snprintf(p->why, sizeof(p->why),
	    "%s: cannot write the pictures: %s; name a file in a directory "
	    "that you may write to",
	    path, strerror(e));
	return -e;
}

static int
no_memory(struct page *p)
{
	(void)snprintf(p->why, sizeof(p->why),
	    "out of memory for the pictures; run without --html and --svg");
	return -ENOMEM;
}

static int
page_begin(void *arg, const struct scene *s)
{
	struct page *p = arg;
	uint32_t max = p->o.msgs_max != 0 ? p->o.msgs_max : PAGE_MSGS;
	int rc;

	p->scene = s;
	p->hosts = scene_hosts(s);
	p->senders = s->senders;
	if (p->senders > 0)
		p->receivers = (p->hosts - p->senders) / p->senders;
	choose_hosts(p);
	states_init(p);
	p->change_max = (size_t)p->hosts * CHANGES_PER_HOST + CHANGES_MIN;
	p->now = calloc((size_t)p->hosts + 1, sizeof(*p->now));
	if (p->now == NULL || page_msgs_init(&p->msgs, max) != 0)
		return no_memory(p);
	rc = open_file(p, &p->html, p->o.html);
	return rc != 0 ? rc : open_file(p, &p->svg, p->o.svg);
}

static int
take(struct page *p, const struct obs *o)
{
	switch (o->kind) {
	case OBS_SEND:
		return take_send(p, o);
	case OBS_FATE:
		return take_fate(p, o);
	case OBS_STATE:
		return o->host < p->hosts ? take_state(p, o) : -EINVAL;
	case OBS_EVENT:
		return take_event(p, o);
	case OBS_BROKEN:
		return take_broken(p, o);
	case OBS_KEYS:
	case OBS_NOTE:
	case OBS_SA:
		break;
	}
	return 0;
}

static int
page_take(void *arg, const struct obs *o)
{
	struct page *p = arg;
	int rc = take(p, o);

	if (rc == -ENOMEM)
		return no_memory(p);
	if (rc != 0)
		(void)snprintf(p->why, sizeof(p->why),
		    "the simulation said what cannot be at %llu ns (kind %d, "
		    "host %u); this is a defect of mikesim, please report it",
		    (unsigned long long)o->t, (int)o->kind, o->host);
	return rc;
}

/* What is written is complete, or an error says that it is not. */
static int
close_file(struct page *p, FILE **f, const char *path, int rc)
{
	if (*f == NULL)
		return rc;
	if (ferror(*f) != 0 && rc == 0)
		rc = -EIO;
	if (fclose(*f) != 0 && rc == 0)
		rc = -errno;
	*f = NULL;
	if (rc != 0)
		(void)snprintf(p->why, sizeof(p->why),
		    "%s: cannot write the pictures: %s; the file is not "
		    "complete: make room and run again",
		    path, strerror(-rc));
	return rc;
}

static int
page_end(void *arg, const struct sim *sim)
{
	struct page *p = arg;
	int rc = 0, rc_svg = 0;

	if (p->html != NULL) {
		rc = page_write_html(p, p->html, sim);
		rc = close_file(p, &p->html, p->o.html, rc);
	}
	if (p->svg != NULL) {
		rc_svg = page_write_svg(p, p->svg);
		rc_svg = close_file(p, &p->svg, p->o.svg, rc_svg);
	}
	return rc != 0 ? rc : rc_svg;
}

int
page_new(struct page **out, const struct page_opts *o)
{
	struct page *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->o = *o;
	*out = p;
	return 0;
}

void
page_free(struct page **pp)
{
	struct page *p = *pp;

	if (p == NULL)
		return;
	if (p->html != NULL)
		(void)fclose(p->html);
	if (p->svg != NULL)
		(void)fclose(p->svg);
	for (size_t i = 0; i < p->n_event; i++)
		free(p->event[i].text);
	free(p->event);
	free(p->change);
	free(p->now);
	page_msgs_fini(&p->msgs);
	free(p);
	*pp = NULL;
}

struct obs_sink
page_sink(struct page *p)
{
	return (struct obs_sink){ .arg = p,
		.begin = page_begin,
		.take = page_take,
		.end = page_end };
}

const char *
page_error(const struct page *p)
{
	return p->why;
}

size_t
page_memory(const struct page *p)
{
	size_t n = sizeof(*p) + p->hosts * sizeof(*p->now);

	n += p->change_room * sizeof(*p->change);
	n += p->event_room * sizeof(*p->event);
	for (size_t i = 0; i < p->n_event; i++)
		n += strlen(p->event[i].text) + 1;
	return n + page_msgs_memory(&p->msgs);
}
