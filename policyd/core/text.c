/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/core/text.h"

/*
 * The grammar, which is what libconfuse reads as well:
 *   text    = { section }
 *   section = WORD [ VALUE ] "{" { option } "}"
 *   option  = WORD "=" ( VALUE | "{" [ VALUE { "," VALUE } [ "," ] ] "}" )
 *   VALUE   = WORD | STRING
 */
enum tok_kind { TK_END, TK_WORD, TK_STRING, TK_PUNCT };

struct tok {
	enum tok_kind kind;
	unsigned int line;
	const char *p; /* STRING: between the quotes */
	size_t len;
};

struct parse {
	const char *s;
	unsigned int line;
	struct tok tok; /* the one looked at */
	struct text *t;
	struct diag *d;
	size_t room_sec, room_opt, room_value;
};

static bool
is_punct(char c)
{
	return c == '{' || c == '}' || c == '=' || c == ',';
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* text_blank() has seen to it that strings are closed on their line. */
static void
take_string(struct parse *p)
{
	p->tok.kind = TK_STRING;
	p->tok.p = ++p->s;
	while (*p->s != '"')
		p->s += *p->s == '\\' ? 2 : 1;
	p->tok.len = (size_t)(p->s - p->tok.p);
	p->s++;
}

static void
next(struct parse *p)
{
	for (; is_space(*p->s); p->s++)
		p->line += *p->s == '\n';
	p->tok = (struct tok){ .line = p->line, .p = p->s };
	if (*p->s == '\0') {
		p->tok.kind = TK_END;
	} else if (*p->s == '"') {
		take_string(p);
	} else if (is_punct(*p->s)) {
		p->tok.kind = TK_PUNCT;
		p->s++;
	} else {
		p->tok.kind = TK_WORD;
		while (*p->s != '\0' && *p->s != '"' && !is_space(*p->s) &&
		       !is_punct(*p->s))
			p->s++;
		p->tok.len = (size_t)(p->s - p->tok.p);
	}
}

static bool
at(const struct parse *p, char c)
{
	return p->tok.kind == TK_PUNCT && *p->tok.p == c;
}

static bool
at_value(const struct parse *p)
{
	return p->tok.kind == TK_WORD || p->tok.kind == TK_STRING;
}

static int
expected(struct parse *p, const char *what)
{
	size_t n = p->tok.kind == TK_PUNCT ? 1 : p->tok.len;

	if (p->tok.kind == TK_END)
		diag_add(p->d, p->tok.line,
		    "the text ends where %s is expected", what);
	else
		diag_add(p->d, p->tok.line, "expected %s before '%.*s'", what,
		    (int)(n < 40 ? n : 40), p->tok.p);
	return -EINVAL;
}

/* One more element at the end of a growing array. */
static int
grow(void **v, size_t n, size_t *room, size_t size)
{
	size_t want = *room == 0 ? 32 : *room * 2;
	void *more;

	if (n < *room)
		return 0;
	more = reallocarray(*v, want, size);
	if (more == NULL)
		return -ENOMEM;
	*v = more;
	*room = want;
	return 0;
}

/* Copy without escapes; size counts the NUL.  False: too long. */
static bool
unescape(const struct tok *k, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < k->len; i++) {
		if (k->kind == TK_STRING && k->p[i] == '\\')
			i++;
		if (n + 1 >= size)
			return false;
		out[n++] = k->p[i];
	}
	out[n] = '\0';
	return true;
}

static int
take_name(struct parse *p, const char *what, char out[TEXT_NAME_MAX + 1])
{
	if (!unescape(&p->tok, out, TEXT_NAME_MAX + 1)) {
		diag_add(p->d, p->tok.line, "%s is longer than %d octets", what,
		    TEXT_NAME_MAX);
		return -EINVAL;
	}
	return 0;
}

static int
take_value(struct parse *p, struct text_opt *o)
{
	struct text *t = p->t;
	char *s;

	if (!at_value(p))
		return expected(p, "a value");
	if (grow((void **)&t->value, t->n_value, &p->room_value,
		sizeof(*t->value)))
		return -ENOMEM;
	s = malloc(p->tok.len + 1);
	if (s == NULL)
		return -ENOMEM;
	(void)unescape(&p->tok, s, p->tok.len + 1);
	t->value[t->n_value++] =
	    (struct text_value){ .line = p->tok.line, .s = s };
	o->n++;
	next(p);
	return 0;
}

static int
take_list(struct parse *p, struct text_opt *o)
{
	int r;

	o->list = true;
	next(p); /* { */
	while (!at(p, '}')) {
		if ((r = take_value(p, o)))
			return r;
		if (at(p, ','))
			next(p);
		else if (!at(p, '}'))
			return expected(p, "',' or '}'");
	}
	next(p);
	return 0;
}

/* libconfuse would let the last one win and say nothing. */
static void
check_repeat(struct parse *p, const struct text_sec *s, const char *name)
{
	for (size_t i = s->first; i < s->first + s->n; i++)
		if (strcmp(p->t->opt[i].name, name) == 0) {
			diag_add(p->d, p->tok.line,
			    "%s is set twice in this section (first on line "
			    "%u)",
			    name, p->t->opt[i].line);
			return;
		}
}

static int
take_option(struct parse *p, struct text_sec *s)
{
	struct text *t = p->t;
	struct text_opt o = { .line = p->tok.line, .first = t->n_value };
	int r;

	if (p->tok.kind != TK_WORD)
		return expected(p, "an option or '}'");
	if ((r = take_name(p, "option name", o.name)))
		return r;
	if (s->n == TEXT_OPTS_MAX) {
		diag_add(p->d, p->tok.line, "more than %d options in a section",
		    TEXT_OPTS_MAX);
		return -EINVAL;
	}
	check_repeat(p, s, o.name);
	next(p);
	if (!at(p, '='))
		return expected(p, "'='");
	next(p);
	r = at(p, '{') ? take_list(p, &o) : take_value(p, &o);
	if (r)
		return r;
	if (grow((void **)&t->opt, t->n_opt, &p->room_opt, sizeof(*t->opt)))
		return -ENOMEM;
	t->opt[t->n_opt++] = o;
	s->n++;
	return 0;
}

/* A second host section would be merged, a second title too. */
static void
check_section(struct parse *p, const struct text_sec *s)
{
	const struct text_sec *o;

	for (size_t i = 0; i < p->t->n_sec; i++) {
		o = &p->t->sec[i];
		if (strcmp(o->kind, s->kind) != 0 ||
		    strcmp(o->title, s->title) != 0 || o->titled != s->titled)
			continue;
		if (s->titled)
			diag_add(p->d, s->line,
			    "second %s \"%s\" (the first is on line %u)",
			    s->kind, s->title, o->line);
		else
			diag_add(p->d, s->line,
			    "second section %s (the first is on line %u)",
			    s->kind, o->line);
		return;
	}
}

static int
take_section(struct parse *p)
{
	struct text *t = p->t;
	struct text_sec s = { .line = p->tok.line, .first = t->n_opt };
	int r;

	if (p->tok.kind != TK_WORD)
		return expected(p, "a section");
	if (t->n_sec == TEXT_SECS_MAX) {
		diag_add(
		    p->d, p->tok.line, "more than %d sections", TEXT_SECS_MAX);
		return -EINVAL;
	}
	if ((r = take_name(p, "section name", s.kind)))
		return r;
	next(p);
	if (at_value(p)) {
		s.titled = true;
		if ((r = take_name(p, "title", s.title)))
			return r;
		next(p);
	}
	if (!at(p, '{'))
		return expected(p, "'{'");
	check_section(p, &s);
	next(p);
	while (!at(p, '}'))
		if ((r = take_option(p, &s)))
			return r;
	next(p);
	if (grow((void **)&t->sec, t->n_sec, &p->room_sec, sizeof(*t->sec)))
		return -ENOMEM;
	t->sec[t->n_sec++] = s;
	return 0;
}

/* The first error of grammar ends the reading: what follows is guesswork. */
static int
index_text(struct text *t, struct diag *d)
{
	struct parse p = { .s = t->blanked, .line = 1, .t = t, .d = d };
	int r;

	next(&p);
	while (p.tok.kind != TK_END)
		if ((r = take_section(&p)))
			return r;
	return d->n == 0 ? 0 : -EINVAL;
}

int
text_read(struct text **out, const void *p, size_t len, struct diag *d)
{
	struct text *t;
	int r;

	if (len > TEXT_MAX) {
		diag_add(d, 0, "longer than %u octets", TEXT_MAX);
		return -EINVAL;
	}
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->blanked = text_blank(p, len, d);
	if (t->blanked == NULL)
		r = -ENOMEM;
	else
		r = d->n == 0 ? index_text(t, d) : -EINVAL;
	if (r)
		text_free(&t);
	else
		*out = t;
	return r;
}

void
text_free(struct text **t)
{
	if (*t == NULL)
		return;
	for (size_t i = 0; i < (*t)->n_value; i++)
		free((*t)->value[i].s);
	free((*t)->blanked);
	free((*t)->sec);
	free((*t)->opt);
	free((*t)->value);
	free(*t);
	*t = NULL;
}
