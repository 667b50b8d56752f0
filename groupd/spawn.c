/* SPDX-License-Identifier: ISC */
/* The socketpair to mike-spawn: two octets a message, {op, slot}. */

#include <errno.h>
#include <string.h>

#include <event2/event.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/log.h"
#include "groupd/gd.h"

void
spawn_say(struct gd *gd, char op, uint8_t slot)
{
	uint8_t m[2] = { (uint8_t)op, slot };

	(void)gd;
	if (send(GD_SPAWN_FD, m, sizeof(m), MSG_NOSIGNAL) != sizeof(m))
		fatal("spawn.send: %s", strerror(errno));
}

static void
on_died(struct gd *gd, struct grp *g)
{
	g->running = false;
	if (g->life == L_RUN) {
		g->restarts++;
		log_warn(
		    "group.keymgrd-died group=%s slot=%u", g->name, g->slot);
	}
	if ((g->life == L_STOPPING || g->life == L_PARTING ||
		g->life == L_RENEWING) &&
	    gd_step(gd, g, E_GONE) != 0)
		fatal("group.step: broken table");
}

/* A slot that runs before policyd has told us of its group is known later. */
static void
on_spawn(evutil_socket_t fd, short what, void *arg)
{
	struct gd *gd = arg;
	struct grp *g;
	uint8_t m[2];
	ssize_t n;

	(void)what;
	while ((n = recv(fd, m, sizeof(m), MSG_DONTWAIT)) == sizeof(m)) {
		if (m[1] >= MIKE_SLOTS)
			fatal("spawn.recv slot %u", m[1]);
		g = &gd->t.g[m[1]];
		if (m[0] == 'U')
			g->running = true;
		else if (m[0] == 'D')
			on_died(gd, g);
	}
	if (n == 0)
		fatal("spawn.recv mike-spawn has ended");
	if (n > 0 || (errno != EAGAIN && errno != EINTR))
		fatal("spawn.recv: %s", n > 0 ? "short" : strerror(errno));
}

void
spawn_open(struct gd *gd)
{
	struct stat st;

	if (fstat(GD_SPAWN_FD, &st) != 0 || !S_ISSOCK(st.st_mode))
		fatal("spawn: descriptor %d is not a socket: groupd is started "
		      "by mike-spawn",
		    GD_SPAWN_FD);
	gd->spawn_ev = event_new(
	    gd->base, GD_SPAWN_FD, EV_READ | EV_PERSIST, on_spawn, gd);
	if (gd->spawn_ev == NULL || event_add(gd->spawn_ev, NULL) != 0)
		fatal("spawn: no event");
}
