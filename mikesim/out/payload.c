/* SPDX-License-Identifier: ISC */

#include "mikesim/out/payload.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "keymgrd/core/ike/keys.h"
#include "keymgrd/core/ike/sk_int.h"

#define PAYLOADS_MAX 64 /* more are not shown */
#define SPIS 16
#define CAP_FIRST 64 /* power of two, as all */

/* -- keys ----------------------------------------------------------------- */

struct entry {
	bool used;
	uint8_t spis[SPIS];
	struct sk_key i, r;
};

struct payload_keys {
	struct entry *v;
	size_t n, cap;
	/* The message in fragments of which one came last, and whose it is. */
	struct sk_frags *frags;
	uint8_t frag_spis[SPIS], frag_from_i;
	/* What was said last: several ask. */
	bool any;
	uint64_t last_id;
	char last[PAYLOAD_TEXT];
};

struct payload_keys *
payload_keys_new(void)
{
	return calloc(1, sizeof(struct payload_keys));
}

void
payload_keys_free(struct payload_keys **k)
{
	if (*k == NULL)
		return;
	sk_frags_free(&(*k)->frags);
	freezero((*k)->v, (*k)->cap * sizeof((*k)->v[0]));
	freezero(*k, sizeof(**k));
	*k = NULL;
}

/* FNV-1a, with its high half folded in: SPIs are random, slots are not. */
static size_t
hash(const uint8_t spis[SPIS])
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < SPIS; i++)
		h = (h ^ spis[i]) * 0x100000001b3;
	return (size_t)(h ^ h >> 32);
}

/* Its place, or the free one where it would be; there is always one free. */
static struct entry *
place(struct entry *v, size_t cap, const uint8_t spis[SPIS])
{
	size_t i = hash(spis) & (cap - 1);

	while (v[i].used && memcmp(v[i].spis, spis, SPIS) != 0)
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static int
grow(struct payload_keys *k)
{
	size_t cap = k->cap > 0 ? k->cap * 2 : CAP_FIRST;
	struct entry *v = calloc(cap, sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < k->cap; i++)
		if (k->v[i].used)
			*place(v, cap, k->v[i].spis) = k->v[i];
	freezero(k->v, k->cap * sizeof(k->v[0]));
	k->v = v;
	k->cap = cap;
	return 0;
}

int
payload_keys_take(struct payload_keys *k, const struct obs *o)
{
	uint8_t spis[SPIS];
	struct entry *e;
	bool is_new;

	if (o->kind != OBS_KEYS)
		return 0;
	if (k->n + k->n / 2 >= k->cap && grow(k) != 0)
		return -ENOMEM;
	memcpy(spis, o->keys.spi_i, 8);
	memcpy(spis + 8, o->keys.spi_r, 8);
	e = place(k->v, k->cap, spis);
	is_new = !e->used;
	k->n += is_new;
	/* The last ones count: a peer that began anew uses those. */
	e->used = true;
	memcpy(e->spis, spis, SPIS);
	e->i = o->keys.keys->i;
	e->r = o->keys.keys->r;
	return is_new;
}

static const struct entry *
find(const struct payload_keys *k, const struct ike_hdr *h)
{
	uint8_t spis[SPIS];
	const struct entry *e;

	if (k == NULL || k->cap == 0)
		return NULL;
	memcpy(spis, h->spi_i, 8);
	memcpy(spis + 8, h->spi_r, 8);
	e = place(k->v, k->cap, spis);
	return e->used ? e : NULL;
}

/* -- names ---------------------------------------------------------------- */

struct named {
	uint16_t number;
	const char *name;
};

static const struct named payloads[] = {
	{ PLD_SA, "SA" },
	{ PLD_IDI, "IDi" },
	{ PLD_IDR, "IDr" },
	{ PLD_CERT, "CERT" },
	{ PLD_CERTREQ, "CERTREQ" },
	{ PLD_AUTH, "AUTH" },
	{ PLD_DELETE, "D" },
	{ PLD_VENDOR, "V" },
	{ PLD_TSI, "TSi" },
	{ PLD_TSR, "TSr" },
	{ PLD_IDG, "IDg" },
	{ PLD_GSA, "GSA" },
	{ PLD_KD, "KD" },
	{ PLD_SK, "SK" }, /* behind others, which no message of ours has */
	{ PLD_SKF, "SKF" },
};

static const struct named notifies[] = {
	{ N_UNSUPPORTED_CRITICAL_PAYLOAD, "UNSUPPORTED_CRITICAL_PAYLOAD" },
	{ N_INVALID_SYNTAX, "INVALID_SYNTAX" },
	{ N_NO_PROPOSAL_CHOSEN, "NO_PROPOSAL_CHOSEN" },
	{ N_INVALID_KE_PAYLOAD, "INVALID_KE_PAYLOAD" },
	{ N_AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED" },
	{ N_NO_ADDITIONAL_SAS, "NO_ADDITIONAL_SAS" },
	{ N_TEMPORARY_FAILURE, "TEMPORARY_FAILURE" },
	{ N_INVALID_GROUP_ID, "INVALID_GROUP_ID" },
	{ N_AUTHORIZATION_FAILED, "AUTHORIZATION_FAILED" },
	{ N_REGISTRATION_FAILED, "REGISTRATION_FAILED" },
	{ N_COOKIE, "COOKIE" },
	{ N_USE_TRANSPORT_MODE, "USE_TRANSPORT_MODE" },
	{ N_CHILDLESS_IKEV2_SUPPORTED, "CHILDLESS_IKEV2_SUPPORTED" },
	{ N_GROUP_SENDER, "GROUP_SENDER" },
	{ N_FRAGMENTATION_SUPPORTED, "IKEV2_FRAGMENTATION_SUPPORTED" },
	{ N_SIGNATURE_HASH_ALGORITHMS, "SIGNATURE_HASH_ALGORITHMS" },
	{ N_USE_PPK, "USE_PPK" },
	{ N_PPK_IDENTITY, "PPK_IDENTITY" },
	{ N_MIKE_GROUP, "MIKE_GROUP" },
};

static const struct named groups[] = {
	{ KE_P256, "P-256" },
	{ KE_P384, "P-384" },
	{ KE_X25519, "X25519" },
};

static const struct named exchanges[] = {
	{ IKE_SA_INIT, "IKE_SA_INIT" },
	{ IKE_AUTH, "IKE_AUTH" },
	{ IKE_CREATE_CHILD_SA, "CREATE_CHILD_SA" },
	{ IKE_INFORMATIONAL, "INFORMATIONAL" },
	{ GSA_AUTH, "GSA_AUTH" },
	{ GSA_REGISTRATION, "GSA_REGISTRATION" },
	{ GSA_REKEY, "GSA_REKEY" },
	{ GSA_INBAND_REKEY, "GSA_INBAND_REKEY" },
};

static const char *
name_of(const struct named *v, size_t n, unsigned int number)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].number == number)
			return v[i].name;
	return NULL;
}

const char *
payload_exchange(uint8_t exchange)
{
	return name_of(exchanges, NITEMS(exchanges), exchange);
}

/* -- text ----------------------------------------------------------------- */

struct text {
	char *p;
	size_t size, len;
};

static void add(struct text *t, const char *format, ...) PRINTF_LIKE(2, 3);
static void
add(struct text *t, const char *format, ...)
{
	size_t room = t->size - t->len;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(t->p + t->len, room, format, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void
add_named(struct text *t, const char *what, const struct named *v, size_t n,
    unsigned int number)
{
	const char *name = name_of(v, n, number);

	if (name != NULL)
		add(t, "%s(%s)", what, name);
	else
		add(t, "%s(%u)", what, number);
}

static void
add_payload(struct text *t, const struct ike_hdr *h, const struct ike_pld *p)
{
	const char *name = name_of(payloads, NITEMS(payloads), p->type);
	struct ike_ntf ntf;
	struct pld_ke ke;

	if (p->type == PLD_SA && h->exchange >= GSA_AUTH)
		add(t, "SAg");
	else if (p->type == PLD_NONCE)
		add(t, h->flags & IKE_F_RESPONSE ? "Nr" : "Ni");
	else if (p->type == PLD_NOTIFY && ike_ntf_get(p->body, &ntf) == 0)
		add_named(t, "N", notifies, NITEMS(notifies), ntf.type);
	else if (p->type == PLD_KE && pld_ke_get(p->body, &ke) == 0)
		add_named(t, "KE", groups, NITEMS(groups), ke.group);
	else if (p->type == PLD_NOTIFY || p->type == PLD_KE)
		add(t, "%s(malformed)", p->type == PLD_KE ? "KE" : "N");
	else if (name != NULL)
		add(t, "%s", name);
	else
		add(t, "payload %u", p->type);
}

static void
add_inside(struct text *t, const struct ike_hdr *h, const struct sk_plain *o)
{
	const char *gap = "";
	struct ike_walk w;
	struct ike_pld p;
	int r = 0;

	ike_walk_init(&w, o->first, o->inner);
	for (size_t n = 0; n < PAYLOADS_MAX && (r = ike_walk_next(&w, &p)) > 0;
	     n++) {
		add(t, "%s", gap);
		add_payload(t, h, &p);
		gap = " ";
	}
	if (r < 0)
		add(t, "%smalformed", gap);
	else if (r > 0)
		add(t, "%s...", gap);
}

/* Fragments of a message are sent one after the other. */
static struct sk_frags **
frags_of(struct payload_keys *k, const struct entry *e, uint8_t from_i)
{
	if (k->frag_from_i != from_i ||
	    memcmp(k->frag_spis, e->spis, SPIS) != 0)
		sk_frags_free(&k->frags);
	k->frag_from_i = from_i;
	memcpy(k->frag_spis, e->spis, SPIS);
	return &k->frags;
}

static void
add_sealed(struct payload_keys *k, struct text *t, struct chunk msg)
{
	struct sk_seen s;
	struct sk_plain o;
	const struct entry *e;
	uint8_t from_i;
	int r;

	if (sk_look(msg, &s) != 0) {
		add(t, "SK(malformed)");
		return;
	}
	add(t, s.frag ? "SKF{fragment %u/%u" : "SK{", s.no, s.total);
	from_i = s.h.flags & IKE_F_INITIATOR;
	if ((e = find(k, &s.h)) == NULL) {
		add(t, s.frag ? ", no keys}" : "no keys}");
		return;
	}
	r = sk_take(from_i ? &e->i : &e->r, msg, frags_of(k, e, from_i), &o);
	if (r == -EBADMSG)
		add(t, s.frag ? ", not authentic" : "not authentic");
	if (r == 0) {
		add(t, s.frag ? ": " : "");
		add_inside(t, &s.h, &o);
		sk_plain_free(&o);
	}
	add(t, "}");
}

static void
say(struct payload_keys *k, const struct obs *send, struct text *t)
{
	struct chunk msg = send->send.data;
	struct sk_plain clear = { 0 };
	struct ike_hdr h;
	struct rbuf rb;

	if (send->send.app) {
		add(t, "ESP");
		return;
	}
	rb_init(&rb, msg.p, msg.len);
	if (ike_hdr_get(&rb, &h) != 0) {
		add(t, "no IKE message");
		return;
	}
	if (h.next == PLD_SK || h.next == PLD_SKF) {
		add_sealed(k, t, msg);
		return;
	}
	clear.first = h.next;
	clear.inner = rb;
	add_inside(t, &h, &clear);
}

size_t
payload_text(void *arg, const struct obs *send, char *out, size_t size)
{
	struct payload_keys *k = arg;
	struct text t = { k->last, sizeof(k->last), 0 };
	size_t len;

	if (size == 0)
		return 0;
	if (!k->any || k->last_id != send->send.id) {
		k->last[0] = '\0';
		say(k, send, &t);
		k->any = true;
		k->last_id = send->send.id;
	}
	len = strlen(k->last);
	if (len >= size)
		len = size - 1;
	memcpy(out, k->last, len);
	out[len] = '\0';
	return len;
}
