/* SPDX-License-Identifier: ISC */
/* The control socket with real clients; the test plays the other daemons. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/log.h"
#include "common/loop.h"
#include "groupd/ctl.h"

#define NOBODY 65534
#define REQ 7

static struct gd gd;
static char run[64];
static struct opts opts = { .run = run };
static uint64_t now_ms;
static unsigned int cleared, asked, forgotten;
static uint32_t asker;

/* -- the rest of groupd --------------------------------------------------- */

uint64_t
gd_now(void)
{
	return now_ms;
}

int
gd_step(struct gd *g, struct grp *grp, enum life_ev ev)
{
	enum grp_fx fx;
	int r = grp_step(grp, ev, &fx);

	if (r == 0 && grp->waiting && grp_settled(grp))
		ctl_settled(g->ctl, grp);
	return r;
}

void
gd_clear(struct gd *g, uint8_t slot)
{
	(void)g;
	(void)slot;
	cleared++;
}

void
gather_ask(struct gd *g, uint32_t client, uint32_t req)
{
	(void)g;
	assert_int_equal(req, REQ);
	asked++;
	asker = client;
}

void
gather_forget(struct gd *g, uint32_t client)
{
	(void)g;
	(void)client;
	forgotten++;
}

/* -- clients -------------------------------------------------------------- */

static void
loop(void)
{
	for (int i = 0; i < 8; i++)
		(void)event_base_loop(gd.base, EVLOOP_NONBLOCK);
}

static int
client_as(uid_t uid)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	(void)snprintf(
	    un.sun_path, sizeof(un.sun_path), "%.60s/ctl/groupd.sock", run);
	assert_true(fd >= 0);
	assert_int_equal(seteuid(uid), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(seteuid(0), 0);
	loop();
	return fd;
}

static void
say(int fd, const struct msg *m)
{
	uint8_t buf[1024];
	struct wbuf wb;

	wb_init(&wb, buf, sizeof(buf));
	assert_int_equal(msg_put(&wb, m), 0);
	assert_int_equal(send(fd, buf, wb.len, MSG_NOSIGNAL), wb.len);
	loop();
}

static void
say_group(int fd, uint16_t type, const char *name)
{
	struct msg m = { .type = type };

	/* join and leave have the same fields */
	m.ctl_join.req = REQ;
	m.ctl_join.name = (struct chunk){ (const uint8_t *)name, strlen(name) };
	if (type == MSG_CTL_LEAVE)
		m.ctl_leave = (struct msg_ctl_leave){ REQ, m.ctl_join.name };
	say(fd, &m);
}

static void
say_open(int fd)
{
	struct msg m = { .type = MSG_CTL_OPEN, .ctl_open.req = REQ };

	say(fd, &m);
}

/* Status of the RESULT that is there; -1: nothing; -2: disconnected. */
static int
heard(int fd, char why[257])
{
	static uint8_t buf[MSG_SIZE_MAX];
	struct msg m;
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return -1;
	if (n <= 0)
		return -2;
	assert_int_equal(msg_get(buf, (size_t)n, &m), 0);
	assert_int_equal(m.type, MSG_RESULT);
	assert_int_equal(m.result.req, REQ);
	if (why != NULL)
		(void)snprintf(why, 257, "%.*s", (int)m.result.text.len,
		    (const char *)m.result.text.p);
	return m.result.status;
}

static void
group_add(uint8_t slot, const char *name, bool joined)
{
	struct grp_conf c = { .slot = slot,
		.role = ROLE_SENDER,
		.joined = joined,
		.name = { (const uint8_t *)name, strlen(name) },
		.id = { (const uint8_t *)name, strlen(name) } };
	enum grp_fx fx;

	assert_int_equal(groups_set(&gd.t, &c, &fx), 0);
}

static struct grp *
group(const char *name)
{
	struct grp *g = groups_find(&gd.t, name, strlen(name));

	assert_non_null(g);
	return g;
}

static void
done(const char *name, enum life_ev ev)
{
	assert_int_equal(gd_step(&gd, group(name), ev), 0);
	loop();
}

/* Groups: a runs, b was left, c runs. */
static int
fresh(void **state)
{
	char path[96];

	(void)state;
	(void)snprintf(run, sizeof(run), "/tmp/mike-ctl.XXXXXX");
	if (mkdtemp(run) == NULL || chmod(run, 0755) != 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%.60s/ctl", run);
	if (mkdir(path, 0755) != 0)
		return -1;
	(void)umask(0);
	memset(&gd, 0, sizeof(gd));
	now_ms = 100000;
	cleared = asked = forgotten = 0;
	gd.o = &opts;
	gd.base = loop_new();
	gd.ctl = ctl_open(&gd);
	group_add(0, "a", true);
	group_add(1, "b", false);
	group_add(2, "c", true);
	done("a", E_DONE);
	done("c", E_DONE);
	return 0;
}

static int
gone(void **state)
{
	char path[96];

	(void)state;
	for (size_t i = 0; i < CTL_CLIENTS; i++)
		now_ms += CTL_IDLE_MS + 1, ctl_tick(gd.ctl), loop();
	event_free(gd.ctl->ev);
	close(gd.ctl->fd);
	free(gd.ctl);
	event_base_free(gd.base);
	(void)snprintf(path, sizeof(path), "%.60s/ctl/groupd.sock", run);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%.60s/ctl", run);
	return rmdir(path) || rmdir(run);
}

/* -- tests ---------------------------------------------------------------- */

static void
join_is_answered_when_the_group_is_closed(void **state)
{
	int fd;

	(void)state;
	fd = client_as(0);
	say_group(fd, MSG_CTL_JOIN, "b");
	assert_int_equal(heard(fd, NULL), -1);
	done("b", E_DONE); /* on record */
	assert_int_equal(heard(fd, NULL), -1);
	done("b", E_DONE); /* policies stand */
	assert_int_equal(heard(fd, NULL), ST_OK);
	assert_int_equal(heard(fd, NULL), -1);
	close(fd);
}

/* A receiver's good-bye takes its time and holds up nobody else. */
static void
leave_is_answered_when_it_is_recorded(void **state)
{
	int fd = client_as(0), other = client_as(0);

	(void)state;
	group("a")->role = ROLE_RECEIVER;
	group("a")->running = true;
	say_group(fd, MSG_CTL_LEAVE, "a");
	say_group(other, MSG_CTL_LEAVE, "c");
	done("c", E_DONE);
	done("c", E_DONE);
	assert_int_equal(heard(other, NULL), ST_OK);
	done("a", E_PARTED);
	done("a", E_GONE);
	done("a", E_DONE);
	assert_int_equal(heard(fd, NULL), -1);
	done("a", E_DONE);
	assert_int_equal(heard(fd, NULL), ST_OK);
	close(other);
	close(fd);
}

static void
what_cannot_be_done_is_said_at_once(void **state)
{
	char why[257];
	int fd;

	(void)state;
	fd = client_as(0);
	say_group(fd, MSG_CTL_JOIN, "a");
	assert_int_equal(heard(fd, NULL), ST_CONFLICT);
	say_group(fd, MSG_CTL_LEAVE, "b");
	assert_int_equal(heard(fd, NULL), ST_CONFLICT);
	say_group(fd, MSG_CTL_JOIN, "nosuch");
	assert_int_equal(heard(fd, NULL), ST_MISSING);
	say_group(fd, MSG_CTL_JOIN, "b");
	(void)snprintf(group("b")->why, 257, "disk full");
	done("b", E_FAIL);
	assert_int_equal(heard(fd, why), ST_ERROR);
	assert_string_equal(why, "disk full");
	close(fd);
}

static void
others_may_ask_and_change_nothing(void **state)
{
	struct msg m = { .type = MSG_STATUS_GET, .status_get.req = REQ };
	int fd;

	(void)state;
	fd = client_as(NOBODY);
	say_group(fd, MSG_CTL_LEAVE, "a");
	assert_int_equal(heard(fd, NULL), ST_REFUSED);
	say_group(fd, MSG_CTL_JOIN, "b");
	assert_int_equal(heard(fd, NULL), ST_REFUSED);
	say_open(fd);
	assert_int_equal(heard(fd, NULL), ST_REFUSED);
	assert_int_equal(group("a")->life, L_RUN);
	assert_int_equal(group("b")->life, L_LEFT);
	assert_int_equal(cleared, 0);
	say(fd, &m);
	assert_int_equal(asked, 1);
	assert_int_equal(asker, gd.ctl->last_id);
	close(fd);
}

static void
refusals_do_not_fill_the_log(void **state)
{
	int fd;

	(void)state;
	fd = client_as(NOBODY);
	for (int i = 0; i < 100; i++) {
		say_open(fd);
		assert_int_equal(heard(fd, NULL), ST_REFUSED);
	}
	assert_in_range(gd.ctl->unwritten, 50, 99);
	ctl_tick(gd.ctl);
	assert_int_equal(gd.ctl->unwritten, 0);
	close(fd);
}

/* Every group that could let traffic out in the clear, and every slot. */
static void
open_waits_for_all_groups(void **state)
{
	int fd;

	(void)state;
	group_add(3, "lost", true);
	done("lost", E_DONE);
	done("lost", E_DROP);
	fd = client_as(0);
	say_open(fd);
	assert_int_equal(cleared, MIKE_SLOTS - 3);
	done("a", E_DONE);
	done("c", E_DONE);
	assert_int_equal(heard(fd, NULL), -1);
	done("lost", E_DONE);
	assert_int_equal(heard(fd, NULL), ST_OK);
	/* A second time there is nothing to wait for. */
	say_open(fd);
	assert_int_equal(heard(fd, NULL), ST_OK);
	close(fd);
}

static void
command_that_hangs_is_answered(void **state)
{
	char why[257];
	int fd;

	(void)state;
	fd = client_as(0);
	say_group(fd, MSG_CTL_LEAVE, "a");
	(void)snprintf(group("a")->why, 257, "%0200d", 0);
	now_ms += CTL_DONE_MS - 1;
	ctl_tick(gd.ctl);
	assert_int_equal(heard(fd, why), -1);
	now_ms += 1;
	ctl_tick(gd.ctl);
	assert_int_equal(heard(fd, why), ST_ERROR);
	assert_non_null(strstr(why, "goes on: dispatcherd"));
	assert_non_null(strstr(why, ": 000"));
	/* It went on, and nobody waits any more. */
	done("a", E_DONE);
	done("a", E_DONE);
	assert_int_equal(heard(fd, why), -1);
	assert_int_equal(group("a")->life, L_LEFT);
	close(fd);
}

static void
one_command_at_a_time(void **state)
{
	int one, two;

	(void)state;
	one = client_as(0);
	two = client_as(0);
	say_group(one, MSG_CTL_LEAVE, "a");
	say_group(one, MSG_CTL_LEAVE, "c");
	assert_int_equal(heard(one, NULL), ST_CONFLICT);
	say_group(two, MSG_CTL_JOIN, "a");
	assert_int_equal(heard(two, NULL), ST_CONFLICT);
	/* Whoever goes away is not waited for. */
	close(one);
	loop();
	assert_int_equal(forgotten, 1);
	say_group(two, MSG_CTL_JOIN, "a");
	done("a", E_DONE);
	assert_int_equal(heard(two, NULL), ST_OK);
	close(two);
}

/* Two ways to ask for the same group at once: the last one counts. */
static void
open_overtakes_a_join(void **state)
{
	char why[257];
	int one, two;

	(void)state;
	one = client_as(0);
	two = client_as(0);
	say_group(one, MSG_CTL_JOIN, "b");
	done("b", E_DONE);
	say_open(two);
	done("a", E_DONE);
	done("b", E_DONE);
	done("c", E_DONE);
	assert_int_equal(heard(two, NULL), ST_OK);
	now_ms += CTL_DONE_MS;
	ctl_tick(gd.ctl);
	assert_int_equal(heard(one, why), ST_ERROR);
	assert_non_null(strstr(why, "overtaken"));
	close(one);
	close(two);
}

static void
nonsense_costs_the_connection(void **state)
{
	static const uint8_t junk[2000] = { 0xff };
	static const size_t lens[] = { 1, 2, 64, sizeof(junk) };
	struct msg m = { .type = MSG_ACQUIRE };
	int fd;

	(void)state;
	for (size_t i = 0; i < NITEMS(lens); i++) {
		fd = client_as(0);
		assert_int_equal(send(fd, junk, lens[i], 0), lens[i]);
		loop();
		assert_int_equal(heard(fd, NULL), -2);
		close(fd);
	}
	fd = client_as(0); /* well formed, but not for this edge */
	say(fd, &m);
	assert_int_equal(heard(fd, NULL), -2);
	close(fd);
	assert_int_equal(forgotten, NITEMS(lens) + 1);
}

static void
counts_send(uint32_t client, uint64_t from, uint64_t to)
{
	struct msg m = { .type = MSG_COUNT, .count.req = REQ };

	m.count.name = (struct chunk){ (const uint8_t *)"n", 1 };
	for (m.count.value = from; m.count.value < to; m.count.value++)
		ctl_send(gd.ctl, client, &m);
}

/* Far more than the socket takes at once arrives whole and in order. */
static void
long_answer_arrives_in_order(void **state)
{
	const unsigned int n = 8000;
	uint8_t buf[128];
	uint64_t next = 0;
	struct client *c;
	struct msg m;
	int fd;

	(void)state;
	fd = client_as(0);
	c = ctl_find(gd.ctl, gd.ctl->last_id);
	counts_send(c->id, 0, n / 2);
	assert_true(c->queued > 0);
	while (next < n) {
		ssize_t k = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (k < 0) {
			assert_int_equal(errno, EAGAIN);
			loop();
			continue;
		}
		assert_int_equal(msg_get(buf, (size_t)k, &m), 0);
		assert_int_equal(m.count.value, next);
		/* With room again, and others waiting for it already. */
		if (++next == 50)
			counts_send(c->id, n / 2, n);
	}
	loop();
	assert_int_equal(c->queued, 0);
	close(fd);
}

static void
client_that_does_not_read_is_dropped(void **state)
{
	struct client *c;
	uint32_t id;
	int bad, good;

	(void)state;
	bad = client_as(0);
	c = ctl_find(gd.ctl, gd.ctl->last_id);
	counts_send(c->id, 0, 100000);
	assert_true(c->dead);
	assert_in_range(c->queued, CTL_QUEUE / 2, CTL_QUEUE);
	id = c->id;
	loop();
	assert_null(ctl_find(gd.ctl, id));
	good = client_as(0);
	say_group(good, MSG_CTL_JOIN, "nosuch");
	assert_int_equal(heard(good, NULL), ST_MISSING);
	close(bad);
	close(good);
}

static void
idle_client_is_dropped(void **state)
{
	struct msg m = { .type = MSG_STATUS_GET, .status_get.req = REQ };
	int idle, busy;

	(void)state;
	idle = client_as(0);
	busy = client_as(0);
	now_ms += CTL_IDLE_MS - 1;
	say(busy, &m);
	now_ms += 1;
	ctl_tick(gd.ctl);
	loop();
	assert_int_equal(heard(idle, NULL), -2);
	assert_int_equal(heard(busy, NULL), -1);
	close(idle);
	close(busy);
}

/* Users of group mike cannot take all places, one of them not even most. */
static void
nobody_keeps_root_out(void **state)
{
	int fd[CTL_CLIENTS], one;
	size_t n = 0;

	(void)state;
	for (uid_t u = 1000; n < CTL_OTHERS; u += n % CTL_PER_UID == 0) {
		fd[n] = client_as(u);
		assert_int_equal(heard(fd[n++], NULL), -1);
		if (n != CTL_PER_UID)
			continue;
		one = client_as(u);
		assert_int_equal(heard(one, NULL), -2);
		close(one);
	}
	one = client_as(NOBODY);
	assert_int_equal(heard(one, NULL), -2);
	close(one);
	for (; n < CTL_CLIENTS; n++) {
		fd[n] = client_as(0);
		assert_int_equal(heard(fd[n], NULL), -1);
	}
	while (n-- > 0)
		close(fd[n]);
	loop();
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(join_is_answered_when_the_group_is_closed),
		T(leave_is_answered_when_it_is_recorded),
		T(what_cannot_be_done_is_said_at_once),
		T(others_may_ask_and_change_nothing),
		T(refusals_do_not_fill_the_log),
		T(open_waits_for_all_groups),
		T(command_that_hangs_is_answered),
		T(one_command_at_a_time),
		T(open_overtakes_a_join),
		T(nonsense_costs_the_connection),
		T(long_answer_arrives_in_order),
		T(client_that_does_not_read_is_dropped),
		T(idle_client_is_dropped),
		T(nobody_keeps_root_out),
	};

	if (geteuid() != 0) {
		puts("clients of several users: needs root");
		return 77;
	}
	log_init("ctl_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
