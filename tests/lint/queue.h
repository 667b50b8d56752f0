/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LINT_QUEUE_H
#define TESTS_LINT_QUEUE_H

/* What cppcheck must know of <bsd/sys/queue.h>; it reads no system header. */

#define STAILQ_HEAD(name, type)                                                \
	struct name {                                                          \
		struct type *first, **last;                                    \
	}
#define STAILQ_ENTRY(type)                                                     \
	struct {                                                               \
		struct type *next;                                             \
	}
#define TAILQ_HEAD(name, type) STAILQ_HEAD(name, type)
#define TAILQ_ENTRY(type) STAILQ_ENTRY(type)
#define LIST_HEAD(name, type) STAILQ_HEAD(name, type)
#define LIST_ENTRY(type) STAILQ_ENTRY(type)

#endif
