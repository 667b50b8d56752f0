/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "keymgrd/core/ike/msg.h"
#include "keymgrd/core/ike/sa.h"
#include "keymgrd/core/ike/sk.h"

/*
 * What was inside an Encrypted payload.  Octet 0 is the type of the first
 * payload, the rest the chain.  It is also sealed and opened again: what comes
 * out is what went in.
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
seal_and_open(const uint8_t *data, size_t size)
{
	static uint8_t out[16384];
	struct ike_hdr h = { .version = IKE_VERSION, .exchange = GSA_AUTH };
	struct sk_key k = { size % 2 ? ENCR_AES_CBC : ENCR_AES_GCM_16, { 1 },
		{ 2 } };
	struct chunk rest = { data + 1, size - 1 }, m;
	struct sk_frags *frags = NULL;
	struct sk_plain o = { 0 };
	uint64_t iv = size;
	struct wbuf wb;
	int r = -EBADMSG;

	wb_init(&wb, out, sizeof(out));
	if (sk_protect(&k, &h, data[0], rest, size % 3 ? 0 : 300, &iv, &wb))
		return; /* too long for an IKE message */
	for (rest = (struct chunk){ out, wb.len }; sk_next(&rest, &m);)
		r = sk_take(&k, m, &frags, &o);
	must(r == 0 && frags == NULL);
	must(o.first == data[0] && o.inner.left == size - 1);
	must(size == 1 || memcmp(o.inner.p, data + 1, size - 1) == 0);
	sk_plain_free(&o);
}

static void
parts(const struct ike_view *v)
{
	struct pld_auth auth;
	struct pld_id id;
	struct pld_delete del;
	struct pld_ke ke;

	if (ike_has(&v->auth) && pld_auth_get(v->auth, &auth) == 0)
		must(auth.data.len + 4 == v->auth.left);
	if (ike_has(&v->id_i) && pld_id_get(v->id_i, &id) == 0)
		must(id.body.len == v->id_i.left);
	if (ike_has(&v->id_r) && pld_id_get(v->id_r, &id) == 0)
		must(id.data.len + 4 == id.body.len);
	if (ike_has(&v->id_g) && pld_id_get(v->id_g, &id) == 0)
		must(id.data.len != 0);
	if (ike_has(&v->del) && pld_delete_get(v->del, &del) == 0)
		must(del.spis.len == (size_t)del.n * del.spi_size);
	if (ike_has(&v->ke))
		(void)!pld_ke_get(v->ke, &ke);
	if (ike_has(&v->sa))
		(void)!sag_check(v->sa);
}

static void
notifies(const struct ike_view *v)
{
	const struct ike_ntf *n = ike_ntf_error(v);

	must(v->n_ntf <= IKE_NTFS_MAX);
	must(n == NULL || n->type < 16384);
	for (size_t i = 0; i < v->n_ntf; i++) {
		n = ike_ntf_find(v, v->ntf[i].type);
		must(n != NULL && n <= &v->ntf[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ike_view v;
	struct rbuf rb;

	if (size == 0)
		return 0;
	seal_and_open(data, size);
	rb_init(&rb, data + 1, size - 1);
	if (ike_view_get(data[0], rb, &v) != 0)
		return 0;
	parts(&v);
	notifies(&v);
	return 0;
}
