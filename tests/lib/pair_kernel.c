/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/ike/hdr.h"
#include "tests/lib/pair_int.h"

/* -- what must never repeat --------------------------------------------- */

/* The same value may come again only with the same octets around it. */
static void
see_once(struct world *w, unsigned int host, bool spi, const uint8_t *value,
    const uint8_t *msg, size_t len)
{
	struct chunk all = { msg, len };
	struct seen s = { .host = host, .spi = spi };

	memcpy(s.value, value, 8);
	must(sha256(&all, 1, s.digest) == 0);
	for (size_t i = 0; i < w->n_seen; i++)
		if (w->seen[i].host == host && w->seen[i].spi == spi &&
		    memcmp(w->seen[i].value, value, 8) == 0) {
			must(memcmp(w->seen[i].digest, s.digest, 32) == 0);
			return;
		}
	if (w->n_seen == w->cap_seen) {
		w->cap_seen = w->cap_seen * 2 + 64;
		w->seen = realloc(w->seen, w->cap_seen * sizeof(s));
		must(w->seen != NULL);
	}
	w->seen[w->n_seen++] = s;
}

/*
 * An initiator may have to send another key or a cookie under the same SPI
 * (RFC 7296 2.6, 2.7): its nonce stays.
 */
static struct chunk
what_stays(const struct ike_hdr *h, const uint8_t *p, size_t len)
{
	struct ike_init_view v;

	if (h->flags & IKE_F_RESPONSE)
		return (struct chunk){ p, len };
	must(ike_init_view((struct chunk){ p, len }, &v) == 0);
	return v.nonce;
}

void
check_packet(struct world *w, unsigned int host, const uint8_t *p, size_t len)
{
	uint8_t slot = w->host[host].conf.slot;
	const uint8_t *own;
	struct ike_hdr hdr;
	struct rbuf rb;
	size_t at = IKE_HDR_LEN + 4;
	struct chunk c;

	rb_init(&rb, p, len);
	must(ike_hdr_get(&rb, &hdr) == 0);
	own = hdr.flags & IKE_F_INITIATOR ? hdr.spi_i : hdr.spi_r;
	if (hdr.exchange != IKE_SA_INIT) {
		must(own[0] == slot && len > IKE_HDR_LEN + 16);
		at += hdr.next == PLD_SKF ? 4 : 0; /* number and total */
		see_once(w, host, false, p + at, p, len);
	} else if (memcmp(own, "\0\0\0\0\0\0\0\0", 8) != 0) {
		must(own[0] == slot); /* or groupd could not route */
		c = what_stays(&hdr, p, len);
		see_once(w, host, true, own, c.p, c.len);
	}
}

static void
see_out_key(struct world *w, const uint8_t key[36])
{
	for (size_t i = 0; i < w->n_out_keys; i++)
		must(memcmp(w->out_keys[i], key, 36) != 0);
	must(w->n_out_keys < NITEMS(w->out_keys));
	memcpy(w->out_keys[w->n_out_keys++], key, 36);
}

/* -- the kernel --------------------------------------------------------- */

static struct ksa_seen *
find(struct host *h, uint32_t spi, const struct addr *dst)
{
	for (size_t i = 0; i < W_SAS; i++)
		if (h->sa[i].there && h->sa[i].spi == spi &&
		    addr_eq(&h->sa[i].dst, dst))
			return &h->sa[i];
	return NULL;
}

static void
check_request(const struct host *h, const struct km_fx *e)
{
	static const uint8_t zero[36];

	must(e->sa.spi > 255);
	must(e->sa.dir == SA_OUT || e->sa.dir == SA_IN);
	must((e->sa.dir == SA_OUT) == (h->conf.role == ROLE_SENDER));
	must(e->sa.src.len == e->sa.dst.len && e->sa.src.len > 0);
	must(memcmp(e->sa.key, zero, 36) != 0);
	must(e->sa.hard_s > 0 && e->sa.hard_s <= h->conf.lifetime_s);
	must(e->sa.soft_s <= e->sa.hard_s && e->sa.replay == 128);
	must(e->sa.hard_packets <= UINT32_MAX);
	must(e->sa.soft_packets <= e->sa.hard_packets);
}

static enum ipc_status
add(struct world *w, struct host *h, const struct km_fx *e)
{
	for (size_t i = 0; i < W_SAS; i++) {
		struct ksa_seen *k = &h->sa[i];

		if (k->there)
			continue;
		if (e->sa.dir == SA_OUT)
			see_out_key(w, e->sa.key);
		*k = (struct ksa_seen){ .there = true,
			.dir = e->sa.dir,
			.spi = e->sa.spi,
			.src = e->sa.src,
			.dst = e->sa.dst,
			/* Linux counts from the full second. */
			.end_ms =
			    w->now / 1000 * 1000 + e->sa.hard_s * 1000ull };
		memcpy(k->key, e->sa.key, sizeof(k->key));
		return ST_OK;
	}
	must(false);
	return ST_ERROR;
}

enum ipc_status
kernel_do(struct world *w, struct host *h, const struct km_fx *e)
{
	struct ksa_seen *k = find(h, e->sa.spi, &e->sa.dst);
	bool same;

	if (e->kind == KM_FX_SA_DELETE) {
		if (k == NULL)
			return ST_MISSING;
		k->there = false;
		return ST_OK;
	}
	check_request(h, e);
	same = k != NULL && k->dir == e->sa.dir &&
	       addr_eq(&k->src, &e->sa.src) &&
	       memcmp(k->key, e->sa.key, sizeof(k->key)) == 0;
	if (k != NULL)
		return same && e->sa.mode != SA_NEW ? ST_OK : ST_CONFLICT;
	return e->sa.mode == SA_VERIFY ? ST_MISSING : add(w, h, e);
}

void
kernel_time(struct world *w)
{
	for (unsigned int i = 0; i < W_HOSTS; i++)
		for (size_t j = 0; j < W_SAS; j++)
			if (w->host[i].sa[j].end_ms <= w->now)
				w->host[i].sa[j].there = false;
}

/* -- what a test asks --------------------------------------------------- */

enum group_state
world_state(const struct world *w, unsigned int i)
{
	struct km_status st;

	km_status(w->host[i].km, w->now, &st);
	return st.state;
}

const char *
world_detail(const struct world *w, unsigned int i)
{
	struct km_status st;

	km_status(w->host[i].km, w->now, &st);
	return st.detail;
}

uint64_t
world_count(const struct world *w, unsigned int i, const char *name)
{
	struct km_count c[64];
	size_t n = km_counts(w->host[i].km, c, NITEMS(c));

	for (size_t j = 0; j < n; j++)
		if (strcmp(c[j].name, name) == 0)
			return c[j].value;
	must(false);
	return 0;
}

bool
world_noted(const struct world *w, unsigned int i, const char *text)
{
	return strstr(w->host[i].notes, text) != NULL;
}

size_t
world_sas(const struct world *w, unsigned int i, enum sa_dir dir)
{
	size_t n = 0;

	for (size_t j = 0; j < W_SAS; j++)
		n += w->host[i].sa[j].there && w->host[i].sa[j].dir == dir;
	return n;
}

/* The newest outbound SA of an address is the one that the kernel takes. */
bool
world_can_read(
    const struct world *w, unsigned int receiver, unsigned int sender)
{
	const struct host *s = &w->host[sender], *r = &w->host[receiver];

	if (world_sas(w, sender, SA_OUT) == 0)
		return false;
	for (size_t i = 0; i < W_SAS; i++) {
		const struct ksa_seen *o = &s->sa[i];
		bool newest = true, have = false;

		if (!o->there)
			continue;
		for (size_t j = 0; j < W_SAS; j++) {
			if (s->sa[j].there && addr_eq(&s->sa[j].dst, &o->dst) &&
			    s->sa[j].end_ms > o->end_ms)
				newest = false;
			if (r->sa[j].there && r->sa[j].spi == o->spi &&
			    addr_eq(&r->sa[j].dst, &o->dst) &&
			    memcmp(r->sa[j].key, o->key, 36) == 0)
				have = true;
		}
		if (newest && !have)
			return false;
	}
	return true;
}
