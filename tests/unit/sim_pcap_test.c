/* SPDX-License-Identifier: ISC */
/* A run as a capture file, read back by libpcap; and its keys. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "keymgrd/core/ike/keys.h"
#include "mikesim/out/pcap.h"
#include "tests/lib/simrun.h"

#define eq assert_int_equal
#define streq assert_string_equal

static uint8_t out[CAPTURE_MAX];

/* -- one datagram --------------------------------------------------------- */

static struct obs
datagram(const char *src, const char *dst, const void *data, size_t len)
{
	struct obs o = { .kind = OBS_SEND };

	eq(addr_parse(&o.send.src.addr, src), 0);
	eq(addr_parse(&o.send.dst.addr, dst), 0);
	o.send.src.port = 848;
	o.send.dst.port = 849;
	o.send.data = (struct chunk){ data, len };
	return o;
}

/* The sum over what includes its own checksum is all ones: RFC 1071. */
static uint32_t
ones(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i += 2) {
		sum += (uint32_t)(p[i] << 8 | (i + 1 < len ? p[i + 1] : 0));
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static unsigned int
u16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* The addresses and, behind the IP header, UDP. */
static void
assert_udp(const uint8_t *addrs, size_t addrs_len, const uint8_t *udp,
    const void *data, size_t len)
{
	eq(u16(udp), 848);
	eq(u16(udp + 2), 849);
	eq(u16(udp + 4), 8 + len);
	assert_int_not_equal(u16(udp + 6), 0);
	eq(ones(ones(17 + 8 + (uint32_t)len, addrs, addrs_len), udp, 8 + len),
	    0xffff);
	assert_memory_equal(udp + 8, data, len);
}

static void
ipv4_with_right_checksums(void **state)
{
	uint8_t data[1001];
	struct rng r;

	(void)state;
	rng_init(&r, 1, RNG_HOST, 1);
	rng_fill(&r, data, sizeof(data));
	for (size_t len = 0; len <= sizeof(data); len++) {
		struct obs o = datagram("10.1.0.2", "239.192.10.1", data, len);

		eq(capture_datagram(&o, out), 28 + len);
		eq(out[0], 0x45);
		eq(u16(out + 2), 28 + len);
		eq(out[9], 17);
		eq(ones(0, out, 20), 0xffff);
		assert_memory_equal(out + 12, "\x0a\x01\0\x02", 4);
		assert_memory_equal(out + 16, "\xef\xc0\x0a\x01", 4);
		assert_udp(out + 12, 8, out + 20, data, len);
	}
}

static void
ipv6_with_right_checksums(void **state)
{
	static const uint8_t data[] = "some octets";
	struct obs o = datagram("fd00::2", "ff15::1", data, sizeof(data));

	(void)state;
	eq(capture_datagram(&o, out), 48 + sizeof(data));
	eq(out[0], 0x60);
	eq(u16(out + 4), 8 + sizeof(data));
	eq(out[6], 17);
	assert_memory_equal(out + 8, o.send.src.addr.b, 16);
	assert_memory_equal(out + 24, o.send.dst.addr.b, 16);
	assert_udp(out + 8, 32, out + 40, data, sizeof(data));
}

/* RFC 768: a sum that is zero is sent as all ones. */
static void
a_checksum_of_zero_is_not_none(void **state)
{
	unsigned int n = 0;

	(void)state;
	for (uint32_t i = 0; i <= 0xffff; i++) {
		uint8_t data[2] = { (uint8_t)(i >> 8), (uint8_t)i };
		struct obs o = datagram("10.1.0.2", "10.1.0.1", data, 2);

		eq(capture_datagram(&o, out), 30);
		assert_int_not_equal(u16(out + 26), 0);
		n += u16(out + 26) == 0xffff;
	}
	eq(n, 1);
}

static void
what_is_no_datagram_is_none(void **state)
{
	static const uint8_t data[CAPTURE_MAX];
	struct obs o = datagram("10.1.0.2", "ff15::1", data, 1);

	(void)state;
	eq(capture_datagram(&o, out), 0);
	o.send.src.addr.len = o.send.dst.addr.len = 0;
	eq(capture_datagram(&o, out), 0);
	o = datagram("10.1.0.2", "10.1.0.1", data, CAPTURE_MAX - 28);
	eq(capture_datagram(&o, out), CAPTURE_MAX);
	o.send.data.len++;
	eq(capture_datagram(&o, out), 0);
	o.send.data.len = SIZE_MAX - 4;
	eq(capture_datagram(&o, out), 0);
	o = datagram("fd00::2", "ff15::1", data, CAPTURE_MAX - 47);
	eq(capture_datagram(&o, out), 0);
}

/* -- a run ---------------------------------------------------------------- */

/* What there was to capture. */
struct sent {
	size_t n;
	struct {
		t_ns t;
		uint32_t octets;
	} v[1000];
};

static int
on_obs(void *arg, const struct obs *o)
{
	struct sent *s = arg;

	if (o->kind != OBS_SEND || o->send.app)
		return 0;
	assert_true(s->n < NITEMS(s->v));
	s->v[s->n].t = o->t;
	s->v[s->n++].octets = o->send.octets;
	return 0;
}

static void
read_back(const char *name, const struct sent *s)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline_with_tstamp_precision(
	    name, PCAP_TSTAMP_PRECISION_NANO, err);
	struct pcap_pkthdr *h;
	const u_char *octets;
	size_t n = 0;

	assert_non_null(p);
	eq(pcap_datalink(p), DLT_RAW);
	while (pcap_next_ex(p, &h, &octets) == 1) {
		eq(h->ts.tv_sec, s->v[n].t / NS_PER_S);
		eq(h->ts.tv_usec, s->v[n].t % NS_PER_S);
		eq(h->len, s->v[n].octets);
		eq(h->caplen, h->len);
		eq(octets[0] >> 4, 4);
		n++;
	}
	eq(n, s->n);
	pcap_close(p);
}

static void
a_run_is_read_back(void **state)
{
	static struct sent s;
	char name[] = "/tmp/sim_pcap.XXXXXX";
	int fd = mkstemp(name);
	struct obs_sink sink[2] = { { .arg = &s, .take = on_obs } };
	struct capture *c = NULL;
	struct out_file f;
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	/* It was there, and others could read it. */
	eq(fchmod(fd, 0644), 0);
	close(fd);
	s.n = 0;
	eq(out_open(&f, name, "the capture", true), 0);
	eq(capture_new(&c, &f), 0);
	sink[1] = capture_sink(c);
	simrun(SIMRUN_SMALL, 1, sink, 2, NULL, NULL);
	eq(capture_free(&c), 0);
	assert_null(c);
	eq(capture_free(&c), 0);
	assert_true(s.n > 20);
	eq(stat(name, &st), 0);
	eq(st.st_mode & 0777, 0600);
	read_back(name, &s);
	unlink(name);
}

static void
a_full_disk_is_said(void **state)
{
	struct capture *c = NULL;
	struct out_file f;
	struct obs_sink sink;
	static const uint8_t data[1000];
	struct obs o = datagram("10.1.0.2", "10.1.0.1", data, sizeof(data));
	unsigned int n = 0;

	(void)state;
	eq(out_open(&f, "/dev/full", "the capture", true), 0);
	eq(capture_new(&c, &f), 0);
	sink = capture_sink(c);
	while (sink.take(sink.arg, &o) == 0)
		assert_true(++n < 10000);
	assert_true(n > 0);
	eq(f.err, -ENOSPC);
	eq(capture_free(&c), -ENOSPC);
	/* The head of the file cannot be written. */
	eq(out_open(&f, "/dev/full", "the capture", true), 0);
	setvbuf(f.f, NULL, _IONBF, 0);
	eq(capture_new(&c, &f), -ENOSPC);
	assert_null(c);
	eq(out_close(&f), -ENOSPC);
}

/* -- keys ----------------------------------------------------------------- */

static void
assert_keys(const struct ike_keys *k, const char *want)
{
	struct obs o = { .kind = OBS_KEYS };
	char *p;
	size_t len;
	FILE *f = open_memstream(&p, &len);

	assert_non_null(f);
	memcpy(o.keys.spi_i, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
	memcpy(o.keys.spi_r, "\xff\0\0\0\0\0\0\x01", 8);
	o.keys.keys = k;
	capture_keys(f, &o);
	fclose(f);
	streq(p, want);
	free(p);
}

#define Z8 "0000000000000000"
#define Z31 Z8 Z8 Z8 "00000000000000"

static void
keys_as_wireshark_wants_them(void **state)
{
	struct ike_keys k = { .i = { .encr = ENCR_AES_GCM_16, .e = { 1 } },
		.r = { .encr = ENCR_AES_GCM_16, .e = { 2 } } };

	(void)state;
	assert_keys(&k,
	    "0123456789abcdef,ff00000000000001,01" Z31 "00000000,02" Z31
	    "00000000,\"AES-GCM-256 with 16 octet ICV [RFC5282]\",,,"
	    "\"NONE [RFC4306]\"\n");
	k.i.encr = k.r.encr = ENCR_AES_CBC;
	k.i.a[0] = 3;
	k.r.a[0] = 4;
	assert_keys(&k, "0123456789abcdef,ff00000000000001,01" Z31 ",02" Z31
			",\"AES-CBC-256 [RFC3602]\",03" Z31 ",04" Z31
			",\"HMAC_SHA2_256_128 [RFC4868]\"\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_with_right_checksums),
		cmocka_unit_test(ipv6_with_right_checksums),
		cmocka_unit_test(a_checksum_of_zero_is_not_none),
		cmocka_unit_test(what_is_no_datagram_is_none),
		cmocka_unit_test(a_run_is_read_back),
		cmocka_unit_test(a_full_disk_is_said),
		cmocka_unit_test(keys_as_wireshark_wants_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
