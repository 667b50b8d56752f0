/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_XSOCK_H
#define DISPATCHERD_XSOCK_H

/*
 * A socket to the kernel's XFRM.  Receives into one buffer of its own, which
 * is wiped after every datagram: the kernel's answers hold keys.
 */

#include <netlink/netlink.h>

#include "common/util.h"

struct xsock;

typedef void xsock_reply(void *arg, const struct nlmsghdr *h);

/* fatal() when the kernel has no XFRM or refuses. */
struct xsock *xsock_open_requests(void);
struct xsock *xsock_open_events(void); /* ACQUIRE and EXPIRE, nonblocking */
int xsock_fd(const struct xsock *s);

/*
 * Send *m, which is wiped and freed in any case (NULL: -ENOMEM), and hand
 * each answer to fn until the kernel is done.  0 or the kernel's -Exxx; -EINTR
 * when a dump was not of one moment.  What the kernel says to it is in
 * xsock_text() until the next call, printable, maybe empty.
 */
int xsock_talk(struct xsock *s, struct nl_msg **m, xsock_reply *fn, void *arg)
    MUST_CHECK;
const char *xsock_text(const struct xsock *s);

/* One datagram of events: 1, 0 when there is none, -ENOBUFS: some are lost. */
int xsock_event(struct xsock *s, xsock_reply *fn, void *arg) MUST_CHECK;

#endif
