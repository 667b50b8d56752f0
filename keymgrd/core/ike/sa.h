/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKE_SA_H
#define KEYMGRD_CORE_IKE_SA_H

/*
 * Transforms and proposals (RFC 7296 3.3, RFC 9838 4.4.2.1), as the SA
 * payload, SAg and the policies of GSA share them.
 */

#include "common/wire.h"
#include "keymgrd/core/ike/pld.h"

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

#define ENCR_AES_GCM_16 20
#define PRF_HMAC_SHA2_256 5
#define INTEG_NONE 0
#define KE_X25519 31
#define SN_32_SEQUENTIAL 0
#define KW_5649_256 3

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

/* SA payload with the one IKE proposal this version has. */
int sa_ike_put(struct chain *c, uint8_t num) MUST_CHECK;
/*
 * Find a proposal that holds our suite.  0 and its number; -ENOENT when none
 * does; -EBADMSG.  exact: an answer, which must be one proposal with exactly
 * one transform of each type.
 */
int sa_ike_choose(struct rbuf body, bool exact, uint8_t *num) MUST_CHECK;

/* SAg: what a member can do (RFC 9838 2.3). */
int sag_put(struct chain *c) MUST_CHECK;
/*
 * 0: the sender of SAg can use our ESP suite and key wrap, in proposals of one
 * number (what has another number is an alternative); -ENOENT; -EBADMSG.
 */
int sag_check(struct rbuf body) MUST_CHECK;

#endif
