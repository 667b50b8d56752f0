/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_LIB_WORLD_H
#define TESTS_BENCH_LIB_WORLD_H

/*
 * A key server out of two cores, its key manager's and policyd's, and members
 * that register with it, all in one thread of one process.
 */

#include "mikesim/core/ca.h"

struct bworld;

/* The server has a certificate of this CA; or a pre-shared key (ca NULL). */
struct bworld *bworld_new(struct ca *ca);
void bworld_free(struct bworld **w);
/*
 * One registration of a member whose key manager is real and whose policyd
 * signs what it is asked and believes everybody.  leaf: its certificate, or
 * NULL with a pre-shared key.  Returns the octets of all messages.
 */
size_t bworld_register(struct bworld *w, const struct leaf *leaf);
/* The same by the played member of joiner.c. */
size_t bworld_play(struct bworld *w, const struct leaf *leaf);
/* Processor time of the server so far, in microseconds. */
double bworld_us(const struct bworld *w);

#endif
