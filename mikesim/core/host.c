/* SPDX-License-Identifier: ISC */
#include "mikesim/core/site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESTART_NS (200 * NS_PER_MS) /* until mike-spawn has it back */
#define BOOT_NS (60 * NS_PER_S)

/* -- messages between a host's daemons ----------------------------------- */

/*
 * Encoded as on a real edge, so that what the schema forbids or cuts off is
 * forbidden and cut off here.  One host at a time has any under way.
 */
struct ipc {
	uint8_t *p;
	size_t len, cap, at;
};

struct ipc_head {
	uint32_t len;
	uint8_t from, to;
};

struct ipc *
ipc_new(void)
{
	return calloc(1, sizeof(struct ipc));
}

void
ipc_free(struct ipc **i)
{
	if (*i == NULL)
		return;
	free((*i)->p);
	free(*i);
	*i = NULL;
}

static bool
ipc_room(struct ipc *i, size_t want)
{
	size_t cap = i->cap > 0 ? i->cap : 4096;
	uint8_t *p;

	if (i->at == i->len)
		i->at = i->len = 0;
	while (cap < i->len + want)
		cap *= 2;
	if (cap == i->cap)
		return true;
	if ((p = realloc(i->p, cap)) == NULL)
		return false;
	i->p = p;
	i->cap = cap;
	return true;
}

static enum sim_daemon
daemon_of(enum peer p)
{
	switch (p) {
	case PEER_POLICYD:
		return SD_POLICYD;
	case PEER_DISPATCHERD:
		return SD_DISPATCHERD;
	case PEER_GROUPD:
		return SD_GROUPD;
	default:
		return SD_KEYMGRD;
	}
}

void
ipc_send(struct site *s, enum peer from, enum peer to, const struct msg *m)
{
	struct ipc *i = s->ipc;
	struct ipc_head h = { .from = (uint8_t)from, .to = (uint8_t)to };
	struct wbuf wb;
	size_t size;

	must(msg_permitted(m->type, from, to));
	if (!host_is_up(s->cur, daemon_of(to)))
		return; /* as to an edge that is down */
	size = msg_size(m);
	if (!ipc_room(i, sizeof(h) + size)) {
		site_fail(s, -ENOMEM);
		return;
	}
	wb_init(&wb, i->p + i->len + sizeof(h), size);
	must(msg_put(&wb, m) == 0);
	h.len = (uint32_t)wb.len;
	memcpy(i->p + i->len, &h, sizeof(h));
	i->len += sizeof(h) + wb.len;
}

static void
deliver(struct site *s, struct host *h, enum peer from, enum peer to,
    const struct msg *m)
{
	switch (to) {
	case PEER_POLICYD:
		pol_shell_msg(s, h, from, m);
		break;
	case PEER_DISPATCHERD:
		disp_shell_msg(s, h, from, m);
		break;
	case PEER_GROUPD:
		gd_shell_msg(s, h, from, m);
		break;
	default:
		km_shell_msg(s, h, from, m);
		break;
	}
}

/* A death that was planned for a certain message; not in the quiet end. */
static void
count_down(struct site *s, struct host *h)
{
	const struct scene *sc = s->sim->scene;

	if (h->crash_in == 0 || --h->crash_in > 0 ||
	    s->now + sc->quiet >= sc->duration)
		return;
	host_crash(s, h, (enum sim_daemon)h->crash_what, h->crash_for);
}

static void
one(struct site *s, struct host *h)
{
	struct ipc *i = s->ipc;
	struct ipc_head head;
	uint8_t local[2048], *p = local;
	struct msg m;

	memcpy(&head, i->p + i->at, sizeof(head));
	/* What it causes is queued behind, and may move the queue. */
	if (head.len > sizeof(local) && (p = malloc(head.len)) == NULL) {
		site_fail(s, -ENOMEM);
		i->at = i->len;
		return;
	}
	memcpy(p, i->p + i->at + sizeof(head), head.len);
	i->at += sizeof(head) + head.len;
	must(msg_get(p, head.len, &m) == 0);
	if (host_is_up(h, daemon_of((enum peer)head.to)))
		deliver(s, h, (enum peer)head.from, (enum peer)head.to, &m);
	if (p != local)
		free(p);
	count_down(s, h);
}

void
host_settle(struct site *s, struct host *h)
{
	while (s->ipc->at < s->ipc->len && s->err == 0)
		one(s, h);
	s->ipc->at = s->ipc->len = 0;
	show_phase(s, h);
	/* It is made again when it is needed; a sender's is in steady use. */
	if (h->kind != 0 &&
	    (h->phase != PHASE_REGISTERING ||
		s->n_own > SIM_OWN_MAX / s->sim->scene->senders))
		pol_own_drop(s, h);
}

/* What was said to a dead one, or by it and not yet read, is gone. */
static void
ipc_lose(struct ipc *i, enum sim_daemon d)
{
	size_t to = i->at;

	for (size_t at = i->at; at < i->len;) {
		struct ipc_head h;
		size_t n;

		memcpy(&h, i->p + at, sizeof(h));
		n = sizeof(h) + h.len;
		if (d != SD_HOST && daemon_of((enum peer)h.from) != d &&
		    daemon_of((enum peer)h.to) != d) {
			memmove(i->p + to, i->p + at, n);
			to += n;
		}
		at += n;
	}
	i->len = to;
}

/* -- clocks -------------------------------------------------------------- */

static t_ns
clock_at(const struct host *h, t_ns now)
{
	t_ns run = now - h->clk_at;
	int64_t more =
	    (int64_t)(run / NS_PER_MS) * h->drift_ppb / 1000; /* in ns */

	return h->clk_base + run + (t_ns)more;
}

uint64_t
host_boot_ms(const struct site *s, const struct host *h)
{
	return clock_at(h, s->now) / NS_PER_MS;
}

int64_t
host_utc(const struct site *s, const struct host *h)
{
	int64_t ns = (int64_t)clock_at(h, s->now) + h->wall_off_ns;

	return SIM_EPOCH + ns / (int64_t)NS_PER_S;
}

/* Not later than when its clock shows that; it looks again if earlier. */
t_ns
host_when(const struct site *s, const struct host *h, uint64_t boot_ms)
{
	t_ns is = clock_at(h, s->now), want, left;

	if (boot_ms >= T_NEVER / NS_PER_MS)
		return T_NEVER;
	want = boot_ms * NS_PER_MS;
	if (want <= is)
		return s->now;
	left = want - is;
	if (h->drift_ppb > 0)
		left -= left / 1000000 * (t_ns)h->drift_ppb / 1000;
	else
		left += left / 1000000 * (t_ns)-h->drift_ppb / 1000;
	return s->now + (left > 0 ? left : 1);
}

void
host_wake_at(struct site *s, struct host *h, t_ns t)
{
	if (t >= h->wake)
		return;
	if (t <= s->now)
		t = s->now + 1;
	h->wake = t;
	site_at(s, t, Q_WAKE, h, NULL);
}

void
host_wake(struct site *s, struct host *h)
{
	site_turn(s, h);
	if (!host_is_up(h, SD_HOST))
		return;
	disp_shell_idle(s, h);
	host_wake_at(s, h, kernel_expire(s, h));
	host_settle(s, h);
	if (h->km != NULL)
		km_shell_wake(s, h);
	host_settle(s, h);
}

/* -- life ---------------------------------------------------------------- */

void
host_boot(struct site *s, struct host *h)
{
	site_turn(s, h);
	h->dead = 0;
	h->forget = false;
	disp_shell_start(s, h);
	gd_shell_start(s, h);
	host_settle(s, h);
}

void
host_join(struct site *s, struct host *h)
{
	site_turn(s, h);
	if (h->joined_at == T_NEVER)
		h->joined_at = s->now;
	if (!host_is_up(h, SD_GROUPD))
		return;
	/* The operator's word is all that starts it. */
	(void)gd_shell_step(s, h, E_JOIN);
	host_settle(s, h);
}

void
host_leave(struct site *s, struct host *h)
{
	site_turn(s, h);
	if (!host_is_up(h, SD_GROUPD))
		return;
	(void)gd_shell_step(s, h, E_LEAVE);
	host_settle(s, h);
}

static void
end_daemon(struct site *s, struct host *h, enum sim_daemon d)
{
	switch (d) {
	case SD_KEYMGRD:
		km_shell_end(s, h);
		break;
	case SD_GROUPD:
		/* Its table is gone; who is a member, policyd knows. */
		h->life = L_NONE;
		h->closed = false;
		break;
	case SD_DISPATCHERD:
		h->has_rules = false;
		break;
	case SD_POLICYD:
		pol_own_drop(s, h);
		pol_shell_restart(s, h);
		break;
	default:
		break;
	}
}

static void
end_host(struct site *s, struct host *h)
{
	for (enum sim_daemon d = SD_POLICYD; d < SD_HOST; d++)
		end_daemon(s, h, d);
	kernel_clear(s, h);
	free(h->log);
	h->log = NULL;
	h->log_len = h->log_cap = 0;
	h->running = h->spd = false;
	h->busy_until = 0;
}

void
host_crash(struct site *s, struct host *h, enum sim_daemon what, t_ns down_for)
{
	bool ran = h->running;

	if (!host_is_up(h, what))
		return; /* as dead as it can be */
	if (down_for == 0)
		down_for = what == SD_HOST ? BOOT_NS : RESTART_NS;
	site_turn(s, h);
	ipc_lose(s->ipc, what);
	h->dead |= (uint8_t)(1u << what);
	h->fault_at = s->now + down_for;
	if (what == SD_HOST)
		end_host(s, h);
	else
		end_daemon(s, h, what);
	/* A key manager that was not to run comes back only when asked for. */
	if (what == SD_KEYMGRD && !ran)
		h->dead &= (uint8_t) ~(1u << what);
	else
		site_at(s, s->now + down_for, Q_UP, h, (void *)(uintptr_t)what);
	show_phase(s, h);
}

/* It is back: its neighbours' edges to it come up. */
void
host_up(struct site *s, struct host *h, enum sim_daemon what)
{
	site_turn(s, h);
	if (what == SD_HOST) {
		host_boot(s, h);
		return;
	}
	/* The whole host has gone down since, or has come back. */
	if ((h->dead & 1u << SD_HOST) != 0 || (h->dead & 1u << what) == 0)
		return;
	h->dead &= (uint8_t) ~(1u << what);
	switch (what) {
	case SD_POLICYD:
		disp_shell_up(s, h, PEER_POLICYD);
		gd_shell_up(s, h, PEER_POLICYD);
		km_shell_up(s, h, PEER_POLICYD);
		break;
	case SD_DISPATCHERD:
		disp_shell_start(s, h);
		gd_shell_up(s, h, PEER_DISPATCHERD);
		km_shell_up(s, h, PEER_DISPATCHERD);
		break;
	case SD_GROUPD:
		gd_shell_start(s, h);
		km_shell_up(s, h, PEER_GROUPD);
		break;
	default:
		if (h->running)
			km_shell_start(s, h);
		break;
	}
	host_settle(s, h);
}
