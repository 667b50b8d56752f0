/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_PAIR_H
#define TESTS_LIB_PAIR_H

/*
 * A world for exchange tests: some senders and receivers (whole key manager
 * cores), each with a policyd, a dispatcherd with a kernel, and a state log of
 * its own, joined by a network that a test may lose, double, hold or forge
 * datagrams on.  Time is virtual, chance is seeded, and after each effect the
 * world checks what must never repeat (IVs, SPIs, outbound keys).
 */

#include "common/crypto.h"
#include "keymgrd/core/km.h"

#define W_HOSTS 5
#define W_SAS 128
#define W_LOG 4096
#define W_GROUP "ops-net"

enum net_verdict { NET_PASS, NET_DROP, NET_TWICE, NET_HOLD };

struct packet {
	unsigned int nth;  /* of all that were sent in this world, from 1 */
	unsigned int from; /* host */
	struct endpoint src, dst;
	uint8_t *p;
	size_t len;
};

struct ksa_seen { /* an SA in a host's kernel */
	bool there;
	enum sa_dir dir;
	uint32_t spi;
	struct addr src, dst;
	uint8_t key[36];
	uint64_t end_ms;
};

struct host {
	bool used;
	struct km_conf conf;
	struct km *km;
	struct fx *fx;
	uint64_t rand;
	unsigned int
	    rand_fail_in; /* the source of chance fails once; 0: never */
	/* policyd */
	char psk[32];
	bool policyd_down;	 /* swallows questions */
	bool trusts;		 /* everybody, whatever they send */
	bool refuses;		 /* everybody is forbidden */
	enum auth_verdict force; /* when not AV_OK */
	enum auth_cause cause;	 /* and why */
	uint8_t admit;		 /* when not 0, instead of both */
	uint32_t valid_s;	 /* when not 0 */
	char ppk[32];		 /* "": none, then it refuses to mix */
	size_t certs_len;	 /* of the last chain that was shown */
	uint8_t hashes;		 /* of the last question to sign */
	unsigned int n_mixes, n_left;
	/* dispatcherd and the kernel */
	bool disp_down;
	enum ipc_status sa_status; /* when not ST_OK: for every request */
	struct ksa_seen sa[W_SAS];
	unsigned int n_new, n_ensure, n_verify, n_delete;
	/* state log since the last snapshot */
	struct chunk log[W_LOG];
	size_t n_log;
	/* what the outside saw */
	unsigned int n_sent, n_signs, n_checks, n_changed;
	char notes[16384]; /* tokens and texts, one a line */
	size_t notes_len;
	int last_step; /* what km_step() returned last */
	/* Killed when so many more effects were carried out; 0: never. */
	unsigned int crash_in;
	unsigned int n_restarts;
};

struct seen { /* an IV or SPI, and the message that it came in */
	unsigned int host;
	bool spi;
	uint8_t value[8], digest[32];
};

struct item;
struct world {
	struct host host[W_HOSTS];
	uint64_t now;
	struct item *head, **tail;
	struct item *held;
	unsigned int packets;
	enum net_verdict (*net)(struct world *w, struct packet *p);
	void *arg;
	struct seen *seen;
	size_t n_seen, cap_seen;
	uint8_t out_keys[256][36];
	size_t n_out_keys;
};

/* Hosts 0.. are senders, those from 2 on receivers of host 0, then 1. */
struct world *world_new(void);
void world_free(struct world **w);
/* Fill in conf for a host without starting it, then start it. */
struct host *world_sender(struct world *w, unsigned int i);
struct host *world_receiver(struct world *w, unsigned int i);
void world_start(struct world *w, unsigned int i);
/* The usual world: sender 0 and receiver 2; then start all that there are. */
struct world *world_two(void);
void world_go(struct world *w);

/* The rand of struct km_ops; arg is a struct host. */
int pair_rand(void *arg, void *out, size_t len);

/* Process what is queued, and timers, until then or until nothing is left. */
void world_run(struct world *w, uint64_t until_ms);
/* One queued event; false when there is none. */
bool world_one(struct world *w);
void world_settle(struct world *w);  /* without letting time pass */
void world_release(struct world *w); /* deliver what was held */
/* Put octets on the network as if src had sent them. */
void world_inject(struct world *w, const struct endpoint *src,
    const struct endpoint *dst, const void *p, size_t len);

/* Kill the key manager and start a successor from its state log. */
void world_restart(struct world *w, unsigned int i);
int world_event(struct world *w, unsigned int i, struct km_in *in);
/* policyd or dispatcherd of this host was restarted: requests are lost. */
void world_lose_answers(struct world *w, unsigned int i);

enum group_state world_state(const struct world *w, unsigned int i);
uint64_t world_count(const struct world *w, unsigned int i, const char *name);
const char *world_detail(const struct world *w, unsigned int i);
bool world_noted(const struct world *w, unsigned int i, const char *text);
/* Live SAs of one direction in the host's kernel. */
size_t world_sas(const struct world *w, unsigned int i, enum sa_dir dir);
/* Does the receiver hold an SA for each that the sender sends under? */
bool world_can_read(
    const struct world *w, unsigned int receiver, unsigned int sender);

#endif
