/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "keymgrd/core/chain.h"
#include "keymgrd/core/life.h"

/* Expected values: HMAC and HKDF-Expand by Python's hmac module. */

static uint8_t root[CHAIN_ROOT_LEN];

static int
setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(root); i++)
		root[i] = (uint8_t)i;
	return crypto_init();
}

static void
from_hex(const char *hex, uint8_t *out, size_t len)
{
	assert_int_equal(strlen(hex), 2 * len);
	for (size_t i = 0; i < len; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
}

static void
next_root(void **state)
{
	uint8_t next[CHAIN_ROOT_LEN], want[CHAIN_ROOT_LEN];

	(void)state;
	from_hex("18c6549382a141fb12b0eafeea23810a"
		 "2eea2283ad3175c5e0c4390373ac6d5a",
	    want, sizeof(want));
	assert_int_equal(chain_next(root, next), 0);
	assert_memory_equal(next, want, sizeof(want));
	/* In place as well: a step replaces the one before. */
	memcpy(next, root, sizeof(next));
	assert_int_equal(chain_next(next, next), 0);
	assert_memory_equal(next, want, sizeof(want));
}

static void
keys(void **state)
{
	uint8_t tek[CHAIN_TEK_LEN], want[CHAIN_TEK_LEN];

	(void)state;
	from_hex("6a62f066180c7ae5a0703ca5da26d39c96bf4bd1"
		 "3d8a212b13d90e9a63aca57c748ad422",
	    want, sizeof(want));
	assert_int_equal(chain_tek(root, 0, 0, tek), 0);
	assert_memory_equal(tek, want, sizeof(want));
	from_hex("b91a8b1f703c8a99508cb691f5dd666c91133afe"
		 "0ed4854e46c95a059c445e8cb2e3150b",
	    want, sizeof(want));
	assert_int_equal(chain_tek(root, 7, 1, tek), 0);
	assert_memory_equal(tek, want, sizeof(want));
}

static void
spis(void **state)
{
	uint32_t spi = 0, taken[3];

	(void)state;
	assert_int_equal(chain_spi(root, 0, 0, NULL, 0, &spi), 0);
	assert_int_equal(spi, 0x63f7c6ff);
	assert_int_equal(chain_spi(root, 0, 1, NULL, 0, &spi), 0);
	assert_int_equal(spi, 0x9d63a438);
	assert_int_equal(chain_spi(root, 7, 1, NULL, 0, &spi), 0);
	assert_int_equal(spi, 0xd7718585);
	/* What is taken is passed over, try by try. */
	taken[0] = 0x63f7c6ff;
	taken[1] = 1000;
	taken[2] = 0x2f99aa7d;
	assert_int_equal(chain_spi(root, 0, 0, taken, 2, &spi), 0);
	assert_int_equal(spi, 0x2f99aa7d);
	assert_int_equal(chain_spi(root, 0, 0, taken, 3, &spi), 0);
	assert_int_equal(spi, 0x8f92adcc);
}

/* A root that was searched for: its first SPI is 36, which is reserved. */
static void
reserved_spi(void **state)
{
	uint8_t rare[CHAIN_ROOT_LEN];
	uint32_t spi = 0;

	(void)state;
	from_hex("e2f15659ba233ccad09bde66cd2801f0"
		 "2ed07525eff56e261cdaf7be5ea68012",
	    rare, sizeof(rare));
	assert_int_equal(chain_spi(rare, 0, 0, NULL, 0, &spi), 0);
	assert_int_equal(spi, 0x93c50ae1);
}

/* 75, 80 to 95 and 97 % of a life; in a short one all a bit earlier. */
static void
times_of_a_life(void **state)
{
	uint64_t lo, hi;

	(void)state;
	assert_int_equal(life_prepare_ms(3600), 2700000);
	assert_int_equal(life_switch_ms(3600), 3492000);
	life_rereg_ms(3600, &lo, &hi);
	assert_int_equal(lo, 2880000);
	assert_int_equal(hi, 3420000);
	assert_int_equal(life_switch_ms(10), 7500);
	assert_int_equal(life_prepare_ms(10), 5500);
	for (uint32_t s = LIFE_MIN_S; s < 2600000; s += 1 + s / 50) {
		life_rereg_ms(s, &lo, &hi);
		assert_true(life_prepare_ms(s) < lo && lo < hi);
		assert_true(hi < life_switch_ms(s));
		assert_true(life_switch_ms(s) + LIFE_GUARD_MS <= s * 1000ull);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_root),
		cmocka_unit_test(keys),
		cmocka_unit_test(spis),
		cmocka_unit_test(reserved_spi),
		cmocka_unit_test(times_of_a_life),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
