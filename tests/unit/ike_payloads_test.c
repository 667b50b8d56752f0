/* SPDX-License-Identifier: ISC */
/* Payload chains, proposals and the views of whole messages. */

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
own_proposal_is_chosen(void **state)
{
	uint8_t num = 0;

	(void)state;
	start();
	assert_int_equal(sa_ike_put(&chain, 3), 0);
	assert_int_equal(sa_ike_choose(body(), false, &num), 0);
	assert_int_equal(num, 3);
	num = 0;
	assert_int_equal(sa_ike_choose(body(), true, &num), 0);
	assert_int_equal(num, 3);
}

/* A proposal from a list of {type, id, key bits}; type 0 ends it. */
struct t {
	uint8_t type;
	uint16_t id, bits;
};

static void
proposal(bool last, uint8_t num, uint8_t proto, const struct t *v)
{
	size_t at = wb.len, n = 0;

	while (v[n].type != 0)
		n++;
	assert_int_equal(wb_u8(&wb, last ? 0 : 2), 0);
	assert_int_equal(wb_zero(&wb, 3), 0);
	assert_int_equal(wb_u8(&wb, num), 0);
	assert_int_equal(wb_u8(&wb, proto), 0);
	assert_int_equal(wb_u8(&wb, 0), 0);
	assert_int_equal(wb_u8(&wb, n), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(
		    xf_put(&wb, i + 1 == n, v[i].type, v[i].id, v[i].bits), 0);
	assert_int_equal(wb_set_u16(&wb, at + 2, wb.len - at), 0);
}

static int
chosen(const struct t *a, const struct t *b, uint8_t *num)
{
	start();
	assert_int_equal(wb_zero(&wb, 4), 0); /* generic header */
	proposal(b == NULL, 1, PROTO_IKE, a);
	if (b != NULL)
		proposal(true, 2, PROTO_IKE, b);
	return sa_ike_choose(body(), false, num);
}

#define GOOD                                                                   \
	{ 1, 20, 256 }, { 2, 5, 0 }, { 4, 31, 0 },                             \
	{                                                                      \
		13, 3, 0                                                       \
	}

static void
choice_among_proposals(void **state)
{
	static const struct t good[] = { GOOD, { 0 } };
	static const struct t many[] = { { 1, 12, 256 }, { 1, 20, 128 },
		{ 2, 7, 0 }, { 4, 19, 0 }, { 13, 1, 0 }, GOOD, { 3, 0, 0 },
		{ 0 } };
	static const struct t no_kwa[] = { { 1, 20, 256 }, { 2, 5, 0 },
		{ 4, 31, 0 }, { 0 } };
	static const struct t integ[] = { GOOD, { 3, 12, 0 }, { 0 } };
	static const struct t key128[] = { { 1, 20, 128 }, { 2, 5, 0 },
		{ 4, 31, 0 }, { 13, 3, 0 }, { 0 } };
	static const struct t foreign[] = { GOOD, { 200, 1, 0 }, { 0 } };
	uint8_t num = 0;

	(void)state;
	assert_int_equal(chosen(good, NULL, &num), 0);
	assert_int_equal(chosen(many, NULL, &num), 0);
	assert_int_equal(chosen(no_kwa, NULL, &num), -ENOENT);
	assert_int_equal(chosen(integ, NULL, &num), -ENOENT);
	assert_int_equal(chosen(key128, NULL, &num), -ENOENT);
	assert_int_equal(chosen(foreign, NULL, &num), -ENOENT);
	assert_int_equal(chosen(no_kwa, good, &num), 0);
	assert_int_equal(num, 2);
	assert_int_equal(chosen(good, no_kwa, &num), 0);
	assert_int_equal(num, 1);
}

/* RFC 7296 3.3.1: an initial IKE SA's SPI is in the header alone. */
static void
spi_in_the_proposal_is_malformed(void **state)
{
	static const struct t good[] = { GOOD, { 0 } };
	uint8_t copy[128], num;
	struct rbuf rb;

	(void)state;
	assert_int_equal(chosen(good, NULL, &num), 0);
	memcpy(copy, buf + 5, 8);
	memset(copy + 8, 7, 8);
	memcpy(copy + 16, buf + 13, wb.len - 13);
	copy[3] = (uint8_t)(copy[3] + 8);
	copy[6] = 8;
	rb_init(&rb, copy, wb.len - 5 + 8);
	assert_int_equal(sa_ike_choose(rb, false, &num), -EBADMSG);
}

static void
answer_must_be_one_exact_proposal(void **state)
{
	static const struct t good[] = { GOOD, { 0 } };
	static const struct t twice[] = { GOOD, { 1, 20, 256 }, { 0 } };
	uint8_t num;

	(void)state;
	(void)chosen(good, good, &num);
	assert_int_equal(sa_ike_choose(body(), true, &num), -EBADMSG);
	(void)chosen(twice, NULL, &num);
	assert_int_equal(sa_ike_choose(body(), true, &num), -ENOENT);
}

/* RFC 7296 3.3.6: a transform with an attribute we do not know is not ours. */
static void
unknown_attribute_spoils_a_transform(void **state)
{
	static const uint8_t sa[] = { 0, 0, 0, 48, 1, 1, 0, 4, 3, 0, 0, 12, 1,
		0, 0, 20, 0x80, 14, 1, 0, 3, 0, 0, 8, 2, 0, 0, 5, 3, 0, 0, 8, 4,
		0, 0, 31, 0, 0, 0, 12, 13, 0, 0, 3, 0x80, 99, 0, 1 };
	struct rbuf rb;
	uint8_t num;

	(void)state;
	rb_init(&rb, sa, sizeof(sa));
	assert_int_equal(sa_ike_choose(rb, false, &num), -ENOENT);
}

static void
sag_says_what_we_can(void **state)
{
	static const struct t esp[] = { { 1, 12, 256 }, { 5, 0, 0 }, { 0 } };
	static const struct t kwa[] = { { 13, 3, 0 }, { 0 } };

	(void)state;
	start();
	assert_int_equal(sag_put(&chain), 0);
	assert_int_equal(sag_check(body()), 0);
	start();
	assert_int_equal(wb_zero(&wb, 4), 0);
	proposal(false, 1, PROTO_UPDATE, kwa);
	proposal(true, 1, PROTO_ESP, esp);
	assert_int_equal(sag_check(body()), -ENOENT);
}

/* RFC 9838 2.3: what may be used together has one proposal number. */
static void
sag_groups_by_number(void **state)
{
	static const struct t esp[] = { { 1, 12, 256 }, { 1, 20, 256 },
		{ 3, 12, 0 }, { 5, 0, 0 }, { 0 } };
	static const struct t cbc[] = { { 1, 12, 256 }, { 3, 12, 0 },
		{ 5, 0, 0 }, { 0 } };
	static const struct t kwa[] = { { 13, 3, 0 }, { 14, 2, 0 }, { 0 } };
	static const struct t foreign[] = { { 1, 20, 256 }, { 5, 0, 0 },
		{ 200, 1, 0 }, { 0 } };
	static const struct {
		const struct t *one, *two;
		uint8_t n_one, n_two;
		int want;
	} v[] = {
		{ esp, cbc, 1, 2, 0 }, /* the rest of group 1 */
		{ cbc, esp, 1, 2, -ENOENT },
		{ cbc, esp, 1, 1, 0 },
		{ foreign, cbc, 1, 1, -ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(v); i++) {
		start();
		assert_int_equal(wb_zero(&wb, 4), 0);
		proposal(false, v[i].n_one, PROTO_ESP, v[i].one);
		proposal(false, v[i].n_two, PROTO_ESP, v[i].two);
		proposal(true, 1, PROTO_UPDATE, kwa);
		assert_int_equal(sag_check(body()), v[i].want);
	}
}

/* A key length is known for a cipher only; elsewhere it spoils. */
static void
key_length_belongs_to_a_cipher(void **state)
{
	static const struct t prf[] = { { 1, 20, 256 }, { 2, 5, 256 },
		{ 4, 31, 0 }, { 13, 3, 0 }, { 0 } };
	static const struct t both[] = { { 2, 5, 256 }, GOOD, { 0 } };
	static const struct t integ[] = { GOOD, { 3, 0, 256 }, { 0 } };
	uint8_t num;

	(void)state;
	assert_int_equal(chosen(prf, NULL, &num), -ENOENT);
	assert_int_equal(chosen(both, NULL, &num), 0);
	assert_int_equal(chosen(integ, NULL, &num), -ENOENT);
}

/* No truncation of a good SA payload is good, and none crashes. */
static void
truncated_and_mutated_proposals(void **state)
{
	uint8_t copy[256], num;
	struct rbuf rb;
	size_t len;

	(void)state;
	start();
	assert_int_equal(sa_ike_put(&chain, 1), 0);
	len = wb.len - 5;
	memcpy(copy, buf + 5, len);
	for (size_t n = 0; n < len; n++) {
		rb_init(&rb, copy, n);
		assert_int_equal(sa_ike_choose(rb, false, &num), -EBADMSG);
		assert_int_equal(sag_check(rb), -EBADMSG);
	}
	for (size_t i = 0; i < len * 8; i++) {
		copy[i / 8] ^= (uint8_t)(1u << i % 8);
		rb_init(&rb, copy, len);
		(void)!sa_ike_choose(rb, true, &num);
		(void)!sag_check(rb);
		copy[i / 8] ^= (uint8_t)(1u << i % 8);
	}
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
		cmocka_unit_test(own_proposal_is_chosen),
		cmocka_unit_test(choice_among_proposals),
		cmocka_unit_test(spi_in_the_proposal_is_malformed),
		cmocka_unit_test(answer_must_be_one_exact_proposal),
		cmocka_unit_test(unknown_attribute_spoils_a_transform),
		cmocka_unit_test(sag_says_what_we_can),
		cmocka_unit_test(sag_groups_by_number),
		cmocka_unit_test(key_length_belongs_to_a_cipher),
		cmocka_unit_test(truncated_and_mutated_proposals),
		cmocka_unit_test(view_finds_payloads_in_any_order),
		cmocka_unit_test(doubled_payloads_are_malformed),
		cmocka_unit_test(unknown_payload_is_skipped_unless_critical),
		cmocka_unit_test(encrypted_payload_inside_is_malformed),
		cmocka_unit_test(endless_chain_is_refused),
		cmocka_unit_test(too_many_notifies_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
