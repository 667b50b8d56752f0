/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include <netlink/attr.h>

#include "common/secret.h"
#include "dispatcherd/xfrm_reply.h"

void
xr_init(struct xr_msg *r, const void *p, size_t len)
{
	*r = (struct xr_msg){ .at = p, .left = len };
}

int
xr_next(struct xr_msg *r)
{
	const struct nlmsghdr *h = r->at;
	size_t step;

	if (r->left == 0)
		return 0;
	if (r->left < sizeof(*h) || h->nlmsg_len < sizeof(*h) ||
	    h->nlmsg_len > r->left)
		return -EBADMSG;
	step = NLMSG_ALIGN((size_t)h->nlmsg_len);
	if (step > r->left)
		step = r->left; /* the last one may lack its padding */
	r->h = h;
	r->at = (const uint8_t *)r->at + step;
	r->left -= step;
	return 1;
}

/*
 * Body and attributes of a message whose fixed part has size octets.  libnl
 * wants a header it could write to, and does not.
 */
static int
split(const struct nlmsghdr *h, void *body, size_t size, struct nlattr **tb)
{
	union {
		const struct nlmsghdr *in;
		struct nlmsghdr *out;
	} u = { .in = h };

	if (h->nlmsg_len - sizeof(*h) < size)
		return -EBADMSG;
	/* Copied: the structs want 8 octets of alignment, netlink gives 4. */
	memcpy(body, h + 1, size);
	if (nlmsg_parse(u.out, (int)NLMSG_ALIGN(size), tb, XFRMA_MAX, NULL) < 0)
		return -EBADMSG;
	return 0;
}

/* Where the attributes of an NLMSG_ERROR begin; past its end: nowhere. */
static size_t
ack_attrs(const struct nlmsghdr *h, size_t left)
{
	struct nlmsgerr e;

	if (left < sizeof(e) || !(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return left;
	if (h->nlmsg_flags & NLM_F_CAPPED)
		return sizeof(e);
	/* The request is echoed in between. */
	memcpy(&e, h + 1, sizeof(e));
	if (e.msg.nlmsg_len < sizeof(e.msg) || e.msg.nlmsg_len > left)
		return left;
	return sizeof(e) + NLMSG_ALIGN(e.msg.nlmsg_len - sizeof(e.msg));
}

/* The kernel's words on it, without the NUL that ends them. */
static struct chunk
ack_text(const struct nlmsghdr *h)
{
	const uint8_t *p = (const uint8_t *)(h + 1);
	size_t left = h->nlmsg_len - sizeof(*h), at = ack_attrs(h, left);
	struct chunk text = { NULL, 0 };
	struct nlattr a;

	while (at < left && left - at >= sizeof(a)) {
		memcpy(&a, p + at, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > left - at)
			break;
		if ((a.nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG)
			text = (struct chunk){ p + at + sizeof(a),
				a.nla_len - sizeof(a) };
		at += NLMSG_ALIGN((size_t)a.nla_len);
	}
	while (text.len > 0 && text.p[text.len - 1] == '\0')
		text.len--;
	return text;
}

int
xr_ack(const struct nlmsghdr *h, struct xr_ack *out)
{
	size_t left = h->nlmsg_len - sizeof(*h);
	int error;

	*out = (struct xr_ack){ .error = 0 };
	if (h->nlmsg_type == NLMSG_DONE && left < sizeof(error))
		return 0; /* old kernels send no status with it */
	if (left < sizeof(error))
		return -EBADMSG;
	memcpy(&error, h + 1, sizeof(error));
	if (error > 0 || error < -4095)
		return -EBADMSG;
	out->error = error;
	if (h->nlmsg_type == NLMSG_ERROR)
		out->text = ack_text(h);
	return 0;
}

int
xr_addr(uint16_t family, const xfrm_address_t *x, struct addr *out)
{
	size_t len = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;

	if (len == 0)
		return -EAFNOSUPPORT;
	return addr_from(out, x, len);
}

/* Is any of these attributes there?  The list ends with 0. */
static bool
has_any(struct nlattr *const *tb, const int *types)
{
	for (; *types != 0; types++)
		if (tb[*types] != NULL)
			return true;
	return false;
}

int
xr_policy(const struct nlmsghdr *h, struct pol_have *out)
{
	static const int odd[] = { XFRMA_MARK, XFRMA_IF_ID, XFRMA_SEC_CTX, 0 };
	struct nlattr *tb[XFRMA_MAX + 1];
	struct xfrm_userpolicy_type type;

	memset(out, 0, sizeof(*out));
	if (h->nlmsg_type != XFRM_MSG_NEWPOLICY ||
	    split(h, &out->info, sizeof(out->info), tb))
		return -EBADMSG;
	out->plain = !has_any(tb, odd);
	if (tb[XFRMA_POLICY_TYPE] != NULL) {
		if (nla_len(tb[XFRMA_POLICY_TYPE]) < (int)sizeof(type))
			return -EBADMSG;
		memcpy(&type, nla_data(tb[XFRMA_POLICY_TYPE]), sizeof(type));
		if (type.type != XFRM_POLICY_TYPE_MAIN)
			out->plain = false;
	}
	if (tb[XFRMA_TMPL] == NULL)
		return 0;
	out->n_tmpl = (size_t)nla_len(tb[XFRMA_TMPL]) / sizeof(out->tmpl);
	if (out->n_tmpl > 0)
		memcpy(&out->tmpl, nla_data(tb[XFRMA_TMPL]), sizeof(out->tmpl));
	return 0;
}

bool
pol_is_ours(const struct pol_have *p, uint8_t *slot, uint8_t *cls)
{
	const struct xfrm_selector *sel = &p->info.sel;

	return p->n_tmpl == 1 && p->plain && sel->proto == IPPROTO_UDP &&
	       sel->prefixlen_s == 0 && p->tmpl.id.proto == IPPROTO_ESP &&
	       (p->info.dir == XFRM_POLICY_IN ||
		   p->info.dir == XFRM_POLICY_OUT) &&
	       reqid_split(p->tmpl.reqid, slot, cls);
}

const char *
pol_differs(const struct pol_have *p, const struct pol_want *w)
{
	static const xfrm_address_t any;
	struct xfrm_selector sel;

	xm_selector(&sel, NULL, &w->dst);
	if (memcmp(&sel, &p->info.sel, sizeof(sel)) != 0)
		return "selector";
	if (p->info.dir != w->dir || !p->plain)
		return "direction, type, mark or interface";
	if (p->info.action != XFRM_POLICY_ALLOW || p->info.flags != 0)
		return "action or flags";
	if (p->info.priority != XM_PRIORITY)
		return "priority";
	if (p->n_tmpl != 1 || p->tmpl.id.proto != IPPROTO_ESP ||
	    p->tmpl.id.spi != 0 || p->tmpl.family != sel.family)
		return "template";
	if (memcmp(&p->tmpl.saddr, &any, sizeof(any)) != 0 ||
	    memcmp(&p->tmpl.id.daddr, &any, sizeof(any)) != 0)
		return "addresses of the template";
	if (p->tmpl.mode != XFRM_MODE_TRANSPORT || p->tmpl.optional != 0)
		return "mode or level";
	return p->tmpl.reqid == w->reqid ? NULL : "reqid";
}

/* Name, lengths and key of the AEAD attribute. */
static int
take_aead(struct nlattr *at, struct sa_have *out)
{
	struct xfrm_algo_aead a;
	size_t len = (size_t)nla_len(at), key_len;

	if (len < sizeof(a))
		return -EBADMSG;
	memcpy(&a, nla_data(at), sizeof(a));
	key_len = ((size_t)a.alg_key_len + 7) / 8;
	if (memchr(a.alg_name, 0, sizeof(a.alg_name)) == NULL ||
	    key_len > len - sizeof(a))
		return -EBADMSG;
	memcpy(out->alg, a.alg_name, sizeof(out->alg));
	out->key_bits = a.alg_key_len;
	out->icv_bits = a.alg_icv_len;
	if (key_len == sizeof(out->key))
		memcpy(out->key, (const uint8_t *)nla_data(at) + sizeof(a),
		    key_len);
	return 0;
}

static int
take_replay(struct nlattr *at, struct sa_have *out)
{
	struct xfrm_replay_state_esn r;

	if ((size_t)nla_len(at) < sizeof(r))
		return -EBADMSG;
	memcpy(&r, nla_data(at), sizeof(r));
	out->replay = r.replay_window;
	return 0;
}

int
xr_sa(const struct nlmsghdr *h, struct sa_have *out)
{
	static const int odd[] = { XFRMA_ALG_AUTH, XFRMA_ALG_AUTH_TRUNC,
		XFRMA_ALG_CRYPT, XFRMA_ALG_COMP, XFRMA_ENCAP, XFRMA_COADDR,
		XFRMA_MARK, XFRMA_SET_MARK, XFRMA_IF_ID, XFRMA_TFCPAD,
		XFRMA_OFFLOAD_DEV, 0 };
	struct nlattr *tb[XFRMA_MAX + 1];

	memset(out, 0, sizeof(*out));
	if (h->nlmsg_type != XFRM_MSG_NEWSA ||
	    split(h, &out->info, sizeof(out->info), tb))
		return -EBADMSG;
	out->plain = !has_any(tb, odd);
	out->replay = out->info.replay_window;
	if (tb[XFRMA_REPLAY_ESN_VAL] != NULL &&
	    take_replay(tb[XFRMA_REPLAY_ESN_VAL], out))
		return -EBADMSG;
	if (tb[XFRMA_ALG_AEAD] != NULL && take_aead(tb[XFRMA_ALG_AEAD], out))
		return -EBADMSG;
	return 0;
}

bool
sa_is_ours(const struct xfrm_usersa_info *s, uint8_t *slot, uint8_t *cls)
{
	/* SPI 0: a larval SA, the kernel's note that it has asked for one. */
	return s->id.proto == IPPROTO_ESP && s->id.spi != 0 &&
	       s->mode == XFRM_MODE_TRANSPORT &&
	       reqid_split(s->reqid, slot, cls);
}

/* A locked-down kernel gives zeros for keys; ours are never zeros. */
static bool
key_is_same(const struct sa_have *s, const struct sa_want *w)
{
	static const uint8_t zero[GCM_KEYMAT_LEN];

	return secret_eq(s->key, w->key, GCM_KEYMAT_LEN) ||
	       secret_eq(s->key, zero, GCM_KEYMAT_LEN);
}

static bool
limits_are_same(const struct xfrm_lifetime_cfg *l, const struct sa_want *w)
{
	uint64_t soft = w->soft_packets ? w->soft_packets : XFRM_INF;
	uint64_t hard = w->hard_packets ? w->hard_packets : XFRM_INF;

	return l->soft_packet_limit == soft && l->hard_packet_limit == hard &&
	       l->soft_byte_limit == XFRM_INF &&
	       l->hard_byte_limit == XFRM_INF &&
	       l->soft_add_expires_seconds == w->soft_s &&
	       l->hard_add_expires_seconds == w->hard_s &&
	       l->soft_use_expires_seconds == 0 &&
	       l->hard_use_expires_seconds == 0;
}

const char *
sa_differs(const struct sa_have *s, const struct sa_want *w, bool lifetimes)
{
	struct xfrm_selector sel;
	struct addr src, dst;

	xm_selector(&sel, &w->src, &w->dst);
	if (memcmp(&sel, &s->info.sel, sizeof(sel)) != 0)
		return "selector";
	if (s->info.family != sel.family ||
	    xr_addr(s->info.family, &s->info.saddr, &src) ||
	    xr_addr(s->info.family, &s->info.id.daddr, &dst) ||
	    !addr_eq(&src, &w->src) || !addr_eq(&dst, &w->dst))
		return "address";
	if (s->info.id.spi != htonl(w->spi) || s->info.id.proto != IPPROTO_ESP)
		return "SPI or protocol";
	if (s->info.reqid != w->reqid)
		return "reqid";
	if (s->info.mode != XFRM_MODE_TRANSPORT || s->info.flags != 0 ||
	    !s->plain)
		return "mode, flags or an extra attribute";
	if (strcmp(s->alg, "rfc4106(gcm(aes))") != 0 ||
	    s->key_bits != GCM_KEYMAT_LEN * 8 || s->icv_bits != GCM_TAG_LEN * 8)
		return "algorithm";
	if (s->replay != w->replay)
		return "replay window";
	if (lifetimes && !limits_are_same(&s->info.lft, w))
		return "lifetime";
	return key_is_same(s, w) ? NULL : "key";
}

static int
take_acquire(const struct nlmsghdr *h, struct xr_event *out)
{
	struct nlattr *tb[XFRMA_MAX + 1];
	struct xfrm_user_acquire a;
	struct xfrm_user_tmpl t;
	uint8_t cls;

	if (split(h, &a, sizeof(a), tb))
		return -EBADMSG;
	if (tb[XFRMA_TMPL] == NULL ||
	    (size_t)nla_len(tb[XFRMA_TMPL]) < sizeof(t))
		return 0;
	memcpy(&t, nla_data(tb[XFRMA_TMPL]), sizeof(t));
	if (!reqid_split(t.reqid, &out->slot, &cls))
		return 0;
	if (xr_addr(a.sel.family, &a.id.daddr, &out->dst))
		return -EBADMSG;
	out->kind = XR_ACQUIRE;
	return 0;
}

static int
take_expire(const struct nlmsghdr *h, struct xr_event *out)
{
	struct nlattr *tb[XFRMA_MAX + 1];
	struct xfrm_user_expire e;
	uint8_t cls;

	if (split(h, &e, sizeof(e), tb))
		return -EBADMSG;
	if (!sa_is_ours(&e.state, &out->slot, &cls))
		return 0;
	if (xr_addr(e.state.family, &e.state.id.daddr, &out->dst))
		return -EBADMSG;
	out->kind = XR_EXPIRE;
	out->spi = ntohl(e.state.id.spi);
	out->hard = e.hard != 0;
	return 0;
}

int
xr_event(const struct nlmsghdr *h, struct xr_event *out)
{
	memset(out, 0, sizeof(*out));
	switch (h->nlmsg_type) {
	case XFRM_MSG_ACQUIRE:
		return take_acquire(h, out);
	case XFRM_MSG_EXPIRE:
		return take_expire(h, out);
	default:
		return 0;
	}
}
