/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_KSA_H
#define KEYMGRD_CORE_KSA_H

/*
 * The SAs that this key manager has, wants or wants gone in the kernel, and
 * what dispatcherd said of each.  The table is as large as it must be: a
 * receiver of one sender has one or two.  It is copied before an event and put
 * back when the event fails.
 */

#include "keymgrd/core/fx.h"

#define KSA_MAX 64 /* 16 addresses, two steps offered, two going */
#define KSA_KEY_LEN 36
#define KSA_REPLAY 128
#define KSA_RETRY_MS 1000
#define KSA_RETRY_MAX_MS 60000
#define KSA_NEVER UINT64_MAX

enum ksa_state {
	KSA_NONE,   /* planned only: an outbound SA whose time will come */
	KSA_ASKED,  /* dispatcherd works on it */
	KSA_UP,	    /* in the kernel */
	KSA_RETRY,  /* refused; asked again at retry_ms */
	KSA_NO_ESP, /* the same, for want of ESP in the kernel */
	KSA_GOING,  /* being deleted */
	KSA_GONE,   /* entry is free after this event */
};

struct ksa {
	uint32_t spi;
	uint32_t step; /* of the sender's chain */
	uint8_t cls;
	enum sa_dir dir;
	enum sa_mode mode; /* of the last or next request */
	enum ksa_state state;
	bool up;     /* dispatcherd's last word was ST_OK */
	bool no_esp; /* it was ST_NO_ESP */
	struct addr src, dst;
	uint8_t key[KSA_KEY_LEN];
	uint64_t born_ms, soft_ms, end_ms;
	uint64_t drop_ms; /* delete then */
	uint64_t retry_ms;
	uint32_t tries;
	uint32_t req; /* of the request under way */
};

struct ksas {
	struct ksa *v;
	size_t n, cap;
	uint32_t *next_req; /* numbers of requests, shared */
	char **why; /* dispatcherd's last refusal (core/why.h); shared */
};

/* Wipes; what is shared stays. */
void ksas_fini(struct ksas *t);
/* to has no table yet.  -ENOMEM: and it still has none. */
int ksas_copy(const struct ksas *from, struct ksas *to) MUST_CHECK;

/*
 * A zeroed entry.  In a full table one that is on its way out gives way, and
 * ends in the kernel by its lifetime; NULL when there is none, or no memory.
 * Pointers into the table are void.
 */
struct ksa *ksa_add(struct ksas *t);
struct ksa *ksa_find(struct ksas *t, uint32_t spi, const struct addr *dst);
struct ksa *ksa_by_req(struct ksas *t, uint32_t req);
/* Forget entries in state KSA_GONE; pointers into the table are void. */
void ksa_sweep(struct ksas *t);

/* Ask dispatcherd: state becomes KSA_ASKED or KSA_GOING. */
int ksa_ask(struct ksas *t, struct ksa *k, enum sa_mode mode, uint64_t now_ms,
    struct fx *fx) MUST_CHECK;
int ksa_delete(struct ksas *t, struct ksa *k, struct fx *fx) MUST_CHECK;

/* Take an answer into the entry: KSA_UP, KSA_RETRY, KSA_NO_ESP, KSA_GONE. */
void ksa_answer(struct ksas *t, struct ksa *k, enum ipc_status status,
    struct chunk text, uint64_t now_ms);

/* What time does by itself: retries, deletions, ends.  Then ksa_sweep(). */
int ksa_timer(struct ksas *t, uint64_t now_ms, struct fx *fx) MUST_CHECK;
uint64_t ksa_due(const struct ksas *t);

/* dispatcherd may have lost requests: ask again, in mode for what is up. */
int ksa_resync(struct ksas *t, enum sa_mode mode, uint64_t now_ms,
    struct fx *fx) MUST_CHECK;

bool ksa_any(const struct ksas *t, enum ksa_state state);

#endif
