/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_GCKS_H
#define KEYMGRD_CORE_GCKS_H

/* Sender mode: the responder of registrations (RFC 9838 2.3). */

#include "common/ike/hdr.h"
#include "keymgrd/core/ike/pld.h"
#include "keymgrd/core/ikesa.h"

#define HALF_OPEN_MS 30000 /* longer than an initiator tries */
#define DEAD_MS 30000	   /* how long a last response can be repeated */
#define IDLE_MS 600000
#define INIT_MAX 4096 /* octets of an IKE_SA_INIT that is kept */
#define RESP_MAX 8192

struct gcks {
	struct satab t;
};

struct gcks *gcks_new(struct km *km);
void gcks_free(struct gcks **g, struct timers *timers);

int gcks_dgram(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx) MUST_CHECK;
int gcks_signed(struct km *km, const struct km_in *in, struct fx *fx)
    MUST_CHECK;
int gcks_checked(struct km *km, const struct km_in *in, struct fx *fx)
    MUST_CHECK;
int gcks_resync(struct km *km, struct fx *fx) MUST_CHECK;
/* The timer of an IKE SA has come. */
void gcks_timer(struct km *km, struct timer *tm);

/* Between gcks.c and gcks_auth.c. */

/* IKE_SA_INIT requests. */
int gcks_init(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx) MUST_CHECK;
/* A GSA_AUTH request that opened; takes plain over on success. */
struct opened {
	uint8_t *plain;
	size_t plain_len;
	uint8_t first;
	struct rbuf inner;
};
int gcks_auth(struct km *km, struct ikesa *sa, const struct opened *o,
    struct fx *fx, bool *kept) MUST_CHECK;

/* A response in the making, protected with SK_er. */
struct reply {
	uint8_t buf[RESP_MAX];
	struct wbuf wb;
	struct chain chain;
};
int reply_begin(struct km *km, const struct ikesa *sa, uint8_t exchange,
    struct reply *r) MUST_CHECK;
/* Protect, send and keep as the SA's last response. */
int reply_end(struct ikesa *sa, const uint8_t er[GCM_KEYMAT_LEN],
    struct reply *r, struct fx *fx) MUST_CHECK;
/* The same with one notify and nothing else. */
int reply_notify(struct km *km, struct ikesa *sa,
    const uint8_t er[GCM_KEYMAT_LEN], uint8_t exchange, uint16_t type,
    struct chunk data, struct fx *fx) MUST_CHECK;
/* No more of this SA but its last response. */
void gcks_end(struct km *km, struct ikesa *sa);

#endif
