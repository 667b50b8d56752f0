/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ike/msg.h"

#include <errno.h>

#include "keymgrd/core/ike/sa.h"

#define PAYLOADS_MAX 64
#define NOTIFY_STATUS_MIN 16384

bool
ike_has(const struct rbuf *payload)
{
	return payload->p != NULL;
}

static int
once(struct rbuf *to, struct rbuf body)
{
	if (ike_has(to))
		return -EBADMSG;
	*to = body;
	return 0;
}

static int
ntf_add(struct ike_view *v, struct rbuf body)
{
	struct ike_ntf n;

	/* Skipping what does not fit could skip the error. */
	if (ike_ntf_get(body, &n) || v->n_ntf == IKE_NTFS_MAX)
		return -EBADMSG;
	v->ntf[v->n_ntf++] = n;
	return 0;
}

/* Other encodings (hash and URL, raw keys) are for other peers: skipped. */
static int
cert_add(struct ike_view *v, struct rbuf body)
{
	struct chunk der;
	uint8_t encoding;

	if (rb_u8(&body, &encoding) || rb_rest(&body, &der) || der.len == 0)
		return -EBADMSG;
	if (encoding != CERT_X509)
		return 0;
	if (v->n_cert == IKE_CERTS_MAX)
		return -EBADMSG;
	v->cert[v->n_cert++] = der;
	return 0;
}

/* One for each protocol: RFC 7296 3.11. */
static int
del_add(struct ike_view *v, struct rbuf body)
{
	struct pld_delete d;

	if (pld_delete_get(body, &d))
		return -EBADMSG;
	v->deletes_ike |= d.proto == PROTO_IKE;
	return 0;
}

/* There may be several, of which one tells enough. */
static struct rbuf *
first_of(struct ike_view *v, uint8_t type)
{
	return type == PLD_TSI	     ? &v->ts_i
	       : type == PLD_CERTREQ ? &v->certreq
	       : type == PLD_DELETE  ? &v->del
				     : NULL;
}

/* Where a payload of this type belongs; NULL: not one that we look at. */
static struct rbuf *
slot_of(struct ike_view *v, uint8_t type)
{
	switch (type) {
	case PLD_SA:
		return &v->sa;
	case PLD_KE:
		return &v->ke;
	case PLD_NONCE:
		return &v->nonce;
	case PLD_IDI:
		return &v->id_i;
	case PLD_IDR:
		return &v->id_r;
	case PLD_AUTH:
		return &v->auth;
	case PLD_IDG:
		return &v->id_g;
	case PLD_GSA:
		return &v->gsa;
	case PLD_KD:
		return &v->kd;
	default:
		return NULL;
	}
}

static bool
known(uint8_t type)
{
	return (type >= PLD_SA && type <= 48) ||
	       (type >= PLD_IDG && type <= PLD_SKF);
}

static int
view_add(struct ike_view *v, const struct ike_pld *p)
{
	struct rbuf *to = slot_of(v, p->type);

	if (to != NULL)
		return once(to, p->body);
	if (p->type == PLD_DELETE && del_add(v, p->body))
		return -EBADMSG;
	if ((to = first_of(v, p->type)) != NULL) {
		if (!ike_has(to))
			*to = p->body;
		return 0;
	}
	if (p->type == PLD_CERT)
		return cert_add(v, p->body);
	if (p->type == PLD_NOTIFY)
		return ntf_add(v, p->body);
	if (p->type == PLD_SK || p->type == PLD_SKF)
		return -EBADMSG; /* nothing is encrypted twice */
	if (p->critical && !known(p->type) && v->critical == 0)
		v->critical = p->type;
	return 0;
}

int
ike_view_get(uint8_t first, struct rbuf body, struct ike_view *v)
{
	struct ike_view x = { 0 };
	struct ike_walk w;
	struct ike_pld p;
	int r, n = 0;

	ike_walk_init(&w, first, body);
	while ((r = ike_walk_next(&w, &p)) == 1)
		if (++n > PAYLOADS_MAX || view_add(&x, &p))
			return -EBADMSG;
	if (r < 0)
		return r;
	*v = x;
	return 0;
}

const struct ike_ntf *
ike_ntf_find(const struct ike_view *v, uint16_t type)
{
	for (size_t i = 0; i < v->n_ntf; i++)
		if (v->ntf[i].type == type)
			return &v->ntf[i];
	return NULL;
}

const struct ike_ntf *
ike_ntf_error(const struct ike_view *v)
{
	for (size_t i = 0; i < v->n_ntf; i++)
		if (v->ntf[i].type < NOTIFY_STATUS_MIN)
			return &v->ntf[i];
	return NULL;
}

bool
ike_deletes_sa(const struct ike_view *v)
{
	return v->deletes_ike;
}
