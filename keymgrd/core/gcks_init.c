/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gcks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "keymgrd/core/ike/msg.h"
#include "keymgrd/core/ike/sa.h"

#define NONCE_LEN 32

/* What an acceptable request holds. */
struct offer {
	uint8_t num; /* of the proposal */
	struct chunk nonce;
	uint16_t refusal; /* notify type, or 0 */
};

/* An error in IKE_SA_INIT is not protected, and no state is kept for it. */
static int
refuse(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    uint16_t type, struct fx *fx)
{
	struct ike_hdr rh = { .exchange = IKE_SA_INIT,
		.version = IKE_VERSION,
		.flags = IKE_F_RESPONSE };
	uint8_t buf[64], want[2] = { 0, KE_X25519 };
	struct chunk data = { want,
		type == N_INVALID_KE_PAYLOAD ? sizeof(want) : 0 };
	struct chain c;
	struct wbuf wb;
	int r;

	memcpy(rh.spi_i, h->spi_i, sizeof(rh.spi_i));
	wb_init(&wb, buf, sizeof(buf));
	if ((r = ike_hdr_put(&wb, &rh)) != 0)
		return r;
	chain_init(&c, &wb, 16);
	if ((r = pld_notify_put(&c, type, data)) != 0 ||
	    (r = wb_set_u32(&wb, 24, wb.len)) != 0)
		return r;
	r = km_send(fx, &in->dgram.local, &in->dgram.peer,
	    (struct chunk){ buf, wb.len });
	if (r != 0)
		return r;
	if (type == N_INVALID_GROUP_ID)
		km->count[C_DROP_GROUP]++;
	else
		km->count[C_REG_NO_PROPOSAL]++;
	return fx_note(fx, NOTE_DEBUG, "init.refused", "notify=%u", type);
}

static int
read_request(const struct km *km, struct chunk msg, struct offer *o)
{
	struct chunk group = { km->conf.group_id, km->conf.group_id_len };
	struct ike_init_view iv;
	struct ike_view v;
	struct ike_hdr h;
	struct rbuf rb;
	struct pld_ke ke;
	int r;

	rb_init(&rb, msg.p, msg.len);
	if (msg.len > INIT_MAX || ike_init_view(msg, &iv) ||
	    ike_hdr_get(&rb, &h) || ike_view_get(h.next, rb, &v))
		return -EBADMSG;
	if (!ike_has(&v.sa) || !ike_has(&v.ke) || pld_ke_get(v.ke, &ke) ||
	    iv.nonce.len < IKE_NONCE_MIN || iv.nonce.len > IKE_NONCE_MAX ||
	    h.mid != 0 || v.critical != 0)
		return -EBADMSG;
	*o = (struct offer){ .nonce = iv.nonce };
	if (!mike_group_matches(&iv, group)) {
		o->refusal = N_INVALID_GROUP_ID;
		return 0;
	}
	r = sa_ike_choose(v.sa, false, &o->num);
	if (r == -ENOENT)
		o->refusal = N_NO_PROPOSAL_CHOSEN;
	else if (r != 0)
		return r;
	else if (ke.group != KE_X25519)
		o->refusal = N_INVALID_KE_PAYLOAD;
	else if (ke.pub.len != X25519_LEN)
		return -EBADMSG;
	return 0;
}

/* Octet 0 is our slot, by which groupd finds us; the rest is random. */
static int
choose_spi(struct km *km, uint8_t spi[8])
{
	static const uint8_t zero[8];
	int r;

	do {
		if ((r = km_rand(km, spi, 8)) != 0)
			return r;
		spi[0] = km->conf.slot;
	} while (memcmp(spi, zero, 8) == 0 ||
		 satab_get(&km->gcks->t, BY_SPI, satab_spi_key(spi)) != NULL);
	return 0;
}

static int
write_response(struct km *km, const struct ikesa *sa, const struct offer *o,
    struct wbuf *wb)
{
	struct ike_hdr h = { .exchange = IKE_SA_INIT,
		.version = IKE_VERSION,
		.flags = IKE_F_RESPONSE };
	struct chunk group = { km->conf.group_id, km->conf.group_id_len };
	uint8_t pub[X25519_LEN], nonce[NONCE_LEN], bind[MIKE_GROUP_LEN];
	struct chunk n = { nonce, sizeof(nonce) };
	struct chain c;
	int r;

	memcpy(h.spi_i, sa->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, sa->spi_r, sizeof(h.spi_r));
	if ((r = x25519_public(sa->hs->priv, pub)) != 0 ||
	    (r = km_rand(km, nonce, sizeof(nonce))) != 0 ||
	    (r = mike_group_bind(group, n, bind)) != 0 ||
	    (r = ike_hdr_put(wb, &h)) != 0)
		return r;
	chain_init(&c, wb, 16);
	if ((r = sa_ike_put(&c, o->num)) != 0 ||
	    (r = pld_ke_put(
		 &c, KE_X25519, (struct chunk){ pub, sizeof(pub) })) != 0 ||
	    (r = pld_raw_put(&c, PLD_NONCE, n)) != 0 ||
	    (r = pld_notify_put(
		 &c, N_MIKE_GROUP, (struct chunk){ bind, sizeof(bind) })) != 0)
		return r;
	return wb_set_u32(wb, 24, wb->len);
}

static uint8_t *
dup(const void *p, size_t len)
{
	uint8_t *c = malloc(len);

	return c == NULL ? NULL : memcpy(c, p, len);
}

/* Everything but the table: what fails here leaves no trace. */
static int
fill(struct km *km, struct ikesa *sa, const struct ike_hdr *h,
    const struct km_in *in, const struct offer *o)
{
	struct chunk msg = in->dgram.data;
	uint8_t buf[1024], digest[SHA256_LEN];
	struct wbuf wb;
	int r;

	sa->state = RS_INIT;
	sa->local = in->dgram.local;
	sa->peer = in->dgram.peer;
	memcpy(sa->spi_i, h->spi_i, sizeof(sa->spi_i));
	wb_init(&wb, buf, sizeof(buf));
	if ((r = choose_spi(km, sa->spi_r)) != 0 ||
	    (r = km_rand(km, sa->hs->priv, X25519_LEN)) != 0 ||
	    (r = write_response(km, sa, o, &wb)) != 0 ||
	    (r = sha256(&msg, 1, digest)) != 0)
		return r;
	memcpy(sa->last_digest, digest, sizeof(sa->last_digest));
	sa->hs->peer_init = dup(msg.p, msg.len);
	sa->hs->peer_init_len = msg.len;
	sa->hs->own_init = dup(buf, wb.len);
	sa->hs->own_init_len = wb.len;
	return sa->hs->peer_init && sa->hs->own_init ? 0 : -ENOMEM;
}

static int
begin(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    const struct offer *o, uint64_t key, struct fx *fx)
{
	struct satab *t = &km->gcks->t;
	struct ikesa *sa = ikesa_new();
	int r;

	if (sa == NULL)
		return -ENOMEM;
	if ((r = timers_reserve(&km->timers, t->n + 8)) != 0 ||
	    (r = fill(km, sa, h, in, o)) != 0 ||
	    (r = km_send(fx, &sa->local, &sa->peer,
		 (struct chunk){ sa->hs->own_init, sa->hs->own_init_len })) !=
		0) {
		ikesa_free(&sa);
		return r;
	}
	satab_put(t, BY_SPI, satab_spi_key(sa->spi_r), sa);
	satab_put(t, BY_INIT, key, sa);
	timer_set(&km->timers, &sa->timer, km->now_ms + HALF_OPEN_MS);
	return 0;
}

/*
 * The table is full, mostly of requests that nobody follows up, and whose
 * sources may be forged.  One of them, by chance (key is a hash that nobody
 * can foresee), makes room: to keep a peer out takes the limit's number of
 * requests within its round trip, not within the half-open time.
 */
static bool
make_room(struct km *km, uint64_t key)
{
	struct satab *t = &km->gcks->t;

	for (size_t i = 0; i <= t->mask; i++) {
		struct ikesa *sa = t->bucket[BY_SPI][(key + i) & t->mask];

		while (sa != NULL && sa->state != RS_INIT)
			sa = sa->next[BY_SPI];
		if (sa == NULL)
			continue;
		satab_drop(t, &km->timers, sa);
		return true;
	}
	return false;
}

/*
 * A repeated request is recognised by all of its octets and where it came
 * from (RFC 7296 2.1): somebody who only knows the SPI cannot block it.
 */
int
gcks_init(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    struct fx *fx)
{
	struct satab *t = &km->gcks->t;
	struct offer o;
	struct ikesa *sa;
	uint64_t key;
	int r;

	if ((r = satab_hash(t, &in->dgram.peer, in->dgram.data, &key)) != 0)
		return r;
	if ((sa = satab_get(t, BY_INIT, key)) != NULL) {
		if (sa->state != RS_INIT) {
			km->count[C_DROP_REPLAY]++;
			return -EBADMSG;
		}
		km->count[C_REPEATED]++;
		return km_send(fx, &sa->local, &sa->peer,
		    (struct chunk){ sa->hs->own_init, sa->hs->own_init_len });
	}
	if ((r = read_request(km, in->dgram.data, &o)) != 0) {
		if (r == -EBADMSG)
			km->count[C_DROP_MALFORMED]++;
		return r;
	}
	if (o.refusal != 0)
		return refuse(km, h, in, o.refusal, fx);
	if (t->n_half >= km->conf.half_open_max) {
		km->count[C_DROP_HALF_OPEN]++;
		if (!make_room(km, key))
			return -EBADMSG;
	}
	return begin(km, h, in, &o, key, fx);
}
