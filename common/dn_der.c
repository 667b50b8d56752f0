/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/der.h"
#include "common/dn_int.h"
#include "common/wire.h"

#define TAG_UTF8 12
#define TAG_NUMERIC 18
#define TAG_PRINTABLE 19
#define TAG_IA5 22

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool
dn_utf8_valid(const uint8_t *p, size_t len)
{
	static const uint32_t min[] = { 0, 0x80, 0x800, 0x10000 };

	for (size_t i = 0; i < len; i++) {
		size_t n = p[i] < 0x80	 ? 0
			   : p[i] < 0xe0 ? 1
			   : p[i] < 0xf0 ? 2
					 : 3;
		uint32_t u = n == 0 ? p[i] : p[i] & (0x3fu >> n);

		if ((p[i] >= 0x80 && p[i] < 0xc0) || p[i] > 0xf7 ||
		    n > len - i - 1)
			return false;
		for (size_t k = 0; k < n; k++) {
			i++;
			if ((p[i] & 0xc0) != 0x80)
				return false;
			u = u << 6 | (p[i] & 0x3f);
		}
		if (u < min[n] || u > 0x10ffff || (u >= 0xd800 && u < 0xe000))
			return false;
	}
	return true;
}

/* A NUL inside a value is how certificates have been made to lie. */
bool
dn_comparable(const struct dn_ava *a)
{
	if (memchr(a->val.p, 0, a->val.len) != NULL)
		return false;
	switch (a->tag) {
	case TAG_UTF8:
		return dn_utf8_valid(a->val.p, a->val.len);
	case TAG_NUMERIC:
	case TAG_PRINTABLE:
	case TAG_IA5:
		for (size_t i = 0; i < a->val.len; i++)
			if (a->val.p[i] >= 0x80)
				return false;
		return true;
	default:
		return false;
	}
}

static int
ava_get(struct dn_view *dn, struct rbuf *set)
{
	struct rbuf seq, val;
	struct dn_ava a = { .rdn = (uint8_t)dn->n_rdn };

	if (dn->n == NITEMS(dn->v) || der_take(set, DER_SEQUENCE, &seq) ||
	    der_oid(&seq, &a.oid) || der_next(&seq, &a.tag, &val, &a.tlv) ||
	    rb_rest(&val, &a.val) || rb_done(&seq))
		return -EBADMSG;
	dn->v[dn->n++] = a;
	return 0;
}

/* An empty name is nobody. */
int
dn_view_get(struct dn_view *dn, struct chunk der)
{
	struct rbuf rb, seq, set;

	*dn = (struct dn_view){ 0 };
	if (der.len > DN_MAX)
		return -EBADMSG;
	rb_init(&rb, der.p, der.len);
	if (der_take(&rb, DER_SEQUENCE, &seq) || rb_done(&rb) ||
	    rb_left(&seq) == 0)
		return -EBADMSG;
	while (rb_left(&seq) > 0) {
		if (der_take(&seq, DER_SET, &set))
			return -EBADMSG;
		do {
			if (ava_get(dn, &set))
				return -EBADMSG;
		} while (rb_left(&set) > 0);
		dn->n_rdn++;
	}
	return 0;
}

static int
der_head(struct wbuf *wb, uint8_t tag, size_t len)
{
	if (wb_u8(wb, tag))
		return -ENOBUFS;
	if (len < 0x80)
		return wb_u8(wb, len);
	if (len < 0x100)
		return wb_u8(wb, 0x81) || wb_u8(wb, len) ? -ENOBUFS : 0;
	return wb_u8(wb, 0x82) || wb_u16(wb, len) ? -ENOBUFS : 0;
}

static size_t
der_size(size_t len)
{
	return len + (len < 0x80 ? 2 : len < 0x100 ? 3 : 4);
}

static bool
is_printable_string(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((p[i] >= '0' && p[i] <= '9') ||
			(p[i] >= 'A' && p[i] <= 'Z') ||
			(p[i] >= 'a' && p[i] <= 'z') ||
			(p[i] != 0 && strchr(" '()+,-./:=?", p[i]) != NULL)))
			return false;
	return true;
}

/* The type's own string type when the value fits it, else UTF-8. */
static int
value_tag(const struct dn_item *it, const uint8_t *val)
{
	const struct dn_type *t;

	t = dn_type_by_oid((struct chunk){ it->oid, it->oid_len });
	if (t == NULL || t->tag == TAG_UTF8)
		return TAG_UTF8;
	if (t->tag == TAG_PRINTABLE)
		return is_printable_string(val, it->len) ? TAG_PRINTABLE
							 : -EINVAL;
	for (size_t i = 0; i < it->len; i++)
		if (val[i] >= 0x80)
			return -EINVAL;
	return TAG_IA5;
}

static int
ava_put(struct wbuf *wb, const struct dn_parsed *p, const struct dn_item *it)
{
	const uint8_t *val = p->buf + it->off;
	int tag = value_tag(it, val);

	if (tag < 0)
		return tag;
	if (der_head(
		wb, DER_SEQUENCE, der_size(it->oid_len) + der_size(it->len)) ||
	    der_head(wb, DER_OID, it->oid_len) ||
	    wb_put(wb, it->oid, it->oid_len) ||
	    der_head(wb, (uint8_t)tag, it->len) || wb_put(wb, val, it->len))
		return -ENOBUFS;
	return 0;
}

/* X.690 11.6: elements of a SET OF ascend as octet strings. */
static bool
goes_before(struct chunk a, struct chunk b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int d = memcmp(a.p, b.p, n);

	return d != 0 ? d < 0 : a.len < b.len;
}

static int
rdn_put(struct wbuf *wb, const struct dn_parsed *p, size_t rdn)
{
	struct chunk e[DN_AVAS_MAX], t;
	uint8_t tmp[DN_MAX];
	size_t n = 0, at;
	struct wbuf set;
	int r;

	wb_init(&set, tmp, sizeof(tmp));
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].rdn != rdn)
			continue;
		at = set.len;
		if ((r = ava_put(&set, p, &p->v[i])))
			return r;
		e[n++] = (struct chunk){ tmp + at, set.len - at };
		for (size_t k = n - 1; k > 0 && goes_before(e[k], e[k - 1]);
		     k--) {
			t = e[k];
			e[k] = e[k - 1];
			e[k - 1] = t;
		}
	}
	if (der_head(wb, DER_SET, set.len))
		return -ENOBUFS;
	for (size_t i = 0; i < n; i++)
		if (wb_put(wb, e[i].p, e[i].len))
			return -ENOBUFS;
	return 0;
}

int
dn_der_put(const struct dn_parsed *p, uint8_t *der, size_t size, size_t *len)
{
	uint8_t tmp[DN_MAX];
	struct wbuf body, wb;
	int r;

	wb_init(&body, tmp, sizeof(tmp));
	for (size_t k = p->n_rdn; k > 0; k--)
		if ((r = rdn_put(&body, p, k - 1)))
			return r;
	if (der_size(body.len) > DN_MAX || der_size(body.len) > size)
		return -ENOBUFS;
	wb_init(&wb, der, size);
	if (der_head(&wb, DER_SEQUENCE, body.len) || wb_put(&wb, tmp, body.len))
		return -ENOBUFS;
	*len = wb.len;
	return 0;
}

/* Text that stops growing when it is full; always terminated. */
struct out {
	char *p;
	size_t size, len;
	bool full;
};

static void
out_str(struct out *o, const char *s)
{
	size_t n = strlen(s);

	if (o->full || n >= o->size - o->len) {
		o->full = true;
		return;
	}
	memcpy(o->p + o->len, s, n + 1);
	o->len += n;
}

static void
out_hex(struct out *o, const char *lead, uint8_t c)
{
	char t[8];

	snprintf(t, sizeof(t), "%s%02x", lead, c);
	out_str(o, t);
}

/* X.690 8.19: whole arcs in their shortest form; ours have 32 bits. */
static bool
oid_is_plain(struct chunk oid)
{
	size_t start = 0;

	for (size_t i = 0; i < oid.len; i++) {
		if (i == start && oid.p[i] == 0x80)
			return false;
		if (i - start == 4 && oid.p[start] > 0x8f)
			return false;
		if (i - start > 4)
			return false;
		if ((oid.p[i] & 0x80) == 0)
			start = i + 1;
	}
	return start == oid.len;
}

static void
out_arc(struct out *o, uint32_t arc, bool first)
{
	uint32_t top = arc < 80 ? arc / 40 : 2;
	char num[32];

	if (first)
		snprintf(num, sizeof(num), "%u.%u", top, arc - 40 * top);
	else
		snprintf(num, sizeof(num), ".%u", arc);
	out_str(o, num);
}

static void
out_oid(struct out *o, struct chunk oid)
{
	const struct dn_type *t = dn_type_by_oid(oid);
	uint32_t arc = 0;
	bool first = true;

	if (t != NULL) {
		out_str(o, t->name);
		return;
	}
	if (!oid_is_plain(oid)) {
		out_str(o, "?");
		for (size_t i = 0; i < oid.len; i++)
			out_hex(o, "", oid.p[i]);
		return;
	}
	for (size_t i = 0; i < oid.len; i++) {
		arc = arc << 7 | (oid.p[i] & 0x7f);
		if (oid.p[i] & 0x80)
			continue;
		out_arc(o, arc, first);
		first = false;
		arc = 0;
	}
}

/* ASCII only: a name must not be able to move a terminal's cursor. */
static void
out_value(struct out *o, const struct dn_ava *a)
{
	if (!dn_comparable(a)) {
		out_str(o, "#");
		for (size_t i = 0; i < a->tlv.len; i++)
			out_hex(o, "", a->tlv.p[i]);
		return;
	}
	for (size_t i = 0; i < a->val.len; i++) {
		uint8_t c = a->val.p[i];
		bool edge = i == 0 || i + 1 == a->val.len;

		if (c < 0x20 || c >= 0x7f) {
			out_hex(o, "\\", c);
		} else {
			if (strchr(",+=\\*\"<>;", c) != NULL ||
			    (c == ' ' && edge) || (c == '#' && i == 0))
				out_str(o, "\\");
			out_str(o, (char[2]){ (char)c, '\0' });
		}
	}
}

int
dn_text(struct chunk der, char *out, size_t size)
{
	struct out o = { .p = out, .size = size };
	struct dn_view dn;
	const char *sep = "";

	if (size == 0)
		return -ENOBUFS;
	out[0] = '\0';
	if (dn_view_get(&dn, der))
		return -EBADMSG;
	for (size_t k = dn.n_rdn; k > 0; k--) {
		for (size_t i = 0; i < dn.n; i++) {
			if (dn.v[i].rdn != k - 1)
				continue;
			out_str(&o, sep);
			out_oid(&o, dn.v[i].oid);
			out_str(&o, "=");
			out_value(&o, &dn.v[i]);
			sep = "+";
		}
		sep = ",";
	}
	return o.full ? -ENOBUFS : 0;
}

static bool
ava_eq(const struct dn_ava *a, const struct dn_ava *b)
{
	if (a->oid.len != b->oid.len ||
	    memcmp(a->oid.p, b->oid.p, a->oid.len) != 0)
		return false;
	if (!dn_comparable(a) || !dn_comparable(b))
		return a->tlv.len == b->tlv.len &&
		       memcmp(a->tlv.p, b->tlv.p, a->tlv.len) == 0;
	return a->val.len == b->val.len &&
	       memcmp(a->val.p, b->val.p, a->val.len) == 0;
}

/* Every value of x is in the same RDN of y. */
static bool
is_part_of(const struct dn_view *x, const struct dn_view *y)
{
	for (size_t i = 0; i < x->n; i++) {
		bool hit = false;

		for (size_t k = 0; k < y->n && !hit; k++)
			hit = x->v[i].rdn == y->v[k].rdn &&
			      ava_eq(&x->v[i], &y->v[k]);
		if (!hit)
			return false;
	}
	return true;
}

bool
dn_eq(struct chunk a, struct chunk b)
{
	struct dn_view x, y;

	if (dn_view_get(&x, a) || dn_view_get(&y, b))
		return false;
	return x.n_rdn == y.n_rdn && x.n == y.n && is_part_of(&x, &y) &&
	       is_part_of(&y, &x);
}
