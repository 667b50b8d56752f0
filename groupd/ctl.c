/* SPDX-License-Identifier: ISC */
#include "groupd/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <sys/un.h>

#include "common/log.h"

#define ASK_MAX 1024
#define OUT_OVERHEAD 64 /* what a queued message costs beyond its octets */

struct out {
	STAILQ_ENTRY(out) next;
	size_t len;
	uint8_t octets[];
};

static void
client_end(struct client *c)
{
	struct out *o;

	while ((o = STAILQ_FIRST(&c->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->queue, next);
		free(o);
	}
	gather_forget(c->ctl->gd, c->id);
	cmd_forget(c);
	event_free(c->rd);
	event_free(c->wr);
	close(c->fd);
	*c = (struct client){ 0 };
}

/* Somebody up the stack may still hold the client: end it from the loop. */
static void
client_fail(struct client *c, const char *why)
{
	if (c->dead)
		return;
	log_warn(
	    "ctl.drop uid=%u pid=%d: %s", c->who.uid, (int)c->who.pid, why);
	c->dead = true;
	event_active(c->rd, EV_TIMEOUT, 0);
}

struct client *
ctl_find(struct ctl *ctl, uint32_t id)
{
	for (size_t i = 0; id != 0 && i < CTL_CLIENTS; i++)
		if (ctl->c[i].id == id)
			return &ctl->c[i];
	return NULL;
}

/* false: it does not take more now. */
static bool
push(struct client *c, const uint8_t *p, size_t len)
{
	if (send(c->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		c->seen_ms = gd_now();
		return true;
	}
	if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		client_fail(c, strerror(errno));
	return false;
}

static void
enqueue(struct client *c, const uint8_t *p, size_t len)
{
	struct out *o;

	if (len + OUT_OVERHEAD > CTL_QUEUE - c->queued ||
	    (o = malloc(sizeof(*o) + len)) == NULL) {
		client_fail(c, "does not read its answers");
		return;
	}
	o->len = len;
	memcpy(o->octets, p, len);
	STAILQ_INSERT_TAIL(&c->queue, o, next);
	c->queued += len + OUT_OVERHEAD;
	if (event_add(c->wr, NULL) != 0)
		fatal("ctl: no event");
}

void
ctl_send(struct ctl *ctl, uint32_t client, const struct msg *m)
{
	static uint8_t buf[MSG_SIZE_MAX];
	struct client *c = ctl_find(ctl, client);
	struct wbuf wb;

	if (c == NULL || c->dead)
		return;
	wb_init(&wb, buf, sizeof(buf));
	if (msg_put(&wb, m) != 0)
		fatal("ctl.send msg=%s does not encode", msg_name(m->type));
	if (STAILQ_EMPTY(&c->queue) && push(c, buf, wb.len))
		return;
	if (!c->dead)
		enqueue(c, buf, wb.len);
}

static void
on_room(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	struct out *o;

	(void)fd;
	(void)what;
	while (!c->dead && (o = STAILQ_FIRST(&c->queue)) != NULL) {
		if (!push(c, o->octets, o->len))
			return; /* the event stays */
		STAILQ_REMOVE_HEAD(&c->queue, next);
		c->queued -= o->len + OUT_OVERHEAD;
		free(o);
	}
	(void)event_del(c->wr);
}

/* mikectl is no daemon of ours: what it sends wrong costs it the connection. */
static void
on_ask(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	uint8_t buf[ASK_MAX];
	struct msg m;
	ssize_t n = 0;

	(void)what;
	if (!c->dead) {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
	}
	if (n <= 0) {
		client_end(c);
		return;
	}
	c->seen_ms = gd_now();
	if ((size_t)n > sizeof(buf) || msg_get(buf, (size_t)n, &m) != 0 ||
	    !msg_permitted(m.type, PEER_MIKECTL, PEER_GROUPD))
		client_fail(c, "not a request");
	else
		cmd_run(c, &m);
}

/* Is there room for one more of this user?  Root always finds some. */
static struct client *
place_find(struct ctl *ctl, uid_t uid)
{
	struct client *free_one = NULL;
	unsigned int same = 0, others = 0;

	for (size_t i = 0; i < CTL_CLIENTS; i++) {
		struct client *c = &ctl->c[i];

		if (c->id == 0) {
			free_one = c;
			continue;
		}
		others += c->who.uid != 0;
		same += c->who.uid == uid;
	}
	if (uid != 0 && (same >= CTL_PER_UID || others >= CTL_OTHERS))
		return NULL;
	return free_one;
}

static int
client_new(struct ctl *ctl, int fd)
{
	socklen_t len = sizeof(struct ucred);
	struct client *c;
	struct ucred who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		return -errno;
	if ((c = place_find(ctl, who.uid)) == NULL)
		return -EUSERS;
	*c = (struct client){
		.fd = fd, .ctl = ctl, .who = who, .seen_ms = gd_now()
	};
	STAILQ_INIT(&c->queue);
	c->rd = event_new(ctl->gd->base, fd, EV_READ | EV_PERSIST, on_ask, c);
	c->wr = event_new(ctl->gd->base, fd, EV_WRITE | EV_PERSIST, on_room, c);
	if (c->rd == NULL || c->wr == NULL || event_add(c->rd, NULL) != 0)
		fatal("ctl: no event");
	if (++ctl->last_id == 0)
		ctl->last_id = 1;
	c->id = ctl->last_id;
	return 0;
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct ctl *ctl = arg;
	int r, c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (c < 0)
		return;
	if ((r = client_new(ctl, c)) != 0) {
		log_debug("ctl.refuse: %s", strerror(-r));
		close(c);
	}
}

void
ctl_tick(struct ctl *ctl)
{
	uint64_t now = gd_now();

	if (ctl->unwritten != 0)
		log_warn("audit refused=%llu more, not written down",
		    (unsigned long long)ctl->unwritten);
	ctl->audits = 0;
	ctl->unwritten = 0;
	for (size_t i = 0; i < CTL_CLIENTS; i++) {
		struct client *c = &ctl->c[i];

		if (c->id == 0 || c->dead)
			continue;
		if (c->acting && now - c->since_ms >= CTL_DONE_MS)
			cmd_overdue(c);
		else if (now - c->seen_ms >= CTL_IDLE_MS)
			client_fail(c, "idle");
	}
}

static int
socket_open(const char *run)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, n;

	n = snprintf(
	    un.sun_path, sizeof(un.sun_path), "%s/ctl/groupd.sock", run);
	if (n < 0 || (size_t)n >= sizeof(un.sun_path))
		fatal("ctl: the run directory's name is too long for a socket");
	(void)unlink(un.sun_path); /* of a groupd that was killed */
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0 ||
	    listen(fd, CTL_CLIENTS) != 0)
		fatal("ctl %s: %s", un.sun_path, strerror(errno));
	return fd;
}

struct ctl *
ctl_open(struct gd *gd)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));

	if (ctl == NULL)
		fatal("groupd: out of memory");
	ctl->gd = gd;
	ctl->fd = socket_open(gd->o->run);
	ctl->ev =
	    event_new(gd->base, ctl->fd, EV_READ | EV_PERSIST, on_accept, ctl);
	if (ctl->ev == NULL || event_add(ctl->ev, NULL) != 0)
		fatal("ctl: no event");
	return ctl;
}
