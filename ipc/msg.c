/* SPDX-License-Identifier: ISC */

/*
 * Codecs, names and permissions of the messages, expanded from ipc/schema.h.
 * To read the result: cc -E -P -I. ipc/msg.c.
 *
 * On the wire: u16 type, then the fields in their order; a blob is a u16
 * length and its octets.
 */

#include <errno.h>

#include "ipc/msg.h"

#define TYPE_LEN 2

static int
rb_blob(struct rbuf *rb, size_t max, struct chunk *out)
{
	uint16_t len;

	if (rb_u16(rb, &len))
		return -EBADMSG;
	if (len > max) {
		rb->bad = true;
		return -EBADMSG;
	}
	return rb_bytes(rb, len, out);
}

static int
wb_blob(struct wbuf *wb, size_t max, struct chunk c)
{
	int r;

	if (c.len > max) {
		wb->bad = true;
		return -ERANGE;
	}
	if ((r = wb_u16(wb, c.len)) != 0)
		return r;
	return wb_put(wb, c.p, c.len);
}

/* clang-format off */
#define GET_u8(name)		rb_u8(rb, &m->name)
#define GET_u16(name)		rb_u16(rb, &m->name)
#define GET_u32(name)		rb_u32(rb, &m->name)
#define GET_u64(name)		rb_u64(rb, &m->name)
#define GET_blob(name, max)	rb_blob(rb, (max), &m->name)
#define GET(kind, ...)		|| GET_##kind(__VA_ARGS__)

#define PUT_u8(name)		wb_u8(wb, m->name)
#define PUT_u16(name)		wb_u16(wb, m->name)
#define PUT_u32(name)		wb_u32(wb, m->name)
#define PUT_u64(name)		wb_u64(wb, m->name)
#define PUT_blob(name, max)	wb_blob(wb, (max), m->name)
#define PUT(kind, ...)		|| (r = PUT_##kind(__VA_ARGS__)) != 0

#define LEN_u8(name)		1
#define LEN_u16(name)		2
#define LEN_u32(name)		4
#define LEN_u64(name)		8
#define LEN_blob(name, max)	2 + m->name.len
#define LEN(kind, ...)		+ LEN_##kind(__VA_ARGS__)

#define MAX_u8(name)		1
#define MAX_u16(name)		2
#define MAX_u32(name)		4
#define MAX_u64(name)		8
#define MAX_blob(name, max)	2 + (max)
#define MAX(kind, ...)		+ MAX_##kind(__VA_ARGS__)

#define GEN_CODEC(id, NAME, name, edges)				\
	static int							\
	get_##name(struct rbuf *rb, struct msg_##name *m)		\
	{								\
		return (0 FIELDS_##name(GET)) ? -EBADMSG : 0;		\
	}								\
	static int							\
	put_##name(struct wbuf *wb, const struct msg_##name *m)		\
	{								\
		int r = 0;						\
									\
		return (0 FIELDS_##name(PUT)) ? r : 0;			\
	}								\
	static size_t							\
	len_##name(const struct msg_##name *m)				\
	{								\
		(void)m; /* fixed when there is no blob */		\
		return TYPE_LEN FIELDS_##name(LEN);			\
	}								\
	_Static_assert((TYPE_LEN FIELDS_##name(MAX)) <= MSG_SIZE_MAX,	\
	    "MSG_SIZE_MAX is too small for " #NAME);

#define CASE_GET(id, NAME, name, edges)					\
	case id:							\
		return get_##name(rb, &m->name);
#define CASE_PUT(id, NAME, name, edges)					\
	case id:							\
		return put_##name(wb, &m->name);
#define CASE_LEN(id, NAME, name, edges)					\
	case id:							\
		return len_##name(&m->name);
#define CASE_EDGES(id, NAME, name, edges)				\
	case id:							\
		return edges;
#define CASE_NAME(id, NAME, name, edges)				\
	case id:							\
		return #NAME;
/* clang-format on */

MSG_LIST(GEN_CODEC)

static int
body_get(struct rbuf *rb, struct msg *m)
{
	switch (m->type) {
		MSG_LIST(CASE_GET)
	default:
		return -EBADMSG;
	}
}

static int
body_put(struct wbuf *wb, const struct msg *m)
{
	switch (m->type) {
		MSG_LIST(CASE_PUT)
	default:
		return -EINVAL;
	}
}

/* One bit for each pair of daemons; 0 for an unknown type. */
static unsigned int
edges_of(unsigned int type)
{
	switch (type) {
		MSG_LIST(CASE_EDGES)
	default:
		return 0;
	}
}

int
msg_get(const void *p, size_t len, struct msg *m)
{
	struct msg x = { 0 };
	struct rbuf rb;

	rb_init(&rb, p, len);
	if (rb_u16(&rb, &x.type) || body_get(&rb, &x) || rb_done(&rb))
		return -EBADMSG;
	*m = x;
	return 0;
}

int
msg_put(struct wbuf *wb, const struct msg *m)
{
	int r;

	/* Before anything is written: an unknown type leaves wb untouched. */
	if (msg_size(m) == 0)
		return -EINVAL;
	if ((r = wb_u16(wb, m->type)) != 0)
		return r;
	return body_put(wb, m);
}

size_t
msg_size(const struct msg *m)
{
	switch (m->type) {
		MSG_LIST(CASE_LEN)
	default:
		return 0;
	}
}

bool
msg_permitted(unsigned int type, enum peer from, enum peer to)
{
	if ((unsigned int)from >= PEER_COUNT || (unsigned int)to >= PEER_COUNT)
		return false;
	return (edges_of(type) >> (from * PEER_COUNT + to) & 1) != 0;
}

const char *
msg_name(unsigned int type)
{
	switch (type) {
		MSG_LIST(CASE_NAME)
	default:
		return "?";
	}
}

const char *
peer_name(enum peer p)
{
	static const char *const names[PEER_COUNT] = {
		[PEER_POLICYD] = "policyd",
		[PEER_DISPATCHERD] = "dispatcherd",
		[PEER_GROUPD] = "groupd",
		[PEER_KEYMGRD] = "keymgrd",
		[PEER_MIKECTL] = "mikectl",
	};

	return (unsigned int)p < PEER_COUNT ? names[p] : "?";
}
