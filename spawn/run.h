/* SPDX-License-Identifier: ISC */
#ifndef SPAWN_RUN_H
#define SPAWN_RUN_H

#include "spawn/core/sup.h"

struct run_conf {
	struct sup_conf sup;
	bool daemons;	      /* false: key managers only, channel is fd 3 */
	int slot[MIKE_SLOTS]; /* state files */
};

/* Start and restart until SIGTERM or SIGINT; then end all and return. */
void run_loop(const struct run_conf *conf);

#endif
