/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_CHAIN_H
#define KEYMGRD_CORE_CHAIN_H

/*
 * From the group secret to keys and SPIs (docs/protocol.md 4).  A step can be
 * computed from the one before and never from the one after, so whoever gets
 * the secret of a step cannot read what was sent before it.
 */

#include "common/util.h"

#define CHAIN_ROOT_LEN 32
#define CHAIN_TEK_LEN 36  /* AES-256 key | salt */
#define CHAIN_SPI_MIN 256 /* 1 to 255 are reserved, 0 is no SPI */

int chain_next(const uint8_t root[CHAIN_ROOT_LEN], uint8_t next[CHAIN_ROOT_LEN])
    MUST_CHECK;
int chain_tek(const uint8_t root[CHAIN_ROOT_LEN], uint32_t leaf, uint8_t cls,
    uint8_t tek[CHAIN_TEK_LEN]) MUST_CHECK;
/* The first of the SPIs of (leaf, cls) that is not among the n taken ones. */
int chain_spi(const uint8_t root[CHAIN_ROOT_LEN], uint32_t leaf, uint8_t cls,
    const uint32_t *taken, size_t n, uint32_t *spi) MUST_CHECK;

#endif
