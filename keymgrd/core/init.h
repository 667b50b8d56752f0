/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_INIT_H
#define KEYMGRD_CORE_INIT_H

/* IKE_SA_INIT messages, as initiator and responder share them. */

#include "common/ike/hdr.h"
#include "keymgrd/core/core.h"
#include "keymgrd/core/ike/keys.h"
#include "keymgrd/core/ike/msg.h"

#define NONCE_LEN 32 /* of ours */
#define COOKIE_MAX 64

struct init_view {
	struct ike_init_view c;
	struct ike_view v;
	struct pld_ke ke; /* group 0: no KE payload */
	uint8_t hashes;	  /* bit n: takes signatures over hash n */
	bool fragments, childless, ppk;
};

/* Everything borrowed from msg.  -EBADMSG. */
int init_read(struct chunk msg, struct init_view *out) MUST_CHECK;

/* Nonce of a message of ours, or of one that init_read() took. */
struct chunk init_nonce(const uint8_t *p, size_t len);

/* Draw a private key of the group and compute the public one. */
int init_ke(const struct km *km, uint16_t group, uint8_t priv[KE_PRIV_MAX],
    uint8_t pub[KE_PUB_MAX]) MUST_CHECK;

/* What both sides say after SA, KE and nonce. */
int init_notifies_put(const struct km *km, struct chain *c, struct chunk nonce)
    MUST_CHECK;

/* The largest IKE message towards peer that is not to be split; 0: any. */
size_t init_limit(const struct km *km, const struct endpoint *peer);

#endif
