/* SPDX-License-Identifier: ISC */
/* What somebody on the path, or a member with an evil mind, can send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/pair.h"
#include "tests/lib/raw.h"

static struct world *
two(void)
{
	struct world *w = world_new();

	world_sender(w, 0);
	world_receiver(w, 2);
	w->host[0].conf.half_open_max = 100;
	return w;
}

/* -- damaged datagrams -------------------------------------------------- */

struct damage {
	unsigned int nth; /* datagram that is damaged */
	size_t at;
	int what;      /* 0 cut, 1 flip, 2 one octet more */
	bool in_place; /* else a damaged copy comes first, then the real one */
	size_t len;    /* of the datagram, told back */
};

static enum net_verdict
damage(struct world *w, struct packet *p)
{
	struct damage *d = w->arg;
	uint8_t *copy;
	size_t len;

	if (p->nth != d->nth)
		return NET_PASS;
	d->len = p->len;
	copy = malloc(p->len + 1);
	assert_non_null(copy);
	memcpy(copy, p->p, p->len);
	copy[p->len] = 0;
	len = d->what == 0 ? d->at : p->len + (d->what == 2);
	if (d->what == 1)
		copy[d->at] ^= d->at & 1 ? 0x80 : 0x01;
	world_inject(w, &p->src, &p->dst, copy, len);
	free(copy);
	return d->in_place ? NET_DROP : NET_PASS;
}

/*
 * Whatever one damaged datagram does, the registration succeeds in the end:
 * at once when the real one comes too and the damage can be told.
 */
static void
damaged(struct damage *d)
{
	struct world *w = two();

	w->net = damage;
	w->arg = d;
	world_start(w, 0);
	world_start(w, 2);
	world_settle(w);
	if (d->what != 1 && !d->in_place)
		assert_int_equal(world_state(w, 2), GS_KEYED);
	/*
	 * An altered IKE_SA_INIT may cost an exchange: nothing in it is
	 * authenticated yet.  A GSA_AUTH cannot be altered unseen.
	 */
	if (d->what == 1 && d->nth >= 3 && !d->in_place)
		assert_int_equal(world_state(w, 2), GS_KEYED);
	world_run(w, w->now + 40000);
	if (world_state(w, 2) != GS_KEYED)
		fail_msg("datagram %u octet %zu what %d: %s", d->nth, d->at,
		    d->what, world_detail(w, 2));
	assert_true(world_can_read(w, 2, 0));
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	world_free(&w);
}

static void
sweep(int what, bool in_place)
{
	for (unsigned int nth = 1; nth <= 4; nth++) {
		struct damage d = {
			.nth = nth, .what = what, .in_place = in_place, .len = 1
		};

		for (d.at = 0; d.at < d.len; d.at++)
			damaged(&d);
		assert_true(d.len > 100);
	}
}

static void
cut_copies_of_every_length(void **state)
{
	(void)state;
	sweep(0, false);
}

static void
altered_copies_at_every_octet(void **state)
{
	(void)state;
	sweep(1, false);
}

static void
altered_instead_of_the_real_one(void **state)
{
	(void)state;
	sweep(1, true);
}

static void
one_octet_more(void **state)
{
	(void)state;
	for (unsigned int nth = 1; nth <= 4; nth++)
		damaged(&(struct damage){ .nth = nth, .what = 2 });
}

/* -- replays and floods ------------------------------------------------- */

/*
 * Everything that was sent in one registration is sent again, once, twice and
 * in reverse: no new registration, no new SA, and no answer but the cached.
 */
struct record {
	struct packet p[16];
	size_t n;
};

static enum net_verdict
tape(struct world *w, struct packet *p)
{
	struct record *r = w->arg;

	if (r->n < NITEMS(r->p)) {
		r->p[r->n] = *p;
		r->p[r->n].p = malloc(p->len);
		assert_non_null(r->p[r->n].p);
		memcpy(r->p[r->n++].p, p->p, p->len);
	}
	return NET_PASS;
}

static void
replays_do_nothing(void **state)
{
	struct record r = { .n = 0 };
	struct world *w = two();

	(void)state;
	w->net = tape;
	w->arg = &r;
	world_start(w, 0);
	world_start(w, 2);
	world_settle(w);
	w->net = NULL;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < r.n; i++) {
			size_t k = round == 1 ? r.n - 1 - i : i;

			world_inject(
			    w, &r.p[k].src, &r.p[k].dst, r.p[k].p, r.p[k].len);
			world_settle(w);
		}
		world_run(w, w->now + 1000);
	}
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	assert_int_equal(world_count(w, 2, "reg.ok"), 1);
	assert_int_equal(w->host[0].n_signs, 1);
	assert_int_equal(w->host[2].n_ensure, 2);
	/* GSA_AUTH is answered from the cache, IKE_SA_INIT not any more. */
	assert_int_equal(world_count(w, 0, "resp.repeated"), 3);
	assert_int_equal(world_count(w, 0, "drop.replay"), 3);
	/* Long after that the SA is gone, and the request a new half-open. */
	km_free(&w->host[2].km);
	world_run(w, w->now + 3700000);
	world_inject(w, &r.p[2].src, &r.p[2].dst, r.p[2].p, r.p[2].len);
	world_settle(w);
	assert_int_equal(world_count(w, 0, "drop.no-sa"), 1);
	world_inject(w, &r.p[0].src, &r.p[0].dst, r.p[0].p, r.p[0].len);
	world_settle(w);
	world_inject(w, &r.p[2].src, &r.p[2].dst, r.p[2].p, r.p[2].len);
	world_settle(w);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	for (size_t i = 0; i < r.n; i++)
		free(r.p[i].p);
	world_free(&w);
}

/* From another address the same octets are not the same exchange. */
static void
answers_go_to_the_peer_alone(void **state)
{
	struct world *w = two();
	struct raw r, *x = &r;
	struct endpoint other;

	(void)state;
	world_start(w, 0);
	world_settle(w);
	raw_init(x, w, 0, 1);
	raw_handshake(x);
	raw_begin(x, GSA_AUTH, 1);
	raw_put_auth(x, 2, "correct horse");
	raw_put_idg(x, W_GROUP);
	assert_int_equal(addr_parse(&other.addr, "192.0.2.201"), 0);
	other.port = 848;
	assert_int_equal(world_count(w, 0, "drop.wrong-peer"), 0);
	x->self = other;
	raw_end(x);
	assert_int_equal(world_count(w, 0, "drop.wrong-peer"), 1);
	assert_int_equal(w->host[0].n_checks, 0);
	world_free(&w);
}

/* The message ID of the last request, but other octets: no answer. */
static void
a_forged_repeat_draws_nothing(void **state)
{
	struct world *w = two();
	struct raw r;
	unsigned int got;

	(void)state;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	raw_handshake(&r);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 2, "correct horse");
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	got = r.n_got;
	raw_again(&r);
	assert_int_equal(r.n_got, got + 1);
	r.out[r.out_len - 1] ^= 1;
	raw_again(&r);
	assert_int_equal(r.n_got, got + 1);
	assert_int_equal(world_count(w, 0, "drop.replay"), 1);
	/* Nor does a message with another initiator's SPI. */
	r.out[3] ^= 1;
	raw_again(&r);
	assert_int_equal(world_count(w, 0, "drop.no-sa"), 1);
	world_free(&w);
}

/* IKE_SA_INIT has message ID 0. */
static void
first_message_has_id_zero(void **state)
{
	struct world *w = two();
	struct raw r;

	(void)state;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	raw_init_send(&r);
	r.init[23] = 1;
	raw_send(&r, r.init, r.init_len);
	assert_int_equal(r.n_got, 1);
	assert_int_equal(world_count(w, 0, "drop.malformed"), 1);
	world_free(&w);
}

/* A response comes from the address and port that was asked, or not at all. */
static enum net_verdict
other_port(struct world *w, struct packet *p)
{
	if (p->from != 0)
		return NET_PASS;
	p->src.port = 4500;
	world_inject(w, &p->src, &p->dst, p->p, p->len);
	return NET_DROP;
}

static void
answers_from_another_port(void **state)
{
	struct world *w = two();

	(void)state;
	w->net = other_port;
	world_start(w, 0);
	world_start(w, 2);
	world_settle(w);
	assert_int_equal(world_count(w, 2, "drop.no-sa"), 1);
	assert_int_equal(w->host[2].n_signs, 0);
	w->net = NULL;
	world_run(w, w->now + 1000);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	world_free(&w);
}

/*
 * 100 half-open exchanges at most; of more, one of the others makes room; they
 * end after 30 s, and then there is room again.
 */
static void
half_open_exchanges_are_limited(void **state)
{
	struct world *w = two();
	struct raw r;

	(void)state;
	world_start(w, 0);
	world_settle(w);
	for (unsigned int i = 1; i <= 120; i++) {
		raw_init(&r, w, 0, (uint8_t)i);
		raw_init_send(&r);
		assert_int_equal(r.n_got, 1);
	}
	assert_int_equal(world_count(w, 0, "drop.half-open"), 20);
	/* A member is not kept out by requests that nobody follows up. */
	world_start(w, 2);
	world_settle(w);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(world_count(w, 0, "drop.half-open"), 21);
	world_run(w, w->now + 29999);
	raw_init(&r, w, 0, 200);
	raw_init_send(&r);
	assert_int_equal(world_count(w, 0, "drop.half-open"), 21);
	world_run(w, w->now + 2);
	raw_init(&r, w, 0, 201);
	raw_handshake(&r);
	assert_int_equal(r.n_got, 1);
	assert_int_equal(world_count(w, 0, "drop.half-open"), 21);
	world_free(&w);
}

/* Whoever fails to authenticate takes up the room of the half-open alone. */
static void
failures_do_not_crowd_out_members(void **state)
{
	struct world *w = two();
	struct raw r;

	(void)state;
	w->host[0].conf.half_open_max = 10;
	w->host[0].conf.members_max = 4;
	world_start(w, 0);
	world_settle(w);
	for (unsigned int i = 0; i < 9; i++) {
		raw_init(&r, w, 0, (uint8_t)(i + 1));
		raw_handshake(&r);
		raw_begin(&r, GSA_AUTH, 1);
		raw_put_auth(&r, 5, "wrong horse");
		raw_put_idg(&r, W_GROUP);
		raw_end(&r);
	}
	assert_int_equal(world_count(w, 0, "reg.auth-failed"), 9);
	raw_init(&r, w, 0, 100);
	raw_handshake(&r);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	/* Nine are half-open still, and one place is for all who begin. */
	for (uint8_t i = 0; i < 3; i++) {
		raw_init(&r, w, 0, (uint8_t)(101 + i));
		raw_init_send(&r);
		assert_int_equal(r.n_got, 1);
		assert_int_equal(world_count(w, 0, "drop.half-open"), i);
	}
	/* Nor do thirty failures: one that has ended makes room, too. */
	for (unsigned int i = 0; i < 30; i++) {
		raw_init(&r, w, 0, (uint8_t)(i + 110));
		raw_handshake(&r);
		raw_begin(&r, GSA_AUTH, 1);
		raw_put_auth(&r, 5, "wrong horse");
		raw_put_idg(&r, W_GROUP);
		raw_end(&r);
	}
	raw_init(&r, w, 0, 200);
	raw_handshake(&r);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 6, "correct horse");
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_int_equal(world_count(w, 0, "reg.ok"), 2);
	world_free(&w);
}

static void
too_many_members(void **state)
{
	struct world *w = two();
	struct raw r;

	(void)state;
	w->host[0].conf.members_max = 3;
	world_start(w, 0);
	world_settle(w);
	for (unsigned int i = 0; i < 5; i++) {
		raw_init(&r, w, 0, (uint8_t)(i + 1));
		raw_handshake(&r);
		raw_begin(&r, GSA_AUTH, 1);
		raw_put_auth(&r, 100 + i % 4, "correct horse");
		raw_put_idg(&r, W_GROUP);
		raw_end(&r);
		/* The fourth is too many; the fifth is the first again. */
		assert_int_equal(
		    raw_got_notify(&r, N_REGISTRATION_FAILED), i == 3);
		raw_fini(&r);
	}
	assert_int_equal(world_count(w, 0, "reg.ok"), 4);
	world_free(&w);
}

/* Datagrams that are no IKE message, or not for us, change nothing. */
static void
noise(void **state)
{
	struct world *w = two();
	uint64_t seed = 88172645463325252u;
	uint8_t buf[600];
	struct raw r;

	(void)state;
	world_start(w, 0);
	world_start(w, 2);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	for (unsigned int i = 0; i < 20000; i++) {
		size_t len = i % sizeof(buf);

		for (size_t j = 0; j < len; j++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			buf[j] = (uint8_t)(seed >> 24);
		}
		if (len >= 28 && i % 3 != 0) { /* a header that passes */
			buf[17] = 0x20;
			buf[18] = (uint8_t)(34 + i % 9);
			buf[19] = i & 1 ? 0x08 : 0x20;
			buf[24] = buf[25] = 0;
			buf[26] = (uint8_t)(len >> 8);
			buf[27] = (uint8_t)(len & 255);
		}
		raw_send(&r, buf, len);
	}
	assert_int_equal(r.n_got, 0);
	assert_int_equal(world_state(w, 2), GS_KEYED);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_copies_of_every_length),
		cmocka_unit_test(altered_copies_at_every_octet),
		cmocka_unit_test(altered_instead_of_the_real_one),
		cmocka_unit_test(one_octet_more),
		cmocka_unit_test(replays_do_nothing),
		cmocka_unit_test(answers_go_to_the_peer_alone),
		cmocka_unit_test(a_forged_repeat_draws_nothing),
		cmocka_unit_test(first_message_has_id_zero),
		cmocka_unit_test(answers_from_another_port),
		cmocka_unit_test(half_open_exchanges_are_limited),
		cmocka_unit_test(failures_do_not_crowd_out_members),
		cmocka_unit_test(too_many_members),
		cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
