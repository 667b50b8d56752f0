/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_RECORD_H
#define KEYMGRD_CORE_RECORD_H

/*
 * State records: what a key manager's successor is to know.  Each record is
 * whole in itself, and the newest of its kind counts, so that a log may be
 * cut anywhere before it.  First two octets: version, kind.
 */

#include "common/wire.h"
#include "keymgrd/core/core.h"

#define RECORD_VERSION 1
#define RECORD_MAX 8192

enum record_kind { REC_SENDER = 1, REC_RECEIVER = 2, REC_COUNTS = 3 };

int record_put_keys(struct wbuf *wb, enum role role, const struct keys *k)
    MUST_CHECK;
int record_put_counts(struct wbuf *wb, const uint64_t *v, size_t n) MUST_CHECK;

/*
 * Take one record into keys (of that role) or counts, as a whole or not at
 * all.  -EBADMSG: not a record of ours, of this version and role.  The SAs of
 * a record are in state KSA_NONE: whether they are in the kernel is to be
 * asked.
 */
int record_get(struct chunk rec, enum role role, struct keys *k,
    uint64_t *counts, size_t n) MUST_CHECK;

#endif
