/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_CORE_SA_H
#define DISPATCHERD_CORE_SA_H

/*
 * What a key manager may have installed: only SAs of its own slot, towards
 * the group's own addresses, in the direction and from the sources that
 * policyd named.  The asker's word counts for nothing but the key.
 */

#include "dispatcherd/core/rules.h"

#define SA_SPI_MIN 256 /* RFC 4303 2.1 reserves what is below */
#define SA_REPLAY_MIN 32
#define SA_REPLAY_MAX 4096 /* of XFRMA_REPLAY_ESN_VAL */

struct sa_want {
	uint32_t reqid, spi;
	struct addr src, dst;
	const uint8_t *key; /* GCM_KEYMAT_LEN octets, borrowed */
	uint32_t replay;
	uint32_t soft_s, hard_s;
	uint64_t soft_packets, hard_packets; /* 0: no limit */
};

/*
 * ST_OK and *want, or another status with *why set to a static text.  r may
 * be NULL: no rules yet.
 */
enum ipc_status sa_check(const struct rules *r, uint8_t slot,
    const struct msg_sa_install *m, struct sa_want *want, const char **why);
/* The slot may name any SPI here: whose SA it is, the kernel's reqid says. */
enum ipc_status sa_check_delete(const struct rules *r, uint8_t slot,
    const struct msg_sa_delete *m, struct addr *dst, const char **why);

#endif
