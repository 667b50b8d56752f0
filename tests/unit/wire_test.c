/* SPDX-License-Identifier: ISC */

/* The cursors: order of octets, bounds, stickiness, children. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/wire.h"

#define eq(a, b) assert_int_equal((a), (b))

static const uint8_t octets[15] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
	0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };

static void
integers_are_in_network_order(void **state)
{
	struct rbuf rb;
	uint8_t a = 0;
	uint16_t b = 0;
	uint32_t c = 0;
	uint64_t d = 0;

	(void)state;
	rb_init(&rb, octets, sizeof(octets));
	eq(rb_u8(&rb, &a) || rb_u16(&rb, &b) || rb_u32(&rb, &c) ||
		rb_u64(&rb, &d) || rb_done(&rb),
	    0);
	eq(a, 0x01);
	eq(b, 0x0203);
	eq(c, 0x04050607);
	assert_true(d == 0x08090a0b0c0d0e0fULL);
}

static void
written_octets_read_back(void **state)
{
	uint8_t buf[15];
	struct wbuf wb;

	(void)state;
	wb_init(&wb, buf, sizeof(buf));
	eq(wb_u8(&wb, 0x01), 0);
	eq(wb_u16(&wb, 0x0203), 0);
	eq(wb_u32(&wb, 0x04050607), 0);
	eq(wb_u64(&wb, 0x08090a0b0c0d0e0fULL), 0);
	eq(wb.len, 15);
	assert_memory_equal(buf, octets, 15);
	eq(wb_u8(&wb, 0), -ENOBUFS);
}

/* Each getter with one octet too few fails and writes nothing. */
static void
short_reads_fail_and_leave_the_output(void **state)
{
	uint8_t a = 0xaa, copy[4] = { 0xaa, 0xaa, 0xaa, 0xaa };
	uint16_t b = 0xaaaa;
	uint32_t c = 0xaaaaaaaa;
	uint64_t d = 0xaaaaaaaaaaaaaaaaULL;
	struct chunk k = { copy, 99 };
	struct rbuf rb;

	(void)state;
	rb_init(&rb, octets, 0);
	eq(rb_u8(&rb, &a), -EBADMSG);
	rb_init(&rb, octets, 1);
	eq(rb_u16(&rb, &b), -EBADMSG);
	rb_init(&rb, octets, 3);
	eq(rb_u32(&rb, &c), -EBADMSG);
	rb_init(&rb, octets, 7);
	eq(rb_u64(&rb, &d), -EBADMSG);
	rb_init(&rb, octets, 3);
	eq(rb_copy(&rb, copy, 4), -EBADMSG);
	rb_init(&rb, octets, 3);
	eq(rb_bytes(&rb, 4, &k), -EBADMSG);
	rb_init(&rb, octets, 3);
	eq(rb_skip(&rb, SIZE_MAX), -EBADMSG);
	eq(a, 0xaa);
	eq(b, 0xaaaa);
	eq(c, 0xaaaaaaaa);
	assert_true(d == 0xaaaaaaaaaaaaaaaaULL);
	eq(copy[0], 0xaa);
	eq(k.len, 99);
}

static void
reader_errors_stick(void **state)
{
	struct chunk k;
	struct rbuf rb;
	uint8_t v;

	(void)state;
	rb_init(&rb, octets, 3);
	eq(rb_skip(&rb, 4), -EBADMSG);
	eq(rb_u8(&rb, &v), -EBADMSG);
	eq(rb_skip(&rb, 0), -EBADMSG);
	eq(rb_rest(&rb, &k), -EBADMSG);
	eq(rb_done(&rb), -EBADMSG);
	eq(rb_left(&rb), 0);
}

static void
trailing_octets_are_an_error(void **state)
{
	struct rbuf rb;

	(void)state;
	rb_init(&rb, octets, 3);
	eq(rb_skip(&rb, 2), 0);
	eq(rb_done(&rb), -EBADMSG);
	eq(rb_left(&rb), 1);
	eq(rb_skip(&rb, 1), 0);
	eq(rb_done(&rb), 0);
}

static void
child_cannot_see_past_its_end(void **state)
{
	struct rbuf rb, child;
	struct chunk rest;
	uint32_t v;
	uint8_t next;

	(void)state;
	rb_init(&rb, octets, 6);
	eq(rb_sub(&rb, 3, &child), 0);
	eq(rb_u32(&child, &v), -EBADMSG);
	eq(rb_u8(&rb, &next), 0); /* the parent is not hurt */
	eq(next, 0x04);
	eq(rb_sub(&rb, 3, &child), -EBADMSG);
	eq(rb_u8(&child, &next), -EBADMSG); /* nor is a failed child of use */
	rb_init(&rb, octets, 2);
	eq(rb_rest(&rb, &rest), 0);
	eq(rest.len, 2);
	eq(rb_done(&rb), 0);
}

static void
empty_input_is_no_error(void **state)
{
	struct rbuf rb, child;
	struct chunk k;
	uint8_t v;

	(void)state;
	rb_init(&rb, NULL, 0);
	eq(rb_done(&rb), 0);
	eq(rb_rest(&rb, &k), 0);
	eq(k.len, 0);
	eq(rb_copy(&rb, NULL, 0), 0);
	eq(rb_sub(&rb, 0, &child), 0);
	eq(rb_done(&child), 0);
	eq(rb_u8(&rb, &v), -EBADMSG);
}

static void
values_that_do_not_fit_are_refused(void **state)
{
	uint8_t buf[64];
	struct wbuf wb;

	(void)state;
	wb_init(&wb, buf, sizeof(buf));
	eq(wb_u8(&wb, 255), 0);
	eq(wb_u8(&wb, 256), -ERANGE);
	eq(wb_u8(&wb, 1), -ENOBUFS); /* it sticks */
	wb_init(&wb, buf, sizeof(buf));
	eq(wb_u16(&wb, 0x10000), -ERANGE);
	wb_init(&wb, buf, sizeof(buf));
	eq(wb_u32(&wb, 0x100000000ULL), -ERANGE);
	eq(wb.len, 0);
	wb_init(&wb, buf, sizeof(buf));
	eq(wb_u64(&wb, UINT64_MAX), 0);
	eq(wb_set_u16(&wb, 0, 0x10000), -ERANGE);
	eq(wb_zero(&wb, 1), -ENOBUFS);
}

static void
writer_stops_at_the_end(void **state)
{
	uint8_t buf[8];
	struct wbuf wb;

	(void)state;
	memset(buf, 0xee, sizeof(buf));
	wb_init(&wb, buf, 4);
	eq(wb_put(&wb, octets, 3), 0);
	eq(wb_u16(&wb, 1), -ENOBUFS);
	eq(wb_zero(&wb, 1), -ENOBUFS); /* although it would fit */
	assert_null(wb_reserve(&wb, 0));
	eq(wb.len, 3);
	eq(buf[3], 0xee);
	wb_init(&wb, buf, 4);
	assert_null(wb_reserve(&wb, SIZE_MAX));
	wb_init(&wb, buf, 4);
	assert_ptr_equal(wb_reserve(&wb, 4), buf);
	eq(buf[4], 0xee);
}

static void
earlier_octets_can_be_set(void **state)
{
	uint8_t buf[8];
	struct wbuf wb;

	(void)state;
	wb_init(&wb, buf, sizeof(buf));
	eq(wb_zero(&wb, 7), 0);
	eq(wb_set_u16(&wb, 0, 0x0102), 0);
	eq(wb_set_u32(&wb, 2, 0x03040506), 0);
	eq(wb_set_u8(&wb, 6, 7), 0);
	assert_memory_equal(buf, octets, 7);
	eq(wb.len, 7);
	/* Only what was written: not one octet behind it. */
	eq(wb_set_u16(&wb, 6, 1), -ENOBUFS);
	wb_init(&wb, buf, sizeof(buf));
	eq(wb_zero(&wb, 4), 0);
	eq(wb_set_u8(&wb, SIZE_MAX, 1), -ENOBUFS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_in_network_order),
		cmocka_unit_test(written_octets_read_back),
		cmocka_unit_test(short_reads_fail_and_leave_the_output),
		cmocka_unit_test(reader_errors_stick),
		cmocka_unit_test(trailing_octets_are_an_error),
		cmocka_unit_test(child_cannot_see_past_its_end),
		cmocka_unit_test(empty_input_is_no_error),
		cmocka_unit_test(values_that_do_not_fit_are_refused),
		cmocka_unit_test(writer_stops_at_the_end),
		cmocka_unit_test(earlier_octets_can_be_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
