/* SPDX-License-Identifier: ISC */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

/*
 * The bounds-checked cursors.  All multi-octet integers are in network order.
 * Both kinds are sticky: after the first error every further call fails, so a
 * decoder can chain calls with || and check once.
 */

#include "common/util.h"

/* Reader over borrowed octets. */
struct rbuf {
	const uint8_t *p;
	size_t left;
	bool bad;
};

void rb_init(struct rbuf *rb, const void *p, size_t len);
int rb_u8(struct rbuf *rb, uint8_t *v) MUST_CHECK; /* 0 or -EBADMSG */
int rb_u16(struct rbuf *rb, uint16_t *v) MUST_CHECK;
int rb_u32(struct rbuf *rb, uint32_t *v) MUST_CHECK;
int rb_u64(struct rbuf *rb, uint64_t *v) MUST_CHECK;
int rb_skip(struct rbuf *rb, size_t n) MUST_CHECK;
/* Copy n octets out. */
int rb_copy(struct rbuf *rb, void *out, size_t n) MUST_CHECK;
/* Borrow n octets in place. */
int rb_bytes(struct rbuf *rb, size_t n, struct chunk *out) MUST_CHECK;
/* Borrow all that is left (may be empty). */
int rb_rest(struct rbuf *rb, struct chunk *out) MUST_CHECK;
/* Carve the next n octets into a child that cannot see past them. */
int rb_sub(struct rbuf *rb, size_t n, struct rbuf *child) MUST_CHECK;
/* 0 when everything was consumed; trailing octets are an error. */
int rb_done(const struct rbuf *rb) MUST_CHECK;
size_t rb_left(const struct rbuf *rb);

/* Writer into a caller's buffer of fixed size. */
struct wbuf {
	uint8_t *p;
	size_t size; /* of p */
	size_t len;  /* written */
	bool bad;
};

void wb_init(struct wbuf *wb, void *p, size_t size);
int wb_u8(struct wbuf *wb, uint64_t v) MUST_CHECK;  /* 0 or -ENOBUFS; */
int wb_u16(struct wbuf *wb, uint64_t v) MUST_CHECK; /* -ERANGE when v */
int wb_u32(struct wbuf *wb, uint64_t v) MUST_CHECK; /* does not fit */
int wb_u64(struct wbuf *wb, uint64_t v) MUST_CHECK;
int wb_put(struct wbuf *wb, const void *p, size_t n) MUST_CHECK;
int wb_zero(struct wbuf *wb, size_t n) MUST_CHECK;
/* Reserve n octets to be filled later; NULL on overflow. */
uint8_t *wb_reserve(struct wbuf *wb, size_t n);
/* Overwrite earlier octets: a length field that is known only now. */
int wb_set_u8(struct wbuf *wb, size_t at, uint64_t v) MUST_CHECK;
int wb_set_u16(struct wbuf *wb, size_t at, uint64_t v) MUST_CHECK;
int wb_set_u32(struct wbuf *wb, size_t at, uint64_t v) MUST_CHECK;

#endif
