/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "keymgrd/core/ike/gsa.h"
#include "keymgrd/core/ike/kd.h"

/*
 * The body of a GSA, KD or SAg payload, told by octet 0.  What is accepted is
 * written and read again.  Of KD, octets that nobody wrapped give no key: the
 * corpus holds good wraps under the key below, so the fuzzer gets past them.
 */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t kek[KW_KEY_LEN] = { 'k', 'e', 'k' };
static uint8_t out[16384];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(crypto_init() == 0);
	return 0;
}

static void
out_chain(struct chain *c, struct wbuf *wb)
{
	wb_init(wb, out, sizeof(out));
	must(wb_u8(wb, 0) == 0);
	chain_init(c, wb, 0);
}

static struct rbuf
written(const struct wbuf *wb)
{
	struct rbuf rb;

	rb_init(&rb, out + 5, wb->len - 5);
	return rb;
}

static void
ts_same(const struct gsa_ts *a, const struct gsa_ts *b)
{
	must(a->lo.len == 4 || a->lo.len == 16);
	must(a->port_lo <= a->port_hi && a->lo.len == a->hi.len);
	must(memcmp(a->lo.b, a->hi.b, a->lo.len) <= 0);
	must(a->ip_proto == b->ip_proto && a->port_lo == b->port_lo);
	must(a->port_hi == b->port_hi);
	must(addr_eq(&a->lo, &b->lo) && addr_eq(&a->hi, &b->hi));
}

static void
gsa(struct rbuf body)
{
	struct gsa a, b;
	struct chain c;
	struct wbuf wb;

	if (gsa_get(body, &a) != 0)
		return;
	must(a.n_tek > 0 && a.n_tek <= GSA_TEKS_MAX);
	out_chain(&c, &wb);
	must(gsa_put(&c, &a) == 0);
	must(gsa_get(written(&wb), &b) == 0);
	must(a.n_tek == b.n_tek && a.atd_s == b.atd_s && a.dtd_s == b.dtd_s);
	for (size_t i = 0; i < a.n_tek; i++) {
		must(a.tek[i].lifetime_s != 0);
		must(a.tek[i].lifetime_s == b.tek[i].lifetime_s);
		must(a.tek[i].spi == b.tek[i].spi);
		ts_same(&a.tek[i].src, &b.tek[i].src);
		ts_same(&a.tek[i].dst, &b.tek[i].dst);
	}
}

/* RFC 5649 is deterministic: what was accepted is what is written. */
static void
kd(struct rbuf body)
{
	struct kd k;
	struct chain c;
	struct wbuf wb;

	if (kd_get(body, kek, &k) != 0)
		return;
	must(k.n > 0 && k.n <= KD_KEYS_MAX);
	for (size_t i = 0; i < k.n; i++)
		must(kd_find(&k, k.key[i].spi) == &k.key[i]);
	out_chain(&c, &wb);
	must(kd_put(&c, &k, kek) == 0);
	must(wb.len - 5 == body.left);
	must(memcmp(out + 5, body.p, body.left) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbuf rb;

	if (size == 0)
		return 0;
	rb_init(&rb, data + 1, size - 1);
	if (data[0] == PLD_GSA)
		gsa(rb);
	else if (data[0] == PLD_KD)
		kd(rb);
	else
		(void)!sag_check(rb);
	return 0;
}
