/* SPDX-License-Identifier: ISC */
/* dispatcherd's shell: what passes the filter, what goes into the kernel. */

#include <string.h>

#include "dispatcherd/core/rate.h"
#include "dispatcherd/core/sa.h"
#include "mikesim/core/site.h"

static const struct rules *
rules_of(const struct site *s, const struct host *h)
{
	return h->has_rules ? s->kind[h->kind].rules : NULL;
}

/* Its buckets are full again long before it is taken away. */
#define IDLE_NS (10 * NS_PER_S)
#define ROWS_FEW 1 /* a receiver hears of few */

static struct filter *
filter_of(struct site *s, struct host *h)
{
	static const uint8_t key[SIPHASH_KEY_LEN] = "a place for all";

	h->dgram_at = s->now;
	if (h->filter == NULL) {
		h->filter =
		    filter_new(key, h->kind == 0 ? RATE_ROWS : ROWS_FEW);
		must(h->filter != NULL);
		host_wake_at(s, h, s->now + IDLE_NS);
	}
	return h->filter;
}

void
disp_shell_idle(struct site *s, struct host *h)
{
	if (h->kind == 0 || h->filter == NULL)
		return;
	if (s->now - h->dgram_at >= IDLE_NS)
		filter_free(&h->filter);
	else
		host_wake_at(s, h, h->dgram_at + IDLE_NS);
}

void
disp_shell_start(struct site *s, struct host *h)
{
	h->has_rules = false;
	disp_shell_up(s, h, PEER_POLICYD);
}

/*
 * The rules are those of the host's kind, which asked for them once; here
 * counts when this host has them.
 */
void
disp_shell_up(struct site *s, struct host *h, enum peer who)
{
	(void)s;
	if (who == PEER_POLICYD && host_is_up(h, SD_POLICYD))
		h->has_rules = true;
}

enum fate
disp_shell_dgram(struct site *s, struct host *h, const struct packet *p)
{
	struct dgram d = { p->dst, p->src, p->data };
	struct msg m = { .type = MSG_DGRAM_IN };

	if (!host_is_up(h, SD_DISPATCHERD))
		return FATE_DOWN;
	if (filter_pass(filter_of(s, h), PASS_IN, rules_of(s, h), &d,
		host_boot_ms(s, h)) != DROP_NONE)
		return FATE_FILTER;
	m.dgram_in = (struct msg_dgram_in){ { p->dst.addr.b, p->dst.addr.len },
		p->dst.port, { p->src.addr.b, p->src.addr.len }, p->src.port,
		p->data };
	ipc_send(s, PEER_DISPATCHERD, PEER_GROUPD, &m);
	return FATE_DELIVERED;
}

static void
on_dgram_out(struct site *s, struct host *h, const struct msg_dgram_out *m)
{
	struct dgram d = { .local.port = m->local_port,
		.peer.port = m->peer_port,
		.data = m->data };

	if (addr_from(&d.local.addr, m->local.p, m->local.len) != 0 ||
	    addr_from(&d.peer.addr, m->peer.p, m->peer.len) != 0)
		return;
	if (filter_pass(filter_of(s, h), PASS_OUT, rules_of(s, h), &d,
		host_boot_ms(s, h)) == DROP_NONE)
		road_send(s, h, &d.local, &d.peer, d.data);
}

static void
answer(struct site *s, enum peer to, uint32_t req, enum ipc_status st,
    const char *why)
{
	struct msg m = { .type = MSG_RESULT };

	m.result.req = req;
	m.result.status = (uint8_t)st;
	if (st != ST_OK)
		m.result.text =
		    (struct chunk){ (const uint8_t *)why, strlen(why) };
	ipc_send(s, PEER_DISPATCHERD, to, &m);
}

static void
on_install(struct site *s, struct host *h, const struct msg_sa_install *m)
{
	struct sa_want w;
	const char *why = "";
	enum ipc_status st = sa_check(rules_of(s, h), SIM_SLOT, m, &w, &why);

	if (st == ST_OK) {
		st = kernel_install(s, h, (enum sa_mode)m->mode, m->dir, &w);
		why = "the kernel says no";
	}
	answer(s, PEER_KEYMGRD, m->req, st, why);
}

static void
on_delete(struct site *s, struct host *h, const struct msg_sa_delete *m)
{
	struct addr dst;
	const char *why = "";
	enum ipc_status st =
	    sa_check_delete(rules_of(s, h), SIM_SLOT, m, &dst, &why);

	if (st == ST_OK) {
		st = kernel_delete(s, h, m->spi, &dst);
		why = "no such SA";
	}
	answer(s, PEER_KEYMGRD, m->req, st, why);
}

static void
on_spd(struct site *s, struct host *h, uint32_t req, bool set)
{
	enum ipc_status st = ST_OK;

	if (set && !h->has_rules) {
		st = ST_REFUSED;
	} else {
		h->spd = set;
		if (!set)
			kernel_clear(s, h);
	}
	answer(s, PEER_GROUPD, req, st, "no rules yet");
}

void
disp_shell_msg(
    struct site *s, struct host *h, enum peer from, const struct msg *m)
{
	(void)from;
	switch (m->type) {
	case MSG_DGRAM_OUT:
		on_dgram_out(s, h, &m->dgram_out);
		break;
	case MSG_SPD_SET:
		on_spd(s, h, m->spd_set.req, true);
		break;
	case MSG_SPD_CLEAR:
		on_spd(s, h, m->spd_clear.req, false);
		break;
	case MSG_SA_INSTALL:
		on_install(s, h, &m->sa_install);
		break;
	case MSG_SA_DELETE:
		on_delete(s, h, &m->sa_delete);
		break;
	default:
		break;
	}
}
