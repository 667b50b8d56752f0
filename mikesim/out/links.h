/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_OUT_LINKS_H
#define MIKESIM_OUT_LINKS_H

/* How the media of each class of links were used. */

#include "mikesim/core/sim.h"

struct links_use {
	const struct link_class *cls;
	uint64_t media, stations, datagrams, frames, octets;
	uint64_t fates[FATES];
	t_ns airtime; /* of all */
	t_ns busiest; /* airtime of the one that had most */
	t_ns wait;    /* longest of a datagram for the channel */
};

/* One for each class that has media, in the scenario's order; how many. */
size_t links_sum(const struct sim *sim, struct links_use out[SCENE_LINKS]);
/* Share of the airtime there was until `now` on so many media; 0 to 1. */
double links_share(
    const struct links_use *u, uint64_t media, t_ns airtime, t_ns now);

#endif
