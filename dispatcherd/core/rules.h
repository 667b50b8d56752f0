/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_CORE_RULES_H
#define DISPATCHERD_CORE_RULES_H

/*
 * What policyd allows this host to do on the network and in the kernel.  A
 * new set is built aside from RULES_BEGIN on and takes the place of the old
 * one as a whole at RULES_END; one bad rule spoils the whole new set and the
 * old one stays in force.
 */

#include "common/addr.h"
#include "ipc/msg.h"
#include "dispatcherd/core/reqid.h"

#define RULES_LISTEN_MAX 16
#define RULES_PEERS_MAX 4096  /* 64 groups ask 32 addresses each */
#define RULES_SENDERS_MAX 128 /* per group */
#define RULES_NAME_MAX 64

struct rules_peer {
	struct addr net; /* len 0: anyone */
	uint8_t prefix;
	uint32_t rate; /* datagrams per second and source; 0: no limit */
};

struct rules_group {
	bool present;
	char name[RULES_NAME_MAX + 1];
	uint8_t role; /* enum role */
	uint32_t lifetime_s;
	struct addr dst[REQID_CLASSES]; /* by class; len 0: none */
	struct addr sender[RULES_SENDERS_MAX];
	size_t n_senders;
};

struct rules {
	uint16_t port;
	bool transmit;
	struct addr listen[RULES_LISTEN_MAX];
	size_t n_listen;
	struct rules_peer peer[RULES_PEERS_MAX];
	size_t n_peers;
	struct rules_group group[MIKE_SLOTS];
};

struct ruleset;

struct ruleset *ruleset_new(void);
void ruleset_free(struct ruleset **rs);

/*
 * Take a RULES_* or RULE_* message that answers request req.  0: taken;
 * 1: taken, and a new set is in force; -EINVAL: spoils the set under way
 * (reported once); -EPROTO: not part of a set; -ENOMEM.  *why is set with an
 * error.
 */
int ruleset_take(struct ruleset *rs, uint32_t req, const struct msg *m,
    const char **why) MUST_CHECK;
/* The source of the set under way has died. */
void ruleset_abort(struct ruleset *rs);
/* NULL before the first set. */
const struct rules *ruleset_now(const struct ruleset *rs);

bool rules_listens(const struct rules *r, const struct addr *a);
/* The rule with the longest prefix that holds a, or NULL. */
const struct rules_peer *rules_peer(
    const struct rules *r, const struct addr *a);
/* NULL when the slot has no group. */
const struct rules_group *rules_group(const struct rules *r, uint8_t slot);
/* Class of a group's address; -ENOENT. */
int rules_class(const struct rules_group *g, const struct addr *dst,
    uint8_t *cls) MUST_CHECK;
bool rules_sender(const struct rules_group *g, const struct addr *src);

#endif
