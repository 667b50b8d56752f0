/* SPDX-License-Identifier: ISC */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

/* The event loop as every daemon wants it: one thread, no environment. */

struct event_base;

struct event_base *loop_new(void); /* fatal() on failure */
void loop_run(struct event_base *base) __attribute__((__noreturn__));

#endif
