/* SPDX-License-Identifier: ISC */
/*
 * What comes under the keys of one IKE SA.  The input is a list of acts: a
 * message that a peer made as it pleased, under an ICV that is right; a good
 * message that somebody on the way changed; a text that is split and put
 * together again.  Fragments are followed in a model, which says what each of
 * them must lead to.
 */

#include <errno.h>
#include <string.h>

#include "keymgrd/core/ike/sk.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sk_key keys[] = {
	{ .encr = ENCR_AES_GCM_16, .e = { 1, 2, 3 } },
	{ .encr = ENCR_AES_CBC, .e = { 4, 5, 6 }, .a = { 7, 8, 9 } },
};
static uint8_t text[IKE_MSG_MAX];
static uint8_t buf[IKE_MSG_MAX + 96 * SK_FRAGS_MAX];
static uint64_t iv;
static struct sk_frags *frags;

static struct model {
	bool any;
	uint32_t mid;
	uint8_t exchange;
	uint16_t total, have;
	size_t octets;
	bool got[SK_FRAGS_MAX + 1];
} model;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(crypto_init() == 0);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + i / 251);
	return 0;
}

/* What a peer wrote, before it is encrypted. */
struct made {
	uint8_t type, mid, exchange, given;
	uint16_t no, total, len; /* given octets, then zeros */
};

static int
made_get(struct rbuf *in, struct made *m)
{
	uint8_t no, total;

	if (rb_u8(in, &m->type) || rb_u8(in, &m->mid) ||
	    rb_u8(in, &m->exchange) || rb_u8(in, &no) || rb_u8(in, &total) ||
	    rb_u16(in, &m->len) || rb_u8(in, &m->given))
		return -1;
	m->type = m->type & 1 ? PLD_SKF : PLD_SK;
	m->no = no;
	m->total = total;
	m->len %= 9000;
	if (m->given > m->len)
		m->given = (uint8_t)m->len;
	if (m->given > rb_left(in))
		m->given = (uint8_t)rb_left(in);
	return 0;
}

/* Octets of payloads in plain; -1: none, its padding is wrong. */
static int
payloads(const struct sk_key *k, const uint8_t *plain, size_t len)
{
	if (len == 0 || (k->encr == ENCR_AES_CBC && len % 16 != 0) ||
	    plain[len - 1] >= len)
		return -1;
	return (int)len - 1 - plain[len - 1];
}

/* A fragment that is in order by itself: what the rules say of it. */
static int
model_take(const struct made *m, size_t len)
{
	bool same = model.any && model.mid == m->mid;

	if (same && model.exchange != m->exchange)
		return -EBADMSG;
	if (same && m->total < model.total)
		return -EALREADY;
	if (same && m->total == model.total && model.got[m->no])
		return -EALREADY;
	if (!same || m->total > model.total)
		model = (struct model){ .any = true,
			.mid = m->mid,
			.exchange = m->exchange,
			.total = m->total };
	if (model.octets + len > IKE_MSG_MAX) {
		model = (struct model){ 0 };
		return -EBADMSG;
	}
	model.got[m->no] = true;
	model.octets += len;
	return ++model.have == model.total ? 0 : -EAGAIN;
}

static int
expected(const struct sk_key *k, const struct made *m, const uint8_t *plain,
    size_t *left)
{
	int n = payloads(k, plain, m->len), r = 0;

	if (n < 0)
		return -EBADMSG;
	*left = (size_t)n;
	if (m->type == PLD_SKF) {
		if (m->no == 0 || m->no > m->total || m->total > SK_FRAGS_MAX)
			return -EBADMSG;
		r = model_take(m, *left);
		*left = model.octets;
	}
	if (r == 0)
		model = (struct model){ 0 };
	return r;
}

static void
seal(const struct sk_key *k, uint8_t *p, size_t head, size_t len)
{
	bool gcm = k->encr == ENCR_AES_GCM_16;
	uint8_t *plain = p + head + (gcm ? 8 : 16), nonce[12];
	struct chunk c = { plain, len }, all = { p, 0 };

	if (gcm) {
		memcpy(nonce, k->e + 32, 4);
		memcpy(nonce + 4, p + head, 8);
		must(aead_seal(k->e, nonce, (struct chunk){ p, head }, c,
			 plain) == 0);
		return;
	}
	if (len % 16 == 0)
		must(cbc_encrypt(k->e, p + head, c, plain) == 0);
	all.len = (size_t)(plain + len - p);
	must(hmac_icv(k->a, &all, 1, plain + len) == 0);
}

static void
act_made(const struct sk_key *k, struct rbuf *in)
{
	struct ike_hdr h = { .version = IKE_VERSION };
	size_t head, iv_len = k->encr == ENCR_AES_GCM_16 ? 8 : 16, left = 0;
	struct chunk given;
	struct sk_plain out;
	struct made m;
	struct wbuf wb;
	int want, r;

	if (made_get(in, &m))
		return;
	h.next = m.type;
	h.exchange = m.exchange;
	h.mid = m.mid;
	wb_init(&wb, buf, sizeof(buf));
	must(ike_hdr_put(&wb, &h) == 0 && wb_zero(&wb, 4) == 0);
	if (m.type == PLD_SKF)
		must(wb_u16(&wb, m.no) == 0 && wb_u16(&wb, m.total) == 0);
	head = wb.len;
	must(wb_zero(&wb, iv_len) == 0);
	must(rb_bytes(in, m.given, &given) == 0);
	must(wb_put(&wb, given.p, given.len) == 0);
	must(wb_zero(&wb, m.len - given.len) == 0 && wb_zero(&wb, 16) == 0);
	must(wb_set_u32(&wb, 24, wb.len) == 0);
	must(wb_set_u16(&wb, 30, wb.len - 28) == 0);
	want = expected(k, &m, buf + head + iv_len, &left);
	seal(k, buf, head, m.len);
	r = sk_take(k, (struct chunk){ buf, wb.len }, &frags, &out);
	must(r == want);
	must(r != 0 || (rb_left(&out.inner) == left && frags == NULL));
	must(r == 0 || out.p == NULL);
	must((frags != NULL) == model.any);
	sk_plain_free(&out);
}

/* A good message with the input laid over it. */
static void
act_changed(const struct sk_key *k, struct rbuf *in)
{
	struct ike_hdr h = { .version = IKE_VERSION, .exchange = GSA_AUTH };
	uint8_t limit, n, by, bent = 0;
	struct chunk rest, m;
	struct sk_plain out;
	struct wbuf wb;

	if (rb_u8(in, &limit) || rb_u8(in, &n))
		return;
	wb_init(&wb, buf, sizeof(buf));
	if (sk_protect(
		k, &h, PLD_NONCE, (struct chunk){ text, 150 }, limit, &iv, &wb))
		return;
	rest = (struct chunk){ buf, wb.len };
	must(sk_next(&rest, &m));
	if (n > m.len)
		n = (uint8_t)m.len;
	for (uint8_t i = 0; i < n && rb_u8(in, &by) == 0; i++) {
		bent |= by;
		buf[i] ^= by;
	}
	if (bent == 0)
		return;
	must(sk_take(k, m, &frags, &out) == -EBADMSG);
	must((frags != NULL) == model.any && out.p == NULL);
	must(sk_frag_no(m) <= SK_FRAGS_MAX);
}

static void
act_split(const struct sk_key *k, struct rbuf *in)
{
	struct ike_hdr h = { .version = IKE_VERSION, .mid = 70000 };
	struct chunk rest, m[SK_FRAGS_MAX];
	uint16_t len, limit, from;
	struct sk_plain out;
	struct wbuf wb;
	size_t n = 0;
	int r;

	if (rb_u16(in, &len) || rb_u16(in, &limit) || rb_u16(in, &from))
		return;
	wb_init(&wb, buf, sizeof(buf));
	r = sk_protect(
	    k, &h, PLD_KE, (struct chunk){ text, len }, limit, &iv, &wb);
	must(r == 0 || (r == -EMSGSIZE && wb.len == 0));
	if (r != 0)
		return;
	rest = (struct chunk){ buf, wb.len };
	while (n < SK_FRAGS_MAX && sk_next(&rest, &m[n])) {
		must(limit == 0 || m[n].len <= limit);
		n++;
	}
	must(n > 0 && rest.len == 0);
	for (size_t i = 0; i < n; i++) {
		r = sk_take(k, m[(from + i) % n], &frags, &out);
		must(r == (i + 1 < n ? -EAGAIN : 0));
	}
	must(out.first == PLD_KE && rb_left(&out.inner) == len);
	must(memcmp(out.inner.p, text, len) == 0 && frags == NULL);
	sk_plain_free(&out);
	model = (struct model){ 0 };
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const acts[])(const struct sk_key *,
	    struct rbuf *) = { act_made, act_changed, act_split, act_made };
	struct sk_plain none;
	struct rbuf in;
	uint8_t act;

	iv = 0;
	model = (struct model){ 0 };
	rb_init(&in, data, size);
	while (rb_u8(&in, &act) == 0)
		acts[act & 3](&keys[act >> 2 & 1], &in);
	sk_frags_free(&frags);
	/* And as if it were a datagram. */
	must(sk_take(&keys[0], (struct chunk){ data, size }, &frags, &none) ==
	     -EBADMSG);
	(void)sk_frag_no((struct chunk){ data, size });
	return 0;
}
