/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_X509_H
#define POLICYD_CORE_X509_H

/*
 * Certificates: what a peer sent, whom this host trusts, and its own.  Pure:
 * octets in, time as a parameter.  Where a function has *why, it is a static
 * string for people when something is wrong.
 */

#include "common/util.h"
#include "ipc/schema.h" /* enum auth_cause */
#include "policyd/core/sig.h"

#define X509_CHAIN_MAX 4 /* with the anchor */
#define X509_DER_MAX 4096
#define X509_ANCHORS_MAX 16
#define X509_CRLS_MAX 64
#define X509_KEYID_LEN 20

/* Whatever OpenSSL allocates for private keys is locked; before the sandbox. */
int x509_init(void) MUST_CHECK;

/* -- what a peer sent ------------------------------------------------------ */

struct x509_chain;

/*
 * Certificates in DER, back to back, leaf first.  Nothing is verified, but
 * all keys and signature algorithms are of the kinds that we use.
 */
enum auth_cause x509_chain_get(
    struct x509_chain **out, struct chunk certs, const char **why) MUST_CHECK;
void x509_chain_free(struct x509_chain **c);

/* Of the leaf; borrowed. */
struct chunk x509_subject(const struct x509_chain *c);
const struct sig_key *x509_key(const struct x509_chain *c);
/*
 * Does the leaf name what the body of an ID payload says: as its subject (a
 * distinguished name) or as a subjectAltName (host, mail or IP address)?
 */
bool x509_binds(const struct x509_chain *c, struct chunk id_body);

/* -- whom this host trusts ------------------------------------------------- */

struct x509_trust;

struct x509_trust *x509_trust_new(bool crl_required); /* NULL: -ENOMEM */
void x509_trust_free(struct x509_trust **t);
/* Every certificate of a PEM file is an anchor.  0 or -EINVAL. */
int x509_trust_anchors(struct x509_trust *t, struct chunk pem, const char **why)
    MUST_CHECK;
/* CRLs, PEM or one in DER; after the anchors.  0 or -EINVAL. */
int x509_trust_crls(struct x509_trust *t, struct chunk file, const char **why)
    MUST_CHECK;
/* SHA-1 of each anchor's public key, as CERTREQ has them. */
struct chunk x509_trust_keyids(const struct x509_trust *t);
bool x509_trust_has(const struct x509_trust *t, enum sig_kind kind);
/* Something of it is not valid now; NULL: all is. */
const char *x509_trust_warning(const struct x509_trust *t, int64_t now);

/*
 * Does the chain lead to an anchor, valid at `now`, with nothing revoked and
 * a leaf that may sign?  p384: with P-384 and SHA-384 all the way.  *valid_s
 * is how long nothing of what was relied on ends.
 */
enum auth_cause x509_check(struct x509_trust *t, const struct x509_chain *c,
    int64_t now, bool p384, uint32_t *valid_s, const char **why) MUST_CHECK;

/*
 * Chains that were believed a while ago: members come back with the same
 * certificates every time their keys end, and after a restart of their sender
 * all of them at once.  Anchors and CRLs never change, so nothing but time
 * can make the answer another one.  A chain is the same when every octet is.
 */
#define X509_KEPT_MAX 512

/* The chain, borrowed, and *valid_s as x509_check() has it; NULL: look. */
const struct x509_chain *x509_kept(const struct x509_trust *t,
    struct chunk certs, int64_t now, bool p384, uint32_t *valid_s);
/*
 * Keep what x509_check() found good, and whose key was shown to be the
 * peer's: a stranger must not push others out.  That is done when it comes
 * for the second time; then *c is taken over.
 */
void x509_keep(struct x509_trust *t, struct x509_chain **c, struct chunk certs,
    int64_t now, bool p384, uint32_t valid_s);

/* -- the host's own -------------------------------------------------------- */

struct x509_own;

/* PEM: leaf, then its issuers in order.  0, -EINVAL or -ENOMEM. */
int x509_own_new(struct x509_own **out, struct chunk pem, const char **why)
    MUST_CHECK;
/* PEM, PKCS #8, not encrypted; must be the leaf's.  0 or -EINVAL. */
int x509_own_key(struct x509_own *o, struct chunk pem, const char **why)
    MUST_CHECK;
/* The same with a key in memory, which is taken over, also on an error. */
int x509_own_pkey(
    struct x509_own *o, struct evp_pkey_st *pkey, const char **why) MUST_CHECK;
void x509_own_free(struct x509_own **o);
const struct sig_key *x509_own_signer(const struct x509_own *o);
const struct x509_chain *x509_own_chain(const struct x509_own *o);
/* Certificate i as DER, without an anchor at the end; len 0: no more. */
struct chunk x509_own_der(const struct x509_own *o, size_t i);
/* All of them P-384, signed with SHA-384? */
bool x509_is_p384(const struct x509_chain *c);
/* The leaf is not valid now; NULL: it is. */
const char *x509_chain_warning(const struct x509_chain *c, int64_t now);

#endif
