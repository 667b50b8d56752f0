/* SPDX-License-Identifier: ISC */
/* What must always hold of SAs, broken by hand; and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/core/site.h"
#include "tests/lib/invworld.h"
#include "tests/lib/scn.h"

#define eq assert_int_equal
#define broken(s, n, rule) inv_world_broken(s, n, rule)

/* -- SAs ------------------------------------------------------------------ */

static struct ksa_in
sa_in(uint32_t spi, uint8_t key)
{
	struct ksa_in k = { .spi = spi,
		.dir = SA_IN,
		.src = { 4, { 10, 1, 0, 1 } },
		.hard = T_NEVER };

	memset(k.key, key, sizeof(k.key));
	return k;
}

static void
one_key_for_all(void **state)
{
	struct ksa_in k = sa_in(0x1000, 1);
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	k.dir = SA_OUT;
	inv_installed(w.s, &w.s->host[0], &k);
	k.dir = SA_IN;
	inv_installed(w.s, w.gm, &k);
	inv_installed(w.s, w.other, &k);
	inv_installed(w.s, w.gm, &k);
	broken(w.s, 0, "");
	k = sa_in(0x1001, 2);
	inv_installed(w.s, w.gm, &k);
	k = sa_in(0x1000, 2); /* of another address: another SA */
	k.cls = 1;
	inv_installed(w.s, w.gm, &k);
	broken(w.s, 0, "");
	inv_world_fini(&w);
}

static void
two_keys_under_an_spi(void **state)
{
	struct ksa_in k = sa_in(0x1000, 1);
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	inv_installed(w.s, w.gm, &k);
	k.key[sizeof(k.key) - 1] ^= 1; /* in its salt */
	inv_installed(w.s, w.other, &k);
	broken(w.s, 1, "one-spi");
	assert_non_null(strstr(w.s->why, "gm-01-00002 at 1.500 s"));
	assert_non_null(strstr(w.s->why, "00001000"));
	inv_world_fini(&w);
}

static void
two_senders_under_an_spi(void **state)
{
	struct ksa_in k = sa_in(0x1000, 1);
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	inv_installed(w.s, w.gm, &k);
	k.src.b[1] = 2;
	inv_installed(w.s, w.gm, &k);
	broken(w.s, 1, "one-spi");
	inv_world_fini(&w);
}

/* Of two sites: seen where their windows meet, once. */
static void
an_spi_of_another_site(void **state)
{
	struct ksa_in a = sa_in(0x1000, 1), b = sa_in(0x1000, 2);
	struct inv_world w;
	struct site *other;

	(void)state;
	inv_world_init(&w);
	other = &w.sim->site[1];
	a.dir = b.dir = SA_OUT;
	b.src.b[1] = 2;
	inv_installed(w.s, &w.s->host[0], &a);
	inv_merge(w.sim);
	inv_merge(w.sim);
	broken(w.s, 0, "");
	inv_installed(other, &other->host[0], &b);
	broken(other, 0, "");
	inv_merge(w.sim);
	broken(w.s, 0, "");
	broken(other, 1, "one-spi");
	inv_merge(w.sim);
	broken(other, 1, "one-spi");
	inv_world_fini(&w);
}

/* Another SPI, or the very same SA: nothing to see. */
static void
sites_with_their_own(void **state)
{
	struct inv_world w;
	struct site *other;

	(void)state;
	inv_world_init(&w);
	other = &w.sim->site[1];
	for (uint32_t i = 0; i < 100; i++) {
		struct ksa_in k = sa_in(0x1000 + i, (uint8_t)i);

		k.dir = SA_OUT;
		inv_installed(w.s, &w.s->host[0], &k);
		k = sa_in(0x2000 + i, (uint8_t)i);
		k.dir = SA_OUT;
		inv_installed(other, &other->host[0], &k);
		if (i % 7 == 0)
			inv_merge(w.sim);
	}
	inv_merge(w.sim);
	broken(w.s, 0, "");
	broken(other, 0, "");
	inv_world_fini(&w);
}

static void
a_key_for_a_spy(void **state)
{
	struct ksa_in k = sa_in(0x1000, 1);
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	assert_true(w.s->kind[w.s->host[SPY].kind].recv->hostile);
	inv_installed(w.s, w.gm, &k);
	broken(w.s, 0, "");
	inv_installed(w.s, &w.s->host[SPY], &k);
	broken(w.s, 1, "allowed");
	inv_world_fini(&w);
}

/* While a group runs or takes leave, and never without its policies. */
static void
only_where_a_group_is_closed(void **state)
{
	static const enum life lives[] = { L_NONE, L_LEFT, L_SAVING_JOIN, L_SPD,
		L_RUN, L_STOPPING, L_CLEARING, L_SAVING_LEAVE, L_PARTING };
	struct ksa_in k = sa_in(0x1000, 1);
	struct inv_world w;

	(void)state;
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		bool fine = lives[i] == L_RUN || lives[i] == L_PARTING ||
			    lives[i] == L_NONE;

		inv_world_init(&w);
		w.gm->life = (uint8_t)lives[i];
		inv_installed(w.s, w.gm, &k);
		broken(w.s, !fine, "left");
		inv_world_fini(&w);
	}
	inv_world_init(&w);
	w.gm->spd = false;
	inv_installed(w.s, w.gm, &k);
	broken(w.s, 1, "closed");
	inv_world_fini(&w);
}

static void
what_stays_behind(void **state)
{
	struct inv_world w;

	(void)state;
	inv_world_init(&w);
	inv_left(w.s, w.gm);
	broken(w.s, 0, "");
	w.gm->n_sa = 2;
	inv_left(w.s, w.gm);
	broken(w.s, 1, "left");
	assert_non_null(strstr(w.s->why, "2 SAs"));
	w.gm->n_sa = 0;
	inv_world_fini(&w);
}

/* -- what is said of it --------------------------------------------------- */

static int
count_broken(void *arg, const struct obs *o)
{
	unsigned int *n = arg;

	*n += o->kind == OBS_BROKEN && strcmp(o->broken.rule, "once") == 0 &&
	      strcmp(o->broken.text, "text 7") == 0;
	return 0;
}

/* The first is kept, all are counted and shown. */
static void
all_are_shown(void **state)
{
	unsigned int shown = 0;
	struct obs_sink sink = { .arg = &shown, .take = count_broken };
	struct sim_opts o = { .sink = &sink, .n_sink = 1, .invariants = true };
	struct scene *scene = scn_from(INV_WORLD);
	struct sim_results res;
	struct sim *sim;
	struct site *s;

	(void)state;
	eq(sim_new(&sim, scene, &o), 0);
	s = &sim->site[1];
	s->now = 2 * NS_PER_S;
	inv_broken(s, &s->host[0], "once", "text %d", 7);
	s->now = 3 * NS_PER_S;
	inv_broken(s, &s->host[1], "left", "text %d", 7);
	inv_broken(s, &s->host[1], "once", "text %d", 7);
	eq(show_flush(sim), 0);
	eq(shown, 2);
	sim_results(sim, &res);
	eq(res.broken, 3);
	assert_true(res.broken_at == 2 * NS_PER_S);
	assert_string_equal(res.broken_first, "once: hq-02 at 2.000 s: text 7");
	sim_free(&sim);
	scene_free(&scene);
}

static int
prepare(void **state)
{
	(void)state;
	return sim_init();
}

static int
finish(void **state)
{
	(void)state;
	sim_thread_fini();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_key_for_all),
		cmocka_unit_test(two_keys_under_an_spi),
		cmocka_unit_test(two_senders_under_an_spi),
		cmocka_unit_test(an_spi_of_another_site),
		cmocka_unit_test(sites_with_their_own),
		cmocka_unit_test(a_key_for_a_spy),
		cmocka_unit_test(only_where_a_group_is_closed),
		cmocka_unit_test(what_stays_behind),
		cmocka_unit_test(all_are_shown),
	};

	return cmocka_run_group_tests(tests, prepare, finish);
}
