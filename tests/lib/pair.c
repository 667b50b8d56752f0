/* SPDX-License-Identifier: ISC */
#include "tests/lib/pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ike/hdr.h"
#include "tests/lib/pair_int.h"

/* -- chance ------------------------------------------------------------- */

int
pair_rand(void *arg, void *out, size_t len)
{
	struct host *h = arg;
	uint8_t *p = out;

	if (h->rand_fail_in > 0 && --h->rand_fail_in == 0)
		return -EIO;
	for (size_t i = 0; i < len; i++) {
		h->rand ^= h->rand << 13;
		h->rand ^= h->rand >> 7;
		h->rand ^= h->rand << 17;
		p[i] = (uint8_t)(h->rand >> 32);
	}
	return 0;
}

/* -- configuration ------------------------------------------------------ */

static void
addr_of(unsigned int host, bool v6, struct addr *a)
{
	char text[64];

	snprintf(
	    text, sizeof(text), v6 ? "2001:db8::%u" : "192.0.2.%u", host + 1);
	must(addr_parse(a, text) == 0);
}

static size_t
id_of(unsigned int host, uint8_t *id)
{
	/* ID_DER_ASN1_DN; nobody in here looks into the name. */
	int n = snprintf((char *)id + 4, 60, "host-%u", host);

	memset(id, 0, 4);
	id[0] = 9;
	return 4 + (size_t)n;
}

static struct host *
host_setup(struct world *w, unsigned int i, enum role role)
{
	struct host *h = &w->host[i];
	struct km_conf *c = &h->conf;

	must(i < W_HOSTS && !h->used);
	h->used = true;
	h->rand = 0x9e3779b97f4a7c15u * (i + 1);
	snprintf(h->psk, sizeof(h->psk), "correct horse");
	h->fx = fx_new();
	must(h->fx != NULL);
	c->slot = (uint8_t)(7 + i);
	c->role = role;
	snprintf(c->name, sizeof(c->name), W_GROUP);
	memcpy(c->group_id, W_GROUP, strlen(W_GROUP));
	c->group_id_len = strlen(W_GROUP);
	c->own_id_len = id_of(i, c->own_id);
	c->port = 848;
	c->lifetime_s = 3600;
	c->atd_ms = 2000;
	c->dtd_ms = 30000;
	c->half_open_max = 8;
	c->members_max = 16;
	c->instance = 1;
	c->suite = SUITE_DEFAULT;
	c->fragment = 1280;
	snprintf(h->ppk, sizeof(h->ppk), "hedge");
	c->n_addr = 2;
	for (unsigned int a = 0; a < 2; a++) {
		c->addr[a].cls = (uint8_t)a;
		c->addr[a].port_lo = 5000;
		c->addr[a].port_hi = 5010;
		if (role == ROLE_SENDER)
			addr_of(i, a == 1, &c->addr[a].src);
	}
	must(addr_parse(&c->addr[0].dst, "239.192.10.1") == 0);
	must(addr_parse(&c->addr[1].dst, "ff15::4d49:1") == 0);
	return h;
}

struct host *
world_sender(struct world *w, unsigned int i)
{
	return host_setup(w, i, ROLE_SENDER);
}

struct host *
world_receiver(struct world *w, unsigned int i)
{
	struct host *h = host_setup(w, i, ROLE_RECEIVER);

	for (unsigned int s = 0; s < 2; s++) {
		struct km_gcks *g = &h->conf.gcks[s];

		if (!w->host[s].used)
			break;
		snprintf(g->name, sizeof(g->name), "hq-0%u", s + 1);
		g->id_len = id_of(s, g->id);
		addr_of(i, s == 1, &g->local);
		addr_of(s, s == 1, &g->peer.addr);
		g->peer.port = 848;
		g->exchange = GSA_AUTH;
		h->conf.n_gcks = s + 1;
	}
	return h;
}

/* -- queue -------------------------------------------------------------- */

void
item_push(struct world *w, struct item *it)
{
	it->next = NULL;
	*w->tail = it;
	w->tail = &it->next;
}

struct item *
item_new(unsigned int host, enum km_ev ev, const void *p, size_t len)
{
	struct item *it = calloc(1, sizeof(*it));

	must(it != NULL);
	it->host = host;
	it->in.ev = ev;
	it->octets = malloc(len + 1);
	must(it->octets != NULL);
	if (len > 0)
		memcpy(it->octets, p, len);
	it->len = len;
	return it;
}

static void
item_free(struct item *it)
{
	free(it->octets);
	free(it);
}

void
world_lose_answers(struct world *w, unsigned int i)
{
	struct item **p = &w->head;

	while (*p != NULL) {
		struct item *it = *p;

		if (it->host == i && it->in.ev != KM_EV_DGRAM) {
			*p = it->next;
			item_free(it);
		} else {
			p = &it->next;
		}
	}
	w->tail = p;
}

void
world_inject(struct world *w, const struct endpoint *src,
    const struct endpoint *dst, const void *p, size_t len)
{
	for (unsigned int i = 0; i < W_HOSTS; i++) {
		struct addr v4, v6;
		struct item *it;

		addr_of(i, false, &v4);
		addr_of(i, true, &v6);
		if (!w->host[i].used ||
		    (!addr_eq(&v4, &dst->addr) && !addr_eq(&v6, &dst->addr)))
			continue;
		it = item_new(i, KM_EV_DGRAM, p, len);
		it->in.dgram.local = *dst;
		it->in.dgram.peer = *src;
		item_push(w, it);
	}
}

static void
hold(struct world *w, const struct packet *p)
{
	struct item *it = item_new(0, KM_EV_DGRAM, p->p, p->len);
	struct item **last = &w->held;

	it->in.dgram.local = p->dst;
	it->in.dgram.peer = p->src;
	while (*last != NULL)
		last = &(*last)->next;
	*last = it;
}

void
world_release(struct world *w)
{
	while (w->held != NULL) {
		struct item *it = w->held;

		w->held = it->next;
		world_inject(w, &it->in.dgram.peer, &it->in.dgram.local,
		    it->octets, it->len);
		item_free(it);
	}
}

static void
net_send(struct world *w, unsigned int from, const struct km_fx *e)
{
	struct packet p = { .nth = ++w->packets,
		.from = from,
		.src = e->send.local,
		.dst = e->send.peer };
	enum net_verdict v = NET_PASS;

	p.len = e->send.data.len;
	must((p.p = malloc(p.len)) != NULL);
	memcpy(p.p, e->send.data.p, p.len);
	check_packet(w, from, p.p, p.len);
	if (w->net != NULL)
		v = w->net(w, &p);
	if (v == NET_PASS || v == NET_TWICE)
		world_inject(w, &p.src, &p.dst, p.p, p.len);
	if (v == NET_TWICE)
		world_inject(w, &p.src, &p.dst, p.p, p.len);
	if (v == NET_HOLD)
		hold(w, &p);
	free(p.p);
}

/* -- dispatcherd -------------------------------------------------------- */

static void
disp_request(struct world *w, unsigned int i, const struct km_fx *e)
{
	struct host *h = &w->host[i];
	enum ipc_status st;
	struct item *it;

	if (e->kind == KM_FX_SA_DELETE)
		h->n_delete++;
	else if (e->sa.mode == SA_NEW)
		h->n_new++;
	else if (e->sa.mode == SA_ENSURE)
		h->n_ensure++;
	else
		h->n_verify++;
	if (h->disp_down)
		return;
	st = h->sa_status != ST_OK ? h->sa_status : kernel_do(w, h, e);
	it = item_new(i, KM_EV_SA, "as you say", st == ST_OK ? 0 : 10);
	it->in.sa.req = e->sa.req;
	it->in.sa.status = st;
	item_push(w, it);
}

/* -- effects and events ------------------------------------------------- */

static void
log_append(struct host *h, struct chunk rec)
{
	uint8_t *p = malloc(rec.len);

	must(p != NULL && h->n_log < W_LOG);
	memcpy(p, rec.p, rec.len);
	h->log[h->n_log].p = p;
	h->log[h->n_log++].len = rec.len;
}

static void
log_clear(struct host *h)
{
	for (size_t i = 0; i < h->n_log; i++)
		free((void *)(uintptr_t)h->log[i].p);
	h->n_log = 0;
}

static void
note(struct host *h, const struct km_fx *e)
{
	int n = snprintf(h->notes + h->notes_len,
	    sizeof(h->notes) - h->notes_len, "%s %.*s\n", e->note.token,
	    (int)e->note.text.len, (const char *)e->note.text.p);

	must(e->note.text.len == 0 ||
	     memchr(e->note.text.p, '\n', e->note.text.len) == NULL);
	if (n > 0 && (size_t)n < sizeof(h->notes) - h->notes_len)
		h->notes_len += (size_t)n;
}

static void
effect(struct world *w, unsigned int i, const struct km_fx *e)
{
	struct host *h = &w->host[i];

	switch (e->kind) {
	case KM_FX_STATE:
		log_append(h, e->rec);
		break;
	case KM_FX_SEND:
		h->n_sent++;
		net_send(w, i, e);
		break;
	case KM_FX_SIGN:
		policyd_sign(w, i, e);
		break;
	case KM_FX_CHECK:
		policyd_check(w, i, e);
		break;
	case KM_FX_MIX:
		policyd_mix(w, i, e);
		break;
	case KM_FX_LEFT:
		h->n_left++;
		break;
	case KM_FX_SA_INSTALL:
	case KM_FX_SA_DELETE:
		disp_request(w, i, e);
		break;
	case KM_FX_CHANGED:
		h->n_changed++;
		break;
	case KM_FX_NOTE:
		note(h, e);
		break;
	}
}

static void
effects(struct world *w, unsigned int i)
{
	struct host *h = &w->host[i];

	bool crash = false;

	for (size_t n = 0; n < fx_count(h->fx) && !crash; n++) {
		effect(w, i, fx_at(h->fx, n));
		crash = h->crash_in > 0 && --h->crash_in == 0;
	}
	fx_reset(h->fx);
	if (crash)
		world_restart(w, i);
}

int
world_event(struct world *w, unsigned int i, struct km_in *in)
{
	struct host *h = &w->host[i];

	in->now_ms = w->now;
	h->last_step = km_step(h->km, in, h->fx);
	must(h->last_step == 0 || fx_count(h->fx) == 0);
	effects(w, i);
	return h->last_step;
}

void
world_start(struct world *w, unsigned int i)
{
	struct host *h = &w->host[i];
	struct km_ops ops = { .arg = h, .rand = pair_rand };
	struct km_in in = { .ev = KM_EV_START };

	must((h->km = km_new(&h->conf, &ops)) != NULL);
	must(world_event(w, i, &in) == 0);
}

/*
 * What was queued to the dead one is lost; datagrams that are on their way
 * reach the successor.
 */
void
world_restart(struct world *w, unsigned int i)
{
	struct host *h = &w->host[i];
	struct km_ops ops = { .arg = h, .rand = pair_rand };
	struct km_in in = { .ev = KM_EV_START };
	unsigned int crash_in = h->crash_in;

	h->n_restarts++;
	h->crash_in = 0; /* the shell makes a snapshot whole, or not at all */
	km_free(&h->km);
	world_lose_answers(w, i);
	h->conf.instance++;
	must((h->km = km_new(&h->conf, &ops)) != NULL);
	for (size_t n = 0; n < h->n_log; n++) {
		struct km_in st = { .ev = KM_EV_STATE, .record = h->log[n] };

		must(world_event(w, i, &st) == 0);
	}
	log_clear(h);
	must(km_snapshot(h->km, w->now, h->fx) == 0);
	effects(w, i);
	h->crash_in = crash_in;
	must(world_event(w, i, &in) == 0);
}

bool
world_one(struct world *w)
{
	struct item *it = w->head;
	struct km_in in;

	if (it == NULL)
		return false;
	if ((w->head = it->next) == NULL)
		w->tail = &w->head;
	in = it->in;
	if (in.ev == KM_EV_DGRAM)
		in.dgram.data = (struct chunk){ it->octets, it->len };
	else if (in.ev == KM_EV_SIGNED)
		in.sig.auth = (struct chunk){ it->octets, it->len };
	else if (in.ev == KM_EV_CHECKED)
		in.checked.identity = (struct chunk){ it->octets, it->len };
	else if (in.ev == KM_EV_MIXED)
		in.mixed.sk = (struct chunk){ it->octets, it->len };
	else if (in.ev == KM_EV_SA)
		in.sa.text = (struct chunk){ it->octets, it->len };
	if (w->host[it->host].km != NULL)
		(void)world_event(w, it->host, &in);
	item_free(it);
	return true;
}

void
world_settle(struct world *w)
{
	unsigned int n = 0;

	while (world_one(w))
		must(++n < 100000);
}

static uint64_t
next_deadline(const struct world *w, unsigned int *host)
{
	uint64_t due = UINT64_MAX;

	for (unsigned int i = 0; i < W_HOSTS; i++)
		if (w->host[i].km != NULL && km_deadline(w->host[i].km) < due) {
			due = km_deadline(w->host[i].km);
			*host = i;
		}
	return due;
}

void
world_run(struct world *w, uint64_t until_ms)
{
	unsigned int host = 0, same = 0;

	for (;;) {
		struct km_in in = { .ev = KM_EV_TIMER };
		uint64_t due;

		world_settle(w);
		due = next_deadline(w, &host);
		if (due > until_ms)
			break;
		/* A deadline that stays in the past would spin for ever. */
		must(due > w->now ? (same = 0, true) : ++same < 100);
		w->now = due > w->now ? due : w->now;
		kernel_time(w);
		if (world_event(w, host, &in) != 0) {
			fprintf(stderr, "timer of host %u: %d at %llu\n", host,
			    w->host[host].last_step,
			    (unsigned long long)w->now);
			must(false);
		}
	}
	w->now = until_ms > w->now ? until_ms : w->now;
	kernel_time(w);
	world_settle(w);
}

/* -- the world ---------------------------------------------------------- */

struct world *
world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	must(w != NULL && crypto_init() == 0);
	w->tail = &w->head;
	w->now = 1000000;
	return w;
}

void
world_free(struct world **w)
{
	struct world *x = *w;

	for (unsigned int i = 0; i < W_HOSTS; i++) {
		km_free(&x->host[i].km);
		fx_free(&x->host[i].fx);
		log_clear(&x->host[i]);
	}
	while (x->head != NULL) {
		struct item *it = x->head;

		x->head = it->next;
		item_free(it);
	}
	x->tail = &x->head;
	while (x->held != NULL) {
		struct item *it = x->held;

		x->held = it->next;
		item_free(it);
	}
	free(x->seen);
	free(x);
	*w = NULL;
}

struct world *
world_two(void)
{
	struct world *w = world_new();

	world_sender(w, 0);
	world_receiver(w, 2);
	return w;
}

void
world_go(struct world *w)
{
	for (unsigned int i = 0; i < W_HOSTS; i++)
		if (w->host[i].used) {
			world_start(w, i);
			world_settle(w);
		}
}
