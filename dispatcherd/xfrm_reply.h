/* SPDX-License-Identifier: ISC */
#ifndef DISPATCHERD_XFRM_REPLY_H
#define DISPATCHERD_XFRM_REPLY_H

/*
 * What the kernel answers, taken apart and compared with what was asked for.
 * Nothing here trusts a length, although the peer is the kernel.
 */

#include "common/crypto.h"
#include "dispatcherd/xfrm_msg.h"

/* One message of a netlink datagram. */
struct xr_msg {
	const struct nlmsghdr *h;
	const void *at; /* cursor: the next header */
	size_t left;
};

/* 1: r->h is a whole message; 0: the end; -EBADMSG. */
void xr_init(struct xr_msg *r, const void *p, size_t len);
int xr_next(struct xr_msg *r) MUST_CHECK;

struct xr_ack {
	int error;	   /* 0 or -Exxx */
	struct chunk text; /* of the kernel, may be empty; not printable */
};
/* NLMSG_ERROR or NLMSG_DONE. */
int xr_ack(const struct nlmsghdr *h, struct xr_ack *out) MUST_CHECK;

struct pol_have {
	struct xfrm_userpolicy_info info;
	struct xfrm_user_tmpl tmpl; /* the first */
	size_t n_tmpl;
	bool plain; /* main type, no mark, no interface */
};
int xr_policy(const struct nlmsghdr *h, struct pol_have *out) MUST_CHECK;
/* A policy that only dispatcherd makes, and for which slot and class. */
bool pol_is_ours(const struct pol_have *p, uint8_t *slot, uint8_t *cls);
/* NULL when it is what we want, or else the name of what differs. */
const char *pol_differs(const struct pol_have *p, const struct pol_want *w);

struct sa_have {
	struct xfrm_usersa_info info;
	char alg[64];
	uint32_t key_bits, icv_bits;
	uint8_t key[GCM_KEYMAT_LEN]; /* wipe */
	uint32_t replay;
	bool plain; /* nothing of encapsulation, marks, offload, auth */
};
int xr_sa(const struct nlmsghdr *h, struct sa_have *out) MUST_CHECK;
bool sa_is_ours(const struct xfrm_usersa_info *s, uint8_t *slot, uint8_t *cls);
/*
 * Lifetimes are compared for an SA just installed only: a key manager that
 * comes back asks for what is left of them.
 */
const char *sa_differs(
    const struct sa_have *s, const struct sa_want *w, bool lifetimes);

/* What the kernel says unasked. */
enum xr_event_kind { XR_OTHER, XR_ACQUIRE, XR_EXPIRE };
struct xr_event {
	enum xr_event_kind kind; /* XR_OTHER: not about us */
	uint8_t slot;
	uint32_t spi; /* of XR_EXPIRE */
	struct addr dst;
	bool hard;
};
int xr_event(const struct nlmsghdr *h, struct xr_event *out) MUST_CHECK;

/* -EAFNOSUPPORT for an address family that is neither. */
int xr_addr(uint16_t family, const xfrm_address_t *x, struct addr *out)
    MUST_CHECK;

#endif
