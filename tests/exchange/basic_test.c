/* SPDX-License-Identifier: ISC */
/* Registration as it should go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/pair.h"

/*
 * GM  -> GCKS  IKE_SA_INIT { SA, KE, Ni, N(MIKE_GROUP) }
 * GM  <- GCKS  IKE_SA_INIT { SA, KE, Nr, N(MIKE_GROUP) }
 * GM  -> GCKS  GSA_AUTH SK{ IDi, AUTH, IDg, SAg }
 * GM  <- GCKS  GSA_AUTH SK{ IDr, AUTH, GSA, KD, N(USE_TRANSPORT_MODE) }
 */
static void
registers_in_four_datagrams(void **state)
{
	struct world *w = world_new();

	(void)state;
	world_sender(w, 0);
	world_receiver(w, 2);
	world_start(w, 0);
	world_settle(w);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	assert_int_equal(world_sas(w, 0, SA_OUT), 2);
	world_start(w, 2);
	assert_int_equal(world_state(w, 2), GS_REGISTERING);
	world_settle(w);
	if (world_state(w, 2) != GS_KEYED)
		print_message("%s%s", w->host[0].notes, w->host[2].notes);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(w->packets, 4);
	assert_int_equal(world_sas(w, 2, SA_IN), 2);
	assert_true(world_can_read(w, 2, 0));
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	assert_string_equal(world_detail(w, 2), "");
	world_free(&w);
	assert_null(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_in_four_datagrams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
