/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_RAW_H
#define TESTS_LIB_RAW_H

/*
 * An initiator made by hand, which sends what a test wants it to send: for
 * requests that the real one never makes.  It sits at 192.0.2.200.
 */

#include "common/ike/hdr.h"
#include "keymgrd/core/ike/keys.h"
#include "keymgrd/core/ike/pld.h"
#include "tests/lib/pair.h"

struct raw {
	struct world *w;
	unsigned int gcks; /* host */
	struct endpoint self, peer;
	uint8_t priv[X25519_LEN], nonce[32];
	uint8_t spi_i[8], spi_r[8];
	struct ike_keys keys;
	uint8_t init[1024];
	size_t init_len;
	/* The last answer that came, and all that came. */
	uint8_t got[8192];
	size_t got_len;
	unsigned int n_got;
	/* For the message being written. */
	uint8_t buf[4096];
	struct wbuf wb;
	struct chain chain;
	uint64_t iv;
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

/* Decrypt the last answer: type of the first payload, 0 when there is none. */
uint8_t raw_open(struct raw *r, uint8_t plain[8192], struct rbuf *inner);
/* Is there an error notify of this type in the last answer? */
bool raw_got_notify(struct raw *r, uint16_t type);

#endif
