/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/scn.h"

/* The text of a scenario: what it means, and what is refused where. */

#define eq assert_int_equal
#define streq assert_string_equal
#define LINK "link core { bandwidth = 100M }\n"
#define SENDERS "senders hq { count = 3 link = core }\n"
#define BASE SCN_RUN LINK SENDERS

static struct scene *s;

static int
teardown(void **state)
{
	(void)state;
	scene_free(&s);
	return 0;
}

static void
defaults_are_those_of_the_policy(void **state)
{
	(void)state;
	s = scn_from(SCN_RUN SCN_HOSTS);
	eq(s->duration, 600 * NS_PER_S);
	eq(s->quiet, 0);
	eq(s->seed, 1);
	streq(s->title, "");
	eq(s->needs, 0);
	assert_false(s->psk);
	assert_false(s->ppk);
	assert_false(s->ipv6);
	eq(s->suite, SUITE_DEFAULT);
	eq(s->work, 0);
	eq(s->lifetime_s, 28800);
	eq(s->atd_s, 2);
	eq(s->dtd_s, 30);
	eq(s->members_max, 16384);
	eq(s->half_open_max, 1024);
	eq(s->source_rate, 20);
	eq(s->cookie_above, 100);
	eq(s->fragment, 1280);
	eq(s->senders, 3);
	streq(s->sender_name, "hq");
	eq(s->n_link, 1);
	eq(s->link[0].mtu, 1500);
	eq(s->link[0].queue, 262144);
	eq(s->n_recv, 1);
	eq(s->recv[0].count, 20);
	eq(s->recv[0].servers, 1);
	eq(s->recv[0].join_to, 0);
	eq(s->n_ev, 0);
	eq(s->chaos.until, 0);
}

static void
everything_can_be_said(void **state)
{
	const struct link_class *l;

	(void)state;
	s = scn_from(
	    "scenario { title = \"a \\\"b\\\"\" seed = 18446744073709551615\n"
	    "duration = 30m quiet = 2m needs = { rekey, agreement } auth = psk "
	    "ppk = yes suite = cnsa family = ipv6 work = 0.3ms }\n"
	    "group { lifetime = 1h atd = 3s dtd = 40s members-max = 5 "
	    "half-open-max = 6 per-source-rate = 7 cookie-above = 0 fragment = "
	    "0 }\n"
	    "link core { }\n"
	    "link hf { shared = yes half-duplex = yes bandwidth = 2400 delay = "
	    "80ms jitter = 2ms turn-around = 200ms loss = 20% burst-loss = 5% "
	    "burst-length = 6 duplicate = 0.1% reorder = 1% reorder-by = 500ms "
	    "bit-error = 1e-6 mtu = 500 overhead = 12 queue = 16k }\n"
	    "senders hq { count = 2 link = core }\n"
	    "receivers scout { count = 10 link = hf join = 5s-20m servers = 2 "
	    "hostile = yes }\n"
	    "receivers late { link = core join = never }\n"
	    "receivers sharp { link = core join = 7s }\n");
	streq(s->title, "a \"b\"");
	assert_true(s->seed == UINT64_MAX);
	eq(s->duration, 1800 * NS_PER_S);
	eq(s->quiet, 120 * NS_PER_S);
	eq(s->needs, NEED_REKEY | NEED_AGREEMENT);
	assert_true(s->psk && s->ppk && s->ipv6);
	eq(s->suite, SUITE_CNSA);
	eq(s->work, 300000);
	eq(s->lifetime_s, 3600);
	eq(s->atd_s + s->dtd_s, 43);
	eq(s->members_max, 5);
	eq(s->half_open_max, 6);
	eq(s->source_rate, 7);
	eq(s->cookie_above + s->fragment, 0);
	eq(s->n_link, 2);
	l = &s->link[1];
	streq(l->name, "hf");
	assert_true(l->shared && l->half_duplex);
	eq(l->bit_s, 2400);
	eq(l->delay, 80 * NS_PER_MS);
	eq(l->jitter, 2 * NS_PER_MS);
	eq(l->turn, 200 * NS_PER_MS);
	assert_true(l->loss == chance_of(0.2));
	assert_true(l->duplicate == chance_of(0.001));
	assert_true(l->reorder == chance_of(0.01));
	eq(l->reorder_by, 500 * NS_PER_MS);
	assert_true(l->bit_error > 0.99e-6 && l->bit_error < 1.01e-6);
	eq(l->mtu, 500);
	eq(l->overhead, 12);
	eq(l->queue, 16384);
	eq(s->n_recv, 3);
	eq(s->recv[0].link, 1);
	eq(s->recv[0].servers, 2);
	eq(s->recv[0].join_from, 5 * NS_PER_S);
	eq(s->recv[0].join_to, 1200 * NS_PER_S);
	assert_true(s->recv[0].hostile);
	assert_false(s->recv[1].hostile);
	assert_true(s->recv[1].join_from == T_NEVER);
	assert_true(s->recv[1].join_to == T_NEVER);
	eq(s->recv[1].count, 1);
	eq(s->recv[2].join_from, 7 * NS_PER_S);
	eq(s->recv[2].join_to, 7 * NS_PER_S);
}

/* In the long run the share is bad / (bad + good). */
static void
bursts_are_as_said(void **state)
{
	double good, bad;

	(void)state;
	s = scn_from(
	    SCN_RUN SENDERS "link core { burst-loss = 5% burst-length = 6 }");
	good = (double)s->link[0].to_good / 0x1p64;
	bad = (double)s->link[0].to_bad / 0x1p64;
	assert_true(1 / good > 5.9999 && 1 / good < 6.0001);
	assert_true(bad / (bad + good) > 0.04999);
	assert_true(bad / (bad + good) < 0.05001);
	scene_free(&s);
	s = scn_from(
	    SCN_RUN SENDERS "link core { burst-begin = 1% burst-end = 0.25 }");
	assert_true(s->link[0].to_bad == chance_of(0.01));
	assert_true(s->link[0].to_good == chance_of(0.25));
}

static void
delays_follow_a_short_lifetime(void **state)
{
	(void)state;
	s = scn_from(BASE "group { lifetime = 64s }");
	eq(s->atd_s, 2);
	eq(s->dtd_s, 16);
	scene_free(&s);
	s = scn_from(BASE "group { lifetime = 10s }");
	eq(s->atd_s, 1);
	eq(s->dtd_s, 2);
}

static void
chaos_ends_before_the_quiet(void **state)
{
	(void)state;
	s = scn_from("scenario { duration = 10m quiet = 1m }" LINK SENDERS
		     "chaos { crashes = 2 }");
	eq(s->chaos.crashes, 2);
	eq(s->chaos.from, 0);
	eq(s->chaos.until, 540 * NS_PER_S);
	eq(s->chaos.longest, 60 * NS_PER_S);
	scene_free(&s);
	s = scn_from(BASE "chaos { from = 5s until = 15s }");
	eq(s->chaos.longest, 10 * NS_PER_S);
}

static const struct {
	const char *text;
	unsigned int line;
	const char *part;
} bad[] = {
	{ LINK SENDERS, 0, "no section scenario" },
	{ "scenario { }\n" LINK SENDERS, 1, "scenario has no duration" },
	{ "scenario { duration = 0s }\n" LINK SENDERS, 1,
	    "duration = \"0s\": must be a time from 1s to 365d" },
	{ "scenario { duration = 10 }\n" LINK SENDERS, 1, "such as 90s" },
	{ "scenario { duration = \"\" }\n" LINK SENDERS, 1, "is empty" },
	{ "scenario {\nduration = 2m\nquiet = 2m }\n" LINK SENDERS, 3,
	    "quiet must be shorter" },
	{ SCN_RUN LINK SENDERS "scenario { seed = 1 }", 4, "second section" },
	{ "scenario { duration = 2m seed = -1 }\n" LINK SENDERS, 1,
	    "must be a number from 0 to 18446744073709551615" },
	{ "scenario { duration = 2m auth = rsa }\n" LINK SENDERS, 1,
	    "auth = \"rsa\": must be x509 or psk" },
	{ "scenario { duration = 2m\nneeds = { rekey,\nmagic } }\n" LINK
		SENDERS,
	    3, "needs \"magic\" is unknown: use rekey" },
	{ "scenario { duration = 2m title = \"a\x80\" }\n" LINK SENDERS, 1,
	    "printable ASCII" },
	{ BASE "group { colour = red }", 4, "group has no option \"colour\"" },
	{ BASE "group { lifetime = 1h\natd = 30m dtd = 30m }", 4,
	    "lifetime (3600s) must be longer than atd + dtd (3600s)" },
	{ BASE "group { lifetime = 90.5s }", 4, "whole seconds from 10s" },
	{ BASE "group { fragment = 500 }", 4, "from 576 to 65535" },
	{ BASE "group { members-max = 0 }", 4, "a number from 1 to 1048576" },
	{ BASE "routers { }", 4,
	    "there are scenario, group, senders, receivers, link, timeline "
	    "and chaos" },
	{ SCN_RUN LINK, 0, "there are no senders" },
	{ BASE "senders other { count = 1 link = core }", 4,
	    "a second section senders" },
	{ SCN_RUN LINK "senders hq { link = lan }", 3,
	    "there is no such link; write link lan {" },
	{ SCN_RUN LINK "senders hq { count = 1 }", 3,
	    "senders hq has no link" },
	{ SCN_RUN LINK "senders hq { count = 129 link = core }", 3,
	    "count = \"129\": must be a number from 1 to 128" },
	{ SCN_RUN "link core { shared = yes }\n" SENDERS, 3,
	    "each sender has an uplink of its own" },
	{ SCN_RUN LINK "senders hq-01 { link = core }", 3,
	    "do not end it with '-' and digits" },
	{ SCN_RUN LINK "senders all { link = core }", 3,
	    "stands for more than one section" },
	{ SCN_RUN LINK "senders \"h*q\" { link = core }", 3, "use letters" },
	{ SCN_RUN LINK
	    "senders aaaaaaaaaabbbbbbbbbbccccccccccdef { link = core }",
	    3, "32 characters or less" },
	{ SCN_RUN LINK "senders { link = core }", 3, "senders needs a name" },
	{ BASE "receivers hq { link = core }", 4, "called that already" },
	{ BASE "receivers a { link = core }\nreceivers a { link = core }", 5,
	    "second receivers \"a\"" },
	{ BASE "receivers a { count = 65001 link = core }", 4,
	    "from 1 to 65000" },
	{ BASE "receivers a { count = 40000 link = core }\n"
	       "receivers b { count = 25001 link = core }",
	    5, "65001 receivers for each sender" },
	{ BASE "receivers a { link = core servers = 4 }", 4,
	    "there are only 3 senders" },
	{ BASE "receivers a { link = core servers = 17 }", 4,
	    "a number from 1 to 16" },
	{ BASE "receivers a { link = core join = 20s-10s }", 4,
	    "a window such as 0s-20m" },
	{ BASE "receivers a { link = core join = 20 }", 4, "never" },
	{ BASE "receivers a { link = core join = 5s- }", 4, "join" },
	{ BASE "receivers a { link = core join = -5s }", 4, "join" },
	{ BASE "receivers a { link = core join = 0s-11m }", 4,
	    "ends behind the end" },
	{ BASE "receivers a { link = core hostile = true }", 4, "no or yes" },
	{ SCN_RUN SENDERS "link core { loss = 101% }", 3,
	    "loss = \"101%\": must be a chance from 0 to 100%" },
	{ SCN_RUN SENDERS "link core { bit-error = 0.2 }", 3,
	    "a number from 0 to 10%" },
	{ SCN_RUN SENDERS "link core { mtu = 60 }", 3, "from 68 to 65535" },
	{ SCN_RUN SENDERS "link core { reorder = 1% }", 3, "needs reorder-by" },
	{ SCN_RUN SENDERS "link core { turn-around = 1ms }", 3,
	    "without half-duplex" },
	{ SCN_RUN SENDERS "link core { burst-loss = 5% }", 3, "go together" },
	{ SCN_RUN SENDERS "link core { burst-length = 5 }", 3, "go together" },
	{ SCN_RUN SENDERS "link core { burst-loss = 5% burst-length = 0.5 }", 3,
	    "1 frame or more" },
	{ SCN_RUN SENDERS "link core { burst-loss = 90% burst-length = 2 }", 3,
	    "leave time between" },
	{ SCN_RUN SENDERS "link core { burst-loss = 100% burst-length = 2 }", 3,
	    "leave time between" },
	{ SCN_RUN SENDERS
	    "link core { burst-loss = 5% burst-length = 2 burst-end = 1% }",
	    3, "not by both" },
	{ SCN_RUN SENDERS "link core { burst-begin = 5% }", 3, "go together" },
	{ SCN_RUN SENDERS "link core { burst-begin = 5% burst-end = 0 }", 3,
	    "never ends" },
	{ BASE "chaos { crashes = 1001 }", 4, "from 0 to 1000" },
	{ BASE "chaos { crashes = 1 until = 11m }", 4, "behind the end" },
	{ BASE "chaos { crashes = 1 from = 5m until = 5m }", 4,
	    "a second or more before until" },
	{ BASE "chaos { crashes = 1 from = 5m until = 6m longest = 2m }", 4,
	    "longest is longer" },
	{ BASE "chaos { leaves = 1 }", 4, "no receivers" },
	{ BASE "receivers a { link = core }\n"
	       "chaos { leaves = 1000 crashes = 1000 emcons = 1000 outages = "
	       "97 }",
	    5, "more than 4096 events" },
};

static void
what_is_wrong_is_said_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++)
		scn_refuses(bad[i].text, bad[i].line, bad[i].part);
}

static void
all_errors_come_at_once(void **state)
{
	(void)state;
	streq(scn_errors("scenario { duration = 10m seed = x }\n"
			 "link core { loss = 2\n"
			 "mtu = 1 }\n"
			 "senders hq { count = 0 link = core }\n"
			 "receivers scout { link = hf }\n"
			 "timeline { events = {\n"
			 "\"1m dance\",\n"
			 "\"2m leave nobody\" } }\n"),
	    "1: seed = \"x\": must be a number from 0 to "
	    "18446744073709551615\n"
	    "2: loss = \"2\": must be a chance from 0 to 100%, such as 5% or "
	    "0.05\n"
	    "3: mtu = \"1\": must be 0 (any) or from 68 to 65535\n"
	    "4: count = \"0\": must be a number from 1 to 128\n"
	    "5: link = \"hf\": there is no such link; write link hf { "
	    "bandwidth = ... }\n"
	    "7: \"1m dance\": no such verb: join, leave, exclude, emcon, "
	    "crash, link-down, link-up, partition, heal, clock, drift, flood, "
	    "replay, garbage or traffic\n"
	    "8: \"2m leave nobody\": no host matches: names are like hq-01 "
	    "and scout-01-00001\n");
}

/* Closed once for the policy; here it is enough that they are. */
static void
traps_of_the_language_are_closed(void **state)
{
	(void)state;
	scn_refuses("scenario { title = \"$HOME\" duration = 1m }", 1, "'$'");
	scn_refuses("scenario {\nneeds += { rekey } }", 2, "'+='");
	scn_refuses("scenario {\nseed = 1\nseed = 2 }", 3, "set twice");
	scn_refuses("scenario { duration = { 1m } }", 1, "one value");
	scn_refuses("seed = 1", 1, "expected '{'");
}

static void
one_too_many(void **state)
{
	char *text = malloc(100000);
	size_t n;

	(void)state;
	assert_non_null(text);
	n = (size_t)sprintf(text, BASE);
	for (int i = 0; i < SCENE_RECVS + 1; i++)
		n += (size_t)sprintf(
		    text + n, "receivers r%d { link = core }\n", i);
	scn_refuses(text, 4 + SCENE_RECVS, "more than 16 sections receivers");
	n = (size_t)sprintf(text, BASE);
	for (int i = 0; i < SCENE_LINKS; i++)
		n += (size_t)sprintf(text + n, "link l%d { }\n", i);
	scn_refuses(text, 3 + SCENE_LINKS, "more than 32 sections link");
	n = (size_t)sprintf(text, SCN_RUN SCN_HOSTS "timeline { events = {\n");
	for (int i = 0; i < SCENE_EVENTS + 1; i++)
		n += (size_t)sprintf(text + n, "\"1s heal\",\n");
	sprintf(text + n, "} }\n");
	scn_refuses(text, 5 + SCENE_EVENTS, "more than 4096 events");
	free(text);
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, teardown)
	const struct CMUnitTest tests[] = {
		T(defaults_are_those_of_the_policy),
		T(everything_can_be_said),
		T(bursts_are_as_said),
		T(delays_follow_a_short_lifetime),
		T(chaos_ends_before_the_quiet),
		T(what_is_wrong_is_said_with_its_line),
		T(all_errors_come_at_once),
		T(traps_of_the_language_are_closed),
		T(one_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
