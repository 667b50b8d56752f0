/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_OUT_PAYLOAD_H
#define MIKESIM_OUT_PAYLOAD_H

/*
 * What is in a datagram, for people: "SA KE(X25519) Ni N(MIKE_GROUP)", and of
 * encrypted messages what is inside, "SK{IDi AUTH IDg SAg}".
 */

#include "mikesim/core/obs.h"

#define PAYLOAD_TEXT 512 /* octets of the longest, with the NUL */

/* Keys of IKE SAs by their SPIs, as they became known. */
struct payload_keys;
struct payload_keys *payload_keys_new(void);	 /* NULL: out of memory */
void payload_keys_free(struct payload_keys **k); /* wipes */
/* Of OBS_KEYS, 1: new; 0: known, or it is no OBS_KEYS; -ENOMEM. */
int payload_keys_take(struct payload_keys *k, const struct obs *o) MUST_CHECK;

/*
 * arg: struct payload_keys.  Octets may be anything; text that does not fit is
 * cut.  Gives the length without the NUL; size > 0.  Of a message in fragments
 * the last says what is in it: "SKF{fragment 3/3: IDr AUTH}".  Each datagram
 * must come in the order of sending; the last one may be asked for again.
 */
size_t payload_text(void *arg, const struct obs *send, char *out, size_t size);

/* "GSA_AUTH"; NULL: unknown. */
const char *payload_exchange(uint8_t exchange);

#endif
