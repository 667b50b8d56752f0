/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/ike/hdr.h"
#include "keymgrd/core/ike/msg.h"
#include "keymgrd/core/ike/sa.h"

/*
 * A whole IKE_SA_INIT message as the key manager reads it before it knows the
 * other side: view, payloads, choice of a proposal, key exchange.
 */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(crypto_init() == 0);
	return 0;
}

static void
inside(const uint8_t *data, size_t size, const struct rbuf *b)
{
	must(b->left <= size);
	must(b->left == 0 || (b->p >= data && b->p + b->left <= data + size));
}

/* An answer that fits exactly is one that a proposal fits, too. */
static void
choose(struct rbuf sa)
{
	struct sa_choice c;
	struct ike_suite t;
	int loose = sa_ike_choose(sa, SUITE_DEFAULT, true, KE_X25519, &c);

	if (sa_ike_answer(sa, SUITE_DEFAULT, SA_FOREIGN, &t) == 0)
		must(loose == 0 && c.suite.encr == t.encr &&
		     c.suite.kwa == t.kwa);
	(void)!sa_ike_choose(sa, SUITE_CNSA, false, KE_P384, &c);
	(void)!sag_check(sa);
}

static void
payloads(const uint8_t *data, size_t size, const struct ike_view *v)
{
	const struct rbuf *all[] = { &v->sa, &v->ke, &v->nonce, &v->id_i,
		&v->id_r, &v->auth, &v->id_g, &v->gsa, &v->kd, &v->del };
	struct pld_ke ke;

	for (size_t i = 0; i < NITEMS(all); i++)
		inside(data, size, all[i]);
	must(v->n_ntf <= IKE_NTFS_MAX);
	if (ike_has(&v->sa))
		choose(v->sa);
	if (ike_has(&v->ke) && pld_ke_get(v->ke, &ke) == 0)
		must(ke.pub.len > 0 && ke.pub.len + 4 == v->ke.left);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ike_init_view init;
	struct ike_view v;
	struct ike_hdr h;
	struct rbuf rb;
	int r;

	r = ike_init_view((struct chunk){ data, size }, &init);
	rb_init(&rb, data, size);
	if (ike_hdr_get(&rb, &h))
		return 0;
	if (ike_view_get(h.next, rb, &v) != 0)
		return 0;
	/* Two readers of one message see the same nonce. */
	if (r == 0 && init.nonce.len != 0)
		must(v.nonce.p == init.nonce.p &&
		     v.nonce.left == init.nonce.len);
	payloads(data, size, &v);
	return 0;
}
