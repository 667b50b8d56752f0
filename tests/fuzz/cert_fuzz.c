/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "policyd/core/idname.h"
#include "policyd/core/x509.h"
#include "tests/lib/pki.h"

/*
 * What a stranger sends to be believed: certificates, AUTH values, identities.
 * The first octet says which; in two of the kinds the input is XORed over
 * something good, so that the fuzzer gets behind the signatures.  Whatever is
 * believed must be what the authority signed.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pki_cert root, mid, leaf;
static struct x509_trust *trust;
static struct chunk subject;
static uint8_t subject_buf[512];
static const uint8_t octets[32];
static const struct chunk parts[SIG_PARTS] = { { octets, 32 }, { octets, 16 },
	{ octets, 32 } };
static uint8_t auth[SIG_AUTH_MAX];
static size_t auth_len;

/* Always the same keys, so that an input means the same in every run. */
static EVP_PKEY *
fixed_key(uint8_t seed)
{
	uint8_t raw[32];
	EVP_PKEY *key;

	memset(raw, seed, sizeof(raw));
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, 32);
	must(key != NULL);
	return key;
}

static void
start(void)
{
	struct x509_chain *c = NULL;
	struct sig_key k;
	const char *why;
	struct chunk der;

	must(sig_init() == 0 && x509_init() == 0);
	pki_make(&root, &(struct pki_want){
			    .dn = "CN=Root", .ca = true, .key = fixed_key(1) });
	pki_make(&mid, &(struct pki_want){ .dn = "CN=Mid",
			   .ca = true,
			   .key = fixed_key(2),
			   .issuer = &root });
	pki_make(&leaf, &(struct pki_want){ .dn = "CN=gm-01,O=Example",
			    .key = fixed_key(3),
			    .issuer = &mid,
			    .ext = { { "subjectAltName",
				"DNS:gm.example,IP:10.0.0.1" } } });
	trust = x509_trust_new(false);
	der = pki_pem("CERTIFICATE", (struct chunk){ root.der, root.len });
	must(trust != NULL && x509_trust_anchors(trust, der, &why) == 0);
	must(x509_chain_get(&c, PKI_CHAIN(&leaf), &why) == AC_NONE);
	subject = x509_subject(c);
	must(subject.len <= sizeof(subject_buf));
	memcpy(subject_buf, subject.p, subject.len);
	subject.p = subject_buf;
	x509_chain_free(&c);
	must(sig_key_of(&k, leaf.key, &why) == 0);
	must(sig_make(&k, 0xff, parts, auth, &auth_len, &why) == 0);
}

/* Believed: so it names whom the authority named, with that one's key. */
static void
must_be_leaf(const struct x509_chain *c)
{
	struct chunk is = x509_subject(c);

	must(is.len == subject.len && memcmp(is.p, subject.p, is.len) == 0);
	must(EVP_PKEY_eq(x509_key(c)->pkey, leaf.key) == 1);
}

static void
chain(struct chunk certs)
{
	static const uint8_t ip[] = { 1, 0, 0, 0, 10, 0, 0, 1 };
	struct x509_chain *c = NULL;
	enum auth_cause cause;
	uint32_t valid_s = 0;
	const char *why = NULL;

	cause = x509_chain_get(&c, certs, &why);
	must(why != NULL && (cause == AC_NONE) == (c != NULL));
	if (c == NULL)
		return;
	(void)x509_binds(c, (struct chunk){ ip, sizeof(ip) });
	(void)x509_is_p384(c);
	(void)x509_chain_warning(c, PKI_NOW);
	cause = x509_check(trust, c, PKI_NOW, false, &valid_s, &why);
	must((cause == AC_NONE) == (valid_s != 0));
	if (cause == AC_NONE)
		must_be_leaf(c);
	x509_chain_free(&c);
}

static void
bent_chain(const uint8_t *data, size_t size)
{
	static uint8_t buf[16384];
	struct chunk good = PKI_CHAIN(&leaf, &mid);

	memcpy(buf, good.p, good.len);
	for (size_t i = 0; i < size && i < good.len; i++)
		buf[i] ^= data[i];
	chain((struct chunk){ buf, good.len });
}

static void
bent_auth(const uint8_t *data, size_t size)
{
	uint8_t buf[SIG_AUTH_MAX];
	bool same = true;
	struct sig_key k;
	const char *why;
	int r;

	memcpy(buf, auth, auth_len);
	for (size_t i = 0; i < size && i < auth_len; i++) {
		buf[i] ^= data[i];
		same = same && data[i] == 0;
	}
	must(sig_key_of(&k, leaf.key, &why) == 0);
	r = sig_check(&k, (struct chunk){ buf, auth_len }, true, parts, &why);
	must((r == 0) == same);
}

/* What an operator's file may hold. */
static void
file(struct chunk c)
{
	struct x509_trust *t = x509_trust_new(false);
	const char *why = NULL;

	must(t != NULL);
	if (x509_trust_anchors(t, c, &why) != 0)
		must(why != NULL);
	why = NULL;
	if (x509_trust_crls(t, c, &why) != 0)
		must(why != NULL);
	(void)x509_trust_warning(t, PKI_NOW);
	x509_trust_free(&t);
}

static void
name(struct chunk c)
{
	char text[128];
	struct sig_alg a;

	(void)!idname_text(c, text, sizeof(text));
	for (const char *p = text; *p != '\0'; p++)
		must((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f);
	(void)!sig_alg_get(c, &a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (trust == NULL)
		start();
	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'b':
		bent_chain(data + 1, size - 1);
		break;
	case 'a':
		bent_auth(data + 1, size - 1);
		break;
	case 'f':
		file((struct chunk){ data + 1, size - 1 });
		break;
	case 'n':
		name((struct chunk){ data + 1, size - 1 });
		break;
	default:
		chain((struct chunk){ data + 1, size - 1 });
	}
	return 0;
}
