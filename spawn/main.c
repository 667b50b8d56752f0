/* SPDX-License-Identifier: ISC */

/*
 * mike-spawn: starts the daemons of one instance and starts them again when
 * they die.  Holds no key, reads nothing from the network, parses nothing.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox.h"
#include "spawn/guard.h"
#include "spawn/run.h"
#include "spawn/rundir.h"

static void
usage(void)
{
	fprintf(stderr,
	    "usage: mike-spawn [-c CONF] [-r RUN] [-s STATE] [-b LIBEXECDIR]\n"
	    "                  [-o LOGFILE] [-P PORT,...] [-d] [-S] [-k]\n");
	exit(64);
}

static void
open_log(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0)
		fatal("log.open path=%s: %s; give another with -o", path,
		    strerror(errno));
	if (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		fatal("log.open path=%s: %s", path, strerror(errno));
	close(fd);
}

/* 0, 1 and 2 are open afterwards, so no later descriptor takes their place. */
static void
open_stdio(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd < 2)
		fd = dup(fd);
	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		fatal("stdio.open path=/dev/null: %s", strerror(errno));
	close(fd);
}

static const char *
options(struct run_conf *c, int argc, char **argv)
{
	const char *log = NULL;
	int o;

	c->daemons = true;
	c->sup = (struct sup_conf){ .conf = MIKE_SYSCONFDIR "/mike",
		.run = "/run/mike",
		.state = "/var/lib/mike",
		.ports = "848",
		.libexec = MIKE_LIBEXECDIR };
	while ((o = getopt(argc, argv, "b:c:dko:P:r:Ss:")) != -1) {
		switch (o) {
		case 'b':
			c->sup.libexec = optarg;
			break;
		case 'c':
			c->sup.conf = optarg;
			break;
		case 'd':
			c->sup.debug = true;
			break;
		case 'k':
			c->daemons = false;
			break;
		case 'o':
			log = optarg;
			break;
		case 'P':
			c->sup.ports = optarg;
			break;
		case 'r':
			c->sup.run = optarg;
			break;
		case 'S':
			c->sup.strict = true;
			break;
		case 's':
			c->sup.state = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
	return log;
}

int
main(int argc, char **argv)
{
	static struct run_conf conf;
	const char *log;

	log_init("mike-spawn");
	log = options(&conf, argc, argv);
	guard_start(!conf.daemons);
	open_stdio();
	log_debug_enable(conf.sup.debug);
	if (conf.daemons && geteuid() != 0)
		fatal("start.user: not root; start as root, or with -k for key "
		      "managers only");
	if (conf.daemons)
		rundir_make(conf.sup.run, conf.sup.state);
	if (log != NULL)
		open_log(log);
	rundir_open_slots(conf.sup.run, conf.slot);
	guard_enter(conf.sup.libexec, conf.sup.strict, !conf.daemons);
	sandbox_probe();
	log_info("spawn.start run=%s", conf.sup.run);
	run_loop(&conf);
	if (conf.daemons)
		rundir_release(conf.sup.run);
	return 0;
}
