/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_DISP_H
#define DISPATCHERD_DISP_H

/*
 * What runs between the network, the kernel and the edges.  The order of
 * start-up is main()'s; each step here says what it needs to be before it.
 */

#include "common/proc.h"

struct disp;

/* 1. As root: sockets of the network and of the kernel. */
struct disp *disp_open(const struct opts *o);
/* 2. After the drop: no directory but those of the edges can be written. */
void disp_confine(struct disp *d);
/* 3. Bind all edges. */
void disp_channels(struct disp *d);
/* 4. Until somebody kills the process. */
void disp_run(struct disp *d) NORETURN;

#endif
