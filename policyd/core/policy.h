/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_POLICY_H
#define POLICYD_CORE_POLICY_H

/* What the operator wants, checked as a whole: the policy text, understood. */

#include "common/addr.h"
#include "common/dn.h"
#include "ipc/schema.h" /* enum role */
#include "policyd/core/diag.h"

/* Limits that other daemons and the messages set. */
#define POL_NAME_MAX 64
#define POL_ID_MAX 64
#define POL_PPK_ID_MAX 64
#define POL_PPK_ID_FIXED 2 /* RFC 8784 5.1 */
#define POL_LISTEN_MAX 16
#define POL_IFACES_MAX 16
#define POL_ADDRS_MAX 16 /* of one group, or of one peer */
#define POL_PEERS_MAX 1000
#define POL_GROUPS_MAX MIKE_SLOTS
#define POL_DESIGNATED_MAX 16
#define POL_GCKS_MAX 32		 /* their addresses together */
#define POL_SENDER_ADDRS_MAX 128 /* of one group */
#define POL_PATTERNS_MAX 256
#define POL_PATH_MAX 255
#define POL_FILES_MAX 16 /* anchors, or CRLs */
#define POL_FROM_MAX 32	 /* prefixes of one group */

struct pol_name { /* an identity */
	uint8_t der[DN_MAX];
	size_t len;
};

struct pol_prefix {
	struct addr addr;
	uint8_t bits;
};

struct pol_files {
	char path[POL_FILES_MAX][POL_PATH_MAX + 1];
	size_t n;
};

struct pol_peer {
	char name[POL_NAME_MAX + 1];
	struct pol_name id;
	struct addr addr[POL_ADDRS_MAX];
	size_t n_addr;
	bool foreign; /* no MIKE: IKE_AUTH, and no MIKE_GROUP from it */
};

struct pol_patterns {
	char **v;
	size_t n;
};

struct pol_group {
	char name[POL_NAME_MAX + 1];
	uint8_t id[POL_ID_MAX]; /* IDg, ID_KEY_ID */
	size_t id_len;
	enum role role;
	struct addr addr[POL_ADDRS_MAX];
	size_t n_addr;
	uint16_t port_lo, port_hi;
	size_t designated[POL_DESIGNATED_MAX]; /* indices of peers */
	size_t n_designated;
	struct pol_patterns senders, receivers;
	enum suite suite;
	struct pol_prefix from[POL_FROM_MAX]; /* of receivers; none: anyone */
	size_t n_from;
	bool foreign; /* takes peers that send no MIKE_GROUP */
	/* Read and checked; nothing in this version uses them. */
	struct addr rekey_to[POL_ADDRS_MAX], agree_on[POL_ADDRS_MAX];
	size_t n_rekey_to, n_agree_on;
	uint32_t lifetime_s, atd_s, dtd_s;
	uint32_t hop_limit; /* 1 to 255 */
	uint32_t members_max, half_open_max, source_rate;
};

struct policy {
	struct pol_name id;
	char psk_path[POL_PATH_MAX + 1]; /* or "" and all of these: */
	char cert_path[POL_PATH_MAX + 1];
	char key_path[POL_PATH_MAX + 1];
	struct pol_files anchors;
	struct pol_files crls; /* may be none */
	bool crl_required;
	char ppk_path[POL_PATH_MAX + 1]; /* or "" */
	uint8_t ppk_id[POL_PPK_ID_MAX];	 /* body of PPK_ID: type, id */
	size_t ppk_id_len;
	uint16_t fragment;     /* octets of an IP datagram; 0: any */
	uint32_t cookie_above; /* IKE_SA_INIT requests per second */
	struct addr listen[POL_LISTEN_MAX];
	size_t n_listen;
	char iface[POL_IFACES_MAX][16];
	size_t n_iface;
	uint16_t port;
	struct pol_peer *peer;
	size_t n_peer;
	struct pol_group *group;
	size_t n_group;
};

/*
 * Understand a policy text.  Nothing of it comes out unless all of it is
 * right: -EINVAL, and d has every error that was found; -ENOMEM.
 */
int policy_load(struct policy **out, const void *text, size_t len,
    struct diag *d) MUST_CHECK;
void policy_free(struct policy **p);

bool policy_matches(const struct pol_patterns *p, struct chunk der);
/* Own address of the same family as a, or NULL. */
const struct addr *policy_local(const struct policy *p, const struct addr *a);
static inline struct chunk
policy_der(const struct pol_name *id)
{
	return (struct chunk){ id->der, id->len };
}

#endif
