/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "dispatcherd/core/rate.h"

#define TOKEN 1000u /* so that one millisecond adds per_s units */

struct bucket {
	struct addr src; /* len 0: unused */
	uint32_t per_s;
	uint64_t level; /* in 1/TOKEN */
	uint64_t last_ms;
};

struct rate {
	uint8_t key[SIPHASH_KEY_LEN];
	size_t mask; /* rows - 1 */
	struct bucket row[][RATE_PLACES];
};

struct rate *
rate_new(const uint8_t key[SIPHASH_KEY_LEN], size_t rows)
{
	struct rate *rt = calloc(1, sizeof(*rt) + rows * sizeof(rt->row[0]));

	if (rt == NULL)
		return NULL;
	memcpy(rt->key, key, sizeof(rt->key));
	rt->mask = rows - 1;
	return rt;
}

void
rate_free(struct rate **rt)
{
	free(*rt);
	*rt = NULL;
}

static uint64_t
capacity(uint32_t per_s)
{
	uint64_t n = (uint64_t)per_s * RATE_BURST_S;

	return (n < RATE_BURST_MIN ? RATE_BURST_MIN : n) * TOKEN;
}

static void
refill(struct bucket *b, uint64_t now_ms)
{
	uint64_t full = capacity(b->per_s), ms = 0;

	if (now_ms > b->last_ms)
		ms = now_ms - b->last_ms;
	/* Idle long enough to be full: and no product that overflows. */
	if (ms > full / b->per_s)
		b->level = full;
	else
		b->level += ms * b->per_s;
	if (b->level > full)
		b->level = full;
	b->last_ms = now_ms;
}

/* How much of its budget has it used, of 256? */
static uint64_t
used(struct bucket *b, uint64_t now_ms)
{
	uint64_t full = capacity(b->per_s);

	refill(b, now_ms);
	return (full - b->level) * 256 / full;
}

/* The source's bucket, or the place in its row that goes to it. */
static struct bucket *
bucket_find(
    struct rate *rt, const struct addr *src, uint64_t now_ms, bool *found)
{
	struct bucket *row = rt->row[siphash16(rt->key, src->b) & rt->mask];
	struct bucket *best = &row[0];
	uint64_t least = UINT64_MAX;

	*found = false;
	for (size_t i = 0; i < RATE_PLACES; i++) {
		if (row[i].src.len == 0)
			return &row[i]; /* the rest is unused, too */
		if (!addr_eq(&row[i].src, src))
			continue;
		*found = true;
		return &row[i];
	}
	for (size_t i = 0; i < RATE_PLACES; i++) {
		uint64_t u = used(&row[i], now_ms);

		if (u >= least)
			continue;
		least = u;
		best = &row[i];
	}
	return best;
}

bool
rate_allows(
    struct rate *rt, const struct addr *src, uint32_t per_s, uint64_t now_ms)
{
	struct bucket *b;
	bool found;

	if (per_s == 0)
		return true;
	b = bucket_find(rt, src, now_ms, &found);
	if (!found)
		*b = (struct bucket){ .src = *src, .level = capacity(per_s) };
	/* The rules may have changed; a smaller bucket cuts what is in it. */
	b->per_s = per_s;
	refill(b, now_ms);
	if (b->level < TOKEN)
		return false;
	b->level -= TOKEN;
	return true;
}
