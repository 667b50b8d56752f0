/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>
#include <confuse.h>

#include "policyd/core/conf.h"

#define KINDS_MAX 16 /* of sections */

struct conf {
	const struct text *text;
	cfg_opt_t *known;
	cfg_t *cfg;
};

/* libconfuse's error callback has no argument of ours. */
static _Thread_local struct diag *errors_to;

static void __attribute__((__format__(__printf__, 2, 0)))
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[DIAG_TEXT];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (errors_to != NULL)
		diag_add(errors_to, (unsigned int)cfg->line, "%s", text);
}

static const cfg_opt_t *
find_opt(const cfg_opt_t *opts, const char *name)
{
	for (; opts->name != NULL; opts++)
		if (strcmp(opts->name, name) == 0)
			return opts;
	return NULL;
}

static bool
is_list(const cfg_opt_t *o)
{
	return (o->flags & CFGF_LIST) != 0;
}

/*
 * Unknown names and wrong shapes, all of them: libconfuse stops at the first
 * one and, for an unknown option, forgets which file it was in.
 */
static void
check_options(const struct text *t, const struct text_sec *s,
    const cfg_opt_t *known, struct diag *d)
{
	const struct text_opt *o;
	const cfg_opt_t *k;

	for (size_t i = s->first; i < s->first + s->n; i++) {
		o = &t->opt[i];
		k = find_opt(known, o->name);
		if (k == NULL)
			diag_add(d, o->line, "%s has no option \"%s\"", s->kind,
			    o->name);
		else if (o->list && !is_list(k))
			diag_add(d, o->line,
			    "%s takes one value, not a list in braces",
			    o->name);
		else if (o->list && o->n == 0)
			diag_add(d, o->line,
			    "%s is empty: give a value or leave it out",
			    o->name);
	}
}

/* "host, peer and group" */
static void
name_kinds(const cfg_opt_t *known, char *out, size_t size)
{
	*out = '\0';
	for (const cfg_opt_t *k = known; k->name != NULL; k++) {
		if (k != known)
			strlcat(out, k[1].name != NULL ? ", " : " and ", size);
		strlcat(out, k->name, size);
	}
}

static void
unknown_kind(const struct text_sec *s, const cfg_opt_t *known, struct diag *d)
{
	char kinds[DIAG_TEXT];

	name_kinds(known, kinds, sizeof(kinds));
	diag_add(d, s->line, "no section is called \"%s\" (there are %s)",
	    s->kind, kinds);
}

static void
check_names(const struct text *t, const cfg_opt_t *known, struct diag *d)
{
	for (size_t i = 0; i < t->n_sec; i++) {
		const struct text_sec *s = &t->sec[i];
		const cfg_opt_t *k = find_opt(known, s->kind);

		if (k == NULL) {
			unknown_kind(s, known, d);
			continue;
		}
		if ((k->flags & CFGF_TITLE) != 0 && !s->titled)
			diag_add(d, s->line, "%s needs a name: %s \"NAME\" {",
			    s->kind, s->kind);
		if ((k->flags & CFGF_TITLE) == 0 && s->titled)
			diag_add(d, s->line, "%s takes no name", s->kind);
		check_options(t, s, k->subopts, d);
	}
}

bool
conf_section(
    const struct conf *c, const char *kind, size_t i, struct conf_sec *out)
{
	for (size_t k = 0, nth = 0; k < c->text->n_sec; k++) {
		if (strcmp(c->text->sec[k].kind, kind) != 0 || nth++ != i)
			continue;
		*out = (struct conf_sec){
			.text = c->text,
			.where = &c->text->sec[k],
			.cfg = cfg_getnsec(c->cfg, kind, (unsigned int)i),
		};
		return out->cfg != NULL;
	}
	return false;
}

/*
 * The index and libconfuse must have read the same: a difference would mean
 * that something was checked which is not in force.
 */
static bool
readings_agree(const struct conf *c)
{
	size_t seen[KINDS_MAX] = { 0 };
	struct conf_sec s;

	for (size_t i = 0; i < c->text->n_sec; i++) {
		const struct text_sec *w = &c->text->sec[i];
		size_t kind = (size_t)(find_opt(c->known, w->kind) - c->known);

		must(kind < KINDS_MAX);
		if (!conf_section(c, w->kind, seen[kind]++, &s) || s.where != w)
			return false;
		if (w->titled && strcmp(w->title, cfg_title(s.cfg)) != 0)
			return false;
		for (size_t k = w->first; k < w->first + w->n; k++) {
			const struct text_opt *o = &c->text->opt[k];

			if (cfg_size(s.cfg, o->name) != o->n)
				return false;
			for (size_t j = 0; j < o->n; j++)
				if (strcmp(conf_value(&s, o->name, j),
					c->text->value[o->first + j].s) != 0)
					return false;
		}
	}
	return true;
}

static int
parse(struct conf *c, struct diag *d)
{
	int r;

	c->cfg = cfg_init(c->known, CFGF_NONE);
	if (c->cfg == NULL)
		return -ENOMEM;
	cfg_set_error_function(c->cfg, on_error);
	errors_to = d;
	r = cfg_parse_buf(c->cfg, c->text->blanked);
	errors_to = NULL;
	if (r == CFG_SUCCESS && d->n == 0 && !readings_agree(c))
		diag_add(d, 0,
		    "libconfuse reads this text differently: please "
		    "report it, with the text");
	else if (r != CFG_SUCCESS && d->n == 0)
		diag_add(d, 0, "libconfuse cannot parse this text");
	return d->n == 0 ? 0 : -EINVAL;
}

int
conf_parse(struct conf **out, const struct text *t, struct cfg_opt_t *known,
    struct diag *d)
{
	struct conf *c;
	int r;

	check_names(t, known, d);
	if (d->n != 0)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->text = t;
	c->known = known;
	r = parse(c, d);
	if (r)
		conf_free(&c);
	else
		*out = c;
	return r;
}

void
conf_free(struct conf **c)
{
	if (*c == NULL)
		return;
	if ((*c)->cfg != NULL)
		cfg_free((*c)->cfg);
	free(*c);
	*c = NULL;
}

static const struct text_opt *
index_of(const struct conf_sec *s, const char *opt)
{
	for (size_t i = 0; i < s->where->n; i++)
		if (strcmp(s->text->opt[s->where->first + i].name, opt) == 0)
			return &s->text->opt[s->where->first + i];
	return NULL;
}

bool
conf_is_set(const struct conf_sec *s, const char *opt)
{
	return index_of(s, opt) != NULL;
}

size_t
conf_size(const struct conf_sec *s, const char *opt)
{
	return cfg_size(s->cfg, opt);
}

const char *
conf_value(const struct conf_sec *s, const char *opt, size_t i)
{
	if (i >= conf_size(s, opt))
		return NULL;
	return cfg_getnstr(s->cfg, opt, (unsigned int)i);
}

unsigned int
conf_line(const struct conf_sec *s, const char *opt, size_t i)
{
	const struct text_opt *o = index_of(s, opt);

	if (o == NULL)
		return s->where->line;
	return i < o->n ? s->text->value[o->first + i].line : o->line;
}
