/* SPDX-License-Identifier: ISC */

/*
 * What the cores cost on this machine, one thread, real cryptography, no
 * network and no daemons: the world of the exchange tests, whose own checks
 * are part of what is measured.  Time is processor time.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ipc/msg.h"
#include "tests/lib/pair.h"

#define REGISTRATIONS 500
#define GARBAGE 20000
#define MESSAGES 500000

static double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
report(const char *what, unsigned int n, double s)
{
	printf("%-46s %9.0f /s %9.1f us each\n", what, n / s, s / n * 1e6);
}

static size_t octets;

static enum net_verdict
weigh(struct world *w, struct packet *p)
{
	(void)w;
	octets += p->len;
	return NET_PASS;
}

/* Both sides: four messages, X25519 twice each, keys wrapped and unwrapped. */
static void
registrations(void)
{
	unsigned int packets = 0;
	double s = 0;

	for (unsigned int i = 0; i < REGISTRATIONS; i++) {
		struct world *w = world_new();
		double from;

		w->net = weigh;
		world_sender(w, 0);
		world_receiver(w, 2);
		world_start(w, 0);
		world_settle(w);
		from = cpu_s();
		world_start(w, 2);
		world_settle(w);
		s += cpu_s() - from;
		must(world_state(w, 2) == GS_KEYED);
		packets += w->packets;
		world_free(&w);
	}
	report("registration, sender and receiver together", REGISTRATIONS, s);
	printf("%-46s %9u datagrams, %zu octets of IKE\n", "",
	    packets / REGISTRATIONS, octets / REGISTRATIONS);
}

/* A stranger's datagrams with a right header, to a sender's key manager. */
static void
garbage(void)
{
	struct world *w = world_new();
	struct endpoint from = { .port = 848 }, to = { .port = 848 };
	uint8_t msg[300];
	double s;

	world_sender(w, 0);
	world_start(w, 0);
	world_settle(w);
	to.addr = w->host[0].conf.addr[0].src;
	from.addr = to.addr;
	from.addr.b[3] ^= 0x40;
	s = cpu_s();
	for (unsigned int i = 0; i < GARBAGE; i++) {
		for (size_t j = 0; j < sizeof(msg); j++)
			msg[j] = (uint8_t)(i * 7 + j * 13);
		memcpy(msg + 16, "\x21\x20\x22\x08\0\0\0\0\0\0\x01\x2c", 12);
		memset(msg + 8, 0, 8);
		world_inject(w, &from, &to, msg, sizeof(msg));
		world_settle(w);
	}
	report("forged IKE_SA_INIT refused", GARBAGE, cpu_s() - s);
	must(world_count(w, 0, "drop.malformed") == GARBAGE);
	world_free(&w);
}

static void
messages(void)
{
	static const uint8_t key[36], addr[16];
	uint8_t buf[512];
	struct msg m = { .type = MSG_SA_INSTALL }, back;
	double s = cpu_s();

	m.sa_install.src = m.sa_install.dst = (struct chunk){ addr, 16 };
	m.sa_install.key = (struct chunk){ key, sizeof(key) };
	for (unsigned int i = 0; i < MESSAGES; i++) {
		struct wbuf wb;

		wb_init(&wb, buf, sizeof(buf));
		m.sa_install.req = i;
		must(msg_put(&wb, &m) == 0);
		must(msg_get(buf, wb.len, &back) == 0);
		must(back.sa_install.req == i);
	}
	report("SA_INSTALL encoded and decoded", MESSAGES, cpu_s() - s);
}

int
main(void)
{
	messages();
	registrations();
	garbage();
	return 0;
}
