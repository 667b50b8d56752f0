/* SPDX-License-Identifier: ISC */

#include "mikesim/out/links.h"

#include <string.h>

static void
add(struct links_use *u, const struct sim_medium *m)
{
	const struct medium_stat *st = m->stat;

	u->cls = m->cls;
	u->media++;
	u->stations += m->stations;
	u->datagrams += st->datagrams;
	u->frames += st->frames;
	u->octets += st->octets;
	for (size_t i = 0; i < FATES; i++)
		u->fates[i] += st->fates[i];
	u->airtime += st->airtime;
	if (st->airtime > u->busiest)
		u->busiest = st->airtime;
	if (st->backlog_max > u->wait)
		u->wait = st->backlog_max;
}

size_t
links_sum(const struct sim *sim, struct links_use out[SCENE_LINKS])
{
	const struct link_class *first = sim_scene(sim)->link;
	struct sim_medium m;
	size_t n = 0;

	memset(out, 0, SCENE_LINKS * sizeof(out[0]));
	for (size_t i = 0; sim_medium_at(sim, i, &m); i++)
		if (m.stat != NULL)
			add(&out[m.cls - first], &m);
	for (size_t i = 0; i < SCENE_LINKS; i++)
		if (out[i].media > 0)
			out[n++] = out[i];
	return n;
}

double
links_share(const struct links_use *u, uint64_t media, t_ns airtime, t_ns now)
{
	double channels = u->cls->half_duplex ? 1 : 2;

	if (media == 0 || now == 0)
		return 0;
	return (double)airtime / ((double)media * channels * (double)now);
}
