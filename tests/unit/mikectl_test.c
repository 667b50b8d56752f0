/* SPDX-License-Identifier: ISC */
/* What mikectl makes of groupd's answer: model, table, JSON, exit status. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "mikectl/model.h"

static struct chunk
text(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

static void
add(struct model *m, struct msg msg)
{
	assert_int_equal(model_add(m, &msg), 0);
}

static void
add_count(struct model *m, uint8_t slot, const char *name, uint64_t v)
{
	add(m, (struct msg){ .type = MSG_COUNT,
		   .count = { .slot = slot, .name = text(name), .value = v } });
}

static void
add_group(struct model *m, uint8_t slot, const char *name, uint8_t state)
{
	add(m, (struct msg){ .type = MSG_CTL_GROUP,
		   .ctl_group = { .slot = slot,
		       .name = text(name),
		       .role = ROLE_SENDER,
		       .state = state,
		       .generation = 2,
		       .step = 7,
		       .key_age_s = 3725,
		       .key_left_s = 90061 } });
}

static void
add_sa(struct model *m, uint8_t slot, uint32_t spi, uint64_t packets)
{
	static const uint8_t src[] = { 10, 77, 0, 1 };
	static const uint8_t dst[] = { 239, 192, 10, 1 };

	add(m, (struct msg){ .type = MSG_SA_STAT,
		   .sa_stat = { .slot = slot,
		       .dir = SA_OUT,
		       .spi = spi,
		       .src = { src, 4 },
		       .dst = { dst, 4 },
		       .packets = packets,
		       .octets = packets * 1400,
		       .age_s = 59 } });
}

/* A host with one keyed group and one that is only starting. */
static void
sample(struct model *m)
{
	model_init(m);
	add(m, (struct msg){ .type = MSG_CTL_HOST,
		   .ctl_host.identity = text("CN=hq,O=Example") });
	add(m, (struct msg){ .type = MSG_CTL_DAEMON,
		   .ctl_daemon = { .name = text("policyd"), .up = 1 } });
	add_group(m, 0, "ops-net", GS_KEYED);
	add(m, (struct msg){ .type = MSG_REFUSED,
		   .refused = { .slot = 0,
		       .identity = text("CN=mallory\033[31m"),
		       .cause = text("untrusted"),
		       .peer = { (const uint8_t *)"\12\115\0\4", 4 },
		       .times = 3,
		       .age_s = 61 } });
	add_group(m, 3, "other", GS_STARTING);
	add_sa(m, 0, 0x1234abcd, 40);
	add_sa(m, 0, 0x00000100, 2);
	add_count(m, 0, "reg.ok", 2);
	add_count(m, 0, "reg.auth-failed", 1);
	add_count(m, SLOT_HOST, "drop.rate", 5);
	add_count(m, SLOT_HOST, "drop.malformed", 4);
	add_count(m, SLOT_HOST, "route.malformed", 6);
	add_count(m, SLOT_HOST, "cookie.asked", 20000);
	add_count(m, SLOT_HOST, "cookie.under-load", 1);
	add_count(m, SLOT_HOST, "xfrm.XfrmOutNoStates", 9);
	add(m, (struct msg){ .type = MSG_STATUS_END });
}

static char *
table_of(const struct model *m)
{
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	table_print(m, f);
	fclose(f);
	return s;
}

static void
table_shows_what_an_operator_looks_for(void **state)
{
	static const char *const want[] = { "CN=hq,O=Example", "policyd up",
		"ops-net (sender, slot 0): keyed", "other (sender, slot 3)",
		": starting", "0x1234abcd out 10.77.0.1", "239.192.10.1",
		"generation 2, step 7, age 1h02m, 1d01h left",
		"registrations: ok 2, auth-failed 1",
		"dropped by the filter: rate 5, malformed 4",
		"refused by groupd: malformed 6",
		"cookies: asked 20000, under-load 1",
		("refused CN=mallory?[31m from 10.77.0.4: untrusted, 3 times, "
		 "last 1m01s ago"),
		"dropped by the kernel: XfrmOutNoStates 9" };
	struct model m;
	char *s;

	(void)state;
	sample(&m);
	s = table_of(&m);
	for (size_t i = 0; i < NITEMS(want); i++)
		if (strstr(s, want[i]) == NULL)
			fail_msg("table lacks \"%s\":\n%s", want[i], s);
	free(s);
	model_fini(&m);
}

static void
down_daemon_and_reason_are_loud(void **state)
{
	struct model m;
	char *s;

	(void)state;
	model_init(&m);
	add(&m, (struct msg){ .type = MSG_CTL_DAEMON,
		    .ctl_daemon = { .name = text("dispatcherd"), .up = 0 } });
	add(&m, (struct msg){ .type = MSG_CTL_GROUP,
		    .ctl_group = { .name = text("g"),
			.role = ROLE_RECEIVER,
			.state = GS_NO_ESP,
			.detail = text("CONFIG_INET_ESP is missing") } });
	s = table_of(&m);
	assert_non_null(strstr(s, "dispatcherd DOWN"));
	assert_non_null(strstr(s, "degraded: no-esp"));
	assert_non_null(strstr(s, "CONFIG_INET_ESP is missing"));
	free(s);
	assert_false(model_healthy(&m));
	model_fini(&m);
}

static void
json_has_the_documented_names(void **state)
{
	struct model m;
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);
	json_t *top, *g, *sa, *r;

	(void)state;
	sample(&m);
	assert_int_equal(json_print(&m, f), 0);
	fclose(f);
	top = json_loads(s, 0, NULL);
	assert_non_null(top);
	g = json_array_get(json_object_get(top, "groups"), 0);
	sa = json_array_get(json_object_get(g, "sas"), 0);
	assert_string_equal(
	    json_string_value(json_object_get(g, "state")), "keyed");
	assert_string_equal(
	    json_string_value(json_object_get(sa, "spi")), "0x1234abcd");
	assert_int_equal(
	    json_integer_value(json_object_get(g, "packets_protected")), 42);
	assert_int_equal(json_integer_value(json_object_get(
			     json_object_get(g, "registrations"), "ok")),
	    2);
	assert_int_equal(
	    json_integer_value(json_object_get(
		json_object_get(top, "kernel_drops"), "XfrmOutNoStates")),
	    9);
	/* The same cause in two daemons is two counters. */
	assert_int_equal(json_integer_value(json_object_get(
			     json_object_get(top, "drops"), "malformed")),
	    4);
	assert_int_equal(
	    json_integer_value(json_object_get(
		json_object_get(top, "routing_drops"), "malformed")),
	    6);
	assert_int_equal(json_integer_value(json_object_get(
			     json_object_get(top, "cookies"), "asked")),
	    20000);
	r = json_array_get(json_object_get(g, "refused"), 0);
	assert_string_equal(json_string_value(json_object_get(r, "identity")),
	    "CN=mallory?[31m");
	assert_string_equal(
	    json_string_value(json_object_get(r, "cause")), "untrusted");
	assert_string_equal(
	    json_string_value(json_object_get(r, "peer")), "10.77.0.4");
	assert_int_equal(json_integer_value(json_object_get(r, "times")), 3);
	assert_int_equal(json_integer_value(json_object_get(r, "age_s")), 61);
	assert_true(json_is_true(
	    json_object_get(json_object_get(top, "daemons"), "policyd")));
	json_decref(top);
	free(s);
	model_fini(&m);
}

static void
only_keyed_groups_end_a_wait(void **state)
{
	struct model m;

	(void)state;
	sample(&m);
	assert_false(model_all_keyed(&m));
	m.group[1].state = GS_KEYED;
	assert_true(model_all_keyed(&m));
	m.group[1].state = GS_LEFT; /* not joined: nothing to wait for */
	assert_true(model_all_keyed(&m));
	assert_true(model_healthy(&m));
	m.group[1].state = GS_NO_ESP;
	assert_false(model_all_keyed(&m));
	m.complete = false;
	m.group[1].state = GS_KEYED;
	assert_false(model_all_keyed(&m));
	model_fini(&m);
}

static void
closed_means_policies_of_all_groups(void **state)
{
	struct model m;

	(void)state;
	sample(&m);
	assert_true(model_closed(&m));
	m.group[1].state = GS_SECURING;
	assert_false(model_closed(&m));
	m.group[1].state = GS_DOWN; /* its policies outlive a key manager */
	assert_true(model_closed(&m));
	m.identity[0] = '\0'; /* groupd has not heard of its groups yet */
	assert_false(model_closed(&m));
	model_fini(&m);
}

static void
foreign_messages_and_excess_are_refused(void **state)
{
	struct msg ask = { .type = MSG_STATUS_GET };
	struct msg odd = { .type = MSG_SA_STAT };
	static const uint8_t three[3];
	struct model m;

	(void)state;
	model_init(&m);
	assert_int_equal(model_add(&m, &ask), -EPROTO);
	odd.sa_stat.src = (struct chunk){ three, 3 };
	assert_int_equal(model_add(&m, &odd), -EPROTO);
	for (size_t i = 0; i < MODEL_GROUPS; i++)
		add_group(&m, (uint8_t)i, "g", GS_KEYED);
	ask = (struct msg){ .type = MSG_CTL_GROUP };
	assert_int_equal(model_add(&m, &ask), -E2BIG);
	model_fini(&m);
}

/* groupd passes on what peers said: no control character may reach a tty. */
static void
control_characters_do_not_reach_the_terminal(void **state)
{
	struct model m;
	char *s;

	(void)state;
	model_init(&m);
	add(&m, (struct msg){ .type = MSG_CTL_HOST,
		    .ctl_host.identity = text("CN=\x1b[2J\nevil") });
	s = table_of(&m);
	assert_null(strchr(s, '\x1b'));
	assert_null(strstr(s, "\nevil"));
	free(s);
	model_fini(&m);
}

static void
words_of_unknown_values_are_safe(void **state)
{
	(void)state;
	assert_string_equal(state_word(200), "?");
	assert_string_equal(role_word(0), "?");
	assert_string_equal(dir_word(9), "?");
	assert_string_equal(status_word(99), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_shows_what_an_operator_looks_for),
		cmocka_unit_test(down_daemon_and_reason_are_loud),
		cmocka_unit_test(json_has_the_documented_names),
		cmocka_unit_test(only_keyed_groups_end_a_wait),
		cmocka_unit_test(closed_means_policies_of_all_groups),
		cmocka_unit_test(foreign_messages_and_excess_are_refused),
		cmocka_unit_test(control_characters_do_not_reach_the_terminal),
		cmocka_unit_test(words_of_unknown_values_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
