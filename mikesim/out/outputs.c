/* SPDX-License-Identifier: ISC */

#include <errno.h>
#include <stdlib.h>

#include "mikesim/out/json.h"
#include "mikesim/out/out.h"
#include "mikesim/out/page.h"
#include "mikesim/out/payload.h"
#include "mikesim/out/pcap.h"
#include "mikesim/out/table.h"
#include "mikesim/out/trace.h"

enum { F_JSON, F_TRACE, F_PCAP, F_KEYS, FILES };
#define SINKS 4 /* keys, trace, capture, page */

struct outputs {
	const struct args *args;
	struct out_file file[FILES], table;
	struct payload_keys *keys;
	struct capture *capture;
	struct page *page;
	struct trace trace;
	struct obs_sink sink[SINKS];
	size_t n_sink;
	struct obs_sink all; /* what the run sees of them */
	bool failed;	     /* one of them, and it said so */
};

/* -- sinks ---------------------------------------------------------------- */

/* The first sink, as the others ask what it knows.  Both ends derive keys. */
static int
keys_take(void *arg, const struct obs *o)
{
	struct outputs *out = arg;
	struct out_file *f = &out->file[F_KEYS];
	int r = payload_keys_take(out->keys, o);

	if (r <= 0 || f->f == NULL)
		return r < 0 ? r : 0;
	capture_keys(f->f, o);
	return out_check(f);
}

static void
add_sink(struct outputs *o, struct obs_sink s)
{
	must(o->n_sink < SINKS);
	o->sink[o->n_sink++] = s;
}

/* They say themselves what is wrong with their files, but for the page. */
static int
note_failure(struct outputs *o, int r)
{
	const char *why = o->page != NULL ? page_error(o->page) : "";

	if (r != 0 && *why != '\0')
		fprintf(stderr, "mikesim: %s\n", why);
	if (r != 0 && r != -ENOMEM)
		o->failed = true;
	return r;
}

static int
all_begin(void *arg, const struct scene *s)
{
	struct outputs *o = arg;
	int r = 0;

	for (size_t i = 0; i < o->n_sink && r == 0; i++)
		if (o->sink[i].begin != NULL)
			r = o->sink[i].begin(o->sink[i].arg, s);
	return note_failure(o, r);
}

static int
all_take(void *arg, const struct obs *obs)
{
	struct outputs *o = arg;
	int r = 0;

	for (size_t i = 0; i < o->n_sink && r == 0; i++)
		if (o->sink[i].take != NULL)
			r = o->sink[i].take(o->sink[i].arg, obs);
	return note_failure(o, r);
}

static int
all_end(void *arg, const struct sim *sim)
{
	struct outputs *o = arg;
	int r = 0;

	for (size_t i = 0; i < o->n_sink && r == 0; i++)
		if (o->sink[i].end != NULL)
			r = o->sink[i].end(o->sink[i].arg, sim);
	return note_failure(o, r);
}

/* -- opening -------------------------------------------------------------- */

static int
open_files(struct outputs *o)
{
	const struct args *a = o->args;
	const struct {
		const char *name, *what;
		bool secret;
	} v[FILES] = {
		[F_JSON] = { a->json, "the results", false },
		[F_TRACE] = { a->trace, "the trace", false },
		[F_PCAP] = { a->pcap, "the capture", true },
		[F_KEYS] = { a->keys, "the keys", true },
	};
	int r;

	for (size_t i = 0; i < FILES; i++)
		if (v[i].name != NULL && (r = out_open(&o->file[i], v[i].name,
					      v[i].what, v[i].secret)) != 0)
			return r;
	return 0;
}

static int
add_page(struct outputs *o)
{
	struct page_opts with = { .html = o->args->html,
		.svg = o->args->svg,
		.payloads = payload_text,
		.arg = o->keys };
	int r;

	if (with.html == NULL && with.svg == NULL)
		return 0;
	if ((r = page_new(&o->page, &with)) == 0)
		add_sink(o, page_sink(o->page));
	return r;
}

/* What knows keys comes first. */
static int
add_sinks(struct outputs *o, const struct scene *s)
{
	int r;

	if ((o->keys = payload_keys_new()) == NULL)
		return -ENOMEM;
	if (o->args->trace != NULL || o->args->keys != NULL ||
	    o->args->html != NULL || o->args->svg != NULL)
		add_sink(o, (struct obs_sink){ .arg = o, .take = keys_take });
	if (o->args->trace != NULL) {
		o->trace = (struct trace){ &o->file[F_TRACE], s, payload_text,
			o->keys };
		add_sink(o, trace_sink(&o->trace));
	}
	if (o->args->pcap != NULL) {
		if ((r = capture_new(&o->capture, &o->file[F_PCAP])) != 0)
			return r;
		add_sink(o, capture_sink(o->capture));
	}
	return add_page(o);
}

static int
exit_status(const struct outputs *o, int r)
{
	if (r == 0)
		return CLI_OK;
	if (o != NULL && outputs_failed(o))
		return CLI_IO;
	fprintf(stderr, "mikesim: out of memory\n");
	return CLI_SOFTWARE;
}

struct outputs *
outputs_new(const struct args *a, const struct scene *s, int *status)
{
	struct outputs *o = calloc(1, sizeof(*o));
	int r = -ENOMEM;

	if (o != NULL) {
		o->args = a;
		o->table = (struct out_file){ stdout, "standard output",
			"the results", 0 };
		o->all = (struct obs_sink){ o, all_begin, all_take, all_end };
		if ((r = open_files(o)) == 0)
			r = add_sinks(o, s);
	}
	*status = exit_status(o, r);
	if (r != 0 && outputs_free(&o) != 0)
		return NULL; /* which was said */
	return o;
}

/* -- the run -------------------------------------------------------------- */

const struct obs_sink *
outputs_sinks(const struct outputs *o)
{
	return &o->all;
}

size_t
outputs_count(const struct outputs *o)
{
	return o->n_sink > 0 ? 1 : 0;
}

bool
outputs_failed(const struct outputs *o)
{
	for (size_t i = 0; i < FILES; i++)
		if (o->file[i].err != 0)
			return true;
	return o->failed || o->table.err != 0;
}

int
outputs_results(
    struct outputs *o, const struct sim *sim, const struct sim_results *r)
{
	errno = 0;
	if (!o->args->quiet) {
		table_print(stdout, sim, r);
		if (fflush(stdout) != 0 || ferror(stdout))
			return out_failed(&o->table);
	}
	if (o->args->json == NULL)
		return 0;
	return json_print(&o->file[F_JSON], sim, r);
}

int
outputs_free(struct outputs **op)
{
	struct outputs *o = *op;
	int r, e = 0;

	if (o == NULL)
		return 0;
	e = capture_free(&o->capture);
	page_free(&o->page);
	for (size_t i = 0; i < FILES; i++)
		if ((r = out_close(&o->file[i])) != 0 && e == 0)
			e = r;
	payload_keys_free(&o->keys);
	free(o);
	*op = NULL;
	return e;
}
