/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_RAW_H
#define TESTS_LIB_RAW_H

/*
 * An initiator made by hand, which sends what a test wants it to send: for
 * requests that the real one never makes.  It sits at 192.0.2.200.
 */

#include "common/ike/hdr.h"
#include "keymgrd/core/ike/keys.h"
#include "keymgrd/core/ike/msg.h"
#include "keymgrd/core/ike/pld.h"
#include "tests/lib/pair.h"

struct raw {
	struct world *w;
	unsigned int gcks; /* host */
	struct endpoint self, peer;
	uint8_t priv[KE_PRIV_MAX], nonce[32];
	struct ike_suite suite; /* to be offered alone */
	bool foreign;		/* no MIKE_GROUP */
	bool fragments;		/* IKEV2_FRAGMENTATION_SUPPORTED */
	uint16_t notify;	/* another one for IKE_SA_INIT, or 0 */
	size_t limit;		/* octets of a message of ours; 0: any */
	uint8_t spi_i[8], spi_r[8];
	struct ike_keys keys;
	uint8_t init[1024];
	size_t init_len;
	/* The last answer that came, put together, and how many datagrams. */
	uint8_t got[8192];
	size_t got_len;
	unsigned int n_got;
	/* For the message being written. */
	uint8_t buf[IKE_MSG_MAX];
	struct wbuf wb;
	struct chain chain;
	uint64_t iv;
	uint8_t exchange;
	uint32_t mid;
	uint8_t out[IKE_MSG_MAX + 4096]; /* as it went out last */
	size_t out_len;
	struct sk_frags *frags;
	struct sk_plain plain; /* what raw_open() found */
};

/* w->net and w->arg are taken over, to catch the answers. */
void raw_init(
    struct raw *r, struct world *w, unsigned int gcks, uint8_t number);
void raw_send(struct raw *r, const void *p, size_t len);

/* IKE_SA_INIT there and back; must() when it is refused. */
void raw_handshake(struct raw *r);
void raw_init_send(struct raw *r); /* the request only */

/* Write a protected request: begin, payloads into r->chain, end sends it. */
void raw_begin(struct raw *r, uint8_t exchange, uint32_t mid);
void raw_end(struct raw *r);
/* IDi of host-N and a right AUTH with this key. */
void raw_put_auth(struct raw *r, unsigned int host, const char *psk);
void raw_put_idg(struct raw *r, const char *group);

/* Send what went out last once more. */
void raw_again(struct raw *r);
/* Decrypt the last answer: type of the first payload, 0 when there is none. */
uint8_t raw_open(struct raw *r, struct rbuf *inner);
/* The same, as a view of its payloads. */
void raw_view(struct raw *r, struct ike_view *v);
void raw_fini(struct raw *r);
/* Is there an error notify of this type in the last answer? */
bool raw_got_notify(struct raw *r, uint16_t type);

#endif
