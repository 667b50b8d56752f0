/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gm_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dn.h"

/* The actions of the state machine in gm.c. */

const struct km_gcks *
gm_current(const struct km *km)
{
	return &km->conf->gcks[km->gm->cur];
}

bool
gm_is_foreign(const struct km *km)
{
	return gm_current(km)->exchange == IKE_AUTH;
}

static int
transmit(struct km *km, const uint8_t *p, size_t len, struct fx *fx)
{
	struct endpoint local = { .addr = gm_current(km)->local,
		.port = km->conf->port };

	return body_send(fx, &local, &gm_current(km)->peer, p, len);
}

/* ms, but anywhere from three quarters to five quarters of it. */
int
gm_jitter(const struct km *km, uint64_t ms, uint64_t *out)
{
	return km_rand_between(km, ms - ms / 4, ms + ms / 4, out);
}

uint64_t
gm_doubled(uint64_t ms, uint32_t times, uint64_t max)
{
	while (times-- > 0 && ms < max)
		ms *= 2;
	return ms < max ? ms : max;
}

/* A request goes out for the first time. */
static int
send_first(struct km *km, const uint8_t *p, size_t len, struct fx *fx)
{
	struct gm *gm = km->gm;
	uint64_t wait;
	int r;

	if ((r = gm_jitter(km, FIRST_WAIT_MS, &wait)) != 0 ||
	    (r = transmit(km, p, len, fx)) != 0)
		return r;
	gm->tries = 1;
	gm->sent_ms = km->now_ms;
	gm->due_ms = km->now_ms + wait;
	if (gm->hs != NULL)
		gm->hs->octets += len;
	return 0;
}

int
gm_transmit(struct km *km, struct fx *fx)
{
	return send_first(km, km->gm->out, km->gm->out_len, fx);
}

/* Nothing of the exchange before is touched until this one is under way. */
int
gm_begin(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	struct gm_hs *hs = calloc(1, sizeof(*hs));
	uint64_t wait;
	int r;

	(void)in;
	if (hs == NULL)
		return -ENOMEM;
	if ((r = gm_hs_begin(km, hs)) != 0 ||
	    (r = gm_init_write(km, hs)) != 0 ||
	    (r = gm_jitter(km, FIRST_WAIT_MS, &wait)) != 0 ||
	    (r = transmit(km, hs->init, hs->init_len, fx)) != 0) {
		gm_hs_free(&hs);
		return r;
	}
	hs->octets = hs->init_len;
	gm_hs_free(&gm->hs);
	gm_sa_free(&gm->sa);
	gm->hs = hs;
	gm->tries = 1;
	gm->hint = 0;
	gm->began_ms = gm->sent_ms = km->now_ms;
	gm->due_ms = km->now_ms + wait;
	return 0;
}

static int
no_answer(struct km *km)
{
	char hint[64] = "";

	if (km->gm->hint != 0)
		snprintf(hint, sizeof(hint), ", but an unprotected notify %u%s",
		    km->gm->hint,
		    km->gm->hint == N_INVALID_GROUP_ID ? " (invalid group)"
						       : "");
	why_set(&km->gm->why, "%s: no answer%s", gm_current(km)->name, hint);
	return GM_FAILED;
}

int
gm_retry(
    struct km *km, const uint8_t *p, size_t len, uint32_t max, struct fx *fx)
{
	struct gm *gm = km->gm;
	uint64_t wait;
	int r;

	if (gm->tries >= max)
		return GM_FAILED;
	wait = gm_doubled(FIRST_WAIT_MS, gm->tries, WAIT_MAX_MS);
	if ((r = gm_jitter(km, wait, &wait)) != 0 ||
	    (r = transmit(km, p, len, fx)) != 0)
		return r;
	km->count[C_RETRANSMIT]++;
	if (gm->hs != NULL)
		gm->hs->octets += len;
	gm->tries++;
	gm->due_ms = km->now_ms + wait;
	return 0;
}

int
gm_resend(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	bool init = gm->state == GM_INIT_SENT;
	int r = gm_retry(km, init ? gm->hs->init : gm->out,
	    init ? gm->hs->init_len : gm->out_len, TRIES_MAX, fx);

	(void)in;
	if (r != GM_FAILED)
		return r;
	km->count[C_REG_TIMEOUT]++;
	return no_answer(km);
}

/*
 * An error in the answer to IKE_SA_INIT is not protected: anybody can send
 * one.  It is shown, and nothing else changes.
 */
static int
take_hint(struct km *km, uint16_t type, struct fx *fx)
{
	km->count[C_HINT]++;
	if (km->gm->hint == type)
		return GM_STAY;
	km->gm->hint = type;
	why_set(&km->gm->why, "%s: an unprotected notify %u%s; asking on",
	    gm_current(km)->name, type,
	    type == N_INVALID_GROUP_ID ? " (invalid group)" : "");
	return fx_note(fx, NOTE_WARN, "reg.hint", "gcks=%s notify=%u",
		   gm_current(km)->name, type) == 0
		   ? GM_STAY
		   : -ENOMEM;
}

/* The request once more, with what was asked for in it. */
static int
init_again(struct km *km, struct fx *fx)
{
	struct gm_hs *hs = km->gm->hs;
	int r = gm_init_write(km, hs);

	return r != 0 ? r : send_first(km, hs->init, hs->init_len, fx);
}

/* The GCKS is under load and wants to see that we are where we say. */
static int
take_cookie(struct km *km, struct chunk cookie, struct fx *fx)
{
	struct gm_hs *hs = km->gm->hs;
	int r;

	if (cookie.len == 0 || cookie.len > COOKIE_MAX ||
	    hs->cookies >= COOKIES_MAX) {
		km->count[C_DROP_UNEXPECTED]++;
		return -EBADMSG;
	}
	hs->cookies++;
	km->count[C_COOKIE]++;
	memcpy(hs->cookie, cookie.p, cookie.len);
	hs->cookie_len = cookie.len;
	r = init_again(km, fx);
	return r != 0 ? r : GM_STAY;
}

/* Another group of ours, once: this message is not protected either. */
static int
take_ke(struct km *km, struct chunk want, struct fx *fx)
{
	struct gm_hs *hs = km->gm->hs;
	uint16_t ke = 0;
	int r;

	if (want.len == 2)
		ke = (uint16_t)(want.p[0] << 8 | want.p[1]);

	if (hs->ke_changed || ke == hs->ke ||
	    !sa_ike_offers_ke(km->conf->suite, hs->offer, ke))
		return take_hint(km, N_INVALID_KE_PAYLOAD, fx);
	if ((r = init_ke(km, ke, hs->priv, hs->pub)) != 0)
		return r;
	hs->ke_changed = true;
	hs->ke = ke;
	km->count[C_INVALID_KE]++;
	r = init_again(km, fx);
	return r != 0 ? r : GM_STAY;
}

/* The short offer was too short: all that policy allows, once. */
static int
widen(struct km *km, struct fx *fx)
{
	int r;

	km->gm->hs->offer = SA_WIDE;
	r = init_again(km, fx);
	return r != 0 ? r : GM_STAY;
}

/* A response that is no key exchange: it asks for something, or refuses. */
static int
take_notify(struct km *km, struct chunk msg, struct fx *fx)
{
	static const uint8_t zero[8];
	const struct ike_ntf *n;
	struct init_view v;
	struct ike_hdr h;
	struct ike_view *w = &v.v;
	struct rbuf rb;

	rb_init(&rb, msg.p, msg.len);
	if (ike_hdr_get(&rb, &h) || ike_view_get(h.next, rb, w)) {
		km->count[C_DROP_MALFORMED]++;
		return -EBADMSG;
	}
	if ((n = ike_ntf_find(w, N_COOKIE)) != NULL &&
	    memcmp(h.spi_r, zero, sizeof(zero)) == 0)
		return take_cookie(km, n->data, fx);
	if ((n = ike_ntf_find(w, N_INVALID_KE_PAYLOAD)) != NULL)
		return take_ke(km, n->data, fx);
	if ((n = ike_ntf_error(w)) != NULL && n->type == N_NO_PROPOSAL_CHOSEN &&
	    km->gm->hs->offer == SA_SHORT)
		return widen(km, fx);
	if (n != NULL)
		return take_hint(km, n->type, fx);
	km->count[C_DROP_MALFORMED]++;
	return -EBADMSG;
}

/* What keeps a good answer from being of use; NULL: nothing. */
static const char *
init_fault(const struct km *km, const struct gm_hs *hs)
{
	struct init_view v;

	must(init_read(
		 (struct chunk){ hs->peer_init, hs->peer_init_len }, &v) == 0);
	if (km->conf->ppk_id_len > 0 && !v.ppk)
		return "it has no post-quantum key (USE_PPK), and policy "
		       "demands one";
	if (gm_is_foreign(km) && !v.childless)
		return "it does not do IKE_AUTH without a Child SA (RFC 6023)";
	return NULL;
}

/* Mixing first, if there is a key to mix in. */
static int
ask_auth(struct km *km, struct fx *fx)
{
	struct gm *gm = km->gm;
	bool mix = km->conf->ppk_id_len > 0;
	int r;

	if (mix)
		r = gm_ask_mix(km, gm->hs, ++km->next_req, fx);
	else if ((r = gm_mac_own(km, gm->hs)) == 0)
		r = gm_ask_sign(gm->hs, ++km->next_req, fx);
	if (r != 0)
		return r;
	gm->req = km->next_req;
	gm->due_ms = km->now_ms + POLICYD_WAIT_MS;
	return mix ? GM_ELSE : 0;
}

int
gm_got_init(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	const char *why;
	int r = gm_init_read(km, gm->hs, in->msg);

	if (r == -EBADMSG)
		return take_notify(km, in->msg, fx);
	if (r != 0)
		return r;
	gm->hs->octets += in->msg.len;
	if ((why = init_fault(km, gm->hs)) != NULL)
		return gm_failed(km, C_REG_NO_PROPOSAL, why);
	return ask_auth(km, fx);
}

int
gm_mixed(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	int r;

	if (!in->in->mixed.ok)
		return gm_failed(km, C_AUTH_PPK,
		    "policyd does not mix the post-quantum key in: see its "
		    "log");
	if ((r = ike_keys_mixed(&gm->hs->keys, in->in->mixed.sk)) != 0 ||
	    (r = gm_mac_own(km, gm->hs)) != 0 ||
	    (r = gm_ask_sign(gm->hs, ++km->next_req, fx)) != 0)
		return r;
	gm->req = km->next_req;
	gm->due_ms = km->now_ms + POLICYD_WAIT_MS;
	return 0;
}

int
gm_send_auth(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	int r;

	if (!in->in->sig.ok) {
		why_set(&gm->why,
		    "%s: policyd does not sign for this group: see its log",
		    gm_current(km)->name);
		return GM_FAILED;
	}
	r = gm_auth_write(km, gm->hs, in->in->sig.method, in->in->sig.auth);
	return r != 0 ? r : gm_transmit(km, fx);
}

int
gm_no_policyd(struct km *km, const struct gm_in *in, struct fx *fx)
{
	(void)in;
	(void)fx;
	why_set(&km->gm->why, "policyd does not answer: see its log");
	return GM_FAILED;
}

int
gm_ask_again(struct km *km, const struct gm_in *in, struct fx *fx)
{
	uint32_t req = ++km->next_req;
	int r;

	(void)in;
	switch (km->gm->state) {
	case GM_MIXING:
		r = gm_ask_mix(km, km->gm->hs, req, fx);
		break;
	case GM_SIGNING:
		r = gm_ask_sign(km->gm->hs, req, fx);
		break;
	default:
		r = gm_ask_check(km->gm->hs, req, fx);
	}
	if (r == 0)
		km->gm->req = req;
	return r;
}

/* Keys are near their end: a moment of chance keeps receivers apart. */
int
gm_hurry(struct km *km, const struct gm_in *in, struct fx *fx)
{
	uint64_t wait;
	int r = km_rand_between(km, 0, 1000, &wait);

	(void)in;
	(void)fx;
	if (r == 0 && km->now_ms + wait < km->gm->due_ms)
		km->gm->due_ms = km->now_ms + wait;
	return r;
}

/* What an error notify of the GCKS means, to us and for people. */
static const struct refusal {
	uint16_t type;
	enum count count;
	const char *text;
} refusals[] = {
	{ N_INVALID_GROUP_ID, C_REG_INVALID_GROUP,
	    "invalid group: it does not serve this group" },
	{ N_AUTHORIZATION_FAILED, C_REG_FORBIDDEN,
	    "forbidden: its policy does not admit this host" },
	{ N_REGISTRATION_FAILED, C_REG_BAD_POLICY,
	    "refused: it is full, or between two keys" },
	{ N_NO_PROPOSAL_CHOSEN, C_REG_NO_PROPOSAL,
	    "no proposal: it wants other algorithms" },
	{ N_AUTHENTICATION_FAILED, C_REG_AUTH_FAILED,
	    "authentication failed: it does not take this host's identity, "
	    "certificate or PSK" },
	{ 0, C_REG_BAD_POLICY, "refused" },
};

int
gm_refused(struct km *km, uint16_t type)
{
	const struct refusal *f = refusals;

	while (f->type != type && f->type != 0)
		f++;
	km->count[f->count]++;
	why_set(&km->gm->why, "%s: %s (notify %u)", gm_current(km)->name,
	    f->text, type);
	return GM_FAILED;
}

int
gm_failed(struct km *km, enum count count, const char *text)
{
	km->count[count]++;
	why_set(&km->gm->why, "%s: %s", gm_current(km)->name, text);
	return GM_FAILED;
}

/* A name is the same whatever string types its writer likes (dn.h). */
static bool
is_expected_id(const struct km_gcks *g, const struct pld_id *id)
{
	struct chunk body = { g->id, g->id_len };

	return (id->body.len == body.len &&
		   memcmp(id->body.p, body.p, body.len) == 0) ||
	       (id->type == ID_DER_ASN1_DN && body.len > 4 &&
		   body.p[0] == ID_DER_ASN1_DN &&
		   dn_eq(id->data, (struct chunk){ body.p + 4, body.len - 4 }));
}

/* A GCKS with a post-quantum key says that it used it: RFC 8784 3. */
static bool
ppk_confirmed(const struct km *km, const struct ike_view *v)
{
	return km->conf->ppk_id_len == 0 ||
	       ike_ntf_find(v, N_PPK_IDENTITY) != NULL;
}

/*
 * The response opened under the keys of this exchange; who sent it, policyd
 * says.  Only the refusal to authenticate us comes without an identity.
 */
int
gm_got_auth(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm_hs *hs = km->gm->hs;
	const struct ike_ntf *n;
	struct pld_id id;
	struct pld_auth a;
	int r = gm_open(km, hs, &hs->keys.r, in->msg);

	if (r != 0)
		return r == -EAGAIN ? GM_STAY : r;
	if (!ike_has(&hs->view.id_r) || !ike_has(&hs->view.auth)) {
		n = ike_ntf_error(&hs->view);
		return n != NULL ? gm_refused(km, n->type)
				 : gm_failed(km, C_REG_BAD_POLICY,
				       "bad policy: malformed response");
	}
	if (pld_id_get(hs->view.id_r, &id) != 0 ||
	    pld_auth_get(hs->view.auth, &a) != 0 || a.data.len > 600)
		return gm_failed(
		    km, C_REG_BAD_POLICY, "bad policy: malformed response");
	km->gm->tell = TELL_AUTH;
	if (!is_expected_id(gm_current(km), &id))
		return gm_failed(km, C_REG_AUTH_FAILED,
		    "authentication failed: it has another identity than "
		    "policy says");
	if (!ppk_confirmed(km, &hs->view))
		return gm_failed(km, C_REG_AUTH_FAILED,
		    "authentication failed: it did not use the post-quantum "
		    "key");
	km->gm->tell = TELL_NOTHING;
	if ((r = ike_maced_id(&hs->keys, false, id.body, hs->maced_r)) != 0 ||
	    (r = gm_ask_check(hs, ++km->next_req, fx)) != 0)
		return r;
	km->gm->req = km->next_req;
	km->gm->due_ms = km->now_ms + POLICYD_WAIT_MS;
	return 0;
}

/* What policyd did not like in the GCKS, for people. */
static const struct {
	enum count count;
	const char *text;
} faults[AC_COUNT] = {
	[AC_NONE] = { C_AUTH_OTHER, "its identity, certificate or PSK is not "
				    "what policy says" },
	[AC_SIGNATURE] = { C_AUTH_SIGNATURE, "its signature or PSK is wrong" },
	[AC_METHOD] = { C_AUTH_METHOD, "it authenticates in a way that policy "
				       "does not use" },
	[AC_NO_CERT] = { C_AUTH_NO_CERT, "it shows no usable certificate" },
	[AC_UNTRUSTED] = { C_AUTH_UNTRUSTED, "its certificate is not from one "
					     "of our anchors" },
	[AC_EXPIRED] = { C_AUTH_EXPIRED, "its certificate or a CRL is not "
					 "valid now" },
	[AC_REVOKED] = { C_AUTH_REVOKED, "its certificate is revoked" },
	[AC_USAGE] = { C_AUTH_USAGE, "its certificate is not for this use" },
	[AC_IDENTITY] = { C_AUTH_IDENTITY, "its certificate does not name the "
					   "identity it claims" },
};

static int
not_believed(struct km *km, enum auth_cause cause)
{
	char text[160];
	size_t i = (unsigned int)cause < AC_COUNT ? (size_t)cause : AC_NONE;

	km->count[faults[i].count]++;
	km->gm->tell = TELL_AUTH;
	snprintf(
	    text, sizeof(text), "authentication failed: %s", faults[i].text);
	return gm_failed(km, C_REG_AUTH_FAILED, text);
}

/* The IKE SA is open: what later requests on it need. */
static int
keep_sa(struct km *km, uint32_t valid_s)
{
	const struct gm_hs *hs = km->gm->hs;
	struct gm_sa *sa = calloc(1, sizeof(*sa));

	if (sa == NULL)
		return -ENOMEM;
	sa->gcks = km->gm->cur;
	memcpy(sa->spi_i, hs->spi_i, sizeof(sa->spi_i));
	memcpy(sa->spi_r, hs->spi_r, sizeof(sa->spi_r));
	sa->i = hs->keys.i;
	sa->r = hs->keys.r;
	memcpy(sa->gsk_w, hs->keys.gsk_w, sizeof(sa->gsk_w));
	sa->kwa = hs->suite.kwa;
	sa->fragments = hs->fragments;
	sa->valid_ms = km->now_ms + valid_s * 1000ull;
	sa->mid = 2;
	gm_sa_free(&km->gm->sa);
	km->gm->sa = sa;
	return 0;
}

int
gm_checked(struct km *km, const struct gm_in *in, struct fx *fx)
{
	const struct ike_ntf *n = ike_ntf_error(&km->gm->hs->view);
	enum auth_verdict v = in->in->checked.verdict;
	bool child = n != NULL && n->type == N_NO_ADDITIONAL_SAS;
	int r;

	if (v == AV_FORBIDDEN ||
	    (v == AV_OK && (in->in->checked.admit & ADMIT_SEND) == 0))
		return gm_failed(km, C_REG_FORBIDDEN,
		    "forbidden: this host's policy has it not as a sender");
	if (v != AV_OK)
		return not_believed(km, in->in->checked.cause);
	if (n != NULL && !child)
		return gm_refused(km, n->type);
	if ((r = keep_sa(km, in->in->checked.valid_s)) != 0)
		return r;
	if (gm_current(km)->exchange == GSA_AUTH)
		return gm_conclude(km, fx);
	if (!km->gm->sa->kwa)
		return gm_failed(km, C_REG_NO_PROPOSAL,
		    "the IKE SA is up, but it agreed to no key wrap: it does "
		    "not speak G-IKEv2 (RFC 9838)");
	r = gm_reg_send(km, 0, fx);
	return r != 0 ? r : GM_ELSE;
}
