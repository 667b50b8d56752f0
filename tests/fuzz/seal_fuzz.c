/* SPDX-License-Identifier: ISC */
/*
 * A state file that somebody wrote into: the input is XORed over a good file
 * (so that the fuzzer reaches behind the AEAD), cut to its length.  Whatever
 * comes out must be a prefix of what was written.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

#include "keymgrd/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t good[1024];
static size_t good_len;
static struct seal_keys keys = { .first = 1, .n = 2 };

static void
file_make(void)
{
	int fd = memfd_create("state", 0);
	struct seal s;

	if (crypto_init() != 0 || secret_init() != 0 || fd < 0 ||
	    fcntl(fd, F_SETFL, O_APPEND) != 0)
		abort();
	for (uint16_t n = 1; n <= 2; n++) {
		keys.key[n - 1][0] = (uint8_t)n;
		if (seal_init(&s, fd, n, keys.key[n - 1]) ||
		    seal_put(&s, SEAL_BEGIN, (struct chunk){ NULL, 0 }) ||
		    seal_put(&s, SEAL_RECORD,
			(struct chunk){ (const uint8_t *)"ab", 2 }) ||
		    seal_put(&s, SEAL_COMPLETE, (struct chunk){ NULL, 0 }) ||
		    seal_put(&s, SEAL_RECORD,
			(struct chunk){ (const uint8_t *)"cd", 2 }))
			abort();
		seal_fini(&s);
	}
	good_len = (size_t)lseek(fd, 0, SEEK_END);
	if (good_len > sizeof(good) ||
	    pread(fd, good, good_len, 0) != (ssize_t)good_len)
		abort();
	close(fd);
}

static int
check(void *arg, struct chunk rec)
{
	static const char *const want[] = { "ab", "cd" };
	size_t *n = arg;

	if (*n >= 2 || rec.len != 2 || memcmp(rec.p, want[*n], 2) != 0)
		abort(); /* a record that nobody wrote */
	++*n;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t file[sizeof(good)];
	size_t n = 0, len;

	if (good_len == 0)
		file_make();
	len = size < good_len ? size : good_len;
	memcpy(file, good, len);
	for (size_t i = 0; i < len; i++)
		file[i] ^= data[i];
	if (seal_scan((struct chunk){ file, len }, &keys, check, &n) > 2)
		abort();
	return 0;
}
