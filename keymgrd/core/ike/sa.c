/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ike/sa.h"

#include <errno.h>

#define ATTR_KEY_LENGTH 14
#define ATTR_SIG_ALG 18
#define ATTR_TV 0x8000
#define PROPOSALS_MAX 64

int
attr_get(struct rbuf *rb, uint16_t *type, struct chunk *value, bool *tv)
{
	uint16_t t, len = 2;

	if (rb_u16(rb, &t))
		return -EBADMSG;
	*tv = (t & ATTR_TV) != 0;
	if (!*tv && rb_u16(rb, &len))
		return -EBADMSG;
	*type = t & (uint16_t)~ATTR_TV;
	return rb_bytes(rb, len, value);
}

/*
 * An attribute is known where it has a meaning, once: a key length belongs to
 * a cipher and is never 0, an AlgorithmIdentifier belongs to GCAUTH.
 */
static int
xf_attr(struct rbuf *rb, struct xf *x)
{
	uint16_t type, bits = 0;
	struct chunk v;
	bool tv;

	if (attr_get(rb, &type, &v, &tv))
		return -EBADMSG;
	if (tv)
		bits = (uint16_t)(v.p[0] << 8 | v.p[1]);
	if (type == ATTR_KEY_LENGTH && x->type == XF_ENCR && bits != 0 &&
	    x->key_bits == 0)
		x->key_bits = bits;
	else if (type == ATTR_SIG_ALG && x->type == XF_GCAUTH && !tv &&
		 x->alg.p == NULL)
		x->alg = v;
	else
		x->unknown_attr = true;
	return 0;
}

int
xf_get(struct rbuf *rb, struct xf *out)
{
	struct xf x = { 0 };
	struct rbuf body;
	uint8_t more, reserved;
	uint16_t len;

	if (rb_u8(rb, &more) || rb_u8(rb, &reserved) || rb_u16(rb, &len))
		return -EBADMSG;
	if (len < 8 || (more != 0 && more != 3) ||
	    rb_sub(rb, (size_t)len - 4, &body))
		return -EBADMSG;
	if (rb_u8(&body, &x.type) || rb_u8(&body, &reserved) ||
	    rb_u16(&body, &x.id))
		return -EBADMSG;
	while (rb_left(&body) > 0)
		if (xf_attr(&body, &x))
			return -EBADMSG;
	x.last = more == 0;
	*out = x;
	return 0;
}

int
xf_put(struct wbuf *wb, bool last, uint8_t type, uint16_t id, uint16_t key_bits)
{
	if (wb_u8(wb, last ? 0 : 3) || wb_u8(wb, 0) ||
	    wb_u16(wb, key_bits ? 12 : 8) || wb_u8(wb, type) || wb_u8(wb, 0) ||
	    wb_u16(wb, id))
		return -ENOBUFS;
	if (key_bits == 0)
		return 0;
	return wb_u16(wb, ATTR_TV | ATTR_KEY_LENGTH) || wb_u16(wb, key_bits)
		   ? -ENOBUFS
		   : 0;
}

/* Header of a proposal without SPI; its length is set by prop_close(). */
static int
prop_open(struct wbuf *wb, bool last, uint8_t num, uint8_t proto, uint8_t n,
    size_t *at)
{
	*at = wb->len;
	return wb_u8(wb, last ? 0 : 2) || wb_u8(wb, 0) || wb_u16(wb, 0) ||
		       wb_u8(wb, num) || wb_u8(wb, proto) || wb_u8(wb, 0) ||
		       wb_u8(wb, n)
		   ? -ENOBUFS
		   : 0;
}

static int
prop_close(struct wbuf *wb, size_t at)
{
	return wb_set_u16(wb, at + 2, wb->len - at);
}

/* -- what policies allow ------------------------------------------------ */

#define GROUPS_MAX 3

/* In the order of preference. */
static const struct algs {
	enum prf_alg prf;
	bool cbc; /* for peers that have no AES-GCM */
	uint16_t ke[GROUPS_MAX];
	size_t n_ke;
} suites[] = {
	[SUITE_DEFAULT] = { PRF_SHA256, true, { KE_X25519, KE_P256, KE_P384 },
	    3 },
	[SUITE_CNSA] = { PRF_SHA384, false, { KE_P384 }, 1 },
};

static const struct algs *
algs_of(enum suite policy)
{
	return &suites[policy == SUITE_CNSA ? SUITE_CNSA : SUITE_DEFAULT];
}

uint16_t
sa_ike_first_ke(enum suite policy)
{
	return algs_of(policy)->ke[0];
}

static size_t
n_groups(enum suite policy, enum sa_offer what)
{
	return what == SA_SHORT ? 1 : algs_of(policy)->n_ke;
}

bool
sa_ike_offers_ke(enum suite policy, enum sa_offer what, uint16_t group)
{
	for (size_t i = 0; i < n_groups(policy, what); i++)
		if (algs_of(policy)->ke[i] == group)
			return true;
	return false;
}

/* The proposals of an offer, those that a policy has numbered from 1. */
static const struct kind {
	uint16_t encr;
	bool kwa;
} kinds[] = {
	{ ENCR_AES_GCM_16, true },
	{ ENCR_AES_CBC, true },
	{ ENCR_AES_GCM_16, false },
	{ ENCR_AES_CBC, false },
};

/* Proposal number num (from 1) of an offer; NULL: there is none. */
static const struct kind *
kind_at(unsigned int num, enum suite policy, enum sa_offer what)
{
	unsigned int n = 0;

	for (size_t i = 0; i < NITEMS(kinds); i++) {
		const struct kind *k = &kinds[i];

		if (k->encr == ENCR_AES_CBC &&
		    (!algs_of(policy)->cbc || what == SA_SHORT))
			continue;
		if ((k->kwa || what == SA_FOREIGN) && ++n == num)
			return k;
	}
	return NULL;
}

static int
ike_prop_put(struct wbuf *wb, bool last, uint8_t num, const struct kind *k,
    const struct algs *a, const uint16_t *ke, size_t n_ke)
{
	bool cbc = k->encr == ENCR_AES_CBC;
	uint8_t n = (uint8_t)(2u + cbc + n_ke + k->kwa);
	size_t at;

	if (prop_open(wb, last, num, PROTO_IKE, n, &at) ||
	    xf_put(wb, false, XF_ENCR, k->encr, 256) ||
	    xf_put(wb, false, XF_PRF, (uint16_t)a->prf, 0))
		return -ENOBUFS;
	if (cbc && xf_put(wb, false, XF_INTEG, INTEG_HMAC_SHA2_256_128, 0))
		return -ENOBUFS;
	for (size_t i = 0; i < n_ke; i++)
		if (xf_put(wb, i + 1 == n_ke && !k->kwa, XF_KE, ke[i], 0))
			return -ENOBUFS;
	if (k->kwa && xf_put(wb, true, XF_KWA, KW_5649_256, 0))
		return -ENOBUFS;
	return prop_close(wb, at);
}

int
sa_ike_offer(struct chain *c, enum suite policy, enum sa_offer what)
{
	const struct algs *a = algs_of(policy);
	const struct kind *k, *next = kind_at(1, policy, what);

	if (chain_open(c, PLD_SA))
		return -ENOBUFS;
	for (uint8_t num = 1; (k = next) != NULL; num++) {
		next = kind_at(num + 1u, policy, what);
		if (ike_prop_put(c->wb, next == NULL, num, k, a, a->ke,
			n_groups(policy, what)))
			return -ENOBUFS;
	}
	return chain_close(c);
}

int
sa_ike_put(struct chain *c, uint8_t num, const struct ike_suite *s)
{
	struct algs a = { .prf = s->prf };
	struct kind k = { s->encr, s->kwa };

	if (chain_open(c, PLD_SA) ||
	    ike_prop_put(c->wb, true, num, &k, &a, &s->ke, 1))
		return -ENOBUFS;
	return chain_close(c);
}

int
sag_put(struct chain *c)
{
	struct wbuf *wb = c->wb;
	size_t at;

	if (chain_open(c, PLD_SA) ||
	    prop_open(wb, false, 1, PROTO_UPDATE, 1, &at) ||
	    xf_put(wb, true, XF_KWA, KW_5649_256, 0) || prop_close(wb, at) ||
	    prop_open(wb, true, 1, PROTO_ESP, 2, &at) ||
	    xf_put(wb, false, XF_ENCR, ENCR_AES_GCM_16, 256) ||
	    xf_put(wb, true, XF_SN, SN_32_SEQUENTIAL, 0) || prop_close(wb, at))
		return -ENOBUFS;
	return chain_close(c);
}

/* The transforms that we know, each a bit. */
enum {
	HAS_GCM = 1 << 0,
	HAS_CBC = 1 << 1,
	HAS_SHA256 = 1 << 2,
	HAS_SHA384 = 1 << 3,
	HAS_INTEG_NONE = 1 << 4,
	HAS_HMAC = 1 << 5,
	HAS_SN = 1 << 6,
	HAS_KWA = 1 << 7,
	HAS_KE = 1 << 8, /* and the next two: groups of known[] */
};

static const struct known {
	uint8_t type;
	uint16_t id, key_bits, bit;
} known[] = {
	{ XF_ENCR, ENCR_AES_GCM_16, 256, HAS_GCM },
	{ XF_ENCR, ENCR_AES_CBC, 256, HAS_CBC },
	{ XF_PRF, PRF_SHA256, 0, HAS_SHA256 },
	{ XF_PRF, PRF_SHA384, 0, HAS_SHA384 },
	{ XF_INTEG, INTEG_NONE, 0, HAS_INTEG_NONE },
	{ XF_INTEG, INTEG_HMAC_SHA2_256_128, 0, HAS_HMAC },
	{ XF_SN, SN_32_SEQUENTIAL, 0, HAS_SN },
	{ XF_KWA, KW_5649_256, 0, HAS_KWA },
	{ XF_KE, KE_X25519, 0, HAS_KE },
	{ XF_KE, KE_P256, 0, HAS_KE << 1 },
	{ XF_KE, KE_P384, 0, HAS_KE << 2 },
};

struct prop {
	bool last;
	uint8_t num, proto;
	uint8_t n[16]; /* transforms seen of each type below 16 */
	uint16_t has;  /* of those we know */
	bool foreign;  /* a type that we do not know */
};

/* RFC 7296 3.3.6: what is not understood whole is not chosen. */
static uint16_t
xf_bit(const struct xf *x)
{
	for (size_t i = 0; i < NITEMS(known) && !x->unknown_attr; i++)
		if (known[i].type == x->type && known[i].id == x->id &&
		    known[i].key_bits == x->key_bits)
			return known[i].bit;
	return 0;
}

static uint16_t
ke_bit(uint16_t group)
{
	return xf_bit(&(struct xf){ .type = XF_KE, .id = group });
}

static int
prop_xfs(struct rbuf *body, uint8_t count, struct prop *p)
{
	struct xf x = { .last = count == 0 };

	for (unsigned int i = 0; i < count; i++) {
		if (xf_get(body, &x) || x.last != (i + 1u == count))
			return -EBADMSG;
		if (x.type >= NITEMS(p->n)) {
			p->foreign = true;
			continue;
		}
		p->n[x.type]++;
		p->has |= xf_bit(&x);
	}
	return rb_done(body);
}

static int
prop_get(struct rbuf *rb, struct prop *out)
{
	struct prop p = { 0 };
	struct rbuf body;
	uint8_t more, reserved, spi_size, count;
	uint16_t len;

	if (rb_u8(rb, &more) || rb_u8(rb, &reserved) || rb_u16(rb, &len))
		return -EBADMSG;
	if (len < 8 || (more != 0 && more != 2) ||
	    rb_sub(rb, (size_t)len - 4, &body))
		return -EBADMSG;
	if (rb_u8(&body, &p.num) || rb_u8(&body, &p.proto) ||
	    rb_u8(&body, &spi_size) || rb_u8(&body, &count) ||
	    rb_skip(&body, spi_size) || prop_xfs(&body, count, &p))
		return -EBADMSG;
	/* The SPI of an initial IKE SA is in the header: RFC 7296 3.3.1. */
	if (p.proto == PROTO_IKE && spi_size != 0)
		return -EBADMSG;
	p.last = more == 0;
	*out = p;
	return 0;
}

/* Only types that an IKE SA has; a key wrap that we do not know is fatal,
 * since it is not for us to leave it out. */
static bool
is_ike_sa(const struct prop *p)
{
	if (p->foreign || p->proto != PROTO_IKE)
		return false;
	for (unsigned int t = 0; t < NITEMS(p->n); t++)
		if (p->n[t] != 0 && t != XF_ENCR && t != XF_PRF &&
		    t != XF_INTEG && t != XF_KE && t != XF_KWA)
			return false;
	return p->n[XF_KWA] == 0 || (p->has & HAS_KWA) != 0;
}

/* AES-GCM before AES-CBC; integrity goes with the one and not the other. */
static uint16_t
cipher_of(const struct prop *p, const struct algs *a)
{
	if (p->has & HAS_GCM &&
	    (p->n[XF_INTEG] == 0 || p->has & HAS_INTEG_NONE))
		return ENCR_AES_GCM_16;
	if (a->cbc && p->has & HAS_CBC && p->has & HAS_HMAC)
		return ENCR_AES_CBC;
	return 0;
}

static uint16_t
group_of(const struct prop *p, const struct algs *a, uint16_t ke_sent)
{
	uint16_t best = 0;

	for (size_t i = 0; i < a->n_ke; i++) {
		if ((p->has & ke_bit(a->ke[i])) == 0)
			continue;
		if (a->ke[i] == ke_sent)
			return ke_sent;
		if (best == 0)
			best = a->ke[i];
	}
	return best;
}

static bool
prop_suite(const struct prop *p, enum suite policy, uint16_t ke_sent,
    struct ike_suite *out)
{
	const struct algs *a = algs_of(policy);
	uint16_t prf = a->prf == PRF_SHA384 ? HAS_SHA384 : HAS_SHA256;

	*out = (struct ike_suite){ .encr = cipher_of(p, a),
		.prf = a->prf,
		.ke = group_of(p, a, ke_sent),
		.kwa = p->n[XF_KWA] != 0 };
	return is_ike_sa(p) && p->has & prf && out->encr != 0 && out->ke != 0;
}

int
sa_ike_choose(struct rbuf body, enum suite policy, bool foreign,
    uint16_t ke_sent, struct sa_choice *out)
{
	struct sa_choice best = { 0 };
	struct prop p = { 0 };
	struct ike_suite s;
	int n = 0;

	while (!p.last) {
		if (prop_get(&body, &p) || ++n > PROPOSALS_MAX)
			return -EBADMSG;
		if (!prop_suite(&p, policy, ke_sent, &s))
			continue;
		best.plain |= !s.kwa;
		if ((s.kwa || foreign) &&
		    (best.suite.encr == 0 || (s.kwa && !best.suite.kwa))) {
			best.suite = s;
			best.num = p.num;
		}
	}
	if (rb_done(&body))
		return -EBADMSG;
	if (best.suite.encr == 0)
		return -ENOENT;
	*out = best;
	return 0;
}

int
sa_ike_answer(struct rbuf body, enum suite policy, enum sa_offer what,
    struct ike_suite *out)
{
	struct prop p = { 0 };
	const struct kind *k;
	struct ike_suite s;

	if (prop_get(&body, &p) || !p.last || rb_done(&body))
		return -EBADMSG;
	for (unsigned int t = 0; t < NITEMS(p.n); t++)
		if (p.n[t] > 1)
			return -EBADMSG;
	k = kind_at(p.num, policy, what);
	if (k == NULL || !prop_suite(&p, policy, 0, &s) || k->encr != s.encr ||
	    k->kwa != s.kwa || !sa_ike_offers_ke(policy, what, s.ke))
		return -EBADMSG;
	*out = s;
	return 0;
}

/*
 * AEAD and other ciphers may share a proposal here, so what else is offered of
 * a known type does not matter.
 */
int
sag_check(struct rbuf body)
{
	enum { ESP = 1, KWA = 2 };
	uint8_t has[UINT8_MAX + 1] = { 0 }; /* proposals of one number */
	struct prop p = { 0 };
	int n = 0, found = -ENOENT;

	while (!p.last) {
		if (prop_get(&body, &p) || ++n > PROPOSALS_MAX)
			return -EBADMSG;
		if (p.foreign)
			continue;
		if (p.proto == PROTO_ESP &&
		    (p.has & (HAS_GCM | HAS_SN)) == (HAS_GCM | HAS_SN))
			has[p.num] |= ESP;
		if (p.proto == PROTO_UPDATE && (p.has & HAS_KWA) != 0)
			has[p.num] |= KWA;
		if (has[p.num] == (ESP | KWA))
			found = 0;
	}
	return rb_done(&body) ? -EBADMSG : found;
}
