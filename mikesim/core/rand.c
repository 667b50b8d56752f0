/* SPDX-License-Identifier: ISC */
/* A whole method is the one way in that needs no configuration of OpenSSL. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "mikesim/core/rand.h"

#include <errno.h>

#include <openssl/rand.h>

static _Thread_local struct rng *using;

void
rand_use(struct rng *r)
{
	using = r;
}

int
rand_draw(void *arg, void *out, size_t len)
{
	(void)arg;
	if (using == NULL)
		return -EIO;
	rng_fill(using, out, len);
	return 0;
}

static int
bytes(unsigned char *out, int len)
{
	return len >= 0 && rand_draw(NULL, out, (size_t)len) == 0;
}

static int
seed(const void *p, int len)
{
	(void)p;
	(void)len;
	return 1;
}

static int
add(const void *p, int len, double entropy)
{
	(void)entropy;
	return seed(p, len);
}

static int
status(void)
{
	return 1;
}

int
rand_replace(void)
{
	static const RAND_METHOD method = { .seed = seed,
		.bytes = bytes,
		.add = add,
		.pseudorand = bytes,
		.status = status };

	return RAND_set_rand_method(&method) == 1 ? 0 : -EIO;
}
