/* SPDX-License-Identifier: ISC */
#ifndef IPC_CHAN_H
#define IPC_CHAN_H

/*
 * One edge between two daemons: a nanomsg PAIR socket over ipc:// and the
 * handshake that makes a restart of either side visible.
 *
 * Each side sends HELLO{version, own instance, instance seen, up} as soon as
 * somebody is connected, every 200 ms until the peer's HELLO names its own
 * instance, and as the answer to each HELLO whose sender is not up.  Named by
 * the peer, the edge is up.  A HELLO with another instance means that the peer
 * was restarted, or that a connection broke, and that it lost what was queued
 * to it: down() then up() are called, and the user asks again for all it
 * needs.  down() is called within a second when the peer is gone without a
 * successor; up() may then come late or never.  Nothing else is delivered
 * before up().  A callback may send, and may free the channel.
 *
 * A message that does not decode, or that the schema does not permit on this
 * edge, is fatal(): the peer is broken or hostile, and the supervisor restarts
 * us.  Received buffers are wiped before they are freed.
 */

#include "ipc/msg.h"

struct event_base;
struct chan;

struct chan_ops {
	void (*up)(void *arg);
	void (*down)(void *arg);
	void (*msg)(void *arg, const struct msg *m); /* borrowed for the call */
};

struct chan_conf {
	enum peer self, remote;
	const char *path; /* of the socket, as this process sees it */
	bool bind;	  /* the more privileged side */
};

/* fatal() when the socket cannot be made, bound or connected. */
struct chan *chan_new(struct event_base *base, const struct chan_conf *conf,
    const struct chan_ops *ops, void *arg);
void chan_free(struct chan **c);
bool chan_is_up(const struct chan *c);

/*
 * Take a message: those of one wake-up leave together (ipc/frame.h), and wait
 * in a queue while the peer does not read.  -ENOTCONN before up (and nothing
 * is kept), -ENOBUFS when the queue (4 MiB) is full.
 */
int chan_send(struct chan *c, const struct msg *m) MUST_CHECK;
/* The same for what may be lost: -EAGAIN when frames wait for the peer. */
int chan_try(struct chan *c, const struct msg *m) MUST_CHECK;
/* Octets that chan_send() has queued, with what keeping them costs. */
size_t chan_waiting(const struct chan *c);

#endif
