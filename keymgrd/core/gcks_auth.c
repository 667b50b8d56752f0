/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gcks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "keymgrd/core/ike/msg.h"
#include "keymgrd/core/ike/sa.h"
#include "keymgrd/core/skeys.h"

#define ID_KEY_ID 11

static const struct chunk none = { NULL, 0 };

/* -- the request -------------------------------------------------------- */

/* What is wrong with the group's part, to be told after authentication. */
static int
group_part(const struct km *km, const struct ike_view *v, uint16_t *refusal)
{
	struct pld_id id;
	int r;

	if (!ike_has(&v->id_g) || pld_id_get(v->id_g, &id) != 0)
		return -EBADMSG;
	if (id.type != ID_KEY_ID || id.data.len != km->conf.group_id_len ||
	    memcmp(id.data.p, km->conf.group_id, id.data.len) != 0) {
		*refusal = N_INVALID_GROUP_ID;
		return 0;
	}
	if (!ike_has(&v->sa)) /* SAg is only recommended: RFC 9838 2.3 */
		return 0;
	if ((r = sag_check(v->sa)) == -ENOENT) {
		*refusal = N_NO_PROPOSAL_CHOSEN;
		return 0;
	}
	return r;
}

static int
read_auth(struct km *km, const struct ike_view *v, struct handshake *hs)
{
	struct pld_auth a;
	struct pld_id id;

	if (!ike_has(&v->id_i) || !ike_has(&v->auth) ||
	    pld_id_get(v->id_i, &id) != 0 || pld_auth_get(v->auth, &a) != 0 ||
	    id.body.len > KM_ID_MAX || a.data.len > SIGN_MAX ||
	    group_part(km, v, &hs->refusal) != 0)
		return -EBADMSG;
	hs->peer_id = id.body;
	hs->peer_auth = a.data;
	hs->peer_method = a.method;
	return 0;
}

static int
init_nonce(const uint8_t *p, size_t len, struct chunk *nonce)
{
	struct ike_init_view v;

	if (ike_init_view((struct chunk){ p, len }, &v) != 0)
		return -EBADMSG;
	*nonce = v.nonce;
	return 0;
}

static int
ask_check(const struct handshake *hs, uint32_t req, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_CHECK);
	struct chunk init = { hs->peer_init, hs->peer_init_len };
	struct chunk maced = { hs->maced_i, PRF_LEN }, nonce;
	int r;

	if (e == NULL)
		return -ENOMEM;
	e->check.req = req;
	e->check.wants_sender = false;
	e->check.method = hs->peer_method;
	if ((r = init_nonce(hs->own_init, hs->own_init_len, &nonce)) != 0 ||
	    (r = fx_copy(fx, init, &e->check.peer_init)) != 0 ||
	    (r = fx_copy(fx, nonce, &e->check.own_nonce)) != 0 ||
	    (r = fx_copy(fx, maced, &e->check.maced_id)) != 0 ||
	    (r = fx_copy(fx, hs->peer_id, &e->check.peer_id)) != 0)
		return r;
	return fx_copy(fx, hs->peer_auth, &e->check.auth);
}

static int
ask_sign(const struct handshake *hs, uint32_t req, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_SIGN);
	struct chunk init = { hs->own_init, hs->own_init_len };
	struct chunk maced = { hs->maced_r, PRF_LEN }, nonce;
	int r;

	if (e == NULL)
		return -ENOMEM;
	e->sign.req = req;
	if ((r = init_nonce(hs->peer_init, hs->peer_init_len, &nonce)) != 0 ||
	    (r = fx_copy(fx, init, &e->sign.own_init)) != 0 ||
	    (r = fx_copy(fx, nonce, &e->sign.peer_nonce)) != 0)
		return r;
	return fx_copy(fx, maced, &e->sign.maced_id);
}

/* Both at once: policyd needs no answer from here for either. */
static int
ask(struct km *km, struct ikesa *sa, struct fx *fx)
{
	uint32_t n = ++km->next_req & UINT32_MAX >> 1;
	int r = 0;

	if (!sa->hs->have_verdict)
		r = ask_check(sa->hs, n << 1, fx);
	if (r == 0 && !sa->hs->have_sign)
		r = ask_sign(sa->hs, n << 1 | 1, fx);
	if (r != 0)
		return r;
	satab_take(&km->gcks->t, BY_REQ, sa);
	satab_put(&km->gcks->t, BY_REQ, n, sa);
	return 0;
}

/* Not authenticated: say so under the keys of the exchange, and end. */
static int
fail(struct km *km, struct ikesa *sa, uint16_t type, struct chunk data,
    struct fx *fx)
{
	int r = reply_notify(km, sa, sa->hs->keys.er, GSA_AUTH, type, data, fx);

	if (r == 0)
		gcks_end(km, sa);
	return r;
}

int
gcks_auth(struct km *km, struct ikesa *sa, const struct opened *o,
    struct fx *fx, bool *kept)
{
	struct handshake *hs = sa->hs;
	struct chunk own = { km->conf.own_id, km->conf.own_id_len };
	struct ike_view v;
	int r;

	if (ike_view_get(o->first, o->inner, &v) != 0)
		return fail(km, sa, N_INVALID_SYNTAX, none, fx);
	if (v.critical != 0)
		return fail(km, sa, N_UNSUPPORTED_CRITICAL_PAYLOAD,
		    (struct chunk){ &v.critical, 1 }, fx);
	if (read_auth(km, &v, hs) != 0)
		return fail(km, sa, N_INVALID_SYNTAX, none, fx);
	if ((r = ike_maced_id(hs->keys.pi, hs->peer_id, hs->maced_i)) != 0 ||
	    (r = ike_maced_id(hs->keys.pr, own, hs->maced_r)) != 0 ||
	    (r = ask(km, sa, fx)) != 0)
		return r;
	hs->request = o->plain;
	hs->request_len = o->plain_len;
	*kept = true;
	sa->state = RS_BUSY;
	timer_set(&km->timers, &sa->timer, km->now_ms + HALF_OPEN_MS);
	return 0;
}

/* -- the response ------------------------------------------------------- */

static int
put_identity(struct km *km, struct ikesa *sa, struct reply *r)
{
	struct chunk own = { km->conf.own_id, km->conf.own_id_len };
	int e = reply_begin(km, sa, GSA_AUTH, r);

	if (e != 0 || (e = pld_raw_put(&r->chain, PLD_IDR, own)) != 0)
		return e;
	return pld_auth_put(&r->chain, sa->hs->method,
	    (struct chunk){ sa->hs->auth, sa->hs->auth_len });
}

static int
put_keys(struct km *km, struct ikesa *sa, struct reply *r)
{
	struct gsa gsa;
	struct kd kd;
	int e = skeys_offer(km, &gsa, &kd);

	if (e == 0 && (e = gsa_put(&r->chain, &gsa)) == 0 &&
	    (e = kd_put(&r->chain, &kd, sa->hs->keys.gsk_w)) == 0)
		e = pld_notify_put(&r->chain, N_USE_TRANSPORT_MODE, none);
	explicit_bzero(&kd, sizeof(kd));
	return e;
}

static const struct outcome {
	uint16_t notify; /* 0: registered */
	enum count count;
	int level;
	const char *token, *why;
} outcomes[] = {
	{ 0, C_REG_OK, NOTE_INFO, "member.registered", "" },
	{ N_INVALID_GROUP_ID, C_REG_INVALID_GROUP, NOTE_WARN, "member.refused",
	    " cause=invalid-group" },
	{ N_NO_PROPOSAL_CHOSEN, C_REG_NO_PROPOSAL, NOTE_WARN, "member.refused",
	    " cause=no-proposal" },
	{ N_AUTHORIZATION_FAILED, C_REG_FORBIDDEN, NOTE_WARN, "member.refused",
	    " cause=forbidden" },
	{ N_REGISTRATION_FAILED, C_REG_BAD_POLICY, NOTE_WARN, "member.refused",
	    " cause=no-keys" },
	{ N_AUTHENTICATION_FAILED, C_REG_AUTH_FAILED, NOTE_WARN,
	    "member.refused", " cause=authentication-failed" },
};

/* Count it, write the counters down, tell the log. */
static int
account(struct km *km, const struct ikesa *sa, uint16_t notify, struct fx *fx)
{
	const struct outcome *o = outcomes;
	char peer[ADDR_STRLEN];
	int r;

	while (o->notify != notify)
		o++;
	km->count[o->count]++;
	r = km_record_counts(km, fx);
	if (r == 0)
		r = fx_note(fx, o->level, o->token, "identity=\"%s\" peer=%s%s",
		    sa->hs->who, addr_text(&sa->peer.addr, peer), o->why);
	if (r != 0)
		km->count[o->count]--;
	return r;
}

/* The group's refusal comes before policy's, which is about this group. */
static uint16_t
refusal_of(const struct km *km, const struct ikesa *sa, uint64_t id_key)
{
	const struct satab *t = &km->gcks->t;

	if (sa->hs->refusal == N_INVALID_GROUP_ID)
		return N_INVALID_GROUP_ID;
	if (sa->hs->verdict == AV_FORBIDDEN)
		return N_AUTHORIZATION_FAILED;
	if (t->n - t->n_half >= km->conf.members_max &&
	    satab_get(t, BY_ID, id_key) == NULL)
		return N_AUTHORIZATION_FAILED;
	return sa->hs->refusal;
}

static int
respond(struct km *km, struct ikesa *sa, uint16_t refusal, struct fx *fx)
{
	struct reply r;
	int e;

	if ((e = put_identity(km, sa, &r)) != 0)
		return e;
	e = refusal == 0 ? put_keys(km, sa, &r)
			 : pld_notify_put(&r.chain, refusal, none);
	return e != 0 ? e : reply_end(sa, sa->hs->keys.er, &r, fx);
}

/* The handshake's memory goes, what later messages need stays. */
static void
open_sa(struct km *km, struct ikesa *sa, uint16_t refusal, uint64_t id_key)
{
	struct satab *t = &km->gcks->t;
	struct ikesa *old;

	memcpy(sa->ei, sa->hs->keys.ei, sizeof(sa->ei));
	memcpy(sa->er, sa->hs->keys.er, sizeof(sa->er));
	satab_take(t, BY_REQ, sa);
	handshake_free(&sa->hs);
	satab_open(t, sa);
	timer_set(&km->timers, &sa->timer,
	    km->now_ms + (refusal == 0 ? IDLE_MS : DEAD_MS));
	if (refusal != 0)
		return;
	if ((old = satab_get(t, BY_ID, id_key)) != NULL)
		satab_drop(t, &km->timers, old);
	satab_put(t, BY_ID, id_key, sa);
}

/* Both answers are there, and the peer is who it claims to be. */
static int
finish(struct km *km, struct ikesa *sa, struct fx *fx)
{
	struct fx_mark mark = fx_mark(fx);
	uint16_t refusal;
	uint64_t id_key;
	int r = satab_hash(&km->gcks->t, NULL, sa->hs->peer_id, &id_key);

	if (r != 0)
		return r;
	refusal = refusal_of(km, sa, id_key);
	if ((r = account(km, sa, refusal, fx)) != 0)
		return r;
	r = respond(km, sa, refusal, fx);
	if (r == -ENOENT && refusal == 0) {
		/* All keys are at their end; the next ones come at once. */
		fx_undo(fx, mark);
		km->count[C_REG_OK]--;
		refusal = N_REGISTRATION_FAILED;
		if ((r = account(km, sa, refusal, fx)) == 0)
			r = respond(km, sa, refusal, fx);
	}
	if (r == 0)
		open_sa(km, sa, refusal, id_key);
	return r;
}

static int
not_authentic(struct km *km, struct ikesa *sa, struct fx *fx)
{
	int r = account(km, sa, N_AUTHENTICATION_FAILED, fx);

	return r != 0 ? r : fail(km, sa, N_AUTHENTICATION_FAILED, none, fx);
}

static struct ikesa *
waiting(struct km *km, uint32_t req)
{
	struct ikesa *sa = satab_get(&km->gcks->t, BY_REQ, req >> 1);

	if (sa == NULL)
		km->count[C_LATE_ANSWER]++;
	return sa;
}

/* The name is a peer's choice: what could fool a reader of logs goes. */
static void
keep_who(struct handshake *hs, struct chunk text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len && n + 1 < sizeof(hs->who); i++) {
		char c = (char)text.p[i];
		bool plain = c >= ' ' && c <= '~' && c != '"';

		if (!plain)
			c = '?';
		hs->who[n++] = c;
	}
	hs->who[n] = '\0';
}

int
gcks_checked(struct km *km, const struct km_in *in, struct fx *fx)
{
	struct ikesa *sa = waiting(km, in->checked.req);
	int r = 0;

	if (sa == NULL || (in->checked.req & 1) || sa->hs->have_verdict)
		return -EPROTO;
	keep_who(sa->hs, in->checked.identity);
	sa->hs->verdict = in->checked.verdict;
	sa->hs->have_verdict = true;
	if (sa->hs->verdict != AV_OK && sa->hs->verdict != AV_FORBIDDEN)
		r = not_authentic(km, sa, fx);
	else if (sa->hs->have_sign)
		r = finish(km, sa, fx);
	if (r != 0)
		sa->hs->have_verdict = false;
	return r;
}

int
gcks_signed(struct km *km, const struct km_in *in, struct fx *fx)
{
	struct ikesa *sa = waiting(km, in->sig.req);
	int r = 0;

	if (sa == NULL || !(in->sig.req & 1) || sa->hs->have_sign ||
	    in->sig.auth.len > SIGN_MAX)
		return -EPROTO;
	if (!in->sig.ok) {
		if ((r = fx_note(fx, NOTE_ERR, "sign.refused",
			 "why=\"policyd does not sign for this group\"")) != 0)
			return r;
		return fail(km, sa, N_AUTHENTICATION_FAILED, none, fx);
	}
	sa->hs->method = in->sig.method;
	memcpy(sa->hs->auth, in->sig.auth.p, in->sig.auth.len);
	sa->hs->auth_len = in->sig.auth.len;
	sa->hs->have_sign = true;
	if (sa->hs->have_verdict)
		r = finish(km, sa, fx);
	if (r != 0)
		sa->hs->have_sign = false;
	return r;
}

/*
 * policyd may have lost what it was asked.  What does not fit into the list
 * now ends by its timer, and the peer tries again.
 */
int
gcks_resync(struct km *km, struct fx *fx)
{
	struct satab *t = &km->gcks->t;

	for (size_t b = 0; b <= t->mask; b++)
		for (struct ikesa *sa = t->bucket[BY_SPI][b]; sa != NULL;
		     sa = sa->next[BY_SPI]) {
			struct fx_mark mark = fx_mark(fx);

			if (sa->state == RS_BUSY && ask(km, sa, fx) != 0) {
				fx_undo(fx, mark);
				return 0;
			}
		}
	return 0;
}
