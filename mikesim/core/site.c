/* SPDX-License-Identifier: ISC */
#include "mikesim/core/site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Thread_local struct site *sim_here;

/* -- addresses ----------------------------------------------------------- */

/*
 * 10.SITE.HI.LO or fd4d:494b::SITE:HILO, sites from 1; number 1 of a site is
 * its sender, the receivers follow.
 */
static const uint8_t net6[16] = { 0xfd, 0x4d, 0x49, 0x4b };

uint32_t
first_receiver(const struct scene *s, uint32_t site)
{
	uint32_t per = (scene_hosts(s) - s->senders) / s->senders;

	return s->senders + site * per;
}

void
addr_of_host(const struct scene *s, uint32_t no, struct addr *a)
{
	uint32_t site = scene_site(s, no), n = 1;

	if (no >= s->senders)
		n = no - first_receiver(s, site) + 2;
	*a = (struct addr){ .len = s->ipv6 ? 16 : 4 };
	if (s->ipv6) {
		memcpy(a->b, net6, sizeof(net6));
		a->b[13] = (uint8_t)(site + 1);
		a->b[14] = (uint8_t)(n >> 8);
		a->b[15] = (uint8_t)n;
	} else {
		a->b[0] = 10;
		a->b[1] = (uint8_t)(site + 1);
		a->b[2] = (uint8_t)(n >> 8);
		a->b[3] = (uint8_t)n;
	}
}

uint32_t
host_of_addr(const struct scene *s, const struct addr *a)
{
	uint32_t site, n, per = first_receiver(s, 1) - s->senders;

	if (a->len != (s->ipv6 ? 16 : 4))
		return OBS_NOBODY;
	if (s->ipv6 ? memcmp(a->b, net6, 13) != 0 : a->b[0] != 10)
		return OBS_NOBODY;
	site = a->b[a->len == 4 ? 1 : 13];
	n = (uint32_t)a->b[a->len - 2] << 8 | a->b[a->len - 1];
	if (site == 0 || site > s->senders || n == 0 || n > per + 1)
		return OBS_NOBODY;
	return n == 1 ? site - 1 : first_receiver(s, site - 1) + n - 2;
}

struct host *
site_host(struct site *s, uint32_t no)
{
	uint32_t first = first_receiver(s->sim->scene, s->no);

	if (no == s->no)
		return &s->host[0];
	if (no < first || no - first + 1 >= s->n_host)
		return NULL;
	return &s->host[no - first + 1];
}

/* -- whose turn it is ---------------------------------------------------- */

/* Its identity, wherever its kind has one. */
static void
put_name(struct site *s, struct kind *k, const struct host *h)
{
	char name[SCENE_HOST_NAME], text[SCENE_HOST_NAME + 16];
	struct km_conf *c = &k->conf.conf;

	scene_host_name(s->sim->scene, h->no, name);
	snprintf(text, sizeof(text), "CN=%s,O=Example", name);
	must(dn_parse(text, k->pol->id.der, sizeof(k->pol->id.der),
		 &k->pol->id.len) == 0);
	memset(c->own_id, 0, 4);
	c->own_id[0] = POL_ID_DER_ASN1_DN;
	memcpy(c->own_id + 4, k->pol->id.der, k->pol->id.len);
	c->own_id_len = 4 + k->pol->id.len;
}

static void
put_addr(struct site *s, struct kind *k, const struct host *h)
{
	struct km_conf *c = &k->conf.conf;
	struct addr own;

	addr_of_host(s->sim->scene, h->no, &own);
	k->pol->listen[0] = own;
	if (k->rules != NULL)
		k->rules->listen[0] = own;
	for (size_t i = 0; i < c->n_addr; i++)
		if (c->addr[i].dst.len == own.len)
			c->addr[i].src = own;
	for (size_t i = 0; i < c->n_gcks; i++)
		c->gcks[i].local = own;
}

struct kind *
site_turn(struct site *s, struct host *h)
{
	struct kind *k = &s->kind[h->kind];

	sim_here = s;
	s->cur = h;
	rand_use(&h->rng);
	if (k->in != h) {
		put_name(s, k, h);
		put_addr(s, k, h);
		k->in = h;
	}
	k->conf.conf.instance = h->instance;
	k->pd.slots.joined[0] = h->joined;
	k->pd.creds.own = h->own != NULL ? h->own->x : NULL;
	if (k->rules != NULL)
		k->rules->transmit = h->emcon == EMCON_TRANSMIT;
	if (h->own != NULL && k->conf_known) {
		memcpy(k->conf.conf.certs, h->own->der.p, h->own->der.len);
		k->conf.conf.cert_len[0] = h->own->der.len;
	}
	return k;
}

/* -- what hosts of a kind share ------------------------------------------ */

static int
rules_take(void *arg, const struct msg *m)
{
	struct kind *k = arg;
	const char *why;
	int r = ruleset_take(k->ruleset, 0, m, &why);

	return r < 0 ? r : 0;
}

static int
groups_take(void *arg, const struct msg *m)
{
	struct kind *k = arg;
	struct grp_conf c = { 0 };
	enum grp_fx fx;

	switch (m->type) {
	case MSG_GROUPS_BEGIN:
		groups_begin(&k->groups);
		load_limit(&k->router.load, m->groups_begin.cookie_above);
		return 0;
	case MSG_GROUP:
		c.slot = m->group.slot;
		c.role = m->group.role;
		c.foreign = m->group.foreign;
		c.name = m->group.name;
		c.id = m->group.id;
		return groups_set(&k->groups, &c, &fx);
	default:
		groups_end(&k->groups);
		return 0;
	}
}

/* Each daemon asks once, for all hosts of the kind. */
static int
kind_ask(struct kind *k)
{
	struct msg rules = { .type = MSG_RULES_GET };
	struct msg groups = { .type = MSG_GROUPS_GET };
	struct pol_out to_rules = { rules_take, k };
	struct pol_out to_groups = { groups_take, k };
	int r;

	if ((r = pol_answer_dispatcherd(&k->pd, &rules, &to_rules)) != 0 ||
	    (r = pol_answer_groupd(&k->pd, &groups, &to_groups)) != 0)
		return r;
	if (ruleset_now(k->ruleset) == NULL)
		return -EINVAL;
	memcpy(k->rules, ruleset_now(k->ruleset), sizeof(*k->rules));
	return 0;
}

static int
kind_new(struct site *s, struct kind *k, const struct scene_recv *recv)
{
	int r;

	k->recv = recv;
	k->role = recv == NULL ? ROLE_SENDER : ROLE_RECEIVER;
	router_init(&k->router);
	k->ruleset = ruleset_new();
	k->rules = calloc(1, sizeof(*k->rules));
	if (k->ruleset == NULL || k->rules == NULL)
		return -ENOMEM;
	if ((r = pol_shell_new(s, k)) != 0)
		return r;
	return kind_ask(k);
}

static void
kind_free(struct kind *k)
{
	pol_shell_free(k);
	ruleset_free(&k->ruleset);
	free(k->rules);
}

/* -- the site ------------------------------------------------------------ */

void
site_fail(struct site *s, int err)
{
	if (s->err == 0)
		s->err = err;
}

void
site_at(struct site *s, t_ns t, enum what w, struct host *h, void *p)
{
	uint32_t n = h != NULL ? (uint32_t)(h - s->host) : OBS_NOBODY;

	if (queue_reserve(&s->q) != 0) {
		site_fail(s, -ENOMEM);
		return;
	}
	queue_add(&s->q, t < s->now ? s->now : t, w, n, p);
}

static int
media_new(struct site *s)
{
	const struct scene *sc = s->sim->scene;
	uint32_t stations[SCENE_LINKS] = { 0 };
	uint64_t no = (uint64_t)s->no << 32;

	if (sc->senders > 1 && (s->uplink = medium_new(&sc->link[sc->uplink], 1,
				    sc->seed, no++, sc->duration)) == NULL)
		return -ENOMEM;
	for (uint32_t i = 1; i < s->n_host; i++) {
		struct host *h = &s->host[i];
		uint8_t cls = s->kind[h->kind].recv->link;

		h->station = sc->link[cls].shared ? ++stations[cls] : 1;
		if (!sc->link[cls].shared &&
		    (h->link = medium_new(&sc->link[cls], 1, sc->seed, no++,
			 sc->duration)) == NULL)
			return -ENOMEM;
	}
	for (size_t i = 0; i < sc->n_link; i++)
		if (stations[i] > 0 &&
		    (s->shared[i] = medium_new(&sc->link[i], stations[i],
			 sc->seed, no++, sc->duration)) == NULL)
			return -ENOMEM;
	return 0;
}

static void
host_init(struct site *s, struct host *h, uint32_t no, uint8_t kind)
{
	h->no = no;
	h->kind = kind;
	h->wake = T_NEVER;
	h->joined_at = h->keyed_at = T_NEVER;
	rng_init(&h->rng, s->sim->scene->seed, RNG_HOST, no);
}

static int
hosts_new(struct site *s)
{
	const struct scene *sc = s->sim->scene;
	uint32_t n = 1, no = first_receiver(sc, s->no);

	for (size_t i = 0; i < sc->n_recv; i++)
		n += sc->recv[i].count;
	if ((s->host = calloc(n, sizeof(*s->host))) == NULL)
		return -ENOMEM;
	s->n_host = n;
	host_init(s, &s->host[0], s->no, 0);
	n = 1;
	s->kind[0].n = 1;
	for (size_t i = 0; i < sc->n_recv; i++) {
		s->kind[i + 1].first = n;
		s->kind[i + 1].n = sc->recv[i].count;
		for (uint32_t j = 0; j < sc->recv[i].count; j++)
			host_init(s, &s->host[n++], no++, (uint8_t)(i + 1));
	}
	return 0;
}

int
site_new(struct site *s, struct sim *sim, uint32_t no)
{
	const struct scene *sc = sim->scene;
	struct rng setup;
	int r = 0;

	s->sim = sim;
	s->no = no;
	s->n_kind = 1 + sc->n_recv;
	rng_init(&setup, sc->seed, RNG_SITE, no);
	rand_use(&setup);
	sim_here = s;
	s->kind = calloc(s->n_kind, sizeof(*s->kind));
	s->fx = fx_new();
	s->ipc = ipc_new();
	if (s->kind == NULL || s->fx == NULL || s->ipc == NULL ||
	    (sim->o.invariants && (s->seen = seen_new()) == NULL) ||
	    (sim->o.n_sink > 0 && (s->obs = obs_buf_new()) == NULL))
		return -ENOMEM;
	if (!sc->psk)
		s->ca = ca_new(sim->ca_seed, SIM_EPOCH);
	if ((r = hosts_new(s)) != 0)
		return r;
	for (size_t i = 0; i < s->n_kind && r == 0; i++)
		r = kind_new(s, &s->kind[i], i == 0 ? NULL : &sc->recv[i - 1]);
	if (r == 0)
		r = media_new(s);
	if (r == 0)
		r = story_start(s);
	rand_use(NULL);
	return r != 0 ? r : s->err;
}

static void
host_fini(struct site *s, struct host *h)
{
	km_free(&h->km);
	pol_own_drop(s, h);
	medium_free(&h->link);
	filter_free(&h->filter);
	free(h->sa);
	free(h->log);
}

static void
crossings_fini(struct crossings *c)
{
	for (size_t i = 0; i < c->n; i++)
		packet_drop(c->v[i].p);
	free(c->v);
}

static void
queue_drop(struct site *s)
{
	while (s->q.n > 0) {
		struct qev e = queue_take(&s->q);

		if (e.what == Q_ROUTER || e.what == Q_CORE ||
		    e.what == Q_ARRIVE || e.what == Q_FAN || e.what == Q_WORK)
			packet_drop(e.p);
		else if (e.what == Q_STORY || e.what == Q_ACT)
			free(e.p);
	}
	queue_fini(&s->q);
}

void
site_free(struct site *s)
{
	sim_here = s;
	queue_drop(s);
	for (uint32_t i = 0; s->host != NULL && i < s->n_host; i++)
		host_fini(s, &s->host[i]);
	for (size_t i = 0; s->kind != NULL && i < s->n_kind; i++)
		kind_free(&s->kind[i]);
	for (size_t i = 0; i < SCENE_LINKS; i++)
		medium_free(&s->shared[i]);
	for (size_t i = 0; i < s->n_heard; i++)
		packet_drop(s->heard[i]);
	packet_drop(s->sample);
	medium_free(&s->uplink);
	crossings_fini(&s->out);
	free(s->parted);
	free(s->host);
	free(s->kind);
	if (s->ca != NULL)
		ca_free(&s->ca);
	fx_free(&s->fx);
	ipc_free(&s->ipc);
	seen_free(&s->seen);
	obs_buf_free(&s->obs);
	rand_use(NULL);
	sim_here = NULL;
}

/* -- events -------------------------------------------------------------- */

static void
step(struct site *s, const struct qev *e)
{
	struct host *h = e->host != OBS_NOBODY ? &s->host[e->host] : NULL;

	switch ((enum what)e->what) {
	case Q_WAKE:
		must(h != NULL);
		if (h->wake != e->t)
			return; /* it was put off, or called earlier */
		h->wake = T_NEVER;
		host_wake(s, h);
		break;
	case Q_ROUTER:
	case Q_CORE:
	case Q_ARRIVE:
	case Q_FAN:
	case Q_WORK:
		road_step(s, e);
		break;
	case Q_TICK:
		must(h != NULL);
		h->ticking = false;
		site_turn(s, h);
		gd_shell_tick(s, h);
		host_settle(s, h);
		break;
	case Q_STORY:
	case Q_JOIN:
	case Q_UP:
	case Q_ACT:
		story_step(s, e);
		break;
	}
}

void
site_run(struct site *s, t_ns until)
{
	sim_here = s;
	while (s->err == 0 && queue_next(&s->q) < until) {
		struct qev e = queue_take(&s->q);

		s->now = e.t;
		s->events++;
		step(s, &e);
	}
	rand_use(NULL);
}
