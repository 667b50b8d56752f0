/* SPDX-License-Identifier: ISC */
/*
 * Start-up is a ladder of phases, each of which asks policyd something and
 * waits for the answer.  The question is repeated when policyd's edge comes up
 * again, so a neighbour may be restarted at any step, and never before: a slow
 * policyd would be slower still, and each SEAL_OPEN is another instance.
 *
 *   SEAL_OPEN -> SEAL_KEYS    instance number, seal keys; read the state file
 *   CONF_GET  -> CONF_END     the group; start the core, write a snapshot
 *   SEAL_DONE -> RESULT       the snapshot counts from now on
 *   run
 */

#include "keymgrd/shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>
#include <event2/event.h>

#include "common/log.h"
#include "ipc/chan.h"
#include "keymgrd/core/confmsg.h"
#include "keymgrd/core/edge.h"
#include "keymgrd/effects.h"
#include "keymgrd/shell_int.h"

#define RETRY_MS 100 /* after a step that found no memory */
#define LOOK_MS 15000

static int
rand_get(void *arg, void *out, size_t len)
{
	(void)arg;
	return crypto_rand(out, len);
}

uint64_t
shell_now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_BOOTTIME, &t) != 0)
		fatal("clock: %s", strerror(errno));
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/*
 * The loop's timers stand still while the host is suspended, the core's time
 * does not: look at the clock from time to time.
 */
static void
timer_arm(struct shell *s, uint64_t not_before_ms)
{
	uint64_t now = shell_now();
	uint64_t due = s->phase == PH_RUN ? km_deadline(s->km) : now + 1000;
	struct timeval tv;

	due = due > now ? due - now : 0;
	if (due > LOOK_MS)
		due = LOOK_MS;
	if (due < not_before_ms)
		due = not_before_ms;
	tv.tv_sec = (time_t)(due / 1000);
	tv.tv_usec = (suseconds_t)(due % 1000 * 1000);
	if (event_add(s->timer, &tv) != 0)
		fatal("event_add failed");
}

int
shell_feed(struct shell *s, struct km_in *in)
{
	int r;

	in->now_ms = shell_now();
	fx_reset(s->fx);
	if ((r = km_step(s->km, in, s->fx)) != 0)
		log_debug("km.step event=%d: %s", (int)in->ev, strerror(-r));
	else
		effects_run(s);
	fx_reset(s->fx);
	/* No fault of a peer's: what is due stays due; do not spin for it. */
	timer_arm(s, r == -ENOMEM || r == -EIO ? RETRY_MS : 0);
	return r;
}

/* Snapshot under our own key; what the predecessor wrote is not needed then. */
void
shell_snapshot(struct shell *s)
{
	struct chunk none = { NULL, 0 };
	int r;

	fx_reset(s->fx);
	if ((r = seal_put(&s->seal, SEAL_BEGIN, none)) != 0 ||
	    (r = km_snapshot(s->km, shell_now(), s->fx)) != 0)
		fatal("state.snapshot: %s", strerror(-r));
	effects_records(s);
	fx_reset(s->fx);
	if ((r = seal_put(&s->seal, SEAL_COMPLETE, none)) != 0)
		fatal("state.snapshot: %s", strerror(-r));
}

void
shell_punch(struct shell *s)
{
	int r = seal_punch(&s->seal);

	if (r != 0 && !s->no_punch)
		log_warn("state.punch slot=%u: %s: the state file grows; the "
			 "run directory should be a tmpfs",
		    s->slot, strerror(-r));
	s->no_punch = r != 0;
}

static int
record_keep(void *arg, struct chunk rec)
{
	struct shell *s = arg;
	struct km_in in = { .ev = KM_EV_STATE, .record = rec };

	in.now_ms = shell_now();
	return km_step(s->km, &in, s->fx);
}

/*
 * Read what predecessors left.  A number that has sealed something before is
 * not sealed under again: policyd's database was set back.  The next start
 * gets the next number.
 */
static int
state_scan(struct shell *s, size_t *len)
{
	struct chunk file;
	uint8_t *p;
	int r;

	if ((r = seal_read(SHELL_STATE_FD, &p, len)) != 0)
		return r;
	file = (struct chunk){ p, *len };
	if (seal_used(file, s->instance, secret_bytes(s->seal.key)))
		fatal("state.reused slot=%u instance=%u: policyd's database is "
		      "older than the state of this slot",
		    s->slot, s->instance);
	r = seal_scan(file, &s->read_keys, record_keep, s);
	free(p);
	return r;
}

/* Give the core what its predecessor knew.  Bad state costs a registration. */
static void
state_load(struct shell *s)
{
	size_t len = 0;
	int r = state_scan(s, &len);

	explicit_bzero(&s->read_keys, sizeof(s->read_keys));
	fx_reset(s->fx);
	if (r >= 0) {
		log_info("state.loaded group=%s records=%d octets=%zu",
		    s->conf.name, r, len);
		return;
	}
	if (r != -ENOENT || len > 0)
		log_warn("state.lost group=%s octets=%zu: %s; starting without "
			 "keys",
		    s->conf.name, len,
		    r == -EBADMSG ? "it was tampered with or is not ours"
				  : strerror(-r));
	/* Nothing half-applied: a core that choked on a record is replaced. */
	km_free(&s->km);
	s->km = km_new(&s->conf, &s->ops);
	if (s->km == NULL)
		fatal("km.new: out of memory");
}

static void
core_start(struct shell *s, const struct km_conf *conf)
{
	s->conf = *conf;
	s->conf.slot = s->slot;
	s->conf.instance = s->instance;
	s->km = km_new(&s->conf, &s->ops);
	if (s->km == NULL)
		fatal(
		    "km.new group=%s: configuration is not usable", conf->name);
	state_load(s);
	shell_snapshot(s);
	s->phase = PH_DONE;
}

static void
conf_ask(struct shell *s)
{
	struct msg get = { .type = MSG_CONF_GET };

	if (chan_is_up(s->p) && chan_send(s->p, &get) != 0)
		log_debug("policyd is not listening");
}

static void
run_start(struct shell *s)
{
	struct km_in in = { .ev = KM_EV_START };
	int r;

	shell_punch(s);
	s->phase = PH_RUN;
	log_info("km.start group=%s role=%s instance=%u", s->conf.name,
	    s->conf.role == ROLE_SENDER ? "sender" : "receiver", s->instance);
	if ((r = shell_feed(s, &in)) != 0)
		fatal("km.start group=%s: %s", s->conf.name, strerror(-r));
	effects_state_send(s, 0);
	conf_ask(s); /* a policyd that restarted meanwhile may say otherwise */
}

/* Ask what the present phase waits for; lost when the edge is down. */
static void
phase_ask(struct shell *s)
{
	struct msg m = { 0 };

	if (!chan_is_up(s->p) || !chan_is_up(s->d) || !chan_is_up(s->g) ||
	    (s->asked & 1u << s->phase) != 0)
		return;
	switch (s->phase) {
	case PH_SEAL:
		m.type = MSG_SEAL_OPEN;
		break;
	case PH_CONF:
		m.type = MSG_CONF_GET;
		break;
	case PH_DONE:
		m.type = MSG_SEAL_DONE;
		m.seal_done.req = ++s->req_done;
		m.seal_done.n = s->instance;
		break;
	case PH_RUN:
		return;
	}
	if (chan_send(s->p, &m) == 0)
		s->asked |= 1u << s->phase;
	else
		log_debug("policyd is not listening; asking again");
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shell *s = arg;
	struct km_in in = { .ev = KM_EV_TIMER };

	(void)fd;
	(void)what;
	if (s->phase == PH_RUN && km_deadline(s->km) <= shell_now()) {
		(void)shell_feed(s, &in);
		return;
	}
	phase_ask(s);
	timer_arm(s, 0);
}

static void
on_seal_keys(struct shell *s, const struct msg_seal_keys *k)
{
	size_t n = k->read.len / GCM_KEY_LEN;

	if (s->phase != PH_SEAL)
		return; /* an answer to a repeated question */
	if (k->status != ST_OK)
		fatal("seal.open slot=%u: policyd gives no keys (status %u)",
		    s->slot, k->status);
	if (k->write.len != GCM_KEY_LEN || k->read.len % GCM_KEY_LEN != 0 ||
	    n > SEAL_KEYS_MAX)
		fatal("seal.open: policyd's answer has wrong lengths");
	s->instance = k->n;
	if (seal_init(&s->seal, SHELL_STATE_FD, k->n, k->write.p) != 0)
		fatal("seal.open: no locked memory for a key");
	s->read_keys.first = k->first;
	s->read_keys.n = n;
	memcpy(s->read_keys.key, k->read.p, k->read.len);
	s->phase = PH_CONF;
	phase_ask(s);
}

/*
 * policyd was restarted with another text: a new key manager, with the state
 * of this one, is the way to take that over.
 */
static void
conf_compare(struct shell *s, struct km_conf conf)
{
	conf.slot = s->slot;
	conf.instance = s->instance;
	if (memcmp(&conf, &s->conf, sizeof(conf)) == 0)
		return;
	log_info("conf.changed group=%s: restarting", s->conf.name);
	_exit(0);
}

static void
on_conf(struct shell *s, const struct msg *m)
{
	int r = confmsg_add(&s->confmsg, m);

	if (r < 0)
		fatal("conf: policyd's answer makes no sense (%s)",
		    msg_name(m->type));
	if (r == 0)
		return;
	if (s->phase == PH_CONF) {
		core_start(s, &s->confmsg.conf);
		phase_ask(s);
	} else if (s->phase == PH_RUN) {
		conf_compare(s, s->confmsg.conf);
	}
}

static void
on_policyd_result(struct shell *s, const struct msg_result *r)
{
	if (s->phase != PH_DONE || r->req != s->req_done)
		return;
	if (r->status != ST_OK)
		fatal("seal.done slot=%u: policyd refused (status %u)", s->slot,
		    r->status);
	run_start(s);
}

/* Octets that make no sense are a broken peer: mike-spawn restarts us. */
static void
input(struct shell *s, const struct msg *m)
{
	struct km_in in;

	if (km_in_msg(m, &in) != 0)
		fatal("ipc %s: it makes no sense", msg_name(m->type));
	if (m->type == MSG_LEAVE)
		s->req_leave = m->leave.req;
	(void)shell_feed(s, &in);
}

static void
on_policyd(void *arg, const struct msg *m)
{
	struct shell *s = arg;

	switch (m->type) {
	case MSG_SEAL_KEYS:
		on_seal_keys(s, &m->seal_keys);
		break;
	case MSG_RESULT:
		on_policyd_result(s, &m->result);
		break;
	case MSG_AUTH_SIGNED:
	case MSG_AUTH_CHECKED:
	case MSG_PPK_MIXED:
		if (s->phase == PH_RUN)
			input(s, m);
		break;
	default:
		on_conf(s, m);
	}
}

static void
on_dispatcherd(void *arg, const struct msg *m)
{
	struct shell *s = arg;

	if (s->phase == PH_RUN)
		input(s, m);
}

static void
on_groupd(void *arg, const struct msg *m)
{
	struct shell *s = arg;

	if (m->type == MSG_STATUS_GET)
		effects_status_send(s, m->status_get.req);
	else if (s->phase == PH_RUN)
		input(s, m);
	else if (m->type == MSG_LEAVE)
		effects_left_send(s, m->leave.req); /* nobody was asked yet */
}

/* An edge came up: go on starting, or ask again what its peer has forgotten. */
static void
edge_up(struct shell *s, bool resync, bool policyd)
{
	struct km_in in = { .ev = KM_EV_RESYNC, .resync.policyd = policyd };

	if (s->phase != PH_RUN) {
		phase_ask(s);
		return;
	}
	if (!resync) {
		effects_state_send(s, 0);
		in.ev = KM_EV_STAY;
		(void)shell_feed(s, &in);
		return;
	}
	conf_ask(s);
	(void)shell_feed(s, &in);
}

static void
up_policyd(void *arg)
{
	edge_up(arg, true, true);
}

static void
up_dispatcherd(void *arg)
{
	edge_up(arg, true, false);
}

static void
up_groupd(void *arg)
{
	edge_up(arg, false, false);
}

static void
down_policyd(void *arg)
{
	struct shell *s = arg;

	s->asked = 0;
}

static void
down(void *arg)
{
	(void)arg; /* what was asked is asked again when it is up */
}

struct shell *
shell_new(struct event_base *base, uint8_t slot)
{
	struct shell *s = calloc(1, sizeof(*s));

	if (s == NULL || (s->fx = fx_new()) == NULL ||
	    (s->timer = evtimer_new(base, on_timer, s)) == NULL)
		fatal("shell: out of memory");
	s->base = base;
	s->slot = slot;
	s->ops.rand = rand_get;
	return s;
}

void
shell_open(struct shell *s)
{
	static const struct chan_ops p = { up_policyd, down_policyd,
		on_policyd };
	static const struct chan_ops d = { up_dispatcherd, down,
		on_dispatcherd };
	static const struct chan_ops g = { up_groupd, down, on_groupd };
	struct chan_conf c = { .self = PEER_KEYMGRD };

	c.remote = PEER_POLICYD;
	c.path = "/p/s";
	s->p = chan_new(s->base, &c, &p, s);
	c.remote = PEER_DISPATCHERD;
	c.path = "/d/s";
	s->d = chan_new(s->base, &c, &d, s);
	c.remote = PEER_GROUPD;
	c.path = "/g/s";
	s->g = chan_new(s->base, &c, &g, s);
	timer_arm(s, 0);
}
