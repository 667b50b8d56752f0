/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_EFFECTS_H
#define KEYMGRD_EFFECTS_H

#include "common/util.h"

struct shell;

/*
 * Carry out the effects in s->fx, in order.  A state record that cannot be
 * written is fatal: what depends on it must not leave.
 */
void effects_run(struct shell *s);
/* The same for a snapshot, which is records and nothing else. */
void effects_records(struct shell *s);
/* KM_STATE, unasked (req 0) or as part of an answer. */
void effects_state_send(struct shell *s, uint32_t req);
/* The whole answer to STATUS_GET. */
void effects_status_send(struct shell *s, uint32_t req);
/* The GCKS was told, or cannot be. */
void effects_left_send(struct shell *s, uint32_t req);

#endif
