/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gm_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

/*
 * The whole protocol.  A pair that is not listed is an error, not a no-op.
 * An action that fails with GM_FAILED goes on with the next GCKS.
 */
/* clang-format off */
static const struct edge {
	enum gm_state at;
	enum gm_event ev;
	gm_act *act;
	enum gm_state to;
} edges[] = {
	{ GM_OFF,       GE_START,   gm_begin,      GM_INIT_SENT },
	{ GM_WAIT,      GE_TIMER,   gm_begin,      GM_INIT_SENT },
	{ GM_WAIT,      GE_SOON,    gm_hurry,      GM_WAIT      },
	{ GM_INIT_SENT, GE_TIMER,   gm_resend,     GM_INIT_SENT },
	{ GM_INIT_SENT, GE_INIT,    gm_got_init,   GM_SIGNING   },
	{ GM_SIGNING,   GE_SIGNED,  gm_send_auth,  GM_AUTH_SENT },
	{ GM_SIGNING,   GE_TIMER,   gm_no_policyd, GM_SIGNING   },
	{ GM_SIGNING,   GE_RESYNC,  gm_ask_again,  GM_SIGNING   },
	{ GM_AUTH_SENT, GE_TIMER,   gm_resend,     GM_AUTH_SENT },
	{ GM_AUTH_SENT, GE_AUTH,    gm_got_auth,   GM_CHECKING  },
	{ GM_CHECKING,  GE_CHECKED, gm_conclude,   GM_WAIT      },
	{ GM_CHECKING,  GE_TIMER,   gm_no_policyd, GM_CHECKING  },
	{ GM_CHECKING,  GE_RESYNC,  gm_ask_again,  GM_CHECKING  },
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
	free(*gm);
	*gm = NULL;
}

/* -- the machine -------------------------------------------------------- */

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
	    gm_current(km)->name, gm->why);

	if (r != 0 || (r = km_record_counts(km, fx)) != 0)
		return r;
	if (gm->cur + 1 < km->conf.n_gcks) {
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
gm_feed(struct km *km, const struct gm_in *in, struct fx *fx)
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
		return next_gcks(km, fx);
	}
	if (r == 0)
		km->gm->state = e->to;
	return r;
}

/* A record from the future: not of this boot, or the clock was set back. */
static void
limit_times(struct km *km)
{
	uint64_t last = km->now_ms + km->conf.lifetime_s * 1000ull;

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

		for (size_t j = 0; j < km->conf.n_addr; j++)
			ours |= addr_eq(&km->conf.addr[j].dst, &k->dst);
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
from_gcks(const struct km *km, const struct ike_hdr *h, const struct km_in *in)
{
	const struct km_gcks *g = gm_current(km);

	return km->gm->hs != NULL &&
	       memcmp(h->spi_i, km->gm->hs->spi_i, 8) == 0 &&
	       in->dgram.peer.port == g->peer.port &&
	       addr_eq(&in->dgram.peer.addr, &g->peer.addr);
}

int
gm_dgram(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx)
{
	struct gm_in gi = { .hdr = h, .msg = in->dgram.data, .in = in };
	int r;

	if (!(h->flags & IKE_F_RESPONSE) || h->flags & IKE_F_INITIATOR) {
		km->count[C_DROP_UNEXPECTED]++;
		return -EBADMSG;
	}
	if (!from_gcks(km, h, in)) {
		km->count[C_DROP_NO_SA]++;
		return -EBADMSG;
	}
	if (h->exchange == IKE_SA_INIT && h->mid == 0) {
		gi.ev = GE_INIT;
	} else if (h->exchange == GSA_AUTH && h->mid == 1 &&
		   memcmp(h->spi_r, km->gm->hs->spi_r, 8) == 0) {
		gi.ev = GE_AUTH;
	} else {
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
gm_policyd(struct km *km, const struct km_in *in, struct fx *fx)
{
	bool sig = in->ev == KM_EV_SIGNED;
	struct gm_in gi = { .ev = sig ? GE_SIGNED : GE_CHECKED, .in = in };

	if ((sig ? in->sig.req : in->checked.req) != km->gm->req) {
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
	if (km->gm->due_ms > km->now_ms)
		return 0;
	return gm_feed(km, &(struct gm_in){ .ev = GE_TIMER }, fx);
}

uint64_t
gm_due(const struct km *km)
{
	uint64_t due = ksa_due(&km->keys.sas);

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
		    "spi=0x%08x why=\"%s\"", spi, km->keys.sas.why);
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
gm_resync(struct km *km, struct fx *fx)
{
	int r = ksa_resync(&km->keys.sas, SA_ENSURE, km->now_ms, fx);

	ksa_sweep(&km->keys.sas);
	if (r != 0 ||
	    (km->gm->state != GM_SIGNING && km->gm->state != GM_CHECKING))
		return r;
	return gm_feed(km, &(struct gm_in){ .ev = GE_RESYNC }, fx);
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
