/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKE_PLD_H
#define KEYMGRD_CORE_IKE_PLD_H

/*
 * Payload chains, written: RFC 7296 3.2 to 3.10.  The builder patches the
 * next-payload field of the payload before and the length of the one that is
 * open, so callers write bodies only.  Every call reports its error, and an error in
 * the wbuf sticks.
 */

#include "common/ike/hdr.h"

struct chain {
	struct wbuf *wb;
	size_t next_at; /* offset of the field that names the next payload */
	size_t open_at; /* offset of the open payload's header */
	bool open;
};

/* next_at: where the type of the first payload is stored (the IKE header's
 * next-payload octet, or that of the Encrypted payload). */
void chain_init(struct chain *c, struct wbuf *wb, size_t next_at);
int chain_open(struct chain *c, enum ike_payload type) MUST_CHECK;
int chain_close(struct chain *c) MUST_CHECK;

/* Whole payloads. */
int pld_ke_put(struct chain *c, uint16_t group, struct chunk pub) MUST_CHECK;
int pld_raw_put(struct chain *c, enum ike_payload type, struct chunk body)
    MUST_CHECK;
int pld_auth_put(struct chain *c, uint8_t method, struct chunk data) MUST_CHECK;
int pld_notify_put(struct chain *c, uint16_t type, struct chunk data)
    MUST_CHECK;

struct pld_ke {
	uint16_t group;
	struct chunk pub;
};
int pld_ke_get(struct rbuf body, struct pld_ke *out) MUST_CHECK;

struct pld_auth {
	uint8_t method;
	struct chunk data;
};
int pld_auth_get(struct rbuf body, struct pld_auth *out) MUST_CHECK;

/* ID, IDg: body = type | 3 reserved octets (ignored) | data. */
#define ID_DER_ASN1_DN 9
struct pld_id {
	uint8_t type;
	struct chunk data;
	struct chunk body; /* as received: what AUTH covers */
};
int pld_id_get(struct rbuf body, struct pld_id *out) MUST_CHECK;

struct pld_delete {
	uint8_t proto, spi_size;
	uint16_t n;
	struct chunk spis;
};
int pld_delete_get(struct rbuf body, struct pld_delete *out) MUST_CHECK;

#endif
