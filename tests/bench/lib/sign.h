/* SPDX-License-Identifier: ISC */
#ifndef TESTS_BENCH_LIB_SIGN_H
#define TESTS_BENCH_LIB_SIGN_H

/* AUTH payloads of peers that the benches play. */

#include "common/ike/auth.h"
#include "mikesim/core/ca.h"

#define METHOD_PSK 2
#define METHOD_SIGNATURE 14 /* RFC 7427, here with Ed25519 (RFC 8420) */
#define SIGN_AUTH_MAX 128

struct signer {
	const struct leaf *leaf; /* NULL: psk is used */
	struct chunk psk;
};

struct signed_parts {
	enum prf_alg prf;
	struct chunk init, nonce, maced_id;
};

struct sign_auth {
	uint8_t method;
	uint8_t data[SIGN_AUTH_MAX];
	size_t len;
};

void sign_make(const struct signer *s, const struct signed_parts *p,
    struct sign_auth *out);
/* Did the owner of a certificate that the anchor has signed write this? */
bool sign_verify(struct chunk anchor, struct chunk cert,
    const struct signed_parts *p, struct chunk auth);

#endif
