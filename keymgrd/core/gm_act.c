/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gm_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The actions of the state machine in gm.c. */

const struct km_gcks *
gm_current(const struct km *km)
{
	return &km->conf.gcks[km->gm->cur];
}

static int
transmit(struct km *km, const uint8_t *p, size_t len, struct fx *fx)
{
	struct endpoint local = { .addr = gm_current(km)->local,
		.port = km->conf.port };

	return km_send(
	    fx, &local, &gm_current(km)->peer, (struct chunk){ p, len });
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
	if ((r = gm_init_write(km, hs)) != 0 ||
	    (r = gm_jitter(km, FIRST_WAIT_MS, &wait)) != 0 ||
	    (r = transmit(km, hs->init, hs->init_len, fx)) != 0) {
		gm_hs_free(&hs);
		return r;
	}
	hs->octets = hs->init_len;
	gm_hs_free(&gm->hs);
	gm->hs = hs;
	gm->tries = 1;
	gm->hint = 0;
	gm->began_ms = km->now_ms;
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
	snprintf(km->gm->why, sizeof(km->gm->why), "%s: no answer%s",
	    gm_current(km)->name, hint);
	return GM_FAILED;
}

/* The same octets again (RFC 7296 2.1), after twice the time. */
int
gm_resend(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	struct gm_hs *hs = gm->hs;
	bool init = gm->state == GM_INIT_SENT;
	size_t len = init ? hs->init_len : hs->auth_len;
	uint64_t wait;
	int r;

	(void)in;
	if (gm->tries >= TRIES_MAX) {
		km->count[C_REG_TIMEOUT]++;
		return no_answer(km);
	}
	wait = gm_doubled(FIRST_WAIT_MS, gm->tries, WAIT_MAX_MS);
	if ((r = gm_jitter(km, wait, &wait)) != 0 ||
	    (r = transmit(km, init ? hs->init : hs->auth, len, fx)) != 0)
		return r;
	km->count[C_RETRANSMIT]++;
	hs->octets += len;
	gm->tries++;
	gm->due_ms = km->now_ms + wait;
	return 0;
}

/*
 * An error in the answer to IKE_SA_INIT is not protected: anybody can send
 * one.  It is shown, and nothing else changes.
 */
static int
take_hint(struct km *km, struct chunk msg, struct fx *fx)
{
	const struct ike_ntf *n;
	struct ike_view v;
	struct ike_hdr h;
	struct rbuf rb;

	rb_init(&rb, msg.p, msg.len);
	if (ike_hdr_get(&rb, &h) || ike_view_get(h.next, rb, &v) ||
	    (n = ike_ntf_error(&v)) == NULL) {
		km->count[C_DROP_MALFORMED]++;
		return -EBADMSG;
	}
	km->count[C_HINT]++;
	if (km->gm->hint == n->type)
		return GM_STAY;
	km->gm->hint = n->type;
	snprintf(km->gm->why, sizeof(km->gm->why),
	    "%s: an unprotected notify %u%s; asking on", gm_current(km)->name,
	    n->type, n->type == N_INVALID_GROUP_ID ? " (invalid group)" : "");
	return fx_note(fx, NOTE_WARN, "reg.hint", "gcks=%s notify=%u",
		   gm_current(km)->name, n->type) == 0
		   ? GM_STAY
		   : -ENOMEM;
}

int
gm_got_init(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	int r = gm_init_read(km, gm->hs, in->msg);

	if (r == -EBADMSG)
		return take_hint(km, in->msg, fx);
	if (r != 0)
		return r;
	if ((r = gm_ask_sign(gm->hs, ++km->next_req, fx)) != 0) {
		free(gm->hs->peer_init);
		gm->hs->peer_init = NULL;
		return r;
	}
	gm->hs->octets += in->msg.len;
	gm->req = km->next_req;
	gm->due_ms = km->now_ms + POLICYD_WAIT_MS;
	return 0;
}

int
gm_send_auth(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	uint64_t wait;
	int r;

	if (!in->in->sig.ok) {
		snprintf(gm->why, sizeof(gm->why),
		    "%s: policyd does not sign for this group: see its log",
		    gm_current(km)->name);
		return GM_FAILED;
	}
	if ((r = gm_auth_write(
		 km, gm->hs, in->in->sig.method, in->in->sig.auth)) != 0 ||
	    (r = gm_jitter(km, FIRST_WAIT_MS, &wait)) != 0 ||
	    (r = transmit(km, gm->hs->auth, gm->hs->auth_len, fx)) != 0)
		return r;
	gm->hs->octets += gm->hs->auth_len;
	gm->tries = 1;
	gm->due_ms = km->now_ms + wait;
	return 0;
}

int
gm_no_policyd(struct km *km, const struct gm_in *in, struct fx *fx)
{
	(void)in;
	(void)fx;
	snprintf(km->gm->why, sizeof(km->gm->why),
	    "policyd does not answer: see its log");
	return GM_FAILED;
}

int
gm_ask_again(struct km *km, const struct gm_in *in, struct fx *fx)
{
	uint32_t req = ++km->next_req;
	int r;

	(void)in;
	r = km->gm->state == GM_SIGNING ? gm_ask_sign(km->gm->hs, req, fx)
					: gm_ask_check(km->gm->hs, req, fx);
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
	{ N_NO_PROPOSAL_CHOSEN, C_REG_NO_PROPOSAL,
	    "no proposal: it wants other algorithms" },
	{ N_AUTHENTICATION_FAILED, C_REG_AUTH_FAILED,
	    "authentication failed: it does not take this host's identity "
	    "or PSK" },
	{ 0, C_REG_BAD_POLICY, "refused" },
};

static int
refused(struct km *km, uint16_t type)
{
	const struct refusal *f = refusals;

	while (f->type != type && f->type != 0)
		f++;
	km->count[f->count]++;
	snprintf(km->gm->why, sizeof(km->gm->why), "%s: %s (notify %u)",
	    gm_current(km)->name, f->text, type);
	return GM_FAILED;
}

static int
failed(struct km *km, enum count count, const char *text)
{
	km->count[count]++;
	snprintf(km->gm->why, sizeof(km->gm->why), "%s: %s",
	    gm_current(km)->name, text);
	return GM_FAILED;
}

/*
 * The response opened under the keys of this exchange; who sent it, policyd
 * says.  Only the refusal to authenticate us comes without an identity.
 */
int
gm_got_auth(struct km *km, const struct gm_in *in, struct fx *fx)
{
	const struct km_gcks *g = gm_current(km);
	struct gm_hs *hs = km->gm->hs;
	const struct ike_ntf *n;
	struct pld_id id;
	struct pld_auth a;
	int r = gm_auth_read(km, hs, in->msg);

	if (r != 0) {
		if (r == -EBADMSG)
			km->count[C_DROP_INTEGRITY]++;
		return r;
	}
	hs->octets += in->msg.len;
	if (!ike_has(&hs->view.id_r) || !ike_has(&hs->view.auth)) {
		n = ike_ntf_error(&hs->view);
		return n != NULL ? refused(km, n->type)
				 : failed(km, C_REG_BAD_POLICY,
				       "bad policy: malformed response");
	}
	if (pld_id_get(hs->view.id_r, &id) != 0 ||
	    pld_auth_get(hs->view.auth, &a) != 0 || a.data.len > 600)
		return failed(
		    km, C_REG_BAD_POLICY, "bad policy: malformed response");
	if (id.body.len != g->id_len ||
	    memcmp(id.body.p, g->id, g->id_len) != 0)
		return failed(km, C_REG_AUTH_FAILED,
		    "authentication failed: it has another identity than "
		    "policy says");
	if ((r = ike_maced_id(hs->keys.pr, id.body, hs->maced_r)) != 0 ||
	    (r = gm_ask_check(hs, ++km->next_req, fx)) != 0)
		return r;
	km->gm->req = km->next_req;
	km->gm->due_ms = km->now_ms + POLICYD_WAIT_MS;
	return 0;
}

static int
verdict_failed(struct km *km, enum auth_verdict v)
{
	if (v == AV_FORBIDDEN)
		return failed(km, C_REG_FORBIDDEN,
		    "forbidden: this host's policy has it not as a sender");
	return failed(km, C_REG_AUTH_FAILED,
	    "authentication failed: its identity or PSK is not what policy "
	    "says");
}

static int
done(struct km *km, struct fx *fx)
{
	struct gm *gm = km->gm;
	int r;

	km->count[C_REG_OK]++;
	r = km_record_counts(km, fx);
	if (r == 0)
		r = fx_note(fx, NOTE_INFO, "reg.done",
		    "gcks=%s sas=%zu ms=%llu octets=%zu again_s=%llu",
		    gm_current(km)->name, km->keys.sas.n,
		    (unsigned long long)(km->now_ms - gm->began_ms),
		    gm->hs->octets,
		    (unsigned long long)(km->keys.rereg_ms - km->now_ms) /
			1000);
	if (r != 0) {
		km->count[C_REG_OK]--;
		return r;
	}
	gm_hs_free(&gm->hs);
	gm->cur = 0;
	gm->round = 0;
	gm->why[0] = '\0';
	gm->due_ms = km->keys.rereg_ms;
	return 0;
}

int
gm_conclude(struct km *km, const struct gm_in *in, struct fx *fx)
{
	const struct ike_ntf *n = ike_ntf_error(&km->gm->hs->view);
	char text[160];
	const char *why;
	int r;

	if (in->in->checked.verdict != AV_OK)
		return verdict_failed(km, in->in->checked.verdict);
	if (n != NULL)
		return refused(km, n->type);
	r = gm_accept(km, km->gm->hs, &why, fx);
	if (r == -EBADMSG) {
		snprintf(text, sizeof(text), "bad policy: %s", why);
		return failed(km, C_REG_BAD_POLICY, text);
	}
	return r != 0 ? r : done(km, fx);
}
