/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gcks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "keymgrd/core/init.h"

/* -- the request -------------------------------------------------------- */

static int
read_auth(const struct km *km, const struct ike_view *v, struct handshake *hs)
{
	struct pld_auth a;
	struct pld_id id;

	if (!ike_has(&v->id_i) || !ike_has(&v->auth) ||
	    pld_id_get(v->id_i, &id) != 0 || pld_auth_get(v->auth, &a) != 0 ||
	    id.body.len > KM_ID_MAX || a.data.len > SIGN_MAX)
		return -EBADMSG;
	/* IKE_AUTH is about the peer only; the group comes afterwards. */
	if (hs->exchange == GSA_AUTH && group_ask(km, v, &hs->ask) != 0)
		return -EBADMSG;
	hs->wants_child = hs->exchange == IKE_AUTH && ike_has(&v->ts_i);
	hs->peer_id = id.body;
	hs->peer_auth = a.data;
	hs->peer_method = a.method;
	hs->n_cert = v->n_cert;
	memcpy(hs->cert, v->cert, sizeof(hs->cert));
	return 0;
}

/* Does the peer use the post-quantum key that policy demands? */
static bool
ppk_agrees(
    const struct km *km, const struct handshake *hs, const struct ike_view *v)
{
	const struct ike_ntf *n = ike_ntf_find(v, N_PPK_IDENTITY);

	if (km->conf->ppk_id_len == 0)
		return true; /* we did not say USE_PPK: it mixed nothing in */
	return hs->ppk && n != NULL && n->data.len == km->conf->ppk_id_len &&
	       memcmp(n->data.p, km->conf->ppk_id, n->data.len) == 0;
}

/* -- questions to policyd ----------------------------------------------- */

static int
ask_check(const struct handshake *hs, uint32_t req, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_CHECK);
	struct chunk init = { hs->peer_init, hs->peer_init_len };
	struct chunk maced = { hs->maced_i, prf_len(hs->keys.prf) };
	struct chunk nonce = init_nonce(hs->own_init, hs->own_init_len);
	int r;

	if (e == NULL)
		return -ENOMEM;
	e->check.req = req;
	e->check.prf = (uint8_t)hs->keys.prf;
	e->check.method = hs->peer_method;
	if ((r = fx_copy(fx, init, &e->check.peer_init)) != 0 ||
	    (r = fx_copy(fx, nonce, &e->check.own_nonce)) != 0 ||
	    (r = fx_copy(fx, maced, &e->check.maced_id)) != 0 ||
	    (r = fx_copy(fx, hs->peer_id, &e->check.peer_id)) != 0 ||
	    (r = fx_join(fx, hs->cert, hs->n_cert, &e->check.certs)) != 0)
		return r;
	return fx_copy(fx, hs->peer_auth, &e->check.auth);
}

static int
ask_sign(const struct handshake *hs, uint32_t req, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_SIGN);
	struct chunk init = { hs->own_init, hs->own_init_len };
	struct chunk maced = { hs->maced_r, prf_len(hs->keys.prf) };
	struct chunk nonce = init_nonce(hs->peer_init, hs->peer_init_len);
	int r;

	if (e == NULL)
		return -ENOMEM;
	e->sign.req = req;
	e->sign.prf = (uint8_t)hs->keys.prf;
	e->sign.hashes = hs->hashes;
	if ((r = fx_copy(fx, init, &e->sign.own_init)) != 0 ||
	    (r = fx_copy(fx, nonce, &e->sign.peer_nonce)) != 0)
		return r;
	return fx_copy(fx, maced, &e->sign.maced_id);
}

static int
ask_mix(const struct km *km, struct handshake *hs, uint32_t req, struct fx *fx)
{
	struct km_fx *e = fx_add(fx, KM_FX_MIX);

	if (e == NULL)
		return -ENOMEM;
	e->mix.req = req;
	e->mix.prf = (uint8_t)hs->keys.prf;
	memcpy(e->mix.ppk_id, km->conf->ppk_id, sizeof(e->mix.ppk_id));
	e->mix.ppk_id_len = km->conf->ppk_id_len;
	e->mix.sk_len = 3 * prf_len(hs->keys.prf);
	memcpy(e->mix.sk, hs->keys.d_pi_pr, e->mix.sk_len);
	hs->mixing = true;
	return 0;
}

/*
 * One question after the other: policyd signs, which is dear with some keys,
 * for nobody who has not shown who he is.
 */
static int
ask(struct km *km, struct ikesa *sa, struct fx *fx)
{
	uint32_t n = ++km->next_req & UINT32_MAX >> 1;
	struct handshake *hs = sa->hs;
	int r;

	if (hs->mixing)
		r = ask_mix(km, hs, n << 1, fx);
	else if (!hs->have_verdict)
		r = ask_check(hs, n << 1, fx);
	else
		r = ask_sign(hs, n << 1 | 1, fx);
	if (r != 0)
		return r;
	satab_take(&km->gcks->t, BY_REQ, sa);
	satab_put(&km->gcks->t, BY_REQ, n, sa);
	return 0;
}

static int
mac_ids(const struct km *km, struct handshake *hs)
{
	struct chunk own = { km->conf->own_id, km->conf->own_id_len };
	int r = ike_maced_id(&hs->keys, true, hs->peer_id, hs->maced_i);

	return r != 0 ? r : ike_maced_id(&hs->keys, false, own, hs->maced_r);
}

/* Not authenticated: say so under the keys of the exchange, and end. */
static int
fail(struct km *km, struct ikesa *sa, uint16_t type, struct chunk data,
    struct fx *fx)
{
	int r = reply_notify(
	    km, sa, &sa->hs->keys.r, sa->hs->exchange, type, data, fx);

	if (r == 0)
		gcks_end(km, sa);
	return r;
}

static int
fail_syntax(struct km *km, struct ikesa *sa, struct fx *fx)
{
	km->count[C_SYNTAX]++;
	return fail(km, sa, N_INVALID_SYNTAX, none, fx);
}

static int
fail_auth(struct km *km, struct ikesa *sa, enum count count, const char *why,
    struct fx *fx)
{
	int r = group_account(km, sa, sa->hs->who, OUT_AUTH, why, fx);

	if (r == 0)
		r = fail(km, sa, N_AUTHENTICATION_FAILED, none, fx);
	if (r == 0)
		km->count[count]++;
	return r;
}

int
gcks_auth(struct km *km, struct ikesa *sa, uint8_t exchange, struct sk_plain *o,
    struct fx *fx)
{
	struct handshake *hs = sa->hs;
	struct ike_view v;
	int r;

	hs->exchange = exchange;
	if (ike_view_get(o->first, o->inner, &v) != 0)
		return fail_syntax(km, sa, fx);
	if (v.critical != 0) {
		km->count[C_CRITICAL]++;
		return fail(km, sa, N_UNSUPPORTED_CRITICAL_PAYLOAD,
		    (struct chunk){ &v.critical, 1 }, fx);
	}
	if (read_auth(km, &v, hs) != 0)
		return fail_syntax(km, sa, fx);
	if (!ppk_agrees(km, hs, &v))
		return fail_auth(km, sa, C_AUTH_PPK, "no-ppk", fx);
	hs->mixing = km->conf->ppk_id_len > 0;
	if ((r = mac_ids(km, hs)) != 0 || (r = ask(km, sa, fx)) != 0)
		return r;
	hs->request = *o;
	*o = (struct sk_plain){ 0 };
	sa->state = RS_BUSY;
	timer_set(&km->timers, &sa->timer, km->now_ms + HALF_OPEN_MS);
	return 0;
}

/* -- the response ------------------------------------------------------- */

static int
put_identity(const struct km *km, const struct handshake *hs, struct body *b)
{
	struct chunk own = { km->conf->own_id, km->conf->own_id_len };
	int e;

	if ((e = body_begin(b)) != 0 ||
	    (e = pld_raw_put(&b->chain, PLD_IDR, own)) != 0 ||
	    (e = body_certs(km, &b->chain)) != 0 ||
	    (e = pld_auth_put(&b->chain, hs->method,
		 (struct chunk){ hs->auth, hs->auth_len })) != 0)
		return e;
	if (km->conf->ppk_id_len > 0)
		return pld_notify_put(&b->chain, N_PPK_IDENTITY, none);
	return 0;
}

/* What stands beside our identity, for the exchange and its outcome. */
static int
put_outcome(
    const struct km *km, const struct ikesa *sa, enum outcome o, struct body *b)
{
	const struct handshake *hs = sa->hs;

	if (o != OUT_OK)
		return pld_notify_put(&b->chain, group_notify(o), none);
	if (hs->exchange == GSA_AUTH)
		return group_put(km, &b->chain, hs->keys.gsk_w);
	if (hs->wants_child)
		return pld_notify_put(&b->chain, N_NO_ADDITIONAL_SAS, none);
	return 0;
}

static int
respond(struct km *km, struct ikesa *sa, enum outcome o, struct fx *fx)
{
	struct handshake *hs = sa->hs;
	struct body b;
	int e;

	if ((e = put_identity(km, hs, &b)) == 0 &&
	    (e = put_outcome(km, sa, o, &b)) == 0)
		e = reply_end(km, sa, &hs->keys.r, hs->exchange, &b, fx);
	body_wipe(&b);
	return e;
}

static int
account(struct km *km, const struct ikesa *sa, enum outcome o, struct fx *fx)
{
	const struct handshake *hs = sa->hs;
	char peer[ADDR_STRLEN];

	if (hs->exchange == GSA_AUTH || o != OUT_OK)
		return group_account(km, sa, hs->who, o, "", fx);
	km->count[C_IKE_AUTH]++;
	return fx_note(fx, NOTE_INFO, "peer.authenticated",
	    "identity=\"%s\" peer=%s", hs->who,
	    addr_text(&sa->peer.addr, peer));
}

static enum outcome
judge(const struct km *km, const struct ikesa *sa, uint64_t id_key)
{
	const struct satab *t = &km->gcks->t;
	const struct handshake *hs = sa->hs;

	if (hs->exchange == GSA_AUTH)
		return group_judge(km, &hs->ask, hs->admit, sa->kwa, id_key);
	/* What it is admitted to is asked when it registers. */
	return t->n - t->n_half >= km->conf->members_max &&
		       satab_get(t, BY_ID, id_key) == NULL
		   ? OUT_FULL
		   : OUT_OK;
}

/*
 * The handshake's memory goes, what later messages need stays.  There is one
 * open SA for each identity, whatever it was told: the new one, unless it was
 * refused and has one already, or there is no room.
 */
static void
open_sa(struct km *km, struct ikesa *sa, char *who, enum outcome o)
{
	struct satab *t = &km->gcks->t;
	struct handshake *hs = sa->hs;
	uint64_t id_key = hs->id_key;
	struct ikesa *old = satab_get(t, BY_ID, id_key);

	sa->who = who;
	if (o == OUT_FULL || (o != OUT_OK && old != NULL)) {
		gcks_end(km, sa);
		return;
	}
	sa->i = hs->keys.i;
	sa->r = hs->keys.r;
	memcpy(sa->gsk_w, hs->keys.gsk_w, sizeof(sa->gsk_w));
	sa->admit = hs->admit;
	sa->member = o == OUT_OK && hs->exchange == GSA_AUTH;
	sa->valid_ms = km->now_ms + hs->valid_s * 1000ull;
	satab_take(t, BY_REQ, sa);
	handshake_free(&sa->hs);
	satab_open(t, sa);
	if (old != NULL)
		satab_drop(t, &km->timers, old);
	satab_put(t, BY_ID, id_key, sa);
	gcks_keep(km, sa);
}

/* Both answers are there, and the peer is who it claims to be. */
static int
finish(struct km *km, struct ikesa *sa, struct fx *fx)
{
	struct fx_mark mark = fx_mark(fx);
	char *who = strdup(sa->hs->who);
	enum outcome o;
	int r;

	if (who == NULL)
		return -ENOMEM;
	o = judge(km, sa, sa->hs->id_key);
	if ((r = account(km, sa, o, fx)) != 0)
		goto out;
	r = respond(km, sa, o, fx);
	if (r == -ENOENT && o == OUT_OK) {
		/* All keys are at their end; the next ones come at once. */
		fx_undo(fx, mark);
		km->count[C_REG_OK]--;
		o = OUT_NO_KEYS;
		if ((r = account(km, sa, o, fx)) == 0)
			r = respond(km, sa, o, fx);
	}
out:
	if (r == 0)
		open_sa(km, sa, who, o);
	else
		free(who);
	return r;
}

/* -- answers ------------------------------------------------------------ */

static const struct {
	enum count count;
	const char *why;
} causes[AC_COUNT] = {
	[AC_NONE] = { C_AUTH_OTHER, "refused" },
	[AC_SIGNATURE] = { C_AUTH_SIGNATURE, "signature" },
	[AC_METHOD] = { C_AUTH_METHOD, "method" },
	[AC_NO_CERT] = { C_AUTH_NO_CERT, "no-certificate" },
	[AC_UNTRUSTED] = { C_AUTH_UNTRUSTED, "untrusted" },
	[AC_EXPIRED] = { C_AUTH_EXPIRED, "expired" },
	[AC_REVOKED] = { C_AUTH_REVOKED, "revoked" },
	[AC_USAGE] = { C_AUTH_USAGE, "key-usage" },
	[AC_IDENTITY] = { C_AUTH_IDENTITY, "identity" },
};

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

/* An honest peer may be known by several ID payloads; policyd's text is one. */
static int
take_verdict(struct km *km, struct handshake *hs, const struct km_in *in)
{
	bool ok = in->checked.verdict == AV_OK;

	keep_who(hs, in->checked.identity);
	hs->verdict = in->checked.verdict;
	hs->admit = ok ? in->checked.admit : 0;
	/* Who is admitted to nothing may hear that for a while. */
	hs->valid_s = ok ? in->checked.valid_s : IDLE_MS / 1000;
	return satab_hash(
	    &km->gcks->t, NULL, in->checked.identity, &hs->id_key);
}

int
gcks_checked(struct km *km, const struct km_in *in, struct fx *fx)
{
	struct ikesa *sa = waiting(km, in->checked.req);
	enum auth_cause cause = in->checked.cause;
	struct handshake *hs;
	int r;

	if (sa == NULL || (in->checked.req & 1) || sa->hs->have_verdict ||
	    sa->hs->mixing)
		return -EPROTO;
	hs = sa->hs;
	if ((r = take_verdict(km, hs, in)) != 0)
		return r;
	if ((unsigned int)cause >= AC_COUNT)
		cause = AC_NONE;
	if (hs->verdict != AV_OK && hs->verdict != AV_FORBIDDEN)
		return fail_auth(
		    km, sa, causes[cause].count, causes[cause].why, fx);
	hs->have_verdict = true;
	if ((r = ask(km, sa, fx)) != 0)
		hs->have_verdict = false;
	return r;
}

int
gcks_signed(struct km *km, const struct km_in *in, struct fx *fx)
{
	struct ikesa *sa = waiting(km, in->sig.req);
	struct handshake *hs;
	int r;

	if (sa == NULL || !(in->sig.req & 1) || !sa->hs->have_verdict ||
	    in->sig.auth.len > SIGN_MAX)
		return -EPROTO;
	hs = sa->hs;
	if (!in->sig.ok) {
		if ((r = fx_note(fx, NOTE_ERR, "sign.refused",
			 "why=\"policyd does not sign for this group\"")) != 0)
			return r;
		return fail(km, sa, N_AUTHENTICATION_FAILED, none, fx);
	}
	hs->method = in->sig.method;
	memcpy(hs->auth, in->sig.auth.p, in->sig.auth.len);
	hs->auth_len = in->sig.auth.len;
	return finish(km, sa, fx);
}

/* SK_d, SK_pi and SK_pr have the post-quantum key in them: RFC 8784 3. */
int
gcks_mixed(struct km *km, const struct km_in *in, struct fx *fx)
{
	struct ikesa *sa = waiting(km, in->mixed.req);
	struct handshake *hs;
	int r;

	if (sa == NULL || (in->mixed.req & 1) || !sa->hs->mixing)
		return -EPROTO;
	hs = sa->hs;
	if (!in->mixed.ok)
		return fail_auth(km, sa, C_AUTH_PPK, "no-ppk", fx);
	/* Until both are done there is no AUTH to look at. */
	if ((r = ike_keys_mixed(&hs->keys, in->mixed.sk)) != 0 ||
	    (r = mac_ids(km, hs)) != 0)
		return r;
	hs->mixing = false;
	return ask(km, sa, fx);
}

/*
 * policyd may have lost what it was asked.  What does not fit into the list
 * now ends by its timer, and the peer tries again.
 */
static void
ask_again(struct km *km, bool policyd, struct fx *fx)
{
	struct satab *t = &km->gcks->t;

	for (size_t b = 0; b <= t->mask; b++)
		for (struct ikesa *sa = t->bucket[BY_SPI][b]; sa != NULL;
		     sa = sa->next[BY_SPI]) {
			struct fx_mark mark = fx_mark(fx);

			if (sa->state != RS_BUSY)
				continue;
			/* Its successor may think otherwise. */
			sa->hs->have_verdict &= !policyd;
			if (ask(km, sa, fx) != 0) {
				fx_undo(fx, mark);
				return;
			}
		}
}

/*
 * What a peer was admitted to, and that its certificate was good, was the
 * word of a policyd that is gone.  Its successor is asked when the peer
 * authenticates again, which it does when its registration is due.
 */
static void
end_open(struct km *km)
{
	struct satab *t = &km->gcks->t;

	for (size_t b = 0; b <= t->mask; b++)
		for (struct ikesa *sa = t->bucket[BY_SPI][b]; sa != NULL;
		     sa = sa->next[BY_SPI])
			if (sa->state == RS_OPEN)
				gcks_end(km, sa);
}

int
gcks_resync(struct km *km, bool policyd, struct fx *fx)
{
	if (policyd)
		end_open(km);
	ask_again(km, policyd, fx);
	return 0;
}
