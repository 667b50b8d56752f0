/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_SERVE_H
#define POLICYD_SERVE_H

/* The edges of policyd and its loop; all fatal() on error. */

#include "common/proc.h"
#include "policyd/core/answer.h"

struct serve;

/* Bind and connect all edges.  host must outlive the result. */
struct serve *serve_new(const struct opts *o, struct pol_host *host);
/* Answer whoever asks, for ever. */
void serve_run(struct serve *s) NORETURN;

/* pol_host.now: the wall clock, which certificates go by. */
int64_t serve_now(void);
/* pol_host.note: what was decided, to the log. */
void serve_note(const struct pol_note *n);

#endif
