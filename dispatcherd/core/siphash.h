/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_CORE_SIPHASH_H
#define DISPATCHERD_CORE_SIPHASH_H

/*
 * SipHash-2-4 of 16 octets, for tables whose keys strangers choose: without
 * the key nobody can aim at one place.
 */

#include "common/util.h"

#define SIPHASH_KEY_LEN 16

uint64_t siphash16(
    const uint8_t key[SIPHASH_KEY_LEN], const uint8_t octets[16]);

#endif
