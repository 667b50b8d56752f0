/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_AUTH_H
#define POLICYD_CORE_AUTH_H

/*
 * Authentication for key managers.  A key manager may have been taken over:
 * what it asks for is honoured only for octets that are what they claim to
 * be, an IKE_SA_INIT message of this group, in this host's role.
 */

#include "common/crypto.h"
#include "common/secret.h"
#include "ipc/msg.h"
#include "policyd/core/policy.h"

/* The group that the asking channel is bound to. */
struct pol_asker {
	const struct policy *pol;
	const struct pol_group *group;
	uint8_t slot;
	struct secret *psk;
};

/* ST_OK: auth is this host's AUTH value; ST_REFUSED and *why; ST_ERROR. */
enum ipc_status pol_auth_sign(const struct pol_asker *a,
    const struct msg_auth_sign *m, uint8_t auth[PRF_LEN], const char **why)
    MUST_CHECK;

/*
 * Is the peer who it claims to be, and does the policy of the group admit it?
 * identity becomes its name for people ("" unless it is authentic), *why says
 * what was wrong.
 */
enum auth_verdict pol_auth_check(const struct pol_asker *a,
    const struct msg_auth_check *m, char identity[DN_TEXT_MAX],
    const char **why) MUST_CHECK;

#endif
