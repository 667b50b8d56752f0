/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_GM_H
#define KEYMGRD_CORE_GM_H

/* Receiver mode: the initiator of registrations (RFC 9838 2.3). */

#include "common/ike/hdr.h"
#include "keymgrd/core/core.h"
#include "keymgrd/core/ike/keys.h"
#include "keymgrd/core/ike/msg.h"

#define TRIES_MAX 6
#define FIRST_WAIT_MS 500
#define WAIT_MAX_MS 8000
#define ROUND_WAIT_MS 1000
#define ROUND_WAIT_MAX_MS 60000
#define POLICYD_WAIT_MS 30000
#define GM_MSG_MAX 2048 /* octets of a request of ours */

enum gm_state {
	GM_OFF,	      /* before KM_EV_START */
	GM_WAIT,      /* for the next registration */
	GM_INIT_SENT, /* IKE_SA_INIT */
	GM_SIGNING,   /* policyd computes our AUTH */
	GM_AUTH_SENT, /* GSA_AUTH */
	GM_CHECKING,  /* policyd checks the GCKS's AUTH */
};

enum gm_event {
	GE_START,
	GE_TIMER,
	GE_INIT, /* response to IKE_SA_INIT */
	GE_SIGNED,
	GE_AUTH, /* response to GSA_AUTH */
	GE_CHECKED,
	GE_RESYNC,
	GE_SOON, /* keys are near their end */
};

/* Of one exchange with one GCKS; wiped at its end. */
struct gm_hs {
	uint8_t spi_i[8], spi_r[8];
	uint8_t priv[X25519_LEN];
	struct ike_keys keys;
	uint8_t maced_i[PRF_LEN], maced_r[PRF_LEN];
	uint8_t init[GM_MSG_MAX], auth[GM_MSG_MAX]; /* requests as sent */
	size_t init_len, auth_len;
	uint8_t *peer_init, *plain; /* responses; plain is decrypted */
	size_t peer_init_len, plain_len;
	struct ike_view view; /* of plain */
	size_t octets;	      /* sent and received, for the log */
};

struct gm {
	enum gm_state state;
	size_t cur;	/* GCKS being asked */
	uint32_t round; /* how often all have failed in a row */
	uint32_t tries; /* of the request under way */
	uint64_t due_ms, began_ms;
	uint32_t req;  /* to policyd */
	uint16_t hint; /* last unprotected error notify, or 0 */
	char why[200]; /* last failure, "" after a success */
	struct gm_hs *hs;
};

struct gm *gm_new(void);
void gm_free(struct gm **gm);

int gm_start(struct km *km, struct fx *fx) MUST_CHECK;
int gm_dgram(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx) MUST_CHECK;
/* KM_EV_SIGNED, KM_EV_CHECKED */
int gm_policyd(struct km *km, const struct km_in *in, struct fx *fx) MUST_CHECK;
int gm_timer(struct km *km, struct fx *fx) MUST_CHECK;
uint64_t gm_due(const struct km *km);
int gm_answer(struct km *km, struct ksa *k, const struct km_in *in,
    struct fx *fx) MUST_CHECK;
int gm_expired(struct km *km, const struct km_in *in, struct fx *fx) MUST_CHECK;
int gm_resync(struct km *km, struct fx *fx) MUST_CHECK;
enum group_state gm_group_state(const struct km *km);

/*
 * gm_accept.c: validate the whole of GSA and KD, then take it over: 0, or
 * -EBADMSG with *why set to a static text.
 */
int gm_accept(struct km *km, const struct gm_hs *hs, const char **why,
    struct fx *fx) MUST_CHECK;

#endif
