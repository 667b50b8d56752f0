/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/log.h"
#include "policyd/core/seal.h"
#include "policyd/db.h"

#define DB_VERSION 1
#define DB_APPLICATION 1296649029 /* 0x4d494b45: "MIKE" */
#define STR(x) #x
#define XSTR(x) STR(x)

/* clang-format off */
static const char schema[] =
    "BEGIN;"
    "CREATE TABLE slot ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " slot INTEGER NOT NULL UNIQUE CHECK (slot BETWEEN 0 AND 63),"
    " joined INTEGER NOT NULL CHECK (joined IN (0, 1))) STRICT;"
    "CREATE TABLE instance ("
    " slot INTEGER NOT NULL PRIMARY KEY CHECK (slot BETWEEN 0 AND 63),"
    " n INTEGER NOT NULL CHECK (n BETWEEN 0 AND 65535),"
    " done INTEGER NOT NULL CHECK (done BETWEEN 0 AND n)) STRICT;"
    /* A first write at every start opens the log before the sandbox. */
    "CREATE TABLE started ("
    " one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),"
    " times INTEGER NOT NULL) STRICT;"
    "INSERT INTO started VALUES (1, 0);"
    "PRAGMA application_id = " XSTR(DB_APPLICATION) ";"
    "PRAGMA user_version = " XSTR(DB_VERSION) ";"
    "COMMIT;";

/*
 * EXCLUSIVE before the first access: no shared memory file, and a second
 * policyd on the same state is turned away.  FULL: what is answered is on the
 * disk.
 */
static const char settings[] =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA mmap_size = 0;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;";

enum { Q_SLOT, Q_TAKEN, Q_ASSIGN, Q_JOIN, Q_NEW, Q_DONE, Q_BOOT, Q_COUNT };
static const char *const queries[Q_COUNT] = {
	[Q_SLOT] = "SELECT slot, joined FROM slot WHERE name = ?1",
	[Q_TAKEN] = "SELECT slot FROM slot",
	[Q_ASSIGN] = "INSERT INTO slot VALUES (?1, ?2, 1)",
	[Q_JOIN] = "UPDATE slot SET joined = ?2 WHERE name = ?1",
	[Q_NEW] = "INSERT INTO instance VALUES (?1, 1, 0) "
		  "ON CONFLICT (slot) DO UPDATE SET n = n + 1 "
		  "WHERE n < 65535 RETURNING n, done",
	[Q_DONE] = "UPDATE instance SET done = n WHERE slot = ?1 AND n = ?2",
	[Q_BOOT] = "UPDATE instance SET n = 0, done = 0 WHERE n > 32767",
};
/* clang-format on */

const struct sandbox_call DB_CALLS[] = {
	{ .nr = SYS_pread64 },
	{ .nr = SYS_pwrite64 },
	{ .nr = SYS_fdatasync },
	{ .nr = SYS_ftruncate },
};
const size_t DB_CALLS_LEN = NITEMS(DB_CALLS);

struct db {
	sqlite3 *sq;
	sqlite3_stmt *q[Q_COUNT];
};

int
db_setup(void)
{
	uint8_t seed;

	if (sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) != SQLITE_OK ||
	    sqlite3_initialize() != SQLITE_OK)
		return -EIO;
	sqlite3_randomness(sizeof(seed), &seed);
	return 0;
}

static int
sq_error(struct db *db, const char *what)
{
	log_err("db.failed step=%s error=\"%s\"", what, sqlite3_errmsg(db->sq));
	return -EIO;
}

static sqlite3_stmt *
query(struct db *db, int which)
{
	sqlite3_stmt *q = db->q[which];

	(void)sqlite3_reset(q);
	(void)sqlite3_clear_bindings(q);
	return q;
}

/* Run to the end: that is where a write is committed, or fails. */
static int
finish(struct db *db, sqlite3_stmt *q, const char *what)
{
	int r;

	while ((r = sqlite3_step(q)) == SQLITE_ROW)
		continue;
	(void)sqlite3_reset(q);
	return r == SQLITE_DONE ? 0 : sq_error(db, what);
}

static void
bind_name(sqlite3_stmt *q, const char *name)
{
	must(sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC) == SQLITE_OK);
}

static void
bind_int(sqlite3_stmt *q, int at, int v)
{
	must(sqlite3_bind_int(q, at, v) == SQLITE_OK);
}

static int
exec(struct db *db, const char *sql, const char *what)
{
	if (sqlite3_exec(db->sq, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sq_error(db, what);
	return 0;
}

/* --- opening ------------------------------------------------------------ */

static int
connect_db(struct db *db, const char *path, int flags)
{
	if (sqlite3_open_v2(path, &db->sq,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE | flags,
		NULL) != SQLITE_OK)
		return -EIO;
	(void)sqlite3_db_config(db->sq, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* The locks of a predecessor that was killed go with it. */
	(void)sqlite3_busy_timeout(db->sq, 2000);
	return 0;
}

void
db_close(struct db **db)
{
	if (*db == NULL)
		return;
	for (size_t i = 0; i < NITEMS((*db)->q); i++)
		(void)sqlite3_finalize((*db)->q[i]);
	(void)sqlite3_close((*db)->sq);
	free(*db);
	*db = NULL;
}

static int
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd == -1)
		return -errno;
	r = fsync(fd) == -1 ? -errno : 0;
	(void)close(fd);
	return r;
}

/* SQLite takes an empty file for a new database, and we do not. */
static int
make_at(const char *tmp)
{
	struct db db = { 0 };
	int fd, r;

	(void)unlink(tmp);
	fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return -errno;
	(void)close(fd);
	r = connect_db(&db, tmp, 0);
	if (r == 0)
		r = exec(&db, schema, "create");
	if (sqlite3_close(db.sq) != SQLITE_OK && r == 0)
		r = -EIO;
	return r;
}

/*
 * Made aside and renamed, so that a database which exists is whole and an
 * empty one is damage.
 */
static int
make_db(const char *dir, const char *path, char err[DB_ERR_MAX])
{
	char tmp[512];
	int r;

	snprintf(tmp, sizeof(tmp), "%s/policy.db.new", dir);
	r = make_at(tmp);
	if (r == 0 && rename(tmp, path) == -1)
		r = -errno;
	if (r == 0)
		r = sync_dir(dir);
	if (r)
		snprintf(err, DB_ERR_MAX, "%s: cannot make it: %s", path,
		    strerror(-r));
	return r;
}

static const char *
single_text(struct db *db, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *q = NULL;
	const unsigned char *s;

	out[0] = '\0';
	if (sqlite3_prepare_v2(db->sq, sql, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW &&
	    (s = sqlite3_column_text(q, 0)) != NULL)
		snprintf(out, size, "%s", (const char *)s);
	(void)sqlite3_finalize(q);
	return out;
}

/* What must be true of an open database, and what is wrong when it is not. */
static const struct fact {
	const char *pragma, *value, *fault;
} facts[] = {
	{ "PRAGMA quick_check(1)", "ok", "it is damaged" },
	{ "PRAGMA application_id", XSTR(DB_APPLICATION),
	    "it is not a policy database" },
	{ "PRAGMA user_version", XSTR(DB_VERSION),
	    "another version of policyd made it" },
	{ "PRAGMA journal_mode", "wal", "it does not take a write-ahead log" },
	{ "PRAGMA locking_mode", "exclusive", "it cannot be locked" },
	{ "PRAGMA synchronous", "2", "it cannot be written through to disk" },
};

/* NULL when the database is what we take it for. */
static const char *
content_fault(struct db *db)
{
	char v[128];

	for (size_t i = 0; i < NITEMS(facts); i++)
		if (strcmp(single_text(db, facts[i].pragma, v, sizeof(v)),
			facts[i].value) != 0)
			return facts[i].fault;
	for (int i = 0; i < Q_COUNT; i++)
		if (sqlite3_prepare_v3(db->sq, queries[i], -1,
			SQLITE_PREPARE_PERSISTENT, &db->q[i],
			NULL) != SQLITE_OK)
			return "its tables are not those of a policy database";
	return NULL;
}

/*
 * The log file is opened, and its directory synced, with the first write; the
 * checkpoint moves it back to the start.  Both have then happened once.
 */
static int
first_write(struct db *db)
{
	return exec(db,
	    "UPDATE started SET times = times + 1;"
	    "PRAGMA wal_checkpoint(TRUNCATE);"
	    "UPDATE started SET times = times;",
	    "first-write");
}

static int
open_at(struct db *db, const char *path, char err[DB_ERR_MAX])
{
	const char *fault;
	int rc;

	if (connect_db(db, path, 0)) {
		snprintf(
		    err, DB_ERR_MAX, "%s: %s", path, sqlite3_errmsg(db->sq));
		return -EIO;
	}
	rc = sqlite3_exec(db->sq, settings, NULL, NULL, NULL);
	if ((rc & 0xff) == SQLITE_BUSY) {
		snprintf(err, DB_ERR_MAX, "%s: another policyd uses it", path);
		return -EBUSY;
	}
	fault = rc == SQLITE_OK ? content_fault(db) : sqlite3_errmsg(db->sq);
	if (fault == NULL && first_write(db) == 0)
		return 0;
	/*
	 * A reboot first: an older copy has older instance numbers, and with
	 * the boot secret of today they would seal with a key used before.
	 */
	snprintf(err, DB_ERR_MAX,
	    "%s: %s.  Stop MIKE and reboot; then restore it from a backup, or "
	    "move it and %s-wal away: slots and membership are then those of a "
	    "new installation",
	    path, fault ? fault : "cannot write to it", path);
	return -EBADMSG;
}

/* 0 exists, -ENOENT: may be made; -EBADMSG: its log is there without it. */
static int
probe(const char *path, const char *wal, char err[DB_ERR_MAX])
{
	struct stat st;

	if (lstat(path, &st) == 0) {
		if (S_ISREG(st.st_mode) && st.st_size > 0)
			return 0;
		snprintf(err, DB_ERR_MAX,
		    "%s: empty or not a regular file: after a reboot "
		    "restore it from a backup or remove it",
		    path);
		return -EBADMSG;
	}
	if (errno != ENOENT) {
		snprintf(err, DB_ERR_MAX, "%s: %s", path, strerror(errno));
		return -EIO;
	}
	if (lstat(wal, &st) == 0) {
		snprintf(err, DB_ERR_MAX,
		    "%s: it is gone, but its log %s is there: after a "
		    "reboot restore it from a backup or remove the log",
		    path, wal);
		return -EBADMSG;
	}
	return -ENOENT;
}

struct db *
db_open(const char *dir, char err[DB_ERR_MAX])
{
	char path[480], wal[500];
	struct db *db;
	int n, r;

	n = snprintf(path, sizeof(path), "%s/policy.db", dir);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		snprintf(err, DB_ERR_MAX, "state directory: name too long");
		return NULL;
	}
	snprintf(wal, sizeof(wal), "%s-wal", path);
	r = probe(path, wal, err);
	if (r == -ENOENT)
		r = make_db(dir, path, err);
	if (r)
		return NULL;
	db = calloc(1, sizeof(*db));
	if (db == NULL)
		snprintf(err, DB_ERR_MAX, "out of memory");
	else if (open_at(db, path, err))
		db_close(&db);
	return db;
}

/* --- slots and membership ----------------------------------------------- */

static int
taken_slots(struct db *db, bool taken[MIKE_SLOTS])
{
	sqlite3_stmt *q = query(db, Q_TAKEN);
	int r;

	while ((r = sqlite3_step(q)) == SQLITE_ROW) {
		int slot = sqlite3_column_int(q, 0);

		must(slot >= 0 && slot < MIKE_SLOTS);
		taken[slot] = true;
	}
	(void)sqlite3_reset(q);
	return r == SQLITE_DONE ? 0 : sq_error(db, "slots");
}

static int
assign_slot(struct db *db, const char *name, uint8_t *slot)
{
	bool taken[MIKE_SLOTS] = { false };
	sqlite3_stmt *q;
	int r;

	if ((r = taken_slots(db, taken)))
		return r;
	for (*slot = 0; *slot < MIKE_SLOTS && taken[*slot];)
		(*slot)++;
	if (*slot == MIKE_SLOTS)
		return -ENOSPC;
	q = query(db, Q_ASSIGN);
	bind_name(q, name);
	bind_int(q, 2, *slot);
	return finish(db, q, "assign");
}

static int
slot_of(struct db *db, const char *name, uint8_t *slot, bool *joined)
{
	sqlite3_stmt *q = query(db, Q_SLOT);
	int r;

	bind_name(q, name);
	r = sqlite3_step(q);
	if (r == SQLITE_ROW) {
		*slot = (uint8_t)sqlite3_column_int(q, 0);
		*joined = sqlite3_column_int(q, 1) == 1;
		(void)sqlite3_reset(q);
		return 0;
	}
	(void)sqlite3_reset(q);
	if (r != SQLITE_DONE)
		return sq_error(db, "slot");
	*joined = true;
	return assign_slot(db, name, slot);
}

int
db_slots(struct db *db, const struct policy *p, struct pol_slots *out,
    char err[DB_ERR_MAX])
{
	int r = exec(db, "BEGIN IMMEDIATE", "begin");

	for (size_t i = 0; r == 0 && i < p->n_group; i++) {
		r = slot_of(
		    db, p->group[i].name, &out->slot[i], &out->joined[i]);
		if (r == -ENOSPC)
			snprintf(err, DB_ERR_MAX,
			    "group %s: all 64 slots are taken, some by groups "
			    "that the policy no longer has.  With MIKE stopped "
			    "and before a reboot: sqlite3 policy.db \"DELETE "
			    "FROM slot WHERE name = 'GROUP'\"",
			    p->group[i].name);
		else if (r)
			snprintf(err, DB_ERR_MAX,
			    "policy database: cannot assign slots");
	}
	if (r == 0 && exec(db, "COMMIT", "commit")) {
		snprintf(err, DB_ERR_MAX, "policy database: cannot commit");
		r = -EIO;
	}
	if (r && sqlite3_get_autocommit(db->sq) == 0)
		(void)exec(db, "ROLLBACK", "rollback");
	return r;
}

int
db_new_boot(struct db *db)
{
	return finish(db, query(db, Q_BOOT), "new-boot");
}

/* --- struct pol_store --------------------------------------------------- */

static int
store_join(void *arg, const char *group, bool joined)
{
	struct db *db = arg;
	sqlite3_stmt *q = query(db, Q_JOIN);
	int r;

	bind_name(q, group);
	bind_int(q, 2, joined);
	r = finish(db, q, "join");
	if (r == 0 && sqlite3_changes(db->sq) != 1)
		return -ENOENT;
	return r;
}

static int
store_instance_new(void *arg, uint8_t slot, uint16_t *n, uint16_t *done)
{
	struct db *db = arg;
	sqlite3_stmt *q = query(db, Q_NEW);
	bool row;

	bind_int(q, 1, slot);
	row = sqlite3_step(q) == SQLITE_ROW;
	if (row) {
		*n = (uint16_t)sqlite3_column_int(q, 0);
		*done = (uint16_t)sqlite3_column_int(q, 1);
	}
	/* Only now it is on the disk. */
	if (finish(db, q, "instance"))
		return -EIO;
	return row ? 0 : -ERANGE;
}

static int
store_instance_done(void *arg, uint8_t slot, uint16_t n)
{
	struct db *db = arg;
	sqlite3_stmt *q = query(db, Q_DONE);

	bind_int(q, 1, slot);
	bind_int(q, 2, n);
	if (finish(db, q, "done"))
		return -EIO;
	return sqlite3_changes(db->sq) == 1 ? 0 : -ESTALE;
}

struct pol_store
db_store(struct db *db)
{
	return (struct pol_store){
		.arg = db,
		.join = store_join,
		.instance_new = store_instance_new,
		.instance_done = store_instance_done,
	};
}
