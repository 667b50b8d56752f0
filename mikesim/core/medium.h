/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_MEDIUM_H
#define MIKESIM_CORE_MEDIUM_H

/*
 * A medium: a link between a router and one station, or a channel that a
 * router shares with many.  Station 0 is the router.
 *
 * Whoever has something to send waits until those who came before are done
 * (no collisions: the medium is what an ideal access scheme would make of
 * it).  Without half_duplex the way down (from the router) and the way up
 * are two channels.  What is heard is drawn for each station.
 */

#include "mikesim/core/scene.h"

/* What became of a copy of a datagram at a station. */
enum fate {
	FATE_DELIVERED,
	FATE_DUPLICATE, /* delivered, a second time */
	FATE_LATE,	/* delivered, and nobody waited for it any more */
	FATE_LOSS,
	FATE_BURST,
	FATE_BITS,  /* bit errors */
	FATE_QUEUE, /* no room to wait for the channel */
	FATE_MTU,   /* cannot be split into frames that fit */
	FATE_DOWN,  /* link or host is down */
	FATE_PARTITION,
	FATE_EMCON,  /* the host must not transmit */
	FATE_FILTER, /* a dispatcherd's rules, or nobody listens */
	FATES
};
const char *fate_name(enum fate f);

#define MEDIUM_BINS 600 /* of the run, for pictures */

struct medium_stat {
	uint64_t datagrams, frames, octets; /* sent; octets with overhead */
	uint64_t fates[FATES];
	t_ns airtime;	  /* of both ways, turning included */
	t_ns backlog_max; /* longest wait of a datagram for its first bit */
	/*
	 * MEDIUM_BINS each, of the duration: airtime that falls into it, of
	 * both ways; longest wait of what became ready in it.  A link that is
	 * not shared has none: width 0, NULL.
	 */
	t_ns bin_width, *bin_air, *bin_backlog;
};

struct medium;

/*
 * stations: without the router, from 1; one if not shared.  The class is
 * borrowed until medium_free.  NULL: out of memory.
 */
struct medium *medium_new(const struct link_class *c, uint32_t stations,
    uint64_t seed, uint64_t number, t_ns duration);
void medium_free(struct medium **m);

struct ride {
	t_ns begin, end; /* on the air; the last frame's end */
	uint32_t from;
	uint32_t frames;
	/* Octets of the last frame, of each other; overhead included. */
	uint32_t last, full;
};

/*
 * Station `from` has an IP datagram of len octets ready at `now`, which never
 * goes back.  FATE_DELIVERED: it goes, *out says when; FATE_QUEUE, FATE_MTU.
 *
 * The turn is paid whenever the channel's transmitter is not the one before;
 * the first of all pays none.  What is longer than the MTU goes as fragments
 * of IPv4 would: each with 20 octets of IP header, all but the last with a
 * multiple of 8 octets of payload (IPv6 is counted alike).  What the channel
 * has still to send counts as waiting, the rest of the frame on the air too;
 * a channel that is idle takes any datagram.
 */
enum fate medium_send(
    struct medium *m, uint32_t from, size_t len, t_ns now, struct ride *out);

/*
 * What station `to` hears of it: one copy or two, each with its fate.  A
 * datagram is lost with any of its frames; its fate names the first cause.  A
 * duplicate comes no earlier than the first copy, up to the jitter later.
 */
struct heard {
	enum fate fate;
	t_ns at; /* of arrival; if lost, when it would have come at best */
};
size_t medium_hear(
    struct medium *m, uint32_t to, const struct ride *r, struct heard out[2]);

void medium_set_down(struct medium *m, bool down); /* for its owner to ask */
bool medium_is_down(const struct medium *m);
const struct medium_stat *medium_stat(const struct medium *m);
/* Octets that the medium itself keeps in memory. */
size_t medium_size(const struct medium *m);

#endif
