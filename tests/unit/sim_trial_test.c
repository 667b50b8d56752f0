/* SPDX-License-Identifier: ISC */
/* Runs in processes of their own: what they tell, and what their death says. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/wait.h>

#include "mikesim/core/sim.h"
#include "mikesim/trial.h"
#include "tests/lib/scn.h"

#define eq assert_int_equal

/*
 * Ten events.  After the first of them the clock of the sender is 40 days
 * ahead: no certificate is valid there, so nobody who joins gets keys.
 */
#define WORLD(auth)                                                            \
	"scenario { duration = 3m quiet = 1m auth = " auth " }\n"              \
	"link core { bandwidth = 100M delay = 1ms }\n"                         \
	"link lan { bandwidth = 10M delay = 2ms }\n"                           \
	"senders hq { count = 2 link = core }\n"                               \
	"receivers gm { count = 4 link = lan join = 40s-50s }\n"               \
	"receivers spare { count = 2 link = lan join = never }\n"              \
	"timeline { events = {\n"                                              \
	"\"1s traffic senders 1/s 100 for 3s\",\n"                             \
	"\"2s drift hq-02 +10ppm\", \"3s link-down gm for 2s\",\n"             \
	"\"6s crash senders groupd\", \"10s clock hq-01 +40d\",\n"             \
	"\"12s emcon silent gm for 3s\", \"20s partition hq-01 for 2s\",\n"    \
	"\"55s emcon receive-only gm for 2s\", \"60s drift gm +5ppm\",\n"      \
	"\"70s traffic senders 1/s 100 for 3s\" } }\n"

/* -- what runs tell ------------------------------------------------------- */

static void
passes(void **state)
{
	struct scene *s = scn_from(WORLD("psk"));
	struct verdict v;

	(void)state;
	memset(&v, 0xff, sizeof(v));
	eq(trial_run(s, &v), 0);
	if (v.failed)
		fail_msg("%s", v.why);
	assert_string_equal(v.why, "");
	eq(v.keyed, 8);
	eq(v.at, 0);
	assert_true(v.events > 100);
	scene_free(&s);
}

static void
fails_by_its_rule(void **state)
{
	struct scene *s = scn_from(WORLD("x509"));
	struct verdict v, again;

	(void)state;
	eq(trial_run(s, &v), 0);
	assert_true(v.failed);
	if (strncmp(v.why, "current: gm-01-", 15) != 0)
		fail_msg("%s", v.why);
	assert_true(v.at == s->duration);
	eq(v.keyed, 4); /* the other sender's */
	eq(trial_run(s, &again), 0);
	assert_string_equal(v.why, again.why);
	eq(v.events, again.events);
	scene_free(&s);
}

/* What cannot be run is a failure as well. */
static void
cannot_be_run(void **state)
{
	struct scene *s = scn_from(WORLD("psk"));
	struct verdict v;

	(void)state;
	s->needs = NEED_AGREEMENT;
	eq(trial_run(s, &v), 0);
	assert_true(v.failed);
	eq(strncmp(v.why, "run: ", 5), 0);
	assert_non_null(strstr(v.why, strerror(ENOTSUP)));
	scene_free(&s);
}

/* Several at once, and each has its own answer. */
static void
side_by_side(void **state)
{
	struct scene *good = scn_from(WORLD("psk"));
	struct scene *bad = scn_from(WORLD("x509"));
	struct trial t[4];
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		eq(trial_start(&t[i], i % 2 == 0 ? good : bad), 0);
	for (size_t i = 4; i-- > 0;) {
		trial_end(&t[i], &v);
		eq(v.failed, i % 2);
	}
	scene_free(&good);
	scene_free(&bad);
}

/* -- what death says ------------------------------------------------------ */

enum death { BY_ABORT, BY_KILL, BY_CPU, BY_STATUS, BY_SILENCE, HALF, LATE };

static void
die(int fd, enum death how)
{
	static const struct verdict v;

	switch (how) {
	case BY_ABORT:
		abort();
	case BY_KILL:
		raise(SIGKILL);
		break;
	case BY_CPU:
		raise(SIGXCPU);
		break;
	case BY_STATUS:
		_exit(3);
	case BY_SILENCE:
		_exit(0);
	case HALF:
		_exit(write(fd, &v, sizeof(v) / 2) < 0);
	case LATE: /* all seemed well */
		if (write(fd, &v, sizeof(v)) == (ssize_t)sizeof(v))
			raise(SIGABRT);
	}
	_exit(99);
}

static struct trial
begin(enum death how)
{
	struct trial t;
	int fd[2];

	eq(pipe(fd), 0);
	fflush(NULL);
	t.pid = fork();
	assert_true(t.pid >= 0);
	if (t.pid == 0) {
		signal(SIGABRT, SIG_DFL); /* cmocka has its own */
		close(fd[0]);
		die(fd[1], how);
	}
	close(fd[1]);
	t.fd = fd[0];
	return t;
}

static void
a_child_that_dies(void **state)
{
	static const struct {
		enum death how;
		const char *why;
	} v[] = { { BY_ABORT, "crash: signal 6 (Aborted)" },
		{ BY_KILL, "crash: signal 9 (Killed)" },
		{ BY_CPU, "crash: signal 24 (CPU time limit exceeded)" },
		{ BY_STATUS, "crash: exit status 3" },
		{ BY_SILENCE, "crash: exit status 0" },
		{ HALF, "crash: exit status 0" },
		{ LATE, "crash: signal 6 (Aborted)" } };

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct trial t = begin(v[i].how);
		struct verdict out;

		memset(&out, 0xff, sizeof(out));
		trial_end(&t, &out);
		assert_true(out.failed);
		assert_string_equal(out.why, v[i].why);
		eq(out.at, 0);
		eq(out.events, 0);
		eq(waitpid(t.pid, NULL, WNOHANG), -1); /* it is gone */
		assert_int_not_equal(close(t.fd), 0);
	}
}

/* A real run, that would go on for long. */
static void
a_run_that_is_killed(void **state)
{
	struct scene *s = scn_from(
	    "scenario { duration = 30d auth = psk }\n"
	    "link core { bandwidth = 100M delay = 1ms }\n"
	    "senders hq { count = 1 link = core }\n"
	    "receivers gm { count = 50 link = core join = 1s }\n"
	    "timeline { events = { \"1m traffic hq-01 100/s 100\" } }\n");
	struct verdict v;
	struct trial t;

	(void)state;
	eq(trial_start(&t, s), 0);
	eq(kill(t.pid, SIGKILL), 0);
	trial_end(&t, &v);
	assert_true(v.failed);
	assert_string_equal(v.why, "crash: signal 9 (Killed)");
	scene_free(&s);
}

/* -- rules ---------------------------------------------------------------- */

static void
the_same_rule(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} v[] = { { "current: a at 1 s: x", "current: b at 2 s: y", true },
		{ "current: a", "once: a", false },
		{ "once: a", "once-more: a", false },
		{ "once-more: a", "once: a", false },
		{ "crash: signal 6", "crash: exit status 1", true },
		{ "", "", true }, { "once: a", "", false },
		{ "", "once: a", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct verdict a = { 0 }, b = { 0 };

		strcpy(a.why, v[i].a);
		strcpy(b.why, v[i].b);
		eq(trial_same_rule(&a, &b), v[i].same);
	}
}

/* -- with shrink() -------------------------------------------------------- */

static void
one_event_is_left(void **state)
{
	struct scene *s = scn_from(WORLD("x509"));
	struct verdict v;

	(void)state;
	eq(s->n_ev, 10);
	eq(trial_run(s, &v), 0);
	assert_true(v.failed);
	assert_in_range(shrink(s, &v, 100), 1, 100);
	eq(s->n_ev, 1);
	eq(s->ev[0].verb, V_CLOCK_STEP);
	assert_string_equal(s->ev[0].hosts, "hq-01");
	eq(s->senders, 1);
	eq(s->recv[0].count, 1);
	eq(s->recv[1].count, 1);
	assert_non_null(strstr(v.why, "current: gm-01-00001 at "));
	eq(trial_run(s, &v), 0); /* and it still does */
	assert_true(v.failed);
	scene_free(&s);
}

static void
what_passes_stays(void **state)
{
	struct scene *s = scn_from(WORLD("psk")), *was = scn_from(WORLD("psk"));
	struct verdict v = { .failed = true, .why = "current: x" };

	(void)state;
	assert_in_range(shrink(s, &v, 30), 1, 30);
	scn_same(s, was);
	assert_string_equal(v.why, "current: x");
	scene_free(&s);
	scene_free(&was);
}

static int
prepare(void **state)
{
	(void)state;
	return sim_init();
}

static int
finish(void **state)
{
	(void)state;
	sim_thread_fini();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes),
		cmocka_unit_test(fails_by_its_rule),
		cmocka_unit_test(cannot_be_run),
		cmocka_unit_test(side_by_side),
		cmocka_unit_test(a_child_that_dies),
		cmocka_unit_test(a_run_that_is_killed),
		cmocka_unit_test(the_same_rule),
		cmocka_unit_test(one_event_is_left),
		cmocka_unit_test(what_passes_stays),
	};

	return cmocka_run_group_tests(tests, prepare, finish);
}
