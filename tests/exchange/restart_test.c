/* SPDX-License-Identifier: ISC */
/*
 * Key managers that are killed at every possible moment.  The world itself
 * checks that no IV, SPI of an exchange or outbound key is ever used twice
 * (tests/lib/pair_kernel.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/pair.h"

#define LIFE_MS 3600000ull

static struct world *
two(void)
{
	struct world *w = world_new();

	world_sender(w, 0);
	world_receiver(w, 2);
	world_start(w, 0);
	world_settle(w);
	return w;
}

static struct km_status
status(const struct world *w, unsigned int i)
{
	struct km_status st;

	km_status(w->host[i].km, w->now, &st);
	return st;
}

/*
 * The sender goes on with the same keys and SPIs; a receiver that registers
 * afterwards gets them too, and the others need not do anything.
 */
static void
sender_goes_on(void **state)
{
	struct world *w = two();
	unsigned int sent;

	(void)state;
	world_start(w, 2);
	world_settle(w);
	sent = w->packets;
	for (int i = 0; i < 5; i++) {
		world_restart(w, 0);
		world_settle(w);
		assert_int_equal(world_state(w, 0), GS_KEYED);
	}
	assert_int_equal(w->host[0].n_new, 2);
	assert_int_equal(w->host[0].n_verify, 10);
	assert_int_equal(w->packets, sent);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	assert_int_equal(status(w, 0).step, 0);
	assert_int_equal(status(w, 0).generation, 1);
	world_receiver(w, 3);
	world_start(w, 3);
	world_settle(w);
	assert_true(world_can_read(w, 3, 0));
	assert_true(world_can_read(w, 2, 0));
	assert_int_equal(world_count(w, 0, "reg.ok"), 2);
	world_free(&w);
}

static void
receiver_does_not_register_again(void **state)
{
	struct world *w = two();
	uint64_t due;

	(void)state;
	world_start(w, 2);
	world_settle(w);
	due = km_deadline(w->host[2].km);
	world_run(w, w->now + 1000000);
	for (int i = 0; i < 5; i++) {
		world_restart(w, 2);
		world_settle(w);
		assert_int_equal(world_state(w, 2), GS_KEYED);
		assert_string_equal(status(w, 2).gcks, "hq-01");
	}
	assert_int_equal(w->packets, 4);
	assert_int_equal(km_deadline(w->host[2].km), due);
	assert_int_equal(w->host[2].n_ensure, 12);
	assert_int_equal(world_sas(w, 2, SA_IN), 2);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	/* At its time it does. */
	world_run(w, due + 1000);
	assert_int_equal(world_count(w, 2, "reg.ok"), 2);
	world_free(&w);
}

/* An SA that went with the kernel's restart is installed once more. */
static void
receiver_restores_a_lost_sa(void **state)
{
	struct world *w = two();

	(void)state;
	world_start(w, 2);
	world_settle(w);
	memset(w->host[2].sa, 0, sizeof(w->host[2].sa));
	assert_false(world_can_read(w, 2, 0));
	world_restart(w, 2);
	world_settle(w);
	assert_true(world_can_read(w, 2, 0));
	assert_int_equal(w->packets, 4);
	world_free(&w);
}

/*
 * The sender's outbound SA is gone: its sequence numbers are lost, so the key
 * is not added again; step 1 it is, and the log says so.
 */
static void
sender_never_adds_a_key_again(void **state)
{
	struct world *w = two();

	(void)state;
	w->host[0].sa[1].there = false;
	world_restart(w, 0);
	world_settle(w);
	assert_int_equal(world_state(w, 0), GS_KEYED);
	assert_int_equal(status(w, 0).step, 1);
	assert_int_equal(w->host[0].n_new, 4);
	assert_true(world_noted(w, 0, "sa.lost"));
	assert_true(world_noted(w, 0, "step=1 cause=lost-sa"));
	/* What is left of step 0 goes after DTD. */
	assert_int_equal(world_sas(w, 0, SA_OUT), 3);
	world_run(w, w->now + 31000);
	assert_int_equal(world_sas(w, 0, SA_OUT), 2);
	world_start(w, 2);
	world_settle(w);
	assert_true(world_can_read(w, 2, 0));
	world_free(&w);
}

/*
 * One of both is killed after event number k, for every k of a registration;
 * then again with the other.
 */
static void
killed_at_every_event_boundary(void **state)
{
	(void)state;
	for (unsigned int who = 0; who <= 2; who += 2)
		for (unsigned int k = 0; k < 14; k++) {
			struct world *w = two();
			bool keyed;

			world_start(w, 2);
			for (unsigned int n = 0; n < k; n++)
				(void)world_one(w);
			keyed = world_state(w, 2) == GS_KEYED;
			world_restart(w, who);
			world_run(w, w->now + 60000);
			assert_int_equal(world_state(w, 0), GS_KEYED);
			assert_int_equal(world_state(w, 2), GS_KEYED);
			assert_true(world_can_read(w, 2, 0));
			assert_int_equal(w->host[0].n_new, 2);
			if (keyed)
				assert_int_equal(
				    world_count(w, 2, "reg.ok"), 1);
			world_free(&w);
		}
}

/*
 * Killed between two effects of one event: a record may be ahead of what
 * depends on it, never behind.  Three lifetimes long, sender or receiver,
 * after each number of effects.
 */
static void
killed_between_effects(void **state)
{
	(void)state;
	for (unsigned int who = 0; who <= 2; who += 2)
		for (unsigned int k = 1; k < 75; k++) {
			struct world *w = world_new();

			world_sender(w, 0);
			world_receiver(w, 2);
			w->host[who].crash_in = k;
			world_start(w, 0);
			world_settle(w);
			world_start(w, 2);
			for (int i = 0; i < 12; i++) {
				world_run(w, w->now + LIFE_MS / 4);
				assert_int_equal(world_state(w, 0), GS_KEYED);
				assert_int_equal(world_state(w, 2), GS_KEYED);
				/*
				 * A step that came early, because its
				 * predecessor's SAs never got in, is learnt
				 * with the next registration.
				 */
				if (!world_noted(w, 0, "sa.lost"))
					assert_true(world_can_read(w, 2, 0));
			}
			world_run(w, w->now + 2 * LIFE_MS);
			assert_true(world_can_read(w, 2, 0));
			assert_true(k > 40 || w->host[who].n_restarts == 1);
			world_free(&w);
		}
}

/* Again and again, both, at random moments, for ten lifetimes. */
static void
killed_all_the_time(void **state)
{
	(void)state;
	for (uint64_t s = 1; s <= 10; s++) {
		uint64_t seed = s * 0x2545f4914f6cdd1du;
		struct world *w = two();

		world_start(w, 2);
		for (int i = 0; i < 200; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			w->host[seed & 2].crash_in =
			    1 + (unsigned int)(seed >> 8) % 20;
			world_run(w, w->now + LIFE_MS / 20);
			if (seed >> 20 & 1) {
				world_restart(w, 2 - (seed & 2));
				(void)world_one(w);
				world_restart(w, 2 - (seed & 2));
			}
			world_run(w, w->now + 60000);
			assert_int_equal(world_state(w, 0), GS_KEYED);
			assert_int_equal(world_state(w, 2), GS_KEYED);
		}
		world_free(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_goes_on),
		cmocka_unit_test(receiver_does_not_register_again),
		cmocka_unit_test(receiver_restores_a_lost_sa),
		cmocka_unit_test(sender_never_adds_a_key_again),
		cmocka_unit_test(killed_at_every_event_boundary),
		cmocka_unit_test(killed_between_effects),
		cmocka_unit_test(killed_all_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
