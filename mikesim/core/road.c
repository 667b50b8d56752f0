/* SPDX-License-Identifier: ISC */
/* Datagrams on their way: from a host over a site's router to another host. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/ike/hdr.h"
#include "mikesim/core/site.h"

#define UDP_HDR 8
#define NET_HDR(v6) ((v6) ? 40u : 20u)
/* ESP in transport mode with AES-GCM: header, IV, trailer, ICV. */
#define ESP_ALL (8 + 8 + 2 + 16)

/* -- packets -------------------------------------------------------------- */

static struct packet *
packet_new(size_t len)
{
	struct packet *p = calloc(1, sizeof(*p) + len);

	if (p == NULL)
		return NULL;
	p->refs = 1;
	p->data = (struct chunk){ p->own, len };
	return p;
}

struct packet *
packet_copy(const struct packet *p)
{
	struct packet *c = packet_new(p->data.len);

	if (c == NULL)
		return NULL;
	memcpy(c, p, sizeof(*c));
	memcpy(c->own, p->own, p->data.len);
	c->refs = 1;
	c->data.p = c->own;
	return c;
}

void
packet_drop(struct packet *p)
{
	if (p != NULL && --p->refs == 0)
		free(p);
}

static struct packet *
keep(struct packet *p)
{
	p->refs++;
	return p;
}

static enum res_kind
kind_of(struct chunk data)
{
	struct ike_hdr h;
	struct rbuf rb;
	bool resp;

	rb_init(&rb, data.p, data.len);
	if (ike_hdr_get(&rb, &h) != 0)
		return RK_OTHER;
	resp = (h.flags & IKE_F_RESPONSE) != 0;
	switch (h.exchange) {
	case IKE_SA_INIT:
		return resp ? RK_INIT_RESP : RK_INIT_REQ;
	case GSA_AUTH:
	case IKE_AUTH:
		return resp ? RK_AUTH_RESP : RK_AUTH_REQ;
	case GSA_REGISTRATION:
		return resp ? RK_REG_RESP : RK_REG_REQ;
	case IKE_INFORMATIONAL:
		return resp ? RK_INFO_RESP : RK_INFO_REQ;
	default:
		return RK_OTHER;
	}
}

/* -- fates ---------------------------------------------------------------- */

/* Who of this site misses it? */
static void
note_loss(struct site *s, const struct packet *p)
{
	struct host *from = site_host(s, p->from);
	struct host *to = p->to != OBS_NOBODY ? site_host(s, p->to) : NULL;

	if (from != NULL)
		from->lost_at = s->now;
	if (to != NULL)
		to->lost_at = s->now;
}

static void
fate(struct site *s, const struct packet *p, uint32_t to, enum fate f)
{
	struct obs o = { .t = s->now, .host = to, .kind = OBS_FATE };

	if (f == FATE_DELIVERED || f == FATE_LATE || f == FATE_DUPLICATE) {
		s->msgs[p->kind].delivered++;
	} else {
		s->msgs[p->kind].lost++;
		if (p->spi == 0)
			note_loss(s, p);
	}
	if (!is_shown(s))
		return;
	o.fate.id = p->id;
	o.fate.fate = f;
	o.fate.from = p->from;
	show(s, &o);
}

bool
road_reaches(const struct site *s, uint32_t a, uint32_t b)
{
	const struct scene *sc = s->sim->scene;

	for (size_t i = 0; i < s->n_parted; i++) {
		const char *hosts = s->parted[i]->hosts;

		if (scene_matches(sc, hosts, a) != scene_matches(sc, hosts, b))
			return false;
	}
	return true;
}

/* A sender's link is the site's uplink: it stands beside the router. */
static bool
is_cut_off(const struct host *h)
{
	return h->kind != 0 && h->link_down;
}

/* -- hops ----------------------------------------------------------------- */

/* Over one medium, from station to station; then `next` at host h. */
static void
hop(struct site *s, struct medium *m, uint32_t from, uint32_t to,
    struct packet *p, enum what next, struct host *h)
{
	struct ride r;
	struct heard heard[2];
	enum fate f = medium_send(m, from, p->octets, s->now, &r);
	size_t n;

	if (f != FATE_DELIVERED) {
		fate(s, p, p->to, f);
		return;
	}
	if (m != s->uplink)
		s->msgs[p->kind].airtime += r.end - r.begin;
	n = medium_hear(m, to, &r, heard);
	for (size_t i = 0; i < n; i++) {
		if (heard[i].fate == FATE_DELIVERED ||
		    heard[i].fate == FATE_DUPLICATE)
			site_at(s, heard[i].at, next, h, keep(p));
		else
			fate(s, p, p->to, heard[i].fate);
	}
}

static struct medium *
medium_of(struct site *s, const struct host *h)
{
	if (h->link != NULL)
		return h->link;
	return s->shared[s->kind[h->kind].recv->link];
}

/* The core network passes it on to a site; when, the uplink has said. */
static void
cross(struct site *s, struct packet *p, uint32_t to_site, t_ns t)
{
	struct crossings *c = &s->out;
	size_t cap = c->cap > 0 ? c->cap * 2 : 16;
	struct crossing *v = c->v;

	if (c->n == c->cap) {
		if ((v = reallocarray(v, cap, sizeof(*v))) == NULL) {
			site_fail(s, -ENOMEM);
			return;
		}
		c->v = v;
		c->cap = cap;
	}
	v[c->n++] = (struct crossing){ .t = t,
		.from_site = s->no,
		.to_site = to_site,
		.seq = s->n_out++,
		.p = keep(p) };
}

static void
to_core(struct site *s, struct packet *p)
{
	const struct scene *sc = s->sim->scene;
	struct ride r;
	struct heard heard[2];
	size_t n;
	enum fate f;

	if (s->uplink == NULL)
		return;
	if (s->host[0].link_down) {
		fate(s, p, p->to, FATE_DOWN);
		return;
	}
	f = medium_send(s->uplink, 1, p->octets, s->now, &r);
	if (f != FATE_DELIVERED) {
		fate(s, p, p->to, f);
		return;
	}
	n = medium_hear(s->uplink, 0, &r, heard);
	for (size_t i = 0; i < n; i++) {
		if (heard[i].fate != FATE_DELIVERED &&
		    heard[i].fate != FATE_DUPLICATE) {
			fate(s, p, p->to, heard[i].fate);
			continue;
		}
		if (p->to != OBS_NOBODY) {
			cross(s, p, scene_site(sc, p->to), heard[i].at);
			continue;
		}
		for (uint32_t k = 0; k < sc->senders; k++)
			if (k != s->no)
				cross(s, p, k, heard[i].at);
	}
}

/* Once over a shared medium, whoever listens. */
static void
to_all_of(struct site *s, uint8_t cls, struct packet *p)
{
	struct packet *c;
	enum fate f;

	if ((c = packet_copy(p)) == NULL) {
		site_fail(s, -ENOMEM);
		return;
	}
	c->link = cls;
	f = medium_send(s->shared[cls], 0, p->octets, s->now, &c->ride);
	if (f != FATE_DELIVERED) {
		fate(s, p, OBS_NOBODY, f);
		packet_drop(c);
		return;
	}
	s->msgs[p->kind].airtime += c->ride.end - c->ride.begin;
	site_at(
	    s, c->ride.end + s->sim->scene->link[cls].delay, Q_FAN, NULL, c);
}

static void
to_group(struct site *s, struct packet *p)
{
	for (uint8_t i = 0; i < SCENE_LINKS; i++)
		if (s->shared[i] != NULL)
			to_all_of(s, i, p);
	for (uint32_t i = 1; i < s->n_host; i++)
		if (s->host[i].link != NULL)
			hop(s, s->host[i].link, 0, 1, p, Q_ARRIVE, &s->host[i]);
	if (p->from != s->no && s->n_host > 0)
		site_at(s, s->now, Q_ARRIVE, &s->host[0], keep(p));
}

static void
at_router(struct site *s, struct packet *p)
{
	struct host *h;

	if (s->sim->replays && p->spi == 0) {
		size_t at = s->n_heard < NITEMS(s->heard)
				? s->n_heard++
				: p->id % NITEMS(s->heard);

		packet_drop(s->heard[at]);
		s->heard[at] = keep(p);
	}
	if (p->to == OBS_NOBODY) {
		to_group(s, p);
		if (scene_site(s->sim->scene, p->from) == s->no)
			to_core(s, p);
		return;
	}
	h = site_host(s, p->to);
	if (h == NULL)
		to_core(s, p);
	else if (h->kind == 0)
		site_at(s, s->now, Q_ARRIVE, h, keep(p));
	else if (h->link_down)
		fate(s, p, h->no, FATE_DOWN);
	else
		hop(s, medium_of(s, h), 0, h->station, p, Q_ARRIVE, h);
}

/* -- arrival -------------------------------------------------------------- */

static void
read_app(struct site *s, struct host *h, const struct packet *p)
{
	bool reads = host_is_up(h, SD_HOST) && kernel_can_read(h, 0, p->spi);

	if (h->kind != 0) {
		s->app_read += reads;
		s->app_unread += !reads;
	}
	fate(s, p, h->no, reads ? FATE_DELIVERED : FATE_FILTER);
}

static void
take(struct site *s, struct host *h, struct packet *p)
{
	enum fate f;

	if (!host_is_up(h, SD_HOST)) {
		fate(s, p, h->no, FATE_DOWN);
		return;
	}
	site_turn(s, h);
	s->dgram_err = 0;
	f = disp_shell_dgram(s, h, p);
	host_settle(s, h);
	if (f == FATE_DELIVERED && p->arrived++ > 0)
		f = FATE_DUPLICATE;
	else if (f == FATE_DELIVERED && s->dgram_err != 0)
		f = FATE_LATE;
	fate(s, p, h->no, f);
}

/* One datagram after the other, if the scenario says what one costs. */
static void
arrive(struct site *s, struct host *h, struct packet *p)
{
	t_ns work = s->sim->scene->work;

	if (is_cut_off(h) || !road_reaches(s, p->from, h->no)) {
		fate(s, p, h->no, is_cut_off(h) ? FATE_DOWN : FATE_PARTITION);
	} else if (p->spi != 0) {
		read_app(s, h, p);
	} else if (work == 0) {
		take(s, h, p);
	} else {
		if (h->busy_until < s->now)
			h->busy_until = s->now;
		h->busy_until += work;
		site_at(s, h->busy_until, Q_WORK, h, keep(p));
	}
}

static void
fan_out(struct site *s, struct packet *p)
{
	struct medium *m = s->shared[p->link];
	struct heard heard[2];

	for (size_t i = 1; i < s->n_kind; i++) {
		struct kind *k = &s->kind[i];

		if (k->recv->link != p->link)
			continue;
		for (uint32_t j = k->first; j < k->first + k->n; j++) {
			struct host *h = &s->host[j];

			(void)medium_hear(m, h->station, &p->ride, heard);
			s->events++;
			if (heard[0].fate != FATE_DELIVERED)
				fate(s, p, h->no, heard[0].fate);
			else
				arrive(s, h, p);
		}
	}
}

void
road_step(struct site *s, const struct qev *e)
{
	struct packet *p = e->p;

	switch (e->what) {
	case Q_CORE:
		if (s->host[0].link_down)
			fate(s, p, p->to, FATE_DOWN);
		else
			hop(s, s->uplink, 0, 1, p, Q_ROUTER, NULL);
		break;
	case Q_ROUTER:
		at_router(s, p);
		break;
	case Q_FAN:
		fan_out(s, p);
		break;
	case Q_WORK:
		take(s, &s->host[e->host], p);
		break;
	default:
		arrive(s, &s->host[e->host], p);
	}
	packet_drop(p);
}

/* -- departure ------------------------------------------------------------ */

static void
depart(struct site *s, struct host *h, struct packet *p)
{
	struct obs o = { .t = s->now, .host = h->no, .kind = OBS_SEND };

	p->id = (uint64_t)h->no << 32 | ++h->n_dgram;
	p->from = h->no;
	s->msgs[p->kind].sent++;
	s->msgs[p->kind].octets += p->octets;
	if (is_shown(s)) {
		o.send.id = p->id;
		o.send.to = p->to;
		o.send.src = p->src;
		o.send.dst = p->dst;
		o.send.octets = p->octets;
		o.send.data = p->data;
		o.send.app = p->spi != 0;
		show(s, &o);
	}
	if (is_cut_off(h))
		fate(s, p, p->to, FATE_DOWN);
	else if (p->spi == 0 && p->to == OBS_NOBODY)
		fate(s, p, p->to, FATE_FILTER); /* nobody has this address */
	else if (p->to != OBS_NOBODY && !road_reaches(s, h->no, p->to))
		fate(s, p, p->to, FATE_PARTITION);
	else if (h->kind == 0)
		at_router(s, p);
	else
		hop(s, medium_of(s, h), h->station, 0, p, Q_ROUTER, NULL);
	packet_drop(p);
}

void
road_forge(struct site *s, struct host *h, const struct endpoint *src,
    const struct endpoint *dst, struct chunk data)
{
	struct packet *p = packet_new(data.len);

	if (p == NULL) {
		site_fail(s, -ENOMEM);
		return;
	}
	memcpy(p->own, data.p, data.len);
	p->src = *src;
	p->dst = *dst;
	p->to = host_of_addr(s->sim->scene, &dst->addr);
	p->kind = kind_of(data);
	p->octets = (uint32_t)data.len + UDP_HDR + NET_HDR(dst->addr.len == 16);
	if (p->kind == RK_INIT_REQ && s->sample == NULL)
		s->sample = keep(p);
	depart(s, h, p);
}

void
road_send(struct site *s, struct host *h, const struct endpoint *src,
    const struct endpoint *dst, struct chunk data)
{
	inv_packet(s, h, data);
	road_forge(s, h, src, dst, data);
}

void
road_send_app(struct site *s, struct host *h, uint32_t octets)
{
	const struct ksa_in *k = kernel_out(h, 0);
	const struct addr *dst =
	    &s->kind[h->kind].rules->group[SIM_SLOT].dst[0];
	struct msg m = { .type = MSG_ACQUIRE };
	struct packet *p;

	s->app_sent++;
	if (k == NULL) {
		m.acquire.slot = SIM_SLOT;
		m.acquire.dst = (struct chunk){ dst->b, dst->len };
		if (host_is_up(h, SD_DISPATCHERD))
			ipc_send(s, PEER_DISPATCHERD, PEER_GROUPD, &m);
		host_settle(s, h);
		return;
	}
	if ((p = packet_new(0)) == NULL) {
		site_fail(s, -ENOMEM);
		return;
	}
	p->kind = RK_DATA;
	p->spi = k->spi;
	p->to = OBS_NOBODY;
	p->src = (struct endpoint){ k->src, 5000 };
	p->dst = (struct endpoint){ *dst, 5000 };
	p->octets = octets + UDP_HDR + ESP_ALL + NET_HDR(dst->len == 16);
	depart(s, h, p);
}
