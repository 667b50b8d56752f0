/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "policyd/core/text.h"

/*
 * Blanking comments.  libconfuse counts two lines too many for each of them,
 * so it must not see any.  Whoever blanks must know what is quoted: this is
 * the one place that decides it, and nothing that it lets through can be
 * quoted differently by libconfuse.
 */
struct blank {
	const unsigned char *p;
	size_t len, at;
	unsigned int line;
	char *out;
	struct diag *d;
};

static int
peek(const struct blank *b, size_t ahead)
{
	return ahead < b->len - b->at ? b->p[b->at + ahead] : -1;
}

static void
keep(struct blank *b)
{
	if (b->p[b->at] == '\n')
		b->line++;
	b->out[b->at] = (char)b->p[b->at];
	b->at++;
}

static void
blank_out(struct blank *b)
{
	bool newline = b->p[b->at] == '\n';

	b->line += newline;
	b->out[b->at++] = newline ? '\n' : ' ';
}

static void
in_comment(struct blank *b)
{
	if (peek(b, 0) == '\0')
		diag_add(b->d, b->line, "NUL octet in a comment: remove it");
	blank_out(b);
}

static void
line_comment(struct blank *b)
{
	while (b->at < b->len && peek(b, 0) != '\n')
		in_comment(b);
}

static void
block_comment(struct blank *b)
{
	unsigned int start = b->line;

	blank_out(b);
	blank_out(b);
	while (b->at < b->len) {
		if (peek(b, 0) == '*' && peek(b, 1) == '/') {
			blank_out(b);
			blank_out(b);
			return;
		}
		in_comment(b);
	}
	diag_add(b->d, start, "comment is not closed by */");
}

/* Quoted or not: none of these means what it seems to. */
static bool
is_refused(struct blank *b, int c)
{
	if (c == '\0')
		diag_add(b->d, b->line, "NUL octet in the text: remove it");
	else if (c == '$')
		diag_add(b->d, b->line,
		    "'$' is not allowed: nothing is taken from the "
		    "environment");
	else if (c < 0x20 || c == 0x7f)
		diag_add(b->d, b->line,
		    "control character 0x%02x in the text: remove it",
		    (unsigned int)c);
	else
		return false;
	return true;
}

static void
escape(struct blank *b)
{
	int next = peek(b, 1);

	if (next == '"' || next == '\\') {
		keep(b);
		keep(b);
		return;
	}
	if (next >= '0' && next <= '7')
		diag_add(b->d, b->line,
		    "\"\\%c\" is not allowed: a value cannot hold NUL or octal "
		    "escapes (for a backslash write \\\\)",
		    next);
	else
		diag_add(b->d, b->line,
		    "only \\\" and \\\\ may follow a backslash (for a "
		    "backslash "
		    "write \\\\)");
	blank_out(b);
}

static void
string(struct blank *b)
{
	keep(b);
	while (b->at < b->len) {
		int c = peek(b, 0);

		if (c == '\n')
			break;
		if (c == '"') {
			keep(b);
			return;
		}
		if (c == '\\')
			escape(b);
		else if (is_refused(b, c))
			blank_out(b);
		else
			keep(b);
	}
	diag_add(b->d, b->line, "string is not closed by \" on its line");
	/* Close it here, or everything behind would be reported too. */
	if (b->at < b->len)
		keep(b);
}

/* What may stand outside strings besides letters and digits. */
static bool
is_plain(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') ||
	       (c > 0 && c < 0x80 && strchr(" \t\n{}=,._:@%/-", c) != NULL);
}

/* Outside strings libconfuse silently eats what it does not know. */
static void
plain(struct blank *b, int c)
{
	if (is_plain(c)) {
		keep(b);
		return;
	}
	if (c == '+' && peek(b, 1) == '=')
		diag_add(b->d, b->line,
		    "'+=' is not allowed: write the whole list at once");
	else if (c == '\'')
		diag_add(b->d, b->line, "use double quotes, not single ones");
	else if (c == '(' || c == ')')
		diag_add(b->d, b->line, "'%c': functions are not allowed", c);
	else if (!is_refused(b, c))
		diag_add(b->d, b->line,
		    "unexpected character '%c': put values in double quotes",
		    c);
	blank_out(b);
}

static void
blank_one(struct blank *b)
{
	int c = peek(b, 0), next = peek(b, 1);

	if (c == '#' || (c == '/' && next == '/'))
		line_comment(b);
	else if (c == '/' && next == '*')
		block_comment(b);
	else if (c == '"')
		string(b);
	else if (c == '\r' && next == '\n')
		blank_out(b);
	else
		plain(b, c);
}

char *
text_blank(const void *p, size_t len, struct diag *d)
{
	struct blank b = { .p = p, .len = len, .line = 1, .d = d };

	b.out = malloc(len + 1);
	if (b.out == NULL)
		return NULL;
	while (b.at < b.len)
		blank_one(&b);
	b.out[len] = '\0';
	return b.out;
}
