/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/gcks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "keymgrd/core/init.h"

/* What an acceptable request holds. */
struct offer {
	struct sa_choice sa;
	struct init_view view;
	bool foreign;	  /* does not know MIKE */
	uint16_t refusal; /* notify type, or 0 */
};

static enum count
refusal_count(uint16_t notify)
{
	switch (notify) {
	case N_INVALID_GROUP_ID:
		return C_DROP_GROUP;
	case N_INVALID_KE_PAYLOAD:
		return C_INVALID_KE;
	case N_UNSUPPORTED_CRITICAL_PAYLOAD:
		return C_CRITICAL;
	default:
		return C_REG_NO_PROPOSAL;
	}
}

/* An error in IKE_SA_INIT is not protected, and no state is kept for it. */
static int
refuse(struct km *km, const struct ike_hdr *h, const struct km_in *in,
    const struct offer *o, struct fx *fx)
{
	struct ike_hdr rh = { .exchange = IKE_SA_INIT,
		.version = IKE_VERSION,
		.flags = IKE_F_RESPONSE };
	uint8_t buf[64], want[2] = { 0, (uint8_t)o->sa.suite.ke };
	struct chunk data = none;
	struct chain c;
	struct wbuf wb;
	int r;

	if (o->refusal == N_INVALID_KE_PAYLOAD)
		data = (struct chunk){ want, sizeof(want) };
	else if (o->refusal == N_UNSUPPORTED_CRITICAL_PAYLOAD)
		data = (struct chunk){ &o->view.v.critical, 1 };
	memcpy(rh.spi_i, h->spi_i, sizeof(rh.spi_i));
	wb_init(&wb, buf, sizeof(buf));
	if ((r = ike_hdr_put(&wb, &rh)) != 0)
		return r;
	chain_init(&c, &wb, 16);
	if ((r = pld_notify_put(&c, o->refusal, data)) != 0 ||
	    (r = wb_set_u32(&wb, 24, wb.len)) != 0)
		return r;
	r = km_send(fx, &in->dgram.local, &in->dgram.peer,
	    (struct chunk){ buf, wb.len });
	if (r != 0)
		return r;
	km->count[refusal_count(o->refusal)]++;
	return fx_note(fx, NOTE_DEBUG, "init.refused", "notify=%u", o->refusal);
}

/*
 * Without MIKE_GROUP it is a foreign peer, which only the host's default
 * group takes; with one that names another group it is for nobody here.
 */
static bool
for_us(const struct km *km, const struct init_view *v)
{
	struct chunk group = { km->conf->group_id, km->conf->group_id_len };

	if (v->c.mike_group.len == 0)
		return km->conf->foreign;
	return mike_group_matches(&v->c, group);
}

static int
read_request(const struct km *km, struct chunk msg, struct offer *o)
{
	const struct init_view *v = &o->view;
	int r;

	*o = (struct offer){ 0 };
	if (msg.len > INIT_MAX || init_read(msg, &o->view) ||
	    !ike_has(&v->v.sa) || !ike_has(&v->v.ke) ||
	    v->c.nonce.len < IKE_NONCE_MIN || v->c.hdr.mid != 0)
		return -EBADMSG;
	if (v->v.critical != 0) {
		o->refusal = N_UNSUPPORTED_CRITICAL_PAYLOAD;
		return 0;
	}
	o->foreign = v->c.mike_group.len == 0;
	if (!for_us(km, v)) {
		o->refusal = N_INVALID_GROUP_ID;
		return 0;
	}
	r = sa_ike_choose(
	    v->v.sa, km->conf->suite, o->foreign, v->ke.group, &o->sa);
	if (r == -ENOENT)
		o->refusal = N_NO_PROPOSAL_CHOSEN;
	else if (r != 0)
		return r;
	else if (v->ke.group != o->sa.suite.ke)
		o->refusal = N_INVALID_KE_PAYLOAD;
	else if (v->ke.pub.len != ke_pub_len(o->sa.suite.ke))
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
		spi[0] = km->conf->slot;
	} while (memcmp(spi, zero, 8) == 0 ||
		 satab_get(&km->gcks->t, BY_SPI, satab_spi_key(spi)) != NULL);
	return 0;
}

/*
 * For who offers plain IKEv2, too, and so may go on with IKE_AUTH.  RFC 6023 4
 * wants the Protocol ID of IKE here.
 */
static int
put_childless(struct chain *c)
{
	if (chain_open(c, PLD_NOTIFY) || wb_u8(c->wb, PROTO_IKE) ||
	    wb_u8(c->wb, 0) || wb_u16(c->wb, N_CHILDLESS_IKEV2_SUPPORTED))
		return -ENOBUFS;
	return chain_close(c);
}

/*
 * A foreign peer shows its certificate when it is asked to; one of ours knows
 * that it has to, and CERTREQ's octets are saved.
 */
static int
write_response(struct km *km, const struct ikesa *sa, const struct offer *o,
    struct wbuf *wb)
{
	struct ike_hdr h = { .exchange = IKE_SA_INIT,
		.version = IKE_VERSION,
		.flags = IKE_F_RESPONSE };
	uint8_t pub[KE_PUB_MAX], nonce[NONCE_LEN];
	struct chunk n = { nonce, sizeof(nonce) };
	struct chunk p = { pub, ke_pub_len(o->sa.suite.ke) };
	struct chain c;
	int r;

	memcpy(h.spi_i, sa->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, sa->spi_r, sizeof(h.spi_r));
	if ((r = init_ke(km, o->sa.suite.ke, sa->hs->priv, pub)) != 0 ||
	    (r = km_rand(km, nonce, sizeof(nonce))) != 0 ||
	    (r = ike_hdr_put(wb, &h)) != 0)
		return r;
	chain_init(&c, wb, 16);
	if ((r = sa_ike_put(&c, o->sa.num, &o->sa.suite)) != 0 ||
	    (r = pld_ke_put(&c, o->sa.suite.ke, p)) != 0 ||
	    (r = pld_raw_put(&c, PLD_NONCE, n)) != 0 ||
	    (r = init_notifies_put(km, &c, n)) != 0 ||
	    (o->sa.plain && (r = put_childless(&c)) != 0) ||
	    (o->foreign && (r = body_certreq(km, &c)) != 0))
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
	sa->fragments = o->view.fragments && km->conf->fragment != 0;
	sa->kwa = o->sa.suite.kwa;
	sa->hs->suite = o->sa.suite;
	sa->hs->hashes = o->view.hashes;
	sa->hs->ppk = o->view.ppk;
	if ((r = choose_spi(km, sa->spi_r)) != 0 ||
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

/* Half-open, or ended without having been authenticated. */
static bool
may_go(const struct ikesa *sa)
{
	return sa->state == RS_INIT || (sa->state == RS_DEAD && !sa->authentic);
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

		while (sa != NULL && !may_go(sa))
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
		return refuse(km, h, in, &o, fx);
	if (t->n_half >= km->conf->half_open_max) {
		km->count[C_DROP_HALF_OPEN]++;
		if (!make_room(km, key))
			return -EBADMSG;
	}
	return begin(km, h, in, &o, key, fx);
}
