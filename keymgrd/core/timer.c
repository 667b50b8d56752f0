/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/timer.h"

#include <errno.h>
#include <stdlib.h>

int
timers_reserve(struct timers *t, size_t n)
{
	struct timer **v;
	size_t cap = t->cap == 0 ? 1 : t->cap;

	while (cap < n)
		cap *= 2;
	if (cap == t->cap)
		return 0;
	if ((v = realloc(t->v, cap * sizeof(struct timer *))) == NULL)
		return -ENOMEM;
	t->v = v;
	t->cap = cap;
	return 0;
}

void
timers_fini(struct timers *t)
{
	free(t->v);
	*t = (struct timers){ 0 };
}

static void
place(struct timers *t, struct timer *tm, size_t pos)
{
	t->v[pos - 1] = tm;
	tm->pos = pos;
}

static void
sift_up(struct timers *t, struct timer *tm, size_t pos)
{
	while (pos > 1 && t->v[pos / 2 - 1]->due_ms > tm->due_ms) {
		place(t, t->v[pos / 2 - 1], pos);
		pos /= 2;
	}
	place(t, tm, pos);
}

static void
sift_down(struct timers *t, struct timer *tm, size_t pos)
{
	for (;;) {
		size_t child = pos * 2;

		if (child > t->n)
			break;
		if (child < t->n &&
		    t->v[child]->due_ms < t->v[child - 1]->due_ms)
			child++;
		if (t->v[child - 1]->due_ms >= tm->due_ms)
			break;
		place(t, t->v[child - 1], pos);
		pos = child;
	}
	place(t, tm, pos);
}

void
timer_stop(struct timers *t, struct timer *tm)
{
	size_t pos = tm->pos;
	struct timer *last;

	if (pos == 0)
		return;
	last = t->v[--t->n];
	tm->pos = 0;
	if (last == tm)
		return;
	/* The last one takes the free place and goes where it belongs. */
	if (pos > 1 && t->v[pos / 2 - 1]->due_ms > last->due_ms)
		sift_up(t, last, pos);
	else
		sift_down(t, last, pos);
}

void
timer_set(struct timers *t, struct timer *tm, uint64_t due_ms)
{
	timer_stop(t, tm);
	if (due_ms == TIMER_NEVER)
		return;
	must(t->n < t->cap);
	tm->due_ms = due_ms;
	t->n++;
	sift_up(t, tm, t->n);
}

struct timer *
timer_first(const struct timers *t)
{
	return t->n > 0 ? t->v[0] : NULL;
}
