/* SPDX-License-Identifier: ISC */
#ifndef GROUPD_CORE_GROUPS_H
#define GROUPD_CORE_GROUPS_H

/*
 * The table of groups and the life of each on this host:
 *
 *   LEFT -join-> SAVING_JOIN -saved-> SPD -done-> RUN
 *   RUN, SPD -leave-> STOPPING -gone-> CLEARING -done-> SAVING_LEAVE -> LEFT
 *   RUN -leave-> PARTING -parted-> STOPPING: a receiver says good-bye first
 *   RUN -changed-> RENEWING -gone-> SPD: it has another role or id now
 *   RUN, SPD -drop-> ORPHAN -leave-> CLEARING
 *
 * The kernel's fail-closed policies stand before the key manager starts, and
 * go only after it has ended, so that it cannot install anything behind them.
 * What a state waits for is asked again on every tick until it is answered:
 * each request is idempotent, and whoever it goes to may be restarted.
 *
 * A group that policyd does not name any more loses its key manager and keeps
 * its kernel policies: a slip in the policy text must not open a group.  An
 * operator can still do so by name.
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
	L_ORPHAN, /* the policy has lost it: no key manager, but closed */
	L_PARTING,
	L_RENEWING,
};

enum life_ev {
	E_JOIN,
	E_LEAVE,
	E_OPEN,	   /* leave, but forget it at the next start */
	E_DONE,	   /* what the state asked for is done */
	E_FAIL,	   /* it was refused; asked again at the next tick */
	E_LOST,	   /* dispatcherd was restarted: make sure of the policies */
	E_GONE,	   /* the key manager does not run */
	E_DROP,	   /* policyd does not name the group any more */
	E_CHANGED, /* policyd says it is another one than runs */
	E_PARTED,  /* the key manager has said good-bye, or takes too long */
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
	GF_PART, /* the key manager: LEAVE */
};

struct grp {
	enum life life;
	bool forget;  /* E_OPEN: membership stays on record */
	bool closed;  /* dispatcherd, as it runs now, confirmed the policies */
	bool running; /* mike-spawn says that the key manager runs */
	bool named;   /* policyd has such a group */
	bool listed;  /* and it is in the list that it is giving */
	bool waiting; /* an operator waits for this to settle */
	uint32_t op;  /* whose request that is */
	uint32_t
	    asked; /* number of the question; an answer to another is late */
	uint8_t slot;
	uint8_t role;
	bool foreign; /* takes those who name no group */
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
	uint8_t foreign;
	struct chunk name, id;
};

/*
 * Take a group over from policyd, which alone decides what groups there are
 * and in which role.  A new one starts its life: *fx is what to do first.  A
 * known one keeps its life, but what runs under another role or id than it has
 * now is renewed.  -EINVAL: not a usable group.
 */
int groups_set(struct groups *t, const struct grp_conf *c, enum grp_fx *fx)
    MUST_CHECK;
/*
 * policyd begins and ends to name its groups.  Whoever is not among them, and
 * is no member any more in the end, vanishes; see E_DROP for the others.
 */
void groups_begin(struct groups *t);
void groups_end(struct groups *t);
struct grp *groups_find(struct groups *t, const char *name, size_t len);
struct grp *groups_slot(struct groups *t, uint8_t slot);

/*
 * One event of one group.  0 and what to do; -EPROTO: the event does not fit
 * (an operator's is refused, others are late answers and mean nothing).
 */
int grp_step(struct grp *g, enum life_ev ev, enum grp_fx *fx) MUST_CHECK;
/* Is its key manager to have what comes for it? */
bool grp_runs(const struct grp *g);
/* Has what an operator waits for come to its end?  Not always the wanted one. */
bool grp_settled(const struct grp *g);
/*
 * A request carries what it is about, so that an answer needs no table: the
 * slot and which question of that group it answers.
 */
uint32_t grp_req(const struct grp *g);
/* The group that waits for this answer; NULL: a late or foreign one. */
struct grp *groups_asker(struct groups *t, uint32_t req);

#endif
