/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "policyd/core/check.h"
#include "policyd/core/value.h"

bool
check_needed(struct check *c, const struct conf_sec *s, const char *opt)
{
	if (conf_is_set(s, opt))
		return true;
	diag_add(c->d, s->where->line, "%s%s%s has no %s", s->where->kind,
	    s->where->titled ? " " : "", s->where->title, opt);
	return false;
}

const char *
check_one(
    struct check *c, const struct conf_sec *s, const char *opt, bool needed)
{
	const char *v = conf_value(s, opt, 0);

	if (v == NULL && needed)
		(void)check_needed(c, s, opt);
	if (v != NULL && *v == '\0') {
		diag_add(c->d, conf_line(s, opt, 0),
		    "%s is empty: give a value or leave it out", opt);
		return NULL;
	}
	return v;
}

bool
check_u32(struct check *c, const struct conf_sec *s, const char *opt,
    uint32_t min, uint32_t max, uint32_t *out)
{
	const char *v = check_one(c, s, opt, false);
	uint32_t n;

	if (v == NULL)
		return !conf_is_set(s, opt);
	if (value_u32(v, &n) || n < min || n > max) {
		diag_add(c->d, conf_line(s, opt, 0),
		    "%s = \"%s\": must be a number from %u to %u", opt, v, min,
		    max);
		return false;
	}
	*out = n;
	return true;
}

/*
 * Words with a meaning.  What a later version will bring is known by name, so
 * that its text is refused with the way out and not as a misspelling.
 */
static const struct choice {
	const char *kind, *opt, *value;
	const char *instead; /* NULL: this version has it */
} choices[] = {
	{ "host", "emcon", "transmit", NULL },
	{ "host", "emcon", "receive-only", "transmit" },
	{ "host", "emcon", "silent", "transmit" },
	{ "host", "crl-required", "false", NULL },
	{ "host", "crl-required", "true", NULL },
	{ "peer", "exchange", "gsa-auth", NULL },
	{ "peer", "exchange", "ike-auth", NULL },
	{ "group", "suite", "default", NULL },
	{ "group", "suite", "cnsa", NULL },
	{ "group", "profile", "per-sender", NULL },
	{ "group", "profile", "derived", "per-sender" },
	{ "group", "join", "next-step", NULL },
	{ "group", "join", "now", NULL },
	{ "group", "exclusion", "subset-difference", NULL },
	{ "group", "exclusion", "complete-subtree", NULL },
	{ "group", "exclusion", "lkh", NULL },
	{ "group", "source-auth", "none", NULL },
};

static bool
is_about(const struct choice *k, const struct conf_sec *s, const char *opt)
{
	return strcmp(k->kind, s->where->kind) == 0 && strcmp(k->opt, opt) == 0;
}

static void
unknown_choice(struct check *c, const struct conf_sec *s, const char *opt,
    const char *value)
{
	char known[128] = "";

	for (size_t i = 0; i < NITEMS(choices); i++) {
		if (!is_about(&choices[i], s, opt) || choices[i].instead)
			continue;
		if (*known != '\0')
			strlcat(known, " or ", sizeof(known));
		strlcat(known, choices[i].value, sizeof(known));
	}
	diag_add(c->d, conf_line(s, opt, 0), "%s = \"%s\" is unknown: use %s",
	    opt, value, known);
}

static void
check_choice(struct check *c, const struct conf_sec *s, const char *opt)
{
	const char *v = check_one(c, s, opt, false);

	if (v == NULL)
		return;
	for (size_t i = 0; i < NITEMS(choices); i++) {
		if (!is_about(&choices[i], s, opt) ||
		    strcmp(choices[i].value, v) != 0)
			continue;
		if (choices[i].instead != NULL)
			diag_add(c->d, conf_line(s, opt, 0),
			    "%s = %s is not in this version: use %s = %s", opt,
			    v, opt, choices[i].instead);
		return;
	}
	unknown_choice(c, s, opt, v);
}

void
check_choices(struct check *c, const struct conf_sec *s)
{
	const char *last = "";

	for (size_t i = 0; i < NITEMS(choices); i++) {
		if (strcmp(choices[i].kind, s->where->kind) != 0 ||
		    strcmp(choices[i].opt, last) == 0)
			continue;
		last = choices[i].opt;
		check_choice(c, s, last);
	}
}

/* An identity, which every host and peer has; len 0 when it is bad. */
bool
check_name(struct check *c, const struct conf_sec *s, const char *opt,
    struct pol_name *out)
{
	const char *why = "'*' is not allowed in a name, only in a pattern";
	const char *text = check_one(c, s, opt, true);
	int r;

	if (text == NULL)
		return false;
	r = dn_parse(text, out->der, sizeof(out->der), &out->len);
	if (r == 0)
		return true;
	out->len = 0;
	if (r == -ENOBUFS)
		why = "longer than 512 octets in DER";
	else if (dn_pattern_check(text, &why) == 0 && strchr(text, '*') == NULL)
		why = "C and serialNumber take letters, digits and '()+,-./:=? "
		      "only, DC and emailAddress ASCII only";
	diag_add(c->d, conf_line(s, opt, 0), "%s = \"%s\": %s", opt, text, why);
	return false;
}

/* NULL when a host can be reached at it from other hosts. */
static const char *
not_a_host(const struct addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const struct addr none;

	if (addr_is_multicast(a))
		return "is a multicast address, not a host's";
	if (memcmp(a->b, none.b, a->len) == 0)
		return "is no host's address: name one of this host's own";
	if (a->len == 4 && memcmp(a->b, "\xff\xff\xff\xff", 4) == 0)
		return "is the broadcast address, not a host's";
	if (a->len == 16 && memcmp(a->b, mapped, sizeof(mapped)) == 0)
		return "is an IPv4 address in IPv6 form: write it as a.b.c.d";
	if (a->len == 16 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80)
		return "is link-local and means nothing without an interface: "
		       "use a global or unique local address";
	return NULL;
}

/* Is the address fit for the option?  NULL: yes. */
static const char *
address_fault(const char *text, bool multicast, struct addr *a)
{
	if (addr_parse(a, text))
		return "is not an IPv4 or IPv6 address";
	if (!multicast)
		return not_a_host(a);
	if (!addr_is_multicast(a))
		return "is not a multicast address (224.0.0.0/4, ff00::/8)";
	return NULL;
}

static bool
is_among(const struct addr *a, const struct addr *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (addr_eq(a, &v[i]))
			return true;
	return false;
}

size_t
check_addrs(struct check *c, const struct conf_sec *s, const char *opt,
    bool multicast, struct addr *out, size_t max)
{
	size_t n = 0, total = conf_size(s, opt);

	if (total > max) {
		diag_add(c->d, conf_line(s, opt, max),
		    "%s: more than %zu addresses", opt, max);
		total = max;
	}
	for (size_t i = 0; i < total; i++) {
		const char *text = conf_value(s, opt, i), *why;
		struct addr a;

		why = address_fault(text, multicast, &a);
		if (why == NULL && is_among(&a, out, n))
			why = "is there twice";
		if (why != NULL)
			diag_add(c->d, conf_line(s, opt, i), "%s \"%s\" %s",
			    opt, text, why);
		else
			out[n++] = a;
	}
	return n;
}

const struct addr *
policy_local(const struct policy *p, const struct addr *a)
{
	for (size_t i = 0; i < p->n_listen; i++)
		if (p->listen[i].len == a->len)
			return &p->listen[i];
	return NULL;
}

bool
policy_matches(const struct pol_patterns *p, struct chunk der)
{
	for (size_t i = 0; i < p->n; i++)
		if (dn_match(p->v[i], der))
			return true;
	return false;
}

static int
understand(struct policy *p, const struct conf *conf, struct diag *d)
{
	struct check c = { .conf = conf, .pol = p, .d = d };

	check_host(&c);
	check_peers(&c);
	check_groups(&c);
	check_default_group(&c);
	if (c.no_memory)
		return -ENOMEM;
	return d->n == 0 ? 0 : -EINVAL;
}

int
policy_load(struct policy **out, const void *text, size_t len, struct diag *d)
{
	struct text *t = NULL;
	struct conf *conf = NULL;
	struct policy *p = NULL;
	int r;

	if ((r = text_read(&t, text, len, d)) ||
	    (r = conf_parse(&conf, t, policy_options(), d)))
		goto out;
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		r = -ENOMEM;
		goto out;
	}
	r = understand(p, conf, d);
	if (r == 0) {
		*out = p;
		p = NULL;
	}
out:
	policy_free(&p);
	conf_free(&conf);
	text_free(&t);
	return r;
}

static void
patterns_free(struct pol_patterns *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i]);
	free(p->v);
}

void
policy_free(struct policy **p)
{
	if (*p == NULL)
		return;
	for (size_t i = 0; i < (*p)->n_group; i++) {
		patterns_free(&(*p)->group[i].senders);
		patterns_free(&(*p)->group[i].receivers);
	}
	free((*p)->group);
	free((*p)->peer);
	free(*p);
	*p = NULL;
}
