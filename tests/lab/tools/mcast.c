/* SPDX-License-Identifier: ISC */

/*
 * An ordinary multicast application: it knows nothing of keys.
 *
 *   mcast send FILE GROUP PORT IF	a file in numbered datagrams
 *   mcast recv FILE GROUP PORT IF	the file again; complete or exit 1
 *   mcast stream GROUP PORT IF	numbered datagrams
 *   mcast count GROUP PORT IF		what arrives of a stream
 *
 * -s ADDR  source address            -r N  datagrams per second (800)
 * -n N     stream: how many (1000)   -l N  octets of data in each (1200)
 * -t MS    recv, count: end after so long without any (3000)
 * -w FILE  recv, count: make FILE when ready to receive
 * -S FILE  stream, count: end when FILE exists
 * -T N     hop limit of what is sent (8)
 */

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

#define MAGIC 0x4d435354 /* "MCST" */
#define HEAD_LEN 12	 /* magic, number, how many in all (0: no end) */
#define DATA_MAX 8192

struct app {
	const char *file, *group, *port, *iface, *source;
	const char *ready, *stop;
	unsigned int rate, count, len, idle_ms, hops;
	int fd;
	struct sockaddr_storage to;
	socklen_t to_len;
};

static unsigned int
number(const char *s)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (*end != '\0' || v == 0 || v > 100000000)
		errx(64, "%s: not a number", s);
	return (unsigned int)v;
}

static bool
exists(const char *path)
{
	return path != NULL && access(path, F_OK) == 0;
}

static void
touch(const char *path)
{
	int fd;

	if (path == NULL)
		return;
	if ((fd = open(path, O_WRONLY | O_CREAT, 0644)) < 0)
		err(1, "%s", path);
	close(fd);
}

/* -- sockets ------------------------------------------------------------- */

static void
set(int fd, int level, int name, const void *p, size_t len)
{
	if (setsockopt(fd, level, name, p, (socklen_t)len) != 0)
		err(1, "setsockopt %d %d", level, name);
}

static socklen_t
address(struct sockaddr_storage *ss, const char *text, uint16_t port)
{
	struct sockaddr_in6 *s6 = (void *)ss;
	struct sockaddr_in *s4 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &s4->sin_addr) == 1) {
		s4->sin_family = AF_INET;
		s4->sin_port = htons(port);
		return sizeof(*s4);
	}
	if (inet_pton(AF_INET6, text, &s6->sin6_addr) != 1)
		errx(64, "%s: not an address", text);
	s6->sin6_family = AF_INET6;
	s6->sin6_port = htons(port);
	return sizeof(*s6);
}

static unsigned int
ifindex(const char *name)
{
	unsigned int i = if_nametoindex(name);

	if (i == 0)
		err(1, "%s", name);
	return i;
}

static void
open_sender(struct app *a)
{
	unsigned int ifi = ifindex(a->iface);
	struct sockaddr_storage from;
	socklen_t len;
	int hops = (int)a->hops;

	a->to_len = address(&a->to, a->group, (uint16_t)number(a->port));
	a->fd = socket(a->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		err(1, "socket");
	if (a->source != NULL) {
		len = address(&from, a->source, 0);
		if (bind(a->fd, (struct sockaddr *)&from, len) != 0)
			err(1, "bind %s", a->source);
	}
	if (a->to.ss_family == AF_INET) {
		struct ip_mreqn m = { .imr_ifindex = (int)ifi };

		set(a->fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m));
		set(a->fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops));
	} else {
		set(a->fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &ifi, sizeof(ifi));
		set(a->fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops,
		    sizeof(hops));
	}
}

static void
open_receiver(struct app *a)
{
	unsigned int ifi = ifindex(a->iface);
	int one = 1, room = 8 << 20;

	a->to_len = address(&a->to, a->group, (uint16_t)number(a->port));
	a->fd = socket(a->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		err(1, "socket");
	set(a->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	set(a->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	/* Bound to the group: a datagram to anything else is not ours. */
	if (bind(a->fd, (struct sockaddr *)&a->to, a->to_len) != 0)
		err(1, "bind");
	if (a->to.ss_family == AF_INET) {
		struct ip_mreqn m = { .imr_ifindex = (int)ifi };

		m.imr_multiaddr = ((struct sockaddr_in *)&a->to)->sin_addr;
		set(a->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m));
	} else {
		struct ipv6_mreq m = { .ipv6mr_interface = ifi };

		m.ipv6mr_multiaddr = ((struct sockaddr_in6 *)&a->to)->sin6_addr;
		set(a->fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &m, sizeof(m));
	}
	touch(a->ready);
}

static void
put32(unsigned char *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
}

static uint32_t
get32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return ntohl(v);
}

/* -- sending ------------------------------------------------------------- */

/* Wait for the moment of datagram i; no drift, whatever a send takes. */
static void
pace(const struct app *a, struct timespec start, uint32_t i)
{
	uint64_t ns = (uint64_t)i * 1000000000u / a->rate;

	start.tv_sec += (time_t)(ns / 1000000000u);
	start.tv_nsec += (long)(ns % 1000000000u);
	if (start.tv_nsec >= 1000000000) {
		start.tv_nsec -= 1000000000;
		start.tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &start, NULL);
}

/* data NULL: filler.  Returns how many the kernel took. */
static uint32_t
send_all(struct app *a, const unsigned char *data, size_t size, uint32_t total)
{
	unsigned char buf[HEAD_LEN + DATA_MAX];
	struct timespec start;
	uint32_t sent = 0;
	size_t n;

	memset(buf, '.', sizeof(buf));
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (uint32_t i = 0; i < total && !exists(a->stop); i++) {
		n = a->len;
		if (data != NULL) {
			size_t at = (size_t)i * a->len;

			n = size - at < n ? size - at : n;
			memcpy(buf + HEAD_LEN, data + at, n);
		}
		put32(buf, MAGIC);
		put32(buf + 4, i);
		put32(buf + 8, data != NULL ? total : 0);
		pace(a, start, i);
		if (sendto(a->fd, buf, HEAD_LEN + n, 0,
			(struct sockaddr *)&a->to, a->to_len) >= 0)
			sent++;
	}
	return sent;
}

static int
do_send(struct app *a)
{
	unsigned char *data;
	uint32_t total, sent;
	FILE *f = fopen(a->file, "rb");
	long size;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) <= 0)
		err(1, "%s", a->file);
	rewind(f);
	if ((data = malloc((size_t)size)) == NULL ||
	    fread(data, 1, (size_t)size, f) != (size_t)size)
		err(1, "%s", a->file);
	fclose(f);
	total = (uint32_t)(((size_t)size + a->len - 1) / a->len);
	open_sender(a);
	sent = send_all(a, data, (size_t)size, total);
	printf("sent=%u of=%u octets=%ld\n", sent, total, size);
	free(data);
	return sent == total ? 0 : 1;
}

static int
do_stream(struct app *a)
{
	open_sender(a);
	printf("sent=%u\n", send_all(a, NULL, 0, a->count));
	return 0;
}

/* -- receiving ----------------------------------------------------------- */

/* One datagram of ours; -1 when it has been quiet for too long. */
static ssize_t
receive(struct app *a, unsigned char *buf, size_t size)
{
	struct pollfd p = { .fd = a->fd, .events = POLLIN };
	unsigned int waited = 0;
	ssize_t n;

	while (waited < a->idle_ms) {
		if (poll(&p, 1, 100) <= 0) {
			waited += 100;
			/* What was sent before the file came is still read. */
			if (exists(a->stop) && waited >= 500)
				return -1;
			continue;
		}
		n = recv(a->fd, buf, size, 0);
		if (n >= HEAD_LEN && get32(buf) == MAGIC)
			return n;
		errx(1, "a datagram that no sender of ours made");
	}
	return -1;
}

static int
do_recv(struct app *a)
{
	static unsigned char buf[65536];
	uint32_t total = 0, got = 0, dup = 0, i, last_len = 0;
	unsigned char *seen = NULL, *data = NULL;
	FILE *f;
	ssize_t n;

	open_receiver(a);
	while ((total == 0 || got < total) &&
	       (n = receive(a, buf, sizeof(buf))) >= 0) {
		if (total == 0) {
			total = get32(buf + 8);
			if (total == 0 || total > 1000000)
				errx(1, "not a file");
			seen = calloc(total, 1);
			data = calloc(total, a->len);
			if (seen == NULL || data == NULL)
				err(1, "calloc");
		}
		i = get32(buf + 4);
		n -= HEAD_LEN;
		if (i >= total || n > a->len)
			errx(1, "not this file");
		memcpy(data + (size_t)i * a->len, buf + HEAD_LEN, (size_t)n);
		if (i == total - 1)
			last_len = (uint32_t)n;
		dup += seen[i];
		got += !seen[i];
		seen[i] = 1;
	}
	printf("got=%u of=%u twice=%u\n", got, total, dup);
	if (total == 0 || got < total)
		return 1;
	n = (ssize_t)((size_t)(total - 1) * a->len + last_len);
	if ((f = fopen(a->file, "wb")) == NULL ||
	    fwrite(data, 1, (size_t)n, f) != (size_t)n || fclose(f) != 0)
		err(1, "%s", a->file);
	free(seen);
	free(data);
	return 0;
}

/* Lost are those between the first and the last that came. */
static int
do_count(struct app *a)
{
	static unsigned char buf[65536];
	uint32_t first = 0, last = 0, got = 0, i, gap = 0;

	open_receiver(a);
	while (receive(a, buf, sizeof(buf)) >= 0) {
		i = get32(buf + 4);
		if (got++ == 0)
			first = i;
		else if (i > last + 1 && i - last - 1 > gap)
			gap = i - last - 1;
		if (got == 1 || i > last)
			last = i;
	}
	printf("got=%u first=%u last=%u lost=%d longest-gap=%u\n", got, first,
	    last, got > 0 ? (int)(last - first + 1 - got) : 0, gap);
	return got > 0 ? 0 : 1;
}

static void
usage(void)
{
	fprintf(stderr, "usage: mcast send|recv FILE GROUP PORT IF [options]\n"
			"       mcast stream|count GROUP PORT IF [options]\n");
	exit(64);
}

static void
options(struct app *a, int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "+l:n:r:S:s:t:T:w:")) != -1) {
		switch (o) {
		case 'l':
			a->len = number(optarg);
			if (a->len > DATA_MAX)
				usage();
			break;
		case 'n':
			a->count = number(optarg);
			break;
		case 'r':
			a->rate = number(optarg);
			break;
		case 'S':
			a->stop = optarg;
			break;
		case 's':
			a->source = optarg;
			break;
		case 't':
			a->idle_ms = number(optarg);
			break;
		case 'T':
			a->hops = number(optarg);
			break;
		case 'w':
			a->ready = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
}

int
main(int argc, char **argv)
{
	struct app a = { .rate = 800,
		.count = 1000,
		.len = 1200,
		.idle_ms = 3000,
		.hops = 8 };
	static const struct {
		const char *name;
		bool file;
		int (*run)(struct app *);
	} verbs[] = { { "send", true, do_send }, { "recv", true, do_recv },
		{ "stream", false, do_stream }, { "count", false, do_count } };

	for (size_t i = 0; argc > 1 && i < NITEMS(verbs); i++) {
		int n = verbs[i].file ? 6 : 5;

		if (strcmp(argv[1], verbs[i].name) != 0 || argc < n)
			continue;
		a.file = verbs[i].file ? argv[2] : NULL;
		a.group = argv[n - 3];
		a.port = argv[n - 2];
		a.iface = argv[n - 1];
		argv[n - 1] = argv[0];
		options(&a, argc - n + 1, argv + n - 1);
		return verbs[i].run(&a);
	}
	usage();
}
