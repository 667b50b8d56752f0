/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dispatcherd/xfrm_reply.h"
#include "dispatcherd/xsock.h"

#define XSOCK_BUF 65536		    /* the kernel's dumps use up to 32 KiB */
#define XSOCK_EVENT_QUEUE (1 << 20) /* octets: some 1,500 events */
#define XSOCK_PATIENCE_S 5

struct xsock {
	struct nl_sock *sk;
	char text[160];
	uint8_t buf[XSOCK_BUF] __attribute__((aligned(8)));
};

static void
set_option(int fd, int level, int opt, const void *val, socklen_t len)
{
	if (setsockopt(fd, level, opt, val, len) != 0)
		fatal("xfrm.socket cannot set option %d: %s", opt,
		    strerror(errno));
}

static struct xsock *
xsock_open(void)
{
	struct xsock *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL || (s->sk = nl_socket_alloc()) == NULL)
		fatal("xfrm.socket out of memory");
	/* The flags of a request are the builder's alone. */
	nl_socket_disable_auto_ack(s->sk);
	if ((err = nl_connect(s->sk, NETLINK_XFRM)) < 0)
		fatal(
		    "xfrm.socket cannot reach the kernel's XFRM: %s; it needs "
		    "CONFIG_XFRM_USER (module xfrm_user)",
		    nl_geterror(err));
	return s;
}

struct xsock *
xsock_open_requests(void)
{
	static const struct timeval patience = { .tv_sec = XSOCK_PATIENCE_S };
	static const int on = 1;
	struct xsock *s = xsock_open();
	int fd = xsock_fd(s);

	set_option(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/*
	 * Reasons in words, and no echo of a request that failed, which would
	 * hold the key once more.  Old kernels do without.
	 */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return s;
}

struct xsock *
xsock_open_events(void)
{
	static const int queue = XSOCK_EVENT_QUEUE;
	struct xsock *s = xsock_open();
	int err;

	set_option(
	    xsock_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue));
	err = nl_socket_add_memberships(
	    s->sk, XFRMNLGRP_ACQUIRE, XFRMNLGRP_EXPIRE, 0);
	if (err < 0 || (err = nl_socket_set_nonblocking(s->sk)) < 0)
		fatal("xfrm.socket cannot listen to kernel events: %s",
		    nl_geterror(err));
	return s;
}

int
xsock_fd(const struct xsock *s)
{
	return nl_socket_get_fd(s->sk);
}

const char *
xsock_text(const struct xsock *s)
{
	return s->text;
}

/* Octets of one datagram of the kernel in s->buf, or -Exxx. */
static ssize_t
receive(struct xsock *s)
{
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = s->buf, .iov_len = sizeof(s->buf) };
	struct msghdr mh = {
		.msg_name = &from, .msg_iov = &iov, .msg_iovlen = 1
	};
	ssize_t n;

	do {
		mh.msg_namelen = sizeof(from);
		n = recvmsg(xsock_fd(s), &mh, 0);
		/* Other processes can write to our port, too. */
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n < 0)
		return -errno;
	return mh.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

struct talk {
	uint32_t seq;
	bool done, torn;
	int error;
};

static int
take_reply(struct xsock *s, struct talk *t, const struct nlmsghdr *h,
    xsock_reply *fn, void *arg)
{
	struct xr_ack ack;

	if (h->nlmsg_seq != t->seq)
		return 0; /* late answer to a request given up */
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		t->torn = true;
	if (h->nlmsg_type != NLMSG_ERROR && h->nlmsg_type != NLMSG_DONE) {
		if (fn != NULL)
			fn(arg, h);
		return 0;
	}
	if (xr_ack(h, &ack))
		return -EBADMSG;
	t->done = true;
	t->error = ack.error;
	log_safe(s->text, sizeof(s->text), ack.text.p, ack.text.len);
	return 0;
}

/* Loop over all headers: NLMSG_DONE may share a datagram with data. */
static int
take_datagram(struct xsock *s, struct talk *t, xsock_reply *fn, void *arg)
{
	ssize_t n = receive(s);
	struct xr_msg r;
	int err = 0;

	if (n < 0)
		return (int)n;
	xr_init(&r, s->buf, (size_t)n);
	while (err == 0 && !t->done && (err = xr_next(&r)) > 0)
		err = take_reply(s, t, r.h, fn, arg);
	explicit_bzero(s->buf, (size_t)n);
	return err;
}

int
xsock_talk(struct xsock *s, struct nl_msg **m, xsock_reply *fn, void *arg)
{
	struct talk t = { .seq = 0 };
	int err;

	s->text[0] = '\0';
	if (*m == NULL)
		return -ENOMEM;
	nl_complete_msg(s->sk, *m);
	t.seq = nlmsg_hdr(*m)->nlmsg_seq;
	errno = 0;
	err = nl_send(s->sk, *m);
	xm_free(m);
	if (err < 0)
		return errno != 0 ? -errno : -EIO;
	for (err = 0; err == 0 && !t.done;)
		err = take_datagram(s, &t, fn, arg);
	if (err != 0)
		return err;
	return t.error == 0 && t.torn ? -EINTR : t.error;
}

int
xsock_event(struct xsock *s, xsock_reply *fn, void *arg)
{
	ssize_t n = receive(s);
	struct xr_msg r;
	int err;

	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	xr_init(&r, s->buf, (size_t)n);
	while ((err = xr_next(&r)) > 0)
		fn(arg, r.h);
	explicit_bzero(s->buf, (size_t)n);
	return err < 0 ? err : 1;
}
