/* SPDX-License-Identifier: ISC */
/* Results for people: what is in them, and that they fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/out/links.h"
#include "mikesim/out/table.h"
#include "tests/lib/simrun.h"

#define eq assert_int_equal

static char *table; /* the last one */

static int
teardown(void **state)
{
	(void)state;
	free(table);
	table = NULL;
	return 0;
}

static void
print(const struct sim *sim, const struct sim_results *r)
{
	size_t len;
	FILE *f;

	free(table);
	f = open_memstream(&table, &len);
	assert_non_null(f);
	table_print(f, sim, r);
	eq(fclose(f), 0);
}

/* At most 80 columns of printable ASCII, nothing at the end of a line. */
static void
assert_calm(void)
{
	size_t column = 0;

	for (const char *p = table; *p != '\0'; p++) {
		if (*p == '\n') {
			assert_true(p == table || p[-1] != ' ');
			column = 0;
			continue;
		}
		assert_true(*p >= ' ' && *p < 0x7f);
		if (++column > 80)
			fail_msg("longer than 80 columns: %.*s", 100,
			    p - column + 1);
	}
}

/* A line that begins so has that in it. */
static void
assert_line(const char *begin, const char *part)
{
	const char *p = strstr(table, begin);
	char line[200];

	if (p == NULL)
		fail_msg("no line begins with \"%s\":\n%s", begin, table);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(p, "\n"), p);
	if (strstr(line, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, line);
}

/* -- a run ---------------------------------------------------------------- */

static void
look_small(void *arg, const struct sim *sim, const struct sim_results *r)
{
	char want[100];

	(void)arg;
	print(sim, r);
	assert_calm();
	assert_line("scenario", "small");
	assert_line("hosts", "2 senders, 6 receivers");
	assert_line("time  ", "30.000 s of 30.000 s, seed 1");
	assert_line("  receivers  ", "6 of 6 got keys");
	assert_line("  time to keys", " s, 95 % ");
	assert_line("  at the end", "5 with keys, 0 without, 1 not in");
	snprintf(want, sizeof(want), " %10llu ",
	    (unsigned long long)r->msgs[RK_AUTH_REQ].delivered);
	assert_true(r->msgs[RK_AUTH_REQ].delivered >= 6);
	assert_line("  AUTH request", want);
	assert_line("  core", " 2        2 ");
	assert_line("  radio", " 2        6 ");
	assert_line("  12 datagrams sent", " unreadable");
	assert_line("invariants", "all held");
	assert_null(strstr(table, "GSA_REKEY")); /* there was none */
}

static void
a_run_in_a_table(void **state)
{
	(void)state;
	simrun(SIMRUN_SMALL, 1, NULL, 0, look_small, NULL);
}

static void
look_down(void *arg, const struct sim *sim, const struct sim_results *r)
{
	(void)arg;
	eq(r->keyless, 6);
	print(sim, r);
	assert_calm();
	assert_line("  receivers  ", "0 of 6 got keys");
	assert_line("  at the end", "0 with keys, 6 without");
	assert_line(
	    "         6  ", "scout-01-00001 and others: its link is down");
	assert_null(strstr(table, "time to keys"));
	assert_null(strstr(table, "APPLICATIONS"));
}

static void
who_has_no_keys_and_why(void **state)
{
	(void)state;
	simrun("scenario { duration = 10s }\n" SIMRUN_LINKS SIMRUN_HOSTS
	       "timeline { events = { \"0s link-down receivers\" } }\n",
	    1, NULL, 0, look_down, NULL);
}

/* -- made results --------------------------------------------------------- */

static void
look_hostile(void *arg, const struct sim *sim, const struct sim_results *real)
{
	struct sim_results r = *real;
	size_t n = 0;

	(void)arg;
	r.broken = 3;
	r.broken_at = 1500000001;
	memset(r.broken_first, 'x', sizeof(r.broken_first) - 1);
	r.broken_first[sizeof(r.broken_first) - 1] = '\0';
	r.n_why = NITEMS(r.why);
	for (size_t i = 0; i < r.n_why; i++) {
		memset(r.why[i].why, i == 0 ? '\033' : 'y',
		    sizeof(r.why[i].why) - 1);
		r.why[i].why[sizeof(r.why[i].why) - 1] = '\0';
		r.why[i].hosts = 123456;
		r.why[i].first = 7;
	}
	for (size_t i = 0; i < RK_KINDS; i++)
		r.msgs[i] = (struct res_msgs){ 999999, 99999999, 9999999,
			999999999, 9999 * NS_PER_S / 10 };
	for (size_t i = 0; i < SIM_DAEMONS; i++)
		r.cpu_s[0][i] = r.cpu_s[1][i] = i < 3 ? 1234.5 : 0;
	r.wall_s = 2;
	r.refused = 5;
	print(sim, &r);
	assert_calm();
	assert_line("invariants", "BROKEN 3 times, first at 1.500000001 s");
	assert_line("    xxx", "xxxx");
	assert_line("  the run", "15 times real time");
	assert_line("  refused", "5 times");
	assert_line("  CPU of policyd",
	    " 1234.500 s for senders, 1234.500 s for receivers");
	assert_null(strstr(table, "CPU of keymgrd"));
	/* All of it is there, line by line. */
	for (const char *p = table; *p != '\0'; p++)
		n += *p == 'x';
	assert_true(n >= sizeof(r.broken_first) - 1);
}

static void
long_and_hostile_text_fits(void **state)
{
	(void)state;
	simrun(SIMRUN_SMALL, 1, NULL, 0, look_hostile, NULL);
}

/* -- links ---------------------------------------------------------------- */

static void
look_links(void *arg, const struct sim *sim, const struct sim_results *r)
{
	struct links_use use[SCENE_LINKS];
	uint64_t lost = 0, sum = 0;

	(void)arg;
	eq(links_sum(sim, use), 2);
	assert_string_equal(use[0].cls->name, "core");
	assert_string_equal(use[1].cls->name, "radio");
	eq(use[0].media, 2);
	eq(use[1].media, 2);
	eq(use[1].stations, 6);
	assert_true(use[1].busiest <= use[1].airtime);
	assert_true(2 * use[1].busiest >= use[1].airtime);
	/* All that was sent went over the nets, and they alone lose. */
	for (size_t i = 0; i < RK_KINDS; i++) {
		lost += r->msgs[i].lost;
		sum += r->msgs[i].airtime;
	}
	eq(use[0].fates[FATE_LOSS], 0);
	assert_true(use[1].fates[FATE_LOSS] > 0);
	assert_true(use[1].fates[FATE_LOSS] <= lost);
	/* A datagram's airtime is that on the narrowest of its media. */
	assert_true(use[1].airtime >= sum);
}

static void
links_are_added_up(void **state)
{
	(void)state;
	simrun(SIMRUN_SMALL, 1, NULL, 0, look_links, NULL);
}

static void
a_share_is_of_all_channels(void **state)
{
	static const struct link_class half = { .half_duplex = true }, full;
	struct links_use u = { .cls = &half };

	(void)state;
	assert_true(links_share(&u, 1, 50, 100) == 0.5);
	assert_true(links_share(&u, 5, 50, 100) == 0.1);
	u.cls = &full;
	assert_true(links_share(&u, 1, 50, 100) == 0.25);
	assert_true(links_share(&u, 0, 50, 100) == 0);
	assert_true(links_share(&u, 1, 50, 0) == 0);
}

static void
all_that_counts_has_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i <= RK_KINDS; i++)
		eq(strcmp(res_kind_name((enum res_kind)i), "unknown") == 0,
		    i == RK_KINDS);
	for (size_t i = 0; i <= RES_OPS; i++)
		eq(strcmp(res_op_name((enum res_op)i), "unknown") == 0,
		    i == RES_OPS);
	for (size_t i = 0; i <= PHASES; i++)
		eq(strcmp(phase_name((enum obs_phase)i), "unknown") == 0,
		    i == PHASES);
}

#define T(f) cmocka_unit_test_teardown(f, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_run_in_a_table),
		T(who_has_no_keys_and_why),
		T(long_and_hostile_text_fits),
		T(links_are_added_up),
		T(a_share_is_of_all_channels),
		T(all_that_counts_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
