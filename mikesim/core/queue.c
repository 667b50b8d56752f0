/* SPDX-License-Identifier: ISC */
#include "mikesim/core/queue.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_CAP 1024
#define ARITY 4

int
queue_reserve(struct queue *q)
{
	size_t cap = q->cap > 0 ? q->cap * 2 : FIRST_CAP;
	struct qev *v;

	if (q->n < q->cap)
		return 0;
	if ((v = reallocarray(q->v, cap, sizeof(*v))) == NULL)
		return -ENOMEM;
	q->v = v;
	q->cap = cap;
	return 0;
}

static inline bool
before(const struct qev *a, const struct qev *b)
{
	return a->t < b->t || (a->t == b->t && a->seq < b->seq);
}

void
queue_add(struct queue *q, t_ns t, uint32_t what, uint32_t host, void *p)
{
	struct qev e = {
		.t = t, .seq = q->seq++, .what = what, .host = host, .p = p
	};
	size_t i = q->n++;

	must(q->n <= q->cap);
	while (i > 0 && before(&e, &q->v[(i - 1) / ARITY])) {
		q->v[i] = q->v[(i - 1) / ARITY];
		i = (i - 1) / ARITY;
	}
	q->v[i] = e;
}

static size_t
first_child(const struct queue *q, size_t i)
{
	size_t c = i * ARITY + 1, best = c;
	size_t end = c + ARITY < q->n ? c + ARITY : q->n;

	for (c++; c < end; c++)
		if (before(&q->v[c], &q->v[best]))
			best = c;
	return best;
}

struct qev
queue_take(struct queue *q)
{
	struct qev out = q->v[0], last;
	size_t i = 0, c;

	must(q->n > 0);
	last = q->v[--q->n];
	while (i * ARITY + 1 < q->n) {
		c = first_child(q, i);
		if (!before(&q->v[c], &last))
			break;
		q->v[i] = q->v[c];
		i = c;
	}
	if (q->n > 0)
		q->v[i] = last;
	return out;
}

void
queue_fini(struct queue *q)
{
	free(q->v);
	*q = (struct queue){ 0 };
}
