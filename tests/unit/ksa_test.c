/* SPDX-License-Identifier: ISC */
/*
 * The table of SAs: it is as large as it must be, gives way when it is full,
 * can be put back, and leaves no key in memory that it gives up.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <cmocka.h>

#include "keymgrd/core/core.h"

#define eq assert_int_equal

/*
 * In the place of libbsd's: what is given up with keys in it must come here,
 * all of it.
 */
static struct {
	const void *p;
	size_t len;
} wiped;

void
freezero(void *p, size_t len)
{
	wiped.p = p;
	wiped.len = len;
	if (p != NULL)
		explicit_bzero(p, len);
	free(p);
}

static struct addr
group(uint8_t i)
{
	return (struct addr){ .len = 4, .b = { 239, 0, 0, i } };
}

struct table {
	struct ksas t;
	uint32_t next_req;
	char *why;
};

static void
table_init(struct table *b)
{
	*b = (struct table){ 0 };
	b->t.next_req = &b->next_req;
	b->t.why = &b->why;
}

static void
table_fini(struct table *b)
{
	ksas_fini(&b->t);
	why_clear(&b->why);
}

/* An SA that is up for an hour. */
static struct ksa *
put(struct table *b, uint32_t spi)
{
	struct ksa *k = ksa_add(&b->t);

	assert_non_null(k);
	k->spi = spi;
	k->dst = group((uint8_t)spi);
	k->dir = SA_IN;
	k->state = KSA_UP;
	k->soft_ms = 3000000;
	k->end_ms = 3600000;
	memset(k->key, (int)spi, sizeof(k->key));
	return k;
}

static void
is_key(const struct ksa *k, uint32_t spi)
{
	eq(k->spi, spi);
	for (size_t i = 0; i < sizeof(k->key); i++)
		eq(k->key[i], (uint8_t)spi);
}

/* -- its size ------------------------------------------------------------- */

static void
empty_takes_no_memory(void **state)
{
	struct table b;
	struct ksas copy;

	(void)state;
	table_init(&b);
	assert_null(b.t.v);
	assert_null(ksa_find(&b.t, 1, &(struct addr){ 0 }));
	assert_null(ksa_by_req(&b.t, 0));
	assert_false(ksa_any(&b.t, KSA_NONE));
	eq(ksa_due(&b.t), KSA_NEVER);
	ksa_sweep(&b.t);
	eq(ksas_copy(&b.t, &copy), 0);
	assert_null(copy.v);
	eq(copy.n + copy.cap, 0);
	table_fini(&b);
}

static void
new_entries_are_zero(void **state)
{
	static const struct ksa zero = { .drop_ms = KSA_NEVER,
		.retry_ms = KSA_NEVER };
	struct table b;

	(void)state;
	table_init(&b);
	for (uint32_t i = 1; i < 10; i++) {
		struct ksa *k = ksa_add(&b.t);

		assert_memory_equal(k, &zero, sizeof(zero));
		memset(k->key, 0xff, sizeof(k->key));
		k->spi = i;
		k->state = i % 3 == 0 ? KSA_GONE : KSA_UP;
		if (i % 3 == 0)
			ksa_sweep(&b.t);
	}
	table_fini(&b);
}

/* One receiver of one sender has one or two: no more is there. */
static void
as_large_as_it_must_be(void **state)
{
	struct table b;

	(void)state;
	table_init(&b);
	for (uint32_t i = 1; i <= KSA_MAX; i++) {
		put(&b, i);
		eq(b.t.n, i);
		eq(b.t.cap, i);
		for (uint32_t k = 1; k <= i; k++)
			is_key(&b.t.v[k - 1], k);
	}
	for (uint32_t i = KSA_MAX; i > 0; i--) {
		b.t.v[(i * 7) % i].state = KSA_GONE;
		ksa_sweep(&b.t);
		eq(b.t.n, i - 1);
		eq(b.t.cap, i - 1);
	}
	assert_null(b.t.v);
	eq(*b.t.next_req, 0); /* what is shared stays */
	assert_ptr_equal(b.t.why, &b.why);
	table_fini(&b);
}

/* Those that stay keep their order and are found. */
static void
sweep_keeps_the_others(void **state)
{
	struct table b;
	uint32_t last = 0;

	(void)state;
	table_init(&b);
	for (uint32_t i = 1; i <= 20; i++)
		put(&b, i)->state = i % 3 == 0 ? KSA_GONE : KSA_UP;
	ksa_sweep(&b.t);
	eq(b.t.n, 14);
	eq(b.t.cap, 14);
	for (size_t i = 0; i < b.t.n; i++) {
		assert_true(b.t.v[i].spi > last);
		last = b.t.v[i].spi;
		is_key(&b.t.v[i], last);
	}
	for (uint32_t i = 1; i <= 20; i++) {
		struct addr dst = group((uint8_t)i);
		struct ksa *k = ksa_find(&b.t, i, &dst);

		eq(k == NULL, i % 3 == 0);
		dst = group((uint8_t)(i + 1));
		assert_null(ksa_find(&b.t, i, &dst));
	}
	table_fini(&b);
}

static void
full_table_gives_way(void **state)
{
	struct table b;
	struct addr dst = group(9);
	struct ksa *k;

	(void)state;
	table_init(&b);
	for (uint32_t i = 1; i <= KSA_MAX; i++)
		put(&b, i);
	assert_null(ksa_add(&b.t)); /* nothing is on its way out */
	eq(b.t.n, KSA_MAX);
	b.t.v[8].state = KSA_GOING;
	b.t.v[20].drop_ms = 5000;
	k = put(&b, 65);
	assert_ptr_equal(k, &b.t.v[KSA_MAX - 1]);
	eq(b.t.n, KSA_MAX);
	assert_null(ksa_find(&b.t, 9, &dst));
	put(&b, 66);
	dst = group(21);
	assert_null(ksa_find(&b.t, 21, &dst));
	assert_null(ksa_add(&b.t));
	for (size_t i = 0; i < KSA_MAX; i++)
		is_key(&b.t.v[i], b.t.v[i].spi);
	table_fini(&b);
}

/* -- copies --------------------------------------------------------------- */

static void
copy_is_its_own(void **state)
{
	struct table b;
	struct ksas copy;

	(void)state;
	table_init(&b);
	for (uint32_t i = 1; i <= 5; i++)
		put(&b, i);
	eq(ksas_copy(&b.t, &copy), 0);
	assert_ptr_not_equal(copy.v, b.t.v);
	eq(copy.n, 5);
	eq(copy.cap, 5);
	assert_memory_equal(copy.v, b.t.v, 5 * sizeof(*copy.v));
	assert_ptr_equal(copy.next_req, b.t.next_req);
	b.t.v[2].state = KSA_GONE;
	ksa_sweep(&b.t);
	ksas_fini(&b.t);
	for (uint32_t i = 1; i <= 5; i++)
		is_key(&copy.v[i - 1], i);
	ksas_fini(&copy);
	table_fini(&b);
}

static void
keys_make(struct keys *k, struct table *b)
{
	table_init(b);
	put(b, 1);
	put(b, 2);
	*k = (struct keys){ .generation = 7, .n_steps = 2, .rereg_ms = 99 };
	memset(k->step[1].root, 0xab, sizeof(k->step[1].root));
	strcpy(k->gcks, "hq");
	k->sas = b->t;
	b->t.v = NULL;
}

/* What an event did that failed is undone to the octet. */
static void
keys_are_put_back(void **state)
{
	static struct keys k, was, copy;
	struct table b;
	struct ksa sas[2];

	(void)state;
	keys_make(&k, &b);
	was = k;
	memcpy(sas, k.sas.v, sizeof(sas));
	eq(keys_save(&k, &copy), 0);
	k.generation++;
	k.step[1].root[0] = 0;
	strcpy(k.gcks, "another");
	k.sas.v[0].state = KSA_GONE;
	ksa_sweep(&k.sas);
	for (unsigned int i = 0; i < 10; i++)
		assert_non_null(ksa_add(&k.sas));
	keys_restore(&k, &copy);
	keys_fini(&copy);
	eq(k.generation, 7);
	eq(k.n_steps, 2);
	eq(k.rereg_ms, 99);
	assert_string_equal(k.gcks, "hq");
	assert_memory_equal(k.step, was.step, sizeof(was.step));
	eq(k.sas.n, 2);
	eq(k.sas.cap, 2);
	assert_memory_equal(k.sas.v, sas, sizeof(sas));
	keys_fini(&k);
}

static void
keys_go_on(void **state)
{
	static struct keys k, copy, zero;
	struct table b;

	(void)state;
	keys_make(&k, &b);
	eq(keys_save(&k, &copy), 0);
	k.generation = 8;
	assert_non_null(ksa_add(&k.sas));
	keys_fini(&copy);
	assert_memory_equal(&copy, &zero, sizeof(zero));
	eq(k.generation, 8);
	eq(k.sas.n, 3);
	is_key(&k.sas.v[1], 2);
	keys_fini(&k);
	assert_memory_equal(&k, &zero, sizeof(zero));
}

/* -- nothing stays in memory ---------------------------------------------- */

static void
what_goes_is_wiped(void **state)
{
	struct table b;
	const void *was;

	(void)state;
	table_init(&b);
	put(&b, 1);
	was = b.t.v;
	put(&b, 2); /* grows: elsewhere */
	assert_ptr_equal(wiped.p, was);
	eq(wiped.len, sizeof(struct ksa));
	put(&b, 3);
	was = b.t.v;
	b.t.v[0].state = KSA_GONE;
	ksa_sweep(&b.t); /* shrinks: elsewhere */
	assert_ptr_equal(wiped.p, was);
	eq(wiped.len, 3 * sizeof(struct ksa));
	was = b.t.v;
	ksas_fini(&b.t);
	assert_ptr_equal(wiped.p, was);
	eq(wiped.len, 2 * sizeof(struct ksa));
	assert_null(b.t.v);
	eq(b.t.n + b.t.cap, 0);
	table_fini(&b);
}

/* The last one that goes takes the table with it. */
static void
the_last_takes_all(void **state)
{
	struct table b;
	const void *was;

	(void)state;
	table_init(&b);
	put(&b, 1);
	was = b.t.v;
	b.t.v[0].state = KSA_GONE;
	ksa_sweep(&b.t);
	assert_ptr_equal(wiped.p, was);
	eq(wiped.len, sizeof(struct ksa));
	assert_null(b.t.v);
	table_fini(&b);
}

/* -- requests and answers ------------------------------------------------- */

static void
requests_and_answers(void **state)
{
	struct fx *fx = fx_new();
	struct table b;
	struct ksa *k;
	const struct km_fx *e;

	(void)state;
	table_init(&b);
	k = put(&b, 4);
	k->dir = SA_OUT;
	eq(ksa_ask(&b.t, k, SA_ENSURE, 600001, fx), 0);
	eq(k->state, KSA_ASKED);
	assert_ptr_equal(ksa_by_req(&b.t, 1), k);
	e = fx_at(fx, 0);
	eq(e->kind, KM_FX_SA_INSTALL);
	eq(e->sa.req, 1);
	eq(e->sa.mode, SA_ENSURE);
	eq(e->sa.dir, SA_OUT);
	eq(e->sa.spi, 4);
	eq(e->sa.hard_s, 3000); /* rounded up */
	eq(e->sa.soft_s, 2400);
	eq(e->sa.replay, KSA_REPLAY);
	eq(e->sa.hard_packets, 0xfff00000u);
	assert_true(e->sa.soft_packets < e->sa.hard_packets);
	assert_memory_equal(e->sa.key, k->key, sizeof(k->key));
	ksa_answer(&b.t, k, ST_ERROR,
	    (struct chunk){ (const uint8_t *)"no\x01 \xffway", 8 }, 700000);
	assert_string_equal(why_text(b.why), "dispatcherd: no way");
	eq(k->state, KSA_RETRY);
	eq(ksa_due(&b.t), 700000 + KSA_RETRY_MS);
	eq(ksa_timer(&b.t, 700000 + KSA_RETRY_MS, fx), 0);
	eq(k->state, KSA_ASKED);
	ksa_answer(&b.t, k, ST_OK, (struct chunk){ 0 }, 701001);
	eq(k->state, KSA_UP);
	assert_null(b.why);
	eq(ksa_delete(&b.t, k, fx), 0);
	eq(fx_count(fx), 3);
	eq(fx_at(fx, 2)->kind, KM_FX_SA_DELETE);
	eq(fx_at(fx, 2)->sa.req, 3);
	assert_ptr_equal(ksa_by_req(&b.t, 3), k);
	eq(ksa_due(&b.t), KSA_NEVER); /* it waits for the answer alone */
	ksa_answer(&b.t, k, ST_MISSING, (struct chunk){ 0 }, 701002);
	eq(k->state, KSA_GONE);
	fx_free(&fx);
	table_fini(&b);
}

/* Twice as long each time, and no longer than a minute. */
static void
refusals_are_met_with_patience(void **state)
{
	static const uint64_t pause[] = { 1000, 2000, 4000, 8000, 16000, 32000,
		60000, 60000 };
	struct table b;
	struct ksa *k;

	(void)state;
	table_init(&b);
	k = put(&b, 4);
	for (size_t i = 0; i < sizeof(pause) / sizeof(pause[0]); i++) {
		k->state = KSA_ASKED;
		ksa_answer(&b.t, k, ST_REFUSED, (struct chunk){ 0 }, 5000);
		eq(k->retry_ms, 5000 + pause[i]);
	}
	k->state = KSA_ASKED;
	ksa_answer(&b.t, k, ST_OK, (struct chunk){ 0 }, 5000);
	k->state = KSA_ASKED;
	ksa_answer(&b.t, k, ST_REFUSED, (struct chunk){ 0 }, 5000);
	eq(k->retry_ms, 6000);
	k->state = KSA_ASKED;
	ksa_answer(&b.t, k, ST_NO_ESP, (struct chunk){ 0 }, 5000);
	eq(k->state, KSA_NO_ESP);
	eq(k->retry_ms, 5000 + KSA_RETRY_MAX_MS);
	table_fini(&b);
}

/* An end comes by itself, a drop with a request, and neither comes early. */
static void
time_takes_them(void **state)
{
	struct fx *fx = fx_new();
	struct table b;

	(void)state;
	table_init(&b);
	put(&b, 1)->end_ms = 2000;
	put(&b, 2)->drop_ms = 1000;
	put(&b, 3);
	eq(ksa_due(&b.t), 1000);
	eq(ksa_timer(&b.t, 999, fx), 0);
	eq(fx_count(fx), 0);
	eq(ksa_timer(&b.t, 1000, fx), 0);
	eq(fx_count(fx), 1);
	eq(b.t.v[1].state, KSA_GOING);
	eq(ksa_due(&b.t), 2000);
	eq(ksa_timer(&b.t, 2000, fx), 0);
	eq(fx_count(fx), 1);
	eq(b.t.v[0].state, KSA_GONE);
	ksa_sweep(&b.t);
	eq(b.t.n, 2);
	eq(ksa_due(&b.t), 3600000);
	/* An end that has come is not worth a request. */
	eq(ksa_ask(&b.t, &b.t.v[1], SA_NEW, 3600000, fx), 0);
	eq(fx_count(fx), 1);
	eq(b.t.v[1].state, KSA_GONE);
	fx_free(&fx);
	table_fini(&b);
}

static void
lost_requests_are_made_again(void **state)
{
	static const struct {
		enum ksa_state was, is;
		bool asks;
	} v[] = { { KSA_NONE, KSA_NONE, false }, { KSA_ASKED, KSA_ASKED, true },
		{ KSA_UP, KSA_ASKED, true }, { KSA_RETRY, KSA_RETRY, false },
		{ KSA_NO_ESP, KSA_NO_ESP, false },
		{ KSA_GOING, KSA_GOING, true }, { KSA_GONE, KSA_GONE, false } };
	struct fx *fx = fx_new();
	struct table b;

	(void)state;
	table_init(&b);
	for (uint32_t i = 0; i < 7; i++)
		put(&b, i + 1)->state = v[i].was;
	eq(ksa_resync(&b.t, SA_VERIFY, 1000, fx), 0);
	for (uint32_t i = 0; i < 7; i++) {
		eq(b.t.v[i].state, v[i].is);
		eq(b.t.v[i].req != 0, v[i].asks);
	}
	eq(fx_count(fx), 3);
	eq(fx_at(fx, 0)->sa.mode, SA_VERIFY);
	eq(fx_at(fx, 1)->sa.mode, SA_VERIFY);
	eq(fx_at(fx, 2)->kind, KM_FX_SA_DELETE);
	fx_free(&fx);
	table_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_takes_no_memory),
		cmocka_unit_test(new_entries_are_zero),
		cmocka_unit_test(as_large_as_it_must_be),
		cmocka_unit_test(sweep_keeps_the_others),
		cmocka_unit_test(full_table_gives_way),
		cmocka_unit_test(copy_is_its_own),
		cmocka_unit_test(keys_are_put_back),
		cmocka_unit_test(keys_go_on),
		cmocka_unit_test(what_goes_is_wiped),
		cmocka_unit_test(the_last_takes_all),
		cmocka_unit_test(requests_and_answers),
		cmocka_unit_test(refusals_are_met_with_patience),
		cmocka_unit_test(time_takes_them),
		cmocka_unit_test(lost_requests_are_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
