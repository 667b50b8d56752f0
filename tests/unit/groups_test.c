/* SPDX-License-Identifier: ISC */
/* The life of a group on this host: policies first, and gone last. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "groupd/core/groups.h"

static struct chunk
text(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

static enum grp_fx
set(struct groups *t, uint8_t slot, const char *name, bool joined)
{
	struct grp_conf c = { .slot = slot,
		.role = ROLE_SENDER,
		.joined = joined,
		.name = text(name),
		.id = text(name) };
	enum grp_fx fx = GF_NONE;

	assert_int_equal(groups_set(t, &c, &fx), 0);
	return fx;
}

static enum grp_fx
step(struct grp *g, enum life_ev ev)
{
	enum grp_fx fx;

	assert_int_equal(grp_step(g, ev, &fx), 0);
	return fx;
}

static void
joined_group_gets_policies_before_its_key_manager(void **state)
{
	struct groups t = { 0 };
	struct grp *g;

	(void)state;
	assert_int_equal(set(&t, 3, "ops", true), GF_SPD_SET);
	g = groups_slot(&t, 3);
	assert_int_equal(g->life, L_SPD);
	/* Refused or unanswered: asked again, and nothing is started. */
	assert_int_equal(step(g, E_FAIL), GF_NONE);
	assert_int_equal(step(g, E_TICK), GF_SPD_SET);
	assert_int_equal(step(g, E_TICK), GF_SPD_SET);
	assert_int_equal(step(g, E_DONE), GF_START);
	assert_int_equal(g->life, L_RUN);
	assert_int_equal(step(g, E_TICK), GF_NONE);
	assert_true(grp_settled(g));
}

static void
group_that_was_left_stays_left(void **state)
{
	struct groups t = { 0 };

	(void)state;
	assert_int_equal(set(&t, 0, "ops", false), GF_NONE);
	assert_int_equal(groups_slot(&t, 0)->life, L_LEFT);
	assert_int_equal(step(groups_slot(&t, 0), E_TICK), GF_NONE);
}

static struct grp *
running(struct groups *t)
{
	struct grp *g;

	(void)set(t, 1, "ops", true);
	g = groups_slot(t, 1);
	(void)step(g, E_DONE);
	g->running = true;
	return g;
}

static void
leave_ends_the_key_manager_before_the_policies(void **state)
{
	struct groups t = { 0 };
	struct grp *g = running(&t);

	(void)state;
	assert_int_equal(step(g, E_LEAVE), GF_STOP);
	assert_false(grp_settled(g));
	assert_int_equal(step(g, E_TICK), GF_STOP);
	g->running = false;
	assert_int_equal(step(g, E_GONE), GF_SPD_CLEAR);
	assert_int_equal(step(g, E_TICK), GF_SPD_CLEAR);
	assert_int_equal(step(g, E_DONE), GF_SAVE_LEAVE);
	assert_int_equal(step(g, E_DONE), GF_NONE);
	assert_int_equal(g->life, L_LEFT);
	assert_true(grp_settled(g));
}

static struct grp *
receiving(struct groups *t)
{
	struct grp *g = running(t);

	g->role = ROLE_RECEIVER;
	return g;
}

static void
receiver_says_good_bye_before_it_ends(void **state)
{
	struct groups t = { 0 };
	struct grp *g = receiving(&t);
	enum grp_fx fx;

	(void)state;
	assert_int_equal(step(g, E_LEAVE), GF_PART);
	assert_true(grp_runs(g)); /* it still has to hear the answer */
	assert_false(grp_settled(g));
	assert_int_equal(step(g, E_TICK), GF_NONE); /* said once */
	assert_int_equal(grp_step(g, E_JOIN, &fx), -EPROTO);
	assert_int_equal(grp_step(g, E_LEAVE, &fx), -EPROTO);
	assert_int_equal(step(g, E_PARTED), GF_STOP);
	assert_false(grp_runs(g));
	assert_int_equal(grp_step(g, E_PARTED, &fx), -EPROTO);
	g->running = false;
	assert_int_equal(step(g, E_GONE), GF_SPD_CLEAR);
	assert_int_equal(step(g, E_DONE), GF_SAVE_LEAVE);
}

static void
key_manager_that_dies_while_parting_is_not_waited_for(void **state)
{
	struct groups t = { 0 };
	struct grp *g = receiving(&t);

	(void)state;
	(void)step(g, E_LEAVE);
	g->running = false;
	assert_int_equal(step(g, E_GONE), GF_SPD_CLEAR);
}

/* Opened is at once; what was to be left for good is. */
static void
open_does_not_wait_for_a_good_bye(void **state)
{
	struct groups t = { 0 };
	struct grp *g = receiving(&t);

	(void)state;
	assert_int_equal(step(g, E_OPEN), GF_STOP);
	t = (struct groups){ 0 };
	g = receiving(&t);
	(void)step(g, E_LEAVE);
	assert_int_equal(step(g, E_OPEN), GF_STOP);
	g->running = false;
	(void)step(g, E_GONE);
	assert_int_equal(step(g, E_DONE), GF_SAVE_LEAVE);
}

static enum grp_fx
change(struct groups *t, uint8_t role, const char *id)
{
	struct grp_conf c = { .slot = 1,
		.role = role,
		.joined = true,
		.name = text("ops"),
		.id = text(id) };
	enum grp_fx fx = GF_NONE;

	assert_int_equal(groups_set(t, &c, &fx), 0);
	return fx;
}

/* What runs is what policyd says, also when it changes its mind. */
static void
another_role_or_id_is_another_key_manager(void **state)
{
	struct groups t = { 0 };
	struct grp *g = running(&t);

	(void)state;
	assert_int_equal(change(&t, ROLE_SENDER, "ops"), GF_NONE);
	assert_int_equal(change(&t, ROLE_RECEIVER, "ops"), GF_STOP);
	assert_int_equal(g->life, L_RENEWING);
	assert_int_equal(g->role, ROLE_RECEIVER);
	assert_false(grp_runs(g));
	assert_false(grp_settled(g));
	assert_int_equal(step(g, E_TICK), GF_STOP);
	g->running = false;
	assert_int_equal(step(g, E_GONE), GF_SPD_SET);
	assert_int_equal(step(g, E_DONE), GF_START);
	/* Not running at the moment: policies first, as ever. */
	assert_int_equal(change(&t, ROLE_RECEIVER, "other"), GF_SPD_SET);
	assert_int_equal(g->life, L_SPD);
	(void)step(g, E_DONE);
	g->running = true;
	assert_int_equal(change(&t, ROLE_RECEIVER, "othe"), GF_STOP);
	assert_int_equal(change(&t, ROLE_RECEIVER, "othe"), GF_NONE);
	assert_int_equal(step(g, E_DROP), GF_STOP);
	assert_int_equal(g->life, L_ORPHAN);
}

static void
default_group_is_what_policyd_says(void **state)
{
	struct groups t = { 0 };
	struct grp *g = running(&t);
	struct grp_conf c = { .slot = 1,
		.role = ROLE_SENDER,
		.joined = true,
		.foreign = 1,
		.name = text("ops"),
		.id = text("ops") };
	enum grp_fx fx;

	(void)state;
	assert_false(g->foreign);
	assert_int_equal(groups_set(&t, &c, &fx), 0);
	assert_true(g->foreign);
	assert_int_equal(fx, GF_NONE); /* no reason to drop its members */
	c.foreign = 0;
	assert_int_equal(groups_set(&t, &c, &fx), 0);
	assert_false(g->foreign);
	c.foreign = 2;
	assert_int_equal(groups_set(&t, &c, &fx), -EINVAL);
	c.foreign = 1;
	c.role = ROLE_RECEIVER;
	assert_int_equal(groups_set(&t, &c, &fx), -EINVAL);
}

static void
leave_without_a_key_manager_does_not_wait_for_one(void **state)
{
	struct groups t = { 0 };
	struct grp *g = running(&t);

	(void)state;
	g->running = false;
	assert_int_equal(step(g, E_LEAVE), GF_SPD_CLEAR);
}

static void
open_does_not_touch_the_record(void **state)
{
	struct groups t = { 0 };
	struct grp *g = running(&t);

	(void)state;
	assert_int_equal(step(g, E_OPEN), GF_STOP);
	g->running = false;
	assert_int_equal(step(g, E_GONE), GF_SPD_CLEAR);
	assert_int_equal(step(g, E_DONE), GF_NONE);
	assert_int_equal(g->life, L_LEFT);
	/* And a leave after that is one again. */
	assert_int_equal(step(g, E_JOIN), GF_SAVE_JOIN);
	(void)step(g, E_DONE);
	(void)step(g, E_DONE);
	assert_int_equal(step(g, E_LEAVE), GF_SPD_CLEAR);
	assert_int_equal(step(g, E_DONE), GF_SAVE_LEAVE);
}

static void
join_is_recorded_before_policies_are_asked_for(void **state)
{
	struct groups t = { 0 };
	struct grp *g;

	(void)state;
	(void)set(&t, 0, "ops", false);
	g = groups_slot(&t, 0);
	assert_int_equal(step(g, E_JOIN), GF_SAVE_JOIN);
	assert_int_equal(step(g, E_DONE), GF_SPD_SET);
	assert_int_equal(step(g, E_DONE), GF_START);
}

static void
events_that_do_not_fit_are_refused(void **state)
{
	struct groups t = { 0 };
	struct grp *g = running(&t);
	enum grp_fx fx;

	(void)state;
	assert_int_equal(grp_step(g, E_JOIN, &fx), -EPROTO);
	assert_int_equal(grp_step(g, E_DONE, &fx), -EPROTO);
	assert_int_equal(grp_step(g, E_GONE, &fx), -EPROTO);
	assert_int_equal(g->life, L_RUN);
	(void)step(g, E_LEAVE);
	assert_int_equal(grp_step(g, E_LEAVE, &fx), -EPROTO);
	assert_int_equal(grp_step(g, E_OPEN, &fx), -EPROTO);
}

static void
known_group_keeps_its_life(void **state)
{
	struct groups t = { 0 };
	struct grp *g = running(&t);
	struct grp_conf c = { .slot = 1,
		.role = ROLE_SENDER,
		.joined = true,
		.name = text("renamed"),
		.id = text("ops") };
	enum grp_fx fx;

	(void)state;
	assert_int_equal(groups_set(&t, &c, &fx), 0);
	assert_int_equal(fx, GF_NONE);
	assert_int_equal(g->life, L_RUN);
	assert_ptr_equal(groups_find(&t, "renamed", 7), g);
	assert_null(groups_find(&t, "ops", 3));
	assert_null(groups_find(&t, "rename", 6));
}

/* policyd names its groups anew, without this one. */
static void
lose(struct groups *t, struct grp *g)
{
	groups_begin(t);
	assert_true(g->named); /* not before the end of the list */
	groups_end(t);
	assert_false(g->named);
}

/* A slip in the policy text ends the key manager, and opens nothing. */
static void
group_that_the_policy_lost_stays_closed(void **state)
{
	struct groups t = { 0 };
	struct grp *g = running(&t);
	enum grp_fx fx;

	(void)state;
	lose(&t, g);
	assert_int_equal(step(g, E_DROP), GF_STOP);
	assert_int_equal(g->life, L_ORPHAN);
	assert_true(grp_settled(g));
	assert_int_equal(grp_step(g, E_GONE, &fx), -EPROTO);
	assert_int_equal(grp_step(g, E_JOIN, &fx), -EPROTO);
	assert_int_equal(step(g, E_TICK), GF_NONE);
	assert_int_equal(step(g, E_LOST), GF_NONE);
	/* Nor while it is being left: there is nothing to join. */
	g->running = false;
	assert_int_equal(step(g, E_LEAVE), GF_SPD_CLEAR);
	assert_int_equal(grp_step(g, E_JOIN, &fx), -EPROTO);
	g->life = L_ORPHAN;
	/* Named again: from the start, policies first. */
	assert_int_equal(set(&t, 1, "ops", true), GF_SPD_SET);
	assert_int_equal(g->life, L_SPD);
}

/* policyd could not record it: it is cleared, and forgotten. */
static void
lost_group_can_be_left(void **state)
{
	static const enum life_ev ways[] = { E_LEAVE, E_OPEN };

	(void)state;
	for (size_t i = 0; i < NITEMS(ways); i++) {
		struct groups t = { 0 };
		struct grp *g = running(&t);

		lose(&t, g);
		(void)step(g, E_DROP);
		g->running = false;
		assert_int_equal(step(g, ways[i]), GF_SPD_CLEAR);
		assert_int_equal(step(g, E_DONE), GF_NONE);
		assert_int_equal(g->life, L_NONE);
		assert_true(grp_settled(g));
		assert_null(groups_find(&t, "ops", 3));
	}
}

static void
lost_group_that_was_left_vanishes(void **state)
{
	struct groups t = { 0 };

	(void)state;
	(void)set(&t, 0, "a", false);
	(void)set(&t, 1, "b", false);
	groups_begin(&t);
	(void)set(&t, 1, "b", false);
	groups_end(&t);
	assert_null(groups_slot(&t, 0));
	assert_non_null(groups_slot(&t, 1));
}

/*
 * A new dispatcherd has no rules yet and refuses at first: the running group
 * goes on asking until the policies are confirmed.
 */
static void
running_group_is_closed_again_after_a_restart(void **state)
{
	struct groups t = { 0 };
	struct grp *g = running(&t);
	enum grp_fx fx;

	(void)state;
	assert_true(g->closed);
	assert_int_equal(step(g, E_LOST), GF_SPD_SET);
	assert_int_equal(step(g, E_FAIL), GF_NONE);
	assert_int_equal(step(g, E_TICK), GF_SPD_SET);
	assert_int_equal(g->life, L_RUN);
	assert_int_equal(step(g, E_DONE), GF_NONE);
	assert_true(g->closed);
	assert_int_equal(step(g, E_TICK), GF_NONE);
	assert_int_equal(grp_step(g, E_DONE, &fx), -EPROTO);
}

static void
what_waits_for_dispatcherd_asks_its_successor(void **state)
{
	struct groups t = { 0 };
	struct grp *g;

	(void)state;
	(void)set(&t, 1, "ops", true);
	g = groups_slot(&t, 1);
	assert_int_equal(step(g, E_LOST), GF_SPD_SET);
	(void)step(g, E_LEAVE);
	assert_int_equal(step(g, E_LOST), GF_SPD_CLEAR);
}

static void
join_that_cannot_be_recorded_is_none(void **state)
{
	struct groups t = { 0 };
	struct grp *g;

	(void)state;
	(void)set(&t, 0, "ops", false);
	g = groups_slot(&t, 0);
	(void)step(g, E_JOIN);
	(void)snprintf(g->why, sizeof(g->why), "disk full");
	assert_int_equal(step(g, E_FAIL), GF_NONE);
	assert_int_equal(g->life, L_LEFT);
	assert_true(grp_settled(g));
	assert_string_equal(g->why, "disk full");
	(void)step(g, E_JOIN);
	assert_string_equal(g->why, "");
}

static void
leave_can_be_taken_back_until_it_is_recorded(void **state)
{
	struct groups t = { 0 };
	struct grp *g = running(&t);

	(void)state;
	g->running = false;
	(void)step(g, E_LEAVE);
	assert_int_equal(g->life, L_CLEARING);
	assert_int_equal(step(g, E_JOIN), GF_SPD_SET);
	assert_int_equal(step(g, E_DONE), GF_START);
}

/* Each question has a number of its own, also when the state is the same. */
static void
late_answers_find_nobody(void **state)
{
	struct groups t = { 0 };
	struct grp *g;
	uint32_t req;

	(void)state;
	(void)set(&t, 5, "ops", true);
	g = groups_slot(&t, 5);
	req = grp_req(g);
	assert_ptr_equal(groups_asker(&t, req), g);
	(void)step(g, E_TICK); /* the same question: either answer will do */
	assert_ptr_equal(groups_asker(&t, req), g);
	(void)step(g, E_LOST);
	assert_null(groups_asker(&t, req));
	req = grp_req(g);
	(void)step(g, E_DONE);
	assert_null(groups_asker(&t, req));
	assert_null(groups_asker(&t, grp_req(g) + 1)); /* slot 6 has none */
	assert_null(groups_asker(&t, 200));
}

static void
unusable_groups_are_refused(void **state)
{
	struct groups t = { 0 };
	struct grp_conf ok = { .slot = 0,
		.role = ROLE_SENDER,
		.name = text("n"),
		.id = text("i") };
	struct grp_conf c;
	static const uint8_t big[80];
	enum grp_fx fx;

	(void)state;
	c = ok;
	c.slot = MIKE_SLOTS;
	assert_int_equal(groups_set(&t, &c, &fx), -EINVAL);
	c = ok;
	c.role = 9;
	assert_int_equal(groups_set(&t, &c, &fx), -EINVAL);
	c = ok;
	c.name.len = 0;
	assert_int_equal(groups_set(&t, &c, &fx), -EINVAL);
	c = ok;
	c.id = (struct chunk){ big, sizeof(big) };
	assert_int_equal(groups_set(&t, &c, &fx), -EINVAL);
	c = ok;
	c.name = (struct chunk){ big, sizeof(big) };
	assert_int_equal(groups_set(&t, &c, &fx), -EINVAL);
	assert_null(groups_slot(&t, 0));
	assert_null(groups_slot(&t, 200));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    joined_group_gets_policies_before_its_key_manager),
		cmocka_unit_test(group_that_was_left_stays_left),
		cmocka_unit_test(
		    leave_ends_the_key_manager_before_the_policies),
		cmocka_unit_test(receiver_says_good_bye_before_it_ends),
		cmocka_unit_test(
		    key_manager_that_dies_while_parting_is_not_waited_for),
		cmocka_unit_test(open_does_not_wait_for_a_good_bye),
		cmocka_unit_test(another_role_or_id_is_another_key_manager),
		cmocka_unit_test(default_group_is_what_policyd_says),
		cmocka_unit_test(
		    leave_without_a_key_manager_does_not_wait_for_one),
		cmocka_unit_test(open_does_not_touch_the_record),
		cmocka_unit_test(
		    join_is_recorded_before_policies_are_asked_for),
		cmocka_unit_test(events_that_do_not_fit_are_refused),
		cmocka_unit_test(known_group_keeps_its_life),
		cmocka_unit_test(group_that_the_policy_lost_stays_closed),
		cmocka_unit_test(lost_group_can_be_left),
		cmocka_unit_test(lost_group_that_was_left_vanishes),
		cmocka_unit_test(running_group_is_closed_again_after_a_restart),
		cmocka_unit_test(what_waits_for_dispatcherd_asks_its_successor),
		cmocka_unit_test(join_that_cannot_be_recorded_is_none),
		cmocka_unit_test(leave_can_be_taken_back_until_it_is_recorded),
		cmocka_unit_test(late_answers_find_nobody),
		cmocka_unit_test(unusable_groups_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
