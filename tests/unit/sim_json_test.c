/* SPDX-License-Identifier: ISC */
/* Results for programs: read back, and compared from run to run. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "mikesim/out/json.h"
#include "tests/lib/simrun.h"

#define eq assert_int_equal
#define streq assert_string_equal

static json_t *
printed(const struct sim *sim, const struct sim_results *r)
{
	struct out_file o = { .name = "memory", .what = "it" };
	json_t *j;
	size_t len;
	char *p;

	o.f = open_memstream(&p, &len);
	assert_non_null(o.f);
	eq(json_print(&o, sim, r), 0);
	eq(out_close(&o), 0);
	eq(p[len - 1], '\n');
	j = json_loads(p, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	free(p);
	return j;
}

static json_int_t
num(const json_t *j, const char *object, const char *key)
{
	const json_t *o = object != NULL ? json_object_get(j, object) : j;
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		fail_msg("%s is not a number", key);
	return json_integer_value(v);
}

/* -- a run ---------------------------------------------------------------- */

static void
check_messages(const json_t *j, const struct sim_results *r)
{
	const json_t *a = json_object_get(j, "messages"), *m;
	size_t i;

	eq(json_array_size(a), RK_KINDS);
	json_array_foreach((json_t *)(uintptr_t)a, i, m)
	{
		streq(json_string_value(json_object_get(m, "kind")),
		    res_kind_name((enum res_kind)i));
		eq(num(m, NULL, "sent"), r->msgs[i].sent);
		eq(num(m, NULL, "delivered"), r->msgs[i].delivered);
		eq(num(m, NULL, "lost"), r->msgs[i].lost);
		eq(num(m, NULL, "octets"), r->msgs[i].octets);
		eq(num(m, NULL, "airtime_ns"), r->msgs[i].airtime);
	}
}

static void
check_links(const json_t *j)
{
	const json_t *a = json_object_get(j, "links");
	const json_t *radio = json_array_get(a, 1), *fates;
	double share;

	eq(json_array_size(a), 2);
	streq(json_string_value(json_object_get(radio, "class")), "radio");
	eq(num(radio, NULL, "media"), 2);
	eq(num(radio, NULL, "stations"), 6);
	assert_true(num(radio, NULL, "octets") > 1000);
	share = json_real_value(json_object_get(radio, "airtime_share"));
	assert_true(share > 0 && share < 1);
	fates = json_object_get(radio, "fates");
	eq(json_object_size(fates), FATES);
	assert_true(num(fates, NULL, "loss") > 0);
}

static void
look_small(void *arg, const struct sim *sim, const struct sim_results *r)
{
	json_t *j = printed(sim, r);

	(void)arg;
	streq(json_string_value(
		  json_object_get(json_object_get(j, "scenario"), "title")),
	    "small");
	eq(num(j, "scenario", "seed"), 1);
	eq(num(j, "scenario", "senders"), 2);
	eq(num(j, "scenario", "receivers"), 6);
	eq(num(j, NULL, "now_ns"), 30 * NS_PER_S);
	assert_true(json_is_false(json_object_get(j, "stopped")));
	check_messages(j, r);
	check_links(j);
	eq(num(j, NULL, "retransmissions"), r->retransmissions);
	eq(num(j, "registration", "receivers"), 6);
	eq(num(j, "registration", "keyed"), 5);
	eq(num(j, "registration", "keyless"), 0);
	assert_true(num(j, "registration", "median_ns") > 0);
	eq(num(j, "registration", "last_ns"), r->reg_last);
	eq(num(j, "cryptography", "signatures made"), r->ops[OP_SIGN]);
	eq(num(j, "applications", "sent"), 12);
	eq(num(j, "applications", "read"), r->app_read);
	eq(num(j, "invariants", "broken"), 0);
	assert_null(json_object_get(json_object_get(j, "invariants"), "first"));
	json_decref(j);
}

static void
a_run_as_json(void **state)
{
	(void)state;
	simrun(SIMRUN_SMALL, 1, NULL, 0, look_small, NULL);
}

/* -- what differs --------------------------------------------------------- */

/* On a machine that is so slow. */
struct machine {
	double slow;
	json_t *j;
};

static void
look_slow(void *arg, const struct sim *sim, const struct sim_results *real)
{
	struct machine *m = arg;
	struct sim_results r = *real;

	r.wall_s = m->slow;
	r.cpu_s[1][SD_POLICYD] = m->slow / 2;
	m->j = printed(sim, &r);
}

static void
only_what_is_measured_differs(void **state)
{
	static const uint64_t seed[] = { 1, 1, 2 };
	struct machine m[] = { { 1.5, NULL }, { 2.5, NULL }, { 1.5, NULL } };
	json_t *cpu;

	(void)state;
	for (size_t i = 0; i < NITEMS(m); i++)
		simrun(SIMRUN_SMALL, seed[i], NULL, 0, look_slow, &m[i]);
	cpu = json_object_get(json_object_get(m[0].j, "measured"), "cpu_s");
	assert_true(json_real_value(json_object_get(
			json_object_get(cpu, "senders"), "policyd")) == 0.75);
	assert_false(json_equal(m[0].j, m[1].j));
	for (size_t i = 0; i < NITEMS(m); i++)
		eq(json_object_del(m[i].j, "measured"), 0);
	assert_true(json_equal(m[0].j, m[1].j));
	assert_false(json_equal(m[0].j, m[2].j));
	for (size_t i = 0; i < NITEMS(m); i++)
		json_decref(m[i].j);
}

/* -- hostile text, errors ------------------------------------------------- */

static void
look_hostile(void *arg, const struct sim *sim, const struct sim_results *real)
{
	struct sim_results r = *real;
	const json_t *why;
	json_t *j;

	(void)arg;
	r.broken = 1;
	r.broken_at = 77;
	strcpy(r.broken_first, "\"\\\xff\xc3\x1b");
	r.n_why = 1;
	strcpy(r.why[0].why, "no \xc3\xbc answer");
	r.why[0].hosts = 3;
	r.why[0].first = 2;
	j = printed(sim, &r);
	streq(json_string_value(
		  json_object_get(json_object_get(j, "invariants"), "first")),
	    "\"\\??\x1b");
	eq(num(j, "invariants", "first_ns"), 77);
	why = json_array_get(
	    json_object_get(json_object_get(j, "registration"), "why_keyless"),
	    0);
	streq(json_string_value(json_object_get(why, "why")),
	    "no \xc3\xbc answer");
	streq(
	    json_string_value(json_object_get(why, "first")), "scout-01-00001");
	eq(num(why, NULL, "hosts"), 3);
	json_decref(j);
}

static void
any_text_becomes_json(void **state)
{
	(void)state;
	simrun(SIMRUN_SMALL, 1, NULL, 0, look_hostile, NULL);
}

static void
look_full(void *arg, const struct sim *sim, const struct sim_results *r)
{
	struct out_file o;

	(void)arg;
	eq(out_open(&o, "/dev/full", "the results", false), 0);
	setvbuf(o.f, NULL, _IONBF, 0);
	eq(json_print(&o, sim, r), -ENOSPC);
	eq(out_close(&o), -ENOSPC);
	eq(out_open(&o, "/dev/full", "the results", false), 0);
	eq(json_print(&o, sim, r), 0);
	eq(out_close(&o), -ENOSPC);
}

static void
a_full_disk_is_said(void **state)
{
	(void)state;
	simrun(SIMRUN_SMALL, 1, NULL, 0, look_full, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_as_json),
		cmocka_unit_test(only_what_is_measured_differs),
		cmocka_unit_test(any_text_becomes_json),
		cmocka_unit_test(a_full_disk_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
