/* SPDX-License-Identifier: ISC */
#ifndef GROUPD_CORE_LOAD_H
#define GROUPD_CORE_LOAD_H

/*
 * When to ask for cookies: from the moment that more than `above` requests
 * without one came within a second, until for LOAD_CALM_MS there was no
 * second with half as many.
 */

#include "common/util.h"

#define LOAD_CALM_MS 10000

struct load {
	uint32_t above;		    /* requests/s; 0: always */
	uint32_t n;		    /* in the second that began at begin_ms */
	uint64_t begin_ms, busy_ms; /* the last second with many */
	bool under;
};

void load_init(struct load *l, uint32_t above);
void load_limit(struct load *l, uint32_t above);
/* One more request without a valid cookie. */
void load_count(struct load *l, uint64_t now_ms);
bool load_is_high(struct load *l, uint64_t now_ms);

#endif
