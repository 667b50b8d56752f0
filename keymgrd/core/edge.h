/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_EDGE_H
#define KEYMGRD_CORE_EDGE_H

/*
 * Effects and events of the core as the messages of ipc/schema.h: for the
 * shell, the tests and the simulation alike.
 */

#include "ipc/msg.h"
#include "keymgrd/core/km.h"

/*
 * An effect as a message and whom it is for; octets are borrowed from fx.
 * role: of this host in the group.  False: it is none (a state record, a note,
 * and what needs more than the effect says: KM_FX_CHANGED, KM_FX_LEFT).
 */
bool km_fx_msg(
    const struct km_fx *fx, enum role role, struct msg *m, enum peer *to);

/*
 * A message as an event; octets are borrowed from m, now_ms is the caller's.
 * -EPROTO: it is none, or an address in it is not one.
 */
int km_in_msg(const struct msg *m, struct km_in *in) MUST_CHECK;

#endif
