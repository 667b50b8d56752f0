/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_CORE_FILTER_H
#define DISPATCHERD_CORE_FILTER_H

/*
 * Which datagrams pass between the network and groupd.  Looks at the
 * addresses and at the 28 octets of the IKE header, never behind them.
 */

#include "common/addr.h"
#include "dispatcherd/core/rules.h"
#include "dispatcherd/core/siphash.h"

enum pass_dir { PASS_IN, PASS_OUT, PASS_DIRS };

enum drop {
	DROP_NONE,	/* passes */
	DROP_MALFORMED, /* shorter than a header, version, length field */
	DROP_OVERSIZE,
	DROP_NO_RULES, /* policyd has not spoken yet */
	DROP_LOCAL,    /* own address is not one to listen on */
	DROP_NO_RULE,  /* no rule admits the peer */
	DROP_RATE,
	DROP_EMCON,   /* the host must not transmit */
	DROP_BACKLOG, /* groupd is away or slow */
	DROP_SOCKET,  /* the kernel did not take it, or lost its tail */
	DROP_CAUSES
};

struct dgram {
	struct endpoint local, peer;
	struct chunk data;
};

struct filter;

/*
 * key: random, so that nobody can aim at a place in the table of sources;
 * rows: of that table (core/rate.h).
 */
struct filter *filter_new(const uint8_t key[SIPHASH_KEY_LEN], size_t rows);
void filter_free(struct filter **f);

/* Judge one datagram and count it.  r may be NULL: no rules yet. */
enum drop filter_pass(struct filter *f, enum pass_dir dir,
    const struct rules *r, const struct dgram *d, uint64_t now_ms);
/*
 * Does it begin an exchange with us, which anybody can?  Such a one is the
 * first to go when there is more than we can do; what belongs to an exchange
 * that is under way is not.
 */
bool dgram_is_new(const struct dgram *d);
/* One that passed was lost afterwards: takes it out of the passed ones. */
void filter_lost(struct filter *f, enum pass_dir dir, enum drop cause);
/* DROP_NONE counts what passed. */
uint64_t filter_count(
    const struct filter *f, enum pass_dir dir, enum drop cause);
const char *drop_name(enum drop cause); /* "malformed", ... */

#endif
