/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "policyd/core/answer.h"
#include "policyd/core/seal.h"
#include "tests/lib/pol.h"

#define eq assert_int_equal

/* A database in memory, which a test can make fail. */
static struct {
	uint16_t n[MIKE_SLOTS], done[MIKE_SLOTS];
	int fail;
	char joined[80];
} store;

static struct policy *pol;
static struct pol_host host;
static struct msg last;
static uint8_t last_octets[2048];
static unsigned int sent, noted, warned;

static int
store_join(void *arg, const char *group, bool joined)
{
	(void)arg;
	snprintf(store.joined, sizeof(store.joined), "%s %d", group, joined);
	return store.fail;
}

static int
store_new(void *arg, uint8_t slot, uint16_t *n, uint16_t *done)
{
	(void)arg;
	*n = ++store.n[slot];
	*done = store.done[slot];
	return store.fail;
}

static int
store_done(void *arg, uint8_t slot, uint16_t n)
{
	(void)arg;
	if (n != store.n[slot])
		return -ESTALE;
	store.done[slot] = n;
	return store.fail;
}

static int64_t
noon(void)
{
	return 1800000000;
}

static void
take_note(const struct pol_note *n)
{
	assert_non_null(n->why);
	assert_non_null(n->identity);
	noted++;
	warned += n->warn;
}

/* What the peer would get; the answer must be permitted and encodable. */
static int
take(void *arg, const struct msg *m)
{
	const enum peer *to = arg;
	struct wbuf wb;

	wb_init(&wb, last_octets, sizeof(last_octets));
	eq(msg_put(&wb, m), 0);
	eq(msg_get(last_octets, wb.len, &last), 0);
	assert_true(msg_permitted(m->type, PEER_POLICYD, *to));
	sent++;
	return 0;
}

static int
keymgrd(uint8_t slot, struct msg m)
{
	static enum peer to = PEER_KEYMGRD;
	struct pol_out out = { .send = take, .arg = &to };

	sent = 0;
	return pol_answer_keymgrd(&host, slot, &m, &out);
}

static int
groupd(struct msg m)
{
	static enum peer to = PEER_GROUPD;
	struct pol_out out = { .send = take, .arg = &to };

	sent = 0;
	return pol_answer_groupd(&host, &m, &out);
}

static int
setup(void **state)
{
	(void)state;
	memset(&store, 0, sizeof(store));
	noted = warned = 0;
	pol = pol_from(
	    POL_SENDER POL_GROUP("b", "sender", "address = \"239.1.1.2\""));
	host = (struct pol_host){
		.pol = pol,
		.slots = { .slot = { 5, 6 }, .joined = { true, true } },
		.creds = { .psk = secret_from("0123456789abcdef", 16) },
		.boot = secret_new(SEAL_SECRET_LEN),
		.store = { .join = store_join,
		    .instance_new = store_new,
		    .instance_done = store_done },
		.note = take_note,
		.now = noon,
	};
	for (uint8_t i = 0; i < SEAL_SECRET_LEN; i++)
		secret_bytes(host.boot)[i] = i;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	secret_free(&host.creds.psk);
	secret_free(&host.boot);
	policy_free(&pol);
	return 0;
}

/* HKDF-Expand with one block is HMAC(prk, info | 1). */
static void
keys_are_derived_as_written(void **state)
{
	uint8_t got[SEAL_KEY_LEN], want[PRF_LEN];
	const uint8_t info[] = "MIKE seal\x05\x01\x02\x01";
	struct chunk c = { info, sizeof(info) - 1 };

	(void)state;
	eq(seal_key(host.boot, 5, 0x0102, got), 0);
	eq(prf(PRF_SHA256, secret_bytes(host.boot), 32, &c, 1, want), 0);
	assert_memory_equal(got, want, sizeof(got));
}

static void
keys_differ_by_slot_instance_and_boot(void **state)
{
	uint8_t a[SEAL_KEY_LEN], b[SEAL_KEY_LEN];

	(void)state;
	eq(seal_key(host.boot, 5, 1, a), 0);
	eq(seal_key(host.boot, 6, 1, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	eq(seal_key(host.boot, 5, 2, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	eq(seal_key(host.boot, 5, 256, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	secret_bytes(host.boot)[31] ^= 1;
	eq(seal_key(host.boot, 5, 1, b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	/* A key is never derived from anything else than a boot secret. */
	eq(seal_key(host.creds.psk, 5, 1, b), -EINVAL);
}

static void
reading_starts_at_the_last_complete_instance(void **state)
{
	uint8_t keys[SEAL_READ_MAX * SEAL_KEY_LEN], want[SEAL_KEY_LEN];
	uint16_t first;
	size_t n;

	(void)state;
	/* Nobody has completed: there is nothing to read. */
	eq(seal_read_keys(host.boot, 5, 3, 0, keys, &first, &n), 0);
	eq(n, 0);
	eq(first, 3);
	eq(seal_read_keys(host.boot, 5, 8, 7, keys, &first, &n), 0);
	eq(n, 1);
	eq(first, 7);
	eq(seal_read_keys(host.boot, 5, 9, 6, keys, &first, &n), 0);
	eq(n, 3);
	eq(first, 6);
	for (uint16_t i = 0; i < 3; i++) {
		eq(seal_key(host.boot, 5, (uint16_t)(6 + i), want), 0);
		assert_memory_equal(
		    keys + i * SEAL_KEY_LEN, want, sizeof(want));
	}
	/* The complete one is always among them. */
	eq(seal_read_keys(host.boot, 5, 100, 6, keys, &first, &n), 0);
	eq(n, SEAL_READ_MAX);
	eq(first, 6);
	eq(seal_read_keys(host.boot, 5, 65535, 65534, keys, &first, &n), 0);
	eq(first, 65534);
	eq(seal_read_keys(host.boot, 5, 6, 6, keys, &first, &n), -EINVAL);
	eq(seal_read_keys(host.boot, 5, 0, 0, keys, &first, &n), -EINVAL);
}

static void
open(uint8_t slot, uint32_t req)
{
	eq(keymgrd(slot,
	       (struct msg){ .type = MSG_SEAL_OPEN, .seal_open = { req } }),
	    0);
	eq(sent, 1);
	eq(last.type, MSG_SEAL_KEYS);
	eq(last.seal_keys.req, req);
}

static void
done(uint8_t slot, uint16_t n, enum ipc_status want)
{
	eq(keymgrd(slot,
	       (struct msg){ .type = MSG_SEAL_DONE, .seal_done = { 8, n } }),
	    0);
	eq(sent, 1);
	eq(last.type, MSG_RESULT);
	eq(last.result.req, 8);
	eq(last.result.status, want);
}

/* Started, completed, started again: the second reads what the first wrote. */
static void
a_successor_reads_its_predecessor(void **state)
{
	uint8_t first_write[SEAL_KEY_LEN];

	(void)state;
	open(5, 41);
	eq(last.seal_keys.status, ST_OK);
	eq(last.seal_keys.n, 1);
	eq(last.seal_keys.first, 1);
	eq(last.seal_keys.read.len, 0);
	eq(last.seal_keys.write.len, SEAL_KEY_LEN);
	memcpy(first_write, last.seal_keys.write.p, SEAL_KEY_LEN);
	done(5, 1, ST_OK);
	open(5, 42);
	eq(last.seal_keys.n, 2);
	eq(last.seal_keys.first, 1);
	eq(last.seal_keys.read.len, SEAL_KEY_LEN);
	assert_memory_equal(last.seal_keys.read.p, first_write, SEAL_KEY_LEN);
	assert_memory_not_equal(
	    last.seal_keys.write.p, first_write, SEAL_KEY_LEN);
	/* It dies before it is done: the next one gets both keys. */
	open(5, 43);
	eq(last.seal_keys.n, 3);
	eq(last.seal_keys.first, 1);
	eq(last.seal_keys.read.len, 2 * SEAL_KEY_LEN);
	/* And no key of a slot is ever another one's. */
	open(6, 44);
	eq(last.seal_keys.n, 1);
	assert_memory_not_equal(
	    last.seal_keys.write.p, first_write, SEAL_KEY_LEN);
}

static void
only_the_newest_instance_is_done(void **state)
{
	(void)state;
	open(5, 1);
	open(5, 2);
	done(5, 1, ST_REFUSED);
	done(5, 3, ST_REFUSED);
	done(5, 2, ST_OK);
	done(6, 2, ST_REFUSED);
	eq(warned, 3);
}

static void
no_key_leaves_unless_its_number_is_on_disk(void **state)
{
	(void)state;
	store.fail = -EIO;
	open(5, 1);
	eq(last.seal_keys.status, ST_ERROR);
	eq(last.seal_keys.write.len, 0);
	eq(last.seal_keys.read.len, 0);
	eq(last.seal_keys.n, 0);
	store.fail = -ERANGE;
	open(5, 2);
	eq(last.seal_keys.status, ST_REFUSED);
	eq(last.seal_keys.write.len, 0);
	store.fail = -EIO;
	done(5, 2, ST_ERROR);
}

/* Slot 7 has no group: whatever sits there gets nothing. */
static void
a_slot_without_group_gets_nothing(void **state)
{
	static const uint16_t types[] = { MSG_CONF_GET, MSG_AUTH_SIGN,
		MSG_AUTH_CHECK, MSG_PPK_MIX, MSG_SEAL_OPEN, MSG_SEAL_DONE };

	(void)state;
	for (size_t i = 0; i < NITEMS(types); i++) {
		struct msg m = { .type = types[i], .conf_get = { 77 } };

		eq(keymgrd(7, m), 0);
		eq(sent, 1);
		eq(last.type, MSG_RESULT);
		eq(last.result.req, 77);
		eq(last.result.status, ST_MISSING);
	}
	eq(store.n[7], 0);
}

static void
a_slot_gets_its_own_conf(void **state)
{
	(void)state;
	eq(keymgrd(5, (struct msg){ .type = MSG_CONF_GET, .conf_get = { 3 } }),
	    0);
	eq(sent, 1 + 2 + 1);
	eq(last.type, MSG_CONF_END);
	eq(keymgrd(6, (struct msg){ .type = MSG_CONF_GET, .conf_get = { 4 } }),
	    0);
	eq(sent, 1 + 1 + 1);
	eq(last.conf_end.req, 4);
}

static void
refusals_to_sign_are_answered_and_noted(void **state)
{
	struct msg m = { .type = MSG_AUTH_SIGN, .auth_sign = { .req = 12 } };

	(void)state;
	eq(keymgrd(5, m), 0);
	eq(last.type, MSG_AUTH_SIGNED);
	eq(last.auth_signed.req, 12);
	eq(last.auth_signed.status, ST_REFUSED);
	eq(last.auth_signed.auth.len, 0);
	eq(warned, 1);
	m = (struct msg){ .type = MSG_AUTH_CHECK, .auth_check = { .req = 13 } };
	eq(keymgrd(5, m), 0);
	eq(last.type, MSG_AUTH_CHECKED);
	eq(last.auth_checked.req, 13);
	eq(last.auth_checked.verdict, AV_MALFORMED);
	eq(last.auth_checked.admit, 0);
	eq(last.auth_checked.identity.len, 0);
	eq(warned, 2);
	m = (struct msg){ .type = MSG_PPK_MIX, .ppk_mix = { .req = 14 } };
	eq(keymgrd(5, m), 0);
	eq(last.type, MSG_PPK_MIXED);
	eq(last.ppk_mixed.req, 14);
	eq(last.ppk_mixed.status, ST_REFUSED);
	eq(last.ppk_mixed.sk.len, 0);
	eq(warned, 3);
}

static void
keys_are_mixed_for_who_asks_rightly(void **state)
{
	static const uint8_t sk[96] = { 1 }, id[] = { 2, 'a' };
	struct msg m = { .type = MSG_PPK_MIX,
		.ppk_mix = { 15, PRF_SHA256, { id, 2 }, { sk, 96 } } };

	(void)state;
	host.creds.ppk = secret_from("0123456789abcdef", 16);
	memcpy(pol->ppk_id, id, sizeof(id));
	pol->ppk_id_len = sizeof(id);
	eq(keymgrd(5, m), 0);
	eq(last.ppk_mixed.req, 15);
	eq(last.ppk_mixed.status, ST_OK);
	eq(last.ppk_mixed.sk.len, 96);
	assert_memory_not_equal(last.ppk_mixed.sk.p, sk, 96);
	eq(warned, 0);
	secret_free(&host.creds.ppk);
}

static struct msg
joined_set(uint8_t slot, uint8_t joined)
{
	return (struct msg){ .type = MSG_JOINED_SET,
		.joined_set = { 9, slot, joined } };
}

static void
membership_is_kept_before_it_is_confirmed(void **state)
{
	(void)state;
	eq(groupd(joined_set(6, 0)), 0);
	eq(last.type, MSG_RESULT);
	eq(last.result.req, 9);
	eq(last.result.status, ST_OK);
	assert_string_equal(store.joined, "b 0");
	assert_false(host.slots.joined[1]);
	assert_true(host.slots.joined[0]);
	store.fail = -EIO;
	eq(groupd(joined_set(6, 1)), 0);
	eq(last.result.status, ST_ERROR);
	assert_false(host.slots.joined[1]);
	store.fail = 0;
	eq(groupd(joined_set(6, 1)), 0);
	assert_true(host.slots.joined[1]);
	eq(groupd(joined_set(7, 1)), 0);
	eq(last.result.status, ST_MISSING);
	eq(groupd(joined_set(6, 2)), 0);
	eq(last.result.status, ST_REFUSED);
	eq(groupd((struct msg){ .type = MSG_GROUPS_GET }), 0);
	eq(sent, 4);
}

/* The schema keeps these away; should it fail, they are an error. */
static void
messages_of_other_edges_are_errors(void **state)
{
	static enum peer to = PEER_DISPATCHERD;
	struct pol_out out = { .send = take, .arg = &to };
	struct msg m = { .type = MSG_SEAL_OPEN };

	(void)state;
	sent = 0;
	eq(groupd(m), -EPROTO);
	eq(pol_answer_dispatcherd(&host, &m, &out), -EPROTO);
	m.type = MSG_RULES_GET;
	eq(keymgrd(5, m), -EPROTO);
	eq(sent, 0);
	eq(pol_answer_dispatcherd(&host, &m, &out), 0);
	eq(last.type, MSG_RULES_END);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static int
group_setup(void **state)
{
	(void)state;
	return crypto_init() || secret_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(keys_are_derived_as_written),
		T(keys_differ_by_slot_instance_and_boot),
		T(reading_starts_at_the_last_complete_instance),
		T(a_successor_reads_its_predecessor),
		T(only_the_newest_instance_is_done),
		T(no_key_leaves_unless_its_number_is_on_disk),
		T(a_slot_without_group_gets_nothing),
		T(a_slot_gets_its_own_conf),
		T(refusals_to_sign_are_answered_and_noted),
		T(keys_are_mixed_for_who_asks_rightly),
		T(membership_is_kept_before_it_is_confirmed),
		T(messages_of_other_edges_are_errors),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
