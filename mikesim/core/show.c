/* SPDX-License-Identifier: ISC */
/* Observations of the sites, put in order and given to those who look. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keymgrd/core/ike/keys.h"
#include "mikesim/core/site.h"

/* A site's since the last flush, by time as it goes. */
struct obs_buf {
	struct obs *v;
	size_t n, cap, at;
	/* Octets of theirs, in blocks that do not move. */
	struct block {
		struct block *next;
		size_t len, cap;
		uint8_t p[];
	} * blocks;
};

#define BLOCK 65536

struct obs_buf *
obs_buf_new(void)
{
	return calloc(1, sizeof(struct obs_buf));
}

static void
forget(struct obs_buf *b)
{
	while (b->blocks != NULL) {
		struct block *next = b->blocks->next;

		free(b->blocks);
		b->blocks = next;
	}
	b->n = b->at = 0;
}

void
obs_buf_free(struct obs_buf **b)
{
	if (*b == NULL)
		return;
	forget(*b);
	free((*b)->v);
	free(*b);
	*b = NULL;
}

static void *
hold(struct site *s, const void *p, size_t len)
{
	struct obs_buf *b = s->obs;
	struct block *k = b->blocks;
	size_t want = (len + 15) & ~(size_t)15;
	size_t cap = want > BLOCK ? want : BLOCK;
	uint8_t *to;

	if (k == NULL || k->cap - k->len < want) {
		if ((k = malloc(sizeof(*k) + cap)) == NULL) {
			site_fail(s, -ENOMEM);
			return NULL;
		}
		*k = (struct block){ .next = b->blocks, .cap = cap };
		b->blocks = k;
	}
	to = k->p + k->len;
	k->len += want;
	memcpy(to, p, len);
	return to;
}

static void
hold_chunk(struct site *s, struct chunk *c)
{
	c->p = hold(s, c->p, c->len);
	if (c->p == NULL)
		c->len = 0;
}

static const char *
hold_text(struct site *s, const char *text)
{
	const char *p = hold(s, text, strlen(text) + 1);

	return p != NULL ? p : "";
}

bool
is_shown(const struct site *s)
{
	return s->obs != NULL;
}

static struct obs *
room(struct site *s)
{
	struct obs_buf *b = s->obs;
	size_t cap = b->cap > 0 ? b->cap * 2 : 256;
	struct obs *v;

	if (b->n == b->cap) {
		if ((v = reallocarray(b->v, cap, sizeof(*v))) == NULL) {
			site_fail(s, -ENOMEM);
			return NULL;
		}
		b->v = v;
		b->cap = cap;
	}
	return &b->v[b->n++];
}

void
show(struct site *s, const struct obs *o)
{
	struct obs *c;

	if (s->obs == NULL || (c = room(s)) == NULL)
		return;
	*c = *o;
	switch (o->kind) {
	case OBS_SEND:
		hold_chunk(s, &c->send.data);
		break;
	case OBS_KEYS:
		c->keys.suite = hold(s, o->keys.suite, sizeof(*o->keys.suite));
		c->keys.keys = hold(s, o->keys.keys, sizeof(*o->keys.keys));
		break;
	case OBS_NOTE:
		c->note.token = hold_text(s, o->note.token);
		hold_chunk(s, &c->note.text);
		break;
	case OBS_EVENT:
		c->event.text = hold_text(s, o->event.text);
		break;
	case OBS_BROKEN:
		c->broken.rule = hold_text(s, o->broken.rule);
		c->broken.text = hold_text(s, o->broken.text);
		break;
	default:
		break;
	}
}

/* -- what hosts are ------------------------------------------------------- */

static enum obs_phase
phase_of(const struct site *s, const struct host *h, struct km_status *st)
{
	*st = (struct km_status){ .gcks = "",
		.detail = "",
		.generation = h->said_generation,
		.step = h->said_step };
	if (!host_is_up(h, SD_HOST))
		return PHASE_OFF;
	if (h->life == L_LEFT && h->joined_at != T_NEVER && !h->running)
		return PHASE_LEFT;
	if (h->km == NULL || h->km_phase != KP_RUN)
		return h->n_sa > 0 ? PHASE_KEYED : PHASE_NO_KEYS;
	km_status(h->km, host_boot_ms(s, h), st);
	if (st->state == GS_KEYED)
		return PHASE_KEYED;
	return st->state == GS_REGISTERING ? PHASE_REGISTERING : PHASE_NO_KEYS;
}

static void
count_phase(struct site *s, struct host *h)
{
	if (h->phase == PHASE_KEYED && h->keyed_at == T_NEVER) {
		h->keyed_at = s->now;
		s->registered += h->kind != 0;
	}
}

void
show_phase(struct site *s, struct host *h)
{
	struct obs o = { .t = s->now, .host = h->no, .kind = OBS_STATE };
	struct km_status st;
	enum obs_phase p = phase_of(s, h, &st);

	if (p == h->phase && h->emcon == h->said_emcon &&
	    (p != PHASE_KEYED || (st.step == h->said_step &&
				     st.generation == h->said_generation)))
		return;
	h->phase = (uint8_t)p;
	h->said_emcon = h->emcon;
	h->said_step = st.step;
	h->said_generation = st.generation;
	count_phase(s, h);
	if (!is_shown(s))
		return;
	o.state.phase = p;
	o.state.emcon = (enum emcon)h->emcon;
	o.state.generation = st.generation;
	o.state.step = st.step;
	show(s, &o);
}

void
show_note(struct site *s, struct host *h, enum sim_daemon by, int level,
    const char *token, struct chunk text)
{
	struct obs o = { .t = s->now, .host = h->no, .kind = OBS_NOTE };

	if (!is_shown(s))
		return;
	o.note.by = by;
	o.note.level = level;
	o.note.token = token;
	o.note.text = text;
	show(s, &o);
}

void
show_event(struct site *s, const struct scene_event *ev, struct host *h)
{
	struct obs o = { .t = s->now,
		.host = h != NULL ? h->no : OBS_NOBODY,
		.kind = OBS_EVENT };
	struct scene_event one = *ev;
	char text[SCENE_EVENT_TEXT];

	if (!is_shown(s))
		return;
	if (h != NULL)
		scene_host_name(s->sim->scene, h->no, one.hosts);
	scene_event_text(&one, text);
	o.event.ev = ev;
	o.event.text = text;
	show(s, &o);
}

/* -- to those who look ---------------------------------------------------- */

static int
give(struct sim *sim, const struct obs *o)
{
	int r = 0;

	for (size_t i = 0; i < sim->o.n_sink && r == 0; i++)
		if (sim->o.sink[i].take != NULL)
			r = sim->o.sink[i].take(sim->o.sink[i].arg, o);
	return r;
}

/* Sites are few: the next one is looked for among all. */
static struct obs_buf *
earliest(struct sim *sim)
{
	struct obs_buf *best = NULL;

	for (uint32_t i = 0; i < sim->scene->senders; i++) {
		struct obs_buf *b = sim->site[i].obs;

		if (b != NULL && b->at < b->n &&
		    (best == NULL || b->v[b->at].t < best->v[best->at].t))
			best = b;
	}
	return best;
}

int
show_flush(struct sim *sim)
{
	struct obs_buf *b;
	int r = 0;

	while (r == 0 && (b = earliest(sim)) != NULL)
		r = give(sim, &b->v[b->at++]);
	for (uint32_t i = 0; i < sim->scene->senders; i++)
		if (sim->site[i].obs != NULL)
			forget(sim->site[i].obs);
	return r;
}
