/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_CHECK_H
#define POLICYD_CORE_CHECK_H

/* The parts of policy_load().  They report to d and go on. */

#include "policyd/core/conf.h"
#include "policyd/core/policy.h"

struct check {
	const struct conf *conf;
	struct policy *pol;
	struct diag *d;
	bool no_memory;
};

void check_host(struct check *c);
void check_auth(struct check *c, const struct conf_sec *s); /* of host */
void check_peers(struct check *c);
void check_groups(struct check *c);
/* After the groups, which it names. */
void check_default_group(struct check *c);

/* Helpers that several parts use; false: reported. */
const char *check_one(
    struct check *c, const struct conf_sec *s, const char *opt, bool needed);
bool check_name(struct check *c, const struct conf_sec *s, const char *opt,
    struct pol_name *out);
/* A list that must be there. */
bool check_needed(struct check *c, const struct conf_sec *s, const char *opt);
/* Values of a list of addresses that differ from each other. */
size_t check_addrs(struct check *c, const struct conf_sec *s, const char *opt,
    bool multicast, struct addr *out, size_t max);
/* A number; false: reported.  *out is left alone when it is not set. */
bool check_u32(struct check *c, const struct conf_sec *s, const char *opt,
    uint32_t min, uint32_t max, uint32_t *out);
/* Words with a meaning, of which this version knows some. */
void check_choices(struct check *c, const struct conf_sec *s);

#endif
