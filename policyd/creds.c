/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>

#include "policyd/creds.h"

#define PEM_MAX (256u << 10)
#define CRLS_MAX (4u << 20)

struct load {
	struct pol_creds *c;
	const struct policy *p;
	const char *confdir;
	char *err;
};

static int
blame(const struct load *l, const char *opt, const char *path, const char *why)
{
	bool whole = *path == '/';

	snprintf(l->err, FILE_ERR_MAX, "%s %s%s%s: %s", opt,
	    whole ? "" : l->confdir, whole ? "" : "/", path, why);
	return -EINVAL;
}

static int
get(const struct load *l, const char *opt, const char *path,
    struct file_buf *out)
{
	struct file_want w = { l->confdir, opt, path, PEM_MAX, false };

	return file_read(out, &w, l->err);
}

static struct chunk
chunk_of(const struct file_buf *b)
{
	return (struct chunk){ b->p, b->len };
}

/* What goes on the network as IDi or IDr must be in the certificate. */
static int
check_subject(const struct load *l, const char *path)
{
	struct chunk subject = x509_subject(x509_own_chain(l->c->own));
	char is[DN_TEXT_MAX], want[DN_TEXT_MAX], why[FILE_ERR_MAX / 2];

	if (dn_eq(subject, policy_der(&l->p->id)))
		return 0;
	(void)!dn_text(subject, is, sizeof(is));
	(void)!dn_text(policy_der(&l->p->id), want, sizeof(want));
	snprintf(why, sizeof(why),
	    "its subject is \"%.200s\", the host's identity is \"%.200s\": "
	    "make them the same",
	    is, want);
	return blame(l, "certificate", path, why);
}

static int
load_own(const struct load *l)
{
	const char *cert = l->p->cert_path, *key = l->p->key_path, *why;
	struct file_want w = { l->confdir, "key", key, PEM_MAX, true };
	struct file_buf b;
	int r;

	if ((r = get(l, "certificate", cert, &b)))
		return r;
	if ((r = x509_own_new(&l->c->own, chunk_of(&b), &why)))
		r = blame(l, "certificate", cert, why);
	file_wipe(&b);
	if (r || (r = check_subject(l, cert)) ||
	    (r = file_read(&b, &w, l->err)))
		return r;
	if (x509_own_key(l->c->own, chunk_of(&b), &why))
		r = blame(l, "key", key, why);
	file_wipe(&b);
	return r;
}

static int
load_trust(const struct load *l)
{
	const struct pol_files *f = &l->p->anchors;
	struct file_buf b;
	const char *why;
	int r = 0;

	l->c->trust = x509_trust_new(l->p->crl_required);
	if (l->c->trust == NULL) {
		snprintf(l->err, FILE_ERR_MAX, "anchors: out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < f->n; i++) {
		if ((r = get(l, "anchors", f->path[i], &b)))
			return r;
		if (x509_trust_anchors(l->c->trust, chunk_of(&b), &why))
			r = blame(l, "anchors", f->path[i], why);
		file_wipe(&b);
		if (r)
			return r;
	}
	f = &l->p->crls;
	for (size_t i = 0; i < f->n; i++) {
		struct file_want w = { l->confdir, "crls", f->path[i], CRLS_MAX,
			false };

		if ((r = file_read(&b, &w, l->err)))
			return r;
		if (x509_trust_crls(l->c->trust, chunk_of(&b), &why))
			r = blame(l, "crls", f->path[i], why);
		file_wipe(&b);
		if (r)
			return r;
	}
	return 0;
}

/* A group that asks for more than the certificates give. */
static int
check_suites(const struct load *l)
{
	const char *why = NULL;

	if (!x509_is_p384(x509_own_chain(l->c->own)))
		why = "the host's certificates are not all P-384, signed with "
		      "SHA-384";
	else if (!x509_trust_has(l->c->trust, SIG_P384))
		why = "no anchor has a P-384 key";
	for (size_t i = 0; why != NULL && i < l->p->n_group; i++)
		if (l->p->group[i].suite == SUITE_CNSA) {
			snprintf(l->err, FILE_ERR_MAX,
			    "group %s: suite = cnsa, but %s: take such ones, "
			    "or suite = default",
			    l->p->group[i].name, why);
			return -EINVAL;
		}
	return 0;
}

/* Sign, verify and check once: what that loads is loaded now. */
static int
try_out(const struct load *l, int64_t now)
{
	static const uint8_t octets[16];
	const struct chunk one = { octets, sizeof(octets) };
	const struct chunk in[SIG_PARTS] = { one, one, one };
	const struct x509_chain *chain = x509_own_chain(l->c->own);
	uint8_t auth[SIG_AUTH_MAX];
	const char *why;
	uint32_t valid_s;
	size_t len;

	if (sig_make(
		x509_own_signer(l->c->own), UINT8_MAX, in, auth, &len, &why) ||
	    sig_check(
		x509_key(chain), (struct chunk){ auth, len }, false, in, &why))
		return blame(l, "key", l->p->key_path, "cannot sign");
	/* Others' anchors need not be ours: either answer is fine. */
	if (x509_check(l->c->trust, chain, now, false, &valid_s, &why))
		return 0;
	return 0;
}

static void
say_old(const struct load *l, int64_t now, void (*warn)(const char *line))
{
	const char *why = x509_chain_warning(x509_own_chain(l->c->own), now);

	if (why != NULL) {
		(void)blame(l, "certificate", l->p->cert_path, why);
		warn(l->err);
	}
	why = x509_trust_warning(l->c->trust, now);
	if (why != NULL) {
		snprintf(l->err, FILE_ERR_MAX, "anchors, crls: %s", why);
		warn(l->err);
	}
}

int
creds_load(struct pol_creds *out, const char *confdir, const struct policy *p,
    int64_t now, void (*warn)(const char *line), char err[FILE_ERR_MAX])
{
	struct pol_creds c = { 0 };
	struct load l = { &c, p, confdir, err };
	int r = 0;

	if (*p->psk_path != '\0')
		r = file_psk(&c.psk, confdir, "psk", p->psk_path, err);
	else if ((r = load_own(&l)) == 0 && (r = load_trust(&l)) == 0 &&
		 (r = check_suites(&l)) == 0 && (r = try_out(&l, now)) == 0)
		say_old(&l, now, warn);
	if (r == 0 && *p->ppk_path != '\0')
		r = file_psk(&c.ppk, confdir, "ppk", p->ppk_path, err);
	if (r)
		creds_free(&c);
	else
		*out = c;
	return r;
}

void
creds_free(struct pol_creds *c)
{
	secret_free(&c->psk);
	secret_free(&c->ppk);
	x509_own_free(&c->own);
	x509_trust_free(&c->trust);
}
