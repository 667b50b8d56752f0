/* SPDX-License-Identifier: ISC */
#ifndef GROUPD_CTL_H
#define GROUPD_CTL_H

/*
 * The control socket.  Who may connect is decided by its directory (group
 * mike), who may change something by SO_PEERCRED.  A client is not trusted and
 * is bounded in every way: one small message at a time, one command under way,
 * a queue of answers with a limit, a time to be idle, and a share of the
 * places, so that nobody keeps root out.
 */

#include <sys/queue.h>
#include <sys/socket.h>

#include "groupd/gd.h"

#define CTL_CLIENTS 16
#define CTL_PER_UID 4	    /* of one uid; not counted for root */
#define CTL_OTHERS 12	    /* of all uids but root */
#define CTL_QUEUE (1 << 20) /* octets that wait for one client */
#define CTL_IDLE_MS 30000
#define CTL_DONE_MS 7000 /* for a command; mikectl waits a little longer */

struct out;

struct client {
	uint32_t id; /* 0: free */
	int fd;
	struct ucred who;
	struct event *rd, *wr;
	struct ctl *ctl;
	STAILQ_HEAD(, out) queue;
	size_t queued;
	bool dead; /* to be ended when the loop comes by */
	uint64_t seen_ms;
	/* The command under way. */
	bool acting;
	uint32_t req;
	enum life_ev cmd;
	uint64_t since_ms;
	char why[257]; /* of a group that could not do it */
};

struct ctl {
	struct gd *gd;
	int fd;
	struct event *ev;
	uint32_t last_id;
	unsigned int audits; /* refusals written down since the last tick */
	uint64_t unwritten;
	struct client c[CTL_CLIENTS];
};

struct client *ctl_find(struct ctl *ctl, uint32_t id); /* NULL: gone */

#endif
