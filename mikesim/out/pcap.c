/* SPDX-License-Identifier: ISC */

#include "mikesim/out/pcap.h"

#include <errno.h>
#include <stdlib.h>

#include <pcap/pcap.h>

#include "common/wire.h"
#include "keymgrd/core/ike/keys.h"

#define UDP_LEN 8
#define PROTO_UDP 17
#define HOPS 64

struct capture {
	struct out_file *out;
	pcap_t *p;
	pcap_dumper_t *d;
	uint8_t buf[CAPTURE_MAX];
};

/* -- datagrams ------------------------------------------------------------ */

static uint32_t
sum16(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
	return sum;
}

static uint16_t
sum_end(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static int
put_ip(struct wbuf *wb, const struct addr *src, const struct addr *dst,
    size_t payload)
{
	if (src->len == 16)
		return wb_u32(wb, 0x60000000) || wb_u16(wb, payload) ||
		       wb_u8(wb, PROTO_UDP) || wb_u8(wb, HOPS) ||
		       wb_put(wb, src->b, 16) || wb_put(wb, dst->b, 16);
	return wb_u16(wb, 0x4500) || wb_u16(wb, 20 + payload) ||
	       wb_u32(wb, 0) || wb_u8(wb, HOPS) || wb_u8(wb, PROTO_UDP) ||
	       wb_u16(wb, 0) || wb_put(wb, src->b, 4) ||
	       wb_put(wb, dst->b, 4) ||
	       wb_set_u16(wb, 10, sum_end(sum16(0, wb->p, 20)));
}

size_t
capture_datagram(const struct obs *send, uint8_t out[CAPTURE_MAX])
{
	const struct endpoint *src = &send->send.src, *dst = &send->send.dst;
	struct chunk data = send->send.data;
	struct wbuf wb;
	uint32_t sum;
	uint16_t end;
	size_t at;

	if (src->addr.len != dst->addr.len ||
	    (src->addr.len != 4 && src->addr.len != 16))
		return 0;
	wb_init(&wb, out, CAPTURE_MAX);
	if (put_ip(&wb, &src->addr, &dst->addr, UDP_LEN + data.len))
		return 0;
	at = wb.len;
	if (wb_u16(&wb, src->port) || wb_u16(&wb, dst->port) ||
	    wb_u16(&wb, UDP_LEN + data.len) || wb_u16(&wb, 0) ||
	    (data.len > 0 && wb_put(&wb, data.p, data.len)))
		return 0;
	sum = PROTO_UDP + (uint32_t)(wb.len - at);
	sum = sum16(sum, src->addr.b, src->addr.len);
	sum = sum16(sum, dst->addr.b, dst->addr.len);
	end = sum_end(sum16(sum, out + at, wb.len - at));
	/* Zero says that there is none: RFC 768. */
	if (wb_set_u16(&wb, at + 6, end != 0 ? end : 0xffff))
		return 0;
	return wb.len;
}

static int
capture_take(void *arg, const struct obs *o)
{
	struct capture *c = arg;
	struct pcap_pkthdr h = { 0 };

	if (o->kind != OBS_SEND || o->send.app)
		return 0;
	h.len = h.caplen = (uint32_t)capture_datagram(o, c->buf);
	if (h.len == 0)
		return 0;
	h.ts.tv_sec = (time_t)(o->t / NS_PER_S);
	h.ts.tv_usec = (suseconds_t)(o->t % NS_PER_S); /* nanoseconds */
	pcap_dump((u_char *)c->d, &h, c->buf);
	return out_check(c->out);
}

/* -- the file ------------------------------------------------------------- */

int
capture_new(struct capture **out, struct out_file *o)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (c != NULL)
		c->p = pcap_open_dead_with_tstamp_precision(
		    DLT_RAW, CAPTURE_MAX, PCAP_TSTAMP_PRECISION_NANO);
	if (c == NULL || c->p == NULL) {
		free(c);
		errno = ENOMEM;
		return out_failed(o);
	}
	c->out = o;
	/* It closes the stream if it cannot write. */
	if ((c->d = pcap_dump_fopen(c->p, o->f)) == NULL) {
		o->f = NULL;
		(void)out_failed(o);
		pcap_close(c->p);
		free(c);
		return o->err;
	}
	*out = c;
	return 0;
}

int
capture_free(struct capture **cp)
{
	struct capture *c = *cp;
	int r;

	if (c == NULL)
		return 0;
	/* pcap_dump_close() would close it too, and not say how that went. */
	r = out_close(c->out);
	pcap_close(c->p);
	free(c);
	*cp = NULL;
	return r;
}

struct obs_sink
capture_sink(struct capture *c)
{
	return (struct obs_sink){ .arg = c, .take = capture_take };
}

/* -- keys ----------------------------------------------------------------- */

static void
put_hex(FILE *f, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(f, "%02x", p[i]);
	fputc(',', f);
}

void
capture_keys(FILE *f, const struct obs *o)
{
	const struct sk_key *i = &o->keys.keys->i, *r = &o->keys.keys->r;
	bool gcm = i->encr == ENCR_AES_GCM_16;
	size_t e = gcm ? GCM_KEYMAT_LEN : CBC_KEY_LEN;
	size_t a = gcm ? 0 : HMAC_KEY_LEN;

	put_hex(f, o->keys.spi_i, 8);
	put_hex(f, o->keys.spi_r, 8);
	put_hex(f, i->e, e);
	put_hex(f, r->e, e);
	fprintf(f, "\"%s\",",
	    gcm ? "AES-GCM-256 with 16 octet ICV [RFC5282]"
		: "AES-CBC-256 [RFC3602]");
	put_hex(f, i->a, a);
	put_hex(f, r->a, a);
	fprintf(f, "\"%s\"\n",
	    gcm ? "NONE [RFC4306]" : "HMAC_SHA2_256_128 [RFC4868]");
}
