/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_SITE_H
#define MIKESIM_CORE_SITE_H

/*
 * The inside of the simulation.  A site, a sender with its receivers, is the
 * part that runs by itself: what crosses from one to another takes at least
 * the core network's delay, so sites can be simulated side by side.
 *
 *   sim.c      windows of time, what crosses sites, results
 *   site.c     what its hosts have in common
 *   host.c     a host's daemons: start, messages between them, death
 *   road.c     datagrams on their way
 *   km.c gd.c disp.c pol.c kernel.c    the daemons, and the kernel they serve
 *   story.c    the timeline
 *   inv.c      what must always hold
 *
 * A host is small: its key manager, its kernel's SAs and few octets beside.
 * All that is the same for hosts of one kind is there once (struct kind), and
 * what is a host's own in it (names, addresses) is put in when that host's
 * turn comes.
 */

#include "dispatcherd/core/filter.h"
#include "dispatcherd/core/sa.h"
#include "groupd/core/route.h"
#include "keymgrd/core/confmsg.h"
#include "keymgrd/core/km.h"
#include "mikesim/core/ca.h"
#include "mikesim/core/queue.h"
#include "mikesim/core/rand.h"
#include "mikesim/core/sim.h"
#include "policyd/core/answer.h"

#define SIM_EPOCH 1767225600 /* UTC of virtual time 0: 2026-01-01 */
#define SIM_PORT 848
#define SIM_SLOT 3 /* of the group, on every host */
#define SIM_GROUP "ops-net"
#define SIM_OWN_MAX 4096 /* certificates of receivers, in memory */

/* -- datagrams ------------------------------------------------------------ */

struct packet {
	uint64_t id;
	uint32_t refs;
	uint32_t from, to; /* hosts; to OBS_NOBODY: the group */
	struct endpoint src, dst;
	enum res_kind kind;
	uint32_t octets;
	uint32_t spi;	  /* application data: of its SA; else 0 */
	uint32_t arrived; /* copies, at a host */
	struct ride ride; /* Q_FAN: on the medium of this class */
	uint8_t link;
	struct chunk data; /* its own octets */
	uint8_t own[];
};

/* -- a host --------------------------------------------------------------- */

struct ksa_in { /* an SA in its kernel */
	t_ns soft, hard, since;
	uint32_t spi;
	uint8_t dir, cls;
	bool soft_said;
	struct addr src;
	uint8_t key[36];
};

/* What it shows who it is with; there while it needs it. */
struct own {
	struct x509_own *x;
	struct chunk der; /* in x */
};

enum km_phase { KP_NONE, KP_SEAL, KP_CONF, KP_DONE, KP_RUN };

struct host {
	struct km *km;
	struct ksa_in *sa;
	struct own *own;
	struct medium *link;   /* of its own, or NULL */
	struct filter *filter; /* while there are datagrams */
	uint8_t *log;	       /* records of its state, length before each */
	uint32_t log_len, log_cap;
	uint32_t no;	  /* of the scenario */
	uint32_t station; /* on its medium, from 1 */
	uint32_t n_dgram; /* sent so far */
	uint32_t asked;	  /* of struct grp */
	uint32_t leave_req;
	struct rng rng;
	t_ns wake;		  /* when it is to be woken, T_NEVER: not */
	t_ns joined_at, keyed_at; /* T_NEVER: not yet */
	t_ns part_at;		  /* it began to take leave */
	t_ns fault_at;		  /* when a fault last touched it */
	t_ns lost_at; /* ... and when something of or for it was lost */
	t_ns busy_until;
	t_ns dgram_at; /* the last one came or went */
	/* The clock: at clk_at it showed clk_base, and runs drift too fast. */
	t_ns clk_at, clk_base;
	int64_t wall_off_ns;
	int32_t drift_ppb;
	uint32_t crash_in; /* messages until crash_what dies; 0: no plan */
	t_ns crash_for;
	uint8_t crash_what;
	uint8_t n_sa;
	uint8_t kind; /* index into the site's */
	uint8_t life; /* enum life */
	uint8_t km_phase, km_asked;
	uint8_t phase; /* enum obs_phase, as last said */
	uint8_t emcon;
	uint8_t said_emcon;
	uint8_t dead; /* bit per enum sim_daemon, SD_HOST: all */
	bool closed : 1, running : 1, joined : 1, forget : 1;
	bool has_rules : 1, spd : 1, link_down : 1, ticking : 1;
	bool evil : 1; /* it forges; its own daemons stay honest */
	uint16_t instance, done;
	uint32_t said_step, said_generation;
};

/* What hosts of one kind have in common: the sender, each receiver section. */
struct kind {
	const struct scene_recv *recv; /* NULL: the sender */
	enum role role;
	struct policy *pol;
	struct pol_host pd;
	struct ruleset *ruleset;
	struct rules *rules; /* a copy, in which the host's own are put */
	struct groups groups;
	struct router router;
	struct confmsg conf;
	bool conf_known;
	struct host *in;   /* whose own are put in */
	uint32_t first, n; /* its hosts, by index */
};

/* -- a site --------------------------------------------------------------- */

struct crossing { /* from the core network into a site */
	t_ns t;
	uint32_t from_site, to_site;
	uint64_t seq;
	struct packet *p;
};

struct crossings {
	struct crossing *v;
	size_t n, cap;
};

struct seen;	/* inv.c */
struct obs_buf; /* show.c */

struct site {
	struct sim *sim;
	uint32_t no;
	t_ns now;
	struct queue q;
	struct host *host; /* the sender first */
	uint32_t n_host;
	struct kind *kind;
	size_t n_kind;
	struct medium *uplink;		    /* NULL: one site alone */
	struct medium *shared[SCENE_LINKS]; /* by class */
	struct ca *ca;
	struct fx *fx;
	struct ipc *ipc;
	struct host *cur; /* whose turn it is */
	uint32_t n_own;	  /* hosts that have theirs in memory */
	struct crossings out;
	uint64_t n_out;
	struct seen *seen;
	struct obs_buf *obs;
	int dgram_err; /* what a key manager said to its last datagram */
	int err;       /* the first failure; the run ends */
	/* timeline */
	const struct scene_event **parted; /* partitions in force */
	size_t n_parted;
	struct packet *heard[16]; /* lately, for replays */
	size_t n_heard;
	struct packet *sample; /* an IKE_SA_INIT request, for floods */
	/* results */
	uint64_t events, retransmits, broken, refused, registered;
	uint64_t ops[RES_OPS];
	struct res_msgs msgs[RK_KINDS];
	uint64_t cpu_ns[SIM_DAEMONS + 1]; /* the last: receivers' all */
	uint64_t app_sent, app_read, app_unread;
	char why[240]; /* the first invariant that broke */
	t_ns why_at;
};

enum what {
	Q_WAKE,
	Q_ROUTER, /* a datagram reaches the site's router */
	Q_CORE,	  /* ... comes down from the core network */
	Q_ARRIVE, /* ... reaches a host */
	Q_FAN,	  /* ... reaches all stations of a medium at once */
	Q_WORK,	  /* a host begins to work on it */
	Q_TICK,	  /* groupd's */
	Q_STORY,  /* an event of the timeline, for one host or for the site */
	Q_JOIN,
	Q_UP,  /* a daemon, or a host, comes back */
	Q_ACT, /* an actor of the timeline goes on */
};

struct sim {
	const struct scene *scene;
	struct sim_opts o;
	struct site *site; /* scene->senders */
	struct secret *psk, *ppk, *boot;
	uint8_t ca_seed[CA_SEED_LEN];
	t_ns now, ahead; /* the window's length */
	bool keep_logs;	 /* a key manager may have to start anew */
	bool replays;	 /* somebody will send again what was heard */
	bool stopped;
	struct seen *seen; /* of all sites */
	int err;
	uint64_t broken;
};

/* Whose turn it is, in this thread. */
extern _Thread_local struct site *sim_here;

/* -- between these files -------------------------------------------------- */

/* site.c */
int site_new(struct site *s, struct sim *sim, uint32_t no) MUST_CHECK;
void site_free(struct site *s);
/* Run until before `until`. */
void site_run(struct site *s, t_ns until);
/* Remember the first error. */
void site_fail(struct site *s, int err);
void site_at(struct site *s, t_ns t, enum what w, struct host *h, void *p);
/* Let it be this host's turn: its own goes into its kind. */
struct kind *site_turn(struct site *s, struct host *h);
struct host *site_host(struct site *s, uint32_t no); /* NULL: another site's */
void addr_of_host(const struct scene *s, uint32_t no, struct addr *a);
/* OBS_NOBODY: none has it. */
uint32_t host_of_addr(const struct scene *s, const struct addr *a);
uint32_t first_receiver(const struct scene *s, uint32_t site);

/* host.c */
void host_boot(struct site *s, struct host *h);
void host_join(struct site *s, struct host *h);
void host_leave(struct site *s, struct host *h);
void host_crash(
    struct site *s, struct host *h, enum sim_daemon what, t_ns down_for);
void host_up(struct site *s, struct host *h, enum sim_daemon what);
/* Carry messages between its daemons until there are none. */
void host_settle(struct site *s, struct host *h);
void ipc_send(
    struct site *s, enum peer from, enum peer to, const struct msg *m);
static inline bool
host_is_up(const struct host *h, enum sim_daemon d)
{
	return (h->dead & (1u << d | 1u << SD_HOST)) == 0;
}
/* ms of CLOCK_BOOTTIME, and seconds of UTC. */
uint64_t host_boot_ms(const struct site *s, const struct host *h);
int64_t host_utc(const struct site *s, const struct host *h);
t_ns host_when(const struct site *s, const struct host *h, uint64_t boot_ms);
void host_wake_at(struct site *s, struct host *h, t_ns t);
void host_wake(struct site *s, struct host *h);
struct ipc *ipc_new(void);
void ipc_free(struct ipc **i);

/* km.c */
void km_shell_start(struct site *s, struct host *h);
void km_shell_end(struct site *s, struct host *h);
void km_shell_msg(
    struct site *s, struct host *h, enum peer from, const struct msg *m);
void km_shell_up(struct site *s, struct host *h, enum peer who);
void km_shell_wake(struct site *s, struct host *h);
/* gd.c */
void gd_shell_start(struct site *s, struct host *h);
void gd_shell_msg(
    struct site *s, struct host *h, enum peer from, const struct msg *m);
void gd_shell_up(struct site *s, struct host *h, enum peer who);
void gd_shell_tick(struct site *s, struct host *h);
void gd_shell_gone(struct site *s, struct host *h); /* its key manager */
bool gd_shell_step(struct site *s, struct host *h, enum life_ev ev);
/* disp.c */
void disp_shell_start(struct site *s, struct host *h);
void disp_shell_msg(
    struct site *s, struct host *h, enum peer from, const struct msg *m);
void disp_shell_up(struct site *s, struct host *h, enum peer who);
/* Nothing has come lately: what its filter counted is of no use any more. */
void disp_shell_idle(struct site *s, struct host *h);
/* A datagram from the network.  Not FATE_DELIVERED: it goes no further. */
enum fate disp_shell_dgram(
    struct site *s, struct host *h, const struct packet *p);
/* pol.c */
int pol_shell_new(struct site *s, struct kind *k) MUST_CHECK;
void pol_shell_free(struct kind *k);
void pol_shell_msg(
    struct site *s, struct host *h, enum peer from, const struct msg *m);
void pol_shell_restart(struct site *s, struct host *h);
/* Its certificate, made when it is needed. */
const struct own *pol_own(struct site *s, struct host *h);
void pol_own_drop(struct site *s, struct host *h);
/* kernel.c */
enum ipc_status kernel_install(struct site *s, struct host *h,
    enum sa_mode mode, uint8_t dir, const struct sa_want *w);
enum ipc_status kernel_delete(
    struct site *s, struct host *h, uint32_t spi, const struct addr *dst);
void kernel_clear(struct site *s, struct host *h);
/* What is at its end goes, and is told; the time of the next. */
t_ns kernel_expire(struct site *s, struct host *h);
const struct ksa_in *kernel_out(
    const struct host *h, uint8_t cls); /* what it would send under */
bool kernel_can_read(const struct host *h, uint8_t cls, uint32_t spi);

/* road.c */
void road_send(struct site *s, struct host *h, const struct endpoint *src,
    const struct endpoint *dst, struct chunk data);
/* Anything from anybody, past the host's own daemons. */
void road_forge(struct site *s, struct host *h, const struct endpoint *src,
    const struct endpoint *dst, struct chunk data);
/* Application data to the group. */
void road_send_app(struct site *s, struct host *h, uint32_t octets);
void road_step(struct site *s, const struct qev *e);
void packet_drop(struct packet *p);
/* NULL: out of memory. */
struct packet *packet_copy(const struct packet *p);
bool road_reaches(const struct site *s, uint32_t a, uint32_t b);

/* story.c */
int story_start(struct site *s) MUST_CHECK;
void story_step(struct site *s, const struct qev *e);

/* show.c: observations, in order; nothing is done when nobody looks */
struct obs_buf *obs_buf_new(void);
void obs_buf_free(struct obs_buf **b);
void show(struct site *s, const struct obs *o); /* copies */
bool is_shown(const struct site *s);
void show_phase(struct site *s, struct host *h);
void show_note(struct site *s, struct host *h, enum sim_daemon by, int level,
    const char *token, struct chunk text);
void show_event(struct site *s, const struct scene_event *ev, struct host *h);
/* Give all that was seen to the sinks. */
int show_flush(struct sim *sim) MUST_CHECK;

/* inv.c: what must always hold */
struct seen *seen_new(void);
void seen_free(struct seen **s);
void inv_broken(struct site *s, struct host *h, const char *rule,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
void inv_packet(struct site *s, struct host *h, struct chunk data);
void inv_installed(struct site *s, struct host *h, const struct ksa_in *k);
void inv_outbound(struct site *s, struct host *h, const struct ksa_in *k);
void inv_left(struct site *s, struct host *h);
void inv_merge(struct sim *sim); /* among sites, at the end of a window */
void inv_end(struct sim *sim);	 /* after quiet */

#endif
