/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ike/sk.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#define NEXT_AT 16 /* next payload in the IKE header */
#define LEN_AT 24  /* length in the IKE header */
#define AAD_LEN (IKE_HDR_LEN + 4)
#define PLAIN_AT (AAD_LEN + GCM_IV_LEN)

static void
nonce_make(const uint8_t keymat[GCM_KEYMAT_LEN], const uint8_t *iv,
    uint8_t nonce[GCM_NONCE_LEN])
{
	memcpy(nonce, keymat + GCM_KEY_LEN, GCM_SALT_LEN);
	memcpy(nonce + GCM_SALT_LEN, iv, GCM_IV_LEN);
}

int
sk_begin(
    struct wbuf *wb, const struct ike_hdr *h, uint64_t iv, struct chain *inner)
{
	struct ike_hdr hdr = *h;

	if (wb->len != 0)
		return -EINVAL;
	hdr.next = PLD_SK;
	if (ike_hdr_put(wb, &hdr) || wb_zero(wb, 4) || wb_u64(wb, iv))
		return -ENOBUFS;
	chain_init(inner, wb, IKE_HDR_LEN);
	return 0;
}

int
sk_end(struct wbuf *wb, const uint8_t keymat[GCM_KEYMAT_LEN])
{
	uint8_t nonce[GCM_NONCE_LEN];
	struct chunk aad, plain;
	int r;

	if (wb_u8(wb, 0)) /* pad length: a stream cipher needs no padding */
		return -ENOBUFS;
	plain = (struct chunk){ wb->p + PLAIN_AT, wb->len - PLAIN_AT };
	if (wb_zero(wb, GCM_TAG_LEN) || wb_set_u32(wb, LEN_AT, wb->len) ||
	    wb_set_u16(wb, IKE_HDR_LEN + 2, wb->len - IKE_HDR_LEN))
		return -ENOBUFS;
	aad = (struct chunk){ wb->p, AAD_LEN };
	nonce_make(keymat, wb->p + AAD_LEN, nonce);
	r = aead_seal(keymat, nonce, aad, plain, wb->p + PLAIN_AT);
	if (r != 0)
		wb->bad = true;
	return r;
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
sk_open(struct chunk msg, const uint8_t keymat[GCM_KEYMAT_LEN], uint8_t *plain,
    uint8_t *first, struct rbuf *inner)
{
	uint8_t nonce[GCM_NONCE_LEN], next, flags;
	struct chunk aad = { msg.p, AAD_LEN }, sealed;
	struct ike_hdr h;
	struct rbuf rb;
	uint16_t len;
	size_t left;

	rb_init(&rb, msg.p, msg.len);
	if (ike_hdr_get(&rb, &h) || h.next != PLD_SK || rb_u8(&rb, &next) ||
	    rb_u8(&rb, &flags) || rb_u16(&rb, &len))
		return -EBADMSG;
	/* The Encrypted payload is the last one: RFC 7296 3.14. */
	if (len != msg.len - IKE_HDR_LEN || rb_skip(&rb, GCM_IV_LEN) ||
	    rb_rest(&rb, &sealed) || sealed.len < GCM_TAG_LEN + 1)
		return -EBADMSG;
	nonce_make(keymat, msg.p + AAD_LEN, nonce);
	if (aead_open(keymat, nonce, aad, sealed, plain))
		return -EBADMSG;
	if (padding_strip(plain, sealed.len - GCM_TAG_LEN, &left))
		return -EBADMSG;
	*first = next;
	rb_init(inner, plain, left);
	return 0;
}
