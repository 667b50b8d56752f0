/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_LIFE_H
#define KEYMGRD_CORE_LIFE_H

/*
 * When in a key's life things happen, in ms after its birth, for sender and
 * receiver alike (docs/protocol.md 4):
 *
 *   prepare   75 %        the sender offers the next step as well
 *   rereg     80 to 95 %  a receiver registers again, at random, and no later
 *                         than LIFE_RETRY_MS before the switch, if it can
 *   switch    97 %        the sender sends under the next step
 *
 * The kernel counts in whole seconds and may end an SA one second early, so a
 * switch is never nearer than LIFE_GUARD_MS to the end; in a short life
 * everything moves ahead of that in proportion.
 */

#include "common/util.h"

#define LIFE_MIN_S 10
#define LIFE_GUARD_MS 2500
#define LIFE_RETRY_MS 45000 /* two exchanges with all their repeats */

uint64_t life_prepare_ms(uint32_t lifetime_s);
uint64_t life_switch_ms(uint32_t lifetime_s);
void life_rereg_ms(uint32_t lifetime_s, uint64_t *lo, uint64_t *hi);

#endif
