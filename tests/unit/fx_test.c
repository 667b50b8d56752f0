/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/fx.h"

static void
octets_stay_where_they_are(void **state)
{
	struct fx *fx = fx_new();
	struct chunk c[1000];
	uint8_t buf[100];

	(void)state;
	assert_non_null(fx);
	for (unsigned int i = 0; i < 1000; i++) {
		struct km_fx *e = fx_add(fx, KM_FX_STATE);

		assert_non_null(e);
		memset(buf, (int)i, sizeof(buf));
		assert_int_equal(
		    fx_copy(fx, (struct chunk){ buf, i % 100 }, &e->rec), 0);
		c[i] = e->rec;
	}
	assert_int_equal(fx_count(fx), 1000);
	for (unsigned int i = 0; i < 1000; i++) {
		const struct km_fx *e = fx_at(fx, i);

		assert_int_equal(e->kind, KM_FX_STATE);
		assert_ptr_equal(e->rec.p, c[i].p);
		assert_int_equal(e->rec.len, i % 100);
		for (size_t k = 0; k < e->rec.len; k++)
			assert_int_equal(e->rec.p[k], i & 255);
	}
	fx_free(&fx);
	assert_null(fx);
	fx_free(&fx);
}

static void
the_list_is_bounded(void **state)
{
	struct fx *fx = fx_new();
	size_t n = 0;

	(void)state;
	while (fx_add(fx, KM_FX_CHANGED) != NULL)
		n++;
	assert_int_equal(n, FX_COUNT_MAX);
	assert_int_equal(fx_note(fx, NOTE_INFO, "x", "y"), -12);
	fx_reset(fx);
	assert_int_equal(fx_count(fx), 0);
	for (n = 0; fx_room(fx, 16384) != NULL; n++)
		;
	assert_int_equal(n, FX_OCTETS_MAX / 16384);
	assert_null(fx_room(fx, FX_OCTETS_MAX + 1));
	fx_reset(fx);
	assert_null(fx_room(fx, FX_OCTETS_MAX));
	assert_non_null(fx_room(fx, FX_OCTETS_MAX / 2));
	fx_free(&fx);
}

/* Nothing of what was undone or reset is left in the memory of the list. */
static void
secrets_are_wiped(void **state)
{
	struct fx *fx = fx_new();
	struct fx_mark mark;
	struct km_fx *e;
	uint8_t *p, *q;

	(void)state;
	p = fx_room(fx, 64);
	assert_non_null(p);
	memset(p, 0xaa, 64);
	mark = fx_mark(fx);
	q = fx_room(fx, 64);
	memset(q, 0xbb, 64);
	e = fx_add(fx, KM_FX_SA_INSTALL);
	memset(e->sa.key, 0xcc, sizeof(e->sa.key));
	fx_undo(fx, mark);
	for (size_t i = 0; i < 64; i++) {
		assert_int_equal(p[i], 0xaa);
		assert_int_equal(q[i], 0);
	}
	for (size_t i = 0; i < sizeof(e->sa.key); i++)
		assert_int_equal(e->sa.key[i], 0);
	assert_ptr_equal(fx_room(fx, 64), q);
	fx_reset(fx);
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(p[i], 0);
	fx_free(&fx);
}

/* A mark in one block, much more in others, and back. */
static void
undo_over_blocks(void **state)
{
	struct fx *fx = fx_new();
	struct fx_mark start = fx_mark(fx), mark;
	uint8_t *first;

	(void)state;
	first = fx_room(fx, 10000);
	mark = fx_mark(fx);
	for (int i = 0; i < 10; i++) {
		assert_non_null(fx_room(fx, 10000));
		assert_non_null(fx_add(fx, KM_FX_CHANGED));
	}
	fx_undo(fx, mark);
	assert_int_equal(fx_count(fx), 0);
	assert_ptr_equal(fx_room(fx, 1), first + 10000);
	fx_undo(fx, start);
	assert_ptr_equal(fx_room(fx, 1), first);
	fx_free(&fx);
}

static void
notes(void **state)
{
	struct fx *fx = fx_new();
	const struct km_fx *e;
	char big[1000];

	(void)state;
	assert_int_equal(fx_note(fx, NOTE_WARN, "a.b", "n=%d", 7), 0);
	e = fx_at(fx, 0);
	assert_int_equal(e->kind, KM_FX_NOTE);
	assert_int_equal(e->note.level, 4);
	assert_string_equal(e->note.token, "a.b");
	assert_int_equal(e->note.text.len, 3);
	assert_memory_equal(e->note.text.p, "n=7", 3);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(fx_note(fx, NOTE_INFO, "c", "%s", big), 0);
	assert_int_equal(fx_at(fx, 1)->note.text.len, FX_NOTE_MAX - 1);
	fx_free(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_stay_where_they_are),
		cmocka_unit_test(the_list_is_bounded),
		cmocka_unit_test(secrets_are_wiped),
		cmocka_unit_test(undo_over_blocks),
		cmocka_unit_test(notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
