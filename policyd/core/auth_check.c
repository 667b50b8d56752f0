/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "common/ike/auth.h"
#include "common/ike/hdr.h"
#include "policyd/core/auth.h"
#include "policyd/core/idname.h"

/* One check on its way. */
struct asking {
	const struct pol_asker *a;
	const struct msg_auth_check *m;
	struct pol_checked *out;
	bool unnamed;	   /* the peer's message has no MIKE_GROUP */
	struct chunk name; /* DER, by which policy decides */
};

/* The peer's designated name in this policy, or NULL. */
static const struct pol_peer *
designated(const struct pol_asker *a, struct chunk der)
{
	for (size_t i = 0; i < a->group->n_designated; i++) {
		const struct pol_peer *p =
		    &a->pol->peer[a->group->designated[i]];

		if (dn_eq(policy_der(&p->id), der))
			return p;
	}
	return NULL;
}

/*
 * May the peer's message lack MIKE_GROUP?  A sender takes strangers in the
 * one group that is for them; a receiver knows who of those that it asks is
 * one, but not yet which of them this is.
 */
static bool
may_be_unnamed(const struct pol_asker *a)
{
	const struct pol_group *g = a->group;

	if (g->role == ROLE_SENDER)
		return g->foreign;
	for (size_t i = 0; i < g->n_designated; i++)
		if (a->pol->peer[g->designated[i]].foreign)
			return true;
	return false;
}

/* Everything that does not need a key. */
static enum auth_verdict
check_form(struct asking *q)
{
	const struct pol_asker *a = q->a;
	const struct msg_auth_check *m = q->m;
	struct ike_init_view v;

	q->out->why = "asked in another role than the group's";
	if (m->own_role != a->group->role)
		return AV_MALFORMED;
	q->out->why = "nonce has a wrong length";
	if (!pol_is_nonce(m->own_nonce))
		return AV_MALFORMED;
	q->out->why = "PRF or MACed ID does not fit the group's suite";
	if (!pol_fits_prf(a, m->prf, m->maced_id))
		return AV_MALFORMED;
	q->out->why = "not an IKE_SA_INIT message";
	if (ike_init_view(m->peer_init, &v) || !pol_flags_agree(&v.hdr))
		return AV_MALFORMED;
	q->out->why = "message of the other role";
	if (((v.hdr.flags & IKE_F_RESPONSE) != 0) ==
	    (a->group->role == ROLE_SENDER))
		return AV_MALFORMED;
	q->unnamed = v.mike_group.len == 0;
	q->out->why = "MIKE_GROUP is missing, and the group is not for peers "
		      "without it";
	if (q->unnamed && !may_be_unnamed(a))
		return AV_UNBOUND;
	q->out->why = "MIKE_GROUP does not name the group";
	if (!q->unnamed && !pol_binds_group(a, &v))
		return AV_UNBOUND;
	q->out->why = "identity cannot be read";
	if (idname_text(m->peer_id, q->out->identity, DN_TEXT_MAX))
		return AV_MALFORMED;
	return AV_OK;
}

/* With a shared key the name is what the ID payload says. */
static enum auth_cause
check_psk(struct asking *q)
{
	const struct msg_auth_check *m = q->m;
	struct secret *psk = q->a->creds->psk;
	struct chunk key = { secret_bytes(psk), secret_len(psk) };
	enum prf_alg alg = (enum prf_alg)m->prf;
	uint8_t want[PRF_MAX];
	bool ok;

	q->out->why = "authentication method is not a shared key, which this "
		      "host uses";
	if (m->method != IKE_AUTH_PSK)
		return AC_METHOD;
	q->out->why = "with a shared key the identity must be a distinguished "
		      "name";
	if (m->peer_id.p[0] != IDN_DN)
		return AC_IDENTITY;
	q->name = (struct chunk){ m->peer_id.p + 4, m->peer_id.len - 4 };
	q->out->why = "AUTH value is wrong (another shared key?)";
	if (ike_psk_auth(
		alg, key, m->peer_init, m->own_nonce, m->maced_id, want))
		return AC_SIGNATURE;
	ok = m->auth.len == prf_len(alg) &&
	     secret_eq(want, m->auth.p, m->auth.len);
	explicit_bzero(want, sizeof(want));
	q->out->valid_s = UINT32_MAX;
	return ok ? AC_NONE : AC_SIGNATURE;
}

/* What is asked each time, however well the certificates are known. */
static enum auth_cause
check_leaf(struct asking *q, const struct x509_chain *c)
{
	const struct msg_auth_check *m = q->m;
	struct chunk in[SIG_PARTS] = { m->peer_init, m->own_nonce,
		m->maced_id };
	int r;

	q->name = x509_subject(c);
	q->out->why = "the certificate does not name the identity in the ID "
		      "payload";
	if (!x509_binds(c, m->peer_id))
		return AC_IDENTITY;
	r = sig_check(x509_key(c), m->auth, q->unnamed, in, &q->out->why);
	return r == 0 ? AC_NONE : r == -ENOTSUP ? AC_METHOD : AC_SIGNATURE;
}

/*
 * The chain before the signature: so strangers make us compute the least.
 * *mine is the chain when it is not one that was kept.
 */
static enum auth_cause
check_certs(struct asking *q, struct x509_chain **mine)
{
	struct x509_trust *t = q->a->creds->trust;
	struct pol_checked *out = q->out;
	bool cnsa = q->a->group->suite == SUITE_CNSA;
	struct chunk certs = q->m->certs;
	const struct x509_chain *c;
	enum auth_cause cause;

	out->why = "authentication method is not a digital signature, which "
		   "this host uses";
	if (q->m->method != SIG_METHOD)
		return AC_METHOD;
	c = x509_kept(t, certs, q->a->now, cnsa, &out->valid_s);
	if (c != NULL)
		return check_leaf(q, c);
	cause = x509_chain_get(mine, certs, &out->why);
	if (cause == AC_NONE)
		cause = x509_check(
		    t, *mine, q->a->now, cnsa, &out->valid_s, &out->why);
	return cause == AC_NONE ? check_leaf(q, *mine) : cause;
}

static void
admit(struct asking *q)
{
	const struct pol_group *g = q->a->group;
	struct pol_checked *out = q->out;
	const struct pol_peer *p;

	out->verdict = AV_OK;
	if (g->role == ROLE_SENDER) {
		if (policy_matches(&g->receivers, q->name))
			out->admit |= ADMIT_RECEIVE;
		if (policy_matches(&g->senders, q->name))
			out->admit |= ADMIT_SEND;
	} else if ((p = designated(q->a, q->name)) != NULL) {
		if (policy_matches(&g->senders, q->name))
			out->admit |= ADMIT_SEND;
		if (q->unnamed && !p->foreign) {
			out->why = "MIKE_GROUP is missing, and this peer's "
				   "exchange is gsa-auth";
			out->verdict = AV_UNBOUND;
			out->admit = 0;
			return;
		}
	}
	out->why = "";
	if (out->admit == 0) {
		out->why = "the group's policy does not admit this identity";
		out->verdict = AV_FORBIDDEN;
	}
}

/* A name longer than the buffer is shown as far as it fits. */
static void
decide(struct asking *q, enum auth_cause cause)
{
	q->out->cause = cause;
	q->out->verdict = AV_FAILED;
	if (cause == AC_NONE) {
		(void)!dn_text(q->name, q->out->identity, DN_TEXT_MAX);
		admit(q);
	}
	if (q->out->verdict != AV_OK)
		q->out->valid_s = 0;
}

void
pol_auth_check(const struct pol_asker *a, const struct msg_auth_check *m,
    struct pol_checked *out)
{
	struct asking q = { .a = a, .m = m, .out = out };
	struct x509_chain *c = NULL;
	enum auth_cause cause;
	uint32_t valid_s;

	*out = (struct pol_checked){ .why = "" };
	out->verdict = check_form(&q);
	if (out->verdict != AV_OK)
		return;
	if (a->creds->own == NULL) {
		decide(&q, check_psk(&q));
		return;
	}
	cause = check_certs(&q, &c);
	valid_s = out->valid_s;
	decide(&q, cause);
	if (c != NULL && cause == AC_NONE)
		x509_keep(a->creds->trust, &c, m->certs, a->now,
		    a->group->suite == SUITE_CNSA, valid_s);
	x509_chain_free(&c);
}
