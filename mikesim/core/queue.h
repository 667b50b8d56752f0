/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_QUEUE_H
#define MIKESIM_CORE_QUEUE_H

/*
 * What is to happen, by time; of the same time, in the order of being said.
 * A heap with four children a node: half as deep as one with two, and a node's
 * children are neighbours in memory.
 */

#include "mikesim/core/scene.h"

struct qev {
	t_ns t;
	uint64_t seq;
	uint32_t what; /* the caller's */
	uint32_t host;
	void *p;
};

struct queue {
	struct qev *v;
	size_t n, cap;
	uint64_t seq;
};

/* Room for one more; -ENOMEM.  queue_add cannot fail after it. */
int queue_reserve(struct queue *q) MUST_CHECK;
void queue_add(struct queue *q, t_ns t, uint32_t what, uint32_t host, void *p);
/* Time of the first; T_NEVER: nothing. */
static inline t_ns
queue_next(const struct queue *q)
{
	return q->n > 0 ? q->v[0].t : T_NEVER;
}
struct qev queue_take(struct queue *q); /* the first; must be there */
void queue_fini(struct queue *q);	/* what p points to is the caller's */

#endif
