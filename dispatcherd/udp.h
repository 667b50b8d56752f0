/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_UDP_H
#define DISPATCHERD_UDP_H

/*
 * The sockets of the key exchange: one for each port and family, on all
 * addresses, with an XFRM bypass in both directions, so that no policy of the
 * host needs a hole for them.
 */

#include "dispatcherd/core/filter.h"

struct event_base;
struct udp;

/* Borrowed for the call.  A datagram that was cut has IKE_MSG_MAX + 1. */
typedef void udp_recv_fn(void *arg, const struct dgram *d);

/* As root; fatal() for a bad list of ports or one that cannot be bound. */
struct udp *udp_open(const char *ports);
void udp_start(
    struct udp *u, struct event_base *base, udp_recv_fn *fn, void *arg);
bool udp_has_port(const struct udp *u, uint16_t port);
/* -EADDRNOTAVAIL: no socket of that port and family; or the kernel's. */
int udp_send(struct udp *u, const struct dgram *d) MUST_CHECK;

#endif
