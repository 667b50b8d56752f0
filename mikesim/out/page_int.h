/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_OUT_PAGE_INT_H
#define MIKESIM_OUT_PAGE_INT_H

/* What the parts of the pictures share; only page*.c and svg.c include it. */

#include <stdio.h>

#include "mikesim/out/page.h"

#define PAGE_BINS 600	    /* of the run, for counts */
#define PAGE_RECEIVERS 1000 /* drawn, of all sites */
#define PAGE_PER_SITE 60    /* of each, if there are more in all: a lane each */
#define PAGE_MSGS 20000	    /* drawn */
#define PAGE_APP_PART 4	    /* a part of them at most is of applications */
#define PAGE_FATES 60000    /* copies drawn one by one */
#define PAGE_TEXT 2000	    /* octets of a datagram's payloads */
#define PAGE_TEXTS (8 << 20) /* of all */
#define PAGE_EVENTS 5000
#define PAGE_EVENT_TEXT 200
#define PAGE_STATES 1024 /* different ones */
#define PAGE_MEDIA 400

enum page_kind {
	PK_INIT,
	PK_AUTH,
	PK_REG,
	PK_INFO,
	PK_REKEY,
	PK_OTHER,
	PK_DATA,
	PAGE_KINDS
};
const char *page_kind_name(enum page_kind k);

struct page_msg {
	uint64_t id, seq; /* seq: which candidate it was, from 0 */
	t_ns t;
	uint32_t from, to, octets, mid;
	uint32_t fates; /* index of the last copy drawn, plus 1; 0: none */
	uint32_t n_fate[FATES];
	struct endpoint src, dst;
	uint8_t spi_i[8], spi_r[8];
	uint8_t kind, exchange;
	bool ike, response;
	char *text; /* of its payloads; NULL: not known */
};

struct page_fate {
	t_ns t;
	uint32_t host, next; /* as page_msg.fates */
	enum fate fate;
};

/*
 * Messages of drawn hosts, so many at most.  When they become too many, the
 * messages of every second drawn receiver are forgotten, and again; when one
 * receiver of each site is left, every second message.
 */
struct page_msgs {
	struct page_msg *m;
	size_t n, max, room;
	struct page_fate *fate;
	size_t n_fate, fate_max, fate_room;
	size_t group_fates; /* of messages to groups: half of them at most */
	uint32_t *slot;	    /* hash of ids: index plus 1 */
	size_t slots;	    /* a power of 2 */
	uint32_t stride;    /* of drawn receivers */
	uint64_t every;	    /* of messages */
	uint64_t app_every;
	uint64_t seq, app_seq; /* candidates so far */
	size_t app, app_max;
	size_t text; /* octets */
	uint64_t fates_left_out, texts_left_out;
};

struct page_change {
	uint64_t t_us : 48, state : 16;
	uint32_t host;
};

struct page_state {
	enum obs_phase phase;
	enum emcon emcon;
	uint32_t generation, step;
};

struct page_event {
	t_ns t, span;
	const char *what;
	char *text;
};

struct page_bin {
	uint32_t sent[PAGE_KINDS], delivered, lost;
};

struct page {
	struct page_opts o;
	const struct scene *scene;
	FILE *html, *svg;
	char why[400];

	uint32_t hosts, senders, receivers; /* receivers: of each site */
	uint32_t drawn;			    /* of the receivers of each site */

	struct page_msgs msgs;
	struct page_bin bin[PAGE_BINS];

	uint16_t *now; /* state of each host */
	struct page_state state[PAGE_STATES];
	size_t n_state;
	struct page_change *change; /* by time */
	size_t n_change, change_room, change_max;
	uint64_t changes_left_out;
	t_ns changes_until; /* the first that was left out */

	struct page_event *event;
	size_t n_event, event_room;
	uint64_t events_left_out;
};

/* Is the host drawn?  *nth: which of the drawn receivers of its site. */
bool page_draws(const struct page *p, uint32_t host, uint32_t *nth);
/* The nth drawn receiver of a site. */
uint32_t page_drawn(const struct page *p, uint32_t site, uint32_t nth);

int page_msgs_init(struct page_msgs *s, uint32_t max);
void page_msgs_fini(struct page_msgs *s);
size_t page_msgs_memory(const struct page_msgs *s);
/* OBS_SEND and OBS_FATE; *m was classified.  -ENOMEM. */
int page_msgs_send(struct page *p, const struct obs *o, struct page_msg *m);
int page_msgs_fate(struct page *p, const struct obs *o);
/* What a datagram is. */
void page_classify(struct page_msg *m, const struct obs *o);

/* A grown array of items of that size: *room is what fits; -ENOMEM. */
int page_grow(void **array, size_t *room, size_t want, size_t size) MUST_CHECK;

void page_write_json(const struct page *p, FILE *f, const struct sim *sim);
int page_write_html(const struct page *p, FILE *f, const struct sim *sim);
int page_write_svg(const struct page *p, FILE *f);

/* Files that are part of the program (mikesim/page/). */
enum page_part { PART_HTML, PART_CSS, PART_JS, PAGE_PARTS };
struct chunk page_file(enum page_part part);

#endif
