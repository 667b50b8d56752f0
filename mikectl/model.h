/* SPDX-License-Identifier: ISC */
#ifndef MIKECTL_MODEL_H
#define MIKECTL_MODEL_H

/*
 * What groupd's answer to STATUS_GET says, collected: one struct that the
 * table, the JSON output and the exit status are made from.  groupd's octets
 * are not trusted: everything is bounded and made printable here.
 */

#include <stdio.h>

#include "common/addr.h"
#include "ipc/msg.h"

#define MODEL_DAEMONS 8
#define MODEL_GROUPS MIKE_SLOTS
#define MODEL_SAS 4096
#define MODEL_COUNTS 8192 /* 64 for each slot, and the host's */
#define MODEL_REFUSED 1024
#define SLOT_HOST 255 /* a counter of the whole host */

struct model_daemon {
	char name[17];
	bool up;
};

struct model_group {
	uint8_t slot, role, state;
	uint32_t generation, step, restarts;
	uint64_t key_age_s, key_left_s;
	char name[65], gcks[65], detail[257];
};

struct model_sa {
	uint8_t slot, dir;
	uint32_t spi, replay_drops, integrity_drops;
	struct addr src, dst;
	uint64_t packets, octets, age_s;
};

struct model_count {
	uint8_t slot;
	char name[49];
	uint64_t value;
};

/* A peer that was refused lately. */
struct model_refused {
	uint8_t slot;
	char identity[129], cause[49];
	struct addr peer;
	uint32_t times;
	uint64_t age_s;
};

struct model {
	char identity[513];
	struct model_daemon daemon[MODEL_DAEMONS];
	size_t n_daemon;
	struct model_group group[MODEL_GROUPS];
	size_t n_group;
	struct model_sa *sa; /* grows */
	size_t n_sa;
	struct model_count *count; /* grows */
	size_t n_count;
	struct model_refused *refused; /* grows */
	size_t n_refused;
	bool complete; /* STATUS_END was seen */
};

void model_init(struct model *m);
void model_fini(struct model *m);
/* -EPROTO: not an answer to STATUS_GET; -E2BIG: more than any host has. */
int model_add(struct model *m, const struct msg *msg) MUST_CHECK;

/* At most size - 1 octets of from, what is not printable ASCII as '?'. */
void text_set(char *to, size_t size, struct chunk from);

/* Words that people and programs see; "?" when out of range. */
const char *role_word(uint8_t role);
const char *state_word(uint8_t state);
const char *dir_word(uint8_t dir);
const char *status_word(uint8_t status);

/* Every joined group has its keys (a degraded one has not). */
bool model_all_keyed(const struct model *m);
/* The groups are known, and the kernel has the policies of every joined one. */
bool model_closed(const struct model *m);
/* All daemons up, no joined group degraded, down or without keys. */
bool model_healthy(const struct model *m);

void table_print(const struct model *m, FILE *to);
int json_print(const struct model *m, FILE *to) MUST_CHECK;

#endif
