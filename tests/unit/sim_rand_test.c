/* SPDX-License-Identifier: ISC */
/* OpenSSL draws from the stream of the thread, and from nothing else. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "common/crypto.h"
#include "mikesim/core/rand.h"

#define eq assert_int_equal
#define DRAWS 200

static struct rng
stream(uint64_t number)
{
	struct rng r;

	rng_init(&r, 7, RNG_HOST, number);
	return r;
}

/* Every length from 0 to 99, one after the other. */
static void
drawn_is(int (*draw)(unsigned char *, int), uint64_t number)
{
	struct rng in_use = stream(number), twin = in_use;
	uint8_t a[100], b[100];

	rand_use(&in_use);
	for (int len = 0; len < 100; len++) {
		memset(a, 0xee, sizeof(a));
		memset(b, 0xee, sizeof(b));
		eq(draw(a, len), 1);
		rng_fill(&twin, b, (size_t)len);
		assert_memory_equal(a, b, sizeof(a));
		assert_memory_equal(&in_use, &twin, sizeof(twin));
	}
	rand_use(NULL);
}

static void
bytes_come_from_the_stream(void **state)
{
	(void)state;
	drawn_is(RAND_bytes, 1);
	drawn_is(RAND_bytes, 2);
}

static void
private_bytes_too(void **state)
{
	(void)state;
	drawn_is(RAND_priv_bytes, 1);
	drawn_is(RAND_priv_bytes, 3);
}

/* As the daemons' cores draw. */
static void
through_the_house_s_own(void **state)
{
	struct rng in_use = stream(4), twin = in_use;
	uint8_t a[32], b[32];

	(void)state;
	rand_use(&in_use);
	eq(crypto_rand(a, sizeof(a)), 0);
	rng_fill(&twin, b, sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
	eq(rand_draw(NULL, a, sizeof(a)), 0); /* of struct km_ops */
	rng_fill(&twin, b, sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
	rand_use(NULL);
}

static void
the_last_one_set_counts(void **state)
{
	struct rng a = stream(5), b = stream(6), twin = a;
	uint8_t x[16], y[16], want[32];

	(void)state;
	rng_fill(&twin, want, 16);
	rng_fill(&twin, want + 16, 16);
	rand_use(&a);
	eq(RAND_bytes(x, 16), 1);
	rand_use(&b);
	eq(RAND_bytes(y, 16), 1);
	assert_memory_not_equal(x, y, 16);
	assert_memory_equal(x, want, 16);
	rand_use(&a); /* goes on where it was */
	eq(RAND_bytes(x, 16), 1);
	assert_memory_equal(x, want + 16, 16);
	rand_use(NULL);
}

static EVP_PKEY *
keygen(const char *curve)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
}

static void
without_a_stream_an_error(void **state)
{
	uint8_t a[16] = { 0 }, zero[16] = { 0 };
	struct rng r = stream(1);

	(void)state;
	rand_use(&r);
	rand_use(NULL);
	eq(rand_draw(NULL, a, sizeof(a)), -EIO);
	assert_int_not_equal(RAND_bytes(a, sizeof(a)), 1);
	assert_int_not_equal(RAND_priv_bytes(a, sizeof(a)), 1);
	eq(crypto_rand(a, sizeof(a)), -EIO);
	assert_null(keygen("P-256"));
	assert_memory_equal(a, zero, sizeof(a));
	eq(RAND_status(), 1);
	ERR_clear_error();
}

/* What others stir in changes nothing. */
static void
it_takes_no_seed(void **state)
{
	struct rng in_use = stream(8), twin = in_use;
	uint8_t a[16], b[16];

	(void)state;
	rand_use(&in_use);
	RAND_seed("noise", 5);
	RAND_add("more noise", 10, 10);
	eq(RAND_bytes(a, 16), 1);
	rng_fill(&twin, b, 16);
	assert_memory_equal(a, b, 16);
	rand_use(NULL);
}

/* -- threads -------------------------------------------------------------- */

struct drawer {
	uint64_t number;
	bool none; /* it has no stream */
	unsigned int failed;
	pthread_barrier_t *together;
	uint8_t out[DRAWS][48];
};

static void *
draw_many(void *arg)
{
	struct drawer *d = arg;
	struct rng r = stream(d->number);

	if (!d->none)
		rand_use(&r);
	for (size_t i = 0; i < DRAWS; i++) {
		if (d->together != NULL && i % 20 == 0)
			pthread_barrier_wait(d->together);
		d->failed += RAND_bytes(d->out[i], 48) != 1;
	}
	rand_use(NULL);
	return NULL;
}

static void
threads_have_their_own(void **state)
{
	static struct drawer alone[2], both[3];
	pthread_barrier_t together;
	pthread_t t[3];

	(void)state;
	eq(pthread_barrier_init(&together, NULL, 3), 0);
	for (size_t i = 0; i < 2; i++) {
		alone[i].number = 20 + i;
		draw_many(&alone[i]);
	}
	for (size_t i = 0; i < 3; i++) {
		both[i].number = 20 + i;
		both[i].together = &together;
		both[i].none = i == 2;
		eq(pthread_create(&t[i], NULL, draw_many, &both[i]), 0);
	}
	for (size_t i = 0; i < 3; i++)
		eq(pthread_join(t[i], NULL), 0);
	pthread_barrier_destroy(&together);
	for (size_t i = 0; i < 2; i++) {
		eq(both[i].failed, 0);
		assert_memory_equal(
		    both[i].out, alone[i].out, sizeof(alone[i].out));
	}
	assert_memory_not_equal(both[0].out, both[1].out, sizeof(both[0].out));
	eq(both[2].failed, DRAWS);
}

/* A stream that one thread has set is not there for another. */
static void
another_thread_has_none(void **state)
{
	struct rng r = stream(1), twin = r;
	struct drawer d = { .none = true };
	pthread_t t;

	(void)state;
	rand_use(&r);
	eq(pthread_create(&t, NULL, draw_many, &d), 0);
	eq(pthread_join(t, NULL), 0);
	eq(d.failed, DRAWS);
	assert_memory_equal(&r, &twin, sizeof(r));
	rand_use(NULL);
}

/* -- what OpenSSL makes of it --------------------------------------------- */

struct made {
	uint8_t pub[200], sig[200];
	size_t pub_len, sig_len;
};

/* A key and a signature, of the curve, or Ed25519. */
static void
make(const char *curve, uint64_t number, struct made *m)
{
	struct rng r = stream(number);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *k;
	uint8_t *der = NULL;
	int len;

	rand_use(&r);
	k = curve != NULL ? keygen(curve)
			  : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(k);
	assert_true((len = i2d_PUBKEY(k, &der)) > 0 && len <= 200);
	memset(m, 0, sizeof(*m));
	memcpy(m->pub, der, (size_t)len);
	m->pub_len = (size_t)len;
	m->sig_len = sizeof(m->sig);
	eq(EVP_DigestSignInit_ex(
	       ctx, NULL, curve != NULL ? "SHA256" : NULL, NULL, NULL, k, NULL),
	    1);
	eq(EVP_DigestSign(ctx, m->sig, &m->sig_len, (const uint8_t *)"text", 4),
	    1);
	rand_use(NULL);
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(k);
}

static void
same_stream_same_keys(void **state)
{
	static const char *const curves[] = { "P-256", "P-384", NULL };
	struct made a, b;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (uint64_t n = 0; n < 10; n++) {
			make(curves[i], n, &a);
			make(curves[i], n, &b);
			assert_memory_equal(&a, &b, sizeof(a));
			make(curves[i], n + 1, &b);
			assert_memory_not_equal(a.pub, b.pub, a.pub_len);
			assert_memory_not_equal(a.sig, b.sig, a.sig_len);
		}
}

/* The same key signs the same text: once more with the stream, and without. */
static void
same_stream_same_signature(void **state)
{
	uint8_t sig[3][200];
	size_t len[3];
	struct rng r = stream(1);
	EVP_PKEY *k;

	(void)state;
	rand_use(&r);
	assert_non_null(k = keygen("P-256"));
	for (uint64_t i = 0; i < 3; i++) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();

		memset(sig[i], 0, sizeof(sig[i]));
		len[i] = sizeof(sig[i]);
		r = stream(30 + i / 2); /* 30, 30, 31 */
		eq(EVP_DigestSignInit_ex(
		       ctx, NULL, "SHA256", NULL, NULL, k, NULL),
		    1);
		eq(EVP_DigestSign(
		       ctx, sig[i], &len[i], (const uint8_t *)"text", 4),
		    1);
		EVP_MD_CTX_free(ctx);
	}
	rand_use(NULL);
	eq(len[0], len[1]);
	assert_memory_equal(sig[0], sig[1], sizeof(sig[0]));
	assert_memory_not_equal(sig[0], sig[2], sizeof(sig[0]));
	EVP_PKEY_free(k);
}

/* OpenSSL draws while it loads; what follows must not depend on that. */
static int
prepare(void **state)
{
	struct rng warm = stream(0);
	struct made m;

	(void)state;
	if (rand_replace() != 0)
		return -1;
	rand_use(&warm);
	if (crypto_init() != 0)
		return -1;
	make("P-256", 0, &m);
	make("P-384", 0, &m);
	make(NULL, 0, &m);
	rand_use(NULL);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_from_the_stream),
		cmocka_unit_test(private_bytes_too),
		cmocka_unit_test(through_the_house_s_own),
		cmocka_unit_test(the_last_one_set_counts),
		cmocka_unit_test(without_a_stream_an_error),
		cmocka_unit_test(it_takes_no_seed),
		cmocka_unit_test(threads_have_their_own),
		cmocka_unit_test(another_thread_has_none),
		cmocka_unit_test(same_stream_same_keys),
		cmocka_unit_test(same_stream_same_signature),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
