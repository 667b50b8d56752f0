/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_IKESA_H
#define KEYMGRD_CORE_IKESA_H

/*
 * The IKE SAs of a responder.  What only the handshake needs hangs on hs and
 * goes as soon as the peer is authenticated; an open SA then holds three keys
 * and its last response, about 1.5 KiB.
 */

#include "common/crypto.h"
#include "keymgrd/core/core.h"
#include "keymgrd/core/ike/keys.h"
#include "keymgrd/core/ike/msg.h"

enum ikesa_state {
	RS_INIT, /* IKE_SA_INIT answered; GSA_AUTH or IKE_AUTH is expected */
	RS_BUSY, /* policyd works on it */
	RS_OPEN, /* authenticated */
	RS_DEAD, /* over; stays a while to repeat its last response */
};

/* By what an IKE SA is found: hashes with a secret seed, or random octets. */
enum ikesa_index {
	BY_SPI,	 /* own SPI */
	BY_INIT, /* peer's endpoint and whole IKE_SA_INIT request */
	BY_REQ,	 /* question to policyd; check is even, sign one more */
	BY_ID,	 /* peer's identity as policyd says it: one open SA each */
	INDEXES
};

#define SIGN_MAX 600

/* What a request asks of the group (gcks_reg.c). */
struct group_ask {
	uint16_t refusal; /* found in the request: an error notify, or 0 */
	bool sends;	  /* GROUP_SENDER */
};

struct handshake {
	struct ike_suite suite;
	uint8_t priv[KE_PRIV_MAX];
	struct ike_keys keys;
	bool have_keys;
	/* What the peer's IKE_SA_INIT said. */
	uint8_t hashes;
	bool ppk;
	uint8_t *peer_init, *own_init;
	size_t peer_init_len, own_init_len;
	/* Of the GSA_AUTH or IKE_AUTH request, while policyd works on it. */
	uint8_t exchange;
	struct sk_plain request; /* the chunks point into it */
	struct chunk peer_id, peer_auth, cert[IKE_CERTS_MAX];
	size_t n_cert;
	uint8_t peer_method;
	uint8_t maced_i[PRF_MAX], maced_r[PRF_MAX];
	struct group_ask ask;
	bool wants_child; /* IKE_AUTH that is not childless */
	/* Answers; have_verdict is for a peer proved authentic alone. */
	bool mixing, have_verdict;
	enum auth_verdict verdict;
	uint8_t admit;
	uint32_t valid_s;
	uint64_t id_key; /* of BY_ID */
	char who[128];	 /* printable identity */
	uint8_t method, auth[SIGN_MAX];
	size_t auth_len;
};

struct ikesa {
	struct ikesa *next[INDEXES];
	uint64_t key[INDEXES];
	uint8_t in;	/* bit per index */
	bool authentic; /* the peer is who it said; counts as a member */
	bool member;	/* it has the group's keys */
	bool fragments; /* the peer puts fragments together */
	bool kwa;	/* a key wrap was agreed on */
	uint8_t admit;	/* what policyd admitted it to */
	enum ikesa_state state;
	struct timer timer;
	uint64_t valid_ms; /* until when to rely on its authentication */
	uint8_t spi_i[8], spi_r[8];
	struct endpoint local, peer;
	struct sk_key i, r; /* what it sends, what we send */
	uint8_t gsk_w[KW_KEY_LEN];
	char *who;		 /* once it is authenticated */
	uint32_t last_mid;	 /* of the last request that was taken */
	uint8_t last_digest[16]; /* and what it, or its first fragment, was */
	uint8_t next_digest[16]; /* of the one that is being put together */
	struct sk_frags *frags;
	uint64_t until_ms; /* when the SA ends, if open */
	uint8_t *resp;	   /* its response, NULL while RS_BUSY */
	size_t resp_len;   /* may be several fragments */
	struct handshake *hs;
};

struct satab {
	struct ikesa **bucket[INDEXES];
	size_t mask; /* buckets - 1 */
	size_t n;
	size_t n_half; /* not authenticated, or ended; in any state */
	size_t n_busy; /* with a question to policyd under way */
	uint8_t seed[16];
};

int satab_init(struct satab *t, size_t members, const struct km *km) MUST_CHECK;
void satab_fini(struct satab *t, struct timers *timers);

/* Not yet in any index; NULL when out of memory. */
struct ikesa *ikesa_new(void);
void ikesa_free(struct ikesa **sa); /* wipes; must be in no index */
void handshake_free(struct handshake **hs);

void satab_put(
    struct satab *t, enum ikesa_index ix, uint64_t key, struct ikesa *sa);
void satab_take(struct satab *t, enum ikesa_index ix, struct ikesa *sa);
struct ikesa *satab_get(
    const struct satab *t, enum ikesa_index ix, uint64_t key);
/* Out of all indexes, timer stopped, wiped. */
void satab_drop(struct satab *t, struct timers *timers, struct ikesa *sa);
/* The peer is authenticated: it counts as a member until satab_end(). */
void satab_open(struct satab *t, struct ikesa *sa);
/* Over: found by its SPI only, and may give way like a half-open one. */
void satab_end(struct satab *t, struct ikesa *sa);

uint64_t satab_spi_key(const uint8_t spi[8]);
/* Keyed with the table's seed, so that nobody can aim at one bucket. */
int satab_hash(const struct satab *t, const struct endpoint *peer,
    struct chunk data, uint64_t *key) MUST_CHECK;

#endif
