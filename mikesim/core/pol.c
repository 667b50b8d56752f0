/* SPDX-License-Identifier: ISC */
/* policyd's shell: the policy's text, credentials, what its database holds. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mikesim/core/site.h"

#define TEXT_ROOM 65536

/* -- the policy, as text, for the parser that the daemon has -------------- */

struct text_buf {
	char *p;
	size_t len;
};

static void PRINTF_LIKE(2, 3) put(struct text_buf *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p + t->len, TEXT_ROOM - t->len, fmt, ap);
	va_end(ap);
	must(n >= 0 && (size_t)n < TEXT_ROOM - t->len);
	t->len += (size_t)n;
}

static void
put_host(struct text_buf *t, const struct scene *sc, uint32_t no)
{
	char name[SCENE_HOST_NAME], addr[ADDR_STRLEN];
	struct addr a;

	addr_of_host(sc, no, &a);
	put(t, "host {\nidentity = \"CN=%s,O=Example\"\nlisten = { \"%s\" }\n",
	    scene_host_name(sc, no, name), addr_text(&a, addr));
	put(t, "%s\n",
	    sc->psk ? "psk = \"psk\""
		    : "certificate = \"c\"\nkey = \"k\"\nanchors = { \"a\" }");
	if (sc->ppk)
		put(t, "ppk = \"ppk\"\nppk-id = \"sim\"\n");
	put(t, "fragment = %u\ncookie-above = %u\nport = %u\n}\n", sc->fragment,
	    sc->cookie_above, SIM_PORT);
}

static void
put_peer(struct text_buf *t, const struct scene *sc, uint32_t no)
{
	char name[SCENE_HOST_NAME], addr[ADDR_STRLEN];
	struct addr a;

	addr_of_host(sc, no, &a);
	scene_host_name(sc, no, name);
	put(t,
	    "peer \"%s\" {\nidentity = \"CN=%s,O=Example\"\n"
	    "address = { \"%s\" }\n}\n",
	    name, name, addr_text(&a, addr));
}

static void
put_receivers(struct text_buf *t, const struct scene *sc)
{
	const char *sep = "";

	put(t, "receivers = { ");
	for (size_t i = 0; i < sc->n_recv; i++) {
		if (sc->recv[i].hostile)
			continue;
		put(t, "%s\"CN=%s-*,O=Example\"", sep, sc->recv[i].name);
		sep = ", ";
	}
	/* A policy without any receiver: one that nobody is. */
	put(t, "%s }\n", *sep == '\0' ? "\"CN=nobody\"" : "");
}

static void
put_group(struct text_buf *t, const struct scene *sc, enum role role,
    const char *designated)
{
	put(t,
	    "group \"" SIM_GROUP "\" {\naddress = { \"%s\" }\n"
	    "ports = \"5000-5010\"\nrole = %s\ndesignated = { %s }\n"
	    "senders = { \"CN=%s-*,O=Example\" }\n",
	    sc->ipv6 ? "ff15::4d49:1" : "239.192.10.1",
	    role == ROLE_SENDER ? "sender" : "receiver", designated,
	    sc->sender_name);
	put_receivers(t, sc);
	put(t,
	    "suite = %s\nlifetime = %us\natd = %us\ndtd = %us\n"
	    "members-max = %u\nhalf-open-max = %u\nper-source-rate = %u\n}\n",
	    sc->suite == SUITE_CNSA ? "cnsa" : "default", sc->lifetime_s,
	    sc->atd_s, sc->dtd_s, sc->members_max, sc->half_open_max,
	    sc->source_rate);
}

/* Its own sender, then the next ones, as far as the section knows them. */
static void
put_servers(struct text_buf *t, const struct site *s, const struct kind *k,
    char *list, size_t size)
{
	const struct scene *sc = s->sim->scene;
	uint32_t n = k->recv != NULL ? k->recv->servers : sc->senders;
	char name[SCENE_HOST_NAME];
	size_t len = 0;

	for (uint32_t i = 0; i < n && i < sc->senders; i++) {
		uint32_t no = (s->no + i) % sc->senders;

		put_peer(t, sc, no);
		if (i >= POL_DESIGNATED_MAX)
			continue;
		len += (size_t)snprintf(list + len, size - len, "%s\"%s\"",
		    i > 0 ? ", " : "", scene_host_name(sc, no, name));
		must(len < size);
	}
}

static int
policy_make(struct site *s, struct kind *k)
{
	const struct scene *sc = s->sim->scene;
	uint32_t no = s->no;
	struct text_buf t = { calloc(1, TEXT_ROOM), 0 };
	char list[POL_DESIGNATED_MAX * (SCENE_HOST_NAME + 4)];
	struct diag d = { 0 };
	int r;

	if (t.p == NULL)
		return -ENOMEM;
	if (k->n > 0)
		no = s->host[k->first].no;
	put_host(&t, sc, no);
	put_servers(&t, s, k, list, sizeof(list));
	put_group(&t, sc, k->role, list);
	r = policy_load(&k->pol, t.p, t.len, &d);
	if (r != 0 && d.n > 0)
		show_note(s, &s->host[0], SD_POLICYD, 3, "policy",
		    (struct chunk){
			(const uint8_t *)d.v[0].text, strlen(d.v[0].text) });
	free(t.p);
	return r;
}

/* -- credentials ---------------------------------------------------------- */

static int
trust_make(struct site *s, struct kind *k)
{
	char *pem = cert_pem(ca_cert(s->ca));
	const char *why;
	int r = -ENOMEM;

	x509_trust_free(&k->pd.creds.trust);
	k->pd.creds.trust = x509_trust_new(false);
	if (k->pd.creds.trust != NULL)
		r = x509_trust_anchors(k->pd.creds.trust,
		    (struct chunk){ (const uint8_t *)pem, strlen(pem) }, &why);
	free(pem);
	return r;
}

static void
own_make(struct site *s, const struct host *h, struct own *o)
{
	char name[SCENE_HOST_NAME], *cert;
	uint8_t seed[CA_SEED_LEN];
	const char *why;
	struct leaf leaf;
	struct rng r;

	rng_init(&r, s->sim->scene->seed, RNG_PKI, h->no + 1ull);
	rng_fill(&r, seed, sizeof(seed));
	ca_leaf(
	    s->ca, scene_host_name(s->sim->scene, h->no, name), seed, &leaf);
	cert = cert_pem((struct chunk){ leaf.der, leaf.der_len });
	must(x509_own_new(&o->x,
		 (struct chunk){ (const uint8_t *)cert, strlen(cert) },
		 &why) == 0);
	must(x509_own_pkey(o->x, leaf.key, &why) == 0);
	leaf.key = NULL;
	o->der = x509_own_der(o->x, 0);
	free(cert);
	leaf_fini(&leaf);
}

const struct own *
pol_own(struct site *s, struct host *h)
{
	if (h->own == NULL && s->ca != NULL) {
		must((h->own = calloc(1, sizeof(*h->own))) != NULL);
		s->n_own++;
		own_make(s, h, h->own);
		site_turn(s, h);
	}
	return h->own;
}

void
pol_own_drop(struct site *s, struct host *h)
{
	if (h->own == NULL)
		return;
	x509_own_free(&h->own->x);
	free(h->own);
	h->own = NULL;
	s->n_own--;
}

/* -- what is outside of its core ------------------------------------------ */

static int
store_join(void *arg, const char *group, bool joined)
{
	(void)arg;
	(void)group;
	sim_here->cur->joined = joined;
	return 0;
}

static int
instance_new(void *arg, uint8_t slot, uint16_t *n, uint16_t *done)
{
	struct host *h = sim_here->cur;

	(void)arg;
	(void)slot;
	if (h->instance == UINT16_MAX)
		return -ERANGE;
	*n = (uint16_t)(h->instance + 1);
	*done = h->done;
	return 0;
}

static int
instance_done(void *arg, uint8_t slot, uint16_t n)
{
	struct host *h = sim_here->cur;

	(void)arg;
	(void)slot;
	if (n != h->instance)
		return -ESTALE;
	h->done = n;
	return 0;
}

static int64_t
utc(void)
{
	return host_utc(sim_here, sim_here->cur);
}

static void
note(const struct pol_note *n)
{
	struct site *s = sim_here;
	char text[DN_TEXT_MAX + 200];
	int len;

	s->refused += n->warn;
	if (!is_shown(s))
		return;
	len = snprintf(text, sizeof(text), "cause=\"%s\" %s=\"%s\"", n->why,
	    n->claimed ? "claimed" : "identity", n->identity);
	if (len > 0)
		show_note(s, s->cur, SD_POLICYD, n->warn ? 4 : 6, n->token,
		    (struct chunk){ (const uint8_t *)text, strlen(text) });
}

int
pol_shell_new(struct site *s, struct kind *k)
{
	int r;

	k->pd = (struct pol_host){ .slots = { .slot = { SIM_SLOT } },
		.boot = s->sim->boot,
		.store = { .join = store_join,
		    .instance_new = instance_new,
		    .instance_done = instance_done },
		.now = utc,
		.note = note };
	k->pd.creds.psk = s->sim->psk;
	k->pd.creds.ppk = s->sim->ppk;
	if ((r = policy_make(s, k)) != 0 ||
	    (s->ca != NULL && (r = trust_make(s, k)) != 0))
		return r;
	k->pd.pol = k->pol;
	return 0;
}

void
pol_shell_free(struct kind *k)
{
	policy_free(&k->pol);
	x509_trust_free(&k->pd.creds.trust);
}

/* What it had learnt of others' certificates dies with a sender's. */
void
pol_shell_restart(struct site *s, struct host *h)
{
	if (h->kind == 0 && s->ca != NULL && trust_make(s, &s->kind[0]) != 0)
		site_fail(s, -ENOMEM);
}

/* -- requests ------------------------------------------------------------- */

static int
answer(void *arg, const struct msg *m)
{
	const enum peer *to = arg;

	ipc_send(sim_here, PEER_POLICYD, *to, m);
	return 0;
}

void
pol_shell_msg(
    struct site *s, struct host *h, enum peer from, const struct msg *m)
{
	struct kind *k = &s->kind[h->kind];
	struct pol_out out = { answer, &from };
	uint64_t begin = s->sim->o.clock_ns != NULL ? s->sim->o.clock_ns() : 0;
	int r;

	if (m->type == MSG_AUTH_SIGN || m->type == MSG_AUTH_CHECK ||
	    (m->type == MSG_CONF_GET && (h->kind == 0 || !k->conf_known)))
		(void)pol_own(s, h);
	if (from == PEER_GROUPD)
		r = pol_answer_groupd(&k->pd, m, &out);
	else
		r = pol_answer_keymgrd(&k->pd, SIM_SLOT, m, &out);
	must(r == 0);
	if (s->sim->o.clock_ns != NULL)
		s->cpu_ns[h->kind == 0 ? SD_POLICYD : SIM_DAEMONS] +=
		    s->sim->o.clock_ns() - begin;
}
