/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_RULES_H
#define POLICYD_CORE_RULES_H

/*
 * The policy as the other daemons need it: filter rules for dispatcherd, the
 * table of groups for groupd, one group's configuration for its key manager.
 */

#include "ipc/msg.h"
#include "policyd/core/creds.h"
#include "policyd/core/policy.h"

/* Where the messages of an answer go; what is not 0 ends the answer. */
struct pol_out {
	int (*send)(void *arg, const struct msg *m);
	void *arg;
};

/* Slot and membership of each group, by its index in the policy. */
struct pol_slots {
	uint8_t slot[POL_GROUPS_MAX];
	bool joined[POL_GROUPS_MAX];
};

int pol_rules(const struct policy *p, const struct pol_slots *s, uint32_t req,
    const struct pol_out *out) MUST_CHECK;
int pol_groups(const struct policy *p, const struct pol_slots *s, uint32_t req,
    const struct pol_out *out) MUST_CHECK;
int pol_conf(const struct policy *p, const struct pol_group *g,
    const struct pol_creds *creds, uint32_t req, const struct pol_out *out)
    MUST_CHECK;

/* The group of a slot, or NULL. */
const struct pol_group *pol_group_of(
    const struct policy *p, const struct pol_slots *s, uint8_t slot);

/* ID payload body of a name (RFC 7296 3.5): ID_DER_ASN1_DN. */
#define POL_ID_DER_ASN1_DN 9
#define POL_ID_BODY_MAX (4 + DN_MAX)
struct chunk pol_id_body(
    const struct pol_name *id, uint8_t buf[POL_ID_BODY_MAX]);

#endif
