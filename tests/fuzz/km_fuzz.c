/* SPDX-License-Identifier: ISC */
/*
 * Datagrams to a key manager in each of its states, both roles.  Octet 0 of
 * the input: which state, and whether the rest is a datagram as it is or the
 * inner payloads of one that is protected with the right keys (octet 1: type of
 * the first payload, octet 2: exchange), which a hostile member could send.
 */
#include <string.h>

#include "keymgrd/core/gm.h"
#include "keymgrd/core/ike/sk.h"
#include "tests/lib/pair.h"
#include "tests/lib/raw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A message with these inner payloads under keymat. */
static size_t
wrap(struct ike_hdr *h, const struct sk_key *key, const uint8_t *data,
    size_t len, uint8_t *out, size_t size)
{
	struct chunk inner = { data + 2, len - 2 };
	uint64_t iv = 77;
	struct wbuf wb;

	/* Mostly one that the receiver knows. */
	h->exchange = data[1] % 2 == 0 ? data[1] : h->exchange;
	wb_init(&wb, out, size);
	must(sk_protect(key, h, data[0], inner, 0, &iv, &wb) == 0);
	return wb.len;
}

static void
to_sender(uint8_t how, const uint8_t *data, size_t len)
{
	struct world *w = world_new();
	struct ike_hdr h = { .exchange = GSA_AUTH,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR,
		.mid = 1 };
	uint8_t out[6000];
	struct raw r;

	world_sender(w, 0)->trusts = how & 8;
	w->host[0].policyd_down = (how & 7) == 2;
	world_start(w, 0);
	world_settle(w);
	raw_init(&r, w, 0, 1);
	if ((how & 7) > 0)
		raw_handshake(&r);
	if ((how & 7) > 1) {
		raw_begin(&r, GSA_AUTH, 1);
		raw_put_auth(&r, 5, "correct horse");
		raw_put_idg(&r, W_GROUP);
		raw_end(&r);
		h.mid = 2;
		h.exchange = IKE_INFORMATIONAL;
	}
	if ((how & 16) && (how & 7) > 0 && len >= 2) {
		memcpy(h.spi_i, r.spi_i, 8);
		memcpy(h.spi_r, r.spi_r, 8);
		len = wrap(&h, &r.keys.i, data, len, out, sizeof(out));
		data = out;
	}
	raw_send(&r, data, len);
	world_run(w, w->now + 1000);
	must(world_state(w, 0) == GS_KEYED);
	raw_fini(&r);
	world_free(&w);
}

static void
to_receiver(uint8_t how, const uint8_t *data, size_t len)
{
	struct world *w = world_new();
	struct ike_hdr h = { .exchange = GSA_AUTH,
		.version = IKE_VERSION,
		.flags = IKE_F_RESPONSE,
		.mid = 1 };
	struct endpoint gcks, gm;
	const struct gm *g;
	uint8_t out[6000];
	int events = how & 7;

	world_sender(w, 0)->policyd_down = true;
	world_receiver(w, 2)->trusts = how & 8;
	world_start(w, 0);
	world_settle(w);
	world_start(w, 2);
	gcks = w->host[2].conf.gcks[0].peer;
	gm = (struct endpoint){ w->host[2].conf.gcks[0].local, 848 };
	for (int i = 0; i < events; i++)
		(void)world_one(w);
	g = w->host[2].km->gm;
	if ((how & 16) && g->state == GM_AUTH_SENT && len >= 2) {
		memcpy(h.spi_i, g->hs->spi_i, 8);
		memcpy(h.spi_r, g->hs->spi_r, 8);
		len = wrap(&h, &g->hs->keys.r, data, len, out, sizeof(out));
		data = out;
	}
	world_inject(w, &gcks, &gm, data, len);
	world_settle(w);
	world_run(w, w->now + 100);
	world_free(&w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 1 || len > 5000)
		return 0;
	if (data[0] & 0x80)
		to_receiver(data[0], data + 1, len - 1);
	else
		to_sender(data[0], data + 1, len - 1);
	return 0;
}
