/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/record.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

static int
put_addr(struct wbuf *wb, const struct addr *a)
{
	return wb_u8(wb, a->len) || wb_put(wb, a->b, a->len) ? -ENOBUFS : 0;
}

static int
get_addr(struct rbuf *rb, struct addr *a)
{
	struct chunk c;
	uint8_t len;

	if (rb_u8(rb, &len) || rb_bytes(rb, len, &c))
		return -EBADMSG;
	return addr_from(a, c.p, c.len) == 0 ? 0 : -EBADMSG;
}

static int
put_sa(struct wbuf *wb, const struct ksa *k)
{
	if (wb_u32(wb, k->spi) || wb_u32(wb, k->step) || wb_u8(wb, k->cls) ||
	    wb_u8(wb, k->dir) || put_addr(wb, &k->src) ||
	    put_addr(wb, &k->dst) || wb_put(wb, k->key, sizeof(k->key)) ||
	    wb_u64(wb, k->born_ms) || wb_u64(wb, k->soft_ms) ||
	    wb_u64(wb, k->end_ms) || wb_u64(wb, k->drop_ms))
		return -ENOBUFS;
	return 0;
}

static int
get_sa(struct rbuf *rb, struct ksa *k)
{
	uint8_t dir;

	if (rb_u32(rb, &k->spi) || rb_u32(rb, &k->step) || rb_u8(rb, &k->cls) ||
	    rb_u8(rb, &dir) || get_addr(rb, &k->src) || get_addr(rb, &k->dst) ||
	    rb_copy(rb, k->key, sizeof(k->key)) || rb_u64(rb, &k->born_ms) ||
	    rb_u64(rb, &k->soft_ms) || rb_u64(rb, &k->end_ms) ||
	    rb_u64(rb, &k->drop_ms))
		return -EBADMSG;
	if (dir != SA_IN && dir != SA_OUT)
		return -EBADMSG;
	k->dir = (enum sa_dir)dir;
	return 0;
}

/* Of a sender's SAs only those on their way out; the rest is in the root. */
static bool
is_recorded(enum role role, const struct ksa *k)
{
	if (k->state == KSA_GOING || k->state == KSA_GONE)
		return false;
	return role == ROLE_RECEIVER || k->drop_ms != KSA_NEVER;
}

static int
put_sas(struct wbuf *wb, enum role role, const struct ksas *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += is_recorded(role, &t->v[i]);
	if (wb_u8(wb, n))
		return -ENOBUFS;
	for (size_t i = 0; i < t->n; i++)
		if (is_recorded(role, &t->v[i]) && put_sa(wb, &t->v[i]))
			return -ENOBUFS;
	return 0;
}

static int
get_sas(struct rbuf *rb, struct ksas *t)
{
	uint8_t n;

	if (rb_u8(rb, &n) || n > KSA_MAX)
		return -EBADMSG;
	for (uint8_t i = 0; i < n; i++) {
		struct ksa *k = ksa_add(t);

		if (k == NULL || get_sa(rb, k))
			return -EBADMSG;
	}
	return 0;
}

static int
put_sender(struct wbuf *wb, const struct keys *k)
{
	if (wb_u32(wb, k->generation) || wb_u8(wb, k->n_steps))
		return -ENOBUFS;
	for (size_t i = 0; i < k->n_steps; i++)
		if (wb_u32(wb, k->step[i].no) ||
		    wb_u64(wb, k->step[i].born_ms) ||
		    wb_put(wb, k->step[i].root, CHAIN_ROOT_LEN))
			return -ENOBUFS;
	return 0;
}

static int
get_sender(struct rbuf *rb, struct keys *k)
{
	uint8_t n;

	if (rb_u32(rb, &k->generation) || rb_u8(rb, &n))
		return -EBADMSG;
	if (n == 0 || n > STEPS_MAX)
		return -EBADMSG;
	for (k->n_steps = 0; k->n_steps < n; k->n_steps++) {
		struct step *s = &k->step[k->n_steps];

		if (rb_u32(rb, &s->no) || rb_u64(rb, &s->born_ms) ||
		    rb_copy(rb, s->root, sizeof(s->root)))
			return -EBADMSG;
	}
	return 0;
}

static int
put_receiver(struct wbuf *wb, const struct keys *k)
{
	size_t len = strlen(k->gcks);

	return wb_u64(wb, k->rereg_ms) || wb_u8(wb, len) ||
		       wb_put(wb, k->gcks, len)
		   ? -ENOBUFS
		   : 0;
}

static int
get_receiver(struct rbuf *rb, struct keys *k)
{
	uint8_t len;

	if (rb_u64(rb, &k->rereg_ms) || rb_u8(rb, &len) ||
	    len >= sizeof(k->gcks) || rb_copy(rb, k->gcks, len))
		return -EBADMSG;
	k->gcks[len] = '\0';
	return 0;
}

int
record_put_keys(struct wbuf *wb, enum role role, const struct keys *k)
{
	bool sender = role == ROLE_SENDER;

	if (wb_u8(wb, RECORD_VERSION) ||
	    wb_u8(wb, sender ? REC_SENDER : REC_RECEIVER) ||
	    (sender ? put_sender(wb, k) : put_receiver(wb, k)))
		return -ENOBUFS;
	return put_sas(wb, role, &k->sas);
}

int
record_put_counts(struct wbuf *wb, const uint64_t *v, size_t n)
{
	if (wb_u8(wb, RECORD_VERSION) || wb_u8(wb, REC_COUNTS) || wb_u8(wb, n))
		return -ENOBUFS;
	for (size_t i = 0; i < n; i++)
		if (wb_u64(wb, v[i]))
			return -ENOBUFS;
	return 0;
}

/* A newer program may count more: what this one does not know is left out. */
static int
get_counts(struct rbuf *rb, uint64_t *counts, size_t n)
{
	uint64_t v[UINT8_MAX];
	uint8_t have;

	if (rb_u8(rb, &have))
		return -EBADMSG;
	for (uint8_t i = 0; i < have; i++)
		if (rb_u64(rb, &v[i]))
			return -EBADMSG;
	if (rb_done(rb))
		return -EBADMSG;
	memcpy(counts, v, (have < n ? have : n) * sizeof(v[0]));
	return 0;
}

static int
get_keys(struct rbuf *rb, enum role role, struct keys *k)
{
	struct keys got = { .sas = { .next_req = k->sas.next_req,
				.why = k->sas.why } };
	int r = -EBADMSG;

	if ((role == ROLE_SENDER ? get_sender(rb, &got)
				 : get_receiver(rb, &got)) == 0 &&
	    get_sas(rb, &got.sas) == 0 && rb_done(rb) == 0) {
		keys_restore(k, &got);
		r = 0;
	}
	keys_fini(&got);
	return r;
}

int
record_get(struct chunk rec, enum role role, struct keys *k, uint64_t *counts,
    size_t n)
{
	uint8_t version, kind;
	struct rbuf rb;

	rb_init(&rb, rec.p, rec.len);
	if (rb_u8(&rb, &version) || rb_u8(&rb, &kind) ||
	    version != RECORD_VERSION)
		return -EBADMSG;
	if (kind == REC_COUNTS)
		return get_counts(&rb, counts, n);
	if (kind != (role == ROLE_SENDER ? REC_SENDER : REC_RECEIVER))
		return -EBADMSG;
	return get_keys(&rb, role, k);
}
