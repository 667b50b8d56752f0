/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "dispatcherd/core/rate.h"

#define TOKEN 1000u /* so that one millisecond adds per_s units */

struct bucket {
	struct addr src; /* len 0: unused */
	uint64_t level;	 /* in 1/TOKEN */
	uint64_t last_ms;
};

struct rate {
	struct bucket b[RATE_SOURCES];
};

struct rate *
rate_new(void)
{
	return calloc(1, sizeof(struct rate));
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

/* The source's bucket, or the one that goes to it: unused or oldest. */
static struct bucket *
bucket_find(struct rate *rt, const struct addr *src, bool *found)
{
	struct bucket *old = &rt->b[0];

	*found = false;
	for (size_t i = 0; i < RATE_SOURCES; i++) {
		struct bucket *b = &rt->b[i];

		if (b->src.len == 0)
			return b; /* the rest is unused, too */
		if (addr_eq(&b->src, src)) {
			*found = true;
			return b;
		}
		if (b->last_ms < old->last_ms)
			old = b;
	}
	return old;
}

static void
refill(struct bucket *b, uint32_t per_s, uint64_t now_ms)
{
	uint64_t full = capacity(per_s), ms = 0;

	if (now_ms > b->last_ms)
		ms = now_ms - b->last_ms;
	/* Idle long enough to be full: and no product that overflows. */
	if (ms > full / per_s)
		b->level = full;
	else
		b->level += ms * per_s;
	if (b->level > full)
		b->level = full;
	b->last_ms = now_ms;
}

bool
rate_allows(
    struct rate *rt, const struct addr *src, uint32_t per_s, uint64_t now_ms)
{
	struct bucket *b;
	bool found;

	if (per_s == 0)
		return true;
	b = bucket_find(rt, src, &found);
	if (!found)
		*b = (struct bucket){ .src = *src, .level = capacity(per_s) };
	refill(b, per_s, now_ms);
	if (b->level < TOKEN)
		return false;
	b->level -= TOKEN;
	return true;
}
