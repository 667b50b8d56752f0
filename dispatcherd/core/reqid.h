/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_CORE_REQID_H
#define DISPATCHERD_CORE_REQID_H

/*
 * The reqid ties policies and SAs of the kernel to a slot and a protected
 * address of its group (class):
 *
 *	reqid = 0x4d490000 | slot << 4 | class
 *
 * It is all that marks an object in the kernel as MIKE's, so it survives any
 * crash of ours.  Other key managers number from 1 upwards; 0x4d49 keeps far
 * away from them.  In and out share the number: a sender that listens to its
 * own group decrypts its own packets with its outbound SA.
 */

#include "common/util.h"

#define REQID_BASE 0x4d490000u
#define REQID_CLASSES 16

uint32_t reqid_make(uint8_t slot, uint8_t cls);
/* Is the reqid one of ours, and if so whose? */
bool reqid_split(uint32_t reqid, uint8_t *slot, uint8_t *cls);

#endif
