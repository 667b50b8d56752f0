/* SPDX-License-Identifier: ISC */
/* Transforms and proposals: what is offered, chosen and answered. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

/* The body of the only payload written. */
static struct rbuf
body(void)
{
	struct rbuf rb;

	rb_init(&rb, buf + 5, wb.len - 5);
	return rb;
}

static const struct ike_suite usual = { ENCR_AES_GCM_16, PRF_SHA256, KE_X25519,
	true };

static struct sa_choice c; /* what was chosen last */
static struct ike_suite got;

static int
choose_as(struct rbuf sa, enum suite policy, bool foreign, uint16_t ke)
{
	int r = sa_ike_choose(sa, policy, foreign, ke, &c);

	got = c.suite;
	return r;
}

/* As a responder that has the default suite; ke: of the peer's KE payload. */
static int
choose(struct rbuf sa, uint16_t ke)
{
	return choose_as(sa, SUITE_DEFAULT, false, ke);
}

static void
is_suite(const struct ike_suite *s, uint16_t encr, enum prf_alg prf,
    uint16_t ke, bool kwa)
{
	assert_int_equal(s->encr, encr);
	assert_int_equal(s->prf, prf);
	assert_int_equal(s->ke, ke);
	assert_int_equal(s->kwa, kwa);
}

/* What each side offers, the other one takes, and the answer is read. */
static void
offer_and_answer(void **state)
{
	static const enum suite policies[] = { SUITE_DEFAULT, SUITE_CNSA };
	struct ike_suite t;

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		enum suite p = policies[i / 3];
		enum sa_offer what = (enum sa_offer)(i % 3);

		start();
		assert_int_equal(sa_ike_offer(&chain, p, what), 0);
		assert_int_equal(
		    choose_as(body(), p, false, sa_ike_first_ke(p)), 0);
		assert_int_equal(c.num, 1);
		assert_int_equal(c.plain, what == SA_FOREIGN);
		is_suite(&got, ENCR_AES_GCM_16,
		    p == SUITE_CNSA ? PRF_SHA384 : PRF_SHA256,
		    p == SUITE_CNSA ? KE_P384 : KE_X25519, true);
		start();
		assert_int_equal(sa_ike_put(&chain, c.num, &got), 0);
		assert_int_equal(sa_ike_answer(body(), p, what, &t), 0);
		is_suite(&t, got.encr, got.prf, got.ke, got.kwa);
	}
	/* The two policies have nothing in common. */
	start();
	assert_int_equal(sa_ike_offer(&chain, SUITE_DEFAULT, SA_FOREIGN), 0);
	assert_int_equal(choose_as(body(), SUITE_CNSA, true, KE_P384), -ENOENT);
}

/* The short offer has one group, and is as short as can be. */
static void
groups_of_an_offer(void **state)
{
	static const uint16_t ke[] = { KE_X25519, KE_P256, KE_P384, 14 };

	(void)state;
	for (size_t i = 0; i < NITEMS(ke); i++) {
		assert_int_equal(
		    sa_ike_offers_ke(SUITE_DEFAULT, SA_SHORT, ke[i]), i == 0);
		assert_int_equal(
		    sa_ike_offers_ke(SUITE_DEFAULT, SA_WIDE, ke[i]), i < 3);
		assert_int_equal(
		    sa_ike_offers_ke(SUITE_CNSA, SA_SHORT, ke[i]), i == 2);
		assert_int_equal(
		    sa_ike_offers_ke(SUITE_CNSA, SA_FOREIGN, ke[i]), i == 2);
	}
	start();
	assert_int_equal(sa_ike_offer(&chain, SUITE_DEFAULT, SA_SHORT), 0);
	assert_int_equal(wb.len, 1 + 4 + 8 + 12 + 3 * 8);
}

/* Every answer to an offer, and those that nobody offered. */
static void
answers(void **state)
{
	static const uint16_t encr[] = { ENCR_AES_GCM_16, ENCR_AES_CBC };
	struct ike_suite t;

	(void)state;
	for (unsigned int i = 0; i < 192; i++) {
		struct ike_suite s = { encr[i & 1], PRF_SHA256,
			i & 4 ? KE_P256 : KE_X25519, (i & 2) != 0 };
		uint8_t num = (uint8_t)(i / 8 % 8);
		enum sa_offer what = (enum sa_offer)(i / 64);
		uint8_t right = (uint8_t)((i & 1) + (i & 2 ? 0 : 2) + 1);
		bool good = num == right;

		if (what == SA_SHORT)
			good = good && num == 1 && s.ke == KE_X25519;
		if (what == SA_WIDE)
			good = good && num <= 2;
		start();
		assert_int_equal(sa_ike_put(&chain, num, &s), 0);
		assert_int_equal(sa_ike_answer(body(), SUITE_DEFAULT, what, &t),
		    good ? 0 : -EBADMSG);
	}
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
	int r = choose(body(), KE_X25519);

	*num = c.num;
	return r;
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
	static const struct t sn[] = { GOOD, { 5, 0, 0 }, { 0 } };
	uint8_t num = 0;

	(void)state;
	assert_int_equal(chosen(good, NULL, &num), 0);
	assert_int_equal(chosen(many, NULL, &num), 0);
	assert_int_equal(chosen(no_kwa, NULL, &num), -ENOENT);
	assert_int_equal(chosen(integ, NULL, &num), -ENOENT);
	assert_int_equal(chosen(key128, NULL, &num), -ENOENT);
	assert_int_equal(chosen(foreign, NULL, &num), -ENOENT);
	assert_int_equal(chosen(sn, NULL, &num), -ENOENT);
	assert_int_equal(chosen(no_kwa, good, &num), 0);
	assert_int_equal(num, 2);
	assert_int_equal(chosen(good, no_kwa, &num), 0);
	assert_int_equal(num, 1);
}

/*
 * Of the groups in a proposal that of the KE payload; else the one to ask for.
 * AES-CBC goes with its integrity algorithm and never without.
 */
static void
choice_of_group_and_cipher(void **state)
{
	static const struct t groups[] = { { 1, 20, 256 }, { 2, 5, 0 },
		{ 4, 20, 0 }, { 4, 19, 0 }, { 4, 14, 0 }, { 13, 3, 0 }, { 0 } };
	static const struct t cbc[] = { { 1, 12, 256 }, { 2, 5, 0 },
		{ 3, 12, 0 }, { 4, 31, 0 }, { 13, 3, 0 }, { 0 } };
	static const struct t bare[] = { { 1, 12, 256 }, { 2, 5, 0 },
		{ 4, 31, 0 }, { 13, 3, 0 }, { 0 } };
	static const struct t alone[] = { { 1, 20, 256 }, { 2, 5, 0 },
		{ 4, 31, 0 }, { 0 } };
	uint8_t num;

	(void)state;
	assert_int_equal(chosen(groups, NULL, &num), 0);
	is_suite(&got, ENCR_AES_GCM_16, PRF_SHA256, KE_P256, true);
	assert_int_equal(choose(body(), KE_P384), 0);
	is_suite(&got, ENCR_AES_GCM_16, PRF_SHA256, KE_P384, true);
	assert_int_equal(choose(body(), 14), 0);
	is_suite(&got, ENCR_AES_GCM_16, PRF_SHA256, KE_P256, true);
	assert_int_equal(chosen(cbc, NULL, &num), 0);
	is_suite(&got, ENCR_AES_CBC, PRF_SHA256, KE_X25519, true);
	assert_int_equal(chosen(bare, NULL, &num), -ENOENT);
	assert_int_equal(choose_as(body(), SUITE_CNSA, true, KE_P384), -ENOENT);
	/* Without key wrap for foreign peers, and then only as the last. */
	assert_int_equal(chosen(alone, cbc, &num), 0);
	assert_int_equal(num, 2);
	assert_int_equal(choose_as(body(), SUITE_DEFAULT, true, KE_X25519), 0);
	assert_int_equal(c.num, 2);
	(void)chosen(alone, NULL, &num);
	assert_int_equal(choose_as(body(), SUITE_DEFAULT, true, KE_X25519), 0);
	is_suite(&got, ENCR_AES_GCM_16, PRF_SHA256, KE_X25519, false);
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
	assert_int_equal(choose(rb, KE_X25519), -EBADMSG);
}

static void
answer_must_be_one_exact_proposal(void **state)
{
	static const struct t good[] = { GOOD, { 0 } };
	static const struct t twice[] = { GOOD, { 1, 20, 256 }, { 0 } };
	uint8_t num;

	(void)state;
	(void)chosen(good, good, &num);
	assert_int_equal(
	    sa_ike_answer(body(), SUITE_DEFAULT, SA_FOREIGN, &got), -EBADMSG);
	(void)chosen(twice, NULL, &num);
	assert_int_equal(
	    sa_ike_answer(body(), SUITE_DEFAULT, SA_FOREIGN, &got), -EBADMSG);
	(void)chosen(good, NULL, &num);
	assert_int_equal(
	    sa_ike_answer(body(), SUITE_DEFAULT, SA_FOREIGN, &got), 0);
}

/* RFC 7296 3.3.6: a transform with an attribute we do not know is not ours. */
static void
unknown_attribute_spoils_a_transform(void **state)
{
	static const uint8_t sa[] = { 0, 0, 0, 48, 1, 1, 0, 4, 3, 0, 0, 12, 1,
		0, 0, 20, 0x80, 14, 1, 0, 3, 0, 0, 8, 2, 0, 0, 5, 3, 0, 0, 8, 4,
		0, 0, 31, 0, 0, 0, 12, 13, 0, 0, 3, 0x80, 99, 0, 1 };
	struct rbuf rb;

	(void)state;
	rb_init(&rb, sa, sizeof(sa));
	assert_int_equal(choose(rb, KE_X25519), -ENOENT);
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
	uint8_t copy[256];
	struct rbuf rb;
	size_t len;

	(void)state;
	start();
	assert_int_equal(sa_ike_put(&chain, 1, &usual), 0);
	len = wb.len - 5;
	memcpy(copy, buf + 5, len);
	for (size_t n = 0; n < len; n++) {
		rb_init(&rb, copy, n);
		assert_int_equal(choose(rb, KE_X25519), -EBADMSG);
		assert_int_equal(sag_check(rb), -EBADMSG);
	}
	for (size_t i = 0; i < len * 8; i++) {
		copy[i / 8] ^= (uint8_t)(1u << i % 8);
		rb_init(&rb, copy, len);
		(void)!sa_ike_answer(rb, SUITE_DEFAULT, SA_FOREIGN, &got);
		(void)!sag_check(rb);
		copy[i / 8] ^= (uint8_t)(1u << i % 8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offer_and_answer),
		cmocka_unit_test(groups_of_an_offer),
		cmocka_unit_test(answers),
		cmocka_unit_test(choice_of_group_and_cipher),
		cmocka_unit_test(choice_among_proposals),
		cmocka_unit_test(spi_in_the_proposal_is_malformed),
		cmocka_unit_test(answer_must_be_one_exact_proposal),
		cmocka_unit_test(unknown_attribute_spoils_a_transform),
		cmocka_unit_test(sag_says_what_we_can),
		cmocka_unit_test(sag_groups_by_number),
		cmocka_unit_test(key_length_belongs_to_a_cipher),
		cmocka_unit_test(truncated_and_mutated_proposals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
