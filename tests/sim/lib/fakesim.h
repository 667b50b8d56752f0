/* SPDX-License-Identifier: ISC */
#ifndef TESTS_SIM_LIB_FAKESIM_H
#define TESTS_SIM_LIB_FAKESIM_H

/*
 * A run that nobody simulated, the same every time: hosts register over a
 * radio net that loses messages, get new keys, crash, fall silent, leave.
 * For tests of what is made of a run.
 */

#include "mikesim/core/sim.h"

struct fake {
	uint32_t sites, receivers; /* of each site */
	t_ns duration;
	bool hostile; /* names and texts try to become markup */
	bool hybrid;  /* data of applications too */
};

/* Feeds the run through the sink from begin to end: 0 or its error. */
int fake_run(const struct fake *f, const struct obs_sink *sink) MUST_CHECK;
/* Payloads by the message's kind alone. */
size_t fake_payloads(void *arg, const struct obs *send, char *out, size_t size);

/* Nothing but a scene of that size: for tests that say all themselves. */
void fake_scene(struct scene *s, const struct fake *f);
/* A simulation at its end, with that scene and no media. */
struct sim *fake_sim(const struct scene *s, t_ns now);
void fake_sim_free(struct sim *sim);

#endif
