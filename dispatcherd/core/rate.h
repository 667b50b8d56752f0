/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_CORE_RATE_H
#define DISPATCHERD_CORE_RATE_H

/*
 * A token bucket per source address, in a table of fixed size.
 *
 * Nobody is refused because the table is full: a new source takes the place
 * of the one that was silent longest and starts with a full bucket.  So who
 * can forge thousands of sources gets his datagrams through, as he would with
 * any limit per source, but cannot make the table grow and cannot use it to
 * shut out somebody else.
 */

#include "common/addr.h"

#define RATE_SOURCES 1024
#define RATE_BURST_S 2	 /* a bucket holds what the rate gives in this time */
#define RATE_BURST_MIN 8 /* or at least that: one registration with repeats */

struct rate;

struct rate *rate_new(void);
void rate_free(struct rate **rt);
/* May src send one more datagram now?  Takes a token if so. */
bool rate_allows(
    struct rate *rt, const struct addr *src, uint32_t per_s, uint64_t now_ms);

#endif
