/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_SCENE_H
#define MIKESIM_CORE_SCENE_H

/*
 * A scenario, understood: who takes part, over which links, and what happens
 * when.  mikesim.conf(5) describes the text.
 *
 * A site is a sender and its receivers.  Its router joins three kinds of
 * media: the sender's uplink to the core network, the radio nets and the links
 * of its receivers.  The sender itself stands beside the router.
 */

#include "ipc/schema.h" /* enum suite */
#include "mikesim/core/rng.h"
#include "policyd/core/diag.h"

typedef uint64_t t_ns; /* virtual time and its spans */
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define T_NEVER UINT64_MAX

#define SCENE_NAME 32
#define SCENE_LINKS 32
#define SCENE_RECVS 16
#define SCENE_SENDERS 128 /* as many as a policy can name */
#define SCENE_EVENTS 4096

struct link_class {
	char name[SCENE_NAME + 1];
	/*
	 * One channel for the site and all its stations of the class, which
	 * compete for its airtime; else each station has a link of its own.
	 */
	bool shared;
	bool half_duplex;   /* both ways share one channel */
	uint64_t bit_s;	    /* bandwidth; 0: no limit */
	t_ns delay, jitter; /* jitter: 0 .. jitter is added, evenly */
	t_ns turn;	    /* when another station begins to transmit */
	uint32_t mtu;	    /* octets of an IP datagram in one frame; 0: any */
	uint32_t overhead;  /* octets of the link's own in each frame */
	uint32_t queue;	    /* octets that may wait for the channel */
	chance loss;	    /* of a frame, at each station that hears it */
	/* Gilbert-Elliott, a step for each frame heard; in bad: lost. */
	chance to_bad, to_good;
	chance duplicate, reorder;
	t_ns reorder_by; /* a reordered datagram comes so much later */
	double bit_error;
};

struct scene_recv { /* receivers of each sender */
	char name[SCENE_NAME + 1];
	uint32_t count;	 /* for each sender */
	uint8_t link;	 /* index */
	uint8_t servers; /* it knows its own sender and the next ones */
	/* Spread evenly over the hosts; T_NEVER: not by itself. */
	t_ns join_from, join_to;
	bool hostile; /* its certificate names nobody the policy admits */
};

enum verb {
	V_JOIN,
	V_LEAVE,
	V_EXCLUDE,
	V_EMCON, /* arg: enum emcon */
	V_CRASH, /* arg: enum sim_daemon */
	V_LINK_DOWN,
	V_LINK_UP,
	V_PARTITION, /* hosts | the rest */
	V_HEAL,
	V_CLOCK_STEP,  /* arg: ms, signed */
	V_CLOCK_DRIFT, /* arg: parts per billion, signed */
	/* These last for the span, or without one until the end. */
	V_FLOOD,   /* receivers forge IKE_SA_INIT to their sender; arg: 1/s */
	V_REPLAY,  /* hosts send again what they heard; arg: 1/s */
	V_GARBAGE, /* hosts send octets; arg: 1/s */
	V_TRAFFIC, /* senders send to the group; arg: 1/s, size */
	VERBS
};

enum emcon { EMCON_TRANSMIT, EMCON_RECEIVE_ONLY, EMCON_SILENT };
enum sim_daemon {
	SD_POLICYD,
	SD_DISPATCHERD,
	SD_GROUPD,
	SD_KEYMGRD,
	SD_HOST, /* all at once, and its memory: a reboot */
	SIM_DAEMONS
};

struct scene_event {
	t_ns at;
	t_ns span; /* join, leave, exclude: "over", others: "for"; 0: none */
	enum verb verb;
	char hosts[SCENE_NAME * 2 + 1]; /* pattern; "" for V_HEAL */
	int64_t arg;
	uint32_t size; /* V_TRAFFIC: octets of UDP data */
	/*
	 * V_CRASH: not at the time itself but after so many more messages
	 * between the host's daemons; 0: at the time.  When the quiet end
	 * begins before there were so many, it does not come.
	 */
	uint32_t messages;
	unsigned int line; /* in the text; 0: drawn */
};

/* What the seed adds in property mode, and where.  Times within the run. */
struct scene_chaos {
	uint32_t crashes, emcons, partitions, outages, leaves;
	t_ns from, until; /* faults begin and end in here */
	t_ns longest;	  /* of one window */
};

/* Parts of the protocol that a scenario wants. */
enum need { NEED_REKEY = 1, NEED_EXCLUSION = 2, NEED_AGREEMENT = 4 };
#define NEEDS_KNOWN 0 /* of those, what this version has */

struct scene {
	char title[200];
	uint64_t seed;
	t_ns duration;
	t_ns quiet; /* the end that must be free of faults; 0: none */
	uint32_t needs;
	bool psk; /* else X.509, Ed25519 */
	bool ppk; /* RFC 8784 on top */
	enum suite suite;
	bool ipv6;
	uint32_t senders;
	char sender_name[SCENE_NAME + 1];
	uint8_t uplink; /* index into link */
	t_ns work;	/* a host's time for one datagram; 0: none */
	/* The group's, as in mike.conf(5). */
	uint32_t lifetime_s, atd_s, dtd_s, members_max, half_open_max;
	uint32_t source_rate, cookie_above, fragment;
	struct link_class link[SCENE_LINKS];
	size_t n_link;
	struct scene_recv recv[SCENE_RECVS];
	size_t n_recv;
	struct scene_event *ev; /* by time, then by line */
	size_t n_ev;
	struct scene_chaos chaos;
};

/* Nothing comes out unless all is right: -EINVAL, and d says why; -ENOMEM. */
int scene_load(struct scene **out, const void *text, size_t len, struct diag *d)
    MUST_CHECK;
void scene_free(struct scene **s);
/* The text of a scenario that loads as the same; to be freed.  NULL: memory. */
char *scene_text(const struct scene *s);

/*
 * Hosts by number: the senders, then the receivers of the first sender,
 * section by section, then those of the second ...
 */
uint32_t scene_hosts(const struct scene *s);
uint32_t scene_site(const struct scene *s, uint32_t host); /* its sender */
/* NULL: it is a sender.  *nth: from 0 among those of site and section. */
const struct scene_recv *scene_recv_of(
    const struct scene *s, uint32_t host, uint32_t *nth);
/* "hq-01", "scout-01-00001"; returns buf. */
#define SCENE_HOST_NAME (SCENE_NAME + 24)
const char *scene_host_name(
    const struct scene *s, uint32_t host, char buf[SCENE_HOST_NAME]);
/*
 * Is the host one of these?  "all", "senders", "receivers", a section's name,
 * or a name with '*' for any characters.
 */
bool scene_matches(const struct scene *s, const char *hosts, uint32_t host);

/*
 * Make chaos concrete: events drawn with the seed, chaos then zero.  Windows
 * of one kind never overlap on a host; what finds no room is left out.
 * 0, -ENOMEM.
 */
int scene_draw_chaos(struct scene *s) MUST_CHECK;

/* As in the text, without the time: "crash hq-01 keymgrd"; returns buf. */
#define SCENE_EVENT_TEXT 200
const char *scene_event_text(
    const struct scene_event *e, char buf[SCENE_EVENT_TEXT]);

const char *verb_name(enum verb v); /* "join", "emcon", ... */
const char *sim_daemon_name(enum sim_daemon d);
const char *emcon_name(enum emcon e);

#endif
