/* SPDX-License-Identifier: ISC */
#include "tests/bench/lib/joiner.h"

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "keymgrd/core/ike/gsa.h"
#include "keymgrd/core/ike/kd.h"

#define ID_DER_ASN1_DN 9
#define ID_KEY_ID 11
#define CERT_X509 4
#define NOTIFY_STATUS_MIN 16384

static const struct chunk nothing = { NULL, 0 };

static bool
broken(struct joiner *p, const char *why)
{
	p->state = JN_BROKEN;
	p->why = why;
	return true;
}

static bool
refused(struct joiner *p, uint16_t notify)
{
	p->state = JN_REFUSED;
	p->notify = notify;
	return true;
}

static void
sent(struct joiner *p, size_t len)
{
	struct chunk rest = { p->out, len }, m;

	p->out_len = len;
	p->octets += len;
	while (sk_next(&rest, &m))
		p->messages++;
}

/* -- IKE_SA_INIT -------------------------------------------------------- */

static int
notifies_put(const struct joiner *p, struct chain *c)
{
	static const uint8_t cnsa[] = { 0, 3 }, some[] = { 0, 2, 0, 3, 0, 5 };
	struct chunk hashes = p->conf->suite == SUITE_CNSA
				  ? (struct chunk){ cnsa, sizeof(cnsa) }
				  : (struct chunk){ some, sizeof(some) };
	struct chunk n = { p->nonce, sizeof(p->nonce) };
	uint8_t bind[MIKE_GROUP_LEN];

	if (!p->conf->foreign && (mike_group_bind(p->conf->group, n, bind) ||
				     pld_notify_put(c, N_MIKE_GROUP,
					 (struct chunk){ bind, sizeof(bind) })))
		return -EIO;
	if (p->leaf != NULL &&
	    pld_notify_put(c, N_SIGNATURE_HASH_ALGORITHMS, hashes))
		return -EIO;
	return p->conf->fragment > 0
		   ? pld_notify_put(c, N_FRAGMENTATION_SUPPORTED, nothing)
		   : 0;
}

static enum sa_offer
offer_of(const struct joiner *p)
{
	return p->conf->foreign ? SA_FOREIGN : SA_SHORT;
}

static void
init_write(struct joiner *p)
{
	struct ike_hdr h = { .exchange = IKE_SA_INIT,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR };
	uint16_t ke = sa_ike_first_ke(p->conf->suite);
	struct chunk cookie = { p->cookie, p->cookie_len };
	struct wbuf wb;
	struct chain c;

	memcpy(h.spi_i, p->spi_i, sizeof(h.spi_i));
	wb_init(&wb, p->own_init, sizeof(p->own_init));
	must(ike_hdr_put(&wb, &h) == 0);
	chain_init(&c, &wb, 16);
	must(cookie.len == 0 || pld_notify_put(&c, N_COOKIE, cookie) == 0);
	must(sa_ike_offer(&c, p->conf->suite, offer_of(p)) == 0);
	must(pld_ke_put(&c, ke, (struct chunk){ p->pub, ke_pub_len(ke) }) == 0);
	must(pld_raw_put(&c, PLD_NONCE,
		 (struct chunk){ p->nonce, sizeof(p->nonce) }) == 0);
	must(notifies_put(p, &c) == 0 && wb_set_u32(&wb, 24, wb.len) == 0);
	p->own_init_len = wb.len;
	memcpy(p->out, p->own_init, wb.len);
	sent(p, wb.len);
}

void
joiner_start(struct joiner *p, const struct joiner_conf *conf,
    const struct leaf *leaf, const char *name)
{
	uint16_t ke = sa_ike_first_ke(conf->suite);
	int r;

	*p = (struct joiner){
		.conf = conf, .leaf = leaf, .id = { ID_DER_ASN1_DN }
	};
	p->id_len = 4 + ca_dn(name, p->id + 4);
	must(crypto_rand(p->spi_i, sizeof(p->spi_i)) == 0);
	must(crypto_rand(p->nonce, sizeof(p->nonce)) == 0);
	do {
		must(crypto_rand(p->priv, ke_priv_len(ke)) == 0);
		r = ke_public(ke, p->priv, p->pub);
	} while (r == -ERANGE);
	must(r == 0);
	init_write(p);
}

static struct chunk
peer_nonce(const struct joiner *p)
{
	struct ike_init_view v;

	must(ike_init_view(
		 (struct chunk){ p->peer_init, p->peer_init_len }, &v) == 0);
	return v.nonce;
}

static bool
derive(struct joiner *p, struct chunk pub)
{
	struct chunk own = { p->nonce, sizeof(p->nonce) };
	uint8_t shared[KE_SHARED_MAX];

	if (pub.len != ke_pub_len(p->suite.ke) ||
	    ke_shared(p->suite.ke, p->priv, pub, shared))
		return false;
	return ike_keys_derive(&p->suite,
		   (struct chunk){ shared, ke_shared_len(p->suite.ke) }, own,
		   peer_nonce(p), p->spi_i, p->spi_r, &p->keys) == 0;
}

/* -- the protected requests --------------------------------------------- */

struct inner {
	uint8_t buf[4096];
	struct wbuf wb;
	struct chain c;
};

static void
inner_begin(struct inner *in)
{
	wb_init(&in->wb, in->buf, sizeof(in->buf));
	chain_init(&in->c, &in->wb, 0);
	must(wb_u8(&in->wb, PLD_NONE) == 0);
}

static void
inner_send(struct joiner *p, uint8_t exchange, const struct inner *in)
{
	struct ike_hdr h = { .exchange = exchange,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR,
		.mid = ++p->mid };
	struct wbuf wb;

	memcpy(h.spi_i, p->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, p->spi_r, sizeof(h.spi_r));
	wb_init(&wb, p->out, sizeof(p->out));
	must(sk_protect(&p->keys.i, &h, in->buf[0],
		 (struct chunk){ in->buf + 1, in->wb.len - 1 },
		 p->conf->fragment, &p->iv, &wb) == 0);
	sent(p, wb.len);
}

static void
cert_put(struct chain *c, const struct leaf *l)
{
	must(chain_open(c, PLD_CERT) == 0 && wb_u8(c->wb, CERT_X509) == 0 &&
	     wb_put(c->wb, l->der, l->der_len) == 0 && chain_close(c) == 0);
}

static void
group_put(const struct joiner *p, struct chain *c)
{
	uint8_t body[4 + 64] = { ID_KEY_ID };
	uint8_t ids[4] = { 0, 0, 0, (uint8_t)p->conf->sender_ids };
	struct chunk group = p->conf->group;

	must(group.len <= sizeof(body) - 4);
	memcpy(body + 4, group.p, group.len);
	must(pld_raw_put(c, PLD_IDG, (struct chunk){ body, 4 + group.len }) ==
	     0);
	must(sag_put(c) == 0);
	if (p->conf->sender_ids >= 0)
		must(pld_notify_put(c, N_GROUP_SENDER,
			 (struct chunk){ ids, sizeof(ids) }) == 0);
}

static void
auth_write(struct joiner *p)
{
	struct signer by = { p->leaf, p->conf->psk };
	struct chunk id = { p->id, p->id_len };
	uint8_t maced[PRF_MAX];
	struct signed_parts parts = { p->suite.prf,
		{ p->own_init, p->own_init_len }, peer_nonce(p),
		{ maced, prf_len(p->suite.prf) } };
	struct sign_auth a;
	struct inner in;

	must(ike_maced_id(&p->keys, true, id, maced) == 0);
	sign_make(&by, &parts, &a);
	inner_begin(&in);
	must(pld_raw_put(&in.c, PLD_IDI, id) == 0);
	if (p->leaf != NULL)
		cert_put(&in.c, p->leaf);
	must(pld_auth_put(&in.c, a.method, (struct chunk){ a.data, a.len }) ==
	     0);
	if (!p->conf->foreign)
		group_put(p, &in.c);
	p->state = JN_AUTH;
	inner_send(p, p->conf->foreign ? IKE_AUTH : GSA_AUTH, &in);
}

static void
join_write(struct joiner *p)
{
	struct inner in;

	inner_begin(&in);
	group_put(p, &in.c);
	p->state = JN_JOIN;
	inner_send(p, GSA_REGISTRATION, &in);
}

/* -- the answers -------------------------------------------------------- */

/* Unprotected: an error, or a cookie that must be sent back. */
static bool
on_init_notify(struct joiner *p, const struct ike_view *v)
{
	const struct ike_ntf *n = ike_ntf_find(v, N_COOKIE);

	if (n != NULL && p->cookie_len == 0 && n->data.len > 0 &&
	    n->data.len <= sizeof(p->cookie)) {
		memcpy(p->cookie, n->data.p, n->data.len);
		p->cookie_len = n->data.len;
		init_write(p);
		return true;
	}
	n = ike_ntf_error(v);
	return n != NULL ? refused(p, n->type)
			 : broken(p, "IKE_SA_INIT without SA, KE or nonce");
}

static bool
on_init(struct joiner *p, const struct ike_hdr *h, struct chunk msg)
{
	struct ike_init_view iv;
	struct ike_view v;
	struct pld_ke ke;
	struct rbuf rb = { msg.p + IKE_HDR_LEN, msg.len - IKE_HDR_LEN, false };

	if (ike_view_get(h->next, rb, &v) || ike_init_view(msg, &iv))
		return broken(p, "IKE_SA_INIT is malformed");
	if (!ike_has(&v.sa) || !ike_has(&v.ke) || iv.nonce.len < IKE_NONCE_MIN)
		return on_init_notify(p, &v);
	if (sa_ike_answer(v.sa, p->conf->suite, offer_of(p), &p->suite) ||
	    pld_ke_get(v.ke, &ke) || ke.group != p->suite.ke)
		return broken(p, "SA or KE is not what was offered");
	if (!p->conf->foreign && !mike_group_matches(&iv, p->conf->group))
		return broken(p, "MIKE_GROUP is missing or of another group");
	if (p->conf->foreign &&
	    ike_ntf_find(&v, N_CHILDLESS_IKEV2_SUPPORTED) == NULL)
		return broken(p, "peer does not support childless IKE SAs");
	if (msg.len > sizeof(p->peer_init))
		return broken(p, "IKE_SA_INIT is too long");
	memcpy(p->peer_init, msg.p, msg.len);
	p->peer_init_len = msg.len;
	memcpy(p->spi_r, h->spi_r, sizeof(p->spi_r));
	if (!derive(p, ke.pub))
		return broken(p, "no shared secret");
	auth_write(p);
	return true;
}

static bool
is_authentic(const struct joiner *p, const struct ike_view *v)
{
	struct chunk own = { p->nonce, sizeof(p->nonce) };
	uint8_t maced[PRF_MAX];
	struct signed_parts parts = { p->suite.prf,
		{ p->peer_init, p->peer_init_len }, own,
		{ maced, prf_len(p->suite.prf) } };
	struct signer by = { NULL, p->conf->psk };
	struct sign_auth want;
	struct pld_auth a;
	struct pld_id id;

	if (p->conf->anchor.len == 0 && p->leaf != NULL)
		return true;
	if (!ike_has(&v->id_r) || !ike_has(&v->auth) ||
	    pld_id_get(v->id_r, &id) || pld_auth_get(v->auth, &a) ||
	    ike_maced_id(&p->keys, false, id.body, maced))
		return false;
	if (p->leaf != NULL)
		return a.method == METHOD_SIGNATURE && v->n_cert > 0 &&
		       sign_verify(p->conf->anchor, v->cert[0], &parts, a.data);
	sign_make(&by, &parts, &want);
	return a.method == want.method && a.data.len == want.len &&
	       memcmp(a.data.p, want.data, want.len) == 0;
}

/* Every SA of the policy has a key that unwraps. */
static bool
on_keys(struct joiner *p, const struct ike_view *v)
{
	struct gsa gsa;
	struct kd kd;

	if (!ike_has(&v->gsa) || !ike_has(&v->kd) || gsa_get(v->gsa, &gsa))
		return broken(p, "no GSA or KD, or not readable");
	if (kd_get(v->kd, p->keys.gsk_w, &kd))
		return broken(p, "KD does not unwrap");
	for (size_t i = 0; i < gsa.n_tek; i++)
		if (kd_find(&kd, gsa.tek[i].spi) == NULL)
			return broken(p, "an SA without a key");
	p->n_keys = gsa.n_tek;
	p->state = JN_DONE;
	return true;
}

static bool
on_payloads(struct joiner *p, const struct sk_plain *o)
{
	const struct ike_ntf *n;
	struct ike_view v;

	if (ike_view_get(o->first, o->inner, &v))
		return broken(p, "a protected answer is malformed");
	if ((n = ike_ntf_error(&v)) != NULL)
		return refused(p, n->type);
	if (p->state == JN_AUTH && !is_authentic(p, &v))
		return broken(p, "AUTH of the responder is wrong");
	if (!p->conf->foreign || p->state == JN_JOIN)
		return on_keys(p, &v);
	if (p->conf->joins)
		join_write(p);
	else
		p->state = JN_DONE;
	return true;
}

static bool
on_protected(struct joiner *p, struct chunk msg)
{
	struct sk_plain o = { 0 };
	bool changed;
	int r = sk_take(&p->keys.r, msg, &p->frags, &o);

	if (r == -EAGAIN || r == -EALREADY)
		return false;
	if (r != 0)
		return broken(p, "an answer does not decrypt");
	changed = on_payloads(p, &o);
	sk_plain_free(&o);
	return changed;
}

bool
joiner_input(struct joiner *p, struct chunk msg)
{
	struct ike_hdr h;
	struct rbuf rb;

	rb_init(&rb, msg.p, msg.len);
	if (joiner_over(p) || ike_hdr_get(&rb, &h) ||
	    memcmp(h.spi_i, p->spi_i, sizeof(p->spi_i)) != 0 ||
	    (h.flags & IKE_F_RESPONSE) == 0 || h.mid != p->mid)
		return false; /* late, or not for us */
	if ((h.exchange == IKE_SA_INIT) != (p->state == JN_INIT))
		return false;
	p->octets += msg.len;
	p->messages++;
	return p->state == JN_INIT ? on_init(p, &h, msg) : on_protected(p, msg);
}

void
joiner_fini(struct joiner *p)
{
	sk_frags_free(&p->frags);
	explicit_bzero(&p->keys, sizeof(p->keys));
}
