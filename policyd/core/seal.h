/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_SEAL_H
#define POLICYD_CORE_SEAL_H

/*
 * Keys that seal the state of key managers.  Each comes from the boot secret,
 * one per slot and instance; the boot secret dies with the host's tmpfs.
 */

#include "common/secret.h"

#define SEAL_SECRET_LEN 32
#define SEAL_KEY_LEN 32
#define SEAL_READ_MAX 8 /* keys in one answer */
/* Instance numbers are 16 bits of every IV: they must never wrap. */
#define SEAL_INSTANCE_MAX UINT16_MAX

int seal_key(struct secret *boot, uint8_t slot, uint16_t instance,
    uint8_t out[SEAL_KEY_LEN]) MUST_CHECK;

/*
 * What instance n may read: from `done`, the last one that wrote a complete
 * state, up to its predecessor.  Returns the number of keys in out; *first is
 * the instance of the first.  When more instances than fit have died between
 * their start and completing, the first of them are given: none after `done`
 * has done anything yet.
 */
int seal_read_keys(struct secret *boot, uint8_t slot, uint16_t n, uint16_t done,
    uint8_t out[SEAL_READ_MAX * SEAL_KEY_LEN], uint16_t *first, size_t *count)
    MUST_CHECK;

#endif
