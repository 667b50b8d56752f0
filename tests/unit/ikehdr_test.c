/* SPDX-License-Identifier: ISC */

/* IKE header, payload walk, and what groupd reads of an IKE_SA_INIT. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "common/ike/hdr.h"

#define eq(a, b) assert_int_equal((a), (b))
#define C(s) ((struct chunk){ (const uint8_t *)(s), sizeof(s) - 1 })

static uint8_t buf[IKE_MSG_MAX + 64];

/* A message that is built payload by payload. */
struct build {
	struct wbuf wb;
	size_t next_at; /* where the type of the next payload goes */
};

static void
begin(struct build *b, uint8_t exchange, uint8_t flags)
{
	struct ike_hdr h = {
		.spi_i = { 3, 1, 2, 3, 4, 5, 6, 7 },
		.version = IKE_VERSION,
		.exchange = exchange,
		.flags = flags,
	};

	wb_init(&b->wb, buf, sizeof(buf));
	eq(ike_hdr_put(&b->wb, &h), 0);
	b->next_at = 16;
}

static void
add(struct build *b, uint8_t type, const void *body, size_t len)
{
	eq(wb_set_u8(&b->wb, b->next_at, type), 0);
	b->next_at = b->wb.len;
	eq(wb_u8(&b->wb, 0) || wb_u8(&b->wb, 0) || wb_u16(&b->wb, len + 4) ||
		wb_put(&b->wb, body, len),
	    0);
}

static void
add_notify(struct build *b, uint16_t type, const void *data, size_t len)
{
	uint8_t body[128] = { 0, 0, (uint8_t)(type >> 8), (uint8_t)type };

	memcpy(body + 4, data, len);
	add(b, PLD_NOTIFY, body, 4 + len);
}

static struct chunk
end(struct build *b)
{
	eq(wb_set_u32(&b->wb, 24, b->wb.len), 0);
	return (struct chunk){ buf, b->wb.len };
}

static const uint8_t nonce[32] = { 0x4e, 1, 2, 3 };

/* SA, KE, Ni, N(MIKE_GROUP) for group "ops-net", as MIKE sends it. */
static struct chunk
init_request(void)
{
	uint8_t bind[MIKE_GROUP_LEN];
	struct build b;

	eq(mike_group_bind(C("ops-net"), (struct chunk){ nonce, 32 }, bind), 0);
	begin(&b, IKE_SA_INIT, IKE_F_INITIATOR);
	add(&b, PLD_SA, "proposals", 9);
	add(&b, PLD_KE, "public", 6);
	add(&b, PLD_NONCE, nonce, sizeof(nonce));
	add_notify(&b, N_MIKE_GROUP, bind, sizeof(bind));
	return end(&b);
}

static void
header_goes_both_ways(void **state)
{
	static const uint8_t want[IKE_HDR_LEN] = { 1, 2, 3, 4, 5, 6, 7, 8, 9,
		10, 11, 12, 13, 14, 15, 16, 33, 0x20, 34, 0x08, 0x01, 0x02,
		0x03, 0x04, 0, 0, 0, 28 };
	struct ike_hdr h;
	struct rbuf rb;
	struct wbuf wb;
	uint8_t out[IKE_HDR_LEN];

	(void)state;
	rb_init(&rb, want, sizeof(want));
	eq(ike_hdr_get(&rb, &h), 0);
	eq(h.spi_i[0], 1);
	eq(h.spi_r[7], 16);
	eq(h.next, PLD_SA);
	eq(h.exchange, IKE_SA_INIT);
	eq(h.flags, IKE_F_INITIATOR);
	eq(h.mid, 0x01020304);
	eq(h.len, 28);
	eq(rb_left(&rb), 0);
	wb_init(&wb, out, sizeof(out));
	eq(ike_hdr_put(&wb, &h), 0);
	assert_memory_equal(out, want, sizeof(want));
	wb_init(&wb, out, sizeof(out) - 1);
	eq(ike_hdr_put(&wb, &h), -ENOBUFS);
}

static int
header_of(const uint8_t *p, size_t n)
{
	struct ike_hdr h;
	struct rbuf rb;

	rb_init(&rb, p, n);
	return ike_hdr_get(&rb, &h);
}

static void
header_length_and_version_are_checked(void **state)
{
	uint8_t h[40] = { 1, [17] = 0x20, [18] = 34, [27] = 28 };

	(void)state;
	eq(header_of(h, 28), 0);
	for (size_t n = 0; n < sizeof(h); n++)
		if (n != 28)
			eq(header_of(h, n), -EBADMSG);
	h[17] = 0x2f; /* a later minor version */
	eq(header_of(h, 28), 0);
	h[17] = 0x10; /* IKEv1, GDOI */
	eq(header_of(h, 28), -EBADMSG);
	h[17] = 0x30;
	eq(header_of(h, 28), -EBADMSG);
	h[17] = 0x20;
	h[24] = 1; /* 16 MiB and 28 */
	eq(header_of(h, 28), -EBADMSG);
}

static void
walk_sees_each_payload(void **state)
{
	static const uint8_t types[] = { PLD_SA, PLD_KE, PLD_NONCE,
		PLD_NOTIFY };
	struct chunk msg = init_request();
	struct ike_walk w;
	struct ike_pld p;
	struct ike_hdr h;
	struct rbuf rb;

	(void)state;
	rb_init(&rb, msg.p, msg.len);
	eq(ike_hdr_get(&rb, &h), 0);
	ike_walk_init(&w, h.next, rb);
	for (size_t i = 0; i < NITEMS(types); i++) {
		eq(ike_walk_next(&w, &p), 1);
		eq(p.type, types[i]);
		assert_false(p.critical);
	}
	eq(rb_left(&p.body), 4 + MIKE_GROUP_LEN);
	eq(ike_walk_next(&w, &p), 0);
	eq(ike_walk_next(&w, &p), 0);
}

/* One payload of octets b behind a header; what does the walk say? */
static int
walk_one(uint8_t first, const void *b, size_t n, struct ike_pld *p, int *then)
{
	struct ike_walk w;
	struct rbuf rb;
	int r;

	rb_init(&rb, b, n);
	ike_walk_init(&w, first, rb);
	if ((r = ike_walk_next(&w, p)) == 1)
		*then = ike_walk_next(&w, p);
	return r;
}

static void
walk_refuses_bad_lengths(void **state)
{
	struct ike_pld p;
	int then;

	(void)state;
	/* Shorter than its own header. */
	eq(walk_one(40, "\0\0\0\3", 4, &p, &then), -EBADMSG);
	eq(walk_one(40, "\0\0\0\0", 4, &p, &then), -EBADMSG);
	/* Longer than what is there. */
	eq(walk_one(40, "\0\0\0\5", 4, &p, &then), -EBADMSG);
	eq(walk_one(40, "\0\0\xff\xff", 4, &p, &then), -EBADMSG);
	eq(walk_one(40, "\0\0\0", 3, &p, &then), -EBADMSG);
	/* Fits, and nothing behind it. */
	eq(walk_one(40, "\0\0\0\4", 4, &p, &then), 1);
	eq(then, 0);
	/* Octets behind the last payload; a payload announced but missing. */
	eq(walk_one(40, "\0\0\0\4x", 5, &p, &then), 1);
	eq(then, -EBADMSG);
	eq(walk_one(40, "\51\0\0\4", 4, &p, &then), 1);
	eq(then, -EBADMSG);
	eq(walk_one(PLD_NONE, "x", 1, &p, &then), -EBADMSG);
	eq(walk_one(PLD_NONE, "", 0, &p, &then), 0);
}

static void
walk_knows_critical_and_encrypted(void **state)
{
	struct ike_walk w;
	struct ike_pld p;
	struct rbuf rb;

	(void)state;
	rb_init(&rb, "\0\200\0\4", 4);
	ike_walk_init(&w, 99, rb);
	eq(ike_walk_next(&w, &p), 1);
	assert_true(p.critical);
	/* The reserved bits are not the critical bit. */
	rb_init(&rb, "\0\177\0\4", 4);
	ike_walk_init(&w, 99, rb);
	eq(ike_walk_next(&w, &p), 1);
	assert_false(p.critical);
	/* Next Payload of SK is about its inside: the walk ends. */
	rb_init(&rb, "\43\0\0\6ab", 6);
	ike_walk_init(&w, PLD_SK, rb);
	eq(ike_walk_next(&w, &p), 1);
	eq(rb_left(&p.body), 2);
	eq(ike_walk_next(&w, &p), 0);
	/* And nothing may stand behind it. */
	rb_init(&rb, "\43\0\0\6ab\0\0\0\4", 10);
	ike_walk_init(&w, PLD_SKF, rb);
	eq(ike_walk_next(&w, &p), 1);
	eq(ike_walk_next(&w, &p), -EBADMSG);
}

static void
notify(void **state)
{
	struct ike_ntf n = { .type = 7 };
	struct rbuf rb;

	(void)state;
	rb_init(&rb, "\3\4\100\4spi!data", 12);
	eq(ike_ntf_get(rb, &n), 0);
	eq(n.proto, 3);
	eq(n.type, 16388);
	eq(n.spi.len, 4);
	assert_memory_equal(n.spi.p, "spi!", 4);
	eq(n.data.len, 4);
	assert_memory_equal(n.data.p, "data", 4);
	n.type = 7;
	rb_init(&rb, "\0\5\100\4spi!", 8); /* SPI longer than the body */
	eq(ike_ntf_get(rb, &n), -EBADMSG);
	rb_init(&rb, "\0\0\100", 3);
	eq(ike_ntf_get(rb, &n), -EBADMSG);
	eq(n.type, 7);
}

static void
view_of_an_init_request(void **state)
{
	struct ike_init_view v;
	struct chunk msg = init_request();

	(void)state;
	eq(ike_init_view(msg, &v), 0);
	eq(v.hdr.exchange, IKE_SA_INIT);
	eq(v.nonce.len, 32);
	assert_memory_equal(v.nonce.p, nonce, 32);
	eq(v.mike_group.len, MIKE_GROUP_LEN);
	eq(v.cookie.len, 0);
	assert_true(mike_group_matches(&v, C("ops-net")));
	assert_false(mike_group_matches(&v, C("ops-nes")));
	assert_false(mike_group_matches(&v, C("ops-ne")));
	assert_false(mike_group_matches(&v, C("")));
}

/* The binding of another message's nonce says nothing here. */
static void
binding_holds_for_its_own_nonce(void **state)
{
	uint8_t bind[MIKE_GROUP_LEN], other[32] = { 9 };
	struct ike_init_view v;
	struct build b;

	(void)state;
	eq(mike_group_bind(C("ops-net"), (struct chunk){ nonce, 32 }, bind), 0);
	begin(&b, IKE_SA_INIT, IKE_F_INITIATOR);
	add(&b, PLD_NONCE, other, sizeof(other));
	add_notify(&b, N_MIKE_GROUP, bind, sizeof(bind));
	eq(ike_init_view(end(&b), &v), 0);
	assert_false(mike_group_matches(&v, C("ops-net")));
	/* And without a notify there is no match at all. */
	begin(&b, IKE_SA_INIT, IKE_F_INITIATOR);
	add(&b, PLD_NONCE, nonce, sizeof(nonce));
	eq(ike_init_view(end(&b), &v), 0);
	eq(v.mike_group.len, 0);
	assert_false(mike_group_matches(&v, C("ops-net")));
}

/* SHA-256("ops-net" | 32 zero octets), first half; by sha256sum(1). */
static void
binding_is_sha256(void **state)
{
	static const uint8_t zero[32];
	const struct chunk in[] = { C("ops-net"), { zero, 32 } };
	uint8_t got[MIKE_GROUP_LEN], h[SHA256_LEN];

	(void)state;
	eq(mike_group_bind(in[0], in[1], got), 0);
	eq(sha256(in, 2, h), 0);
	assert_memory_equal(got, h, MIKE_GROUP_LEN);
	assert_memory_equal(got, "\021\104\040\206", 4);
}

static void
every_prefix_is_refused(void **state)
{
	struct ike_init_view v = { .hdr.mid = 77 };
	struct chunk msg = init_request();
	uint8_t *copy;

	(void)state;
	for (size_t n = 0; n < msg.len; n++) {
		/* Exact size, for the sanitizer; and with a fitting length. */
		copy = malloc(n + 1);
		assert_non_null(copy);
		memcpy(copy, msg.p, n);
		if (n >= IKE_HDR_LEN) {
			copy[26] = (uint8_t)(n >> 8);
			copy[27] = (uint8_t)n;
		}
		eq(ike_init_view((struct chunk){ copy, n }, &v), -EBADMSG);
		free(copy);
	}
	eq(v.hdr.mid, 77);
	eq(ike_init_view(msg, &v), 0);
}

static void
cookie_is_found(void **state)
{
	struct ike_init_view v;
	struct build b;

	(void)state;
	begin(&b, IKE_SA_INIT, IKE_F_INITIATOR);
	add_notify(&b, N_COOKIE, "cookie", 6);
	add(&b, PLD_NONCE, nonce, 32);
	eq(ike_init_view(end(&b), &v), 0);
	eq(v.cookie.len, 6);
	assert_memory_equal(v.cookie.p, "cookie", 6);
	assert_true(v.cookie_first);
	/* Behind anything else it is there, but not in its place. */
	begin(&b, IKE_SA_INIT, IKE_F_INITIATOR);
	add(&b, PLD_NONCE, nonce, 32);
	add_notify(&b, N_COOKIE, "cookie", 6);
	eq(ike_init_view(end(&b), &v), 0);
	eq(v.cookie.len, 6);
	assert_false(v.cookie_first);
	begin(&b, IKE_SA_INIT, IKE_F_INITIATOR);
	add_notify(&b, N_USE_TRANSPORT_MODE, "", 0);
	add_notify(&b, N_COOKIE, "cookie", 6);
	eq(ike_init_view(end(&b), &v), 0);
	assert_false(v.cookie_first);
}

/* Type and body of two payloads; refused however they are combined. */
static void
refused(uint8_t exchange, uint8_t t1, const void *b1, size_t n1, uint8_t t2,
    const void *b2, size_t n2)
{
	struct ike_init_view v;
	struct build b;

	begin(&b, exchange, IKE_F_INITIATOR);
	add(&b, t1, b1, n1);
	if (t2 != PLD_NONE)
		add(&b, t2, b2, n2);
	eq(ike_init_view(end(&b), &v), -EBADMSG);
}

static void
odd_init_messages_are_refused(void **state)
{
	static const uint8_t big[257], cookie[69] = { 0, 0, 0x40, 0x06 };
	static const uint8_t group[21] = { 0, 0, 0xa0, 0x01 };

	(void)state;
	refused(IKE_AUTH, PLD_NONCE, nonce, 32, PLD_NONE, NULL, 0);
	refused(IKE_SA_INIT, PLD_NONCE, nonce, 15, PLD_NONE, NULL, 0);
	refused(IKE_SA_INIT, PLD_NONCE, big, 257, PLD_NONE, NULL, 0);
	refused(IKE_SA_INIT, PLD_NONCE, nonce, 32, PLD_NONCE, nonce, 32);
	refused(IKE_SA_INIT, PLD_SK, nonce, 32, PLD_NONE, NULL, 0);
	refused(IKE_SA_INIT, PLD_NOTIFY, "\0\0\100", 3, PLD_NONE, NULL, 0);
	refused(IKE_SA_INIT, PLD_NOTIFY, cookie, 4, PLD_NONE, NULL, 0);
	refused(IKE_SA_INIT, PLD_NOTIFY, cookie, 69, PLD_NONE, NULL, 0);
	refused(IKE_SA_INIT, PLD_NOTIFY, cookie, 8, PLD_NOTIFY, cookie, 8);
	refused(IKE_SA_INIT, PLD_NOTIFY, group, 19, PLD_NONE, NULL, 0);
	refused(IKE_SA_INIT, PLD_NOTIFY, group, 21, PLD_NONE, NULL, 0);
	refused(IKE_SA_INIT, PLD_NOTIFY, group, 20, PLD_NOTIFY, group, 20);
}

static void
work_and_size_are_bounded(void **state)
{
	static const uint8_t zeros[IKE_MSG_MAX];
	struct ike_init_view v;
	struct build b;
	size_t n;

	(void)state;
	/* Very many empty payloads. */
	begin(&b, IKE_SA_INIT, IKE_F_INITIATOR);
	for (int i = 0; i < 65; i++)
		add(&b, PLD_VENDOR, NULL, 0);
	eq(ike_init_view(end(&b), &v), -EBADMSG);
	begin(&b, IKE_SA_INIT, IKE_F_INITIATOR);
	for (int i = 0; i < 64; i++)
		add(&b, PLD_VENDOR, NULL, 0);
	eq(ike_init_view(end(&b), &v), 0);
	/* A message of the greatest size, and one octet more. */
	for (n = IKE_MSG_MAX; n <= IKE_MSG_MAX + 1; n++) {
		begin(&b, IKE_SA_INIT, IKE_F_INITIATOR);
		add(&b, PLD_VENDOR, zeros, n - IKE_HDR_LEN - 4);
		eq(ike_init_view(end(&b), &v), n == IKE_MSG_MAX ? 0 : -EBADMSG);
	}
}

static void
mid_of_init_is_zero(void **state)
{
	struct ike_init_view v;
	struct chunk msg = init_request();

	(void)state;
	buf[23] = 1;
	eq(ike_init_view(msg, &v), -EBADMSG);
}

static void
slot_is_octet_0_of_our_spi(void **state)
{
	struct ike_hdr h = { .spi_i = { 5, 1 }, .spi_r = { 9, 1 } };
	uint8_t slot = 77;

	(void)state;
	/* From the initiator: ours is the responder's SPI, and back. */
	h.flags = IKE_F_INITIATOR;
	eq(ike_slot(&h, &slot), 0);
	eq(slot, 9);
	h.flags = IKE_F_RESPONSE;
	eq(ike_slot(&h, &slot), 0);
	eq(slot, 5);
	/* An IKE_SA_INIT request has no SPI of ours yet. */
	memset(h.spi_r, 0, 8);
	h.flags = IKE_F_INITIATOR;
	slot = 77;
	eq(ike_slot(&h, &slot), -ENOENT);
	/* Slot 0 is a slot. */
	h.spi_r[7] = 1;
	eq(ike_slot(&h, &slot), 0);
	eq(slot, 0);
	slot = 77;
	h.spi_r[0] = MIKE_SLOTS;
	eq(ike_slot(&h, &slot), -ENOENT);
	h.spi_r[0] = 255;
	eq(ike_slot(&h, &slot), -ENOENT);
	eq(slot, 77);
}

static int
setup(void **state)
{
	(void)state;
	return crypto_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_goes_both_ways),
		cmocka_unit_test(header_length_and_version_are_checked),
		cmocka_unit_test(walk_sees_each_payload),
		cmocka_unit_test(walk_refuses_bad_lengths),
		cmocka_unit_test(walk_knows_critical_and_encrypted),
		cmocka_unit_test(notify),
		cmocka_unit_test(view_of_an_init_request),
		cmocka_unit_test(binding_holds_for_its_own_nonce),
		cmocka_unit_test(binding_is_sha256),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(cookie_is_found),
		cmocka_unit_test(odd_init_messages_are_refused),
		cmocka_unit_test(work_and_size_are_bounded),
		cmocka_unit_test(mid_of_init_is_zero),
		cmocka_unit_test(slot_is_octet_0_of_our_spi),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
