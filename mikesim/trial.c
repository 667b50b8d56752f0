/* SPDX-License-Identifier: ISC */
#include "mikesim/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "mikesim/core/sim.h"

#define CPU_MAX_S 120 /* a run that hangs is a failure */

static void
judge(const struct scene *s, struct verdict *v)
{
	struct sim_opts o = { .invariants = true };
	struct sim_results res;
	struct sim *sim;
	int r = sim_new(&sim, s, &o);

	if (r == 0)
		r = sim_run(sim);
	if (r != 0) {
		v->failed = true;
		snprintf(v->why, sizeof(v->why), "run: %s", strerror(-r));
	} else {
		sim_results(sim, &res);
		v->failed = res.broken > 0;
		v->at = res.broken_at;
		v->events = res.events;
		v->keyed = res.registered;
		memcpy(v->why, res.broken_first, sizeof(v->why));
	}
	sim_free(&sim);
}

static void NORETURN
child(const struct scene *s, int fd, pid_t parent)
{
	struct rlimit cpu = { CPU_MAX_S, CPU_MAX_S };
	struct verdict v = { 0 };
	ssize_t n;

	setrlimit(RLIMIT_CPU, &cpu);
	signal(SIGINT, SIG_IGN); /* Ctrl-C ends what begins them */
	/* Nobody waits for an orphan's verdict. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
	judge(s, &v);
	n = write(fd, &v, sizeof(v));
	_exit(n == (ssize_t)sizeof(v) ? 0 : 1);
}

int
trial_start(struct trial *t, const struct scene *s)
{
	pid_t parent = getpid();
	int fd[2], err;

	*t = (struct trial){ -1, -1 };
	if (pipe(fd) != 0)
		return -errno;
	fflush(NULL);
	t->pid = fork();
	if (t->pid == 0) {
		close(fd[0]);
		child(s, fd[1], parent);
	}
	err = errno;
	close(fd[1]);
	t->fd = fd[0];
	if (t->pid > 0)
		return 0;
	close(fd[0]);
	return -err;
}

void
trial_end(struct trial *t, struct verdict *out)
{
	ssize_t n;
	int status = 0;

	while ((n = read(t->fd, out, sizeof(*out))) == -1 && errno == EINTR)
		;
	close(t->fd);
	while (waitpid(t->pid, &status, 0) == -1 && errno == EINTR)
		;
	if (n == (ssize_t)sizeof(*out) && status == 0)
		return;
	*out = (struct verdict){ .failed = true };
	if (WIFSIGNALED(status))
		snprintf(out->why, sizeof(out->why), "crash: signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(out->why, sizeof(out->why), "crash: exit status %d",
		    WEXITSTATUS(status));
}

int
trial_run(const struct scene *s, struct verdict *out)
{
	struct trial t;
	int r = trial_start(&t, s);

	if (r == 0)
		trial_end(&t, out);
	return r;
}

bool
trial_same_rule(const struct verdict *a, const struct verdict *b)
{
	size_t n = strcspn(a->why, ":");

	return strncmp(a->why, b->why, n) == 0 && b->why[n] == a->why[n];
}
