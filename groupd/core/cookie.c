/* SPDX-License-Identifier: ISC */
#include "groupd/core/cookie.h"

#include <errno.h>
#include <string.h>

#include "common/crypto.h"
#include "common/secret.h"

void
cookie_init(struct cookie_jar *j)
{
	*j = (struct cookie_jar){ 0 };
}

bool
cookie_due(const struct cookie_jar *j, uint64_t now_ms)
{
	return !j->made || now_ms - j->made_ms >= COOKIE_PERIOD_MS;
}

void
cookie_renew(struct cookie_jar *j, const uint8_t secret[COOKIE_SECRET_LEN],
    uint64_t now_ms)
{
	j->has_old = j->made;
	j->made = true;
	j->made_ms = now_ms;
	j->version++;
	memcpy(j->secret[j->version & 1], secret, COOKIE_SECRET_LEN);
}

/*
 * A hash over a secret prefix can be extended by whoever sees all of it; half
 * of it is never shown, so it cannot.  What has no fixed length comes last or
 * behind its length.
 */
static int
compute(const struct cookie_jar *j, uint8_t version,
    const struct ike_init_view *v, const struct addr *peer,
    uint8_t out[COOKIE_LEN])
{
	uint8_t lens[] = { version, peer->len, (uint8_t)v->mike_group.len };
	uint8_t h[SHA256_LEN];
	struct chunk in[] = {
		{ j->secret[version & 1], COOKIE_SECRET_LEN },
		{ lens, sizeof(lens) },
		{ peer->b, peer->len },
		{ v->hdr.spi_i, sizeof(v->hdr.spi_i) },
		v->mike_group,
		v->nonce,
	};
	int r;

	if ((r = sha256(in, NITEMS(in), h)) != 0)
		return r;
	out[0] = version;
	memcpy(out + 1, h, COOKIE_LEN - 1);
	return 0;
}

int
cookie_make(const struct cookie_jar *j, const struct ike_init_view *v,
    const struct addr *peer, uint8_t out[COOKIE_LEN])
{
	if (!j->made)
		return -ENOKEY;
	return compute(j, j->version, v, peer, out);
}

/* Secrets are renewed late on a host that sleeps: their age counts, too. */
static bool
version_lives(const struct cookie_jar *j, uint8_t version, uint64_t now_ms)
{
	uint64_t age = now_ms - j->made_ms;

	if (!j->made)
		return false;
	if (version == j->version)
		return age < 2 * COOKIE_PERIOD_MS;
	return j->has_old && version == (uint8_t)(j->version - 1) &&
	       age < COOKIE_PERIOD_MS;
}

bool
cookie_ok(const struct cookie_jar *j, const struct ike_init_view *v,
    const struct addr *peer, uint64_t now_ms)
{
	uint8_t want[COOKIE_LEN];

	if (v->cookie.len != COOKIE_LEN ||
	    !version_lives(j, v->cookie.p[0], now_ms) ||
	    compute(j, v->cookie.p[0], v, peer, want) != 0)
		return false;
	return secret_eq(want, v->cookie.p, COOKIE_LEN);
}
