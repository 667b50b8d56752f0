/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_REFUSED_H
#define KEYMGRD_CORE_REFUSED_H

/*
 * Who was refused lately, for the operator: by identity and cause, the oldest
 * giving way.  An identity that was not authenticated is what was claimed.
 */

#include "common/addr.h"

#define REFUSED_MAX 16
#define REFUSED_WHO 128

struct refused {
	char who[REFUSED_WHO];
	const char *cause; /* static */
	struct addr peer;  /* the last one's */
	uint32_t times;
	uint64_t last_ms;
};

struct refused_log {
	struct refused v[REFUSED_MAX];
	size_t n;
};

/* *l NULL: there is none yet; without memory for one nothing is kept. */
void refused_add(struct refused_log **l, const char *who, const char *cause,
    const struct addr *peer, uint64_t now_ms);

#endif
