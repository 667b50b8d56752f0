/* SPDX-License-Identifier: ISC */

/*
 * Expanded from the same list as the codecs, but with an encoder of its own,
 * so that both sides of the codec cannot be wrong in the same way.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/msg.h"

#define eq(a, b) assert_int_equal((a), (b))

static uint8_t pool[MSG_SIZE_MAX]; /* blobs point into it */
static uint8_t ours[2 * MSG_SIZE_MAX], theirs[2 * MSG_SIZE_MAX];

/* xorshift: the same run every time. */
static uint64_t
rnd(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* How long blobs are in this run. */
enum fill { FILL_EMPTY, FILL_RANDOM, FILL_FULL };

static struct chunk
rnd_blob(enum fill fill, size_t max)
{
	size_t len = 0;

	if (fill == FILL_FULL)
		len = max;
	else if (fill == FILL_RANDOM)
		len = rnd() % (max + 1);
	return (struct chunk){ pool + rnd() % (sizeof(pool) - len), len };
}

/* The encoder of this test: no bounds, no limits. */
struct enc {
	uint8_t *p;
	size_t n;
};

static void
enc_uint(struct enc *e, uint64_t v, size_t n)
{
	while (n-- > 0)
		e->p[e->n++] = (uint8_t)(v >> 8 * n);
}

static void
enc_blob(struct enc *e, struct chunk c)
{
	enc_uint(e, c.len, 2);
	memcpy(e->p + e->n, c.p, c.len);
	e->n += c.len;
}

/* clang-format off */
#define RND_u8(name)		m->name = (uint8_t)rnd();
#define RND_u16(name)		m->name = (uint16_t)rnd();
#define RND_u32(name)		m->name = (uint32_t)rnd();
#define RND_u64(name)		m->name = rnd();
#define RND_blob(name, max)	m->name = rnd_blob(fill, (max));
#define RND(kind, ...)		RND_##kind(__VA_ARGS__)

#define ENC_u8(name)		enc_uint(e, m->name, 1);
#define ENC_u16(name)		enc_uint(e, m->name, 2);
#define ENC_u32(name)		enc_uint(e, m->name, 4);
#define ENC_u64(name)		enc_uint(e, m->name, 8);
#define ENC_blob(name, max)	enc_blob(e, m->name);
#define ENC(kind, ...)		ENC_##kind(__VA_ARGS__)

#define SAME_u8(name)		assert_true(a->name == b->name);
#define SAME_u16(name)		assert_true(a->name == b->name);
#define SAME_u32(name)		assert_true(a->name == b->name);
#define SAME_u64(name)		assert_true(a->name == b->name);
#define SAME_blob(name, max)						\
	assert_true(a->name.len == b->name.len);			\
	assert_memory_equal(a->name.p, b->name.p, a->name.len);
#define SAME(kind, ...)		SAME_##kind(__VA_ARGS__)

/* The which-th blob gets one octet more than it may have. */
#define LONG_u8(name)
#define LONG_u16(name)
#define LONG_u32(name)
#define LONG_u64(name)
#define LONG_blob(name, max)						\
	if (which-- == 0) {						\
		m->name = (struct chunk){ pool, (max) + 1 };		\
		found = true;						\
	}
#define LONG(kind, ...)		LONG_##kind(__VA_ARGS__)

#define GEN_HELP(id, NAME, name, edges)					\
	static void							\
	rnd_##name(struct msg_##name *m, enum fill fill)		\
	{								\
		(void)fill;						\
		FIELDS_##name(RND)					\
	}								\
	static void							\
	enc_##name(struct enc *e, const struct msg_##name *m)		\
	{								\
		FIELDS_##name(ENC)					\
	}								\
	static void							\
	same_##name(const struct msg_##name *a, const struct msg_##name *b) \
	{								\
		FIELDS_##name(SAME)					\
	}								\
	static bool							\
	long_##name(struct msg_##name *m, int which)			\
	{								\
		bool found = false;					\
									\
		(void)m;						\
		(void)which;						\
		FIELDS_##name(LONG)					\
		return found;						\
	}
MSG_LIST(GEN_HELP)
/* clang-format on */

static size_t
encode_ours(const struct msg *m)
{
	struct enc e = { ours, 0 };

	enc_uint(&e, m->type, 2);
	switch (m->type) {
#define CASE(id, NAME, name, edges)                                            \
	case id:                                                               \
		enc_##name(&e, &m->name);                                      \
		break;
		MSG_LIST(CASE)
#undef CASE
	default:
		fail();
	}
	return e.n;
}

static void
fill_in(struct msg *m, unsigned int type, enum fill fill)
{
	memset(m, 0, sizeof(*m));
	m->type = (uint16_t)type;
	switch (type) {
#define CASE(id, NAME, name, edges)                                            \
	case id:                                                               \
		rnd_##name(&m->name, fill);                                    \
		break;
		MSG_LIST(CASE)
#undef CASE
	default:
		fail();
	}
}

static void
same(const struct msg *a, const struct msg *b)
{
	eq(a->type, b->type);
	switch (a->type) {
#define CASE(id, NAME, name, edges)                                            \
	case id:                                                               \
		same_##name(&a->name, &b->name);                               \
		break;
		MSG_LIST(CASE)
#undef CASE
	default:
		fail();
	}
}

static bool
make_long(struct msg *m, int which)
{
	switch (m->type) {
#define CASE(id, NAME, name, edges)                                            \
	case id:                                                               \
		return long_##name(&m->name, which);
		MSG_LIST(CASE)
#undef CASE
	default:
		return false;
	}
}

#define TYPE(id, NAME, name, edges) id,
static const unsigned int types[] = { MSG_LIST(TYPE) };
#undef TYPE

/* Decode what this test encoded; encode it again; compare with both. */
static void
round_trip(unsigned int type, enum fill fill)
{
	struct msg m, back;
	struct wbuf wb;
	size_t n;

	fill_in(&m, type, fill);
	n = encode_ours(&m);
	assert_true(n <= MSG_SIZE_MAX);
	eq(msg_size(&m), n);
	wb_init(&wb, theirs, n);
	eq(msg_put(&wb, &m), 0);
	eq(wb.len, n);
	assert_memory_equal(ours, theirs, n);
	eq(msg_get(ours, n, &back), 0);
	same(&m, &back);
	/* Not one octet less than it needs. */
	wb_init(&wb, theirs, n - 1);
	eq(msg_put(&wb, &m), -ENOBUFS);
	assert_true(wb.bad);
}

static void
every_message_comes_back_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < NITEMS(types); i++) {
		round_trip(types[i], FILL_EMPTY);
		round_trip(types[i], FILL_FULL);
		for (int j = 0; j < 20; j++)
			round_trip(types[i], FILL_RANDOM);
	}
}

/* A copy of exact size, so that a sanitizer sees each octet too far. */
static int
get_exact(const uint8_t *p, size_t n, struct msg *m)
{
	uint8_t *copy = malloc(n + 1);
	int r;

	assert_non_null(copy);
	memcpy(copy + 1, p, n); /* and at an odd address */
	r = msg_get(copy + 1, n, m);
	free(copy);
	return r;
}

static void
every_prefix_is_refused(void **state)
{
	struct msg m, back;
	size_t n, step;

	(void)state;
	for (size_t i = 0; i < NITEMS(types); i++) {
		fill_in(&m, types[i], FILL_RANDOM);
		n = encode_ours(&m);
		memset(&back, 0xee, sizeof(back));
		step = 1;
		for (size_t k = 0; k < n; k += step) {
			eq(get_exact(ours, k, &back), -EBADMSG);
			/* The inside of a big blob is all alike. */
			step = k > 1024 && k + 1100 < n ? 61 : 1;
		}
		eq(((uint8_t *)&back)[0], 0xee); /* nothing written */
		eq(get_exact(ours, n, &back), 0);
	}
}

static void
one_trailing_octet_is_refused(void **state)
{
	struct msg m, back;
	size_t n;

	(void)state;
	for (size_t i = 0; i < NITEMS(types); i++) {
		fill_in(&m, types[i], FILL_RANDOM);
		n = encode_ours(&m);
		ours[n] = 0;
		eq(get_exact(ours, n + 1, &back), -EBADMSG);
	}
}

static void
too_long_a_blob_is_refused(void **state)
{
	struct msg m, back;
	struct wbuf wb;
	unsigned int blobs = 0;

	(void)state;
	for (size_t i = 0; i < NITEMS(types); i++)
		for (int which = 0;; which++) {
			fill_in(&m, types[i], FILL_EMPTY);
			if (!make_long(&m, which))
				break;
			blobs++;
			wb_init(&wb, theirs, sizeof(theirs));
			eq(msg_put(&wb, &m), -ERANGE);
			eq(get_exact(ours, encode_ours(&m), &back), -EBADMSG);
		}
	assert_in_range(blobs, 30, 1000); /* the test itself found them */
}

static bool
known(unsigned int type)
{
	for (size_t i = 0; i < NITEMS(types); i++)
		if (types[i] == type)
			return true;
	return false;
}

static void
unknown_types_are_refused(void **state)
{
	struct msg m = { 0 };
	struct wbuf wb;
	uint8_t b[64] = { 0 };

	(void)state;
	for (unsigned int t = 0; t <= 0xffff; t++) {
		if (known(t)) {
			assert_string_not_equal(msg_name(t), "?");
			continue;
		}
		b[0] = (uint8_t)(t >> 8);
		b[1] = (uint8_t)t;
		m.type = (uint16_t)t;
		wb_init(&wb, theirs, sizeof(theirs));
		eq(msg_get(b, sizeof(b), &m), -EBADMSG);
		eq(msg_get(b, 2, &m), -EBADMSG);
		eq(msg_put(&wb, &m), -EINVAL);
		eq(wb.len, 0);
		eq(msg_size(&m), 0);
		assert_string_equal(msg_name(t), "?");
		for (int from = 0; from < PEER_COUNT; from++)
			for (int to = 0; to < PEER_COUNT; to++)
				assert_false(msg_permitted(
				    t, (enum peer)from, (enum peer)to));
	}
}

/* Keys: from a key manager to dispatcherd, and on no other edge at all. */
static void
permissions(void **state)
{
	unsigned int edges = 0;

	(void)state;
	for (int from = 0; from < PEER_COUNT; from++)
		for (int to = 0; to < PEER_COUNT; to++)
			edges += msg_permitted(
			    MSG_SA_INSTALL, (enum peer)from, (enum peer)to);
	eq(edges, 1);
	assert_true(
	    msg_permitted(MSG_SA_INSTALL, PEER_KEYMGRD, PEER_DISPATCHERD));
	assert_true(msg_permitted(MSG_SEAL_KEYS, PEER_POLICYD, PEER_KEYMGRD));
	assert_false(msg_permitted(MSG_SEAL_KEYS, PEER_KEYMGRD, PEER_POLICYD));
	assert_false(msg_permitted(MSG_SEAL_KEYS, PEER_POLICYD, PEER_GROUPD));
	assert_true(msg_permitted(MSG_DGRAM_IN, PEER_GROUPD, PEER_KEYMGRD));
	assert_false(
	    msg_permitted(MSG_DGRAM_IN, PEER_DISPATCHERD, PEER_KEYMGRD));
	assert_true(msg_permitted(MSG_CTL_JOIN, PEER_MIKECTL, PEER_GROUPD));
	assert_false(msg_permitted(MSG_CTL_JOIN, PEER_KEYMGRD, PEER_GROUPD));
	assert_true(msg_permitted(MSG_HELLO, PEER_KEYMGRD, PEER_POLICYD));
	/* Out of range is nobody, and shifts nothing out of a word. */
	assert_false(msg_permitted(MSG_HELLO, PEER_COUNT, PEER_GROUPD));
	assert_false(msg_permitted(MSG_HELLO, PEER_GROUPD, PEER_COUNT));
	assert_false(msg_permitted(MSG_HELLO, (enum peer)99, (enum peer)99));
}

static void
names(void **state)
{
	(void)state;
	assert_string_equal(msg_name(MSG_HELLO), "HELLO");
	assert_string_equal(msg_name(MSG_CTL_OPEN), "CTL_OPEN");
	assert_string_equal(peer_name(PEER_POLICYD), "policyd");
	assert_string_equal(peer_name(PEER_MIKECTL), "mikectl");
	assert_string_equal(peer_name(PEER_COUNT), "?");
	assert_string_equal(peer_name((enum peer)99), "?");
}

static int
setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pool); i++)
		pool[i] = (uint8_t)rnd();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_back_the_same),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(one_trailing_octet_is_refused),
		cmocka_unit_test(too_long_a_blob_is_refused),
		cmocka_unit_test(unknown_types_are_refused),
		cmocka_unit_test(permissions),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
