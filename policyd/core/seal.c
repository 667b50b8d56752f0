/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "common/crypto.h"
#include "common/wire.h"
#include "policyd/core/seal.h"

#define LABEL "MIKE seal"

int
seal_key(struct secret *boot, uint8_t slot, uint16_t instance,
    uint8_t out[SEAL_KEY_LEN])
{
	uint8_t where[3] = { slot, (uint8_t)(instance >> 8),
		(uint8_t)instance };
	struct chunk info[] = {
		{ (const uint8_t *)LABEL, sizeof(LABEL) - 1 },
		{ where, sizeof(where) },
	};

	if (secret_len(boot) != SEAL_SECRET_LEN)
		return -EINVAL;
	return hkdf_expand(
	    secret_bytes(boot), info, NITEMS(info), out, SEAL_KEY_LEN);
}

int
seal_read_keys(struct secret *boot, uint8_t slot, uint16_t n, uint16_t done,
    uint8_t out[SEAL_READ_MAX * SEAL_KEY_LEN], uint16_t *first, size_t *count)
{
	size_t want = done == 0 ? 0 : (size_t)(n - done);
	int r;

	if (n == 0 || done >= n)
		return -EINVAL;
	if (want > SEAL_READ_MAX)
		want = SEAL_READ_MAX;
	for (size_t i = 0; i < want; i++) {
		r = seal_key(
		    boot, slot, (uint16_t)(done + i), out + i * SEAL_KEY_LEN);
		if (r) {
			explicit_bzero(out, i * SEAL_KEY_LEN);
			return r;
		}
	}
	*first = done == 0 ? n : done;
	*count = want;
	return 0;
}
