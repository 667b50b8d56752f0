/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_CONFMSG_H
#define KEYMGRD_CORE_CONFMSG_H

/* CONF_BEGIN, CONF_ADDR, CONF_GCKS, CONF_END from policyd -> struct km_conf. */

#include "ipc/msg.h"
#include "keymgrd/core/km.h"

struct confmsg {
	bool open; /* between BEGIN and END */
	struct km_conf conf;
};

/*
 * 1: c->conf is complete; 0: more to come; -EPROTO: out of order, too many, or
 * a value that cannot be (policyd is broken).
 */
int confmsg_add(struct confmsg *c, const struct msg *m) MUST_CHECK;

#endif
