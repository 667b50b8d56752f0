/* SPDX-License-Identifier: ISC */

/*
 * Captures of G-IKEv2 for the Wireshark dissector, made in one process: the
 * world of the exchange tests.
 *
 *   mkpcap DIR	DIR/registration.pcap	receivers register, by real cores
 *		DIR/rekey.pcap		one GSA_REKEY with all that RFC 9838
 *					puts into one, also what we never send
 *		DIR/damaged.pcap	the same cut at each octet, then with
 *					each octet changed
 *		DIR/ikev2_decryption_table	Wireshark's, for all of them
 *
 * A daemon shows its keys to nobody.  Here the linker puts a function of ours
 * around ike_keys_derive() (-Wl,--wrap), in this program only.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dn.h"
#include "keymgrd/core/ike/keys.h"
#include "tests/lib/pair.h"

#define LINKTYPE_RAW 101 /* a frame is an IP datagram */
#define INNER_MAX 1500

static FILE *table, *capture;

static FILE *
create(const char *dir, const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "w")) == NULL) {
		perror(path);
		exit(1);
	}
	return f;
}

/* -- the decryption table ----------------------------------------------- */

static void
put_hex(const void *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(table, "%02x", ((const uint8_t *)p)[i]);
	fputc(',', table);
}

static void
put_keys(const uint8_t *spi_i, const uint8_t *spi_r, const struct sk_key *i,
    const struct sk_key *r)
{
	bool gcm = i->encr == ENCR_AES_GCM_16;
	size_t e = gcm ? GCM_KEYMAT_LEN : CBC_KEY_LEN;
	size_t a = gcm ? 0 : HMAC_KEY_LEN;

	put_hex(spi_i, 8);
	put_hex(spi_r, 8);
	put_hex(i->e, e);
	put_hex(r->e, e);
	fprintf(table, "\"%s\",",
	    gcm ? "AES-GCM-256 with 16 octet ICV [RFC5282]"
		: "AES-CBC-256 [RFC3602]");
	put_hex(i->a, a);
	put_hex(r->a, a);
	fprintf(table, "\"%s\"\n",
	    gcm ? "NONE [RFC4306]" : "HMAC_SHA2_256_128 [RFC4868]");
}

int __real_ike_keys_derive(const struct ike_suite *s, struct chunk shared,
    struct chunk ni, struct chunk nr, const uint8_t spi_i[8],
    const uint8_t spi_r[8], struct ike_keys *out) MUST_CHECK;
int __wrap_ike_keys_derive(const struct ike_suite *s, struct chunk shared,
    struct chunk ni, struct chunk nr, const uint8_t spi_i[8],
    const uint8_t spi_r[8], struct ike_keys *out) MUST_CHECK;

/* Both ends come here; one line for an IKE SA is enough. */
int
__wrap_ike_keys_derive(const struct ike_suite *s, struct chunk shared,
    struct chunk ni, struct chunk nr, const uint8_t spi_i[8],
    const uint8_t spi_r[8], struct ike_keys *out)
{
	static uint8_t last[8];
	int r = __real_ike_keys_derive(s, shared, ni, nr, spi_i, spi_r, out);

	if (r == 0 && memcmp(last, spi_i, sizeof(last)) != 0) {
		memcpy(last, spi_i, sizeof(last));
		put_keys(spi_i, spi_r, &out->i, &out->r);
	}
	return r;
}

/* -- captures ----------------------------------------------------------- */

static void
capture_start(const char *dir, const char *name)
{
	static const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snap, linktype;
	} head = { 0xa1b2c3d4, 2, 4, 0, 0, 65535, LINKTYPE_RAW };

	capture = create(dir, name);
	must(fwrite(&head, sizeof(head), 1, capture) == 1);
}

static void
capture_end(void)
{
	must(fclose(capture) == 0);
}

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
ip_header(struct wbuf *wb, const struct addr *src, const struct addr *dst,
    size_t payload)
{
	if (src->len == 16) {
		return wb_u32(wb, 0x60000000) || wb_u16(wb, payload) ||
		       wb_u8(wb, 17) || wb_u8(wb, 64) ||
		       wb_put(wb, src->b, 16) || wb_put(wb, dst->b, 16);
	}
	return wb_u16(wb, 0x4500) || wb_u16(wb, 20 + payload) ||
	       wb_u32(wb, 0x4000) || wb_u16(wb, 0x4011) || wb_u16(wb, 0) ||
	       wb_put(wb, src->b, 4) || wb_put(wb, dst->b, 4) ||
	       wb_set_u16(wb, 10, sum_end(sum16(0, wb->p, 20)));
}

static void
put_frame(uint64_t now_ms, const struct endpoint *src,
    const struct endpoint *dst, const uint8_t *p, size_t len)
{
	uint8_t buf[IKE_MSG_MAX + 48];
	uint32_t head[4] = { (uint32_t)(now_ms / 1000),
		(uint32_t)(now_ms % 1000 * 1000), 0, 0 };
	uint32_t sum = 17 + 8 + (uint32_t)len;
	struct wbuf wb;
	size_t udp;

	wb_init(&wb, buf, sizeof(buf));
	must(ip_header(&wb, &src->addr, &dst->addr, 8 + len) == 0);
	udp = wb.len;
	must(wb_u16(&wb, src->port) == 0 && wb_u16(&wb, dst->port) == 0 &&
	     wb_u16(&wb, 8 + len) == 0 && wb_u16(&wb, 0) == 0 &&
	     wb_put(&wb, p, len) == 0);
	sum = sum16(sum, src->addr.b, src->addr.len);
	sum = sum16(sum, dst->addr.b, dst->addr.len);
	sum = sum16(sum, buf + udp, 8 + len);
	must(wb_set_u16(&wb, udp + 6, sum_end(sum)) == 0);
	head[2] = head[3] = (uint32_t)wb.len;
	must(fwrite(head, sizeof(head), 1, capture) == 1 &&
	     fwrite(buf, wb.len, 1, capture) == 1);
}

/* -- registration ------------------------------------------------------- */

static enum net_verdict
tap(struct world *w, struct packet *p)
{
	put_frame(w->now, &p->src, &p->dst, p->p, p->len);
	return NET_PASS;
}

#define UNITS "OU=of some length,OU=so that it takes fragments"
#define MORE UNITS "," UNITS "," UNITS "," UNITS "," UNITS ",O=Example"

static const struct scene {
	enum suite suite;
	uint8_t exchange;
	uint16_t fragment;
	const char *hq, *gm;
	bool leaves;
} scenes[] = {
	{ SUITE_DEFAULT, GSA_AUTH, 1280, "CN=hq,O=Lab", "CN=gm,O=Lab", true },
	{ SUITE_CNSA, GSA_AUTH, 1280, "CN=hq,O=Lab", "CN=gm,O=Lab", false },
	/* Then GSA_REGISTRATION. */
	{ SUITE_DEFAULT, IKE_AUTH, 1280, "CN=hq,O=Lab", "CN=gm,O=Lab", false },
	{ SUITE_DEFAULT, GSA_AUTH, 576, "CN=hq," MORE, "CN=gm," MORE, false },
};

/* Names that are names: Wireshark looks into them. */
static void
set_id(uint8_t id[KM_ID_MAX], size_t *len, const char *text)
{
	must(dn_parse(text, id + 4, KM_ID_MAX - 4, len) == 0);
	*len += 4;
}

static void
registration(unsigned int n)
{
	const struct scene *s = &scenes[n];
	struct world *w = world_new();
	struct host *hq, *gm;

	w->net = tap;
	w->now += 100000 * n;
	hq = world_sender(w, 0);
	gm = world_receiver(w, 2);
	/* Other SPIs than in the scene before. */
	hq->rand += n;
	gm->rand += n;
	set_id(hq->conf.own_id, &hq->conf.own_id_len, s->hq);
	set_id(gm->conf.own_id, &gm->conf.own_id_len, s->gm);
	set_id(gm->conf.gcks[0].id, &gm->conf.gcks[0].id_len, s->hq);
	hq->conf.suite = gm->conf.suite = s->suite;
	hq->conf.fragment = gm->conf.fragment = s->fragment;
	hq->conf.foreign = s->exchange == IKE_AUTH;
	gm->conf.gcks[0].exchange = s->exchange;
	world_start(w, 0);
	world_settle(w);
	world_start(w, 2);
	world_settle(w);
	must(world_state(w, 2) == GS_KEYED && w->packets >= 4);
	if (s->leaves) {
		struct km_in in = { .ev = KM_EV_LEAVE };

		must(world_event(w, 2, &in) == 0);
		world_settle(w);
	}
	world_free(&w);
}

static void
registrations(const char *dir)
{
	capture_start(dir, "registration.pcap");
	for (unsigned int i = 0; i < NITEMS(scenes); i++)
		registration(i);
	capture_end();
}

/* -- all that a group message may hold ---------------------------------- */

static const uint8_t rekey_spi[16] = "rekey-SPI-of-16!";
static uint16_t rekey_port = 848;
static const struct sk_key rekey_key = { .encr = ENCR_AES_GCM_16, .e = "36" };

/* Octets as they are on the wire, in hexadecimal; blanks do not count. */
static void
put(struct wbuf *wb, const char *hex)
{
	for (; *hex != '\0'; hex++) {
		char two[3] = { hex[0], hex[1], '\0' };

		if (*hex == ' ')
			continue;
		must(wb_u8(wb, strtoul(two, NULL, 16)) == 0);
		hex++;
	}
}

static size_t
open_len(struct wbuf *wb, const char *before)
{
	size_t at;

	put(wb, before);
	at = wb->len;
	put(wb, "0000");
	return at;
}

/* The length at `at` counts from `from` octets before it. */
static void
close_len(struct wbuf *wb, size_t at, size_t from)
{
	must(wb_set_u16(wb, at, wb->len - at + from) == 0);
}

static void
put_gsa(struct wbuf *wb)
{
	size_t pld = open_len(wb, "3400"), at;

	at = open_len(wb, "0610"); /* Rekey SA */
	must(wb_put(wb, rekey_spi, sizeof(rekey_spi)) == 0);
	put(wb, "0711 0010 0350 0350 c0000201 c0000201");
	put(wb, "0711 0010 0350 0350 efc00a01 efc00a01");
	put(wb, "0300 000c 0100 0014 800e 0100");		 /* GCM */
	put(wb, "0300 0008 0d00 0003");				 /* wrap */
	put(wb, "0000 0013 0e00 0002 0012 0007 300506032b6570"); /* GCAUTH */
	put(wb, "0001 0004 00000e10 0002 0004 00000007");
	put(wb, "0003 0010 000102030405060708090a0b0c0d0e0f");
	close_len(wb, at, 2);
	at = open_len(wb, "0304"); /* ESP, one sender */
	put(wb, "c0ffee01 0711 0010 0000 ffff c0000201 c0000201");
	put(wb, "0711 0010 1388 1392 efc00a01 efc00a01");
	put(wb, "0300 000c 0100 0014 800e 0100 0000 0008 0500 0000");
	put(wb, "0001 0004 00000e10 0003 0004 c0ffee02");
	close_len(wb, at, 2);
	at = open_len(wb, "0304"); /* ESP, many senders, IPv6 */
	put(wb, "c0ffee03 0811 0028 0000 ffff");
	put(wb, "00000000000000000000000000000000");
	put(wb, "ffffffffffffffffffffffffffffffff 0811 0028 1388 1392");
	put(wb, "ff15000000000000000000004d490001");
	put(wb, "ff15000000000000000000004d490001");
	put(wb, "0300 000c 0100 0014 800e 0100 0000 0008 0500 0002");
	put(wb, "0001 0004 00000e10");
	close_len(wb, at, 2);
	put(wb, "0000 0010 8001 0005 8002 001e 8003 0008"); /* group-wide */
	close_len(wb, pld, 2);
}

/* A key wrapped: nobody unwraps it here. */
static void
put_wrapped(struct wbuf *wb, const char *type_len, const char *ids, size_t len)
{
	put(wb, type_len);
	put(wb, ids);
	must(wb_zero(wb, len) == 0);
}

static void
put_kd(struct wbuf *wb)
{
	size_t pld = open_len(wb, "2a00"), at;

	at = open_len(wb, "0610");
	must(wb_put(wb, rekey_spi, sizeof(rekey_spi)) == 0);
	put_wrapped(wb, "0001 0058", "00000000 00000001", 80);
	put_wrapped(wb, "0001 0058", "00000000 0000000f", 80);
	close_len(wb, at, 2);
	at = open_len(wb, "0304 ");
	put(wb, "c0ffee01");
	put_wrapped(wb, "0001 0038", "00000000 00000000", 48);
	close_len(wb, at, 2);
	at = open_len(wb, "0000");
	put_wrapped(wb, "0001 0030", "0000000f 00000006", 40);
	put(wb, "0002 002c 302a300506032b6570032100");
	must(wb_zero(wb, 32) == 0);
	put(wb, "0003 0004 00000019");
	close_len(wb, at, 2);
	close_len(wb, pld, 2);
}

/* IDg, SAg, GSA, KD, D and four notifies; *first is the type of the first. */
static size_t
everything(uint8_t *out, size_t size, uint8_t *first)
{
	struct wbuf wb;

	wb_init(&wb, out, size);
	*first = PLD_IDG;
	put(&wb, "2100 000f 0b000000 6f70732d6e6574"); /* ops-net */
	put(&wb, "3300 0038 0200 0024 01060003");      /* SAg: Rekey SA */
	put(&wb, "0300 000c 0100 0014 800e 0100");
	put(&wb, "0300 0008 0d00 0003 0000 0008 0e00 0002");
	put(&wb, "0000 0010 01030001 0000 0008 0500 0000"); /* ESP */
	put_gsa(&wb);
	put_kd(&wb);
	put(&wb, "2900 000c 0304 0001 00000000"); /* D: all ESP SAs */
	put(&wb, "2900 0008 0000 002d 2900 0008 0000 002e");
	put(&wb, "2900 0008 0000 0031 0000 000c 0000 402d 00000001");
	return wb.len;
}

/*
 * One GSA_REKEY that holds what is in inner, whole (total 0) or as fragment no
 * of total.  Port 4500 has four octets before the message (RFC 3948).
 */
static void
put_rekey(uint32_t mid, uint8_t first, const uint8_t *inner, size_t len,
    unsigned int no, unsigned int total)
{
	struct endpoint src = { { 4, { 192, 0, 2, 1 } }, rekey_port };
	struct endpoint dst = { { 4, { 239, 192, 10, 1 } }, rekey_port };
	size_t marker = rekey_port == 4500 ? 4 : 0;
	uint8_t buf[4 + INNER_MAX + 100] = { 0 }, *msg = buf + marker,
				    plain[INNER_MAX + 1] = { 0 };
	uint8_t nonce[GCM_NONCE_LEN] = { 0 };
	size_t aad = IKE_HDR_LEN + (total == 0 ? 4 : 8);
	size_t size = aad + GCM_IV_LEN + len + 1 + GCM_TAG_LEN;
	struct wbuf wb;

	memcpy(plain, inner, len); /* and no padding */
	memcpy(nonce, rekey_key.e + GCM_KEY_LEN, GCM_SALT_LEN);
	memcpy(nonce + GCM_SALT_LEN, &mid, sizeof(mid));
	nonce[GCM_NONCE_LEN - 1] = (uint8_t)no;
	wb_init(&wb, msg, sizeof(buf) - marker);
	must(wb_put(&wb, rekey_spi, sizeof(rekey_spi)) == 0 &&
	     wb_u8(&wb, total == 0 ? PLD_SK : PLD_SKF) == 0 &&
	     wb_u8(&wb, IKE_VERSION) == 0 && wb_u8(&wb, GSA_REKEY) == 0 &&
	     wb_u8(&wb, 0) == 0 && wb_u32(&wb, mid) == 0 &&
	     wb_u32(&wb, size) == 0 &&
	     wb_u8(&wb, no > 1 ? PLD_NONE : first) == 0 && wb_u8(&wb, 0) == 0 &&
	     wb_u16(&wb, size - IKE_HDR_LEN) == 0);
	must(total == 0 || (wb_u16(&wb, no) == 0 && wb_u16(&wb, total) == 0));
	must(wb_put(&wb, nonce + GCM_SALT_LEN, GCM_IV_LEN) == 0);
	must(aead_seal(rekey_key.e, nonce, (struct chunk){ msg, aad },
		 (struct chunk){ plain, len + 1 }, msg + wb.len) == 0);
	put_frame(1000000 + mid, &src, &dst, buf, marker + size);
}

static void
rekeys(const char *dir)
{
	static const uint16_t others[] = { 500, 4500 };
	uint8_t inner[INNER_MAX], first;
	size_t len = everything(inner, sizeof(inner), &first);
	uint32_t mid = 0;

	put_keys(rekey_spi, rekey_spi + 8, &rekey_key, &rekey_key);
	capture_start(dir, "rekey.pcap");
	put_rekey(mid++, first, inner, len, 0, 0);
	put_rekey(mid++, PLD_NONE, inner, 0, 0, 0); /* nothing in it */
	put_rekey(mid, first, inner, 400, 1, 2);
	put_rekey(mid++, first, inner + 400, len - 400, 2, 2);
	for (size_t i = 0; i < NITEMS(others); i++) {
		rekey_port = others[i];
		put_rekey(mid++, first, inner, len, 0, 0);
	}
	rekey_port = 848;
	capture_end();
	capture_start(dir, "damaged.pcap");
	for (size_t i = 0; i < len; i++)
		put_rekey(mid++, first, inner, i, 0, 0);
	for (size_t i = 0; i < len; i++)
		for (unsigned int x = 0x01; x <= 0xff; x += 0x7f) {
			inner[i] ^= (uint8_t)x;
			put_rekey(mid++, first, inner, len, 0, 0);
			inner[i] ^= (uint8_t)x;
		}
	capture_end();
	printf("cut=%zu changed=%zu\n", len, 3 * len);
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: mkpcap DIR\n");
		return 64;
	}
	table = create(argv[1], "ikev2_decryption_table");
	must(crypto_init() == 0);
	registrations(argv[1]);
	rekeys(argv[1]);
	must(fclose(table) == 0);
	return 0;
}
