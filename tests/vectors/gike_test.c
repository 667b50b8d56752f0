/* SPDX-License-Identifier: ISC */
/*
 * Known answers of G-IKEv2 that another implementation has computed, kat.json:
 * GSK_w, key wraps of four lengths, and one whole GSA_REKEY message.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "keymgrd/core/ike/gsa.h"
#include "keymgrd/core/ike/kd.h"
#include "keymgrd/core/ike/keys.h"
#include "keymgrd/core/ike/msg.h"
#include "keymgrd/core/ike/sk.h"

#define OCTETS_MAX 1024
#define ED25519_LEN 64
/* REKEY_KEYMAT = GSK_e (key and salt) | GSK_w */
#define GSK_W_AT GCM_KEYMAT_LEN
#define A_LEN (IKE_HDR_LEN + 4)

static json_t *kat; /* NULL: there is no file */

struct octets {
	uint8_t p[OCTETS_MAX];
	size_t n;
};

static int
setup(void **state)
{
	const char *dir = getenv("MIKE_VECTORS");
	char path[4096];
	json_error_t err;

	(void)state;
	snprintf(path, sizeof(path), "%s/gike/kat.json",
	    dir != NULL ? dir : "../shared/vectors");
	kat = json_load_file(path, 0, &err);
	if (kat == NULL)
		fprintf(stderr,
		    "gike vectors: %s: %s: SKIPPED (set MIKE_VECTORS to the "
		    "directory that holds gike/kat.json)\n",
		    path, err.text);
	return crypto_init();
}

static int
teardown(void **state)
{
	(void)state;
	json_decref(kat);
	crypto_fini();
	return 0;
}

static json_t *
entry(const char *name)
{
	json_t *e;

	if (kat == NULL)
		skip();
	e = json_object_get(kat, name);
	if (e == NULL)
		fail_msg("kat.json holds no \"%s\"", name);
	return e;
}

static struct octets
hex(const json_t *e, const char *name)
{
	const char *s = json_string_value(json_object_get(e, name));
	struct octets o = { .n = 0 };
	unsigned int v;

	if (s == NULL)
		fail_msg("no \"%s\"", name);
	assert_int_equal(strlen(s) % 2, 0);
	assert_true(strlen(s) / 2 <= OCTETS_MAX);
	for (; s[2 * o.n] != '\0'; o.n++) {
		assert_int_equal(sscanf(s + 2 * o.n, "%2x", &v), 1);
		o.p[o.n] = (uint8_t)v;
	}
	return o;
}

static struct octets
rekey(const char *name)
{
	return hex(entry("GSA_REKEY"), name);
}

/* A new entry must not pass unseen. */
static void
every_entry_is_known(void **state)
{
	static const char *const known[] = { "GSK_w unicast", "GSA_REKEY",
		"RFC5649", "MLS exporter" };

	(void)state;
	for (size_t i = 0; i < NITEMS(known); i++)
		(void)entry(known[i]);
	assert_int_equal(json_object_size(kat), NITEMS(known));
	assert_int_equal(json_object_size(entry("RFC5649")), 4);
}

static void
gsk_w(void **state)
{
	json_t *e = entry("GSK_w unicast");
	struct octets d = hex(e, "SK_d"), want = hex(e, "GSK_w_32");
	uint8_t got[KW_KEY_LEN];

	(void)state;
	assert_int_equal(d.n, PRF_LEN);
	assert_int_equal(want.n, sizeof(got));
	assert_int_equal(ike_gsk_w(PRF_SHA256, d.p, got), 0);
	assert_memory_equal(got, want.p, want.n);
}

static void
wrap_one(const char *name, const json_t *v)
{
	struct octets km = rekey("REKEY_KEYMAT"),
		      want = hex(entry("RFC5649"), name);
	struct chunk key = { km.p, strtoul(name, NULL, 10) };
	uint8_t out[OCTETS_MAX];
	size_t n = 0;

	assert_true(json_is_string(v));
	assert_in_range(key.len, 1, km.n);
	assert_int_equal(
	    kw_wrap(km.p + GSK_W_AT, key, out, sizeof(out), &n), 0);
	assert_int_equal(n, want.n);
	assert_memory_equal(out, want.p, n);
	assert_int_equal(
	    kw_unwrap(km.p + GSK_W_AT, (struct chunk){ want.p, want.n }, out,
		sizeof(out), &n),
	    0);
	assert_int_equal(n, key.len);
	assert_memory_equal(out, key.p, n);
}

static void
key_wraps(void **state)
{
	const char *name;
	json_t *v;

	(void)state;
	json_object_foreach(entry("RFC5649"), name, v) wrap_one(name, v);
}

static struct sk_key
message_key(void)
{
	struct octets km = rekey("REKEY_KEYMAT");
	struct sk_key k = { .encr = ENCR_AES_GCM_16 };

	assert_int_equal(km.n, GSK_W_AT + KW_KEY_LEN);
	memcpy(k.e, km.p, sizeof(k.e));
	return k;
}

/* The message opened with GSK_e. */
static uint8_t
open_message(const struct octets *m, struct sk_plain *plain)
{
	struct sk_key k = message_key();
	struct sk_frags *frags = NULL;

	assert_int_equal(m->n,
	    json_integer_value(json_object_get(entry("GSA_REKEY"), "length")));
	assert_int_equal(
	    sk_take(&k, (struct chunk){ m->p, m->n }, &frags, plain), 0);
	return plain->first;
}

static void
message_opens(void **state)
{
	struct octets m = rekey("message"), aad = rekey("aad"),
		      iv = rekey("iv"), want = rekey("P_with_zeroed_signature"),
		      sig = rekey("signature");
	struct sk_plain plain;
	struct rbuf inner;
	struct ike_hdr h;
	struct rbuf rb;

	(void)state;
	assert_int_equal(open_message(&m, &plain), PLD_GSA);
	inner = plain.inner;
	assert_int_equal(aad.n, A_LEN);
	assert_memory_equal(m.p, aad.p, A_LEN);
	assert_memory_equal(m.p + A_LEN, iv.p, GCM_IV_LEN);
	assert_int_equal(rb_left(&inner), want.n);
	/* The signature ends the message; all before it is as published. */
	assert_int_equal(sig.n, ED25519_LEN);
	assert_memory_equal(inner.p, want.p, want.n - sig.n);
	assert_memory_equal(inner.p + want.n - sig.n, sig.p, sig.n);
	sk_plain_free(&plain);
	rb_init(&rb, m.p, m.n);
	assert_int_equal(ike_hdr_get(&rb, &h), 0);
	assert_int_equal(h.exchange, GSA_REKEY);
	assert_int_equal(h.mid, 7);
	assert_int_equal(h.flags, 0);
}

/* Sealing the published plaintext gives the published message. */
static void
message_is_made(void **state)
{
	struct octets m = rekey("message"),
		      p = rekey("P_with_zeroed_signature"),
		      sig = rekey("signature"), iv = rekey("iv");
	uint8_t out[OCTETS_MAX];
	struct sk_key k = message_key();
	struct ike_hdr h;
	struct rbuf rb;
	struct wbuf wb;
	uint64_t iv_n;

	(void)state;
	rb_init(&rb, m.p, m.n);
	assert_int_equal(ike_hdr_get(&rb, &h), 0);
	rb_init(&rb, iv.p, iv.n);
	assert_int_equal(rb_u64(&rb, &iv_n), 0);
	memcpy(p.p + p.n - sig.n, sig.p, sig.n);
	iv_n--; /* the next one is taken */
	wb_init(&wb, out, sizeof(out));
	assert_int_equal(sk_protect(&k, &h, PLD_GSA, (struct chunk){ p.p, p.n },
			     0, &iv_n, &wb),
	    0);
	assert_int_equal(wb.len, m.n);
	assert_memory_equal(out, m.p, m.n);
}

static void
view_of_message(struct ike_view *v, struct sk_plain *plain)
{
	struct octets m = rekey("message");
	uint8_t first = open_message(&m, plain);

	assert_int_equal(ike_view_get(first, plain->inner, v), 0);
	assert_true(ike_has(&v->gsa) && ike_has(&v->kd) && ike_has(&v->auth));
	assert_false(ike_has(&v->sa) || ike_has(&v->del));
	assert_int_equal(v->critical, 0);
}

static void
policy_of_message(void **state)
{
	struct sk_plain plain;
	struct ike_view v;
	struct gsa g;
	struct addr a;

	(void)state;
	view_of_message(&v, &plain);
	assert_int_equal(gsa_get(v.gsa, &g), 0);
	assert_int_equal(g.n_tek, 1);
	assert_int_equal(g.atd_s, 5);
	assert_int_equal(g.dtd_s, 20);
	assert_int_equal(g.tek[0].spi, 0xc0ffee01);
	assert_int_equal(g.tek[0].lifetime_s, 3600);
	assert_int_equal(addr_parse(&a, "192.0.2.1"), 0);
	assert_true(addr_eq(&a, &g.tek[0].src.lo));
	assert_int_equal(addr_parse(&a, "233.252.0.1"), 0);
	assert_true(addr_eq(&a, &g.tek[0].dst.hi));
	sk_plain_free(&plain);
}

static void
key_of_message(void **state)
{
	struct octets km = rekey("REKEY_KEYMAT"), want = rekey("ESP_KEYMAT");
	struct sk_plain plain;
	struct ike_view v;
	struct kd k;

	(void)state;
	view_of_message(&v, &plain);
	assert_int_equal(kd_get(v.kd, km.p + GSK_W_AT, &k), 0);
	assert_int_equal(k.n, 1);
	assert_int_equal(k.key[0].spi, 0xc0ffee01);
	assert_int_equal(want.n, sizeof(k.key[0].key));
	assert_memory_equal(k.key[0].key, want.p, want.n);
	sk_plain_free(&plain);
}

static int
verified(EVP_PKEY *key, const uint8_t *sig, const uint8_t *p, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	assert_non_null(ctx);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key), 1);
	ok = EVP_DigestVerify(ctx, sig, ED25519_LEN, p, n);
	EVP_MD_CTX_free(ctx);
	return ok == 1;
}

/*
 * A | P is made from the message itself, as a member would: lengths without
 * IV, padding and ICV, the signature zeroed.
 */
static void
signature_of_message(void **state)
{
	static const uint8_t ed25519[] = { 7, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70 };
	struct octets m = rekey("message"), a = rekey("A"),
		      spki = rekey("AUTH_KEY_SPKI");
	const uint8_t *p = spki.p;
	uint8_t tbs[OCTETS_MAX];
	struct sk_plain plain;
	struct pld_auth auth;
	struct ike_view v;
	struct rbuf inner;
	struct wbuf wb;
	EVP_PKEY *key;

	(void)state;
	view_of_message(&v, &plain);
	inner = plain.inner;
	assert_int_equal(pld_auth_get(v.auth, &auth), 0);
	assert_int_equal(auth.method, 14);
	assert_int_equal(auth.data.len, sizeof(ed25519) + ED25519_LEN);
	assert_memory_equal(auth.data.p, ed25519, sizeof(ed25519));
	wb_init(&wb, tbs, sizeof(tbs));
	assert_int_equal(wb_put(&wb, m.p, A_LEN), 0);
	assert_int_equal(wb_put(&wb, inner.p, rb_left(&inner)), 0);
	assert_int_equal(wb_set_u32(&wb, 24, wb.len), 0);
	assert_int_equal(
	    wb_set_u16(&wb, IKE_HDR_LEN + 2, wb.len - IKE_HDR_LEN), 0);
	memset(tbs + wb.len - ED25519_LEN, 0, ED25519_LEN);
	assert_memory_equal(tbs, a.p, a.n);
	key = d2i_PUBKEY(NULL, &p, (long)spki.n);
	assert_non_null(key);
	assert_true(verified(key, auth.data.p + sizeof(ed25519), tbs, wb.len));
	tbs[wb.len - ED25519_LEN - 40] ^= 1;
	assert_false(verified(key, auth.data.p + sizeof(ed25519), tbs, wb.len));
	EVP_PKEY_free(key);
	sk_plain_free(&plain);
}

/* Belongs to key agreement by MLS, which nothing here does. */
static void
mls_exporter_has_no_code_to_test(void **state)
{
	(void)state;
	(void)entry("MLS exporter");
	fprintf(stderr,
	    "gike vectors: \"MLS exporter\": SKIPPED (no MLS exporter in this "
	    "version)\n");
	skip();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_entry_is_known),
		cmocka_unit_test(gsk_w),
		cmocka_unit_test(key_wraps),
		cmocka_unit_test(message_opens),
		cmocka_unit_test(message_is_made),
		cmocka_unit_test(policy_of_message),
		cmocka_unit_test(key_of_message),
		cmocka_unit_test(signature_of_message),
		cmocka_unit_test(mls_exporter_has_no_code_to_test),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
