/* SPDX-License-Identifier: ISC */
#ifndef GROUPD_GD_H
#define GROUPD_GD_H

/* groupd's shell: what its files share. */

#include "common/proc.h"
#include "ipc/chan.h"
#include "groupd/core/groups.h"
#include "groupd/core/route.h"

struct event;
struct event_base;
struct ctl;
struct gather;

#define GD_SPAWN_FD 3 /* socketpair to mike-spawn */

/* What a key manager said of itself last. */
struct km_view {
	bool seen; /* since groupd started */
	uint8_t state;
	uint32_t generation, step;
	uint64_t key_age_s, key_left_s;
	char gcks[65], detail[257];
};

/* An edge to a key manager; its slot is where the callbacks find it. */
struct slot_edge {
	struct gd *gd;
	uint8_t slot;
	struct chan *c;
	bool was_up;	  /* since it was started */
	uint64_t part_ms; /* when it was told to say good-bye */
	struct km_view view;
};

struct gd {
	const struct opts *o;
	struct event_base *base;
	struct event *tick, *spawn_ev;
	struct chan *d, *p;
	struct slot_edge k[MIKE_SLOTS];
	struct groups t;
	struct router router;
	char identity[513];
	bool listed;	 /* policyd has named all groups once */
	uint64_t lost;	 /* messages that a busy peer did not take */
	uint64_t absent; /* messages for a peer that is not running */
	bool said_load;	 /* the log has that cookies are asked for */
	struct ctl *ctl;
	struct gather *gather;
};

struct gd *gd_new(const struct opts *o, struct event_base *base);
void gd_open_channels(struct gd *gd);
/* Feed one event to a group and do what comes of it. */
int gd_step(struct gd *gd, struct grp *g, enum life_ev ev) MUST_CHECK;
/* Take policies and SAs of a slot without a group out of the kernel. */
void gd_clear(struct gd *gd, uint8_t slot);
uint64_t gd_now(void); /* ms, CLOCK_MONOTONIC */

/* spawn.c */
void spawn_open(struct gd *gd);
void spawn_say(struct gd *gd, char op, uint8_t slot);

/* ctl.c: the control socket and its clients */
struct ctl;
struct client;
struct ctl *ctl_open(struct gd *gd);
/* Queue a message; a client that does not read is dropped. */
void ctl_send(struct ctl *c, uint32_t client, const struct msg *m);
/* Once in a while: who is idle, stuck, or waits for what is not done? */
void ctl_tick(struct ctl *c);

/* cmd.c: what clients ask for */
void cmd_run(struct client *c, const struct msg *m);
/* An operation of a group has settled. */
void ctl_settled(struct ctl *c, struct grp *g);
/* Answer a command that takes too long. */
void cmd_overdue(struct client *c);
void cmd_forget(struct client *c);

/* status.c */
struct gather *gather_new(struct gd *gd);
void gather_free(struct gather **ga);
void gather_ask(struct gd *gd, uint32_t client, uint32_t req);
void gather_forget(struct gd *gd, uint32_t client);
/* COUNT, SA_STAT, STATUS_END from dispatcherd (slot < 0) or a key manager. */
void gather_msg(struct gd *gd, int slot, const struct msg *m);

#endif
