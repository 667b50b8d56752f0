/* SPDX-License-Identifier: ISC */
#include "tests/lib/forge.h"

#include <string.h>

static enum net_verdict
catch_one(struct world *w, struct packet *p)
{
	struct tap *t = w->arg;

	if (p->from != t->from || p->p[18] != t->exchange)
		return NET_PASS;
	must(p->len <= sizeof(t->p));
	memcpy(t->p, p->p, p->len);
	t->len = p->len;
	t->n++;
	return t->drop ? NET_DROP : NET_PASS;
}

void
tap_set(struct world *w, struct tap *t)
{
	w->net = catch_one;
	w->arg = t;
}

void
tap_read(const struct tap *t, const struct ikesa *sa, struct sk_plain *o,
    struct ike_view *v)
{
	struct sk_frags *frags = NULL;
	struct chunk m = { t->p, t->len };

	must(sk_take(&sa->i, m, &frags, o) == 0);
	must(ike_view_get(o->first, o->inner, v) == 0);
}

struct ikesa *
forge_sa(struct world *w)
{
	struct satab *t = &w->host[0].km->gcks->t;
	struct ikesa *sa = NULL;

	for (size_t b = 0; b <= t->mask && sa == NULL; b++)
		sa = t->bucket[BY_SPI][b];
	must(sa != NULL);
	return sa;
}

void
forge_begin(struct forge *f, struct world *w)
{
	if (f->w == NULL)
		f->iv = UINT64_C(99) << 48;
	f->w = w;
	f->sa = forge_sa(w);
	wb_init(&f->wb, f->buf, sizeof(f->buf));
	chain_init(&f->c, &f->wb, 0);
	must(wb_u8(&f->wb, 0) == 0);
}

static void
inject(struct forge *f, struct chunk m)
{
	world_inject(f->w, &f->sa->local, &f->sa->peer, m.p, m.len);
	world_settle(f->w);
}

void
forge_end(struct forge *f, uint8_t exchange, uint8_t flags, uint32_t mid,
    size_t limit, unsigned int n)
{
	struct ike_hdr h = { .exchange = exchange,
		.version = IKE_VERSION,
		.flags = flags,
		.mid = mid };
	struct chunk inner = { f->buf + 1, f->wb.len - 1 }, rest, m;
	struct wbuf wb;

	memcpy(h.spi_i, f->sa->spi_i, 8);
	memcpy(h.spi_r, f->sa->spi_r, 8);
	wb_init(&wb, f->out, sizeof(f->out));
	must(sk_protect(&f->sa->r, &h, f->buf[0], inner, limit, &f->iv, &wb) ==
	     0);
	f->out_len = wb.len;
	rest = (struct chunk){ f->out, f->out_len };
	while (n-- > 0 && sk_next(&rest, &m))
		inject(f, m);
}

void
forge_again(struct forge *f, unsigned int nth)
{
	struct chunk rest = { f->out, f->out_len }, m = { NULL, 0 };

	while (nth-- > 0)
		must(sk_next(&rest, &m));
	inject(f, m);
}

void
forge_init(
    struct world *w, const struct tap *t, uint16_t type, struct chunk data)
{
	struct ike_hdr h = { .exchange = IKE_SA_INIT,
		.version = IKE_VERSION,
		.flags = IKE_F_RESPONSE };
	const struct km_gcks *g = &w->host[2].conf.gcks[0];
	struct endpoint to = { .addr = g->local, .port = g->peer.port };
	uint8_t buf[128];
	struct chain c;
	struct wbuf wb;

	memcpy(h.spi_i, t->p, 8);
	wb_init(&wb, buf, sizeof(buf));
	must(ike_hdr_put(&wb, &h) == 0);
	chain_init(&c, &wb, 16);
	must(pld_notify_put(&c, type, data) == 0);
	must(wb_set_u32(&wb, 24, wb.len) == 0);
	world_inject(w, &g->peer, &to, buf, wb.len);
	world_settle(w);
}
