/* SPDX-License-Identifier: ISC */
#ifndef GROUPD_CORE_ROUTE_H
#define GROUPD_CORE_ROUTE_H

/*
 * Which key manager a datagram is for.  Looks at the IKE header, and for an
 * IKE_SA_INIT request at the payload chain; at nothing else.
 */

#include "groupd/core/groups.h"

enum route_to {
	RT_SLOT,  /* hand it to the key manager of slot */
	RT_REPLY, /* answer with reply: no such group here */
	RT_DROP,  /* cause says why */
};

enum route_cause {
	RC_MALFORMED,
	RC_NO_GROUP, /* IKE_SA_INIT whose MIKE_GROUP names no group here */
	RC_NO_BIND,  /* IKE_SA_INIT without MIKE_GROUP */
	RC_NO_SLOT,  /* no group in the slot that the SPI names */
	RC_REPLY_RATE,
	RC_COUNT
};

#define ROUTE_REPLY_LEN 36 /* IKE header and one notify */

struct route {
	enum route_to to;
	enum route_cause cause; /* RT_REPLY and RT_DROP */
	uint8_t slot;
	uint8_t reply[ROUTE_REPLY_LEN];
};

struct router {
	uint64_t drops[RC_COUNT];
	uint64_t tokens_ms; /* replies are bounded: they go to forged sources */
	uint32_t tokens;
};

void router_init(struct router *r);
void route_dgram(struct router *r, struct groups *t, struct chunk data,
    uint64_t now_ms, struct route *out);
/*
 * May the key manager of this slot send this?  Its own SPI, or none yet in an
 * error answer to IKE_SA_INIT: nobody speaks under another slot's SPI.
 */
bool route_out_ok(struct chunk data, uint8_t slot);
const char *route_cause_name(enum route_cause c);

#endif
