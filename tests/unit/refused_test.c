/* SPDX-License-Identifier: ISC */
/* Who was refused lately: by identity and cause, the oldest giving way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/refused.h"

#define eq assert_int_equal

static const struct addr peer_a = { 4, { 10, 0, 0, 1 } };
static const struct addr peer_b = { 4, { 10, 0, 0, 2 } };

static const struct refused *
find(const struct refused_log *l, const char *who, const char *cause)
{
	for (size_t i = 0; l != NULL && i < l->n; i++)
		if (strcmp(l->v[i].who, who) == 0 &&
		    strcmp(l->v[i].cause, cause) == 0)
			return &l->v[i];
	return NULL;
}

/* Memory is taken with the first. */
static void
nobody_costs_nothing(void **state)
{
	struct refused_log *l = NULL;

	(void)state;
	assert_null(find(l, "x", "y"));
	refused_add(&l, "CN=x", "signature", &peer_a, 5);
	assert_non_null(l);
	eq(l->n, 1);
	assert_string_equal(l->v[0].who, "CN=x");
	assert_string_equal(l->v[0].cause, "signature");
	assert_true(addr_eq(&l->v[0].peer, &peer_a));
	eq(l->v[0].times, 1);
	eq(l->v[0].last_ms, 5);
	free(l);
}

static void
the_same_is_counted(void **state)
{
	struct refused_log *l = NULL, *first;
	char cause[] = "signature"; /* the same text elsewhere */

	(void)state;
	refused_add(&l, "CN=x", "signature", &peer_a, 5);
	first = l;
	refused_add(&l, "CN=x", cause, &peer_b, 9);
	assert_ptr_equal(l, first);
	eq(l->n, 1);
	eq(l->v[0].times, 2);
	eq(l->v[0].last_ms, 9);
	assert_true(addr_eq(&l->v[0].peer, &peer_b)); /* the last one's */
	assert_ptr_not_equal(l->v[0].cause, cause);   /* static, not this */
	free(l);
}

static void
another_name_or_cause_is_another(void **state)
{
	struct refused_log *l = NULL;

	(void)state;
	refused_add(&l, "CN=x", "signature", &peer_a, 1);
	refused_add(&l, "CN=x", "expired", &peer_a, 2);
	refused_add(&l, "CN=xy", "signature", &peer_a, 3);
	refused_add(&l, "", "signature", &peer_a, 4);
	eq(l->n, 4);
	for (size_t i = 0; i < 4; i++)
		eq(l->v[i].times, 1);
	free(l);
}

/* What is cut off cannot tell two apart, and does not make new ones. */
static void
long_names_are_cut(void **state)
{
	char who[REFUSED_WHO * 2];
	struct refused_log *l = NULL;

	(void)state;
	for (size_t len = REFUSED_WHO - 2; len < REFUSED_WHO + 10; len++) {
		memset(who, 'w', len);
		who[len] = '\0';
		refused_add(&l, who, "expired", &peer_a, len);
	}
	eq(l->n, 2);
	eq(strlen(l->v[0].who), REFUSED_WHO - 2);
	eq(strlen(l->v[1].who), REFUSED_WHO - 1);
	eq(l->v[1].times, 11);
	free(l);
}

static void
counts_do_not_come_round(void **state)
{
	struct refused_log *l = NULL;

	(void)state;
	refused_add(&l, "CN=x", "expired", &peer_a, 1);
	l->v[0].times = UINT32_MAX - 1;
	for (uint64_t i = 2; i < 5; i++)
		refused_add(&l, "CN=x", "expired", &peer_a, i);
	eq(l->v[0].times, UINT32_MAX);
	eq(l->v[0].last_ms, 4);
	free(l);
}

static void
the_oldest_gives_way(void **state)
{
	struct refused_log *l = NULL;
	char who[16];

	(void)state;
	for (unsigned int i = 0; i < REFUSED_MAX; i++) {
		snprintf(who, sizeof(who), "CN=%u", i);
		refused_add(&l, who, "expired", &peer_a, 100 + i);
	}
	eq(l->n, REFUSED_MAX);
	/* The first two have come again: the third is the oldest then. */
	refused_add(&l, "CN=0", "expired", &peer_a, 200);
	refused_add(&l, "CN=1", "expired", &peer_a, 201);
	refused_add(&l, "CN=new", "signature", &peer_b, 202);
	eq(l->n, REFUSED_MAX);
	assert_null(find(l, "CN=2", "expired"));
	assert_non_null(find(l, "CN=0", "expired"));
	assert_non_null(find(l, "CN=3", "expired"));
	eq(find(l, "CN=0", "expired")->times, 2);
	eq(find(l, "CN=new", "signature")->times, 1);
	eq(find(l, "CN=new", "signature")->last_ms, 202);
	free(l);
}

/* However many come: the last of them are there, each once. */
static void
many_leave_the_last(void **state)
{
	struct refused_log *l = NULL;
	char who[16];

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(who, sizeof(who), "CN=%u", i);
		refused_add(&l, who, "expired", &peer_a, i);
	}
	eq(l->n, REFUSED_MAX);
	for (unsigned int i = 1000 - REFUSED_MAX; i < 1000; i++) {
		snprintf(who, sizeof(who), "CN=%u", i);
		assert_non_null(find(l, who, "expired"));
		eq(find(l, who, "expired")->times, 1);
	}
	free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_costs_nothing),
		cmocka_unit_test(the_same_is_counted),
		cmocka_unit_test(another_name_or_cause_is_another),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(counts_do_not_come_round),
		cmocka_unit_test(the_oldest_gives_way),
		cmocka_unit_test(many_leave_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
