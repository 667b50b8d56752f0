/* SPDX-License-Identifier: ISC */
/*
 * The key manager's shell around the real core, with neighbours played by the
 * test: the ladder of its start, what it writes before it speaks, and what its
 * successor makes of it.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "common/log.h"
#include "common/loop.h"
#include "keymgrd/effects.h"
#include "keymgrd/shell.h"
#include "keymgrd/shell_int.h"

#define SLOT 5
#define SENT_MAX 64

/* An edge as the shell sees it: what it said, and the way to answer. */
struct chan {
	bool up;
	const struct chan_ops *ops;
	void *arg;
	size_t n;
	struct msg sent[SENT_MAX]; /* blobs are gone */
	off_t file[SENT_MAX];	   /* octets of state at that moment */
};

static struct chan edges[PEER_COUNT];
static struct event_base *base;
static struct shell *sh;

struct chan *
chan_new(struct event_base *b, const struct chan_conf *conf,
    const struct chan_ops *ops, void *arg)
{
	struct chan *c = &edges[conf->remote];

	(void)b;
	*c = (struct chan){ .ops = ops, .arg = arg };
	return c;
}

bool
chan_is_up(const struct chan *c)
{
	return c->up;
}

int
chan_send(struct chan *c, const struct msg *m)
{
	if (!c->up)
		return -ENOTCONN;
	assert_true(c->n < SENT_MAX);
	c->file[c->n] = lseek(SHELL_STATE_FD, 0, SEEK_END);
	c->sent[c->n++] = *m;
	return 0;
}

int
chan_try(struct chan *c, const struct msg *m)
{
	return chan_send(c, m);
}

/* -- what the neighbours do ----------------------------------------------- */

#define P (&edges[PEER_POLICYD])
#define D (&edges[PEER_DISPATCHERD])
#define G (&edges[PEER_GROUPD])

static void
up(struct chan *c)
{
	c->up = true;
	c->n = 0;
	c->ops->up(c->arg);
}

static void
restart(struct chan *c)
{
	c->up = false;
	c->ops->down(c->arg);
	up(c);
}

static void
tell(struct chan *c, const struct msg *m)
{
	c->ops->msg(c->arg, m);
}

/* The last message of a type; NULL: there was none. */
static const struct msg *
last(const struct chan *c, uint16_t type)
{
	for (size_t i = c->n; i-- > 0;)
		if (c->sent[i].type == type)
			return &c->sent[i];
	return NULL;
}

static const uint8_t keys[3][GCM_KEY_LEN] = { { 1 }, { 2 }, { 3 } };

/* Instance n, with the keys of all before it. */
static void
tell_keys(uint16_t n)
{
	struct msg m = { .type = MSG_SEAL_KEYS };

	assert_non_null(last(P, MSG_SEAL_OPEN));
	m.seal_keys = (struct msg_seal_keys){ .status = ST_OK,
		.n = n,
		.write = { keys[n - 1], GCM_KEY_LEN },
		.first = 1,
		.read = { keys[0], (size_t)(n - 1) * GCM_KEY_LEN } };
	tell(P, &m);
}

static struct chunk
text(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

static void
tell_conf(uint32_t lifetime_s)
{
	static const uint8_t src[] = { 10, 0, 0, 1 };
	static const uint8_t dst[] = { 239, 192, 0, 1 };
	struct msg m = { .type = MSG_CONF_BEGIN };

	assert_non_null(last(P, MSG_CONF_GET));
	m.conf_begin = (struct msg_conf_begin){ .name = text("ops"),
		.group_id = text("ops"),
		.role = ROLE_SENDER,
		.own_id = text("\x0b...me"),
		.port = 848,
		.lifetime_s = lifetime_s,
		.atd_ms = 2000,
		.dtd_ms = 30000,
		.half_open_max = 16,
		.members_max = 100,
		.suite = SUITE_DEFAULT };
	tell(P, &m);
	m = (struct msg){ .type = MSG_CONF_ADDR };
	m.conf_addr = (struct msg_conf_addr){
		.dst = { dst, 4 }, .src = { src, 4 }, .port_hi = 65535
	};
	tell(P, &m);
	m = (struct msg){ .type = MSG_CONF_END };
	tell(P, &m);
}

static void
tell_done(void)
{
	const struct msg *d = last(P, MSG_SEAL_DONE);
	struct msg m = { .type = MSG_RESULT };

	assert_non_null(d);
	m.result.req = d->seal_done.req;
	tell(P, &m);
}

static void
all_up(void)
{
	up(P);
	up(D);
	assert_int_equal(P->n, 0);
	up(G);
}

/* Up the ladder as instance n; returns the SPI that it wants installed. */
static uint32_t
run(uint16_t n)
{
	const struct msg *m;

	all_up();
	tell_keys(n);
	tell_conf(7200);
	tell_done();
	assert_int_equal(sh->phase, PH_RUN);
	m = last(D, MSG_SA_INSTALL);
	assert_non_null(m);
	return m->sa_install.spi;
}

static void
shell_make(void)
{
	sh = shell_new(base, SLOT);
	shell_open(sh);
}

static void
shell_end(void)
{
	seal_fini(&sh->seal);
	km_free(&sh->km);
	fx_free(&sh->fx);
	event_free(sh->timer);
	free(sh);
	sh = NULL;
}

static void
successor(void)
{
	shell_end();
	shell_make();
}

static int
fresh(void **state)
{
	int fd = memfd_create("state", 0);

	(void)state;
	if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) != 0)
		return -1;
	if (fd != SHELL_STATE_FD &&
	    (dup2(fd, SHELL_STATE_FD) < 0 || close(fd) != 0))
		return -1;
	shell_make();
	return 0;
}

static int
gone(void **state)
{
	(void)state;
	shell_end();
	return 0;
}

/* -- tests ---------------------------------------------------------------- */

static void
each_step_waits_for_the_one_before(void **state)
{
	off_t written;

	(void)state;
	all_up();
	assert_int_equal(P->n, 1);
	tell_keys(1);
	assert_int_equal(P->n, 2);
	assert_non_null(last(P, MSG_CONF_GET));
	/* Nothing is sealed before it is known what there is to seal. */
	assert_int_equal(lseek(SHELL_STATE_FD, 0, SEEK_END), 0);
	tell_conf(7200);
	assert_int_equal(P->n, 3);
	assert_non_null(last(P, MSG_SEAL_DONE));
	/* The snapshot is whole when policyd hears of it. */
	written = P->file[2];
	assert_true(written > 0);
	assert_int_equal(lseek(SHELL_STATE_FD, 0, SEEK_END), written);
	assert_null(last(D, MSG_SA_INSTALL));
	tell_done();
	assert_non_null(last(D, MSG_SA_INSTALL));
	assert_non_null(last(G, MSG_KM_STATE));
}

/* What can be lost with a policyd that dies is asked of the next one. */
static void
policyd_may_be_restarted_at_each_step(void **state)
{
	(void)state;
	all_up();
	restart(P);
	tell_keys(1);
	restart(P);
	assert_null(last(P, MSG_SEAL_OPEN));
	tell_conf(7200);
	restart(P);
	assert_null(last(P, MSG_CONF_GET));
	tell_done();
	assert_int_equal(sh->phase, PH_RUN);
}

/* groupd waits for this: also when there was nobody to tell. */
static void
leave_is_answered(void **state)
{
	struct msg m = { .type = MSG_LEAVE, .leave.req = 4711 };

	(void)state;
	all_up();
	tell(G, &m); /* before there is a core */
	assert_non_null(last(G, MSG_LEFT));
	assert_int_equal(last(G, MSG_LEFT)->left.req, 4711);
	successor();
	(void)run(1);
	assert_null(last(G, MSG_LEFT));
	m.leave.req = 4712;
	tell(G, &m);
	assert_non_null(last(G, MSG_LEFT));
	assert_int_equal(last(G, MSG_LEFT)->left.req, 4712);
}

static void
second_passes(void)
{
	event_get_callback(sh->timer)(-1, EV_TIMEOUT, sh);
}

/* Each SEAL_OPEN costs an instance: the answer to the first would be stale. */
static void
slow_policyd_is_asked_once(void **state)
{
	(void)state;
	all_up();
	second_passes();
	assert_int_equal(P->n, 1);
	tell_keys(1);
	second_passes();
	assert_int_equal(P->n, 2);
	tell_conf(7200);
	second_passes();
	assert_int_equal(P->n, 3);
	restart(P);
	assert_int_equal(P->n, 1);
	tell_done();
	assert_int_equal(sh->phase, PH_RUN);
}

static void
others_may_be_restarted_at_each_step(void **state)
{
	(void)state;
	all_up();
	restart(D);
	tell_keys(1);
	restart(G);
	tell_conf(7200);
	restart(D);
	tell_done();
	assert_int_equal(sh->phase, PH_RUN);
}

/* The key is on record before the kernel can use it. */
static void
keys_are_sealed_before_they_are_installed(void **state)
{
	off_t snapshot;

	(void)state;
	all_up();
	tell_keys(1);
	tell_conf(7200);
	snapshot = lseek(SHELL_STATE_FD, 0, SEEK_END);
	tell_done();
	for (size_t i = 0; i < D->n; i++)
		if (D->sent[i].type == MSG_SA_INSTALL)
			assert_true(D->file[i] > snapshot);
}

static void
successor_goes_on_with_the_keys(void **state)
{
	uint32_t spi = run(1);

	(void)state;
	successor();
	assert_int_equal(run(2), spi);
	successor();
	assert_int_equal(run(3), spi);
}

/* Killed between its snapshot and policyd's word for it: nothing is lost. */
static void
successor_of_one_that_did_not_finish(void **state)
{
	uint32_t spi = run(1);

	(void)state;
	successor();
	all_up();
	tell_keys(2);
	tell_conf(7200);
	successor();
	assert_int_equal(run(3), spi);
}

static void
spoiled_state_costs_the_keys_only(void **state)
{
	uint32_t spi = run(1);
	uint8_t bad = 0xff;
	off_t end = lseek(SHELL_STATE_FD, 0, SEEK_END);

	(void)state;
	assert_int_equal(fcntl(SHELL_STATE_FD, F_SETFL, 0), 0);
	assert_int_equal(pwrite(SHELL_STATE_FD, &bad, 1, end / 3), 1);
	assert_int_equal(fcntl(SHELL_STATE_FD, F_SETFL, O_APPEND), 0);
	successor();
	assert_int_not_equal(run(2), spi);
}

static void
neighbours_that_come_back_are_asked_again(void **state)
{
	uint32_t spi = run(1);
	const struct msg *m;

	(void)state;
	restart(D);
	m = last(D, MSG_SA_INSTALL);
	assert_non_null(m);
	assert_int_equal(m->sa_install.spi, spi);
	restart(G);
	assert_non_null(last(G, MSG_KM_STATE));
	restart(P);
	tell_conf(7200); /* the same: nothing happens */
	assert_int_equal(sh->phase, PH_RUN);
}

static void
status_is_answered_at_any_time(void **state)
{
	struct msg get = { .type = MSG_STATUS_GET, .status_get.req = 9 };
	const struct msg *m;

	(void)state;
	all_up();
	tell(G, &get);
	m = last(G, MSG_KM_STATE);
	assert_int_equal(m->km_state.state, GS_STARTING);
	assert_int_equal(last(G, MSG_STATUS_END)->status_end.req, 9);
	assert_null(last(G, MSG_COUNT));
	tell_keys(1);
	tell_conf(7200);
	tell_done();
	tell(G, &get);
	assert_int_equal(last(G, MSG_COUNT)->count.slot, SLOT);
	assert_int_equal(last(G, MSG_STATUS_END)->status_end.req, 9);
}

static void
long_log_is_compacted(void **state)
{
	uint32_t spi = run(1);
	struct msg acquire = { .type = MSG_ACQUIRE };
	off_t at = sh->seal.snapshot_at;

	(void)state;
	sh->seal.since = 2 << 20; /* as if */
	tell(G, &acquire);
	assert_true(sh->seal.snapshot_at > at);
	assert_in_range(sh->seal.since, 0, 1000);
	successor();
	assert_int_equal(run(2), spi);
}

/* -- what ends it --------------------------------------------------------- */

static int
status_of(void (*act)(void))
{
	int st;
	pid_t pid = fork();

	if (pid == 0) {
		act();
		_exit(42);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

static void
same_number(void)
{
	all_up();
	tell_keys(1);
	tell_conf(7200);
}

static void
other_conf(void)
{
	struct msg get = { .type = MSG_CONF_GET };

	P->sent[P->n++] = get;
	tell_conf(3600);
}

/* Exits 43 when it would have sent what depends on the record. */
static void
no_room(void)
{
	int ro = open("/dev/null", O_RDONLY);

	if (dup2(ro, SHELL_STATE_FD) < 0)
		_exit(1);
	all_up();
	tell_keys(2);
	tell_conf(7200);
	_exit(43);
}

static void
what_must_not_go_on_ends(void **state)
{
	(void)state;
	(void)run(1);
	/* A new policy text: the successor takes it over. */
	assert_int_equal(status_of(other_conf), 0);
	successor();
	/* policyd's database was set back. */
	assert_int_equal(status_of(same_number), 1);
	assert_int_equal(status_of(no_room), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

static int
once(void **state)
{
	(void)state;
	base = loop_new();
	return crypto_init() != 0 || secret_init() != 0;
}

static int
over(void **state)
{
	(void)state;
	event_base_free(base);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_step_waits_for_the_one_before),
		T(leave_is_answered),
		T(policyd_may_be_restarted_at_each_step),
		T(slow_policyd_is_asked_once),
		T(others_may_be_restarted_at_each_step),
		T(keys_are_sealed_before_they_are_installed),
		T(successor_goes_on_with_the_keys),
		T(successor_of_one_that_did_not_finish),
		T(spoiled_state_costs_the_keys_only),
		T(neighbours_that_come_back_are_asked_again),
		T(status_is_answered_at_any_time),
		T(long_log_is_compacted),
		T(what_must_not_go_on_ends),
	};

	log_init("shell_test");
	return cmocka_run_group_tests(tests, once, over);
}
