/* SPDX-License-Identifier: ISC */
/* Any datagram, through groupd's routing in both directions. */

#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "groupd/core/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct groups table;
	static struct router router;
	static uint64_t now_ms;
	struct chunk c = { data, size };
	struct route r;

	if (now_ms == 0) {
		if (crypto_init() != 0)
			abort();
		router_init(&router);
		table.g[0] = (struct grp){
			.life = L_RUN, .role = ROLE_SENDER, .id_len = 3
		};
		memcpy(table.g[0].id, "ops", 3);
		table.g[9] = (struct grp){ .life = L_RUN, .slot = 9 };
	}
	route_dgram(&router, &table, c, ++now_ms, &r);
	if (r.to == RT_SLOT && table.g[r.slot].life != L_RUN)
		abort(); /* handed to a slot that runs nothing */
	(void)route_out_ok(c, 9);
	return 0;
}
