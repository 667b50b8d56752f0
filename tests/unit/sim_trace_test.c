/* SPDX-License-Identifier: ISC */
/* A run as JSON lines: each kind to the letter, hostile text, whole runs. */
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

#include "keymgrd/core/ike/keys.h"
#include "mikesim/out/payload.h"
#include "mikesim/out/trace.h"
#include "tests/lib/scn.h"
#include "tests/lib/simrun.h"

#define eq assert_int_equal
#define streq assert_string_equal

/* -- into memory ---------------------------------------------------------- */

struct memory {
	char *p;
	size_t len;
	struct out_file file;
	struct payload_keys *keys;
	struct trace trace;
};

static void
memory_init(struct memory *m, const struct scene *s)
{
	*m = (struct memory){ .file = { .name = "memory", .what = "it" } };
	m->file.f = open_memstream(&m->p, &m->len);
	m->keys = payload_keys_new();
	assert_non_null(m->file.f);
	assert_non_null(m->keys);
	m->trace = (struct trace){ &m->file, s, payload_text, m->keys };
}

static void
memory_done(struct memory *m)
{
	eq(out_close(&m->file), 0);
	payload_keys_free(&m->keys);
}

static void
memory_fini(struct memory *m)
{
	free(m->p);
}

static struct scene *scene;

static int
setup(void **state)
{
	(void)state;
	scene = scn_from(SCN_RUN SCN_HOSTS);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	scene_free(&scene);
	return 0;
}

static void
assert_line(const struct obs *o, const char *want)
{
	struct memory m;
	struct obs_sink sink;
	json_t *j;

	memory_init(&m, scene);
	sink = trace_sink(&m.trace);
	eq(sink.take(sink.arg, o), 0);
	memory_done(&m);
	eq(m.p[m.len - 1], '\n');
	m.p[m.len - 1] = '\0';
	streq(m.p, want);
	j = json_loads(m.p, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	json_decref(j);
	memory_fini(&m);
}

static struct endpoint
at(const char *addr, uint16_t port)
{
	struct endpoint e = { .port = port };

	eq(addr_parse(&e.addr, addr), 0);
	return e;
}

/* -- each kind ------------------------------------------------------------ */

static void
a_datagram(void **state)
{
	/* A whole GSA_AUTH response that has no payload. */
	uint8_t msg[28] = {
		[17] = 0x20, [18] = 39, [19] = 0x20, [23] = 5, [27] = 28
	};
	struct obs o = { .t = 1234567890123, .host = 3, .kind = OBS_SEND };

	(void)state;
	o.send.id = (uint64_t)3 << 32 | 17;
	o.send.to = 0;
	o.send.src = at("10.1.0.2", 848);
	o.send.dst = at("10.1.0.1", 500);
	o.send.octets = 56;
	o.send.data = (struct chunk){ msg, sizeof(msg) };
	assert_line(&o, "{\"t\":1234567890123,\"host\":\"scout-01-00001\","
			"\"obs\":\"send\",\"id\":\"3-17\",\"to\":\"hq-01\","
			"\"src\":\"10.1.0.2:848\",\"dst\":\"10.1.0.1:500\","
			"\"octets\":56,\"app\":false,\"exchange\":\"GSA_AUTH\","
			"\"response\":true,\"mid\":5,\"payloads\":\"\"}");
	msg[18] = 250;
	msg[19] = 0;
	o.send.dst = at("fd00::1", 500);
	assert_line(&o, "{\"t\":1234567890123,\"host\":\"scout-01-00001\","
			"\"obs\":\"send\",\"id\":\"3-17\",\"to\":\"hq-01\","
			"\"src\":\"10.1.0.2:848\",\"dst\":\"[fd00::1]:500\","
			"\"octets\":56,\"app\":false,\"exchange\":250,"
			"\"response\":false,\"mid\":5,\"payloads\":\"\"}");
}

static void
what_is_no_message(void **state)
{
	struct obs o = { .t = 1, .host = 0, .kind = OBS_SEND };

	(void)state;
	o.send.id = UINT64_MAX;
	o.send.to = OBS_NOBODY;
	o.send.src = at("10.1.0.1", 5000);
	o.send.dst = at("239.192.10.1", 5000);
	o.send.octets = UINT32_MAX;
	o.send.data = (struct chunk){ (const uint8_t *)"\"", 1 };
	assert_line(&o,
	    "{\"t\":1,\"host\":\"hq-01\",\"obs\":\"send\","
	    "\"id\":\"4294967295-4294967295\",\"to\":null,"
	    "\"src\":\"10.1.0.1:5000\",\"dst\":\"239.192.10.1:5000\","
	    "\"octets\":4294967295,\"app\":false,"
	    "\"payloads\":\"no IKE message\"}");
	o.send.app = true;
	assert_line(&o,
	    "{\"t\":1,\"host\":\"hq-01\",\"obs\":\"send\","
	    "\"id\":\"4294967295-4294967295\",\"to\":null,"
	    "\"src\":\"10.1.0.1:5000\",\"dst\":\"239.192.10.1:5000\","
	    "\"octets\":4294967295,\"app\":true}");
}

static void
fates_and_states(void **state)
{
	struct obs o = { .t = INT64_MAX, .host = 1, .kind = OBS_FATE };

	(void)state;
	o.fate.id = (uint64_t)2 << 32 | 1;
	o.fate.from = 2;
	o.fate.fate = FATE_PARTITION;
	assert_line(&o, "{\"t\":9223372036854775807,\"host\":\"hq-02\","
			"\"obs\":\"fate\",\"id\":\"2-1\",\"from\":\"hq-03\","
			"\"fate\":\"partition\"}");
	o = (struct obs){ .host = OBS_NOBODY, .kind = OBS_STATE };
	o.state.phase = PHASE_KEYED;
	o.state.emcon = EMCON_SILENT;
	o.state.generation = 2;
	o.state.step = 9;
	assert_line(&o,
	    "{\"t\":0,\"host\":null,\"obs\":\"state\","
	    "\"phase\":\"keyed\",\"emcon\":\"silent\",\"generation\":2,"
	    "\"step\":9}");
}

static void
sas_and_events(void **state)
{
	struct obs o = { .t = 5, .host = 0, .kind = OBS_SA };

	(void)state;
	o.sa.there = true;
	o.sa.dir = SA_OUT;
	o.sa.spi = 0xab;
	o.sa.src = at("10.1.0.1", 0).addr;
	o.sa.dst = at("ff15::1", 0).addr;
	assert_line(&o,
	    "{\"t\":5,\"host\":\"hq-01\",\"obs\":\"sa\",\"there\":true,"
	    "\"dir\":\"out\",\"spi\":\"0x000000ab\",\"src\":\"10.1.0.1\","
	    "\"dst\":\"ff15::1\"}");
	o = (struct obs){ .host = OBS_NOBODY, .kind = OBS_EVENT };
	o.event.text = "leave scout";
	assert_line(&o, "{\"t\":0,\"host\":null,\"obs\":\"event\","
			"\"text\":\"leave scout\"}");
	o = (struct obs){ .host = 0, .kind = OBS_BROKEN };
	o.broken.rule = "one.spi";
	o.broken.text = "two SAs";
	assert_line(&o, "{\"t\":0,\"host\":\"hq-01\",\"obs\":\"broken\","
			"\"rule\":\"one.spi\",\"text\":\"two SAs\"}");
}

static void
keys_are_named_and_not_shown(void **state)
{
	static const struct ike_suite suite = { .encr = ENCR_AES_GCM_16 };
	static const struct ike_keys k = { .i.e = "secret", .d_pi_pr = "key" };
	struct obs o = { .host = 0, .kind = OBS_KEYS };

	(void)state;
	memcpy(o.keys.spi_i, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
	memcpy(o.keys.spi_r, "\xff\0\0\0\0\0\0\x01", 8);
	o.keys.suite = &suite;
	o.keys.keys = &k;
	assert_line(&o, "{\"t\":0,\"host\":\"hq-01\",\"obs\":\"keys\","
			"\"spi_i\":\"0123456789abcdef\","
			"\"spi_r\":\"ff00000000000001\"}");
}

static void
text_of_peers_is_escaped(void **state)
{
	static const char text[] = "a=\"\\\" \n\t\x7f\xc3\xbc</script>";
	struct obs o = { .host = 0, .kind = OBS_NOTE };

	(void)state;
	o.note.by = SD_KEYMGRD;
	o.note.level = 6;
	o.note.token = "reg.done";
	o.note.text = (struct chunk){ (const uint8_t *)text, sizeof(text) - 1 };
	assert_line(&o, "{\"t\":0,\"host\":\"hq-01\",\"obs\":\"note\","
			"\"by\":\"keymgrd\",\"level\":6,\"token\":\"reg.done\","
			"\"text\":\"a=\\\"\\\\\\\" \\u000a\\u0009\\u007f\\u00c3"
			"\\u00bc</script>\"}");
	o.note.text.len = 0;
	o.note.text.p = NULL;
	assert_line(&o, "{\"t\":0,\"host\":\"hq-01\",\"obs\":\"note\","
			"\"by\":\"keymgrd\",\"level\":6,\"token\":\"reg.done\","
			"\"text\":\"\"}");
}

/* Every octet is one character of what a reader gets, in ASCII. */
static void
every_octet_can_be_quoted(void **state)
{
	uint8_t all[256];
	char *p;
	size_t len;
	FILE *f = open_memstream(&p, &len);
	json_t *j;

	(void)state;
	assert_non_null(f);
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	trace_quote(f, all, sizeof(all));
	fclose(f);
	for (size_t i = 0; i < len; i++)
		assert_true(p[i] >= ' ' && p[i] < 0x7f);
	j = json_loads(p, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	assert_non_null(j);
	/* 128 of one octet, 128 of two in UTF-8. */
	eq(json_string_length(j), 128 + 2 * 128);
	assert_memory_equal(json_string_value(j), all, 128);
	json_decref(j);
	free(p);
}

/* -- runs ----------------------------------------------------------------- */

/* All keys of the run, in hexadecimal. */
struct secrets {
	struct memory *m;
	char hex[64][2 * 16 + 1];
	size_t n;
};

static void
remember(struct secrets *s, const uint8_t *key)
{
	char *to = s->hex[s->n++];

	assert_true(s->n < NITEMS(s->hex));
	for (size_t i = 0; i < 16; i++)
		snprintf(to + 2 * i, 3, "%02x", key[i]);
}

static int
on_keys(void *arg, const struct obs *o)
{
	struct secrets *s = arg;
	int r = payload_keys_take(s->m->keys, o);

	if (r == 1) {
		remember(s, o->keys.keys->i.e);
		remember(s, o->keys.keys->r.e);
		remember(s, o->keys.keys->d_pi_pr);
		remember(s, o->keys.keys->gsk_w);
	}
	return r < 0 ? r : 0;
}

static void
trace_run(struct memory *m, struct secrets *s, uint64_t seed)
{
	struct scene *sc = scn_from(SIMRUN_SMALL);
	struct obs_sink sink[2] = { { .arg = s, .take = on_keys } };

	memory_init(m, sc);
	*s = (struct secrets){ .m = m };
	sink[1] = trace_sink(&m->trace);
	simrun(SIMRUN_SMALL, seed, sink, 2, NULL, NULL);
	memory_done(m);
	scene_free(&sc);
}

static void
only_the_seed_makes_a_difference(void **state)
{
	struct memory a, b, c;
	struct secrets s;

	(void)state;
	trace_run(&a, &s, 1);
	trace_run(&b, &s, 1);
	trace_run(&c, &s, 2);
	eq(a.len, b.len);
	assert_memory_equal(a.p, b.p, a.len);
	assert_true(a.len != c.len || memcmp(a.p, c.p, a.len) != 0);
	memory_fini(&a);
	memory_fini(&b);
	memory_fini(&c);
}

static void
a_run_has_no_key_in_it(void **state)
{
	struct memory m;
	struct secrets s;

	(void)state;
	trace_run(&m, &s, 1);
	assert_true(s.n >= 4 * 6);
	for (size_t i = 0; i < s.n; i++)
		if (strcasestr(m.p, s.hex[i]) != NULL)
			fail_msg("key %zu is in the trace", i);
	assert_non_null(strstr(m.p, "SK{IDi CERT AUTH IDg SAg}"));
	memory_fini(&m);
}

/* Fields of a line in their order. */
static void
check_fields(const json_t *line, json_int_t *before)
{
	json_int_t t = json_integer_value(json_object_get(line, "t"));
	const char *name;
	json_t *v;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)line, name, v)
	{
		static const char *const first[] = { "t", "host", "obs" };

		if (n < NITEMS(first))
			streq(name, first[n]);
		n++;
	}
	assert_true(n > 3);
	assert_true(t >= *before);
	*before = t;
}

static void
each_line_is_an_object_in_order_of_time(void **state)
{
	struct memory m;
	struct secrets s;
	json_int_t before = 0;
	size_t n = 0;
	char *save, *line;

	(void)state;
	trace_run(&m, &s, 1);
	for (line = strtok_r(m.p, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(j);
		check_fields(j, &before);
		json_decref(j);
		n++;
	}
	assert_true(n > 100);
	assert_true(before > (json_int_t)(14 * NS_PER_S));
	memory_fini(&m);
}

/* -- errors --------------------------------------------------------------- */

static void
a_full_disk_ends_the_run(void **state)
{
	struct out_file f;
	struct trace t = { &f, scene, NULL, NULL };
	struct obs_sink sink = trace_sink(&t);
	struct obs o = { .host = 0, .kind = OBS_STATE };

	(void)state;
	eq(out_open(&f, "/dev/full", "the trace", false), 0);
	eq(sink.take(sink.arg, &o), 0);
	eq(out_close(&f), -ENOSPC); /* until here it is in the buffer */
	eq(out_open(&f, "/dev/full", "the trace", false), 0);
	eq(simrun_try(SIMRUN_SMALL, 1, &sink, 1, NULL, NULL), -ENOSPC);
	eq(f.err, -ENOSPC);
	eq(out_close(&f), -ENOSPC);
	eq(out_close(&f), -ENOSPC); /* nothing more happens */
}

static void
a_file_that_cannot_be(void **state)
{
	struct out_file f;

	(void)state;
	eq(out_open(&f, "/nonexistent/x", "the trace", false), -ENOENT);
	assert_null(f.f);
	eq(out_close(&f), -ENOENT);
	eq(out_open(&f, "/", "the trace", true), -EISDIR);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_datagram),
		T(what_is_no_message),
		T(fates_and_states),
		T(sas_and_events),
		T(keys_are_named_and_not_shown),
		T(text_of_peers_is_escaped),
		T(every_octet_can_be_quoted),
		T(only_the_seed_makes_a_difference),
		T(a_run_has_no_key_in_it),
		T(each_line_is_an_object_in_order_of_time),
		T(a_full_disk_ends_the_run),
		T(a_file_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
