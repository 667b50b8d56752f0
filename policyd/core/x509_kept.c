/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "policyd/core/x509_trust.h"

/* FNV-1a.  Collisions cost time only, and nobody gets here by guessing. */
static uint64_t
hash_of(struct chunk certs)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < certs.len; i++)
		h = (h ^ certs.p[i]) * 1099511628211u;
	return h;
}

static size_t
place_of(uint64_t hash)
{
	return (hash ^ hash >> 32) % X509_KEPT_MAX;
}

/*
 * Keeping costs as much as a third of a check, most of it for memory that has
 * gone cold.  It is for members that come again soon; of so many that they
 * push each other out of this table, none is kept.
 */
static bool
is_seen(struct x509_trust *t, uint64_t hash)
{
	uint32_t *s = &t->seen[(hash ^ hash >> 32) % X509_SEEN_MAX];
	uint32_t mark = (uint32_t)(hash >> 32) | 1; /* 0: nobody yet */
	bool seen = *s == mark;

	*s = mark;
	return seen;
}

const struct x509_chain *
x509_kept(const struct x509_trust *t, struct chunk certs, int64_t now,
    bool p384, uint32_t *valid_s)
{
	const struct kept *k = &t->kept[place_of(hash_of(certs))];

	if (k->chain == NULL || k->len != certs.len || k->p384 != p384 ||
	    memcmp(k->der, certs.p, certs.len) != 0)
		return NULL;
	/* Clocks go backwards too. */
	if (now < k->since || now >= k->until)
		return NULL;
	*valid_s = (uint32_t)(k->until - now);
	return k->chain;
}

void
x509_kept_free(struct kept *k)
{
	x509_chain_free(&k->chain);
	free(k->der);
	memset(k, 0, sizeof(*k));
}

void
x509_keep(struct x509_trust *t, struct x509_chain **c, struct chunk certs,
    int64_t now, bool p384, uint32_t valid_s)
{
	uint64_t hash = hash_of(certs);
	struct kept *k = &t->kept[place_of(hash)];
	/* What nobody needs could be varied without end, to fill the table. */
	bool again = t->no_ballast && is_seen(t, hash);
	uint8_t *der = again ? malloc(certs.len) : NULL;

	if (der == NULL)
		return;
	memcpy(der, certs.p, certs.len);
	x509_kept_free(k);
	*k = (struct kept){ .chain = *c,
		.der = der,
		.len = certs.len,
		.p384 = p384,
		.since = now,
		.until = now + valid_s };
	*c = NULL;
}
