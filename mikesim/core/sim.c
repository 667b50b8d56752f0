/* SPDX-License-Identifier: ISC */
/*
 * A run.  Sites go on by windows of time: what one sends to another arrives
 * after the window in which it was sent, so within one no site has to know of
 * the others, and they can run in any order and in several threads.
 */

#include "mikesim/core/site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"

#define AHEAD_MIN (100 * 1000ull)  /* if the core network takes no time */
#define AHEAD_ALONE (1 * NS_PER_S) /* when there is one site */

int
sim_thread_init(void)
{
	struct rng warm;
	int r;

	/* OpenSSL draws while it loads; of this nothing is kept. */
	rng_init(&warm, 0, RNG_SITE, UINT32_MAX);
	rand_use(&warm);
	if ((r = crypto_init()) == 0)
		r = sig_init();
	rand_use(NULL);
	return r;
}

void
sim_thread_fini(void)
{
	sig_fini();
	crypto_fini();
}

int
sim_init(void)
{
	struct rng warm;
	int r = 0;

	rng_init(&warm, 0, RNG_SITE, UINT32_MAX);
	if (rand_replace() != 0 || sim_thread_init() != 0)
		return -EIO;
	rand_use(&warm);
	if (secret_init() != 0 || ca_room(4 * SIM_OWN_MAX) != 0 ||
	    x509_init() != 0)
		r = -EIO;
	rand_use(NULL);
	return r;
}

/* -- set-up --------------------------------------------------------------- */

static bool
has_verb(const struct scene *s, enum verb v)
{
	for (size_t i = 0; i < s->n_ev; i++)
		if (s->ev[i].verb == v)
			return true;
	return false;
}

static int
secrets_new(struct sim *sim)
{
	static const char psk[] = "pre-shared by a simulation";
	static const char ppk[] = "quantum-safe by a simulation";
	struct rng r;

	rng_init(&r, sim->scene->seed, RNG_PKI, 0);
	rng_fill(&r, sim->ca_seed, sizeof(sim->ca_seed));
	sim->boot = secret_new(32);
	if (sim->scene->psk)
		sim->psk = secret_from(psk, sizeof(psk) - 1);
	if (sim->scene->ppk)
		sim->ppk = secret_from(ppk, sizeof(ppk) - 1);
	if (sim->boot == NULL || (sim->scene->psk && sim->psk == NULL) ||
	    (sim->scene->ppk && sim->ppk == NULL))
		return -ENOMEM;
	rng_fill(&r, secret_bytes(sim->boot), 32);
	return 0;
}

static t_ns
window_of(const struct scene *s)
{
	t_ns delay = s->link[s->uplink].delay;

	if (s->senders == 1)
		return AHEAD_ALONE;
	return delay > AHEAD_MIN ? delay : AHEAD_MIN;
}

int
sim_new(struct sim **out, const struct scene *s, const struct sim_opts *o)
{
	struct sim *sim;
	int r = 0;

	*out = NULL;
	if ((s->needs & ~(uint32_t)NEEDS_KNOWN) != 0 || has_verb(s, V_EXCLUDE))
		return -ENOTSUP;
	if ((sim = calloc(1, sizeof(*sim))) == NULL)
		return -ENOMEM;
	sim->scene = s;
	sim->o = *o;
	sim->ahead = window_of(s);
	sim->keep_logs = has_verb(s, V_CRASH);
	sim->replays = has_verb(s, V_REPLAY);
	sim->site = calloc(s->senders, sizeof(*sim->site));
	if (sim->site == NULL ||
	    (o->invariants && (sim->seen = seen_new()) == NULL))
		r = -ENOMEM;
	if (r == 0)
		r = secrets_new(sim);
	for (uint32_t i = 0; i < s->senders && r == 0; i++)
		r = site_new(&sim->site[i], sim, i);
	if (r != 0)
		sim_free(&sim);
	*out = sim;
	return r;
}

void
sim_free(struct sim **simp)
{
	struct sim *sim = *simp;

	if (sim == NULL)
		return;
	for (uint32_t i = 0; sim->site != NULL && i < sim->scene->senders; i++)
		site_free(&sim->site[i]);
	free(sim->site);
	secret_free(&sim->psk);
	secret_free(&sim->ppk);
	secret_free(&sim->boot);
	seen_free(&sim->seen);
	free(sim);
	*simp = NULL;
}

/* -- windows -------------------------------------------------------------- */

static t_ns
next_time(const struct sim *sim)
{
	t_ns t = T_NEVER, q;

	for (uint32_t i = 0; i < sim->scene->senders; i++) {
		q = queue_next(&sim->site[i].q);
		t = q < t ? q : t;
	}
	return t;
}

struct window {
	struct sim *sim;
	t_ns until;
	uint32_t busy[SCENE_SENDERS]; /* sites with something to do */
};

static void
run_one(void *arg, size_t i)
{
	struct window *w = arg;

	site_run(&w->sim->site[w->busy[i]], w->until);
}

static void
run_window(struct sim *sim, t_ns until)
{
	struct window w = { .sim = sim, .until = until };
	size_t n = 0;

	for (uint32_t i = 0; i < sim->scene->senders; i++)
		if (queue_next(&sim->site[i].q) < until)
			w.busy[n++] = i;
	if (sim->o.parallel != NULL && n > 1) {
		sim->o.parallel(sim->o.pool, n, run_one, &w);
		return;
	}
	for (size_t i = 0; i < n; i++)
		run_one(&w, i);
}

/*
 * In the order of the sites, each site's in the order in which it sent: the
 * queue keeps the order of what is due at the same time.
 */
static int
cross_over(struct sim *sim, t_ns from)
{
	for (uint32_t i = 0; i < sim->scene->senders; i++) {
		struct crossings *c = &sim->site[i].out;

		for (size_t j = 0; j < c->n; j++) {
			struct crossing *x = &c->v[j];
			struct site *to = &sim->site[x->to_site];
			/* Its octets are counted by one thread at a time. */
			struct packet *p = packet_copy(x->p);

			packet_drop(x->p);
			if (p == NULL || queue_reserve(&to->q) != 0) {
				free(p);
				site_fail(to, -ENOMEM);
				continue;
			}
			queue_add(&to->q, x->t < from ? from : x->t, Q_CORE,
			    OBS_NOBODY, p);
		}
		c->n = 0;
	}
	return 0;
}

static int
first_error(const struct sim *sim)
{
	for (uint32_t i = 0; i < sim->scene->senders; i++)
		if (sim->site[i].err != 0)
			return sim->site[i].err;
	return 0;
}

static int
between(struct sim *sim, t_ns until)
{
	int r;

	if ((r = cross_over(sim, until)) != 0 || (r = first_error(sim)) != 0)
		return r;
	if (sim->seen != NULL)
		inv_merge(sim);
	if ((r = show_flush(sim)) != 0)
		return r;
	if (sim->o.stop != NULL && sim->o.stop(sim->o.arg, sim))
		sim->stopped = true;
	return 0;
}

static int
sinks_begin(struct sim *sim)
{
	int r = 0;

	for (size_t i = 0; i < sim->o.n_sink && r == 0; i++)
		if (sim->o.sink[i].begin != NULL)
			r = sim->o.sink[i].begin(
			    sim->o.sink[i].arg, sim->scene);
	return r;
}

static int
sinks_end(struct sim *sim)
{
	int r = show_flush(sim), e;

	for (size_t i = 0; i < sim->o.n_sink; i++)
		if (sim->o.sink[i].end != NULL &&
		    (e = sim->o.sink[i].end(sim->o.sink[i].arg, sim)) != 0 &&
		    r == 0)
			r = e;
	return r;
}

int
sim_run(struct sim *sim)
{
	t_ns end = sim->scene->duration, t, until;
	int r = sinks_begin(sim);

	while (r == 0 && !sim->stopped && (t = next_time(sim)) < end) {
		until = t + sim->ahead < end ? t + sim->ahead : end;
		run_window(sim, until);
		sim->now = until;
		r = between(sim, until);
	}
	if (r != 0)
		return r;
	if (!sim->stopped)
		sim->now = end;
	inv_end(sim);
	return sinks_end(sim);
}

const struct scene *
sim_scene(const struct sim *sim)
{
	return sim->scene;
}

t_ns
sim_now(const struct sim *sim)
{
	return sim->now;
}

uint64_t
sim_events(const struct sim *sim)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < sim->scene->senders; i++)
		n += sim->site[i].events;
	return n;
}
