/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gm_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

/*
 * The whole protocol.  A pair that is not listed is an error, not a no-op.
 * An action that fails with GM_FAILED goes on with the next GCKS; one that
 * returns GM_ELSE takes the other target.
 */
/* clang-format off */
static const struct edge {
	enum gm_state at;
	enum gm_event ev;
	gm_act *act;
	enum gm_state to, other;
} edges[] = {
	{ GM_OFF,       GE_START,   gm_begin,        GM_INIT_SENT, GM_OFF },
	{ GM_WAIT,      GE_TIMER,   gm_again,        GM_INIT_SENT, GM_REG_SENT },
	{ GM_WAIT,      GE_SOON,    gm_hurry,        GM_WAIT,      GM_OFF },
	{ GM_WAIT,      GE_LEAVE,   gm_leave_send,   GM_LEAVING,   GM_GONE },
	{ GM_INIT_SENT, GE_TIMER,   gm_resend,       GM_INIT_SENT, GM_OFF },
	{ GM_INIT_SENT, GE_INIT,    gm_got_init,     GM_SIGNING,   GM_MIXING },
	{ GM_MIXING,    GE_MIXED,   gm_mixed,        GM_SIGNING,   GM_OFF },
	{ GM_MIXING,    GE_TIMER,   gm_no_policyd,   GM_MIXING,    GM_OFF },
	{ GM_MIXING,    GE_RESYNC,  gm_ask_again,    GM_MIXING,    GM_OFF },
	{ GM_SIGNING,   GE_SIGNED,  gm_send_auth,    GM_AUTH_SENT, GM_OFF },
	{ GM_SIGNING,   GE_TIMER,   gm_no_policyd,   GM_SIGNING,   GM_OFF },
	{ GM_SIGNING,   GE_RESYNC,  gm_ask_again,    GM_SIGNING,   GM_OFF },
	{ GM_AUTH_SENT, GE_TIMER,   gm_resend,       GM_AUTH_SENT, GM_OFF },
	{ GM_AUTH_SENT, GE_AUTH,    gm_got_auth,     GM_CHECKING,  GM_OFF },
	{ GM_CHECKING,  GE_CHECKED, gm_checked,      GM_WAIT,      GM_REG_SENT },
	{ GM_CHECKING,  GE_TIMER,   gm_no_policyd,   GM_CHECKING,  GM_OFF },
	{ GM_CHECKING,  GE_RESYNC,  gm_ask_again,    GM_CHECKING,  GM_OFF },
	{ GM_REG_SENT,  GE_REG,     gm_got_reg,      GM_WAIT,      GM_OFF },
	{ GM_REG_SENT,  GE_TIMER,   gm_reg_resend,   GM_REG_SENT,  GM_INIT_SENT },
	{ GM_LEAVING,   GE_REG,     gm_left,         GM_GONE,      GM_OFF },
	{ GM_LEAVING,   GE_TIMER,   gm_leave_resend, GM_LEAVING,   GM_GONE },
};
/* clang-format on */

struct gm *
gm_new(void)
{
	struct gm *gm = calloc(1, sizeof(*gm));

	if (gm != NULL)
		gm->due_ms = TIMER_NEVER;
	return gm;
}

void
gm_free(struct gm **gm)
{
	if (*gm == NULL)
		return;
	gm_hs_free(&(*gm)->hs);
	gm_sa_free(&(*gm)->sa);
	free((*gm)->out);
	why_clear(&(*gm)->why);
	free(*gm);
	*gm = NULL;
}

/* -- the machine -------------------------------------------------------- */

static int
tell_auth(struct km *km, struct fx *fx)
{
	struct gm_hs *hs = km->gm->hs;
	struct body b;
	int r;

	if ((r = body_begin(&b)) != 0 ||
	    (r = pld_notify_put(&b.chain, N_AUTHENTICATION_FAILED,
		 (struct chunk){ NULL, 0 })) != 0 ||
	    (r = gm_seal(km, &b, IKE_INFORMATIONAL, 2, hs->spi_i, hs->spi_r,
		 &hs->keys.i, hs->fragments)) != 0)
		return r;
	return gm_transmit(km, fx);
}

/* Once; what comes of it is not waited for. */
static void
tell(struct km *km, struct fx *fx)
{
	struct fx_mark mark = fx_mark(fx);
	struct gm *gm = km->gm;
	int r = 0;

	if (gm->tell == TELL_AUTH && gm->hs != NULL)
		r = tell_auth(km, fx);
	else if (gm->tell == TELL_POLICY && gm->sa != NULL)
		r = gm_reg_send(km, N_NO_PROPOSAL_CHOSEN, fx);
	if (r != 0)
		fx_undo(fx, mark);
	gm->tell = TELL_NOTHING;
	gm_sa_free(&gm->sa);
}

/*
 * The next GCKS at once; after the last one a pause that grows, and then the
 * first again.
 */
static int
next_gcks(struct km *km, struct fx *fx)
{
	struct gm *gm = km->gm;
	uint64_t wait;
	int r = fx_note(fx, NOTE_WARN, "reg.failed", "gcks=%s why=\"%s\"",
	    gm_current(km)->name, why_text(gm->why));

	if (r != 0 || (r = km_record_counts(km, fx)) != 0)
		return r;
	if (gm->cur + 1 < km->conf->n_gcks) {
		gm->cur++;
		if ((r = gm_begin(km, NULL, fx)) == 0)
			gm->state = GM_INIT_SENT;
		else
			gm->cur--;
		return r;
	}
	wait = gm_doubled(ROUND_WAIT_MS, gm->round, ROUND_WAIT_MAX_MS);
	if ((r = gm_jitter(km, wait, &wait)) != 0)
		return r;
	gm_hs_free(&gm->hs);
	gm->cur = 0;
	gm->round++;
	gm->state = GM_WAIT;
	gm->due_ms = km->now_ms + wait;
	return 0;
}

static int
follow(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct fx_mark mark = fx_mark(fx);
	const struct edge *e = NULL;
	int r;

	for (size_t i = 0; i < NITEMS(edges) && e == NULL; i++)
		if (edges[i].at == km->gm->state && edges[i].ev == in->ev)
			e = &edges[i];
	if (e == NULL)
		return -EPROTO;
	r = e->act(km, in, fx);
	if (r == GM_STAY)
		return 0;
	if (r == GM_FAILED) {
		fx_undo(fx, mark);
		tell(km, fx);
		return next_gcks(km, fx);
	}
	if (r == 0)
		km->gm->state = e->to;
	if (r == GM_ELSE)
		km->gm->state = e->other;
	return r == GM_ELSE ? 0 : r;
}

/* Who is to leave does so as soon as the exchange under way is over. */
static int
gm_feed(struct km *km, const struct gm_in *in, struct fx *fx)
{
	struct gm *gm = km->gm;
	int r = follow(km, in, fx);

	if (r != 0 || !gm->leave || gm->state == GM_REG_SENT)
		return r;
	gm->leave = false;
	return gm_leave(km, fx);
}

/* A record from the future: not of this boot, or the clock was set back. */
static void
limit_times(struct km *km)
{
	uint64_t last = km->now_ms + km->conf->lifetime_s * 1000ull;

	for (size_t i = 0; i < km->keys.sas.n; i++) {
		struct ksa *k = &km->keys.sas.v[i];

		k->born_ms = k->born_ms < km->now_ms ? k->born_ms : km->now_ms;
		k->end_ms = k->end_ms < last ? k->end_ms : last;
		k->soft_ms = k->soft_ms < last ? k->soft_ms : last;
	}
	if (km->keys.rereg_ms > last)
		km->keys.rereg_ms = last;
}

static int
ask_restored(struct km *km, struct fx *fx)
{
	int r = 0;

	for (size_t i = 0; i < km->keys.sas.n && r == 0; i++) {
		struct ksa *k = &km->keys.sas.v[i];
		bool ours = false;

		for (size_t j = 0; j < km->conf->n_addr; j++)
			ours |= addr_eq(&km->conf->addr[j].dst, &k->dst);
		if (!ours)
			r = ksa_delete(&km->keys.sas, k, fx);
		else if (k->drop_ms != KSA_NEVER)
			k->state = KSA_UP;
		else
			r = ksa_ask(
			    &km->keys.sas, k, SA_ENSURE, km->now_ms, fx);
	}
	ksa_sweep(&km->keys.sas);
	return r;
}

static bool
has_keys(const struct km *km)
{
	for (size_t i = 0; i < km->keys.sas.n; i++)
		if (km->keys.sas.v[i].drop_ms == KSA_NEVER &&
		    km->keys.sas.v[i].state != KSA_GOING)
			return true;
	return false;
}

/* With the keys of a predecessor there is nothing to register for yet. */
int
gm_start(struct km *km, struct fx *fx)
{
	int r;

	limit_times(km);
	if ((r = ask_restored(km, fx)) != 0)
		return r;
	if (!has_keys(km))
		return gm_feed(km, &(struct gm_in){ .ev = GE_START }, fx);
	km->gm->state = GM_WAIT;
	km->gm->due_ms = km->keys.rereg_ms;
	return 0;
}

static bool
is_from(const struct km_gcks *g, const struct km_in *in)
{
	return in->dgram.peer.port == g->peer.port &&
	       addr_eq(&in->dgram.peer.addr, &g->peer.addr);
}

/* A response on the exchange under way. */
static bool
from_gcks(const struct km *km, const struct ike_hdr *h, const struct km_in *in)
{
	return km->gm->hs != NULL && is_from(gm_current(km), in) &&
	       memcmp(h->spi_i, km->gm->hs->spi_i, 8) == 0;
}

/* A request on the open IKE SA. */
static bool
by_gcks(const struct km *km, const struct ike_hdr *h, const struct km_in *in)
{
	const struct gm_sa *sa = km->gm->sa;

	return sa != NULL && is_from(&km->conf->gcks[sa->gcks], in) &&
	       memcmp(h->spi_i, sa->spi_i, 8) == 0 &&
	       memcmp(h->spi_r, sa->spi_r, 8) == 0;
}

/* Which response is it?  GE_START: none that is expected. */
static enum gm_event
response(const struct km *km, const struct ike_hdr *h)
{
	const struct gm_hs *hs = km->gm->hs;

	if (h->exchange == IKE_SA_INIT && h->mid == 0)
		return GE_INIT;
	if (memcmp(h->spi_r, hs->spi_r, 8) != 0)
		return GE_START;
	if (h->exchange == gm_current(km)->exchange && h->mid == 1)
		return GE_AUTH;
	if (h->exchange == GSA_REGISTRATION && km->gm->sa != NULL &&
	    h->mid == km->gm->sa->mid)
		return GE_REG;
	return GE_START;
}

static int
on_response(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx)
{
	struct gm_in gi = { .hdr = h, .msg = in->dgram.data, .in = in };
	int r;

	if (!from_gcks(km, h, in)) {
		km->count[C_DROP_NO_SA]++;
		return -EBADMSG;
	}
	gi.ev = response(km, h);
	if (gi.ev == GE_START) {
		km->count[C_DROP_UNEXPECTED]++;
		return -EBADMSG;
	}
	r = gm_feed(km, &gi, fx);
	if (r == -EPROTO) { /* a repeated response, mostly */
		km->count[C_DROP_REPLAY]++;
		r = -EBADMSG;
	}
	return r;
}

int
gm_dgram(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx)
{
	bool request = (h->flags & IKE_F_RESPONSE) == 0;

	/* We are always the original initiator. */
	if (h->flags & IKE_F_INITIATOR ||
	    (request && h->exchange == IKE_SA_INIT)) {
		km->count[C_DROP_UNEXPECTED]++;
		return -EBADMSG;
	}
	if (!request)
		return on_response(km, h, in, fx);
	if (!by_gcks(km, h, in)) {
		km->count[C_DROP_NO_SA]++;
		return -EBADMSG;
	}
	return gm_peer(km, h, in, fx);
}

int
gm_policyd(struct km *km, const struct km_in *in, struct fx *fx)
{
	struct gm_in gi = { .in = in };
	uint32_t req;

	switch (in->ev) {
	case KM_EV_SIGNED:
		gi.ev = GE_SIGNED;
		req = in->sig.req;
		break;
	case KM_EV_CHECKED:
		gi.ev = GE_CHECKED;
		req = in->checked.req;
		break;
	default:
		gi.ev = GE_MIXED;
		req = in->mixed.req;
	}
	if (req != km->gm->req) {
		km->count[C_LATE_ANSWER]++;
		return -EPROTO;
	}
	return gm_feed(km, &gi, fx);
}

/* Without a usable SA the group is deaf: do not wait for the set time. */
static int
after_loss(struct km *km, struct fx *fx)
{
	int r;

	ksa_sweep(&km->keys.sas);
	if (has_keys(km))
		return 0;
	km->keys.keyed = false;
	if (km->gm->state != GM_WAIT || km->gm->round > 0)
		return 0;
	r = gm_feed(km, &(struct gm_in){ .ev = GE_SOON }, fx);
	return r;
}

int
gm_timer(struct km *km, struct fx *fx)
{
	int r = ksa_timer(&km->keys.sas, km->now_ms, fx);

	if (r != 0 || (r = after_loss(km, fx)) != 0)
		return r;
	gm_peer_timer(km);
	if (km->gm->due_ms > km->now_ms)
		return 0;
	return gm_feed(km, &(struct gm_in){ .ev = GE_TIMER }, fx);
}

uint64_t
gm_due(const struct km *km)
{
	uint64_t due = ksa_due(&km->keys.sas);
	const struct gm_sa *sa = km->gm->sa;

	if (sa != NULL && sa->peer_frags != NULL && sa->frags_ms < due)
		due = sa->frags_ms;
	return km->gm->due_ms < due ? km->gm->due_ms : due;
}

static bool
all_up(const struct km *km)
{
	for (size_t i = 0; i < km->keys.sas.n; i++)
		if (km->keys.sas.v[i].drop_ms == KSA_NEVER &&
		    km->keys.sas.v[i].state != KSA_UP &&
		    km->keys.sas.v[i].state != KSA_GOING)
			return false;
	return has_keys(km);
}

int
gm_answer(struct km *km, struct ksa *k, const struct km_in *in, struct fx *fx)
{
	uint32_t spi = k->spi;
	bool ask = k->state == KSA_ASKED;
	int r = 0;

	ksa_answer(&km->keys.sas, k, in->sa.status, in->sa.text, km->now_ms);
	if (ask && in->sa.status != ST_OK)
		r = fx_note(fx, NOTE_WARN, "sa.refused",
		    "spi=0x%08x why=\"%s\"", spi, why_text(km->sa_why));
	if (all_up(km))
		km->keys.keyed = true;
	ksa_sweep(&km->keys.sas);
	return r;
}

/* Is there another SA for the same address that lasts longer? */
static bool
has_successor(const struct km *km, const struct ksa *k)
{
	for (size_t i = 0; i < km->keys.sas.n; i++) {
		const struct ksa *o = &km->keys.sas.v[i];

		if (o != k && addr_eq(&o->dst, &k->dst) &&
		    o->end_ms > k->end_ms)
			return true;
	}
	return false;
}

int
gm_expired(struct km *km, const struct km_in *in, struct fx *fx)
{
	struct ksa *k =
	    ksa_find(&km->keys.sas, in->expired.spi, &in->expired.dst);

	if (k == NULL)
		return 0;
	if (in->expired.hard) {
		k->state = KSA_GONE;
		return after_loss(km, fx);
	}
	if (k->drop_ms != KSA_NEVER || has_successor(km, k) ||
	    km->gm->state != GM_WAIT || km->gm->round > 0)
		return 0;
	return gm_feed(km, &(struct gm_in){ .ev = GE_SOON }, fx);
}

int
gm_resync(struct km *km, bool policyd, struct fx *fx)
{
	int r = ksa_resync(&km->keys.sas, SA_ENSURE, km->now_ms, fx);

	/* What it said of the GCKS, its successor may not say. */
	if (policyd && km->gm->sa != NULL)
		km->gm->sa->stale = true;
	ksa_sweep(&km->keys.sas);
	if (r != 0 ||
	    (km->gm->state != GM_MIXING && km->gm->state != GM_SIGNING &&
		km->gm->state != GM_CHECKING))
		return r;
	return gm_feed(km, &(struct gm_in){ .ev = GE_RESYNC }, fx);
}

/* While a GCKS is not authenticated there is nobody to say good-bye to. */
int
gm_leave(struct km *km, struct fx *fx)
{
	struct gm *gm = km->gm;

	switch (gm->state) {
	case GM_WAIT:
		return gm_feed(km, &(struct gm_in){ .ev = GE_LEAVE }, fx);
	case GM_REG_SENT: /* one request at a time */
		gm->leave = true;
		return 0;
	case GM_LEAVING:
		return 0;
	default:
		return gm_gone(km, fx);
	}
}

/*
 * groupd forgets with its process that it had the host leave; the group is
 * joined as before, and an operator who still wants to go says it again.
 */
int
gm_stay(struct km *km, struct fx *fx)
{
	struct gm *gm = km->gm;
	enum gm_state was = gm->state;
	int r;

	gm->leave = false;
	if (was != GM_LEAVING && was != GM_GONE)
		return 0;
	gm->cur = 0;
	gm->state = GM_OFF;
	if ((r = gm_feed(km, &(struct gm_in){ .ev = GE_START }, fx)) != 0)
		gm->state = was;
	return r;
}

enum group_state
gm_group_state(const struct km *km)
{
	for (size_t i = 0; i < km->keys.sas.n; i++)
		if (km->keys.sas.v[i].drop_ms == KSA_NEVER &&
		    km->keys.sas.v[i].no_esp)
			return GS_NO_ESP;
	return km->keys.keyed ? GS_KEYED : GS_REGISTERING;
}
