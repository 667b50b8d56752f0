/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "dispatcherd/xfrm_msg.h"

#define eq assert_int_equal

static const uint8_t key[GCM_KEYMAT_LEN] =
    "0123456789abcdef0123456789ABCDEFsalt";
static struct sa_want want;
static struct pol_want pol;

static struct addr
addr(const char *text)
{
	struct addr a;

	eq(addr_parse(&a, text), 0);
	return a;
}

static int
setup(void **state)
{
	(void)state;
	want = (struct sa_want){ .reqid = 0x4d490021,
		.spi = 0x01020304,
		.src = addr("192.0.2.1"),
		.dst = addr("239.192.10.1"),
		.key = key,
		.replay = 128,
		.soft_s = 3000,
		.hard_s = 3600,
		.soft_packets = 1u << 31,
		.hard_packets = UINT32_MAX };
	pol = (struct pol_want){ 0x4d490021, addr("ff15::4d49:1"),
		XFRM_POLICY_OUT };
	return 0;
}

/* --- what is sent, against the layout of <linux/xfrm.h> by hand ----------- */

static const uint8_t *
body(struct nl_msg *m)
{
	return (const uint8_t *)nlmsg_hdr(m) + 16;
}

static uint32_t
u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t
u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint16_t
u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void
same(const uint8_t *p, const void *octets, size_t len)
{
	assert_memory_equal(p, octets, len);
}

static void
zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != 0)
			fail_msg("octet %zu of %zu is 0x%02x", i, len, p[i]);
}

static void
an_sa_goes_out_octet_by_octet(void **state)
{
	struct nl_msg *m = xm_sa_new(&want);
	const uint8_t *p;

	(void)state;
	assert_non_null(m);
	p = (const uint8_t *)nlmsg_hdr(m);
	/* Header, fixed part, AEAD 4 + 72 + 36, replay 4 + 24 + 16. */
	eq(u32(p), 16 + 224 + 112 + 44);
	eq(u16(p + 4), 0x10);  /* XFRM_MSG_NEWSA */
	eq(u16(p + 6), 0x605); /* REQUEST ACK EXCL CREATE, no REPLACE */
	p = body(m);
	same(p, "\xef\xc0\x0a\x01", 4); /* selector: to the group */
	zero(p + 4, 12);
	same(p + 16, "\xc0\x00\x02\x01", 4); /* from the sender */
	zero(p + 20, 20);		     /* any port */
	eq(u16(p + 40), AF_INET);
	same(p + 42, "\x20\x20\x11", 3); /* both /32, UDP */
	zero(p + 45, 11);
	same(p + 56, "\xef\xc0\x0a\x01", 4); /* id */
	zero(p + 60, 12);
	same(p + 72, "\x01\x02\x03\x04", 4); /* SPI in network order */
	eq(p[76], 50);
	zero(p + 77, 3);
	same(p + 80, "\xc0\x00\x02\x01", 4);
	zero(p + 84, 12);
	assert_true(u64(p + 96) == XFRM_INF); /* octets */
	assert_true(u64(p + 104) == XFRM_INF);
	assert_true(u64(p + 112) == 1u << 31); /* packets */
	assert_true(u64(p + 120) == UINT32_MAX);
	assert_true(u64(p + 128) == 3000); /* seconds since installation */
	assert_true(u64(p + 136) == 3600);
	zero(p + 144, 16); /* no lifetime of use */
	zero(p + 160, 48); /* the kernel's own: use, statistics, seq */
	eq(u32(p + 208), 0x4d490021);
	eq(u16(p + 212), AF_INET);
	eq(p[214], 0);	  /* transport */
	eq(p[215], 0);	  /* the old replay window, which ends at 32 */
	zero(p + 216, 8); /* flags: no ESN */
	p += 224;
	eq(u16(p), 112);
	eq(u16(p + 2), 18); /* XFRMA_ALG_AEAD */
	assert_string_equal((const char *)p + 4, "rfc4106(gcm(aes))");
	zero(p + 4 + 17, 64 - 17);
	eq(u32(p + 68), 288);
	eq(u32(p + 72), 128);
	same(p + 76, key, sizeof(key));
	p += 112;
	eq(u16(p), 44);
	eq(u16(p + 2), 23); /* XFRMA_REPLAY_ESN_VAL */
	eq(u32(p + 4), 4);  /* words of the bitmap */
	zero(p + 8, 16);
	eq(u32(p + 24), 128);
	zero(p + 28, 16);
	xm_free(&m);
	assert_null(m);
}

static void
an_sa_without_limits_or_window(void **state)
{
	struct nl_msg *m;
	const uint8_t *p;

	(void)state;
	want.soft_packets = want.hard_packets = 0;
	want.replay = 0;
	want.src = addr("2001:db8::1");
	want.dst = addr("ff15::4d49:1");
	m = xm_sa_new(&want);
	assert_non_null(m);
	eq(nlmsg_hdr(m)->nlmsg_len, 16 + 224 + 112);
	p = body(m);
	same(p, want.dst.b, 16);
	same(p + 16, want.src.b, 16);
	eq(u16(p + 40), AF_INET6);
	same(p + 42, "\x80\x80\x11", 3);
	same(p + 56, want.dst.b, 16);
	same(p + 80, want.src.b, 16);
	assert_true(u64(p + 112) == XFRM_INF);
	assert_true(u64(p + 120) == XFRM_INF);
	eq(u16(p + 212), AF_INET6);
	xm_free(&m);
}

static void
a_window_fills_whole_words(void **state)
{
	static const uint32_t windows[][2] = { { 32, 1 }, { 33, 2 }, { 64, 2 },
		{ 128, 4 }, { SA_REPLAY_MAX, 128 } };

	(void)state;
	for (size_t i = 0; i < NITEMS(windows); i++) {
		struct nl_msg *m;
		const uint8_t *p;

		want.replay = windows[i][0];
		m = xm_sa_new(&want);
		assert_non_null(m);
		p = body(m) + 224 + 112;
		eq(u16(p), 28 + 4 * windows[i][1]);
		eq(u32(p + 4), windows[i][1]);
		eq(u32(p + 24), windows[i][0]);
		xm_free(&m);
	}
	/* What does not fit gives no message, not one with less in it. */
	want.replay = 100000;
	assert_null(xm_sa_new(&want));
}

static void
an_sa_is_named_by_address_spi_and_protocol(void **state)
{
	struct addr dst = addr("ff15::4d49:1");
	struct nl_msg *m = xm_sa_get(0x01020304, &dst);
	const uint8_t *p = body(m);

	(void)state;
	eq(nlmsg_hdr(m)->nlmsg_len, 16 + 24);
	eq(nlmsg_hdr(m)->nlmsg_type, 0x12);
	eq(nlmsg_hdr(m)->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	same(p, dst.b, 16);
	same(p + 16, "\x01\x02\x03\x04", 4);
	eq(u16(p + 20), AF_INET6);
	eq(p[22], 50);
	xm_free(&m);
	m = xm_sa_del(0x01020304, &dst);
	eq(nlmsg_hdr(m)->nlmsg_type, 0x11);
	same(body(m), dst.b, 16);
	xm_free(&m);
}

static void
a_policy_goes_out_octet_by_octet(void **state)
{
	struct nl_msg *m = xm_policy_new(&pol, false);
	const uint8_t *p;

	(void)state;
	assert_non_null(m);
	p = (const uint8_t *)nlmsg_hdr(m);
	eq(u32(p), 16 + 168 + 4 + 64);
	eq(u16(p + 4), 0x13); /* XFRM_MSG_NEWPOLICY */
	eq(u16(p + 6), 0x605);
	p = body(m);
	same(p, pol.dst.b, 16);
	zero(p + 16, 24); /* any source, any port */
	eq(u16(p + 40), AF_INET6);
	same(p + 42, "\x80\x00\x11", 3); /* dst /128, src /0, UDP */
	zero(p + 45, 11);
	for (size_t i = 0; i < 4; i++)
		assert_true(u64(p + 56 + 8 * i) == XFRM_INF);
	zero(p + 88, 64); /* no expiry; use is the kernel's */
	eq(u32(p + 152), 64);
	zero(p + 156, 4);
	eq(p[160], 1);	  /* out */
	zero(p + 161, 3); /* allow, no flags, any share */
	p += 168;
	eq(u16(p), 68);
	eq(u16(p + 2), 5); /* XFRMA_TMPL */
	p += 4;
	zero(p, 20); /* any destination and SPI */
	eq(p[20], 50);
	zero(p + 21, 3);
	eq(u16(p + 24), AF_INET6);
	zero(p + 28, 16);
	eq(u32(p + 44), 0x4d490021);
	zero(p + 48, 3); /* transport, any share, level required */
	eq(u32(p + 52), UINT32_MAX);
	eq(u32(p + 56), UINT32_MAX);
	eq(u32(p + 60), UINT32_MAX);
	xm_free(&m);
	m = xm_policy_new(&pol, true);
	eq(nlmsg_hdr(m)->nlmsg_type, 0x19); /* XFRM_MSG_UPDPOLICY */
	eq(nlmsg_hdr(m)->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	xm_free(&m);
}

static void
a_policy_is_named_by_selector_or_index(void **state)
{
	struct nl_msg *m = xm_policy_get(&pol);
	const uint8_t *p = body(m);

	(void)state;
	eq(nlmsg_hdr(m)->nlmsg_type, 0x15);
	eq(nlmsg_hdr(m)->nlmsg_len, 16 + 64);
	same(p, pol.dst.b, 16);
	same(p + 42, "\x80\x00\x11", 3);
	zero(p + 56, 4);
	eq(p[60], 1);
	xm_free(&m);
	m = xm_policy_del(XFRM_POLICY_IN, 4711);
	p = body(m);
	eq(nlmsg_hdr(m)->nlmsg_type, 0x14);
	zero(p, 56);
	eq(u32(p + 56), 4711);
	eq(p[60], 0);
	xm_free(&m);
}

static void
a_dump_carries_no_payload(void **state)
{
	struct nl_msg *m = xm_sa_dump();

	(void)state;
	eq(nlmsg_hdr(m)->nlmsg_len, 16);
	eq(nlmsg_hdr(m)->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	xm_free(&m);
	m = xm_policy_dump();
	eq(nlmsg_hdr(m)->nlmsg_len, 16);
	xm_free(&m);
}

int
main(void)
{
#define T(t) cmocka_unit_test_setup(t, setup)
	const struct CMUnitTest tests[] = {
		T(an_sa_goes_out_octet_by_octet),
		T(an_sa_without_limits_or_window),
		T(a_window_fills_whole_words),
		T(an_sa_is_named_by_address_spi_and_protocol),
		T(a_policy_goes_out_octet_by_octet),
		T(a_policy_is_named_by_selector_or_index),
		T(a_dump_carries_no_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
