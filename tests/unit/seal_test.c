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

/* All records of the newest state, joined; "-": there is none; "!": refused. */
static const char *
state_of(int fd, const struct seal_keys *keys)
{
	static char all[4096];
	uint8_t *p;
	size_t len;
	int r;

	all[0] = '\0';
	assert_int_equal(seal_read(fd, &p, &len), 0);
	r = seal_scan((struct chunk){ p, len }, keys, join, all);
	free(p);
	return r == -ENOENT ? "-" : r == -EBADMSG ? "!" : all;
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

	assert_int_equal(seal_init(&s, fd, n, key), 0);
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
	assert_int_equal(seal_init(&n, fd, 2, key2), 0);
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

/* Any flipped bit: no state, or what a torn last record costs. */
static void
flipped_bit_never_changes_a_record(void **state)
{
	struct seal_keys k = keys_of(1, key1, NULL);
	uint8_t buf[4096];
	char all[4096];
	int fd = file_new();
	struct seal s = writer(fd, 1, key1, "a");
	size_t len, last;

	(void)state;
	put(&s, SEAL_RECORD, "b");
	last = (size_t)lseek(fd, 0, SEEK_END);
	put(&s, SEAL_RECORD, "c");
	len = (size_t)lseek(fd, 0, SEEK_END);
	assert_int_equal(pread(fd, buf, len, 0), len);
	for (size_t i = 0; i < len * 8; i++) {
		int r;

		buf[i / 8] ^= (uint8_t)(1u << i % 8);
		all[0] = '\0';
		r = seal_scan((struct chunk){ buf, len }, &k, join, all);
		buf[i / 8] ^= (uint8_t)(1u << i % 8);
		if (r == -ENOENT || r == -EBADMSG)
			continue;
		/* Only the last record may be taken for a torn one. */
		if (i < last * 8 || strcmp(all, "ab") != 0)
			fail_msg("bit %zu: state \"%s\"", i, all);
	}
	close(fd);
}

/* Without a record from the middle it would be an older state: refused. */
static void
missing_record_is_no_state(void **state)
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
	    -EBADMSG);
	assert_string_equal(all, "");
	close(fd);
}

/* Nor does what somebody did to the newest state bring an older one back. */
static void
tampering_does_not_bring_the_predecessor_back(void **state)
{
	struct seal_keys k = keys_of(1, key1, key2);
	uint8_t zero[8] = { 0 };
	int fd = file_new();
	struct seal s = writer(fd, 1, key1, "old"), n;
	off_t at;

	(void)state;
	(void)s;
	n = writer(fd, 2, key2, "new");
	at = lseek(fd, 0, SEEK_END);
	put(&n, SEAL_RECORD, "er");
	put(&n, SEAL_RECORD, "est");
	assert_string_equal(state_of(fd, &k), "newerest");
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	assert_int_equal(pwrite(fd, zero, sizeof(zero), at + 20), 8);
	assert_string_equal(state_of(fd, &k), "!");
	close(fd);
}

/* policyd's database was set back: the number was given out before. */
static void
number_that_was_used_is_noticed(void **state)
{
	int fd = file_new();
	struct seal s = writer(fd, 3, key1, "a");
	uint8_t *p;
	size_t len;

	(void)state;
	(void)s;
	assert_int_equal(seal_read(fd, &p, &len), 0);
	assert_true(seal_used((struct chunk){ p, len }, 3, key1));
	assert_false(seal_used((struct chunk){ p, len }, 3, key2));
	assert_false(seal_used((struct chunk){ p, len }, 4, key1));
	assert_false(seal_used((struct chunk){ p, 0 }, 3, key1));
	free(p);
	close(fd);
}

/* A snapshot is due after 1 MiB, but not when it is larger than the rest. */
static void
log_is_full_after_a_mebibyte(void **state)
{
	static uint8_t big[SEAL_REC_MAX];
	struct chunk c = { big, sizeof(big) };
	int fd = file_new(), n = 0;
	struct seal s = writer(fd, 1, key1, "a");

	(void)state;
	for (; !seal_full(&s); n++)
		assert_int_equal(seal_put(&s, SEAL_RECORD, c), 0);
	assert_in_range(n, 120, 128);
	put(&s, SEAL_BEGIN, "");
	for (int i = 0; i < 300; i++)
		assert_int_equal(seal_put(&s, SEAL_RECORD, c), 0);
	put(&s, SEAL_COMPLETE, "");
	for (n = 0; !seal_full(&s); n++)
		assert_int_equal(seal_put(&s, SEAL_RECORD, c), 0);
	assert_in_range(n, 300, 301);
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
	assert_int_equal(seal_init(&s, fd, 1, key1), 0);
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
	assert_int_equal(seal_punch(&s), 0);
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
	return crypto_init() != 0 || secret_init() != 0;
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
		cmocka_unit_test(missing_record_is_no_state),
		cmocka_unit_test(tampering_does_not_bring_the_predecessor_back),
		cmocka_unit_test(number_that_was_used_is_noticed),
		cmocka_unit_test(log_is_full_after_a_mebibyte),
		cmocka_unit_test(rolled_back_file_gives_an_older_state),
		cmocka_unit_test(no_nonce_is_used_twice),
		cmocka_unit_test(largest_record_fits),
		cmocka_unit_test(punched_file_is_small_and_readable),
	};

	return cmocka_run_group_tests(tests, crypto_up, NULL);
}
