/* SPDX-License-Identifier: ISC */

/*
 * What a capture of the wire holds.
 *
 *   capcheck PCAP FILE...	is any 16-octet run of a FILE in any frame?
 *
 * Prints counts by kind of frame, octets of IKE messages and milliseconds from
 * the first to the last, the ESP packets of each SPI, and the first "other"
 * frames: whatever is not IKE (UDP 848), ESP or housekeeping (ARP, IGMP, MLD,
 * neighbour discovery, ICMP errors that quote IKE).  Exit 0 when there is no other frame and no run of a
 * file, otherwise 1.
 */

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define RUN 16
#define SPIS_MAX 256
#define TABLE_BITS 19
#define IKE_PORT 848
#define OTHERS_SHOWN 3

enum kind { K_IKE, K_ESP, K_ARP, K_IGMP, K_MLD, K_ND, K_ERR, K_OTHER, K_COUNT };
static const char *const kind_name[K_COUNT] = { "ike", "esp", "arp", "igmp",
	"mld", "nd", "unreachable", "other" };

static unsigned long count[K_COUNT], ike_octets, runs;
static uint64_t ike_first_us, ike_last_us;
static struct spi {
	uint32_t spi;
	char dst[INET6_ADDRSTRLEN];
	unsigned long n;
} spis[SPIS_MAX];
static size_t n_spis;

/*
 * Runs of the files.
 * A run of 16 octets covers a whole 9-octet piece that begins at a multiple of
 * 8 in its file.  So only those pieces are kept, by hash, and every place of
 * a frame is looked up and extended both ways.  (User-Mode Linux is slow at
 * touching fresh memory: a table of all places takes it seconds.)
 */
#define STRIDE 8
#define PIECE (RUN - STRIDE + 1)

static unsigned char *text;
static size_t text_len;
static uint32_t *table; /* offset + 1 */

static uint32_t
next(uint32_t h)
{
	return (h + 1) & ((1u << TABLE_BITS) - 1);
}

static uint32_t
hash(const unsigned char *p)
{
	uint64_t a;

	memcpy(&a, p, 8);
	a = (a ^ (p[8] * 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu;
	return (uint32_t)(a >> (64 - TABLE_BITS));
}

static void
learn(size_t from)
{
	for (size_t i = from; i + PIECE <= text_len; i += STRIDE) {
		uint32_t h = hash(text + i);

		while (table[h] != 0)
			h = next(h);
		table[h] = (uint32_t)i + 1;
	}
}

/* Octets that f and the text have in common around f[at] and text[i]. */
static size_t
common(const unsigned char *f, size_t len, size_t at, size_t i)
{
	size_t back = 0, fwd = 0;

	while (back < at && back < i && f[at - back - 1] == text[i - back - 1])
		back++;
	while (at + fwd < len && i + fwd < text_len &&
	       f[at + fwd] == text[i + fwd])
		fwd++;
	return back + fwd;
}

static bool
known(const unsigned char *f, size_t len, size_t at)
{
	for (uint32_t h = hash(f + at); table[h] != 0; h = next(h))
		if (common(f, len, at, table[h] - 1) >= RUN)
			return true;
	return false;
}

static unsigned char *
slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	unsigned char *p;
	long n;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0)
		err(1, "%s", path);
	rewind(f);
	*len = (size_t)n;
	if ((p = malloc(*len + 1)) == NULL || fread(p, 1, *len, f) != *len)
		err(1, "%s", path);
	fclose(f);
	return p;
}

static void
learn_file(const char *path)
{
	size_t len, from = text_len;
	unsigned char *p = slurp(path, &len);

	if (text_len + len > ((size_t)STRIDE << TABLE_BITS) / 2)
		errx(1, "%s: files too big", path);
	if ((text = realloc(text, text_len + len)) == NULL)
		err(1, "realloc");
	memcpy(text + text_len, p, len);
	text_len += len;
	free(p);
	learn(from);
}

/* -- frames -------------------------------------------------------------- */

static uint16_t
u16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static enum kind
esp(const unsigned char *p, size_t len, int family, const void *dst)
{
	char to[INET6_ADDRSTRLEN];
	uint32_t spi;
	size_t i;

	if (len < 16)
		return K_OTHER;
	memcpy(&spi, p, 4);
	inet_ntop(family, dst, to, sizeof(to));
	for (i = 0; i < n_spis; i++)
		if (spis[i].spi == ntohl(spi) && strcmp(spis[i].dst, to) == 0)
			break;
	if (i == SPIS_MAX)
		errx(1, "more than %d SPIs", SPIS_MAX);
	if (i == n_spis) {
		spis[n_spis].spi = ntohl(spi);
		memcpy(spis[n_spis++].dst, to, sizeof(to));
	}
	spis[i].n++;
	return K_ESP;
}

static enum kind
udp(const unsigned char *p, size_t len)
{
	if (len < 8 || (u16(p) != IKE_PORT && u16(p + 2) != IKE_PORT))
		return K_OTHER;
	ike_octets += len - 8;
	return K_IKE;
}

/* "Port unreachable" of a host that has no MIKE yet quotes what it got. */
static enum kind
quoted(const unsigned char *udp_head)
{
	return u16(udp_head + 2) == IKE_PORT ? K_ERR : K_OTHER;
}

static enum kind
ip4(const unsigned char *p, size_t len)
{
	size_t hl, total;

	if (len < 20 || (hl = (size_t)(p[0] & 15) * 4) < 20 ||
	    (total = u16(p + 2)) > len || total < hl)
		return K_OTHER;
	if ((u16(p + 6) & 0x3fff) != 0) /* nobody has a reason to fragment */
		return K_OTHER;
	switch (p[9]) {
	case 1:
		return total - hl >= 36 && p[hl] == 3 && p[hl + 8] == 0x45 &&
			       p[hl + 17] == 17
			   ? quoted(p + hl + 28)
			   : K_OTHER;
	case 2:
		return K_IGMP;
	case 17:
		return udp(p + hl, total - hl);
	case 50:
		return esp(p + hl, total - hl, AF_INET, p + 16);
	}
	return K_OTHER;
}

static enum kind
icmp6(const unsigned char *p, size_t len)
{
	if (len < 4)
		return K_OTHER;
	if (p[0] == 1 && len >= 56 && p[14] == 17)
		return quoted(p + 48);
	if (p[0] == 143 || (p[0] >= 130 && p[0] <= 132))
		return K_MLD;
	return p[0] >= 133 && p[0] <= 136 ? K_ND : K_OTHER;
}

static enum kind
ip6(const unsigned char *p, size_t len)
{
	size_t at = 40, total;
	unsigned int next;

	if (len < 40 || (total = (size_t)u16(p + 4) + 40) > len)
		return K_OTHER;
	next = p[6];
	if (next == 0 && total >= at + 8) { /* hop by hop, before MLD */
		next = p[at];
		at += ((size_t)p[at + 1] + 1) * 8;
		if (at > total)
			return K_OTHER;
	}
	switch (next) {
	case 17:
		return udp(p + at, total - at);
	case 50:
		return esp(p + at, total - at, AF_INET6, p + 24);
	case 58:
		return icmp6(p + at, total - at);
	}
	return K_OTHER;
}

static enum kind
classify(const unsigned char *f, size_t len)
{
	if (len < 14)
		return K_OTHER;
	switch (u16(f + 12)) {
	case 0x0800:
		return ip4(f + 14, len - 14);
	case 0x0806:
		return K_ARP;
	case 0x86dd:
		return ip6(f + 14, len - 14);
	}
	return K_OTHER;
}

static void
frame(const unsigned char *f, size_t len, uint64_t at_us)
{
	enum kind k = classify(f, len);

	if (k == K_IKE) {
		if (count[K_IKE] == 0)
			ike_first_us = at_us;
		ike_last_us = at_us;
	}
	count[k]++;
	if (k == K_OTHER && count[k] <= OTHERS_SHOWN) {
		printf("other:");
		for (size_t i = 0; i < len && i < 64; i++)
			printf(" %02x", f[i]);
		printf("\n");
	}
	for (size_t i = 0; i + PIECE <= len; i++)
		runs += known(f, len, i);
}

int
main(int argc, char **argv)
{
	size_t len, at = 24;
	unsigned char *cap;
	uint32_t head[4];

	if (argc < 3)
		errx(64, "usage: capcheck PCAP FILE...");
	if ((table = calloc(1u << TABLE_BITS, sizeof(*table))) == NULL)
		err(1, "calloc");
	for (int i = 2; i < argc; i++)
		learn_file(argv[i]);
	cap = slurp(argv[1], &len);
	if (len < at || memcmp(cap, "\xd4\xc3\xb2\xa1", 4) != 0)
		errx(1, "%s: not a pcap file", argv[1]);
	while (at + sizeof(head) <= len) {
		memcpy(head, cap + at, sizeof(head));
		at += sizeof(head);
		if (head[2] > len - at)
			errx(1, "%s: cut short", argv[1]);
		frame(cap + at, head[2], (uint64_t)head[0] * 1000000 + head[1]);
		at += head[2];
	}
	for (size_t i = 0; i < K_COUNT; i++)
		printf("%s=%lu ", kind_name[i], count[i]);
	printf("ike-octets=%lu ike-ms=%lu runs=%lu\n", ike_octets,
	    (unsigned long)(ike_last_us - ike_first_us + 500) / 1000, runs);
	for (size_t i = 0; i < n_spis; i++)
		printf("spi=0x%08x dst=%s packets=%lu\n", spis[i].spi,
		    spis[i].dst, spis[i].n);
	free(cap);
	free(text);
	free(table);
	return count[K_OTHER] == 0 && runs == 0 ? 0 : 1;
}
