/* SPDX-License-Identifier: ISC */
#ifndef GROUPD_CORE_COOKIE_H
#define GROUPD_CORE_COOKIE_H

/*
 * Cookies of RFC 7296 2.6: proof that whoever sends an IKE_SA_INIT request
 * gets what is sent to its address, without keeping anything about it.
 *
 *   cookie = version | hash(secret[version], version | IPi | SPIi |
 *                           MIKE_GROUP or nothing | Ni) [0..15]
 *
 * The port is not in it: a NAT may change it between two requests.  A secret
 * is in use for COOKIE_PERIOD_MS and believed for as long again; which one a
 * cookie was made with is what the version says.  The clock and the secrets'
 * octets come from outside.
 */

#include "common/addr.h"
#include "common/ike/hdr.h"

#define COOKIE_LEN 17
#define COOKIE_SECRET_LEN 32
#define COOKIE_PERIOD_MS 60000

struct cookie_jar {
	uint8_t secret[2][COOKIE_SECRET_LEN]; /* [version & 1] is in use */
	uint8_t version;
	bool made;	  /* there is a secret */
	bool has_old;	  /* and one before it */
	uint64_t made_ms; /* when the one in use was */
};

void cookie_init(struct cookie_jar *j);
/* Is it time for a new secret?  Nothing is made or believed before the first. */
bool cookie_due(const struct cookie_jar *j, uint64_t now_ms);
void cookie_renew(struct cookie_jar *j, const uint8_t secret[COOKIE_SECRET_LEN],
    uint64_t now_ms);

/* -ENOKEY: no secret yet; -EIO: no hash. */
int cookie_make(const struct cookie_jar *j, const struct ike_init_view *v,
    const struct addr *peer, uint8_t out[COOKIE_LEN]) MUST_CHECK;
/* Does the request bring the cookie that was made for it and its sender? */
bool cookie_ok(const struct cookie_jar *j, const struct ike_init_view *v,
    const struct addr *peer, uint64_t now_ms);

#endif
