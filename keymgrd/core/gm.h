/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_GM_H
#define KEYMGRD_CORE_GM_H

/*
 * Receiver mode: the initiator of registrations (RFC 9838 2.3).
 *
 *   gm.c         the state machine, events, the group's SAs
 *   gm_act.c     actions until the GCKS is authenticated
 *   gm_reg.c     actions on an IKE SA that is open: registration, leaving
 *   gm_msg.c     writing and reading messages, questions to policyd
 *   gm_peer.c    requests of the GCKS
 *   gm_accept.c  GSA and KD: check all, then take it over
 */

#include "keymgrd/core/body.h"
#include "keymgrd/core/init.h"

#define TRIES_MAX 6
#define TRIES_REUSE 3 /* on an IKE SA that the GCKS may have forgotten */
#define TRIES_LEAVE 2 /* groupd waits for 3 s at most */
#define FIRST_WAIT_MS 500
#define WAIT_MAX_MS 8000
#define ROUND_WAIT_MS 1000
#define ROUND_WAIT_MAX_MS 60000
#define POLICYD_WAIT_MS 30000
#define GM_INIT_MAX 2048 /* octets of an IKE_SA_INIT of ours */
#define FRAGS_MS 30000	 /* how long a message may take to be complete */
#define COOKIES_MAX 3	 /* challenges that one attempt follows */

enum gm_state {
	GM_OFF,	      /* before KM_EV_START */
	GM_WAIT,      /* for the next registration */
	GM_INIT_SENT, /* IKE_SA_INIT */
	GM_MIXING,    /* policyd mixes the post-quantum key in */
	GM_SIGNING,   /* policyd computes our AUTH */
	GM_AUTH_SENT, /* GSA_AUTH or IKE_AUTH */
	GM_CHECKING,  /* policyd checks the GCKS's AUTH */
	GM_REG_SENT,  /* GSA_REGISTRATION on an open IKE SA */
	GM_LEAVING,   /* the same, to take leave */
	GM_GONE,      /* left */
	GM_STATES
};

enum gm_event {
	GE_START,
	GE_TIMER,
	GE_INIT, /* response to IKE_SA_INIT */
	GE_MIXED,
	GE_SIGNED,
	GE_AUTH, /* response to GSA_AUTH or IKE_AUTH */
	GE_CHECKED,
	GE_REG, /* response to GSA_REGISTRATION */
	GE_RESYNC,
	GE_SOON, /* keys are near their end */
	GE_LEAVE,
};

/* What a GCKS that is given up is told first; no answer is waited for. */
enum gm_tell {
	TELL_NOTHING,
	TELL_AUTH,   /* it is not who it should be (RFC 7296 2.21.2) */
	TELL_POLICY, /* its policy cannot be taken (RFC 9838 2.3.1) */
};

/* Of one registration; wiped at its end. */
struct gm_hs {
	uint16_t ke;
	uint8_t priv[KE_PRIV_MAX], pub[KE_PUB_MAX];
	uint8_t nonce[NONCE_LEN];
	uint8_t cookie[COOKIE_MAX];
	size_t cookie_len;
	uint32_t cookies; /* challenges followed */
	enum sa_offer offer;
	bool ke_changed; /* as INVALID_KE_PAYLOAD wanted; once */
	bool known;	 /* the GCKS knows MIKE: it sent MIKE_GROUP */
	bool fragments;	 /* it puts fragments together */
	uint8_t hashes;	 /* and takes signatures over these */
	uint8_t spi_i[8], spi_r[8];
	struct ike_suite suite;
	struct ike_keys keys;
	uint8_t maced_i[PRF_MAX], maced_r[PRF_MAX];
	uint8_t init[GM_INIT_MAX]; /* as sent */
	size_t init_len;
	uint8_t *peer_init;
	size_t peer_init_len;
	struct sk_frags *frags; /* of the response that is coming in */
	struct sk_plain plain;	/* the last response that opened */
	struct ike_view view;	/* of plain */
	size_t octets;		/* sent and received, for the log */
};

/* An IKE SA with a GCKS, kept to register again on it. */
struct gm_sa {
	size_t gcks; /* which one of the configuration */
	uint8_t spi_i[8], spi_r[8];
	struct sk_key i, r;
	uint8_t gsk_w[KW_KEY_LEN];
	bool kwa, fragments;
	bool stale;	   /* policyd restarted: authenticate again, then */
	uint64_t valid_ms; /* until when to rely on its authentication */
	uint32_t mid;	   /* of our next request */
	/* The GCKS's requests, window 1. */
	uint32_t peer_mid;			  /* of its next one */
	uint8_t peer_digest[16], next_digest[16]; /* as in struct ikesa */
	struct sk_frags *peer_frags;
	uint64_t frags_ms; /* when to give them up */
	uint8_t *resp;	   /* our last response */
	size_t resp_len;
};

struct gm {
	enum gm_state state;
	size_t cur;	/* GCKS being asked */
	uint32_t round; /* how often all have failed in a row */
	uint32_t tries; /* of the request under way */
	uint64_t due_ms, began_ms;
	uint64_t sent_ms; /* of the request under way, for the first time */
	uint32_t req;	  /* to policyd */
	uint16_t hint;	  /* last unprotected error notify, or 0 */
	enum gm_tell tell;
	bool leave;   /* when GSA_REGISTRATION is answered, or not */
	char *why;    /* last failure, until a success (core/why.h) */
	uint8_t *out; /* protected request under way, as sent */
	size_t out_len;
	struct gm_hs *hs;
	struct gm_sa *sa;
};

struct gm *gm_new(void);
void gm_free(struct gm **gm);

int gm_start(struct km *km, struct fx *fx) MUST_CHECK;
int gm_dgram(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx) MUST_CHECK;
/* KM_EV_SIGNED, KM_EV_CHECKED, KM_EV_MIXED */
int gm_policyd(struct km *km, const struct km_in *in, struct fx *fx) MUST_CHECK;
int gm_timer(struct km *km, struct fx *fx) MUST_CHECK;
uint64_t gm_due(const struct km *km);
int gm_answer(struct km *km, struct ksa *k, const struct km_in *in,
    struct fx *fx) MUST_CHECK;
int gm_expired(struct km *km, const struct km_in *in, struct fx *fx) MUST_CHECK;
int gm_resync(struct km *km, bool policyd, struct fx *fx) MUST_CHECK;
int gm_leave(struct km *km, struct fx *fx) MUST_CHECK;
int gm_stay(struct km *km, struct fx *fx) MUST_CHECK;
enum group_state gm_group_state(const struct km *km);

/*
 * gm_accept.c: validate the whole of GSA and KD, then take it over: 0, or
 * -EBADMSG with *why set to a static text.
 */
int gm_accept(struct km *km, const struct gm_hs *hs, const char **why,
    struct fx *fx) MUST_CHECK;

#endif
