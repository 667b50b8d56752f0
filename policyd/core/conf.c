/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <confuse.h>

#include "policyd/core/conf.h"

/*
 * All values are strings here: libconfuse reads 010 as eight and takes a word
 * where a number is due without saying which file it was in.
 */
#define STR(name) CFG_STR(name, NULL, CFGF_NODEFAULT)
#define LIST(name) CFG_STR_LIST(name, NULL, CFGF_NODEFAULT)

static cfg_opt_t host_opts[] = {
	STR("identity"),
	STR("certificate"),
	STR("key"),
	STR("psk"),
	LIST("anchors"),
	LIST("crls"),
	STR("crl-required"),
	STR("ppk"),
	STR("ppk-id"),
	LIST("interface"),
	LIST("listen"),
	STR("port"),
	STR("fragment"),
	STR("cookie-above"),
	STR("default-group"),
	STR("emcon"),
	CFG_END(),
};

static cfg_opt_t peer_opts[] = {
	STR("identity"),
	LIST("address"),
	STR("exchange"),
	CFG_END(),
};

static cfg_opt_t group_opts[] = {
	STR("id"),
	LIST("address"),
	STR("ports"),
	STR("role"),
	LIST("designated"),
	LIST("senders"),
	LIST("receivers"),
	LIST("from"),
	LIST("rekey-to"),
	LIST("agree-on"),
	STR("suite"),
	STR("lifetime"),
	STR("atd"),
	STR("dtd"),
	STR("repeats"),
	STR("repeat-span"),
	STR("profile"),
	STR("step"),
	STR("join"),
	STR("exclusion"),
	STR("airtime"),
	STR("hop-limit"),
	STR("members-max"),
	STR("half-open-max"),
	STR("per-source-rate"),
	STR("source-auth"),
	CFG_END(),
};

static cfg_opt_t top_opts[] = {
	CFG_SEC("host", host_opts, CFGF_NONE),
	CFG_SEC("peer", peer_opts, CFGF_MULTI | CFGF_TITLE),
	CFG_SEC("group", group_opts, CFGF_MULTI | CFGF_TITLE),
	CFG_END(),
};

struct conf {
	const struct text *text;
	cfg_t *cfg;
};

/* libconfuse's error callback has no argument of ours. */
static struct diag *errors_to;

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

static void
check_names(const struct text *t, struct diag *d)
{
	for (size_t i = 0; i < t->n_sec; i++) {
		const struct text_sec *s = &t->sec[i];
		const cfg_opt_t *k = find_opt(top_opts, s->kind);

		if (k == NULL) {
			diag_add(d, s->line,
			    "no section is called \"%s\" (there are host, "
			    "peer and group)",
			    s->kind);
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
	size_t seen[3] = { 0 };
	struct conf_sec s;

	for (size_t i = 0; i < c->text->n_sec; i++) {
		const struct text_sec *w = &c->text->sec[i];
		size_t kind = (size_t)(find_opt(top_opts, w->kind) - top_opts);

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

	c->cfg = cfg_init(top_opts, CFGF_NONE);
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
conf_parse(struct conf **out, const struct text *t, struct diag *d)
{
	struct conf *c;
	int r;

	check_names(t, d);
	if (d->n != 0)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->text = t;
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
