/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "common/ike/hdr.h"
#include "dispatcherd/core/filter.h"
#include "dispatcherd/core/rate.h"

struct filter {
	struct rate *rate;
	uint64_t count[PASS_DIRS][DROP_CAUSES];
};

struct filter *
filter_new(const uint8_t key[SIPHASH_KEY_LEN], size_t rows)
{
	struct filter *f = calloc(1, sizeof(*f));

	if (f != NULL)
		f->rate = rate_new(key, rows);
	if (f != NULL && f->rate == NULL)
		filter_free(&f);
	return f;
}

void
filter_free(struct filter **f)
{
	if (*f == NULL)
		return;
	rate_free(&(*f)->rate);
	free(*f);
	*f = NULL;
}

static enum drop
judge_octets(struct chunk data)
{
	struct ike_hdr h;
	struct rbuf rb;

	if (data.len > IKE_MSG_MAX)
		return DROP_OVERSIZE;
	rb_init(&rb, data.p, data.len);
	return ike_hdr_get(&rb, &h) ? DROP_MALFORMED : DROP_NONE;
}

/* The cheap and the general first; the rate last, as it takes a token. */
static enum drop
judge(struct filter *f, enum pass_dir dir, const struct rules *r,
    const struct dgram *d, uint64_t now_ms)
{
	const struct rules_peer *p;
	enum drop cause;

	if (r == NULL)
		return DROP_NO_RULES;
	if (dir == PASS_OUT && !r->transmit)
		return DROP_EMCON;
	if ((cause = judge_octets(d->data)) != DROP_NONE)
		return cause;
	if (d->peer.port == 0 || d->local.addr.len != d->peer.addr.len)
		return DROP_MALFORMED;
	if (!rules_listens(r, &d->local.addr))
		return DROP_LOCAL;
	p = rules_peer(r, &d->peer.addr);
	if (p == NULL || addr_is_multicast(&d->peer.addr))
		return DROP_NO_RULE;
	if (dir == PASS_IN &&
	    !rate_allows(f->rate, &d->peer.addr, p->rate, now_ms))
		return DROP_RATE;
	return DROP_NONE;
}

enum drop
filter_pass(struct filter *f, enum pass_dir dir, const struct rules *r,
    const struct dgram *d, uint64_t now_ms)
{
	enum drop cause = judge(f, dir, r, d, now_ms);

	f->count[dir][cause]++;
	return cause;
}

bool
dgram_is_new(const struct dgram *d)
{
	struct ike_hdr h;
	struct rbuf rb;

	rb_init(&rb, d->data.p, d->data.len);
	return ike_hdr_get(&rb, &h) == 0 && h.exchange == IKE_SA_INIT &&
	       (h.flags & IKE_F_RESPONSE) == 0;
}

void
filter_lost(struct filter *f, enum pass_dir dir, enum drop cause)
{
	must(f->count[dir][DROP_NONE] > 0);
	f->count[dir][DROP_NONE]--;
	f->count[dir][cause]++;
}

uint64_t
filter_count(const struct filter *f, enum pass_dir dir, enum drop cause)
{
	return f->count[dir][cause];
}

const char *
drop_name(enum drop cause)
{
	static const char *const names[DROP_CAUSES] = {
		[DROP_NONE] = "none",
		[DROP_MALFORMED] = "malformed",
		[DROP_OVERSIZE] = "oversize",
		[DROP_NO_RULES] = "no-rules",
		[DROP_LOCAL] = "not-local",
		[DROP_NO_RULE] = "no-rule",
		[DROP_RATE] = "rate",
		[DROP_EMCON] = "emcon",
		[DROP_BACKLOG] = "backlog",
		[DROP_SOCKET] = "socket",
	};

	return names[cause];
}
