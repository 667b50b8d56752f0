/* SPDX-License-Identifier: ISC */
/* Status from everybody: who is slow, lies or asks too much. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/loop.h"
#include "groupd/ctl.h"

#define SENT_MAX 512

static struct gd gd;
static uint64_t now_ms;
static bool up_d, up_k[MIKE_SLOTS];
static uint32_t asked_req; /* of the STATUS_GET sent last */
static unsigned int asked;

static struct sent {
	uint32_t client;
	struct msg m;
	char text[300];
} sent[SENT_MAX];
static size_t n_sent;

/* -- the rest of groupd, and its edges ------------------------------------ */

uint64_t
gd_now(void)
{
	return now_ms;
}

/* The test's channels are no pointers to anything: they number the slots. */
bool
chan_is_up(const struct chan *c)
{
	uintptr_t n = (uintptr_t)c;

	return n == 100 ? up_d : n > 0 && n <= MIKE_SLOTS && up_k[n - 1];
}

int
chan_send(struct chan *c, const struct msg *m)
{
	(void)c;
	assert_int_equal(m->type, MSG_STATUS_GET);
	asked_req = m->status_get.req;
	asked++;
	return 0;
}

void
ctl_send(struct ctl *c, uint32_t client, const struct msg *m)
{
	struct sent *s = &sent[n_sent++];

	(void)c;
	assert_true(n_sent <= SENT_MAX);
	*s = (struct sent){ .client = client, .m = *m };
	if (m->type == MSG_CTL_GROUP) /* borrowed */
		(void)snprintf(s->text, sizeof(s->text), "%.*s",
		    (int)m->ctl_group.detail.len,
		    (const char *)m->ctl_group.detail.p);
	if (m->type == MSG_COUNT)
		(void)snprintf(s->text, sizeof(s->text), "%.*s",
		    (int)m->count.name.len, (const char *)m->count.name.p);
}

/* -- helpers -------------------------------------------------------------- */

static int
fresh(void **state)
{
	(void)state;
	memset(&gd, 0, sizeof(gd));
	memset(up_k, 0, sizeof(up_k));
	now_ms = 100000;
	n_sent = asked = 0;
	up_d = true;
	gd.base = loop_new();
	gd.listed = true;
	gd.d = (struct chan *)(uintptr_t)100;
	for (uint8_t i = 0; i < MIKE_SLOTS; i++) {
		gd.k[i].slot = i;
		gd.k[i].c = (struct chan *)((uintptr_t)i + 1);
	}
	gd.gather = gather_new(&gd);
	return 0;
}

static int
gone(void **state)
{
	(void)state;
	gather_free(&gd.gather);
	event_base_free(gd.base);
	return 0;
}

static void
group_run(uint8_t slot)
{
	gd.t.g[slot] = (struct grp){
		.life = L_RUN, .slot = slot, .named = true, .name = "ops"
	};
}

static void
end_from(int slot)
{
	struct msg m = { .type = MSG_STATUS_END, .status_end.req = asked_req };

	gather_msg(&gd, slot, &m);
}

static void
count_from(int slot, uint8_t claimed, uint32_t req)
{
	struct msg m = { .type = MSG_COUNT };

	m.count.req = req;
	m.count.slot = claimed;
	m.count.name = (struct chunk){ (const uint8_t *)"x", 1 };
	gather_msg(&gd, slot, &m);
}

static void
refused_from(int slot, uint8_t claimed, uint32_t req)
{
	struct msg m = { .type = MSG_REFUSED };

	m.refused.req = req;
	m.refused.slot = claimed;
	m.refused.identity = (struct chunk){ (const uint8_t *)"CN=x", 4 };
	gather_msg(&gd, slot, &m);
}

static unsigned int
told(uint32_t client, uint16_t type)
{
	unsigned int n = 0;

	for (size_t i = 0; i < n_sent; i++)
		n += sent[i].client == client && sent[i].m.type == type;
	return n;
}

/* Value of one of the host's counters. */
static uint64_t
told_count(const char *name)
{
	for (size_t i = 0; i < n_sent; i++)
		if (sent[i].m.type == MSG_COUNT &&
		    sent[i].m.count.slot == 255 &&
		    strcmp(sent[i].text, name) == 0)
			return sent[i].m.count.value;
	fail_msg("no count %s", name);
	return 0;
}

static const struct sent *
told_group(void)
{
	for (size_t i = 0; i < n_sent; i++)
		if (sent[i].m.type == MSG_CTL_GROUP)
			return &sent[i];
	fail_msg("no group");
	return NULL;
}

/* The timers of a gathering are real ones. */
static void
wait_until(uint32_t client, unsigned int ends)
{
	for (int i = 0; i < 300 && told(client, MSG_STATUS_END) < ends; i++) {
		(void)event_base_loop(gd.base, EVLOOP_NONBLOCK);
		(void)usleep(10000);
	}
	assert_int_equal(told(client, MSG_STATUS_END), ends);
}

/* -- tests ---------------------------------------------------------------- */

static void
answer_comes_when_all_have_ended(void **state)
{
	(void)state;
	group_run(3);
	up_k[3] = true;
	gather_ask(&gd, 1, 77);
	assert_int_equal(asked, 2);
	count_from(-1, 255, asked_req);
	end_from(3);
	assert_int_equal(told(1, MSG_STATUS_END), 0);
	end_from(-1);
	assert_int_equal(told(1, MSG_STATUS_END), 1);
	assert_int_equal(told(1, MSG_CTL_HOST), 1);
	assert_int_equal(told(1, MSG_CTL_DAEMON), 3);
	assert_int_equal(told(1, MSG_CTL_GROUP), 1);
	for (size_t i = 0; i < n_sent; i++) /* req comes first in all of them */
		assert_int_equal(sent[i].m.status_end.req, 77);
}

static void
who_is_silent_is_not_waited_for_long(void **state)
{
	(void)state;
	group_run(3);
	up_k[3] = true;
	gather_ask(&gd, 1, 77);
	end_from(-1);
	assert_int_equal(told(1, MSG_STATUS_END), 0);
	wait_until(1, 1);
}

static void
with_nobody_up_the_answer_comes_at_once(void **state)
{
	(void)state;
	up_d = false;
	gather_ask(&gd, 1, 77);
	assert_int_equal(told(1, MSG_STATUS_END), 1);
	assert_int_equal(asked, 0);
}

/* A key manager that was taken over speaks for its own slot, and not much. */
static void
key_manager_is_bounded(void **state)
{
	unsigned int n = 0;

	(void)state;
	group_run(3);
	up_k[3] = true;
	gather_ask(&gd, 1, 77);
	count_from(3, 9, asked_req - 1); /* late */
	assert_int_equal(n_sent, 0);
	for (int i = 0; i < 1000; i++)
		count_from(3, 9, asked_req);
	for (size_t i = 0; i < n_sent; i++) {
		assert_int_equal(sent[i].m.count.slot, 3);
		n++;
	}
	assert_int_equal(n, 64);
	refused_from(3, 9, asked_req - 1);
	for (int i = 0; i < 100; i++)
		refused_from(3, 9, asked_req);
	refused_from(-1, 9, asked_req); /* dispatcherd refuses nobody */
	assert_int_equal(told(1, MSG_REFUSED), 16);
	assert_int_equal(sent[n_sent - 1].m.refused.slot, 3);
	end_from(9); /* for somebody else */
	end_from(3);
	end_from(3);
	assert_int_equal(told(1, MSG_STATUS_END), 0);
	end_from(-1);
	assert_int_equal(told(1, MSG_STATUS_END), 1);
}

/* Asked during a gathering: the next one, so that the answer is not old. */
static void
late_client_gets_the_next_one(void **state)
{
	(void)state;
	gather_ask(&gd, 1, 77);
	gather_ask(&gd, 2, 88);
	gather_ask(&gd, 2, 89);
	end_from(-1);
	assert_int_equal(told(1, MSG_STATUS_END), 1);
	assert_int_equal(told(2, MSG_STATUS_END), 0);
	assert_int_equal(asked, 1); /* not in one go */
	for (int i = 0; i < 100 && asked == 1; i++) {
		(void)event_base_loop(gd.base, EVLOOP_NONBLOCK);
		(void)usleep(10000);
	}
	assert_int_equal(asked, 2);
	end_from(-1);
	assert_int_equal(told(2, MSG_STATUS_END), 1);
	assert_int_equal(sent[n_sent - 1].m.status_end.req, 89);
	assert_int_equal(told(1, MSG_STATUS_END), 1);
}

static void
client_that_went_away_is_forgotten(void **state)
{
	(void)state;
	gather_ask(&gd, 1, 77);
	for (uint32_t c = 2; c < 100; c++) {
		gather_ask(&gd, c, 1);
		gather_forget(&gd, c);
	}
	gather_forget(&gd, 1);
	end_from(-1);
	assert_int_equal(n_sent, 0);
}

/* Every cause by its name, whether it has happened or not. */
static void
own_counters_are_complete(void **state)
{
	char name[48];

	(void)state;
	up_d = false;
	router_init(&gd.router);
	for (enum route_cause c = 0; c < RC_COUNT; c++)
		gd.router.drops[c] = 100 + c;
	gd.router.cookies_good = 7;
	gd.router.cookies_wrong = 8;
	gd.lost = 9;
	load_limit(&gd.router.load, 0);
	gather_ask(&gd, 1, 77);
	for (enum route_cause c = 0; c < RC_COUNT; c++) {
		(void)snprintf(
		    name, sizeof(name), "route.%s", route_cause_name(c));
		assert_int_equal(told_count(name), 100 + c);
	}
	assert_int_equal(told_count("cookie.asked"), 100 + RC_COOKIE);
	assert_int_equal(told_count("cookie.accepted"), 7);
	assert_int_equal(told_count("cookie.wrong"), 8);
	assert_int_equal(told_count("cookie.under-load"), 1);
	assert_int_equal(told_count("route.ipc-busy"), 9);
}

static uint8_t
state_now(void)
{
	now_ms += 1000;
	n_sent = 0;
	gather_ask(&gd, 1, 77);
	for (size_t i = 0; i < MIKE_SLOTS; i++)
		if (up_k[i])
			end_from((int)i);
	end_from(-1);
	return told_group()->m.ctl_group.state;
}

static void
state_says_what_is_known(void **state)
{
	struct grp *g = &gd.t.g[3];
	struct slot_edge *e = &gd.k[3];

	(void)state;
	group_run(3);
	g->life = L_SPD;
	(void)snprintf(g->why, sizeof(g->why), "no rules yet");
	assert_int_equal(state_now(), GS_SECURING);
	assert_string_equal(told_group()->text, "no rules yet");
	g->why[0] = '\0';
	g->life = L_RUN;
	assert_int_equal(state_now(), GS_STARTING);
	up_k[3] = true;
	assert_int_equal(state_now(), GS_STARTING);
	e->view = (struct km_view){ .seen = true, .state = GS_KEYED };
	(void)snprintf(e->view.detail, sizeof(e->view.detail), "fine");
	assert_int_equal(state_now(), GS_KEYED);
	assert_string_equal(told_group()->text, "fine");
	up_k[3] = false;
	e->view = (struct km_view){ 0 };
	e->was_up = true;
	assert_int_equal(state_now(), GS_DOWN);
	e->was_up = false;
	g->restarts = 4; /* never came up */
	assert_int_equal(state_now(), GS_DOWN);
	g->life = L_RENEWING;
	assert_int_equal(state_now(), GS_DOWN);
	assert_non_null(strstr(told_group()->text, "starts anew"));
	g->life = L_PARTING;
	assert_int_equal(state_now(), GS_DOWN);
	assert_non_null(strstr(told_group()->text, "leaving"));
	g->life = L_ORPHAN;
	assert_int_equal(state_now(), GS_DOWN);
	assert_non_null(strstr(told_group()->text, "not in the policy"));
	g->life = L_LEFT;
	assert_int_equal(state_now(), GS_LEFT);
	assert_string_equal(told_group()->text, "");
	g->forget = true;
	assert_int_equal(state_now(), GS_LEFT);
	assert_non_null(strstr(told_group()->text, "until the next start"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(answer_comes_when_all_have_ended),
		T(who_is_silent_is_not_waited_for_long),
		T(with_nobody_up_the_answer_comes_at_once),
		T(key_manager_is_bounded),
		T(late_client_gets_the_next_one),
		T(client_that_went_away_is_forgotten),
		T(own_counters_are_complete),
		T(state_says_what_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
