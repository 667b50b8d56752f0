/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mikesim/core/scene_int.h"

/*
 * Arbitrary scenarios.  What loads can be written, loads again as the same
 * text, has hosts with names, and its faults can be drawn.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Errors are said if and only if there are any. */
static void
check_diag(const struct diag *d, int r, unsigned int lines)
{
	must((r == 0) == (d->n == 0));
	for (size_t i = 0; i < d->n; i++) {
		must(d->v[i].line <= lines);
		must(i == 0 || d->v[i - 1].line <= d->v[i].line);
		must(strncmp(d->v[i].text, "libconfuse", 10) != 0);
	}
}

static void
check_host(const struct scene *s, uint32_t host)
{
	char name[SCENE_HOST_NAME];
	uint32_t nth = 0;
	const struct scene_recv *v = scene_recv_of(s, host, &nth);

	must((v == NULL) == (host < s->senders));
	must(v == NULL || nth < v->count);
	must(scene_site(s, host) < s->senders);
	must(scene_matches(s, scene_host_name(s, host, name), host));
	must(scene_hits(s, name) == (v == NULL ? HIT_SENDER : HIT_RECEIVER));
}

static void
check_events(const struct scene *s)
{
	for (size_t i = 0; i < s->n_ev; i++) {
		const struct scene_event *e = &s->ev[i];

		must(e->at < s->duration && e->verb < VERBS);
		must(i == 0 || s->ev[i - 1].at <= e->at);
		must(e->verb == V_HEAL || scene_hits(s, e->hosts) != 0);
	}
}

/* The text of it loads and is written in the same way. */
static void
check_text(const struct scene *s)
{
	char *text = scene_text(s), *again;
	struct diag d = { 0 };
	struct scene *t = NULL;

	must(text != NULL);
	must(scene_load(&t, text, strlen(text), &d) == 0);
	again = scene_text(t);
	must(again != NULL && strcmp(text, again) == 0);
	free(again);
	free(text);
	scene_free(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag d = { 0 };
	struct scene *s = NULL;
	unsigned int lines = 1;
	int r;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	r = scene_load(&s, data, size, &d);
	must(r == 0 || (r == -EINVAL && s == NULL));
	check_diag(&d, r, lines);
	if (r != 0)
		return 0;
	check_host(s, 0);
	check_host(s, s->senders - 1);
	check_host(s, scene_hosts(s) - 1);
	check_events(s);
	check_text(s);
	must(scene_draw_chaos(s) == 0);
	check_events(s);
	check_text(s);
	scene_free(&s);
	return 0;
}
