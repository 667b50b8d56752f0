/* SPDX-License-Identifier: ISC */
/* The timeline: what the scenario does to hosts, and what hosts do for it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/ike/hdr.h"
#include "mikesim/core/site.h"

struct story {
	const struct scene_event *ev;
	bool end;   /* of a window */
	t_ns until; /* an actor acts until then */
};

static void
at(struct site *s, t_ns t, enum what w, struct host *h, struct story st)
{
	struct story *p = malloc(sizeof(*p));

	if (p == NULL) {
		site_fail(s, -ENOMEM);
		return;
	}
	*p = st;
	site_at(s, t, w, h, p);
}

/* -- actors --------------------------------------------------------------- */

/* Another SPI of the same request: to its sender another peer. */
static void
forge_init(struct site *s, struct host *h, const struct endpoint *src,
    const struct endpoint *dst)
{
	uint8_t buf[2048];
	size_t len;

	if (s->sample == NULL || s->sample->data.len > sizeof(buf))
		return; /* nobody has asked yet: nothing to forge from */
	len = s->sample->data.len;
	memcpy(buf, s->sample->data.p, len);
	rng_fill(&h->rng, buf + 1, 7);
	road_forge(s, h, src, dst, (struct chunk){ buf, len });
}

static void
forge_garbage(struct site *s, struct host *h, const struct endpoint *src,
    const struct endpoint *dst)
{
	uint8_t buf[1500];
	size_t len = 1 + (size_t)rng_below(&h->rng, sizeof(buf) - 1);

	rng_fill(&h->rng, buf, len);
	/* Half of it looks like an IKE message, as far as lengths go. */
	if (len > IKE_HDR_LEN && (buf[0] & 1) != 0) {
		buf[17] = IKE_VERSION;
		buf[24] = buf[25] = 0;
		buf[26] = (uint8_t)(len >> 8);
		buf[27] = (uint8_t)len;
	}
	road_forge(s, h, src, dst, (struct chunk){ buf, len });
}

static void
replay(struct site *s, struct host *h)
{
	const struct packet *p;

	if (s->n_heard == 0)
		return;
	p = s->heard[rng_below(&h->rng, s->n_heard)];
	road_forge(s, h, &p->src, &p->dst, p->data);
}

static void
act(struct site *s, struct host *h, const struct scene_event *ev)
{
	struct endpoint src = { .port = SIM_PORT }, dst = { .port = SIM_PORT };

	addr_of_host(s->sim->scene, h->no, &src.addr);
	addr_of_host(s->sim->scene, s->no, &dst.addr);
	site_turn(s, h);
	switch (ev->verb) {
	case V_FLOOD:
		forge_init(s, h, &src, &dst);
		break;
	case V_GARBAGE:
		forge_garbage(s, h, &src, &dst);
		break;
	case V_REPLAY:
		replay(s, h);
		break;
	default:
		if (h->kind == 0 && host_is_up(h, SD_HOST) &&
		    h->emcon == EMCON_TRANSMIT)
			road_send_app(s, h, ev->size);
	}
}

static void
act_on(struct site *s, struct host *h, struct story *st)
{
	t_ns step = NS_PER_S / (t_ns)(st->ev->arg > 0 ? st->ev->arg : 1);

	h->evil |= st->ev->verb != V_TRAFFIC;
	act(s, h, st->ev);
	if (s->now + step < st->until)
		at(s, s->now + step, Q_ACT, h, *st);
}

/* -- faults --------------------------------------------------------------- */

static void
set_drift(struct site *s, struct host *h, int64_t ppb)
{
	t_ns run = s->now - h->clk_at;

	h->clk_base +=
	    run + (t_ns)((int64_t)(run / NS_PER_MS) * h->drift_ppb / 1000);
	h->clk_at = s->now;
	h->drift_ppb = (int32_t)ppb;
	h->wake = T_NEVER; /* it wakes by its clock: look anew */
	host_wake_at(s, h, s->now + 1);
}

/* Who is not there yet comes; who is down at the time stays down. */
static void
join(struct site *s, struct host *h)
{
	if (h->joined_at == T_NEVER)
		host_boot(s, h);
	host_join(s, h);
}

static void
begin(struct site *s, struct host *h, const struct story *st)
{
	const struct scene_event *ev = st->ev;
	t_ns end = ev->span > 0 ? s->now + ev->span : T_NEVER;

	h->fault_at = s->now;
	switch (ev->verb) {
	case V_JOIN:
		join(s, h);
		break;
	case V_LEAVE:
		host_leave(s, h);
		break;
	case V_EMCON:
		h->emcon = (uint8_t)ev->arg;
		show_phase(s, h);
		break;
	case V_CRASH:
		h->crash_what = (uint8_t)ev->arg;
		h->crash_for = ev->span;
		h->crash_in = ev->messages;
		if (ev->messages == 0)
			host_crash(s, h, (enum sim_daemon)ev->arg, ev->span);
		return;
	case V_LINK_DOWN:
	case V_LINK_UP:
		h->link_down = ev->verb == V_LINK_DOWN;
		break;
	case V_CLOCK_STEP:
		h->wall_off_ns += ev->arg * (int64_t)NS_PER_MS;
		break;
	case V_CLOCK_DRIFT:
		set_drift(s, h, ev->arg);
		break;
	default:
		act_on(s, h, &(struct story){ .ev = ev, .until = end });
		return;
	}
	if ((ev->verb == V_EMCON || ev->verb == V_LINK_DOWN) && end != T_NEVER)
		at(s, end, Q_STORY, h, (struct story){ .ev = ev, .end = true });
}

static void
end_of(struct site *s, struct host *h, const struct scene_event *ev)
{
	h->fault_at = s->now;
	if (ev->verb == V_EMCON)
		h->emcon = EMCON_TRANSMIT;
	else
		h->link_down = false;
	show_phase(s, h);
}

/* -- what concerns all of a site ------------------------------------------ */

static void
touch_all(struct site *s)
{
	for (uint32_t i = 0; i < s->n_host; i++)
		s->host[i].fault_at = s->now;
}

static void
unpart(struct site *s, const struct scene_event *ev)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_parted; i++)
		if (ev != NULL && s->parted[i] != ev)
			s->parted[n++] = s->parted[i];
	s->n_parted = n;
}

static void
site_story(struct site *s, const struct story *st)
{
	const struct scene_event *ev = st->ev;

	touch_all(s);
	if (ev->verb == V_HEAL) {
		unpart(s, NULL);
	} else if (st->end) {
		unpart(s, ev);
	} else {
		s->parted[s->n_parted++] = ev;
		if (ev->span > 0)
			at(s, s->now + ev->span, Q_STORY, NULL,
			    (struct story){ .ev = ev, .end = true });
	}
	if (s->no == 0 && !st->end)
		show_event(s, ev, NULL);
}

/* -- the plan ------------------------------------------------------------- */

static bool
is_spread(enum verb v)
{
	return v == V_JOIN || v == V_LEAVE || v == V_EXCLUDE ||
	       v == V_CLOCK_STEP || v == V_CLOCK_DRIFT;
}

/* For each host of the site that is meant, at its time. */
static void
plan(struct site *s, const struct scene_event *ev)
{
	const struct scene *sc = s->sim->scene;
	uint32_t n = 0, i = 0;
	t_ns span = is_spread(ev->verb) ? ev->span : 0;

	for (uint32_t k = 0; k < s->n_host; k++)
		n += scene_matches(sc, ev->hosts, s->host[k].no);
	for (uint32_t k = 0; k < s->n_host; k++) {
		struct host *h = &s->host[k];

		if (!scene_matches(sc, ev->hosts, h->no))
			continue;
		at(s, ev->at + span / n * i++, Q_STORY, h,
		    (struct story){ .ev = ev });
	}
}

static void
plan_joins(struct site *s)
{
	site_at(s, 0, Q_JOIN, &s->host[0], NULL);
	for (size_t i = 1; i < s->n_kind; i++) {
		const struct kind *k = &s->kind[i];
		t_ns span;

		if (k->n == 0 || k->recv->join_from == T_NEVER)
			continue;
		span = k->recv->join_to - k->recv->join_from;
		for (uint32_t j = 0; j < k->n; j++)
			site_at(s, k->recv->join_from + span / k->n * j, Q_JOIN,
			    &s->host[k->first + j], NULL);
	}
}

int
story_start(struct site *s)
{
	const struct scene *sc = s->sim->scene;

	/* Each can be in force once. */
	s->parted = calloc(sc->n_ev + 1, sizeof(const struct scene_event *));
	if (s->parted == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_host; i++)
		s->host[i].dead = 1u << SD_HOST; /* until it joins */
	plan_joins(s);
	for (size_t i = 0; i < sc->n_ev; i++) {
		const struct scene_event *ev = &sc->ev[i];

		if (ev->verb == V_PARTITION || ev->verb == V_HEAL)
			at(s, ev->at, Q_STORY, NULL,
			    (struct story){ .ev = ev });
		else
			plan(s, ev);
	}
	return s->err;
}

static void
host_story(struct site *s, struct host *h, const struct story *st)
{
	const struct scene_event *ev = st->ev;

	if (st->end) {
		end_of(s, h, ev);
		return;
	}
	show_event(s, ev, h);
	begin(s, h, st);
	host_settle(s, h);
}

void
story_step(struct site *s, const struct qev *e)
{
	struct host *h = e->host != OBS_NOBODY ? &s->host[e->host] : NULL;

	must(h != NULL || e->what == Q_STORY);
	if (e->what == Q_UP) {
		host_up(s, h, (enum sim_daemon)(uintptr_t)e->p);
		return;
	}
	if (e->what == Q_JOIN) {
		join(s, h);
		return;
	}
	if (h == NULL) {
		site_story(s, e->p);
	} else {
		site_turn(s, h);
		if (e->what == Q_ACT)
			act_on(s, h, e->p);
		else
			host_story(s, h, e->p);
	}
	free(e->p);
}
