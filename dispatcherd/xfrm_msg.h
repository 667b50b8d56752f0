/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_XFRM_MSG_H
#define DISPATCHERD_XFRM_MSG_H

/*
 * The XFRM netlink requests that dispatcherd makes.  Each builder returns a
 * message ready to be sent, or NULL when an attribute did not fit or memory
 * is short: an SA never goes in with an attribute missing.
 */

#include <netinet/in.h>

#include <netlink/msg.h>

#include <linux/xfrm.h>

#include "dispatcherd/core/sa.h"

/*
 * Lower wins.  Below what key managers of the IKE world use (strongSwan:
 * 100,000 and more), so that none of their policies opens a hole in ours;
 * above 0, the default of ip-xfrm(8), so that an operator can block even this.
 */
#define XM_PRIORITY 64

struct pol_want {
	uint32_t reqid;
	struct addr dst; /* the group's address */
	uint8_t dir;	 /* XFRM_POLICY_IN, XFRM_POLICY_OUT */
};

/* `src any dst G proto udp`: ESP in transport mode, or nothing. */
struct nl_msg *xm_policy_new(const struct pol_want *w, bool update);
struct nl_msg *xm_policy_get(const struct pol_want *w);
/* By the kernel's index, so that exactly what was looked at goes. */
struct nl_msg *xm_policy_del(uint8_t dir, uint32_t index);
struct nl_msg *xm_policy_dump(void);

struct nl_msg *xm_sa_new(const struct sa_want *w);
struct nl_msg *xm_sa_get(uint32_t spi, const struct addr *dst);
struct nl_msg *xm_sa_del(uint32_t spi, const struct addr *dst);
struct nl_msg *xm_sa_dump(void);

/* Wipes what the message held. */
void xm_free(struct nl_msg **m);

/* Selector and address as the kernel writes them; also for comparison. */
void xm_selector(
    struct xfrm_selector *sel, const struct addr *src, const struct addr *dst);
uint16_t xm_family(const struct addr *a);

#endif
