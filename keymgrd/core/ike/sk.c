/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ike/sk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/secret.h"
#include "keymgrd/core/ike/sk_int.h"

#define LEN_AT 24  /* length in the IKE header */
#define PLD_HDR 4  /* generic payload header */
#define FRAG_HDR 4 /* number and total */
#define ICV_LEN 16 /* of both ciphers */
#define AAD_LEN (IKE_HDR_LEN + PLD_HDR)
/* Above it stands the instance of the key manager, which is not counted. */
#define IV_LAST ((UINT64_C(1) << 48) - 1)

/* A message is: head | IV | payloads, padding, pad length | ICV. */
static const struct cipher {
	uint16_t encr;
	uint8_t iv_len, block;
} ciphers[] = {
	{ ENCR_AES_GCM_16, GCM_IV_LEN, 1 },
	{ ENCR_AES_CBC, CBC_BLOCK_LEN, CBC_BLOCK_LEN },
};

static const struct cipher *
cipher_of(const struct sk_key *k)
{
	for (size_t i = 0; i < NITEMS(ciphers); i++)
		if (ciphers[i].encr == k->encr)
			return &ciphers[i];
	return NULL;
}

static void
gcm_nonce(const uint8_t keymat[GCM_KEYMAT_LEN], const uint8_t *iv,
    uint8_t nonce[GCM_NONCE_LEN])
{
	memcpy(nonce, keymat + GCM_KEY_LEN, GCM_SALT_LEN);
	memcpy(nonce + GCM_SALT_LEN, iv, GCM_IV_LEN);
}

/* -- writing ------------------------------------------------------------ */

/* A whole message, or (total not 0) a fragment of one. */
struct part {
	uint8_t first;
	uint16_t no, total;
	struct chunk inner;
};

static size_t
overhead(const struct cipher *c, bool frag)
{
	return AAD_LEN + (frag ? FRAG_HDR : 0u) + c->iv_len + ICV_LEN;
}

static size_t
pad_len(const struct cipher *c, size_t len)
{
	return c->block - 1 - len % c->block;
}

/* Octets of a message with len octets of payloads. */
static size_t
msg_len(const struct cipher *c, bool frag, size_t len)
{
	return overhead(c, frag) + len + pad_len(c, len) + 1;
}

/* Octets of payloads that fit into a fragment of limit octets. */
static size_t
frag_room(const struct cipher *c, size_t limit)
{
	size_t text, fixed = overhead(c, true);

	if (limit < fixed + c->block)
		return 0;
	text = limit - fixed;
	return text - text % c->block - 1;
}

static int
iv_put(const struct sk_key *k, uint64_t iv, struct wbuf *out)
{
	uint8_t block[CBC_BLOCK_LEN];
	struct wbuf wb;
	int r;

	if (k->encr == ENCR_AES_GCM_16)
		return wb_u64(out, iv);
	wb_init(&wb, block, sizeof(block));
	if (wb_zero(&wb, 8) || wb_u64(&wb, iv))
		return -ENOBUFS;
	if ((r = aes_block(k->e, block, block)) != 0)
		return r;
	return wb_put(out, block, sizeof(block));
}

/* Encrypt a message of len octets in place and write its ICV. */
static int
encrypt(const struct sk_key *k, const struct cipher *c, bool frag, uint8_t *p,
    size_t len)
{
	uint8_t *iv = p + AAD_LEN + (frag ? FRAG_HDR : 0u);
	uint8_t *text = iv + c->iv_len, *icv = p + len - ICV_LEN;
	struct chunk plain = { text, (size_t)(icv - text) };
	struct chunk head = { p, (size_t)(iv - p) };
	struct chunk before_icv = { p, len - ICV_LEN };
	uint8_t nonce[GCM_NONCE_LEN];
	int r;

	if (c->encr == ENCR_AES_GCM_16) {
		gcm_nonce(k->e, iv, nonce);
		return aead_seal(k->e, nonce, head, plain, text);
	}
	if ((r = cbc_encrypt(k->e, iv, plain, text)) != 0)
		return r;
	return hmac_icv(k->a, &before_icv, 1, icv);
}

static int
put_one(const struct sk_key *k, const struct cipher *c, const struct ike_hdr *h,
    const struct part *pt, uint64_t *iv, struct wbuf *out)
{
	bool frag = pt->total != 0;
	size_t pad = pad_len(c, pt->inner.len), at = out->len;
	struct ike_hdr hdr = *h;
	int r;

	if ((*iv & IV_LAST) == IV_LAST)
		return -EOVERFLOW;
	++*iv;
	hdr.next = frag ? PLD_SKF : PLD_SK;
	hdr.len = (uint32_t)msg_len(c, frag, pt->inner.len);
	if (ike_hdr_put(out, &hdr) || wb_u8(out, pt->first) || wb_u8(out, 0) ||
	    wb_u16(out, hdr.len - IKE_HDR_LEN))
		return -ENOBUFS;
	if (frag && (wb_u16(out, pt->no) || wb_u16(out, pt->total)))
		return -ENOBUFS;
	if ((r = iv_put(k, *iv, out)) != 0)
		return r;
	if (wb_put(out, pt->inner.p, pt->inner.len) || wb_zero(out, pad) ||
	    wb_u8(out, pad) || wb_zero(out, ICV_LEN))
		return -ENOBUFS;
	return encrypt(k, c, frag, out->p + at, hdr.len);
}

static int
put_frags(const struct sk_key *k, const struct cipher *c,
    const struct ike_hdr *h, struct part pt, size_t limit, uint64_t *iv,
    struct wbuf *out)
{
	struct chunk rest = pt.inner;
	size_t room = frag_room(c, limit), n;
	int r = 0;

	if (room == 0 || (n = (rest.len + room - 1) / room) > SK_FRAGS_MAX)
		return -EMSGSIZE;
	pt.total = (uint16_t)n;
	for (pt.no = 1; r == 0 && pt.no <= n; pt.no++) {
		pt.inner = rest;
		if (pt.inner.len > room)
			pt.inner.len = room;
		r = put_one(k, c, h, &pt, iv, out);
		rest.p += pt.inner.len;
		rest.len -= pt.inner.len;
		pt.first = PLD_NONE; /* RFC 7383 2.5: the first one says it */
	}
	return r;
}

int
sk_protect(const struct sk_key *k, const struct ike_hdr *h, uint8_t first,
    struct chunk inner, size_t limit, uint64_t *iv, struct wbuf *out)
{
	const struct cipher *c = cipher_of(k);
	struct part pt = { .first = first, .inner = inner };
	size_t whole, at = out->len;
	int r;

	if (c == NULL)
		return -EINVAL;
	if (inner.len > IKE_MSG_MAX ||
	    (whole = msg_len(c, false, inner.len)) > IKE_MSG_MAX)
		return -EMSGSIZE;
	if (limit == 0 || whole <= limit)
		r = put_one(k, c, h, &pt, iv, out);
	else
		r = put_frags(k, c, h, pt, limit, iv, out);
	if (r != 0) {
		/* Some of it may still be plain text. */
		explicit_bzero(out->p + at, out->len - at);
		out->len = at;
	}
	return r;
}

bool
sk_next(struct chunk *rest, struct chunk *msg)
{
	struct rbuf rb;
	uint32_t len;

	rb_init(&rb, rest->p, rest->len);
	if (rb_skip(&rb, LEN_AT) || rb_u32(&rb, &len) || len < IKE_HDR_LEN ||
	    len > rest->len)
		return false;
	*msg = (struct chunk){ rest->p, len };
	*rest = (struct chunk){ rest->p + len, rest->len - len };
	return true;
}

/* -- reading ------------------------------------------------------------ */

int
sk_look(struct chunk msg, struct sk_seen *s)
{
	struct sk_seen x = { .no = 1, .total = 1 };
	struct rbuf rb;
	uint8_t flags;
	uint16_t len;

	rb_init(&rb, msg.p, msg.len);
	if (msg.len > IKE_MSG_MAX || ike_hdr_get(&rb, &x.h) ||
	    (x.h.next != PLD_SK && x.h.next != PLD_SKF) ||
	    rb_u8(&rb, &x.first) || rb_u8(&rb, &flags) || rb_u16(&rb, &len))
		return -EBADMSG;
	/* The Encrypted payload is the last one: RFC 7296 3.14. */
	if (len != msg.len - IKE_HDR_LEN)
		return -EBADMSG;
	x.frag = x.h.next == PLD_SKF;
	if (x.frag && (rb_u16(&rb, &x.no) || rb_u16(&rb, &x.total)))
		return -EBADMSG;
	if (x.no == 0 || x.no > x.total || x.total > SK_FRAGS_MAX)
		return -EBADMSG;
	x.head = msg.len - rb_left(&rb);
	*s = x;
	return 0;
}

uint16_t
sk_frag_no(struct chunk msg)
{
	struct sk_seen s;

	return sk_look(msg, &s) == 0 ? s.no : 0;
}

/* The ICV first: nobody learns from us what was wrong inside. */
static int
cbc_open(const struct sk_key *k, struct chunk msg, const uint8_t *iv,
    struct chunk text, uint8_t *out)
{
	struct chunk before_icv = { msg.p, msg.len - ICV_LEN };
	uint8_t icv[HMAC_ICV_LEN];
	int r;

	if ((r = hmac_icv(k->a, &before_icv, 1, icv)) != 0)
		return r;
	if (!secret_eq(icv, msg.p + before_icv.len, sizeof(icv)))
		return -EBADMSG;
	if (text.len % CBC_BLOCK_LEN != 0)
		return -EBADMSG;
	return cbc_decrypt(k->e, iv, text, out);
}

static int
gcm_open(const struct sk_key *k, struct chunk aad, const uint8_t *iv,
    struct chunk sealed, uint8_t *out)
{
	uint8_t nonce[GCM_NONCE_LEN];

	gcm_nonce(k->e, iv, nonce);
	return aead_open(k->e, nonce, aad, sealed, out);
}

/* Pad octets may hold anything; the last octet counts them. */
static int
padding_strip(const uint8_t *plain, size_t len, size_t *left)
{
	if (len == 0 || plain[len - 1] > len - 1)
		return -EBADMSG;
	*left = len - 1 - plain[len - 1];
	return 0;
}

int
sk_open_one(const struct sk_key *k, struct chunk msg, const struct sk_seen *s,
    struct sk_plain *out)
{
	const struct cipher *c = cipher_of(k);
	const uint8_t *iv = msg.p + s->head;
	struct sk_plain o = { .first = s->first };
	struct chunk text;
	size_t left;
	int r;

	if (c == NULL)
		return -EINVAL;
	if (msg.len < s->head + c->iv_len + c->block + ICV_LEN)
		return -EBADMSG;
	o.size = msg.len - s->head - c->iv_len - ICV_LEN;
	if ((o.p = malloc(o.size)) == NULL)
		return -ENOMEM;
	text = (struct chunk){ iv + c->iv_len, o.size };
	if (c->encr == ENCR_AES_GCM_16) {
		text.len += ICV_LEN;
		r = gcm_open(
		    k, (struct chunk){ msg.p, s->head }, iv, text, o.p);
	} else {
		r = cbc_open(k, msg, iv, text, o.p);
	}
	if (r == 0)
		r = padding_strip(o.p, o.size, &left);
	if (r != 0) {
		sk_plain_free(&o);
		return r;
	}
	rb_init(&o.inner, o.p, left);
	*out = o;
	return 0;
}

void
sk_plain_free(struct sk_plain *o)
{
	freezero(o->p, o->size);
	*o = (struct sk_plain){ 0 };
}
