/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_PINIT_H
#define TESTS_LIB_PINIT_H

/* IKE_SA_INIT messages for tests of policyd: as much as it looks at. */

#include "common/util.h"

#define OCTETS(a) ((struct chunk){ (a), sizeof(a) })

extern const uint8_t pinit_nonce_i[32], pinit_nonce_r[32];

/* A message; what of it a test bends. */
struct pinit {
	uint8_t flags, exchange, spi_i0, spi_r0;
	const char *group; /* NULL: no MIKE_GROUP */
	struct chunk nonce;
	bool twice; /* a second MIKE_GROUP */
};

/* From and to slot 5. */
struct pinit pinit_request(const char *group);
struct pinit pinit_response(const char *group);
/* Static; the next but one call takes its place. */
struct chunk pinit_msg(const struct pinit *in);

#endif
