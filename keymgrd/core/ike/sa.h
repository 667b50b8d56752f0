/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKE_SA_H
#define KEYMGRD_CORE_IKE_SA_H

/*
 * Transforms and proposals (RFC 7296 3.3, RFC 9838 4.4.2.1), as the SA
 * payload, SAg and the policies of GSA share them.
 */

#include "common/crypto.h"
#include "common/wire.h"
#include "ipc/schema.h" /* enum suite */
#include "keymgrd/core/ike/pld.h"
#include "keymgrd/core/ike/sk.h"

enum ike_proto { PROTO_IKE = 1, PROTO_AH = 2, PROTO_ESP = 3, PROTO_UPDATE = 6 };

enum xf_type {
	XF_ENCR = 1,
	XF_PRF = 2,
	XF_INTEG = 3,
	XF_KE = 4,
	XF_SN = 5, /* sequence numbers, RFC 9827 */
	XF_KWA = 13,
	XF_GCAUTH = 14,
};

#define INTEG_NONE 0
#define INTEG_HMAC_SHA2_256_128 12
#define SN_32_SEQUENTIAL 0
#define KW_5649_256 3

/* What an IKE SA uses; keys are of 256 bits. */
struct ike_suite {
	uint16_t encr; /* ENCR_AES_GCM_16 or ENCR_AES_CBC */
	enum prf_alg prf;
	uint16_t ke;
	bool kwa; /* KW_5649_256; without it there is no group to join */
};

struct xf {
	bool last;
	uint8_t type;
	uint16_t id;
	uint16_t key_bits; /* attribute 14; 0: absent */
	struct chunk alg;  /* attribute 18, DER AlgorithmIdentifier */
	bool unknown_attr; /* not known, not known there, or twice */
};

int xf_get(struct rbuf *rb, struct xf *out) MUST_CHECK;
int xf_put(struct wbuf *wb, bool last, uint8_t type, uint16_t id,
    uint16_t key_bits) MUST_CHECK;
/* Next attribute (RFC 7296 3.3.5), either form; value is borrowed. */
int attr_get(struct rbuf *rb, uint16_t *type, struct chunk *value, bool *tv)
    MUST_CHECK;

/* What an initiator offers under a policy. */
enum sa_offer {
	SA_SHORT,   /* what every peer of ours takes: few octets */
	SA_WIDE,    /* all groups and ciphers, after the short one failed */
	SA_FOREIGN, /* and all without key wrap, which plain IKEv2 lacks */
};
int sa_ike_offer(struct chain *c, enum suite policy, enum sa_offer what)
    MUST_CHECK;
/* The group of the first KE payload: the one that is likeliest to be taken. */
uint16_t sa_ike_first_ke(enum suite policy);
bool sa_ike_offers_ke(enum suite policy, enum sa_offer what, uint16_t group);

struct sa_choice {
	uint8_t num; /* of the proposal */
	struct ike_suite suite;
	bool plain; /* the offer holds a proposal without key wrap */
};

/*
 * Choose from an offer: the first proposal that policy allows; one with key
 * wrap if there is any, one without only if foreign.  Of the groups in it that
 * of the peer's KE payload, or, when it is not among them, the one to ask for
 * with INVALID_KE_PAYLOAD.  0; -ENOENT when nothing fits; -EBADMSG.
 */
int sa_ike_choose(struct rbuf body, enum suite policy, bool foreign,
    uint16_t ke_sent, struct sa_choice *out) MUST_CHECK;
/* The answer: one proposal that holds just this. */
int sa_ike_put(struct chain *c, uint8_t num, const struct ike_suite *s)
    MUST_CHECK;
/*
 * Read an answer to sa_ike_offer(): exactly one transform of each type, all
 * of them ours, under the number that they had in the offer.  -EBADMSG.
 */
int sa_ike_answer(struct rbuf body, enum suite policy, enum sa_offer what,
    struct ike_suite *out) MUST_CHECK;

/* SAg: what a member can do (RFC 9838 2.3). */
int sag_put(struct chain *c) MUST_CHECK;
/*
 * 0: the sender of SAg can use our ESP suite and key wrap, in proposals of one
 * number (what has another number is an alternative); -ENOENT; -EBADMSG.
 */
int sag_check(struct rbuf body) MUST_CHECK;

#endif
