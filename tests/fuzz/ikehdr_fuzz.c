/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/ike/hdr.h"

/*
 * What groupd reads of a datagram before anybody is authenticated: header,
 * payload chain, notifies, and the view of an IKE_SA_INIT.
 */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(crypto_init() == 0);
	return 0;
}

static void
inside(const uint8_t *data, size_t size, struct chunk c)
{
	must(c.len <= size);
	must(c.len == 0 || (c.p >= data && c.p + c.len <= data + size));
}

/* Payloads are disjoint, in order, and use up the whole message. */
static void
walk(
    const uint8_t *data, size_t size, const struct ike_hdr *h, struct rbuf body)
{
	size_t used = IKE_HDR_LEN;
	struct ike_walk w;
	struct ike_pld p;
	struct ike_ntf n;
	int r;

	ike_walk_init(&w, h->next, body);
	while ((r = ike_walk_next(&w, &p)) == 1) {
		must(p.body.left <= size - used - 4);
		must(p.body.left == 0 || p.body.p == data + used + 4);
		used += 4 + p.body.left;
		if (p.type == PLD_NOTIFY && ike_ntf_get(p.body, &n) == 0) {
			inside(data, size, n.spi);
			inside(data, size, n.data);
			must(n.spi.len + n.data.len + 4 == p.body.left);
		}
	}
	must(r != 0 || used == size);
}

static void
view(const uint8_t *data, size_t size)
{
	const struct chunk msg = { data, size };
	const struct chunk id = { (const uint8_t *)"ops-net", 7 };
	struct ike_init_view v;

	if (ike_init_view(msg, &v))
		return;
	must(v.hdr.exchange == IKE_SA_INIT && v.hdr.len == size);
	must(v.nonce.len == 0 ||
	     (v.nonce.len >= IKE_NONCE_MIN && v.nonce.len <= IKE_NONCE_MAX));
	must(v.mike_group.len == 0 || v.mike_group.len == MIKE_GROUP_LEN);
	must(!v.cookie_first || v.cookie.len != 0);
	inside(data, size, v.nonce);
	inside(data, size, v.mike_group);
	inside(data, size, v.cookie);
	must(!mike_group_matches(&v, id) || v.mike_group.len != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[IKE_HDR_LEN], slot;
	struct ike_hdr h;
	struct rbuf rb;
	struct wbuf wb;

	rb_init(&rb, data, size);
	if (ike_hdr_get(&rb, &h))
		return 0;
	must(h.len == size && rb_left(&rb) == size - IKE_HDR_LEN);
	wb_init(&wb, out, sizeof(out));
	must(ike_hdr_put(&wb, &h) == 0 && memcmp(out, data, sizeof(out)) == 0);
	must(ike_slot(&h, &slot) != 0 || slot < MIKE_SLOTS);
	walk(data, size, &h, rb);
	view(data, size);
	return 0;
}
