/* SPDX-License-Identifier: ISC */

/*
 * An instance number belongs to one life of the channel, not of the process:
 * when a connection broke, whatever it carried may be lost, so the side that
 * notices takes a new number and both start afresh.
 */

#include <sys/queue.h>
#include <sys/random.h>

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <nanomsg/nn.h>
#include <nanomsg/pair.h>

#include "common/log.h"
#include "ipc/chan.h"
#include "ipc/frame.h"

#define CHAN_VERSION 1
#define QUEUE_MAX (4u << 20)
/* What a queued message costs beyond its octets; bounds tiny ones too. */
#define QUEUE_OVERHEAD 128
/* Messages until others have their turn; the descriptor stays readable. */
#define DRAIN_MAX 256

static const struct timeval hello_every = { 0, 200000 };
static const struct timeval watch_every = { 1, 0 };
static const struct timeval redial_after = { 1, 0 };
static const struct timeval settle_after = { 0, 200000 };

struct out {
	STAILQ_ENTRY(out) next;
	void *buf; /* of nn_allocmsg() */
	size_t len;
};

struct chan {
	struct chan_conf conf;
	const struct chan_ops *ops;
	void *arg;
	int s, endpoint;
	struct event *ev_rcv, *ev_snd, *ev_timer, *ev_flush;
	uint64_t instance; /* own; never 0 */
	uint64_t seen;	   /* the peer's; 0: not heard yet */
	bool up;
	bool hello_due;	    /* to be sent as soon as somebody is connected */
	uint64_t broken;    /* nanomsg's count of broken connections */
	bool settled;	    /* that count is of this connection's time */
	struct frame frame; /* leaves when the callbacks that run are done */
	STAILQ_HEAD(, out) queue;
	size_t queued;
	unsigned int busy; /* callbacks that are running */
	bool dead;	   /* freed by one of them */
};

static uint64_t
new_instance(void)
{
	uint64_t v = 0;

	while (v == 0)
		if (getrandom(&v, sizeof(v), 0) != (ssize_t)sizeof(v))
			fatal("chan.instance error=\"getrandom: %s\"",
			    strerror(errno));
	return v;
}

static void
buf_free(void *buf, size_t len)
{
	explicit_bzero(buf, len);
	if (nn_freemsg(buf) == -1)
		fatal("chan.buffer error=\"%s\"", nn_strerror(nn_errno()));
}

static void
queue_drop(struct chan *c)
{
	struct out *o;

	while ((o = STAILQ_FIRST(&c->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->queue, next);
		buf_free(o->buf, o->len);
		free(o);
	}
	c->queued = 0;
	frame_clear(&c->frame);
}

/* The frame in a buffer that nanomsg will own. */
static void *
frame_take(struct frame *f, size_t *len)
{
	void *buf = nn_allocmsg(f->len, 0);

	if (buf == NULL)
		fatal("chan.send error=\"out of memory\"");
	*len = f->len;
	memcpy(buf, f->p, f->len);
	frame_clear(f);
	return buf;
}

/* 0: nanomsg has the buffer; -EAGAIN: it is still ours. */
static int
push(struct chan *c, void *buf)
{
	int e;

	if (nn_send(c->s, &buf, NN_MSG, NN_DONTWAIT) >= 0)
		return 0;
	if ((e = nn_errno()) == EAGAIN || e == EINTR || e == ETIMEDOUT)
		return -EAGAIN;
	fatal("chan.send path=%s error=\"%s\"", c->conf.path, nn_strerror(e));
}

/* Watch for room only while there is something to send. */
static void
want_room(struct chan *c)
{
	int r;

	if (c->hello_due || !STAILQ_EMPTY(&c->queue))
		r = event_add(c->ev_snd, NULL);
	else
		r = event_del(c->ev_snd);
	if (r == -1)
		fatal(
		    "chan.event path=%s error=\"cannot watch\"", c->conf.path);
}

static void
start_timer(struct chan *c, const struct timeval *tv)
{
	if (event_add(c->ev_timer, tv) == -1)
		fatal("chan.event path=%s error=\"cannot set a timer\"",
		    c->conf.path);
}

/*
 * Say who we are and whom we see.  With nobody connected there is nothing to
 * repeat: the event for room wakes us when somebody comes, so an idle edge
 * costs the side that binds no wake-ups.  The other side has to see to its
 * connection, see redial().
 */
static void
hello_send(struct chan *c, bool up)
{
	struct msg m = { .type = MSG_HELLO };
	struct frame f = { 0 };
	void *buf;
	size_t len;

	m.hello.version = CHAN_VERSION;
	m.hello.instance = c->instance;
	m.hello.seen = c->seen;
	m.hello.up = up;
	if (frame_add(&f, &m) != 0)
		fatal(
		    "chan.hello path=%s error=\"out of memory\"", c->conf.path);
	buf = frame_take(&f, &len);
	frame_free(&f);
	c->hello_due = push(c, buf) != 0;
	if (c->hello_due)
		buf_free(buf, len);
	else if (!up)
		start_timer(c, &hello_every);
	if (c->hello_due && !up && !c->conf.bind)
		start_timer(c, &redial_after);
	want_room(c);
}

static uint64_t
broken_count(const struct chan *c)
{
	return nn_get_statistic(c->s, NN_STAT_BROKEN_CONNECTIONS) +
	       nn_get_statistic(c->s, NN_STAT_DROPPED_CONNECTIONS);
}

static void
enter(struct chan *c)
{
	c->busy++;
}

static void
chan_destroy(struct chan *c)
{
	char *path;

	memcpy(&path, &c->conf.path, sizeof(path)); /* ours: drop the const */
	free(path);
	frame_free(&c->frame);
	free(c);
}

/* false: the channel is gone. */
static bool
leave(struct chan *c)
{
	c->busy--;
	if (!c->dead)
		return true;
	if (c->busy == 0)
		chan_destroy(c);
	return false;
}

static void
go_down(struct chan *c)
{
	c->up = false;
	queue_drop(c);
	log_info("chan.down peer=%s path=%s", peer_name(c->conf.remote),
	    c->conf.path);
	c->ops->down(c->arg);
}

static void
go_up(struct chan *c)
{
	c->up = true;
	c->settled = false;
	start_timer(c, &settle_after);
	log_info(
	    "chan.up peer=%s path=%s", peer_name(c->conf.remote), c->conf.path);
	c->ops->up(c->arg);
}

/*
 * Our HELLO that names the peer leaves before go_up() and thus before the
 * first message of the user, so the peer is up when that arrives.
 */
static void
on_hello(struct chan *c, const struct msg_hello *h)
{
	bool named = h->seen == c->instance;

	if (h->version != CHAN_VERSION || h->instance == 0)
		fatal("chan.hello peer=%s path=%s version=%u error=\"not our "
		      "version; install all programs from one release\"",
		    peer_name(c->conf.remote), c->conf.path, h->version);
	if (h->instance != c->seen) {
		c->seen = h->instance;
		if (c->up) {
			go_down(c);
			if (c->dead)
				return;
		}
	}
	if (!h->up || !named)
		hello_send(c, c->up || named);
	if (named && !c->up)
		go_up(c);
}

static void
on_msg(struct chan *c, const struct msg *m)
{
	if (!msg_permitted(m->type, c->conf.remote, c->conf.self))
		fatal("chan.refused peer=%s path=%s msg=%s error=\"not "
		      "permitted on this edge\"",
		    peer_name(c->conf.remote), c->conf.path, msg_name(m->type));
	if (m->type == MSG_HELLO)
		on_hello(c, &m->hello);
	else if (c->up)
		c->ops->msg(c->arg, m);
	else /* it was meant for our predecessor */
		log_debug("chan.early peer=%s msg=%s",
		    peer_name(c->conf.remote), msg_name(m->type));
}

/* How many messages it held. */
static unsigned int
on_frame(struct chan *c, const void *buf, size_t len)
{
	unsigned int n = 0;
	struct rbuf rb;
	struct msg m;
	int r;

	rb_init(&rb, buf, len);
	while ((r = frame_next(&rb, &m)) == 1 && !c->dead) {
		on_msg(c, &m);
		n++;
	}
	if (r < 0)
		fatal("chan.malformed peer=%s path=%s len=%zu error=\"does not "
		      "decode\"",
		    peer_name(c->conf.remote), c->conf.path, len);
	return n;
}

/* false: nothing left, or the channel is gone; *msgs counts up. */
static bool
receive(struct chan *c, unsigned int *msgs)
{
	void *buf;
	int n, e;

	if ((n = nn_recv(c->s, &buf, NN_MSG, NN_DONTWAIT)) < 0) {
		e = nn_errno();
		if (e == EINTR)
			return true;
		if (e == EAGAIN || e == ETIMEDOUT)
			return false;
		fatal("chan.receive path=%s error=\"%s\"", c->conf.path,
		    nn_strerror(e));
	}
	*msgs += on_frame(c, buf, (size_t)n);
	buf_free(buf, (size_t)n);
	return !c->dead;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct chan *c = arg;
	unsigned int msgs = 0;

	(void)fd;
	(void)what;
	enter(c);
	while (msgs < DRAIN_MAX && receive(c, &msgs))
		;
	(void)leave(c);
}

/* Behind what waits already, or out now. */
static int
flush(struct chan *c)
{
	struct out *o;
	void *buf;
	size_t len;

	if (c->frame.len == 0)
		return 0;
	if (c->frame.len + QUEUE_OVERHEAD > QUEUE_MAX - c->queued)
		return -ENOBUFS;
	buf = frame_take(&c->frame, &len);
	if (!c->hello_due && STAILQ_EMPTY(&c->queue) && push(c, buf) == 0)
		return 0;
	if ((o = malloc(sizeof(*o))) == NULL)
		fatal(
		    "chan.send path=%s error=\"out of memory\"", c->conf.path);
	*o = (struct out){ .buf = buf, .len = len };
	STAILQ_INSERT_TAIL(&c->queue, o, next);
	c->queued += len + QUEUE_OVERHEAD;
	want_room(c);
	return 0;
}

/* A HELLO goes first: it makes the peer accept what is behind it. */
static void
on_room(evutil_socket_t fd, short what, void *arg)
{
	struct chan *c = arg;
	struct out *o;

	(void)fd;
	(void)what;
	if (c->hello_due)
		hello_send(c, c->up);
	while (!c->hello_due && (o = STAILQ_FIRST(&c->queue)) != NULL) {
		if (push(c, o->buf) != 0)
			break;
		STAILQ_REMOVE_HEAD(&c->queue, next);
		c->queued -= o->len + QUEUE_OVERHEAD;
		free(o);
	}
	(void)!flush(c); /* if there was no room for it in the queue */
	want_room(c);
}

/*
 * Is the connection still the one that came up?  nanomsg counts the end of the
 * one before it a little late, so the first count is taken after a moment; a
 * peer that died in that moment shows by a HELLO that finds nobody.
 */
static bool
still_there(struct chan *c)
{
	if (c->settled)
		return broken_count(c) == c->broken;
	c->settled = true;
	c->broken = broken_count(c);
	hello_send(c, true);
	return !c->hello_due || !STAILQ_EMPTY(&c->queue);
}

static void
dial(struct chan *c)
{
	char url[NN_SOCKADDR_MAX];
	size_t n;

	(void)strlcpy(url, "ipc://", sizeof(url));
	n = strlcat(url, c->conf.path, sizeof(url));
	if (n >= sizeof(url))
		fatal("chan.path path=%s error=\"too long\"", c->conf.path);
	c->endpoint = c->conf.bind ? nn_bind(c->s, url) : nn_connect(c->s, url);
	if (c->endpoint == -1)
		fatal("chan.%s path=%s error=\"%s\"",
		    c->conf.bind ? "bind" : "connect", c->conf.path,
		    nn_strerror(nn_errno()));
}

/*
 * nanomsg reconnects by itself, but for one case, seen in tests: a connection
 * that the other side closes at once, because the end of our predecessor's is
 * not processed there yet, is sometimes never tried again.
 */
static void
redial(struct chan *c)
{
	if (nn_shutdown(c->s, c->endpoint) == -1 && nn_errno() != EINVAL)
		fatal("chan.redial path=%s error=\"%s\"", c->conf.path,
		    nn_strerror(nn_errno()));
	dial(c);
}

/* Not up: say HELLO again.  Up: watch the connection. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct chan *c = arg;

	(void)fd;
	(void)what;
	enter(c);
	if (c->up && still_there(c)) {
		start_timer(c, &watch_every);
	} else {
		if (c->up) {
			c->instance = new_instance();
			c->seen = 0;
			go_down(c);
		} else if (c->hello_due && !c->conf.bind) {
			redial(c);
		}
		if (!c->dead)
			hello_send(c, false);
	}
	(void)leave(c);
}

static void
set_int(struct chan *c, int option, int value)
{
	if (nn_setsockopt(c->s, NN_SOL_SOCKET, option, &value, sizeof(value)) ==
	    -1)
		fatal("chan.option path=%s option=%d error=\"%s\"",
		    c->conf.path, option, nn_strerror(nn_errno()));
}

static int
get_fd(struct chan *c, int option)
{
	int fd;
	size_t len = sizeof(fd);

	if (nn_getsockopt(c->s, NN_SOL_SOCKET, option, &fd, &len) == -1)
		fatal("chan.option path=%s option=%d error=\"%s\"",
		    c->conf.path, option, nn_strerror(nn_errno()));
	return fd;
}

static void
open_socket(struct chan *c)
{
	if ((c->s = nn_socket(AF_SP, NN_PAIR)) == -1)
		fatal("chan.socket path=%s error=\"%s\"", c->conf.path,
		    nn_strerror(nn_errno()));
	set_int(c, NN_RCVMAXSIZE, FRAME_MAX);
	set_int(c, NN_RECONNECT_IVL, 50);
	set_int(c, NN_RECONNECT_IVL_MAX, 200);
	set_int(c, NN_LINGER, 0);
	dial(c);
}

static void on_flush(evutil_socket_t fd, short what, void *arg);

static void
watch(struct chan *c, struct event_base *base)
{
	c->ev_rcv = event_new(
	    base, get_fd(c, NN_RCVFD), EV_READ | EV_PERSIST, on_readable, c);
	/* This one becomes readable, too, when there is room to send. */
	c->ev_snd = event_new(
	    base, get_fd(c, NN_SNDFD), EV_READ | EV_PERSIST, on_room, c);
	c->ev_timer = evtimer_new(base, on_timer, c);
	c->ev_flush = event_new(base, -1, 0, on_flush, c);
	if (c->ev_rcv == NULL || c->ev_snd == NULL || c->ev_timer == NULL ||
	    c->ev_flush == NULL || event_add(c->ev_rcv, NULL) == -1)
		fatal(
		    "chan.event path=%s error=\"cannot watch\"", c->conf.path);
}

struct chan *
chan_new(struct event_base *base, const struct chan_conf *conf,
    const struct chan_ops *ops, void *arg)
{
	struct chan *c = calloc(1, sizeof(*c));

	if (c == NULL)
		fatal("chan.new path=%s error=\"out of memory\"", conf->path);
	c->conf = *conf;
	c->ops = ops;
	c->arg = arg;
	STAILQ_INIT(&c->queue);
	if ((c->conf.path = strdup(conf->path)) == NULL)
		fatal("chan.new path=%s error=\"out of memory\"", conf->path);
	c->instance = new_instance();
	open_socket(c);
	watch(c, base);
	hello_send(c, false);
	return c;
}

void
chan_free(struct chan **cp)
{
	struct chan *c = *cp;

	if (c == NULL)
		return;
	*cp = NULL;
	event_free(c->ev_rcv);
	event_free(c->ev_snd);
	event_free(c->ev_timer);
	event_free(c->ev_flush);
	queue_drop(c);
	while (nn_close(c->s) == -1 && nn_errno() == EINTR)
		;
	c->up = false;
	c->dead = true;
	if (c->busy == 0)
		chan_destroy(c);
}

bool
chan_is_up(const struct chan *c)
{
	return c->up;
}

size_t
chan_waiting(const struct chan *c)
{
	return c->queued;
}

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)!flush(arg); /* a frame that stays: who sends next is told */
}

int
chan_send(struct chan *c, const struct msg *m)
{
	int r;

	/* Sending what may not be sent is a bug of ours. */
	must(msg_permitted(m->type, c->conf.self, c->conf.remote));
	if (!c->up)
		return -ENOTCONN;
	if (c->frame.len == 0)
		event_active(c->ev_flush, EV_WRITE, 1);
	if ((r = frame_add(&c->frame, m)) != -ENOSPC)
		return r;
	return (r = flush(c)) != 0 ? r : frame_add(&c->frame, m);
}

int
chan_try(struct chan *c, const struct msg *m)
{
	if (c->up && (c->hello_due || !STAILQ_EMPTY(&c->queue)))
		return -EAGAIN;
	return chan_send(c, m);
}
