/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/core/auth.h"
#include "tests/lib/pinit.h"
#include "tests/lib/pol.h"

#define eq assert_int_equal

/* Keys mixed with a post-quantum preshared key. */

static struct policy *pol;
static struct pol_creds creds;
static const char *why;

#define WITH_PPK                                                               \
	POL_HOST("hq-01",                                                      \
	    "\"192.0.2.1\" } ppk = a ppk-id = \"night watch\" interface = "    \
	    "{ \"eth0\"")                                                      \
	POL_PEERS POL_GROUP("ops", "sender", POL_OPS)

static struct pol_asker
asker(void)
{
	policy_free(&pol);
	pol = pol_from(WITH_PPK);
	return (struct pol_asker){ pol, &pol->group[0], 5, &creds, 0 };
}

static void
no_mix(const struct pol_asker *a, const struct msg_ppk_mix *m, const char *part)
{
	static const uint8_t zero[POL_SK_MAX];
	uint8_t out[POL_SK_MAX] = { 0 };

	eq(pol_ppk_mix(a, m, out, &why), ST_REFUSED);
	assert_memory_equal(out, zero, sizeof(zero));
	if (strstr(why, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, why);
}

/* Replaced, each alone, by prf+ under the PPK: RFC 8784 3. */
static void
keys_are_mixed_as_the_rfc_says(void **state)
{
	static const char text[] = "a post-quantum key";
	static const uint8_t id[] = "\2night watch";
	uint8_t sk[144], out[POL_SK_MAX], want[48];
	struct pol_asker a = asker();
	struct msg_ppk_mix m = { .prf = PRF_SHA256,
		.ppk_id = { id, sizeof(id) - 1 },
		.sk = { sk, 96 } };

	(void)state;
	for (size_t i = 0; i < sizeof(sk); i++)
		sk[i] = (uint8_t)i;
	no_mix(&a, &m, "no PPK");
	creds.ppk = secret_from(text, sizeof(text) - 1);
	for (int i = 0; i < 2; i++) {
		size_t n = i ? 48 : 32;

		m.prf = i ? PRF_SHA384 : PRF_SHA256;
		m.sk.len = 3 * n;
		eq(pol_ppk_mix(&a, &m, out, &why), ST_OK);
		for (size_t k = 0; k < 3; k++) {
			/* One block of prf+ is prf(key, seed | 1). */
			struct chunk seed[] = { { sk + k * n, n },
				{ (const uint8_t *)"\1", 1 } };

			eq(prf((enum prf_alg)m.prf, (const uint8_t *)text,
			       sizeof(text) - 1, seed, 2, want),
			    0);
			assert_memory_equal(out + k * n, want, n);
		}
	}
	secret_free(&creds.ppk);
}

static void
a_stolen_channel_mixes_with_no_other_ppk(void **state)
{
	static const uint8_t id[] = "\2night watch";
	uint8_t sk[144] = { 1 }, out[POL_SK_MAX];
	struct pol_asker a = asker();
	struct msg_ppk_mix m = { .prf = PRF_SHA384,
		.ppk_id = { id, sizeof(id) - 1 },
		.sk = { sk, 143 } };

	(void)state;
	creds.ppk = secret_from("a post-quantum key", 18);
	no_mix(&a, &m, "PRF or keys");
	m.sk.len = 96;
	no_mix(&a, &m, "PRF or keys");
	m.prf = 7;
	no_mix(&a, &m, "PRF or keys");
	m.prf = PRF_SHA256;
	eq(pol_ppk_mix(&a, &m, out, &why), ST_OK);
	m.ppk_id = OCTETS(id); /* one octet more */
	no_mix(&a, &m, "PPK_ID");
	m.ppk_id = (struct chunk){ id + 1, sizeof(id) - 2 };
	no_mix(&a, &m, "PPK_ID");
	m.ppk_id = (struct chunk){ (const uint8_t *)"\1night watch", 12 };
	no_mix(&a, &m, "PPK_ID");
	m.ppk_id.len = 0;
	no_mix(&a, &m, "PPK_ID");
	secret_free(&creds.ppk);
}

static int
teardown(void **state)
{
	(void)state;
	policy_free(&pol);
	return 0;
}

static int
group_setup(void **state)
{
	(void)state;
	return crypto_init() || secret_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    keys_are_mixed_as_the_rfc_says, teardown),
		cmocka_unit_test_teardown(
		    a_stolen_channel_mixes_with_no_other_ppk, teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
