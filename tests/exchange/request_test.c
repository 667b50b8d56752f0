/* SPDX-License-Identifier: ISC */
/* Requests on an IKE SA, also such as the real initiator never makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keymgrd/core/ike/sa.h"
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

static void
start_raw(struct raw *r, struct world **w)
{
	*w = two();
	world_start(*w, 0);
	world_settle(*w);
	raw_init(r, *w, 0, 1);
	raw_handshake(r);
}

/*
 * GM -> GCKS  GSA_AUTH SK{ IDi, AUTH, IDg of another group }
 * GM <- GCKS  GSA_AUTH SK{ IDr, AUTH, N(INVALID_GROUP_ID) }
 */
static void
idg_of_another_group(void **state)
{
	struct world *w;
	struct raw r;

	(void)state;
	start_raw(&r, &w);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, "ops-nex");
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_INVALID_GROUP_ID));
	assert_int_equal(world_count(w, 0, "reg.invalid-group"), 1);
	assert_int_equal(world_count(w, 0, "reg.ok"), 0);
	raw_fini(&r);
	world_free(&w);
	/* Not authenticated: the group is not talked about. */
	start_raw(&r, &w);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "wrong horse");
	raw_put_idg(&r, "ops-nex");
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_AUTHENTICATION_FAILED));
	assert_false(raw_got_notify(&r, N_INVALID_GROUP_ID));
	raw_fini(&r);
	world_free(&w);
}

/* SAg lists ESP with another cipher only. */
static void
sag_without_our_cipher(void **state)
{
	struct world *w;
	struct raw r;

	(void)state;
	start_raw(&r, &w);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, W_GROUP);
	assert_int_equal(
	    sa_ike_put(&r.chain, 1, &r.suite), 0); /* IKE, not ESP */
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_NO_PROPOSAL_CHOSEN));
	assert_int_equal(world_count(w, 0, "reg.no-proposal"), 1);
	raw_fini(&r);
	world_free(&w);
}

/* A payload is missing, double or critical and unknown. */
static void
malformed_but_protected(void **state)
{
	struct chunk none = { NULL, 0 };
	struct world *w;
	struct raw r;

	(void)state;
	start_raw(&r, &w);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_INVALID_SYNTAX));
	assert_int_equal(w->host[0].n_checks, 0);
	raw_fini(&r);
	world_free(&w);

	start_raw(&r, &w);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, W_GROUP);
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_INVALID_SYNTAX));
	raw_fini(&r);
	world_free(&w);

	start_raw(&r, &w);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, W_GROUP);
	assert_int_equal(pld_raw_put(&r.chain, (enum ike_payload)200, none), 0);
	r.buf[r.wb.len - 3] |= 0x80;
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_UNSUPPORTED_CRITICAL_PAYLOAD));
	raw_fini(&r);
	world_free(&w);
}

static void
nothing_but_gsa_auth_before_authentication(void **state)
{
	struct world *w;
	struct raw r;
	unsigned int got;

	(void)state;
	start_raw(&r, &w);
	got = r.n_got;
	raw_begin(&r, IKE_INFORMATIONAL, 1);
	raw_end(&r);
	raw_begin(&r, GSA_AUTH, 2);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	raw_begin(&r, GSA_REKEY, 0);
	raw_end(&r);
	assert_int_equal(r.n_got, got);
	assert_int_equal(w->host[0].n_checks, 0);
	/* The half-open exchange is as it was. */
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	assert_int_equal(world_count(w, 0, "reg.ok"), 1);
	raw_fini(&r);
	world_free(&w);
}

static void
register_raw(struct raw *r, struct world **w)
{
	start_raw(r, w);
	raw_begin(r, GSA_AUTH, 1);
	raw_put_auth(r, 5, "correct horse");
	raw_put_idg(r, W_GROUP);
	raw_end(r);
	assert_int_equal(world_count(*w, 0, "reg.ok"), 1);
}

/*
 * GM -> GCKS  INFORMATIONAL SK{}      GM <- GCKS  INFORMATIONAL SK{}
 * GM -> GCKS  INFORMATIONAL SK{D}     GM <- GCKS  INFORMATIONAL SK{}, the end
 */
static void
informational(void **state)
{
	uint8_t del[4] = { 1, 0, 0, 0 }, again[512];
	struct rbuf inner;
	struct world *w;
	struct raw r;
	size_t len;

	(void)state;
	register_raw(&r, &w);
	raw_begin(&r, IKE_INFORMATIONAL, 2);
	raw_end(&r);
	assert_int_equal(raw_open(&r, &inner), 0);
	assert_int_equal(rb_left(&inner), 0);
	/* Something that is not done here gets an answer that says so. */
	raw_begin(&r, IKE_CREATE_CHILD_SA, 3);
	raw_end(&r);
	assert_true(raw_got_notify(&r, N_TEMPORARY_FAILURE));
	raw_begin(&r, IKE_INFORMATIONAL, 4);
	assert_int_equal(pld_raw_put(&r.chain, PLD_DELETE,
			     (struct chunk){ del, sizeof(del) }),
	    0);
	raw_end(&r);
	assert_int_equal(raw_open(&r, &inner), 0);
	/* Only the last answer can be had again, the same octets. */
	len = r.got_len;
	memcpy(again, r.got, len);
	raw_again(&r);
	assert_int_equal(r.got_len, len);
	assert_memory_equal(again, r.got, len);
	raw_begin(&r, IKE_INFORMATIONAL, 5);
	r.n_got = 0;
	raw_end(&r);
	assert_int_equal(r.n_got, 0);
	world_run(w, w->now + 30001);
	raw_again(&r);
	assert_int_equal(world_count(w, 0, "drop.no-sa"), 1);
	raw_fini(&r);
	world_free(&w);
}

static void
is_there(struct raw *r, uint32_t mid, bool there)
{
	unsigned int got = r->n_got;

	raw_begin(r, IKE_INFORMATIONAL, mid);
	raw_end(r);
	assert_int_equal(r->n_got, got + there);
}

/*
 * Ten minutes after the last use, and not before; that of a member when its
 * keys have ended.
 */
static void
idle_sas_end(void **state)
{
	struct world *w;
	struct raw r;

	(void)state;
	start_raw(&r, &w);
	raw_begin(&r, IKE_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_end(&r);
	world_run(w, w->now + 599000);
	is_there(&r, 2, true);
	world_run(w, w->now + 599000);
	is_there(&r, 3, true);
	world_run(w, w->now + 601000);
	is_there(&r, 4, false);
	assert_int_equal(world_count(w, 0, "drop.no-sa"), 1);
	raw_fini(&r);
	world_free(&w);

	register_raw(&r, &w);
	world_run(w, w->now + 3600000);
	is_there(&r, 2, true);
	world_run(w, w->now + 3629000);
	is_there(&r, 3, true);
	world_run(w, w->now + 3631000);
	is_there(&r, 4, false);
	raw_fini(&r);
	world_free(&w);
}

/* No longer than the certificate that stands for the peer. */
static void
authentication_runs_out(void **state)
{
	struct world *w;
	struct raw r;

	(void)state;
	w = two();
	w->host[0].valid_s = 100;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	raw_handshake(&r);
	raw_begin(&r, GSA_AUTH, 1);
	raw_put_auth(&r, 5, "correct horse");
	raw_put_idg(&r, W_GROUP);
	raw_end(&r);
	world_run(w, w->now + 99000);
	is_there(&r, 2, true);
	world_run(w, w->now + 2000);
	is_there(&r, 3, false);
	raw_fini(&r);
	world_free(&w);
}

/* The same identity registers anew: the old IKE SA is gone. */
static void
a_new_registration_replaces_the_old(void **state)
{
	struct world *w;
	struct raw r, r2;

	(void)state;
	register_raw(&r, &w);
	raw_init(&r2, w, 0, 2);
	raw_handshake(&r2);
	raw_begin(&r2, GSA_AUTH, 1);
	raw_put_auth(&r2, 5, "correct horse");
	raw_put_idg(&r2, W_GROUP);
	raw_end(&r2);
	assert_int_equal(world_count(w, 0, "reg.ok"), 2);
	raw_begin(&r, IKE_INFORMATIONAL, 2);
	raw_end(&r);
	assert_int_equal(world_count(w, 0, "drop.no-sa"), 1);
	raw_begin(&r2, IKE_INFORMATIONAL, 2);
	raw_end(&r2);
	assert_int_equal(world_count(w, 0, "drop.no-sa"), 1);
	raw_fini(&r);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idg_of_another_group),
		cmocka_unit_test(sag_without_our_cipher),
		cmocka_unit_test(malformed_but_protected),
		cmocka_unit_test(nothing_but_gsa_auth_before_authentication),
		cmocka_unit_test(informational),
		cmocka_unit_test(idle_sas_end),
		cmocka_unit_test(authentication_runs_out),
		cmocka_unit_test(a_new_registration_replaces_the_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
