/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_OUT_PCAP_H
#define MIKESIM_OUT_PCAP_H

/*
 * A run as a capture file for Wireshark: each datagram once, whole, at the
 * virtual time at which its sender sent it, whatever became of it.  The time
 * is that since the beginning of the run.  Traffic of applications is left
 * out: in the simulation it has a length and no octets.
 */

#include "mikesim/core/obs.h"
#include "mikesim/out/file.h"

struct capture;

/* Takes o's stream over; o itself is borrowed.  -Exxx, and it was said. */
int capture_new(struct capture **out, struct out_file *o) MUST_CHECK;
/* 0; -Exxx: what is written is not all of it, and it was said. */
int capture_free(struct capture **c) MUST_CHECK;
struct obs_sink capture_sink(struct capture *c);

/*
 * The datagram with its IP and UDP headers; no header has options.  0 octets:
 * addresses that are none, or it is longer than an IP datagram can be.
 */
#define CAPTURE_MAX 65535
size_t capture_datagram(const struct obs *send, uint8_t out[CAPTURE_MAX]);

/* OBS_KEYS as a line of Wireshark's file ikev2_decryption_table. */
void capture_keys(FILE *f, const struct obs *o);

#endif
