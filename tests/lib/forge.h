/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_FORGE_H
#define TESTS_LIB_FORGE_H

/*
 * The GCKS's side by hand, for a world with host 0 as GCKS and host 2 as its
 * member: a tap for what one of them sends, and messages under the keys of
 * their IKE SA that the real GCKS never makes.
 */

#include "keymgrd/core/gcks.h"
#include "tests/lib/pair.h"

/* The last datagram of one exchange that one host sent. */
struct tap {
	unsigned int from;
	uint8_t exchange;
	bool drop; /* it does not arrive */
	uint8_t p[2048];
	size_t len;
	unsigned int n; /* that there were */
};

/* w->net and w->arg are taken over. */
void tap_set(struct world *w, struct tap *t);
/* Decrypt what host 2 sent. */
void tap_read(const struct tap *t, const struct ikesa *sa, struct sk_plain *o,
    struct ike_view *v);

/* The one IKE SA of host 0. */
struct ikesa *forge_sa(struct world *w);

struct forge {
	struct world *w;
	struct ikesa *sa;
	uint64_t iv;
	uint8_t buf[2048];
	struct wbuf wb;
	struct chain c;
	uint8_t out[4096]; /* as it went out, fragments back to back */
	size_t out_len;
};

/* Zeroed before the first one.  Begin, payloads into f->c, end sends. */
void forge_begin(struct forge *f, struct world *w);
/* limit: octets of a fragment, or 0; only the first n datagrams are sent. */
void forge_end(struct forge *f, uint8_t exchange, uint8_t flags, uint32_t mid,
    size_t limit, unsigned int n);
/* The nth datagram of it (from 1) once more. */
void forge_again(struct forge *f, unsigned int nth);

/* An unprotected answer with one notify to the IKE_SA_INIT request in t. */
void forge_init(
    struct world *w, const struct tap *t, uint16_t type, struct chunk data);

#endif
