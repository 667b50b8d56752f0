/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_SKEYS_H
#define KEYMGRD_CORE_SKEYS_H

/*
 * A sender's own keys: the chain of steps over time, their outbound SAs, and
 * what is offered to receivers.  docs/protocol.md 4.
 *
 *   0         75 %          97 %    100 %  of a step's lifetime
 *   |----------|-------------|-------|
 *   sent under this step     |  the kernel ends it
 *              next step is offered too
 *                            next step is sent under, this one dropped + DTD
 */

#include "keymgrd/core/core.h"
#include "keymgrd/core/ike/gsa.h"
#include "keymgrd/core/ike/kd.h"

int skeys_start(struct km *km, struct fx *fx) MUST_CHECK;
int skeys_timer(struct km *km, struct fx *fx) MUST_CHECK;
uint64_t skeys_due(const struct km *km);
/* dispatcherd's answer for an SA of the table. */
int skeys_answer(struct km *km, struct ksa *k, const struct km_in *in,
    struct fx *fx) MUST_CHECK;
int skeys_expired(struct km *km, const struct km_in *in, struct fx *fx)
    MUST_CHECK;
int skeys_acquire(struct km *km, const struct km_in *in, struct fx *fx)
    MUST_CHECK;
int skeys_resync(struct km *km, struct fx *fx) MUST_CHECK;

/* What a receiver that registers now gets.  The caller wipes *kd. */
int skeys_offer(const struct km *km, struct gsa *gsa, struct kd *kd) MUST_CHECK;

enum group_state skeys_state(const struct km *km);

#endif
