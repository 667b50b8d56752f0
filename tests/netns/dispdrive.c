/* SPDX-License-Identifier: ISC */
#include <sys/time.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/addr.h"
#include "common/log.h"
#include "ipc/chan.h"

/*
 * Plays policyd, groupd and key managers towards a dispatcherd, over the real
 * edges, and prints what dispatcherd says.  Commands come from standard input,
 * one a line; each waits for its answer.
 *
 *   listen ADDR | peer ADDR|any PREFIX RATE | transmit 0|1 |
 *   group SLOT NAME sender|receiver LIFETIME | addr SLOT CLASS ADDR |
 *   sender SLOT ADDR	rules, collected
 *   policyd		connect as policyd, hand the rules over when asked
 *   groupd		connect as groupd
 *   keymgrd SLOT	connect as the key manager of that slot
 *   spd-set SLOT | spd-clear SLOT
 *   sa SLOT new|ensure|verify in|out SPI SRC DST KEY REPLAY SOFT HARD SP HP
 *			KEY: one number, 36 times; SP, HP: packets
 *   sa-del SLOT SPI DST
 *   sa-flood SLOT SRC DST N	N SAs in, SPI 0x100000 and up; says how many
 *   send LOCAL PORT PEER PORT OCTETS	a datagram with an IKE header
 *   status
 *   expect acquire|dgram|expired MS	wait until one has been seen
 *   sh COMMAND...	let a shell run it meanwhile
 *   sleep MS
 */

#define RULES_MAX 64
#define PATIENCE_MS 10000

struct line {
	char text[128];
};

static struct event_base *base;
static const char *run;
static struct chan *dp, *gd, *km[MIKE_SLOTS];
static struct line rule[RULES_MAX];
static size_t n_rules;
static uint8_t transmit = 1;
static uint32_t last_req;
static bool timed_out, quiet;
/* What run_until() can wait for. */
static unsigned int answered, rules_sent, edge_up, never, n_ok;
static unsigned int seen_acquire, seen_dgram, seen_expired;

/* --- the loop ------------------------------------------------------------ */

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	timed_out = true;
}

/* Run the loop until *done is not 0 or ms are over. */
static bool
run_until(const unsigned int *done, long ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	struct event *ev = evtimer_new(base, on_time, NULL);

	must(ev != NULL);
	timed_out = false;
	evtimer_add(ev, &tv);
	while (*done == 0 && !timed_out)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(ev);
	return *done != 0;
}

static void
send_or_die(struct chan *c, const struct msg *m)
{
	int err = c == NULL ? -ENOTCONN : chan_send(c, m);

	if (err != 0)
		fatal("dispdrive cannot send %s: %s", msg_name(m->type),
		    strerror(-err));
}

static void
ask(struct chan *c, const struct msg *m)
{
	answered = 0;
	send_or_die(c, m);
	if (!run_until(&answered, PATIENCE_MS))
		fatal("dispdrive no answer to %s", msg_name(m->type));
}

/* --- words --------------------------------------------------------------- */

static struct addr
word_addr(const char *w)
{
	struct addr a = { .len = 0 };

	if (strcmp(w, "any") != 0 && addr_parse(&a, w))
		fatal("dispdrive not an address: %s", w);
	return a;
}

static unsigned long
number(const char *w)
{
	char *end;
	unsigned long v = strtoul(w, &end, 0);

	if (end == w || *end != '\0')
		fatal("dispdrive not a number: %s", w);
	return v;
}

static struct chunk
octets(const struct addr *a)
{
	return (struct chunk){ a->b, a->len };
}

static size_t
split(char *text, char **w, size_t max)
{
	size_t n = 0;
	char *save = NULL, *p = strtok_r(text, " \t\n", &save);

	for (; p != NULL && n < max; p = strtok_r(NULL, " \t\n", &save))
		w[n++] = p;
	return n;
}

static const char *
text_of(struct chunk c, char buf[ADDR_STRLEN])
{
	struct addr a;

	if (addr_from(&a, c.p, c.len))
		return "?";
	return addr_text(&a, buf);
}

/* --- policyd ------------------------------------------------------------- */

static void
send_rule(char *text)
{
	struct msg m = { 0 };
	struct addr a = { .len = 0 };
	char *w[8] = { 0 };
	size_t n = split(text, w, NITEMS(w));

	if (strcmp(w[0], "listen") == 0 && n == 2) {
		a = word_addr(w[1]);
		m.type = MSG_RULE_LISTEN;
		m.rule_listen.addr = octets(&a);
	} else if (strcmp(w[0], "peer") == 0 && n == 4) {
		a = word_addr(w[1]);
		m.type = MSG_RULE_PEER;
		m.rule_peer = (struct msg_rule_peer){ octets(&a),
			(uint8_t)number(w[2]), (uint32_t)number(w[3]) };
	} else if (strcmp(w[0], "group") == 0 && n == 5) {
		m.type = MSG_RULE_GROUP;
		m.rule_group = (struct msg_rule_group){ (uint8_t)number(w[1]),
			{ (const uint8_t *)w[2], strlen(w[2]) },
			strcmp(w[3], "sender") == 0 ? ROLE_SENDER
						    : ROLE_RECEIVER,
			8, (uint32_t)number(w[4]) };
	} else if (strcmp(w[0], "addr") == 0 && n == 4) {
		a = word_addr(w[3]);
		m.type = MSG_RULE_ADDR;
		m.rule_addr = (struct msg_rule_addr){ (uint8_t)number(w[1]),
			(uint8_t)number(w[2]), octets(&a) };
	} else if (strcmp(w[0], "sender") == 0 && n == 3) {
		a = word_addr(w[2]);
		m.type = MSG_RULE_SENDER;
		m.rule_sender = (struct msg_rule_sender){ (uint8_t)number(w[1]),
			octets(&a) };
	} else {
		fatal("dispdrive what rule is that: %s", w[0]);
	}
	send_or_die(dp, &m);
}

static void
on_policy(void *arg, const struct msg *in)
{
	struct msg m = { .type = MSG_RULES_BEGIN };
	uint32_t req = in->rules_get.req;

	(void)arg;
	must(in->type == MSG_RULES_GET);
	m.rules_begin = (struct msg_rules_begin){ req, 848, transmit };
	send_or_die(dp, &m);
	for (size_t i = 0; i < n_rules; i++) {
		struct line copy = rule[i];

		send_rule(copy.text);
	}
	m = (struct msg){ .type = MSG_RULES_END };
	m.rules_end.req = req;
	send_or_die(dp, &m);
	rules_sent = 1;
	printf("rules n=%zu\n", n_rules);
}

/* --- groupd and key managers --------------------------------------------- */

static void
show_sa(const struct msg_sa_stat *s)
{
	char src[ADDR_STRLEN], dst[ADDR_STRLEN];

	printf("sa-stat slot=%u dir=%s spi=0x%08x src=%s dst=%s packets=%llu "
	       "octets=%llu age=%llu replay=%u integrity=%u\n",
	    s->slot, s->dir == SA_OUT ? "out" : "in", s->spi,
	    text_of(s->src, src), text_of(s->dst, dst),
	    (unsigned long long)s->packets, (unsigned long long)s->octets,
	    (unsigned long long)s->age_s, s->replay_drops, s->integrity_drops);
}

static void
show_dgram(const struct msg_dgram_in *d)
{
	char local[ADDR_STRLEN], peer[ADDR_STRLEN];

	seen_dgram++;
	printf("dgram local=%s:%u peer=%s:%u octets=%zu\n",
	    text_of(d->local, local), d->local_port, text_of(d->peer, peer),
	    d->peer_port, d->data.len);
}

static void
on_msg(void *arg, const struct msg *m)
{
	char buf[ADDR_STRLEN];

	(void)arg;
	switch (m->type) {
	case MSG_RESULT:
		n_ok += m->result.status == ST_OK;
		if (!quiet)
			printf("result status=%u text=\"%.*s\"\n",
			    m->result.status, (int)m->result.text.len,
			    (const char *)m->result.text.p);
		must(m->result.req == last_req);
		answered = 1;
		break;
	case MSG_DGRAM_IN:
		show_dgram(&m->dgram_in);
		break;
	case MSG_ACQUIRE:
		seen_acquire++;
		printf("acquire slot=%u dst=%s\n", m->acquire.slot,
		    text_of(m->acquire.dst, buf));
		break;
	case MSG_SA_EXPIRED:
		seen_expired++;
		printf("expired spi=0x%08x dst=%s hard=%u\n", m->sa_expired.spi,
		    text_of(m->sa_expired.dst, buf), m->sa_expired.hard);
		break;
	case MSG_COUNT:
		printf("count %.*s=%llu\n", (int)m->count.name.len,
		    (const char *)m->count.name.p,
		    (unsigned long long)m->count.value);
		break;
	case MSG_SA_STAT:
		show_sa(&m->sa_stat);
		break;
	case MSG_STATUS_END:
		answered = 1;
		break;
	default:
		fatal("dispdrive got %s", msg_name(m->type));
	}
	fflush(stdout);
}

static void
on_down(void *arg)
{
	printf("down %s\n", (const char *)arg);
	fflush(stdout);
}

static void
on_up(void *arg)
{
	(void)arg;
	edge_up = 1;
}

/* The edge's name must outlive the channel: edges are few and static. */
static void
edge_open(struct chan **out, enum peer self, const char *edge,
    const struct chan_ops *ops)
{
	char path[256];
	struct chan_conf conf = {
		.self = self, .remote = PEER_DISPATCHERD, .path = path
	};
	char *name = strdup(edge);

	must(name != NULL);
	snprintf(path, sizeof(path), "%s/edge/%s/s", run, edge);
	chan_free(out);
	edge_up = 0;
	*out = chan_new(base, &conf, ops, name);
	if (!run_until(&edge_up, PATIENCE_MS))
		fatal("dispdrive edge %s does not come up", edge);
	printf("up %s\n", edge);
	fflush(stdout);
}

static const struct chan_ops policy_ops = { on_up, on_down, on_policy };
static const struct chan_ops other_ops = { on_up, on_down, on_msg };

static unsigned int
word_slot(const char *w)
{
	unsigned long n = number(w);

	if (n >= MIKE_SLOTS)
		fatal("dispdrive slots are 0 to 63");
	return (unsigned int)n;
}

/* --- commands ------------------------------------------------------------ */

static void
cmd_policyd(char **w)
{
	(void)w;
	rules_sent = 0;
	edge_open(&dp, PEER_POLICYD, "dp", &policy_ops);
	if (!run_until(&rules_sent, PATIENCE_MS))
		fatal("dispdrive nobody asks for the rules");
}

static void
cmd_groupd(char **w)
{
	(void)w;
	edge_open(&gd, PEER_GROUPD, "gd", &other_ops);
}

static void
cmd_keymgrd(char **w)
{
	unsigned int slot = word_slot(w[1]);
	char edge[8];

	snprintf(edge, sizeof(edge), "k%02u/d", slot);
	edge_open(&km[slot], PEER_KEYMGRD, edge, &other_ops);
}

static void
cmd_spd_set(char **w)
{
	struct msg m = { .type = MSG_SPD_SET };

	m.spd_set = (struct msg_spd_set){ ++last_req, (uint8_t)number(w[1]) };
	ask(gd, &m);
}

static void
cmd_spd_clear(char **w)
{
	struct msg m = { .type = MSG_SPD_CLEAR };

	m.spd_clear =
	    (struct msg_spd_clear){ ++last_req, (uint8_t)number(w[1]) };
	ask(gd, &m);
}

static void
cmd_sa(char **w)
{
	static const char *const modes[] = { "new", "ensure", "verify" };
	struct addr src = word_addr(w[5]), dst = word_addr(w[6]);
	struct msg m = { .type = MSG_SA_INSTALL };
	uint8_t key[36], mode = 0;

	memset(key, (int)number(w[7]), sizeof(key));
	while (mode < NITEMS(modes) && strcmp(modes[mode], w[2]) != 0)
		mode++;
	m.sa_install = (struct msg_sa_install){ .req = ++last_req,
		.mode = mode,
		.dir = strcmp(w[3], "out") == 0 ? SA_OUT : SA_IN,
		.spi = (uint32_t)number(w[4]),
		.src = octets(&src),
		.dst = octets(&dst),
		.key = { key, sizeof(key) },
		.replay = (uint32_t)number(w[8]),
		.soft_s = (uint32_t)number(w[9]),
		.hard_s = (uint32_t)number(w[10]),
		.soft_packets = number(w[11]),
		.hard_packets = number(w[12]) };
	ask(km[word_slot(w[1])], &m);
}

static void
cmd_sa_flood(char **w)
{
	struct addr src = word_addr(w[2]), dst = word_addr(w[3]);
	struct msg m = { .type = MSG_SA_INSTALL };
	static const uint8_t key[36] = { 1 };
	unsigned long n = number(w[4]);

	n_ok = 0;
	quiet = true;
	for (uint32_t i = 0; i < n; i++) {
		m.sa_install = (struct msg_sa_install){ .req = ++last_req,
			.dir = SA_IN,
			.spi = 0x100000 + i,
			.src = octets(&src),
			.dst = octets(&dst),
			.key = { key, sizeof(key) },
			.replay = 128,
			.hard_s = 60 };
		ask(km[word_slot(w[1])], &m);
	}
	quiet = false;
	printf("flood n=%lu ok=%u\n", n, n_ok);
}

static void
cmd_sa_del(char **w)
{
	struct addr dst = word_addr(w[3]);
	struct msg m = { .type = MSG_SA_DELETE };

	m.sa_delete = (struct msg_sa_delete){ ++last_req,
		(uint32_t)number(w[2]), octets(&dst) };
	ask(km[word_slot(w[1])], &m);
}

static void
cmd_send(char **w)
{
	static uint8_t data[16384];
	struct addr local = word_addr(w[1]), peer = word_addr(w[3]);
	struct msg m = { .type = MSG_DGRAM_OUT };
	size_t len = number(w[5]);

	if (len > sizeof(data))
		fatal("dispdrive datagrams have up to 16384 octets");
	data[17] = 0x20;
	data[26] = (uint8_t)(len >> 8);
	data[27] = (uint8_t)len;
	m.dgram_out =
	    (struct msg_dgram_out){ octets(&local), (uint16_t)number(w[2]),
		    octets(&peer), (uint16_t)number(w[4]), { data, len } };
	send_or_die(gd, &m);
}

static void
cmd_status(char **w)
{
	struct msg m = { .type = MSG_STATUS_GET };

	(void)w;
	m.status_get.req = ++last_req;
	ask(gd, &m);
}

static void
cmd_expect(char **w)
{
	unsigned int *expected = strcmp(w[1], "acquire") == 0	? &seen_acquire
				 : strcmp(w[1], "dgram") == 0	? &seen_dgram
				 : strcmp(w[1], "expired") == 0 ? &seen_expired
								: &never;
	printf("%s %s\n",
	    run_until(expected, (long)number(w[2])) ? "seen" : "not-seen",
	    w[1]);
	if (*expected > 0)
		(*expected)--;
}

static void
cmd_sleep(char **w)
{
	run_until(&never, (long)number(w[1]));
}

static void
cmd_transmit(char **w)
{
	transmit = (uint8_t)number(w[1]);
}

static const struct command {
	const char *name;
	void (*run)(char **w);
	size_t words;
} commands[] = {
	{ "policyd", cmd_policyd, 1 },
	{ "groupd", cmd_groupd, 1 },
	{ "keymgrd", cmd_keymgrd, 2 },
	{ "spd-set", cmd_spd_set, 2 },
	{ "spd-clear", cmd_spd_clear, 2 },
	{ "sa", cmd_sa, 13 },
	{ "sa-del", cmd_sa_del, 4 },
	{ "sa-flood", cmd_sa_flood, 5 },
	{ "send", cmd_send, 6 },
	{ "status", cmd_status, 1 },
	{ "expect", cmd_expect, 3 },
	{ "sleep", cmd_sleep, 2 },
	{ "transmit", cmd_transmit, 2 },
};

static void
do_line(char *text)
{
	struct line copy;
	char *w[16] = { 0 };
	size_t n;

	if (strncmp(text, "sh ", 3) == 0) {
		/* NOLINTNEXTLINE(cert-env33-c): what it is for */
		printf("sh status=%d\n", system(text + 3));
		return;
	}
	snprintf(copy.text, sizeof(copy.text), "%.127s", text);
	n = split(text, w, NITEMS(w));
	if (n == 0 || w[0][0] == '#')
		return;
	for (size_t i = 0; i < NITEMS(commands); i++) {
		if (strcmp(commands[i].name, w[0]) != 0)
			continue;
		if (n != commands[i].words)
			fatal("dispdrive %s wants %zu words", w[0],
			    commands[i].words - 1);
		commands[i].run(w);
		return;
	}
	if (n_rules == RULES_MAX)
		fatal("dispdrive too many rules");
	rule[n_rules++] = copy;
}

int
main(int argc, char **argv)
{
	char text[512];

	log_init("dispdrive");
	if (argc != 2) {
		fprintf(stderr, "usage: dispdrive RUN <commands\n");
		return 64;
	}
	run = argv[1];
	base = event_base_new();
	must(base != NULL);
	while (fgets(text, sizeof(text), stdin) != NULL) {
		do_line(text);
		fflush(stdout);
	}
	chan_free(&dp);
	chan_free(&gd);
	for (size_t i = 0; i < MIKE_SLOTS; i++)
		chan_free(&km[i]);
	event_base_free(base);
	return 0;
}
