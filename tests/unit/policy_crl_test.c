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

/* Revocation, names that certificates bind, and the files of an operator. */

static struct pki_cert root, mid, leaf, other;
static struct x509_trust *trust;
static const char *why;
static uint32_t valid_s;

static struct chunk
pem_of(const struct pki_cert *c)
{
	return pki_pem("CERTIFICATE", (struct chunk){ c->der, c->len });
}

static void
trust_anew(bool crl_required)
{
	x509_trust_free(&trust);
	trust = x509_trust_new(crl_required);
	assert_non_null(trust);
	eq(x509_trust_anchors(trust, pem_of(&root), &why), 0);
}

static void
make(struct pki_cert *c, const struct pki_want *w)
{
	pki_free(c);
	pki_make(c, w);
}

static int
setup(void **state)
{
	(void)state;
	make(&root, &(struct pki_want){ .dn = "CN=Root", .ca = true });
	make(&mid,
	    &(struct pki_want){ .dn = "CN=Mid", .ca = true, .issuer = &root });
	make(&leaf, &(struct pki_want){ .dn = "CN=gm-01", .issuer = &mid });
	trust_anew(false);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	x509_trust_free(&trust);
	pki_free(&root);
	pki_free(&mid);
	pki_free(&leaf);
	pki_free(&other);
	return 0;
}

static enum auth_cause
check(void)
{
	struct x509_chain *c = NULL;
	enum auth_cause cause;

	eq(x509_chain_get(&c, PKI_CHAIN(&leaf, &mid), &why), AC_NONE);
	cause = x509_check(trust, c, PKI_NOW, false, &valid_s, &why);
	x509_chain_free(&c);
	return cause;
}

static void
crl(const struct pki_crl *w)
{
	eq(x509_trust_crls(trust, pki_crl(w), &why), 0);
}

static void
the_revoked_are_refused(void **state)
{
	(void)state;
	eq(check(), AC_NONE);
	eq(valid_s, 365 * PKI_DAY);
	/* Of an issuer without a CRL nothing is known, which is no harm. */
	crl(&(struct pki_crl){ .issuer = &root, .revoked = { &root } });
	eq(check(), AC_NONE);
	eq(valid_s, PKI_DAY);
	crl(&(struct pki_crl){
	    .issuer = &mid, .until = PKI_NOW + 60, .revoked = { &mid } });
	eq(check(), AC_NONE);
	eq(valid_s, 60);
	/* A newer one, whatever the order of the files. */
	crl(&(struct pki_crl){
	    .issuer = &mid, .from = PKI_NOW - 1, .revoked = { &mid, &leaf } });
	crl(&(struct pki_crl){ .issuer = &mid, .from = PKI_NOW - 5 });
	eq(check(), AC_REVOKED);
	assert_non_null(strstr(why, "revoked"));
}

static void
an_authority_can_be_revoked(void **state)
{
	(void)state;
	crl(&(struct pki_crl){ .issuer = &root, .revoked = { &root, &mid } });
	eq(check(), AC_REVOKED);
}

static void
a_crl_can_be_required(void **state)
{
	(void)state;
	trust_anew(true);
	eq(check(), AC_UNTRUSTED);
	assert_non_null(strstr(why, "no CRL"));
	crl(&(struct pki_crl){ .issuer = &mid });
	eq(check(), AC_UNTRUSTED);
	crl(&(struct pki_crl){ .issuer = &root });
	eq(check(), AC_NONE);
	eq(valid_s, PKI_DAY);
}

static void
an_old_crl_proves_nothing(void **state)
{
	(void)state;
	crl(&(struct pki_crl){
	    .issuer = &mid, .from = PKI_NOW - 9, .until = PKI_NOW - 1 });
	eq(check(), AC_EXPIRED);
	assert_non_null(x509_trust_warning(trust, PKI_NOW));
	assert_null(x509_trust_warning(trust, PKI_NOW - 5));
	trust_anew(false);
	crl(&(struct pki_crl){ .issuer = &mid, .from = PKI_NOW + 9 });
	eq(check(), AC_EXPIRED);
	trust_anew(false);
	assert_null(x509_trust_warning(trust, PKI_NOW));
	assert_non_null(
	    x509_trust_warning(trust, PKI_NOW + 366 * (int64_t)PKI_DAY));
}

/* Somebody puts another's signature under the name of an authority. */
static void
forged_crls_are_noticed(void **state)
{
	struct chunk der;

	(void)state;
	make(&other, &(struct pki_want){ .dn = "CN=Other", .ca = true });
	der = pki_crl(&(struct pki_crl){ .issuer = &root, .key = other.key });
	eq(x509_trust_crls(trust, der, &why), -EINVAL);
	assert_non_null(strstr(why, "not signed by it"));
	/* Of an authority in between: when that one is seen. */
	trust_anew(false);
	crl(&(struct pki_crl){ .issuer = &mid, .key = other.key });
	eq(check(), AC_UNTRUSTED);
	assert_non_null(strstr(why, "not signed by the issuer"));
	/* A good one beside it is as good as ever. */
	crl(&(struct pki_crl){ .issuer = &mid });
	eq(check(), AC_NONE);
	/* It says nothing of another authority of that name. */
	make(&mid,
	    &(struct pki_want){ .dn = "CN=Mid", .ca = true, .issuer = &root });
	make(&leaf, &(struct pki_want){ .dn = "CN=gm-01", .issuer = &mid });
	eq(check(), AC_UNTRUSTED);
	crl(&(struct pki_crl){ .issuer = &mid, .revoked = { &leaf } });
	eq(check(), AC_REVOKED);
	/* An authority that may not sign CRLs. */
	make(&mid, &(struct pki_want){ .dn = "CN=Mid",
		       .ca = true,
		       .issuer = &root,
		       .ext = { { "keyUsage", "critical,keyCertSign" } } });
	make(&leaf, &(struct pki_want){ .dn = "CN=gm-01", .issuer = &mid });
	trust_anew(false);
	crl(&(struct pki_crl){ .issuer = &mid });
	eq(check(), AC_UNTRUSTED);
}

static void
no_crls(struct chunk file, const char *part)
{
	trust_anew(false);
	eq(x509_trust_crls(trust, file, &why), -EINVAL);
	if (strstr(why, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, why);
}

static void
crl_files_are_pem_or_der(void **state)
{
	struct chunk a = pki_crl(&(struct pki_crl){ .issuer = &root }), pem;
	struct chunk b =
	    pki_crl(&(struct pki_crl){ .issuer = &mid, .revoked = { &leaf } });
	static const uint8_t text[] = "nothing of the kind";

	(void)state;
	pem = pki_join(pki_pem("X509 CRL", a), pki_pem("X509 CRL", b));
	eq(x509_trust_crls(trust, pem, &why), 0);
	eq(check(), AC_REVOKED);
	trust_anew(false);
	eq(x509_trust_crls(trust, b, &why), 0);
	eq(check(), AC_REVOKED);
	no_crls((struct chunk){ text, sizeof(text) - 1 }, "holds no CRL");
	no_crls((struct chunk){ NULL, 0 }, "");
	no_crls(pem_of(&root), "another kind");
	no_crls((struct chunk){ b.p, b.len - 1 }, "cannot be read");
	no_crls(pki_join(b, (struct chunk){ text, 1 }), "cannot be read");
	pem.len -= 40;
	no_crls(pem, "");
	no_crls(pki_crl(&(struct pki_crl){ .issuer = &mid, .endless = true }),
	    "until when");
	no_crls(pki_crl(&(struct pki_crl){ .issuer = &mid, .delta = 1 }),
	    "not complete");
	no_crls(pki_crl(&(struct pki_crl){ .issuer = &mid, .delta = 2 }),
	    "not complete");
	trust_anew(false);
	b = pki_crl(&(struct pki_crl){ .issuer = &mid });
	for (size_t i = 0; i <= 64; i++)
		eq(x509_trust_crls(trust, b, &why), i < 64 ? 0 : -EINVAL);
	assert_non_null(strstr(why, "more than 64"));
}

static void
no_anchors(struct chunk file, const char *part)
{
	x509_trust_free(&trust);
	trust = x509_trust_new(false);
	eq(x509_trust_anchors(trust, file, &why), -EINVAL);
	if (strstr(why, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, why);
}

static void
anchors_are_authorities(void **state)
{
	struct chunk pem = pem_of(&root), ids;
	struct pki_cert small = { 0 };

	(void)state;
	make(&other, &(struct pki_want){ .dn = "CN=Other", .ca = true });
	eq(x509_trust_anchors(
	       trust, pki_join(pem_of(&other), pem_of(&mid)), &why),
	    0);
	ids = x509_trust_keyids(trust);
	eq(ids.len, 3 * X509_KEYID_LEN);
	assert_memory_not_equal(ids.p, ids.p + X509_KEYID_LEN, X509_KEYID_LEN);
	no_anchors(pem_of(&leaf), "CA:TRUE");
	no_anchors(pki_join(pem, pem_of(&leaf)), "CA:TRUE");
	no_anchors((struct chunk){ NULL, 0 }, "no certificate");
	no_anchors((struct chunk){ pem.p, pem.len - 30 }, "");
	no_anchors(pki_join(pem, pki_key_pem(root.key)), "another kind");
	pki_make(&small, &(struct pki_want){
			     .dn = "CN=s", .ca = true, .key = pki_rsa(2048) });
	no_anchors(pem_of(&small), "3072");
	pki_free(&small);
	x509_trust_free(&trust);
	trust = x509_trust_new(false);
	for (size_t i = 0; i < 17; i++)
		eq(x509_trust_anchors(trust, pem, &why), i < 16 ? 0 : -EINVAL);
	assert_non_null(strstr(why, "more than 16"));
}

/* SHA-1 of the SubjectPublicKeyInfo, which OpenSSL's tool prints so. */
static void
anchors_are_named_by_their_keys(void **state)
{
	unsigned char *spki = NULL, want[EVP_MAX_MD_SIZE];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(root.x), &spki);

	(void)state;
	assert_true(len > 0);
	assert_true(
	    EVP_Digest(spki, (size_t)len, want, NULL, EVP_sha1(), NULL));
	assert_memory_equal(x509_trust_keyids(trust).p, want, 20);
	OPENSSL_free(spki);
}

/* An authority in between may be the anchor itself. */
static void
an_anchor_need_not_be_a_root(void **state)
{
	(void)state;
	x509_trust_free(&trust);
	trust = x509_trust_new(false);
	eq(x509_trust_anchors(trust, pem_of(&mid), &why), 0);
	eq(check(), AC_NONE);
}

static struct x509_chain *
parsed(struct chunk certs)
{
	struct x509_chain *c = NULL;

	eq(x509_chain_get(&c, certs, &why), AC_NONE);
	return c;
}

/* By every octet, and as long as it is good. */
static void
chains_are_kept_for_their_time(void **state)
{
	struct chunk certs = PKI_CHAIN(&leaf, &mid);
	struct x509_chain *c = parsed(certs), *was = c;

	(void)state;
	eq(x509_check(trust, c, PKI_NOW, false, &valid_s, &why), AC_NONE);
	x509_keep(trust, &c, certs, PKI_NOW, false, 100);
	assert_ptr_equal(c, was); /* for the first time */
	assert_null(x509_kept(trust, certs, PKI_NOW, false, &valid_s));
	x509_keep(trust, &c, certs, PKI_NOW, false, 100);
	assert_null(c);
	assert_ptr_equal(
	    x509_kept(trust, certs, PKI_NOW, false, &valid_s), was);
	eq(valid_s, 100);
	assert_ptr_equal(
	    x509_kept(trust, certs, PKI_NOW + 99, false, &valid_s), was);
	eq(valid_s, 1);
	assert_null(x509_kept(trust, certs, PKI_NOW + 100, false, &valid_s));
	assert_null(x509_kept(trust, certs, PKI_NOW - 1, false, &valid_s));
	assert_null(x509_kept(trust, certs, PKI_NOW, true, &valid_s));
	certs.len -= mid.len;
	assert_null(x509_kept(trust, certs, PKI_NOW, false, &valid_s));
	/* The later one in the same place is the one that counts. */
	certs.len += mid.len;
	was = c = parsed(certs);
	x509_keep(trust, &c, certs, PKI_NOW + 7, true, 100);
	assert_null(x509_kept(trust, certs, PKI_NOW + 8, false, &valid_s));
	assert_ptr_equal(
	    x509_kept(trust, certs, PKI_NOW + 8, true, &valid_s), was);
	eq(valid_s, 99);
}

/* What nobody needs may be varied without end: such chains are not kept. */
static void
chains_with_ballast_are_not_kept(void **state)
{
	struct chunk certs = PKI_CHAIN(&leaf, &mid, &mid);

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct x509_chain *c = parsed(certs), *was = c;

		eq(x509_check(trust, c, PKI_NOW, false, &valid_s, &why),
		    AC_NONE);
		x509_keep(trust, &c, certs, PKI_NOW, false, 100);
		assert_ptr_equal(c, was);
		x509_chain_free(&c);
	}
}

static bool
binds(uint8_t type, const void *p, size_t len)
{
	uint8_t body[600] = { type };
	struct x509_chain *c = NULL;
	bool is;

	memcpy(body + 4, p, len);
	eq(x509_chain_get(&c, PKI_CHAIN(&leaf), &why), AC_NONE);
	is = x509_binds(c, (struct chunk){ body, 4 + len });
	x509_chain_free(&c);
	return is;
}

#define STR(s) (s), sizeof(s) - 1

static void
names_are_bound_by_type(void **state)
{
	struct chunk subject;
	struct x509_chain *c = NULL;
	uint8_t der[512];

	(void)state;
	make(&leaf, &(struct pki_want){ .dn = "CN=gm-01,O=Example",
			.issuer = &root,
			.ext = { { "subjectAltName",
			    "DNS:gm-01.example.org,email:Ops@Example.org,"
			    "IP:192.0.2.7,IP:2001:db8::7,URI:urn:x,DNS:*.wild."
			    "org" } } });
	assert_true(binds(2, STR("gm-01.example.org")));
	assert_true(binds(2, STR("GM-01.Example.org")));
	assert_false(binds(2, STR("gm-01.example.or")));
	assert_false(binds(2, STR("gm-02.example.org")));
	assert_false(binds(2, STR("x.wild.org")));
	assert_false(binds(2, STR("")));
	assert_false(binds(2, STR("gm-01.example.org\0")));
	assert_false(binds(2, STR("Ops@Example.org")));
	assert_true(binds(3, STR("Ops@Example.org")));
	assert_true(binds(3, STR("Ops@eXample.org")));
	assert_false(binds(3, STR("ops@example.org")));
	assert_false(binds(3, STR("Ops-Example.org")));
	assert_true(binds(1, STR("\xc0\0\2\7")));
	assert_false(binds(1, STR("\xc0\0\2\x08")));
	assert_false(binds(1, STR("\xc0\0\2")));
	assert_true(binds(5, STR("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7")));
	assert_false(binds(5, STR("\xc0\0\2\7")));
	assert_false(binds(1, STR("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7")));
	assert_false(binds(11, STR("gm-01.example.org")));
	assert_false(binds(2, STR("urn:x")));
	eq(x509_chain_get(&c, PKI_CHAIN(&leaf), &why), AC_NONE);
	subject = x509_subject(c);
	assert_true(subject.len < sizeof(der));
	memcpy(der, subject.p, subject.len);
	x509_chain_free(&c);
	assert_true(binds(9, der, subject.len));
	der[subject.len - 1] ^= 1;
	assert_false(binds(9, der, subject.len));
	assert_false(binds(2, der, subject.len));
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
		T(the_revoked_are_refused),
		T(an_authority_can_be_revoked),
		T(a_crl_can_be_required),
		T(an_old_crl_proves_nothing),
		T(forged_crls_are_noticed),
		T(crl_files_are_pem_or_der),
		T(anchors_are_authorities),
		T(anchors_are_named_by_their_keys),
		T(an_anchor_need_not_be_a_root),
		T(chains_are_kept_for_their_time),
		T(chains_with_ballast_are_not_kept),
		T(names_are_bound_by_type),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
