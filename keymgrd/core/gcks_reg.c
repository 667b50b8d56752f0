/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gcks.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "keymgrd/core/ike/msg.h"
#include "keymgrd/core/skeys.h"

#define ID_KEY_ID 11

/* -- what is asked ------------------------------------------------------ */

static bool
names_group(const struct km *km, const struct pld_id *id)
{
	return id->type == ID_KEY_ID &&
	       id->data.len == km->conf->group_id_len &&
	       memcmp(id->data.p, km->conf->group_id, id->data.len) == 0;
}

/* Its data is how many Sender-IDs are wanted (RFC 9838 4.7); here each sender
 * has an SA of its own, and none is needed. */
static int
sender_ask(const struct ike_view *v, bool *sends)
{
	const struct ike_ntf *n = ike_ntf_find(v, N_GROUP_SENDER);

	*sends = n != NULL;
	return n == NULL || n->data.len == 4 ? 0 : -EBADMSG;
}

int
group_ask(const struct km *km, const struct ike_view *v, struct group_ask *a)
{
	struct group_ask x = { 0 };
	struct pld_id id;
	int r;

	if (!ike_has(&v->id_g) || pld_id_get(v->id_g, &id) != 0 ||
	    sender_ask(v, &x.sends) != 0)
		return -EBADMSG;
	if (!names_group(km, &id)) {
		x.refusal = N_INVALID_GROUP_ID;
	} else if (ike_has(&v->sa)) { /* SAg is only recommended */
		r = sag_check(v->sa);
		if (r == -ENOENT)
			x.refusal = N_NO_PROPOSAL_CHOSEN;
		else if (r != 0)
			return r;
	}
	*a = x;
	return 0;
}

/* The group's refusal comes before policy's, which is about this group. */
enum outcome
group_judge(const struct km *km, const struct group_ask *a, uint8_t admit,
    bool kwa, uint64_t id_key)
{
	const struct satab *t = &km->gcks->t;

	if (a->refusal == N_INVALID_GROUP_ID)
		return OUT_GROUP;
	if (a->sends && (admit & ADMIT_SEND) == 0)
		return OUT_SENDER;
	if ((admit & (ADMIT_SEND | ADMIT_RECEIVE)) == 0)
		return OUT_FORBIDDEN;
	if (t->n - t->n_half >= km->conf->members_max &&
	    satab_get(t, BY_ID, id_key) == NULL)
		return OUT_FULL;
	return a->refusal != 0 || !kwa ? OUT_PROPOSAL : OUT_OK;
}

/* -- what is answered --------------------------------------------------- */

static const struct {
	uint16_t notify;
	enum count count;
	const char *cause;
} outcomes[] = {
	[OUT_OK] = { 0, C_REG_OK, "" },
	[OUT_GROUP] = { N_INVALID_GROUP_ID, C_REG_INVALID_GROUP,
	    "invalid-group" },
	[OUT_PROPOSAL] = { N_NO_PROPOSAL_CHOSEN, C_REG_NO_PROPOSAL,
	    "no-proposal" },
	[OUT_FORBIDDEN] = { N_AUTHORIZATION_FAILED, C_REG_FORBIDDEN,
	    "forbidden" },
	[OUT_SENDER] = { N_AUTHORIZATION_FAILED, C_REG_SENDER, "not-a-sender" },
	[OUT_FULL] = { N_REGISTRATION_FAILED, C_REG_FULL, "members-max" },
	[OUT_NO_KEYS] = { N_REGISTRATION_FAILED, C_REG_BAD_POLICY, "no-keys" },
	[OUT_AUTH] = { N_AUTHENTICATION_FAILED, C_REG_AUTH_FAILED,
	    "authentication-failed" },
};

uint16_t
group_notify(enum outcome o)
{
	return outcomes[o].notify;
}

int
group_put(const struct km *km, struct chain *c, const uint8_t gsk_w[KW_KEY_LEN])
{
	struct gsa gsa;
	struct kd kd;
	int r = skeys_offer(km, &gsa, &kd);

	if (r == 0 && (r = gsa_put(c, &gsa)) == 0 &&
	    (r = kd_put(c, &kd, gsk_w)) == 0)
		r = pld_notify_put(c, N_USE_TRANSPORT_MODE, none);
	explicit_bzero(&kd, sizeof(kd));
	return r;
}

int
group_account(struct km *km, const struct ikesa *sa, const char *who,
    enum outcome o, const char *cause, struct fx *fx)
{
	enum count c = outcomes[o].count;
	char peer[ADDR_STRLEN];
	int r;

	km->count[c]++;
	addr_text(&sa->peer.addr, peer);
	r = km_record_counts(km, fx);
	if (r == 0 && o == OUT_OK)
		r = fx_note(fx, NOTE_INFO, "member.registered",
		    "identity=\"%s\" peer=%s", who, peer);
	else if (r == 0)
		r = fx_note(fx, NOTE_WARN, "member.refused",
		    "%s=\"%s\" peer=%s cause=%s%s%s",
		    o == OUT_AUTH ? "claimed" : "identity", who, peer,
		    outcomes[o].cause, *cause != '\0' ? " why=" : "", cause);
	if (r != 0)
		km->count[c]--;
	else if (o != OUT_OK)
		refused_add(&km->refused, who,
		    *cause != '\0' ? cause : outcomes[o].cause, &sa->peer.addr,
		    km->now_ms);
	return r;
}

/* -- GSA_REGISTRATION --------------------------------------------------- */

/* NO_PROPOSAL_CHOSEN or REGISTRATION_FAILED: it does not want the keys. */
static bool
takes_leave(const struct ike_view *v)
{
	return ike_ntf_find(v, N_NO_PROPOSAL_CHOSEN) != NULL ||
	       ike_ntf_find(v, N_REGISTRATION_FAILED) != NULL;
}

static int
on_leave(struct km *km, struct ikesa *sa, struct fx *fx)
{
	int r = reply_notify(km, sa, &sa->r, GSA_REGISTRATION, 0, none, fx);

	if (r == 0)
		r = fx_note(
		    fx, NOTE_INFO, "member.left", "identity=\"%s\"", sa->who);
	if (r != 0)
		return r;
	km->count[C_REG_LEFT]++;
	sa->member = false;
	gcks_keep(km, sa);
	return 0;
}

static int
respond(struct km *km, struct ikesa *sa, enum outcome o, struct fx *fx)
{
	struct body b;
	int e;

	if (o != OUT_OK)
		return reply_notify(km, sa, &sa->r, GSA_REGISTRATION,
		    group_notify(o), none, fx);
	if ((e = body_begin(&b)) == 0 &&
	    (e = group_put(km, &b.chain, sa->gsk_w)) == 0)
		e = reply_end(km, sa, &sa->r, GSA_REGISTRATION, &b, fx);
	body_wipe(&b);
	return e;
}

int
gcks_register(
    struct km *km, struct ikesa *sa, const struct ike_view *v, struct fx *fx)
{
	struct fx_mark mark = fx_mark(fx);
	struct group_ask a;
	enum outcome o;
	int r;

	if (group_ask(km, v, &a) != 0)
		return gcks_unreadable(km, sa, GSA_REGISTRATION, fx);
	if (takes_leave(v) && a.refusal != N_INVALID_GROUP_ID)
		return on_leave(km, sa, fx);
	o = group_judge(km, &a, sa->admit, sa->kwa, sa->key[BY_ID]);
	if ((r = group_account(km, sa, sa->who, o, "", fx)) != 0)
		return r;
	r = respond(km, sa, o, fx);
	if (r == -ENOENT && o == OUT_OK) {
		fx_undo(fx, mark);
		km->count[C_REG_OK]--;
		o = OUT_NO_KEYS;
		if ((r = group_account(km, sa, sa->who, o, "", fx)) == 0)
			r = respond(km, sa, o, fx);
	}
	if (r != 0)
		return r;
	sa->member |= o == OUT_OK;
	gcks_keep(km, sa);
	return 0;
}
