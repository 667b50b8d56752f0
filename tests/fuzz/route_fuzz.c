/* SPDX-License-Identifier: ISC */
/*
 * Any datagram, through groupd's routing in both directions: with a default
 * group and without, asking for cookies and not, and once more with the cookie
 * that was asked for.
 */

#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "groupd/core/route.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct groups table;
static struct router router;
static const struct addr peer = { .len = 4, .b = { 192, 0, 2, 7 } };
static uint64_t now_ms;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(crypto_init() == 0);
	router_init(&router);
	cookie_renew(&router.jar, (const uint8_t[COOKIE_SECRET_LEN]){ 1 }, 0);
	table.g[0] = (struct grp){
		.life = L_RUN, .role = ROLE_SENDER, .id = "ops", .id_len = 3
	};
	table.g[9] =
	    (struct grp){ .life = L_RUN, .role = ROLE_RECEIVER, .slot = 9 };
	table.g[10] = (struct grp){ .life = L_LEFT, .slot = 10 };
	return 0;
}

static void
check(const struct route *r, size_t size)
{
	struct ike_init_view v;

	if (r->to == RT_SLOT)
		must(table.g[r->slot].life == L_RUN);
	if (r->to != RT_REPLY)
		return;
	/* What goes to an address that may be forged is small and whole. */
	must(r->reply_len <= size);
	must(ike_init_view((struct chunk){ r->reply, r->reply_len }, &v) == 0);
}

/* Bring the cookie, as the first payload, with the rest as it was. */
static void
try_again(struct chunk c, const struct route *asked)
{
	uint8_t buf[IKE_MSG_MAX + 64], *next;
	struct route r = { .cause = RC_COUNT };
	struct wbuf wb;

	wb_init(&wb, buf, sizeof(buf));
	if (wb_put(&wb, c.p, IKE_HDR_LEN) ||
	    wb_put(&wb, asked->reply + IKE_HDR_LEN,
		asked->reply_len - IKE_HDR_LEN) ||
	    wb_put(&wb, c.p + IKE_HDR_LEN, c.len - IKE_HDR_LEN) ||
	    wb.len > IKE_MSG_MAX)
		return;
	next = &buf[16];
	buf[IKE_HDR_LEN] = *next;
	*next = PLD_NOTIFY;
	must(wb_set_u32(&wb, 24, (uint32_t)wb.len) == 0);
	route_dgram(
	    &router, &table, (struct chunk){ buf, wb.len }, &peer, now_ms, &r);
	check(&r, wb.len);
	must(r.cause != RC_COOKIE); /* it was the right one */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chunk c = { data, size };
	struct route r = { .cause = RC_COUNT };

	for (unsigned int i = 0; i < 4; i++) {
		load_limit(&router.load, i & 1 ? 0 : UINT32_MAX);
		router.load.under = false;
		table.g[0].foreign = (i & 2) != 0;
		now_ms = (now_ms + 100) % COOKIE_PERIOD_MS;
		route_dgram(&router, &table, c, &peer, now_ms, &r);
		check(&r, size);
		if (r.to == RT_REPLY && r.cause == RC_COOKIE)
			try_again(c, &r);
	}
	for (uint8_t s = 0; s < 11; s++)
		(void)route_out_ok(&router, &table.g[s], c);
	return 0;
}
