/* SPDX-License-Identifier: ISC */
#include "groupd/core/load.h"

#define WINDOW_MS 1000

void
load_init(struct load *l, uint32_t above)
{
	*l = (struct load){ .above = above };
}

void
load_limit(struct load *l, uint32_t above)
{
	l->above = above;
}

/* Close the second that is over; those without any request close themselves. */
static void
roll(struct load *l, uint64_t now_ms)
{
	if (now_ms - l->begin_ms >= WINDOW_MS) {
		if (2 * (uint64_t)l->n >= l->above && l->n != 0)
			l->busy_ms = l->begin_ms + WINDOW_MS;
		l->begin_ms = now_ms;
		l->n = 0;
	}
	if (l->under && now_ms - l->busy_ms >= LOAD_CALM_MS)
		l->under = false;
}

void
load_count(struct load *l, uint64_t now_ms)
{
	roll(l, now_ms);
	if (l->n < UINT32_MAX)
		l->n++;
	if (l->n <= l->above)
		return;
	l->under = true;
	l->busy_ms = now_ms;
}

bool
load_is_high(struct load *l, uint64_t now_ms)
{
	roll(l, now_ms);
	return l->under || l->above == 0;
}
