/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/dn_int.h"

/* clang-format off */
static const struct dn_type types[] = {
	{ "CN",		  12, 3, { 0x55, 4, 3 } },
	{ "SN",		  12, 3, { 0x55, 4, 4 } },
	{ "serialNumber", 19, 3, { 0x55, 4, 5 } },
	{ "C",		  19, 3, { 0x55, 4, 6 } },
	{ "L",		  12, 3, { 0x55, 4, 7 } },
	{ "ST",		  12, 3, { 0x55, 4, 8 } },
	{ "STREET",	  12, 3, { 0x55, 4, 9 } },
	{ "O",		  12, 3, { 0x55, 4, 10 } },
	{ "OU",		  12, 3, { 0x55, 4, 11 } },
	{ "title",	  12, 3, { 0x55, 4, 12 } },
	{ "GN",		  12, 3, { 0x55, 4, 42 } },
	{ "UID",	  12, 10, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c,
				    0x64, 1, 1 } },
	{ "DC",		  22, 10, { 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c,
				    0x64, 1, 25 } },
	{ "emailAddress", 22, 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9,
				   1 } },
};
/* clang-format on */

const struct dn_type *
dn_type_by_oid(struct chunk oid)
{
	for (size_t i = 0; i < NITEMS(types); i++)
		if (types[i].oid_len == oid.len &&
		    memcmp(types[i].oid, oid.p, oid.len) == 0)
			return &types[i];
	return NULL;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_type_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One arc of an object identifier, seven bits an octet. */
static int
put_arc(struct dn_item *it, uint32_t arc)
{
	int shift = 28;

	while (shift > 0 && arc >> shift == 0)
		shift -= 7;
	for (; shift >= 0; shift -= 7) {
		uint8_t more = shift > 0 ? 0x80 : 0;

		if (it->oid_len == DN_OID_MAX)
			return -EINVAL;
		it->oid[it->oid_len++] =
		    (uint8_t)((arc >> shift & 0x7f) | more);
	}
	return 0;
}

/* One decimal arc without leading zeros; moves *s behind it and its dot. */
static int
take_arc(const char **s, size_t *len, uint32_t *arc)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < *len && is_digit((*s)[i]); i++) {
		v = v * 10 + (uint64_t)((*s)[i] - '0');
		if (v >= UINT32_MAX - 80)
			return -EINVAL;
	}
	if (i == 0 || (i > 1 && (*s)[0] == '0'))
		return -EINVAL;
	if (i < *len) {
		if ((*s)[i] != '.' || i + 1 == *len)
			return -EINVAL;
		i++;
	}
	*s += i;
	*len -= i;
	*arc = (uint32_t)v;
	return 0;
}

static int
dotted_oid(struct dn_item *it, const char *s, size_t len)
{
	uint32_t first, arc;

	if (take_arc(&s, &len, &first) || first > 2 ||
	    take_arc(&s, &len, &arc) || (first < 2 && arc > 39))
		return -EINVAL;
	if (put_arc(it, first * 40 + arc))
		return -EINVAL;
	while (len > 0)
		if (take_arc(&s, &len, &arc) || put_arc(it, arc))
			return -EINVAL;
	return 0;
}

static int
type_oid(struct dn_item *it, const char *s, size_t len)
{
	if (len > 0 && is_digit(s[0]))
		return dotted_oid(it, s, len);
	for (size_t i = 0; i < NITEMS(types); i++) {
		if (strlen(types[i].name) != len ||
		    strncasecmp(types[i].name, s, len) != 0)
			continue;
		memcpy(it->oid, types[i].oid, types[i].oid_len);
		it->oid_len = types[i].oid_len;
		return 0;
	}
	return -EINVAL;
}

static const char *
skip_space(const char *s)
{
	while (*s == ' ')
		s++;
	return s;
}

/* Attribute type and '='. */
static int
take_type(struct dn_item *it, const char **s, const char **why)
{
	const char *start = skip_space(*s), *end = start;

	while (is_type_char(*end))
		end++;
	*s = skip_space(end);
	if (**s != '=') {
		*why = "expected TYPE=VALUE, such as CN=name";
		return -EINVAL;
	}
	if (type_oid(it, start, (size_t)(end - start))) {
		*why = "unknown attribute type (use CN, O, OU, C, ... or an "
		       "object identifier)";
		return -EINVAL;
	}
	*s = skip_space(*s + 1);
	return 0;
}

/* What a backslash stands for; moves *s behind it. */
static int
take_escape(const char **s, uint8_t *c)
{
	int hi = hex_value((*s)[1]), lo = hi < 0 ? -1 : hex_value((*s)[2]);

	if (hi >= 0 && lo >= 0) {
		*c = (uint8_t)(hi << 4 | lo);
		*s += 3;
		return *c == 0 ? -EINVAL : 0;
	}
	if ((*s)[1] == '\0' || strchr(",+=\\*\"<>;# ", (*s)[1]) == NULL)
		return -EINVAL;
	*c = (uint8_t)(*s)[1];
	*s += 2;
	return 0;
}

/* One octet of a value, with what makes it special taken care of. */
static int
take_octet(const char **s, bool pattern, uint8_t *c, const char **why)
{
	if (**s == '\\') {
		*why = "bad escape: a backslash stands before one of "
		       ",+=\\*\"<>;# or two hexadecimal digits";
		return take_escape(s, c);
	}
	*why = "'=' in a value (is a ',' missing?  else write \\=)";
	if (**s == '=')
		return -EINVAL;
	*why = "'*' is not allowed in a name, only in a pattern";
	if (**s == '*' && !pattern)
		return -EINVAL;
	*why = "control character in a value";
	if ((uint8_t) * *s < 0x20 || **s == 0x7f)
		return -EINVAL;
	*c = **s == '*' ? DN_WILD : (uint8_t) * *s;
	(*s)++;
	return 0;
}

static int
take_value(struct dn_parsed *p, struct dn_item *it, const char **s,
    bool pattern, const char **why)
{
	size_t keep = p->used; /* behind the last octet that is no blank */
	bool blank;

	it->off = p->used;
	if (**s == '#') {
		*why = "a value that starts with # must be written \\#";
		return -EINVAL;
	}
	while (**s != '\0' && **s != ',' && **s != '+') {
		blank = **s == ' ';
		*why = "too long";
		if (p->used == sizeof(p->buf))
			return -EINVAL;
		if (take_octet(s, pattern, &p->buf[p->used], why))
			return -EINVAL;
		p->used++;
		if (!blank)
			keep = p->used;
	}
	p->used = keep;
	it->len = keep - it->off;
	*why = "empty value";
	if (it->len == 0)
		return -EINVAL;
	*why = "value is not UTF-8";
	return dn_utf8_valid(p->buf + it->off, it->len) ? 0 : -EINVAL;
}

/* An RDN with the same type twice could match in several ways. */
static bool
type_is_new(const struct dn_parsed *p, const struct dn_item *it)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].rdn == it->rdn && p->v[i].oid_len == it->oid_len &&
		    memcmp(p->v[i].oid, it->oid, it->oid_len) == 0)
			return false;
	return true;
}

/* One RDN: TYPE=VALUE{+TYPE=VALUE}. */
static int
take_rdn(struct dn_parsed *p, const char **s, bool pattern, const char **why)
{
	struct dn_item it;

	for (;;) {
		it = (struct dn_item){ .rdn = (uint8_t)p->n_rdn };
		if (take_type(&it, s, why) ||
		    take_value(p, &it, s, pattern, why))
			return -EINVAL;
		*why = "the same attribute type twice in one RDN";
		if (!type_is_new(p, &it))
			return -EINVAL;
		*why = "too many parts";
		if (p->n == NITEMS(p->v))
			return -EINVAL;
		p->v[p->n++] = it;
		if (**s != '+')
			break;
		(*s)++;
	}
	p->n_rdn++;
	return 0;
}

static bool
is_lone_star(const char *s)
{
	s = skip_space(s);
	if (*s != '*')
		return false;
	s = skip_space(s + 1);
	return *s == ',' || *s == '\0';
}

int
dn_text_get(
    struct dn_parsed *p, const char *text, bool pattern, const char **why)
{
	const char *s = text;

	*p = (struct dn_parsed){ 0 };
	for (;;) {
		if (pattern && is_lone_star(s)) {
			*why = "a lone * more than once";
			if (p->open)
				return -EINVAL;
			p->open = true;
			s = skip_space(skip_space(s) + 1);
		} else if (take_rdn(p, &s, pattern, why)) {
			return -EINVAL;
		}
		if (*s == '\0')
			return 0;
		s++; /* the comma: nothing else ends an RDN */
	}
}

int
dn_parse(const char *text, uint8_t *der, size_t size, size_t *len)
{
	struct dn_parsed p;
	const char *why;

	if (dn_text_get(&p, text, false, &why))
		return -EINVAL;
	return dn_der_put(&p, der, size, len);
}

int
dn_pattern_check(const char *pattern, const char **why)
{
	struct dn_parsed p;
	const char *fault;

	if (dn_text_get(&p, pattern, true, &fault) == 0)
		return 0;
	*why = fault;
	return -EINVAL;
}

/* Iterative: the last wildcard is the only one worth going back to. */
static bool
glob(const uint8_t *pat, size_t pat_len, struct chunk s)
{
	size_t p = 0, i = 0, star = SIZE_MAX, from = 0;

	while (i < s.len) {
		if (p < pat_len && pat[p] == DN_WILD) {
			star = p++;
			from = i;
		} else if (p < pat_len && pat[p] == s.p[i]) {
			p++;
			i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (p < pat_len && pat[p] == DN_WILD)
		p++;
	return p == pat_len;
}

static bool
item_matches(
    const struct dn_parsed *p, const struct dn_item *it, const struct dn_ava *a)
{
	return it->oid_len == a->oid.len &&
	       memcmp(it->oid, a->oid.p, a->oid.len) == 0 && dn_comparable(a) &&
	       glob(p->buf + it->off, it->len, a->val);
}

/*
 * Does RDN i of the pattern fit RDN k of the name?  As many values, and each
 * of the pattern's found; its types differ, so no value serves twice.
 */
static bool
rdn_matches(
    const struct dn_parsed *p, size_t i, const struct dn_view *dn, size_t k)
{
	size_t want = 0, have = 0, hits = 0;

	for (size_t y = 0; y < dn->n; y++)
		have += dn->v[y].rdn == k;
	for (size_t x = 0; x < p->n; x++) {
		bool hit = false;

		if (p->v[x].rdn != i)
			continue;
		want++;
		for (size_t y = 0; y < dn->n && !hit; y++)
			hit = dn->v[y].rdn == k &&
			      item_matches(p, &p->v[x], &dn->v[y]);
		hits += hit;
	}
	return want == have && hits == want;
}

/*
 * Give RDN i of the pattern an RDN of the name, moving those placed earlier
 * when need be (augmenting path; each RDN of the name is tried once).
 */
static bool
place(const struct dn_parsed *p, size_t i, const struct dn_view *dn,
    int owner[DN_AVAS_MAX], bool tried[DN_AVAS_MAX])
{
	for (size_t k = 0; k < dn->n_rdn; k++) {
		if (tried[k] || !rdn_matches(p, i, dn, k))
			continue;
		tried[k] = true;
		if (owner[k] < 0 ||
		    place(p, (size_t)owner[k], dn, owner, tried)) {
			owner[k] = (int)i;
			return true;
		}
	}
	return false;
}

bool
dn_match(const char *pattern, struct chunk der)
{
	int owner[DN_AVAS_MAX];
	struct dn_parsed p;
	struct dn_view dn;
	const char *why;

	if (dn_text_get(&p, pattern, true, &why) || dn_view_get(&dn, der))
		return false;
	if (p.n_rdn > dn.n_rdn || (!p.open && p.n_rdn != dn.n_rdn))
		return false;
	for (size_t k = 0; k < NITEMS(owner); k++)
		owner[k] = -1;
	for (size_t i = 0; i < p.n_rdn; i++) {
		bool tried[DN_AVAS_MAX] = { false };

		if (!place(&p, i, &dn, owner, tried))
			return false;
	}
	return true;
}
