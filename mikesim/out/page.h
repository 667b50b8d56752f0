/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_OUT_PAGE_H
#define MIKESIM_OUT_PAGE_H

/*
 * The pictures of a run: one page that explains itself in any browser and
 * needs no network, and a chart of the first exchanges for documents.
 *
 * Of many hosts some are drawn, the same for the same scenario; what the
 * others do is counted.  Memory is bounded: see page_memory().
 */

#include "mikesim/core/sim.h"

struct page;

/* Payloads of a datagram, as text for people; returns what snprintf does. */
typedef size_t page_payloads(
    void *arg, const struct obs *send, char *out, size_t size);

struct page_opts {
	const char *html, *svg;	 /* files to write; NULL: not that one */
	page_payloads *payloads; /* NULL: nobody knows them */
	void *arg;
	/* Bounds for tests; 0: as the page says. */
	uint32_t hosts_max; /* receivers drawn, of all sites */
	uint32_t msgs_max;
};

/* The strings are kept, not copied.  0; -ENOMEM. */
int page_new(struct page **out, const struct page_opts *o) MUST_CHECK;
void page_free(struct page **p);
/* The page's own; valid until page_free.  The files are opened by begin(). */
struct obs_sink page_sink(struct page *p);
/* After a call of the sink failed: what, where and what to do. */
const char *page_error(const struct page *p);
/* Octets allocated now. */
size_t page_memory(const struct page *p);

#endif
