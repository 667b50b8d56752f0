/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/ike/auth.h"
#include "common/ike/hdr.h"
#include "policyd/core/auth.h"
#include "policyd/core/rules.h"
#include "tests/lib/pinit.h"
#include "tests/lib/pol.h"

#define eq assert_int_equal

static struct policy *pol;
static struct secret *psk;
static struct pol_creds creds;
static const char *why;
static struct pol_checked got;
static const uint8_t maced[PRF_LEN] = "prf(SK_p, body of ID payload)";

static struct chunk
str(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

/* The key manager of slot 5, group "ops". */
static struct pol_asker
asker(const char *text)
{
	policy_free(&pol);
	pol = pol_from(text);
	creds.psk = psk;
	return (struct pol_asker){ pol, &pol->group[0], 5, &creds, 0 };
}

static enum ipc_status
sign(const struct pol_asker *a, struct pinit in, uint8_t out[PRF_LEN])
{
	struct pol_signed s = { 0 };
	enum ipc_status st;
	struct msg_auth_sign m = { .prf = PRF_SHA256,
		.own_init = pinit_msg(&in),
		.peer_nonce = in.flags & IKE_F_RESPONSE ? OCTETS(pinit_nonce_i)
							: OCTETS(pinit_nonce_r),
		.maced_id = OCTETS(maced) };

	memset(out, 0, PRF_LEN);
	st = pol_auth_sign(a, &m, &s, &why);
	if (st == ST_OK) {
		eq(s.method, IKE_AUTH_PSK);
		eq(s.len, PRF_LEN);
	}
	memcpy(out, s.auth, PRF_LEN);
	return st;
}

/* Refused, for this reason, and nothing came out. */
static void
no_sign(const struct pol_asker *a, struct pinit in, const char *part)
{
	static const uint8_t zero[PRF_LEN];
	uint8_t auth[PRF_LEN];

	eq(sign(a, in, auth), ST_REFUSED);
	assert_memory_equal(auth, zero, sizeof(zero));
	if (strstr(why, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, why);
}

static struct chunk
id_body(const char *name)
{
	static uint8_t buf[POL_ID_BODY_MAX];
	struct pol_name id;

	eq(dn_parse(name, id.der, sizeof(id.der), &id.len), 0);
	return pol_id_body(&id, buf);
}

/* A check that passes, for the tests to bend: peer sent `in`. */
static struct msg_auth_check
check_of(const struct pol_asker *a, struct pinit in, const char *name)
{
	static uint8_t auth[PRF_LEN];
	bool resp = (in.flags & IKE_F_RESPONSE) != 0;
	struct msg_auth_check m = { .own_role = (uint8_t)a->group->role,
		.prf = PRF_SHA256,
		.peer_init = pinit_msg(&in),
		.own_nonce =
		    resp ? OCTETS(pinit_nonce_i) : OCTETS(pinit_nonce_r),
		.maced_id = OCTETS(maced),
		.peer_id = id_body(name),
		.method = IKE_AUTH_PSK,
		.auth = OCTETS(auth) };
	struct chunk key = { secret_bytes(psk), secret_len(psk) };

	eq(ike_psk_auth(
	       PRF_SHA256, key, m.peer_init, m.own_nonce, m.maced_id, auth),
	    0);
	return m;
}

static enum auth_verdict
check(const struct pol_asker *a, const struct msg_auth_check *m)
{
	memset(&got, 'x', sizeof(got));
	pol_auth_check(a, m, &got);
	eq(got.admit != 0, got.verdict == AV_OK);
	eq(got.cause != AC_NONE, got.verdict == AV_FAILED);
	eq(got.valid_s, got.verdict == AV_OK ? UINT32_MAX : 0);
	eq(*got.why == '\0', got.verdict == AV_OK);
	return got.verdict;
}

static int
setup(void **state)
{
	(void)state;
	psk = secret_from("0123456789abcdef", 16);
	return psk == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	secret_free(&psk);
	policy_free(&pol);
	return 0;
}

/* RFC 7296 2.15 once more, from the parts. */
static void
auth_is_as_the_rfc_says(void **state)
{
	struct pol_asker a = asker(POL_RECEIVER);
	struct pinit in = pinit_request("ops");
	uint8_t pad[PRF_LEN], want[PRF_LEN], auth[PRF_LEN];
	struct chunk label = str("Key Pad for IKEv2");
	struct chunk octets[] = { pinit_msg(&in), OCTETS(pinit_nonce_r),
		OCTETS(maced) };

	(void)state;
	eq(prf(PRF_SHA256, (const uint8_t *)"0123456789abcdef", 16, &label, 1,
	       pad),
	    0);
	eq(prf(PRF_SHA256, pad, sizeof(pad), octets, NITEMS(octets), want), 0);
	eq(sign(&a, in, auth), ST_OK);
	assert_memory_equal(auth, want, sizeof(want));
	a = asker(POL_SENDER);
	eq(sign(&a, pinit_response("ops"), auth), ST_OK);
	assert_memory_not_equal(auth, want, sizeof(want));
}

/* What a key manager that was taken over might ask for. */
static void
a_stolen_channel_signs_for_no_other_group(void **state)
{
	struct pol_asker a = asker(POL_RECEIVER);
	struct pinit in = pinit_request("ops");

	(void)state;
	no_sign(&a, pinit_request("other"), "MIKE_GROUP");
	no_sign(&a, pinit_request("op"), "MIKE_GROUP");
	no_sign(&a, pinit_request("ops2"), "MIKE_GROUP");
	no_sign(&a, pinit_request(NULL), "MIKE_GROUP");
	/* Both groups at once. */
	in.twice = true;
	no_sign(&a, in, "not an IKE_SA_INIT");
	a = asker(POL_SENDER);
	no_sign(&a, pinit_response("other"), "MIKE_GROUP");
}

/* With a shared key a receiver's could otherwise pose as the sender. */
static void
a_stolen_channel_signs_in_no_other_role(void **state)
{
	struct pol_asker a = asker(POL_RECEIVER);
	struct pinit in = pinit_response("ops");

	(void)state;
	no_sign(&a, in, "other role");
	in.flags = IKE_F_RESPONSE | IKE_F_INITIATOR;
	no_sign(&a, in, "not an IKE_SA_INIT");
	in.flags = 0;
	no_sign(&a, in, "not an IKE_SA_INIT");
	a = asker(POL_SENDER);
	no_sign(&a, pinit_request("ops"), "other role");
}

static void
a_stolen_channel_signs_no_other_slots_message(void **state)
{
	struct pol_asker a = asker(POL_RECEIVER);
	struct pinit in = pinit_request("ops");

	(void)state;
	in.spi_i0 = 6;
	no_sign(&a, in, "another slot");
	a = asker(POL_SENDER);
	in = pinit_response("ops");
	in.spi_r0 = 9;
	no_sign(&a, in, "another slot");
	/* The peer's SPI is the peer's business. */
	in = pinit_response("ops");
	in.spi_i0 = 200;
	eq(sign(&a, in, (uint8_t[PRF_LEN]){ 0 }), ST_OK);
}

static void
only_ike_sa_init_is_signed(void **state)
{
	struct pol_asker a = asker(POL_RECEIVER);
	struct pinit in = pinit_request("ops");
	struct chunk whole = pinit_msg(&in);
	struct msg_auth_sign m = { .prf = PRF_SHA256,
		.peer_nonce = OCTETS(pinit_nonce_r),
		.maced_id = OCTETS(maced) };
	struct pol_signed auth;
	uint8_t bent[512];

	(void)state;
	in.exchange = GSA_AUTH;
	no_sign(&a, in, "not an IKE_SA_INIT");
	for (size_t n = 0; n < whole.len; n++) {
		m.own_init = (struct chunk){ whole.p, n };
		eq(pol_auth_sign(&a, &m, &auth, &why), ST_REFUSED);
	}
	m.own_init = whole;
	eq(pol_auth_sign(&a, &m, &auth, &why), ST_OK);
	memcpy(bent, whole.p, whole.len);
	bent[whole.len] = 0;
	m.own_init = (struct chunk){ bent, whole.len + 1 };
	eq(pol_auth_sign(&a, &m, &auth, &why), ST_REFUSED);
}

static void
lengths_of_the_other_octets_are_checked(void **state)
{
	struct pol_asker a = asker(POL_RECEIVER);
	struct pinit in = pinit_request("ops");
	static const uint8_t long_nonce[257];
	struct msg_auth_sign m = { .prf = PRF_SHA256,
		.own_init = pinit_msg(&in),
		.peer_nonce = { pinit_nonce_r, 15 },
		.maced_id = OCTETS(maced) };
	struct pol_signed auth;

	(void)state;
	eq(pol_auth_sign(&a, &m, &auth, &why), ST_REFUSED);
	m.peer_nonce = OCTETS(long_nonce);
	eq(pol_auth_sign(&a, &m, &auth, &why), ST_REFUSED);
	m.peer_nonce = (struct chunk){ pinit_nonce_r, 16 };
	eq(pol_auth_sign(&a, &m, &auth, &why), ST_OK);
	m.maced_id.len--;
	eq(pol_auth_sign(&a, &m, &auth, &why), ST_REFUSED);
	m.maced_id.len = 0;
	eq(pol_auth_sign(&a, &m, &auth, &why), ST_REFUSED);
}

static void
a_sender_admits_receivers(void **state)
{
	struct pol_asker a = asker(POL_SENDER);
	struct msg_auth_check m;

	(void)state;
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	eq(check(&a, &m), AV_OK);
	assert_string_equal(got.identity, "CN=scout-17,O=Example");
	m = check_of(&a, pinit_request("ops"), "O=Example,CN=scout-18");
	eq(check(&a, &m), AV_OK);
	m = check_of(&a, pinit_request("ops"), "CN=other-17,O=Example");
	eq(check(&a, &m), AV_FORBIDDEN);
	assert_string_equal(got.identity, "CN=other-17,O=Example");
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example,C=DE");
	eq(check(&a, &m), AV_FORBIDDEN);
}

static void
admitted_to(const struct pol_asker *a, const char *name, uint8_t bits)
{
	struct msg_auth_check m = check_of(a, pinit_request("ops"), name);

	eq(check(a, &m), bits == 0 ? AV_FORBIDDEN : AV_OK);
	eq(got.admit, bits);
}

static void
a_sender_says_to_what_it_admits(void **state)
{
	struct pol_asker a = asker(POL_SENDER);

	(void)state;
	admitted_to(&a, "CN=scout-17,O=Example", ADMIT_RECEIVE);
	admitted_to(&a, "CN=hq-09,O=Example", ADMIT_SEND);
	admitted_to(&a, "CN=guest,O=Example", 0);
	a = asker(POL_HOST("hq-01", "\"192.0.2.1\"") POL_PEERS
	    "group ops {\n role = sender " POL_OPS " senders = "
	    "{ \"CN=hq-*,O=Example\" } receivers = { \"*\" }\n}");
	admitted_to(&a, "CN=hq-09,O=Example", ADMIT_RECEIVE | ADMIT_SEND);
	admitted_to(&a, "CN=guest,O=Example", ADMIT_RECEIVE);
}

/* hq-03 has a sender's name, but is nobody's designated sender. */
static void
a_receiver_admits_designated_senders_only(void **state)
{
	struct pol_asker a = asker(POL_RECEIVER);
	struct msg_auth_check m;

	(void)state;
	m = check_of(&a, pinit_response("ops"), "CN=hq-01,O=Example");
	eq(check(&a, &m), AV_OK);
	m = check_of(&a, pinit_response("ops"), "CN=hq-02,O=Example");
	eq(check(&a, &m), AV_OK);
	eq(got.admit, ADMIT_SEND);
	m = check_of(&a, pinit_response("ops"), "CN=hq-03,O=Example");
	eq(check(&a, &m), AV_FORBIDDEN);
	m = check_of(&a, pinit_response("ops"), "CN=scout-17,O=Example");
	eq(check(&a, &m), AV_FORBIDDEN);
}

/* Even when the text had been wrong about it. */
static void
a_designated_sender_must_be_a_sender(void **state)
{
	struct pol_asker a = asker(POL_RECEIVER);
	struct msg_auth_check m;

	(void)state;
	m = check_of(&a, pinit_response("ops"), "CN=hq-01,O=Example");
	pol->group[0].senders.n = 0;
	eq(check(&a, &m), AV_FORBIDDEN);
	pol->group[0].senders.n = 1;
	eq(check(&a, &m), AV_OK);
}

static void
a_wrong_key_is_not_who_it_claims(void **state)
{
	struct pol_asker a = asker(POL_SENDER);
	struct msg_auth_check m;
	uint8_t bent[PRF_LEN];

	(void)state;
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	for (size_t i = 0; i < PRF_LEN; i++) {
		memcpy(bent, m.auth.p, sizeof(bent));
		bent[i] ^= 0x40;
		struct msg_auth_check x = m;
		x.auth = OCTETS(bent);
		eq(check(&a, &x), AV_FAILED);
		eq(got.cause, AC_SIGNATURE);
		/* It is only what the peer claims. */
		assert_string_equal(got.identity, "CN=scout-17,O=Example");
	}
	m.auth.len--;
	eq(check(&a, &m), AV_FAILED);
	m.auth.len = 0;
	eq(check(&a, &m), AV_FAILED);
	m.auth.len = PRF_LEN;
	m.method = 14;
	eq(check(&a, &m), AV_FAILED);
	eq(got.cause, AC_METHOD);
	m.method = IKE_AUTH_PSK;
	eq(check(&a, &m), AV_OK);
	secret_bytes(psk)[15] ^= 1;
	eq(check(&a, &m), AV_FAILED);
}

/* What was signed is everything: nothing may be exchanged afterwards. */
static void
auth_covers_message_nonce_and_id(void **state)
{
	struct pol_asker a = asker(POL_SENDER);
	struct msg_auth_check m, x;
	struct pinit in = pinit_request("ops");

	(void)state;
	x = m = check_of(&a, in, "CN=scout-17,O=Example");
	x.own_nonce = OCTETS(pinit_nonce_i);
	eq(check(&a, &x), AV_FAILED);
	x = m;
	x.maced_id = OCTETS(pinit_nonce_r);
	eq(check(&a, &x), AV_FAILED);
	x = m;
	in.spi_i0 = 77;
	x.peer_init = pinit_msg(&in);
	eq(check(&a, &x), AV_FAILED);
}

/* An answer for another group is none for this one, however authentic. */
static void
a_stolen_channel_checks_for_no_other_group(void **state)
{
	struct pol_asker a = asker(POL_SENDER);
	struct msg_auth_check m;

	(void)state;
	m = check_of(&a, pinit_request("other"), "CN=scout-17,O=Example");
	eq(check(&a, &m), AV_UNBOUND);
	assert_string_equal(got.identity, "");
	m = check_of(&a, pinit_request(NULL), "CN=scout-17,O=Example");
	eq(check(&a, &m), AV_UNBOUND);
	a = asker(POL_RECEIVER);
	m = check_of(&a, pinit_response("other"), "CN=hq-01,O=Example");
	eq(check(&a, &m), AV_UNBOUND);
}

static void
a_channel_cannot_claim_another_role(void **state)
{
	struct pol_asker a = asker(POL_SENDER);
	struct msg_auth_check m;

	(void)state;
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	m.own_role = ROLE_RECEIVER;
	eq(check(&a, &m), AV_MALFORMED);
	m.own_role = 0;
	eq(check(&a, &m), AV_MALFORMED);
	/* Our own message, sent back to us. */
	m = check_of(&a, pinit_response("ops"), "CN=scout-17,O=Example");
	eq(check(&a, &m), AV_MALFORMED);
	a = asker(POL_RECEIVER);
	m = check_of(&a, pinit_request("ops"), "CN=hq-01,O=Example");
	eq(check(&a, &m), AV_MALFORMED);
}

static void
malformed_checks_are_said_to_be(void **state)
{
	struct pol_asker a = asker(POL_SENDER);
	struct msg_auth_check m, x;
	static const uint8_t fqdn[] = { 2, 0, 0, 0, 'h', 'q' };
	static const uint8_t empty[] = { 9, 0, 0, 0, 0x30, 0 };

	(void)state;
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	x = m;
	x.peer_id = OCTETS(fqdn);
	eq(check(&a, &x), AV_FAILED);
	eq(got.cause, AC_IDENTITY);
	assert_string_equal(got.identity, "hq");
	x.peer_id = OCTETS(empty);
	eq(check(&a, &x), AV_MALFORMED);
	for (size_t n = 0; n < m.peer_id.len; n++) {
		x.peer_id = (struct chunk){ m.peer_id.p, n };
		eq(check(&a, &x), AV_MALFORMED);
	}
	x = m;
	x.own_nonce.len = 15;
	eq(check(&a, &x), AV_MALFORMED);
	x = m;
	x.maced_id.len = 31;
	eq(check(&a, &x), AV_MALFORMED);
	for (size_t n = 0; n < m.peer_init.len; n++) {
		x = m;
		x.peer_init.len = n;
		eq(check(&a, &x), AV_MALFORMED);
	}
}

/* 500 octets of 0xfc take four times as many to show. */
static void
a_name_too_long_to_show_is_still_checked(void **state)
{
	struct pol_asker a;
	struct msg_auth_check m;
	char name[512] = "CN=scout-";

	(void)state;
	for (int i = 0; i < 200; i++)
		strcat(name, "\xc3\xbc");
	strcat(name, ",O=Example");
	a = asker(POL_SENDER);
	m = check_of(&a, pinit_request("ops"), name);
	eq(check(&a, &m), AV_OK);
	assert_memory_equal(got.identity, "CN=scout-\\c3\\bc", 15);
	assert_true(strlen(got.identity) > 500);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static int
group_setup(void **state)
{
	(void)state;
	return crypto_init() || secret_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(auth_is_as_the_rfc_says),
		T(a_stolen_channel_signs_for_no_other_group),
		T(a_stolen_channel_signs_in_no_other_role),
		T(a_stolen_channel_signs_no_other_slots_message),
		T(only_ike_sa_init_is_signed),
		T(lengths_of_the_other_octets_are_checked),
		T(a_sender_admits_receivers),
		T(a_sender_says_to_what_it_admits),
		T(a_receiver_admits_designated_senders_only),
		T(a_designated_sender_must_be_a_sender),
		T(a_wrong_key_is_not_who_it_claims),
		T(auth_covers_message_nonce_and_id),
		T(a_stolen_channel_checks_for_no_other_group),
		T(a_channel_cannot_claim_another_role),
		T(malformed_checks_are_said_to_be),
		T(a_name_too_long_to_show_is_still_checked),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
