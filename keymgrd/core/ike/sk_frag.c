/* SPDX-License-Identifier: ISC */

/*
 * Messages in fragments, RFC 7383 2.6.  Only authentic fragments get here, so
 * what is kept is bounded by what the one peer of an IKE SA sent, and within
 * that by SK_FRAGS_MAX and IKE_MSG_MAX.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "keymgrd/core/ike/sk_int.h"

struct sk_frags {
	struct sk_seen seen; /* of the first that came: MID, total, exchange */
	uint16_t have;
	size_t octets; /* of all parts */
	uint8_t first;
	struct {
		uint8_t *p; /* NULL: missing */
		size_t len;
	} part[SK_FRAGS_MAX];
};

void
sk_frags_free(struct sk_frags **f)
{
	struct sk_frags *x = *f;

	if (x == NULL)
		return;
	for (size_t i = 0; i < SK_FRAGS_MAX; i++)
		freezero(x->part[i].p, x->part[i].len);
	freezero(x, sizeof(*x));
	*f = NULL;
}

/* Make *f the message that this authentic fragment belongs to. */
static int
belong(struct sk_frags **f, const struct sk_seen *s)
{
	struct sk_frags *x = *f;

	if (x != NULL && x->seen.h.mid == s->h.mid) {
		/* One Message ID names one message, so its header is one. */
		if (x->seen.h.exchange != s->h.exchange ||
		    x->seen.h.flags != s->h.flags)
			return -EBADMSG;
		if (s->total < x->seen.total)
			return -EALREADY;
		if (s->total == x->seen.total)
			return x->part[s->no - 1].p != NULL ? -EALREADY : 0;
	}
	/* A larger total: the peer split again, for a smaller path MTU. */
	if ((x = calloc(1, sizeof(*x))) == NULL)
		return -ENOMEM;
	x->seen = *s;
	sk_frags_free(f);
	*f = x;
	return 0;
}

/* A copy of the right size: padding is not worth to be kept. */
static int
keep(struct sk_frags *f, uint16_t no, const struct sk_plain *o)
{
	size_t len = rb_left(&o->inner);
	uint8_t *p = malloc(len == 0 ? 1 : len);

	if (p == NULL)
		return -ENOMEM;
	if (len != 0)
		memcpy(p, o->inner.p, len);
	f->part[no - 1].p = p;
	f->part[no - 1].len = len;
	f->octets += len;
	f->have++;
	if (no == 1)
		f->first = o->first;
	return 0;
}

static int
join(const struct sk_frags *f, struct sk_plain *out)
{
	struct sk_plain o = { .first = f->first,
		.size = f->octets == 0 ? 1 : f->octets };
	struct wbuf wb;

	if ((o.p = malloc(o.size)) == NULL)
		return -ENOMEM;
	wb_init(&wb, o.p, o.size);
	for (size_t i = 0; i < f->seen.total; i++)
		must(wb_put(&wb, f->part[i].p, f->part[i].len) == 0);
	rb_init(&o.inner, o.p, f->octets);
	*out = o;
	return 0;
}

/* Takes o's octets in any case. */
static int
take_frag(struct sk_frags **f, const struct sk_seen *s, struct sk_plain *o,
    struct sk_plain *out)
{
	size_t len = rb_left(&o->inner);
	int r = belong(f, s);

	if (r == 0 && len > IKE_MSG_MAX - (*f)->octets) {
		sk_frags_free(f);
		r = -EBADMSG;
	}
	if (r == 0)
		r = keep(*f, s->no, o);
	sk_plain_free(o);
	if (r != 0)
		return r;
	if ((*f)->have < (*f)->seen.total)
		return -EAGAIN;
	r = join(*f, out);
	/* Without memory too: the peer, left unanswered, sends all again. */
	sk_frags_free(f);
	return r;
}

int
sk_take(const struct sk_key *k, struct chunk msg, struct sk_frags **f,
    struct sk_plain *out)
{
	struct sk_plain o;
	struct sk_seen s;
	int r;

	*out = (struct sk_plain){ 0 };
	if ((r = sk_look(msg, &s)) != 0 ||
	    (r = sk_open_one(k, msg, &s, &o)) != 0)
		return r;
	if (s.frag)
		return take_frag(f, &s, &o, out);
	sk_frags_free(f);
	*out = o;
	return 0;
}
