/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_XFRM_H
#define DISPATCHERD_XFRM_H

/*
 * MIKE's policies and SAs in the kernel.  Every request is idempotent, reads
 * back what it made, and leaves alone what does not carry a reqid of ours.
 */

#include "dispatcherd/xfrm_reply.h"

struct xfrm;

struct verdict {
	enum ipc_status status;
	char text[256]; /* empty with ST_OK */
};

void verdict_set(struct verdict *v, enum ipc_status status, const char *fmt,
    ...) PRINTF_LIKE(3, 4);

/* As root, before the sandbox; fatal() when it cannot be. */
struct xfrm *xfrm_open(void);
int xfrm_event_fd(const struct xfrm *x);

/* One fail-closed policy is there afterwards, in one direction. */
void xfrm_policy_ensure(
    struct xfrm *x, const struct pol_want *w, struct verdict *v);
/* All SAs, then all policies of a slot are gone. */
void xfrm_slot_clear(struct xfrm *x, uint8_t slot, struct verdict *v);

void xfrm_sa_install(struct xfrm *x, enum sa_mode mode, const struct sa_want *w,
    struct verdict *v);
void xfrm_sa_delete(struct xfrm *x, uint8_t slot, uint32_t spi,
    const struct addr *dst, struct verdict *v);

/* Each SA of ours; the key in it is wiped. */
typedef void xfrm_sa_fn(void *arg, uint8_t slot, const struct sa_have *s);
int xfrm_sa_each(struct xfrm *x, xfrm_sa_fn *fn, void *arg) MUST_CHECK;

/* Call when xfrm_event_fd() is readable: a bounded number of events. */
typedef void xfrm_event_fn(void *arg, const struct xr_event *e);
void xfrm_events(struct xfrm *x, xfrm_event_fn *fn, void *arg);
/* How often the kernel had to drop events because we were slow. */
uint64_t xfrm_events_lost(const struct xfrm *x);

#endif
