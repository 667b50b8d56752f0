/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/core/scene_int.h"
#include "tests/lib/scn.h"

/*
 * A scenario written is read as the same: drawn ones, which say whatever a
 * text can say, and all that are shipped.
 */

#define streq assert_string_equal

static struct rng r;

static bool
coin(void)
{
	return rng_below(&r, 2) == 0;
}

/* lo .. hi, now and then one of them, more often small. */
static uint64_t
number(uint64_t lo, uint64_t hi)
{
	switch (rng_below(&r, 6)) {
	case 0:
		return lo;
	case 1:
		return hi;
	case 2:
		return lo + rng_u64(&r) % (hi - lo + 1);
	default:
		return lo + (rng_u64(&r) >> rng_below(&r, 64)) % (hi - lo + 1);
	}
}

static void
draw_title(char *out, size_t size)
{
	size_t n = rng_below(&r, size);

	for (size_t i = 0; i < n; i++) {
		out[i] = (char)(0x20 + rng_below(&r, 0x5f));
		if (out[i] == '$')
			out[i] = '"';
	}
	out[n] = '\0';
}

static void
draw_name(char out[SCENE_NAME + 1], const char *begin, size_t i)
{
	snprintf(
	    out, SCENE_NAME + 1, "%s%zu%s", begin, i, coin() ? "" : "-b.c_d");
}

static void
draw_link(struct link_class *l, size_t i)
{
	draw_name(l->name, coin() ? "l" : "net-x", i);
	l->shared = i > 0 && coin();
	l->half_duplex = coin();
	l->bit_s = number(0, 1000000000000);
	l->delay = number(0, 3600 * NS_PER_S);
	l->jitter = number(0, NS_PER_S);
	l->turn = l->half_duplex ? number(0, NS_PER_S) : 0;
	l->mtu = coin() ? 0 : (uint32_t)number(68, 65535);
	l->overhead = (uint32_t)number(0, 1000);
	l->queue = (uint32_t)number(0, 1 << 30);
	l->loss = chance_of((double)number(0, 1000) / 1000);
	l->duplicate = chance_of((double)rng_u64(&r) / 0x1p64);
	l->reorder_by = number(1, NS_PER_S);
	l->reorder = chance_of((double)number(0, 100) / 100);
	l->bit_error = (double)number(0, 100000) / 1e9;
	if (coin()) {
		l->to_good = chance_of((double)number(1, 1000) / 1000);
		l->to_bad = chance_of((double)rng_u64(&r) / 0x1p64);
	} else if (coin()) {
		must(burst_of(
		    (double)number(0, 50) / 100, (double)number(1, 100), l));
	}
}

static void
draw_recv(struct scene *s, struct scene_recv *v, size_t i)
{
	draw_name(v->name, "scout", i);
	v->count = (uint32_t)number(1, 4000);
	v->link = (uint8_t)rng_below(&r, s->n_link);
	v->servers = (uint8_t)number(1, s->senders < 16 ? s->senders : 16);
	v->hostile = coin();
	v->join_from = number(0, scene_last(s));
	v->join_to = number(v->join_from, scene_last(s));
	if (coin())
		v->join_from = v->join_to = coin() ? T_NEVER : v->join_to;
}

static void
draw_arg(struct scene_event *e)
{
	switch (e->verb) {
	case V_EMCON:
		e->arg = (int64_t)rng_below(&r, 3);
		break;
	case V_CRASH:
		e->arg = (int64_t)rng_below(&r, SIM_DAEMONS);
		e->messages = (uint32_t)number(0, 1000000);
		break;
	case V_CLOCK_STEP:
		e->arg = (int64_t)number(0, 100000000) - 50000000;
		break;
	case V_CLOCK_DRIFT:
		e->arg = (int64_t)number(0, 200000000) - 100000000;
		break;
	case V_TRAFFIC:
		e->size = (uint32_t)number(12, 1400);
		e->arg = (int64_t)number(1, 1000000);
		break;
	case V_FLOOD:
	case V_REPLAY:
	case V_GARBAGE:
		e->arg = (int64_t)number(1, 1000000);
		break;
	default:
		break;
	}
}

static bool
takes_span(enum verb v)
{
	return v != V_LINK_UP && v != V_HEAL && v != V_CLOCK_STEP &&
	       v != V_CLOCK_DRIFT;
}

static void
draw_event(struct scene *s, struct scene_event *e)
{
	static const char *const hosts[] = { "all", "*", "receivers", "hq",
		"scout0*", "*-01*" };

	*e = (struct scene_event){
		.verb = (enum verb)rng_below(&r, VERBS),
		.at = number(0, scene_last(s) - 1),
	};
	draw_arg(e);
	if (takes_span(e->verb))
		e->span = number(0, scene_last(s) - e->at);
	if (e->verb == V_TRAFFIC)
		strcpy(e->hosts, "hq");
	else if (e->verb == V_FLOOD)
		strcpy(e->hosts, "scout*");
	else if (e->verb != V_HEAL)
		strcpy(e->hosts, hosts[rng_below(&r, NITEMS(hosts))]);
	/* A quiet end wants an end. */
	if (s->quiet != 0 && takes_span(e->verb) && e->span == 0)
		e->verb = V_HEAL, *e->hosts = '\0', e->arg = 0, e->size = 0,
		e->messages = 0;
}

static void
draw_group(struct scene *s)
{
	s->lifetime_s = (uint32_t)number(40, 30 * 86400);
	s->atd_s = (uint32_t)number(0, s->lifetime_s / 8);
	s->dtd_s = (uint32_t)number(0, s->lifetime_s / 4);
	s->atd_s = s->atd_s < 65535 ? s->atd_s : 65535;
	s->dtd_s = s->dtd_s < 65535 ? s->dtd_s : 65535;
	s->members_max = (uint32_t)number(1, 1 << 20);
	s->half_open_max = (uint32_t)number(1, 1 << 16);
	s->source_rate = (uint32_t)number(1, 100000);
	s->cookie_above = (uint32_t)number(0, 1000000);
	s->fragment = coin() ? 0 : (uint32_t)number(576, 65535);
}

static void
draw_chaos(struct scene *s)
{
	struct scene_chaos *c = &s->chaos;
	t_ns last = scene_last(s);

	c->crashes = (uint32_t)number(0, 50);
	c->emcons = (uint32_t)number(0, 50);
	c->partitions = (uint32_t)number(0, 5);
	c->outages = (uint32_t)number(0, 50);
	c->leaves = (uint32_t)number(0, 50);
	c->from = number(0, last / 2);
	c->until = number(c->from + 2 * NS_PER_S, last);
	c->longest = number(NS_PER_S, c->until - c->from);
}

static struct scene *
draw_scene(void)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	draw_title(s->title, sizeof(s->title));
	s->seed = number(0, UINT64_MAX - 1);
	s->duration = number(10 * NS_PER_S, SCENE_DURATION_MAX);
	s->quiet = coin() ? 0 : number(1, s->duration / 4);
	s->needs = (uint32_t)rng_below(&r, 8) | NEED_EXCLUSION;
	s->psk = coin();
	s->ppk = coin();
	s->suite = coin() ? SUITE_DEFAULT : SUITE_CNSA;
	s->ipv6 = coin();
	s->work = number(0, NS_PER_S);
	draw_group(s);
	s->senders = (uint32_t)number(1, SCENE_SENDERS);
	strcpy(s->sender_name, "hq");
	s->n_link = 1 + rng_below(&r, SCENE_LINKS);
	for (size_t i = 0; i < s->n_link; i++)
		draw_link(&s->link[i], i);
	s->n_recv = 1 + rng_below(&r, SCENE_RECVS);
	for (size_t i = 0; i < s->n_recv; i++)
		draw_recv(s, &s->recv[i], i);
	s->n_ev = rng_below(&r, 40);
	s->ev = calloc(40, sizeof(*s->ev));
	assert_non_null(s->ev);
	for (size_t i = 0; i < s->n_ev; i++)
		draw_event(s, &s->ev[i]);
	assert_int_equal(events_sort(s->ev, s->n_ev), 0);
	if (coin())
		draw_chaos(s);
	return s;
}

/* Twice: what is written the second time is the same text. */
static void
comes_back(const struct scene *s)
{
	char *text = scene_text(s), *again;
	struct scene *t;

	assert_non_null(text);
	if (*scn_errors(text) != '\0')
		fail_msg("%s%s", scn_errors(text), text);
	t = scn_from(text);
	scn_same(s, t);
	again = scene_text(t);
	streq(again, text);
	free(again);
	free(text);
	scene_free(&t);
}

static void
drawn_scenes_come_back(void **state)
{
	(void)state;
	rng_init(&r, 3, RNG_HOST, 0);
	for (int i = 0; i < 400; i++) {
		struct scene *s = draw_scene();

		comes_back(s);
		scene_free(&s);
	}
}

/* Those in mikesim/scenarios, which are read from the source. */
static char *
shipped(const char *name)
{
	char path[128], *text = calloc(1, TEXT_MAX + 1);
	FILE *f;

	snprintf(path, sizeof(path), "mikesim/scenarios/%s.conf", name);
	f = fopen(path, "r");
	assert_non_null(text);
	if (f == NULL)
		fail_msg("cannot open %s", path);
	assert_int_not_equal(fread(text, 1, TEXT_MAX, f), 0);
	fclose(f);
	if (*scn_errors(text) != '\0')
		fail_msg("%s:\n%s", path, scn_errors(text));
	return text;
}

static const struct {
	const char *name;
	uint32_t senders, hosts;
	uint32_t needs;
} ships[] = {
	{ "briefing", 25, 250025, 0 },
	{ "briefing-small", 3, 63, 0 },
	{ "join-storm", 1, 5021, 0 },
	{ "hf-2400", 1, 501, 0 },
	{ "satcom", 3, 1503, 0 },
	{ "partition", 3, 123, 0 },
	{ "emcon", 2, 202, NEED_REKEY },
};

static void
shipped_scenes_are_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < NITEMS(ships); i++) {
		char *text = shipped(ships[i].name);
		struct scene *s = scn_from(text);

		assert_int_equal(s->senders, ships[i].senders);
		assert_int_equal(scene_hosts(s), ships[i].hosts);
		assert_int_equal(s->needs, ships[i].needs);
		assert_int_not_equal(s->quiet, 0);
		assert_string_not_equal(s->title, "");
		/* It begins by saying what it shows. */
		assert_int_equal(*text, '#');
		comes_back(s);
		scene_free(&s);
		free(text);
	}
}

static void
bursts_are_written_as_people_say_them(void **state)
{
	struct scene *s = scn_from(
	    SCN_RUN "senders hq { link = core }\n"
		    "link core { burst-loss = 5% burst-length = 6 }\n");
	char *text = scene_text(s);

	(void)state;
	assert_non_null(strstr(text, "\tburst-loss = 5%\n"));
	assert_non_null(strstr(text, "\tburst-length = 6\n"));
	free(text);
	scene_free(&s);
}

static void
text_is_for_reading(void **state)
{
	struct scene *s = scn_from(
	    "scenario { title = \"a \\\\ \\\"b\\\"\" duration = 10m needs = { "
	    "rekey, agreement } }\n" SCN_HOSTS
	    "timeline { events = { \"90s crash hq-01 host for 30s\" } }");
	char *text = scene_text(s);

	(void)state;
	streq(text, "scenario {\n"
		    "\ttitle = \"a \\\\ \\\"b\\\"\"\n"
		    "\tseed = 1\n"
		    "\tduration = 10m\n"
		    "\tquiet = 0s\n"
		    "\tauth = x509\n"
		    "\tppk = no\n"
		    "\tsuite = default\n"
		    "\tfamily = ipv4\n"
		    "\twork = 0s\n"
		    "\tneeds = { rekey, agreement }\n"
		    "}\n"
		    "\n"
		    "group {\n"
		    "\tlifetime = 8h\n"
		    "\tatd = 2s\n"
		    "\tdtd = 30s\n"
		    "\tmembers-max = 16384\n"
		    "\thalf-open-max = 1024\n"
		    "\tper-source-rate = 20\n"
		    "\tcookie-above = 100\n"
		    "\tfragment = 1280\n"
		    "}\n"
		    "\n"
		    "link core {\n"
		    "\tbandwidth = 100M\n"
		    "}\n"
		    "\n"
		    "senders hq {\n"
		    "\tlink = core\n"
		    "\tcount = 3\n"
		    "}\n"
		    "\n"
		    "receivers scout {\n"
		    "\tlink = core\n"
		    "\tcount = 20\n"
		    "\tjoin = 0s\n"
		    "}\n"
		    "\n"
		    "timeline {\n"
		    "\tevents = {\n"
		    "\t\t\"90s crash hq-01 host for 30s\",\n"
		    "\t}\n"
		    "}\n");
	free(text);
	scene_free(&s);
}

int
main(void)
{
#define T cmocka_unit_test
	const struct CMUnitTest tests[] = {
		T(drawn_scenes_come_back),
		T(shipped_scenes_are_in_order),
		T(bursts_are_written_as_people_say_them),
		T(text_is_for_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
