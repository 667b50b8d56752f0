/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <string.h>

#include "common/crypto.h"
#include "dispatcherd/xfrm_msg.h"

#define XM_SIZE 1024 /* octets; the largest request takes some 450 */

uint16_t
xm_family(const struct addr *a)
{
	return a->len == 4 ? AF_INET : AF_INET6;
}

static void
put_addr(xfrm_address_t *x, const struct addr *a)
{
	_Static_assert(sizeof(*x) == sizeof(a->b), "address sizes");
	memcpy(x, a->b, sizeof(*x));
}

static uint8_t
full_prefix(const struct addr *a)
{
	return (uint8_t)(a->len * 8);
}

void
xm_selector(
    struct xfrm_selector *sel, const struct addr *src, const struct addr *dst)
{
	memset(sel, 0, sizeof(*sel));
	sel->family = xm_family(dst);
	sel->proto = IPPROTO_UDP;
	put_addr(&sel->daddr, dst);
	sel->prefixlen_d = full_prefix(dst);
	if (src == NULL)
		return; /* any source: what makes it fail-closed */
	put_addr(&sel->saddr, src);
	sel->prefixlen_s = full_prefix(src);
}

static struct nl_msg *
msg_new(uint16_t type, uint16_t flags)
{
	struct nl_msg *m = nlmsg_alloc_size(XM_SIZE);

	if (m != NULL && nlmsg_put(m, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0,
			     NLM_F_REQUEST | flags) == NULL)
		xm_free(&m);
	return m;
}

void
xm_free(struct nl_msg **m)
{
	if (*m == NULL)
		return;
	explicit_bzero(nlmsg_hdr(*m), nlmsg_get_max_size(*m));
	nlmsg_free(*m);
	*m = NULL;
}

/* Finish a builder: the message, or NULL when any part did not fit. */
static struct nl_msg *
msg_done(struct nl_msg *m, int failed)
{
	if (failed)
		xm_free(&m);
	return m;
}

static void
no_limits(struct xfrm_lifetime_cfg *l)
{
	l->soft_byte_limit = XFRM_INF;
	l->hard_byte_limit = XFRM_INF;
	l->soft_packet_limit = XFRM_INF;
	l->hard_packet_limit = XFRM_INF;
}

/* Addresses of the template stay any: transport mode uses the packet's. */
static void
fill_tmpl(struct xfrm_user_tmpl *t, const struct pol_want *w)
{
	memset(t, 0, sizeof(*t));
	t->id.proto = IPPROTO_ESP;
	t->family = xm_family(&w->dst);
	t->reqid = w->reqid;
	t->mode = XFRM_MODE_TRANSPORT;
	t->share = XFRM_SHARE_ANY;
	t->optional = 0; /* level required */
	t->aalgos = t->ealgos = t->calgos = UINT32_MAX;
}

struct nl_msg *
xm_policy_new(const struct pol_want *w, bool update)
{
	struct xfrm_userpolicy_info p;
	struct xfrm_user_tmpl t;
	struct nl_msg *m;

	memset(&p, 0, sizeof(p));
	xm_selector(&p.sel, NULL, &w->dst);
	no_limits(&p.lft);
	p.priority = XM_PRIORITY;
	p.dir = w->dir;
	p.action = XFRM_POLICY_ALLOW;
	p.share = XFRM_SHARE_ANY;
	fill_tmpl(&t, w);
	if (update)
		m = msg_new(XFRM_MSG_UPDPOLICY, NLM_F_ACK);
	else
		m = msg_new(
		    XFRM_MSG_NEWPOLICY, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	if (m == NULL)
		return NULL;
	return msg_done(m, nlmsg_append(m, &p, sizeof(p), NLMSG_ALIGNTO) ||
			       nla_put(m, XFRMA_TMPL, sizeof(t), &t));
}

static struct nl_msg *
policy_id(uint16_t type, struct xfrm_userpolicy_id *id)
{
	struct nl_msg *m = msg_new(type, NLM_F_ACK);

	if (m == NULL)
		return NULL;
	return msg_done(m, nlmsg_append(m, id, sizeof(*id), NLMSG_ALIGNTO));
}

struct nl_msg *
xm_policy_get(const struct pol_want *w)
{
	struct xfrm_userpolicy_id id;

	memset(&id, 0, sizeof(id));
	xm_selector(&id.sel, NULL, &w->dst);
	id.dir = w->dir;
	return policy_id(XFRM_MSG_GETPOLICY, &id);
}

struct nl_msg *
xm_policy_del(uint8_t dir, uint32_t index)
{
	struct xfrm_userpolicy_id id;

	must(index != 0); /* 0 would mean an empty selector */
	memset(&id, 0, sizeof(id));
	id.dir = dir;
	id.index = index;
	return policy_id(XFRM_MSG_DELPOLICY, &id);
}

/* The kernel takes octets behind the header of a dump for attributes. */
struct nl_msg *
xm_policy_dump(void)
{
	return msg_new(XFRM_MSG_GETPOLICY, NLM_F_DUMP);
}

struct nl_msg *
xm_sa_dump(void)
{
	return msg_new(XFRM_MSG_GETSA, NLM_F_DUMP);
}

static void
fill_sa(struct xfrm_usersa_info *s, const struct sa_want *w)
{
	memset(s, 0, sizeof(*s));
	xm_selector(&s->sel, &w->src, &w->dst);
	put_addr(&s->id.daddr, &w->dst);
	put_addr(&s->saddr, &w->src);
	s->id.spi = htonl(w->spi);
	s->id.proto = IPPROTO_ESP;
	no_limits(&s->lft);
	s->lft.soft_add_expires_seconds = w->soft_s;
	s->lft.hard_add_expires_seconds = w->hard_s;
	if (w->soft_packets != 0)
		s->lft.soft_packet_limit = w->soft_packets;
	if (w->hard_packets != 0)
		s->lft.hard_packet_limit = w->hard_packets;
	s->reqid = w->reqid;
	s->family = xm_family(&w->dst);
	s->mode = XFRM_MODE_TRANSPORT;
}

/* The key goes straight into the attribute; xm_free() wipes it there. */
static int
put_aead(struct nl_msg *m, const uint8_t key[GCM_KEYMAT_LEN])
{
	struct xfrm_algo_aead a = { .alg_name = "rfc4106(gcm(aes))",
		.alg_key_len = GCM_KEYMAT_LEN * 8,
		.alg_icv_len = GCM_TAG_LEN * 8 };
	struct nlattr *at;
	uint8_t *p;

	at = nla_reserve(m, XFRMA_ALG_AEAD, sizeof(a) + GCM_KEYMAT_LEN);
	if (at == NULL)
		return -1;
	p = nla_data(at);
	memcpy(p, &a, sizeof(a));
	memcpy(p + sizeof(a), key, GCM_KEYMAT_LEN);
	return 0;
}

/* A window above 32 packets needs this form; no ESN, so no flag for it. */
static int
put_replay(struct nl_msg *m, uint32_t window)
{
	struct xfrm_replay_state_esn r = { .replay_window = window,
		.bmp_len = (window + 31) / 32 };
	size_t len = sizeof(r) + r.bmp_len * sizeof(uint32_t);
	struct nlattr *at;

	if (window == 0)
		return 0;
	at = nla_reserve(m, XFRMA_REPLAY_ESN_VAL, (int)len);
	if (at == NULL)
		return -1;
	memset(nla_data(at), 0, len);
	memcpy(nla_data(at), &r, sizeof(r));
	return 0;
}

struct nl_msg *
xm_sa_new(const struct sa_want *w)
{
	struct nl_msg *m =
	    msg_new(XFRM_MSG_NEWSA, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	struct xfrm_usersa_info s;

	if (m == NULL)
		return NULL;
	fill_sa(&s, w);
	return msg_done(m, nlmsg_append(m, &s, sizeof(s), NLMSG_ALIGNTO) ||
			       put_aead(m, w->key) || put_replay(m, w->replay));
}

static struct nl_msg *
sa_id(uint16_t type, uint32_t spi, const struct addr *dst)
{
	struct nl_msg *m = msg_new(type, NLM_F_ACK);
	struct xfrm_usersa_id id;

	if (m == NULL)
		return NULL;
	memset(&id, 0, sizeof(id));
	put_addr(&id.daddr, dst);
	id.spi = htonl(spi);
	id.family = xm_family(dst);
	id.proto = IPPROTO_ESP;
	return msg_done(m, nlmsg_append(m, &id, sizeof(id), NLMSG_ALIGNTO));
}

struct nl_msg *
xm_sa_get(uint32_t spi, const struct addr *dst)
{
	return sa_id(XFRM_MSG_GETSA, spi, dst);
}

struct nl_msg *
xm_sa_del(uint32_t spi, const struct addr *dst)
{
	return sa_id(XFRM_MSG_DELSA, spi, dst);
}
