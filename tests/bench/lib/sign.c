/* SPDX-License-Identifier: ISC */
#include "tests/bench/lib/sign.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#define SIGNATURE_LEN 64

/* Length, then the AlgorithmIdentifier of Ed25519. */
static const uint8_t ed25519[] = { 7, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70 };

static uint8_t *
octets_of(const struct signed_parts *p, size_t *len)
{
	uint8_t *b;

	*len = p->init.len + p->nonce.len + p->maced_id.len;
	must((b = malloc(*len)) != NULL);
	memcpy(b, p->init.p, p->init.len);
	memcpy(b + p->init.len, p->nonce.p, p->nonce.len);
	memcpy(b + p->init.len + p->nonce.len, p->maced_id.p, p->maced_id.len);
	return b;
}

static void
by_key(EVP_PKEY *key, const struct signed_parts *p, struct sign_auth *out)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t len, n = SIGNATURE_LEN;
	uint8_t *b = octets_of(p, &len);

	memcpy(out->data, ed25519, sizeof(ed25519));
	must(c != NULL && EVP_DigestSignInit(c, NULL, NULL, NULL, key) == 1 &&
	     EVP_DigestSign(c, out->data + sizeof(ed25519), &n, b, len) == 1);
	out->len = sizeof(ed25519) + n;
	out->method = METHOD_SIGNATURE;
	EVP_MD_CTX_free(c);
	free(b);
}

void
sign_make(
    const struct signer *s, const struct signed_parts *p, struct sign_auth *out)
{
	if (s->leaf != NULL) {
		by_key(s->leaf->key, p, out);
		return;
	}
	out->method = METHOD_PSK;
	out->len = prf_len(p->prf);
	must(ike_psk_auth(p->prf, s->psk, p->init, p->nonce, p->maced_id,
		 out->data) == 0);
}

static bool
issued(X509 *x, struct chunk der)
{
	X509 *anchor = d2i_X509(NULL, &der.p, (long)der.len);
	bool ok =
	    anchor != NULL && X509_verify(x, X509_get0_pubkey(anchor)) == 1;

	X509_free(anchor);
	return ok;
}

bool
sign_verify(struct chunk anchor, struct chunk cert,
    const struct signed_parts *p, struct chunk auth)
{
	X509 *x = d2i_X509(NULL, &cert.p, (long)cert.len);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t len;
	uint8_t *b = octets_of(p, &len);
	bool ok = c != NULL && x != NULL && issued(x, anchor) &&
		  auth.len == sizeof(ed25519) + SIGNATURE_LEN &&
		  memcmp(auth.p, ed25519, sizeof(ed25519)) == 0 &&
		  EVP_DigestVerifyInit(
		      c, NULL, NULL, NULL, X509_get0_pubkey(x)) == 1 &&
		  EVP_DigestVerify(
		      c, auth.p + sizeof(ed25519), SIGNATURE_LEN, b, len) == 1;

	free(b);
	EVP_MD_CTX_free(c);
	X509_free(x);
	return ok;
}
