/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>
#include <sys/random.h>

#include <linux/landlock.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/sandbox.h"
#include "dispatcherd/core/rate.h"
#include "dispatcherd/disp_int.h"
#include "dispatcherd/xstat.h"

#define PATH_LEN 256
#define DROP_LOG_MS 1000 /* one line per cause and second at most */
/* Octets that wait for groupd when it is slow: a burst, and what of it may be
 * of requests that anybody can forge. */
#define WAITING_MAX (256 * 1024)
#define WAITING_NEW (64 * 1024)

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void
disp_send(struct chan *c, const struct msg *m)
{
	int err = chan_send(c, m);

	if (err != 0 && err != -ENOTCONN)
		log_warn("ipc.send %s: %s", msg_name(m->type), strerror(-err));
}

const char *
disp_group(const struct disp *d, uint8_t slot, char buf[GROUP_TEXT_MAX])
{
	const struct rules *r = ruleset_now(d->rules);
	const struct rules_group *g = r != NULL ? rules_group(r, slot) : NULL;
	const char *name = g != NULL ? g->name : "-";

	return log_safe(buf, GROUP_TEXT_MAX, name, strlen(name));
}

struct disp *
disp_open(const struct opts *o)
{
	struct disp *d = calloc(1, sizeof(*d));
	uint8_t key[SIPHASH_KEY_LEN];

	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		fatal("disp.open getrandom: %s", strerror(errno));
	if (d == NULL || (d->rules = ruleset_new()) == NULL ||
	    (d->filter = filter_new(key, RATE_ROWS)) == NULL)
		fatal("disp.open out of memory");
	d->opts = o;
	/* Netlink first: it loads the module that the sockets' bypass wants. */
	d->xfrm = xfrm_open();
	d->udp = udp_open(o->ports);
	d->xstat_fd = xstat_open();
	return d;
}

static void
edge_dir(const struct disp *d, char buf[PATH_LEN], const char *edge)
{
	int n = snprintf(buf, PATH_LEN, "%s/edge/%s", d->opts->run, edge);

	if (n < 0 || n >= PATH_LEN)
		fatal("disp.edges -r %s: path is too long", d->opts->run);
}

void
disp_confine(struct disp *d)
{
	enum { N = MIKE_SLOTS + 2 };
	char(*dir)[PATH_LEN] = calloc(N, PATH_LEN);
	struct sandbox_path v[N];
	char edge[8];

	if (dir == NULL)
		fatal("disp.confine out of memory");
	edge_dir(d, dir[0], "gd");
	edge_dir(d, dir[1], "dp");
	for (unsigned int i = 0; i < MIKE_SLOTS; i++) {
		snprintf(edge, sizeof(edge), "k%02u/d", i);
		edge_dir(d, dir[i + 2], edge);
	}
	for (size_t i = 0; i < N; i++)
		v[i] = (struct sandbox_path){ dir[i],
			LANDLOCK_ACCESS_FS_MAKE_SOCK |
			    LANDLOCK_ACCESS_FS_REMOVE_FILE };
	sandbox_paths(v, N, d->opts->strict);
	free(dir);
}

/* --- policyd: the rules -------------------------------------------------- */

static void
on_policyd_up(void *arg)
{
	struct disp *d = arg;
	struct msg m = { .type = MSG_RULES_GET };

	m.rules_get.req = ++d->rules_req;
	disp_send(d->dp, &m);
}

static void
on_policyd_down(void *arg)
{
	struct disp *d = arg;

	ruleset_abort(d->rules);
}

static void
on_policyd(void *arg, const struct msg *m)
{
	struct disp *d = arg;
	const struct rules *r;
	const char *why = "";
	int n = ruleset_take(d->rules, d->rules_req, m, &why);

	if (n < 0)
		log_err("rules.refused msg=%s why=\"%s\"; the former rules "
			"stay in force",
		    msg_name(m->type), why);
	if (n != 1)
		return;
	r = ruleset_now(d->rules);
	log_info("rules.set listen=%zu peers=%zu transmit=%d", r->n_listen,
	    r->n_peers, r->transmit);
	if (!udp_has_port(d->udp, r->port))
		log_err("rules.port port=%u of the policy is not open; start "
			"with -P %u",
		    r->port, r->port);
}

/* --- datagrams ----------------------------------------------------------- */

static void
say_drop(
    struct disp *d, const char *dir, enum drop cause, const struct dgram *dg)
{
	char peer[ADDR_STRLEN];
	uint64_t now = now_ms();

	if (now - d->drop_said_ms[cause] < DROP_LOG_MS)
		return;
	d->drop_said_ms[cause] = now;
	log_debug("dgram.drop dir=%s cause=%s peer=%s port=%u octets=%zu", dir,
	    drop_name(cause), addr_text(&dg->peer.addr, peer), dg->peer.port,
	    dg->data.len);
}

/* When groupd is behind, what begins an exchange is lost first. */
static int
pass_on(struct disp *d, const struct dgram *dg, const struct msg *m)
{
	size_t max = dgram_is_new(dg) ? WAITING_NEW : WAITING_MAX;

	return chan_waiting(d->gd) < max ? chan_send(d->gd, m) : -EAGAIN;
}

static void
on_dgram(void *arg, const struct dgram *dg)
{
	struct disp *d = arg;
	struct msg m = { .type = MSG_DGRAM_IN };
	enum drop cause = filter_pass(
	    d->filter, PASS_IN, ruleset_now(d->rules), dg, now_ms());

	if (cause == DROP_NONE) {
		m.dgram_in = (struct msg_dgram_in){ .local = { dg->local.addr.b,
							dg->local.addr.len },
			.local_port = dg->local.port,
			.peer = { dg->peer.addr.b, dg->peer.addr.len },
			.peer_port = dg->peer.port,
			.data = dg->data };
		if (pass_on(d, dg, &m) == 0)
			return;
		cause = DROP_BACKLOG;
		filter_lost(d->filter, PASS_IN, cause);
	}
	say_drop(d, "in", cause, dg);
}

static void
on_dgram_out(struct disp *d, const struct msg_dgram_out *m)
{
	struct dgram dg = { .local.port = m->local_port,
		.peer.port = m->peer_port,
		.data = m->data };
	enum drop cause;

	/* A bad length leaves no address, which the filter refuses. */
	if (addr_from(&dg.local.addr, m->local.p, m->local.len) ||
	    addr_from(&dg.peer.addr, m->peer.p, m->peer.len))
		dg.local.addr.len = 0;
	cause = filter_pass(
	    d->filter, PASS_OUT, ruleset_now(d->rules), &dg, now_ms());
	if (cause == DROP_NONE) {
		if (udp_send(d->udp, &dg) == 0)
			return;
		cause = DROP_SOCKET;
		filter_lost(d->filter, PASS_OUT, cause);
	}
	say_drop(d, "out", cause, &dg);
}

/* --- groupd -------------------------------------------------------------- */

static void
on_groupd(void *arg, const struct msg *m)
{
	struct disp *d = arg;

	switch (m->type) {
	case MSG_DGRAM_OUT:
		on_dgram_out(d, &m->dgram_out);
		break;
	case MSG_SPD_SET:
		req_spd_set(d, &m->spd_set);
		break;
	case MSG_SPD_CLEAR:
		req_spd_clear(d, &m->spd_clear);
		break;
	case MSG_STATUS_GET:
		status_answer(d, m->status_get.req);
		break;
	default:
		/* Permitted by the schema, so somebody forgot it here. */
		fatal("ipc.unhandled %s from groupd", msg_name(m->type));
	}
}

/* --- key managers -------------------------------------------------------- */

static void
on_keymgrd(void *arg, const struct msg *m)
{
	struct km_edge *e = arg;

	switch (m->type) {
	case MSG_SA_INSTALL:
		req_sa_install(e, &m->sa_install);
		break;
	case MSG_SA_DELETE:
		req_sa_delete(e, &m->sa_delete);
		break;
	default:
		fatal("ipc.unhandled %s from keymgrd", msg_name(m->type));
	}
}

static void
on_kernel(evutil_socket_t fd, short what, void *arg)
{
	struct disp *d = arg;

	(void)fd;
	(void)what;
	xfrm_events(d->xfrm, req_event, d);
}

/* The other side asks again for what it needs; nothing to do for us. */
static void
on_edge_change(void *arg)
{
	(void)arg;
}

static struct chan *
edge_bind(struct disp *d, enum peer remote, const char *edge,
    const struct chan_ops *ops, void *arg)
{
	char dir[PATH_LEN], path[PATH_LEN + 2];
	struct chan_conf conf = { .self = PEER_DISPATCHERD,
		.remote = remote,
		.path = path,
		.bind = true };

	edge_dir(d, dir, edge);
	snprintf(path, sizeof(path), "%s/s", dir);
	return chan_new(d->base, &conf, ops, arg);
}

void
disp_channels(struct disp *d)
{
	static const struct chan_ops policyd = { on_policyd_up, on_policyd_down,
		on_policyd };
	static const struct chan_ops groupd = { on_edge_change, on_edge_change,
		on_groupd };
	static const struct chan_ops keymgrd = { on_edge_change, on_edge_change,
		on_keymgrd };
	char edge[8];

	d->base = loop_new();
	d->dp = edge_bind(d, PEER_POLICYD, "dp", &policyd, d);
	d->gd = edge_bind(d, PEER_GROUPD, "gd", &groupd, d);
	for (uint8_t i = 0; i < MIKE_SLOTS; i++) {
		struct km_edge *e = &d->km[i];

		snprintf(edge, sizeof(edge), "k%02u/d", i);
		*e = (struct km_edge){ .d = d, .slot = i };
		e->chan = edge_bind(d, PEER_KEYMGRD, edge, &keymgrd, e);
	}
	udp_start(d->udp, d->base, on_dgram, d);
	d->xfrm_ev = event_new(d->base, xfrm_event_fd(d->xfrm),
	    EV_READ | EV_PERSIST, on_kernel, d);
	if (d->xfrm_ev == NULL || event_add(d->xfrm_ev, NULL) != 0)
		fatal("disp.loop cannot watch kernel events");
}

void
disp_run(struct disp *d)
{
	log_info("disp.ready ports=%s run=%s", d->opts->ports, d->opts->run);
	loop_run(d->base);
}
