/* SPDX-License-Identifier: ISC */
/* mikectl: ask groupd and show the answer. */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/log.h"
#include "mikectl/model.h"

#define MIKE_VERSION "0.1"
#define ANSWER_MS 8000 /* groupd itself gives up on others after 1 s */
#define REQ 1

enum { EX_OK_ = 0, EX_FAIL_ = 1, EX_DEGRADED_ = 2, EX_USAGE_ = 64 };

struct args {
	const char *run;
	bool json;
	int wait_s; /* -1: do not wait */
};

static int
usage(FILE *to)
{
	fprintf(to, "usage: mikectl [-r run] [--json] status [--wait seconds]\n"
		    "       mikectl [-r run] closed [--wait seconds]\n"
		    "       mikectl [-r run] join | leave group\n"
		    "       mikectl [-r run] open\n"
		    "       mikectl --version\n");
	return EX_USAGE_;
}

static int
ctl_connect(const struct args *a)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, n;

	n = snprintf(
	    un.sun_path, sizeof(un.sun_path), "%s/ctl/groupd.sock", a->run);
	if (n < 0 || (size_t)n >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		n = -errno;
		close(fd);
		return n;
	}
	return fd;
}

static int
ctl_send(int fd, const struct msg *m)
{
	uint8_t buf[1024];
	struct wbuf wb;
	int r;

	wb_init(&wb, buf, sizeof(buf));
	if ((r = msg_put(&wb, m)))
		return r;
	return send(fd, buf, wb.len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* One message from groupd, checked; borrowed from buf. */
static int
ctl_recv(int fd, uint8_t *buf, size_t size, struct msg *m)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;
	int r;

	if ((r = poll(&p, 1, ANSWER_MS)) <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	if ((n = recv(fd, buf, size, 0)) < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	if ((r = msg_get(buf, (size_t)n, m)))
		return r;
	return msg_permitted(m->type, PEER_GROUPD, PEER_MIKECTL) ? 0 : -EPROTO;
}

static int
status_get(const struct args *a, struct model *out)
{
	static uint8_t buf[MSG_SIZE_MAX];
	struct msg ask = { .type = MSG_STATUS_GET, .status_get.req = REQ };
	struct msg m;
	int fd, r;

	if ((fd = ctl_connect(a)) < 0)
		return fd;
	r = ctl_send(fd, &ask);
	while (r == 0 && !out->complete)
		if ((r = ctl_recv(fd, buf, sizeof(buf), &m)) == 0)
			r = model_add(out, &m);
	close(fd);
	return r;
}

static int
unreachable(const struct args *a, int r)
{
	fprintf(stderr, "mikectl: groupd at %s/ctl/groupd.sock: %s%s\n", a->run,
	    strerror(-r),
	    r == -EACCES ? " (root and members of group mike may ask)"
	    : r == -ENOENT || r == -ECONNREFUSED
		? " (is the suite running? -r names its run directory)"
		: "");
	return EX_FAIL_;
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
status_show(const struct args *a, const struct model *m)
{
	if (a->json && json_print(m, stdout) != 0)
		return EX_FAIL_;
	if (!a->json)
		table_print(m, stdout);
	if (fflush(stdout) != 0)
		return EX_FAIL_;
	return model_healthy(m) ? EX_OK_ : EX_DEGRADED_;
}

/* With --wait: ask again until the answer pleases or time is over. */
static int
status_wait(
    const struct args *a, bool (*good)(const struct model *), struct model *m)
{
	int64_t end = now_ms() + (int64_t)a->wait_s * 1000;
	int r;

	for (;;) {
		model_init(m);
		r = status_get(a, m);
		if (a->wait_s < 0 || (r == 0 && good(m)) || now_ms() >= end)
			return r;
		model_fini(m);
		(void)poll(NULL, 0, 100);
	}
}

static int
cmd_status(const struct args *a)
{
	struct model m;
	int r;

	r = status_wait(a, model_all_keyed, &m);
	r = r == 0 ? status_show(a, &m) : unreachable(a, r);
	model_fini(&m);
	return r;
}

/* For whoever brings the network up: may a packet of a group leave now? */
static int
cmd_closed(const struct args *a)
{
	struct model m;
	int r;

	r = status_wait(a, model_closed, &m);
	if (r != 0) {
		r = unreachable(a, r);
	} else if (!model_closed(&m)) {
		fprintf(stderr, "mikectl: the policies of some group are not "
				"in the kernel yet (mikectl status)\n");
		r = EX_FAIL_;
	}
	model_fini(&m);
	return r;
}

/* join, leave, open: one request, one RESULT. */
static int
cmd_act(const struct args *a, const struct msg *ask)
{
	static uint8_t buf[MSG_SIZE_MAX];
	char text[257];
	struct msg m;
	int fd, r;

	if ((fd = ctl_connect(a)) < 0)
		return unreachable(a, fd);
	if ((r = ctl_send(fd, ask)) == 0)
		r = ctl_recv(fd, buf, sizeof(buf), &m);
	close(fd);
	if (r == 0 && m.type != MSG_RESULT)
		r = -EPROTO;
	if (r != 0)
		return unreachable(a, r);
	if (m.result.status == ST_OK)
		return EX_OK_;
	text_set(text, sizeof(text), m.result.text);
	fprintf(
	    stderr, "mikectl: %s: %s\n", status_word(m.result.status), text);
	return EX_FAIL_;
}

static int
cmd_group(const struct args *a, uint16_t type, const char *name)
{
	struct chunk c = { (const uint8_t *)name, strlen(name) };
	struct msg m = { .type = type };

	if (c.len == 0 || c.len > 64) {
		fprintf(stderr, "mikectl: a group's name has 1 to 64 octets\n");
		return EX_USAGE_;
	}
	if (type == MSG_CTL_JOIN)
		m.ctl_join = (struct msg_ctl_join){ .req = REQ, .name = c };
	else
		m.ctl_leave = (struct msg_ctl_leave){ .req = REQ, .name = c };
	return cmd_act(a, &m);
}

static int
run(const struct args *a, int argc, char **argv)
{
	struct msg open_all = { .type = MSG_CTL_OPEN, .ctl_open.req = REQ };
	const char *cmd = argc > 0 ? argv[0] : "";

	if (strcmp(cmd, "status") == 0 && argc == 1)
		return cmd_status(a);
	if (strcmp(cmd, "closed") == 0 && argc == 1)
		return cmd_closed(a);
	if (strcmp(cmd, "join") == 0 && argc == 2)
		return cmd_group(a, MSG_CTL_JOIN, argv[1]);
	if (strcmp(cmd, "leave") == 0 && argc == 2)
		return cmd_group(a, MSG_CTL_LEAVE, argv[1]);
	if (strcmp(cmd, "open") == 0 && argc == 1)
		return cmd_act(a, &open_all);
	return usage(stderr);
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "wait", required_argument, NULL, 'w' },
		{ "run", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	struct args a = { .run = "/run/mike", .wait_s = -1 };
	const char *why;
	int c;

	log_init("mikectl");
	while ((c = getopt_long(argc, argv, "hjr:w:", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			a.json = true;
			break;
		case 'r':
			a.run = optarg;
			break;
		case 'w':
			a.wait_s = (int)strtonum(optarg, 0, 86400, &why);
			if (why != NULL) {
				fprintf(stderr, "mikectl: --wait %s: %s\n",
				    optarg, why);
				return EX_USAGE_;
			}
			break;
		case 'h':
			(void)usage(stdout);
			return EX_OK_;
		case 'v':
			printf("mikectl (MIKE) %s\n", MIKE_VERSION);
			return EX_OK_;
		default:
			return usage(stderr);
		}
	}
	return run(&a, argc - optind, argv + optind);
}
