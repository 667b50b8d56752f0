/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/core/scene_value.h"

/* Quantities: what they mean, what is refused, and both ways. */

#define eq assert_int_equal
#define streq assert_string_equal

static char text[SV_TEXT];

static void
reads(const char *s, enum sv_unit u, uint64_t want)
{
	uint64_t v = 4711;

	if (sv_read(s, u, &v))
		fail_msg("\"%s\" is refused", s);
	eq(v, want);
}

static void
refuses(const char *s, enum sv_unit u)
{
	uint64_t v = 4711;

	if (sv_read(s, u, &v) == 0)
		fail_msg("\"%s\" is taken as %llu", s, (unsigned long long)v);
	eq(v, 4711);
}

static void
times_have_a_unit(void **state)
{
	(void)state;
	reads("90s", SV_TIME, 90 * NS_PER_S);
	reads("1.5ms", SV_TIME, 1500000);
	reads("0.3ms", SV_TIME, 300000);
	reads("2h", SV_TIME, 7200 * NS_PER_S);
	reads("30m", SV_TIME, 1800 * NS_PER_S);
	reads("1d", SV_TIME, 86400 * NS_PER_S);
	reads("250us", SV_TIME, 250000);
	reads("7ns", SV_TIME, 7);
	reads("0s", SV_TIME, 0);
	reads("0.5h", SV_TIME, 1800 * NS_PER_S);
	refuses("90", SV_TIME);
	refuses("", SV_TIME);
	refuses("s", SV_TIME);
	refuses("90 s", SV_TIME);
	refuses("-1s", SV_TIME);
	refuses("+1s", SV_TIME);
	refuses("1.s", SV_TIME);
	refuses(".5s", SV_TIME);
	refuses("010s", SV_TIME);
	refuses("1e3s", SV_TIME);
	refuses("1,5s", SV_TIME);
	refuses("1sec", SV_TIME);
	refuses("1S", SV_TIME);
}

static void
what_is_too_fine_or_too_much_is_refused(void **state)
{
	(void)state;
	refuses("0.5ns", SV_TIME);
	refuses("0.0000000001s", SV_TIME);
	reads("0.000000001s", SV_TIME, 1);
	refuses("18446744073709551616ns", SV_TIME);
	reads("18446744073709551615ns", SV_TIME, UINT64_MAX);
	refuses("213504d", SV_TIME);
	reads("18446744073709551615", SV_COUNT, UINT64_MAX);
	refuses("18446744073709551616", SV_COUNT);
	refuses("1.5", SV_COUNT);
	refuses("1k", SV_COUNT);
	refuses("0.00000000000000000000000001", SV_COUNT);
}

static void
octets_count_by_1024_and_bits_by_1000(void **state)
{
	(void)state;
	reads("500", SV_OCTETS, 500);
	reads("16k", SV_OCTETS, 16384);
	reads("1.5k", SV_OCTETS, 1536);
	reads("2M", SV_OCTETS, 2097152);
	refuses("16K", SV_OCTETS);
	reads("2400", SV_BITRATE, 2400);
	reads("2.4k", SV_BITRATE, 2400);
	reads("64k", SV_BITRATE, 64000);
	reads("100M", SV_BITRATE, 100000000);
	reads("1G", SV_BITRATE, 1000000000);
	refuses("64kbit", SV_BITRATE);
}

static void
writes_in_the_largest_unit_that_fits(void **state)
{
	(void)state;
	streq(sv_write(0, SV_TIME, text), "0s");
	streq(sv_write(90 * NS_PER_S, SV_TIME, text), "90s");
	streq(sv_write(120 * NS_PER_S, SV_TIME, text), "2m");
	streq(sv_write(1500000, SV_TIME, text), "1500us");
	streq(sv_write(1, SV_TIME, text), "1ns");
	streq(sv_write(0, SV_OCTETS, text), "0");
	streq(sv_write(16384, SV_OCTETS, text), "16k");
	streq(sv_write(1000, SV_OCTETS, text), "1000");
	streq(sv_write(2400, SV_BITRATE, text), "2400");
	streq(sv_write(64000, SV_BITRATE, text), "64k");
	streq(sv_write(UINT64_MAX, SV_COUNT, text), "18446744073709551615");
}

static void
steps_and_drifts_are_signed(void **state)
{
	int64_t v;

	(void)state;
	eq(sv_read_step("+5s", &v), 0);
	eq(v, 5 * (int64_t)NS_PER_S);
	eq(sv_read_step("-300ms", &v), 0);
	eq(v, -300000000);
	eq(sv_read_step("2s", &v), 0);
	eq(v, 2 * (int64_t)NS_PER_S);
	assert_int_not_equal(sv_read_step("--2s", &v), 0);
	assert_int_not_equal(sv_read_step("+-2s", &v), 0);
	assert_int_not_equal(sv_read_step("-", &v), 0);
	assert_int_not_equal(sv_read_step("18446744073709551615ns", &v), 0);
	eq(sv_read_drift("-50ppm", &v), 0);
	eq(v, -50000);
	eq(sv_read_drift("+0.5ppm", &v), 0);
	eq(v, 500);
	eq(sv_read_drift("3ppb", &v), 0);
	eq(v, 3);
	assert_int_not_equal(sv_read_drift("-50", &v), 0);
	streq(sv_write_step(-300000000, text), "-300ms");
	streq(sv_write_step(0, text), "+0s");
	streq(sv_write_drift(-50000, text), "-50ppm");
	streq(sv_write_drift(1, text), "+1ppb");
}

static bool
is(const char *s, double want)
{
	double v = -1;

	return sv_read_real(s, &v) == 0 && v >= want && v <= want;
}

static void
real_numbers(void **state)
{
	double v;
	static const char *const bad[] = { "", "%", "-1", "+1", "inf", "nan",
		"0x10", "1.", ".5", "1e", "1e+", "5 %", "5%%", "1e999", " 1",
		"1_0", "1,5" };

	(void)state;
	assert_true(is("0.25", 0.25));
	assert_true(is("25%", 0.25));
	assert_true(is("1e-6", 1e-6));
	assert_true(is("1E2", 100));
	assert_true(is("0", 0));
	for (size_t i = 0; i < NITEMS(bad); i++)
		if (sv_read_real(bad[i], &v) == 0)
			fail_msg("\"%s\" is taken", bad[i]);
}

static void
chances_are_at_most_one(void **state)
{
	chance c;

	(void)state;
	eq(sv_read_chance("100%", &c), 0);
	assert_true(c == CHANCE_ALWAYS);
	eq(sv_read_chance("50%", &c), 0);
	assert_true(c == 1ull << 63);
	eq(sv_read_chance("0%", &c), 0);
	assert_true(c == 0);
	assert_int_not_equal(sv_read_chance("100.1%", &c), 0);
	assert_int_not_equal(sv_read_chance("1.01", &c), 0);
	streq(sv_write_chance(chance_of(0.2), text), "20%");
	streq(sv_write_chance(chance_of(0.001), text), "0.1%");
	streq(sv_write_chance(CHANCE_ALWAYS, text), "100%");
	streq(sv_write_chance(0, text), "0");
	streq(sv_write_real(1e-6, text), "1e-06");
}

static void
both_ways_the_same(struct rng *r)
{
	uint64_t n = rng_u64(r) >> rng_below(r, 64), v;
	double p = (double)n / 0x1p64, d;
	chance c, c2 = chance_of(p);

	for (enum sv_unit u = SV_COUNT; u <= SV_BITRATE; u++)
		reads(sv_write(n, u, text), u, n);
	eq(sv_read("0s", SV_TIME, &v), 0);
	eq(sv_read_real(sv_write_real(p, text), &d), 0);
	assert_memory_equal(&d, &p, sizeof(p));
	eq(sv_read_chance(sv_write_chance(c2, text), &c), 0);
	assert_true(c == c2);
}

static void
signs_both_ways(struct rng *r)
{
	int64_t n = (int64_t)(rng_u64(r) >> (1 + rng_below(r, 62))), v;

	if (rng_below(r, 2) == 0)
		n = -n;
	eq(sv_read_step(sv_write_step(n, text), &v), 0);
	assert_true(v == n);
	eq(sv_read_drift(sv_write_drift(n, text), &v), 0);
	assert_true(v == n);
}

static void
what_is_written_is_read_as_the_same(void **state)
{
	struct rng r;

	(void)state;
	rng_init(&r, 1, RNG_HOST, 0);
	for (int i = 0; i < 20000; i++) {
		both_ways_the_same(&r);
		signs_both_ways(&r);
	}
}

int
main(void)
{
#define T cmocka_unit_test
	const struct CMUnitTest tests[] = {
		T(times_have_a_unit),
		T(what_is_too_fine_or_too_much_is_refused),
		T(octets_count_by_1024_and_bits_by_1000),
		T(writes_in_the_largest_unit_that_fits),
		T(steps_and_drifts_are_signed),
		T(real_numbers),
		T(chances_are_at_most_one),
		T(what_is_written_is_read_as_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
