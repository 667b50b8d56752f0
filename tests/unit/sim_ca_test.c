/* SPDX-License-Identifier: ISC */
/* The simulation's authority: the same again, and one that policyd believes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include "common/crypto.h"
#include "common/dn.h"
#include "common/secret.h"
#include "mikesim/core/ca.h"
#include "policyd/core/x509.h"
#include "tests/lib/simrun.h"

#define eq assert_int_equal
#define NOW 1767225600 /* 2026-01-01 */
#define HOUR 3600
#define DAY 86400

static const uint8_t seed_a[CA_SEED_LEN] = { 1, 2, 3 };
static const uint8_t seed_b[CA_SEED_LEN] = { 1, 2, 4 };

static struct chunk
der_of(const struct leaf *l)
{
	return (struct chunk){ l->der, l->der_len };
}

static bool
same(struct chunk a, struct chunk b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static struct chunk
text(char *pem)
{
	return (struct chunk){ (const uint8_t *)pem, strlen(pem) };
}

static const char *
name_of(size_t len)
{
	static char name[64];

	memset(name, 'n', len);
	name[len] = '\0';
	return name;
}

/* -- the same again ------------------------------------------------------- */

static void
same_seed_same_octets(void **state)
{
	struct ca *a = ca_new(seed_a, NOW), *b = ca_new(seed_a, NOW);
	struct ca *other = ca_new(seed_b, NOW),
		  *later = ca_new(seed_a, NOW + 1);
	struct leaf l, m;

	(void)state;
	assert_true(same(ca_cert(a), ca_cert(b)));
	assert_false(same(ca_cert(a), ca_cert(other)));
	assert_false(same(ca_cert(a), ca_cert(later)));
	ca_leaf(a, "hq-01", seed_b, &l);
	ca_leaf(b, "hq-01", seed_b, &m);
	assert_true(same(der_of(&l), der_of(&m)));
	leaf_fini(&m);
	ca_leaf(b, "hq-01", seed_a, &m); /* another key */
	assert_false(same(der_of(&l), der_of(&m)));
	leaf_fini(&m);
	ca_leaf(b, "hq-02", seed_b, &m);
	assert_false(same(der_of(&l), der_of(&m)));
	leaf_fini(&m);
	leaf_fini(&l);
	ca_free(&a);
	ca_free(&b);
	ca_free(&other);
	ca_free(&later);
	assert_null(a);
}

/* A host's is made when it is needed: whose was made before must not count. */
static void
order_does_not_count(void **state)
{
	struct ca *a = ca_new(seed_a, NOW), *b = ca_new(seed_a, NOW);
	struct leaf up[40], down[40];

	(void)state;
	for (size_t i = 0; i < 40; i++)
		ca_leaf(a, name_of(i + 1), seed_b, &up[i]);
	for (size_t i = 40; i-- > 0;)
		ca_leaf(b, name_of(i + 1), seed_b, &down[i]);
	for (size_t i = 0; i < 40; i++) {
		assert_true(same(der_of(&up[i]), der_of(&down[i])));
		leaf_fini(&up[i]);
		leaf_fini(&down[i]);
	}
	ca_free(&a);
	ca_free(&b);
}

static void
without_a_seed_a_new_one(void **state)
{
	struct ca *a = ca_new(NULL, NOW), *b = ca_new(NULL, NOW);
	struct leaf l, m;

	(void)state;
	assert_false(same(ca_cert(a), ca_cert(b)));
	ca_leaf(a, "hq-01", NULL, &l);
	ca_leaf(a, "hq-01", NULL, &m);
	eq(l.der_len, LEAF_LEN);
	assert_false(same(der_of(&l), der_of(&m)));
	leaf_fini(&l);
	leaf_fini(&m);
	assert_null(l.key);
	assert_null(l.der);
	ca_free(&a);
	ca_free(&b);
}

/* -- its length ----------------------------------------------------------- */

/* Messages do not depend on names; only very long ones need more. */
static void
always_of_one_length(void **state)
{
	struct ca *a = ca_new(seed_a, NOW);
	struct leaf l;

	(void)state;
	for (size_t round = 0; round < 2; round++)
		for (size_t len = 1; len < 64; len++) {
			size_t more =
			    len > LEAF_NAME ? 2 * (len - LEAF_NAME) - 1 : 0;

			ca_leaf(a, name_of(len), seed_b, &l);
			eq(l.der_len, LEAF_LEN + more);
			leaf_fini(&l);
		}
	for (unsigned int i = 0; i < 300; i++) {
		char name[32];

		snprintf(name, sizeof(name), "scout-%02u-%05u", i % 7, i);
		ca_leaf(a, name, NULL, &l);
		eq(l.der_len, LEAF_LEN);
		leaf_fini(&l);
	}
	ca_free(&a);
}

/* The longest names that a scenario can have. */
static void
long_names_in_a_run(void **state)
{
	static const char conf[] =
	    "scenario { duration = 20s auth = x509 }\n" SIMRUN_LINKS
	    "senders command-post-of-the-9th-brigade1 "
	    "{ count = 1 link = core }\n"
	    "receivers reconnaissance-detachment-alpha1 "
	    "{ count = 2 link = core join = 1s }\n";

	(void)state;
	simrun(conf, 1, NULL, 0, NULL, NULL);
}

/* -- what it says --------------------------------------------------------- */

static void
subject_is_the_name(void **state)
{
	struct ca *a = ca_new(seed_a, NOW);
	uint8_t dn[LEAF_DN_MAX], want[LEAF_DN_MAX];
	char line[128];
	size_t want_len;
	struct leaf l;

	(void)state;
	for (size_t len = 1; len < 64; len++) {
		ca_leaf(a, name_of(len), seed_b, &l);
		assert_string_equal(l.name, name_of(len));
		eq(ca_dn(name_of(len), dn), l.dn_len);
		assert_memory_equal(dn, l.dn, l.dn_len);
		snprintf(line, sizeof(line), "CN=%s,O=Example", name_of(len));
		eq(dn_parse(line, want, sizeof(want), &want_len), 0);
		eq(want_len, l.dn_len);
		assert_memory_equal(want, l.dn, l.dn_len);
		leaf_fini(&l);
	}
	ca_free(&a);
}

static bool
signed_by(struct chunk cert, struct chunk issuer)
{
	const uint8_t *p = cert.p, *q = issuer.p;
	X509 *x = d2i_X509(NULL, &p, (long)cert.len);
	X509 *y = d2i_X509(NULL, &q, (long)issuer.len);
	bool is;

	assert_non_null(x);
	assert_non_null(y);
	is = X509_verify(x, X509_get0_pubkey(y)) == 1;
	X509_free(x);
	X509_free(y);
	return is;
}

static void
signed_by_the_ca(void **state)
{
	struct ca *a = ca_new(seed_a, NOW), *b = ca_new(seed_b, NOW);
	struct leaf l;

	(void)state;
	ca_leaf(a, "hq-01", seed_b, &l);
	assert_true(signed_by(der_of(&l), ca_cert(a)));
	assert_true(signed_by(ca_cert(a), ca_cert(a)));
	assert_false(signed_by(der_of(&l), ca_cert(b)));
	leaf_fini(&l);
	ca_free(&a);
	ca_free(&b);
}

/* From files in PEM, as lab and benches have them. */
static void
taken_over_from_files(void **state)
{
	struct ca *a = ca_new(seed_a, NOW), *b;
	char *cert = cert_pem(ca_cert(a)), *key;
	struct leaf mine, l, m;

	(void)state;
	ca_leaf(a, "x", seed_a, &mine); /* a leaf with the key of the CA */
	key = leaf_key_pem(&mine);
	b = ca_from(text(cert), text(key), NOW);
	assert_true(same(ca_cert(a), ca_cert(b)));
	ca_leaf(a, "hq-01", seed_b, &l);
	ca_leaf(b, "hq-01", seed_b, &m);
	assert_true(same(der_of(&l), der_of(&m)));
	leaf_fini(&mine);
	leaf_fini(&l);
	leaf_fini(&m);
	free(cert);
	free(key);
	ca_free(&a);
	ca_free(&b);
}

/* -- what policyd says of it ---------------------------------------------- */

static struct x509_trust *
trust_in(const struct ca *c)
{
	struct x509_trust *t = x509_trust_new(false);
	char *pem = cert_pem(ca_cert(c));
	const char *why = "";

	assert_non_null(t);
	if (x509_trust_anchors(t, text(pem), &why) != 0)
		fail_msg("anchor: %s", why);
	free(pem);
	return t;
}

static enum auth_cause
judge(struct x509_trust *t, struct chunk cert, int64_t now, uint32_t *valid_s)
{
	struct x509_chain *c;
	const char *why;
	enum auth_cause is;

	eq(x509_chain_get(&c, cert, &why), AC_NONE);
	is = x509_check(t, c, now, false, valid_s, &why);
	x509_chain_free(&c);
	return is;
}

static void
valid_in_its_time_only(void **state)
{
	static const struct {
		int64_t at;
		enum auth_cause is;
	} v[] = { { NOW, AC_NONE }, { NOW + 1, AC_NONE },
		{ NOW - HOUR, AC_NONE }, { NOW - HOUR - 1, AC_EXPIRED },
		{ NOW - DAY, AC_EXPIRED }, { NOW + 29 * DAY, AC_NONE },
		{ NOW + 30 * DAY - 1, AC_NONE },
		{ NOW + 30 * DAY + 1, AC_EXPIRED },
		{ NOW + 365 * DAY, AC_EXPIRED } };
	struct ca *a = ca_new(seed_a, NOW);
	struct x509_trust *t = trust_in(a);
	struct leaf l;
	uint32_t valid_s;

	(void)state;
	ca_leaf(a, "hq-01", seed_b, &l);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		eq(judge(t, der_of(&l), v[i].at, &valid_s), v[i].is);
	eq(judge(t, der_of(&l), NOW + 29 * DAY, &valid_s), AC_NONE);
	assert_in_range(valid_s, DAY - 1, DAY + 1);
	leaf_fini(&l);
	x509_trust_free(&t);
	ca_free(&a);
}

static void
believed_by_its_own_only(void **state)
{
	struct ca *a = ca_new(seed_a, NOW), *b = ca_new(seed_b, NOW);
	struct x509_trust *t = trust_in(a), *u = trust_in(b);
	uint32_t valid_s;
	struct leaf l;
	uint8_t der[LEAF_LEN];

	(void)state;
	ca_leaf(a, "hq-01", seed_b, &l);
	eq(judge(t, der_of(&l), NOW, &valid_s), AC_NONE);
	/* Of the same name, but with another key. */
	assert_int_not_equal(judge(u, der_of(&l), NOW, &valid_s), AC_NONE);
	memcpy(der, l.der, sizeof(der));
	der[sizeof(der) - 1] ^= 1; /* of the signature */
	assert_int_not_equal(
	    judge(t, (struct chunk){ der, sizeof(der) }, NOW, &valid_s),
	    AC_NONE);
	leaf_fini(&l);
	x509_trust_free(&t);
	x509_trust_free(&u);
	ca_free(&a);
	ca_free(&b);
}

/* A host's own: its chain, its key, and the name that its ID payload says. */
static void
good_as_ones_own(void **state)
{
	struct ca *a = ca_new(seed_a, NOW);
	uint8_t id[4 + LEAF_DN_MAX] = { 9 }; /* ID_DER_ASN1_DN */
	struct x509_own *own;
	char *cert, *key;
	const char *why;
	struct leaf l;

	(void)state;
	ca_leaf(a, "scout-01-00001", seed_b, &l);
	cert = cert_pem(der_of(&l));
	key = leaf_key_pem(&l);
	eq(x509_own_new(&own, text(cert), &why), 0);
	eq(x509_own_key(own, text(key), &why), 0);
	eq(x509_own_signer(own)->kind, SIG_ED25519);
	assert_true(same(x509_own_der(own, 0), der_of(&l)));
	assert_null(x509_chain_warning(x509_own_chain(own), NOW));
	memcpy(id + 4, l.dn, l.dn_len);
	assert_true(x509_binds(
	    x509_own_chain(own), (struct chunk){ id, 4 + l.dn_len }));
	id[3 + l.dn_len] ^= 1;
	assert_false(x509_binds(
	    x509_own_chain(own), (struct chunk){ id, 4 + l.dn_len }));
	x509_own_free(&own);
	free(cert);
	free(key);
	leaf_fini(&l);
	ca_free(&a);
}

/* Certificates may be made in the streams of a simulation, or without one. */
static int
prepare(void **state)
{
	(void)state;
	return crypto_init() != 0 || sig_init() != 0 || secret_init() != 0 ||
	       x509_init() != 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_same_octets),
		cmocka_unit_test(order_does_not_count),
		cmocka_unit_test(without_a_seed_a_new_one),
		cmocka_unit_test(always_of_one_length),
		cmocka_unit_test(subject_is_the_name),
		cmocka_unit_test(signed_by_the_ca),
		cmocka_unit_test(taken_over_from_files),
		cmocka_unit_test(valid_in_its_time_only),
		cmocka_unit_test(believed_by_its_own_only),
		cmocka_unit_test(good_as_ones_own),
		/* Last: from here on OpenSSL draws from streams alone. */
		cmocka_unit_test(long_names_in_a_run),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
