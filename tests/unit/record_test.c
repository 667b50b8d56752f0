/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/record.h"

static uint32_t next_req;

static struct keys
some_keys(enum role role)
{
	struct keys k = { .generation = 3,
		.n_steps = 2,
		.rereg_ms = 123456789,
		.sas.next_req = &next_req };

	snprintf(k.gcks, sizeof(k.gcks), "hq-01");
	for (size_t i = 0; i < 2; i++) {
		k.step[i].no = (uint32_t)(7 + i);
		k.step[i].born_ms = 1000 * (i + 1);
		memset(k.step[i].root, (int)(0x10 + i), CHAIN_ROOT_LEN);
	}
	for (uint8_t i = 0; i < 4; i++) {
		struct ksa *s = ksa_add(&k.sas);

		s->spi = 0x10000u + i;
		s->step = 7;
		s->cls = i;
		s->dir = role == ROLE_SENDER ? SA_OUT : SA_IN;
		s->state = KSA_UP;
		assert_int_equal(addr_from(&s->src, "\xc0\0\2\1", 4), 0);
		assert_int_equal(addr_from(&s->dst, "\xef\xc0\x0a\1", 4), 0);
		memset(s->key, 0x20 + i, sizeof(s->key));
		s->born_ms = 1;
		s->soft_ms = 2;
		s->end_ms = 3;
		s->drop_ms = i & 1 ? 99 : KSA_NEVER;
	}
	return k;
}

static size_t
encode(enum role role, const struct keys *k, uint8_t buf[RECORD_MAX])
{
	struct wbuf wb;

	wb_init(&wb, buf, RECORD_MAX);
	assert_int_equal(record_put_keys(&wb, role, k), 0);
	return wb.len;
}

static void
sender_comes_back(void **state)
{
	struct keys in = some_keys(ROLE_SENDER);
	struct keys out = { .sas.next_req = &next_req };
	uint64_t counts[3] = { 1, 2, 3 };
	uint8_t buf[RECORD_MAX];
	size_t len = encode(ROLE_SENDER, &in, buf);

	(void)state;
	assert_int_equal(record_get((struct chunk){ buf, len }, ROLE_SENDER,
			     &out, counts, 3),
	    0);
	assert_int_equal(out.generation, 3);
	assert_int_equal(out.n_steps, 2);
	assert_int_equal(out.step[1].no, 8);
	assert_int_equal(out.step[1].born_ms, 2000);
	assert_memory_equal(out.step[1].root, in.step[1].root, 32);
	/* Only what is on its way out; the rest follows from the root. */
	assert_int_equal(out.sas.n, 2);
	assert_int_equal(out.sas.v[0].spi, 0x10001);
	assert_int_equal(out.sas.v[0].drop_ms, 99);
	assert_int_equal(out.sas.v[0].state, KSA_NONE);
	assert_memory_equal(out.sas.v[1].key, in.sas.v[3].key, 36);
	assert_ptr_equal(out.sas.next_req, &next_req);
	assert_int_equal(counts[0], 1);
	keys_fini(&in);
	keys_fini(&out);
}

static void
receiver_comes_back(void **state)
{
	struct keys in = some_keys(ROLE_RECEIVER);
	struct keys out = { .sas.next_req = &next_req };
	uint8_t buf[RECORD_MAX];
	size_t len;

	(void)state;
	in.sas.v[2].state = KSA_GOING;
	len = encode(ROLE_RECEIVER, &in, buf);
	assert_int_equal(record_get((struct chunk){ buf, len }, ROLE_RECEIVER,
			     &out, NULL, 0),
	    0);
	assert_int_equal(out.rereg_ms, 123456789);
	assert_string_equal(out.gcks, "hq-01");
	assert_int_equal(out.sas.n, 3);
	assert_int_equal(out.sas.v[0].end_ms, 3);
	assert_int_equal(out.sas.v[0].dir, SA_IN);
	assert_int_equal(out.sas.v[0].drop_ms, KSA_NEVER);
	assert_int_equal(out.sas.v[2].spi, 0x10003);
	assert_true(addr_eq(&out.sas.v[0].dst, &in.sas.v[0].dst));
	keys_fini(&in);
	keys_fini(&out);
}

/* A whole record or none of it. */
static void
every_cut_is_refused(void **state)
{
	enum role roles[] = { ROLE_SENDER, ROLE_RECEIVER };
	uint8_t buf[RECORD_MAX];

	(void)state;
	for (size_t r = 0; r < 2; r++) {
		struct keys in = some_keys(roles[r]);
		struct keys out = { .generation = 77 }, was = out;
		size_t len = encode(roles[r], &in, buf);

		for (size_t n = 0; n <= len + 1; n++) {
			if (n == len)
				continue;
			assert_int_equal(record_get((struct chunk){ buf, n },
					     roles[r], &out, NULL, 0),
			    -74);
			assert_memory_equal(&out, &was, sizeof(was));
		}
		/* The other role's record is not for us. */
		assert_int_equal(record_get((struct chunk){ buf, len },
				     roles[1 - r], &out, NULL, 0),
		    -74);
		buf[0]++;
		assert_int_equal(record_get((struct chunk){ buf, len },
				     roles[r], &out, NULL, 0),
		    -74);
		keys_fini(&in);
	}
}

static void
impossible_values(void **state)
{
	struct keys in = some_keys(ROLE_SENDER), out = { 0 };
	uint8_t buf[RECORD_MAX];
	size_t len = encode(ROLE_SENDER, &in, buf);

	(void)state;
	for (unsigned int v = 0; v < 256; v++) {
		uint8_t was = buf[6]; /* number of steps */

		buf[6] = (uint8_t)v;
		if (v != 2)
			assert_int_equal(record_get((struct chunk){ buf, len },
					     ROLE_SENDER, &out, NULL, 0),
			    -74);
		buf[6] = was;
	}
	assert_int_equal(out.n_steps, 0);
	keys_fini(&in);
}

static void
counters(void **state)
{
	uint64_t in[5] = { 1, 2, UINT64_MAX, 4, 5 }, out[7] = { 0 };
	struct keys k = { 0 };
	uint8_t buf[64];
	struct wbuf wb;
	struct chunk rec;

	(void)state;
	wb_init(&wb, buf, sizeof(buf));
	assert_int_equal(record_put_counts(&wb, in, 5), 0);
	rec = (struct chunk){ buf, wb.len };
	assert_int_equal(record_get(rec, ROLE_SENDER, &k, out, 7), 0);
	assert_memory_equal(out, in, sizeof(in));
	assert_int_equal(out[5], 0);
	/* A program that knows fewer takes what it knows. */
	memset(out, 0, sizeof(out));
	assert_int_equal(record_get(rec, ROLE_RECEIVER, &k, out, 2), 0);
	assert_int_equal(out[1], 2);
	assert_int_equal(out[2], 0);
	rec.len--;
	assert_int_equal(record_get(rec, ROLE_SENDER, &k, out, 7), -74);
}

/* The largest state there can be fits. */
static void
full_table(void **state)
{
	struct keys in = some_keys(ROLE_RECEIVER), out = { 0 };
	uint8_t buf[RECORD_MAX];
	size_t len;

	(void)state;
	while (in.sas.n < KSA_MAX) {
		struct ksa *s = ksa_add(&in.sas);

		*s = in.sas.v[0];
		s->src.len = s->dst.len = 16;
	}
	memset(in.gcks, 'x', sizeof(in.gcks) - 1);
	len = encode(ROLE_RECEIVER, &in, buf);
	assert_int_equal(record_get((struct chunk){ buf, len }, ROLE_RECEIVER,
			     &out, NULL, 0),
	    0);
	assert_int_equal(out.sas.n, KSA_MAX);
	keys_fini(&in);
	keys_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_comes_back),
		cmocka_unit_test(receiver_comes_back),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(impossible_values),
		cmocka_unit_test(counters),
		cmocka_unit_test(full_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
