/* SPDX-License-Identifier: ISC */
/*
 * What must always hold.  Rules by name, as they are printed:
 *
 *   allowed    a key only where policy allows one
 *   one-spi    one key and one sender under an SPI and address
 *   once       no IV, SPI or Message ID twice, but with the same octets
 *   in-first   who is connected can read before a sender sends
 *   current    after quiet, who can be reached holds the current keys
 *   left       nothing in the kernel of who has left
 *   closed     no SA without the policies that close the group
 *   state, start, seal    a key manager comes back from its state
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ike/hdr.h"
#include "mikesim/core/site.h"

/* -- a table of what was seen --------------------------------------------- */

struct pair {
	uint64_t key, value; /* hashes; key 0: free */
};

struct seen {
	struct pair *v;
	size_t n, size; /* a power of two */
	/* SAs that senders installed, for the other sites. */
	struct pair *fresh;
	size_t n_fresh, cap_fresh;
};

struct seen *
seen_new(void)
{
	return calloc(1, sizeof(struct seen));
}

void
seen_free(struct seen **s)
{
	if (*s == NULL)
		return;
	free((*s)->v);
	free((*s)->fresh);
	free(*s);
	*s = NULL;
}

/* FNV-1a, and a last stir: nobody aims at this table. */
static uint64_t
hash(uint64_t h, const void *p, size_t len)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x100000001b3u;
	return h;
}

#define HASH0 0xcbf29ce484222325u

static uint64_t
stir(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	return h != 0 ? h : 1;
}

static struct pair *
slot_of(const struct seen *s, uint64_t key)
{
	size_t i = key & (s->size - 1);

	while (s->v[i].key != 0 && s->v[i].key != key)
		i = (i + 1) & (s->size - 1);
	return &s->v[i];
}

static int
grow(struct seen *s)
{
	struct seen bigger = { .size = s->size > 0 ? s->size * 2 : 1024 };

	if ((bigger.v = calloc(bigger.size, sizeof(*bigger.v))) == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->size; i++)
		if (s->v[i].key != 0)
			*slot_of(&bigger, s->v[i].key) = s->v[i];
	free(s->v);
	s->v = bigger.v;
	s->size = bigger.size;
	return 0;
}

/* 1: new; 0: seen with the same value; -EEXIST: with another; -ENOMEM. */
static int
see(struct seen *s, uint64_t key, uint64_t value)
{
	struct pair *p;

	if (s->n * 2 >= s->size && grow(s) != 0)
		return -ENOMEM;
	p = slot_of(s, key);
	if (p->key == key)
		return p->value == value ? 0 : -EEXIST;
	*p = (struct pair){ key, value };
	s->n++;
	return 1;
}

/* -- complaints ----------------------------------------------------------- */

void
inv_broken(
    struct site *s, struct host *h, const char *rule, const char *fmt, ...)
{
	struct obs o = { .t = s->now, .host = h->no, .kind = OBS_BROKEN };
	char name[SCENE_HOST_NAME], text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (s->broken++ == 0) {
		s->why_at = s->now;
		snprintf(s->why, sizeof(s->why), "%s: %s at %llu.%03llu s: %s",
		    rule, scene_host_name(s->sim->scene, h->no, name),
		    (unsigned long long)(s->now / NS_PER_S),
		    (unsigned long long)(s->now / NS_PER_MS % 1000), text);
	}
	o.broken.rule = rule;
	o.broken.text = text;
	show(s, &o);
}

static void
once(struct site *s, struct host *h, const char *what, uint64_t key,
    uint64_t value)
{
	int r = see(s->seen, stir(key), value);

	if (r == -EEXIST)
		inv_broken(s, h, "once", "%s is used a second time", what);
	else if (r == -ENOMEM)
		site_fail(s, r);
}

/* -- messages ------------------------------------------------------------- */

/*
 * An initiator may have to send another key or a cookie under the same SPI
 * (RFC 7296 2.6, 2.7): its nonce stays.
 */
static uint64_t
what_stays(const struct ike_hdr *h, struct chunk data)
{
	struct ike_init_view v;

	if ((h->flags & IKE_F_RESPONSE) == 0 && ike_init_view(data, &v) == 0)
		data = v.nonce;
	return hash(HASH0, data.p, data.len);
}

static void
see_protected(struct site *s, struct host *h, const struct ike_hdr *hdr,
    struct chunk data)
{
	uint64_t value = hash(HASH0, data.p, data.len), key;
	size_t at = IKE_HDR_LEN + 4, frag = hdr->next == PLD_SKF ? 4 : 0;
	uint8_t ways = hdr->flags & (IKE_F_INITIATOR | IKE_F_RESPONSE);

	if (data.len < at + frag + 8)
		return;
	key = hash(HASH0, "I", 1);
	key = hash(key, &h->no, sizeof(h->no));
	once(s, h, "an IV", hash(key, data.p + at + frag, 8), value);
	key = hash(HASH0, "M", 1);
	key = hash(key, data.p, 16); /* SPIs */
	key = hash(key, &ways, 1);
	key = hash(key, data.p + 20, 4); /* Message ID */
	once(s, h, "a Message ID", hash(key, data.p + at, frag), value);
}

void
inv_packet(struct site *s, struct host *h, struct chunk data)
{
	static const uint8_t none[8];
	const uint8_t *own;
	struct ike_hdr hdr;
	struct rbuf rb;
	uint64_t key;

	if (s->seen == NULL)
		return;
	rb_init(&rb, data.p, data.len);
	if (ike_hdr_get(&rb, &hdr) != 0) {
		inv_broken(s, h, "once", "a datagram without an IKE header");
		return;
	}
	if (hdr.exchange != IKE_SA_INIT) {
		see_protected(s, h, &hdr, data);
		return;
	}
	own = hdr.flags & IKE_F_INITIATOR ? hdr.spi_i : hdr.spi_r;
	if (memcmp(own, none, sizeof(none)) == 0)
		return;
	key = hash(HASH0, "S", 1);
	key = hash(key, &h->no, sizeof(h->no));
	once(s, h, "an IKE SPI", hash(key, own, 8), what_stays(&hdr, data));
}

/* -- SAs ------------------------------------------------------------------ */

static void
remember(struct site *s, struct pair p)
{
	struct seen *t = s->seen;
	size_t cap = t->cap_fresh > 0 ? t->cap_fresh * 2 : 16;
	struct pair *v;

	if (t->n_fresh == t->cap_fresh) {
		if ((v = reallocarray(t->fresh, cap, sizeof(*v))) == NULL) {
			site_fail(s, -ENOMEM);
			return;
		}
		t->fresh = v;
		t->cap_fresh = cap;
	}
	t->fresh[t->n_fresh++] = p;
}

static void
see_sa(struct site *s, struct host *h, const struct ksa_in *k)
{
	struct pair p = { hash(HASH0, "A", 1), HASH0 };
	int r;

	p.key = hash(p.key, &k->cls, 1);
	p.key = stir(hash(p.key, &k->spi, sizeof(k->spi)));
	p.value = hash(p.value, k->key, sizeof(k->key));
	p.value = hash(p.value, k->src.b, sizeof(k->src.b));
	r = see(s->seen, p.key, p.value);
	if (r == -EEXIST)
		inv_broken(s, h, "one-spi",
		    "another key or sender under SPI %08x", k->spi);
	else if (r == -ENOMEM)
		site_fail(s, r);
	else if (r == 1 && k->dir == SA_OUT)
		remember(s, p);
}

void
inv_installed(struct site *s, struct host *h, const struct ksa_in *k)
{
	const struct scene_recv *recv = s->kind[h->kind].recv;

	if (recv != NULL && recv->hostile)
		inv_broken(s, h, "allowed",
		    "a key for a host that the policy does not admit");
	if (h->life != L_RUN && h->life != L_PARTING && h->life != L_NONE)
		inv_broken(s, h, "left", "an SA after leaving");
	if (!h->spd)
		inv_broken(s, h, "closed", "an SA without policies");
	if (s->seen != NULL)
		see_sa(s, h, k);
}

void
inv_left(struct site *s, struct host *h)
{
	if (h->n_sa > 0)
		inv_broken(s, h, "left", "%u SAs stay behind", h->n_sa);
}

/* Nothing has disturbed it for so long. */
static bool
is_calm(const struct site *s, const struct host *h, t_ns span)
{
	return host_is_up(h, SD_HOST) && h->dead == 0 && !h->link_down &&
	       h->emcon == EMCON_TRANSMIT && h->fault_at + span <= s->now &&
	       !h->evil;
}

/* Is the site's sender the one that it has its keys of? */
static bool
is_served_here(const struct site *s, const struct host *h)
{
	char name[SCENE_HOST_NAME];
	struct km_status st;

	if (h->km == NULL || h->km_phase != KP_RUN)
		return false;
	km_status(h->km, host_boot_ms(s, h), &st);
	return st.state == GS_KEYED &&
	       strcmp(st.gcks, scene_host_name(s->sim->scene, s->no, name)) ==
		   0;
}

/*
 * The step before was offered until now, the next one since three quarters of
 * it: a receiver is connected that had no fault and lost no datagram in all
 * that time.  Chance may keep any other from renewing its keys.
 */
void
inv_outbound(struct site *s, struct host *h, const struct ksa_in *k)
{
	t_ns span = s->sim->scene->lifetime_s * NS_PER_S / 4;
	bool first = true;

	for (uint8_t i = 0; i < h->n_sa; i++)
		first &= &h->sa[i] == k || h->sa[i].dir != SA_OUT;
	if (s->seen == NULL || first || !is_calm(s, h, span) || s->n_parted > 0)
		return;
	for (uint32_t i = 1; i < s->n_host; i++) {
		struct host *r = &s->host[i];

		if (is_calm(s, r, span) && r->lost_at + span <= s->now &&
		    is_served_here(s, r) && !kernel_can_read(r, k->cls, k->spi))
			inv_broken(s, r, "in-first",
			    "its sender sends under SPI %08x, which it does "
			    "not have",
			    k->spi);
	}
}

/*
 * From a sender's switch on: two exchanges with all their repeats, for whom
 * chance has kept from renewing before it.
 */
#define SETTLE_NS (45 * NS_PER_S)

/* -- among sites, and at the end ------------------------------------------ */

void
inv_merge(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->scene->senders; i++) {
		struct site *s = &sim->site[i];
		struct seen *t = s->seen;

		for (size_t j = 0; t != NULL && j < t->n_fresh; j++)
			if (see(sim->seen, t->fresh[j].key,
				t->fresh[j].value) == -EEXIST)
				inv_broken(s, &s->host[0], "one-spi",
				    "an SPI that another sender has");
		if (t != NULL)
			t->n_fresh = 0;
	}
}

static const struct host *
server_of(const struct sim *sim, const struct site *s, const struct host *h)
{
	char name[SCENE_HOST_NAME];
	struct km_status st;

	km_status(h->km, host_boot_ms(s, h), &st);
	for (uint32_t i = 0; i < sim->scene->senders; i++)
		if (strcmp(st.gcks, scene_host_name(sim->scene, i, name)) == 0)
			return &sim->site[i].host[0];
	return NULL;
}

static void
check_current(const struct sim *sim, struct site *s, struct host *h)
{
	const struct host *from;
	const struct ksa_in *k;

	if (h->km == NULL || h->km_phase != KP_RUN || h->phase != PHASE_KEYED) {
		inv_broken(s, h, "current", "no keys after quiet");
		return;
	}
	from = server_of(sim, s, h);
	if (from == NULL || !host_is_up(from, SD_HOST))
		return;
	k = kernel_out(from, 0);
	if (k != NULL && k->since + SETTLE_NS <= s->now &&
	    !kernel_can_read(h, 0, k->spi))
		inv_broken(s, h, "current",
		    "it cannot read what its sender sends under SPI %08x",
		    k->spi);
}

void
inv_end(struct sim *sim)
{
	t_ns quiet = sim->scene->quiet;

	if (quiet == 0 || sim->stopped)
		return;
	for (uint32_t i = 0; i < sim->scene->senders; i++) {
		struct site *s = &sim->site[i];

		s->now = sim->now;
		for (uint32_t j = 1; j < s->n_host; j++) {
			struct host *h = &s->host[j];

			if (h->joined && h->life != L_LEFT &&
			    s->n_parted == 0 && is_calm(s, h, quiet) &&
			    !s->kind[h->kind].recv->hostile)
				check_current(sim, s, h);
		}
	}
}
