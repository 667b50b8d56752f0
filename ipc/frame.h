/* SPDX-License-Identifier: ISC */
#ifndef IPC_FRAME_H
#define IPC_FRAME_H

/*
 * Several messages in one nanomsg message: what a daemon says in answer to one
 * wake-up travels together, since a nanomsg message costs ten times what one
 * of ours does.  Each message: u32 length | as msg_put() writes it.
 */

#include "ipc/msg.h"

#define FRAME_MAX 65536 /* octets; holds a message of any size */

struct frame {
	uint8_t *p; /* FRAME_MAX octets; NULL before the first use */
	size_t len;
};

/* 0; -ENOSPC: it is too full for this one; -ENOMEM; or as msg_put(). */
int frame_add(struct frame *f, const struct msg *m) MUST_CHECK;
/* The octets that were written are wiped. */
void frame_clear(struct frame *f);
void frame_free(struct frame *f);

/* The next message: 1; 0: no more; -EBADMSG. */
int frame_next(struct rbuf *rb, struct msg *m) MUST_CHECK;

#endif
