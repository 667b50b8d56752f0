/* SPDX-License-Identifier: ISC */
#ifndef GROUPD_CORE_ROUTE_H
#define GROUPD_CORE_ROUTE_H

/*
 * Which key manager a datagram is for, and whether a group in its role may get
 * such a one at all: a sender's group answers exchanges, a receiver's begins
 * them.  Looks at the IKE header, and for an IKE_SA_INIT request at the
 * payload chain; at nothing else.
 */

#include "groupd/core/cookie.h"
#include "groupd/core/groups.h"
#include "groupd/core/load.h"

enum route_to {
	RT_SLOT,  /* hand it to the key manager of slot */
	RT_REPLY, /* answer with reply: no such group here, or a cookie */
	RT_DROP,  /* cause says why */
};

enum route_cause {
	RC_MALFORMED,
	RC_COOKIE,     /* many ask, and this one brought no valid cookie */
	RC_NO_GROUP,   /* IKE_SA_INIT whose MIKE_GROUP names no group here */
	RC_NO_BIND,    /* without MIKE_GROUP, and no group takes foreigners */
	RC_NO_SLOT,    /* no group in the slot that the SPI names */
	RC_ROLE,       /* from the wrong side of the IKE SA for the role */
	RC_EXCHANGE,   /* an exchange that this role does not have so */
	RC_REPLY_RATE, /* not answered: enough answers for this second */
	RC_OUT_SPI,    /* to be sent, under another slot's SPI */
	RC_OUT_ROLE,   /* to be sent, but not in this role */
	RC_COUNT
};

#define ROUTE_REPLY_MAX 53 /* IKE header and N(COOKIE) */

struct route {
	enum route_to to;
	enum route_cause cause; /* RT_REPLY and RT_DROP */
	uint8_t slot;
	uint8_t reply[ROUTE_REPLY_MAX];
	size_t reply_len;
};

struct router {
	struct load load;
	struct cookie_jar jar; /* its owner renews the secrets */
	uint64_t drops[RC_COUNT];
	uint64_t cookies_good, cookies_wrong;
	uint64_t tokens_ms; /* replies are bounded: they go to forged sources */
	uint32_t tokens;
};

void router_init(struct router *r);
void route_dgram(struct router *r, struct groups *t, struct chunk data,
    const struct addr *peer, uint64_t now_ms, struct route *out);
/*
 * May the key manager of this group send this?  Its own SPI, or none yet in an
 * error answer to IKE_SA_INIT, so that nobody speaks under another slot's; and
 * nothing that the group's role does not say.  Counts what it refuses.
 */
bool route_out_ok(struct router *r, const struct grp *g, struct chunk data);
const char *route_cause_name(enum route_cause c);

#endif
