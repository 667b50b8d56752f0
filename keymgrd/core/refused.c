/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/refused.h"

#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

static struct refused *
oldest(struct refused_log *l)
{
	struct refused *r = &l->v[0];

	for (size_t i = 1; i < l->n; i++)
		if (l->v[i].last_ms < r->last_ms)
			r = &l->v[i];
	return r;
}

void
refused_add(struct refused_log **log, const char *who, const char *cause,
    const struct addr *peer, uint64_t now_ms)
{
	struct refused_log *l = *log;
	struct refused *r = NULL;

	if (l == NULL && (l = *log = calloc(1, sizeof(*l))) == NULL)
		return;
	for (size_t i = 0; i < l->n && r == NULL; i++)
		if (strcmp(l->v[i].cause, cause) == 0 &&
		    strncmp(l->v[i].who, who, REFUSED_WHO - 1) == 0)
			r = &l->v[i];
	if (r == NULL) {
		r = l->n < REFUSED_MAX ? &l->v[l->n++] : oldest(l);
		*r = (struct refused){ .cause = cause };
		strlcpy(r->who, who, sizeof(r->who));
	}
	r->peer = *peer;
	r->times += r->times < UINT32_MAX;
	r->last_ms = now_ms;
}
