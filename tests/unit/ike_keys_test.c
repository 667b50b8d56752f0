/* SPDX-License-Identifier: ISC */
/* The keys of an IKE SA, against OpenSSL's HMAC and formulas written anew. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/ike/auth.h"
#include "keymgrd/core/ike/keys.h"

static const uint8_t spi_i[8] = { 1, 2, 3, 4, 5, 6, 7, 8 },
		     spi_r[8] = { 9, 10, 11, 12, 13, 14, 15, 16 };

static const struct ike_suite suites[] = {
	{ ENCR_AES_GCM_16, PRF_SHA256, KE_X25519, true },
	{ ENCR_AES_GCM_16, PRF_SHA384, KE_P384, true },
	{ ENCR_AES_CBC, PRF_SHA256, KE_P256, false },
};

static int
setup(void **state)
{
	(void)state;
	return crypto_init();
}

static int
teardown(void **state)
{
	(void)state;
	crypto_fini();
	return 0;
}

static struct chunk
text(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

static size_t
hmac(enum prf_alg alg, const uint8_t *key, size_t key_len, const uint8_t *p,
    size_t n, uint8_t *out)
{
	const EVP_MD *md = alg == PRF_SHA384 ? EVP_sha384() : EVP_sha256();
	unsigned int len = 0;

	assert_non_null(HMAC(md, key, (int)key_len, p, n, out, &len));
	return len;
}

/* RFC 7296 2.13: 320 octets of it. */
static void
plus(enum prf_alg alg, const uint8_t *key, size_t key_len, const uint8_t *seed,
    size_t n, uint8_t out[320])
{
	uint8_t in[1024], t[PRF_MAX];
	size_t done = 0, len = 0;

	for (uint8_t i = 1; done < 320; i++) {
		size_t part;

		memcpy(in, t, len);
		memcpy(in + len, seed, n);
		in[len + n] = i;
		len = hmac(alg, key, key_len, in, len + n + 1, t);
		part = 320 - done < len ? 320 - done : len;
		memcpy(out + done, t, part);
		done += part;
	}
}

static void
check_keys(const struct ike_suite *s, size_t ni_len, size_t nr_len)
{
	uint8_t nonces[512], shared[48], seed[528], skeyseed[48], t[320];
	uint8_t w[320], *p = t;
	size_t n, e = s->encr == ENCR_AES_CBC ? 32 : 36;
	size_t a = s->encr == ENCR_AES_CBC ? 32 : 0;
	struct ike_keys k;

	for (size_t i = 0; i < sizeof(nonces); i++)
		nonces[i] = (uint8_t)(i * 3 + ni_len);
	for (size_t i = 0; i < sizeof(shared); i++)
		shared[i] = (uint8_t)(0xf0 - i);
	assert_int_equal(
	    ike_keys_derive(s, (struct chunk){ shared, sizeof(shared) },
		(struct chunk){ nonces, ni_len },
		(struct chunk){ nonces + ni_len, nr_len }, spi_i, spi_r, &k),
	    0);
	n = hmac(
	    s->prf, nonces, ni_len + nr_len, shared, sizeof(shared), skeyseed);
	memcpy(seed, nonces, ni_len + nr_len);
	memcpy(seed + ni_len + nr_len, spi_i, 8);
	memcpy(seed + ni_len + nr_len + 8, spi_r, 8);
	plus(s->prf, skeyseed, n, seed, ni_len + nr_len + 16, t);
	assert_memory_equal(k.d_pi_pr, p, n);
	p += n;
	assert_memory_equal(k.i.a, p, a);
	assert_memory_equal(k.r.a, p + a, a);
	p += 2 * a;
	assert_memory_equal(k.i.e, p, e);
	assert_memory_equal(k.r.e, p + e, e);
	p += 2 * e;
	assert_memory_equal(k.d_pi_pr + n, p, 2 * n);
	plus(s->prf, k.d_pi_pr, n, text("Key Wrap for G-IKEv2").p, 20, w);
	assert_memory_equal(k.gsk_w, w, 32);
	assert_int_equal(k.i.encr, s->encr);
	assert_int_equal(k.r.encr, s->encr);
	assert_int_equal(k.prf, s->prf);
}

static void
keys_in_their_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < NITEMS(suites); i++) {
		check_keys(&suites[i], 32, 32);
		check_keys(&suites[i], 16, 16);
		check_keys(&suites[i], 33, 128); /* more than a block */
		check_keys(&suites[i], 256, 256);
	}
}

static void
what_does_not_fit(void **state)
{
	static const uint8_t n[257];
	struct ike_suite odd = suites[0];
	struct ike_keys k;
	struct chunk s = { n, 32 }, longer = { n, 257 };

	(void)state;
	assert_int_equal(
	    ike_keys_derive(&suites[0], s, longer, s, spi_i, spi_r, &k),
	    -EINVAL);
	assert_int_equal(
	    ike_keys_derive(&suites[0], s, s, longer, spi_i, spi_r, &k),
	    -EINVAL);
	odd.prf = (enum prf_alg)7;
	assert_int_equal(
	    ike_keys_derive(&odd, s, s, s, spi_i, spi_r, &k), -EINVAL);
}

static void
gsk_w_known_answer(void **state)
{
	static const uint8_t want[] = { 0xb1, 0x69, 0x18, 0x07, 0x42, 0xeb,
		0x22, 0x16, 0x50, 0x48, 0xcc, 0xe7, 0x28, 0x1f, 0x2e, 0x65,
		0x46, 0x50, 0x10, 0x93, 0x1c, 0x41, 0xa1, 0xb3, 0x9a, 0x84,
		0x92, 0xaf, 0xf3, 0x3a, 0x06, 0xd4 };
	uint8_t d[PRF_LEN], got[KW_KEY_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(d); i++)
		d[i] = (uint8_t)i;
	assert_int_equal(ike_gsk_w(PRF_SHA256, d, got), 0);
	assert_memory_equal(got, want, sizeof(want));
}

/* RFC 8784 3: SK_d, SK_pi and SK_pr change, and GSK_w with SK_d. */
static void
mixed_keys(void **state)
{
	uint8_t mixed[3 * PRF_MAX], w[320];
	struct chunk ss = { mixed, 32 };

	(void)state;
	memset(mixed, 0x42, sizeof(mixed));
	for (size_t i = 0; i < NITEMS(suites); i++) {
		size_t n = prf_len(suites[i].prf);
		struct ike_keys k, was;

		assert_int_equal(
		    ike_keys_derive(&suites[i], ss, ss, ss, spi_i, spi_r, &k),
		    0);
		was = k;
		assert_int_equal(
		    ike_keys_mixed(&k, (struct chunk){ mixed, 3 * n - 1 }),
		    -EBADMSG);
		assert_memory_equal(&k, &was, sizeof(k));
		assert_int_equal(
		    ike_keys_mixed(&k, (struct chunk){ mixed, 3 * n }), 0);
		assert_memory_equal(k.d_pi_pr, mixed, 3 * n);
		plus(k.prf, mixed, n, text("Key Wrap for G-IKEv2").p, 20, w);
		assert_memory_equal(k.gsk_w, w, 32);
		assert_memory_equal(&k.i, &was.i, sizeof(k.i));
		assert_memory_equal(&k.r, &was.r, sizeof(k.r));
	}
}

/* Each side's ID with each side's key. */
static void
maced_ids(void **state)
{
	static const uint8_t id[] = { 11, 0, 0, 0, 'm', 'e' };
	uint8_t mac[PRF_MAX], want[PRF_MAX];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		bool initiator = i % 2;
		struct ike_keys k = { .prf = i < 2 ? PRF_SHA256 : PRF_SHA384 };
		size_t n = prf_len(k.prf);

		for (size_t j = 0; j < sizeof(k.d_pi_pr); j++)
			k.d_pi_pr[j] = (uint8_t)j;
		assert_int_equal(ike_maced_id(&k, initiator,
				     (struct chunk){ id, sizeof(id) }, mac),
		    0);
		hmac(k.prf, k.d_pi_pr + (initiator ? n : 2 * n), n, id,
		    sizeof(id), want);
		assert_memory_equal(mac, want, n);
	}
}

static void
psk_auth(void **state)
{
	const char *psk = "a secret of more than one block of the hash, which "
			  "HMAC hashes first: 64 octets, and more for 384 bits "
			  "where a block has 128 of them";
	struct chunk init = text("IKE_SA_INIT message"), nonce = text("Nr");

	(void)state;
	for (int i = 0; i < 2; i++) {
		enum prf_alg alg = i ? PRF_SHA384 : PRF_SHA256;
		uint8_t key[PRF_MAX], all[256], want[PRF_MAX], got[PRF_MAX];
		struct chunk m = text(
		    "a MAC of 48 octets, in which nobody looks, or of 32 only");
		size_t n;

		m.len = prf_len(alg);
		n = hmac(alg, text(psk).p, strlen(psk),
		    text("Key Pad for IKEv2").p, 17, key);
		memcpy(all, init.p, init.len);
		memcpy(all + init.len, nonce.p, nonce.len);
		memcpy(all + init.len + nonce.len, m.p, m.len);
		hmac(alg, key, n, all, init.len + nonce.len + m.len, want);
		assert_int_equal(
		    ike_psk_auth(alg, text(psk), init, nonce, m, got), 0);
		assert_memory_equal(got, want, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_in_their_order),
		cmocka_unit_test(what_does_not_fit),
		cmocka_unit_test(gsk_w_known_answer),
		cmocka_unit_test(mixed_keys),
		cmocka_unit_test(maced_ids),
		cmocka_unit_test(psk_auth),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
