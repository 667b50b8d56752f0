/* SPDX-License-Identifier: ISC */
/* Whole runs of small scenarios: what happens to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "mikesim/core/sim.h"

#define TOKENS 16

/* What a run showed. */
struct seen {
	uint64_t hash; /* of all observations, in their order */
	uint64_t n[OBS_BROKEN + 1];
	uint64_t fates[FATES];
	t_ns last;
	uint32_t watched; /* a host, and what it did */
	uint64_t sends, sas, gone;
	uint8_t phase[256]; /* the last of each host */
	uint32_t became[PHASES];
	t_ns from, until;     /* while */
	uint64_t sends_while; /* the watched host sent so much */
	struct {
		const char *token;
		unsigned int n;
	} note[TOKENS];
	int fail_after; /* observations; 0: never */
};

static void
add(uint64_t *h, const void *p, size_t len)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		*h = (*h ^ b[i]) * 0x100000001b3u;
}

static void
count_note(struct seen *s, const struct obs *o)
{
	for (size_t i = 0; i < TOKENS; i++)
		if (s->note[i].token != NULL &&
		    strcmp(s->note[i].token, o->note.token) == 0)
			s->note[i].n++;
}

static void
count_send(struct seen *s, const struct obs *o)
{
	add(&s->hash, o->send.data.p, o->send.data.len);
	if (o->host != s->watched)
		return;
	s->sends++;
	s->sends_while += o->t >= s->from && o->t < s->until;
}

static int
take(void *arg, const struct obs *o)
{
	struct seen *s = arg;

	assert_true(o->t >= s->last); /* in the order of time */
	s->last = o->t;
	s->n[o->kind]++;
	add(&s->hash, &o->t, sizeof(o->t));
	add(&s->hash, &o->host, sizeof(o->host));
	switch (o->kind) {
	case OBS_SEND:
		count_send(s, o);
		break;
	case OBS_FATE:
		s->fates[o->fate.fate]++;
		break;
	case OBS_STATE:
		assert_true(o->host < 256);
		s->phase[o->host] = (uint8_t)o->state.phase;
		s->became[o->state.phase]++;
		break;
	case OBS_NOTE:
		count_note(s, o);
		break;
	case OBS_SA:
		s->sas += o->host == s->watched && o->sa.there;
		s->gone += o->host == s->watched && !o->sa.there;
		break;
	default:
		break;
	}
	return s->fail_after != 0 && --s->fail_after == 0 ? -EIO : 0;
}

#define HEAD(scenario)                                                         \
	"scenario { duration = 10m " scenario " }\n"                           \
	"group { lifetime = 8h }\n"                                            \
	"link core { bandwidth = 100M delay = 5ms }\n"                         \
	"link lan { bandwidth = 10M delay = 2ms }\n"
#define ONE                                                                    \
	"senders hq { count = 1 link = core }\n"                               \
	"receivers gm { count = 4 link = lan join = 1s-5s }\n"
#define EVENTS(...) "timeline { events = { " __VA_ARGS__ " } }\n"

/* Sender 0, receivers 1 to 4. */
static struct scene *
scene_of(const char *text)
{
	struct diag d = { 0 };
	struct scene *s = NULL;

	if (scene_load(&s, text, strlen(text), &d) != 0)
		fail_msg("line %u: %s", d.v[0].line, d.v[0].text);
	assert_int_equal(scene_draw_chaos(s), 0);
	return s;
}

struct out {
	uint64_t seed; /* 0: the scenario's */
	struct sim_results r;
	struct seen s;
};

/* In threads' order at its worst: the last site first. */
static void
backwards(void *pool, size_t n, void (*work)(void *arg, size_t i), void *arg)
{
	(void)pool;
	while (n-- > 0)
		work(arg, n);
}

static int
run_with(const char *text, struct out *out, struct sim_opts o)
{
	struct obs_sink sink = { .arg = &out->s, .take = take };
	struct scene *s = scene_of(text);
	struct sim *sim;
	int r;

	if (out->seed != 0)
		s->seed = out->seed;
	o.sink = &sink;
	o.n_sink = 1;
	o.invariants = true;
	out->s.hash = 0xcbf29ce484222325u;
	if ((r = sim_new(&sim, s, &o)) == 0 && (r = sim_run(sim)) == 0)
		sim_results(sim, &out->r);
	if (sim != NULL)
		sim_free(&sim);
	scene_free(&s);
	return r;
}

static void
run(const char *text, struct out *out)
{
	assert_int_equal(run_with(text, out, (struct sim_opts){ 0 }), 0);
	if (out->r.broken != 0)
		fail_msg("%s", out->r.broken_first);
}

/* -- registration --------------------------------------------------------- */

static void
everybody_registers(void **state)
{
	static const char *const kinds[] = { "auth = x509", "auth = psk",
		"auth = psk ppk = yes", "auth = x509 ppk = yes",
		"auth = psk suite = cnsa", "family = ipv6" };

	(void)state;
	for (size_t i = 0; i < NITEMS(kinds); i++) {
		struct out o = { .s.watched = 1 };
		char text[1024];

		snprintf(text, sizeof(text),
		    "scenario { duration = 10m quiet = 5m %s }\n"
		    "group { lifetime = 8h }\n"
		    "link core { bandwidth = 100M delay = 5ms }\n"
		    "link lan { bandwidth = 10M delay = 2ms }\n" ONE,
		    kinds[i]);
		run(text, &o);
		assert_int_equal(o.r.registered, 4);
		assert_int_equal(o.r.registrations, 4);
		assert_int_equal(o.r.keyed, 4);
		assert_int_equal(o.r.keyless, 0);
		assert_int_equal(o.s.sends, 2); /* IKE_SA_INIT, GSA_AUTH */
		assert_int_equal(o.s.sas, 1);
		/* Two round trips of 4 ms, and the time on the line. */
		assert_true(o.r.reg_last > 8 * NS_PER_MS);
		assert_true(o.r.reg_last < 14 * NS_PER_MS);
		assert_int_equal(o.r.msgs[RK_INIT_REQ].sent, 4);
		assert_int_equal(o.r.msgs[RK_AUTH_RESP].delivered, 4);
	}
}

static void
a_stranger_gets_no_keys(void **state)
{
	struct out o = { .s.watched = 5, .s.note = { { "auth.refused", 0 } } };

	(void)state;
	run(HEAD("") ONE
	    "receivers spy { count = 1 link = lan join = 1s hostile = yes }\n",
	    &o);
	assert_int_equal(o.r.registered, 4);
	assert_int_equal(o.s.phase[5], PHASE_REGISTERING);
	assert_true(o.s.note[0].n > 0);
	assert_int_equal(o.s.sas, 0);
	assert_true(o.r.refused > 0);
	assert_int_equal(o.r.keyless, 1);
	assert_non_null(strstr(o.r.why[0].why, "admit"));
}

/* -- nothing depends on anything but the scenario and its seed ------------ */

#define THREE                                                                  \
	"scenario { duration = 10m }\n"                                        \
	"group { lifetime = 3m }\n"                                            \
	"link core { bandwidth = 10M delay = 5ms jitter = 2ms loss = 2% }\n"   \
	"link air { shared = yes half-duplex = yes bandwidth = 64k "           \
	"delay = 20ms loss = 15% duplicate = 2% queue = 32k }\n"               \
	"senders hq { count = 3 link = core }\n"                               \
	"receivers gm { count = 5 link = air join = 1s-20s servers = 2 }\n"    \
	"timeline { events = { \"1m crash hq-01 host for 2m\",\n"              \
	"\"2m traffic hq-02 5/s 100 for 30s\", \"3m replay gm-02-00001 3/s "   \
	"for 20s\" } }\n"

static void
the_same_seed_gives_the_same_run(void **state)
{
	struct out a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	(void)state;
	run(THREE, &a);
	run(THREE, &b);
	assert_int_equal(a.s.hash, b.s.hash);
	/* In another order of the sites within each window. */
	assert_int_equal(
	    run_with(THREE, &c, (struct sim_opts){ .parallel = backwards }), 0);
	assert_int_equal(a.s.hash, c.s.hash);
	assert_int_equal(a.r.events, c.r.events);
	d.seed = 2;
	run(THREE, &d);
	assert_int_not_equal(a.s.hash, d.s.hash);
}

/* -- what breaks, and comes back ------------------------------------------ */

/* A daemon dies, and nobody has to register again for it. */
static void
crashes_cost_no_registration(void **state)
{
	static const char *const daemons[] = { "policyd", "dispatcherd",
		"groupd", "keymgrd" };
	static const char *const hosts[] = { "hq-01", "gm-01-00001" };

	(void)state;
	for (size_t i = 0; i < NITEMS(daemons); i++)
		for (size_t j = 0; j < NITEMS(hosts); j++) {
			struct out o = { .s.watched = 1 };
			char text[1024];

			snprintf(text, sizeof(text),
			    HEAD("quiet = 2m") ONE EVENTS("\"1m crash %s %s\""),
			    hosts[j], daemons[i]);
			run(text, &o);
			assert_int_equal(o.r.registrations, 4);
			assert_int_equal(o.r.keyed, 4);
			assert_int_equal(o.s.n[OBS_EVENT], 1);
			assert_int_equal(o.s.sas, 1);
			assert_int_equal(o.s.gone, 0);
		}
}

/* Between any two messages of a registration. */
static void
crashes_between_messages(void **state)
{
	static const char *const daemons[] = { "policyd", "dispatcherd",
		"groupd", "keymgrd" };

	(void)state;
	for (size_t i = 0; i < NITEMS(daemons); i++)
		for (unsigned int n = 1; n < 40; n += 3) {
			struct out o = { .s.watched = 1 };
			char text[1024];

			snprintf(text, sizeof(text),
			    HEAD("quiet = 5m")
				ONE EVENTS("\"1ms crash all %s after %u\""),
			    daemons[i], n);
			run(text, &o);
			assert_int_equal(o.r.keyed, 4);
		}
}

static void
a_reboot_costs_one_registration(void **state)
{
	struct out o = { .s.watched = 2 };

	(void)state;
	run(HEAD("quiet = 2m")
		ONE EVENTS("\"1m crash gm-01-00002 host for 30s\""),
	    &o);
	assert_int_equal(o.r.registrations, 5);
	assert_int_equal(o.r.keyed, 4);
	assert_int_equal(o.s.sas, 2);
	assert_int_equal(o.s.gone, 1); /* the kernel's memory */
	assert_int_equal(o.s.became[PHASE_OFF], 1);
}

static void
a_link_that_is_down_carries_nothing(void **state)
{
	struct out o = { .s = { .watched = 1,
			     .from = 30 * NS_PER_S,
			     .until = 90 * NS_PER_S } };

	(void)state;
	run("scenario { duration = 10m quiet = 2m }\ngroup { lifetime = 2m }\n"
	    "link core { bandwidth = 100M delay = 5ms }\n"
	    "link lan { bandwidth = 10M delay = 2ms }\n" ONE EVENTS(
		"\"30s link-down gm-01-00001 for 5m\""),
	    &o);
	assert_true(o.s.fates[FATE_DOWN] > 0);
	assert_int_equal(o.r.keyed, 4);
	assert_true(o.s.became[PHASE_REGISTERING] > 4); /* it lost its keys */
}

static void
a_partition_parts_and_heals(void **state)
{
	struct out o = { 0 };

	(void)state;
	run("scenario { duration = 20m quiet = 4m }\ngroup { lifetime = 4m }\n"
	    "link core { bandwidth = 100M delay = 5ms }\n"
	    "link lan { bandwidth = 10M delay = 2ms }\n" ONE EVENTS(
		"\"1m partition hq-01\", \"10m heal\""),
	    &o);
	assert_true(o.s.fates[FATE_PARTITION] > 0);
	assert_int_equal(o.r.keyed, 4);
}

/* Under emission control a host hears, and sends not one datagram. */
static void
silence_is_silence(void **state)
{
	static const char *const how[] = { "silent", "receive-only" };

	(void)state;
	for (size_t i = 0; i < NITEMS(how); i++) {
		struct out o = { .s = { .watched = 1,
				     .from = 30 * NS_PER_S,
				     .until = 330 * NS_PER_S } };
		char text[1024];

		snprintf(text, sizeof(text),
		    "scenario { duration = 10m quiet = 2m }\n"
		    "group { lifetime = 2m }\n"
		    "link core { bandwidth = 100M delay = 5ms }\n"
		    "link lan { bandwidth = 10M delay = 2ms }\n" ONE EVENTS(
			"\"30s emcon %s gm-01-00001 for 5m\""),
		    how[i]);
		run(text, &o);
		assert_true(o.s.sends > 2);
		assert_int_equal(o.s.sends_while, 0);
		assert_int_equal(o.r.keyed, 4);
	}
}

static void
whoever_leaves_keeps_nothing(void **state)
{
	struct out o = { .s.watched = 3 };

	(void)state;
	run(HEAD("quiet = 2m") ONE EVENTS("\"1m leave gm-01-00003\""), &o);
	assert_int_equal(o.s.sas, 1);
	assert_int_equal(o.s.gone, 1);
	assert_int_equal(o.s.phase[3], PHASE_LEFT);
	assert_int_equal(o.r.keyed, 3);
	assert_int_equal(o.r.keyless, 0);
	o = (struct out){ .s.watched = 3 };
	run(HEAD("quiet = 2m")
		ONE EVENTS("\"1m leave gm-01-00003\", \"2m join gm-01-00003\""),
	    &o);
	assert_int_equal(o.r.keyed, 4);
	assert_int_equal(o.r.registrations, 5);
}

/* A certificate is valid at some times only. */
static void
a_clock_that_is_years_off(void **state)
{
	struct out o = { .s.note = { { "auth.refused", 0 } } };

	(void)state;
	run(HEAD("") ONE EVENTS("\"1ms clock hq-01 +1000h\""), &o);
	assert_int_equal(o.r.registered, 0);
	assert_true(o.s.note[0].n > 0);
	o = (struct out){ 0 };
	run(HEAD("quiet = 1m") ONE EVENTS("\"1ms drift gm-* +200ppm\""), &o);
	assert_int_equal(o.r.registered, 4);
}

static void
forged_and_old_datagrams_change_nothing(void **state)
{
	struct out o = { 0 };

	(void)state;
	run(HEAD("quiet = 2m")
		ONE EVENTS("\"10s garbage gm-01-00004 20/s for 1m\""
			   ", \"10s replay gm-01-00003 20/s for 1m\""
			   ", \"10s flood gm-01-00002 20/s for 1m\""),
	    &o);
	assert_int_equal(o.r.registered, 4);
	assert_int_equal(o.r.keyed, 4);
	assert_int_equal(o.r.registrations, 4);
	assert_true(o.s.fates[FATE_FILTER] + o.s.fates[FATE_LATE] > 100);
}

static void
traffic_is_read_by_who_has_keys(void **state)
{
	struct out o = { 0 };

	(void)state;
	run(HEAD("") ONE
	    "receivers late { count = 1 link = lan join = never }\n" EVENTS(
		"\"1m traffic hq-01 10/s 200 for 1m\""),
	    &o);
	assert_int_equal(o.r.app_sent, 600);
	assert_int_equal(o.r.app_read, 4 * 600);
	assert_int_equal(o.r.app_unread, 600);
	assert_int_equal(
	    o.r.msgs[RK_DATA].octets, 600 * (200 + 8 + 20 + 8 + 8 + 2 + 16));
}

/* -- how runs end --------------------------------------------------------- */

static bool
stop_at_once(void *arg, const struct sim *sim)
{
	(void)sim;
	return ++*(int *)arg == 3;
}

static void
a_run_can_be_stopped(void **state)
{
	struct out o = { 0 };
	int calls = 0;

	(void)state;
	assert_int_equal(
	    run_with(HEAD("quiet = 1m") ONE, &o,
		(struct sim_opts){ .stop = stop_at_once, .arg = &calls }),
	    0);
	assert_int_equal(calls, 3);
	assert_true(o.r.stopped);
	assert_true(o.r.now < 600 * NS_PER_S);
	assert_int_equal(o.r.broken, 0); /* not the end, so nothing is due */
}

static void
a_sink_that_fails_ends_the_run(void **state)
{
	struct out o = { .s.fail_after = 10 };

	(void)state;
	assert_int_equal(
	    run_with(HEAD("") ONE, &o, (struct sim_opts){ 0 }), -EIO);
}

static void
what_the_protocol_has_not_is_said(void **state)
{
	struct out o = { 0 };

	(void)state;
	assert_int_equal(
	    run_with(HEAD("needs = { rekey }") ONE, &o, (struct sim_opts){ 0 }),
	    -ENOTSUP);
}

/* What cannot be set up is taken down again, however far it had come. */
static void
a_policy_that_is_refused_ends_the_run(void **state)
{
	struct scene *s = scene_of(THREE);
	struct sim *sim;

	(void)state;
	s->fragment = 1;
	assert_int_equal(sim_new(&sim, s, &(struct sim_opts){ 0 }), -EINVAL);
	assert_null(sim);
	scene_free(&s);
}

/* As many at the same time as there are in the timeline. */
static void
many_partitions_at_once(void **state)
{
	struct out o = { .s.watched = 4 };
	char text[2048];
	size_t len;

	(void)state;
	len = (size_t)snprintf(
	    text, sizeof(text), "%s", HEAD("") ONE "timeline { events = { ");
	for (unsigned int i = 0; i < 12; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "\"%ums partition %s for 5m\", ", 1 + i,
		    i == 11 ? "gm-01-00004" : "gm-01-00001");
	snprintf(text + len, sizeof(text) - len, "\"9m heal\" } }\n");
	run(text, &o);
	/* The last of them parts the fourth receiver from all. */
	assert_true(o.s.sends > 4);
	assert_int_equal(o.r.registered, 4);
}

static void
media_have_names(void **state)
{
	struct scene *s = scene_of(THREE);
	struct sim_medium m;
	struct sim *sim;
	unsigned int shared = 0, up = 0;

	(void)state;
	assert_int_equal(sim_new(&sim, s, &(struct sim_opts){ 0 }), 0);
	assert_int_equal(sim_run(sim), 0);
	for (size_t i = 0; sim_medium_at(sim, i, &m); i++) {
		if (m.stat == NULL)
			continue;
		if (m.cls->shared) {
			shared++;
			assert_int_equal(m.stations, 5);
			assert_non_null(strstr(m.name, "air of hq-0"));
			assert_true(m.stat->airtime > 0);
			assert_true(m.stat->bin_width > 0);
		} else {
			up++;
			assert_non_null(strstr(m.name, "core of hq-0"));
		}
	}
	assert_int_equal(shared, 3);
	assert_int_equal(up, 3);
	sim_free(&sim);
	scene_free(&s);
}

static int
set_up(void **state)
{
	(void)state;
	return sim_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_registers),
		cmocka_unit_test(a_stranger_gets_no_keys),
		cmocka_unit_test(the_same_seed_gives_the_same_run),
		cmocka_unit_test(crashes_cost_no_registration),
		cmocka_unit_test(crashes_between_messages),
		cmocka_unit_test(a_reboot_costs_one_registration),
		cmocka_unit_test(a_link_that_is_down_carries_nothing),
		cmocka_unit_test(a_partition_parts_and_heals),
		cmocka_unit_test(silence_is_silence),
		cmocka_unit_test(whoever_leaves_keeps_nothing),
		cmocka_unit_test(a_clock_that_is_years_off),
		cmocka_unit_test(forged_and_old_datagrams_change_nothing),
		cmocka_unit_test(traffic_is_read_by_who_has_keys),
		cmocka_unit_test(a_run_can_be_stopped),
		cmocka_unit_test(a_sink_that_fails_ends_the_run),
		cmocka_unit_test(what_the_protocol_has_not_is_said),
		cmocka_unit_test(a_policy_that_is_refused_ends_the_run),
		cmocka_unit_test(many_partitions_at_once),
		cmocka_unit_test(media_have_names),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
