/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "ipc/frame.h"

/*
 * What a hostile daemon may put on an edge.  Octets that decode are the only
 * encoding of what they say, and their blobs lie inside them.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(const uint8_t *data, size_t size, struct chunk c)
{
	must(c.len <= size);
	must(c.p >= data && c.p + c.len <= data + size);
}

/* clang-format off */
#define IN_u8(name)
#define IN_u16(name)
#define IN_u32(name)
#define IN_u64(name)
#define IN_blob(name, max)						\
	must(m->name.len <= (max));					\
	inside(data, size, m->name);
#define IN(kind, ...)		IN_##kind(__VA_ARGS__)

#define GEN_INSIDE(id, NAME, name, edges)				\
	static void							\
	inside_##name(const uint8_t *data, size_t size,			\
	    const struct msg_##name *m)					\
	{								\
		(void)data;						\
		(void)size;						\
		(void)m;						\
		FIELDS_##name(IN)					\
	}
MSG_LIST(GEN_INSIDE)
#define CASE(id, NAME, name, edges)					\
	case id:							\
		inside_##name(data, size, &m->name);			\
		break;
/* clang-format on */

static void
check_blobs(const uint8_t *data, size_t size, const struct msg *m)
{
	switch (m->type) {
		MSG_LIST(CASE)
	default:
		must(false);
	}
}

/* Nobody may send it, or some pair of daemons may. */
static bool
has_edge(unsigned int type)
{
	for (int from = 0; from < PEER_COUNT; from++)
		for (int to = 0; to < PEER_COUNT; to++)
			if (msg_permitted(type, (enum peer)from, (enum peer)to))
				return true;
	return false;
}

/* The same octets as a frame: what it holds, written again, is the frame. */
static void
frames(const uint8_t *data, size_t size)
{
	static struct frame f;
	struct rbuf rb;
	struct msg m;
	int r;

	rb_init(&rb, data, size);
	while ((r = frame_next(&rb, &m)) == 1)
		must(frame_add(&f, &m) == 0 || f.len > FRAME_MAX / 8);
	if (r == 0 && size <= FRAME_MAX)
		must(f.len == size && (size == 0 || !memcmp(f.p, data, size)));
	frame_clear(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[MSG_SIZE_MAX];
	struct wbuf wb;
	struct msg m;

	frames(data, size);
	if (msg_get(data, size, &m))
		return 0;
	must(size <= MSG_SIZE_MAX && msg_size(&m) == size);
	must(has_edge(m.type) && strcmp(msg_name(m.type), "?") != 0);
	check_blobs(data, size, &m);
	wb_init(&wb, out, size);
	must(msg_put(&wb, &m) == 0 && wb.len == size);
	must(memcmp(out, data, size) == 0);
	return 0;
}
