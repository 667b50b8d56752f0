/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_CORE_RATE_H
#define DISPATCHERD_CORE_RATE_H

/*
 * A token bucket per source address, in a table of fixed size: a keyed hash
 * names a row, a row has a few places, so each datagram costs the same.
 *
 * Nobody is refused because the table is full: a new source takes the place
 * of the one in its row that has used the least of its budget, and starts
 * with a full bucket.  So a flood of forged sources, each of which sends once
 * or twice, can neither shut anybody out nor wash away the record of somebody
 * who sends too much; what it can do is to get its own datagrams through, as
 * with any limit per source.
 */

#include "common/addr.h"
#include "dispatcherd/core/siphash.h"

#define RATE_ROWS 1024 /* of a host that answers anybody */
#define RATE_PLACES 8
#define RATE_BURST_S 2	 /* a bucket holds what the rate gives in this time */
#define RATE_BURST_MIN 8 /* or at least that: one registration with repeats */

struct rate;

/* rows: a power of two. */
struct rate *rate_new(const uint8_t key[SIPHASH_KEY_LEN], size_t rows);
void rate_free(struct rate **rt);
/* May src send one more datagram now?  Takes a token if so. */
bool rate_allows(
    struct rate *rt, const struct addr *src, uint32_t per_s, uint64_t now_ms);

#endif
