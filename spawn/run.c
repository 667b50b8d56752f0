/* SPDX-License-Identifier: ISC */
#include "spawn/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#define STOP_MS 3000 /* between SIGTERM and SIGKILL */
#define CHANNEL_FD 3 /* in groupd and in a supervised mike-spawn */
#define STATE_FD 3   /* in keymgrd */

static struct sup sup;
static const struct run_conf *conf;
static int channel = -1; /* our end towards groupd */
static sigset_t handled;
static bool stopping;

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* -- towards groupd ------------------------------------------------------ */

static void
tell(char op, unsigned int id)
{
	uint8_t msg[2] = { (uint8_t)op, (uint8_t)(id - SUP_SLOT0) };

	if (id < SUP_SLOT0 || channel < 0)
		return;
	/* A full or dead channel: the next groupd hears all from the start. */
	if (send(channel, msg, sizeof(msg), MSG_NOSIGNAL) < 0)
		log_debug("channel.send op=%c slot=%02u: %s", op, msg[1],
		    strerror(errno));
}

static void
tell_running(void)
{
	for (unsigned int i = SUP_SLOT0; i < SUP_CHILDREN; i++)
		if (sup.c[i].pid != 0)
			tell('U', i);
}

/* A fresh pair for a fresh groupd; returns its end. */
static int
new_channel(void)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, sv) != 0)
		fatal("channel.open: %s", strerror(errno));
	if (channel >= 0)
		close(channel);
	channel = sv[0];
	tell_running();
	return sv[1];
}

/* -- children ------------------------------------------------------------ */

static void
child_exec(const struct sup_cmd *cmd, int inherit, int report)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char lang[] = "LC_ALL=C";
	char *const env[] = { path, lang, NULL };
	char *argv[SUP_ARGV_MAX];
	int err = 0;

	/* execve takes char *const and changes nothing. */
	memcpy(argv, cmd->argv, sizeof(argv));
	if (inherit == STATE_FD ? fcntl(inherit, F_SETFD, 0) != 0
				: inherit >= 0 && dup2(inherit, STATE_FD) < 0)
		err = errno;
	sigprocmask(SIG_UNBLOCK, &handled, NULL);
	if (err == 0) {
		execve(cmd->path, argv, env);
		err = errno;
	}
	if (write(report, &err, sizeof(err)) < 0)
		_exit(1);
	_exit(1);
}

/* Fork and exec; 0 or the errno of what failed. */
static int
child_spawn(const struct sup_cmd *cmd, int inherit, pid_t *pid)
{
	int report[2], err = 0;

	if (pipe2(report, O_CLOEXEC) != 0)
		return errno;
	/* Descriptor 3 must be free for what the child inherits. */
	must(report[1] != STATE_FD);
	if ((*pid = fork()) == 0)
		child_exec(cmd, inherit, report[1]);
	if (*pid < 0)
		err = errno;
	close(report[1]);
	/* End of file: the exec closed the other end and so succeeded. */
	if (*pid > 0 && read(report[0], &err, sizeof(err)) <= 0)
		err = 0;
	close(report[0]);
	if (*pid > 0 && err != 0)
		waitpid(*pid, NULL, 0);
	return err;
}

static void
child_start(unsigned int id)
{
	struct sup_cmd cmd = { .argv = { NULL } };
	int inherit = -1, err;
	pid_t pid = 0;

	if (sup_command(&conf->sup, id, &cmd) != 0)
		fatal("child.path libexec=%s: too long", conf->sup.libexec);
	if (id == SUP_GROUPD)
		inherit = new_channel();
	else if (id >= SUP_SLOT0)
		inherit = conf->slot[id - SUP_SLOT0];
	err = child_spawn(&cmd, inherit, &pid);
	if (id == SUP_GROUPD)
		close(inherit);
	if (err != 0) {
		log_err("child.start name=%s path=%s: %s", sup_name(id),
		    cmd.path, strerror(err));
		sup_died(&sup, id, now_ms());
		return;
	}
	sup_started(&sup, id, pid, now_ms());
	log_info("child.start name=%s%s%s pid=%d", sup_name(id),
	    id >= SUP_SLOT0 ? " slot=" : "", id >= SUP_SLOT0 ? cmd.slot : "",
	    (int)pid);
	tell('U', id);
}

/* Who left a group keeps no key of it, sealed or not. */
static void
forget(unsigned int id)
{
	if (id < SUP_SLOT0 || !sup_erase(&sup, id))
		return;
	if (ftruncate(conf->slot[id - SUP_SLOT0], 0) != 0)
		log_err("child.forget slot=%02u: %s", id - SUP_SLOT0,
		    strerror(errno));
	else
		log_info("child.forget slot=%02u", id - SUP_SLOT0);
}

static void
child_dead(pid_t pid, int status)
{
	unsigned int id;
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	char slot[24] = "";

	if (sup_find(&sup, pid, &id) != 0)
		return;
	if (id >= SUP_SLOT0)
		snprintf(slot, sizeof(slot), " slot=%02u", id - SUP_SLOT0);
	sup_died(&sup, id, now_ms());
	(stopping ? log_info : log_warn)("child.died name=%s%s pid=%d %s=%d%s",
	    sup_name(id), slot, (int)pid, sig ? "signal" : "status",
	    sig ? sig : WEXITSTATUS(status),
	    sig == SIGSYS ? " (forbidden system call)" : "");
	forget(id);
	tell('D', id);
}

static void
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		child_dead(pid, status);
}

static bool
any_running(void)
{
	for (unsigned int i = 0; i < SUP_CHILDREN; i++)
		if (sup.c[i].pid != 0)
			return true;
	return false;
}

static void
kill_all(int sig)
{
	for (unsigned int i = 0; i < SUP_CHILDREN; i++)
		if (sup.c[i].pid != 0)
			kill(sup.c[i].pid, sig);
}

static void
stop_all(void)
{
	uint64_t end = now_ms() + STOP_MS;

	stopping = true;
	kill_all(SIGTERM);
	for (reap(); any_running() && now_ms() < end; reap()) {
		struct timespec tick = { 0, 20 * 1000 * 1000 };

		nanosleep(&tick, NULL);
	}
	kill_all(SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

/* -- the loop ------------------------------------------------------------ */

static void
channel_read(void)
{
	uint8_t msg[4];
	unsigned int id;
	ssize_t n;

	while ((n = recv(channel, msg, sizeof(msg), MSG_DONTWAIT)) > 0) {
		if (sup_message(&sup, msg, (size_t)n, &id) != 0) {
			/* groupd is broken or not itself any more. */
			log_err("channel.message len=%zd: not one of ours; "
				"groupd is restarted",
			    n);
			n = 0;
			break;
		}
		log_debug("channel.message op=%c slot=%02u", msg[0], msg[1]);
		if (!sup.c[id].wanted && sup.c[id].pid != 0)
			kill(sup.c[id].pid, SIGTERM);
		forget(id);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close(channel);
	channel = -1;
	if (sup.c[SUP_GROUPD].pid != 0)
		kill(sup.c[SUP_GROUPD].pid, SIGKILL);
}

/* True when we are to end. */
static bool
signals_read(int fd)
{
	struct signalfd_siginfo si;
	bool stop = false;

	while (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		stop = stop || si.ssi_signo != SIGCHLD;
	reap();
	return stop;
}

void
run_loop(const struct run_conf *c)
{
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };
	unsigned int id;

	conf = c;
	sup_init(&sup, c->daemons);
	if (!c->daemons)
		channel = CHANNEL_FD;
	sigemptyset(&handled);
	sigaddset(&handled, SIGCHLD);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGINT);
	sigaddset(&handled, SIGHUP);
	sigprocmask(SIG_BLOCK, &handled, NULL);
	p[0].fd = signalfd(-1, &handled, SFD_NONBLOCK | SFD_CLOEXEC);
	if (p[0].fd < 0)
		fatal("loop.signalfd: %s", strerror(errno));
	for (;;) {
		while (sup_due(&sup, now_ms(), &id) == 0)
			child_start(id);
		p[1].fd = channel;
		p[1].revents = 0;
		if (poll(p, NITEMS(p), sup_wait_ms(&sup, now_ms())) < 0 &&
		    errno != EINTR)
			fatal("loop.poll: %s", strerror(errno));
		if (signals_read(p[0].fd))
			break;
		if (p[1].revents != 0 && channel >= 0)
			channel_read();
		if (channel < 0 && !c->daemons)
			break; /* the supervisor starts us anew with groupd */
	}
	log_info("spawn.stop kernel-policies=kept");
	stop_all();
}
