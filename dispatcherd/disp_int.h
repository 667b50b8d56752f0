/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_DISP_INT_H
#define DISPATCHERD_DISP_INT_H

/* Shared by disp.c (edges, datagrams), req.c (kernel) and status.c. */

#include "ipc/chan.h"
#include "dispatcherd/core/filter.h"
#include "dispatcherd/disp.h"
#include "dispatcherd/udp.h"
#include "dispatcherd/xfrm.h"

struct event;

struct km_edge {
	struct disp *d;
	uint8_t slot;
	struct chan *chan;
};

struct disp {
	const struct opts *opts;
	struct event_base *base;
	struct udp *udp;
	struct xfrm *xfrm;
	struct event *xfrm_ev;
	int xstat_fd;
	struct ruleset *rules;
	uint32_t rules_req;
	struct filter *filter;
	uint64_t drop_said_ms[DROP_CAUSES];
	uint8_t spd_said[MIKE_SLOTS]; /* status of the last SPD_SET */
	struct chan *gd, *dp;
	struct km_edge km[MIKE_SLOTS];
};

/* Answers that cannot be sent are lost with their asker, who asks again. */
void disp_send(struct chan *c, const struct msg *m);
/* Name of the slot's group for the log, printable. */
#define GROUP_TEXT_MAX 260
const char *disp_group(
    const struct disp *d, uint8_t slot, char buf[GROUP_TEXT_MAX]);

/* req.c: what changes the kernel. */
void req_spd_set(struct disp *d, const struct msg_spd_set *m);
void req_spd_clear(struct disp *d, const struct msg_spd_clear *m);
void req_sa_install(struct km_edge *e, const struct msg_sa_install *m);
void req_sa_delete(struct km_edge *e, const struct msg_sa_delete *m);
void req_event(void *arg, const struct xr_event *e);

/* status.c */
void status_answer(struct disp *d, uint32_t req);

#endif
