/* SPDX-License-Identifier: ISC */

/*
 * Both sides of a flood, for tests/netns/flood.sh:
 *
 *   flooder flood DST GROUP-ID RATE SECONDS
 *	forged IKE_SA_INIT requests, well formed and bound to the group, each
 *	from another address of 10.128.0.0/9; says how many left, and how fast
 *   flooder ask DST GROUP-ID CLIENTS SECONDS SOURCE
 *	CLIENTS honest initiators at SOURCE, SOURCE+1, ...: IKE_SA_INIT with
 *	cookie and repetitions, over and over; says how long that took
 *
 * An empty GROUP-ID: requests without MIKE_GROUP, as a stranger's program has.
 * IPv4 only; the path behind the socket is the same for IPv6.
 */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/ike/hdr.h"

#define IKE_PORT 848
#define NONCE_LEN 32
#define MSG_MAX 512
#define SPI_AT 0

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
random_get(void *p, size_t len)
{
	if (crypto_rand(p, len) != 0)
		errx(1, "no randomness");
}

static void
payload(struct wbuf *wb, uint8_t next, const void *p, size_t len)
{
	must(wb_u8(wb, next) == 0 && wb_u8(wb, 0) == 0 &&
	     wb_u16(wb, (uint16_t)(4 + len)) == 0 && wb_put(wb, p, len) == 0);
}

/* SA, KE, Nonce, MIKE_GROUP; a cookie goes before them if there is one. */
struct request {
	uint8_t spi[8], ke[36], nonce[NONCE_LEN], group[4 + MIKE_GROUP_LEN];
	bool named;
};

static void
request_make(struct request *q, const char *group)
{
	struct chunk id = { (const uint8_t *)group, strlen(group) };
	struct chunk nonce = { q->nonce, sizeof(q->nonce) };
	static const uint8_t ke[] = { 0, 31, 0, 0 };
	static const uint8_t bind[] = { 0, 0, N_MIKE_GROUP >> 8,
		N_MIKE_GROUP & 0xff };

	random_get(q->spi, sizeof(q->spi));
	random_get(q->ke, sizeof(q->ke));
	memcpy(q->ke, ke, sizeof(ke));
	q->ke[35] &= 0x7f;
	random_get(q->nonce, sizeof(q->nonce));
	memcpy(q->group, bind, sizeof(bind));
	must(mike_group_bind(id, nonce, q->group + 4) == 0);
	q->named = id.len != 0;
}

static size_t
request_put(const struct request *q, struct chunk cookie, uint8_t *out)
{
	/* One proposal: AES-256-GCM-16, HMAC-SHA2-256, X25519, KWA. */
	static const uint8_t sa[] = { 0, 0, 0, 44, 1, 1, 0, 4, 3, 0, 0, 12, 1,
		0, 0, 20, 0x80, 14, 1, 0, 3, 0, 0, 8, 2, 0, 0, 5, 3, 0, 0, 8, 4,
		0, 0, 31, 0, 0, 0, 8, 13, 0, 0, 3 };
	struct ike_hdr h = { .exchange = IKE_SA_INIT,
		.version = IKE_VERSION,
		.flags = IKE_F_INITIATOR };
	uint8_t notify[4 + 64] = { 0, 0, N_COOKIE >> 8, N_COOKIE & 0xff };
	struct wbuf wb;

	memcpy(h.spi_i, q->spi, sizeof(h.spi_i));
	h.next = cookie.len != 0 ? PLD_NOTIFY : PLD_SA;
	wb_init(&wb, out, MSG_MAX);
	must(ike_hdr_put(&wb, &h) == 0 && cookie.len <= 64);
	if (cookie.len != 0) {
		memcpy(notify + 4, cookie.p, cookie.len);
		payload(&wb, PLD_SA, notify, 4 + cookie.len);
	}
	payload(&wb, PLD_KE, sa, sizeof(sa));
	payload(&wb, PLD_NONCE, q->ke, sizeof(q->ke));
	payload(
	    &wb, q->named ? PLD_NOTIFY : PLD_NONE, q->nonce, sizeof(q->nonce));
	if (q->named)
		payload(&wb, PLD_NONE, q->group, sizeof(q->group));
	must(wb_set_u32(&wb, 24, (uint32_t)wb.len) == 0);
	return wb.len;
}

/* -- the flood ------------------------------------------------------------ */

#define KINDS 512 /* requests made before; SPI and source change each time */
#define BURST 32

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	uint8_t data[MSG_MAX];
};

static void
packet_make(struct packet *p, in_addr_t dst, const char *group, size_t *len)
{
	struct request q;
	size_t n;

	request_make(&q, group);
	n = request_put(&q, (struct chunk){ 0 }, p->data);
	*len = sizeof(p->ip) + sizeof(p->udp) + n;
	p->ip = (struct iphdr){ .version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons((uint16_t)*len),
		.daddr = dst };
	p->udp = (struct udphdr){ .source = htons(IKE_PORT),
		.dest = htons(IKE_PORT),
		.len = htons((uint16_t)(sizeof(p->udp) + n)) };
}

static unsigned long
burst_send(int fd, struct packet *p, const size_t *len, struct mmsghdr *mm,
    uint64_t sent)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct iovec iov[BURST];
	int n;

	for (size_t i = 0; i < BURST; i++) {
		size_t k = (sent + i) % KINDS;
		uint64_t at = sent + i;

		memcpy(p[k].data + SPI_AT, &at, 4);
		/* No two alike in 8 million: a source of its own for each. */
		p[k].ip.saddr = htonl(
		    0x0a800000u | ((uint32_t)(at * 2654435761u) & 0x7fffffu));
		to.sin_addr.s_addr = p[k].ip.daddr;
		iov[i] = (struct iovec){ &p[k], len[k] };
		mm[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &to,
					      .msg_namelen = sizeof(to),
					      .msg_iov = &iov[i],
					      .msg_iovlen = 1 } };
	}
	n = sendmmsg(fd, mm, BURST, 0);
	if (n < 0 && errno != ENOBUFS && errno != EAGAIN)
		err(1, "sendmmsg");
	return n < 0 ? 0 : (unsigned long)n;
}

static int
flood(in_addr_t dst, const char *group, uint64_t rate, uint64_t seconds)
{
	static struct packet p[KINDS];
	static struct mmsghdr mm[BURST];
	size_t len[KINDS];
	uint64_t begin, end, sent = 0, went = 0;
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	if (fd < 0)
		err(1, "raw socket");
	for (size_t i = 0; i < KINDS; i++)
		packet_make(&p[i], dst, group, &len[i]);
	begin = now_us();
	end = begin + seconds * 1000000;
	while (now_us() < end) {
		/* Behind: at once.  Ahead: sleep, not spin; CPU is scarce. */
		if ((now_us() - begin) * rate / 1000000 < sent + BURST) {
			usleep(1000);
			continue;
		}
		went += burst_send(fd, p, len, mm, sent);
		sent += BURST;
	}
	printf("flood sent=%lu rate=%lu\n", (unsigned long)went,
	    (unsigned long)(went * 1000000 / (now_us() - begin)));
	return 0;
}

/* -- honest initiators ---------------------------------------------------- */

#define CLIENTS_MAX 64
#define SAMPLES_MAX 100000
#define FIRST_WAIT_US 500000 /* as keymgrd does */
#define PAUSE_US 500000	     /* between two registrations of a client */

struct client {
	int fd;
	bool busy;
	struct request q;
	uint8_t cookie[64];
	size_t cookie_len;
	uint64_t began_us, due_us, wait_us;
};

static uint64_t samples[SAMPLES_MAX];
static size_t n_samples;
static unsigned long cookies, repeats, refused;

static void
client_send(struct client *c, in_addr_t dst)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(IKE_PORT),
		.sin_addr = { dst } };
	uint8_t buf[MSG_MAX];
	size_t n =
	    request_put(&c->q, (struct chunk){ c->cookie, c->cookie_len }, buf);

	(void)!sendto(c->fd, buf, n, 0, (struct sockaddr *)&to, sizeof(to));
	c->due_us = now_us() + c->wait_us;
	c->wait_us *= 2;
}

static void
client_begin(struct client *c, in_addr_t dst, const char *group)
{
	request_make(&c->q, group);
	c->cookie_len = 0;
	c->busy = true;
	c->began_us = now_us();
	c->wait_us = FIRST_WAIT_US;
	client_send(c, dst);
}

/* Only the first payload matters: a cookie, an error, or an answer. */
static void
client_take(struct client *c, in_addr_t dst, struct chunk m)
{
	static const uint8_t zero[8];
	struct ike_init_view v;

	if (!c->busy || ike_init_view(m, &v) != 0 ||
	    memcmp(v.hdr.spi_i, c->q.spi, 8) != 0)
		return;
	if (v.cookie.len != 0) {
		cookies++;
		memcpy(c->cookie, v.cookie.p, v.cookie.len);
		c->cookie_len = v.cookie.len;
		c->wait_us = FIRST_WAIT_US;
		client_send(c, dst);
		return;
	}
	if (memcmp(v.hdr.spi_r, zero, 8) == 0) {
		refused++;
		return;
	}
	if (n_samples < SAMPLES_MAX)
		samples[n_samples++] = now_us() - c->began_us;
	c->busy = false;
	c->due_us = now_us() + PAUSE_US;
}

static int
client_socket(in_addr_t src)
{
	struct sockaddr_in self = { .sin_family = AF_INET,
		.sin_addr = { src } };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof(self)) != 0)
		err(1, "client socket");
	return fd;
}

static int
by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
ask_report(const struct client *c, size_t n)
{
	unsigned long open = 0;

	/* Who still waits counts with the time it has waited. */
	for (size_t i = 0; i < n; i++) {
		if (!c[i].busy || n_samples == SAMPLES_MAX)
			continue;
		open += now_us() - c[i].began_us > 1000000;
		if (now_us() - c[i].began_us > 1000000)
			samples[n_samples++] = now_us() - c[i].began_us;
	}
	if (n_samples == 0) {
		printf("ask done=0 open=%lu cookies=%lu refused=%lu\n", open,
		    cookies, refused);
		return;
	}
	qsort(samples, n_samples, sizeof(samples[0]), by_size);
	printf("ask done=%lu open=%lu p50_ms=%lu p95_ms=%lu max_ms=%lu "
	       "cookies=%lu repeats=%lu refused=%lu\n",
	    (unsigned long)n_samples - open, open,
	    (unsigned long)samples[n_samples / 2] / 1000,
	    (unsigned long)samples[n_samples * 95 / 100] / 1000,
	    (unsigned long)samples[n_samples - 1] / 1000, cookies, repeats,
	    refused);
}

static void
ask_turn(struct client *c, size_t n, in_addr_t dst, const char *group)
{
	for (size_t i = 0; i < n; i++) {
		if (now_us() < c[i].due_us)
			continue;
		repeats += c[i].busy;
		if (c[i].busy)
			client_send(&c[i], dst);
		else
			client_begin(&c[i], dst, group);
	}
}

static int
ask(in_addr_t dst, const char *group, size_t n, uint64_t seconds, in_addr_t src)
{
	static struct client c[CLIENTS_MAX];
	struct pollfd pfd[CLIENTS_MAX];
	uint64_t end = now_us() + seconds * 1000000;
	uint8_t buf[2048];
	ssize_t got;

	if (n > CLIENTS_MAX)
		errx(64, "at most %d clients", CLIENTS_MAX);
	for (size_t i = 0; i < n; i++) {
		c[i].fd = client_socket(htonl(ntohl(src) + (uint32_t)i));
		/* Not all at the same moment. */
		c[i].due_us = now_us() + i * PAUSE_US / n;
		pfd[i] = (struct pollfd){ .fd = c[i].fd, .events = POLLIN };
	}
	while (now_us() < end) {
		ask_turn(c, n, dst, group);
		if (poll(pfd, n, 5) <= 0)
			continue;
		for (size_t i = 0; i < n; i++)
			while ((got = recv(c[i].fd, buf, sizeof(buf), 0)) > 0)
				client_take(&c[i], dst,
				    (struct chunk){ buf, (size_t)got });
	}
	ask_report(c, n);
	return 0;
}

static uint64_t
number(const char *s)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (*s == '\0' || *end != '\0')
		errx(64, "not a number: %s", s);
	return v;
}

int
main(int argc, char **argv)
{
	if (crypto_init() != 0)
		errx(1, "crypto");
	if (argc == 6 && strcmp(argv[1], "flood") == 0)
		return flood(inet_addr(argv[2]), argv[3], number(argv[4]),
		    number(argv[5]));
	if (argc == 7 && strcmp(argv[1], "ask") == 0)
		return ask(inet_addr(argv[2]), argv[3], number(argv[4]),
		    number(argv[5]), inet_addr(argv[6]));
	fprintf(stderr,
	    "usage: flooder flood dst group rate seconds\n"
	    "       flooder ask dst group clients seconds source\n");
	return 64;
}
