/* SPDX-License-Identifier: ISC */
#ifndef SPAWN_CORE_SUP_H
#define SPAWN_CORE_SUP_H

/*
 * What mike-spawn decides, without doing it: which child is to run, with
 * which arguments, and when it may be started again.
 */

#include <sys/types.h>

#include "common/util.h"

#define SUP_BACKOFF_MIN_MS 100
#define SUP_BACKOFF_MAX_MS 5000
#define SUP_STABLE_MS 10000 /* a life this long forgives earlier deaths */

enum sup_id { SUP_POLICYD, SUP_DISPATCHERD, SUP_GROUPD, SUP_SLOT0 };
#define SUP_CHILDREN (SUP_SLOT0 + MIKE_SLOTS)

struct sup_child {
	bool wanted;
	bool erase; /* stopped for good: its sealed state is to go */
	pid_t pid;  /* 0: not running */
	uint64_t started_ms, due_ms;
	uint32_t delay_ms; /* before the next start */
};

struct sup {
	struct sup_child c[SUP_CHILDREN];
};

struct sup_conf {
	const char *conf, *run, *state, *ports, *libexec;
	bool debug, strict;
};

#define SUP_ARGV_MAX 16
struct sup_cmd {
	char path[256];
	char slot[3];
	const char *argv[SUP_ARGV_MAX];
};

void sup_init(struct sup *s, bool daemons); /* false: key managers only */
const char *sup_name(unsigned int id);
/* -ENAMETOOLONG when the path of the program does not fit. */
int sup_command(const struct sup_conf *conf, unsigned int id,
    struct sup_cmd *out) MUST_CHECK;

/* The child that is to be started now; -ENOENT: none. */
int sup_due(const struct sup *s, uint64_t now_ms, unsigned int *id) MUST_CHECK;
/* Milliseconds until a child is due; -1: not before something happens. */
int sup_wait_ms(const struct sup *s, uint64_t now_ms);
void sup_started(struct sup *s, unsigned int id, pid_t pid, uint64_t now_ms);
/* A start failed, or the child died: it becomes due after the back-off. */
void sup_died(struct sup *s, unsigned int id, uint64_t now_ms);
int sup_find(const struct sup *s, pid_t pid, unsigned int *id) MUST_CHECK;

/*
 * A message from groupd, {op, slot}: 'S' start, 'K' stop and forget.  On
 * success *id is the key manager; the caller ends it when it is not wanted any
 * more, and empties its state file when it is dead and sup_erase() says so.
 * -EBADMSG: not a message.
 */
int sup_message(struct sup *s, const uint8_t *msg, size_t len, unsigned int *id)
    MUST_CHECK;
/* True once after each stop, when the key manager is not running. */
bool sup_erase(struct sup *s, unsigned int id);

#endif
