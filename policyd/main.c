/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/proc.h"
#include "common/sandbox.h"
#include "policyd/creds.h"
#include "policyd/db.h"
#include "policyd/files.h"
#include "policyd/serve.h"

#define EX_USAGE 64
#define POLICYD_USER "mike-policyd"

static void
say_stderr(const char *line)
{
	fprintf(stderr, "%s\n", line);
}

static void
say_log(const char *line)
{
	log_err("policy.refused %s", line);
}

/* policyd -n FILE: is this text fit for use?  Needs no rights at all. */
static int
check_only(int argc, char **argv)
{
	struct policy *p;
	int status = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: policyd -n file ...\n");
		return EX_USAGE;
	}
	for (int i = 2; i < argc; i++) {
		p = file_policy(argv[i], say_stderr);
		if (p != NULL)
			printf("%s: ok\n", argv[i]);
		else
			status = 1;
		policy_free(&p);
	}
	return status;
}

static void
path_below(char *out, size_t size, const char *dir, const char *name)
{
	int n = snprintf(out, size, "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= size)
		fatal("path.failed dir=%s error=\"name too long\"", dir);
}

/*
 * The directories that stay: the configuration to read, our own two to write,
 * and those where our edges are bound.
 */
static void
confine(const struct opts *o)
{
	const uint64_t rd =
	    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	const uint64_t rw = rd | LANDLOCK_ACCESS_FS_WRITE_FILE |
			    LANDLOCK_ACCESS_FS_MAKE_REG |
			    LANDLOCK_ACCESS_FS_REMOVE_FILE;
	const uint64_t bind =
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE;
	static char name[4 + MIKE_SLOTS][256];
	struct sandbox_path v[4 + MIKE_SLOTS] = {
		{ o->conf, rd },
		{ name[1], rw },
		{ name[2], rw },
		{ name[3], bind },
	};

	path_below(name[1], sizeof(name[1]), o->state, "policyd");
	path_below(name[2], sizeof(name[2]), o->run, "policyd");
	path_below(name[3], sizeof(name[3]), o->run, "edge/gp");
	for (unsigned int i = 0; i < MIKE_SLOTS; i++) {
		char edge[16];

		snprintf(edge, sizeof(edge), "edge/k%02u/p", i);
		path_below(name[4 + i], sizeof(name[4 + i]), o->run, edge);
		v[4 + i] = (struct sandbox_path){ name[4 + i], bind };
	}
	sandbox_paths(v, NITEMS(v), o->strict);
}

static void
say_warning(const char *line)
{
	log_warn("policy.warning %s", line);
}

/* Policy text, keys and certificates, as our own user and inside Landlock. */
static const struct policy *
load_policy(const struct opts *o, struct pol_creds *creds)
{
	const struct policy *p;
	char path[256], err[FILE_ERR_MAX];

	path_below(path, sizeof(path), o->conf, "mike.conf");
	p = file_policy(path, say_log);
	if (p == NULL)
		fatal("policy.refused file=%s (see the lines above; check a "
		      "text with policyd -n FILE)",
		    path);
	if (creds_load(creds, o->conf, p, serve_now(), say_warning, err))
		fatal("policy.refused %s", err);
	log_info("policy.loaded groups=%zu peers=%zu", p->n_group, p->n_peer);
	return p;
}

/* What must outlive us: the database on disk, the boot secret on tmpfs. */
static void
load_state(const struct opts *o, struct pol_host *h)
{
	char dir[256], err[DB_ERR_MAX];
	struct db *db;
	bool fresh;

	path_below(dir, sizeof(dir), o->state, "policyd");
	db = db_open(dir, err);
	if (db == NULL || db_slots(db, h->pol, &h->slots, err))
		fatal("db.failed %s", err);
	h->store = db_store(db);
	path_below(dir, sizeof(dir), o->run, "policyd");
	if (file_boot(&h->boot, dir, &fresh, err))
		fatal("seal.failed %s", err);
	if (fresh && db_new_boot(db))
		fatal("db.failed error=\"cannot write\"");
	log_info("seal.boot secret=%s", fresh ? "new" : "kept");
}

int
main(int argc, char **argv)
{
	static struct pol_host host = { .note = serve_note, .now = serve_now };
	struct serve *s;
	struct opts opts;

	log_init("policyd");
	if (argc > 1 && strcmp(argv[1], "-n") == 0)
		return check_only(argc, argv);
	proc_harden("policyd");
	opts_parse(&opts, argc, argv);

	/* Libraries read files of the system when they start. */
	if (crypto_init() || sig_init() || x509_init() || secret_init() ||
	    db_setup())
		fatal("start.failed error=\"OpenSSL, locked memory or SQLite\" "
		      "(is RLIMIT_MEMLOCK at least 128 KiB?)");
	proc_drop(POLICYD_USER, 0);
	/* Before nanomsg's thread exists: Landlock binds one thread. */
	confine(&opts);
	host.pol = load_policy(&opts, &host.creds);
	load_state(&opts, &host);
	s = serve_new(&opts, &host);

	const struct sandbox_list lists[] = {
		{ SC_RUNTIME, SC_RUNTIME_LEN },
		{ SC_NANOMSG, SC_NANOMSG_LEN },
		{ SC_NANOMSG_CONNECT, SC_NANOMSG_CONNECT_LEN },
		{ DB_CALLS, DB_CALLS_LEN },
	};
	sandbox_syscalls(lists, NITEMS(lists));
	sandbox_probe();

	/* Only now look at octets that somebody else wrote. */
	serve_run(s);
}
