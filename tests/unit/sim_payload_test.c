/* SPDX-License-Identifier: ISC */
/* What is in a datagram, in words: real ones, made ones, hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/ike/keys.h"
#include "mikesim/out/payload.h"
#include "tests/lib/simrun.h"

#define eq assert_int_equal
#define streq assert_string_equal

static struct payload_keys *keys;
static uint64_t next_id;

static int
setup(void **state)
{
	(void)state;
	keys = payload_keys_new();
	return keys != NULL ? sim_init() : -1;
}

static int
teardown(void **state)
{
	(void)state;
	payload_keys_free(&keys);
	payload_keys_free(&keys); /* nothing more to do */
	sim_thread_fini();
	return 0;
}

static const char *
text_of(const void *p, size_t len)
{
	static char buf[PAYLOAD_TEXT];
	struct obs o = { .kind = OBS_SEND };
	size_t n;

	o.send.id = ++next_id;
	o.send.data = (struct chunk){ p, len };
	n = payload_text(keys, &o, buf, sizeof(buf));
	eq(n, strlen(buf));
	return buf;
}

/* -- real runs ------------------------------------------------------------ */

/* What was said, each once, and how often. */
struct said {
	bool know;
	size_t n;
	struct {
		char text[PAYLOAD_TEXT];
		unsigned int times;
	} v[64];
};

static int
on_obs(void *arg, const struct obs *o)
{
	struct said *s = arg;
	char text[PAYLOAD_TEXT];
	size_t i = 0;

	if (s->know)
		assert_true(payload_keys_take(keys, o) >= 0);
	if (o->kind != OBS_SEND)
		return 0;
	payload_text(keys, o, text, sizeof(text));
	while (i < s->n && strcmp(s->v[i].text, text) != 0)
		i++;
	assert_true(i < NITEMS(s->v));
	if (i == s->n)
		memcpy(s->v[s->n++].text, text, sizeof(text));
	s->v[i].times++;
	return 0;
}

static struct said *
run(const char *text, bool know)
{
	static struct said s;
	struct obs_sink sink = { .arg = &s, .take = on_obs };

	s = (struct said){ .know = know };
	simrun(text, 1, &sink, 1, NULL, NULL);
	eq(sim_init(), 0); /* the run ended it */
	return &s;
}

static unsigned int
times(const struct said *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].text, text) == 0)
			return s->v[i].times;
	return 0;
}

static unsigned int
times_with(const struct said *s, const char *part)
{
	unsigned int n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (strstr(s->v[i].text, part) != NULL)
			n += s->v[i].times;
	return n;
}

#define SAYS " N(SIGNATURE_HASH_ALGORITHMS) N(IKEV2_FRAGMENTATION_SUPPORTED)"

static void
a_registration_is_read(void **state)
{
	struct said *s = run(SIMRUN_SMALL, true);

	(void)state;
	assert_true(times(s, "SA KE(X25519) Ni N(MIKE_GROUP)" SAYS) >= 6);
	assert_true(times(s, "SA KE(X25519) Nr N(MIKE_GROUP)" SAYS) >= 6);
	assert_true(times(s, "SK{IDi CERT AUTH IDg SAg}") >= 6);
	assert_true(
	    times(s, "SK{IDr CERT AUTH GSA KD N(USE_TRANSPORT_MODE)}") >= 6);
	assert_true(times(s, "ESP") >= 6);
	eq(times_with(s, "malformed"), 0);
	eq(times_with(s, "no keys"), 0);
	eq(times_with(s, "authentic"), 0);
}

static void
without_keys_nothing_inside_is_said(void **state)
{
	struct said *s = run(SIMRUN_SMALL, false);

	(void)state;
	assert_true(times(s, "SK{no keys}") >= 12);
	eq(times_with(s, "AUTH"), 0);
	eq(times_with(s, "ID"), 0);
}

/* Fragments name themselves; the last one tells what all of them hold. */
static void
fragments_are_put_together(void **state)
{
	struct said *s =
	    run("scenario { duration = 20s }\n"
		"group { fragment = 576 }\n"
		"link core { bandwidth = 100M }\n"
		"senders hq { count = 1 link = core }\n"
		"receivers scout { count = 2 link = core join = 1s-2s }\n",
		true);

	(void)state;
	eq(times(s, "SKF{fragment 1/2}"), 4);
	eq(times(s, "SKF{fragment 2/2: IDi CERT AUTH IDg SAg}"), 2);
	eq(times(s, "SKF{fragment 2/2: IDr CERT AUTH GSA KD "
		    "N(USE_TRANSPORT_MODE)}"),
	    2);
}

static void
other_suites_and_methods_are_read(void **state)
{
	struct said *s =
	    run("scenario { duration = 20s auth = psk family = ipv6\n"
		"    suite = cnsa }\n"
		"link core { bandwidth = 100M }\n"
		"senders hq { count = 1 link = core }\n"
		"receivers scout { count = 2 link = core join = 1s-2s }\n",
		true);

	(void)state;
	assert_true(times_with(s, "SA KE(P-384) Ni N(MIKE_GROUP)") >= 2);
	eq(times(s, "SK{IDi AUTH IDg SAg}"), 2);
	eq(times_with(s, "no keys"), 0);
}

/* -- made messages -------------------------------------------------------- */

static const struct ike_suite suite = { .encr = ENCR_AES_GCM_16 };
static struct ike_keys some = {
	.i = { .encr = ENCR_AES_GCM_16, .e = "initiator" },
	.r = { .encr = ENCR_AES_GCM_16, .e = "responder" },
};
static uint64_t iv;

static int
learn(const uint8_t spi_i[8], const uint8_t spi_r[8], const struct ike_keys *k)
{
	struct obs o = { .kind = OBS_KEYS };

	memcpy(o.keys.spi_i, spi_i, 8);
	memcpy(o.keys.spi_r, spi_r, 8);
	o.keys.suite = &suite;
	o.keys.keys = k;
	return payload_keys_take(keys, &o);
}

static struct ike_hdr
header(uint32_t number, uint8_t flags)
{
	struct ike_hdr h = { .version = IKE_VERSION,
		.exchange = GSA_AUTH,
		.flags = flags,
		.mid = 1 };

	memcpy(h.spi_i, &number, sizeof(number));
	memcpy(h.spi_r, "respond", 8);
	return h;
}

static struct chunk
sealed(const struct ike_hdr *h, const struct sk_key *k, const void *inner,
    size_t len, uint8_t first, size_t limit)
{
	static uint8_t buf[4096];
	struct wbuf wb;

	wb_init(&wb, buf, sizeof(buf));
	eq(sk_protect(
	       k, h, first, (struct chunk){ inner, len }, limit, &iv, &wb),
	    0);
	return (struct chunk){ buf, wb.len };
}

/* clang-format off */
static const uint8_t one[] = { 0, 0, 0, 8, 0, 0, 0, 49 };
/* N(REGISTRATION_FAILED), N(1234), a KE, one that nobody knows. */
static const uint8_t odd[] = {
	41, 0, 0, 8, 0, 0, 0, 49,
	34, 0, 0, 8, 0, 0, 4, 210,
	99, 0, 0, 10, 0, 31, 0, 0, 1, 2,
	0, 0, 0, 4,
};
/* clang-format on */

static void
payloads_are_named_or_numbered(void **state)
{
	struct ike_hdr h = header(7, IKE_F_INITIATOR);
	struct chunk m = sealed(&h, &some.i, odd, sizeof(odd), PLD_NOTIFY, 0);

	(void)state;
	eq(learn(h.spi_i, h.spi_r, &some), 1);
	streq(text_of(m.p, m.len),
	    "SK{N(REGISTRATION_FAILED) N(1234) KE(X25519) payload 99}");
	streq(payload_exchange(GSA_REGISTRATION), "GSA_REGISTRATION");
	assert_null(payload_exchange(200));
}

static void
each_direction_has_its_key(void **state)
{
	struct ike_hdr i = header(8, IKE_F_INITIATOR);
	struct ike_hdr r = header(8, IKE_F_RESPONSE);
	struct chunk m;

	(void)state;
	eq(learn(i.spi_i, i.spi_r, &some), 1);
	m = sealed(&r, &some.r, one, sizeof(one), PLD_NOTIFY, 0);
	assert_non_null(strstr(text_of(m.p, m.len), "SK{N(REG"));
	m = sealed(&r, &some.i, one, sizeof(one), PLD_NOTIFY, 0);
	streq(text_of(m.p, m.len), "SK{not authentic}");
	m = sealed(&i, &some.i, "", 0, PLD_NONE, 0);
	streq(text_of(m.p, m.len), "SK{}");
}

/* What was damaged inside by one who has the keys. */
static void
inner_chains_may_be_wrong(void **state)
{
	struct ike_hdr h = header(9, IKE_F_INITIATOR);
	static const uint8_t many[4 * 100] = { 0 };
	uint8_t chain[sizeof(many)];
	struct chunk m;

	(void)state;
	eq(learn(h.spi_i, h.spi_r, &some), 1);
	m = sealed(&h, &some.i, odd, sizeof(odd) - 1, PLD_NOTIFY, 0);
	assert_non_null(strstr(text_of(m.p, m.len), "KE(X25519) malformed}"));
	for (size_t i = 0; i < sizeof(chain); i += 4)
		memcpy(chain + i, (uint8_t[]){ PLD_KD, 0, 0, 4 }, 4);
	m = sealed(&h, &some.i, chain, sizeof(chain), PLD_GSA, 0);
	assert_non_null(strstr(text_of(m.p, m.len), " KD ...}"));
	/* Longest names, as many as there may be: the text is cut. */
	for (size_t i = 0; i < 8 * 32; i += 8)
		memcpy(chain + i,
		    (uint8_t[]){ PLD_NOTIFY, 0, 0, 8, 0, 0, 0x40, 0x2e }, 8);
	m = sealed(&h, &some.i, chain, 8 * 32, PLD_NOTIFY, 0);
	eq(strlen(text_of(m.p, m.len)), PAYLOAD_TEXT - 1);
}

/* Interleaved with another SA's the first is given up, not mixed up. */
static void
fragments_of_two_are_not_mixed(void **state)
{
	static uint8_t copy[4096];
	static const uint8_t body[600] = { 0, 0, 2, 88 };
	struct ike_hdr a = header(10, IKE_F_INITIATOR);
	struct ike_hdr b = header(11, IKE_F_INITIATOR);
	struct chunk ma, mb, a1, a2, b1, b2;

	(void)state;
	eq(learn(a.spi_i, a.spi_r, &some), 1);
	eq(learn(b.spi_i, b.spi_r, &some), 1);
	ma = sealed(&a, &some.i, body, sizeof(body), PLD_KD, 500);
	memcpy(copy, ma.p, ma.len);
	ma.p = copy;
	mb = sealed(&b, &some.i, body, sizeof(body), PLD_GSA, 500);
	assert_true(sk_next(&ma, &a1) && sk_next(&ma, &a2));
	assert_true(sk_next(&mb, &b1) && sk_next(&mb, &b2));
	streq(text_of(a1.p, a1.len), "SKF{fragment 1/2}");
	streq(text_of(a2.p, a2.len), "SKF{fragment 2/2: KD}");
	streq(text_of(a1.p, a1.len), "SKF{fragment 1/2}");
	streq(text_of(b1.p, b1.len), "SKF{fragment 1/2}");
	streq(text_of(b2.p, b2.len), "SKF{fragment 2/2: GSA}");
	streq(text_of(a2.p, a2.len), "SKF{fragment 2/2}");
	a.spi_i[7] ^= 1;
	ma = sealed(&a, &some.i, body, sizeof(body), PLD_KD, 500);
	assert_true(sk_next(&ma, &a1));
	streq(text_of(a1.p, a1.len), "SKF{fragment 1/2, no keys}");
}

/* Two that ask for one datagram get one answer: it is decrypted once. */
static void
the_last_one_may_be_asked_again(void **state)
{
	struct ike_hdr h = header(12, IKE_F_INITIATOR);
	struct chunk m = sealed(&h, &some.i, one, sizeof(one), PLD_NOTIFY, 0);
	struct obs o = { .kind = OBS_SEND };
	char a[PAYLOAD_TEXT], b[8];

	(void)state;
	eq(learn(h.spi_i, h.spi_r, &some), 1);
	o.send.id = ++next_id;
	o.send.data = m;
	eq(payload_text(keys, &o, a, sizeof(a)), 26);
	eq(payload_text(keys, &o, b, sizeof(b)), 7);
	streq(a, "SK{N(REGISTRATION_FAILED)}");
	streq(b, "SK{N(RE");
	eq(payload_text(keys, &o, b, 1), 0);
	streq(b, "");
}

static void
thousands_of_keys_are_found(void **state)
{
	struct ike_keys k = some;
	struct chunk m;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		struct ike_hdr h = header(i, 0);

		memcpy(k.i.e, &i, sizeof(i));
		eq(learn(h.spi_i, h.spi_r, &k), 1);
		eq(learn(h.spi_i, h.spi_r, &k), 0);
	}
	for (uint32_t i = 0; i < 5000; i += 7) {
		struct ike_hdr h = header(i, IKE_F_INITIATOR);

		memcpy(k.i.e, &i, sizeof(i));
		m = sealed(&h, &k.i, one, sizeof(one), PLD_NOTIFY, 0);
		streq(text_of(m.p, m.len), "SK{N(REGISTRATION_FAILED)}");
	}
}

/* -- hostile ones --------------------------------------------------------- */

static void
assert_printable(const char *text)
{
	for (; *text != '\0'; text++)
		assert_true(*text >= ' ' && *text < 0x7f);
}

/* Cut at each octet, and each octet changed: in memory of just that size. */
static void
damage_does_not_matter(void **state)
{
	struct ike_hdr h = header(13, IKE_F_INITIATOR);
	struct chunk m = sealed(&h, &some.i, odd, sizeof(odd), PLD_NOTIFY, 0);
	unsigned int whole = 0;

	(void)state;
	eq(learn(h.spi_i, h.spi_r, &some), 1);
	for (size_t len = 0; len < m.len; len++) {
		uint8_t *p = malloc(len + 1);

		assert_non_null(p);
		memcpy(p, m.p, len);
		streq(text_of(len > 0 ? p : NULL, len), "no IKE message");
		free(p);
	}
	for (size_t i = 0; i < m.len; i++)
		for (unsigned int x = 1; x < 256; x++) {
			uint8_t p[256];

			memcpy(p, m.p, m.len);
			p[i] ^= (uint8_t)x;
			assert_printable(text_of(p, m.len));
			whole += strstr(text_of(p, m.len), "REGIS") != NULL;
		}
	/* Not one of them is taken for the message. */
	eq(whole, 0);
}

static void
noise_is_no_message(void **state)
{
	uint8_t p[200];
	struct rng r;

	(void)state;
	rng_init(&r, 1, RNG_HOST, 1);
	for (unsigned int i = 0; i < 20000; i++) {
		size_t len = rng_below(&r, sizeof(p));

		rng_fill(&r, p, len);
		if (len >= IKE_HDR_LEN && i % 2 == 0) { /* a header that fits */
			p[17] = IKE_VERSION;
			p[24] = p[25] = p[26] = 0;
			p[27] = (uint8_t)len;
			p[16] = i % 4 == 0 ? PLD_SK + i % 8 : PLD_SA + i % 10;
		}
		assert_printable(text_of(p, len));
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_registration_is_read),
		T(without_keys_nothing_inside_is_said),
		T(fragments_are_put_together),
		T(other_suites_and_methods_are_read),
		T(payloads_are_named_or_numbered),
		T(each_direction_has_its_key),
		T(inner_chains_may_be_wrong),
		T(fragments_of_two_are_not_mixed),
		T(the_last_one_may_be_asked_again),
		T(thousands_of_keys_are_found),
		T(damage_does_not_matter),
		T(noise_is_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
