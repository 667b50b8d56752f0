/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_PAIR_INT_H
#define TESTS_LIB_PAIR_INT_H

#include "tests/lib/pair.h"

struct item { /* a queued event; octets are put into it when it is due */
	struct item *next;
	unsigned int host;
	struct km_in in;
	uint8_t *octets;
	size_t len;
};

struct item *item_new(
    unsigned int host, enum km_ev ev, const void *p, size_t len);
void item_push(struct world *w, struct item *it);

/* KM_FX_SIGN, KM_FX_CHECK, KM_FX_MIX of host i: the answers are queued. */
void policyd_sign(struct world *w, unsigned int i, const struct km_fx *e);
void policyd_check(struct world *w, unsigned int i, const struct km_fx *e);
void policyd_mix(struct world *w, unsigned int i, const struct km_fx *e);

/* What must never repeat: IVs with other octets, SPIs of exchanges. */
void check_packet(
    struct world *w, unsigned int host, const uint8_t *p, size_t len);
/* Carry out a request in the host's kernel; checks it as dispatcherd does. */
enum ipc_status kernel_do(
    struct world *w, struct host *h, const struct km_fx *e);
void kernel_time(struct world *w); /* end what is at its end */

#endif
