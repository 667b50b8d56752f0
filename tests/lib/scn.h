/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_SCN_H
#define TESTS_LIB_SCN_H

/* Scenarios for tests of the simulation. */

#include "mikesim/core/scene.h"

/* With which everything is right; without scenario, on two lines. */
#define SCN_HOSTS                                                              \
	"link core { bandwidth = 100M } senders hq { count = 3 link = core "   \
	"}\n"                                                                  \
	"receivers scout { count = 20 link = core }\n"
#define SCN_RUN "scenario { duration = 10m }\n"
#define SCN_EVENTS(list)                                                       \
	SCN_RUN SCN_HOSTS "timeline { events = {\n" list "} }\n"

/* Fails the test when there is an error. */
struct scene *scn_from(const char *text);
/* All errors, "LINE: TEXT" each with a newline; static. */
const char *scn_errors(const char *text);
/* Has it exactly one error, on that line, with that in it? */
void scn_refuses(const char *text, unsigned int line, const char *part);
/* The same in all that a scenario means; lines do not count. */
void scn_same(const struct scene *a, const struct scene *b);

#endif
