/* SPDX-License-Identifier: ISC */
/* Effects and events of the key manager as messages, field by field. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/addr.h"
#include "keymgrd/core/edge.h"

#define eq assert_int_equal
#define C(text) ((struct chunk){ (const uint8_t *)(text), sizeof(text) - 1 })

#define LIST_TYPE(id, NAME, name, edges) id,
static const uint16_t types[] = { MSG_LIST(LIST_TYPE) };
#define N_TYPES (sizeof(types) / sizeof(types[0]))

static struct addr
addr(const char *text)
{
	struct addr a;

	eq(addr_parse(&a, text), 0);
	return a;
}

static void
same(struct chunk a, struct chunk b)
{
	eq(a.len, b.len);
	assert_memory_equal(a.p, b.p, a.len);
}

static void
same_addr(struct chunk c, const char *text)
{
	struct addr a = addr(text);

	same(c, (struct chunk){ a.b, a.len });
}

/* Over the wire and back; what comes out points into the static buffer. */
static void
over_the_wire(const struct msg *in, struct msg *out)
{
	static uint8_t buf[MSG_SIZE_MAX];
	struct wbuf wb;

	memset(buf, 0, sizeof(buf));
	wb_init(&wb, buf, sizeof(buf));
	eq(msg_put(&wb, in), 0);
	memset(out, 0xff, sizeof(*out));
	eq(msg_get(buf, msg_size(in), out), 0);
}

/* The message of an effect, as its receiver reads it. */
static void
told(const struct km_fx *fx, enum role role, enum peer to, struct msg *m)
{
	struct msg made;
	enum peer peer = PEER_COUNT;

	memset(&made, 0xff, sizeof(made));
	assert_true(km_fx_msg(fx, role, &made, &peer));
	eq(peer, to);
	assert_true(msg_permitted(made.type, PEER_KEYMGRD, to));
	over_the_wire(&made, m);
}

/* -- effects -------------------------------------------------------------- */

static void
send_goes_to_groupd(void **state)
{
	struct km_fx fx = { .kind = KM_FX_SEND };
	struct msg m;

	(void)state;
	fx.send.local = (struct endpoint){ addr("192.0.2.1"), 848 };
	fx.send.peer = (struct endpoint){ addr("2001:db8::2"), 4500 };
	fx.send.data = C("a datagram");
	told(&fx, ROLE_RECEIVER, PEER_GROUPD, &m);
	eq(m.type, MSG_DGRAM_OUT);
	same_addr(m.dgram_out.local, "192.0.2.1");
	eq(m.dgram_out.local_port, 848);
	same_addr(m.dgram_out.peer, "2001:db8::2");
	eq(m.dgram_out.peer_port, 4500);
	same(m.dgram_out.data, C("a datagram"));
}

static void
sign_goes_to_policyd(void **state)
{
	struct km_fx fx = { .kind = KM_FX_SIGN };
	struct msg m;

	(void)state;
	fx.sign.req = 0x01020304;
	fx.sign.prf = 5;
	fx.sign.hashes = 0x24;
	fx.sign.own_init = C("own init");
	fx.sign.peer_nonce = C("peer's nonce");
	fx.sign.maced_id = C("maced");
	told(&fx, ROLE_SENDER, PEER_POLICYD, &m);
	eq(m.type, MSG_AUTH_SIGN);
	eq(m.auth_sign.req, 0x01020304);
	eq(m.auth_sign.prf, 5);
	eq(m.auth_sign.hashes, 0x24);
	same(m.auth_sign.own_init, C("own init"));
	same(m.auth_sign.peer_nonce, C("peer's nonce"));
	same(m.auth_sign.maced_id, C("maced"));
}

static void
check_goes_to_policyd_with_the_role(void **state)
{
	static const enum role roles[] = { ROLE_RECEIVER, ROLE_SENDER };
	struct km_fx fx = { .kind = KM_FX_CHECK };
	struct msg m;

	(void)state;
	fx.check.req = 77;
	fx.check.prf = 6;
	fx.check.peer_init = C("peer's init");
	fx.check.own_nonce = C("own nonce");
	fx.check.maced_id = C("maced id");
	fx.check.peer_id = C("peer");
	fx.check.method = 14;
	fx.check.auth = C("auth data");
	fx.check.certs = C("certificates");
	for (size_t i = 0; i < 2; i++) {
		told(&fx, roles[i], PEER_POLICYD, &m);
		eq(m.type, MSG_AUTH_CHECK);
		eq(m.auth_check.own_role, roles[i]);
		eq(m.auth_check.req, 77);
		eq(m.auth_check.prf, 6);
		same(m.auth_check.peer_init, C("peer's init"));
		same(m.auth_check.own_nonce, C("own nonce"));
		same(m.auth_check.maced_id, C("maced id"));
		same(m.auth_check.peer_id, C("peer"));
		eq(m.auth_check.method, 14);
		same(m.auth_check.auth, C("auth data"));
		same(m.auth_check.certs, C("certificates"));
	}
}

static void
mix_goes_to_policyd(void **state)
{
	struct km_fx fx = { .kind = KM_FX_MIX };
	struct msg m;

	(void)state;
	fx.mix.req = 3;
	fx.mix.prf = 5;
	for (size_t i = 0; i < sizeof(fx.mix.ppk_id); i++)
		fx.mix.ppk_id[i] = (uint8_t)(i + 1);
	for (size_t i = 0; i < sizeof(fx.mix.sk); i++)
		fx.mix.sk[i] = (uint8_t)(200 - i);
	fx.mix.ppk_id_len = 9;
	fx.mix.sk_len = 96; /* three keys of PRF_HMAC_SHA2_256 */
	told(&fx, ROLE_RECEIVER, PEER_POLICYD, &m);
	eq(m.type, MSG_PPK_MIX);
	eq(m.ppk_mix.req, 3);
	eq(m.ppk_mix.prf, 5);
	same(m.ppk_mix.ppk_id, (struct chunk){ fx.mix.ppk_id, 9 });
	same(m.ppk_mix.sk, (struct chunk){ fx.mix.sk, 96 });
	fx.mix.ppk_id_len = sizeof(fx.mix.ppk_id);
	fx.mix.sk_len = sizeof(fx.mix.sk);
	told(&fx, ROLE_RECEIVER, PEER_POLICYD, &m);
	eq(m.ppk_mix.ppk_id.len, 64);
	eq(m.ppk_mix.sk.len, 144);
}

static void
install_goes_to_dispatcherd(void **state)
{
	struct km_fx fx = { .kind = KM_FX_SA_INSTALL };
	const struct msg_sa_install *i;
	struct msg m;

	(void)state;
	fx.sa.req = 9;
	fx.sa.mode = SA_VERIFY;
	fx.sa.dir = SA_OUT;
	fx.sa.spi = 0xc0ffee01;
	fx.sa.src = addr("10.1.2.3");
	fx.sa.dst = addr("239.1.2.3");
	for (size_t k = 0; k < sizeof(fx.sa.key); k++)
		fx.sa.key[k] = (uint8_t)(k * 7 + 1);
	fx.sa.replay = 128;
	fx.sa.soft_s = 27000;
	fx.sa.hard_s = 28800;
	fx.sa.soft_packets = 1ull << 31;
	fx.sa.hard_packets = 0xfff00000ull;
	told(&fx, ROLE_SENDER, PEER_DISPATCHERD, &m);
	i = &m.sa_install;
	eq(m.type, MSG_SA_INSTALL);
	eq(i->req, 9);
	eq(i->mode, SA_VERIFY);
	eq(i->dir, SA_OUT);
	eq(i->spi, 0xc0ffee01);
	same_addr(i->src, "10.1.2.3");
	same_addr(i->dst, "239.1.2.3");
	same(i->key, (struct chunk){ fx.sa.key, sizeof(fx.sa.key) });
	eq(i->replay, 128);
	eq(i->soft_s, 27000);
	eq(i->hard_s, 28800);
	eq(i->soft_packets, 1ull << 31);
	eq(i->hard_packets, 0xfff00000ull);
}

static void
delete_goes_to_dispatcherd(void **state)
{
	struct km_fx fx = { .kind = KM_FX_SA_DELETE };
	struct msg m;

	(void)state;
	fx.sa.req = 10;
	fx.sa.spi = 0x80000001;
	fx.sa.dst = addr("ff0e::1234");
	told(&fx, ROLE_RECEIVER, PEER_DISPATCHERD, &m);
	eq(m.type, MSG_SA_DELETE);
	eq(m.sa_delete.req, 10);
	eq(m.sa_delete.spi, 0x80000001);
	same_addr(m.sa_delete.dst, "ff0e::1234");
}

/* No address is one of no octets, not sixteen zeros. */
static void
no_address_is_empty(void **state)
{
	struct km_fx fx = { .kind = KM_FX_SA_DELETE };
	struct msg m;
	enum peer to;

	(void)state;
	assert_true(km_fx_msg(&fx, ROLE_RECEIVER, &m, &to));
	eq(m.sa_delete.dst.len, 0);
	fx.kind = KM_FX_SEND;
	assert_true(km_fx_msg(&fx, ROLE_RECEIVER, &m, &to));
	eq(m.dgram_out.local.len, 0);
	eq(m.dgram_out.peer.len, 0);
}

/* Every kind has been looked at: these, and those of the tests above. */
static void
others_are_no_message(void **state)
{
	(void)state;
	for (int kind = 0; kind <= KM_FX_LEFT + 3; kind++) {
		struct km_fx fx = { .kind = (enum km_fx_kind)kind };
		bool is_one = kind >= KM_FX_SEND && kind <= KM_FX_SA_DELETE;
		struct msg m;
		enum peer to;

		eq(km_fx_msg(&fx, ROLE_SENDER, &m, &to), is_one);
		eq(m.type != 0, is_one);
	}
	eq(KM_FX_STATE, 0);
	eq(KM_FX_SA_DELETE - KM_FX_SEND, 5);
}

/* -- events --------------------------------------------------------------- */

/* As it comes from the wire; octets stay there until the next one. */
static int
event(const struct msg *m, struct km_in *in)
{
	static struct msg got;

	over_the_wire(m, &got);
	memset(in, 0xff, sizeof(*in));
	return km_in_msg(&got, in);
}

static struct chunk
octets(const struct addr *a)
{
	return (struct chunk){ a->b, a->len };
}

static void
signed_comes(void **state)
{
	struct msg m = { .type = MSG_AUTH_SIGNED };
	struct km_in in;

	(void)state;
	m.auth_signed.req = 0xfffffffe;
	m.auth_signed.method = 14;
	m.auth_signed.auth = C("signature");
	for (uint8_t st = ST_OK; st <= ST_ERROR; st++) {
		m.auth_signed.status = st;
		eq(event(&m, &in), 0);
		eq(in.ev, KM_EV_SIGNED);
		eq(in.sig.req, 0xfffffffe);
		eq(in.sig.ok, st == ST_OK);
		eq(in.sig.method, 14);
		same(in.sig.auth, C("signature"));
	}
}

static void
checked_comes(void **state)
{
	struct msg m = { .type = MSG_AUTH_CHECKED };
	struct km_in in;

	(void)state;
	m.auth_checked.req = 5;
	m.auth_checked.admit = ADMIT_SEND;
	m.auth_checked.valid_s = 86400;
	m.auth_checked.identity = C("CN=x");
	for (uint8_t v = AV_OK; v <= AV_MALFORMED; v++)
		for (uint8_t c = AC_NONE; c < AC_COUNT; c++) {
			m.auth_checked.verdict = v;
			m.auth_checked.cause = c;
			eq(event(&m, &in), 0);
			eq(in.ev, KM_EV_CHECKED);
			eq(in.checked.req, 5);
			eq(in.checked.verdict, v);
			eq(in.checked.cause, c);
			eq(in.checked.admit, ADMIT_SEND);
			eq(in.checked.valid_s, 86400);
			same(in.checked.identity, C("CN=x"));
		}
}

static void
mixed_comes(void **state)
{
	struct msg m = { .type = MSG_PPK_MIXED };
	struct km_in in;

	(void)state;
	m.ppk_mixed.req = 6;
	m.ppk_mixed.sk = C("mixed keys");
	for (uint8_t st = ST_OK; st <= ST_ERROR; st++) {
		m.ppk_mixed.status = st;
		eq(event(&m, &in), 0);
		eq(in.ev, KM_EV_MIXED);
		eq(in.mixed.req, 6);
		eq(in.mixed.ok, st == ST_OK);
		same(in.mixed.sk, C("mixed keys"));
	}
}

static void
result_comes(void **state)
{
	struct msg m = { .type = MSG_RESULT };
	struct km_in in;

	(void)state;
	m.result.req = 7;
	m.result.text = C("no such SA");
	for (uint8_t st = ST_OK; st <= ST_ERROR; st++) {
		m.result.status = st;
		eq(event(&m, &in), 0);
		eq(in.ev, KM_EV_SA);
		eq(in.sa.req, 7);
		eq(in.sa.status, st);
		same(in.sa.text, C("no such SA"));
	}
}

static void
expired_comes(void **state)
{
	struct addr dst = addr("239.0.0.9");
	struct msg m = { .type = MSG_SA_EXPIRED };
	struct km_in in;

	(void)state;
	m.sa_expired.spi = 0x12345678;
	m.sa_expired.dst = octets(&dst);
	for (uint8_t hard = 0; hard < 3; hard++) {
		m.sa_expired.hard = hard;
		eq(event(&m, &in), 0);
		eq(in.ev, KM_EV_EXPIRED);
		eq(in.expired.spi, 0x12345678);
		eq(in.expired.hard, hard != 0);
		assert_true(addr_eq(&in.expired.dst, &dst));
	}
}

static void
dgram_comes(void **state)
{
	struct addr local = addr("10.0.0.1"), peer = addr("10.0.0.2");
	struct msg m = { .type = MSG_DGRAM_IN };
	struct km_in in;

	(void)state;
	m.dgram_in.local = octets(&local);
	m.dgram_in.local_port = 848;
	m.dgram_in.peer = octets(&peer);
	m.dgram_in.peer_port = 65535;
	m.dgram_in.data = C("datagram");
	eq(event(&m, &in), 0);
	eq(in.ev, KM_EV_DGRAM);
	assert_true(addr_eq(&in.dgram.local.addr, &local));
	eq(in.dgram.local.port, 848);
	assert_true(addr_eq(&in.dgram.peer.addr, &peer));
	eq(in.dgram.peer.port, 65535);
	same(in.dgram.data, C("datagram"));
}

static void
acquire_and_leave_come(void **state)
{
	struct addr dst = addr("ff0e::9");
	struct msg m = { .type = MSG_ACQUIRE };
	struct km_in in;

	(void)state;
	m.acquire.slot = 3;
	m.acquire.dst = octets(&dst);
	eq(event(&m, &in), 0);
	eq(in.ev, KM_EV_ACQUIRE);
	assert_true(addr_eq(&in.acquire.dst, &dst));
	m = (struct msg){ .type = MSG_LEAVE };
	m.leave.req = 8;
	eq(event(&m, &in), 0);
	eq(in.ev, KM_EV_LEAVE);
}

/* The time is the caller's to say. */
static void
time_is_left_open(void **state)
{
	struct msg m = { .type = MSG_LEAVE };
	struct km_in in = { .now_ms = 99 };

	(void)state;
	eq(km_in_msg(&m, &in), 0);
	eq(in.now_ms, 0);
}

/* -- what is refused ------------------------------------------------------ */

struct where {
	uint16_t type;
	size_t off; /* of the address in struct msg */
};

#define AT(TYPE, member)                                                       \
	{                                                                      \
		MSG_##TYPE, offsetof(struct msg, member)                       \
	}

static void
addresses_have_no_other_length(void **state)
{
	static const struct where at[] = { AT(SA_EXPIRED, sa_expired.dst),
		AT(DGRAM_IN, dgram_in.local), AT(DGRAM_IN, dgram_in.peer),
		AT(ACQUIRE, acquire.dst) };
	static const uint8_t b[17] = { 10, 1, 1, 1 };
	struct km_in in;

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (size_t len = 0; len <= sizeof(b); len++) {
			struct msg m = { .type = at[i].type };
			struct chunk c = { b, len };
			bool fits = len == 0 || len == 4 || len == 16;

			memcpy((char *)&m + at[i].off, &c, sizeof(c));
			eq(km_in_msg(&m, &in), fits ? 0 : -EPROTO);
		}
}

static bool
is_event(uint16_t type)
{
	switch (type) {
	case MSG_AUTH_SIGNED:
	case MSG_AUTH_CHECKED:
	case MSG_PPK_MIXED:
	case MSG_RESULT:
	case MSG_SA_EXPIRED:
	case MSG_DGRAM_IN:
	case MSG_ACQUIRE:
	case MSG_LEAVE:
		return true;
	default:
		return false;
	}
}

/* Each type of the schema, and those that there are not. */
static void
other_messages_are_no_event(void **state)
{
	struct km_in in;
	size_t events = 0;

	(void)state;
	for (size_t i = 0; i < N_TYPES; i++) {
		struct msg m = { .type = types[i] };

		eq(km_in_msg(&m, &in), is_event(types[i]) ? 0 : -EPROTO);
		events += is_event(types[i]);
	}
	eq(events, 8);
	for (uint32_t type = 0; type <= UINT16_MAX; type++) {
		struct msg m = { .type = (uint16_t)type };

		if (!is_event(m.type))
			eq(km_in_msg(&m, &in), -EPROTO);
	}
}

/* What may be sent to a key manager is an event, or the shell's business. */
static void
events_may_be_sent_to_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_TYPES; i++)
		if (is_event(types[i]))
			assert_true(
			    msg_permitted(
				types[i], PEER_POLICYD, PEER_KEYMGRD) ||
			    msg_permitted(
				types[i], PEER_DISPATCHERD, PEER_KEYMGRD) ||
			    msg_permitted(types[i], PEER_GROUPD, PEER_KEYMGRD));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send_goes_to_groupd),
		cmocka_unit_test(sign_goes_to_policyd),
		cmocka_unit_test(check_goes_to_policyd_with_the_role),
		cmocka_unit_test(mix_goes_to_policyd),
		cmocka_unit_test(install_goes_to_dispatcherd),
		cmocka_unit_test(delete_goes_to_dispatcherd),
		cmocka_unit_test(no_address_is_empty),
		cmocka_unit_test(others_are_no_message),
		cmocka_unit_test(signed_comes),
		cmocka_unit_test(checked_comes),
		cmocka_unit_test(mixed_comes),
		cmocka_unit_test(result_comes),
		cmocka_unit_test(expired_comes),
		cmocka_unit_test(dgram_comes),
		cmocka_unit_test(acquire_and_leave_come),
		cmocka_unit_test(time_is_left_open),
		cmocka_unit_test(addresses_have_no_other_length),
		cmocka_unit_test(other_messages_are_no_event),
		cmocka_unit_test(events_may_be_sent_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
