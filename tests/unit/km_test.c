/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "keymgrd/core/gcks.h"
#include "tests/lib/pair.h"
#include "tests/lib/raw.h"

static int
no_rand(void *arg, void *out, size_t len)
{
	(void)arg;
	memset(out, 0x11, len);
	return 0;
}

static const struct km_ops ops = { .rand = no_rand };

static struct km_conf
conf_of(enum role role)
{
	struct world *w = world_new();
	struct km_conf c;

	world_sender(w, 0);
	world_receiver(w, 2);
	c = w->host[role == ROLE_SENDER ? 0 : 2].conf;
	world_free(&w);
	return c;
}

static void
refused(const struct km_conf *c)
{
	assert_null(km_new(c, &ops));
}

static void
unusable_configurations(void **state)
{
	struct km_conf s = conf_of(ROLE_SENDER), r = conf_of(ROLE_RECEIVER), c;
	struct km *km;

	(void)state;
	assert_non_null(km = km_new(&s, &ops));
	km_free(&km);
	assert_null(km);
	km_free(&km);
	assert_non_null(km = km_new(&r, &ops));
	km_free(&km);
	/* clang-format off */
	c = s; c.slot = 64; refused(&c);
	c = s; c.role = 0; refused(&c);
	c = s; c.group_id_len = 0; refused(&c);
	c = s; c.group_id_len = 65; refused(&c);
	c = s; c.own_id_len = 4; refused(&c);
	c = s; c.own_id_len = KM_ID_MAX + 1; refused(&c);
	c = s; c.lifetime_s = 9; refused(&c);
	c = s; c.n_addr = 0; refused(&c);
	c = s; c.n_addr = KM_ADDRS_MAX + 1; refused(&c);
	c = s; c.addr[1].cls = 0; refused(&c);
	c = s; c.addr[1].dst = c.addr[0].dst; refused(&c);
	c = s; c.addr[0].dst = c.addr[0].src; refused(&c);
	c = s; c.addr[0].src = c.addr[1].src; refused(&c);
	c = s; c.addr[0].src.len = c.addr[1].src.len = 0; refused(&c);
	c = s; c.half_open_max = 0; refused(&c);
	c = s; c.members_max = 0; refused(&c);
	c = r; c.n_gcks = 0; refused(&c);
	c = r; c.n_gcks = KM_GCKS_MAX + 1; refused(&c);
	c = r; c.gcks[0].id_len = 4; refused(&c);
	c = r; c.gcks[0].peer.addr.len = 0; refused(&c);
	c = r; c.gcks[0].local.len = 16; refused(&c);
	/* clang-format on */
}

/* Records before the start, everything else after it. */
static void
events_in_the_wrong_order(void **state)
{
	static const enum km_ev later[] = { KM_EV_TIMER, KM_EV_DGRAM,
		KM_EV_SIGNED, KM_EV_CHECKED, KM_EV_SA, KM_EV_EXPIRED,
		KM_EV_ACQUIRE, KM_EV_RESYNC };
	static const enum role roles[] = { ROLE_SENDER, ROLE_RECEIVER };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct km_conf c = conf_of(roles[i]);
		struct km *km = km_new(&c, &ops);
		struct fx *fx = fx_new();
		struct km_in in = { .now_ms = 1000 };

		for (size_t e = 0; e < NITEMS(later); e++) {
			in.ev = later[e];
			assert_int_equal(km_step(km, &in, fx), -EPROTO);
		}
		assert_int_equal(fx_count(fx), 0);
		assert_int_equal(km_deadline(km), UINT64_MAX);
		in.ev = KM_EV_STATE;
		in.record = (struct chunk){ (const uint8_t *)"\1\7x", 3 };
		assert_int_equal(km_step(km, &in, fx), -EBADMSG);
		in.ev = KM_EV_START;
		assert_int_equal(km_step(km, &in, fx), 0);
		assert_true(fx_count(fx) > 0);
		fx_reset(fx);
		assert_int_equal(km_step(km, &in, fx), -EPROTO);
		in.ev = KM_EV_STATE;
		assert_int_equal(km_step(km, &in, fx), -EPROTO);
		in.ev = (enum km_ev)99;
		assert_int_equal(km_step(km, &in, fx), -EPROTO);
		assert_true(km_deadline(km) != UINT64_MAX);
		fx_free(&fx);
		km_free(&km);
	}
}

/* Answers to questions that nobody asked, or not any more. */
static void
late_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world *w = world_new();
		unsigned int h = i == 0 ? 0 : 2;
		struct km_in in = { .ev = KM_EV_SA };

		world_sender(w, 0);
		world_receiver(w, 2);
		world_start(w, 0);
		world_settle(w);
		world_start(w, 2);
		world_settle(w);
		in.sa.req = 12345;
		assert_int_equal(world_event(w, h, &in), -EPROTO);
		in = (struct km_in){ .ev = KM_EV_SIGNED };
		in.sig.req = 12345;
		assert_int_equal(world_event(w, h, &in), -EPROTO);
		in = (struct km_in){ .ev = KM_EV_CHECKED };
		in.checked.req = 12344;
		assert_int_equal(world_event(w, h, &in), -EPROTO);
		assert_int_equal(world_count(w, h, "ipc.late-answer"), 3);
		assert_int_equal(world_state(w, h), GS_KEYED);
		world_free(&w);
	}
}

/*
 * The source of chance fails once, at each of its uses in turn: the event has
 * no effect, and the next try succeeds.
 */
static void
failing_chance(void **state)
{
	(void)state;
	for (unsigned int who = 0; who <= 2; who += 2)
		for (unsigned int n = 1; n < 16; n++) {
			struct world *w = world_new();
			struct km_in in = { .ev = KM_EV_START };
			struct host *h;

			world_sender(w, 0);
			world_receiver(w, 2);
			if (who == 2)
				world_start(w, 0);
			world_settle(w);
			h = &w->host[who];
			h->km = km_new(&h->conf,
			    &(struct km_ops){ .arg = h, .rand = pair_rand });
			assert_non_null(h->km);
			h->rand_fail_in = n;
			while (world_event(w, who, &in) != 0)
				assert_int_equal(h->last_step, -EIO);
			if (who == 0)
				world_start(w, 2);
			world_settle(w);
			for (int i = 0; i < 20; i++)
				world_run(w, w->now + 100000);
			assert_int_equal(world_state(w, 2), GS_KEYED);
			assert_true(world_can_read(w, 2, 0));
			world_free(&w);
		}
}

/* The effect list is full but for j entries: nothing or all. */
static void
full_effect_list(void **state)
{
	(void)state;
	for (size_t j = 0; j < 8; j++) {
		struct km_conf c = conf_of(ROLE_SENDER);
		struct km *km = km_new(&c, &ops);
		struct fx *fx = fx_new();
		struct km_in in = { .ev = KM_EV_START, .now_ms = 5 };
		struct km_status st;
		size_t n;
		int r;

		for (n = 0; n < FX_COUNT_MAX - j; n++)
			assert_non_null(fx_add(fx, KM_FX_CHANGED));
		r = km_step(km, &in, fx);
		/* STATE, NOTE, two SA_INSTALL, CHANGED if there is room. */
		assert_int_equal(r, j < 4 ? -ENOMEM : 0);
		if (r == 0)
			goto next;
		assert_int_equal(fx_count(fx), n);
		fx_reset(fx);
		km_status(km, 5, &st);
		assert_int_equal(st.state, GS_STARTING);
		assert_int_equal(st.generation, 0);
		assert_int_equal(km_step(km, &in, fx), 0);
		km_status(km, 5, &st);
		assert_int_equal(st.generation, 1);
next:
		fx_free(&fx);
		km_free(&km);
	}
}

static void
snapshots(void **state)
{
	struct world *w = world_new();
	struct fx *a = fx_new(), *b = fx_new();

	(void)state;
	world_sender(w, 0);
	world_receiver(w, 2);
	world_start(w, 0);
	world_settle(w);
	world_start(w, 2);
	world_settle(w);
	for (unsigned int i = 0; i <= 2; i += 2) {
		const struct km *km = w->host[i].km;

		fx_reset(a);
		fx_reset(b);
		assert_int_equal(km_snapshot(km, w->now, a), 0);
		assert_int_equal(km_snapshot(km, w->now, b), 0);
		assert_int_equal(fx_count(a), 2);
		for (size_t n = 0; n < fx_count(a); n++) {
			const struct km_fx *x = fx_at(a, n), *y = fx_at(b, n);

			assert_int_equal(x->kind, KM_FX_STATE);
			assert_int_equal(x->rec.len, y->rec.len);
			assert_memory_equal(x->rec.p, y->rec.p, x->rec.len);
		}
	}
	fx_free(&a);
	fx_free(&b);
	world_free(&w);
}

/* An open IKE SA, all told, is to take well under 4 KiB. */
static void
memory_of_an_open_sa(void **state)
{
	struct world *w = world_new();
	const struct ikesa *sa;
	struct raw r;

	(void)state;
	world_sender(w, 0);
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	raw_handshake(&r);
	sa = satab_get(&w->host[0].km->gcks->t, BY_SPI, satab_spi_key(r.spi_r));
	assert_non_null(sa);
	assert_non_null(sa->hs);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_int_equal(sa->state, RS_OPEN);
	assert_null(sa->hs);
	print_message(
	    "open IKE SA: %zu + %zu octets\n", sizeof(*sa), sa->resp_len);
	assert_true(sizeof(*sa) + sa->resp_len < 1536);
	world_free(&w);
}

/* Every counter has a name of its own; the kept ones come back. */
static void
counters(void **state)
{
	struct world *w = world_new();
	struct km_count c[64];
	size_t n;

	(void)state;
	world_sender(w, 0);
	world_receiver(w, 2);
	world_start(w, 0);
	world_settle(w);
	world_start(w, 2);
	world_settle(w);
	n = km_counts(w->host[0].km, c, NITEMS(c));
	assert_in_range(n, 15, NITEMS(c) - 1);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(c[i].name, c[j].name);
	assert_int_equal(km_counts(w->host[0].km, c, 3), 3);
	assert_string_equal(c[0].name, "reg.ok");
	world_restart(w, 0);
	world_restart(w, 2);
	world_settle(w);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unusable_configurations),
		cmocka_unit_test(events_in_the_wrong_order),
		cmocka_unit_test(late_answers),
		cmocka_unit_test(failing_chance),
		cmocka_unit_test(full_effect_list),
		cmocka_unit_test(snapshots),
		cmocka_unit_test(memory_of_an_open_sa),
		cmocka_unit_test(counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
