/* SPDX-License-Identifier: ISC */
#include "mikesim/core/rng.h"

#define TWO_64 18446744073709551616.0

/* The finalizer of SplitMix64: a bijection, and 0 stays 0. */
static uint64_t
mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t
rotl(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

/*
 * SplitMix64 from the seed, at a place that use and number choose.  The places
 * differ for all uses below 16 and all numbers below 2^60; use 0 with number 0
 * is SplitMix64 as published.  Its outputs for consecutive states are
 * different, so that not all four words can be zero.
 */
void
rng_init(struct rng *r, uint64_t seed, enum rng_use use, uint64_t number)
{
	uint64_t x = seed ^ mix(number << 4 ^ (uint64_t)use);

	for (size_t i = 0; i < NITEMS(r->s); i++) {
		x += 0x9e3779b97f4a7c15u;
		r->s[i] = mix(x);
	}
}

uint64_t
rng_u64(struct rng *r)
{
	uint64_t *s = r->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return out;
}

/* The last numbers do not make a whole run of n: drawn again. */
uint64_t
rng_below(struct rng *r, uint64_t n)
{
	uint64_t x, rest;

	must(n > 0);
	do {
		x = rng_u64(r);
		rest = x % n;
	} while (x - rest > -n);
	return rest;
}

/* The low octet of a number comes first, on every machine. */
void
rng_fill(struct rng *r, void *out, size_t len)
{
	uint8_t *p = out;
	uint64_t x = 0;

	for (size_t i = 0; i < len; i++, x >>= 8) {
		if (i % 8 == 0)
			x = rng_u64(r);
		p[i] = (uint8_t)x;
	}
}

/*
 * The largest p below 1 times 2^64 is 2^64 - 2^11, so that CHANCE_ALWAYS comes
 * from 1 alone.
 */
chance
chance_of(double p)
{
	if (!(p > 0.0))
		return 0;
	return p < 1.0 ? (chance)(p * TWO_64) : CHANCE_ALWAYS;
}

bool
rng_hit(struct rng *r, chance c)
{
	if (c == 0 || c == CHANCE_ALWAYS)
		return c != 0;
	return rng_u64(r) < c;
}
