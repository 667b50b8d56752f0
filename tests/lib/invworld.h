/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_INVWORLD_H
#define TESTS_LIB_INVWORLD_H

/* A simulation that was made and does not run, to break its invariants. */

#include "mikesim/core/site.h"

#define INV_WORLD                                                              \
	"scenario { duration = 60s auth = psk }\n"                             \
	"group { lifetime = 8h }\n"                                            \
	"senders hq { count = 2 link = core }\n"                               \
	"link core { bandwidth = 100M delay = 1ms }\n"                         \
	"receivers gm { count = 3 link = core join = never }\n"                \
	"receivers spy { count = 1 link = core join = never hostile = yes }\n"

/* Hosts of a site: 0 is its sender. */
enum { GM = 1, OTHER_GM = 2, SPY = 4 };

struct inv_world {
	struct scene *scene;
	struct sim *sim;
	struct site *s; /* the first of two */
	struct host *gm, *other;
};

/* At 1.5 s, and on all hosts the group runs. */
void inv_world_init(struct inv_world *w);
void inv_world_fini(struct inv_world *w);
/* So many have broken so far at this site, the first by this rule. */
void inv_world_broken(const struct site *s, uint64_t n, const char *rule);

#endif
