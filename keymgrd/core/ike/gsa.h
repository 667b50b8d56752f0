/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKE_GSA_H
#define KEYMGRD_CORE_IKE_GSA_H

/*
 * The GSA payload: what SAs a group has (RFC 9838 4.4).  It is taken as a
 * whole or not at all: one policy that this version does not use (a Rekey SA,
 * AH) makes all of it unsupported.
 */

#include "common/addr.h"
#include "keymgrd/core/ike/sa.h"

#define GSA_TEKS_MAX 32

struct gsa_ts { /* one RFC 7296 3.13.1 traffic selector */
	uint8_t ip_proto;
	uint16_t port_lo, port_hi;
	struct addr lo, hi;
};

struct gsa_tek {
	uint32_t spi;
	struct gsa_ts src, dst;
	uint32_t lifetime_s;
};

struct gsa {
	struct gsa_tek tek[GSA_TEKS_MAX];
	size_t n_tek;
	uint16_t atd_s, dtd_s; /* 0: absent */
};

int gsa_put(struct chain *c, const struct gsa *g) MUST_CHECK;
/*
 * -EBADMSG: malformed.  -EPROTONOSUPPORT: well formed, but not what this
 * version can do, or a mandatory part is missing (no lifetime, no SN).  The
 * first fault counts.  What a selector may hold is the caller's to judge.
 */
int gsa_get(struct rbuf body, struct gsa *out) MUST_CHECK;

#endif
