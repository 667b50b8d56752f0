/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "policyd/creds.h"
#include "tests/lib/pki.h"
#include "tests/lib/pol.h"

#define eq assert_int_equal

/* Keys and certificates from files, as an operator may leave them. */

static char dir[64], err[FILE_ERR_MAX], said[2048];
static struct pki_cert root, mid, leaf;
static struct policy *pol;
static struct pol_creds creds;

static const char *
in_dir(const char *name)
{
	static char ring[4][128];
	static unsigned int n;
	char *p = ring[n++ % NITEMS(ring)];

	snprintf(p, sizeof(ring[0]), "%s/%s", dir, name);
	return p;
}

static void
put(const char *name, struct chunk c, mode_t mode)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	eq(write(fd, c.p, c.len), c.len);
	eq(fchmod(fd, mode), 0);
	eq(close(fd), 0);
}

static struct chunk
pem_of(const struct pki_cert *c)
{
	return pki_pem("CERTIFICATE", (struct chunk){ c->der, c->len });
}

static void
say(const char *line)
{
	strcat(said, line);
	strcat(said, "\n");
}

#define CERT "certificate = hq.pem key = hq.key anchors = { ca.pem } "
#define TEXT(host, group)                                                      \
	"host {\nidentity = \"CN=hq-01,O=Example\"\nlisten = "                 \
	"\"192.0.2.1\"\n" host                                                 \
	"\n}\ngroup g { role = sender senders = \"*\" receivers = \"*\" "      \
	"address = \"239.1.1.1\" " group "}"

/* All files as they should be, with keys of one kind. */
static void
make_files(enum pki_alg alg)
{
	pki_free(&root);
	pki_free(&mid);
	pki_free(&leaf);
	pki_make(&root,
	    &(struct pki_want){ .dn = "CN=Root", .alg = alg, .ca = true });
	pki_make(&mid,
	    &(struct pki_want){
		.dn = "CN=Mid", .alg = alg, .ca = true, .issuer = &root });
	pki_make(&leaf,
	    &(struct pki_want){
		.dn = "CN=hq-01,O=Example", .alg = alg, .issuer = &mid });
	put("ca.pem", pem_of(&root), 0644);
	put("hq.pem", pki_join(pem_of(&leaf), pem_of(&mid)), 0644);
	put("hq.key", pki_key_pem(leaf.key), 0640);
}

static int
load_text(const char *text)
{
	creds_free(&creds);
	policy_free(&pol);
	said[0] = err[0] = '\0';
	pol = pol_from(text);
	return creds_load(&creds, dir, pol, PKI_NOW, say, err);
}

static void
loads(void)
{
	if (load_text(TEXT(CERT, "")) != 0)
		fail_msg("%s", err);
}

static void
refused_text(const char *text, const char *part)
{
	assert_int_not_equal(load_text(text), 0);
	assert_null(creds.own);
	assert_null(creds.trust);
	if (strstr(err, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, err);
}

static void
refused(const char *part)
{
	refused_text(TEXT(CERT, ""), part);
}

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/policy_creds.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	make_files(PKI_ED25519);
	return 0;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	creds_free(&creds);
	policy_free(&pol);
	pki_free(&root);
	pki_free(&mid);
	pki_free(&leaf);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void
all_kinds_of_keys_are_read(void **state)
{
	(void)state;
	for (enum pki_alg alg = 0; alg < PKI_ALGS; alg++) {
		make_files(alg);
		loads();
		assert_string_equal(said, "");
		eq(x509_trust_keyids(creds.trust).len, 20);
		eq(x509_own_der(creds.own, 0).len, leaf.len);
		assert_memory_equal(
		    x509_own_der(creds.own, 0).p, leaf.der, leaf.len);
		eq(x509_own_der(creds.own, 1).len, mid.len);
		eq(x509_own_der(creds.own, 2).len, 0);
	}
}

/* The peer has the anchor: it is not sent, should it stand in the file. */
static void
the_anchor_is_not_sent(void **state)
{
	(void)state;
	put("hq.pem",
	    pki_join(pki_join(pem_of(&leaf), pem_of(&mid)), pem_of(&root)),
	    0644);
	loads();
	eq(x509_own_der(creds.own, 1).len, mid.len);
	eq(x509_own_der(creds.own, 2).len, 0);
}

static void
a_shared_key_and_a_ppk_are_read(void **state)
{
	(void)state;
	put("psk", (struct chunk){ (const uint8_t *)"12345678\n", 9 }, 0640);
	put("ppk", (struct chunk){ (const uint8_t *)"abcdefgh", 8 }, 0640);
	eq(load_text(TEXT("psk = psk ppk = ppk ppk-id = a", "")), 0);
	assert_non_null(creds.psk);
	assert_non_null(creds.ppk);
	assert_null(creds.own);
	eq(load_text(TEXT(CERT "ppk = ppk ppk-id = a", "")), 0);
	assert_null(creds.psk);
	assert_non_null(creds.ppk);
	eq(chmod(in_dir("ppk"), 0644), 0);
	refused_text(TEXT(CERT "ppk = ppk ppk-id = a", ""), "others may open");
	assert_non_null(strstr(err, "ppk /tmp/"));
}

static void
certificate_files_are_blamed_by_name(void **state)
{
	struct pki_cert c = { 0 };

	(void)state;
	eq(unlink(in_dir("hq.pem")), 0);
	refused("/hq.pem: No such file");
	put("hq.pem", pki_key_pem(leaf.key), 0644);
	refused("another kind");
	put("hq.pem", (struct chunk){ (const uint8_t *)"nothing", 7 }, 0644);
	refused("/hq.pem: holds no certificate in PEM");
	put("hq.pem", pki_join(pem_of(&mid), pem_of(&leaf)), 0644);
	refused("no authority is");
	put("hq.pem", pki_join(pem_of(&leaf), pem_of(&root)), 0644);
	refused("not in order");
	put("hq.pem", pem_of(&leaf), 0646);
	refused("may write to it");
	put("hq.pem", pem_of(&leaf), 0664);
	refused("may write to it");
	put("hq.pem", pem_of(&leaf), 0644);
	if (geteuid() == 0) {
		eq(chown(in_dir("hq.pem"), 1234, 1234), 0);
		refused("belongs to somebody else");
		eq(chown(in_dir("hq.pem"), 0, 0), 0);
	}
	pki_make(&c,
	    &(struct pki_want){ .dn = "CN=other,O=Example", .issuer = &mid });
	put("hq.pem", pem_of(&c), 0644);
	refused("its subject is \"CN=other,O=Example\", the host's identity "
		"is \"CN=hq-01,O=Example\"");
	pki_free(&c);
	pki_make(&c, &(struct pki_want){ .dn = "CN=hq-01,O=Example",
			 .issuer = &mid,
			 .ext = { { "keyUsage", "keyEncipherment" } } });
	put("hq.pem", pem_of(&c), 0644);
	refused("no digitalSignature");
	pki_free(&c);
	pki_make(&c,
	    &(struct pki_want){
		.dn = "CN=hq-01,O=Example", .issuer = &mid, .padding = 4000 });
	put("hq.pem", pem_of(&c), 0644);
	refused("4096 octets");
	pki_free(&c);
}

static void
keys_must_be_kept_and_match(void **state)
{
	EVP_PKEY *p256 = pki_key(PKI_P256), *small = pki_rsa(2048);

	(void)state;
	eq(chmod(in_dir("hq.key"), 0644), 0);
	refused("/hq.key: others may open it: chmod 0640");
	eq(chmod(in_dir("hq.key"), 0660), 0);
	refused("its group may write");
	put("hq.key", pki_key_pem(mid.key), 0640);
	refused("/hq.key: is not the key of the host's certificate");
	put("hq.key", pki_key_pem(p256), 0640);
	refused("is not the key of");
	put("hq.key", pki_key_pem(small), 0640);
	refused("3072");
	put("hq.key", pem_of(&leaf), 0640);
	refused("is not a private key in PEM, PKCS #8");
	put("hq.key",
	    pki_pem(
		"ENCRYPTED PRIVATE KEY", (struct chunk){ leaf.der, leaf.len }),
	    0640);
	refused("not encrypted");
	put("hq.key",
	    pki_pem("PRIVATE KEY", (struct chunk){ leaf.der, leaf.len }), 0640);
	refused("cannot be read");
	EVP_PKEY_free(p256);
	EVP_PKEY_free(small);
}

static void
anchors_and_crls_are_blamed_by_name(void **state)
{
	(void)state;
	put("ca.pem", pem_of(&leaf), 0644);
	refused("anchors /tmp/");
	assert_non_null(strstr(err, "CA:TRUE"));
	eq(unlink(in_dir("ca.pem")), 0);
	refused("/ca.pem: No such file");
	make_files(PKI_ED25519);
	put("crl", pem_of(&leaf), 0644);
	refused_text(TEXT(CERT "crls = { crl }", ""), "crls /tmp/");
	put("crl", pki_crl(&(struct pki_crl){ .issuer = &root }), 0644);
	eq(load_text(TEXT(CERT "crls = { crl } crl-required = true", "")), 0);
	assert_string_equal(said, "");
}

/* Clocks and certificates get better; a daemon that is gone does not. */
static void
what_is_out_of_date_is_a_warning(void **state)
{
	(void)state;
	pki_free(&leaf);
	pki_make(&leaf, &(struct pki_want){ .dn = "CN=hq-01,O=Example",
			    .issuer = &mid,
			    .until = PKI_NOW - 1 });
	put("hq.pem", pki_join(pem_of(&leaf), pem_of(&mid)), 0644);
	put("hq.key", pki_key_pem(leaf.key), 0640);
	loads();
	assert_non_null(strstr(said, "/hq.pem: a certificate in it has exp"));
	put("crl",
	    pki_crl(&(struct pki_crl){
		.issuer = &root, .from = 1, .until = PKI_NOW - 1 }),
	    0644);
	eq(load_text(TEXT(CERT "crls = { crl }", "")), 0);
	assert_non_null(strstr(said, "a CRL is not valid now"));
}

static void
cnsa_asks_for_p384(void **state)
{
	(void)state;
	refused_text(TEXT(CERT, "suite = cnsa"),
	    "group g: suite = cnsa, but the host's certificates are not all");
	make_files(PKI_P384);
	eq(load_text(TEXT(CERT, "suite = cnsa")), 0);
	pki_free(&root);
	pki_make(&root, &(struct pki_want){ .dn = "CN=Root", .ca = true });
	put("ca.pem", pem_of(&root), 0644);
	refused_text(TEXT(CERT, "suite = cnsa"), "no anchor has a P-384 key");
	put("psk", (struct chunk){ (const uint8_t *)"12345678\n", 9 }, 0640);
	eq(load_text(TEXT("psk = psk", "suite = cnsa")), 0);
}

/* What peers of all kinds make policyd compute, under its filter. */
static int
work(void)
{
	static const uint8_t octets[16] = { 1 };
	const struct chunk one = { octets, sizeof(octets) };
	const struct chunk in[SIG_PARTS] = { one, one, one };
	uint8_t auth[SIG_AUTH_MAX];
	struct x509_chain *c = NULL;
	const char *why;
	uint32_t valid_s;
	size_t len;

	for (int i = 0; i < 20; i++) {
		if (x509_chain_get(&c, PKI_CHAIN(&leaf, &mid), &why))
			return 1;
		if (x509_check(creds.trust, c, PKI_NOW, false, &valid_s, &why))
			return 2;
		if (sig_make(
			x509_own_signer(creds.own), 0xff, in, auth, &len, &why))
			return 3;
		if (sig_check(x509_key(c), (struct chunk){ auth, len }, false,
			in, &why))
			return 4;
		auth[len - 1] ^= 1;
		if (sig_check(x509_key(c), (struct chunk){ auth, len }, false,
			in, &why) == 0)
			return 5;
		x509_chain_free(&c);
	}
	return 0;
}

/* Keys and certificates of the kinds that this host has not got itself. */
static int
others(const struct pki_cert *other)
{
	static const uint8_t octets[16] = { 1 };
	const struct chunk one = { octets, sizeof(octets) };
	const struct chunk in[SIG_PARTS] = { one, one, one };
	struct x509_chain *c = NULL;
	uint8_t auth[SIG_AUTH_MAX];
	struct sig_key k;
	const char *why;
	uint32_t valid_s;
	size_t len;

	for (enum pki_alg alg = 0; alg < PKI_ALGS; alg++) {
		if (x509_chain_get(&c, PKI_CHAIN(&other[alg]), &why))
			return 11;
		if (x509_check(creds.trust, c, PKI_NOW, false, &valid_s,
			&why) != AC_UNTRUSTED)
			return 12;
		if (sig_key_of(&k, other[alg].key, &why) ||
		    sig_make(&k, 0xff, in, auth, &len, &why) ||
		    sig_check(x509_key(c), (struct chunk){ auth, len }, false,
			in, &why))
			return 13;
		x509_chain_free(&c);
	}
	return 0;
}

/* A call that is not listed kills. */
static void
nothing_is_opened_once_all_is_read(void **state)
{
	const struct sandbox_list lists[] = { { SC_RUNTIME, SC_RUNTIME_LEN } };
	struct pki_cert other[PKI_ALGS] = { 0 };
	int status;
	pid_t pid;

	(void)state;
	for (enum pki_alg alg = 0; alg < PKI_ALGS; alg++)
		pki_make(&other[alg],
		    &(struct pki_want){ .dn = "CN=x", .alg = alg });
	for (enum pki_alg alg = 0; alg < PKI_ALGS; alg++) {
		make_files(alg);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			loads();
			sandbox_syscalls(lists, NITEMS(lists));
			status = work();
			_exit(status ? status : others(other));
		}
		eq(waitpid(pid, &status, 0), pid);
		eq(status, 0);
	}
	for (enum pki_alg alg = 0; alg < PKI_ALGS; alg++)
		pki_free(&other[alg]);
}

/* The files that the other tests and the demonstration use. */
static void
the_script_makes_what_we_take(void **state)
{
	static const char *const algs[] = { "ed25519", "p256", "p384" };
	char cmd[512];

	(void)state;
	for (size_t i = 0; i < NITEMS(algs); i++) {
		snprintf(cmd, sizeof(cmd),
		    "set -e; p=tests/lib/mkpki.sh; d=%s; $p ca $d %s "
		    "'CN=Test CA,O=Example'; $p host $d hq %s "
		    "'CN=hq-01,O=Example' DNS:hq-01.example IP:192.0.2.1; "
		    "$p revoke $d hq; $p crl $d",
		    dir, algs[i], algs[i]);
		eq(system(cmd), 0);
		eq(load_text(TEXT(CERT "crls = { crl.pem }", "")), 0);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static int
group_setup(void **state)
{
	(void)state;
	log_init("policy_creds_test");
	return crypto_init() || sig_init() || x509_init() || secret_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_kinds_of_keys_are_read),
		T(the_anchor_is_not_sent),
		T(a_shared_key_and_a_ppk_are_read),
		T(certificate_files_are_blamed_by_name),
		T(keys_must_be_kept_and_match),
		T(anchors_and_crls_are_blamed_by_name),
		T(what_is_out_of_date_is_a_warning),
		T(cnsa_asks_for_p384),
		T(nothing_is_opened_once_all_is_read),
		T(the_script_makes_what_we_take),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
