/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/ike/hdr.h"
#include "tests/lib/pinit.h"

#define eq assert_int_equal

const uint8_t pinit_nonce_i[32] = "initiator's nonce, 32 octets...";
const uint8_t pinit_nonce_r[32] = "responder's nonce, 32 octets...";

static void
put_group(struct wbuf *wb, const struct pinit *in, uint8_t next)
{
	uint8_t bind[MIKE_GROUP_LEN];

	eq(mike_group_bind(
	       (struct chunk){ (const uint8_t *)in->group, strlen(in->group) },
	       in->nonce, bind),
	    0);
	eq(wb_u8(wb, next), 0);
	eq(wb_u8(wb, 0), 0);
	eq(wb_u16(wb, 8 + sizeof(bind)), 0);
	eq(wb_u16(wb, 0), 0);
	eq(wb_u16(wb, N_MIKE_GROUP), 0);
	eq(wb_put(wb, bind, sizeof(bind)), 0);
}

struct chunk
pinit_msg(const struct pinit *in)
{
	static uint8_t ring[2][512];
	static unsigned int n;
	uint8_t *buf = ring[n++ % NITEMS(ring)];
	struct ike_hdr h = { .next = PLD_NONCE,
		.version = IKE_VERSION,
		.exchange = in->exchange,
		.flags = in->flags };
	struct wbuf wb;

	h.spi_i[0] = in->spi_i0;
	h.spi_r[0] = in->spi_r0;
	memset(h.spi_i + 1, 0x11, 7);
	if (in->flags & IKE_F_RESPONSE)
		memset(h.spi_r + 1, 0x22, 7);
	wb_init(&wb, buf, sizeof(ring[0]));
	eq(ike_hdr_put(&wb, &h), 0);
	eq(wb_u8(&wb, in->group ? PLD_NOTIFY : PLD_NONE), 0);
	eq(wb_u8(&wb, 0), 0);
	eq(wb_u16(&wb, 4 + in->nonce.len), 0);
	eq(wb_put(&wb, in->nonce.p, in->nonce.len), 0);
	if (in->group != NULL && in->twice)
		put_group(&wb, in, PLD_NOTIFY);
	if (in->group != NULL)
		put_group(&wb, in, PLD_NONE);
	eq(wb_set_u32(&wb, 24, wb.len), 0);
	return (struct chunk){ buf, wb.len };
}

struct pinit
pinit_request(const char *group)
{
	return (struct pinit){ .flags = IKE_F_INITIATOR,
		.exchange = IKE_SA_INIT,
		.spi_i0 = 5,
		.group = group,
		.nonce = OCTETS(pinit_nonce_i) };
}

struct pinit
pinit_response(const char *group)
{
	return (struct pinit){ .flags = IKE_F_RESPONSE,
		.exchange = IKE_SA_INIT,
		.spi_i0 = 9,
		.spi_r0 = 5,
		.group = group,
		.nonce = OCTETS(pinit_nonce_r) };
}
