/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "mikesim/core/medium_int.h"

#define IP_HDR 20u
#define IP_UNIT 8u /* fragments begin at multiples */
/* No IP datagram is longer: IPv6 counts its header on top. */
#define IP_MAX (40u + UINT16_MAX)

const char *
fate_name(enum fate f)
{
	static const char *const name[FATES] = {
		[FATE_DELIVERED] = "delivered",
		[FATE_DUPLICATE] = "duplicate",
		[FATE_LATE] = "late",
		[FATE_LOSS] = "loss",
		[FATE_BURST] = "burst",
		[FATE_BITS] = "bits",
		[FATE_QUEUE] = "queue",
		[FATE_MTU] = "mtu",
		[FATE_DOWN] = "down",
		[FATE_PARTITION] = "partition",
		[FATE_EMCON] = "emcon",
		[FATE_FILTER] = "filter",
	};

	return (size_t)f < NITEMS(name) ? name[f] : "unknown";
}

/* Nanoseconds, rounded down; long division in base 1000 does not overflow. */
static t_ns
airtime(uint64_t bit_s, uint64_t octets)
{
	uint64_t bits = octets * 8, ns, rest;

	if (bit_s == 0)
		return 0;
	ns = bits / bit_s;
	rest = bits % bit_s;
	for (unsigned int i = 0; i < 3; i++) {
		rest *= 1000;
		if (ns > T_NEVER / 1000 - 1)
			return T_NEVER;
		ns = ns * 1000 + rest / bit_s;
		rest %= bit_s;
	}
	return ns;
}

static size_t
tail_size(const struct link_class *c, uint32_t stations, bool bins)
{
	size_t n = bins ? 2 * MEDIUM_BINS * sizeof(t_ns) : 0;

	return c->to_bad != 0 ? n + 2 * (size_t)stations : n;
}

struct medium *
medium_new(const struct link_class *c, uint32_t stations, uint64_t seed,
    uint64_t number, t_ns duration)
{
	bool bins = c->shared && duration > 0;
	struct medium *m;

	must(c->shared || stations == 1);
	/* So that the sum below fits any size_t. */
	if (stations > UINT32_MAX / 4)
		return NULL;
	m = calloc(1, sizeof(*m) + tail_size(c, stations, bins));
	if (m == NULL)
		return NULL;
	m->c = c;
	m->stations = stations;
	m->way[0].last = m->way[1].last = NO_STATION;
	m->queue = c->bit_s == 0 ? T_NEVER : airtime(c->bit_s, c->queue);
	rng_init(&m->rng, seed, RNG_MEDIUM, number);
	if (bins) {
		m->stat.bin_width = (duration - 1) / MEDIUM_BINS + 1;
		m->stat.bin_air = m->tail;
		m->stat.bin_backlog = m->tail + MEDIUM_BINS;
	}
	if (c->to_bad != 0)
		m->bad = (uint8_t *)(m->tail + (bins ? 2 * MEDIUM_BINS : 0));
	return m;
}

void
medium_free(struct medium **m)
{
	free(*m);
	*m = NULL;
}

/* Frames of a datagram of len octets; false: there is no way to split it. */
static bool
split(const struct link_class *c, size_t len, struct ride *r)
{
	size_t whole, rest;

	if (len > IP_MAX)
		return false;
	r->frames = 1;
	r->full = 0;
	r->last = (uint32_t)len;
	if (c->mtu != 0 && len > c->mtu) {
		if (c->mtu < IP_HDR + IP_UNIT || len <= IP_HDR)
			return false;
		whole = (c->mtu - IP_HDR) / IP_UNIT * IP_UNIT;
		r->frames = (uint32_t)((len - IP_HDR - 1) / whole + 1);
		rest = len - IP_HDR - (r->frames - 1) * whole;
		r->full = (uint32_t)(IP_HDR + whole);
		r->last = (uint32_t)(IP_HDR + rest);
	}
	if (r->frames > 1)
		r->full += c->overhead;
	r->last += c->overhead;
	return true;
}

/* The airtime from .. to, over the bins that it covers. */
static void
bins_air(struct medium_stat *st, t_ns from, t_ns to)
{
	t_ns w = st->bin_width;

	if (w == 0)
		return;
	for (t_ns i = from / w; i < MEDIUM_BINS && from < to; i++) {
		t_ns end = to / w == i ? to : (i + 1) * w;

		st->bin_air[i] += end - from;
		from = end;
	}
}

static void
count_wait(struct medium_stat *st, t_ns now, t_ns wait)
{
	t_ns w = st->bin_width;

	if (wait > st->backlog_max)
		st->backlog_max = wait;
	if (w != 0 && now / w < MEDIUM_BINS && wait > st->bin_backlog[now / w])
		st->bin_backlog[now / w] = wait;
}

enum fate
medium_send(
    struct medium *m, uint32_t from, size_t len, t_ns now, struct ride *out)
{
	const struct link_class *c = m->c;
	struct channel *ch = &m->way[from != 0 && !c->half_duplex];
	struct medium_stat *st = &m->stat;
	t_ns start = ch->busy > now ? ch->busy : now, turn, air;
	struct ride r = { .from = from };
	uint64_t octets;

	must(from <= m->stations);
	if (!split(c, len, &r)) {
		st->fates[FATE_MTU]++;
		return FATE_MTU;
	}
	octets = (uint64_t)r.full * (r.frames - 1) + r.last;
	air = airtime(c->bit_s, octets);
	if (start > now && t_add(start - now, air) > m->queue) {
		st->fates[FATE_QUEUE]++;
		return FATE_QUEUE;
	}
	turn = ch->last != NO_STATION && ch->last != from ? c->turn : 0;
	r.begin = t_add(start, turn);
	r.end = t_add(r.begin, air);
	ch->busy = r.end;
	ch->last = from;
	st->datagrams++;
	st->frames += r.frames;
	st->octets += octets;
	st->airtime = t_add(st->airtime, r.end - start);
	count_wait(st, now, r.begin - now);
	bins_air(st, start, r.end);
	*out = r;
	return FATE_DELIVERED;
}

void
medium_set_down(struct medium *m, bool down)
{
	m->down = down;
}

bool
medium_is_down(const struct medium *m)
{
	return m->down;
}

const struct medium_stat *
medium_stat(const struct medium *m)
{
	return &m->stat;
}

size_t
medium_size(const struct medium *m)
{
	return sizeof(*m) +
	       tail_size(m->c, m->stations, m->stat.bin_width != 0);
}
