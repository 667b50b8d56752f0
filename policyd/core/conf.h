/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_CONF_H
#define POLICYD_CORE_CONF_H

/*
 * A text through libconfuse: which sections and options exist, and their
 * values as strings.  What they mean is checked elsewhere.
 */

#include "policyd/core/text.h"

struct conf;

/*
 * known: libconfuse's table of the sections, all options of which are strings
 * without default.  -EINVAL: d says what and where; -ENOMEM.  t and known must
 * outlive the result.
 */
struct cfg_opt_t;
int conf_parse(struct conf **out, const struct text *t, struct cfg_opt_t *known,
    struct diag *d) MUST_CHECK;
/* The sections of the policy text. */
struct cfg_opt_t *policy_options(void);
void conf_free(struct conf **c);

struct conf_sec {
	const struct text *text;
	const struct text_sec *where; /* kind, title, line */
	void *cfg;
};

/* Section i of a kind, such as "group"; false: there is none. */
bool conf_section(
    const struct conf *c, const char *kind, size_t i, struct conf_sec *out);

/* Number of values of an option; 0 when it is not set. */
size_t conf_size(const struct conf_sec *s, const char *opt);
/* Value i, borrowed; NULL when there is none. */
const char *conf_value(const struct conf_sec *s, const char *opt, size_t i);
/* Where value i stands; the option, or the section, when there is none. */
unsigned int conf_line(const struct conf_sec *s, const char *opt, size_t i);
bool conf_is_set(const struct conf_sec *s, const char *opt);

#endif
