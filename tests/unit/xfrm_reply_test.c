/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dispatcherd/xfrm_reply.h"

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

/* --- what comes back ------------------------------------------------------ */

/* A request looks like the kernel's answer but for its type. */
static void
read_sa(struct sa_have *have)
{
	struct nl_msg *m = xm_sa_new(&want);

	assert_non_null(m);
	eq(xr_sa(nlmsg_hdr(m), have), 0);
	xm_free(&m);
}

static void
every_field_of_an_sa_is_compared(void **state)
{
	struct sa_have good, h;

	(void)state;
	read_sa(&good);
	assert_null(sa_differs(&good, &want, true));
#define DIFFERS(change, lifetimes, what)                                       \
	do {                                                                   \
		h = good;                                                      \
		change;                                                        \
		assert_non_null(sa_differs(&h, &want, (lifetimes)));           \
		assert_string_equal(sa_differs(&h, &want, (lifetimes)), what); \
	} while (0)
	DIFFERS(h.info.sel.saddr.a4 ^= 1, false, "selector");
	DIFFERS(h.info.sel.prefixlen_s = 24, false, "selector");
	DIFFERS(h.info.sel.proto = 0, false, "selector");
	DIFFERS(h.info.sel.dport = 1, false, "selector");
	DIFFERS(h.info.saddr.a4 ^= 1, false, "address");
	DIFFERS(h.info.id.daddr.a4 ^= 1, false, "address");
	DIFFERS(h.info.family = AF_INET6, false, "address");
	DIFFERS(h.info.id.spi ^= 1, false, "SPI or protocol");
	DIFFERS(h.info.id.proto = 51, false, "SPI or protocol");
	DIFFERS(h.info.reqid ^= 1, false, "reqid");
	DIFFERS(h.info.mode = XFRM_MODE_TUNNEL, false,
	    "mode, flags or an extra attribute");
	DIFFERS(h.info.flags = XFRM_STATE_ESN, false,
	    "mode, flags or an extra attribute");
	DIFFERS(h.plain = false, false, "mode, flags or an extra attribute");
	DIFFERS(h.alg[0] = 'x', false, "algorithm");
	DIFFERS(h.key_bits = 160, false, "algorithm");
	DIFFERS(h.icv_bits = 64, false, "algorithm");
	DIFFERS(h.replay = 32, false, "replay window");
	DIFFERS(h.key[0] ^= 1, false, "key");
	DIFFERS(h.key[35] ^= 1, false, "key");
	DIFFERS(h.info.lft.hard_add_expires_seconds++, true, "lifetime");
	DIFFERS(h.info.lft.soft_add_expires_seconds--, true, "lifetime");
	DIFFERS(h.info.lft.hard_packet_limit = 0, true, "lifetime");
	DIFFERS(h.info.lft.soft_packet_limit = 5, true, "lifetime");
	DIFFERS(h.info.lft.hard_byte_limit = 5, true, "lifetime");
	DIFFERS(h.info.lft.hard_use_expires_seconds = 5, true, "lifetime");
	/* An older SA has other lifetimes than what is left of them. */
	h = good;
	h.info.lft.hard_add_expires_seconds++;
	assert_null(sa_differs(&h, &want, false));
	/* A locked-down kernel shows zeros instead of a key. */
	memset(h.key, 0, sizeof(h.key));
	assert_null(sa_differs(&h, &want, false));
}

static void
read_policy(struct pol_have *have)
{
	struct nl_msg *m = xm_policy_new(&pol, false);

	eq(xr_policy(nlmsg_hdr(m), have), 0);
	xm_free(&m);
}

static void
every_field_of_a_policy_is_compared(void **state)
{
	struct pol_have good, h;

	(void)state;
	read_policy(&good);
	assert_null(pol_differs(&good, &pol));
#define POL_DIFFERS(change, what)                                              \
	do {                                                                   \
		h = good;                                                      \
		change;                                                        \
		assert_non_null(pol_differs(&h, &pol));                        \
		assert_string_equal(pol_differs(&h, &pol), what);              \
	} while (0)
	POL_DIFFERS(h.info.sel.prefixlen_s = 128, "selector");
	POL_DIFFERS(h.info.sel.proto = 0, "selector");
	POL_DIFFERS(h.info.sel.daddr.a6[3] ^= 1, "selector");
	POL_DIFFERS(
	    h.info.dir = XFRM_POLICY_IN, "direction, type, mark or interface");
	POL_DIFFERS(h.plain = false, "direction, type, mark or interface");
	POL_DIFFERS(h.info.action = XFRM_POLICY_BLOCK, "action or flags");
	POL_DIFFERS(h.info.flags = XFRM_POLICY_ICMP, "action or flags");
	POL_DIFFERS(h.info.priority = 0, "priority");
	POL_DIFFERS(h.n_tmpl = 0, "template");
	POL_DIFFERS(h.n_tmpl = 2, "template");
	POL_DIFFERS(h.tmpl.id.proto = 51, "template");
	POL_DIFFERS(h.tmpl.id.spi = 1, "template");
	POL_DIFFERS(h.tmpl.family = AF_INET, "template");
	POL_DIFFERS(h.tmpl.saddr.a6[0] = 1, "addresses of the template");
	POL_DIFFERS(h.tmpl.id.daddr.a6[0] = 1, "addresses of the template");
	POL_DIFFERS(h.tmpl.optional = 1, "mode or level");
	POL_DIFFERS(h.tmpl.mode = XFRM_MODE_TUNNEL, "mode or level");
	POL_DIFFERS(h.tmpl.reqid ^= 1, "reqid");
}

static void
others_policies_and_sas_are_not_ours(void **state)
{
	struct pol_have p;
	struct sa_have s;
	uint8_t slot = 99, cls = 99;

	(void)state;
	read_policy(&p);
	assert_true(pol_is_ours(&p, &slot, &cls));
	eq(slot, 2);
	eq(cls, 1);
	p.tmpl.reqid = 1;
	assert_false(pol_is_ours(&p, &slot, &cls));
	read_policy(&p);
	p.n_tmpl = 2;
	assert_false(pol_is_ours(&p, &slot, &cls));
	read_policy(&p);
	p.info.sel.proto = 0;
	assert_false(pol_is_ours(&p, &slot, &cls));
	read_policy(&p);
	p.info.dir = 2; /* forward */
	assert_false(pol_is_ours(&p, &slot, &cls));
	read_sa(&s);
	assert_true(sa_is_ours(&s.info, &slot, &cls));
	s.info.reqid = 7;
	assert_false(sa_is_ours(&s.info, &slot, &cls));
	read_sa(&s);
	s.info.mode = XFRM_MODE_TUNNEL;
	assert_false(sa_is_ours(&s.info, &slot, &cls));
	read_sa(&s);
	s.info.id.spi = 0; /* larval */
	assert_false(sa_is_ours(&s.info, &slot, &cls));
}

static void
what_must_not_be_there_is_seen(void **state)
{
	static const int odd[] = { XFRMA_ENCAP, XFRMA_MARK, XFRMA_IF_ID,
		XFRMA_ALG_AUTH, XFRMA_ALG_CRYPT, XFRMA_OFFLOAD_DEV };
	static const uint8_t any[64];
	struct sa_have h;

	(void)state;
	for (size_t i = 0; i < NITEMS(odd); i++) {
		struct nl_msg *m = xm_sa_new(&want);

		eq(nla_put(m, odd[i], sizeof(any), any), 0);
		eq(xr_sa(nlmsg_hdr(m), &h), 0);
		assert_false(h.plain);
		xm_free(&m);
	}
}

/* Each prefix of a good answer: an error or less in it, never a crash. */
static void
short_answers_are_refused(void **state)
{
	struct nl_msg *m = xm_sa_new(&want);
	uint32_t len = nlmsg_hdr(m)->nlmsg_len;
	struct sa_have have;

	(void)state;
	for (uint32_t n = NLMSG_HDRLEN; n < len; n++) {
		struct nlmsghdr *cut = malloc(n);

		assert_non_null(cut);
		memcpy(cut, nlmsg_hdr(m), n);
		cut->nlmsg_len = n;
		if (xr_sa(cut, &have) == 0)
			assert_non_null(sa_differs(&have, &want, true));
		free(cut);
	}
	eq(xr_sa(nlmsg_hdr(m), &have), 0);
	nlmsg_hdr(m)->nlmsg_type = XFRM_MSG_DELSA;
	eq(xr_sa(nlmsg_hdr(m), &have), -EBADMSG);
	xm_free(&m);
}

static void
an_algorithm_that_lies_about_its_key_is_refused(void **state)
{
	struct nl_msg *m = xm_sa_new(&want);
	uint8_t *p = (uint8_t *)nlmsg_hdr(m) + 16 + 224;
	struct sa_have have;

	(void)state;
	p[68 + 3] = 0x7f; /* bits of the key */
	eq(xr_sa(nlmsg_hdr(m), &have), -EBADMSG);
	p[68 + 3] = 0;
	eq(xr_sa(nlmsg_hdr(m), &have), 0);
	memset(p + 4, 'x', 64); /* a name without an end */
	eq(xr_sa(nlmsg_hdr(m), &have), -EBADMSG);
	xm_free(&m);
}

/* --- walking a datagram --------------------------------------------------- */

static void
done_may_follow_data_in_one_datagram(void **state)
{
	struct nlmsghdr d[5] = { { .nlmsg_len = 16, .nlmsg_type = 0x10 },
		{ .nlmsg_len = 32, .nlmsg_type = 0x10 }, { 0 },
		{ .nlmsg_len = 20, .nlmsg_type = NLMSG_DONE }, { 0 } };
	struct xr_msg r;
	struct xr_ack ack;

	(void)state;
	xr_init(&r, d, 16 + 32 + 20);
	eq(xr_next(&r), 1);
	eq(r.h->nlmsg_len, 16);
	eq(xr_next(&r), 1);
	eq(r.h->nlmsg_len, 32);
	eq(xr_next(&r), 1);
	eq(r.h->nlmsg_type, NLMSG_DONE);
	eq(xr_ack(r.h, &ack), 0);
	eq(ack.error, 0);
	eq(xr_next(&r), 0);
	/* A header that is cut, too short, or reaches beyond the end. */
	xr_init(&r, d, 15);
	eq(xr_next(&r), -EBADMSG);
	d[0].nlmsg_len = 15;
	xr_init(&r, d, sizeof(d));
	eq(xr_next(&r), -EBADMSG);
	d[0].nlmsg_len = 17;
	xr_init(&r, d, 16);
	eq(xr_next(&r), -EBADMSG);
	d[0].nlmsg_len = UINT32_MAX;
	xr_init(&r, d, sizeof(d));
	eq(xr_next(&r), -EBADMSG);
	/* The last one may lack its padding. */
	d[0].nlmsg_len = 17;
	xr_init(&r, d, 17);
	eq(xr_next(&r), 1);
	eq(xr_next(&r), 0);
}

static void
an_error_comes_with_the_kernels_words(void **state)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		struct nlattr at;
		char text[8];
	} m = { .h = { .nlmsg_len = sizeof(m),
		    .nlmsg_type = NLMSG_ERROR,
		    .nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS },
		.e = { .error = -EINVAL },
		.at = { .nla_len = 12, .nla_type = NLMSGERR_ATTR_MSG },
		.text = "bad key" };
	struct xr_ack ack;

	(void)state;
	eq(xr_ack(&m.h, &ack), 0);
	eq(ack.error, -EINVAL);
	eq(ack.text.len, 7);
	assert_memory_equal(ack.text.p, "bad key", 7);
	/* An attribute that reaches beyond the message is not looked at. */
	m.at.nla_len = 13;
	eq(xr_ack(&m.h, &ack), 0);
	eq(ack.text.len, 0);
	m.at.nla_len = 3;
	eq(xr_ack(&m.h, &ack), 0);
	eq(ack.text.len, 0);
	/* With the request echoed, its length says where the words are. */
	m.at.nla_len = 12;
	m.h.nlmsg_flags = NLM_F_ACK_TLVS;
	m.e.msg.nlmsg_len = 16;
	eq(xr_ack(&m.h, &ack), 0);
	eq(ack.text.len, 7);
	m.e.msg.nlmsg_len = 4096;
	eq(xr_ack(&m.h, &ack), 0);
	eq(ack.text.len, 0);
	m.e.msg.nlmsg_len = 0;
	eq(xr_ack(&m.h, &ack), 0);
	eq(ack.text.len, 0);
	/* Errors are negative and small; anything else is no answer. */
	m.e.error = 1;
	eq(xr_ack(&m.h, &ack), -EBADMSG);
	m.e.error = -5000;
	eq(xr_ack(&m.h, &ack), -EBADMSG);
	m.h.nlmsg_len = 18;
	eq(xr_ack(&m.h, &ack), -EBADMSG);
}

/* --- events --------------------------------------------------------------- */

static void
an_expiry_names_slot_spi_and_group(void **state)
{
	struct {
		struct nlmsghdr h;
		struct xfrm_user_expire e;
	} m = { .h = {
		    .nlmsg_len = sizeof(m), .nlmsg_type = XFRM_MSG_EXPIRE } };
	struct sa_have have;
	struct xr_event e;

	(void)state;
	read_sa(&have);
	m.e.state = have.info;
	m.e.hard = 1;
	eq(xr_event(&m.h, &e), 0);
	eq(e.kind, XR_EXPIRE);
	eq(e.slot, 2);
	eq(e.spi, 0x01020304);
	assert_true(addr_eq(&e.dst, &want.dst));
	assert_true(e.hard);
	m.e.hard = 0;
	eq(xr_event(&m.h, &e), 0);
	assert_false(e.hard);
	m.e.state.reqid = 1; /* somebody else's */
	eq(xr_event(&m.h, &e), 0);
	eq(e.kind, XR_OTHER);
	m.h.nlmsg_len -= 8;
	eq(xr_event(&m.h, &e), -EBADMSG);
	m.h.nlmsg_type = XFRM_MSG_NEWSA;
	eq(xr_event(&m.h, &e), 0);
	eq(e.kind, XR_OTHER);
}

static void
an_acquire_names_slot_and_group(void **state)
{
	struct {
		struct nlmsghdr h;
		struct xfrm_user_acquire a;
		struct nlattr at;
		struct xfrm_user_tmpl t;
	} m = { .h = { .nlmsg_len = sizeof(m), .nlmsg_type = XFRM_MSG_ACQUIRE },
		.at = { .nla_len = 4 + sizeof(m.t), .nla_type = XFRMA_TMPL } };
	struct xr_event e;

	(void)state;
	m.t.reqid = 0x4d4903f0;
	m.a.sel.family = AF_INET;
	memcpy(&m.a.id.daddr, want.dst.b, 4);
	eq(xr_event(&m.h, &e), 0);
	eq(e.kind, XR_ACQUIRE);
	eq(e.slot, 63);
	assert_true(addr_eq(&e.dst, &want.dst));
	m.t.reqid = 1;
	eq(xr_event(&m.h, &e), 0);
	eq(e.kind, XR_OTHER);
	m.t.reqid = 0x4d4903f0;
	m.a.sel.family = AF_UNIX;
	eq(xr_event(&m.h, &e), -EBADMSG);
	m.at.nla_len = 4 + sizeof(m.t) - 1;
	eq(xr_event(&m.h, &e), 0);
	eq(e.kind, XR_OTHER);
}

int
main(void)
{
#define T(t) cmocka_unit_test_setup(t, setup)
	const struct CMUnitTest tests[] = {
		T(every_field_of_an_sa_is_compared),
		T(every_field_of_a_policy_is_compared),
		T(others_policies_and_sas_are_not_ours),
		T(what_must_not_be_there_is_seen),
		T(short_answers_are_refused),
		T(an_algorithm_that_lies_about_its_key_is_refused),
		T(done_may_follow_data_in_one_datagram),
		T(an_error_comes_with_the_kernels_words),
		T(an_expiry_names_slot_spi_and_group),
		T(an_acquire_names_slot_and_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
