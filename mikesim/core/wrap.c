/* SPDX-License-Identifier: ISC */
/*
 * What the cores do not show of themselves, seen from the outside: the linker
 * sends calls of these functions through here (mk/build.mk).  So a simulation
 * counts operations and knows the keys of its IKE SAs, and no daemon has a
 * way to give any away.
 */

#include "keymgrd/core/ike/keys.h"
#include "mikesim/core/site.h"
#include "policyd/core/x509.h"

/* clang-format off */
#define WRAP(type, name, args) \
	type __real_##name args; \
	type __wrap_##name args; \
	type __wrap_##name args
/* clang-format on */

static void
count(enum res_op op)
{
	if (sim_here != NULL)
		sim_here->ops[op]++;
}

WRAP(int, ike_keys_derive,
    (const struct ike_suite *suite, struct chunk shared, struct chunk ni,
	struct chunk nr, const uint8_t spi_i[8], const uint8_t spi_r[8],
	struct ike_keys *out))
{
	struct obs o = { .kind = OBS_KEYS };
	int r =
	    __real_ike_keys_derive(suite, shared, ni, nr, spi_i, spi_r, out);

	if (r != 0 || sim_here == NULL || !is_shown(sim_here))
		return r;
	o.t = sim_here->now;
	o.host = sim_here->cur->no;
	for (size_t i = 0; i < 8; i++) {
		o.keys.spi_i[i] = spi_i[i];
		o.keys.spi_r[i] = spi_r[i];
	}
	o.keys.suite = suite;
	o.keys.keys = out;
	show(sim_here, &o);
	return r;
}

WRAP(int, sig_make,
    (const struct sig_key *k, uint8_t hashes, const struct chunk in[SIG_PARTS],
	uint8_t out[SIG_AUTH_MAX], size_t *len, const char **why))
{
	count(OP_SIGN);
	return __real_sig_make(k, hashes, in, out, len, why);
}

WRAP(int, sig_check,
    (const struct sig_key *k, struct chunk auth, bool pkcs1,
	const struct chunk in[SIG_PARTS], const char **why))
{
	count(OP_VERIFY);
	return __real_sig_check(k, auth, pkcs1, in, why);
}

WRAP(int, ke_public, (uint16_t group, const uint8_t *priv, uint8_t *pub))
{
	count(OP_KEYGEN);
	return __real_ke_public(group, priv, pub);
}

WRAP(int, ke_shared,
    (uint16_t group, const uint8_t *priv, struct chunk peer_pub, uint8_t *out))
{
	count(OP_DERIVE);
	return __real_ke_shared(group, priv, peer_pub, out);
}

WRAP(enum auth_cause, x509_check,
    (struct x509_trust * t, const struct x509_chain *c, int64_t now, bool p384,
	uint32_t *valid_s, const char **why))
{
	count(OP_CHAIN);
	return __real_x509_check(t, c, now, p384, valid_s, why);
}
