/* SPDX-License-Identifier: ISC */
#include "keymgrd/core/init.h"

#include <errno.h>

#define HASHES_MAX 7 /* numbers that fit into the mask */
#define UDP_IP4_LEN 28
#define UDP_IP6_LEN 48

static void
read_hashes(const struct ike_ntf *n, uint8_t *hashes)
{
	struct rbuf rb;
	uint16_t id;

	*hashes = 0;
	if (n == NULL)
		return;
	rb_init(&rb, n->data.p, n->data.len);
	while (rb_left(&rb) >= 2 && rb_u16(&rb, &id) == 0)
		if (id <= HASHES_MAX)
			*hashes |= (uint8_t)(1u << id);
}

int
init_read(struct chunk msg, struct init_view *out)
{
	struct init_view x = { 0 };
	struct ike_hdr h;
	struct rbuf rb;

	rb_init(&rb, msg.p, msg.len);
	if (ike_init_view(msg, &x.c) || ike_hdr_get(&rb, &h) ||
	    ike_view_get(h.next, rb, &x.v) ||
	    (ike_has(&x.v.ke) && pld_ke_get(x.v.ke, &x.ke)))
		return -EBADMSG;
	read_hashes(ike_ntf_find(&x.v, N_SIGNATURE_HASH_ALGORITHMS), &x.hashes);
	x.fragments = ike_ntf_find(&x.v, N_FRAGMENTATION_SUPPORTED) != NULL;
	x.childless = ike_ntf_find(&x.v, N_CHILDLESS_IKEV2_SUPPORTED) != NULL;
	x.ppk = ike_ntf_find(&x.v, N_USE_PPK) != NULL;
	*out = x;
	return 0;
}

struct chunk
init_nonce(const uint8_t *p, size_t len)
{
	struct ike_init_view v;

	/* It was written or checked before it was kept. */
	must(ike_init_view((struct chunk){ p, len }, &v) == 0);
	return v.nonce;
}

int
init_ke(const struct km *km, uint16_t group, uint8_t priv[KE_PRIV_MAX],
    uint8_t pub[KE_PUB_MAX])
{
	int r, tries = 0;

	/* Not every string of octets is a scalar of a NIST curve. */
	do {
		if ((r = km_rand(km, priv, ke_priv_len(group))) != 0)
			return r;
		r = ke_public(group, priv, pub);
	} while (r == -ERANGE && ++tries < 8);
	return r;
}

static int
hashes_put(const struct km *km, struct chain *c)
{
	/* SHA2-384; or SHA2-256, SHA2-384 and Identity (for EdDSA). */
	static const uint8_t cnsa[] = { 0, 3 }, some[] = { 0, 2, 0, 3, 0, 5 };
	bool strict = km->conf->suite == SUITE_CNSA;

	return pld_notify_put(c, N_SIGNATURE_HASH_ALGORITHMS,
	    (struct chunk){
		strict ? cnsa : some, strict ? sizeof(cnsa) : sizeof(some) });
}

int
init_notifies_put(const struct km *km, struct chain *c, struct chunk nonce)
{
	struct chunk group = { km->conf->group_id, km->conf->group_id_len };
	struct chunk none = { NULL, 0 };
	uint8_t bind[MIKE_GROUP_LEN];
	int r;

	if ((r = mike_group_bind(group, nonce, bind)) != 0 ||
	    (r = pld_notify_put(
		 c, N_MIKE_GROUP, (struct chunk){ bind, sizeof(bind) })) != 0)
		return r;
	if (km->conf->n_cert > 0 && (r = hashes_put(km, c)) != 0)
		return r;
	if (km->conf->fragment != 0 &&
	    (r = pld_notify_put(c, N_FRAGMENTATION_SUPPORTED, none)) != 0)
		return r;
	if (km->conf->ppk_id_len > 0)
		return pld_notify_put(c, N_USE_PPK, none);
	return 0;
}

size_t
init_limit(const struct km *km, const struct endpoint *peer)
{
	if (km->conf->fragment == 0)
		return 0;
	return km->conf->fragment -
	       (size_t)(peer->addr.len == 4 ? UDP_IP4_LEN : UDP_IP6_LEN);
}
