/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_SHELL_INT_H
#define KEYMGRD_SHELL_INT_H

/* What the files of the shell share. */

#include "ipc/chan.h"
#include "keymgrd/core/confmsg.h"
#include "keymgrd/core/km.h"
#include "keymgrd/seal.h"

struct event;

enum phase { PH_SEAL, PH_CONF, PH_DONE, PH_RUN };

struct shell {
	struct event_base *base;
	struct event *timer;
	struct chan *p, *d, *g;
	uint8_t slot;
	enum phase phase;
	uint16_t instance;
	unsigned int asked; /* 1 << phase: in this life of policyd's edge */
	uint32_t req_done;
	uint32_t req_leave; /* of groupd's LEAVE */
	struct seal seal;
	bool no_punch; /* said that old records cannot be given back */
	struct seal_keys read_keys; /* until the state is read */
	struct confmsg confmsg;
	struct km_conf conf;
	struct km_ops ops;
	struct km *km;
	struct fx *fx;
};

uint64_t shell_now(void); /* CLOCK_BOOTTIME, ms */
/* Stamp and feed one event, carry out what comes of it. */
int shell_feed(struct shell *s, struct km_in *in);
void shell_snapshot(struct shell *s);
void shell_punch(struct shell *s);

#endif
