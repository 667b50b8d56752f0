/* SPDX-License-Identifier: ISC */

/* Bounds-checked cursors: lengths are compared, never pointers. */

#include <errno.h>
#include <string.h>

#include "common/wire.h"

void
rb_init(struct rbuf *rb, const void *p, size_t len)
{
	*rb = (struct rbuf){ .p = p, .left = len };
}

/* The only place that moves the reader's cursor. */
static const uint8_t *
rb_take(struct rbuf *rb, size_t n)
{
	static const uint8_t nothing[1];
	const uint8_t *p = rb->p;

	if (rb->bad || n > rb->left) {
		rb->bad = true;
		return NULL;
	}
	/* An empty run may have no address at all; NULL means failure here. */
	if (n == 0)
		return p != NULL ? p : nothing;
	rb->p += n;
	rb->left -= n;
	return p;
}

/* Big-endian integer of n octets; the value is written on success only. */
static int
rb_uint(struct rbuf *rb, size_t n, uint64_t *v)
{
	const uint8_t *p = rb_take(rb, n);
	uint64_t x = 0;

	if (p == NULL)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		x = x << 8 | p[i];
	*v = x;
	return 0;
}

int
rb_u8(struct rbuf *rb, uint8_t *v)
{
	uint64_t x;

	if (rb_uint(rb, 1, &x))
		return -EBADMSG;
	*v = (uint8_t)x;
	return 0;
}

int
rb_u16(struct rbuf *rb, uint16_t *v)
{
	uint64_t x;

	if (rb_uint(rb, 2, &x))
		return -EBADMSG;
	*v = (uint16_t)x;
	return 0;
}

int
rb_u32(struct rbuf *rb, uint32_t *v)
{
	uint64_t x;

	if (rb_uint(rb, 4, &x))
		return -EBADMSG;
	*v = (uint32_t)x;
	return 0;
}

int
rb_u64(struct rbuf *rb, uint64_t *v)
{
	return rb_uint(rb, 8, v);
}

int
rb_skip(struct rbuf *rb, size_t n)
{
	return rb_take(rb, n) != NULL ? 0 : -EBADMSG;
}

int
rb_copy(struct rbuf *rb, void *out, size_t n)
{
	const uint8_t *p = rb_take(rb, n);

	if (p == NULL)
		return -EBADMSG;
	if (n != 0)
		memcpy(out, p, n);
	return 0;
}

int
rb_bytes(struct rbuf *rb, size_t n, struct chunk *out)
{
	const uint8_t *p = rb_take(rb, n);

	if (p == NULL)
		return -EBADMSG;
	*out = (struct chunk){ p, n };
	return 0;
}

int
rb_rest(struct rbuf *rb, struct chunk *out)
{
	return rb_bytes(rb, rb->left, out);
}

/*
 * Unlike the getters this writes its output on failure too: a child that is
 * bad itself, so that a caller who chains reads on it cannot go wrong.
 */
int
rb_sub(struct rbuf *rb, size_t n, struct rbuf *child)
{
	const uint8_t *p = rb_take(rb, n);

	*child = (struct rbuf){ .p = p, .left = p ? n : 0, .bad = p == NULL };
	return p != NULL ? 0 : -EBADMSG;
}

int
rb_done(const struct rbuf *rb)
{
	return rb->bad || rb->left != 0 ? -EBADMSG : 0;
}

size_t
rb_left(const struct rbuf *rb)
{
	return rb->bad ? 0 : rb->left;
}

void
wb_init(struct wbuf *wb, void *p, size_t size)
{
	*wb = (struct wbuf){ .p = p, .size = size };
}

/* The only place that moves the writer's cursor. */
uint8_t *
wb_reserve(struct wbuf *wb, size_t n)
{
	uint8_t *p;

	if (wb->bad || n > wb->size - wb->len) {
		wb->bad = true;
		return NULL;
	}
	p = wb->p + wb->len;
	wb->len += n;
	return p;
}

static bool
fits(uint64_t v, size_t n)
{
	return n >= sizeof(v) || v >> (8 * n) == 0;
}

static void
store(uint8_t *p, uint64_t v, size_t n)
{
	while (n-- > 0) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

static int
wb_uint(struct wbuf *wb, uint64_t v, size_t n)
{
	uint8_t *p;

	if (!fits(v, n)) {
		wb->bad = true;
		return -ERANGE;
	}
	if ((p = wb_reserve(wb, n)) == NULL)
		return -ENOBUFS;
	store(p, v, n);
	return 0;
}

int
wb_u8(struct wbuf *wb, uint64_t v)
{
	return wb_uint(wb, v, 1);
}

int
wb_u16(struct wbuf *wb, uint64_t v)
{
	return wb_uint(wb, v, 2);
}

int
wb_u32(struct wbuf *wb, uint64_t v)
{
	return wb_uint(wb, v, 4);
}

int
wb_u64(struct wbuf *wb, uint64_t v)
{
	return wb_uint(wb, v, 8);
}

int
wb_put(struct wbuf *wb, const void *p, size_t n)
{
	uint8_t *to = wb_reserve(wb, n);

	if (to == NULL)
		return -ENOBUFS;
	if (n != 0)
		memcpy(to, p, n);
	return 0;
}

int
wb_zero(struct wbuf *wb, size_t n)
{
	uint8_t *to = wb_reserve(wb, n);

	if (to == NULL)
		return -ENOBUFS;
	if (n != 0)
		memset(to, 0, n);
	return 0;
}

/* Only octets that were written already may be overwritten. */
static int
wb_set(struct wbuf *wb, size_t at, uint64_t v, size_t n)
{
	if (!fits(v, n)) {
		wb->bad = true;
		return -ERANGE;
	}
	if (wb->bad || at > wb->len || n > wb->len - at) {
		wb->bad = true;
		return -ENOBUFS;
	}
	store(wb->p + at, v, n);
	return 0;
}

int
wb_set_u8(struct wbuf *wb, size_t at, uint64_t v)
{
	return wb_set(wb, at, v, 1);
}

int
wb_set_u16(struct wbuf *wb, size_t at, uint64_t v)
{
	return wb_set(wb, at, v, 2);
}

int
wb_set_u32(struct wbuf *wb, size_t at, uint64_t v)
{
	return wb_set(wb, at, v, 4);
}
