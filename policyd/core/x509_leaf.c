/* SPDX-License-Identifier: ISC */
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/provider.h>

#include "policyd/core/x509_int.h"

/*
 * d2i_X509() decodes the certificate's public key through OpenSSL's general
 * decoder, which each time looks at all that the providers offer: four fifths
 * of the parsing.  Path validation needs to see that a leaf has a key, but
 * never uses it.  So a leaf with an Ed25519 key is parsed where the one
 * provider is this: it knows Ed25519 by name and can do nothing with it.  The
 * real key is imported from its 32 octets.  Everything else about the
 * certificate, and all of path validation, is as always.
 */

#define SPKI_LEN 44
#define KEY_AT 12

static OSSL_LIB_CTX *world;
static OSSL_FUNC_BIO_read_ex_fn *read_bio;
static char a_key; /* the only object there is */

/* -- keys that are nothing but there --------------------------------------- */

static void *
km_new(void *ctx)
{
	(void)ctx;
	return &a_key;
}

static void
km_free(void *key)
{
	(void)key;
}

static int
km_has(const void *key, int selection)
{
	(void)key;
	return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0;
}

static void *
km_load(const void *reference, size_t size)
{
	(void)reference;
	return size == sizeof(void *) ? &a_key : NULL;
}

/* -- SubjectPublicKeyInfo of Ed25519, read and forgotten ------------------- */

static void *
dec_new(void *ctx)
{
	return ctx;
}

static void
dec_free(void *ctx)
{
	(void)ctx;
}

static int
dec_decode(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *done,
    void *arg, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
	char type[] = "ED25519";
	void *key = &a_key;
	int kind = OSSL_OBJECT_PKEY;
	uint8_t spki[SPKI_LEN];
	size_t n = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &kind),
		OSSL_PARAM_construct_utf8_string(
		    OSSL_OBJECT_PARAM_DATA_TYPE, type, 0),
		OSSL_PARAM_construct_octet_string(
		    OSSL_OBJECT_PARAM_REFERENCE, &key, sizeof(key)),
		OSSL_PARAM_construct_end(),
	};

	(void)ctx;
	(void)selection;
	(void)pw;
	(void)pw_arg;
	if (read_bio(in, spki, sizeof(spki), &n) != 1 || n != sizeof(spki))
		return 0;
	return done(params, arg);
}

/* clang-format off */
#define FN(id, f) { id, (void (*)(void))(f) }

static const OSSL_DISPATCH keymgmt[] = {
	FN(OSSL_FUNC_KEYMGMT_NEW, km_new),
	FN(OSSL_FUNC_KEYMGMT_FREE, km_free),
	FN(OSSL_FUNC_KEYMGMT_HAS, km_has),
	FN(OSSL_FUNC_KEYMGMT_LOAD, km_load),
	{ 0, NULL },
};

static const OSSL_DISPATCH decoder[] = {
	FN(OSSL_FUNC_DECODER_NEWCTX, dec_new),
	FN(OSSL_FUNC_DECODER_FREECTX, dec_free),
	FN(OSSL_FUNC_DECODER_DECODE, dec_decode),
	{ 0, NULL },
};
/* clang-format on */

static const OSSL_ALGORITHM keymgmts[] = {
	{ "ED25519:1.3.101.112", "provider=leaf", keymgmt, NULL },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM decoders[] = {
	{ "ED25519:1.3.101.112",
	    "provider=leaf,input=der,structure=SubjectPublicKeyInfo", decoder,
	    NULL },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *
query(void *ctx, int operation, int *no_store)
{
	(void)ctx;
	*no_store = 0;
	return operation == OSSL_OP_KEYMGMT   ? keymgmts
	       : operation == OSSL_OP_DECODER ? decoders
					      : NULL;
}

static int
start(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **ctx)
{
	static const OSSL_DISPATCH provider[] = {
		FN(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
		{ 0, NULL },
	};

	(void)handle;
	for (; in->function_id != 0; in++)
		if (in->function_id == OSSL_FUNC_BIO_READ_EX)
			read_bio = OSSL_FUNC_BIO_read_ex(in);
	*out = provider;
	*ctx = &a_key;
	return read_bio != NULL;
}

/* -------------------------------------------------------------------------- */

int
x509_leaf_init(void)
{
	if (world != NULL)
		return 0;
	world = OSSL_LIB_CTX_new();
	if (world != NULL &&
	    OSSL_PROVIDER_add_builtin(world, "leaf", start) == 1 &&
	    OSSL_PROVIDER_load(world, "leaf") != NULL)
		return 0;
	OSSL_LIB_CTX_free(world);
	world = NULL;
	return -1;
}

X509 *
x509_leaf_parse(struct chunk der, struct chunk spki, EVP_PKEY **key)
{
	const uint8_t *p = der.p;
	X509 *x;

	*key = NULL;
	if (world == NULL || spki.len != SPKI_LEN)
		return NULL;
	x = (X509 *)ASN1_item_d2i_ex(
	    NULL, &p, (long)der.len, ASN1_ITEM_rptr(X509), world, NULL);
	if (x != NULL && p == der.p + der.len && X509_get0_pubkey(x) != NULL)
		*key = EVP_PKEY_new_raw_public_key_ex(
		    NULL, "ED25519", NULL, spki.p + KEY_AT, SPKI_LEN - KEY_AT);
	if (*key != NULL)
		return x;
	X509_free(x);
	return NULL;
}
