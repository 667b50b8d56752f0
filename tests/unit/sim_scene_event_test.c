/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/scn.h"

/* The timeline: verbs, their arguments, their order and their limits. */

#define eq assert_int_equal
#define streq assert_string_equal

static struct scene *s;

static int
teardown(void **state)
{
	(void)state;
	scene_free(&s);
	return 0;
}

/* A scenario with this event alone. */
static const struct scene_event *
event(const char *text)
{
	char all[1024];

	scene_free(&s);
	snprintf(all, sizeof(all),
	    "scenario { duration = 10m needs = { exclusion } }" SCN_HOSTS
	    "timeline { events = { \"%s\" } }",
	    text);
	s = scn_from(all);
	eq(s->n_ev, 1);
	return &s->ev[0];
}

static void
means(const char *text, struct scene_event want)
{
	const struct scene_event *e = event(text);

	eq(e->at, 60 * NS_PER_S);
	eq(e->verb, want.verb);
	eq(e->arg, want.arg);
	eq(e->span, want.span);
	eq(e->size, want.size);
	eq(e->messages, want.messages);
	streq(e->hosts, want.hosts);
	eq(e->line, 3);
}

#define EV(v, h, ...)                                                          \
	((struct scene_event){ .verb = v, .hosts = h, __VA_ARGS__ })

static void
every_verb_has_its_meaning(void **state)
{
	(void)state;
	means("1m join scout over 5m",
	    EV(V_JOIN, "scout", .span = 300 * NS_PER_S));
	means("1m leave scout-01-00003", EV(V_LEAVE, "scout-01-00003"));
	means("1m exclude scout-01-*", EV(V_EXCLUDE, "scout-01-*"));
	means("1m emcon silent receivers for 2m",
	    EV(V_EMCON, "receivers", .arg = EMCON_SILENT,
		.span = 120 * NS_PER_S));
	means("1m emcon receive-only all",
	    EV(V_EMCON, "all", .arg = EMCON_RECEIVE_ONLY));
	means(
	    "1m emcon transmit all", EV(V_EMCON, "all", .arg = EMCON_TRANSMIT));
	means(
	    "1m crash hq-01 keymgrd", EV(V_CRASH, "hq-01", .arg = SD_KEYMGRD));
	means("1m crash hq-01 groupd after 17",
	    EV(V_CRASH, "hq-01", .arg = SD_GROUPD, .messages = 17));
	means("1m crash hq-01 host for 30s after 2",
	    EV(V_CRASH, "hq-01", .arg = SD_HOST, .messages = 2,
		.span = 30 * NS_PER_S));
	means("1m link-down hq-02 for 1500ms",
	    EV(V_LINK_DOWN, "hq-02", .span = 1500 * NS_PER_MS));
	means("1m link-up hq-02", EV(V_LINK_UP, "hq-02"));
	means("1m partition hq-0*", EV(V_PARTITION, "hq-0*"));
	means("1m heal", EV(V_HEAL, ""));
	means("1m clock hq-01 +5s", EV(V_CLOCK_STEP, "hq-01", .arg = 5000));
	means("1m clock hq-01 -300ms", EV(V_CLOCK_STEP, "hq-01", .arg = -300));
	means("1m drift all -50ppm", EV(V_CLOCK_DRIFT, "all", .arg = -50000));
	means("1m flood scout 200/s for 10s",
	    EV(V_FLOOD, "scout", .arg = 200, .span = 10 * NS_PER_S));
	means("1m replay all 5/s", EV(V_REPLAY, "all", .arg = 5));
	means("1m garbage hq-01 1/s", EV(V_GARBAGE, "hq-01", .arg = 1));
	means("1m traffic senders 10/s 200 for 5m",
	    EV(V_TRAFFIC, "senders", .arg = 10, .size = 200,
		.span = 300 * NS_PER_S));
}

static void
blanks_between_words_do_not_count(void **state)
{
	(void)state;
	means("  1m   crash  hq-01 keymgrd ",
	    EV(V_CRASH, "hq-01", .arg = SD_KEYMGRD));
}

/* Without its time, as logs and pictures show it. */
static void
events_are_written_as_they_are_read(void **state)
{
	static const char *const same[] = { "join scout over 5m",
		"emcon silent receivers for 2m",
		"crash hq-01 dispatcherd after 17 for 30s", "heal",
		"link-up hq-02", "clock hq-01 -300ms", "clock hq-01 +5s",
		"drift all +1ppb", "flood scout 200/s for 10s",
		"traffic senders 10/s 200" };
	char text[100], buf[SCENE_EVENT_TEXT];

	(void)state;
	for (size_t i = 0; i < NITEMS(same); i++) {
		snprintf(text, sizeof(text), "1m %s", same[i]);
		streq(scene_event_text(event(text), buf), same[i]);
	}
}

static void
events_are_sorted_and_equals_keep_their_order(void **state)
{
	static const char *const hosts[] = { "hq-03", "hq-01", "hq-02",
		"scout-01-00001", "hq" };
	static const unsigned int lines[] = { 5, 4, 6, 6, 7 };

	(void)state;
	s = scn_from(SCN_EVENTS("\"2m leave hq-01\",\n\"1m leave hq-03\",\n"
				"\"2m leave hq-02\", \"2m leave "
				"scout-01-00001\",\n\"3m leave hq\""));
	eq(s->n_ev, 5);
	for (size_t i = 0; i < NITEMS(hosts); i++) {
		streq(s->ev[i].hosts, hosts[i]);
		eq(s->ev[i].line, lines[i] + 1);
	}
}

static const struct {
	const char *text, *part;
} bad[] = {
	{ "", "must begin with a time" },
	{ "leave hq-01", "must begin with a time such as 90s" },
	{ "1 leave hq-01", "must begin with a time" },
	{ "-1s leave hq-01", "must begin with a time" },
	{ "1m", "no such verb: join, leave" },
	{ "1m Leave hq-01", "no such verb" },
	{ "1m leave", "the hosts are missing: leave HOSTS [over SPAN]" },
	{ "1m leave hq-01 for 5s", "more than is understood" },
	{ "1m leave hq-01 over", "the span must be a time" },
	{ "1m leave hq-01 over 0s", "the span must be a time" },
	{ "1m leave hq-01 over 5s over 5s", "two spans" },
	{ "1m leave hq-01 hq-02", "more than is understood" },
	{ "1m leave hq,hq", "hosts are named by letters" },
	{ "1m leave nobody", "no host matches" },
	{ "1m leave hq-04", "no host matches" },
	{ "1m leave scout-01-00021", "no host matches" },
	{ "1m leave "
	  "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff*123",
	    "longer than 63" },
	{ "1m exclude hq-01", "needs = { exclusion }" },
	{ "1m emcon hq-01", "transmit, receive-only or silent" },
	{ "1m emcon silent", "the hosts are missing" },
	{ "1m crash hq-01", "policyd, dispatcherd, groupd, keymgrd or host" },
	{ "1m crash hq-01 init", "what crashes is" },
	{ "1m crash hq-01 host after 0", "From 1 to 1000000" },
	{ "1m crash hq-01 host after", "how many messages" },
	{ "1m crash hq-01 host after 1 after 2", "two after" },
	{ "1m crash hq-01 host over 5s", "more than is understood" },
	{ "1m link-up hq-01 for 5s", "more than is understood" },
	{ "1m heal hq-01", "more than is understood" },
	{ "1m clock hq-01 5", "such as +5s" },
	{ "1m clock hq-01 +1us", "whole milliseconds" },
	{ "1m clock hq-01 +366d", "such as +5s" },
	{ "1m drift hq-01 -50", "such as -50ppm" },
	{ "1m drift hq-01 100001ppm", "such as -50ppm" },
	{ "1m flood scout 200", "such as 200/s" },
	{ "1m flood scout 0/s", "from 1/s to 1000000/s" },
	{ "1m flood scout /s", "such as 200/s" },
	{ "1m flood scout 1000001/s", "from 1/s to 1000000/s" },
	{ "1m flood all 5/s", "only receivers can flood" },
	{ "1m traffic senders 5/s", "from 12 to 1400 octets" },
	{ "1m traffic senders 5/s 11", "from 12 to 1400 octets" },
	{ "1m traffic senders 5/s 1401", "from 12 to 1400 octets" },
	{ "1m traffic all 5/s 100", "only senders send" },
	{ "10m leave hq-01", "after the end" },
	{ "11m leave hq-01", "after the end" },
	{ "1m leave a b c d e f g h i j k", "too long" },
};

static void
what_is_wrong_is_said(void **state)
{
	char text[1024];

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++) {
		snprintf(text, sizeof(text),
		    SCN_RUN SCN_HOSTS "timeline { events = {\n\"%s\" } }",
		    bad[i].text);
		scn_refuses(text, 5, bad[i].part);
	}
}

static void
nothing_happens_in_the_quiet(void **state)
{
	static const struct {
		const char *text, *part; /* NULL: fine */
	} t[] = {
		{ "1m leave hq-01", NULL },
		{ "9m leave hq-01", NULL },
		{ "9m1 leave hq-01", "must begin with a time" },
		{ "541s leave hq-01", "in the quiet end" },
		{ "8m emcon silent hq-01 for 1m", NULL },
		{ "8m emcon silent hq-01 for 61s", "in the quiet end" },
		{ "8m join hq-01 over 2m", "in the quiet end" },
		{ "8m emcon silent hq-01", NULL },
		{ "541s traffic senders 1/s 100", NULL },
		{ "8m flood scout 1/s", "lasts into the quiet end" },
		{ "8m flood scout 1/s for 1m", NULL },
		{ "8m partition hq-01", "lasts into the quiet end" },
		{ "8m partition hq-01\", \"9m heal", NULL },
		{ "8m partition hq-01\", \"7m heal",
		    "lasts into the quiet end" },
		{ "8m link-down hq-01\", \"8m link-up hq-01", NULL },
		{ "8m link-down hq-01\", \"9m heal",
		    "lasts into the quiet end" },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < NITEMS(t); i++) {
		snprintf(text, sizeof(text),
		    "scenario { duration = 10m quiet = 1m }\n" SCN_HOSTS
		    "timeline { events = {\n\"%s\" } }",
		    t[i].text);
		if (t[i].part != NULL)
			scn_refuses(text, 5, t[i].part);
		else
			streq(scn_errors(text), "");
	}
	scn_refuses("scenario { duration = 10m quiet = 1m }\nlink core { }\n"
		    "senders hq { link = core }\n"
		    "receivers a { link = core join = 0s-541s }",
	    4, "in the quiet");
}

static void
everything_has_a_name(void **state)
{
	(void)state;
	for (enum verb v = V_JOIN; v < VERBS; v++)
		for (enum verb w = V_JOIN; w < v; w++)
			assert_string_not_equal(verb_name(v), verb_name(w));
	streq(verb_name(V_CLOCK_DRIFT), "drift");
	streq(sim_daemon_name(SD_KEYMGRD), "keymgrd");
	streq(sim_daemon_name(SD_HOST), "host");
	streq(emcon_name(EMCON_RECEIVE_ONLY), "receive-only");
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, teardown)
	const struct CMUnitTest tests[] = {
		T(every_verb_has_its_meaning),
		T(blanks_between_words_do_not_count),
		T(events_are_written_as_they_are_read),
		T(events_are_sorted_and_equals_keep_their_order),
		T(what_is_wrong_is_said),
		T(nothing_happens_in_the_quiet),
		T(everything_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
