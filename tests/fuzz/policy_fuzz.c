/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "policyd/core/conf.h"
#include "policyd/core/policy.h"

/*
 * Arbitrary policy texts.  libconfuse is not instrumented, but it sees only
 * what the first pass lets through, and must read it as our index does: a
 * difference would be something in force that was never checked.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As long as the text, its lines where they were, nothing but text. */
static void
check_blanked(const struct text *t, const uint8_t *data, size_t size)
{
	must(strlen(t->blanked) == size);
	for (size_t i = 0; i < size; i++) {
		char c = t->blanked[i];

		must((c == '\n') == (data[i] == '\n'));
		must(c == ' ' || (uint8_t)c == data[i]);
		must(c != '\0' && c != '$');
	}
}

static void
check_lines(const struct text *t, unsigned int lines)
{
	unsigned int last = 1;

	for (size_t i = 0; i < t->n_value; i++) {
		must(t->value[i].line >= last && t->value[i].line <= lines);
		last = t->value[i].line;
	}
}

/* Errors are said if and only if there are any. */
static void
check_diag(const struct diag *d, int r, unsigned int lines)
{
	char out[512];

	must((r == 0) == (d->n == 0));
	for (size_t i = 0; i < d->n; i++) {
		must(d->v[i].line <= lines);
		must(i == 0 || d->v[i - 1].line <= d->v[i].line);
		must(*diag_text(d, i, "f", out, sizeof(out)) == 'f');
		must(strncmp(d->v[i].text, "libconfuse", 10) != 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag d = { 0 };
	struct text *t = NULL;
	struct policy *p = NULL;
	unsigned int lines = 1;
	int r;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	r = text_read(&t, data, size, &d);
	must(r == 0 || (r == -EINVAL && t == NULL));
	if (r == 0) {
		check_blanked(t, data, size);
		check_lines(t, lines);
	}
	text_free(&t);
	check_diag(&d, r, lines);

	d = (struct diag){ 0 };
	r = policy_load(&p, data, size, &d);
	must(r == 0 || (r == -EINVAL && p == NULL));
	check_diag(&d, r, lines);
	policy_free(&p);
	return 0;
}
