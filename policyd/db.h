/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_DB_H
#define POLICYD_DB_H

/*
 * The policy database: which slot a group has, whether this host is a member,
 * and the instance numbers of the slots.  It must survive everything: a
 * damaged one is reported and never made anew.
 *
 * After db_open() no file is opened any more (seccomp would kill us).
 */

#include "common/sandbox.h"
#include "policyd/core/answer.h"

#define DB_ERR_MAX 1536

struct db;

/* Once, before Landlock: SQLite reads /dev/urandom for its own use. */
int db_setup(void) MUST_CHECK;

/* NULL: err says what is wrong and what to do. */
struct db *db_open(const char *dir, char err[DB_ERR_MAX]);
void db_close(struct db **db);

/*
 * Slot and membership of every group of the policy.  A group that is new gets
 * the lowest free slot and is joined.
 */
int db_slots(struct db *db, const struct policy *p, struct pol_slots *out,
    char err[DB_ERR_MAX]) MUST_CHECK;

/*
 * A new boot secret was made: whatever was sealed or numbered before is gone.
 * Slots that have used up most of their instance numbers start again.
 */
int db_new_boot(struct db *db) MUST_CHECK;

/* All that SQLite asks of the kernel once the database is open. */
extern const struct sandbox_call DB_CALLS[];
extern const size_t DB_CALLS_LEN;

/* The functions of struct pol_store. */
struct pol_store db_store(struct db *db);

#endif
