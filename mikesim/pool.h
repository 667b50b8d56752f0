/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_POOL_H
#define MIKESIM_POOL_H

/* Threads for the sites of a run: the `parallel` of struct sim_opts. */

#include "common/util.h"

struct pool;

/* jobs >= 1, the caller's thread among them.  NULL: it cannot be made. */
struct pool *pool_new(unsigned int jobs);
void pool_free(struct pool **p); /* waits for its threads to end */
void pool_run(
    void *pool, size_t n, void (*work)(void *arg, size_t i), void *arg);

#endif
