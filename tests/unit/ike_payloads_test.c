/* SPDX-License-Identifier: ISC */
/* Payload chains and the views of whole messages. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/ike/msg.h"
#include "keymgrd/core/ike/sa.h"

static uint8_t buf[2048];
static struct wbuf wb;
static struct chain chain;

/* Octet 0 of buf plays the next-payload field in front of the chain. */
static void
start(void)
{
	memset(buf, 0, sizeof(buf));
	wb_init(&wb, buf, sizeof(buf));
	assert_int_equal(wb_u8(&wb, 0), 0);
	chain_init(&chain, &wb, 0);
}

static struct rbuf
written(void)
{
	struct rbuf rb;

	rb_init(&rb, buf + 1, wb.len - 1);
	return rb;
}

/* The body of the only payload written. */
static struct rbuf
body(void)
{
	struct rbuf rb;

	rb_init(&rb, buf + 5, wb.len - 5);
	return rb;
}

static struct chunk
text(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

static void
chain_links_payloads(void **state)
{
	static const uint8_t want[] = { 40, /* first: nonce */
		41, 0, 0, 7, 'n', 'n', 'n', /* next: notify */
		0, 0, 0, 10, 0, 0, 0x40, 0x07, 'd', 'd' };

	(void)state;
	start();
	assert_int_equal(pld_raw_put(&chain, PLD_NONCE, text("nnn")), 0);
	assert_int_equal(
	    pld_notify_put(&chain, N_USE_TRANSPORT_MODE, text("dd")), 0);
	assert_int_equal(wb.len, sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static void
chain_refuses_nesting_and_overflow(void **state)
{
	uint8_t small[8];

	(void)state;
	start();
	assert_int_equal(chain_open(&chain, PLD_KE), 0);
	assert_int_not_equal(chain_open(&chain, PLD_KE), 0);
	assert_int_not_equal(chain_close(&chain), 0); /* and stays spoilt */
	wb_init(&wb, small, sizeof(small));
	assert_int_equal(wb_u8(&wb, 0), 0);
	chain_init(&chain, &wb, 0);
	assert_int_not_equal(pld_raw_put(&chain, PLD_NONCE, text("12345")), 0);
	assert_int_not_equal(chain_close(&chain), 0);
}

static void
simple_payloads_round_trip(void **state)
{
	struct pld_ke ke;
	struct pld_auth auth;
	struct pld_id id;
	static const uint8_t id_body[] = { 11, 0, 0, 0, 'g', 'i', 'd' };

	(void)state;
	start();
	assert_int_equal(pld_ke_put(&chain, KE_X25519, text("public")), 0);
	assert_int_equal(pld_ke_get(body(), &ke), 0);
	assert_int_equal(ke.group, KE_X25519);
	assert_memory_equal(ke.pub.p, "public", 6);
	start();
	assert_int_equal(pld_auth_put(&chain, 2, text("mac")), 0);
	assert_int_equal(pld_auth_get(body(), &auth), 0);
	assert_int_equal(auth.method, 2);
	assert_int_equal(auth.data.len, 3);
	start();
	assert_int_equal(pld_raw_put(&chain, PLD_IDG,
			     (struct chunk){ id_body, sizeof(id_body) }),
	    0);
	assert_int_equal(pld_id_get(body(), &id), 0);
	assert_int_equal(id.type, 11);
	assert_int_equal(id.body.len, sizeof(id_body));
	assert_memory_equal(id.data.p, "gid", 3);
}

static void
short_payloads_are_malformed(void **state)
{
	static const uint8_t octets[16];
	struct pld_ke ke;
	struct pld_auth auth;
	struct pld_id id;
	struct rbuf rb;

	(void)state;
	for (size_t n = 0; n <= 4; n++) {
		rb_init(&rb, octets, n);
		assert_int_equal(pld_ke_get(rb, &ke), -EBADMSG);
		assert_int_equal(pld_auth_get(rb, &auth), -EBADMSG);
		assert_int_equal(pld_id_get(rb, &id), -EBADMSG);
	}
}

static void
delete_counts_its_spis(void **state)
{
	static const uint8_t good[] = { 1, 0, 0, 0 };
	static const uint8_t esp[] = { 3, 4, 0, 1, 1, 2, 3, 4 };
	static const uint8_t bad[] = { 3, 4, 0, 2, 1, 2, 3, 4 };
	struct pld_delete d;
	struct rbuf rb;

	(void)state;
	rb_init(&rb, good, sizeof(good));
	assert_int_equal(pld_delete_get(rb, &d), 0);
	assert_int_equal(d.proto, PROTO_IKE);
	rb_init(&rb, esp, sizeof(esp));
	assert_int_equal(pld_delete_get(rb, &d), 0);
	assert_int_equal(d.spis.len, 4);
	rb_init(&rb, bad, sizeof(bad));
	assert_int_equal(pld_delete_get(rb, &d), -EBADMSG);
}

static void
view_finds_payloads_in_any_order(void **state)
{
	struct ike_view v;

	(void)state;
	start();
	assert_int_equal(
	    pld_notify_put(&chain, N_INVALID_GROUP_ID, text("")), 0);
	assert_int_equal(pld_raw_put(&chain, PLD_NONCE, text("nonce")), 0);
	assert_int_equal(
	    pld_notify_put(&chain, N_USE_TRANSPORT_MODE, text("")), 0);
	assert_int_equal(ike_view_get(buf[0], written(), &v), 0);
	assert_true(ike_has(&v.nonce));
	assert_false(ike_has(&v.sa));
	assert_non_null(ike_ntf_find(&v, N_USE_TRANSPORT_MODE));
	assert_null(ike_ntf_find(&v, N_COOKIE));
	assert_int_equal(ike_ntf_error(&v)->type, N_INVALID_GROUP_ID);
	assert_int_equal(v.critical, 0);
}

static void
doubled_payloads_are_malformed(void **state)
{
	struct ike_view v;

	(void)state;
	start();
	assert_int_equal(pld_raw_put(&chain, PLD_NONCE, text("n")), 0);
	assert_int_equal(pld_raw_put(&chain, PLD_NONCE, text("n")), 0);
	assert_int_equal(ike_view_get(buf[0], written(), &v), -EBADMSG);
}

static void
unknown_payload_is_skipped_unless_critical(void **state)
{
	struct ike_view v;

	(void)state;
	start();
	assert_int_equal(
	    pld_raw_put(&chain, (enum ike_payload)99, text("x")), 0);
	assert_int_equal(pld_raw_put(&chain, PLD_NONCE, text("n")), 0);
	assert_int_equal(ike_view_get(buf[0], written(), &v), 0);
	assert_int_equal(v.critical, 0);
	buf[2] |= 0x80;
	assert_int_equal(ike_view_get(buf[0], written(), &v), 0);
	assert_int_equal(v.critical, 99);
	/* Critical on a payload that we know means nothing. */
	start();
	assert_int_equal(pld_raw_put(&chain, PLD_NONCE, text("n")), 0);
	buf[2] |= 0x80;
	assert_int_equal(ike_view_get(buf[0], written(), &v), 0);
	assert_int_equal(v.critical, 0);
}

static void
encrypted_payload_inside_is_malformed(void **state)
{
	struct ike_view v;

	(void)state;
	start();
	assert_int_equal(pld_raw_put(&chain, PLD_SK, text("xxxxxxxx")), 0);
	assert_int_equal(ike_view_get(buf[0], written(), &v), -EBADMSG);
}

static void
endless_chain_is_refused(void **state)
{
	struct ike_view v;

	(void)state;
	start();
	for (int i = 0; i < 100; i++)
		assert_int_equal(pld_raw_put(&chain, PLD_VENDOR, text("")), 0);
	assert_int_equal(ike_view_get(buf[0], written(), &v), -EBADMSG);
}

/* None is skipped: the last one could be the error. */
static void
too_many_notifies_are_refused(void **state)
{
	struct ike_view v;

	(void)state;
	start();
	for (int i = 0; i < IKE_NTFS_MAX - 1; i++)
		assert_int_equal(
		    pld_notify_put(&chain, N_USE_TRANSPORT_MODE, text("")), 0);
	assert_int_equal(
	    pld_notify_put(&chain, N_AUTHENTICATION_FAILED, text("")), 0);
	assert_int_equal(ike_view_get(buf[0], written(), &v), 0);
	assert_int_equal(ike_ntf_error(&v)->type, N_AUTHENTICATION_FAILED);
	assert_int_equal(
	    pld_notify_put(&chain, N_USE_TRANSPORT_MODE, text("")), 0);
	assert_int_equal(ike_view_get(buf[0], written(), &v), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_links_payloads),
		cmocka_unit_test(chain_refuses_nesting_and_overflow),
		cmocka_unit_test(simple_payloads_round_trip),
		cmocka_unit_test(short_payloads_are_malformed),
		cmocka_unit_test(delete_counts_its_spis),
		cmocka_unit_test(view_finds_payloads_in_any_order),
		cmocka_unit_test(doubled_payloads_are_malformed),
		cmocka_unit_test(unknown_payload_is_skipped_unless_critical),
		cmocka_unit_test(encrypted_payload_inside_is_malformed),
		cmocka_unit_test(endless_chain_is_refused),
		cmocka_unit_test(too_many_notifies_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
