/* SPDX-License-Identifier: ISC */
/* Results of a run. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mikesim/core/site.h"

/* -- why hosts have no keys ----------------------------------------------- */

static void
add_why(struct sim_results *r, const char *text, uint32_t host)
{
	char why[sizeof(r->why[0].why)];
	size_t i = 0;

	snprintf(why, sizeof(why), "%s", text);
	while (i < r->n_why && strcmp(r->why[i].why, why) != 0)
		i++;
	if (i == NITEMS(r->why))
		return;
	if (i == r->n_why) {
		r->why[r->n_why++] = (struct res_keyless){ .first = host };
		memcpy(r->why[i].why, why, sizeof(why));
	}
	r->why[i].hosts++;
}

static void
add_keyless(struct sim_results *r, const struct site *s, const struct host *h)
{
	struct km_status st = { .detail = "" };

	if (h->km != NULL)
		km_status(h->km, host_boot_ms(s, h), &st);
	if (!host_is_up(h, SD_HOST))
		add_why(r, "the host is down", h->no);
	else if (h->link_down)
		add_why(r, "its link is down", h->no);
	else if (h->emcon != EMCON_TRANSMIT)
		add_why(r, "it must not transmit", h->no);
	else if (st.detail[0] != '\0')
		add_why(r, st.detail, h->no);
	else
		add_why(r, "it is registering", h->no);
}

/* -- sums ----------------------------------------------------------------- */

static void
add_host(struct sim_results *r, const struct site *s, const struct host *h)
{
	if (h->joined_at == T_NEVER || h->joined_at > r->now ||
	    h->phase == PHASE_LEFT)
		return;
	if (h->phase == PHASE_KEYED) {
		r->keyed++;
		return;
	}
	r->keyless++;
	add_keyless(r, s, h);
}

static uint64_t
km_count_of(const struct host *h, const char *name)
{
	struct km_count c[64];
	size_t n = h->km != NULL ? km_counts(h->km, c, NITEMS(c)) : 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(c[i].name, name) == 0)
			return c[i].value;
	return 0;
}

static void
add_site(struct sim_results *r, const struct site *s)
{
	r->events += s->events;
	r->refused += s->refused;
	r->registered += s->registered;
	r->registrations += km_count_of(&s->host[0], "reg.ok");
	r->retransmissions += s->retransmits;
	r->app_sent += s->app_sent;
	r->app_read += s->app_read;
	r->app_unread += s->app_unread;
	for (size_t i = 0; i < RK_KINDS; i++) {
		r->msgs[i].sent += s->msgs[i].sent;
		r->msgs[i].delivered += s->msgs[i].delivered;
		r->msgs[i].lost += s->msgs[i].lost;
		r->msgs[i].octets += s->msgs[i].octets;
		r->msgs[i].airtime += s->msgs[i].airtime;
	}
	for (size_t i = 0; i < RES_OPS; i++)
		r->ops[i] += s->ops[i];
	for (size_t i = 0; i < SIM_DAEMONS; i++)
		r->cpu_s[1][i] += (double)s->cpu_ns[i] / 1e9;
	r->cpu_s[0][SD_KEYMGRD] += (double)s->cpu_ns[SIM_DAEMONS] / 1e9;
	if (s->broken > 0 && (r->broken == 0 || s->why_at < r->broken_at)) {
		memcpy(r->broken_first, s->why, sizeof(s->why));
		r->broken_at = s->why_at;
	}
	r->broken += s->broken;
	for (uint32_t i = 1; i < s->n_host; i++) {
		r->retransmissions +=
		    km_count_of(&s->host[i], "req.retransmitted");
		add_host(r, s, &s->host[i]);
	}
}

static int
by_time(const void *a, const void *b)
{
	const t_ns *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
add_times(struct sim_results *r, const struct sim *sim)
{
	t_ns *v = calloc(r->registered + 1, sizeof(*v));
	size_t n = 0;

	if (v == NULL)
		return;
	for (uint32_t i = 0; i < sim->scene->senders; i++)
		for (uint32_t j = 1; j < sim->site[i].n_host; j++) {
			const struct host *h = &sim->site[i].host[j];

			if (h->keyed_at != T_NEVER && n < r->registered)
				v[n++] = h->keyed_at - h->joined_at;
		}
	qsort(v, n, sizeof(*v), by_time);
	if (n > 0) {
		r->reg_median = v[n / 2];
		r->reg_p95 = v[n * 95 / 100];
		r->reg_last = v[n - 1];
	}
	free(v);
}

void
sim_results(const struct sim *sim, struct sim_results *r)
{
	*r = (struct sim_results){ .now = sim->now,
		.stopped = sim->stopped,
		.senders = sim->scene->senders,
		.receivers = scene_hosts(sim->scene) - sim->scene->senders };
	for (uint32_t i = 0; i < sim->scene->senders; i++)
		add_site(r, &sim->site[i]);
	add_times(r, sim);
}

/* -- media ---------------------------------------------------------------- */

/* A site's media: the uplink, the shared ones; then each host's own. */
static const struct medium *
of_site(const struct site *s, size_t i, struct sim_medium *out)
{
	const struct scene *sc = s->sim->scene;
	char name[SCENE_HOST_NAME];

	*out = (struct sim_medium){ .site = s->no, .stations = 1 };
	if (i == 0) {
		out->cls = &sc->link[sc->uplink];
		snprintf(out->name, sizeof(out->name), "%s of %s",
		    out->cls->name, scene_host_name(sc, s->no, name));
		return s->uplink;
	}
	if (i <= sc->n_link) {
		out->cls = &sc->link[i - 1];
		snprintf(out->name, sizeof(out->name), "%s of %s",
		    out->cls->name, scene_host_name(sc, s->no, name));
		out->stations = 0;
		for (size_t k = 1; k < s->n_kind; k++)
			if (s->kind[k].recv->link == i - 1)
				out->stations += s->kind[k].n;
		return s->shared[i - 1];
	}
	i -= sc->n_link + 1;
	if (i >= s->n_host || s->host[i].link == NULL)
		return NULL;
	out->cls = &sc->link[s->kind[s->host[i].kind].recv->link];
	snprintf(out->name, sizeof(out->name), "%s of %s", out->cls->name,
	    scene_host_name(sc, s->host[i].no, name));
	return s->host[i].link;
}

bool
sim_medium_at(const struct sim *sim, size_t i, struct sim_medium *out)
{
	for (uint32_t k = 0; k < sim->scene->senders; k++) {
		const struct site *s = &sim->site[k];
		size_t all = 1 + sim->scene->n_link + s->n_host;

		if (i < all) {
			const struct medium *m = of_site(s, i, out);

			out->stat = m != NULL ? medium_stat(m) : NULL;
			return true;
		}
		i -= all;
	}
	return false;
}
