/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_TRIAL_H
#define MIKESIM_TRIAL_H

/*
 * One run for its invariants, in a process of its own: a core that ends the
 * process is a finding like any other, and leaves the others alone.
 */

#include "mikesim/core/scene.h"

struct verdict {
	bool failed;
	t_ns at;	 /* when the first invariant broke */
	char why[240];	 /* "rule: host at 1.5 s: text" */
	uint64_t events; /* simulated */
	uint64_t keyed;	 /* receivers that got keys */
};

struct trial {
	int pid, fd;
};

/* -Exxx: no process. */
int trial_start(struct trial *t, const struct scene *s) MUST_CHECK;
/* Wait for its end. */
void trial_end(struct trial *t, struct verdict *out);
/* Both. */
int trial_run(const struct scene *s, struct verdict *out) MUST_CHECK;
/* The same rule, whatever the host and the time. */
bool trial_same_rule(const struct verdict *a, const struct verdict *b);

/*
 * Take away from *s what is not needed for it to fail as *v says: events,
 * hosts, time.  *v becomes the last failure; returns the number of runs.
 */
unsigned int shrink(struct scene *s, struct verdict *v, unsigned int max);

#endif
