/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_GM_INT_H
#define KEYMGRD_CORE_GM_INT_H

/* Between the files of the receiver mode. */

#include "keymgrd/core/gm.h"

/* What an action returns besides 0 and -Exxx. */
enum {
	GM_FAILED = 1, /* this GCKS is done with; gm->why says why */
	GM_STAY = 2,   /* no transition */
	GM_ELSE = 3,   /* the edge's other target */
};

struct gm_in {
	enum gm_event ev;
	const struct ike_hdr *hdr;
	struct chunk msg;
	const struct km_in *in;
};

typedef int gm_act(struct km *km, const struct gm_in *in, struct fx *fx);

/* gm_act.c */
gm_act gm_begin, gm_resend, gm_got_init, gm_mixed, gm_send_auth, gm_got_auth,
    gm_checked, gm_no_policyd, gm_ask_again, gm_hurry;
/* gm_reg.c */
gm_act gm_again, gm_reg_resend, gm_got_reg, gm_leave_send, gm_leave_resend,
    gm_left;
/* GSA and KD of hs->view into the group's SAs; then all is well. */
int gm_conclude(struct km *km, struct fx *fx) MUST_CHECK;
/* Leave has been taken, or there was nobody to take it of. */
int gm_gone(struct km *km, struct fx *fx) MUST_CHECK;
/* GSA_REGISTRATION on gm->sa; notify: what to say instead of asking, or 0. */
int gm_reg_send(struct km *km, uint16_t notify, struct fx *fx) MUST_CHECK;

/* The GCKS that is being asked. */
const struct km_gcks *gm_current(const struct km *km);
bool gm_is_foreign(const struct km *km);
/* ms, but anywhere from three quarters to five quarters of it. */
int gm_jitter(const struct km *km, uint64_t ms, uint64_t *out) MUST_CHECK;
uint64_t gm_doubled(uint64_t ms, uint32_t times, uint64_t max);
/* Send gm->out, all of it, and wait for the answer. */
int gm_transmit(struct km *km, struct fx *fx) MUST_CHECK;
/* The same octets again, after twice the time; GM_FAILED after max tries. */
int gm_retry(struct km *km, const uint8_t *p, size_t len, uint32_t max,
    struct fx *fx) MUST_CHECK;
/* GM_FAILED with a reason, counted; or what an error notify means. */
int gm_failed(struct km *km, enum count count, const char *text);
int gm_refused(struct km *km, uint16_t type);

/* gm_msg.c */
/* A new exchange with the current GCKS: nonce, SPI, key. */
int gm_hs_begin(struct km *km, struct gm_hs *hs) MUST_CHECK;
/* The IKE_SA_INIT request, with the cookie if there is one. */
int gm_init_write(const struct km *km, struct gm_hs *hs) MUST_CHECK;
/* Take the response; derive keys.  -EBADMSG: not one, nothing was changed. */
int gm_init_read(struct km *km, struct gm_hs *hs, struct chunk msg) MUST_CHECK;
/* The AUTH request into gm->out. */
int gm_auth_write(struct km *km, struct gm_hs *hs, uint8_t method,
    struct chunk auth) MUST_CHECK;
/*
 * Decrypt a response and collect its payloads in hs.  -EBADMSG: forged or
 * damaged, nothing was changed; -EAGAIN: a fragment.
 */
int gm_open(struct km *km, struct gm_hs *hs, const struct sk_key *key,
    struct chunk msg) MUST_CHECK;
/* Protect a request with message id mid into gm->out. */
int gm_seal(struct km *km, struct body *b, uint8_t exchange, uint32_t mid,
    const uint8_t spi_i[8], const uint8_t spi_r[8], const struct sk_key *key,
    bool fragments) MUST_CHECK;
int gm_ask_mix(const struct km *km, const struct gm_hs *hs, uint32_t req,
    struct fx *fx) MUST_CHECK;
int gm_mac_own(const struct km *km, struct gm_hs *hs) MUST_CHECK;
int gm_ask_sign(const struct gm_hs *hs, uint32_t req, struct fx *fx) MUST_CHECK;
int gm_ask_check(const struct gm_hs *hs, uint32_t req, struct fx *fx)
    MUST_CHECK;
void gm_hs_free(struct gm_hs **hs);
void gm_sa_free(struct gm_sa **sa);

/* gm_peer.c */
/* Fragments that never became a message are given up. */
void gm_peer_timer(struct km *km);
/* A request of the GCKS on gm->sa. */
int gm_peer(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx) MUST_CHECK;

#endif
