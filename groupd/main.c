/* SPDX-License-Identifier: ISC */
/* groupd: start in the order of docs/architecture.md, then run the loop. */

#include <limits.h>
#include <stdio.h>

#include <bsd/unistd.h>
#include <event2/event.h>
#include <linux/landlock.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/sandbox.h"
#include "groupd/gd.h"

#define PATHS (MIKE_SLOTS + 1)

/* Its own sockets, made anew by the next instance: nothing else of the disk. */
static void
paths_confine(const struct opts *o)
{
	static char name[PATHS][PATH_MAX];
	struct sandbox_path v[PATHS];

	for (unsigned int i = 0; i < PATHS; i++) {
		int n = i < MIKE_SLOTS
			    ? snprintf(name[i], PATH_MAX, "%s/edge/k%02u/g",
				  o->run, i)
			    : snprintf(name[i], PATH_MAX, "%s/ctl", o->run);

		if (n < 0 || n >= PATH_MAX)
			fatal("run directory: name too long");
		v[i] = (struct sandbox_path){ .path = name[i],
			.access = LANDLOCK_ACCESS_FS_MAKE_SOCK |
				  LANDLOCK_ACCESS_FS_REMOVE_FILE };
	}
	sandbox_paths(v, PATHS, o->strict);
}

int
main(int argc, char **argv)
{
	struct event_base *base;
	struct opts o;
	struct gd *gd;

	log_init("groupd");
	opts_parse(&o, argc, argv);
	proc_harden("groupd");
	closefrom(GD_SPAWN_FD + 1); /* nothing else is ours */
	if (crypto_init() != 0)	    /* SHA-256, to tell groups apart */
		fatal("crypto: OpenSSL lacks an algorithm that MIKE needs");
	proc_drop("mike-groupd", 0);
	paths_confine(&o);
	base = loop_new();
	gd = gd_new(&o, base);
	spawn_open(gd);
	gd->ctl = ctl_open(gd);
	gd_open_channels(gd);
	sandbox_syscalls(
	    (const struct sandbox_list[]){ { SC_RUNTIME, SC_RUNTIME_LEN },
		{ SC_NANOMSG, SC_NANOMSG_LEN },
		{ SC_NANOMSG_CONNECT, SC_NANOMSG_CONNECT_LEN } },
	    3);
	sandbox_probe();
	loop_run(base);
}
