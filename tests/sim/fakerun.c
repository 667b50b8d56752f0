/* SPDX-License-Identifier: ISC */
/*
 * Input of tests/sim/page.sh: the pictures of runs that nobody simulated.
 *   fakerun empty|small|hostile|sites|large HTML SVG
 */

#include <stdio.h>
#include <string.h>

#include "common/crypto.h"
#include "mikesim/out/page.h"
#include "tests/sim/lib/fakesim.h"

static const struct {
	const char *name;
	struct fake fake;
} runs[] = {
	{ "empty", { 1, 0, 60 * NS_PER_S, .hostile = false } },
	{ "small", { 2, 9, 120 * NS_PER_S, .hybrid = true } },
	{ "hostile", { 2, 9, 120 * NS_PER_S, .hostile = true } },
	{ "sites", { 5, 200, 600 * NS_PER_S, .hybrid = true } },
	{ "large", { 25, 9999, 600 * NS_PER_S, .hostile = false } },
};

static int
run(const struct fake *f, const char *html, const char *svg)
{
	struct fake copy = *f;
	struct page_opts o = { .html = html,
		.svg = svg,
		.payloads = fake_payloads,
		.arg = &copy };
	struct page *p;
	struct obs_sink sink;
	int rc = page_new(&p, &o);

	if (rc != 0)
		return 1;
	sink = page_sink(p);
	rc = fake_run(f, &sink);
	if (rc != 0)
		(void)fprintf(stderr, "fakerun: %s\n", page_error(p));
	else
		(void)printf("memory %zu\n", page_memory(p));
	page_free(&p);
	return rc != 0;
}

int
main(int argc, char *argv[])
{
	if (argc == 4 && crypto_init() == 0)
		for (size_t i = 0; i < NITEMS(runs); i++)
			if (strcmp(runs[i].name, argv[1]) == 0)
				return run(&runs[i].fake, argv[2], argv[3]);
	(void)fprintf(stderr, "usage: fakerun empty|small|hostile|sites|large "
			      "HTML SVG\n");
	return 64;
}
