/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "common/ike/auth.h"
#include "common/ike/hdr.h"
#include "policyd/core/auth.h"
#include "policyd/core/rules.h"

static struct chunk
psk_of(const struct pol_asker *a)
{
	return (struct chunk){ secret_bytes(a->psk), secret_len(a->psk) };
}

static bool
binds_group(const struct pol_asker *a, const struct ike_init_view *v)
{
	struct chunk id = { a->group->id, a->group->id_len };

	return mike_group_matches(v, id);
}

static bool
is_nonce(struct chunk c)
{
	return c.len >= IKE_NONCE_MIN && c.len <= IKE_NONCE_MAX;
}

/*
 * Receivers ask, senders answer.  Without this a receiver's key manager that
 * was taken over could have a response signed, and with a shared key pose as
 * the group's sender.
 */
static bool
is_response(const struct ike_hdr *h)
{
	return (h->flags & IKE_F_RESPONSE) != 0;
}

/* Both flags of the header must tell the same story (RFC 7296 3.1). */
static bool
flags_agree(const struct ike_hdr *h)
{
	return is_response(h) != ((h->flags & IKE_F_INITIATOR) != 0);
}

/* NULL when these are octets that this key manager may have signed. */
static const char *
sign_fault(const struct pol_asker *a, const struct msg_auth_sign *m)
{
	struct ike_init_view v;
	bool response = a->group->role == ROLE_SENDER;

	if (!is_nonce(m->peer_nonce) || m->maced_id.len != PRF_LEN)
		return "nonce or MACed ID has a wrong length";
	if (ike_init_view(m->own_init, &v) || !flags_agree(&v.hdr))
		return "not an IKE_SA_INIT message";
	if (is_response(&v.hdr) != response)
		return "message of the other role";
	if ((response ? v.hdr.spi_r : v.hdr.spi_i)[0] != a->slot)
		return "SPI of another slot";
	if (!binds_group(a, &v))
		return "MIKE_GROUP does not name the group";
	return NULL;
}

enum ipc_status
pol_auth_sign(const struct pol_asker *a, const struct msg_auth_sign *m,
    uint8_t auth[PRF_LEN], const char **why)
{
	*why = sign_fault(a, m);
	if (*why != NULL)
		return ST_REFUSED;
	if (ike_psk_auth(
		psk_of(a), m->own_init, m->peer_nonce, m->maced_id, auth)) {
		*why = "cannot compute";
		return ST_ERROR;
	}
	return ST_OK;
}

/* The DER in an ID payload body. */
static int
der_of(struct chunk body, struct chunk *der)
{
	if (body.len < 4 || body.p[0] != POL_ID_DER_ASN1_DN)
		return -EBADMSG;
	*der = (struct chunk){ body.p + 4, body.len - 4 };
	return 0;
}

static bool
is_designated(const struct pol_asker *a, struct chunk der)
{
	for (size_t i = 0; i < a->group->n_designated; i++) {
		size_t k = a->group->designated[i];

		if (dn_eq(policy_der(&a->pol->peer[k].id), der))
			return true;
	}
	return false;
}

/*
 * A sender admits receivers, and senders that say they want to send.  A
 * receiver takes keys from its designated senders only.
 */
static bool
is_admitted(
    const struct pol_asker *a, const struct msg_auth_check *m, struct chunk der)
{
	const struct pol_group *g = a->group;

	if (g->role == ROLE_RECEIVER)
		return is_designated(a, der) &&
		       policy_matches(&g->senders, der);
	if (m->wants_sender)
		return policy_matches(&g->senders, der);
	return policy_matches(&g->receivers, der);
}

static bool
auth_is_right(const struct pol_asker *a, const struct msg_auth_check *m)
{
	uint8_t want[PRF_LEN];
	bool ok;

	if (ike_psk_auth(
		psk_of(a), m->peer_init, m->own_nonce, m->maced_id, want))
		return false;
	ok = m->auth.len == sizeof(want) &&
	     secret_eq(want, m->auth.p, sizeof(want));
	explicit_bzero(want, sizeof(want));
	return ok;
}

/* Everything that does not need the key. */
static enum auth_verdict
check_form(const struct pol_asker *a, const struct msg_auth_check *m,
    struct chunk *der, const char **why)
{
	struct ike_init_view v;
	char text[DN_TEXT_MAX];

	*why = "asked in another role than the group's";
	if (m->own_role != a->group->role || m->wants_sender > 1)
		return AV_MALFORMED;
	*why = "nonce or MACed ID has a wrong length";
	if (!is_nonce(m->own_nonce) || m->maced_id.len != PRF_LEN)
		return AV_MALFORMED;
	*why = "not an IKE_SA_INIT message";
	if (ike_init_view(m->peer_init, &v) || !flags_agree(&v.hdr))
		return AV_MALFORMED;
	*why = "message of the other role";
	if (is_response(&v.hdr) == (a->group->role == ROLE_SENDER))
		return AV_MALFORMED;
	*why = "MIKE_GROUP does not name the group";
	if (!binds_group(a, &v))
		return AV_UNBOUND;
	*why = "identity is not a distinguished name";
	if (der_of(m->peer_id, der) ||
	    dn_text(*der, text, sizeof(text)) == -EBADMSG)
		return AV_MALFORMED;
	return AV_OK;
}

enum auth_verdict
pol_auth_check(const struct pol_asker *a, const struct msg_auth_check *m,
    char identity[DN_TEXT_MAX], const char **why)
{
	enum auth_verdict v;
	struct chunk der;

	identity[0] = '\0';
	v = check_form(a, m, &der, why);
	if (v != AV_OK)
		return v;
	*why = "authentication method is not a shared key";
	if (m->method != IKE_AUTH_PSK)
		return AV_FAILED;
	*why = "AUTH value is wrong (another shared key?)";
	if (!auth_is_right(a, m))
		return AV_FAILED;
	/* A name longer than the buffer is shown as far as it fits. */
	(void)!dn_text(der, identity, DN_TEXT_MAX);
	*why = "the group's policy does not admit this identity";
	if (!is_admitted(a, m, der))
		return AV_FORBIDDEN;
	*why = "";
	return AV_OK;
}
