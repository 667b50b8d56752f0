/* SPDX-License-Identifier: ISC */
/*
 * What a station hears.  The order of the draws is part of every result: for
 * each frame the burst, the loss, the bits; for what is delivered the jitter,
 * the reordering, the duplicate and its jitter.  What is off draws nothing.
 */
#include "mikesim/core/medium_int.h"

/*
 * 1 - (1 - ber)^bits, by squaring.  It works on the complement, so that small
 * error rates keep their digits, and with sums and products alone, which are
 * the same everywhere; pow() is not.
 */
static double
any_of(double ber, uint64_t bits)
{
	double all = 0.0;

	for (double e = ber; bits != 0; bits >>= 1) {
		if (bits & 1)
			all += e * (1.0 - all);
		e *= 2.0 - e;
	}
	return all;
}

static chance
bits_chance(struct medium *m, uint32_t octets)
{
	struct bits *b = &m->bits;
	uint32_t at;

	/* Unused places stand for 0 octets, and are right. */
	for (uint32_t i = 0; i < BITS_KEPT; i++)
		if (b->octets[i] == octets)
			return b->error[i];
	at = b->next;
	b->next = (at + 1) % BITS_KEPT;
	b->octets[at] = octets;
	b->error[at] = chance_of(any_of(m->c->bit_error, (uint64_t)octets * 8));
	return b->error[at];
}

/* The state of the path: up it belongs to who sends, else to who hears. */
static uint8_t *
path_bad(struct medium *m, uint32_t to, uint32_t from)
{
	if (m->bad == NULL)
		return NULL;
	return to != 0 ? &m->bad[to - 1] : &m->bad[m->stations + from - 1];
}

/* A step of Gilbert and Elliott's model; is the frame in a burst? */
static bool
burst_step(struct medium *m, uint8_t *bad)
{
	if (rng_hit(&m->rng, *bad ? m->c->to_good : m->c->to_bad))
		*bad = !*bad;
	return *bad;
}

static enum fate
frame_fate(struct medium *m, uint32_t octets)
{
	if (rng_hit(&m->rng, m->c->loss))
		return FATE_LOSS;
	if (m->c->bit_error > 0.0 && rng_hit(&m->rng, bits_chance(m, octets)))
		return FATE_BITS;
	return FATE_DELIVERED;
}

static enum fate
frames_fate(struct medium *m, uint32_t to, const struct ride *r)
{
	uint8_t *bad = path_bad(m, to, r->from);
	enum fate f = FATE_DELIVERED;

	for (uint32_t i = 1; i <= r->frames; i++) {
		/* The path changes while frames pass that are for nothing. */
		bool burst = bad != NULL && burst_step(m, bad);

		if (f != FATE_DELIVERED)
			continue;
		f = burst ? FATE_BURST
			  : frame_fate(m, i < r->frames ? r->full : r->last);
	}
	return f;
}

static t_ns
draw_jitter(struct medium *m)
{
	t_ns j = m->c->jitter;

	if (j == 0)
		return 0;
	return rng_below(&m->rng, j < T_NEVER ? j + 1 : j);
}

size_t
medium_hear(
    struct medium *m, uint32_t to, const struct ride *r, struct heard out[2])
{
	enum fate f;
	t_ns at = t_add(r->end, m->c->delay);

	must(to <= m->stations && to != r->from);
	f = frames_fate(m, to, r);
	m->stat.fates[f]++;
	if (f == FATE_DELIVERED) {
		at = t_add(at, draw_jitter(m));
		if (rng_hit(&m->rng, m->c->reorder))
			at = t_add(at, m->c->reorder_by);
	}
	out[0] = (struct heard){ .fate = f, .at = at };
	if (f != FATE_DELIVERED || !rng_hit(&m->rng, m->c->duplicate))
		return 1;
	m->stat.fates[FATE_DUPLICATE]++;
	out[1] = (struct heard){ .fate = FATE_DUPLICATE,
		.at = t_add(at, draw_jitter(m)) };
	return 2;
}
