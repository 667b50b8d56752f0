/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_SHELL_H
#define KEYMGRD_SHELL_H

/*
 * The key manager's shell: moves messages, time and sealed records between
 * the core (keymgrd/core/km.h) and the edges to groupd, dispatcherd and
 * policyd.
 */

#include "common/util.h"

struct event_base;
struct shell;

#define SHELL_STATE_FD 3 /* inherited from mike-spawn */

struct shell *shell_new(struct event_base *base, uint8_t slot);
/* Connect the three edges, as seen from inside the chroot. */
void shell_open(struct shell *s);

#endif
