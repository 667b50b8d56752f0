/* SPDX-License-Identifier: ISC */
#include "tests/bench/lib/evpsum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509v3.h>

#include "mikesim/core/ca.h"

#define LEAVES 64  /* so that no certificate comes twice in a row */
#define SIGNED 330 /* octets: IKE_SA_INIT, nonce and MACed ID */
#define ED25519_LEN 64

struct evp_bench {
	struct ca *ca;
	struct leaf leaf[LEAVES];
	X509_STORE *anchors;
	EVP_PKEY *peer; /* X25519 */
	uint8_t msg[SIGNED], sig[ED25519_LEN];
	unsigned int next;
};

double
cpu_us(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
compare(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

double
median(double *v, size_t n)
{
	must(n > 0);
	qsort(v, n, sizeof(*v), compare);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static EVP_PKEY *
x25519_new(void)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_X25519, NULL);
	EVP_PKEY *k = NULL;

	must(c != NULL && EVP_PKEY_keygen_init(c) == 1 &&
	     EVP_PKEY_keygen(c, &k) == 1);
	EVP_PKEY_CTX_free(c);
	return k;
}

static void
do_keygen(struct evp_bench *b)
{
	uint8_t pub[32];
	size_t len = sizeof(pub);
	EVP_PKEY *k = x25519_new();

	(void)b;
	must(EVP_PKEY_get_raw_public_key(k, pub, &len) == 1);
	EVP_PKEY_free(k);
}

/* The peer's key comes off the wire, so reading it belongs to it. */
static void
do_derive(struct evp_bench *b)
{
	uint8_t pub[32], out[32];
	size_t len = sizeof(pub);
	EVP_PKEY *peer;
	EVP_PKEY_CTX *c;

	must(EVP_PKEY_get_raw_public_key(b->peer, pub, &len) == 1);
	peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, pub, len);
	c = EVP_PKEY_CTX_new(b->peer, NULL);
	len = sizeof(out);
	must(peer != NULL && c != NULL && EVP_PKEY_derive_init(c) == 1 &&
	     EVP_PKEY_derive_set_peer(c, peer) == 1 &&
	     EVP_PKEY_derive(c, out, &len) == 1);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(peer);
}

static void
do_sign(struct evp_bench *b)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t len = sizeof(b->sig);

	must(c != NULL &&
	     EVP_DigestSignInit(c, NULL, NULL, NULL, b->leaf[0].key) == 1 &&
	     EVP_DigestSign(c, b->sig, &len, b->msg, sizeof(b->msg)) == 1);
	EVP_MD_CTX_free(c);
}

static void
do_verify(struct evp_bench *b)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	must(c != NULL &&
	     EVP_DigestVerifyInit(c, NULL, NULL, NULL, b->leaf[0].key) == 1 &&
	     EVP_DigestVerify(
		 c, b->sig, sizeof(b->sig), b->msg, sizeof(b->msg)) == 1);
	EVP_MD_CTX_free(c);
}

static void
do_cert(struct evp_bench *b)
{
	const struct leaf *l = &b->leaf[b->next++ % LEAVES];
	const unsigned char *p = l->der;
	X509 *x = d2i_X509(NULL, &p, (long)l->der_len);
	X509_STORE_CTX *c = X509_STORE_CTX_new();

	must(x != NULL && X509_get0_pubkey(x) != NULL);
	must(c != NULL && X509_STORE_CTX_init(c, b->anchors, x, NULL) == 1 &&
	     X509_verify_cert(c) == 1);
	X509_STORE_CTX_free(c);
	X509_free(x);
}

static const struct {
	const char *name;
	void (*run)(struct evp_bench *b);
} parts[EVP_PARTS] = {
	[EVP_X_KEYGEN] = { "X25519 keygen", do_keygen },
	[EVP_X_DERIVE] = { "X25519 derive", do_derive },
	[EVP_E_SIGN] = { "Ed25519 sign", do_sign },
	[EVP_E_VERIFY] = { "Ed25519 verify", do_verify },
	[EVP_CERT] = { "X.509 parse, key and chain", do_cert },
};

const char *
evp_part_name(enum evp_part p)
{
	return parts[p].name;
}

struct evp_bench *
evp_bench_new(void)
{
	struct evp_bench *b = calloc(1, sizeof(*b));
	struct chunk der;
	X509 *anchor;

	must(b != NULL);
	b->ca = ca_new(NULL, time(NULL));
	der = ca_cert(b->ca);
	anchor = d2i_X509(NULL, &der.p, (long)der.len);
	must((b->anchors = X509_STORE_new()) != NULL && anchor != NULL &&
	     X509_STORE_add_cert(b->anchors, anchor) == 1);
	X509_free(anchor);
	for (unsigned int i = 0; i < LEAVES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "receiver-%06u", i);
		ca_leaf(b->ca, name, NULL, &b->leaf[i]);
	}
	b->peer = x25519_new();
	for (size_t i = 0; i < sizeof(b->msg); i++)
		b->msg[i] = (uint8_t)(i * 31);
	do_sign(b); /* there is one to verify */
	return b;
}

void
evp_bench_free(struct evp_bench **b)
{
	for (unsigned int i = 0; i < LEAVES; i++)
		leaf_fini(&(*b)->leaf[i]);
	EVP_PKEY_free((*b)->peer);
	X509_STORE_free((*b)->anchors);
	ca_free(&(*b)->ca);
	free(*b);
	*b = NULL;
}

void
evp_bench_run(struct evp_bench *b, unsigned int n, struct evp_cost *out)
{
	*out = (struct evp_cost){ 0 };
	for (unsigned int p = 0; p < EVP_PARTS; p++) {
		double from = cpu_us();

		for (unsigned int i = 0; i < n; i++)
			parts[p].run(b);
		out->us[p] = (cpu_us() - from) / n;
		out->sum += out->us[p];
	}
}
