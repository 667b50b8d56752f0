/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_GM_INT_H
#define KEYMGRD_CORE_GM_INT_H

/* Between gm.c (the state machine), gm_act.c (its actions) and gm_msg.c. */

#include "keymgrd/core/gm.h"

/* What an action returns besides 0 and -Exxx. */
enum {
	GM_FAILED = 1, /* this GCKS is done with; gm->why says why */
	GM_STAY = 2,   /* no transition */
};

struct gm_in {
	enum gm_event ev;
	const struct ike_hdr *hdr;
	struct chunk msg;
	const struct km_in *in;
};

typedef int gm_act(struct km *km, const struct gm_in *in, struct fx *fx);

gm_act gm_begin, gm_resend, gm_got_init, gm_send_auth, gm_got_auth, gm_conclude,
    gm_no_policyd, gm_ask_again, gm_hurry;

/* The GCKS that is being asked. */
const struct km_gcks *gm_current(const struct km *km);
/* ms, but anywhere from three quarters to five quarters of it. */
int gm_jitter(const struct km *km, uint64_t ms, uint64_t *out) MUST_CHECK;
uint64_t gm_doubled(uint64_t ms, uint32_t times, uint64_t max);

/* A new exchange with the current GCKS: keys, IKE_SA_INIT request. */
int gm_init_write(struct km *km, struct gm_hs *hs) MUST_CHECK;
/* Take the response; derive keys.  -EBADMSG: not one, nothing was changed. */
int gm_init_read(struct km *km, struct gm_hs *hs, struct chunk msg) MUST_CHECK;
int gm_auth_write(struct km *km, struct gm_hs *hs, uint8_t method,
    struct chunk auth) MUST_CHECK;
/* Decrypt and collect.  -EBADMSG: forged or damaged, nothing was changed. */
int gm_auth_read(struct km *km, struct gm_hs *hs, struct chunk msg) MUST_CHECK;
int gm_ask_sign(const struct gm_hs *hs, uint32_t req, struct fx *fx) MUST_CHECK;
int gm_ask_check(const struct gm_hs *hs, uint32_t req, struct fx *fx)
    MUST_CHECK;
void gm_hs_free(struct gm_hs **hs);

#endif
