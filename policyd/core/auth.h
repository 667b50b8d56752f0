/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_AUTH_H
#define POLICYD_CORE_AUTH_H

/*
 * Authentication for key managers.  A key manager may have been taken over:
 * what it asks for is honoured only for octets that are what they claim to
 * be, an IKE_SA_INIT message of this group, in this host's role.
 */

#include "common/crypto.h"
#include "ipc/msg.h"
#include "policyd/core/creds.h"
#include "policyd/core/policy.h"

/* The group that the asking channel is bound to. */
struct pol_asker {
	const struct policy *pol;
	const struct pol_group *group;
	uint8_t slot;
	const struct pol_creds *creds;
	int64_t now; /* seconds since 1970: is a certificate valid? */
};

struct pol_signed {
	uint8_t method;
	uint8_t auth[SIG_AUTH_MAX];
	size_t len;
};

/* ST_OK: out is this host's AUTH value; ST_REFUSED and *why; ST_ERROR. */
enum ipc_status pol_auth_sign(const struct pol_asker *a,
    const struct msg_auth_sign *m, struct pol_signed *out, const char **why)
    MUST_CHECK;

struct pol_checked {
	enum auth_verdict verdict;
	enum auth_cause cause; /* of AV_FAILED */
	uint8_t admit;
	uint32_t valid_s;
	/* For people; only a claim unless AV_OK or AV_FORBIDDEN. */
	char identity[DN_TEXT_MAX];
	const char *why; /* static; "" when AV_OK */
};

/* Is the peer who it claims to be, and to what does policy admit it? */
void pol_auth_check(const struct pol_asker *a, const struct msg_auth_check *m,
    struct pol_checked *out);

/* SK_d | SK_pi | SK_pr, each mixed with the PPK (RFC 8784 3). */
#define POL_SK_MAX (3 * PRF_MAX)
enum ipc_status pol_ppk_mix(const struct pol_asker *a,
    const struct msg_ppk_mix *m, uint8_t out[POL_SK_MAX], const char **why)
    MUST_CHECK;

/* What both halves ask of an IKE_SA_INIT message; for auth*.c. */
struct ike_hdr;
struct ike_init_view;
bool pol_flags_agree(const struct ike_hdr *h);
bool pol_binds_group(const struct pol_asker *a, const struct ike_init_view *v);
bool pol_fits_prf(const struct pol_asker *a, uint8_t prf, struct chunk maced);
bool pol_is_nonce(struct chunk c);

#endif
