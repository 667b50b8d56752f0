/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_MEDIUM_INT_H
#define MIKESIM_CORE_MEDIUM_INT_H

/* Inside of a medium: the channel in medium.c, chance in medium_hear.c. */

#include "mikesim/core/medium.h"

#define NO_STATION UINT32_MAX

struct channel {
	t_ns busy;     /* until then */
	uint32_t last; /* who transmitted; or NO_STATION */
};

/* Chance that a frame of so many octets has a bit error, for a few lengths. */
#define BITS_KEPT 4
struct bits {
	chance error[BITS_KEPT];
	uint32_t octets[BITS_KEPT];
	uint32_t next; /* place to use again */
};

struct medium {
	const struct link_class *c;
	uint32_t stations;
	bool down;
	struct channel way[2]; /* down and up; both are [0] if half duplex */
	t_ns queue;	       /* airtime of the octets that may wait */
	struct rng rng;
	struct bits bits;
	struct medium_stat stat;
	uint8_t *bad; /* of a burst: stations down, stations up; or NULL */
	t_ns tail[];  /* bins, then the octets of bad */
};

/* Times end at T_NEVER. */
static inline t_ns
t_add(t_ns a, t_ns b)
{
	return b > T_NEVER - a ? T_NEVER : a + b;
}

#endif
