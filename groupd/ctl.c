/* SPDX-License-Identifier: ISC */
/*
 * The control socket.  Who may connect is decided by the directory (group
 * mike); who may change something by SO_PEERCRED.  A client is bounded: one
 * small message at a time, answers are never waited for.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/log.h"
#include "groupd/gd.h"

#define CLIENTS_MAX 16
#define ASK_MAX 1024

struct client {
	uint32_t id; /* 0: free */
	int fd;
	struct ucred who;
	struct event *ev;
	struct ctl *ctl;
	uint32_t open_req; /* CTL_OPEN under way */
	bool opening;
};

struct ctl {
	struct gd *gd;
	int fd;
	struct event *ev;
	uint32_t last_id;
	struct client c[CLIENTS_MAX];
};

static void
client_end(struct client *c)
{
	event_free(c->ev);
	close(c->fd);
	*c = (struct client){ 0 };
}

static struct client *
client_find(struct ctl *ctl, uint32_t id)
{
	for (size_t i = 0; id != 0 && i < CLIENTS_MAX; i++)
		if (ctl->c[i].id == id)
			return &ctl->c[i];
	return NULL;
}

void
ctl_send(struct ctl *ctl, uint32_t client, const struct msg *m)
{
	static uint8_t buf[MSG_SIZE_MAX];
	struct client *c = client_find(ctl, client);
	struct wbuf wb;

	if (c == NULL)
		return; /* gone in the meantime */
	wb_init(&wb, buf, sizeof(buf));
	if (msg_put(&wb, m) != 0)
		fatal("ctl.send msg=%s does not encode", msg_name(m->type));
	if (send(c->fd, buf, wb.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		log_warn(
		    "ctl.drop pid=%d: %s", (int)c->who.pid, strerror(errno));
		client_end(c);
	}
}

static void
result(struct client *c, uint32_t req, enum ipc_status st, const char *why)
{
	struct msg m = { .type = MSG_RESULT };

	m.result.req = req;
	m.result.status = (uint8_t)st;
	m.result.text = (struct chunk){ (const uint8_t *)why, strlen(why) };
	ctl_send(c->ctl, c->id, &m);
}

/* Who waits for a group is written down in the group: client << 8 | kind. */
void
ctl_settled(struct ctl *ctl, const struct grp *g)
{
	struct grp *mine = groups_slot(&ctl->gd->t, g->slot);
	struct client *c = client_find(ctl, g->op);

	mine->waiting = false;
	if (c == NULL)
		return;
	for (size_t i = 0; c->opening && i < MIKE_SLOTS; i++)
		if (ctl->gd->t.g[i].waiting && ctl->gd->t.g[i].op == c->id)
			return; /* others of this CTL_OPEN are not done */
	c->opening = false;
	result(c, c->open_req, ST_OK, "");
}

static void
act(struct client *c, struct grp *g, enum life_ev ev, uint32_t req)
{
	c->open_req = req;
	g->waiting = true;
	g->op = c->id;
	if (gd_step(c->ctl->gd, g, ev) == 0)
		return;
	g->waiting = false;
	result(c, req, ST_CONFLICT,
	    ev == E_JOIN ? "is a member already, or just leaving"
			 : "is no member, or just joining");
}

static void
cmd_group(struct client *c, struct chunk name, enum life_ev ev, uint32_t req)
{
	struct grp *g =
	    groups_find(&c->ctl->gd->t, (const char *)name.p, name.len);

	if (g == NULL)
		result(c, req, ST_MISSING, "no such group in the policy");
	else if (g->waiting)
		result(c, req, ST_CONFLICT, "another command is under way");
	else
		act(c, g, ev, req);
}

static void
cmd_open(struct client *c, uint32_t req)
{
	struct groups *t = &c->ctl->gd->t;
	bool any = false;

	c->open_req = req;
	c->opening = true;
	for (size_t i = 0; i < MIKE_SLOTS; i++) {
		struct grp *g = &t->g[i];

		if (g->life != L_RUN && g->life != L_SPD)
			continue;
		g->waiting = true;
		g->op = c->id;
		any = true;
	}
	for (size_t i = 0; any && i < MIKE_SLOTS; i++)
		if (t->g[i].waiting && t->g[i].op == c->id &&
		    gd_step(c->ctl->gd, &t->g[i], E_OPEN) != 0)
			fatal("group.step: broken table");
	if (!any) {
		c->opening = false;
		result(c, req, ST_OK, "");
	}
}

/* Changing something is for root, and on record whether it is allowed or not.
 */
static bool
allowed(struct client *c, const char *cmd, struct chunk name, uint32_t req)
{
	char safe[260];
	bool ok = c->who.uid == 0;

	log_info("audit uid=%u gid=%u pid=%d cmd=%s group=%s %s", c->who.uid,
	    c->who.gid, (int)c->who.pid, cmd,
	    log_safe(safe, sizeof(safe), name.p, name.len),
	    ok ? "allowed" : "refused");
	if (!ok)
		result(c, req, ST_REFUSED, "only root may do that");
	return ok;
}

static void
command(struct client *c, const struct msg *m)
{
	struct chunk none = { (const uint8_t *)"", 0 };

	switch (m->type) {
	case MSG_STATUS_GET:
		gather_ask(c->ctl->gd, c->id, m->status_get.req);
		break;
	case MSG_CTL_JOIN:
		if (allowed(c, "join", m->ctl_join.name, m->ctl_join.req))
			cmd_group(c, m->ctl_join.name, E_JOIN, m->ctl_join.req);
		break;
	case MSG_CTL_LEAVE:
		if (allowed(c, "leave", m->ctl_leave.name, m->ctl_leave.req))
			cmd_group(
			    c, m->ctl_leave.name, E_LEAVE, m->ctl_leave.req);
		break;
	case MSG_CTL_OPEN:
		if (allowed(c, "open", none, m->ctl_open.req))
			cmd_open(c, m->ctl_open.req);
		break;
	default:
		break;
	}
}

/* mikectl is no daemon of ours: what it sends wrong costs it the connection. */
static void
on_client(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	uint8_t buf[ASK_MAX];
	struct msg m;
	ssize_t n;

	(void)what;
	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_end(c);
		return;
	}
	if ((size_t)n > sizeof(buf) || msg_get(buf, (size_t)n, &m) != 0 ||
	    !msg_permitted(m.type, PEER_MIKECTL, PEER_GROUPD)) {
		log_warn("ctl.drop uid=%u pid=%d: not a request", c->who.uid,
		    (int)c->who.pid);
		client_end(c);
		return;
	}
	command(c, &m);
}

static int
client_new(struct ctl *ctl, int fd)
{
	socklen_t len = sizeof(struct ucred);
	struct client *c = NULL;

	for (size_t i = 0; i < CLIENTS_MAX && c == NULL; i++)
		if (ctl->c[i].id == 0)
			c = &ctl->c[i];
	if (c == NULL)
		return -EMFILE;
	*c = (struct client){ .fd = fd, .ctl = ctl };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->who, &len) != 0)
		return -errno;
	c->ev =
	    event_new(ctl->gd->base, fd, EV_READ | EV_PERSIST, on_client, c);
	if (c->ev == NULL || event_add(c->ev, NULL) != 0)
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
		log_warn("ctl.refuse: %s", strerror(-r));
		close(c);
	}
}

struct ctl *
ctl_open(struct gd *gd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct ctl *ctl = calloc(1, sizeof(*ctl));
	int n;

	if (ctl == NULL)
		fatal("groupd: out of memory");
	ctl->gd = gd;
	n = snprintf(
	    un.sun_path, sizeof(un.sun_path), "%s/ctl/groupd.sock", gd->o->run);
	if (n < 0 || (size_t)n >= sizeof(un.sun_path))
		fatal("ctl: the run directory's name is too long for a socket");
	(void)unlink(un.sun_path); /* of a groupd that was killed */
	ctl->fd =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ctl->fd < 0 ||
	    bind(ctl->fd, (struct sockaddr *)&un, sizeof(un)) != 0 ||
	    listen(ctl->fd, CLIENTS_MAX) != 0)
		fatal("ctl %s: %s", un.sun_path, strerror(errno));
	ctl->ev =
	    event_new(gd->base, ctl->fd, EV_READ | EV_PERSIST, on_accept, ctl);
	if (ctl->ev == NULL || event_add(ctl->ev, NULL) != 0)
		fatal("ctl: no event");
	return ctl;
}
