/* SPDX-License-Identifier: ISC */
/* Messages in fragments: RFC 7383. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/skmsg.h"

#define eq(a, b) assert_int_equal((a), (b))
#define PLD_AT IKE_HDR_LEN
#define NO_AT (IKE_HDR_LEN + 4)
#define FIXED(k) ((k) == &gcm ? 60u : 68u) /* of a fragment: no text in it */

/* A second set of messages, that the next skm_split() does not overwrite. */
static uint8_t other_buf[sizeof(buf)];

static size_t
set_aside(struct chunk *m, size_t n)
{
	struct chunk rest = { other_buf, wb.len };

	memcpy(other_buf, buf, wb.len);
	for (size_t i = 0; i < n; i++)
		assert_true(sk_next(&rest, &m[i]));
	return n;
}

/* The payloads that stand in a fragment when it is as long as limit. */
static size_t
room(const struct sk_key *k, size_t limit)
{
	size_t n = limit - FIXED(k);

	return k == &gcm ? n - 1 : n - n % 16 - 1;
}

/* -- writing ------------------------------------------------------------ */

/* Every limit, from too small to no need, for one text. */
static void
every_limit(void **state)
{
	const size_t len = 1500;
	struct chunk m[MANY];
	size_t n;

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		size_t least = FIXED(both[k]) + 48;

		for (size_t limit = 1; limit < len + 80; limit++) {
			if (limit < least) {
				eq(skm_protect(both[k], &hdr, len, limit),
				    -EMSGSIZE);
				eq(wb.len, 0);
				eq(iv, IV0);
				continue;
			}
			n = skm_split(both[k], len, limit, m);
			assert_true(n <= SK_FRAGS_MAX);
			for (size_t i = 0; i < n; i++) {
				assert_true(m[i].len <= limit);
				eq(skm_take(both[k], m[i]),
				    i + 1 < n ? -EAGAIN : 0);
			}
			skm_got(len);
		}
		eq(n, 1);
	}
}

/* Every length around what one and two messages hold. */
static void
every_length_around_the_limit(void **state)
{
	struct chunk m[MANY];

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		size_t whole = room(both[k], 204), part = room(both[k], 200);

		for (size_t len = 0; len < 700; len++) {
			size_t n = skm_split(both[k], len, 200, m);

			eq(n, len <= whole ? 1 : (len + part - 1) / part);
			eq(m[0].p[16], n == 1 ? PLD_SK : PLD_SKF);
			for (size_t i = 0; i < n; i++)
				eq(skm_take(both[k], m[i]),
				    i + 1 < n ? -EAGAIN : 0);
			skm_got(len);
		}
	}
}

static void
no_more_than_32(void **state)
{
	struct chunk m[MANY];

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		size_t max = SK_FRAGS_MAX * room(both[k], 200);

		eq(skm_split(both[k], max, 200, m), SK_FRAGS_MAX);
		eq(skm_protect(both[k], &hdr, max + 1, 200), -EMSGSIZE);
		eq(iv, IV0);
		/* Limits that leave no room for text. */
		for (size_t limit = 1; limit <= FIXED(both[k]); limit++)
			eq(skm_protect(both[k], &hdr, 40, limit), -EMSGSIZE);
	}
}

/* RFC 7383 2.5: what each fragment says of itself. */
static void
headers(void **state)
{
	struct chunk m[MANY];

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		size_t n = skm_split(both[k], 500, 200, m);

		assert_true(n > 3);
		for (size_t i = 0; i < n; i++) {
			const uint8_t *p = m[i].p;

			assert_memory_equal(p, &hdr, 16); /* the SPIs */
			eq(p[16], PLD_SKF);
			assert_memory_equal(p + 17, "\x20\x27\x08\0\0\0\1", 7);
			eq(p[26] << 8 | p[27], m[i].len);
			eq(p[PLD_AT], i == 0 ? PLD_NONCE : PLD_NONE);
			eq(p[PLD_AT + 1], 0);
			eq(p[PLD_AT + 2] << 8 | p[PLD_AT + 3], m[i].len - 28);
			eq(p[NO_AT] << 8 | p[NO_AT + 1], i + 1);
			eq(p[NO_AT + 2] << 8 | p[NO_AT + 3], n);
			eq(sk_frag_no(m[i]), i + 1);
		}
	}
}

/* -- reading ------------------------------------------------------------ */

static void
swap(struct chunk *a, struct chunk *b)
{
	struct chunk t = *a;

	*a = *b;
	*b = t;
}

static void
permute(const struct sk_key *k, struct chunk *m, size_t from, size_t n)
{
	for (size_t i = from; i < n; i++) {
		swap(&m[from], &m[i]);
		permute(k, m, from + 1, n);
		swap(&m[from], &m[i]);
	}
	if (from < n)
		return;
	for (size_t i = 0; i < n; i++)
		eq(skm_take(k, m[i]), i + 1 < n ? -EAGAIN : 0);
	skm_got(500);
}

static void
every_order(void **state)
{
	struct chunk m[MANY];
	size_t n;

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		n = skm_split(both[k], 500, 200, m);
		eq(n, 4);
		permute(both[k], m, 0, n);
		/* And of many, the last one first. */
		n = skm_split(both[k], 4000, 200, m);
		assert_true(n > 28);
		while (n-- > 0)
			eq(skm_take(both[k], m[n]), n == 0 ? 0 : -EAGAIN);
		skm_got(4000);
	}
}

static void
duplicates(void **state)
{
	struct chunk m[MANY];
	size_t n;

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		n = skm_split(both[k], 500, 200, m);
		for (size_t i = 0; i + 1 < n; i++) {
			eq(skm_take(both[k], m[i]), -EAGAIN);
			for (size_t j = 0; j <= i; j++)
				eq(skm_take(both[k], m[j]), -EALREADY);
		}
		eq(skm_take(both[k], m[n - 1]), 0);
		skm_got(500);
	}
}

/* The peer splits again, smaller: what was kept is of no use. */
static void
a_larger_total_replaces(void **state)
{
	struct chunk few[MANY], many[MANY];
	size_t n, f;

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		f = set_aside(few, skm_split(both[k], 500, 300, few));
		n = skm_split(both[k], 500, 150, many);
		assert_true(f < n);
		for (size_t i = 1; i < f; i++)
			eq(skm_take(both[k], few[i]), -EAGAIN);
		eq(skm_take(both[k], many[1]), -EAGAIN);
		/* Late ones of the old kind are ignored, each of them. */
		for (size_t i = 0; i < f; i++)
			eq(skm_take(both[k], few[i]), -EALREADY);
		eq(skm_take(both[k], many[0]), -EAGAIN);
		eq(skm_take(both[k], many[1]), -EALREADY);
		for (size_t i = 2; i < n; i++)
			eq(skm_take(both[k], many[i]), i + 1 < n ? -EAGAIN : 0);
		skm_got(500);
	}
}

static void
another_message_replaces(void **state)
{
	struct ike_hdr next = hdr;
	struct chunk a[MANY], b[MANY];
	size_t n, m;

	(void)state;
	next.mid++;
	for (size_t k = 0; k < NITEMS(both); k++) {
		n = set_aside(a, skm_split(both[k], 500, 200, a));
		m = skm_split_as(both[k], &next, 300, 200, b);
		assert_true(m < n); /* of another message it does not matter */
		for (size_t i = 0; i + 1 < n; i++)
			eq(skm_take(both[k], a[i]), -EAGAIN);
		for (size_t i = 0; i + 1 < m; i++)
			eq(skm_take(both[k], b[i]), -EAGAIN);
		eq(skm_take(both[k], b[m - 1]), 0);
		skm_got(300);
		/* Nothing of the first one is left. */
		eq(skm_take(both[k], a[n - 1]), -EAGAIN);
		sk_frags_free(&frags);
	}
}

static void
one_message_has_one_header(void **state)
{
	struct ike_hdr exchange = hdr, flags = hdr;
	const struct ike_hdr *const bent[] = { &exchange, &flags };
	struct chunk a[MANY], b[MANY];
	size_t n;

	(void)state;
	exchange.exchange = IKE_INFORMATIONAL;
	flags.flags ^= IKE_F_RESPONSE;
	n = set_aside(a, skm_split(&gcm, 500, 200, a));
	for (size_t i = 0; i < NITEMS(bent); i++) {
		eq(skm_split_as(&gcm, bent[i], 500, 200, b), n);
		eq(skm_take(&gcm, a[0]), -EAGAIN);
		eq(skm_take(&gcm, b[1]), -EBADMSG);
		for (size_t j = 1; j < n; j++)
			eq(skm_take(&gcm, a[j]), j + 1 < n ? -EAGAIN : 0);
		skm_got(500);
	}
}

static void
a_whole_message_ends_it(void **state)
{
	struct chunk a[MANY], b[MANY];
	size_t n;

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		n = set_aside(a, skm_split(both[k], 500, 200, a));
		eq(skm_take(both[k], a[0]), -EAGAIN);
		eq(skm_split(both[k], 120, 200, b), 1);
		eq(skm_take(both[k], b[0]), 0);
		skm_got(120);
		eq(skm_take(both[k], a[n - 1]), -EAGAIN);
		sk_frags_free(&frags);
	}
}

/* The type is the first fragment's; what others claim does not count. */
static void
only_the_first_names_the_type(void **state)
{
	static const uint8_t plain[16] = { 0, 0, 0, 5, 'x', [15] = 10 };
	struct chunk m[MANY], rest, second;

	(void)state;
	iv = IV0;
	wb_init(&wb, buf, sizeof(buf));
	eq(sk_protect(
	       &gcm, &hdr, PLD_IDI, (struct chunk){ text, 150 }, 200, &iv, &wb),
	    0);
	rest = (struct chunk){ buf, wb.len };
	assert_true(sk_next(&rest, &m[0]) && sk_next(&rest, &m[1]));
	second = skm_forge(
	    &gcm, PLD_SKF, 2, 2, (struct chunk){ plain, sizeof(plain) });
	eq(second.p[PLD_AT], PLD_NONCE);
	eq(skm_take(&gcm, m[0]), -EAGAIN);
	eq(skm_take(&gcm, second), 0);
	eq(got.first, PLD_IDI);
	eq(skm_take(&gcm, second), -EAGAIN);
	eq(skm_take(&gcm, m[0]), 0);
	eq(got.first, PLD_IDI);
}

/* Fragments that hold nothing are odd, but no error. */
static void
empty_fragments(void **state)
{
	static const uint8_t plain[16] = { [15] = 15 };
	const struct chunk p = { plain, 16 };

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		const struct sk_key *key = both[k];

		eq(skm_take(key, skm_forge(key, PLD_SKF, 1, 2, p)), -EAGAIN);
		eq(skm_take(key, skm_forge(key, PLD_SKF, 1, 2, p)), -EALREADY);
		eq(skm_take(key, skm_forge(key, PLD_SKF, 2, 2, p)), 0);
		eq(rb_left(&got.inner), 0);
	}
}

/* n of 3, with len octets of text. */
static struct chunk
long_part(const struct sk_key *k, uint16_t no, size_t len)
{
	static uint8_t plain[IKE_MSG_MAX];
	size_t pad = 15 - len % 16;

	memcpy(plain, text, len);
	plain[len + pad] = (uint8_t)pad;
	return skm_forge(
	    k, PLD_SKF, no, 3, (struct chunk){ plain, len + pad + 1 });
}

static void
memory_has_a_bound(void **state)
{
	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		const struct sk_key *key = both[k];

		eq(skm_take(key, long_part(key, 1, 8000)), -EAGAIN);
		eq(skm_take(key, long_part(key, 2, 8000)), -EAGAIN);
		eq(skm_take(key, long_part(key, 3, 384)), 0);
		eq(rb_left(&got.inner), IKE_MSG_MAX);
		eq(skm_take(key, long_part(key, 3, 385)), -EAGAIN);
		eq(skm_take(key, long_part(key, 2, 8000)), -EAGAIN);
		eq(skm_take(key, long_part(key, 1, 8000)), -EBADMSG);
		assert_null(frags); /* it could never come to an end */
	}
}

/* Forged ones between good ones change nothing. */
static void
forgeries_between(void **state)
{
	struct chunk m[MANY];
	uint8_t bent[256];
	size_t n;

	(void)state;
	for (size_t k = 0; k < NITEMS(both); k++) {
		n = skm_split(both[k], 500, 200, m);
		for (size_t i = 0; i < n; i++) {
			memcpy(bent, m[i].p, m[i].len);
			bent[NO_AT + 3] = SK_FRAGS_MAX; /* "more of them" */
			eq(skm_take(both[k], (struct chunk){ bent, m[i].len }),
			    -EBADMSG);
			bent[NO_AT + 3] = (uint8_t)n;
			bent[23]++; /* "another message" */
			eq(skm_take(both[k], (struct chunk){ bent, m[i].len }),
			    -EBADMSG);
			eq(skm_take(both[k], m[i]), i + 1 < n ? -EAGAIN : 0);
		}
		skm_got(500);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_limit, skm_clean),
		cmocka_unit_test_teardown(
		    every_length_around_the_limit, skm_clean),
		cmocka_unit_test(no_more_than_32),
		cmocka_unit_test(headers),
		cmocka_unit_test_teardown(every_order, skm_clean),
		cmocka_unit_test_teardown(duplicates, skm_clean),
		cmocka_unit_test_teardown(a_larger_total_replaces, skm_clean),
		cmocka_unit_test_teardown(another_message_replaces, skm_clean),
		cmocka_unit_test_teardown(
		    one_message_has_one_header, skm_clean),
		cmocka_unit_test_teardown(a_whole_message_ends_it, skm_clean),
		cmocka_unit_test_teardown(
		    only_the_first_names_the_type, skm_clean),
		cmocka_unit_test_teardown(empty_fragments, skm_clean),
		cmocka_unit_test_teardown(memory_has_a_bound, skm_clean),
		cmocka_unit_test_teardown(forgeries_between, skm_clean),
	};

	return cmocka_run_group_tests(tests, skm_setup, skm_teardown);
}
