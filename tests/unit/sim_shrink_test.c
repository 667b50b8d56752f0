/* SPDX-License-Identifier: ISC */
/*
 * A failing scenario is made smaller, against a judge of our own in the place
 * of a run (mikesim/trial.h): what it wants must stay, and nothing else.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/trial.h"
#include "tests/lib/scn.h"

#define eq assert_int_equal
#define RULE "current: gm-01-00001 at 9.000 s: no keys after quiet"
#define MAX 2000
#define EVENTS 10

/* -- the judge ------------------------------------------------------------ */

/* What a scenario must have to fail; an event is known by its time. */
static struct {
	uint32_t events; /* a bit each */
	uint32_t senders, recv[SCENE_RECVS];
	t_ns at;	  /* it fails then; 0: at the end */
	const char *less; /* by what it fails without all that; NULL: not */
	int err;	  /* there is no process to be had */
	unsigned int runs;
} wants;

static uint32_t
bit_of(const struct scene_event *e)
{
	t_ns n = e->at / (10 * NS_PER_S);

	return n < EVENTS ? 1u << n : 0;
}

static bool
has_all(const struct scene *s)
{
	uint32_t events = 0;

	for (size_t i = 0; i < s->n_ev; i++)
		events |= bit_of(&s->ev[i]);
	for (size_t i = 0; i < s->n_recv; i++)
		if (s->recv[i].count < wants.recv[i])
			return false;
	return (events & wants.events) == wants.events &&
	       s->senders >= wants.senders && s->duration > wants.at;
}

/* Whatever is run could have been loaded, and can be saved. */
static void
loads(const struct scene *s)
{
	char *text = scene_text(s);
	struct scene *again;

	assert_non_null(text);
	again = scn_from(text);
	scn_same(s, again);
	scene_free(&again);
	free(text);
}

int
trial_run(const struct scene *s, struct verdict *out)
{
	const char *why = has_all(s) ? RULE : wants.less;

	loads(s);
	if (wants.err != 0)
		return wants.err;
	wants.runs++;
	*out = (struct verdict){ .failed = why != NULL, .at = wants.at };
	if (why != NULL)
		strcpy(out->why, why);
	return 0;
}

bool
trial_same_rule(const struct verdict *a, const struct verdict *b)
{
	return strncmp(a->why, b->why, strcspn(a->why, ":") + 1) == 0;
}

/* -- scenarios ------------------------------------------------------------ */

#define TEN                                                                    \
	"scenario { duration = 10m quiet = 1m }\n"                             \
	"link core { bandwidth = 100M }\n"                                     \
	"senders hq { count = 3 link = core }\n"                               \
	"receivers gm { count = 20 link = core join = 1s-30s servers = 2 }\n"  \
	"receivers late { count = 7 link = core join = 1m-2m }\n"              \
	"receivers spy { count = 5 link = core join = never }\n"               \
	"timeline { events = {\n"                                              \
	"\"5s traffic senders 1/s 100 for 3s\", \"10s leave gm over 3s\",\n"   \
	"\"20s emcon silent gm for 4s\", \"30s partition hq-0*\",\n"           \
	"\"40s clock senders +5s\", \"50s link-down gm\",\n"                   \
	"\"60s crash senders keymgrd\", \"70s link-up gm\",\n"                 \
	"\"80s heal\", \"90s drift gm +10ppm\" } }\n"
#define CLOCK (1u << 4) /* the event at 40 s */

static void
wants_nothing(void)
{
	memset(&wants, 0, sizeof(wants));
}

static struct verdict
failed(void)
{
	struct verdict v = { .failed = true, .at = wants.at };

	strcpy(v.why, RULE);
	return v;
}

static unsigned int
shrunk(struct scene *s, struct verdict *v)
{
	unsigned int n;

	*v = failed();
	n = shrink(s, v, MAX);
	eq(n, wants.runs);
	loads(s);
	return n;
}

static void
has_events(const struct scene *s, uint32_t events)
{
	uint32_t is = 0;

	for (size_t i = 0; i < s->n_ev; i++) {
		assert_true(i == 0 || s->ev[i - 1].at < s->ev[i].at);
		is |= bit_of(&s->ev[i]);
	}
	eq(is, events);
}

static void
has_hosts(const struct scene *s, uint32_t senders, uint32_t gm, uint32_t late,
    uint32_t spy)
{
	eq(s->senders, senders);
	eq(s->recv[0].count, gm);
	eq(s->recv[1].count, late);
	eq(s->recv[2].count, spy);
}

/* -- the tests ------------------------------------------------------------ */

static void
one_event_of_ten(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < EVENTS; i++) {
		struct scene *s = scn_from(TEN);
		struct verdict v;

		if (i == 3 || i == 5) { /* see without_an_end */
			scene_free(&s);
			continue;
		}
		wants_nothing();
		wants.events = 1u << i;
		eq(s->n_ev, EVENTS);
		shrunk(s, &v);
		has_events(s, 1u << i);
		assert_true(v.failed);
		assert_string_equal(v.why, RULE);
		scene_free(&s);
	}
}

/* No more hosts than it takes; a name in the timeline may take some. */
static void
few_hosts(void **state)
{
	struct scene *s = scn_from(TEN);
	struct verdict v;

	(void)state;
	wants_nothing();
	wants.events = CLOCK;
	shrunk(s, &v);
	has_hosts(s, 1, 1, 1, 1);
	scene_free(&s);
	s = scn_from(TEN);
	wants_nothing();
	wants.senders = 2;
	wants.recv[0] = 13;
	wants.recv[2] = 5;
	shrunk(s, &v);
	has_hosts(s, 2, 13, 1, 5);
	has_events(s, 0);
	scene_free(&s);
}

#define NAMED                                                                  \
	"scenario { duration = 10m }\n"                                        \
	"link core { bandwidth = 100M }\n"                                     \
	"senders hq { count = 5 link = core }\n"                               \
	"receivers gm { count = 20 link = core join = 1s }\n"                  \
	"timeline { events = { \"10s leave gm-03-00007\", \"20s heal\" } }\n"

static void
names_stay_someones(void **state)
{
	struct scene *s = scn_from(NAMED);
	struct verdict v;

	(void)state;
	wants_nothing();
	wants.events = 1u << 1;
	shrunk(s, &v);
	has_events(s, 1u << 1);
	eq(s->senders, 3);
	eq(s->recv[0].count, 7);
	scene_free(&s);
}

/* Any few of them: exactly those are left. */
static void
any_events_of_ten(void **state)
{
	struct rng r;

	(void)state;
	rng_init(&r, 3, RNG_CHAOS, 0);
	for (unsigned int i = 0; i < 60; i++) {
		struct scene *s = scn_from(TEN);
		struct verdict v;

		wants_nothing();
		wants.events = (uint32_t)rng_below(&r, 1u << EVENTS);
		wants.events &= ~(1u << 3 | 1u << 5);
		wants.recv[1] = (uint32_t)rng_below(&r, 7);
		shrunk(s, &v);
		has_events(s, wants.events);
		eq(s->recv[1].count, wants.recv[1] > 1 ? wants.recv[1] : 1);
		scene_free(&s);
	}
}

/*
 * What lasts needs its end before the quiet: with the beginning the end stays
 * too, or the scenario could not be loaded.
 */
static void
with_its_end(void **state)
{
	(void)state;
	for (uint32_t i = 3; i <= 5; i += 2) {
		struct scene *s = scn_from(TEN);
		struct verdict v;

		wants_nothing();
		wants.events = 1u << i;
		shrunk(s, &v);
		has_events(s, 1u << i | (i == 3 ? 1u << 8 : 1u << 7));
		scene_free(&s);
	}
}

/* A second longer than it takes, without what would come later. */
static void
no_longer_than_it_takes(void **state)
{
	struct scene *s = scn_from(TEN);
	struct verdict v;

	(void)state;
	wants_nothing();
	wants.events = CLOCK;
	wants.at = 62 * NS_PER_S + 5;
	shrunk(s, &v);
	assert_true(s->duration == 63 * NS_PER_S + 5);
	eq(s->quiet, 0);
	has_events(s, CLOCK);
	assert_true(s->recv[0].join_to == 30 * NS_PER_S);
	assert_true(s->recv[1].join_from == 60 * NS_PER_S);
	assert_true(s->recv[1].join_to == s->duration);
	assert_true(s->recv[2].join_from == T_NEVER);
	assert_true(s->recv[2].join_to == T_NEVER);
	scene_free(&s);
}

/* Over before a section would have joined: it never does. */
static void
before_some_have_joined(void **state)
{
	struct scene *s = scn_from(TEN);
	struct verdict v;

	(void)state;
	wants_nothing();
	wants.at = 15 * NS_PER_S;
	shrunk(s, &v);
	assert_true(s->duration == 16 * NS_PER_S);
	assert_true(s->recv[0].join_from == NS_PER_S);
	assert_true(s->recv[0].join_to == 16 * NS_PER_S);
	assert_true(s->recv[1].join_from == s->recv[1].join_to);
	assert_true(s->recv[1].join_from >= s->duration);
	assert_true(s->recv[2].join_from == T_NEVER);
	scene_free(&s);
}

/* What a seed has drawn is like what was written. */
static void
drawn_events_too(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct scene *s = scn_from(
		    TEN "chaos { crashes = 9 emcons = 9 partitions = 9 "
			"outages = 9 leaves = 9 }\n");
		struct verdict v;

		s->seed = seed;
		eq(scene_draw_chaos(s), 0);
		assert_true(s->n_ev > EVENTS + 20);
		wants_nothing();
		wants.events = CLOCK;
		shrunk(s, &v);
		eq(s->n_ev, 1); /* that one, or a drawn one of its time */
		has_events(s, CLOCK);
		scene_free(&s);
	}
}

/* -- what does not get smaller -------------------------------------------- */

static void
stays(const char *less)
{
	struct scene *s = scn_from(TEN), *was = scn_from(TEN);
	struct verdict v;

	wants_nothing();
	wants.events = (1u << EVENTS) - 1;
	wants.senders = 3;
	wants.recv[0] = 20;
	wants.recv[1] = 7;
	wants.recv[2] = 5;
	wants.less = less;
	shrunk(s, &v);
	assert_true(wants.runs > 0);
	scn_same(s, was);
	assert_string_equal(v.why, RULE);
	scene_free(&s);
	scene_free(&was);
}

static void
what_needs_all_stays(void **state)
{
	(void)state;
	stays(NULL);
}

/* What it fails by must stay the same rule. */
static void
another_failure_is_none(void **state)
{
	(void)state;
	stays("once: gm-01-00001 at 9.000 s: no keys after quiet");
	stays("curr: gm-01-00001 at 9.000 s: no keys after quiet");
}

/* It does not fail at all, or nobody can tell. */
static void
what_passes_is_not_touched(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct scene *s = scn_from(TEN), *was = scn_from(TEN);
		struct verdict v;

		wants_nothing();
		wants.senders = 100;
		wants.err = i == 0 ? 0 : -EAGAIN;
		shrunk(s, &v);
		scn_same(s, was);
		scene_free(&s);
		scene_free(&was);
	}
}

static void
no_more_runs_than_allowed(void **state)
{
	(void)state;
	for (unsigned int max = 0; max < 40; max++) {
		struct scene *s = scn_from(TEN);
		struct verdict v;

		wants_nothing();
		wants.events = CLOCK;
		v = failed();
		assert_in_range(shrink(s, &v, max), 0, max);
		assert_in_range(wants.runs, 0, max);
		assert_true(has_all(s)); /* however far it came */
		scene_free(&s);
	}
}

/* Hundreds of events: their number is halved, not counted down. */
static void
many_events_in_few_runs(void **state)
{
	static char text[65536];
	size_t n = (size_t)sprintf(text,
	    "scenario { duration = 10m }\n"
	    "link core { bandwidth = 100M }\n"
	    "senders hq { count = 1 link = core }\n"
	    "receivers gm { count = 1 link = core join = 1s }\n"
	    "timeline { events = {\n");
	struct scene *s;
	struct verdict v;

	(void)state;
	for (unsigned int i = 0; i < 512; i++)
		n += (size_t)sprintf(text + n, "%s\"%ums heal\"",
		    i > 0 ? ",\n" : "", i == 300 ? 40000 : 10001 + i);
	strcpy(text + n, "} }\n");
	s = scn_from(text);
	wants_nothing();
	wants.events = CLOCK;
	assert_in_range(shrunk(s, &v), 1, 60);
	eq(s->n_ev, 1);
	scene_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_event_of_ten),
		cmocka_unit_test(few_hosts),
		cmocka_unit_test(names_stay_someones),
		cmocka_unit_test(any_events_of_ten),
		cmocka_unit_test(with_its_end),
		cmocka_unit_test(drawn_events_too),
		cmocka_unit_test(no_longer_than_it_takes),
		cmocka_unit_test(before_some_have_joined),
		cmocka_unit_test(what_needs_all_stays),
		cmocka_unit_test(another_failure_is_none),
		cmocka_unit_test(what_passes_is_not_touched),
		cmocka_unit_test(no_more_runs_than_allowed),
		cmocka_unit_test(many_events_in_few_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
