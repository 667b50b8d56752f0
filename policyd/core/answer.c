/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "policyd/core/answer.h"
#include "policyd/core/auth.h"
#include "policyd/core/seal.h"

static int
result(const struct pol_out *out, uint32_t req, enum ipc_status status,
    const char *text)
{
	struct msg m = { .type = MSG_RESULT,
		.result = { req, (uint8_t)status,
		    { (const uint8_t *)text, strlen(text) } } };

	return out->send(out->arg, &m);
}

int
pol_answer_dispatcherd(
    struct pol_host *h, const struct msg *m, const struct pol_out *out)
{
	if (m->type != MSG_RULES_GET)
		return -EPROTO;
	return pol_rules(h->pol, &h->slots, m->rules_get.req, out);
}

static int
joined_set(struct pol_host *h, const struct msg_joined_set *m,
    const struct pol_out *out)
{
	const struct pol_group *g = pol_group_of(h->pol, &h->slots, m->slot);

	if (g == NULL)
		return result(
		    out, m->req, ST_MISSING, "no group has this slot");
	if (m->joined > 1)
		return result(out, m->req, ST_REFUSED, "joined is 0 or 1");
	if (h->store.join(h->store.arg, g->name, m->joined == 1))
		return result(out, m->req, ST_ERROR,
		    "policy database: cannot write (see policyd's log)");
	h->slots.joined[g - h->pol->group] = m->joined == 1;
	h->note(&(struct pol_note){
	    .token = m->joined ? "group.joined" : "group.left",
	    .group = g->name,
	    .why = "",
	    .identity = "" });
	return result(out, m->req, ST_OK, "");
}

int
pol_answer_groupd(
    struct pol_host *h, const struct msg *m, const struct pol_out *out)
{
	switch (m->type) {
	case MSG_GROUPS_GET:
		return pol_groups(h->pol, &h->slots, m->groups_get.req, out);
	case MSG_JOINED_SET:
		return joined_set(h, &m->joined_set, out);
	default:
		return -EPROTO;
	}
}

/* Everything below concerns the group of the asking slot and no other. */
struct asked {
	struct pol_host *h;
	struct pol_asker who;
	const struct pol_out *out;
};

static void
note(const struct asked *q, bool warn, const char *token, const char *why,
    const char *identity)
{
	q->h->note(&(struct pol_note){ .warn = warn,
	    .token = token,
	    .group = q->who.group->name,
	    .why = why,
	    .identity = identity });
}

static int
auth_sign(struct asked *q, const struct msg_auth_sign *m)
{
	struct pol_signed sig = { 0 };
	const char *why;
	enum ipc_status st = pol_auth_sign(&q->who, m, &sig, &why);
	struct msg a = { .type = MSG_AUTH_SIGNED,
		.auth_signed = { m->req, (uint8_t)st, sig.method,
		    { sig.auth, st == ST_OK ? sig.len : 0 } } };
	int r;

	/* Asked by an honest key manager only when the peer is odd. */
	if (st != ST_OK)
		note(q, true, "auth.sign-refused", why, "");
	r = q->out->send(q->out->arg, &a);
	explicit_bzero(&sig, sizeof(sig));
	return r;
}

static int
auth_check(struct asked *q, const struct msg_auth_check *m)
{
	struct pol_checked c;
	struct msg a = { .type = MSG_AUTH_CHECKED };

	pol_auth_check(&q->who, m, &c);
	a.auth_checked = (struct msg_auth_checked){ .req = m->req,
		.verdict = (uint8_t)c.verdict,
		.cause = (uint8_t)c.cause,
		.admit = c.admit,
		.valid_s = c.valid_s,
		.identity = {
		    (const uint8_t *)c.identity, strlen(c.identity) } };
	q->h->note(&(struct pol_note){ .warn = c.verdict != AV_OK,
	    .token = c.verdict == AV_OK ? "auth.admitted" : "auth.refused",
	    .group = q->who.group->name,
	    .why = c.why,
	    .identity = c.identity,
	    .claimed = c.verdict != AV_OK && c.verdict != AV_FORBIDDEN });
	return q->out->send(q->out->arg, &a);
}

static int
ppk_mix(struct asked *q, const struct msg_ppk_mix *m)
{
	uint8_t sk[POL_SK_MAX];
	const char *why;
	enum ipc_status st = pol_ppk_mix(&q->who, m, sk, &why);
	struct msg a = { .type = MSG_PPK_MIXED,
		.ppk_mixed = { m->req, (uint8_t)st,
		    { sk, st == ST_OK ? m->sk.len : 0 } } };
	int r;

	if (st != ST_OK)
		note(q, true, "auth.ppk-refused", why, "");
	r = q->out->send(q->out->arg, &a);
	explicit_bzero(sk, sizeof(sk));
	return r;
}

static enum ipc_status
seal_keys(struct asked *q, struct msg_seal_keys *k, uint8_t write[SEAL_KEY_LEN],
    uint8_t read[SEAL_READ_MAX * SEAL_KEY_LEN])
{
	struct pol_host *h = q->h;
	uint16_t done;
	size_t n;
	int r;

	r = h->store.instance_new(h->store.arg, q->who.slot, &k->n, &done);
	if (r == -ERANGE) {
		note(q, true, "seal.refused",
		    "instance numbers are used up: reboot this host", "");
		return ST_REFUSED;
	}
	if (r || seal_key(h->boot, q->who.slot, k->n, write) ||
	    seal_read_keys(
		h->boot, q->who.slot, k->n, done, read, &k->first, &n)) {
		note(q, true, "seal.failed", "database or key derivation", "");
		return ST_ERROR;
	}
	k->write = (struct chunk){ write, SEAL_KEY_LEN };
	k->read = (struct chunk){ read, n * SEAL_KEY_LEN };
	return ST_OK;
}

static int
seal_open(struct asked *q, const struct msg_seal_open *m)
{
	uint8_t write[SEAL_KEY_LEN], read[SEAL_READ_MAX * SEAL_KEY_LEN];
	struct msg a = { .type = MSG_SEAL_KEYS };
	enum ipc_status st;
	int r;

	st = seal_keys(q, &a.seal_keys, write, read);
	if (st != ST_OK)
		a.seal_keys = (struct msg_seal_keys){ 0 };
	a.seal_keys.req = m->req;
	a.seal_keys.status = (uint8_t)st;
	r = q->out->send(q->out->arg, &a);
	explicit_bzero(write, sizeof(write));
	explicit_bzero(read, sizeof(read));
	return r;
}

static int
seal_done(struct asked *q, const struct msg_seal_done *m)
{
	struct pol_store *s = &q->h->store;
	int r = s->instance_done(s->arg, q->who.slot, m->n);

	if (r == -ESTALE) {
		note(q, true, "seal.refused", "not the newest instance", "");
		return result(q->out, m->req, ST_REFUSED,
		    "not the newest instance of the slot");
	}
	if (r)
		return result(q->out, m->req, ST_ERROR,
		    "policy database: cannot write (see policyd's log)");
	return result(q->out, m->req, ST_OK, "");
}

int
pol_answer_keymgrd(struct pol_host *h, uint8_t slot, const struct msg *m,
    const struct pol_out *out)
{
	struct asked q = { h,
		{ h->pol, pol_group_of(h->pol, &h->slots, slot), slot,
		    &h->creds, h->now() },
		out };

	if (q.who.group == NULL)
		/* Every request of this edge starts with req. */
		return result(out, m->conf_get.req, ST_MISSING,
		    "the policy has no group in this slot");
	switch (m->type) {
	case MSG_CONF_GET:
		return pol_conf(
		    h->pol, q.who.group, &h->creds, m->conf_get.req, out);
	case MSG_AUTH_SIGN:
		return auth_sign(&q, &m->auth_sign);
	case MSG_AUTH_CHECK:
		return auth_check(&q, &m->auth_check);
	case MSG_PPK_MIX:
		return ppk_mix(&q, &m->ppk_mix);
	case MSG_SEAL_OPEN:
		return seal_open(&q, &m->seal_open);
	case MSG_SEAL_DONE:
		return seal_done(&q, &m->seal_done);
	default:
		return -EPROTO;
	}
}
