/* SPDX-License-Identifier: ISC */
#ifndef GROUPD_CORE_GROUPS_H
#define GROUPD_CORE_GROUPS_H

/*
 * The table of groups and the life of each on this host:
 *
 *   LEFT -join-> SAVING_JOIN -saved-> SPD -done-> RUN
 *   RUN, SPD -leave-> STOPPING -gone-> CLEARING -done-> SAVING_LEAVE -> LEFT
 *
 * The kernel's fail-closed policies stand before the key manager starts, and
 * go only after it has ended, so that it cannot install anything behind them.
 * What a state waits for is asked again on every tick until it is answered:
 * each request is idempotent, and whoever it goes to may be restarted.
 */

#include "common/util.h"
#include "ipc/schema.h"

enum life {
	L_NONE, /* no such group */
	L_LEFT,
	L_SAVING_JOIN,
	L_SPD,
	L_RUN,
	L_STOPPING,
	L_CLEARING,
	L_SAVING_LEAVE,
};

enum life_ev {
	E_JOIN,
	E_LEAVE,
	E_OPEN, /* leave, but forget it at the next start */
	E_DONE, /* what the state asked for is done */
	E_FAIL, /* it was refused; asked again at the next tick */
	E_GONE, /* the key manager does not run */
	E_TICK,
};

enum grp_fx {
	GF_NONE,
	GF_SAVE_JOIN,  /* policyd: JOINED_SET 1 */
	GF_SAVE_LEAVE, /* policyd: JOINED_SET 0 */
	GF_SPD_SET,    /* dispatcherd */
	GF_SPD_CLEAR,
	GF_START, /* mike-spawn */
	GF_STOP,
};

struct grp {
	enum life life;
	bool forget;  /* E_OPEN: membership stays on record */
	bool running; /* mike-spawn says that the key manager runs */
	bool waiting; /* an operator waits for this to settle */
	uint32_t op;  /* whose request that is */
	uint8_t slot;
	uint8_t role;
	char name[65];
	uint8_t id[64];
	size_t id_len;
	uint32_t restarts;
	char why[257]; /* what was refused last, or "" */
};

struct groups {
	struct grp g[MIKE_SLOTS];
};

/* What policyd said of one group, for groups_set(). */
struct grp_conf {
	uint8_t slot, role;
	bool joined;
	struct chunk name, id;
};

/*
 * Take a group over from policyd.  A new one starts its life: *fx is what to
 * do first.  A known one keeps its life.  -EINVAL: not a usable group.
 */
int groups_set(struct groups *t, const struct grp_conf *c, enum grp_fx *fx)
    MUST_CHECK;
struct grp *groups_find(struct groups *t, const char *name, size_t len);
struct grp *groups_slot(struct groups *t, uint8_t slot);

/*
 * One event of one group.  0 and what to do; -EPROTO: the event does not fit
 * (an operator's is refused, others are late answers and mean nothing).
 */
int grp_step(struct grp *g, enum life_ev ev, enum grp_fx *fx) MUST_CHECK;
/* Has what an operator waits for come to its end? */
bool grp_settled(const struct grp *g);

#endif
