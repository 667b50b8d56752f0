/* SPDX-License-Identifier: ISC */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

/* IP addresses and UDP endpoints without socket headers, for the cores. */

#include "common/util.h"

#define ADDR_STRLEN 46

struct addr {
	uint8_t len;   /* 0 none, 4 or 16 */
	uint8_t b[16]; /* network order; unused octets are zero */
};

struct endpoint {
	struct addr addr;
	uint16_t port; /* host order */
};

int addr_from(struct addr *a, const void *p, size_t len) MUST_CHECK;
int addr_parse(struct addr *a, const char *text) MUST_CHECK; /* -EINVAL */
const char *addr_text(const struct addr *a, char buf[ADDR_STRLEN]);
bool addr_eq(const struct addr *a, const struct addr *b);
bool addr_is_multicast(const struct addr *a);
/* Is a inside net/prefix?  A net of length 0 holds every address. */
bool addr_in(const struct addr *a, const struct addr *net, uint8_t prefix);

#endif
