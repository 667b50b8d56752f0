/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/core/scene_int.h"
#include "tests/lib/scn.h"

/*
 * All options of one value, from the tables that define them: each is known
 * by the text, takes what is in its limits, and nothing else.
 */

#define eq assert_int_equal

/* Sections, each on a line; options follow. */
enum sec { RUN, GROUP, SENDERS, RECEIVERS, LINK, CHAOS, SECS };
static const char *const secs[SECS] = {
	[RUN] = "scenario {",
	[GROUP] = "group {",
	[SENDERS] = "senders hq { link = core",
	[RECEIVERS] = "receivers scout { link = core",
	[LINK] = "link hf {",
	[CHAOS] = "chaos {",
};

/*
 * What must be said besides, so that the limits of one option do not meet
 * those of another; empty when it is the option itself.
 */
static const struct {
	enum sec sec;
	const char *opt, *needs;
} besides[] = {
	{ RUN, "duration", "duration = 365d" },
	{ SENDERS, "count", "count = 16" },
	{ GROUP, "lifetime", "lifetime = 2d" },
	{ LINK, "half-duplex", "half-duplex = yes" },
	{ LINK, "reorder-by", "reorder-by = 1s" },
	{ CHAOS, "until", "until = 364d" },
};

static const struct table {
	enum sec sec;
	const struct field *f;
	const size_t *n;
} tables[] = {
	{ RUN, scene_fields, &scene_n_fields },
	{ GROUP, scene_group_fields, &scene_n_group_fields },
	{ SENDERS, scene_senders_fields, &scene_n_senders_fields },
	{ RECEIVERS, scene_recv_fields, &scene_n_recv_fields },
	{ LINK, scene_link_fields, &scene_n_link_fields },
	{ CHAOS, scene_chaos_fields, &scene_n_chaos_fields },
};

static const void *
object_of(const struct scene *s, enum sec sec)
{
	switch (sec) {
	case RECEIVERS:
		return &s->recv[0];
	case LINK:
		return &s->link[1];
	case CHAOS:
		return &s->chaos;
	default:
		return s;
	}
}

static const char *
other_options(enum sec sec, const char *opt)
{
	static char out[128];

	*out = '\0';
	for (size_t i = 0; i < NITEMS(besides); i++)
		if (besides[i].sec == sec && strcmp(besides[i].opt, opt) != 0) {
			strcat(out, besides[i].needs);
			strcat(out, " ");
		}
	return out;
}

/* The option on line 2 + sec; the others are as they must be. */
static const char *
with(enum sec sec, const char *opt, const char *value)
{
	static char out[2048];
	char set[256];
	size_t n;

	snprintf(set, sizeof(set), "%s = \"%s\"", opt, value);
	n = (size_t)snprintf(out, sizeof(out), "link core { }\n");
	for (enum sec k = RUN; k < SECS; k++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s %s %s }\n",
		    secs[k], other_options(k, k == sec ? opt : ""),
		    k == sec ? set : "");
	return out;
}

static void
takes(const struct table *t, const struct field *f, const char *value,
    uint64_t want)
{
	struct scene *s;
	char text[SV_TEXT];

	if (*scn_errors(with(t->sec, f->opt, value)) != '\0')
		fail_msg("%s = %s: %s", f->opt, value,
		    scn_errors(with(t->sec, f->opt, value)));
	s = scn_from(with(t->sec, f->opt, value));
	if (field_get(f, object_of(s, t->sec)) != want)
		fail_msg("%s = %s is not taken as that", f->opt, value);
	assert_string_equal(field_write(f, object_of(s, t->sec), text), value);
	scene_free(&s);
}

static void
refuses(const struct table *t, const struct field *f, const char *value)
{
	scn_refuses(with(t->sec, f->opt, value), 2 + t->sec, f->opt);
}

/* Its limits are those of another option's check. */
static bool
is_checked_elsewhere(const struct field *f)
{
	static const char *const opts[] = { "lifetime", "atd", "dtd",
		"fragment", "quiet", "from", "until", "longest", "duration",
		"turn-around", "reorder", "reorder-by", "leaves", "mtu" };

	for (size_t i = 0; i < NITEMS(opts); i++)
		if (strcmp(opts[i], f->opt) == 0)
			return true;
	return false;
}

static bool
is_scaled(const struct field *f)
{
	return f->kind != FK_CHANCE && f->kind != FK_REAL && f->kind != FK_WORD;
}

/* A value as the text has it, through an object with nothing else in it. */
static const char *
as_text(const struct field *f, uint64_t v, char out[SV_TEXT])
{
	static union {
		struct scene s;
		struct link_class l;
		char octets[sizeof(struct scene)];
	} any;
	uint32_t v32 = (uint32_t)v;
	uint8_t v8 = (uint8_t)v;

	memset(&any, 0, sizeof(any));
	if (f->size == 8)
		memcpy(any.octets + f->at, &v, 8);
	else if (f->size == 4)
		memcpy(any.octets + f->at, &v32, 4);
	else
		memcpy(any.octets + f->at, &v8, 1);
	return field_write(f, &any, out);
}

static void
limits_of(const struct table *t, const struct field *f)
{
	char text[SV_TEXT];

	if (is_checked_elsewhere(f))
		return;
	takes(t, f, as_text(f, f->min, text), f->min);
	takes(t, f, as_text(f, f->max, text), f->max);
	if (f->max < UINT32_MAX && f->size > 1)
		refuses(t, f, as_text(f, f->max + 1, text));
	if (f->min > 0 && f->size > 1)
		refuses(t, f, as_text(f, f->min - 1, text));
}

static void
each_keeps_its_limits(void **state)
{
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < NITEMS(tables); i++)
		for (size_t k = 0; k < *tables[i].n; k++)
			if (is_scaled(&tables[i].f[k])) {
				limits_of(&tables[i], &tables[i].f[k]);
				seen++;
			}
	assert_in_range(seen, 25, 60);
}

static void
each_refuses_what_is_none(void **state)
{
	static const char *const none[] = { "?", "-1", "maybe", "1 2", "0x1",
		"1e", "s", "99999999999999999999", "nan" };

	(void)state;
	for (size_t i = 0; i < NITEMS(tables); i++)
		for (size_t k = 0; k < *tables[i].n; k++)
			for (size_t j = 0; j < NITEMS(none); j++)
				refuses(&tables[i], &tables[i].f[k], none[j]);
}

static void
each_word_has_its_value(void **state)
{
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < NITEMS(tables); i++)
		for (size_t k = 0; k < *tables[i].n; k++) {
			const struct field *f = &tables[i].f[k];

			if (f->kind != FK_WORD ||
			    strcmp(f->opt, "half-duplex") == 0)
				continue;
			for (size_t w = 0; f->words[w] != NULL; w++)
				takes(&tables[i], f, f->words[w], f->min + w);
			eq(f->words[f->max - f->min + 1] == NULL, true);
			seen++;
		}
	eq(seen, 6);
}

/* A default that is out of its limits could be loaded but not written. */
static void
each_default_is_allowed(void **state)
{
	char text[SV_TEXT];

	(void)state;
	for (size_t i = 0; i < NITEMS(tables); i++)
		for (size_t k = 0; k < *tables[i].n; k++) {
			const struct field *f = &tables[i].f[k];

			if (f->kind == FK_CHANCE || f->kind == FK_REAL)
				continue;
			if (strcmp(f->opt, "from") != 0 &&
			    strcmp(f->opt, "until") != 0)
				assert_in_range(f->def, f->min, f->max);
			assert_string_not_equal(as_text(f, f->def, text), "");
		}
}

/* Ends anywhere: never a scenario and errors, never neither. */
static void
what_is_cut_off_is_refused_or_whole(void **state)
{
	const char *whole = with(RECEIVERS, "count", "5");
	size_t len = strlen(whole), loaded = 0;

	(void)state;
	for (size_t n = 0; n < len; n++) {
		struct diag d = { 0 };
		struct scene *s = NULL;
		int r = scene_load(&s, whole, n, &d);

		eq(r, d.n == 0 ? 0 : -EINVAL);
		eq(s != NULL, r == 0);
		loaded += r == 0;
		scene_free(&s);
	}
	/* Behind each section that can be the last one. */
	assert_in_range(loaded, 1, 12);
}

/* One octet changed: the same, and what loads is in its limits. */
static void
what_is_changed_is_refused_or_whole(void **state)
{
	struct rng r;
	char text[2048];
	size_t len, loaded = 0;

	(void)state;
	rng_init(&r, 11, RNG_HOST, 0);
	for (int i = 0; i < 5000; i++) {
		struct diag d = { 0 };
		struct scene *s = NULL;
		int rc;

		len = (size_t)snprintf(text, sizeof(text), "%s",
		    with(RECEIVERS, "join", "5s-20m"));
		text[rng_below(&r, len)] = (char)rng_below(&r, 256);
		rc = scene_load(&s, text, len, &d);
		eq(rc, d.n == 0 ? 0 : -EINVAL);
		eq(s != NULL, rc == 0);
		if (s != NULL) {
			assert_in_range(s->senders, 1, SCENE_SENDERS);
			assert_in_range(s->duration, 1, SCENE_DURATION_MAX);
			assert_true(s->uplink < s->n_link);
			loaded++;
		}
		scene_free(&s);
	}
	assert_in_range(loaded, 50, 4900);
}

int
main(void)
{
#define T cmocka_unit_test
	const struct CMUnitTest tests[] = {
		T(each_keeps_its_limits),
		T(each_refuses_what_is_none),
		T(each_word_has_its_value),
		T(each_default_is_allowed),
		T(what_is_cut_off_is_refused_or_whole),
		T(what_is_changed_is_refused_or_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
