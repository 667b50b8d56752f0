/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "dispatcherd/core/filter.h"
#include "dispatcherd/core/sa.h"

/*
 * The input is a program: rules as policyd sends them, then datagrams and
 * requests for SAs.  Whatever the rules are, what passes must be what they
 * allow; this says so once more, in other words than the code.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQ 1

static uint8_t
u8(struct rbuf *rb)
{
	uint8_t v;

	return rb_u8(rb, &v) ? 0 : v;
}

static uint32_t
u32(struct rbuf *rb)
{
	uint32_t v;

	return rb_u32(rb, &v) ? 0 : v;
}

/* A blob of up to max octets: one length octet, then what there is. */
static struct chunk
blob(struct rbuf *rb, size_t max)
{
	size_t n = u8(rb);
	struct chunk c = { NULL, 0 };

	if (n > max)
		n %= max + 1;
	if (rb->bad || rb_bytes(rb, n, &c))
		return (struct chunk){ NULL, 0 };
	return c;
}

static void
rule(struct rbuf *rb, struct ruleset *rs)
{
	struct msg m = { .type = (uint16_t)(MSG_RULES_BEGIN + u8(rb) % 8) };
	const char *why = NULL;

	switch (m.type) {
	case MSG_RULES_BEGIN:
		m.rules_begin = (struct msg_rules_begin){ REQ, 848, u8(rb) };
		break;
	case MSG_RULE_LISTEN:
		m.rule_listen.addr = blob(rb, 16);
		break;
	case MSG_RULE_IFACE:
		m.rule_iface.name = blob(rb, 15);
		break;
	case MSG_RULE_PEER:
		m.rule_peer.addr = blob(rb, 16);
		m.rule_peer.prefix = u8(rb);
		m.rule_peer.rate = u32(rb);
		break;
	case MSG_RULE_GROUP:
		m.rule_group.slot = u8(rb);
		m.rule_group.name = blob(rb, 64);
		m.rule_group.role = u8(rb);
		m.rule_group.lifetime_s = u32(rb);
		break;
	case MSG_RULE_ADDR:
		m.rule_addr.slot = u8(rb);
		m.rule_addr.cls = u8(rb);
		m.rule_addr.dst = blob(rb, 16);
		break;
	case MSG_RULE_SENDER:
		m.rule_sender.slot = u8(rb);
		m.rule_sender.src = blob(rb, 16);
		break;
	default:
		m.rules_end.req = REQ;
		break;
	}
	if (ruleset_take(rs, REQ, &m, &why) < 0)
		must(why != NULL);
}

static void
must_be_allowed(const struct rules *r, enum pass_dir dir, const struct dgram *d)
{
	const uint8_t *p = d->data.p;
	size_t n = d->data.len;

	must(r != NULL);
	must(n >= 28 && n <= 16384);
	must(p[17] >> 4 == 2);
	must(((size_t)p[24] << 24 | (size_t)p[25] << 16 | (size_t)p[26] << 8 |
		 (size_t)p[27]) == n);
	must(d->local.addr.len == d->peer.addr.len && d->peer.port != 0);
	must(rules_listens(r, &d->local.addr));
	must(rules_peer(r, &d->peer.addr) != NULL);
	must(dir == PASS_IN || r->transmit);
}

static void
dgram(struct rbuf *rb, struct filter *f, const struct rules *r, uint64_t now)
{
	enum pass_dir dir = u8(rb) & 1 ? PASS_OUT : PASS_IN;
	struct chunk local = blob(rb, 16), peer = blob(rb, 16);
	struct dgram d = { .local.port = 848, .peer.port = u8(rb) };
	uint64_t before = filter_count(f, dir, DROP_NONE);
	size_t n = u32(rb) % 20000;
	uint8_t *copy;

	if (addr_from(&d.local.addr, local.p, local.len) ||
	    addr_from(&d.peer.addr, peer.p, peer.len))
		d.local.addr.len = 0;
	/* As long as it says, with what is left of the input in front. */
	copy = calloc(1, n + 1);
	must(copy != NULL);
	if (rb_left(rb) > 0)
		memcpy(copy, rb->p, n < rb_left(rb) ? n : rb_left(rb));
	d.data = (struct chunk){ copy, n };
	if (filter_pass(f, dir, r, &d, now) == DROP_NONE) {
		must_be_allowed(r, dir, &d);
		must(filter_count(f, dir, DROP_NONE) == before + 1);
	} else {
		must(filter_count(f, dir, DROP_NONE) == before);
	}
	free(copy);
}

static void
sa(struct rbuf *rb, const struct rules *r)
{
	uint8_t slot = u8(rb), cls, s, c;
	struct msg_sa_install m = { .mode = u8(rb),
		.dir = u8(rb),
		.spi = u32(rb),
		.src = blob(rb, 16),
		.dst = blob(rb, 16),
		.key = blob(rb, 36),
		.replay = u32(rb),
		.soft_s = u32(rb),
		.hard_s = u32(rb) };
	const struct rules_group *g;
	struct sa_want w;
	const char *why;

	if (sa_check(r, slot, &m, &w, &why) != ST_OK) {
		must(why != NULL);
		return;
	}
	g = rules_group(r, slot);
	must(g != NULL && w.key == m.key.p && m.key.len == 36);
	must(w.spi > 255 && w.hard_s > 0 && w.hard_s <= g->lifetime_s);
	must(reqid_split(w.reqid, &s, &c) && s == slot);
	must(rules_class(g, &w.dst, &cls) == 0 && cls == c);
	must(addr_is_multicast(&w.dst));
	if (m.dir == SA_OUT)
		must(g->role == ROLE_SENDER && rules_listens(r, &w.src));
	else
		must(m.dir == SA_IN && rules_sender(g, &w.src));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ruleset *rs = ruleset_new();
	struct filter *f =
	    filter_new((const uint8_t[SIPHASH_KEY_LEN]){ 7 }, 16);
	uint64_t now = 0;
	struct rbuf rb;

	must(rs != NULL && f != NULL);
	rb_init(&rb, data, size);
	/* A set of rules is large; a few are enough to run over each other. */
	for (unsigned int n = 0; n < 64 && rb_left(&rb) > 0 && !rb.bad; n++) {
		switch (u8(&rb) % 8) {
		case 0:
			dgram(&rb, f, ruleset_now(rs), now);
			break;
		case 1:
			sa(&rb, ruleset_now(rs));
			break;
		case 2:
			now += u32(&rb);
			break;
		case 3:
			ruleset_abort(rs);
			break;
		default:
			rule(&rb, rs);
			break;
		}
	}
	ruleset_free(&rs);
	filter_free(&f);
	return 0;
}
