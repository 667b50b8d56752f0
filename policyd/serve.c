/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/loop.h"
#include "ipc/chan.h"
#include "policyd/serve.h"

/* One edge: who is at the other end is all we know of the asker. */
struct edge {
	struct serve *s;
	struct chan *chan;
	enum peer remote;
	uint8_t slot; /* of a key manager */
	bool stuck;   /* does not read our answers; said once */
};

struct serve {
	struct event_base *base;
	struct pol_host *host;
	struct edge groupd, dispatcherd, keymgrd[MIKE_SLOTS];
};

/*
 * Strangers can cause refusals at will: twenty lines a second are enough, the
 * others are counted.
 */
#define WARN_PER_S 20

static bool
may_warn(void)
{
	static time_t second;
	static unsigned int n;
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
		return true;
	if (now.tv_sec != second) {
		if (n > WARN_PER_S)
			log_warn("auth.refused suppressed=%u", n - WARN_PER_S);
		second = now.tv_sec;
		n = 0;
	}
	return ++n <= WARN_PER_S;
}

void
serve_note(const struct pol_note *n)
{
	if (n->warn) {
		if (may_warn())
			log_warn("%s group=%s cause=\"%s\" %s=\"%s\"", n->token,
			    n->group, n->why,
			    n->claimed ? "claimed" : "identity", n->identity);
	} else if (*n->identity != '\0') {
		/* The key manager's log says the same, and what came of it. */
		log_debug("%s group=%s identity=\"%s\"", n->token, n->group,
		    n->identity);
	} else {
		log_info("%s group=%s", n->token, n->group);
	}
}

int64_t
serve_now(void)
{
	return time(NULL);
}

static int
send_on(void *arg, const struct msg *m)
{
	struct edge *e = arg;

	return chan_send(e->chan, m);
}

/*
 * A peer that went away in the middle asks again when it is back.  One that
 * asks and does not read must not be able to end us: the others' groups
 * depend on us too.
 */
static void
sent(struct edge *e, int r)
{
	if (r == -ENOBUFS && !e->stuck)
		log_warn("edge.stuck peer=%s slot=%u", peer_name(e->remote),
		    e->slot);
	else if (r != 0 && r != -ENOTCONN && r != -ENOBUFS)
		fatal("edge.answer peer=%s slot=%u error=\"%s\"",
		    peer_name(e->remote), e->slot, strerror(-r));
	e->stuck = r == -ENOBUFS;
}

static void
on_msg(void *arg, const struct msg *m)
{
	struct edge *e = arg;
	struct pol_host *h = e->s->host;
	struct pol_out out = { .send = send_on, .arg = e };

	log_debug("edge.ask peer=%s slot=%u msg=%s", peer_name(e->remote),
	    e->slot, msg_name(m->type));
	switch (e->remote) {
	case PEER_DISPATCHERD:
		sent(e, pol_answer_dispatcherd(h, m, &out));
		break;
	case PEER_GROUPD:
		sent(e, pol_answer_groupd(h, m, &out));
		break;
	default:
		sent(e, pol_answer_keymgrd(h, e->slot, m, &out));
	}
}

static void
on_up(void *arg)
{
	struct edge *e = arg;

	e->stuck = false;
	log_debug("edge.up peer=%s slot=%u", peer_name(e->remote), e->slot);
}

static void
on_down(void *arg)
{
	struct edge *e = arg;

	log_debug("edge.down peer=%s slot=%u", peer_name(e->remote), e->slot);
}

static void
edge_open(struct edge *e, const char *path)
{
	static const struct chan_ops ops = {
		.up = on_up,
		.down = on_down,
		.msg = on_msg,
	};
	struct chan_conf conf = {
		.self = PEER_POLICYD,
		.remote = e->remote,
		.path = path,
		/* The more privileged side binds. */
		.bind = e->remote != PEER_DISPATCHERD,
	};

	e->chan = chan_new(e->s->base, &conf, &ops, e);
}

struct serve *
serve_new(const struct opts *o, struct pol_host *host)
{
	struct serve *s = calloc(1, sizeof(*s));
	char path[256];

	if (s == NULL)
		fatal("serve.failed error=\"out of memory\"");
	s->base = loop_new();
	s->host = host;
	s->groupd = (struct edge){ .s = s, .remote = PEER_GROUPD };
	s->dispatcherd = (struct edge){ .s = s, .remote = PEER_DISPATCHERD };
	snprintf(path, sizeof(path), "%s/edge/gp/s", o->run);
	edge_open(&s->groupd, path);
	for (uint8_t i = 0; i < MIKE_SLOTS; i++) {
		s->keymgrd[i] =
		    (struct edge){ .s = s, .remote = PEER_KEYMGRD, .slot = i };
		snprintf(path, sizeof(path), "%s/edge/k%02u/p/s", o->run, i);
		edge_open(&s->keymgrd[i], path);
	}
	snprintf(path, sizeof(path), "%s/edge/dp/s", o->run);
	edge_open(&s->dispatcherd, path);
	return s;
}

void
serve_run(struct serve *s)
{
	loop_run(s->base);
}
