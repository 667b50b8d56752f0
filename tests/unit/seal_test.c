/* SPDX-License-Identifier: ISC */
/*
 * The sealed state file: what a successor finds when its predecessor was
 * killed at any octet of a write, was rolled back, or was tampered with.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "keymgrd/seal.h"

static const uint8_t key1[GCM_KEY_LEN] = { 1 };
static const uint8_t key2[GCM_KEY_LEN] = { 2 };
static const uint8_t key3[GCM_KEY_LEN] = { 3 };

static struct chunk
text(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

/* A tmpfs file as mike-spawn opens it. */
static int
file_new(void)
{
	int fd = memfd_create("state", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
	return fd;
}

static struct seal_keys
keys_of(uint16_t first, const uint8_t *a, const uint8_t *b)
{
	struct seal_keys k = { .first = first, .n = b ? 2 : 1 };

	memcpy(k.key[0], a, GCM_KEY_LEN);
	if (b != NULL)
		memcpy(k.key[1], b, GCM_KEY_LEN);
	return k;
}

static int
join(void *arg, struct chunk rec)
{
	char *to = arg;
	size_t n = strlen(to);

	memcpy(to + n, rec.p, rec.len);
	to[n + rec.len] = '\0';
	return 0;
}

/* All records of the newest state, joined; "-" when there is none. */
static const char *
state_of(int fd, const struct seal_keys *keys)
{
	static char all[4096];
	uint8_t *p;
	size_t len;

	all[0] = '\0';
	assert_int_equal(seal_read(fd, &p, &len), 0);
	if (seal_scan((struct chunk){ p, len }, keys, join, all) == -ENOENT)
		strcpy(all, "-");
	free(p);
	return all;
}

static void
put(struct seal *s, enum seal_kind kind, const char *rec)
{
	assert_int_equal(seal_put(s, kind, text(rec)), 0);
}

/* Instance n with a complete snapshot of one record. */
static struct seal
writer(int fd, uint16_t n, const uint8_t *key, const char *rec)
{
	struct seal s;

	seal_init(&s, fd, n, key);
	put(&s, SEAL_BEGIN, "");
	put(&s, SEAL_RECORD, rec);
	put(&s, SEAL_COMPLETE, "");
	return s;
}

static void
records_come_back_in_order(void **state)
{
	struct seal_keys k = keys_of(7, key1, NULL);
	int fd = file_new();
	struct seal s = writer(fd, 7, key1, "a");

	(void)state;
	put(&s, SEAL_RECORD, "b");
	put(&s, SEAL_RECORD, "c");
	assert_string_equal(state_of(fd, &k), "abc");
	close(fd);
}

static void
empty_file_has_no_state(void **state)
{
	struct seal_keys k = keys_of(1, key1, NULL);
	int fd = file_new();

	(void)state;
	assert_string_equal(state_of(fd, &k), "-");
	close(fd);
}

/*
 * Killed at each octet of a write: what was written before stands, the torn
 * record does not, and the next instance can append behind it.
 */
static void
torn_write_costs_that_record_only(void **state)
{
	struct seal_keys k = keys_of(1, key1, NULL);
	struct seal_keys both = keys_of(1, key1, key2);
	off_t whole, before;
	int fd = file_new();
	struct seal s = writer(fd, 1, key1, "a");

	(void)state;
	before = lseek(fd, 0, SEEK_END);
	put(&s, SEAL_RECORD, "b");
	whole = lseek(fd, 0, SEEK_END);
	for (off_t n = before; n < whole; n++) {
		int cut = file_new();
		uint8_t buf[4096];
		struct seal next;

		assert_int_equal(pread(fd, buf, (size_t)n, 0), n);
		assert_int_equal(write(cut, buf, (size_t)n), n);
		assert_string_equal(state_of(cut, &k), "a");
		next = writer(cut, 2, key2, "A");
		put(&next, SEAL_RECORD, "B");
		assert_string_equal(state_of(cut, &both), "AB");
		close(cut);
	}
	close(fd);
}

/* The successor died before its snapshot was complete: fall back. */
static void
incomplete_snapshot_of_the_successor_is_passed_over(void **state)
{
	struct seal_keys k = keys_of(1, key1, key2);
	int fd = file_new();
	struct seal s = writer(fd, 1, key1, "old"), n;

	(void)state;
	(void)s;
	seal_init(&n, fd, 2, key2);
	assert_string_equal(state_of(fd, &k), "old");
	put(&n, SEAL_BEGIN, "");
	assert_string_equal(state_of(fd, &k), "old");
	put(&n, SEAL_RECORD, "new");
	assert_string_equal(state_of(fd, &k), "old");
	put(&n, SEAL_COMPLETE, "");
	assert_string_equal(state_of(fd, &k), "new");
	close(fd);
}

/* A compaction that was cut short: the snapshot before it and what followed. */
static void
incomplete_compaction_is_passed_over(void **state)
{
	struct seal_keys k = keys_of(1, key1, NULL);
	int fd = file_new();
	struct seal s = writer(fd, 1, key1, "a");

	(void)state;
	put(&s, SEAL_RECORD, "b");
	put(&s, SEAL_BEGIN, "");
	put(&s, SEAL_RECORD, "X");
	assert_string_equal(state_of(fd, &k), "ab");
	put(&s, SEAL_COMPLETE, "");
	put(&s, SEAL_RECORD, "Y");
	assert_string_equal(state_of(fd, &k), "XY");
	close(fd);
}

static void
wrong_key_or_instance_opens_nothing(void **state)
{
	struct seal_keys wrong = keys_of(1, key3, NULL);
	struct seal_keys later = keys_of(2, key1, NULL);
	int fd = file_new();
	struct seal s = writer(fd, 1, key1, "a");

	(void)state;
	(void)s;
	assert_string_equal(state_of(fd, &wrong), "-");
	assert_string_equal(state_of(fd, &later), "-");
	close(fd);
}

/* Any flipped bit: the record and all behind it are gone, never altered. */
static void
flipped_bit_never_changes_a_record(void **state)
{
	struct seal_keys k = keys_of(1, key1, NULL);
	uint8_t buf[4096];
	char all[4096];
	int fd = file_new();
	struct seal s = writer(fd, 1, key1, "a");
	size_t len;

	(void)state;
	put(&s, SEAL_RECORD, "b");
	put(&s, SEAL_RECORD, "c");
	len = (size_t)lseek(fd, 0, SEEK_END);
	assert_int_equal(pread(fd, buf, len, 0), len);
	for (size_t i = 0; i < len * 8; i++) {
		int r;

		buf[i / 8] ^= (uint8_t)(1u << i % 8);
		all[0] = '\0';
		r = seal_scan((struct chunk){ buf, len }, &k, join, all);
		buf[i / 8] ^= (uint8_t)(1u << i % 8);
		if (r == -ENOENT)
			continue; /* the snapshot itself was hit */
		if (strcmp(all, "a") != 0 && strcmp(all, "ab") != 0)
			fail_msg("bit %zu: state \"%s\"", i, all);
	}
	close(fd);
}

/* A record taken out of the middle ends the state there. */
static void
missing_record_ends_the_state(void **state)
{
	struct seal_keys k = keys_of(1, key1, NULL);
	uint8_t buf[4096];
	char all[4096] = "";
	int fd = file_new();
	struct seal s = writer(fd, 1, key1, "a");
	size_t from, to, len;

	(void)state;
	from = (size_t)lseek(fd, 0, SEEK_END);
	put(&s, SEAL_RECORD, "b");
	to = (size_t)lseek(fd, 0, SEEK_END);
	put(&s, SEAL_RECORD, "c");
	len = (size_t)lseek(fd, 0, SEEK_END);
	assert_int_equal(pread(fd, buf, len, 0), len);
	memmove(buf + from, buf + to, len - to);
	assert_int_equal(
	    seal_scan((struct chunk){ buf, len - (to - from) }, &k, join, all),
	    1);
	assert_string_equal(all, "a");
	close(fd);
}

/* Rolled back to an older length: an older state, and it is consistent. */
static void
rolled_back_file_gives_an_older_state(void **state)
{
	struct seal_keys k = keys_of(1, key1, NULL);
	int fd = file_new();
	struct seal s = writer(fd, 1, key1, "a");
	off_t then = lseek(fd, 0, SEEK_END);

	(void)state;
	put(&s, SEAL_RECORD, "b");
	assert_int_equal(ftruncate(fd, then), 0);
	assert_string_equal(state_of(fd, &k), "a");
	close(fd);
}

static void
no_nonce_is_used_twice(void **state)
{
	int fd = file_new();
	struct seal s = writer(fd, 1, key1, "a");
	uint64_t was = s.counter;
	uint8_t big[SEAL_REC_MAX + 1] = { 0 };

	(void)state;
	assert_int_equal(
	    seal_put(&s, SEAL_RECORD, (struct chunk){ big, sizeof(big) }),
	    -E2BIG);
	assert_int_equal(s.counter, was);
	close(fd);
	/* A write that fails has used its counter all the same. */
	assert_int_not_equal(seal_put(&s, SEAL_RECORD, text("b")), 0);
	assert_int_equal(s.counter, was + 1);
}

static void
largest_record_fits(void **state)
{
	struct seal_keys k = keys_of(1, key1, NULL);
	static uint8_t big[SEAL_REC_MAX];
	struct seal s;
	uint8_t *p;
	size_t len;
	int fd = file_new();

	(void)state;
	seal_init(&s, fd, 1, key1);
	put(&s, SEAL_BEGIN, "");
	assert_int_equal(
	    seal_put(&s, SEAL_RECORD, (struct chunk){ big, sizeof(big) }), 0);
	put(&s, SEAL_COMPLETE, "");
	assert_int_equal(seal_read(fd, &p, &len), 0);
	assert_int_equal(seal_scan((struct chunk){ p, len }, &k,
			     (seal_cb *)join, (char[SEAL_REC_MAX + 1]){ 0 }),
	    1);
	free(p);
	close(fd);
}

/* Punching gives the memory back and leaves the newest state readable. */
static void
punched_file_is_small_and_readable(void **state)
{
	struct seal_keys k = keys_of(1, key1, NULL);
	static char big[4000];
	struct stat before, after;
	struct seal s;
	int fd = file_new();

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	s = writer(fd, 1, key1, "a");
	for (int i = 0; i < 100; i++)
		put(&s, SEAL_RECORD, big);
	put(&s, SEAL_BEGIN, "");
	put(&s, SEAL_RECORD, "new");
	put(&s, SEAL_COMPLETE, "");
	assert_int_equal(fstat(fd, &before), 0);
	seal_punch(&s);
	assert_int_equal(fstat(fd, &after), 0);
	assert_true(after.st_blocks * 512 <= 8192);
	assert_true(after.st_blocks < before.st_blocks);
	assert_string_equal(state_of(fd, &k), "new");
	put(&s, SEAL_RECORD, "er");
	assert_string_equal(state_of(fd, &k), "newer");
	close(fd);
}

static int
crypto_up(void **state)
{
	(void)state;
	return crypto_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_back_in_order),
		cmocka_unit_test(empty_file_has_no_state),
		cmocka_unit_test(torn_write_costs_that_record_only),
		cmocka_unit_test(
		    incomplete_snapshot_of_the_successor_is_passed_over),
		cmocka_unit_test(incomplete_compaction_is_passed_over),
		cmocka_unit_test(wrong_key_or_instance_opens_nothing),
		cmocka_unit_test(flipped_bit_never_changes_a_record),
		cmocka_unit_test(missing_record_ends_the_state),
		cmocka_unit_test(rolled_back_file_gives_an_older_state),
		cmocka_unit_test(no_nonce_is_used_twice),
		cmocka_unit_test(largest_record_fits),
		cmocka_unit_test(punched_file_is_small_and_readable),
	};

	return cmocka_run_group_tests(tests, crypto_up, NULL);
}
