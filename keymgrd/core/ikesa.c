/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/ikesa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

int
satab_init(struct satab *t, size_t members, const struct km *km)
{
	size_t buckets = 64;
	int r;

	memset(t, 0, sizeof(*t));
	while (buckets < members && buckets < 65536)
		buckets *= 2;
	t->mask = buckets - 1;
	if ((r = km_rand(km, t->seed, sizeof(t->seed))) != 0)
		return r;
	for (size_t i = 0; i < INDEXES; i++) {
		t->bucket[i] = calloc(buckets, sizeof(struct ikesa *));
		if (t->bucket[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

void
satab_fini(struct satab *t, struct timers *timers)
{
	for (size_t b = 0; t->bucket[BY_SPI] != NULL && b <= t->mask; b++)
		while (t->bucket[BY_SPI][b] != NULL)
			satab_drop(t, timers, t->bucket[BY_SPI][b]);
	for (size_t i = 0; i < INDEXES; i++)
		free(t->bucket[i]);
	memset(t, 0, sizeof(*t));
}

struct ikesa *
ikesa_new(void)
{
	struct ikesa *sa = calloc(1, sizeof(*sa));

	if (sa == NULL)
		return NULL;
	if ((sa->hs = calloc(1, sizeof(*sa->hs))) == NULL) {
		free(sa);
		return NULL;
	}
	return sa;
}

void
handshake_free(struct handshake **hs)
{
	struct handshake *h = *hs;

	if (h == NULL)
		return;
	free(h->peer_init);
	free(h->own_init);
	sk_plain_free(&h->request);
	freezero(h, sizeof(*h));
	*hs = NULL;
}

void
ikesa_free(struct ikesa **sa)
{
	struct ikesa *s = *sa;

	if (s == NULL)
		return;
	must(s->in == 0 && s->timer.pos == 0);
	handshake_free(&s->hs);
	free(s->resp);
	free(s->who);
	sk_frags_free(&s->frags);
	freezero(s, sizeof(*s));
	*sa = NULL;
}

static struct ikesa **
bucket_of(const struct satab *t, enum ikesa_index ix, uint64_t key)
{
	/* BY_REQ counts up: spread it as well as the random ones are. */
	return &t->bucket[ix][(key ^ key >> 32) & t->mask];
}

void
satab_put(struct satab *t, enum ikesa_index ix, uint64_t key, struct ikesa *sa)
{
	struct ikesa **b = bucket_of(t, ix, key);

	must((sa->in & 1u << ix) == 0);
	sa->key[ix] = key;
	sa->next[ix] = *b;
	*b = sa;
	sa->in |= (uint8_t)(1u << ix);
	if (ix == BY_REQ)
		t->n_busy++;
	if (ix == BY_SPI) {
		t->n++;
		t->n_half += !sa->authentic;
	}
}

void
satab_take(struct satab *t, enum ikesa_index ix, struct ikesa *sa)
{
	struct ikesa **p;

	if ((sa->in & 1u << ix) == 0)
		return;
	p = bucket_of(t, ix, sa->key[ix]);
	while (*p != sa)
		p = &(*p)->next[ix];
	*p = sa->next[ix];
	sa->in &= (uint8_t) ~(1u << ix);
	if (ix == BY_REQ)
		t->n_busy--;
	if (ix == BY_SPI) {
		t->n--;
		t->n_half -= !sa->authentic;
	}
}

struct ikesa *
satab_get(const struct satab *t, enum ikesa_index ix, uint64_t key)
{
	struct ikesa *sa = *bucket_of(t, ix, key);

	while (sa != NULL && sa->key[ix] != key)
		sa = sa->next[ix];
	return sa;
}

void
satab_drop(struct satab *t, struct timers *timers, struct ikesa *sa)
{
	for (unsigned int i = 0; i < INDEXES; i++)
		satab_take(t, (enum ikesa_index)i, sa);
	timer_stop(timers, &sa->timer);
	ikesa_free(&sa);
}

void
satab_open(struct satab *t, struct ikesa *sa)
{
	must(sa->in & 1u << BY_SPI && !sa->authentic);
	t->n_half--;
	sa->authentic = true;
	sa->state = RS_OPEN;
}

void
satab_end(struct satab *t, struct ikesa *sa)
{
	satab_take(t, BY_REQ, sa);
	satab_take(t, BY_ID, sa);
	t->n_half += sa->authentic;
	sa->authentic = false;
	sa->state = RS_DEAD;
}

uint64_t
satab_spi_key(const uint8_t spi[8])
{
	uint64_t key = 0;

	for (size_t i = 0; i < 8; i++)
		key = key << 8 | spi[i];
	return key;
}

int
satab_hash(const struct satab *t, const struct endpoint *peer,
    struct chunk data, uint64_t *key)
{
	uint8_t digest[SHA256_LEN];
	uint8_t port[2] = { 0 };
	struct chunk in[4] = {
		{ t->seed, sizeof(t->seed) },
		{ NULL, 0 },
		{ port, sizeof(port) },
		data,
	};
	int r;

	if (peer != NULL) {
		in[1] = (struct chunk){ peer->addr.b, peer->addr.len };
		port[0] = (uint8_t)(peer->port >> 8);
		port[1] = (uint8_t)(peer->port & 0xff);
	}
	if ((r = sha256(in, NITEMS(in), digest)) != 0)
		return r;
	*key = satab_spi_key(digest);
	return 0;
}
