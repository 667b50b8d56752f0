/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gcks.h"

#include "keymgrd/core/ike/msg.h"

/* Liveness (empty), notifications, Delete: RFC 7296 1.4. */
static int
informational(
    struct km *km, struct ikesa *sa, const struct ike_view *v, struct fx *fx)
{
	int r = reply_notify(km, sa, &sa->r, IKE_INFORMATIONAL, 0, none, fx);

	if (r != 0)
		return r;
	/* It deletes the IKE SA, or found that we are not who we said. */
	if (ike_deletes_sa(v) ||
	    ike_ntf_find(v, N_AUTHENTICATION_FAILED) != NULL) {
		km->count[C_DELETED]++;
		r = fx_note(fx, NOTE_INFO, "member.gone",
		    "identity=\"%s\" member=%d", sa->who, sa->member);
		if (r == 0)
			gcks_end(km, sa);
		return r;
	}
	km->count[C_LIVENESS]++;
	gcks_keep(km, sa);
	return 0;
}

/*
 * There are no unicast Child SAs here, and an IKE SA is as old as its last
 * registration at most: who wants a younger one makes a new one.
 */
static int
create_child(
    struct km *km, struct ikesa *sa, const struct ike_view *v, struct fx *fx)
{
	uint16_t type =
	    ike_has(&v->ts_i) ? N_NO_ADDITIONAL_SAS : N_TEMPORARY_FAILURE;

	km->count[C_CHILD]++;
	return reply_notify(
	    km, sa, &sa->r, IKE_CREATE_CHILD_SA, type, none, fx);
}

/* What makes no sense ends the IKE SA at both ends: RFC 7296 2.21.3. */
int
gcks_unreadable(
    struct km *km, struct ikesa *sa, uint8_t exchange, struct fx *fx)
{
	int r =
	    reply_notify(km, sa, &sa->r, exchange, N_INVALID_SYNTAX, none, fx);

	if (r != 0)
		return r;
	km->count[C_SYNTAX]++;
	gcks_end(km, sa);
	return 0;
}

int
gcks_open(struct km *km, struct ikesa *sa, uint8_t exchange,
    const struct sk_plain *o, struct fx *fx)
{
	struct ike_view v;

	/* The peer is authenticated: it gets an answer, whatever it asked. */
	if (ike_view_get(o->first, o->inner, &v) != 0)
		return gcks_unreadable(km, sa, exchange, fx);
	if (v.critical != 0) {
		km->count[C_CRITICAL]++;
		return reply_notify(km, sa, &sa->r, exchange,
		    N_UNSUPPORTED_CRITICAL_PAYLOAD,
		    (struct chunk){ &v.critical, 1 }, fx);
	}
	switch (exchange) {
	case IKE_INFORMATIONAL:
		return informational(km, sa, &v, fx);
	case GSA_REGISTRATION:
		return gcks_register(km, sa, &v, fx);
	case IKE_CREATE_CHILD_SA:
		return create_child(km, sa, &v, fx);
	default:
		return gcks_unreadable(km, sa, exchange, fx);
	}
}
