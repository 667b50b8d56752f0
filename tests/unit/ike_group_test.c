/* SPDX-License-Identifier: ISC */
/* The GSA payload: what is written, what is taken, what is refused. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/ike/gsa.h"

/* One ESP SA: 192.0.2.1 to 233.252.0.1, UDP 5000 to 5010, one hour. */
static const uint8_t tek_octets[] = {
	/* protocol, SPI size, length, SPI */
	3, 4, 0, 68, 0xc0, 0xff, 0xee, 0x01,
	/* source: type, UDP, length, ports, addresses */
	7, 17, 0, 16, 0x00, 0x00, 0xff, 0xff, 192, 0, 2, 1, 192, 0, 2, 1,
	/* destination */
	7, 17, 0, 16, 0x13, 0x88, 0x13, 0x92, 233, 252, 0, 1, 233, 252, 0, 1,
	/* ENCR AES-GCM-16 with a key of 256 bits */
	3, 0, 0, 12, 1, 0, 0, 20, 0x80, 0x0e, 0x01, 0x00,
	/* SN: 32 bits, sequential */
	0, 0, 0, 8, 5, 0, 0, 0,
	/* GSA_KEY_LIFETIME */
	0, 1, 0, 4, 0x00, 0x00, 0x0e, 0x10
};
/* Offsets in it. */
#define SRC_AT 8
#define DST_AT 24
#define XFS_AT 40
#define XFS_LEN 20
#define LIFE_AT 60
#define TEK_LEN 68

static const uint8_t wide_octets[] = { 0, 0, 0, 12, 0x80, 1, 0, 5, 0x80, 2, 0,
	20 };

static uint8_t buf[4096], pol[256];
static size_t len, pol_len;

static void
add(const void *p, size_t n)
{
	assert_true(len + n <= sizeof(buf));
	if (n != 0)
		memcpy(buf + len, p, n);
	len += n;
}

static int
get(struct gsa *g)
{
	struct rbuf rb;

	rb_init(&rb, buf, len);
	return gsa_get(rb, g);
}

/* Replace octets of the policy in pol and set its length right. */
static void
edit(size_t at, size_t del, const void *ins, size_t n)
{
	assert_true(at + del <= pol_len && pol_len + n < sizeof(pol));
	memmove(pol + at + n, pol + at + del, pol_len - at - del);
	if (n != 0)
		memcpy(pol + at, ins, n);
	pol_len = pol_len - del + n;
	pol[2] = (uint8_t)(pol_len >> 8);
	pol[3] = (uint8_t)pol_len;
}

static void
tek_start(void)
{
	memcpy(pol, tek_octets, TEK_LEN);
	pol_len = TEK_LEN;
	len = 0;
}

/* What gsa_put writes, without the generic header. */
static void
put(const struct gsa *g, uint8_t *out, size_t size, size_t *n)
{
	static uint8_t whole[4096];
	struct chain c;
	struct wbuf wb;

	wb_init(&wb, whole, sizeof(whole));
	assert_int_equal(wb_u8(&wb, 0), 0);
	chain_init(&c, &wb, 0);
	assert_int_equal(gsa_put(&c, g), 0);
	assert_int_equal(whole[0], PLD_GSA);
	assert_int_equal(whole[3] << 8 | whole[4], wb.len - 1);
	*n = wb.len - 5;
	assert_true(*n <= size);
	memcpy(out, whole + 5, *n);
}

static struct gsa_ts
ts(const char *addr, uint16_t lo, uint16_t hi)
{
	struct gsa_ts t = { .ip_proto = 17, .port_lo = lo, .port_hi = hi };

	assert_int_equal(addr_parse(&t.lo, addr), 0);
	t.hi = t.lo;
	return t;
}

static struct gsa
one_tek(void)
{
	struct gsa g = { .n_tek = 1 };

	g.tek[0].spi = 0xc0ffee01;
	g.tek[0].src = ts("192.0.2.1", 0, 65535);
	g.tek[0].dst = ts("233.252.0.1", 5000, 5010);
	g.tek[0].lifetime_s = 3600;
	return g;
}

static void
written_octets_are_the_standards(void **state)
{
	struct gsa g = one_tek();
	uint8_t out[256];
	size_t n;

	(void)state;
	put(&g, out, sizeof(out), &n);
	assert_int_equal(n, sizeof(tek_octets));
	assert_memory_equal(out, tek_octets, n);
	g.atd_s = 5;
	g.dtd_s = 20;
	put(&g, out, sizeof(out), &n);
	assert_int_equal(n, sizeof(wide_octets) + sizeof(tek_octets));
	assert_memory_equal(out, wide_octets, sizeof(wide_octets));
	assert_memory_equal(out + sizeof(wide_octets), tek_octets, TEK_LEN);
}

static void
ts_equal(const struct gsa_ts *a, const struct gsa_ts *b)
{
	assert_int_equal(a->ip_proto, b->ip_proto);
	assert_int_equal(a->port_lo, b->port_lo);
	assert_int_equal(a->port_hi, b->port_hi);
	assert_true(addr_eq(&a->lo, &b->lo));
	assert_true(addr_eq(&a->hi, &b->hi));
}

static void
round_trip_of_both_families(void **state)
{
	struct gsa g = one_tek(), back;

	(void)state;
	g.tek[1] = g.tek[0];
	g.tek[1].spi = 0xffffffff;
	g.tek[1].src = ts("2001:db8::1", 0, 65535);
	g.tek[1].dst = ts("ff3e::8000:1", 1, 2);
	g.tek[1].lifetime_s = UINT32_MAX;
	g.n_tek = 2;
	g.dtd_s = 65535;
	put(&g, buf, sizeof(buf), &len);
	assert_int_equal(get(&back), 0);
	assert_int_equal(back.n_tek, 2);
	assert_int_equal(back.atd_s, 0);
	assert_int_equal(back.dtd_s, 65535);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(back.tek[i].spi, g.tek[i].spi);
		assert_int_equal(back.tek[i].lifetime_s, g.tek[i].lifetime_s);
		ts_equal(&back.tek[i].src, &g.tek[i].src);
		ts_equal(&back.tek[i].dst, &g.tek[i].dst);
	}
}

static void
no_room_is_an_error(void **state)
{
	struct gsa g = one_tek();
	uint8_t out[128];
	struct chain c;
	struct wbuf wb;

	(void)state;
	g.atd_s = 1;
	for (size_t size = 1; size < 1 + 4 + 8 + TEK_LEN; size++) {
		wb_init(&wb, out, size);
		assert_int_equal(wb_u8(&wb, 0), 0);
		chain_init(&c, &wb, 0);
		assert_int_not_equal(gsa_put(&c, &g), 0);
	}
}

/* Parts of a policy; M: more transforms follow, L: this is the last. */
#define M "\3"
#define L "\0"
#define GCM(more) more "\0\0\x0c\1\0\0\x14\x80\x0e\1\0"
#define SN(more, id) more "\0\0\x08\5\0\0" id
#define PLAIN(more, type, id) more "\0\0\x08" type "\0\0" id
#define LIFE "\0\1\0\4\0\0\x0e\x10"

struct edit_case {
	const char *name;
	size_t at, del;
	const char *ins;
	size_t n;
	int want;
};
#define CASE(name, at, del, ins, want)                                         \
	{                                                                      \
		name, at, del, ins, sizeof(ins) - 1, want                      \
	}
#define XFS(name, ins, want) CASE(name, XFS_AT, XFS_LEN, ins, want)

/* Each edit of the good policy gets the answer that it should. */
static void
run_cases(const struct edit_case *v, size_t n)
{
	struct gsa g;
	int r;

	for (size_t i = 0; i < n; i++) {
		memset(&g, 0xa5, sizeof(g));
		tek_start();
		edit(v[i].at, v[i].del, v[i].ins, v[i].n);
		add(pol, pol_len);
		r = get(&g);
		if (r != v[i].want)
			fail_msg("%s: %d, not %d", v[i].name, r, v[i].want);
		if (r != 0 && g.n_tek != (size_t)0xa5a5a5a5a5a5a5a5)
			fail_msg("%s: written though refused", v[i].name);
	}
}

static void
transforms_are_exactly_ours(void **state)
{
	static const struct edit_case v[] = {
		XFS("as it was", GCM(M) SN(L, "\0"), 0),
		XFS("other order", SN(M, "\0") GCM(L), 0),
		XFS("INTEG NONE", GCM(M) SN(M, "\0") PLAIN(L, "\3", "\0"), 0),
		XFS("INTEG NONE twice",
		    GCM(M) SN(M, "\0") PLAIN(M, "\3", "\0")
			PLAIN(L, "\3", "\0"),
		    -EPROTONOSUPPORT),
		XFS("INTEG SHA2", GCM(M) SN(M, "\0") PLAIN(L, "\3", "\x0c"),
		    -EPROTONOSUPPORT),
		XFS("no SN", GCM(L), -EPROTONOSUPPORT),
		XFS("ESN", GCM(M) SN(L, "\1"), -EPROTONOSUPPORT),
		XFS("SN 2", GCM(M) SN(L, "\2"), -EPROTONOSUPPORT),
		XFS("SN twice", GCM(M) SN(M, "\0") SN(L, "\0"),
		    -EPROTONOSUPPORT),
		XFS("SN 0 and ESN", GCM(M) SN(M, "\0") SN(L, "\1"),
		    -EPROTONOSUPPORT),
		XFS("no ENCR", SN(L, "\0"), -EPROTONOSUPPORT),
		XFS("ENCR twice", GCM(M) GCM(M) SN(L, "\0"), -EPROTONOSUPPORT),
		XFS("GCM or CBC",
		    GCM(M) M "\0\0\x0c\1\0\0\x0c\x80\x0e\1\0" SN(L, "\0"),
		    -EPROTONOSUPPORT),
		XFS("CBC", M "\0\0\x0c\1\0\0\x0c\x80\x0e\1\0" SN(L, "\0"),
		    -EPROTONOSUPPORT),
		XFS("GCAUTH", GCM(M) SN(M, "\0") PLAIN(L, "\x0e", "\1"),
		    -EPROTONOSUPPORT),
		XFS("KWA", GCM(M) SN(M, "\0") PLAIN(L, "\x0d", "\3"),
		    -EPROTONOSUPPORT),
		XFS("unknown type", GCM(M) SN(M, "\0") PLAIN(L, "\xc8", "\0"),
		    -EPROTONOSUPPORT),
	};

	(void)state;
	run_cases(v, NITEMS(v));
}

static void
transform_attributes_are_known_ones(void **state)
{
	static const struct edit_case v[] = {
		XFS("128 bits",
		    M "\0\0\x0c\1\0\0\x14\x80\x0e\0\x80" SN(L, "\0"),
		    -EPROTONOSUPPORT),
		XFS("no key length", M "\0\0\x08\1\0\0\x14" SN(L, "\0"),
		    -EPROTONOSUPPORT),
		XFS("key length twice",
		    M "\0\0\x10\1\0\0\x14\x80\x0e\1\0\x80\x0e\1\0" SN(L, "\0"),
		    -EPROTONOSUPPORT),
		XFS("key length 0 first",
		    M "\0\0\x10\1\0\0\x14\x80\x0e\0\0\x80\x0e\1\0" SN(L, "\0"),
		    -EPROTONOSUPPORT),
		XFS("key length as TLV",
		    M "\0\0\x0e\1\0\0\x14\0\x0e\0\2\1\0" SN(L, "\0"),
		    -EPROTONOSUPPORT),
		XFS("unknown attribute",
		    M "\0\0\x10\1\0\0\x14\x80\x0e\1\0\x80\x63\0\0" SN(L, "\0"),
		    -EPROTONOSUPPORT),
		XFS("signature algorithm of a cipher",
		    M "\0\0\x12\1\0\0\x14\x80\x0e\1\0\0\x12\0\2\x30\0" SN(
			L, "\0"),
		    -EPROTONOSUPPORT),
		XFS("key length of SN", GCM(M) L "\0\0\x0c\5\0\0\0\x80\x0e\1\0",
		    -EPROTONOSUPPORT),
		XFS("key length of INTEG NONE",
		    GCM(M) SN(M, "\0") L "\0\0\x0c\3\0\0\0\x80\x0e\1\0",
		    -EPROTONOSUPPORT),
		XFS("half an attribute",
		    M "\0\0\x0a\1\0\0\x14\x80\x0e" SN(L, "\0"), -EBADMSG),
	};

	(void)state;
	run_cases(v, NITEMS(v));
}

static void
broken_transforms_are_malformed(void **state)
{
	static const struct edit_case v[] = {
		XFS("none", "", -EBADMSG),
		XFS("no last one", GCM(M) SN(M, "\0"), -EBADMSG),
		XFS("last one too early", GCM(L) SN(L, "\0"), -EPROTONOSUPPORT),
		XFS("neither last nor more", "\2\0\0\x08\5\0\0\0", -EBADMSG),
		XFS("length 7", GCM(M) L "\0\0\7\5\0\0\0", -EBADMSG),
		XFS("length past the policy", GCM(M) L "\0\1\0\5\0\0\0",
		    -EBADMSG),
	};

	(void)state;
	run_cases(v, NITEMS(v));
}

static void
lifetime_stands_once(void **state)
{
	static const struct edit_case v[] = {
		CASE("none", LIFE_AT, 8, "", -EPROTONOSUPPORT),
		CASE("zero", LIFE_AT, 8, "\0\1\0\4\0\0\0\0", -EPROTONOSUPPORT),
		CASE("twice", LIFE_AT, 0, LIFE, -EBADMSG),
		CASE("3 octets", LIFE_AT, 8, "\0\1\0\3\0\0\x0e", -EBADMSG),
		CASE(
		    "5 octets", LIFE_AT, 8, "\0\1\0\5\0\0\x0e\x10\0", -EBADMSG),
		CASE("TV", LIFE_AT, 8, "\x80\1\x0e\x10", -EPROTONOSUPPORT),
		CASE(
		    "unknown TV", TEK_LEN, 0, "\x80\x63\0\1", -EPROTONOSUPPORT),
		CASE("unknown TLV", TEK_LEN, 0, "\0\x63\0\0", -EPROTONOSUPPORT),
		CASE("message id", TEK_LEN, 0, "\0\2\0\4\0\0\0\1",
		    -EPROTONOSUPPORT),
		CASE("next SPI, a hint", TEK_LEN, 0, "\0\3\0\4\1\2\3\4", 0),
		CASE("next SPI of 2 octets", TEK_LEN, 0, "\0\3\0\2\1\2",
		    -EPROTONOSUPPORT),
		CASE("one octet behind", TEK_LEN, 0, "\0", -EBADMSG),
	};

	(void)state;
	run_cases(v, NITEMS(v));
}

static void
protocols_other_than_esp(void **state)
{
	static const struct edit_case v[] = {
		CASE("AH", 0, 1, "\2", -EPROTONOSUPPORT),
		CASE("IKE", 0, 1, "\1", -EPROTONOSUPPORT),
		CASE("unknown", 0, 1, "\x63", -EPROTONOSUPPORT),
		CASE("Rekey SA", 0, 8, "\6\x10\0\0spi-i...spi-r...",
		    -EPROTONOSUPPORT),
		CASE("no SPI", 1, 1, "\0", -EBADMSG),
		CASE("SPI of 16", 1, 1, "\x10", -EBADMSG),
	};
	struct gsa g;

	(void)state;
	run_cases(v, NITEMS(v));
	/* One that is not ours spoils the whole, wherever it stands. */
	tek_start();
	add(tek_octets, TEK_LEN);
	pol[0] = PROTO_AH;
	add(pol, pol_len);
	assert_int_equal(get(&g), -EPROTONOSUPPORT);
}

static void
selectors_are_checked(void **state)
{
	static const struct edit_case v[] = {
		CASE("type 9", SRC_AT, 1, "\x09", -EBADMSG),
		CASE("IPv6 of 16 octets", DST_AT, 1, "\x08", -EBADMSG),
		CASE("IPv4 of 40 octets", SRC_AT + 2, 2, "\0\x28", -EBADMSG),
		CASE("last port first", DST_AT + 4, 2, "\x13\x93", -EBADMSG),
		CASE("OPAQUE", DST_AT + 4, 4, "\xff\xff\0\0", -EBADMSG),
		CASE("last address first", DST_AT + 8, 4, "\xe9\xfc\0\2",
		    -EBADMSG),
		CASE("no destination", DST_AT, 16, "", -EBADMSG),
	};

	(void)state;
	run_cases(v, NITEMS(v));
}

/* Whether a selector makes sense is the caller's to say: it must see it. */
static void
odd_selectors_are_reported(void **state)
{
	static const uint8_t v6[40] = { 8, 17, 0, 40, 0, 0, 0xff, 0xff,
		0x20, [23] = 1, [24] = 0x20, [39] = 1 };
	struct gsa g;

	(void)state;
	tek_start();
	edit(DST_AT + 12, 4, "\xe9\xfc\0\7", 4);
	edit(DST_AT + 1, 1, "\6", 1);
	add(pol, pol_len);
	assert_int_equal(get(&g), 0);
	assert_false(addr_eq(&g.tek[0].dst.lo, &g.tek[0].dst.hi));
	assert_int_equal(g.tek[0].dst.hi.b[3], 7);
	assert_int_equal(g.tek[0].dst.ip_proto, 6);
	tek_start();
	edit(SRC_AT, 16, v6, sizeof(v6));
	add(pol, pol_len);
	assert_int_equal(get(&g), 0);
	assert_int_equal(g.tek[0].src.lo.len, 16);
	assert_int_equal(g.tek[0].dst.lo.len, 4);
}

/* A group-wide policy made of these attributes, in front of a good TEK. */
static int
wide(const char *attrs, size_t n, struct gsa *g)
{
	tek_start();
	memcpy(pol, "\0\x77\0\4", 4); /* the second octet is reserved */
	pol_len = 4;
	edit(4, 0, attrs, n);
	add(pol, pol_len);
	add(tek_octets, TEK_LEN);
	return get(g);
}
#define WIDE(attrs, g) wide(attrs, sizeof(attrs) - 1, g)

static void
group_wide_attributes(void **state)
{
	struct gsa g;

	(void)state;
	assert_int_equal(WIDE("", &g), 0);
	assert_int_equal(WIDE("\x80\2\1\2\x80\1\0\1", &g), 0);
	assert_int_equal(g.atd_s, 1);
	assert_int_equal(g.dtd_s, 0x102);
	assert_int_equal(WIDE("\x80\1\0\0\x80\2\0\0", &g), 0);
	assert_int_equal(g.atd_s, 0);
	assert_int_equal(WIDE("\x80\1\0\1\x80\1\0\1", &g), -EBADMSG);
	assert_int_equal(WIDE("\x80\1\0\0\x80\1\0\1", &g), -EBADMSG);
	assert_int_equal(WIDE("\x80\2\0\1\x80\2\0\2", &g), -EBADMSG);
	assert_int_equal(WIDE("\0\1\0\2\0\1", &g), -EPROTONOSUPPORT);
	assert_int_equal(WIDE("\x80\3\0\x08", &g), -EPROTONOSUPPORT);
	assert_int_equal(WIDE("\x80\x63\0\1", &g), -EPROTONOSUPPORT);
	assert_int_equal(WIDE("\x80\1\0", &g), -EBADMSG);
}

static void
one_group_wide_policy_at_most(void **state)
{
	struct gsa g;

	(void)state;
	len = 0;
	assert_int_equal(get(&g), -EPROTONOSUPPORT); /* nothing at all */
	add(wide_octets, sizeof(wide_octets));
	assert_int_equal(get(&g), -EPROTONOSUPPORT); /* no SA */
	add(tek_octets, TEK_LEN);
	assert_int_equal(get(&g), 0);
	add(wide_octets, sizeof(wide_octets));
	assert_int_equal(get(&g), -EBADMSG);
	len = 0;
	add(tek_octets, TEK_LEN);
	add(wide_octets, sizeof(wide_octets));
	assert_int_equal(get(&g), 0);
	assert_int_equal(g.atd_s, 5);
}

static void
number_of_sas_is_bounded(void **state)
{
	struct gsa g;

	(void)state;
	len = 0;
	for (unsigned int i = 0; i < GSA_TEKS_MAX; i++)
		add(tek_octets, TEK_LEN);
	assert_int_equal(get(&g), 0);
	assert_int_equal(g.n_tek, GSA_TEKS_MAX);
	add(tek_octets, TEK_LEN);
	assert_int_equal(get(&g), -EPROTONOSUPPORT);
}

static void
lengths_of_policies(void **state)
{
	struct gsa g;

	(void)state;
	tek_start();
	add(pol, pol_len);
	for (unsigned int n = 0; n < 256; n++) {
		buf[3] = (uint8_t)n;
		assert_int_equal(get(&g) == 0, n == TEK_LEN);
	}
	for (len = 1; len < TEK_LEN; len++) {
		buf[3] = TEK_LEN;
		assert_int_equal(get(&g), -EBADMSG);
	}
}

/*
 * What is accepted after a change of one bit says what the octets say: written
 * again it gives them, except for reserved octets.
 */
static void
every_single_bit(void **state)
{
	static const size_t reserved[] = { XFS_AT + 1, XFS_AT + 5, XFS_AT + 13,
		XFS_AT + 17 };
	uint8_t again[256];
	unsigned int accepted = 0;
	struct gsa g;
	size_t n;

	(void)state;
	for (size_t bit = 0; bit < 8 * TEK_LEN; bit++) {
		tek_start();
		add(pol, pol_len);
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (get(&g) != 0)
			continue;
		accepted++;
		for (size_t i = 0; i < NITEMS(reserved); i++)
			buf[reserved[i]] = 0;
		put(&g, again, sizeof(again), &n);
		assert_int_equal(n, len);
		assert_memory_equal(again, buf, n);
	}
	assert_true(accepted > 4 * 8 && accepted < 8 * TEK_LEN / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_octets_are_the_standards),
		cmocka_unit_test(round_trip_of_both_families),
		cmocka_unit_test(no_room_is_an_error),
		cmocka_unit_test(transforms_are_exactly_ours),
		cmocka_unit_test(transform_attributes_are_known_ones),
		cmocka_unit_test(broken_transforms_are_malformed),
		cmocka_unit_test(lifetime_stands_once),
		cmocka_unit_test(protocols_other_than_esp),
		cmocka_unit_test(selectors_are_checked),
		cmocka_unit_test(odd_selectors_are_reported),
		cmocka_unit_test(group_wide_attributes),
		cmocka_unit_test(one_group_wide_policy_at_most),
		cmocka_unit_test(number_of_sas_is_bounded),
		cmocka_unit_test(lengths_of_policies),
		cmocka_unit_test(every_single_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
