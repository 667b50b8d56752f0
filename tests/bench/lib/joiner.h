/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_LIB_JOINER_H
#define TESTS_BENCH_LIB_JOINER_H

/*
 * One registration, seen from a group member that the bench plays: sans-IO
 * like the cores, but independent of theirs, and able to ask for what an
 * honest member would not.
 */

#include "keymgrd/core/ike/keys.h"
#include "keymgrd/core/ike/msg.h"
#include "tests/bench/lib/sign.h"

#define JOINER_OUT_MAX 8192

struct joiner_conf {
	struct chunk group; /* id of the group */
	enum suite suite;
	bool foreign;	     /* no MIKE_GROUP; childless IKE_AUTH */
	bool joins;	     /* foreign: GSA_REGISTRATION after IKE_AUTH */
	int sender_ids;	     /* GROUP_SENDER with this number; < 0: none */
	size_t fragment;     /* largest IKE message unsplit; 0: any */
	struct chunk psk;    /* used by who has no certificate */
	struct chunk anchor; /* of the responder; empty: its AUTH is believed */
};

enum joiner_state {
	JN_INIT, /* IKE_SA_INIT is sent */
	JN_AUTH,
	JN_JOIN,
	JN_DONE,
	JN_REFUSED, /* notify says by what */
	JN_BROKEN,  /* why says what is wrong with the answer */
};

struct joiner {
	const struct joiner_conf *conf;
	const struct leaf *leaf;
	enum joiner_state state;
	uint16_t notify;
	const char *why;
	struct ike_suite suite;
	uint8_t id[4 + LEAF_DN_MAX]; /* ID payload body */
	size_t id_len;
	uint8_t spi_i[8], spi_r[8];
	uint8_t priv[KE_PRIV_MAX], pub[KE_PUB_MAX], nonce[32];
	uint8_t cookie[64];
	size_t cookie_len;
	uint8_t own_init[1024], peer_init[2048];
	size_t own_init_len, peer_init_len;
	struct ike_keys keys;
	uint64_t iv;
	uint32_t mid;
	struct sk_frags *frags;
	/* To be sent, or sent again: messages back to back. */
	uint8_t out[JOINER_OUT_MAX];
	size_t out_len;
	/* IKE octets and messages; what was repeated counts once. */
	size_t octets, messages;
	size_t n_keys; /* SAs that the answer has keys for */
};

/* leaf: its certificate, or NULL; name: its common name. */
void joiner_start(struct joiner *p, const struct joiner_conf *conf,
    const struct leaf *leaf, const char *name);
/*
 * A datagram for its SPI.  true: *out has something new to be sent, or the
 * state is one of the last three.
 */
bool joiner_input(struct joiner *p, struct chunk msg);
static inline bool
joiner_over(const struct joiner *p)
{
	return p->state >= JN_DONE;
}
void joiner_fini(struct joiner *p);

#endif
