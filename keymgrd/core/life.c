/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/life.h"

/* A thousandth of a life of n seconds is n ms. */
static uint64_t
permille(uint32_t lifetime_s, uint64_t n)
{
	return (uint64_t)lifetime_s * n;
}

uint64_t
life_switch_ms(uint32_t lifetime_s)
{
	uint64_t life = permille(lifetime_s, 1000);
	uint64_t guard = permille(lifetime_s, 30);

	return life - (guard > LIFE_GUARD_MS ? guard : LIFE_GUARD_MS);
}

uint64_t
life_prepare_ms(uint32_t lifetime_s)
{
	uint64_t usual = permille(lifetime_s, 750);
	uint64_t latest =
	    life_switch_ms(lifetime_s) - permille(lifetime_s, 200);

	return usual < latest ? usual : latest;
}

/*
 * From 5/22 to 20/22 of the way from prepare to switch, 80 % and 95 %; or less
 * far, so that a registration has time for all its repeats, but never so that
 * all receivers of a short-lived key come at the same time.
 */
void
life_rereg_ms(uint32_t lifetime_s, uint64_t *lo, uint64_t *hi)
{
	uint64_t from = life_prepare_ms(lifetime_s);
	uint64_t span = life_switch_ms(lifetime_s) - from;
	uint64_t least = from + span * 10 / 22;

	*lo = from + span * 5 / 22;
	*hi = from + span * 20 / 22;
	if (*hi + LIFE_RETRY_MS > from + span)
		*hi = from + span > least + LIFE_RETRY_MS
			  ? from + span - LIFE_RETRY_MS
			  : least;
}
