/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_BODY_H
#define KEYMGRD_CORE_BODY_H

/* The payloads of a protected message in the making, for both roles. */

#include "keymgrd/core/core.h"
#include "keymgrd/core/ike/pld.h"
#include "keymgrd/core/ike/sk.h"

struct body {
	uint8_t buf[IKE_MSG_MAX]; /* type of the first payload, payloads */
	struct wbuf wb;
	struct chain chain;
};

int body_begin(struct body *b) MUST_CHECK;
/*
 * Protect as one message, or as fragments when it is longer than limit octets
 * (0: never).  *out is allocated and holds them back to back; wipes *b.
 */
int body_protect(struct km *km, struct body *b, const struct ike_hdr *h,
    const struct sk_key *key, size_t limit, uint8_t **out, size_t *len)
    MUST_CHECK;
void body_wipe(struct body *b);

/* Send messages that stand back to back, each as a datagram. */
int body_send(struct fx *fx, const struct endpoint *local,
    const struct endpoint *peer, const uint8_t *p, size_t len) MUST_CHECK;

/* CERT payloads of our own chain; none with a PSK. */
int body_certs(const struct km *km, struct chain *c) MUST_CHECK;
/* CERTREQ: whom we trust.  Nothing when there are no anchors. */
int body_certreq(const struct km *km, struct chain *c) MUST_CHECK;
/* IDg of our group. */
int body_group(const struct km *km, struct chain *c) MUST_CHECK;

#endif
