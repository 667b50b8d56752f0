/* SPDX-License-Identifier: ISC */
/*
 * groupd's shell between played neighbours: what it hands on, what it lets
 * wait, and how a group is left.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/crypto.h"
#include "common/ike/hdr.h"
#include "common/log.h"
#include "common/loop.h"
#include "groupd/ctl.h"

#define EDGES (2 + MIKE_SLOTS)
#define SENT_MAX 256

static struct gd *gd;
static struct opts opts = { .run = "/run/test" };

/* The channels in the order of their making: dispatcherd, policyd, slots. */
struct chan {
	struct chan_ops ops;
	void *arg;
	bool up;
	size_t waiting;
};
static struct chan chan[EDGES];
static size_t n_chan;

static struct sent {
	const struct chan *to;
	struct msg m;
	uint8_t data[256];
} sent[SENT_MAX];
static size_t n_sent;
static char spawned[64]; /* "S0 K5 " */

/* -- the rest of groupd, and its edges ------------------------------------ */

struct chan *
chan_new(struct event_base *base, const struct chan_conf *conf,
    const struct chan_ops *ops, void *arg)
{
	struct chan *c = &chan[n_chan++];

	(void)base;
	(void)conf;
	*c = (struct chan){ .ops = *ops, .arg = arg, .up = true };
	return c;
}

bool
chan_is_up(const struct chan *c)
{
	return c->up;
}

size_t
chan_waiting(const struct chan *c)
{
	return c->waiting;
}

int
chan_send(struct chan *c, const struct msg *m)
{
	struct sent *s = &sent[n_sent];

	if (!c->up)
		return -ENOTCONN;
	assert_true(++n_sent <= SENT_MAX);
	*s = (struct sent){ .to = c, .m = *m };
	if (m->type == MSG_DGRAM_OUT || m->type == MSG_DGRAM_IN) {
		assert_true(m->dgram_out.data.len <= sizeof(s->data));
		memcpy(s->data, m->dgram_out.data.p, m->dgram_out.data.len);
		s->m.dgram_out.data.p = s->data;
	}
	return 0;
}

void
spawn_say(struct gd *g, char op, uint8_t slot)
{
	size_t n = strlen(spawned);

	(void)g;
	(void)snprintf(spawned + n, sizeof(spawned) - n, "%c%u ", op, slot);
}

struct gather *
gather_new(struct gd *g)
{
	(void)g;
	return NULL;
}

void
gather_msg(struct gd *g, int slot, const struct msg *m)
{
	(void)g;
	(void)slot;
	(void)m;
}

void
ctl_settled(struct ctl *c, struct grp *g)
{
	(void)c;
	g->waiting = false;
}

void
ctl_tick(struct ctl *c)
{
	(void)c;
}

/* -- helpers -------------------------------------------------------------- */

static void
say(struct chan *from, struct msg m)
{
	from->ops.msg(from->arg, &m);
}

static struct chan *
dispatcherd(void)
{
	return &chan[0];
}

static struct chan *
keymgrd(uint8_t slot)
{
	return &chan[2 + slot];
}

static void
groups_say(uint32_t cookie_above, uint8_t role_of_5)
{
	static const char *const names[] = { "ops", "heard" };

	say(&chan[1], (struct msg){ .type = MSG_GROUPS_BEGIN,
			  .groups_begin.cookie_above = cookie_above });
	for (uint8_t i = 0; i < 2; i++) {
		struct chunk name = { (const uint8_t *)names[i],
			strlen(names[i]) };

		say(&chan[1], (struct msg){ .type = MSG_GROUP,
				  .group = { .slot = i ? 5 : 0,
				      .role = i ? role_of_5 : ROLE_SENDER,
				      .joined = 1,
				      .name = name,
				      .id = name } });
	}
	say(&chan[1], (struct msg){ .type = MSG_GROUPS_END });
}

static struct grp *
grp(uint8_t slot)
{
	return &gd->t.g[slot];
}

/* dispatcherd or policyd has done what was asked. */
static void
done(struct chan *from, uint8_t slot)
{
	say(from, (struct msg){
		      .type = MSG_RESULT, .result.req = grp_req(grp(slot)) });
}

/* Slot 0 sends, slot 5 receives; both run. */
static int
fresh(void **state)
{
	(void)state;
	n_chan = n_sent = 0;
	gd = gd_new(&opts, loop_new());
	gd_open_channels(gd);
	groups_say(UINT32_MAX, ROLE_RECEIVER);
	done(dispatcherd(), 0);
	done(dispatcherd(), 5);
	grp(0)->running = grp(5)->running = true;
	n_sent = 0;
	spawned[0] = '\0';
	return n_chan == EDGES && grp(5)->life == L_RUN ? 0 : -1;
}

static int
gone(void **state)
{
	(void)state;
	event_free(gd->tick);
	event_base_free(gd->base);
	free(gd);
	return 0;
}

static const struct sent *
last(void)
{
	assert_true(n_sent > 0);
	return &sent[n_sent - 1];
}

/* IKE_SA_INIT for a group, with a cookie if there is one. */
static struct chunk
init_request(uint8_t buf[256], const char *group, struct chunk cookie)
{
	static const uint8_t nonce[32] = { 1 };
	struct chunk id = { (const uint8_t *)group, strlen(group) };
	struct ike_hdr h = { .spi_i = { 9 },
		.next = cookie.len ? PLD_NOTIFY : PLD_NONCE,
		.version = IKE_VERSION,
		.exchange = IKE_SA_INIT,
		.flags = IKE_F_INITIATOR };
	uint8_t bind[MIKE_GROUP_LEN];
	struct wbuf wb;

	wb_init(&wb, buf, 256);
	must(mike_group_bind(
		 id, (struct chunk){ nonce, sizeof(nonce) }, bind) == 0);
	must(ike_hdr_put(&wb, &h) == 0);
	if (cookie.len != 0)
		must(wb_u8(&wb, PLD_NONCE) == 0 && wb_u8(&wb, 0) == 0 &&
		     wb_u16(&wb, (uint16_t)(8 + cookie.len)) == 0 &&
		     wb_u16(&wb, 0) == 0 && wb_u16(&wb, N_COOKIE) == 0 &&
		     wb_put(&wb, cookie.p, cookie.len) == 0);
	must(wb_u8(&wb, PLD_NOTIFY) == 0 && wb_u8(&wb, 0) == 0 &&
	     wb_u16(&wb, 36) == 0 && wb_put(&wb, nonce, 32) == 0);
	must(wb_u16(&wb, PLD_NONE) == 0 && wb_u16(&wb, 24) == 0 &&
	     wb_u16(&wb, 0) == 0 && wb_u16(&wb, N_MIKE_GROUP) == 0 &&
	     wb_put(&wb, bind, sizeof(bind)) == 0);
	must(wb_set_u32(&wb, 24, (uint32_t)wb.len) == 0);
	return (struct chunk){ buf, wb.len };
}

static void
dgram_in(struct chunk data)
{
	static const uint8_t local[] = { 192, 0, 2, 1 };
	static const uint8_t peer[] = { 192, 0, 2, 7 };

	say(dispatcherd(),
	    (struct msg){ .type = MSG_DGRAM_IN,
		.dgram_in = { { local, 4 }, 848, { peer, 4 }, 4500, data } });
}

static void
dgram_from(uint8_t slot, uint8_t flags)
{
	uint8_t buf[IKE_HDR_LEN];
	struct ike_hdr h = { .spi_i = { slot, 1 },
		.spi_r = { slot, 1 },
		.version = IKE_VERSION,
		.exchange = IKE_INFORMATIONAL,
		.flags = flags,
		.len = IKE_HDR_LEN };
	struct wbuf wb;

	wb_init(&wb, buf, sizeof(buf));
	must(ike_hdr_put(&wb, &h) == 0);
	say(keymgrd(slot), (struct msg){ .type = MSG_DGRAM_OUT,
			       .dgram_out.data = { buf, wb.len } });
}

static void
run_ms(int ms)
{
	for (; ms > 0; ms -= 10) {
		(void)event_base_loop(gd->base, EVLOOP_NONBLOCK);
		(void)usleep(10000);
	}
}

/* -- tests ---------------------------------------------------------------- */

static void
limit_of_policyd_makes_it_ask_for_cookies(void **state)
{
	uint8_t buf[256];
	const struct sent *s;
	struct chunk m = init_request(buf, "ops", (struct chunk){ 0 });

	(void)state;
	dgram_in(m);
	assert_ptr_equal(last()->to, keymgrd(0));
	assert_memory_equal(last()->data, m.p, m.len);
	groups_say(0, ROLE_RECEIVER);
	dgram_in(m);
	s = last();
	assert_ptr_equal(s->to, dispatcherd());
	assert_int_equal(s->m.type, MSG_DGRAM_OUT);
	assert_int_equal(s->m.dgram_out.local_port, 848);
	assert_int_equal(s->m.dgram_out.peer_port, 4500);
	assert_int_equal(s->m.dgram_out.data.len, ROUTE_REPLY_MAX);
	/* As it came, cookie and all: it is what both sides authenticate. */
	m = init_request(
	    buf, "ops", (struct chunk){ s->data + 36, COOKIE_LEN });
	dgram_in(m);
	assert_ptr_equal(last()->to, keymgrd(0));
	assert_int_equal(last()->m.dgram_in.data.len, m.len);
	assert_memory_equal(last()->data, m.p, m.len);
}

static void
what_anybody_can_ask_for_is_lost_first(void **state)
{
	uint8_t buf[256];
	struct chunk m = init_request(buf, "nobody", (struct chunk){ 0 });

	(void)state;
	dispatcherd()->waiting = 64 * 1024;
	dgram_in(m);
	assert_int_equal(n_sent, 0);
	assert_int_equal(gd->lost, 1);
	dgram_from(0, IKE_F_RESPONSE);
	assert_int_equal(n_sent, 1);
	dispatcherd()->waiting = 256 * 1024;
	dgram_from(0, IKE_F_RESPONSE);
	assert_int_equal(n_sent, 1);
	assert_int_equal(gd->lost, 2);
	dispatcherd()->waiting = 0;
	dispatcherd()->up = false;
	dgram_from(0, IKE_F_RESPONSE);
	assert_int_equal(gd->absent, 1);
}

static void
key_manager_speaks_in_its_role(void **state)
{
	(void)state;
	dgram_from(5, IKE_F_INITIATOR);
	assert_int_equal(n_sent, 1);
	dgram_from(5, IKE_F_RESPONSE);
	dgram_from(0, IKE_F_INITIATOR);
	assert_int_equal(n_sent, 1);
	assert_int_equal(gd->router.drops[RC_OUT_ROLE], 2);
}

/*
 *   groupd ---- LEAVE ----> key manager: tells its key server
 *   groupd <---- LEFT ----- key manager
 *   groupd ------ K ------> mike-spawn
 */
static void
receiver_takes_leave_first(void **state)
{
	uint32_t req;

	(void)state;
	assert_int_equal(gd_step(gd, grp(5), E_LEAVE), 0);
	assert_ptr_equal(last()->to, keymgrd(5));
	assert_int_equal(last()->m.type, MSG_LEAVE);
	req = last()->m.leave.req;
	dgram_from(5, IKE_F_INITIATOR); /* what it has to say */
	assert_int_equal(last()->m.type, MSG_DGRAM_OUT);
	/* Not the answer of another key manager, or to another question. */
	say(keymgrd(0), (struct msg){ .type = MSG_LEFT, .left.req = req });
	say(keymgrd(5),
	    (struct msg){ .type = MSG_LEFT, .left.req = req + 256 });
	run_ms(300);
	assert_string_equal(spawned, "");
	say(keymgrd(5), (struct msg){ .type = MSG_LEFT, .left.req = req });
	assert_string_equal(spawned, "K5 ");
	say(keymgrd(5), (struct msg){ .type = MSG_LEFT, .left.req = req });
	assert_string_equal(spawned, "K5 ");
	assert_int_equal(grp(5)->life, L_STOPPING);
}

static void
silent_key_manager_is_ended_after_three_seconds(void **state)
{
	uint8_t buf[256];

	(void)state;
	assert_int_equal(gd_step(gd, grp(5), E_LEAVE), 0);
	run_ms(1500);
	assert_int_equal(grp(5)->life, L_PARTING);
	/* Others are served meanwhile. */
	dgram_in(init_request(buf, "ops", (struct chunk){ 0 }));
	assert_ptr_equal(last()->to, keymgrd(0));
	run_ms(1000);
	assert_string_equal(spawned, "");
	run_ms(1800);
	assert_memory_equal(spawned, "K5 ", 3); /* and again, until it ends */
}

static void
nobody_waits_for_a_key_manager_that_is_not_there(void **state)
{
	(void)state;
	keymgrd(5)->up = false;
	assert_int_equal(gd_step(gd, grp(5), E_LEAVE), 0);
	assert_int_equal(n_sent, 0);
	run_ms(1300);
	assert_memory_equal(spawned, "K5 ", 3);
	/* A sender has nobody to say good-bye to. */
	spawned[0] = '\0';
	assert_int_equal(gd_step(gd, grp(0), E_LEAVE), 0);
	assert_string_equal(spawned, "K0 ");
	/* Dead by then: nobody has to be ended, but nobody started either. */
	grp(5)->running = false;
	assert_int_equal(gd_step(gd, grp(5), E_GONE), 0);
	assert_string_equal(spawned, "K0 ");
}

/* mike-spawn would start it again otherwise, and keep its sealed state. */
static void
crashed_key_manager_is_stopped_too(void **state)
{
	(void)state;
	grp(0)->running = false;
	assert_int_equal(gd_step(gd, grp(0), E_LEAVE), 0);
	assert_string_equal(spawned, "K0 ");
	assert_int_equal(last()->m.type, MSG_SPD_CLEAR);
	run_ms(1300); /* dispatcherd is asked again, mike-spawn is not */
	assert_in_range(n_sent, 2, 10);
	assert_string_equal(spawned, "K0 ");
}

static void
another_role_starts_another_key_manager(void **state)
{
	(void)state;
	groups_say(UINT32_MAX, ROLE_SENDER);
	assert_string_equal(spawned, "K5 ");
	assert_int_equal(grp(5)->life, L_RENEWING);
	grp(5)->running = false;
	assert_int_equal(gd_step(gd, grp(5), E_GONE), 0);
	assert_int_equal(last()->m.type, MSG_SPD_SET);
	done(dispatcherd(), 5);
	assert_string_equal(spawned, "K5 S5 ");
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

static int
crypto_up(void **state)
{
	(void)state;
	return crypto_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(limit_of_policyd_makes_it_ask_for_cookies),
		T(what_anybody_can_ask_for_is_lost_first),
		T(key_manager_speaks_in_its_role),
		T(receiver_takes_leave_first),
		T(silent_key_manager_is_ended_after_three_seconds),
		T(nobody_waits_for_a_key_manager_that_is_not_there),
		T(crashed_key_manager_is_stopped_too),
		T(another_role_starts_another_key_manager),
	};

	log_init("gd_test");
	return cmocka_run_group_tests(tests, crypto_up, NULL);
}
