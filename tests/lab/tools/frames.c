/* SPDX-License-Identifier: ISC */

/*
 * Whole Ethernet frames: what a wire sees, and what an attacker on it does.
 *
 *   frames capture IF FILE		every frame into a pcap file until
 *					SIGTERM; FILE.ready appears first
 *   frames spoof IF SRC GROUP PORT N	N clear UDP datagrams with anybody's
 *					source address
 *   frames replay IF FILE		send what a capture holds of ESP
 */

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

#define FRAME_MAX 65536

static volatile sig_atomic_t stopped;

static void
on_term(int sig)
{
	(void)sig;
	stopped = 1;
}

static int
open_link(const char *ifname)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(ifname) };
	struct packet_mreq mr = { .mr_type = PACKET_MR_PROMISC,
		.mr_ifindex = ll.sll_ifindex };
	int fd, room = 32 << 20;

	if (ll.sll_ifindex == 0)
		err(1, "%s", ifname);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(
		fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mr, sizeof(mr)) ||
	    bind(fd, (struct sockaddr *)&ll, sizeof(ll)) != 0)
		err(1, "%s", ifname);
	return fd;
}

static void
write_all(int fd, const void *p, size_t len)
{
	if (write(fd, p, len) != (ssize_t)len)
		err(1, "write");
}

static void
capture_head(int out)
{
	/* magic, version, zone, accuracy, longest, Ethernet */
	static const uint32_t head[6] = { 0xa1b2c3d4, 4u << 16 | 2, 0, 0,
		FRAME_MAX, 1 };

	write_all(out, head, sizeof(head));
}

/* A bridge shows a frame once, as incoming; as outgoing only its own. */
static int
do_capture(char **argv)
{
	static unsigned char buf[FRAME_MAX];
	struct sigaction sa = { .sa_handler = on_term };
	struct tpacket_stats st;
	socklen_t len = sizeof(st);
	int fd = open_link(argv[0]), out;
	unsigned long frames = 0;
	char ready[256];

	sigaction(SIGTERM, &sa, NULL);
	out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0)
		err(1, "%s", argv[1]);
	capture_head(out);
	snprintf(ready, sizeof(ready), "%s.ready", argv[1]);
	close(open(ready, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		struct timespec now;
		uint32_t head[4];
		ssize_t n;

		/* After SIGTERM, what has arrived is still written. */
		if (poll(&p, 1, stopped ? 0 : 200) <= 0) {
			if (stopped)
				break;
			continue;
		}
		if ((n = recv(fd, buf, sizeof(buf), 0)) <= 0)
			continue;
		clock_gettime(CLOCK_REALTIME, &now);
		head[0] = (uint32_t)now.tv_sec;
		head[1] = (uint32_t)(now.tv_nsec / 1000);
		head[2] = head[3] = (uint32_t)n;
		write_all(out, head, sizeof(head));
		write_all(out, buf, (size_t)n);
		frames++;
	}
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len) != 0)
		err(1, "PACKET_STATISTICS");
	printf("frames=%lu missed=%u\n", frames, st.tp_drops);
	return st.tp_drops == 0 ? 0 : 1;
}

/* -- a frame of our own -------------------------------------------------- */

static void
put16(unsigned char *p, unsigned int v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static uint32_t
sum16(uint32_t sum, const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] << 8 | (i + 1 < len ? p[i + 1] : 0);
	return sum;
}

static unsigned int
fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static size_t
fill_ip4(unsigned char *ip, size_t udp_len, const char *src, const char *dst)
{
	ip[0] = 0x45;
	put16(ip + 2, (unsigned int)(20 + udp_len));
	ip[8] = 8;
	ip[9] = IPPROTO_UDP;
	if (inet_pton(AF_INET, src, ip + 12) != 1 ||
	    inet_pton(AF_INET, dst, ip + 16) != 1)
		errx(64, "%s %s: not addresses", src, dst);
	put16(ip + 10, fold(sum16(0, ip, 20)));
	return 20;
}

static size_t
fill_ip6(unsigned char *ip, size_t udp_len, const char *src, const char *dst)
{
	ip[0] = 0x60;
	put16(ip + 4, (unsigned int)udp_len);
	ip[6] = IPPROTO_UDP;
	ip[7] = 8;
	if (inet_pton(AF_INET6, src, ip + 8) != 1 ||
	    inet_pton(AF_INET6, dst, ip + 24) != 1)
		errx(64, "%s %s: not addresses", src, dst);
	return 40;
}

/* Octets of a frame with a datagram that `mcast` takes for its own. */
static size_t
clear_frame(
    unsigned char *f, const char *src, const char *dst, unsigned int port)
{
	static const unsigned char data[] = "MCST\0\0\0\1\0\0\0\0"
					    "in the clear, for all to read";
	bool six = strchr(dst, ':') != NULL;
	size_t udp_len = 8 + sizeof(data), n;
	unsigned char *ip = f + ETH_HLEN, *udp;
	uint32_t sum;

	memset(f, 0, ETH_HLEN + 40 + udp_len);
	n = (six ? fill_ip6 : fill_ip4)(ip, udp_len, src, dst);
	udp = ip + n;
	put16(udp, port);
	put16(udp + 2, port);
	put16(udp + 4, (unsigned int)udp_len);
	memcpy(udp + 8, data, sizeof(data));
	sum = sum16(
	    six ? sum16(0, ip + 8, 32) : sum16(0, ip + 12, 8), udp, udp_len);
	put16(udp + 6, fold(sum + IPPROTO_UDP + (uint32_t)udp_len));
	if (six) {
		f[0] = f[1] = 0x33;
		memcpy(f + 2, ip + 36, 4);
	} else {
		f[0] = 0x01;
		f[2] = 0x5e;
		memcpy(f + 3, ip + 17, 3);
		f[3] &= 0x7f;
	}
	put16(f + 12, six ? ETH_P_IPV6 : ETH_P_IP);
	return ETH_HLEN + n + udp_len;
}

static int
do_spoof(char **argv)
{
	unsigned char f[256];
	struct ifreq ifr = { 0 };
	struct timespec gap = { 0, 2000000 };
	int fd = open_link(argv[0]), n = atoi(argv[4]), sent = 0;
	size_t len =
	    clear_frame(f, argv[1], argv[2], (unsigned int)atoi(argv[3]));

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", argv[0]);
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) != 0)
		err(1, "SIOCGIFHWADDR");
	memcpy(f + 6, ifr.ifr_hwaddr.sa_data, 6);
	for (int i = 0; i < n; i++) {
		sent += send(fd, f, len, 0) == (ssize_t)len;
		nanosleep(&gap, NULL);
	}
	printf("sent=%d\n", sent);
	return sent == n ? 0 : 1;
}

static bool
is_esp(const unsigned char *f, size_t len)
{
	if (len < ETH_HLEN + 40)
		return false;
	return (f[12] == 0x08 && f[13] == 0x00 && f[23] == IPPROTO_ESP) ||
	       (f[12] == 0x86 && f[13] == 0xdd && f[20] == IPPROTO_ESP);
}

static int
do_replay(char **argv)
{
	static unsigned char buf[FRAME_MAX];
	int fd = open_link(argv[0]), sent = 0;
	FILE *f = fopen(argv[1], "rb");
	struct timespec gap = { 0, 1000000 };
	uint32_t head[4];

	if (f == NULL || fseek(f, 24, SEEK_SET) != 0)
		err(1, "%s", argv[1]);
	while (fread(head, sizeof(head), 1, f) == 1 && head[2] <= FRAME_MAX &&
	       fread(buf, head[2], 1, f) == 1) {
		if (!is_esp(buf, head[2]))
			continue;
		sent += send(fd, buf, head[2], 0) > 0;
		nanosleep(&gap, NULL);
	}
	fclose(f);
	printf("sent=%d\n", sent);
	return sent > 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "capture") == 0)
		return do_capture(argv + 2);
	if (argc == 7 && strcmp(argv[1], "spoof") == 0)
		return do_spoof(argv + 2);
	if (argc == 4 && strcmp(argv[1], "replay") == 0)
		return do_replay(argv + 2);
	fprintf(stderr, "usage: frames capture IF FILE\n"
			"       frames spoof IF SRC GROUP PORT N\n"
			"       frames replay IF FILE\n");
	return 64;
}
