/* SPDX-License-Identifier: ISC */

/* Both ends of an edge in one process, over a real ipc:// socket. */

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <nanomsg/nn.h>
#include <nanomsg/pair.h>

#include "ipc/chan.h"
#include "ipc/frame.h"

static char dir[64], path[96];
static struct event_base *base;

/* One end and what happened to it. */
struct end {
	struct chan *c;
	struct chan_conf conf;
	unsigned int ups, downs, msgs;
	uint64_t last; /* value of the last COUNT */
	bool ordered;  /* each COUNT is one more than the last */
	bool free_on_up, free_on_msg, free_on_down;
	unsigned int send_on_up; /* COUNTs to send as soon as it is up */
};

static int
count_send(struct end *e, uint64_t v)
{
	struct msg m = { .type = MSG_COUNT };

	m.count.value = v;
	return chan_send(e->c, &m);
}

static void
on_up(void *arg)
{
	struct end *e = arg;

	e->ups++;
	if (e->free_on_up) {
		chan_free(&e->c);
		return;
	}
	for (unsigned int i = 1; i <= e->send_on_up; i++)
		assert_int_equal(count_send(e, i), 0);
}

static void
on_down(void *arg)
{
	struct end *e = arg;
	struct msg m = { 0 };

	e->downs++;
	assert_false(chan_is_up(e->c));
	m.type = e->conf.self == PEER_GROUPD ? MSG_STATUS_GET : MSG_COUNT;
	assert_int_equal(chan_send(e->c, &m), -ENOTCONN);
	if (e->free_on_down)
		chan_free(&e->c);
}

static void
on_msg(void *arg, const struct msg *m)
{
	struct end *e = arg;

	e->msgs++;
	if (m->type == MSG_COUNT) {
		e->ordered = e->ordered && m->count.value == e->last + 1;
		e->last = m->count.value;
	}
	if (e->free_on_msg)
		chan_free(&e->c);
}

static const struct chan_ops ops = { on_up, on_down, on_msg };

/* keymgrd connects and sends COUNT; groupd binds. */
static struct end
end_of(bool bind)
{
	struct end e = { .ordered = true };

	e.conf = (struct chan_conf){
		.self = bind ? PEER_GROUPD : PEER_KEYMGRD,
		.remote = bind ? PEER_KEYMGRD : PEER_GROUPD,
		.path = path,
		.bind = bind,
	};
	return e;
}

static void
end_open(struct end *e)
{
	e->c = chan_new(base, &e->conf, &ops, e);
}

static void
tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Run the loop until *n reaches want, at most ms long. */
static void
run_until(const unsigned int *n, unsigned int want, unsigned int ms)
{
	const struct timeval tv = { 0, 10000 };
	struct event *ev = event_new(base, -1, EV_PERSIST, tick, NULL);

	assert_non_null(ev);
	assert_int_equal(event_add(ev, &tv), 0);
	for (unsigned int i = 0; i < ms / 10 && *n < want; i++)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	event_free(ev);
}

static void
run_for(unsigned int ms)
{
	static const unsigned int never;

	run_until(&never, 1, ms);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/mike-chan.XXXXXX");
	assert_non_null(mkdtemp(dir)); /* mode 0700 */
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	base = event_base_new();
	return base != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	event_base_free(base);
	(void)unlink(path);
	return rmdir(dir);
}

static void
both_up(struct end *g, struct end *k)
{
	end_open(g);
	end_open(k);
	run_until(&g->ups, 1, 3000);
	run_until(&k->ups, 1, 3000);
	assert_int_equal(g->ups, 1);
	assert_int_equal(k->ups, 1);
	assert_true(chan_is_up(g->c) && chan_is_up(k->c));
}

static void
both_free(struct end *g, struct end *k)
{
	chan_free(&g->c);
	chan_free(&k->c);
	assert_null(g->c);
	assert_null(k->c);
}

/*	bind                    connect
 *	 HELLO(g, 0)  ---->
 *	              <----  HELLO(k, g)
 *	 HELLO(g, k)  ---->
 */
static void
comes_up_and_carries_messages(void **state)
{
	struct end g = end_of(true), k = end_of(false);

	(void)state;
	both_up(&g, &k);
	for (uint64_t i = 1; i <= 5; i++)
		assert_int_equal(count_send(&k, i), 0);
	run_until(&g.msgs, 5, 3000);
	assert_int_equal(g.msgs, 5);
	assert_true(g.ordered);
	/* Nothing flaps once it is up: longer than both timers. */
	run_for(1500);
	assert_int_equal(g.ups + k.ups, 2);
	assert_int_equal(g.downs + k.downs, 0);
	both_free(&g, &k);
}

static void
connecting_side_may_start_long_before(void **state)
{
	struct end g = end_of(true), k = end_of(false);

	(void)state;
	end_open(&k);
	run_for(500);
	assert_int_equal(k.ups, 0);
	end_open(&g);
	run_until(&g.ups, 1, 3000);
	run_until(&k.ups, 1, 3000);
	assert_int_equal(g.ups, 1);
	assert_int_equal(k.ups, 1);
	both_free(&g, &k);
}

static void
nothing_is_kept_before_up(void **state)
{
	struct end g = end_of(true), k = end_of(false);
	struct msg m = { .type = MSG_COUNT };

	(void)state;
	end_open(&k);
	assert_int_equal(chan_send(k.c, &m), -ENOTCONN);
	assert_int_equal(chan_try(k.c, &m), -ENOTCONN);
	end_open(&g);
	run_until(&g.ups, 1, 3000);
	run_until(&k.ups, 1, 3000);
	run_for(100);
	assert_int_equal(g.msgs, 0);
	both_free(&g, &k);
}

/* What up() sends arrives, although the peer may hear up() later. */
static void
first_message_follows_hello(void **state)
{
	struct end g = end_of(true), k = end_of(false);

	(void)state;
	k.send_on_up = 3;
	both_up(&g, &k);
	run_until(&g.msgs, 3, 3000);
	assert_int_equal(g.msgs, 3);
	assert_true(g.ordered);
	both_free(&g, &k);
}

/* Side a stays, side b is replaced at once or after a pause. */
static void
restart(struct end *a, struct end *b, unsigned int pause_ms)
{
	b->send_on_up = 2;
	both_up(a->conf.bind ? a : b, a->conf.bind ? b : a);
	/* What the first life sent is lost if it is not read before its end. */
	run_until(&a->msgs, 2, 3000);
	assert_int_equal(a->msgs, 2);
	chan_free(&b->c);
	if (pause_ms != 0)
		run_for(pause_ms);
	a->last = 0;
	end_open(b);
	run_until(&b->ups, 2, 5000);
	run_until(&a->ups, 2, 5000);
	assert_int_equal(b->ups, 2);
	assert_int_equal(a->ups, 2);
	assert_int_equal(a->downs, 1);
	assert_int_equal(b->downs, 0);
}

static void
connecting_side_restarts(void **state)
{
	static const unsigned int pauses[] = { 0, 100, 1500 };

	(void)state;
	for (size_t i = 0; i < NITEMS(pauses); i++) {
		struct end g = end_of(true), k = end_of(false);

		restart(&g, &k, pauses[i]);
		run_until(&g.msgs, 4, 3000);
		assert_int_equal(g.msgs, 4);
		both_free(&g, &k);
	}
}

static void
binding_side_restarts(void **state)
{
	struct end g = end_of(true), k = end_of(false);

	(void)state;
	g.conf.self = PEER_KEYMGRD; /* it is the one that sends COUNT here */
	g.conf.remote = PEER_GROUPD;
	k.conf.self = PEER_GROUPD;
	k.conf.remote = PEER_KEYMGRD;
	restart(&k, &g, 0);
	run_until(&k.msgs, 4, 3000);
	assert_int_equal(k.msgs, 4);
	both_free(&g, &k);
}

static void
both_sides_restart(void **state)
{
	struct end g = end_of(true), k = end_of(false);

	(void)state;
	both_up(&g, &k);
	both_free(&g, &k);
	end_open(&k);
	end_open(&g);
	run_until(&g.ups, 2, 5000);
	run_until(&k.ups, 2, 5000);
	assert_int_equal(g.ups, 2);
	assert_int_equal(k.ups, 2);
	both_free(&g, &k);
}

/* Nobody follows the peer that died: down() all the same. */
static void
goes_down_when_the_peer_is_gone(void **state)
{
	struct end g = end_of(true), k = end_of(false);

	(void)state;
	both_up(&g, &k);
	chan_free(&k.c);
	run_until(&g.downs, 1, 3000);
	assert_int_equal(g.downs, 1);
	assert_false(chan_is_up(g.c));
	chan_free(&g.c);
}

/* Far more than nanomsg takes at once: the rest waits in our queue. */
static void
burst_is_queued_in_order(void **state)
{
	struct end g = end_of(true), k = end_of(false);

	(void)state;
	both_up(&g, &k);
	for (uint64_t i = 1; i <= 5000; i++)
		assert_int_equal(count_send(&k, i), 0);
	run_until(&g.msgs, 5000, 20000);
	assert_int_equal(g.msgs, 5000);
	assert_true(g.ordered);
	both_free(&g, &k);
}

static void
queue_is_bounded_and_try_never_queues(void **state)
{
	static const uint8_t octets[16384];
	struct end g = end_of(true), k = end_of(false);
	struct msg m = { .type = MSG_DGRAM_OUT };
	unsigned int sent = 0;
	int r;

	(void)state;
	both_up(&g, &k);
	m.dgram_out.data = (struct chunk){ octets, sizeof(octets) };
	/* The loop does not run: nobody reads. */
	while ((r = chan_send(k.c, &m)) == 0 && sent < 10000)
		sent++;
	assert_int_equal(r, -ENOBUFS);
	assert_in_range(sent, 200, 1000);
	assert_int_equal(chan_try(k.c, &m), -EAGAIN);
	/* Nearly all of it is what waits, and all of that can be seen. */
	assert_in_range(chan_waiting(k.c), 3u << 20, 4u << 20);
	run_until(&g.msgs, sent, 20000);
	assert_int_equal(g.msgs, sent);
	assert_int_equal(chan_waiting(k.c), 0);
	assert_int_equal(chan_send(k.c, &m), 0);
	both_free(&g, &k);
}

static void
callbacks_may_free_the_channel(void **state)
{
	struct end g = end_of(true), k = end_of(false);

	(void)state;
	g.free_on_up = true;
	end_open(&g);
	end_open(&k);
	run_until(&g.ups, 1, 3000);
	assert_null(g.c);
	chan_free(&k.c);

	g = end_of(true);
	k = end_of(false);
	g.free_on_msg = true;
	k.send_on_up = 3;
	end_open(&g);
	end_open(&k);
	run_until(&g.msgs, 1, 3000);
	run_for(50);
	assert_int_equal(g.msgs, 1);
	assert_null(g.c);
	chan_free(&k.c);

	g = end_of(true);
	k = end_of(false);
	g.free_on_down = true;
	both_up(&g, &k);
	chan_free(&k.c);
	end_open(&k);
	run_until(&g.downs, 1, 3000);
	assert_null(g.c);
	chan_free(&k.c);
}

/* A groupd in a child, and octets of ours on its edge: how does it end? */
static int
status_after(const void *octets, size_t len)
{
	int s, st;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		static struct event_base
		    *volatile parents; /* valgrind: no leak */
		struct end g = end_of(true);

		parents = base;
		base = event_base_new();
		(void)parents;
		end_open(&g);
		(void)alarm(10);
		run_for(3000);
		_exit(g.msgs == 0 ? 0 : 2); /* it took the octets */
	}
	assert_int_not_equal(s = nn_socket(AF_SP, NN_PAIR), -1);
	{
		char url[128];

		(void)snprintf(url, sizeof(url), "ipc://%s", path);
		assert_int_not_equal(nn_connect(s, url), -1);
	}
	assert_int_equal(nn_send(s, octets, len, 0), (int)len);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	(void)nn_close(s);
	assert_true(WIFEXITED(st));
	return WEXITSTATUS(st);
}

static int
status_after_msg(const struct msg *m)
{
	struct frame f = { 0 };
	int st;

	assert_int_equal(frame_add(&f, m), 0);
	st = status_after(f.p, f.len);
	frame_free(&f);
	return st;
}

static void
hostile_octets_are_fatal(void **state)
{
	struct msg m = { .type = MSG_COUNT };

	(void)state;
	/* A permitted message before the handshake is only dropped. */
	assert_int_equal(status_after_msg(&m), 0);
	/* SA_INSTALL goes to dispatcherd and nobody else. */
	m = (struct msg){ .type = MSG_SA_INSTALL };
	assert_int_equal(status_after_msg(&m), 1);
	/* Groupd's own message, sent back to it. */
	m = (struct msg){ .type = MSG_DGRAM_IN };
	assert_int_equal(status_after_msg(&m), 1);
	assert_int_equal(status_after("\x99\x99", 2), 1);
	assert_int_equal(status_after("\x04\x03\x00", 3), 1);
	m = (struct msg){ .type = MSG_HELLO };
	m.hello.version = 1; /* instance 0 */
	assert_int_equal(status_after_msg(&m), 1);
	m.hello.version = 77;
	m.hello.instance = 5;
	assert_int_equal(status_after_msg(&m), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* Forks, so it comes before nanomsg's thread exists here. */
		cmocka_unit_test_setup_teardown(
		    hostile_octets_are_fatal, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    comes_up_and_carries_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    connecting_side_may_start_long_before, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    nothing_is_kept_before_up, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    first_message_follows_hello, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    connecting_side_restarts, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    binding_side_restarts, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    both_sides_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    goes_down_when_the_peer_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    burst_is_queued_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    queue_is_bounded_and_try_never_queues, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    callbacks_may_free_the_channel, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
