/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gm_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Requests of the GCKS on the IKE SA that this host opened: liveness, Delete,
 * and what is refused.
 */

static int
answer(struct km *km, const struct ike_hdr *req, uint16_t type,
    struct chunk data, const struct km_in *in, struct fx *fx)
{
	struct ike_hdr h = *req;
	struct gm_sa *sa = km->gm->sa;
	size_t len, limit = sa->fragments ? init_limit(km, &in->dgram.peer) : 0;
	struct body b;
	uint8_t *p;
	int r;

	/* As the original initiator, whoever asked: RFC 7296 3.1. */
	h.flags = IKE_F_RESPONSE | IKE_F_INITIATOR;
	if ((r = body_begin(&b)) != 0 ||
	    (type != 0 && (r = pld_notify_put(&b.chain, type, data)) != 0) ||
	    (r = body_protect(km, &b, &h, &sa->i, limit, &p, &len)) != 0)
		return r;
	r = body_send(fx, &in->dgram.local, &in->dgram.peer, p, len);
	if (r != 0) {
		free(p);
		return r;
	}
	free(sa->resp);
	sa->resp = p;
	sa->resp_len = len;
	sa->peer_mid = req->mid + 1;
	return 0;
}

/*
 * An IKE SA that the GCKS deletes, while there is no Rekey SA, means that this
 * host is no longer of the group (RFC 9838 2.3.1): its keys go at once.  It
 * asks again, a little later, and is told.
 */
static int
excluded(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx)
{
	struct gm *gm = km->gm;
	uint64_t wait;
	int r;

	/* What can fail comes first: it is answered when it is done. */
	if ((r = km_rand_between(km, 1000, 5000, &wait)) != 0 ||
	    (r = fx_note(fx, NOTE_WARN, "reg.deleted", "gcks=%s",
		 gm_current(km)->name)) != 0)
		return r;
	for (size_t i = 0; i < km->keys.sas.n && r == 0; i++)
		r = ksa_delete(&km->keys.sas, &km->keys.sas.v[i], fx);
	if (r != 0 || (r = km_record_keys(km, fx)) != 0 ||
	    (r = answer(km, h, 0, (struct chunk){ NULL, 0 }, in, fx)) != 0)
		return r;
	km->keys.keyed = false;
	km->count[C_DELETED]++;
	if (gm->state == GM_LEAVING) /* so it knows already */
		return gm_gone(km, fx);
	gm_sa_free(&gm->sa);
	gm_hs_free(&gm->hs);
	gm->state = GM_WAIT;
	gm->due_ms = km->now_ms + wait;
	return 0;
}

static int
serve(struct km *km, const struct ike_hdr *h, struct ike_view *v,
    const struct km_in *in, struct fx *fx)
{
	struct chunk none = { NULL, 0 };
	int r;

	if (v->critical != 0) {
		km->count[C_CRITICAL]++;
		return answer(km, h, N_UNSUPPORTED_CRITICAL_PAYLOAD,
		    (struct chunk){ &v->critical, 1 }, in, fx);
	}
	if (h->exchange == IKE_CREATE_CHILD_SA) {
		km->count[C_CHILD]++;
		return answer(km, h,
		    ike_has(&v->ts_i) ? N_NO_ADDITIONAL_SAS
				      : N_TEMPORARY_FAILURE,
		    none, in, fx);
	}
	if (h->exchange != IKE_INFORMATIONAL) {
		/* GSA_INBAND_REKEY, mostly: this host registers instead. */
		km->count[C_SYNTAX]++;
		return answer(km, h, N_NO_PROPOSAL_CHOSEN, none, in, fx);
	}
	if (ike_deletes_sa(v))
		return excluded(km, h, in, fx);
	if ((r = answer(km, h, 0, none, in, fx)) == 0)
		km->count[C_LIVENESS]++;
	return r;
}

/*
 * The answer once more, for the same octets; of a message in fragments for
 * the first one (RFC 7383 2.6.1).
 */
static int
repeat(struct km *km, uint16_t frag, const uint8_t *digest,
    const struct km_in *in, struct fx *fx)
{
	struct gm_sa *sa = km->gm->sa;

	if (frag > 1)
		return 0;
	if (memcmp(sa->peer_digest, digest, sizeof(sa->peer_digest)) != 0) {
		km->count[C_DROP_REPLAY]++;
		return -EBADMSG;
	}
	km->count[C_REPEATED]++;
	return body_send(
	    fx, &in->dgram.local, &in->dgram.peer, sa->resp, sa->resp_len);
}

/* What cannot be read ends the IKE SA at both ends: RFC 7296 2.21.3. */
static int
unreadable(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx)
{
	int r =
	    answer(km, h, N_INVALID_SYNTAX, (struct chunk){ NULL, 0 }, in, fx);

	if (r != 0)
		return r;
	km->count[C_SYNTAX]++;
	gm_sa_free(&km->gm->sa);
	return 0;
}

/* The next request, or a part of it. */
static int
take(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct sk_plain *o)
{
	struct gm_sa *sa = km->gm->sa;
	bool first = sa->peer_frags == NULL;
	int r;

	if (h->mid != sa->peer_mid) {
		km->count[C_DROP_REPLAY]++;
		return -EBADMSG;
	}
	r = sk_take(&sa->r, in->dgram.data, &sa->peer_frags, o);
	if (r == -EBADMSG)
		km->count[C_DROP_INTEGRITY]++;
	if (r == -EAGAIN && first)
		sa->frags_ms = km->now_ms + FRAGS_MS;
	if (r == -EAGAIN || r == -EALREADY)
		km->count[r == -EAGAIN ? C_FRAGMENT : C_DROP_FRAGMENT]++;
	return r;
}

void
gm_peer_timer(struct km *km)
{
	struct gm_sa *sa = km->gm->sa;

	if (sa != NULL && sa->peer_frags != NULL && sa->frags_ms <= km->now_ms)
		sk_frags_free(&sa->peer_frags);
}

int
gm_peer(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx)
{
	struct gm_sa *sa = km->gm->sa;
	uint16_t frag = sk_frag_no(in->dgram.data);
	uint8_t digest[SHA256_LEN] = { 0 };
	struct ike_view v = { 0 };
	struct sk_plain o = { 0 };
	int r;

	if (frag == 1 && (r = sha256(&in->dgram.data, 1, digest)) != 0)
		return r;
	if (sa->resp != NULL && h->mid + 1 == sa->peer_mid)
		return repeat(km, frag, digest, in, fx);
	r = take(km, h, in, &o);
	if (frag == 1 && (r == 0 || r == -EAGAIN))
		memcpy(sa->next_digest, digest, sizeof(sa->next_digest));
	if (r != 0)
		return r == -EAGAIN || r == -EALREADY ? 0 : r;
	memcpy(sa->peer_digest, sa->next_digest, sizeof(sa->peer_digest));
	if (ike_view_get(o.first, o.inner, &v) != 0)
		r = unreadable(km, h, in, fx);
	else
		r = serve(km, h, &v, in, fx);
	sk_plain_free(&o);
	return r;
}
