/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "dispatcherd/xfrm_reply.h"

/* A netlink datagram as dispatcherd reads it: every header, every parser. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[GCM_KEYMAT_LEN] = { 1 };

static void
sa(const struct nlmsghdr *h)
{
	struct sa_want w = { .reqid = 0x4d490000,
		.spi = 0x1000,
		.src = { .len = 4 },
		.dst = { .len = 4 },
		.key = key,
		.replay = 128 };
	struct sa_have have;
	uint8_t slot, cls;

	if (xr_sa(h, &have))
		return;
	must(memchr(have.alg, 0, sizeof(have.alg)) != NULL);
	if (sa_is_ours(&have.info, &slot, &cls))
		must(slot < MIKE_SLOTS && cls < REQID_CLASSES);
	if (sa_differs(&have, &w, true) == NULL)
		must(have.key_bits == 288 && have.info.reqid == w.reqid);
}

static void
policy(const struct nlmsghdr *h)
{
	struct pol_want w = { 0x4d490000, { .len = 16 }, XFRM_POLICY_OUT };
	struct pol_have have;
	uint8_t slot, cls;

	if (xr_policy(h, &have))
		return;
	if (pol_is_ours(&have, &slot, &cls))
		must(slot < MIKE_SLOTS && have.n_tmpl == 1);
	if (pol_differs(&have, &w) == NULL)
		must(have.info.action == XFRM_POLICY_ALLOW);
}

static void
one(const struct nlmsghdr *h)
{
	struct xr_event e;
	struct xr_ack ack;
	char octet;

	if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
		if (xr_ack(h, &ack) == 0 && ack.text.len > 0) {
			octet = (char)ack.text.p[ack.text.len - 1];
			must(octet != '\0');
		}
		return;
	}
	sa(h);
	policy(h);
	if (xr_event(h, &e) == 0 && e.kind != XR_OTHER)
		must(
		    e.slot < MIKE_SLOTS && (e.dst.len == 4 || e.dst.len == 16));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xr_msg r;
	size_t seen = 0;
	/* The kernel's datagrams begin at an aligned address; inputs do not. */
	uint8_t *copy = malloc(size + 1);

	must(copy != NULL);
	memcpy(copy, data, size);
	xr_init(&r, copy, size);
	while (xr_next(&r) > 0) {
		seen += r.h->nlmsg_len;
		must(seen <= size);
		one(r.h);
	}
	free(copy);
	return 0;
}
