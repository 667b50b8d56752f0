/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_GCKS_H
#define KEYMGRD_CORE_GCKS_H

/*
 * Sender mode: the responder of registrations (RFC 9838 2.3).
 *
 *   gcks.c       IKE SAs: which a datagram is for, opening it, responses
 *   gcks_init.c  IKE_SA_INIT
 *   gcks_auth.c  GSA_AUTH and IKE_AUTH: who is it?
 *   gcks_reg.c   the group's part: may it have the keys?  GSA_REGISTRATION
 *   gcks_open.c  other requests on an open IKE SA
 */

#include "common/ike/hdr.h"
#include "keymgrd/core/body.h"
#include "keymgrd/core/ikesa.h"

#define HALF_OPEN_MS 30000 /* longer than an initiator tries */
#define DEAD_MS 30000	   /* how long a last response can be repeated */
#define IDLE_MS 600000	   /* of an IKE SA whose peer has no keys */
#define INIT_MAX 4096	   /* octets of an IKE_SA_INIT that is kept */

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
int gcks_mixed(struct km *km, const struct km_in *in, struct fx *fx) MUST_CHECK;
/* policyd: it restarted, and its policy may be another one. */
int gcks_resync(struct km *km, bool policyd, struct fx *fx) MUST_CHECK;
/* The timer of an IKE SA has come. */
void gcks_timer(struct km *km, struct timer *tm);

/* -- between these files ------------------------------------------------ */

extern const struct chunk none; /* no octets */

/* IKE_SA_INIT requests. */
int gcks_init(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx) MUST_CHECK;
/* A GSA_AUTH or IKE_AUTH request that opened; takes *o over on success. */
int gcks_auth(struct km *km, struct ikesa *sa, uint8_t exchange,
    struct sk_plain *o, struct fx *fx) MUST_CHECK;
/* Any request on an open SA. */
int gcks_open(struct km *km, struct ikesa *sa, uint8_t exchange,
    const struct sk_plain *o, struct fx *fx) MUST_CHECK;

/* Answer INVALID_SYNTAX; the SA is over. */
int gcks_unreadable(struct km *km, struct ikesa *sa, uint8_t exchange,
    struct fx *fx) MUST_CHECK;

/* Responses. */
/* Protect, send and keep as the SA's last response; wipes *b. */
int reply_end(struct km *km, struct ikesa *sa, const struct sk_key *key,
    uint8_t exchange, struct body *b, struct fx *fx) MUST_CHECK;
/* The same with one notify and nothing else; type 0: with nothing. */
int reply_notify(struct km *km, struct ikesa *sa, const struct sk_key *key,
    uint8_t exchange, uint16_t type, struct chunk data, struct fx *fx)
    MUST_CHECK;
/* No more of this SA but its last response. */
void gcks_end(struct km *km, struct ikesa *sa);
/* How long an open SA may stay from now on. */
void gcks_keep(struct km *km, struct ikesa *sa);

/* How a registration can end. */
enum outcome {
	OUT_OK,
	OUT_GROUP,    /* IDg of another group */
	OUT_PROPOSAL, /* no SAg, or no key wrap, that we have */
	OUT_FORBIDDEN,
	OUT_SENDER, /* wants to send, and is no sender */
	OUT_FULL,
	OUT_NO_KEYS, /* all are at their end; the next ones come at once */
	OUT_AUTH,    /* not authenticated */
};

/* The group's part of a request.  -EBADMSG. */
int group_ask(const struct km *km, const struct ike_view *v,
    struct group_ask *a) MUST_CHECK;
/* What it gets; id_key: of the table's BY_ID index. */
enum outcome group_judge(const struct km *km, const struct group_ask *a,
    uint8_t admit, bool kwa, uint64_t id_key);
uint16_t group_notify(enum outcome o); /* error notify; 0 for OUT_OK */
/* GSA, KD and the mode; -ENOENT: no keys to give (OUT_NO_KEYS). */
int group_put(const struct km *km, struct chain *c,
    const uint8_t gsk_w[KW_KEY_LEN]) MUST_CHECK;
/* Count it, write the counters down, tell the log. */
int group_account(struct km *km, const struct ikesa *sa, const char *who,
    enum outcome o, const char *cause, struct fx *fx) MUST_CHECK;
int gcks_register(struct km *km, struct ikesa *sa, const struct ike_view *v,
    struct fx *fx) MUST_CHECK;

#endif
