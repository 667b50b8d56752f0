/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gm_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- a request on the open IKE SA --------------------------------------- */

int
gm_reg_send(struct km *km, uint16_t notify, struct fx *fx)
{
	struct gm_sa *sa = km->gm->sa;
	struct body b;
	int r;

	if ((r = body_begin(&b)) != 0 || (r = body_group(km, &b.chain)) != 0)
		return r;
	r = notify == 0
		? sag_put(&b.chain)
		: pld_notify_put(&b.chain, notify, (struct chunk){ NULL, 0 });
	if (r != 0 || (r = gm_seal(km, &b, GSA_REGISTRATION, sa->mid, sa->spi_i,
			   sa->spi_r, &sa->i, sa->fragments)) != 0)
		return r;
	return gm_transmit(km, fx);
}

/* -- to register again -------------------------------------------------- */

static bool
is_usable(const struct km *km)
{
	const struct gm_sa *sa = km->gm->sa;

	return sa != NULL && sa->kwa && !sa->stale && sa->gcks == km->gm->cur &&
	       sa->valid_ms > km->now_ms;
}

/*
 * On the IKE SA that is there it takes two messages and no signature;
 * otherwise from the start.  Not with another GCKS than the first one: that
 * one may be back.
 */
int
gm_again(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	struct gm_hs *hs;
	int r;

	if (!is_usable(km))
		return gm_begin(km, in, fx);
	if ((hs = calloc(1, sizeof(*hs))) == NULL)
		return -ENOMEM;
	memcpy(hs->spi_i, gm->sa->spi_i, sizeof(hs->spi_i));
	memcpy(hs->spi_r, gm->sa->spi_r, sizeof(hs->spi_r));
	memcpy(hs->keys.gsk_w, gm->sa->gsk_w, sizeof(hs->keys.gsk_w));
	gm_hs_free(&gm->hs);
	gm->hs = hs;
	gm->hint = 0;
	gm->began_ms = km->now_ms;
	r = gm_reg_send(km, 0, fx);
	return r != 0 ? r : GM_ELSE;
}

/*
 * The GCKS may have lost the IKE SA (it does not outlive its processes): make
 * a new one.  One that was made a moment ago has a peer that does not answer.
 */
int
gm_reg_resend(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	bool young = gm_is_foreign(km) && gm->sa != NULL && gm->sa->mid == 2;
	int r = gm_retry(
	    km, gm->out, gm->out_len, young ? TRIES_MAX : TRIES_REUSE, fx);

	if (r != GM_FAILED)
		return r;
	if (young) {
		gm_sa_free(&gm->sa);
		return gm_failed(km, C_REG_TIMEOUT,
		    "the IKE SA is up, but GSA_REGISTRATION gets no answer: "
		    "does it speak G-IKEv2 (RFC 9838)?");
	}
	r = gm_begin(km, in, fx);
	return r != 0 ? r : GM_ELSE;
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
	free(gm->out);
	gm->out = NULL;
	gm->out_len = 0;
	gm->cur = 0;
	gm->round = 0;
	why_clear(&gm->why);
	gm->due_ms = km->keys.rereg_ms;
	return 0;
}

int
gm_conclude(struct km *km, struct fx *fx)
{
	char text[160];
	const char *why;
	int r = gm_accept(km, km->gm->hs, &why, fx);

	if (r == -EBADMSG) {
		km->gm->tell = TELL_POLICY;
		snprintf(text, sizeof(text), "bad policy: %s", why);
		return gm_failed(km, C_REG_BAD_POLICY, text);
	}
	return r != 0 ? r : done(km, fx);
}

int
gm_got_reg(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	const struct ike_ntf *n;
	int r = gm_open(km, gm->hs, &gm->sa->r, in->msg);

	if (r != 0)
		return r == -EAGAIN ? GM_STAY : r;
	gm->sa->mid++;
	if ((n = ike_ntf_error(&gm->hs->view)) != NULL)
		return gm_refused(km, n->type);
	if ((r = gm_conclude(km, fx)) < 0)
		gm->sa->mid--; /* the GCKS will say it again */
	return r;
}

/* -- to take leave ------------------------------------------------------ */

/* There is nothing left to say to a GCKS, or to hear from it. */
static int
gone(struct km *km, struct fx *fx)
{
	km->gm->due_ms = TIMER_NEVER;
	gm_hs_free(&km->gm->hs);
	gm_sa_free(&km->gm->sa);
	return fx_left(fx);
}

int
gm_gone(struct km *km, struct fx *fx)
{
	km->gm->state = GM_GONE;
	return gone(km, fx);
}

/* REGISTRATION_FAILED: this host does not want the keys (RFC 9838 2.3.3). */
int
gm_leave_send(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	int r;

	(void)in;
	if (gm->sa == NULL || gm->sa->valid_ms <= km->now_ms) {
		r = gone(km, fx);
		return r != 0 ? r : GM_ELSE;
	}
	gm->cur = gm->sa->gcks;
	gm_hs_free(&gm->hs);
	if ((gm->hs = calloc(1, sizeof(*gm->hs))) == NULL)
		return -ENOMEM;
	memcpy(gm->hs->spi_i, gm->sa->spi_i, sizeof(gm->hs->spi_i));
	memcpy(gm->hs->spi_r, gm->sa->spi_r, sizeof(gm->hs->spi_r));
	return gm_reg_send(km, N_REGISTRATION_FAILED, fx);
}

int
gm_leave_resend(struct km *km, const struct gm_in *in, struct fx *fx)
{
	int r = gm_retry(km, km->gm->out, km->gm->out_len, TRIES_LEAVE, fx);

	(void)in;
	if (r != GM_FAILED)
		return r;
	r = gone(km, fx);
	return r != 0 ? r : GM_ELSE;
}

/* It knows.  The Delete of the IKE SA needs no answer: we are gone. */
int
gm_left(struct km *km, const struct gm_in *in, struct fx *fx)
{
	static const uint8_t ike_sa[4] = { PROTO_IKE };
	struct gm *gm = km->gm;
	struct body b;
	int r = gm_open(km, gm->hs, &gm->sa->r, in->msg);

	if (r != 0)
		return r == -EAGAIN ? GM_STAY : r;
	if ((r = body_begin(&b)) != 0 ||
	    (r = pld_raw_put(&b.chain, PLD_DELETE,
		 (struct chunk){ ike_sa, sizeof(ike_sa) })) != 0 ||
	    (r = gm_seal(km, &b, IKE_INFORMATIONAL, gm->sa->mid + 1,
		 gm->sa->spi_i, gm->sa->spi_r, &gm->sa->i,
		 gm->sa->fragments)) != 0 ||
	    (r = gm_transmit(km, fx)) != 0 || (r = gone(km, fx)) != 0)
		return r;
	km->count[C_REG_LEFT]++;
	return 0;
}
