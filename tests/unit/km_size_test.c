/* SPDX-License-Identifier: ISC */
/*
 * What a registered receiver that waits takes: of a quarter of a million of
 * them each octet is a quarter of a megabyte.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mikesim/core/site.h"
#include "tests/lib/scn.h"

#define eq assert_int_equal
#define OCTETS_MAX 2048
#define STATIONS 200
#define LARGE 50000
#define TEXT(auth, stations)                                                   \
	"scenario { duration = 2m auth = " auth " }\n"                         \
	"group { lifetime = 8h }\n"                                            \
	"senders hq { count = 1 link = core }\n"                               \
	"link core { bandwidth = 1G delay = 5ms }\n"                           \
	"link air { shared = yes bandwidth = 10M delay = 20ms }\n"             \
	"receivers gm { count = " #stations " link = air join = 1s-60s }\n"

/*
 * A sanitizer's malloc() is not counted by mallinfo2(), nor is valgrind's.
 * What is large is not taken from a thread's cache, which counts as in use.
 */
static bool
is_counted(void)
{
	size_t before = mallinfo2().uordblks, after;
	void *volatile p = malloc(LARGE);

	after = mallinfo2().uordblks;
	free(p);
	return after >= before + LARGE && after < before + LARGE + 100;
}

static void
needs_counting(void)
{
	if (is_counted())
		return;
	print_message("skipped: this malloc() does not say how much there is "
		      "(a sanitizer's, or valgrind's)\n");
	skip();
}

struct run {
	struct scene *scene;
	struct sim *sim;
	struct site *site;
};

static void
run_begin(struct run *r, const char *text)
{
	struct sim_opts o = { 0 };

	r->scene = scn_from(text);
	eq(sim_new(&r->sim, r->scene, &o), 0);
	eq(sim_run(r->sim), 0);
	r->site = &r->sim->site[0];
}

static void
run_end(struct run *r)
{
	sim_free(&r->sim);
	scene_free(&r->scene);
}

/* What only it has. */
static void
give_back(struct site *s, struct host *h)
{
	eq(h->phase, PHASE_KEYED);
	assert_non_null(h->km);
	site_turn(s, h);
	km_free(&h->km);
	free(h->sa);
	h->sa = NULL;
	h->n_sa = 0;
	rand_use(NULL);
}

/* Octets of the heap that go with one, and its place in the table. */
static void
stays_below(const char *text)
{
	struct run r;
	size_t n;

	run_begin(&r, text);
	eq(r.site->n_host, STATIONS + 1);
	n = mallinfo2().uordblks;
	for (uint32_t i = 1; i < r.site->n_host; i++)
		give_back(r.site, &r.site->host[i]);
	n = (n - mallinfo2().uordblks) / STATIONS + sizeof(struct host);
	print_message("%zu octets for a receiver, of them %zu in the table\n",
	    n, sizeof(struct host));
	assert_in_range(n, sizeof(struct host) + 200, OCTETS_MAX);
	run_end(&r);
}

static void
with_certificates(void **state)
{
	(void)state;
	needs_counting();
	stays_below(TEXT("x509", 200));
}

static void
with_a_pre_shared_key(void **state)
{
	(void)state;
	needs_counting();
	stays_below(TEXT("psk", 200));
}

/*
 * What is there only for a while is gone when it waits: the certificate, the
 * registration, the filter of what came in, a log that nobody will read.
 */
static void
keeps_nothing_beside(void **state)
{
	struct run r;

	(void)state;
	run_begin(&r, TEXT("x509", 5));
	for (uint32_t i = 1; i < r.site->n_host; i++) {
		const struct host *h = &r.site->host[i];

		eq(h->phase, PHASE_KEYED);
		assert_null(h->own);
		assert_null(h->filter);
		assert_null(h->log);
		assert_null(h->link); /* it shares one */
		eq(h->n_sa, 1);
	}
	eq(r.site->n_own, 1); /* the sender's alone */
	run_end(&r);
}

/* With all that a run takes, as the difference of two runs. */
static void
all_of_it_counted(void **state)
{
	size_t used[2];
	struct run r;

	(void)state;
	needs_counting();
	for (size_t i = 0; i < 2; i++) {
		size_t before = mallinfo2().uordblks;

		run_begin(&r, i == 0 ? TEXT("psk", 20) : TEXT("psk", 220));
		used[i] = mallinfo2().uordblks - before;
		run_end(&r);
	}
	if (used[1] > used[0] + 200 * 2 * OCTETS_MAX)
		fail_msg(
		    "%zu octets for 200 receivers more", used[1] - used[0]);
	assert_true(used[1] > used[0] + 200 * sizeof(struct host));
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
		cmocka_unit_test(with_certificates),
		cmocka_unit_test(with_a_pre_shared_key),
		cmocka_unit_test(keeps_nothing_beside),
		cmocka_unit_test(all_of_it_counted),
	};

	return cmocka_run_group_tests(tests, prepare, finish);
}
