/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_SIMRUN_H
#define TESTS_LIB_SIMRUN_H

/* Small runs of the simulation, for tests of what is written of them. */

#include "mikesim/core/sim.h"

/* Two senders with three receivers each, on nets that lose something. */
#define SIMRUN_LINKS                                                           \
	"link core { bandwidth = 100M delay = 1ms }\n"                         \
	"link radio { shared = yes half-duplex = yes bandwidth = 64k\n"        \
	"    overhead = 12 loss = 10% delay = 5ms }\n"
#define SIMRUN_HOSTS                                                           \
	"senders hq { count = 2 link = core }\n"                               \
	"receivers scout { count = 3 link = radio join = 1s-2s }\n"
#define SIMRUN_SMALL                                                           \
	"scenario { duration = 30s title = \"small\" }\n" SIMRUN_LINKS         \
	    SIMRUN_HOSTS "timeline { events = {\n"                             \
	"\"10s traffic senders 2/s 100 for 3s\",\n"                            \
	"\"15s leave scout-01-00001\" } }\n"

typedef void simrun_look(
    void *arg, const struct sim *sim, const struct sim_results *r);

/* Run it to its end, without an error; look may be NULL. */
void simrun(const char *text, uint64_t seed, const struct obs_sink *v, size_t n,
    simrun_look *look, void *arg);
/* The same; -Exxx is what sim_run() gave. */
int simrun_try(const char *text, uint64_t seed, const struct obs_sink *v,
    size_t n, simrun_look *look, void *arg);

#endif
