/* SPDX-License-Identifier: ISC */
/* What the pictures keep of a run. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/crypto.h"
#include "common/ike/hdr.h"
#include "mikesim/out/page_int.h"
#include "tests/sim/lib/fakesim.h"

#define eq assert_int_equal

static const struct fake small = { 2, 9, 120 * NS_PER_S, false, true };
static const struct fake hostile = { 2, 9, 120 * NS_PER_S, true, false };
static const struct fake middle = { 5, 400, 600 * NS_PER_S, false, true };

/* -- runs ------------------------------------------------------------------ */

static char *
slurp(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text;
	long n;

	assert_non_null(f);
	eq(fseek(f, 0, SEEK_END), 0);
	n = ftell(f);
	assert_true(n > 0);
	rewind(f);
	text = calloc(1, (size_t)n + 1);
	assert_non_null(text);
	eq(fread(text, 1, (size_t)n, f), n);
	(void)fclose(f);
	return text;
}

struct files {
	char html[40], svg[40];
};

static struct files
new_files(void)
{
	struct files x = { "/tmp/mikesim-page-XXXXXX",
		"/tmp/mikesim-svg-XXXXXX" };
	int a = mkstemp(x.html), b = mkstemp(x.svg);

	assert_true(a >= 0 && b >= 0);
	(void)close(a);
	(void)close(b);
	return x;
}

static void
rm_files(const struct files *x)
{
	eq(unlink(x->html), 0);
	eq(unlink(x->svg), 0);
}

static struct page *
run_into(const struct fake *f, struct page_opts o)
{
	struct fake copy = *f;
	struct page *p;
	struct obs_sink sink;

	o.payloads = fake_payloads;
	o.arg = &copy;
	eq(page_new(&p, &o), 0);
	sink = page_sink(p);
	eq(fake_run(f, &sink), 0);
	assert_string_equal(page_error(p), "");
	return p;
}

/* The data of a page; its end is where a parser of HTML sees it. */
static json_t *
data_of(const char *html)
{
	const char *from = strstr(html, "id=\"data\">"), *to;
	json_error_t e;
	json_t *j;

	assert_non_null(from);
	from += strlen("id=\"data\">");
	to = strstr(from, "</script");
	assert_non_null(to);
	j = json_loadb(from, (size_t)(to - from), JSON_REJECT_DUPLICATES, &e);
	if (j == NULL)
		fail_msg("line %d: %s", e.line, e.text);
	return j;
}

static json_t *
page_of(const struct fake *f, struct page_opts o)
{
	struct files x = new_files();
	struct page *p;
	char *html;
	json_t *j;

	o.html = x.html;
	p = run_into(f, o);
	html = slurp(x.html);
	j = data_of(html);
	free(html);
	page_free(&p);
	rm_files(&x);
	return j;
}

static json_int_t
number(const json_t *j, const char *name)
{
	const json_t *v = json_object_get(j, name);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

static size_t
length(const json_t *j, const char *name)
{
	const json_t *v = json_object_get(j, name);

	assert_true(json_is_array(v));
	return json_array_size(v);
}

static json_int_t
at(const json_t *row, size_t i)
{
	return json_integer_value(json_array_get(row, i));
}

static void
a_small_run_is_drawn_whole(void **state)
{
	json_t *j = page_of(&small, (struct page_opts){ 0 });
	const json_t *row;
	json_int_t sent = 0;
	size_t i, b;

	(void)state;
	eq(number(j, "hosts"), 20);
	eq(number(j, "drawn"), 9);
	eq(length(j, "names"), 20);
	eq(number(j, "msgStride"), 1);
	eq(number(j, "msgEvery"), 1);
	eq(number(j, "end"), 120000000);
	eq(length(j, "events"), 5);
	eq(length(j, "media"), 2);
	eq(length(j, "kinds"), PAGE_KINDS);
	eq(length(j, "fates"), FATES);
	eq(length(j, "bins"), PAGE_KINDS + 2);
	for (i = 0; i < PAGE_KINDS; i++) {
		row = json_array_get(json_object_get(j, "bins"), i);
		eq(json_array_size(row), PAGE_BINS);
		for (b = 0; b < PAGE_BINS; b++)
			sent += at(row, b);
	}
	eq(length(j, "msgs"), sent);
	json_decref(j);
}

static void
messages_are_in_order_and_have_payloads(void **state)
{
	json_t *j = page_of(&small, (struct page_opts){ 0 }), *m;
	json_int_t last = 0;
	size_t i, auth = 0, app = 0;

	(void)state;
	json_array_foreach(json_object_get(j, "msgs"), i, m)
	{
		assert_true(at(m, 0) >= last);
		last = at(m, 0);
		if (at(m, 3) == PK_AUTH && ++auth > 0) {
			eq(json_array_size(m), 15);
			eq(at(m, 13), GSA_AUTH);
			eq(at(m, 12), 1);
			assert_non_null(strstr(
			    json_string_value(json_array_get(m, 14)), "IDi"));
		}
		if (at(m, 3) == PK_DATA && ++app > 0) {
			eq(at(m, 2), -1);
			eq(json_array_size(m), 10);
			assert_string_equal(
			    json_string_value(json_array_get(m, 7)),
			    "239.192.10.1:6000");
		}
	}
	assert_true(auth > 30 && app > 50);
	json_decref(j);
}

static void
hostile_text_stays_text(void **state)
{
	struct files x = new_files();
	struct page *p = run_into(
	    &hostile, (struct page_opts){ .html = x.html, .svg = x.svg });
	char *html = slurp(x.html), *svg = slurp(x.svg), *s;
	json_t *j = data_of(html);
	size_t n = 0;

	(void)state;
	for (s = html; (s = strstr(s, "<script")) != NULL; s++)
		n++;
	eq(n, 2);
	assert_null(strstr(html, "<script>alert"));
	assert_null(strstr(html, "<b onclick"));
	assert_null(strstr(svg, "<script"));
	assert_null(strstr(svg, "<i>"));
	assert_non_null(strstr(svg, "&#60;script&#62;alert(1)"));
	assert_non_null(strstr(
	    json_string_value(json_object_get(j, "title")), "<b onclick='x'>"));
	json_decref(j);
	free(html);
	free(svg);
	page_free(&p);
	rm_files(&x);
}

static void
are_same(const char *a, const char *b)
{
	char *x = slurp(a), *y = slurp(b);

	assert_string_equal(x, y);
	free(x);
	free(y);
}

static void
the_same_run_gives_the_same_files(void **state)
{
	struct files x[2] = { new_files(), new_files() };
	struct page_opts o = { .msgs_max = 300, .hosts_max = 60 };

	(void)state;
	for (size_t i = 0; i < NITEMS(x); i++) {
		struct page *p;

		o.html = x[i].html;
		o.svg = x[i].svg;
		p = run_into(&middle, o);
		page_free(&p);
	}
	are_same(x[0].html, x[1].html);
	are_same(x[0].svg, x[1].svg);
	rm_files(&x[0]);
	rm_files(&x[1]);
}

/* A page that has begun with such a scene and writes no files. */
static struct page *
begun(const struct fake *f, struct scene *s, uint32_t msgs_max,
    struct obs_sink *sink)
{
	struct page_opts o = { .msgs_max = msgs_max };
	struct page *p;

	fake_scene(s, f);
	eq(page_new(&p, &o), 0);
	*sink = page_sink(p);
	eq(sink->begin(sink->arg, s), 0);
	return p;
}

/* -- bounds ------------------------------------------------------------------ */

static void
some_of_many_hosts_are_drawn(void **state)
{
	json_t *j = page_of(&middle, (struct page_opts){ .hosts_max = 60 });
	const json_t *names = json_object_get(j, "names");

	(void)state;
	eq(number(j, "receivers"), 400);
	eq(number(j, "drawn"), 12);
	eq(json_array_size(names), 5 + 5 * 12);
	/* Senders, then evenly: 0, 33, 66 of each site's 400. */
	eq(at(json_array_get(names, 4), 0), 4);
	eq(at(json_array_get(names, 5), 0), 5);
	eq(at(json_array_get(names, 6), 0), 5 + 33);
	eq(at(json_array_get(names, 7), 0), 5 + 66);
	eq(at(json_array_get(names, 17), 0), 405);
	eq(at(json_array_get(names, 17), 1), 1);
	json_decref(j);
}

/* page_draws and page_drawn say the same, however many are drawn. */
static void
drawn_hosts_are_found(void **state)
{
	struct page p = { .senders = 3, .receivers = 97, .hosts = 3 * 98 };
	uint32_t nth;

	(void)state;
	for (p.drawn = 1; p.drawn <= p.receivers; p.drawn++) {
		uint32_t n = 0;

		for (uint32_t h = 0; h < p.hosts; h++)
			if (page_draws(&p, h, &nth) && h >= p.senders) {
				eq(page_drawn(&p, (h - 3) / 97, nth), h);
				n++;
			}
		eq(n, 3 * p.drawn);
	}
	assert_false(page_draws(&p, p.hosts, &nth));
	assert_false(page_draws(&p, OBS_NOBODY, &nth));
}

/* Too many messages: those of fewer receivers, but over the whole run. */
static void
messages_are_thinned(void **state)
{
	json_t *j = page_of(&middle, (struct page_opts){ .msgs_max = 400 }), *m;
	const json_t *msgs = json_object_get(j, "msgs");
	json_int_t stride = number(j, "msgStride");
	uint32_t nth;
	struct page p = {
		.senders = 5, .receivers = 400, .hosts = 5 * 401, .drawn = 60
	};
	size_t i, app = 0;

	(void)state;
	assert_true(json_array_size(msgs) <= 400);
	assert_true(json_array_size(msgs) > 100);
	assert_true(stride > 1);
	json_array_foreach(msgs, i, m)
	{
		uint32_t from = (uint32_t)at(m, 1);

		assert_true(page_draws(&p, from, &nth));
		eq(nth % stride, 0);
		app += at(m, 3) == PK_DATA;
		/* Its copies are its own still. */
		if (at(m, 2) >= 0 && json_array_size(json_array_get(m, 8)) > 0)
			eq(at(json_array_get(json_array_get(m, 8), 0), 0),
			    at(m, 2));
	}
	assert_true(app > 0 && app <= 100);
	assert_true(at(json_array_get(msgs, json_array_size(msgs) - 1), 0) >
		    number(j, "end") / 2);
	json_decref(j);
}

/* One host that never stops speaking is thinned, too. */
static void
one_noisy_host_is_thinned(void **state)
{
	struct fake f = { 1, 1, 100 * NS_PER_S, false, false };
	struct scene s;
	struct page *p;
	struct obs_sink sink;
	struct obs x = { .kind = OBS_SEND, .host = 1 };

	(void)state;
	p = begun(&f, &s, 100, &sink);
	for (uint64_t i = 0; i < 100000; i++) {
		x.t = i * NS_PER_MS;
		x.send.id = i * 7919;
		x.send.to = 0;
		eq(sink.take(sink.arg, &x), 0);
		assert_true(p->msgs.n <= 100);
	}
	eq(p->msgs.n, 98);
	eq(p->msgs.every, 1024); /* 98 of them */
	for (size_t i = 0; i < p->msgs.n; i++)
		eq(p->msgs.m[i].seq, i * p->msgs.every);
	page_free(&p);
}

/* Copies of messages to a group do not take the room of the others. */
static void
copies_to_groups_are_bounded(void **state)
{
	struct fake f = { 1, 50, 100 * NS_PER_S, false, false };
	struct scene s;
	struct page *p;
	struct obs_sink sink;
	struct obs x = { .kind = OBS_SEND };
	struct obs y = { .kind = OBS_FATE, .fate.fate = FATE_LOSS };

	(void)state;
	p = begun(&f, &s, 100, &sink);
	for (uint64_t i = 0; i < 20; i++) {
		x.send.id = y.fate.id = i;
		x.send.to = i % 2 ? OBS_NOBODY : 1;
		eq(sink.take(sink.arg, &x), 0);
		for (y.host = 1; y.host <= (i % 2 ? 50u : 1u); y.host++)
			eq(sink.take(sink.arg, &y), 0);
	}
	eq(p->msgs.fate_max, 300);
	eq(p->msgs.group_fates, 150);
	eq(p->msgs.fates_left_out, 10 * 50 - 150);
	for (size_t i = 0; i < 20; i += 2)
		assert_true(p->msgs.m[i].fates != 0);
	eq(p->msgs.m[19].n_fate[FATE_LOSS], 50);
	page_free(&p);
}

static void
give_state(const struct obs_sink *sink, t_ns t, uint32_t host,
    enum obs_phase phase, uint32_t step)
{
	struct obs o = { .t = t, .host = host, .kind = OBS_STATE };

	o.state.phase = phase;
	o.state.generation = 1;
	o.state.step = step;
	eq(sink->take(sink->arg, &o), 0);
}

static void
states_are_kept_when_they_change(void **state)
{
	struct fake f = { 1, 3, NS_PER_S, false, false };
	struct scene s;
	struct page *p;
	struct obs_sink sink;

	(void)state;
	p = begun(&f, &s, 0, &sink);
	give_state(&sink, 0, 1, PHASE_OFF, 0); /* as it was */
	eq(p->n_change, 0);
	give_state(&sink, 1000, 1, PHASE_KEYED, 4);
	give_state(&sink, 2000, 1, PHASE_KEYED, 4);
	eq(p->n_change, 1);
	/* Without keys their number means nothing. */
	give_state(&sink, 3000, 1, PHASE_NO_KEYS, 4);
	give_state(&sink, 4000, 1, PHASE_NO_KEYS, 5);
	eq(p->n_change, 2);
	eq(p->state[p->change[0].state].step, 4);
	eq(p->change[1].t_us, 3);
	/* More different keys than can be told apart: some are one. */
	for (uint32_t i = 0; i < 2 * PAGE_STATES; i++)
		give_state(&sink, 5000, 2, PHASE_KEYED, i + 10);
	eq(p->n_state, PAGE_STATES);
	eq(p->state[p->now[2]].phase, PHASE_KEYED);
	/* And changes have an end, which is known. */
	for (uint32_t i = 0; i < 200000; i++)
		give_state(&sink, 6000 + i, 3,
		    i % 2 ? PHASE_OFF : PHASE_REGISTERING, 0);
	eq(p->n_change, p->change_max);
	assert_true(p->changes_left_out > 0 && p->changes_until > 6000);
	page_free(&p);
}

static void
memory_is_bounded(void **state)
{
	struct fake f = { 25, 1999, 600 * NS_PER_S, false, true };
	struct page *p = run_into(&f, (struct page_opts){ 0 });
	size_t n = page_memory(p);

	(void)state;
	/* 20,000 messages and copies, and some changes of each host. */
	assert_true(n < PAGE_MSGS * 300ul + PAGE_FATES * 32ul + PAGE_TEXTS +
			    50000ul * 150);
	assert_true(p->n_change > 2ul * p->hosts);
	page_free(&p);
}

/* -- what is wrong ------------------------------------------------------------ */

static void
what_cannot_be_is_refused(void **state)
{
	struct obs o = { .kind = OBS_STATE, .host = 20 };
	struct scene s;
	struct page *p;
	struct obs_sink sink;

	(void)state;
	p = begun(&small, &s, 0, &sink);
	eq(sink.take(sink.arg, &o), -EINVAL); /* there are 20 */
	assert_non_null(strstr(page_error(p), "host 20"));
	o.host = 0;
	o.state.phase = PHASES;
	eq(sink.take(sink.arg, &o), -EINVAL);
	o.kind = OBS_FATE;
	o.fate.fate = FATES;
	eq(sink.take(sink.arg, &o), -EINVAL);
	page_free(&p);
}

/* Nothing happened at all: the files are complete and say so. */
static void
an_empty_run(void **state)
{
	struct files x = new_files();
	struct page_opts o = { .html = x.html, .svg = x.svg };
	struct fake f = { 1, 0, 0, false, false };
	struct scene s;
	struct page *p;
	struct obs_sink sink;
	struct sim *sim;
	char *html, *svg;
	json_t *j;

	(void)state;
	fake_scene(&s, &f);
	eq(page_new(&p, &o), 0);
	sink = page_sink(p);
	eq(sink.begin(sink.arg, &s), 0);
	sim = fake_sim(&s, 0);
	eq(sink.end(sink.arg, sim), 0);
	html = slurp(x.html);
	svg = slurp(x.svg);
	j = data_of(html);
	eq(length(j, "msgs"), 0);
	eq(length(j, "names"), 1);
	assert_non_null(strstr(svg, "</svg>"));
	json_decref(j);
	free(html);
	free(svg);
	fake_sim_free(sim);
	page_free(&p);
	rm_files(&x);
}

static void
an_invariant_that_broke_is_marked(void **state)
{
	struct obs o = { .t = 5, .kind = OBS_BROKEN, .host = OBS_NOBODY };
	struct scene s;
	struct page *p;
	struct obs_sink sink;

	(void)state;
	o.broken.rule = "one-key";
	o.broken.text = "two keys for one SPI";
	p = begun(&small, &s, 0, &sink);
	eq(sink.take(sink.arg, &o), 0);
	eq(p->n_event, 1);
	assert_string_equal(p->event[0].what, "broken");
	assert_string_equal(p->event[0].text, "one-key: two keys for one SPI");
	for (int i = 0; i < PAGE_EVENTS + 9; i++)
		eq(sink.take(sink.arg, &o), 0);
	eq(p->n_event, PAGE_EVENTS);
	eq(p->events_left_out, 10);
	page_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_run_is_drawn_whole),
		cmocka_unit_test(messages_are_in_order_and_have_payloads),
		cmocka_unit_test(hostile_text_stays_text),
		cmocka_unit_test(the_same_run_gives_the_same_files),
		cmocka_unit_test(some_of_many_hosts_are_drawn),
		cmocka_unit_test(drawn_hosts_are_found),
		cmocka_unit_test(messages_are_thinned),
		cmocka_unit_test(one_noisy_host_is_thinned),
		cmocka_unit_test(copies_to_groups_are_bounded),
		cmocka_unit_test(states_are_kept_when_they_change),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(an_empty_run),
		cmocka_unit_test(an_invariant_that_broke_is_marked),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
