/* SPDX-License-Identifier: ISC */
/*
 * Are the simulation's invariants able to fail?  This is linked into a mikesim
 * whose cores are broken, one way at a time: the environment names the one.
 * Each stands in front of a function of a core (mk/test.mk), as the linker can
 * put it there without a line in the core.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "groupd/core/groups.h"
#include "keymgrd/core/chain.h"
#include "keymgrd/core/gm.h"
#include "keymgrd/core/ike/sk.h"
#include "keymgrd/core/life.h"
#include "keymgrd/core/record.h"
#include "policyd/core/auth.h"
#include "policyd/core/seal.h"

#define REAL(type, name, args)                                                 \
	type __real_##name args;                                               \
	type __wrap_##name args;                                               \
	type __wrap_##name args

static bool
is_broken(const char *what)
{
	const char *e = getenv("MIKESIM_MUTANT");

	return e != NULL && strcmp(e, what) == 0;
}

/* allowed: whoever shows who he is may have the keys. */
REAL(void, pol_auth_check,
    (const struct pol_asker *a, const struct msg_auth_check *m,
	struct pol_checked *out))
{
	__real_pol_auth_check(a, m, out);
	if (!is_broken("admit") || out->verdict != AV_FORBIDDEN)
		return;
	out->verdict = AV_OK;
	out->admit = ADMIT_RECEIVE;
	out->valid_s = 3600;
	out->why = "";
}

/* one-spi: there are so few SPIs that senders take the same ones. */
REAL(int, chain_spi,
    (const uint8_t root[CHAIN_ROOT_LEN], uint32_t leaf, uint8_t cls,
	const uint32_t *taken, size_t n, uint32_t *spi))
{
	int r = __real_chain_spi(root, leaf, cls, taken, n, spi);

	if (r == 0 && is_broken("spi"))
		*spi = CHAIN_SPI_MIN + *spi % 16;
	return r;
}

/* once: messages are protected under the IV of the one before. */
REAL(int, sk_protect,
    (const struct sk_key *k, const struct ike_hdr *h, uint8_t first,
	struct chunk plain, size_t limit, uint64_t *iv, struct wbuf *out))
{
	uint64_t was = *iv;
	int r = __real_sk_protect(k, h, first, plain, limit, iv, out);

	if (is_broken("iv"))
		*iv = was;
	return r;
}

/* in-first: the next step is in use as soon as it is on offer. */
REAL(uint64_t, life_switch_ms, (uint32_t lifetime_s))
{
	if (is_broken("early"))
		return life_prepare_ms(lifetime_s) + 1;
	return __real_life_switch_ms(lifetime_s);
}

/* current: a receiver never registers again. */
REAL(void, life_rereg_ms, (uint32_t lifetime_s, uint64_t *lo, uint64_t *hi))
{
	__real_life_rereg_ms(lifetime_s, lo, hi);
	if (is_broken("deaf"))
		*lo = *hi = lifetime_s * 100000ull;
}

/* state: a successor does not understand what its predecessor wrote. */
REAL(int, record_get,
    (struct chunk rec, enum role role, struct keys *keys, uint64_t *count,
	size_t n_count))
{
	if (is_broken("state"))
		return -EBADMSG;
	return __real_record_get(rec, role, keys, count, n_count);
}

/* seal: policyd has no number for a new instance of a key manager. */
REAL(int, seal_key,
    (struct secret * boot, uint8_t slot, uint16_t instance,
	uint8_t out[SEAL_KEY_LEN]))
{
	if (is_broken("seal"))
		return -EIO;
	return __real_seal_key(boot, slot, instance, out);
}

/* start: a receiver's key manager does not. */
REAL(int, gm_start, (struct km * km, struct fx *fx))
{
	if (is_broken("start"))
		return -EPROTO;
	return __real_gm_start(km, fx);
}

/* left, closed: a step of a group's life is left out. */
REAL(int, grp_step, (struct grp * g, enum life_ev ev, enum grp_fx *fx))
{
	int r = __real_grp_step(g, ev, fx);

	if (r == 0 && *fx == GF_SPD_CLEAR && is_broken("left"))
		r = __real_grp_step(g, E_DONE, fx);
	if (r == 0 && *fx == GF_SPD_SET && is_broken("closed"))
		r = __real_grp_step(g, E_DONE, fx);
	return r;
}

/* crash: a core that ends the process. */
REAL(bool, grp_runs, (const struct grp *g))
{
	bool runs = __real_grp_runs(g);

	must(!is_broken("crash") || g->life != L_PARTING);
	return runs;
}
