/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_SCENE_INT_H
#define MIKESIM_CORE_SCENE_INT_H

/* What the parts of scene_load() and scene_text() share. */

#include "mikesim/core/scene_value.h"
#include "policyd/core/conf.h"

#define SCENE_SITE_RECEIVERS 65000
#define SCENE_SERVERS 16
#define SCENE_PATTERN 63
#define SCENE_DURATION_MAX (365 * 86400 * NS_PER_S)

struct scene_check {
	const struct conf *conf;
	struct scene *s;
	struct diag *d;
	bool no_memory;
};

/* -- options of one value, read and written from one table ---------------- */

enum field_kind {
	FK_COUNT,
	FK_TIME,    /* to nanoseconds */
	FK_SECONDS, /* whole ones */
	FK_OCTETS,
	FK_BITRATE, /* 0: without limit */
	FK_CHANCE,
	FK_REAL, /* limits in millionths */
	FK_WORD, /* min + index into words */
};

struct field {
	const char *opt;
	enum field_kind kind;
	size_t at, size; /* in the structure */
	uint64_t min, max, def;
	const char *const *words; /* NULL behind the last */
};
#define AT(type, member) offsetof(type, member), sizeof(((type *)0)->member)

/*
 * Fill obj from a section (NULL: defaults).  False: what is wrong was said,
 * and to ask how the options go together would only say more about it.
 */
bool fields_load(struct scene_check *c, const struct conf_sec *s,
    const struct field *f, size_t n, void *obj);
uint64_t field_get(const struct field *f, const void *obj);
/* As the text has it: out, or one of the words. */
const char *field_write(
    const struct field *f, const void *obj, char out[SV_TEXT]);

/* The option's only value; NULL: not set, or reported as empty. */
const char *check_value(
    struct scene_check *c, const struct conf_sec *s, const char *opt);
/* An option that must be there. */
bool check_set(
    struct scene_check *c, const struct conf_sec *s, const char *opt);

/* -- sections -------------------------------------------------------------- */

extern const struct field scene_fields[], scene_group_fields[],
    scene_link_fields[], scene_recv_fields[], scene_senders_fields[],
    scene_chaos_fields[];
extern const size_t scene_n_fields, scene_n_group_fields, scene_n_link_fields,
    scene_n_recv_fields, scene_n_senders_fields, scene_n_chaos_fields;
extern const char *const scene_needs[]; /* by bit; NULL at the end */

struct cfg_opt_t *scene_options(void); /* for conf_parse() */
void check_run(struct scene_check *c);
void check_links(struct scene_check *c);
void check_hosts(struct scene_check *c);    /* after the links */
void check_timeline(struct scene_check *c); /* after the hosts */
void check_chaos(struct scene_check *c);

/* When the quiet end begins, or the end itself. */
t_ns scene_last(const struct scene *s);
/* The burst chances of a share of lost frames and a mean length. */
bool burst_of(double share, double length, struct link_class *l);

/* -- events ---------------------------------------------------------------- */

/* NULL: understood; else what is wrong, and *usage how it is written. */
const char *event_parse(
    struct scene_event *e, const char *text, const char **usage);
/* By time; among equals the order stays.  0, -ENOMEM. */
int events_sort(struct scene_event *ev, size_t n) MUST_CHECK;

/* -- names ----------------------------------------------------------------- */

enum { HIT_SENDER = 1, HIT_RECEIVER = 2 };
/* Of which kinds are the hosts that the pattern matches; 0: there are none. */
unsigned int scene_hits(const struct scene *s, const char *hosts);

#endif
