/* SPDX-License-Identifier: ISC */
#include "tests/bench/lib/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/ike/hdr.h"
#include "keymgrd/core/edge.h"
#include "keymgrd/core/ike/sk.h"
#include "keymgrd/core/km.h"
#include "policyd/core/answer.h"
#include "tests/bench/lib/evpsum.h"
#include "tests/bench/lib/joiner.h"
#include "tests/bench/lib/sign.h"

#define GROUP "ops-net"
#define PSK "a pre-shared key for benches"
#define HQ "hq"
#define QUEUE 32
#define SLOT 3
#define OUT_MAX 16384

/* Something a core is still to be told, with octets of its own. */
struct pending {
	struct km_in in;
	uint8_t octets[1024];
};

struct side {
	struct km_conf conf;
	struct km *km;
	struct fx *fx;
	struct pending q[QUEUE];
	size_t n, next;
	/* What it sent and nobody has read yet. */
	uint8_t out[OUT_MAX];
	size_t out_len;
};

struct bworld {
	struct ca *ca;
	struct side gcks, gm;
	struct pol_host host;
	struct leaf own;	 /* of the server */
	const struct leaf *leaf; /* of the member */
	struct endpoint hq, peer;
	uint64_t now_ms;
	double us;
	size_t octets;
};

static int
draw(void *arg, void *out, size_t len)
{
	(void)arg;
	return crypto_rand(out, len);
}

static struct pending *
queue(struct side *s, enum km_ev ev)
{
	struct pending *p;

	must(s->n < QUEUE);
	p = &s->q[s->n++];
	p->in = (struct km_in){ .ev = ev };
	return p;
}

static struct chunk
keep(struct pending *p, struct chunk c)
{
	must(c.len <= sizeof(p->octets));
	if (c.len > 0)
		memcpy(p->octets, c.p, c.len);
	return (struct chunk){ p->octets, c.len };
}

static void
emit(struct bworld *w, struct side *s, struct chunk msg)
{
	must(msg.len <= sizeof(s->out) - s->out_len);
	memcpy(s->out + s->out_len, msg.p, msg.len);
	s->out_len += msg.len;
	w->octets += msg.len;
}

/* A kernel that does what it is told. */
static void
sa_done(struct side *s, const struct km_fx *e)
{
	struct pending *p = queue(s, KM_EV_SA);

	p->in.sa.req = e->sa.req;
	p->in.sa.status = ST_OK;
}

/* -- the server: its policyd is a core ---------------------------------- */

static int
from_policyd(void *arg, const struct msg *m)
{
	struct bworld *w = arg;
	struct pending *p = queue(&w->gcks, KM_EV_SIGNED);

	must(km_in_msg(m, &p->in) == 0);
	if (m->type == MSG_AUTH_SIGNED)
		p->in.sig.auth = keep(p, p->in.sig.auth);
	else
		p->in.checked.identity = keep(p, p->in.checked.identity);
	return 0;
}

static void
ask_policyd(struct bworld *w, const struct km_fx *e)
{
	struct pol_out out = { .send = from_policyd, .arg = w };
	enum peer to;
	struct msg m;

	must(km_fx_msg(e, ROLE_SENDER, &m, &to) && to == PEER_POLICYD);
	must(pol_answer_keymgrd(&w->host, SLOT, &m, &out) == 0);
}

static void
gcks_effect(struct bworld *w, const struct km_fx *e)
{
	switch (e->kind) {
	case KM_FX_SEND:
		emit(w, &w->gcks, e->send.data);
		break;
	case KM_FX_SIGN:
	case KM_FX_CHECK:
		ask_policyd(w, e);
		break;
	case KM_FX_SA_INSTALL:
	case KM_FX_SA_DELETE:
		sa_done(&w->gcks, e);
		break;
	default: /* state, notes: the shell's, and no cost of the cores */
		break;
	}
}

/* -- the member: its policyd is played ---------------------------------- */

static void
gm_sign(struct bworld *w, const struct km_fx *e)
{
	struct signer by = { w->leaf,
		{ (const uint8_t *)PSK, sizeof(PSK) - 1 } };
	struct signed_parts parts = { (enum prf_alg)e->sign.prf,
		e->sign.own_init, e->sign.peer_nonce, e->sign.maced_id };
	struct pending *p = queue(&w->gm, KM_EV_SIGNED);
	struct sign_auth a;

	sign_make(&by, &parts, &a);
	p->in.sig.req = e->sign.req;
	p->in.sig.ok = true;
	p->in.sig.method = a.method;
	p->in.sig.auth = keep(p, (struct chunk){ a.data, a.len });
}

static void
gm_check(struct bworld *w, const struct km_fx *e)
{
	struct pending *p = queue(&w->gm, KM_EV_CHECKED);

	p->in.checked.req = e->check.req;
	p->in.checked.verdict = AV_OK;
	p->in.checked.admit = ADMIT_SEND;
	p->in.checked.valid_s = UINT32_MAX;
}

static void
gm_effect(struct bworld *w, const struct km_fx *e)
{
	switch (e->kind) {
	case KM_FX_SEND:
		emit(w, &w->gm, e->send.data);
		break;
	case KM_FX_SIGN:
		gm_sign(w, e);
		break;
	case KM_FX_CHECK:
		gm_check(w, e);
		break;
	case KM_FX_SA_INSTALL:
	case KM_FX_SA_DELETE:
		sa_done(&w->gm, e);
		break;
	default:
		break;
	}
}

/* -- steps -------------------------------------------------------------- */

/* One event, and all that follows from it without the network. */
static void
feed(struct bworld *w, struct side *s, const struct km_in *first)
{
	struct km_in in = *first;

	s->n = s->next = 0;
	for (;;) {
		in.now_ms = w->now_ms;
		must(km_step(s->km, &in, s->fx) == 0);
		for (size_t i = 0; i < fx_count(s->fx); i++)
			if (s == &w->gcks)
				gcks_effect(w, fx_at(s->fx, i));
			else
				gm_effect(w, fx_at(s->fx, i));
		fx_reset(s->fx);
		if (s->next == s->n)
			return;
		in = s->q[s->next++].in;
	}
}

static void
feed_dgram(struct bworld *w, struct side *s, struct chunk msg)
{
	struct km_in in = { .ev = KM_EV_DGRAM };
	double from = cpu_us();

	in.dgram.local = s == &w->gcks ? w->hq : w->peer;
	in.dgram.peer = s == &w->gcks ? w->peer : w->hq;
	in.dgram.data = msg;
	feed(w, s, &in);
	if (s == &w->gcks)
		w->us += cpu_us() - from;
}

/* What one side has sent goes to the other; false: nothing. */
static bool
carry(struct bworld *w, struct side *from, struct side *to)
{
	uint8_t buf[OUT_MAX];
	struct chunk rest = { buf, from->out_len }, m;

	memcpy(buf, from->out, from->out_len);
	from->out_len = 0;
	while (sk_next(&rest, &m))
		feed_dgram(w, to, m);
	return rest.p != buf;
}

/* -- set-up ------------------------------------------------------------- */

static size_t
dn_id(const char *name, const struct leaf *leaf, uint8_t *id)
{
	memset(id, 0, 4);
	id[0] = POL_ID_DER_ASN1_DN;
	if (leaf == NULL)
		return 4 + ca_dn(name, id + 4);
	memcpy(id + 4, leaf->dn, leaf->dn_len);
	return 4 + leaf->dn_len;
}

static void
conf_common(struct km_conf *c, enum role role, const struct leaf *leaf)
{
	*c = (struct km_conf){ .slot = SLOT,
		.role = role,
		.name = GROUP,
		.group_id = GROUP,
		.group_id_len = sizeof(GROUP) - 1,
		.port = 848,
		.lifetime_s = 8 * 3600,
		.atd_ms = 2000,
		.dtd_ms = 30000,
		.n_addr = 1,
		.suite = SUITE_DEFAULT,
		.fragment = 1280,
		.instance = 1 };
	c->own_id_len =
	    dn_id(role == ROLE_SENDER ? HQ : "gm-000000", leaf, c->own_id);
	must(addr_parse(&c->addr[0].dst, "239.192.10.1") == 0);
	c->addr[0].port_lo = 5000;
	c->addr[0].port_hi = 5010;
	if (leaf == NULL)
		return;
	must(leaf->der_len <= sizeof(c->certs));
	memcpy(c->certs, leaf->der, leaf->der_len);
	c->cert_len[0] = leaf->der_len;
	c->n_cert = 1;
}

static void
gcks_start(struct bworld *w, const struct leaf *leaf)
{
	struct km_ops ops = { .rand = draw };
	struct km_in in = { .ev = KM_EV_START };
	struct km_conf *c = &w->gcks.conf;

	conf_common(c, ROLE_SENDER, leaf);
	c->half_open_max = 1024;
	c->members_max = 16384;
	c->addr[0].src = w->hq.addr;
	must((w->gcks.km = km_new(c, &ops)) != NULL);
	feed(w, &w->gcks, &in);
	w->gcks.out_len = 0;
}

static void
note_nothing(const struct pol_note *n)
{
	(void)n;
}

#define POLICY(auth)                                                           \
	"host {\n"                                                             \
	"  identity = \"CN=hq,O=Example\"\n"                                   \
	"  listen = { \"10.77.0.1\" }\n" auth "}\n"                            \
	"peer hq {\n"                                                          \
	"  identity = \"CN=hq,O=Example\"\n"                                   \
	"  address = { \"10.77.0.1\" }\n"                                      \
	"}\n"                                                                  \
	"group " GROUP " {\n"                                                  \
	"  address = { \"239.192.10.1\" }\n"                                   \
	"  ports = \"5000-5010\"\n"                                            \
	"  role = sender\n"                                                    \
	"  designated = { hq }\n"                                              \
	"  senders = { \"CN=hq,O=Example\" }\n"                                \
	"  receivers = { \"CN=gm-*,O=Example\" }\n"                            \
	"}\n"

static struct policy *
policy_new(bool certs)
{
	const char *text =
	    certs ? POLICY(
			"certificate = \"c\" key = \"k\" anchors = { \"a\" }\n")
		  : POLICY("psk = \"psk\"\n");
	struct diag d = { 0 };
	struct policy *p;

	if (policy_load(&p, text, strlen(text), &d) == 0)
		return p;
	fprintf(
	    stderr, "world.c, policy, line %u: %s\n", d.v[0].line, d.v[0].text);
	exit(1);
}

static int64_t
today(void)
{
	return time(NULL);
}

static struct chunk
text_chunk(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

static void
creds_load(struct bworld *w)
{
	struct pol_creds *c = &w->host.creds;
	struct chunk der = { w->own.der, w->own.der_len };
	char *cert = cert_pem(der), *key = leaf_key_pem(&w->own);
	char *anchor = cert_pem(ca_cert(w->ca));
	const char *why;

	must(x509_init() == 0 && sig_init() == 0);
	must((c->trust = x509_trust_new(false)) != NULL);
	must(x509_trust_anchors(c->trust, text_chunk(anchor), &why) == 0);
	must(x509_own_new(&c->own, text_chunk(cert), &why) == 0);
	must(x509_own_key(c->own, text_chunk(key), &why) == 0);
	free(cert);
	free(key);
	free(anchor);
}

static void
policyd_start(struct bworld *w)
{
	w->host = (struct pol_host){ .pol = policy_new(w->ca != NULL),
		.slots = { .slot = { SLOT }, .joined = { true } },
		.now = today,
		.note = note_nothing };
	if (w->ca != NULL) {
		creds_load(w);
		return;
	}
	w->host.creds.psk = secret_from(PSK, sizeof(PSK) - 1);
	must(w->host.creds.psk != NULL);
}

struct bworld *
bworld_new(struct ca *ca)
{
	struct bworld *w = calloc(1, sizeof(*w));

	must(w != NULL);
	w->ca = ca;
	w->now_ms = 1000;
	w->hq.port = w->peer.port = 848;
	must(addr_parse(&w->hq.addr, "10.77.0.1") == 0);
	must(addr_parse(&w->peer.addr, "10.77.0.2") == 0);
	if (ca != NULL)
		ca_leaf(ca, HQ, NULL, &w->own);
	must((w->gcks.fx = fx_new()) != NULL);
	must((w->gm.fx = fx_new()) != NULL);
	policyd_start(w);
	gcks_start(w, ca != NULL ? &w->own : NULL);
	return w;
}

void
bworld_free(struct bworld **wp)
{
	struct bworld *w = *wp;
	struct policy *p;

	memcpy(&p, &w->host.pol, sizeof(p)); /* ours: drop the const */
	policy_free(&p);
	secret_free(&w->host.creds.psk);
	x509_own_free(&w->host.creds.own);
	x509_trust_free(&w->host.creds.trust);
	km_free(&w->gcks.km);
	fx_free(&w->gcks.fx);
	fx_free(&w->gm.fx);
	leaf_fini(&w->own);
	free(w);
	*wp = NULL;
}

double
bworld_us(const struct bworld *w)
{
	return w->us;
}

/* -- registrations ------------------------------------------------------ */

size_t
bworld_register(struct bworld *w, const struct leaf *leaf)
{
	struct km_ops ops = { .rand = draw };
	struct km_in in = { .ev = KM_EV_START };
	struct km_status st;
	struct km_conf *c = &w->gm.conf;

	conf_common(c, ROLE_RECEIVER, leaf);
	c->n_gcks = 1;
	memcpy(c->gcks[0].name, HQ, sizeof(HQ));
	c->gcks[0].id_len = dn_id(HQ, NULL, c->gcks[0].id);
	c->gcks[0].local = w->peer.addr;
	c->gcks[0].peer = w->hq;
	c->gcks[0].exchange = GSA_AUTH;
	w->leaf = leaf;
	w->now_ms++;
	w->octets = 0;
	must((w->gm.km = km_new(c, &ops)) != NULL);
	feed(w, &w->gm, &in);
	while (carry(w, &w->gm, &w->gcks) || carry(w, &w->gcks, &w->gm))
		;
	km_status(w->gm.km, w->now_ms, &st);
	must(st.state == GS_KEYED);
	km_free(&w->gm.km);
	return w->octets;
}

size_t
bworld_play(struct bworld *w, const struct leaf *leaf)
{
	struct joiner_conf conf = { .suite = SUITE_DEFAULT,
		.sender_ids = -1,
		.fragment = 1280 - 28,
		.group = { (const uint8_t *)GROUP, sizeof(GROUP) - 1 },
		.psk = { (const uint8_t *)PSK, sizeof(PSK) - 1 } };
	static struct joiner j;
	uint8_t buf[OUT_MAX];
	struct chunk rest, m;
	size_t octets;

	if (w->ca != NULL)
		conf.anchor = ca_cert(w->ca);
	w->now_ms++;
	joiner_start(&j, &conf, leaf, leaf != NULL ? leaf->name : "gm-000000");
	while (!joiner_over(&j)) {
		rest = (struct chunk){ j.out, j.out_len };
		while (sk_next(&rest, &m))
			feed_dgram(w, &w->gcks, m);
		must(w->gcks.out_len > 0);
		memcpy(buf, w->gcks.out, w->gcks.out_len);
		rest = (struct chunk){ buf, w->gcks.out_len };
		w->gcks.out_len = 0;
		while (sk_next(&rest, &m))
			joiner_input(&j, m);
	}
	must(j.state == JN_DONE);
	octets = j.octets;
	joiner_fini(&j);
	return octets;
}
