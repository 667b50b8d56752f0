/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_FX_H
#define KEYMGRD_CORE_FX_H

/*
 * The effect list from the inside: entries and their octets, which live in
 * blocks that never move, so that an entry can point to them.  Whoever fills
 * the list takes a mark first and goes back to it when anything fails.
 */

#include "keymgrd/core/km.h"

#define FX_COUNT_MAX 4096
#define FX_OCTETS_MAX (4u << 20)
#define FX_NOTE_MAX 512

struct fx_mark {
	size_t n;
	size_t blocks, used;
};

struct fx_mark fx_mark(const struct fx *fx);
void fx_undo(struct fx *fx, struct fx_mark to); /* wipes what goes */

/* A zeroed entry, or NULL: -ENOMEM, or the list is full. */
struct km_fx *fx_add(struct fx *fx, enum km_fx_kind kind);
/* Octets that live as long as the list; NULL when there is no room. */
uint8_t *fx_room(struct fx *fx, size_t len);
/* A copy of in with the life of the list. */
int fx_copy(struct fx *fx, struct chunk in, struct chunk *out) MUST_CHECK;
/* The same of n chunks, back to back. */
int fx_join(struct fx *fx, const struct chunk *in, size_t n, struct chunk *out)
    MUST_CHECK;

int fx_note(struct fx *fx, int level, const char *token, const char *fmt, ...)
    PRINTF_LIKE(4, 5) MUST_CHECK;

int fx_left(struct fx *fx) MUST_CHECK; /* KM_FX_LEFT */

enum { NOTE_ERR = 3, NOTE_WARN = 4, NOTE_INFO = 6, NOTE_DEBUG = 7 };

#endif
