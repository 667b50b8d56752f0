/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_KM_H
#define KEYMGRD_CORE_KM_H

/*
 * The key manager of one group, without a socket, clock, file or randomness
 * of its own.  The shell (keymgrd, tests, the simulation) feeds events to
 * km_step() and carries out the effects, in their order: a state record is
 * always ahead of the datagram or SA that depends on it.
 *
 * Sender mode: owns the group secret, offers it to receivers (GCKS).
 * Receiver mode: registers with its designated senders, in turn.
 */

#include "common/addr.h"
#include "common/util.h"
#include "ipc/schema.h" /* enum role, sa_dir, sa_mode, group_state, verdicts */

#define KM_ADDRS_MAX 16
#define KM_GCKS_MAX 32
#define KM_ID_MAX 516 /* ID payload body: type | 0 0 0 | data */
#define KM_CERTS_MAX 4
#define KM_CERTS_LEN 12288 /* of all of them: fits with the rest of AUTH */

struct km;

struct km_ops {
	void *arg;
	int (*rand)(void *arg, void *out, size_t len); /* 0 or -EIO */
};

/* What policyd says of the group. */
struct km_addr {
	uint8_t cls; /* index; enters the TEK and SPI formulas */
	struct addr dst;
	struct addr src; /* own address of that family; len 0: none */
	uint16_t port_lo, port_hi;
};

struct km_gcks {
	char name[65];
	uint8_t id[KM_ID_MAX];
	size_t id_len;
	struct addr local; /* own address to ask from */
	struct endpoint peer;
	/*
	 * GSA_AUTH; or IKE_AUTH for a peer that does not know MIKE: childless
	 * (RFC 6023), then GSA_REGISTRATION.
	 */
	uint8_t exchange;
};

struct km_conf {
	uint8_t slot;
	enum role role;
	char name[65];
	uint8_t group_id[64];
	size_t group_id_len;
	uint8_t own_id[KM_ID_MAX];
	size_t own_id_len;
	uint16_t port;
	uint32_t lifetime_s, atd_ms, dtd_ms;
	uint32_t half_open_max, members_max;
	struct km_addr addr[KM_ADDRS_MAX];
	size_t n_addr;
	struct km_gcks gcks[KM_GCKS_MAX];
	size_t n_gcks;
	enum suite suite;
	bool foreign;	      /* peers without MIKE_GROUP may come */
	uint16_t fragment;    /* largest IP datagram of ours unsplit; 0: any */
	uint8_t ppk_id[64];   /* type | id; no IKE SA without this PPK */
	size_t ppk_id_len;    /* 0: no PPK */
	uint8_t anchors[320]; /* SHA-1 of each anchor's key, for CERTREQ */
	size_t anchors_len;
	/* Own certificate chain, leaf first, back to back; none with a PSK. */
	uint8_t certs[KM_CERTS_LEN];
	size_t cert_len[KM_CERTS_MAX];
	size_t n_cert;
	/*
	 * Instance number of this process, never repeated for the slot: the
	 * high 16 bits of every AEAD IV are this, the low 48 a counter.
	 */
	uint16_t instance;
};

enum km_ev {
	KM_EV_STATE,   /* one restored record, oldest first; before START */
	KM_EV_START,   /* all records seen; edges to the others are up */
	KM_EV_TIMER,   /* km_deadline() has come */
	KM_EV_DGRAM,   /* a datagram for this group */
	KM_EV_SIGNED,  /* answer to KM_FX_SIGN */
	KM_EV_CHECKED, /* answer to KM_FX_CHECK */
	KM_EV_MIXED,   /* answer to KM_FX_MIX */
	KM_EV_SA,      /* answer to KM_FX_SA_* */
	KM_EV_EXPIRED, /* the kernel expired an SA, softly or hard */
	KM_EV_ACQUIRE, /* an application sent and the kernel has no SA */
	KM_EV_RESYNC,  /* policyd or dispatcherd restarted: ask again */
	KM_EV_LEAVE,   /* say good-bye to the GCKS, then KM_FX_LEFT */
	KM_EV_STAY,    /* groupd restarted: whoever was to leave is not to */
};

struct km_in {
	enum km_ev ev;
	uint64_t now_ms; /* CLOCK_BOOTTIME: goes on over a restart */
	union {
		struct chunk record;
		struct {
			struct endpoint local, peer;
			struct chunk data;
		} dgram;
		struct {
			uint32_t req;
			bool ok;
			uint8_t method;
			struct chunk auth;
		} sig;
		struct {
			uint32_t req;
			enum auth_verdict verdict;
			enum auth_cause cause;
			uint8_t admit;	       /* enum admit, bits */
			uint32_t valid_s;      /* to be relied on */
			struct chunk identity; /* text, as claimed */
		} checked;
		struct {
			uint32_t req;
			bool ok;
			struct chunk sk; /* as in KM_FX_MIX, mixed */
		} mixed;
		struct {
			uint32_t req;
			enum ipc_status status;
			struct chunk text;
		} sa;
		struct {
			uint32_t spi;
			struct addr dst;
			bool hard;
		} expired;
		struct {
			struct addr dst;
		} acquire;
		struct {
			bool policyd; /* its policy may be another one now */
		} resync;
	};
};

enum km_fx_kind {
	KM_FX_STATE,	  /* append rec to the sealed log, then go on */
	KM_FX_SEND,	  /* a datagram */
	KM_FX_SIGN,	  /* ask policyd: AUTH_SIGN */
	KM_FX_CHECK,	  /* ask policyd: AUTH_CHECK */
	KM_FX_MIX,	  /* ask policyd: PPK_MIX */
	KM_FX_SA_INSTALL, /* ask dispatcherd */
	KM_FX_SA_DELETE,
	KM_FX_CHANGED, /* km_status() has changed: tell groupd */
	KM_FX_NOTE,    /* an event for the log; the shell writes it */
	KM_FX_LEFT,    /* the GCKS knows, or does not answer */
};

/* Octets are owned by the effect list and live until fx_reset(). */
struct km_fx {
	enum km_fx_kind kind;
	union {
		struct chunk rec;
		struct {
			struct endpoint local, peer;
			struct chunk data;
		} send;
		struct {
			uint32_t req;
			uint8_t prf, hashes;
			struct chunk own_init, peer_nonce, maced_id;
		} sign;
		struct {
			uint32_t req;
			uint8_t prf;
			struct chunk peer_init, own_nonce, maced_id, peer_id;
			uint8_t method;
			struct chunk auth, certs;
		} check;
		struct {
			uint32_t req;
			uint8_t prf;
			uint8_t ppk_id[64];
			size_t ppk_id_len;
			uint8_t sk[144]; /* SK_d | SK_pi | SK_pr */
			size_t sk_len;
		} mix;
		struct {
			uint32_t req;
			enum sa_mode mode;
			enum sa_dir dir;
			uint32_t spi;
			struct addr src, dst;
			uint8_t key[36];
			uint32_t replay, soft_s, hard_s;
			uint64_t soft_packets, hard_packets;
		} sa;
		struct {
			int level;	   /* 3 err 4 warn 6 info 7 debug */
			const char *token; /* "reg.done", static */
			struct chunk text; /* "peer=... spi=...", printable */
		} note;
	};
};

struct fx; /* growing list, bounded; opaque */
struct fx *fx_new(void);
void fx_free(struct fx **fx); /* wipes */
void fx_reset(struct fx *fx); /* wipes keys, keeps memory */
size_t fx_count(const struct fx *fx);
const struct km_fx *fx_at(const struct fx *fx, size_t i);

/*
 * NULL when out of memory or conf is not usable.  conf is borrowed: it is read
 * in each call and must say the same in all of them, but its octets may be
 * elsewhere in between, where many key managers share them.
 */
struct km *km_new(const struct km_conf *conf, const struct km_ops *ops);
void km_free(struct km **km); /* wipes */

/*
 * Feed one event.  0; -EBADMSG for octets from the network that were dropped
 * and counted; -EPROTO for an event that does not fit the state; -ENOMEM.
 * On an error fx is as it was.
 */
int km_step(struct km *km, const struct km_in *in, struct fx *fx) MUST_CHECK;

/* When KM_EV_TIMER is due, in ms of now_ms; UINT64_MAX: never. */
uint64_t km_deadline(const struct km *km);

/*
 * Everything a successor needs, as KM_FX_STATE effects: written at the start
 * of a new instance and when the log is compacted.
 */
int km_snapshot(const struct km *km, uint64_t now_ms, struct fx *fx) MUST_CHECK;

struct km_status {
	enum group_state state;
	uint32_t generation, step;
	uint64_t key_age_s, key_left_s;
	const char *gcks;   /* whom we registered with, or "" */
	const char *detail; /* what is wrong, or "" */
};
void km_status(const struct km *km, uint64_t now_ms, struct km_status *out);

/* Counters by name: registrations by outcome, drops by cause. */
struct km_count {
	const char *name; /* "reg.ok", "drop.malformed", ... */
	uint64_t value;
};
size_t km_counts(const struct km *km, struct km_count *out, size_t max);

/* Who was refused lately and why, by identity and cause; borrowed. */
#define KM_REFUSED_MAX 16
struct km_refused {
	const char *who, *cause;
	const struct addr *peer;
	uint32_t times;
	uint64_t age_s; /* of the last time */
};
size_t km_refused(const struct km *km, uint64_t now_ms,
    struct km_refused out[KM_REFUSED_MAX]);

#endif
