/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/pol.h"

const char *
pol_errors_of(const void *text, size_t len)
{
	static char out[DIAG_MAX * (DIAG_TEXT + 16)];
	struct diag d = { 0 };
	struct policy *p = NULL;
	size_t n = 0;
	int r = policy_load(&p, text, len, &d);

	/* An error that is not said, or a policy in spite of one. */
	if ((r == 0) != (d.n == 0) || (r == 0) != (p != NULL))
		fail_msg("r=%d errors=%zu policy=%d", r, d.n, p != NULL);
	out[0] = '\0';
	for (size_t i = 0; i < d.n; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%u: %s\n",
		    d.v[i].line, d.v[i].text);
	policy_free(&p);
	return out;
}

const char *
pol_errors(const char *text)
{
	return pol_errors_of(text, strlen(text));
}

struct policy *
pol_from(const char *text)
{
	struct diag d = { 0 };
	struct policy *p = NULL;

	if (policy_load(&p, text, strlen(text), &d))
		fail_msg("%s", pol_errors(text));
	return p;
}
