/* SPDX-License-Identifier: ISC */
/* Cookies: for whom, how long; and from when on they are asked for. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "groupd/core/cookie.h"
#include "groupd/core/load.h"

#define PERIOD COOKIE_PERIOD_MS

static struct cookie_jar jar;
static struct ike_init_view view;
static struct addr peer;
static uint8_t nonce[32], group[MIKE_GROUP_LEN], cookie[COOKIE_LEN];

static void
renew(uint8_t octet, uint64_t now_ms)
{
	uint8_t secret[COOKIE_SECRET_LEN];

	memset(secret, octet, sizeof(secret));
	cookie_renew(&jar, secret, now_ms);
}

/* A request that has got its cookie at 1000 ms. */
static int
fresh(void **state)
{
	(void)state;
	cookie_init(&jar);
	renew(1, 1000);
	memset(nonce, 0x5a, sizeof(nonce));
	memset(group, 0x33, sizeof(group));
	view = (struct ike_init_view){ .hdr.spi_i = { 9, 8, 7, 6, 5, 4, 3, 2 },
		.nonce = { nonce, sizeof(nonce) },
		.mike_group = { group, sizeof(group) } };
	if (addr_parse(&peer, "192.0.2.7") != 0 ||
	    cookie_make(&jar, &view, &peer, cookie) != 0)
		return -1;
	view.cookie = (struct chunk){ cookie, sizeof(cookie) };
	return 0;
}

static bool
good(uint64_t now_ms)
{
	return cookie_ok(&jar, &view, &peer, now_ms);
}

static void
cookie_is_for_one_request_of_one_address(void **state)
{
	(void)state;
	assert_true(good(1000));
	nonce[31] ^= 1;
	assert_false(good(1000));
	nonce[31] ^= 1;
	group[0] ^= 1;
	assert_false(good(1000));
	group[0] ^= 1;
	view.mike_group.len = 0;
	assert_false(good(1000));
	view.mike_group.len = sizeof(group);
	view.hdr.spi_i[7] ^= 1;
	assert_false(good(1000));
	view.hdr.spi_i[7] ^= 1;
	peer.b[3] ^= 1;
	assert_false(good(1000));
	peer.b[3] ^= 1;
	assert_true(good(1000));
}

/* Octets cannot be moved from one field to the next. */
static void
fields_do_not_run_together(void **state)
{
	uint8_t both[48], other[COOKIE_LEN];

	(void)state;
	memcpy(both, group, 16);
	memcpy(both + 16, nonce, 32);
	view.mike_group.len = 0;
	view.nonce = (struct chunk){ both, sizeof(both) };
	assert_int_equal(cookie_make(&jar, &view, &peer, other), 0);
	assert_memory_not_equal(other, cookie, COOKIE_LEN);
}

static void
every_octet_of_a_cookie_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COOKIE_LEN; i++)
		for (unsigned int bit = 1; bit < 256; bit <<= 1) {
			cookie[i] = (uint8_t)(cookie[i] ^ bit);
			assert_false(good(1000));
			cookie[i] = (uint8_t)(cookie[i] ^ bit);
		}
	assert_true(good(1000));
	for (view.cookie.len = 0; view.cookie.len < COOKIE_LEN;
	     view.cookie.len++)
		assert_false(good(1000));
}

static void
secret_lives_two_periods(void **state)
{
	(void)state;
	assert_false(cookie_due(&jar, 1000 + PERIOD - 1));
	assert_true(cookie_due(&jar, 1000 + PERIOD));
	renew(2, 1000 + PERIOD);
	assert_false(cookie_due(&jar, 1000 + PERIOD));
	/* The one before is believed for a period after that. */
	assert_true(good(1000 + PERIOD));
	assert_true(good(1000 + 2 * PERIOD - 1));
	assert_false(good(1000 + 2 * PERIOD));
	renew(3, 1000 + 2 * PERIOD);
	assert_false(good(1000 + 2 * PERIOD));
}

/* A host that slept: a secret is old by its age, renewed or not. */
static void
secret_that_was_not_renewed_dies_too(void **state)
{
	(void)state;
	assert_true(good(1000 + 2 * PERIOD - 1));
	assert_false(good(1000 + 2 * PERIOD));
}

static void
versions_come_round(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 255; i++)
		renew((uint8_t)i, 1000 + i);
	assert_int_equal(jar.version, 0);
	assert_false(good(1300));
	renew(7, 1300); /* the version that the cookie names, another secret */
	assert_int_equal(jar.version, cookie[0]);
	assert_false(good(1300));
	assert_int_equal(cookie_make(&jar, &view, &peer, cookie), 0);
	assert_true(good(1300));
	renew(8, 1301);
	assert_true(good(1301));
}

static void
without_a_secret_nothing_is_made_or_believed(void **state)
{
	static const uint8_t zero[COOKIE_SECRET_LEN];
	struct cookie_jar empty;

	(void)state;
	cookie_init(&empty);
	assert_true(cookie_due(&empty, 0));
	assert_int_equal(cookie_make(&empty, &view, &peer, cookie), -ENOKEY);
	/* Not even what the empty secret would have made. */
	cookie_init(&jar);
	cookie_renew(&jar, zero, 0);
	jar.version = 0;
	assert_int_equal(cookie_make(&jar, &view, &peer, cookie), 0);
	assert_false(cookie_ok(&empty, &view, &peer, 0));
	cookie[0] = 0xff;
	assert_false(cookie_ok(&jar, &view, &peer, 0));
}

/* -- load ------------------------------------------------------------------ */

static void
requests(struct load *l, unsigned int n, uint64_t from_ms, uint64_t to_ms)
{
	for (unsigned int i = 0; i < n; i++)
		load_count(l, from_ms + (to_ms - from_ms) * i / n);
}

static void
more_than_the_limit_in_a_second_is_load(void **state)
{
	struct load l;

	(void)state;
	load_init(&l, 100);
	requests(&l, 100, 5000, 6000);
	assert_false(load_is_high(&l, 5999));
	requests(&l, 100, 6000, 7000);
	assert_false(load_is_high(&l, 6999));
	requests(&l, 101, 7000, 7900);
	assert_true(load_is_high(&l, 7900));
}

static void
load_ends_after_ten_calm_seconds(void **state)
{
	struct load l;

	(void)state;
	load_init(&l, 100);
	requests(&l, 101, 0, 1000);
	/* Half as many keep it up for ever, fewer do not. */
	for (uint64_t s = 1; s < 60; s++) {
		requests(&l, 50, s * 1000, s * 1000 + 999);
		assert_true(load_is_high(&l, s * 1000 + 999));
	}
	for (uint64_t s = 60; s < 69; s++) {
		requests(&l, 49, s * 1000, s * 1000 + 999);
		assert_true(load_is_high(&l, s * 1000 + 999));
	}
	assert_true(load_is_high(&l, 69999));
	assert_false(load_is_high(&l, 70100));
	/* And a second time. */
	requests(&l, 101, 80000, 80100);
	assert_true(load_is_high(&l, 80100));
	assert_true(load_is_high(&l, 90000));
	assert_false(load_is_high(&l, 92000));
}

static void
limits_at_both_ends(void **state)
{
	struct load l;

	(void)state;
	load_init(&l, 0);
	assert_true(load_is_high(&l, 1)); /* always */
	load_limit(&l, UINT32_MAX);
	requests(&l, 1000000, 0, 100);
	assert_false(load_is_high(&l, 100));
	load_limit(&l, 1);
	load_count(&l, 200); /* the second already had a million */
	assert_true(load_is_high(&l, 200));
}

#define T(f) cmocka_unit_test_setup(f, fresh)

static int
crypto_up(void **state)
{
	(void)state;
	return crypto_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(cookie_is_for_one_request_of_one_address),
		T(fields_do_not_run_together),
		T(every_octet_of_a_cookie_counts),
		T(secret_lives_two_periods),
		T(secret_that_was_not_renewed_dies_too),
		T(versions_come_round),
		T(without_a_secret_nothing_is_made_or_believed),
		cmocka_unit_test(more_than_the_limit_in_a_second_is_load),
		cmocka_unit_test(load_ends_after_ten_calm_seconds),
		cmocka_unit_test(limits_at_both_ends),
	};

	return cmocka_run_group_tests(tests, crypto_up, NULL);
}
