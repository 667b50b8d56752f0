/* SPDX-License-Identifier: ISC */
#ifndef COMMON_IKE_HDR_H
#define COMMON_IKE_HDR_H

/*
 * The IKE header and payload chain, as far as groupd, policyd and keymgrd all
 * need them (RFC 7296 3.1, 3.2).  Nothing here looks into an SA or an
 * encrypted payload.
 */

#include "common/util.h"
#include "common/wire.h"

#define IKE_HDR_LEN 28
#define IKE_MSG_MAX 16384 /* octets of one IKE message we handle */
#define IKE_VERSION 0x20

#define IKE_F_INITIATOR 0x08 /* sent by the original initiator */
#define IKE_F_VERSION 0x10
#define IKE_F_RESPONSE 0x20

enum ike_exchange {
	IKE_SA_INIT = 34,
	IKE_AUTH = 35,
	IKE_CREATE_CHILD_SA = 36,
	IKE_INFORMATIONAL = 37,
	GSA_AUTH = 39,
	GSA_REGISTRATION = 40,
	GSA_REKEY = 41,
	GSA_INBAND_REKEY = 42,
};

enum ike_payload {
	PLD_NONE = 0,
	PLD_SA = 33, /* SAg in GSA_AUTH and GSA_REGISTRATION */
	PLD_KE = 34,
	PLD_IDI = 35,
	PLD_IDR = 36,
	PLD_CERT = 37,
	PLD_CERTREQ = 38,
	PLD_AUTH = 39,
	PLD_NONCE = 40,
	PLD_NOTIFY = 41,
	PLD_DELETE = 42,
	PLD_VENDOR = 43,
	PLD_TSI = 44,
	PLD_TSR = 45,
	PLD_SK = 46,
	PLD_IDG = 50,
	PLD_GSA = 51,
	PLD_KD = 52,
	PLD_SKF = 53,
};

enum ike_notify {
	N_UNSUPPORTED_CRITICAL_PAYLOAD = 1,
	N_INVALID_SYNTAX = 7,
	N_NO_PROPOSAL_CHOSEN = 14,
	N_INVALID_KE_PAYLOAD = 17,
	N_AUTHENTICATION_FAILED = 24,
	N_NO_ADDITIONAL_SAS = 35,
	N_TEMPORARY_FAILURE = 43,
	N_INVALID_GROUP_ID = 45,
	N_AUTHORIZATION_FAILED = 46,
	N_REGISTRATION_FAILED = 49,
	N_COOKIE = 16390,
	N_USE_TRANSPORT_MODE = 16391,
	N_CHILDLESS_IKEV2_SUPPORTED = 16418,
	N_GROUP_SENDER = 16429,
	N_FRAGMENTATION_SUPPORTED = 16430,
	N_SIGNATURE_HASH_ALGORITHMS = 16431,
	N_USE_PPK = 16435,
	N_PPK_IDENTITY = 16436,
	N_MIKE_GROUP = 40961, /* private: SHA-256(group id | nonce)[0..15] */
};

struct ike_hdr {
	uint8_t spi_i[8];
	uint8_t spi_r[8];
	uint8_t next;
	uint8_t version;
	uint8_t exchange;
	uint8_t flags;
	uint32_t mid;
	uint32_t len;
};

struct ike_pld {
	uint8_t type; /* of this payload */
	bool critical;
	struct rbuf body;
};

struct ike_walk {
	struct rbuf msg;
	uint8_t next;
};

/* Header of a whole datagram: version 2, length equal to the datagram's. */
int ike_hdr_get(struct rbuf *msg, struct ike_hdr *h) MUST_CHECK;
int ike_hdr_put(struct wbuf *wb, const struct ike_hdr *h) MUST_CHECK;

/* Walk the payloads behind the header: 1 payload, 0 end, -EBADMSG. */
void ike_walk_init(struct ike_walk *w, uint8_t first, struct rbuf body);
int ike_walk_next(struct ike_walk *w, struct ike_pld *p) MUST_CHECK;

struct ike_ntf {
	uint8_t proto;
	uint16_t type;
	struct chunk spi;
	struct chunk data;
};
int ike_ntf_get(struct rbuf body, struct ike_ntf *n) MUST_CHECK;

/*
 * The group binding of IKE_SA_INIT: private status notify MIKE_GROUP holds
 * the first 16 octets of SHA-256(group id | the sender's own nonce).
 */
#define MIKE_GROUP_LEN 16
#define IKE_NONCE_MIN 16
#define IKE_NONCE_MAX 256

struct ike_init_view { /* what an IKE_SA_INIT message says in the clear */
	struct ike_hdr hdr;
	struct chunk nonce;
	struct chunk mike_group; /* empty when absent */
	struct chunk cookie;	 /* empty when absent */
	bool cookie_first;	 /* before all else, as RFC 7296 2.6 wants */
};

/* Walk a whole IKE_SA_INIT message (request or response). -EBADMSG. */
int ike_init_view(struct chunk msg, struct ike_init_view *v) MUST_CHECK;
int mike_group_bind(struct chunk group_id, struct chunk nonce,
    uint8_t out[MIKE_GROUP_LEN]) MUST_CHECK;
/* Does the message's MIKE_GROUP name group_id under its own nonce? */
bool mike_group_matches(const struct ike_init_view *v, struct chunk group_id);

/*
 * The slot of the key manager on this host that a message belongs to: octet 0
 * of the SPI that our side chose.  -ENOENT for an IKE_SA_INIT request, whose
 * responder SPI is still zero.
 */
int ike_slot(const struct ike_hdr *h, uint8_t *slot) MUST_CHECK;

#endif
