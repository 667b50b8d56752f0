/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <linux/xfrm.h>

#include "common/ike/hdr.h"
#include "common/log.h"
#include "dispatcherd/udp.h"

#define PORTS_MAX 4
#define BATCH 64 /* datagrams per socket and turn of the loop */
#define QUEUE (1 << 20)

union control {
	struct cmsghdr align;
	uint8_t b[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

union name {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct sock {
	struct udp *u;
	int fd;
	uint16_t port;
	uint8_t addr_len; /* 4 or 16: family */
	struct event *ev;
};

struct udp {
	struct sock sock[PORTS_MAX * 2];
	size_t n;
	udp_recv_fn *fn;
	void *arg;
	/* One octet more than we take, so that what is too long shows. */
	uint8_t buf[BATCH][IKE_MSG_MAX + 1];
};

static void
set_option(int fd, int level, int opt, const void *val, socklen_t len,
    const char *name)
{
	if (setsockopt(fd, level, opt, val, len) != 0)
		fatal("udp.open cannot set %s: %s", name, strerror(errno));
}

#define SET_INT(fd, level, opt, val)                                           \
	do {                                                                   \
		int v_ = (val);                                                \
		set_option((fd), (level), (opt), &v_, sizeof(v_), #opt);       \
	} while (0)

/* Key exchange passes whatever policies the host has, both ways. */
static void
bypass(int fd, uint8_t addr_len)
{
	static const uint8_t dirs[] = { XFRM_POLICY_IN, XFRM_POLICY_OUT };
	struct xfrm_userpolicy_info p = { .action = XFRM_POLICY_ALLOW };
	bool v6 = addr_len == 16;

	p.sel.family = v6 ? AF_INET6 : AF_INET;
	for (size_t i = 0; i < NITEMS(dirs); i++) {
		p.dir = dirs[i];
		set_option(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		    v6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY, &p, sizeof(p),
		    v6 ? "IPV6_XFRM_POLICY" : "IP_XFRM_POLICY");
	}
}

static void
options(int fd, uint8_t addr_len)
{
	if (addr_len == 4) {
		SET_INT(fd, IPPROTO_IP, IP_PKTINFO, 1);
		SET_INT(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	} else {
		SET_INT(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		SET_INT(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	}
	SET_INT(fd, SOL_SOCKET, SO_RCVBUFFORCE, QUEUE);
	bypass(fd, addr_len);
}

static socklen_t
name_fill(union name *n, const struct addr *a, uint16_t port)
{
	memset(n, 0, sizeof(*n));
	if (a->len == 4) {
		n->v4.sin_family = AF_INET;
		n->v4.sin_port = htons(port);
		memcpy(&n->v4.sin_addr, a->b, 4);
		return sizeof(n->v4);
	}
	n->v6.sin6_family = AF_INET6;
	n->v6.sin6_port = htons(port);
	memcpy(&n->v6.sin6_addr, a->b, 16);
	return sizeof(n->v6);
}

static void
open_one(struct udp *u, uint16_t port, uint8_t addr_len)
{
	struct addr any = { .len = addr_len };
	struct sock *s = &u->sock[u->n];
	union name name;
	socklen_t len = name_fill(&name, &any, port);
	int fd;

	fd = socket(
	    name.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EAFNOSUPPORT && addr_len == 16) {
		log_info("udp.open port=%u no IPv6 in this kernel", port);
		return;
	}
	if (fd < 0)
		fatal("udp.open port=%u cannot make a socket: %s", port,
		    strerror(errno));
	options(fd, addr_len);
	if (bind(fd, &name.sa, len) != 0)
		fatal("udp.open port=%u cannot bind: %s; another key manager "
		      "may use it, see -P",
		    port, strerror(errno));
	*s = (struct sock){
		.u = u, .fd = fd, .port = port, .addr_len = addr_len
	};
	u->n++;
}

struct udp *
udp_open(const char *ports)
{
	struct udp *u = calloc(1, sizeof(*u));
	const char *p = ports;
	unsigned long port;
	char *end;

	if (u == NULL)
		fatal("udp.open out of memory");
	do {
		port = strtoul(p, &end, 10);
		if (end == p || (*end != '\0' && *end != ',') || *p == '-' ||
		    port == 0 || port > UINT16_MAX ||
		    u->n + 2 > NITEMS(u->sock))
			fatal("udp.open -P %s: want up to %d ports of 1 to "
			      "65535, separated by commas",
			    ports, PORTS_MAX);
		open_one(u, (uint16_t)port, 4);
		open_one(u, (uint16_t)port, 16);
		p = end + 1;
	} while (*end == ',');
	return u;
}

bool
udp_has_port(const struct udp *u, uint16_t port)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->sock[i].port == port)
			return true;
	return false;
}

/* Address and port; an address of length 0 when the kernel gave none. */
static struct endpoint
name_read(const union name *n)
{
	struct endpoint ep = { .port = 0 };
	int bad = 0;

	if (n->sa.sa_family == AF_INET) {
		bad = addr_from(&ep.addr, &n->v4.sin_addr, 4);
		ep.port = ntohs(n->v4.sin_port);
	} else if (n->sa.sa_family == AF_INET6) {
		bad = addr_from(&ep.addr, &n->v6.sin6_addr, 16);
		ep.port = ntohs(n->v6.sin6_port);
	}
	must(bad == 0);
	return ep;
}

/* To which of our addresses did the peer send? */
static struct addr
control_read(struct msghdr *mh)
{
	struct addr a = { .len = 0 };
	struct in_pktinfo i4;
	struct in6_pktinfo i6;
	int bad = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL;
	     c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&i4, CMSG_DATA(c), sizeof(i4));
			bad = addr_from(&a, &i4.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
			   c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&i6, CMSG_DATA(c), sizeof(i6));
			bad = addr_from(&a, &i6.ipi6_addr, 16);
		}
	}
	must(bad == 0);
	return a;
}

/* One batch; what is left makes the loop call again after the others. */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct sock *s = arg;
	struct udp *u = s->u;
	struct mmsghdr mm[BATCH];
	struct iovec iov[BATCH];
	union control ctl[BATCH];
	union name name[BATCH];
	int n;

	(void)what;
	memset(mm, 0, sizeof(mm));
	for (size_t i = 0; i < BATCH; i++) {
		iov[i].iov_base = u->buf[i];
		iov[i].iov_len = sizeof(u->buf[i]);
		mm[i].msg_hdr.msg_name = &name[i];
		mm[i].msg_hdr.msg_namelen = sizeof(name[i]);
		mm[i].msg_hdr.msg_iov = &iov[i];
		mm[i].msg_hdr.msg_iovlen = 1;
		mm[i].msg_hdr.msg_control = &ctl[i];
		mm[i].msg_hdr.msg_controllen = sizeof(ctl[i]);
	}
	n = recvmmsg(fd, mm, BATCH, 0, NULL);
	for (int i = 0; i < n; i++) {
		struct dgram d = { .peer = name_read(&name[i]),
			.data = { u->buf[i], mm[i].msg_len } };

		d.local.addr = control_read(&mm[i].msg_hdr);
		d.local.port = s->port;
		u->fn(u->arg, &d);
	}
}

void
udp_start(struct udp *u, struct event_base *base, udp_recv_fn *fn, void *arg)
{
	u->fn = fn;
	u->arg = arg;
	for (size_t i = 0; i < u->n; i++) {
		struct sock *s = &u->sock[i];

		s->ev = event_new(
		    base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
		if (s->ev == NULL || event_add(s->ev, NULL) != 0)
			fatal("udp.start port=%u cannot watch the socket",
			    s->port);
	}
}

/* The source address, which a socket on all addresses would guess. */
static void
control_fill(struct msghdr *mh, union control *ctl, const struct addr *local)
{
	struct in_pktinfo i4 = { .ipi_ifindex = 0 };
	struct in6_pktinfo i6 = { .ipi6_ifindex = 0 };
	bool v6 = local->len == 16;
	size_t len = v6 ? sizeof(i6) : sizeof(i4);
	struct cmsghdr *c;

	memset(ctl, 0, sizeof(*ctl));
	mh->msg_control = ctl;
	mh->msg_controllen = CMSG_SPACE(len);
	c = CMSG_FIRSTHDR(mh);
	c->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(&i4.ipi_spec_dst, local->b, 4);
	memcpy(&i6.ipi6_addr, local->b, 16);
	memcpy(CMSG_DATA(c), v6 ? (void *)&i6 : (void *)&i4, len);
}

static const struct sock *
sock_find(const struct udp *u, const struct endpoint *local)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->sock[i].port == local->port &&
		    u->sock[i].addr_len == local->addr.len)
			return &u->sock[i];
	return NULL;
}

int
udp_send(struct udp *u, const struct dgram *d)
{
	const struct sock *s = sock_find(u, &d->local);
	union {
		const uint8_t *in;
		void *out; /* sendmsg(2) does not write there */
	} data = { .in = d->data.p };
	struct iovec iov = { data.out, d->data.len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control ctl;
	union name name;

	if (s == NULL || d->peer.addr.len != d->local.addr.len)
		return -EADDRNOTAVAIL;
	mh.msg_name = &name;
	mh.msg_namelen = name_fill(&name, &d->peer.addr, d->peer.port);
	control_fill(&mh, &ctl, &d->local.addr);
	if (sendmsg(s->fd, &mh, MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}
