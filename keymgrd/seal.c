/* SPDX-License-Identifier: ISC */
#include "keymgrd/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/wire.h"

#define MAGIC 0x4d494b53u
#define FILE_MAX (64 * 1024 * 1024) /* far above what compaction leaves */
#define FULL_AT (1024 * 1024)

struct rec {
	uint16_t instance;
	uint64_t counter;
	struct chunk head, sealed;
};

static void
nonce_make(uint16_t instance, uint64_t counter, uint8_t out[GCM_NONCE_LEN])
{
	struct wbuf wb;

	wb_init(&wb, out, GCM_NONCE_LEN);
	if (wb_u16(&wb, instance) || wb_u16(&wb, 0) || wb_u64(&wb, counter))
		must_failed("nonce fits", __FILE__, __LINE__);
}

/*
 * The next thing that looks like a record at or behind *at.  A torn record has
 * whatever the next instance appended right behind it, so search on octet by
 * octet: what is no record does not authenticate.
 */
static bool
rec_next(struct chunk file, size_t *at, struct rec *r)
{
	struct rbuf rb;
	uint32_t magic;
	uint16_t len;

	for (; file.len - *at >= SEAL_HDR_LEN; ++*at) {
		if (file.p[*at] == 0)
			continue;
		rb_init(&rb, file.p + *at, file.len - *at);
		r->head = (struct chunk){ file.p + *at, SEAL_HDR_LEN };
		if (rb_u32(&rb, &magic) || magic != MAGIC ||
		    rb_u16(&rb, &len) || rb_u16(&rb, &r->instance) ||
		    rb_u64(&rb, &r->counter) || len < GCM_TAG_LEN + 1 ||
		    len > SEAL_REC_MAX + GCM_TAG_LEN + 1 ||
		    rb_bytes(&rb, len, &r->sealed))
			continue;
		return true;
	}
	return false;
}

/* plain has room for sealed.len octets; what it holds is the caller's to wipe.
 */
static int
rec_open(const struct rec *r, const struct seal_keys *keys, uint8_t *plain)
{
	uint8_t nonce[GCM_NONCE_LEN];

	if (r->instance < keys->first ||
	    (size_t)(r->instance - keys->first) >= keys->n)
		return -ENOENT;
	nonce_make(r->instance, r->counter, nonce);
	return aead_open(keys->key[r->instance - keys->first], nonce, r->head,
	    r->sealed, plain);
}

/* One pass over the records of an instance that authenticate, in order. */
struct walk {
	struct chunk file;
	const struct seal_keys *keys;
	uint16_t instance;
	size_t at;
	uint64_t next; /* counter that must come */
	bool any;
};

/* 1: a record; 0: no more; -EBADMSG: one in front of this one is missing. */
static int
walk_next(struct walk *w, uint8_t *plain, struct chunk *body, uint8_t *kind)
{
	struct rec r;

	while (rec_next(w->file, &w->at, &r)) {
		if (r.instance != w->instance ||
		    rec_open(&r, w->keys, plain) != 0) {
			w->at++;
			continue;
		}
		w->at += SEAL_HDR_LEN + r.sealed.len;
		if (w->any && r.counter != w->next)
			return -EBADMSG;
		w->any = true;
		w->next = r.counter + 1;
		*kind = plain[0];
		*body =
		    (struct chunk){ plain + 1, r.sealed.len - GCM_TAG_LEN - 1 };
		return 1;
	}
	return 0;
}

/*
 * Offset of the SEAL_BEGIN of the newest complete snapshot of an instance, and
 * of the SEAL_BEGIN of an incomplete one behind it (or SIZE_MAX).  -ENOENT,
 * -EBADMSG.
 */
static int
snapshot_find(struct walk w, uint8_t *plain, size_t *from, size_t *to)
{
	size_t begin = SIZE_MAX, before = w.at;
	bool found = false;
	struct chunk body;
	uint8_t kind;
	int r;

	*to = SIZE_MAX;
	while ((r = walk_next(&w, plain, &body, &kind)) == 1) {
		if (kind == SEAL_BEGIN) {
			begin = before;
			*to = begin;
		} else if (kind == SEAL_COMPLETE && begin != SIZE_MAX) {
			*from = begin;
			*to = SIZE_MAX;
			found = true;
		}
		before = w.at;
	}
	return r < 0 ? r : found ? 0 : -ENOENT;
}

static int
state_read(struct walk w, uint8_t *plain, size_t to, seal_cb *cb, void *arg)
{
	struct chunk body;
	uint8_t kind;
	int n = 0, r;

	while (w.at < to && (r = walk_next(&w, plain, &body, &kind)) != 0) {
		if (r < 0)
			return r;
		if (kind != SEAL_RECORD)
			continue;
		if ((r = cb(arg, body)) != 0)
			return r;
		n++;
	}
	return n;
}

int
seal_scan(
    struct chunk file, const struct seal_keys *keys, seal_cb *cb, void *arg)
{
	static uint8_t plain[SEAL_REC_MAX + GCM_TAG_LEN + 1];
	size_t from, to;
	int r = -ENOENT;

	for (size_t i = keys->n; i-- > 0 && r == -ENOENT;) {
		struct walk w = { .file = file,
			.keys = keys,
			.instance = (uint16_t)(keys->first + i) };

		if ((r = snapshot_find(w, plain, &from, &to)) != 0)
			continue;
		w.at = from;
		r = state_read(w, plain, to, cb, arg);
	}
	explicit_bzero(plain, sizeof(plain));
	return r;
}

bool
seal_used(struct chunk file, uint16_t instance, const uint8_t key[GCM_KEY_LEN])
{
	static uint8_t plain[SEAL_REC_MAX + GCM_TAG_LEN + 1];
	struct seal_keys keys = { .first = instance, .n = 1 };
	struct walk w = { .file = file, .keys = &keys, .instance = instance };
	struct chunk body;
	uint8_t kind;
	int r;

	memcpy(keys.key[0], key, GCM_KEY_LEN);
	r = walk_next(&w, plain, &body, &kind);
	explicit_bzero(&keys, sizeof(keys));
	explicit_bzero(plain, sizeof(plain));
	return r != 0;
}

int
seal_init(
    struct seal *s, int fd, uint16_t instance, const uint8_t key[GCM_KEY_LEN])
{
	*s = (struct seal){ .fd = fd, .instance = instance };
	s->key = secret_from(key, GCM_KEY_LEN);
	return s->key != NULL ? 0 : -ENOMEM;
}

void
seal_fini(struct seal *s)
{
	secret_free(&s->key);
	s->fd = -1;
}

static int
write_all(int fd, const uint8_t *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
seal_put(struct seal *s, enum seal_kind kind, struct chunk rec)
{
	uint8_t buf[SEAL_HDR_LEN + 1 + SEAL_REC_MAX + GCM_TAG_LEN];
	uint8_t nonce[GCM_NONCE_LEN];
	int64_t at = lseek(s->fd, 0, SEEK_END);
	struct chunk head = { buf, SEAL_HDR_LEN }, plain;
	struct wbuf wb;
	int r;

	if (rec.len > SEAL_REC_MAX)
		return -E2BIG;
	wb_init(&wb, buf, sizeof(buf));
	if (wb_u32(&wb, MAGIC) || wb_u16(&wb, 1 + rec.len + GCM_TAG_LEN) ||
	    wb_u16(&wb, s->instance) || wb_u64(&wb, s->counter) ||
	    wb_u8(&wb, kind) || wb_put(&wb, rec.p, rec.len))
		return -ENOBUFS;
	nonce_make(s->instance, s->counter, nonce);
	plain = (struct chunk){ buf + SEAL_HDR_LEN, 1 + rec.len };
	r = aead_seal(
	    secret_bytes(s->key), nonce, head, plain, buf + SEAL_HDR_LEN);
	if (r == 0) {
		s->counter++; /* used, whether the write succeeds or not */
		r = write_all(s->fd, buf, wb.len + GCM_TAG_LEN);
	}
	explicit_bzero(buf, sizeof(buf));
	if (r != 0)
		return r;
	s->since += wb.len + GCM_TAG_LEN;
	if (kind == SEAL_BEGIN) {
		s->snapshot_at = at;
		s->since = 0;
	} else if (kind == SEAL_COMPLETE) {
		s->snapshot_len = s->since;
		s->since = 0;
	}
	return 0;
}

/* A snapshot is written for at least its own length of records. */
bool
seal_full(const struct seal *s)
{
	return s->since > FULL_AT && s->since > s->snapshot_len;
}

int
seal_punch(struct seal *s)
{
	if (s->snapshot_at > 0 &&
	    fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		s->snapshot_at) != 0)
		return -errno;
	return 0;
}

int
seal_read(int fd, uint8_t **out, size_t *len)
{
	off_t end = lseek(fd, 0, SEEK_END), from;
	uint8_t *p;
	size_t n = 0;
	ssize_t k;

	if (end < 0)
		return -errno;
	if ((from = lseek(fd, 0, SEEK_DATA)) < 0)
		from = errno == ENXIO ? end : 0; /* nothing but a hole, or no
                                        support for the question */
	if (end - from > FILE_MAX)
		return -EFBIG;
	if ((p = malloc((size_t)(end - from) + 1)) == NULL)
		return -ENOMEM;
	while (n < (size_t)(end - from)) {
		k = pread(fd, p + n, (size_t)(end - from) - n, from + (off_t)n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	*out = p;
	*len = n;
	return 0;
}
