/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/fx.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

/* One datagram of the largest size fits into a block of its own. */
#define BLOCK_LEN 16384

struct block {
	size_t size, used;
	uint8_t *p;
};

struct fx {
	struct km_fx *v;
	size_t n, cap;
	struct block *b;
	size_t n_blocks, cap_blocks;
	size_t cur;    /* block being filled */
	size_t octets; /* in all blocks */
};

struct fx *
fx_new(void)
{
	return calloc(1, sizeof(struct fx));
}

void
fx_free(struct fx **fx)
{
	struct fx *f = *fx;

	if (f == NULL)
		return;
	fx_reset(f);
	for (size_t i = 0; i < f->n_blocks; i++)
		free(f->b[i].p);
	free(f->b);
	free(f->v);
	free(f);
	*fx = NULL;
}

/* Only octets that were handed out can hold a secret; the rest is skipped. */
static void
block_cut(struct block *b, size_t used)
{
	explicit_bzero(b->p + used, b->used - used);
	b->used = used;
}

void
fx_undo(struct fx *f, struct fx_mark to)
{
	if (f->n > to.n)
		explicit_bzero(f->v + to.n, (f->n - to.n) * sizeof(f->v[0]));
	f->n = to.n;
	for (size_t i = to.blocks; i < f->n_blocks; i++)
		block_cut(&f->b[i], i == to.blocks ? to.used : 0);
	f->cur = to.blocks;
}

/* A list that grew far beyond the usual gives the memory back. */
void
fx_reset(struct fx *f)
{
	if (f->n > 0 || f->n_blocks > 0)
		fx_undo(f, (struct fx_mark){ 0 });
	while (f->n_blocks > 4) {
		f->n_blocks--;
		f->octets -= f->b[f->n_blocks].size;
		free(f->b[f->n_blocks].p);
	}
}

struct fx_mark
fx_mark(const struct fx *f)
{
	return (struct fx_mark){
		.n = f->n,
		.blocks = f->cur,
		.used = f->cur < f->n_blocks ? f->b[f->cur].used : 0,
	};
}

size_t
fx_count(const struct fx *f)
{
	return f->n;
}

const struct km_fx *
fx_at(const struct fx *f, size_t i)
{
	must(i < f->n);
	return &f->v[i];
}

/*
 * realloc() would leave a copy of SA keys behind in freed memory, so the
 * old array is wiped by hand.
 */
static int
grow_entries(struct fx *f)
{
	size_t cap = f->cap == 0 ? 16 : f->cap * 2;
	struct km_fx *v;

	if (cap > FX_COUNT_MAX)
		return -ENOMEM;
	if ((v = calloc(cap, sizeof(*v))) == NULL)
		return -ENOMEM;
	if (f->n > 0)
		memcpy(v, f->v, f->n * sizeof(*v));
	freezero(f->v, f->cap * sizeof(*v));
	f->v = v;
	f->cap = cap;
	return 0;
}

struct km_fx *
fx_add(struct fx *f, enum km_fx_kind kind)
{
	struct km_fx *e;

	if (f->n == f->cap && grow_entries(f) != 0)
		return NULL;
	e = &f->v[f->n++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	return e;
}

static int
add_block(struct fx *f, size_t len)
{
	size_t size = len > BLOCK_LEN ? len : BLOCK_LEN;
	struct block *b;
	uint8_t *p;

	if (size > FX_OCTETS_MAX - f->octets)
		return -ENOMEM;
	if (f->n_blocks == f->cap_blocks) {
		size_t cap = f->cap_blocks + 8;

		b = realloc(f->b, cap * sizeof(*b));
		if (b == NULL)
			return -ENOMEM;
		f->b = b;
		f->cap_blocks = cap;
	}
	if ((p = malloc(size)) == NULL)
		return -ENOMEM;
	f->b[f->n_blocks++] = (struct block){ .size = size, .p = p };
	f->octets += size;
	return 0;
}

uint8_t *
fx_room(struct fx *f, size_t len)
{
	struct block *b;
	size_t i = f->cur;

	while (i < f->n_blocks && len > f->b[i].size - f->b[i].used)
		i++;
	if (i == f->n_blocks && add_block(f, len) != 0)
		return NULL;
	b = &f->b[i];
	f->cur = i;
	b->used += len;
	return b->p + b->used - len;
}

int
fx_join(struct fx *f, const struct chunk *in, size_t n, struct chunk *out)
{
	size_t len = 0;
	uint8_t *p, *to;

	for (size_t i = 0; i < n; i++)
		len += in[i].len;
	if ((p = to = fx_room(f, len)) == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (in[i].len > 0)
			memcpy(to, in[i].p, in[i].len);
		to += in[i].len;
	}
	*out = (struct chunk){ p, len };
	return 0;
}

int
fx_copy(struct fx *f, struct chunk in, struct chunk *out)
{
	return fx_join(f, &in, 1, out);
}

int
fx_note(struct fx *f, int level, const char *token, const char *fmt, ...)
{
	struct fx_mark mark = fx_mark(f);
	char text[FX_NOTE_MAX];
	struct km_fx *e;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	must(n >= 0);
	if ((size_t)n >= sizeof(text))
		n = (int)sizeof(text) - 1;
	if ((e = fx_add(f, KM_FX_NOTE)) == NULL ||
	    fx_copy(f, (struct chunk){ (uint8_t *)text, (size_t)n },
		&e->note.text) != 0) {
		fx_undo(f, mark);
		return -ENOMEM;
	}
	e->note.level = level;
	e->note.token = token;
	return 0;
}

int
fx_left(struct fx *f)
{
	return fx_add(f, KM_FX_LEFT) != NULL ? 0 : -ENOMEM;
}
