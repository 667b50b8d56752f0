/* SPDX-License-Identifier: ISC */
/* Several messages in one frame. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/frame.h"

static struct msg
count(uint64_t v)
{
	static const uint8_t name[] = "reg.ok";

	return (struct msg){ .type = MSG_COUNT,
		.count = { .slot = 3, .name = { name, 6 }, .value = v } };
}

/* A message with n octets in it. */
static struct msg
long_one(size_t n)
{
	static const uint8_t octets[16384] = { 1, 2, 3 };

	return (struct msg){ .type = MSG_DGRAM_IN,
		.dgram_in = { .data = { octets, n } } };
}

static void
messages_come_out_in_order(void **state)
{
	struct frame f = { 0 };
	struct rbuf rb;
	struct msg m;

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		m = count(i);
		assert_int_equal(frame_add(&f, &m), 0);
		m = long_one((size_t)i);
		assert_int_equal(frame_add(&f, &m), 0);
	}
	rb_init(&rb, f.p, f.len);
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(frame_next(&rb, &m), 1);
		assert_int_equal(m.type, MSG_COUNT);
		assert_int_equal(m.count.value, i);
		assert_int_equal(frame_next(&rb, &m), 1);
		assert_int_equal(m.type, MSG_DGRAM_IN);
		assert_int_equal(m.dgram_in.data.len, i);
	}
	assert_int_equal(frame_next(&rb, &m), 0);
	assert_int_equal(frame_next(&rb, &m), 0);
	frame_free(&f);
	assert_null(f.p);
}

/* What does not fit leaves the frame as it was. */
static void
full(void **state)
{
	struct frame f = { 0 };
	struct msg m = long_one(16384), odd = { .type = 0xffff };
	struct rbuf rb;
	int n = 0;
	size_t len;

	(void)state;
	assert_int_equal(frame_add(&f, &odd), -EINVAL);
	while (frame_add(&f, &m) == 0)
		n++;
	assert_int_equal(n, 3);
	len = f.len;
	assert_int_equal(frame_add(&f, &m), -ENOSPC);
	assert_int_equal(f.len, len);
	m = long_one(16385); /* above what the schema allows */
	frame_clear(&f);
	assert_int_equal(frame_add(&f, &m), -ERANGE);
	assert_int_equal(f.len, 0);
	m = count(1);
	assert_int_equal(frame_add(&f, &m), 0);
	rb_init(&rb, f.p, f.len);
	assert_int_equal(frame_next(&rb, &m), 1);
	assert_int_equal(frame_next(&rb, &m), 0);
	frame_free(&f);
}

/* Keys pass through here. */
static void
cleared_octets_are_wiped(void **state)
{
	struct frame f = { 0 };
	struct msg m = long_one(100);
	size_t len;

	(void)state;
	assert_int_equal(frame_add(&f, &m), 0);
	len = f.len;
	frame_clear(&f);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(f.p[i], 0);
	frame_free(&f);
	frame_clear(&f);
}

static void
malformed(void **state)
{
	struct frame f = { 0 };
	struct msg m = count(7), got;
	struct rbuf rb;

	(void)state;
	assert_int_equal(frame_add(&f, &m), 0);
	for (size_t n = 1; n < f.len; n++) {
		rb_init(&rb, f.p, n);
		assert_int_equal(frame_next(&rb, &got), -EBADMSG);
		assert_int_equal(frame_next(&rb, &got), -EBADMSG);
	}
	for (size_t i = 0; i < 4; i++) { /* another length */
		f.p[i] ^= 0x80;
		rb_init(&rb, f.p, f.len);
		assert_int_equal(frame_next(&rb, &got), -EBADMSG);
		f.p[i] ^= 0x80;
	}
	f.p[3]--;
	rb_init(&rb, f.p, f.len);
	assert_int_equal(frame_next(&rb, &got), -EBADMSG);
	frame_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_out_in_order),
		cmocka_unit_test(full),
		cmocka_unit_test(cleared_octets_are_wiped),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
