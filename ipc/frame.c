/* SPDX-License-Identifier: ISC */
#include "ipc/frame.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>

#define PREFIX_LEN 4

int
frame_add(struct frame *f, const struct msg *m)
{
	size_t len = msg_size(m);
	struct wbuf wb;
	int r;

	if (len == 0 || len > MSG_SIZE_MAX)
		return -EINVAL;
	if (f->p == NULL && (f->p = malloc(FRAME_MAX)) == NULL)
		return -ENOMEM;
	if (len > FRAME_MAX - PREFIX_LEN - f->len)
		return -ENOSPC;
	wb_init(&wb, f->p + f->len, PREFIX_LEN + len);
	if ((r = wb_u32(&wb, len)) == 0)
		r = msg_put(&wb, m);
	if (r == 0)
		f->len += wb.len;
	else
		explicit_bzero(f->p + f->len, PREFIX_LEN + len);
	return r;
}

void
frame_clear(struct frame *f)
{
	if (f->p != NULL)
		explicit_bzero(f->p, f->len);
	f->len = 0;
}

void
frame_free(struct frame *f)
{
	frame_clear(f);
	free(f->p);
	f->p = NULL;
}

int
frame_next(struct rbuf *rb, struct msg *m)
{
	struct chunk one;
	uint32_t len;

	if (rb_left(rb) == 0 && !rb->bad)
		return 0;
	if (rb_u32(rb, &len) || rb_bytes(rb, len, &one) ||
	    msg_get(one.p, one.len, m))
		return -EBADMSG;
	return 1;
}
