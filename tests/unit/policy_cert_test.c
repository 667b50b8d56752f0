/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "policyd/core/x509.h"
#include "tests/lib/pki.h"

#define eq assert_int_equal

/* Chains of real certificates, from the leaf to an anchor. */

static struct pki_cert root, other_root, leaf, mid[4];
static struct x509_trust *trust;
static const char *why;
static uint32_t valid_s;
static int64_t now;

static struct chunk
pem_of(const struct pki_cert *c)
{
	return pki_pem("CERTIFICATE", (struct chunk){ c->der, c->len });
}

static int
setup(void **state)
{
	(void)state;
	now = PKI_NOW;
	pki_make(&root, &(struct pki_want){ .dn = "CN=Root", .ca = true });
	trust = x509_trust_new(false);
	assert_non_null(trust);
	eq(x509_trust_anchors(trust, pem_of(&root), &why), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	x509_trust_free(&trust);
	pki_free(&root);
	pki_free(&other_root);
	pki_free(&leaf);
	for (size_t i = 0; i < NITEMS(mid); i++)
		pki_free(&mid[i]);
	return 0;
}

static enum auth_cause
check_as(struct chunk certs, bool p384)
{
	struct x509_chain *c = NULL;
	enum auth_cause cause;

	why = NULL;
	valid_s = 0;
	cause = x509_chain_get(&c, certs, &why);
	if (cause == AC_NONE)
		cause = x509_check(trust, c, now, p384, &valid_s, &why);
	else
		assert_null(c);
	assert_non_null(why);
	eq(valid_s != 0, cause == AC_NONE);
	x509_chain_free(&c);
	return cause;
}

static enum auth_cause
check(struct chunk certs)
{
	return check_as(certs, false);
}

/* The cause, and these words in the reason. */
static void
refused(struct chunk certs, enum auth_cause want, const char *part)
{
	enum auth_cause cause = check(certs);

	if (cause != want || strstr(why, part) == NULL)
		fail_msg("%d (%s), not %d (%s)", cause, why, want, part);
}

static void
make_leaf(const struct pki_want *w)
{
	struct pki_want x = *w;

	if (x.dn == NULL)
		x.dn = "CN=gm-01,O=Example";
	if (x.issuer == NULL)
		x.issuer = &root;
	pki_free(&leaf);
	pki_make(&leaf, &x);
}

static void
make_mid(size_t i, const struct pki_cert *issuer)
{
	char dn[32];

	snprintf(dn, sizeof(dn), "CN=Authority %zu", i);
	pki_free(&mid[i]);
	pki_make(&mid[i],
	    &(struct pki_want){ .dn = dn, .ca = true, .issuer = issuer });
}

/* A root with a key of each kind signs one of the same kind. */
static void
every_algorithm_has_its_chain(void **state)
{
	(void)state;
	for (enum pki_alg alg = 0; alg < PKI_ALGS; alg++) {
		pki_free(&root);
		pki_make(&root, &(struct pki_want){
				    .dn = "CN=Root", .alg = alg, .ca = true });
		x509_trust_free(&trust);
		trust = x509_trust_new(false);
		eq(x509_trust_anchors(trust, pem_of(&root), &why), 0);
		make_leaf(&(struct pki_want){ .alg = alg });
		eq(check(PKI_CHAIN(&leaf)), AC_NONE);
		eq(valid_s, 365 * PKI_DAY);
		make_leaf(&(struct pki_want){ .alg = PKI_ED25519 });
		eq(check(PKI_CHAIN(&leaf)), AC_NONE);
	}
	/* RSA once more, as the root signs with PSS and longer hashes. */
	make_leaf(&(struct pki_want){ 0 });
	for (int pss = 0; pss < 2; pss++)
		for (int i = 0; i < 3; i++) {
			static const char *const md[] = { "SHA2-256",
				"SHA2-384", "SHA2-512" };

			pki_free(&root);
			pki_make(&root,
			    &(struct pki_want){
				.dn = "CN=Root", .alg = PKI_RSA, .ca = true });
			make_leaf(
			    &(struct pki_want){ .pss = pss, .md = md[i] });
			eq(check(PKI_CHAIN(&leaf)), AC_NONE);
		}
}

static void
chains_have_up_to_four(void **state)
{
	(void)state;
	make_mid(0, &root);
	make_leaf(&(struct pki_want){ .issuer = &mid[0] });
	eq(check(PKI_CHAIN(&leaf, &mid[0])), AC_NONE);
	eq(check(PKI_CHAIN(&leaf, &mid[0], &root)), AC_NONE);
	make_mid(1, &mid[0]);
	make_leaf(&(struct pki_want){ .issuer = &mid[1] });
	eq(check(PKI_CHAIN(&leaf, &mid[1], &mid[0])), AC_NONE);
	eq(check(PKI_CHAIN(&leaf, &mid[1], &mid[0], &root)), AC_NONE);
	/* In any order but for the leaf, as RFC 7296 3.6 has it. */
	eq(check(PKI_CHAIN(&leaf, &mid[0], &mid[1])), AC_NONE);
	refused(PKI_CHAIN(&leaf, &mid[1]), AC_UNTRUSTED, "issuer");
	refused(PKI_CHAIN(&leaf), AC_UNTRUSTED, "issuer");
	/* One more authority in between makes five. */
	make_mid(2, &mid[1]);
	make_leaf(&(struct pki_want){ .issuer = &mid[2] });
	refused(PKI_CHAIN(&leaf, &mid[2], &mid[1], &mid[0]), AC_UNTRUSTED, "");
	refused(PKI_CHAIN(&leaf, &mid[2], &mid[1], &mid[0], &root), AC_NO_CERT,
	    "more than 4");
}

static void
another_authority_is_not_trusted(void **state)
{
	(void)state;
	pki_make(
	    &other_root, &(struct pki_want){ .dn = "CN=Other", .ca = true });
	make_leaf(&(struct pki_want){ .issuer = &other_root });
	refused(PKI_CHAIN(&leaf), AC_UNTRUSTED, "issuer");
	refused(PKI_CHAIN(&leaf, &other_root), AC_UNTRUSTED, "self-signed");
	refused(PKI_CHAIN(&other_root), AC_USAGE, "an authority's");
	/* One that has the name of ours, and not its key. */
	pki_free(&other_root);
	pki_make(
	    &other_root, &(struct pki_want){ .dn = "CN=Root", .ca = true });
	make_leaf(&(struct pki_want){ .issuer = &other_root });
	refused(PKI_CHAIN(&leaf), AC_UNTRUSTED, "");
	refused(PKI_CHAIN(&leaf, &other_root), AC_UNTRUSTED, "");
	/* One that ours signed, but not like this. */
	make_leaf(&(struct pki_want){ 0 });
	leaf.der[leaf.len - 1] ^= 1;
	refused(PKI_CHAIN(&leaf), AC_UNTRUSTED, "signature failure");
	/* Who signed for himself. */
	pki_free(&leaf);
	pki_make(&leaf, &(struct pki_want){ .dn = "CN=gm-01,O=Example" });
	refused(PKI_CHAIN(&leaf), AC_UNTRUSTED, "self-signed");
}

static void
time_is_looked_at(void **state)
{
	(void)state;
	make_mid(0, &root);
	make_leaf(&(struct pki_want){
	    .issuer = &mid[0], .from = PKI_NOW - 100, .until = PKI_NOW + 100 });
	eq(check(PKI_CHAIN(&leaf, &mid[0])), AC_NONE);
	eq(valid_s, 100);
	now = PKI_NOW + 99;
	eq(check(PKI_CHAIN(&leaf, &mid[0])), AC_NONE);
	eq(valid_s, 1);
	now = PKI_NOW + 101;
	refused(PKI_CHAIN(&leaf, &mid[0]), AC_EXPIRED, "expired");
	now = PKI_NOW - 101;
	refused(PKI_CHAIN(&leaf, &mid[0]), AC_EXPIRED, "not yet valid");
	/* The authority's end counts as well, and so does the anchor's. */
	now = PKI_NOW;
	pki_free(&mid[0]);
	pki_make(&mid[0], &(struct pki_want){ .dn = "CN=Authority 0",
			      .ca = true,
			      .issuer = &root,
			      .until = PKI_NOW + 50 });
	make_leaf(&(struct pki_want){ .issuer = &mid[0] });
	eq(check(PKI_CHAIN(&leaf, &mid[0])), AC_NONE);
	eq(valid_s, 50);
	now = PKI_NOW + 51;
	refused(PKI_CHAIN(&leaf, &mid[0]), AC_EXPIRED, "expired");
	now = PKI_NOW + 366 * (int64_t)PKI_DAY;
	make_leaf(&(struct pki_want){ .until = now + PKI_DAY });
	refused(PKI_CHAIN(&leaf), AC_EXPIRED, "expired");
}

/* After 2049 certificates write years with four digits. */
static void
far_times_are_read(void **state)
{
	(void)state;
	pki_free(&root);
	pki_make(&root, &(struct pki_want){
			    .dn = "CN=Root", .ca = true, .until = 7258118400 });
	x509_trust_free(&trust);
	trust = x509_trust_new(false);
	eq(x509_trust_anchors(trust, pem_of(&root), &why), 0);
	make_leaf(&(struct pki_want){ .until = 4107542400 });
	now = 4107542400 - 10; /* 2100, after a day that is not in leap years */
	eq(check(PKI_CHAIN(&leaf)), AC_NONE);
	eq(valid_s, 10);
	now = 951782400 - 5; /* end of February 2000, which is in one */
	make_leaf(&(struct pki_want){
	    .from = now - 1, .until = 951782400, .issuer = &root });
	refused(PKI_CHAIN(&leaf), AC_EXPIRED, "not yet valid");
	make_leaf(&(struct pki_want){ .until = 7258118400 });
	now = PKI_NOW;
	eq(check(PKI_CHAIN(&leaf)), AC_NONE);
	eq(valid_s, UINT32_MAX);
}

#define EXT(name, value) .ext = { { name, value } }

static void
usage_is_looked_at(void **state)
{
	(void)state;
	make_leaf(&(struct pki_want){ EXT("keyUsage", "") });
	eq(check(PKI_CHAIN(&leaf)), AC_NONE);
	make_leaf(&(struct pki_want){
	    EXT("keyUsage", "critical,keyEncipherment,keyAgreement") });
	refused(PKI_CHAIN(&leaf), AC_USAGE, "key usage");
	make_leaf(&(struct pki_want){
	    EXT("keyUsage", "digitalSignature,keyEncipherment") });
	eq(check(PKI_CHAIN(&leaf)), AC_NONE);
	make_leaf(&(struct pki_want){ EXT("extendedKeyUsage", "serverAuth") });
	refused(PKI_CHAIN(&leaf), AC_USAGE, "extended key usage");
	make_leaf(&(struct pki_want){
	    EXT("extendedKeyUsage", "critical,timeStamping") });
	refused(PKI_CHAIN(&leaf), AC_USAGE, "extended key usage");
	make_leaf(&(struct pki_want){
	    EXT("extendedKeyUsage", "serverAuth,ipsecIKE") });
	eq(check(PKI_CHAIN(&leaf)), AC_NONE);
	make_leaf(&(struct pki_want){
	    EXT("extendedKeyUsage", "anyExtendedKeyUsage") });
	eq(check(PKI_CHAIN(&leaf)), AC_NONE);
	/* An authority's own key signs certificates and no AUTH. */
	make_leaf(&(struct pki_want){ .ca = true });
	refused(PKI_CHAIN(&leaf), AC_USAGE, "an authority's");
	/* RFC 5280 4.2.1.1 */
	make_leaf(&(struct pki_want){ EXT("authorityKeyIdentifier", "") });
	refused(PKI_CHAIN(&leaf), AC_USAGE, "Missing Authority Key");
	make_leaf(&(struct pki_want){
	    EXT("1.3.6.1.4.1.99999.2", "critical,DER:0500") });
	refused(PKI_CHAIN(&leaf), AC_USAGE, "unhandled critical");
}

static void
only_authorities_sign_certificates(void **state)
{
	static const char *const sign = "critical,digitalSignature,keyCertSign";

	(void)state;
	/* No CA bit; a CA that may not sign; one that may sign leaves only. */
	pki_make(&mid[0],
	    &(struct pki_want){
		.dn = "CN=host", .issuer = &root, EXT("keyUsage", sign) });
	make_leaf(&(struct pki_want){ .issuer = &mid[0] });
	refused(PKI_CHAIN(&leaf, &mid[0]), AC_USAGE, "CA certificate");
	pki_free(&mid[0]);
	pki_make(&mid[0],
	    &(struct pki_want){ .dn = "CN=host",
		.issuer = &root,
		.ca = true,
		EXT("keyUsage", "critical,digitalSignature,cRLSign") });
	make_leaf(&(struct pki_want){ .issuer = &mid[0] });
	refused(PKI_CHAIN(&leaf, &mid[0]), AC_USAGE, "invalid CA");
	pki_free(&mid[0]);
	pki_make(&mid[0],
	    &(struct pki_want){ .dn = "CN=short",
		.issuer = &root,
		.ca = true,
		EXT("basicConstraints", "critical,CA:TRUE,pathlen:0") });
	make_leaf(&(struct pki_want){ .issuer = &mid[0] });
	eq(check(PKI_CHAIN(&leaf, &mid[0])), AC_NONE);
	make_mid(1, &mid[0]);
	make_leaf(&(struct pki_want){ .issuer = &mid[1] });
	refused(PKI_CHAIN(&leaf, &mid[1], &mid[0]), AC_USAGE, "path length");
	/* An authority for other names. */
	pki_free(&mid[0]);
	pki_make(&mid[0],
	    &(struct pki_want){ .dn = "CN=local",
		.issuer = &root,
		.ca = true,
		EXT("nameConstraints", "critical,permitted;DNS:example.org") });
	make_leaf(&(struct pki_want){
	    .issuer = &mid[0], EXT("subjectAltName", "DNS:gm.example.com") });
	refused(PKI_CHAIN(&leaf, &mid[0]), AC_USAGE, "subtree");
}

static void
weak_and_foreign_algorithms_are_refused(void **state)
{
	EVP_PKEY *small = pki_rsa(2048);

	(void)state;
	make_leaf(&(struct pki_want){ .key = small });
	refused(PKI_CHAIN(&leaf), AC_METHOD, "3072 to 8192 bits");
	make_leaf(&(struct pki_want){ .key = pki_curve("P-521") });
	refused(PKI_CHAIN(&leaf), AC_METHOD, "not used here");
	make_leaf(&(struct pki_want){ .key = pki_curve("secp256k1") });
	refused(PKI_CHAIN(&leaf), AC_METHOD, "not used here");
	make_leaf(&(struct pki_want){
	    .key = EVP_PKEY_Q_keygen(NULL, NULL, "ED448") });
	refused(PKI_CHAIN(&leaf), AC_METHOD, "not used here");
	/* SHA-1, and a curve with a hash of another size. */
	pki_free(&root);
	pki_make(&root,
	    &(struct pki_want){ .dn = "CN=Root", .alg = PKI_RSA, .ca = true });
	make_leaf(&(struct pki_want){ .md = "SHA1" });
	refused(PKI_CHAIN(&leaf), AC_METHOD, "not used here");
	make_leaf(&(struct pki_want){ .md = "SHA1", .pss = true });
	refused(PKI_CHAIN(&leaf), AC_METHOD, "not used here");
	pki_free(&root);
	pki_make(&root,
	    &(struct pki_want){ .dn = "CN=Root", .alg = PKI_P256, .ca = true });
	make_leaf(&(struct pki_want){ .md = "SHA2-512" });
	refused(PKI_CHAIN(&leaf), AC_METHOD, "not used here");
}

static void
cnsa_takes_p384_all_the_way(void **state)
{
	(void)state;
	make_leaf(&(struct pki_want){ .alg = PKI_P384 });
	eq(check(PKI_CHAIN(&leaf)), AC_NONE);
	eq(check_as(PKI_CHAIN(&leaf), true), AC_METHOD);
	pki_free(&root);
	pki_make(&root,
	    &(struct pki_want){ .dn = "CN=Root", .alg = PKI_P384, .ca = true });
	x509_trust_free(&trust);
	trust = x509_trust_new(false);
	assert_false(x509_trust_has(trust, SIG_P384));
	eq(x509_trust_anchors(trust, pem_of(&root), &why), 0);
	assert_true(x509_trust_has(trust, SIG_P384));
	make_leaf(&(struct pki_want){ .alg = PKI_P384 });
	eq(check_as(PKI_CHAIN(&leaf), true), AC_NONE);
	make_leaf(&(struct pki_want){ .alg = PKI_P384, .md = "SHA2-256" });
	eq(check_as(PKI_CHAIN(&leaf), true), AC_METHOD);
	eq(check(PKI_CHAIN(&leaf)), AC_NONE);
	make_leaf(&(struct pki_want){ .alg = PKI_P256 });
	eq(check_as(PKI_CHAIN(&leaf), true), AC_METHOD);
	/* An authority of another kind in between. */
	pki_make(&mid[0],
	    &(struct pki_want){ .dn = "CN=m", .issuer = &root, .ca = true });
	make_leaf(&(struct pki_want){ .alg = PKI_P384, .issuer = &mid[0] });
	eq(check_as(PKI_CHAIN(&leaf, &mid[0]), true), AC_METHOD);
	eq(check(PKI_CHAIN(&leaf, &mid[0])), AC_NONE);
}

static void
what_is_no_certificate_is_refused(void **state)
{
	static uint8_t junk[16384];
	struct chunk good, cut;
	uint8_t bent[6000];

	(void)state;
	make_leaf(&(struct pki_want){ 0 });
	good = PKI_CHAIN(&leaf);
	refused((struct chunk){ NULL, 0 }, AC_NO_CERT, "no certificate");
	refused((struct chunk){ junk, sizeof(junk) }, AC_NO_CERT, "");
	memset(junk, 0x30, sizeof(junk));
	refused((struct chunk){ junk, sizeof(junk) }, AC_NO_CERT, "");
	memset(junk, 0xff, sizeof(junk));
	refused((struct chunk){ junk, sizeof(junk) }, AC_NO_CERT, "");
	for (cut = good, cut.len = 1; cut.len < good.len; cut.len++)
		refused(cut, AC_NO_CERT, "");
	/* Every octet changed: never taken, and never a crash. */
	for (size_t i = 0; i < good.len; i++) {
		memcpy(bent, good.p, good.len);
		bent[i] ^= 0x55;
		assert_int_not_equal(
		    check((struct chunk){ bent, good.len }), AC_NONE);
	}
	memcpy(bent, good.p, good.len);
	bent[good.len] = 0;
	refused((struct chunk){ bent, good.len + 1 }, AC_NO_CERT, "");
	make_leaf(&(struct pki_want){ .padding = 3700 });
	eq(check(PKI_CHAIN(&leaf)), AC_NONE);
	make_leaf(&(struct pki_want){ .padding = 3900 });
	refused(PKI_CHAIN(&leaf), AC_NO_CERT, "4096 octets");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static int
group_setup(void **state)
{
	(void)state;
	return crypto_init() || sig_init() || x509_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_algorithm_has_its_chain),
		T(chains_have_up_to_four),
		T(another_authority_is_not_trusted),
		T(time_is_looked_at),
		T(far_times_are_read),
		T(usage_is_looked_at),
		T(only_authorities_sign_certificates),
		T(weak_and_foreign_algorithms_are_refused),
		T(cnsa_takes_p384_all_the_way),
		T(what_is_no_certificate_is_refused),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
