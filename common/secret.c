/* SPDX-License-Identifier: ISC */
#include <sys/mman.h>

#include <bsd/string.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/secret.h"

/*
 * One pool of equal slots between two guard pages.  64 KiB stay below the
 * RLIMIT_MEMLOCK of an unprivileged process on every kernel we run on.
 */
#define SLOT_LEN 256
#define SLOTS 256
#define POOL_LEN ((size_t)SLOT_LEN * SLOTS)

struct secret {
	size_t len;
	bool used;
};

static struct secret slots[SLOTS];
static uint8_t *pool;

int
secret_init(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t body = (POOL_LEN + page - 1) / page * page;
	uint8_t *m;
	int e;

	if (pool != NULL)
		return 0;
	m = mmap(NULL, body + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);
	if (m == MAP_FAILED)
		return -errno;
	if (mprotect(m + page, body, PROT_READ | PROT_WRITE) == 0 &&
	    mlock(m + page, body) == 0 &&
	    madvise(m + page, body, MADV_DONTDUMP) == 0 &&
	    madvise(m + page, body, MADV_WIPEONFORK) == 0) {
		pool = m + page;
		return 0;
	}
	e = errno;
	(void)munmap(m, body + 2 * page);
	return -e;
}

struct secret *
secret_new(size_t len)
{
	if (pool == NULL || len > SLOT_LEN)
		return NULL;
	for (size_t i = 0; i < SLOTS; i++)
		if (!slots[i].used) {
			slots[i] = (struct secret){ len, true };
			return &slots[i]; /* zero: free slots are wiped */
		}
	return NULL;
}

struct secret *
secret_from(const void *p, size_t len)
{
	struct secret *s = secret_new(len);

	if (s != NULL && len != 0)
		memcpy(secret_bytes(s), p, len);
	return s;
}

uint8_t *
secret_bytes(struct secret *s)
{
	must(s >= slots && s < slots + SLOTS && s->used);
	return pool + (size_t)(s - slots) * SLOT_LEN;
}

size_t
secret_len(const struct secret *s)
{
	return s->len;
}

void
secret_free(struct secret **s)
{
	if (*s == NULL)
		return;
	/* The whole slot: a caller may have written past len. */
	explicit_bzero(secret_bytes(*s), SLOT_LEN);
	**s = (struct secret){ 0 };
	*s = NULL;
}

bool
secret_eq(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
