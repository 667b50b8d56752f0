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
#include "tests/lib/pki.h"
#include "tests/lib/pol.h"

#define eq assert_int_equal

/* AUTH with certificates, and what a stolen channel cannot have. */

/* As POL_SENDER and POL_RECEIVER, but for how the host authenticates. */
#define HOST(id, more)                                                         \
	"host {\nidentity = \"CN=" id ",O=Example\"\n"                         \
	"certificate = a key = a anchors = a\n"                                \
	"listen = { \"192.0.2.1\", \"2001:db8::1\" }\n" more "}\n"
#define SENDER HOST("hq-01", "") POL_PEERS POL_GROUP("ops", "sender", POL_OPS)
#define RECEIVER                                                               \
	HOST("scout-17", "")                                                   \
	POL_PEERS POL_GROUP(                                                   \
	    "ops", "receiver", POL_OPS " designated = { hq-02, hq-01 }")

static const uint8_t maced[48] = "prf(SK_p, body of ID payload)";
static struct pki_cert root, own_cert, peer;
static struct policy *pol;
static struct pol_creds creds;
static struct pol_checked got;
static const char *why;

static struct chunk
pem_of(const struct pki_cert *c)
{
	return pki_pem("CERTIFICATE", (struct chunk){ c->der, c->len });
}

static void
make(struct pki_cert *c, const struct pki_want *w)
{
	pki_free(c);
	pki_make(c, w);
}

static void
forget(void)
{
	x509_own_free(&creds.own);
	x509_trust_free(&creds.trust);
	secret_free(&creds.ppk);
	policy_free(&pol);
}

/* The key manager of slot 5, group "ops"; all with keys of this kind. */
static struct pol_asker
asker(const char *text, enum pki_alg alg, const char *own, const char *other)
{
	forget();
	pol = pol_from(text);
	make(&root,
	    &(struct pki_want){ .dn = "CN=Root", .alg = alg, .ca = true });
	make(&own_cert,
	    &(struct pki_want){ .dn = own, .alg = alg, .issuer = &root });
	make(&peer,
	    &(struct pki_want){ .dn = other, .alg = alg, .issuer = &root });
	creds.trust = x509_trust_new(false);
	eq(x509_trust_anchors(creds.trust, pem_of(&root), &why), 0);
	eq(x509_own_new(&creds.own, pem_of(&own_cert), &why), 0);
	eq(x509_own_key(creds.own, pki_key_pem(own_cert.key), &why), 0);
	return (struct pol_asker){ pol, &pol->group[0], 5, &creds, PKI_NOW };
}

static struct pol_asker
sender(void)
{
	return asker(
	    SENDER, PKI_ED25519, "CN=hq-01,O=Example", "CN=scout-17,O=Example");
}

static struct pol_asker
receiver(void)
{
	return asker(RECEIVER, PKI_ED25519, "CN=scout-17,O=Example",
	    "CN=hq-01,O=Example");
}

static int
teardown(void **state)
{
	(void)state;
	forget();
	pki_free(&root);
	pki_free(&own_cert);
	pki_free(&peer);
	return 0;
}

static struct chunk
id_body(const char *name)
{
	static uint8_t ring[2][POL_ID_BODY_MAX];
	static unsigned int n;
	struct pol_name id;

	eq(dn_parse(name, id.der, sizeof(id.der), &id.len), 0);
	return pol_id_body(&id, ring[n++ % 2]);
}

static uint8_t auth_buf[SIG_AUTH_MAX];

/* The peer's AUTH over what m has now, by the key of c. */
static void
sign_as(struct msg_auth_check *m, const struct pki_cert *c)
{
	struct chunk in[SIG_PARTS] = { m->peer_init, m->own_nonce,
		m->maced_id };
	struct sig_key k;
	size_t len;

	eq(sig_key_of(&k, c->key, &why), 0);
	eq(sig_make(&k, 0xff, in, auth_buf, &len, &why), 0);
	m->auth = (struct chunk){ auth_buf, len };
}

/* A check that passes, for the tests to bend. */
static struct msg_auth_check
check_of(const struct pol_asker *a, struct pinit in, const char *name)
{
	bool cnsa = a->group->suite == SUITE_CNSA;
	struct msg_auth_check m = { .own_role = (uint8_t)a->group->role,
		.prf = cnsa ? PRF_SHA384 : PRF_SHA256,
		.peer_init = pinit_msg(&in),
		.own_nonce = in.flags & IKE_F_RESPONSE ? OCTETS(pinit_nonce_i)
						       : OCTETS(pinit_nonce_r),
		.maced_id = { maced, cnsa ? 48 : 32 },
		.peer_id = id_body(name),
		.method = SIG_METHOD,
		.certs = PKI_CHAIN(&peer) };

	sign_as(&m, &peer);
	return m;
}

static void
check(const struct pol_asker *a, const struct msg_auth_check *m,
    enum auth_verdict verdict, enum auth_cause cause, const char *part)
{
	memset(&got, 'x', sizeof(got));
	pol_auth_check(a, m, &got);
	if (got.verdict != verdict || got.cause != cause ||
	    strstr(got.why, part) == NULL)
		fail_msg("%d %d (%s), not %d %d (%s)", got.verdict, got.cause,
		    got.why, verdict, cause, part);
	eq(got.admit != 0, verdict == AV_OK);
	eq(got.valid_s != 0, verdict == AV_OK);
}

static void
every_kind_of_key_is_believed(void **state)
{
	(void)state;
	for (enum pki_alg alg = 0; alg < PKI_ALGS; alg++) {
		struct pol_asker a = asker(
		    SENDER, alg, "CN=hq-01,O=Example", "CN=scout-17,O=Example");
		struct msg_auth_check m =
		    check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");

		check(&a, &m, AV_OK, AC_NONE, "");
		eq(got.admit, ADMIT_RECEIVE);
		eq(got.valid_s, 365 * PKI_DAY);
		assert_string_equal(got.identity, "CN=scout-17,O=Example");
	}
}

/* What this host signs, the other one takes. */
static void
what_we_sign_is_taken(void **state)
{
	struct pol_asker a = receiver();
	struct pinit in = pinit_request("ops");
	struct msg_auth_sign s = { .prf = PRF_SHA256,
		.hashes = 1u << SIG_IDENTITY,
		.own_init = pinit_msg(&in),
		.peer_nonce = OCTETS(pinit_nonce_r),
		.maced_id = { maced, 32 } };
	struct chunk parts[SIG_PARTS] = { s.own_init, s.peer_nonce,
		s.maced_id };
	struct pol_signed sig;

	(void)state;
	eq(pol_auth_sign(&a, &s, &sig, &why), ST_OK);
	eq(sig.method, 14);
	eq(sig_check(x509_key(x509_own_chain(creds.own)),
	       (struct chunk){ sig.auth, sig.len }, false, parts, &why),
	    0);
	/* The peer said nothing of Ed25519. */
	s.hashes = 1u << SIG_SHA256;
	eq(pol_auth_sign(&a, &s, &sig, &why), ST_REFUSED);
	assert_non_null(strstr(why, "does not take Ed25519"));
	s.hashes = 0;
	eq(pol_auth_sign(&a, &s, &sig, &why), ST_REFUSED);
}

static void
each_refusal_has_its_cause(void **state)
{
	struct pol_asker a = sender();
	struct pki_cert other = { 0 }, stranger = { 0 };
	struct msg_auth_check m, x;

	(void)state;
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	check(&a, &m, AV_OK, AC_NONE, "");
	x = m;
	x.method = IKE_AUTH_PSK;
	check(&a, &x, AV_FAILED, AC_METHOD, "not a digital signature");
	assert_string_equal(got.identity, "CN=scout-17,O=Example");
	x.method = 1; /* RSA of RFC 7296 */
	check(&a, &x, AV_FAILED, AC_METHOD, "not a digital signature");
	x = m;
	x.certs.len = 0;
	check(&a, &x, AV_FAILED, AC_NO_CERT, "no certificate");
	x.certs = (struct chunk){ peer.der, peer.len - 1 };
	check(&a, &x, AV_FAILED, AC_NO_CERT, "");
	/* Another authority, but all else is right. */
	pki_make(&other, &(struct pki_want){ .dn = "CN=Other", .ca = true });
	pki_make(&stranger, &(struct pki_want){ .dn = "CN=scout-17,O=Example",
				.issuer = &other });
	x = m;
	x.certs = PKI_CHAIN(&stranger);
	sign_as(&x, &stranger);
	check(&a, &x, AV_FAILED, AC_UNTRUSTED, "");
	assert_string_equal(got.identity, "CN=scout-17,O=Example");
	/* Our peer's certificate with somebody else's key. */
	x.certs = m.certs;
	check(&a, &x, AV_FAILED, AC_SIGNATURE, "wrong");
	/* A valid certificate and its key, but another's name. */
	x = m;
	sign_as(&x, &peer);
	x.peer_id = id_body("CN=scout-18,O=Example");
	check(&a, &x, AV_FAILED, AC_IDENTITY, "does not name");
	assert_string_equal(got.identity, "CN=scout-18,O=Example");
	a.now = PKI_NOW + 400 * (int64_t)PKI_DAY;
	check(&a, &m, AV_FAILED, AC_EXPIRED, "expired");
	a.now = PKI_NOW;
	make(
	    &peer, &(struct pki_want){ .dn = "CN=scout-17,O=Example",
		       .issuer = &root,
		       .ext = { { "keyUsage", "critical,keyEncipherment" } } });
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	check(&a, &m, AV_FAILED, AC_USAGE, "key usage");
	make(&peer, &(struct pki_want){
			.dn = "CN=scout-17,O=Example", .issuer = &root });
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	eq(x509_trust_crls(creds.trust,
	       pki_crl(
		   &(struct pki_crl){ .issuer = &root, .revoked = { &peer } }),
	       &why),
	    0);
	check(&a, &m, AV_FAILED, AC_REVOKED, "revoked");
	pki_free(&other);
	pki_free(&stranger);
}

/* Known certificates save the chain's check, and nothing else. */
static void
known_chains_are_not_believed_blindly(void **state)
{
	struct pol_asker a = sender();
	struct msg_auth_check m, x;

	(void)state;
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	for (int i = 0; i < 3; i++) {
		check(&a, &m, AV_OK, AC_NONE, "");
		eq(got.valid_s, 365 * PKI_DAY - i);
		assert_string_equal(got.identity, "CN=scout-17,O=Example");
		a.now++;
	}
	x = m;
	x.auth.len--;
	check(&a, &x, AV_FAILED, AC_SIGNATURE, "");
	x = m;
	x.peer_id = id_body("CN=scout-18,O=Example");
	check(&a, &x, AV_FAILED, AC_IDENTITY, "");
	a.now = PKI_NOW + 365 * (int64_t)PKI_DAY + 1;
	check(&a, &m, AV_FAILED, AC_EXPIRED, "");
	a.now = PKI_NOW - 2 * PKI_DAY;
	check(&a, &m, AV_FAILED, AC_EXPIRED, "not yet");
	a.now = PKI_NOW;
	pol->group[0].suite = SUITE_CNSA;
	x = m;
	x.prf = PRF_SHA384;
	x.maced_id.len = 48;
	check(&a, &x, AV_FAILED, AC_METHOD, "P-384");
	pol->group[0].suite = SUITE_DEFAULT;
	check(&a, &m, AV_OK, AC_NONE, "");
	/* One octet of the certificate. */
	peer.der[peer.len - 1] ^= 1;
	x = m;
	x.certs = PKI_CHAIN(&peer);
	check(&a, &x, AV_FAILED, AC_UNTRUSTED, "");
}

/* A host with a shared key does not look at certificates. */
static void
the_two_ways_do_not_mix(void **state)
{
	struct pol_asker a = sender();
	struct pol_creds shared = { .psk = secret_from("12345678", 8) };
	struct msg_auth_check m;

	(void)state;
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	a.creds = &shared;
	check(&a, &m, AV_FAILED, AC_METHOD, "not a shared key");
	m.method = IKE_AUTH_PSK;
	check(&a, &m, AV_FAILED, AC_SIGNATURE, "wrong");
	secret_free(&shared.psk);
}

/* mallory has no certificate of ours, guest is not in the policy. */
static void
policy_goes_by_the_subject(void **state)
{
	struct pol_asker a = sender();
	struct msg_auth_check m;
	static const uint8_t fqdn[] = { 2, 0, 0, 0, 's', '.', 'e', 'x' };

	(void)state;
	make(&peer,
	    &(struct pki_want){ .dn = "CN=guest,O=Example", .issuer = &root });
	m = check_of(&a, pinit_request("ops"), "CN=guest,O=Example");
	check(&a, &m, AV_FORBIDDEN, AC_NONE, "does not admit");
	assert_string_equal(got.identity, "CN=guest,O=Example");
	make(&peer,
	    &(struct pki_want){ .dn = "CN=hq-09,O=Example", .issuer = &root });
	m = check_of(&a, pinit_request("ops"), "CN=hq-09,O=Example");
	check(&a, &m, AV_OK, AC_NONE, "");
	eq(got.admit, ADMIT_SEND);
	/* Another name of the certificate is as good in the ID payload. */
	make(&peer, &(struct pki_want){ .dn = "CN=scout-17,O=Example",
			.issuer = &root,
			.ext = { { "subjectAltName", "DNS:s.ex" } } });
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	check(&a, &m, AV_OK, AC_NONE, "");
	m.peer_id = OCTETS(fqdn);
	check(&a, &m, AV_OK, AC_NONE, "");
	assert_string_equal(got.identity, "CN=scout-17,O=Example");
	make(&peer, &(struct pki_want){
			.dn = "CN=scout-17,O=Example", .issuer = &root });
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	m.peer_id = OCTETS(fqdn);
	check(&a, &m, AV_FAILED, AC_IDENTITY, "");
	assert_string_equal(got.identity, "s.ex");
}

static void
a_receiver_takes_designated_senders_only(void **state)
{
	struct pol_asker a = receiver();
	struct msg_auth_check m;

	(void)state;
	m = check_of(&a, pinit_response("ops"), "CN=hq-01,O=Example");
	check(&a, &m, AV_OK, AC_NONE, "");
	eq(got.admit, ADMIT_SEND);
	make(&peer,
	    &(struct pki_want){ .dn = "CN=hq-03,O=Example", .issuer = &root });
	m = check_of(&a, pinit_response("ops"), "CN=hq-03,O=Example");
	check(&a, &m, AV_FORBIDDEN, AC_NONE, "");
}

/* -- peers without MIKE_GROUP ---------------------------------------------- */

static void
strangers_come_to_the_default_group_alone(void **state)
{
	struct pol_asker a = sender();
	struct msg_auth_check m;

	(void)state;
	m = check_of(&a, pinit_request(NULL), "CN=scout-17,O=Example");
	check(&a, &m, AV_UNBOUND, AC_NONE, "MIKE_GROUP is missing");
	pol->group[0].foreign = true;
	check(&a, &m, AV_OK, AC_NONE, "");
	/* One that is there and wrong is wrong for strangers too. */
	m = check_of(&a, pinit_request("other"), "CN=scout-17,O=Example");
	check(&a, &m, AV_UNBOUND, AC_NONE, "does not name");
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	check(&a, &m, AV_OK, AC_NONE, "");
}

static void
a_receiver_knows_which_gcks_is_a_stranger(void **state)
{
	struct pol_asker a = receiver();
	struct msg_auth_check m;

	(void)state;
	m = check_of(&a, pinit_response(NULL), "CN=hq-01,O=Example");
	check(&a, &m, AV_UNBOUND, AC_NONE, "MIKE_GROUP is missing");
	/* The other one is; this one is not. */
	pol->peer[1].foreign = true;
	check(&a, &m, AV_UNBOUND, AC_NONE, "exchange is gsa-auth");
	pol->peer[0].foreign = true;
	check(&a, &m, AV_OK, AC_NONE, "");
	m = check_of(&a, pinit_response("other"), "CN=hq-01,O=Example");
	check(&a, &m, AV_UNBOUND, AC_NONE, "does not name");
}

/* PKCS #1 v1.5 only where the other side may know nothing better. */
static void
pkcs1_only_from_strangers(void **state)
{
	static const uint8_t head[] = { 15, 0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48,
		0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0 };
	struct pol_asker a = asker(
	    SENDER, PKI_RSA, "CN=hq-01,O=Example", "CN=scout-17,O=Example");

	(void)state;
	pol->group[0].foreign = true;
	for (int named = 0; named < 2; named++) {
		struct msg_auth_check m =
		    check_of(&a, pinit_request(named ? "ops" : NULL),
			"CN=scout-17,O=Example");
		struct chunk tbs =
		    pki_join(pki_join(m.peer_init, m.own_nonce), m.maced_id);
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		size_t len = sizeof(auth_buf) - sizeof(head);

		memcpy(auth_buf, head, sizeof(head));
		assert_true(EVP_DigestSignInit_ex(
		    ctx, NULL, "SHA256", NULL, NULL, peer.key, NULL));
		assert_true(EVP_DigestSign(
		    ctx, auth_buf + sizeof(head), &len, tbs.p, tbs.len));
		EVP_MD_CTX_free(ctx);
		m.auth.len = sizeof(head) + len;
		if (named)
			check(&a, &m, AV_FAILED, AC_METHOD, "not for");
		else
			check(&a, &m, AV_OK, AC_NONE, "");
	}
}

/* -- suite cnsa ------------------------------------------------------------ */

#define CNSA                                                                   \
	HOST("hq-01", "")                                                      \
	POL_PEERS POL_GROUP("ops", "sender", POL_OPS " suite = cnsa")

static void
cnsa_is_p384_and_sha384(void **state)
{
	struct pol_asker a = asker(
	    CNSA, PKI_P384, "CN=hq-01,O=Example", "CN=scout-17,O=Example");
	struct msg_auth_check m;

	(void)state;
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	check(&a, &m, AV_OK, AC_NONE, "");
	m.prf = PRF_SHA256;
	m.maced_id.len = 32;
	check(&a, &m, AV_MALFORMED, AC_NONE, "PRF");
	make(&peer, &(struct pki_want){ .dn = "CN=scout-17,O=Example",
			.alg = PKI_P256,
			.issuer = &root });
	m = check_of(&a, pinit_request("ops"), "CN=scout-17,O=Example");
	check(&a, &m, AV_FAILED, AC_METHOD, "P-384");
}

/* -- a key manager that was taken over ------------------------------------- */

static enum ipc_status
sign(const struct pol_asker *a, struct chunk init, struct pol_signed *out)
{
	struct msg_auth_sign m = { .prf = PRF_SHA256,
		.hashes = 0xff,
		.own_init = init,
		.peer_nonce = OCTETS(pinit_nonce_r),
		.maced_id = { maced, 32 } };

	*out = (struct pol_signed){ 0 };
	why = "";
	return pol_auth_sign(a, &m, out, &why);
}

static void
not_signed(const struct pol_asker *a, struct chunk init, const char *part)
{
	struct pol_signed s;

	eq(sign(a, init, &s), ST_REFUSED);
	eq(s.len, 0);
	if (strstr(why, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, why);
}

static void
a_stolen_channel_gets_no_signature_of_other_use(void **state)
{
	struct pol_asker a = receiver();
	struct pinit in = pinit_request("ops");
	struct pol_signed s;
	static const uint8_t blob[64] = "\x20 64 spaces and a TLS context";

	(void)state;
	eq(sign(&a, pinit_msg(&in), &s), ST_OK);
	/* Group B's, nobody's, both. */
	in.group = "other";
	not_signed(&a, pinit_msg(&in), "MIKE_GROUP does not name");
	in.group = NULL;
	not_signed(&a, pinit_msg(&in), "MIKE_GROUP does not name");
	in = pinit_request("ops");
	in.twice = true;
	not_signed(&a, pinit_msg(&in), "not an IKE_SA_INIT");
	/* Strangers may come without; this host never goes without. */
	pol->peer[0].foreign = pol->peer[1].foreign = true;
	in = pinit_request(NULL);
	not_signed(&a, pinit_msg(&in), "MIKE_GROUP does not name");
	/* Another slot's SPI; the answer of a sender. */
	in = pinit_request("ops");
	in.spi_i0 = 6;
	not_signed(&a, pinit_msg(&in), "SPI of another slot");
	in = pinit_response("ops");
	not_signed(&a, pinit_msg(&in), "message of the other role");
	/* No message of that kind, or no message at all. */
	in = pinit_request("ops");
	in.exchange = IKE_AUTH;
	not_signed(&a, pinit_msg(&in), "not an IKE_SA_INIT");
	not_signed(&a, OCTETS(blob), "not an IKE_SA_INIT");
	not_signed(&a, (struct chunk){ NULL, 0 }, "not an IKE_SA_INIT");
}

static void
a_stolen_senders_channel_neither(void **state)
{
	struct pol_asker a = sender();
	struct pinit in = pinit_response("ops");
	struct pol_signed s;

	(void)state;
	eq(sign(&a, pinit_msg(&in), &s), ST_OK);
	in.spi_r0 = 4;
	not_signed(&a, pinit_msg(&in), "SPI of another slot");
	in = pinit_response("other");
	not_signed(&a, pinit_msg(&in), "MIKE_GROUP does not name");
	pol->group[0].foreign = true;
	in = pinit_response(NULL);
	not_signed(&a, pinit_msg(&in), "MIKE_GROUP does not name");
	in = pinit_request("ops");
	not_signed(&a, pinit_msg(&in), "message of the other role");
}

#define T(f) cmocka_unit_test_teardown(f, teardown)

static int
group_setup(void **state)
{
	(void)state;
	return crypto_init() || sig_init() || x509_init() || secret_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_kind_of_key_is_believed),
		T(what_we_sign_is_taken),
		T(each_refusal_has_its_cause),
		T(known_chains_are_not_believed_blindly),
		T(the_two_ways_do_not_mix),
		T(policy_goes_by_the_subject),
		T(a_receiver_takes_designated_senders_only),
		T(strangers_come_to_the_default_group_alone),
		T(a_receiver_knows_which_gcks_is_a_stranger),
		T(pkcs1_only_from_strangers),
		T(cnsa_is_p384_and_sha384),
		T(a_stolen_channel_gets_no_signature_of_other_use),
		T(a_stolen_senders_channel_neither),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
