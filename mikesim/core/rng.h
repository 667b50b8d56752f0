/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_RNG_H
#define MIKESIM_CORE_RNG_H

/*
 * Chance, from the scenario's seed alone: each user has a stream of its own
 * (purpose and number), so that what one draws never moves another's numbers.
 * The generator is xoshiro256** by D. Blackman and S. Vigna, seeded through
 * SplitMix64; integers only, the same with every compiler.
 */

#include "common/util.h"

struct rng {
	uint64_t s[4];
};

enum rng_use { RNG_HOST = 1, RNG_MEDIUM, RNG_SITE, RNG_PKI, RNG_CHAOS };

void rng_init(struct rng *r, uint64_t seed, enum rng_use use, uint64_t number);
uint64_t rng_u64(struct rng *r);
/* 0 .. n - 1, evenly; n > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
void rng_fill(struct rng *r, void *out, size_t len);

/* A probability, as a threshold of 64 bits. */
typedef uint64_t chance;
#define CHANCE_ALWAYS UINT64_MAX
/* p in [0, 1]; beyond, and not a number: the nearer end, 0. */
chance chance_of(double p);
/* Draws nothing for a chance of 0 (never) and CHANCE_ALWAYS. */
bool rng_hit(struct rng *r, chance c);

#endif
