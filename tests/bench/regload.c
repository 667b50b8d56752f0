/* SPDX-License-Identifier: ISC */

/*
 * Many members that register, from one socket: the load of the benches, and a
 * peer that tests can have ask for unusual things.
 *
 *   regload [options] ADDRESS PORT
 *
 * -n N     registrations (1)            -w N  how many at a time (32)
 * -g ID    group (ops-net)              -l ADDR  own address
 * -c DIR   Ed25519 certificates of the CA in DIR (ca.pem, ca.key); the
 *          responder's must be of it, too
 * -p FILE  pre-shared key               -i NAME  identity CN=NAME-NUMBER,
 * -o N     first number (0)                      O=Example (gm)
 * -I NAME  identity CN=NAME,O=Example, for all
 * -s NAME  suite: default or cnsa       -F N  split messages above N octets
 * -S N     asks to send, with N Sender-IDs (GROUP_SENDER)
 * -f       foreign: no MIKE_GROUP, childless IKE_AUTH
 * -j       foreign, then GSA_REGISTRATION
 * -t MS    give one up after that long without an answer (10000)
 * -v       check the AUTH of every answer, not the first one's only
 *
 * Status: 0 all are registered; 1 some were refused (by which notify is
 * printed); 2 no answer; 3 an answer that is wrong.
 */

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/bench/lib/evpsum.h"
#include "tests/bench/lib/joiner.h"

#define WINDOW_MAX 4096
#define AGAIN_MS 1000 /* first wait for an answer, then twice as long */
#define NOTIFIES 65536
#define PSK_MAX 256

struct flight {
	struct joiner j;
	bool used;
	uint64_t since_ms, due_ms, wait_ms;
};

struct load {
	struct joiner_conf conf, first;
	const char *host, *port, *local, *ca_dir, *name, *exact;
	unsigned int n, window, offset, give_up_ms;
	bool check_all;
	uint8_t psk[PSK_MAX];
	struct ca *ca;
	struct leaf *leaf;
	int fd;
	struct flight *flight;
	/* so far */
	unsigned int started, registered, refused, silent, broken, repeated;
	unsigned int notify[NOTIFIES];
	const char *why;
	size_t octets, messages, keys; /* of the last that succeeded */
};

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* -- options ------------------------------------------------------------ */

static unsigned int
number(const char *s, unsigned int max)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end != '\0' || v > max)
		errx(64, "%s: want a number up to %u", s, max);
	return (unsigned int)v;
}

static void
psk_read(struct load *l, const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		err(66, "%s", path);
	n = fread(l->psk, 1, sizeof(l->psk), f);
	fclose(f);
	if (n > 0 && l->psk[n - 1] == '\n')
		n--;
	l->conf.psk = (struct chunk){ l->psk, n };
}

static enum suite
suite_of(const char *s)
{
	if (strcmp(s, "cnsa") == 0)
		return SUITE_CNSA;
	if (strcmp(s, "default") != 0)
		errx(64, "%s: want default or cnsa", s);
	return SUITE_DEFAULT;
}

static void
option(struct load *l, int opt, const char *arg)
{
	switch (opt) {
	case 'n':
		l->n = number(arg, 10000000);
		break;
	case 'w':
		l->window = number(arg, WINDOW_MAX);
		break;
	case 'g':
		l->conf.group =
		    (struct chunk){ (const uint8_t *)arg, strlen(arg) };
		break;
	case 'l':
		l->local = arg;
		break;
	case 'c':
		l->ca_dir = arg;
		break;
	case 'p':
		psk_read(l, arg);
		break;
	case 'i':
		l->name = arg;
		break;
	case 'I':
		l->exact = arg;
		break;
	case 'o':
		l->offset = number(arg, 100000000);
		break;
	case 's':
		l->conf.suite = suite_of(arg);
		break;
	case 'F':
		l->conf.fragment = number(arg, 65535);
		break;
	case 'S':
		l->conf.sender_ids = (int)number(arg, 255);
		break;
	case 't':
		l->give_up_ms = number(arg, 3600000);
		break;
	case 'v':
		l->check_all = true;
		break;
	case 'j':
		l->conf.joins = true;
		l->conf.foreign = true;
		break;
	case 'f':
		l->conf.foreign = true;
		break;
	default:
		errx(64, "usage: regload [-fjv] [-c DIR | -p FILE] [-F OCTETS] "
			 "[-g ID] [-I NAME | -i NAME] [-l ADDR] [-n N] [-o N] "
			 "[-S N] [-s SUITE] [-t MS] [-w N] ADDRESS PORT");
	}
}

static void
options(struct load *l, int argc, char **argv)
{
	int opt;

	*l = (struct load){ .conf.suite = SUITE_DEFAULT,
		.conf.sender_ids = -1,
		.name = "gm",
		.n = 1,
		.window = 32,
		.give_up_ms = 10000 };
	option(l, 'g', "ops-net");
	while (
	    (opt = getopt(argc, argv, "n:w:g:l:c:p:i:I:o:s:F:S:t:vfj")) != -1)
		option(l, opt, optarg);
	if (argc - optind != 2)
		option(l, '?', NULL);
	if ((l->ca_dir == NULL) == (l->conf.psk.len == 0))
		errx(64, "want certificates (-c) or a pre-shared key (-p)");
	if (l->window == 0)
		errx(64, "-w 0: want at least one at a time");
	l->host = argv[optind];
	l->port = argv[optind + 1];
}

/* -- before the clock runs ---------------------------------------------- */

static const char *
name_of(const struct load *l, unsigned int i, char buf[64])
{
	if (l->exact != NULL)
		snprintf(buf, 64, "%s", l->exact);
	else
		snprintf(buf, 64, "%s-%06u", l->name, l->offset + i);
	return buf;
}

/* A CA that tests/lib/mkpki.sh made: DIR/ca.pem and DIR/ca.key. */
static struct chunk
file_in(const char *dir, const char *name, char buf[4096])
{
	char path[512];
	size_t n;
	FILE *f;

	must((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) <
	     sizeof(path));
	if ((f = fopen(path, "r")) == NULL)
		err(66, "%s: make it with mkpki.sh", path);
	n = fread(buf, 1, 4096, f);
	fclose(f);
	must(n < 4096);
	return (struct chunk){ (const uint8_t *)buf, n };
}

static struct ca *
ca_load(const char *dir)
{
	char cert[4096], key[4096];

	return ca_from(file_in(dir, "ca.pem", cert),
	    file_in(dir, "ca.key", key), time(NULL));
}

static void
leaves_make(struct load *l)
{
	char name[64];

	if (l->ca_dir == NULL)
		return;
	l->ca = ca_load(l->ca_dir);
	must((l->leaf = calloc(l->n, sizeof(*l->leaf))) != NULL);
	for (unsigned int i = 0; i < l->n; i++)
		ca_leaf(l->ca, name_of(l, i, name), NULL, &l->leaf[i]);
}

static struct addrinfo *
resolve(const char *host, const char *port, int family)
{
	struct addrinfo hints = { .ai_family = family,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *ai;
	int r = getaddrinfo(host, port, &hints, &ai);

	if (r != 0)
		errx(64, "%s %s: %s", host, port, gai_strerror(r));
	return ai;
}

static void
open_socket(struct load *l)
{
	struct addrinfo *to = resolve(l->host, l->port, AF_UNSPEC), *from;
	int size = 4 << 20;

	l->fd = socket(to->ai_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		err(71, "socket");
	/* The answers of a whole window may come at once. */
	setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (l->local != NULL) {
		from = resolve(l->local, "0", to->ai_family);
		if (bind(l->fd, from->ai_addr, from->ai_addrlen) != 0)
			err(71, "bind %s", l->local);
		freeaddrinfo(from);
	}
	if (connect(l->fd, to->ai_addr, to->ai_addrlen) != 0)
		err(71, "connect %s", l->host);
	freeaddrinfo(to);
}

/* -- in flight ---------------------------------------------------------- */

static void
transmit(struct load *l, struct flight *f)
{
	struct chunk rest = { f->j.out, f->j.out_len }, m;

	while (sk_next(&rest, &m))
		if (send(l->fd, m.p, m.len, 0) < 0 && errno != EAGAIN &&
		    errno != ECONNREFUSED && errno != ENOBUFS)
			err(71, "send");
	f->due_ms = now_ms() + f->wait_ms;
}

static void
start(struct load *l, struct flight *f)
{
	unsigned int i = l->started++;
	char name[64];

	f->used = true;
	f->since_ms = now_ms();
	f->wait_ms = AGAIN_MS;
	joiner_start(&f->j, i == 0 || l->check_all ? &l->first : &l->conf,
	    l->leaf != NULL ? &l->leaf[i] : NULL, name_of(l, i, name));
	transmit(l, f);
}

static void
finish(struct load *l, struct flight *f)
{
	switch (f->j.state) {
	case JN_DONE:
		l->registered++;
		l->octets = f->j.octets;
		l->messages = f->j.messages;
		l->keys = f->j.n_keys;
		break;
	case JN_REFUSED:
		l->refused++;
		l->notify[f->j.notify]++;
		break;
	case JN_BROKEN:
		l->broken++;
		l->why = f->j.why;
		break;
	default:
		l->silent++;
	}
	joiner_fini(&f->j);
	f->used = false;
}

static struct flight *
flight_of(struct load *l, const uint8_t spi_i[8])
{
	for (unsigned int i = 0; i < l->window; i++)
		if (l->flight[i].used &&
		    memcmp(l->flight[i].j.spi_i, spi_i, 8) == 0)
			return &l->flight[i];
	return NULL;
}

static void
receive(struct load *l)
{
	static uint8_t buf[65536];
	struct flight *f;
	ssize_t n;

	while ((n = recv(l->fd, buf, sizeof(buf), 0)) >= 0) {
		if (n < IKE_HDR_LEN || (f = flight_of(l, buf)) == NULL ||
		    !joiner_input(&f->j, (struct chunk){ buf, (size_t)n }))
			continue;
		if (joiner_over(&f->j)) {
			finish(l, f);
			continue;
		}
		f->since_ms = now_ms();
		f->wait_ms = AGAIN_MS;
		transmit(l, f);
	}
	if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
		err(71, "recv");
}

/* Start what the window has room for, repeat what is not answered. */
static bool
turn(struct load *l)
{
	uint64_t now = now_ms();
	bool any = false;

	for (unsigned int i = 0; i < l->window; i++) {
		struct flight *f = &l->flight[i];

		if (f->used && now - f->since_ms >= l->give_up_ms)
			finish(l, f);
		if (!f->used && l->started < l->n) {
			start(l, f);
		} else if (f->used && now >= f->due_ms) {
			l->repeated++;
			f->wait_ms *= 2;
			transmit(l, f);
		}
		any = any || f->used;
	}
	return any;
}

static void
run(struct load *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	while (turn(l)) {
		if (poll(&p, 1, 20) < 0 && errno != EINTR)
			err(71, "poll");
		receive(l);
	}
}

static int
report(const struct load *l, double s, double cpu)
{
	printf("regload: registered=%u refused=%u silent=%u broken=%u "
	       "repeated=%u seconds=%.3f own_cpu_s=%.3f\n",
	    l->registered, l->refused, l->silent, l->broken, l->repeated, s,
	    cpu);
	if (l->registered > 0)
		printf("regload: octets=%zu messages=%zu keys=%zu\n", l->octets,
		    l->messages, l->keys);
	for (unsigned int i = 0; i < NOTIFIES; i++)
		if (l->notify[i] > 0)
			printf(
			    "regload: notify=%u count=%u\n", i, l->notify[i]);
	if (l->broken > 0)
		printf("regload: broken why=\"%s\"\n", l->why);
	return l->broken > 0 ? 3 : l->silent > 0 ? 2 : l->refused > 0;
}

int
main(int argc, char **argv)
{
	static struct load l;
	uint64_t from;
	double cpu;

	log_init("regload");
	options(&l, argc, argv);
	if (crypto_init() != 0)
		errx(70, "OpenSSL does not give what is needed");
	must((l.flight = calloc(l.window, sizeof(*l.flight))) != NULL);
	leaves_make(&l);
	l.first = l.conf;
	if (l.ca != NULL)
		l.first.anchor = ca_cert(l.ca);
	open_socket(&l);
	from = now_ms();
	cpu = cpu_us();
	run(&l);
	return report(
	    &l, (double)(now_ms() - from) / 1e3, (cpu_us() - cpu) / 1e6);
}
