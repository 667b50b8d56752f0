/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_SEAL_H
#define KEYMGRD_SEAL_H

/*
 * The sealed state of a key manager: an append-only file of records, each
 * AES-256-GCM under the key of the instance that wrote it.
 *
 *   u32 magic | u16 sealed length | u16 instance | u64 counter | sealed, tag
 *
 * Additional data: the 16 octets in front; nonce: instance | u16 0 | counter.
 * The first sealed octet is the kind.  An instance's state is what stands
 * between SEAL_BEGIN and SEAL_COMPLETE (a snapshot) and all that follows; an
 * instance without a complete snapshot left nothing, and its predecessor's
 * state counts.  Counters are consecutive.  A write that was cut short costs
 * the last record of an instance; anything else that is missing was taken out
 * by somebody, and then there is no state at all: it would be an older one.
 */

#include "common/crypto.h"
#include "common/secret.h"

#define SEAL_HDR_LEN 16
#define SEAL_REC_MAX 8192 /* octets of one record, in the clear */
#define SEAL_KEYS_MAX 8

enum seal_kind { SEAL_RECORD = 0, SEAL_BEGIN = 1, SEAL_COMPLETE = 2 };

struct seal_keys { /* read keys: instance first, first + 1, ... */
	uint16_t first;
	size_t n;
	uint8_t key[SEAL_KEYS_MAX][GCM_KEY_LEN];
};

typedef int seal_cb(void *arg, struct chunk record);

/*
 * Find the newest complete state in the octets of a file and hand its records
 * to cb, oldest first.  Zero octets (punched holes), torn records and records
 * under other keys are passed over.  Returns the number of records; -ENOENT
 * when there is no state; -EBADMSG when somebody tampered with it; cb's error.
 */
int seal_scan(struct chunk file, const struct seal_keys *keys, seal_cb *cb,
    void *arg) MUST_CHECK;

/*
 * Has this instance written before?  Then its number came a second time, and
 * with it every nonce: nothing may be sealed under it.
 */
bool seal_used(
    struct chunk file, uint16_t instance, const uint8_t key[GCM_KEY_LEN]);

struct seal {
	int fd;
	uint16_t instance;
	struct secret *key;
	uint64_t counter;
	int64_t snapshot_at;   /* file offset where the newest one begins */
	uint64_t snapshot_len; /* its octets */
	uint64_t since;	       /* octets appended after it */
};

/* Writer of this instance; wipe with seal_fini().  -ENOMEM. */
int seal_init(struct seal *s, int fd, uint16_t instance,
    const uint8_t key[GCM_KEY_LEN]) MUST_CHECK;
void seal_fini(struct seal *s);
/* Append one record; 0 or -Exxx, and then the state cannot be trusted. */
int seal_put(struct seal *s, enum seal_kind kind, struct chunk rec) MUST_CHECK;
/* Is so much appended that a new snapshot pays? */
bool seal_full(const struct seal *s);
/*
 * Give back what stands before the snapshot that was completed last.  An error
 * (no tmpfs) is harmless: there is more to read at the next start.
 */
int seal_punch(struct seal *s) MUST_CHECK;
/* The file's data without its leading hole; free() the result.  -EFBIG. */
int seal_read(int fd, uint8_t **out, size_t *len) MUST_CHECK;

#endif
