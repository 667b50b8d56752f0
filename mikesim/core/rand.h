/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_RAND_H
#define MIKESIM_CORE_RAND_H

/*
 * OpenSSL's randomness in a simulation: whatever it wants to draw in this
 * thread comes from the stream that was set last.  This is for mikesim alone;
 * no daemon links it.
 */

#include "mikesim/core/rng.h"

/* Once, before any cryptography.  -EIO. */
int rand_replace(void) MUST_CHECK;
/* For this thread.  NULL: who draws gets an error, for it would not repeat. */
void rand_use(struct rng *r);
/* The rand of struct km_ops; arg is not used. */
int rand_draw(void *arg, void *out, size_t len);

#endif
