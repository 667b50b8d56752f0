/* SPDX-License-Identifier: ISC */
/* What is fetched belongs to a thread: they must not meet in it. */
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

#include "common/crypto.h"
#include "tests/lib/hex.h"

#define eq assert_int_equal
#define THREADS 4
#define ROUNDS 300
#define TEXT 64

/* A chain of everything: each round works on what the one before gave. */
struct worker {
	uint8_t start;
	unsigned int rounds;
	bool no_init, fini_often;
	pthread_barrier_t *together;
	int err;
	uint8_t out[TEXT];
};

static int
hash_and_mac(uint8_t t[TEXT])
{
	const struct chunk c[] = { { t, 20 }, { t + 20, TEXT - 20 } };
	uint8_t h[SHA256_LEN], m[PRF_MAX], icv[HMAC_ICV_LEN];
	int r;

	if ((r = sha256(c, 2, h)) != 0 ||
	    (r = prf(PRF_SHA256, h, 32, c, 2, m)) != 0 ||
	    (r = prf(PRF_SHA384, m, 32, c, 1, m)) != 0 ||
	    (r = hmac_icv(m, c, 2, icv)) != 0 ||
	    (r = prf_plus(PRF_SHA384, m, 48, c, 2, t, TEXT)) != 0 ||
	    (r = hkdf_expand(h, c, 2, t, TEXT)) != 0)
		return r;
	for (size_t i = 0; i < sizeof(icv); i++)
		t[i] ^= icv[i];
	return 0;
}

static int
seal_and_open(uint8_t t[TEXT])
{
	const struct chunk aad = { t, 9 };
	uint8_t key[GCM_KEY_LEN], box[TEXT + GCM_TAG_LEN], back[TEXT];
	uint8_t wrapped[KW_WRAPPED_LEN(TEXT)];
	size_t len;
	int r;

	memcpy(key, t + 7, sizeof(key));
	if ((r = aead_seal(key, t, aad, (struct chunk){ t, TEXT }, box)) != 0 ||
	    (r = aead_open(
		 key, t, aad, (struct chunk){ box, sizeof(box) }, back)) != 0)
		return r;
	if (memcmp(back, t, TEXT) != 0)
		return -EILSEQ;
	box[3] ^= 1;
	if (aead_open(key, t, aad, (struct chunk){ box, sizeof(box) }, back) !=
	    -EBADMSG)
		return -EILSEQ;
	if ((r = kw_wrap(key, (struct chunk){ box, TEXT }, wrapped,
		 sizeof(wrapped), &len)) != 0 ||
	    (r = kw_unwrap(
		 key, (struct chunk){ wrapped, len }, back, TEXT, &len)) != 0)
		return r;
	if (len != TEXT || memcmp(back, box, TEXT) != 0)
		return -EILSEQ;
	memcpy(t, wrapped, TEXT);
	return 0;
}

static int
blocks(uint8_t t[TEXT])
{
	uint8_t key[CBC_KEY_LEN], iv[CBC_BLOCK_LEN], was[TEXT];
	int r;

	memcpy(key, t, sizeof(key));
	memcpy(was, t, TEXT);
	if ((r = aes_block(key, t, iv)) != 0 ||
	    (r = cbc_encrypt(key, iv, (struct chunk){ t, TEXT }, t)) != 0 ||
	    (r = cbc_decrypt(key, iv, (struct chunk){ t, TEXT }, t)) != 0)
		return r;
	if (memcmp(t, was, TEXT) != 0)
		return -EILSEQ;
	return cbc_encrypt(key, iv, (struct chunk){ t, TEXT }, t);
}

/* Both sides of an exchange; one of 2^32 keys is none, but not these. */
static int
exchange(uint16_t group, uint8_t t[TEXT])
{
	uint8_t a[KE_PRIV_MAX], b[KE_PRIV_MAX];
	uint8_t pa[KE_PUB_MAX], pb[KE_PUB_MAX];
	uint8_t sa[KE_SHARED_MAX], sb[KE_SHARED_MAX];
	size_t n = ke_pub_len(group);
	int r;

	memcpy(a, t, sizeof(a));
	memcpy(b, t + TEXT - sizeof(b), sizeof(b));
	if ((r = ke_public(group, a, pa)) != 0 ||
	    (r = ke_public(group, b, pb)) != 0 ||
	    (r = ke_shared(group, a, (struct chunk){ pb, n }, sa)) != 0 ||
	    (r = ke_shared(group, b, (struct chunk){ pa, n }, sb)) != 0)
		return r;
	if (memcmp(sa, sb, ke_shared_len(group)) != 0)
		return -EILSEQ;
	memcpy(t, sa, ke_shared_len(group));
	return 0;
}

static int
one_round(uint8_t t[TEXT], unsigned int i)
{
	static const uint16_t groups[] = { KE_X25519, KE_P256, KE_P384 };
	int r;

	if ((r = hash_and_mac(t)) != 0 || (r = seal_and_open(t)) != 0 ||
	    (r = blocks(t)) != 0)
		return r;
	return i % 20 == 0 ? exchange(groups[i / 20 % 3], t) : 0;
}

static void *
work(void *arg)
{
	struct worker *w = arg;

	memset(w->out, w->start, TEXT);
	if (!w->no_init)
		w->err = crypto_init();
	if (w->together != NULL)
		pthread_barrier_wait(w->together);
	for (unsigned int i = 0; i < w->rounds && w->err == 0; i++) {
		if (w->fini_often && i % 10 == 9) {
			crypto_fini();
			w->err = crypto_init();
		}
		if (w->err == 0)
			w->err = one_round(w->out, i);
	}
	if (!w->no_init)
		crypto_fini();
	return NULL;
}

static void
run(struct worker *w, size_t n)
{
	pthread_barrier_t together;
	pthread_t t[THREADS];

	assert_true(n <= THREADS);
	eq(pthread_barrier_init(&together, NULL, (unsigned int)n), 0);
	for (size_t i = 0; i < n; i++) {
		w[i].together = &together;
		eq(pthread_create(&t[i], NULL, work, &w[i]), 0);
	}
	for (size_t i = 0; i < n; i++)
		eq(pthread_join(t[i], NULL), 0);
	pthread_barrier_destroy(&together);
}

/* -- the tests ------------------------------------------------------------ */

/* The chain's first links are known by others' examples: see crypto_test. */
static void
as_one_thread_has_it(void **state)
{
	struct worker alone[THREADS] = { { 0 } }, all[THREADS] = { { 0 } };

	(void)state;
	for (size_t i = 0; i < THREADS; i++) {
		alone[i].start = all[i].start = (uint8_t)(i + 1);
		alone[i].rounds = all[i].rounds = ROUNDS;
		work(&alone[i]);
		eq(alone[i].err, 0);
	}
	run(all, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		eq(all[i].err, 0);
		assert_memory_equal(all[i].out, alone[i].out, TEXT);
		if (i > 0)
			assert_memory_not_equal(
			    all[i].out, all[i - 1].out, TEXT);
	}
}

/* The same input at the same time. */
static void
two_at_the_same(void **state)
{
	struct worker w[2] = { { .start = 9, .rounds = ROUNDS },
		{ .start = 9, .rounds = ROUNDS } };

	(void)state;
	run(w, 2);
	eq(w[0].err, 0);
	eq(w[1].err, 0);
	assert_memory_equal(w[0].out, w[1].out, TEXT);
}

/* FIPS 180 and the GCM specification, in the middle of another's work. */
static void *
known(void *arg)
{
	struct worker *w = arg;
	const struct chunk abc = { (const uint8_t *)"abc", 3 };
	const uint8_t zero[32] = { 0 };
	uint8_t h[SHA256_LEN], box[16 + GCM_TAG_LEN];

	if (w->start != 0)
		return work(w);
	w->err = crypto_init();
	pthread_barrier_wait(w->together);
	for (unsigned int i = 0; i < w->rounds && w->err == 0; i++) {
		memset(w->out, 0, TEXT);
		if ((w->err = sha256(&abc, 1, h)) != 0 ||
		    (w->err = aead_seal(zero, zero, (struct chunk){ 0 },
			 (struct chunk){ zero, 16 }, box)) != 0)
			break;
		memcpy(w->out, h, 32);
		memcpy(w->out + 32, box, 32);
		if (memcmp(w->out,
			hex("ba7816bf8f01cfea414140de5dae22"
			    "23b00361a396177a9cb410ff61f200"
			    "15adcea7403d4d606b6e074ec5d3ba"
			    "f39d18d0d1c8a799996bf0265b98b5"
			    "d48ab919")
			    .p,
			TEXT) != 0)
			w->err = -EILSEQ;
	}
	crypto_fini();
	return NULL;
}

static void
known_answers_beside_another(void **state)
{
	struct worker w[2] = { { .start = 0, .rounds = 10 * ROUNDS },
		{ .start = 3, .rounds = ROUNDS } };
	pthread_barrier_t together;
	pthread_t t[2];

	(void)state;
	eq(pthread_barrier_init(&together, NULL, 2), 0);
	for (size_t i = 0; i < 2; i++) {
		w[i].together = &together;
		eq(pthread_create(&t[i], NULL, known, &w[i]), 0);
	}
	for (size_t i = 0; i < 2; i++)
		eq(pthread_join(t[i], NULL), 0);
	pthread_barrier_destroy(&together);
	eq(w[0].err, 0);
	eq(w[1].err, 0);
}

/* What one gives back is not taken from another. */
static void
one_ends_and_begins_again(void **state)
{
	struct worker w[2] = { { .start = 5, .rounds = ROUNDS },
		{ .start = 5, .rounds = ROUNDS, .fini_often = true } };

	(void)state;
	run(w, 2);
	eq(w[0].err, 0);
	eq(w[1].err, 0);
	assert_memory_equal(w[0].out, w[1].out, TEXT);
}

/* Without an initialization of its own a thread has nothing to work with. */
static void
each_must_begin_itself(void **state)
{
	struct worker w[2] = { { .start = 5, .rounds = 3 },
		{ .start = 5, .rounds = 3, .no_init = true } };

	(void)state;
	eq(crypto_init(), 0); /* of this thread: that is no help */
	run(w, 2);
	eq(w[0].err, 0);
	eq(w[1].err, -EIO);
	eq(one_round(w[1].out, 1), 0); /* and still there after theirs */
	crypto_fini();
	eq(one_round(w[1].out, 1), -EIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_one_thread_has_it),
		cmocka_unit_test(two_at_the_same),
		cmocka_unit_test(known_answers_beside_another),
		cmocka_unit_test(one_ends_and_begins_again),
		cmocka_unit_test(each_must_begin_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
