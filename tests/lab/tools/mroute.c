/* SPDX-License-Identifier: ISC */

/*
 * A multicast router with static routes, in the kernel's forwarding path: no
 * routing protocol, and nothing of MIKE.
 *
 *   mroute READY IN OUT SOURCE GROUP...
 *
 * Packets of SOURCE to each GROUP that come in on IN leave on OUT while this
 * runs.  READY, a file, appears when the routes are in place.  A family that
 * this kernel does not route multicast in: exit 77.
 */

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/mroute.h>
#include <linux/mroute6.h>

#include "common/util.h"

/* Interfaces by number; a packet leaves when its hop limit exceeds this. */
enum { IN, OUT };
#define THRESHOLD 1

static void
set(int fd, int level, int opt, const void *p, size_t len, const char *what)
{
	if (setsockopt(fd, level, opt, p, (socklen_t)len) == 0)
		return;
	if (errno == ENOPROTOOPT || errno == EOPNOTSUPP)
		errx(77, "%s: this kernel has no such multicast routing", what);
	err(1, "%s", what);
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
address(int family, const char *text, void *to)
{
	if (inet_pton(family, text, to) != 1)
		errx(64, "%s: not an address of this family", text);
}

static int
router(int family, int proto, int level, int init, const char *what)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, proto), one = 1;

	if (fd < 0)
		err(1, "raw socket");
	set(fd, level, init, &one, sizeof(one), what);
	return fd;
}

static int
open4(char **ifs)
{
	int fd =
	    router(AF_INET, IPPROTO_IGMP, IPPROTO_IP, MRT_INIT, "MRT_INIT");

	for (int i = IN; i <= OUT; i++) {
		struct vifctl v = { .vifc_vifi = (vifi_t)i,
			.vifc_flags = VIFF_USE_IFINDEX,
			.vifc_threshold = THRESHOLD,
			.vifc_lcl_ifindex = (int)ifindex(ifs[i]) };

		set(fd, IPPROTO_IP, MRT_ADD_VIF, &v, sizeof(v), ifs[i]);
	}
	return fd;
}

static void
route4(int fd, const char *source, const char *group)
{
	struct mfcctl m = { .mfcc_parent = IN };

	address(AF_INET, source, &m.mfcc_origin);
	address(AF_INET, group, &m.mfcc_mcastgrp);
	m.mfcc_ttls[OUT] = THRESHOLD;
	set(fd, IPPROTO_IP, MRT_ADD_MFC, &m, sizeof(m), group);
}

static int
open6(char **ifs)
{
	int fd = router(
	    AF_INET6, IPPROTO_ICMPV6, IPPROTO_IPV6, MRT6_INIT, "MRT6_INIT");

	for (int i = IN; i <= OUT; i++) {
		struct mif6ctl v = { .mif6c_mifi = (mifi_t)i,
			.vifc_threshold = THRESHOLD,
			.mif6c_pifi = (uint16_t)ifindex(ifs[i]) };

		set(fd, IPPROTO_IPV6, MRT6_ADD_MIF, &v, sizeof(v), ifs[i]);
	}
	return fd;
}

static void
route6(int fd, const char *source, const char *group)
{
	struct mf6cctl m = { .mf6cc_parent = IN };

	m.mf6cc_origin.sin6_family = AF_INET6;
	m.mf6cc_mcastgrp.sin6_family = AF_INET6;
	address(AF_INET6, source, &m.mf6cc_origin.sin6_addr);
	address(AF_INET6, group, &m.mf6cc_mcastgrp.sin6_addr);
	IF_SET(OUT, &m.mf6cc_ifset);
	set(fd, IPPROTO_IPV6, MRT6_ADD_MFC, &m, sizeof(m), group);
}

int
main(int argc, char **argv)
{
	bool six;
	int fd;

	if (argc < 6)
		errx(64, "usage: mroute READY IN OUT SOURCE GROUP...");
	six = strchr(argv[4], ':') != NULL;
	fd = (six ? open6 : open4)(argv + 2);
	for (int i = 5; i < argc; i++)
		(six ? route6 : route4)(fd, argv[4], argv[i]);
	if ((fd = open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) < 0)
		err(1, "%s", argv[1]);
	close(fd);
	/* The routes go with the first socket. */
	for (;;)
		pause();
}
