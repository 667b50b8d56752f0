/* SPDX-License-Identifier: ISC */

/*
 * What small things cost on this machine, one thread, no network and no
 * daemons: the world of the exchange tests, whose own checks are part of what
 * is measured.  Time is processor time.
 */

#include <stdio.h>
#include <string.h>

#include "ipc/msg.h"
#include "tests/bench/lib/evpsum.h"
#include "tests/lib/pair.h"

#define GARBAGE 20000
#define MESSAGES 500000

static void
report(const char *what, unsigned int n, double us)
{
	printf("bench: %s %.0f /s (no reference)\n", what, n / us * 1e6);
}

/* A stranger's datagrams with a right header, to a sender's key manager. */
static void
garbage(void)
{
	struct world *w = world_new();
	struct endpoint from = { .port = 848 }, to = { .port = 848 };
	uint8_t msg[300];
	double from_us;

	world_sender(w, 0);
	world_start(w, 0);
	world_settle(w);
	to.addr = w->host[0].conf.addr[0].src;
	from.addr = to.addr;
	from.addr.b[3] ^= 0x40;
	from_us = cpu_us();
	for (unsigned int i = 0; i < GARBAGE; i++) {
		for (size_t j = 0; j < sizeof(msg); j++)
			msg[j] = (uint8_t)(i * 7 + j * 13);
		memcpy(msg + 16, "\x21\x20\x22\x08\0\0\0\0\0\0\x01\x2c", 12);
		memset(msg + 8, 0, 8);
		world_inject(w, &from, &to, msg, sizeof(msg));
		world_settle(w);
	}
	report("forged-init-refused", GARBAGE, cpu_us() - from_us);
	must(world_count(w, 0, "drop.malformed") == GARBAGE);
	world_free(&w);
}

static void
messages(void)
{
	static const uint8_t key[36], addr[16];
	uint8_t buf[512];
	struct msg m = { .type = MSG_SA_INSTALL }, back;
	double from_us = cpu_us();

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
	report("ipc-codec-round-trips", MESSAGES, cpu_us() - from_us);
}

int
main(void)
{
	messages();
	garbage();
	return 0;
}
