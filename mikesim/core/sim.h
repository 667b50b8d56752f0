/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_SIM_H
#define MIKESIM_CORE_SIM_H

/* A run of a scenario. */

#include "mikesim/core/obs.h"

struct sim_opts {
	const struct obs_sink *sink; /* or NULL: n_sink is 0 */
	size_t n_sink;
	bool invariants; /* all of them; what is cheap is checked anyway */
	/* Nanoseconds of a real clock, to measure with; NULL: nothing is. */
	uint64_t (*clock_ns)(void);
	/*
	 * Call work(arg, i) for each i below n, in any order and in any of
	 * `jobs` threads, each of which has called sim_thread_init(); NULL:
	 * one after the other.
	 */
	void (*parallel)(
	    void *pool, size_t n, void (*work)(void *arg, size_t i), void *arg);
	void *pool;
	/* Called now and then; true: end the run here. */
	bool (*stop)(void *arg, const struct sim *sim);
	void *arg;
};

/* Before any sim_new(), once; and in every further thread.  -EIO. */
int sim_init(void) MUST_CHECK;
int sim_thread_init(void) MUST_CHECK;
void sim_thread_fini(void);

/* 0; -ENOMEM; -ENOTSUP: needs what this version has not; -Exxx of a sink. */
int sim_new(struct sim **out, const struct scene *s, const struct sim_opts *o)
    MUST_CHECK;
int sim_run(struct sim *sim) MUST_CHECK;
void sim_free(struct sim **sim);

/* -- results, during a run and after it ---------------------------------- */

/* IKE messages by exchange and direction, and application data. */
enum res_kind {
	RK_INIT_REQ,
	RK_INIT_RESP,
	RK_AUTH_REQ, /* GSA_AUTH, IKE_AUTH */
	RK_AUTH_RESP,
	RK_REG_REQ, /* GSA_REGISTRATION */
	RK_REG_RESP,
	RK_INFO_REQ,
	RK_INFO_RESP,
	RK_REKEY,
	RK_OTHER,
	RK_DATA,
	RK_KINDS
};
const char *res_kind_name(enum res_kind k);

struct res_msgs {
	uint64_t sent, delivered, lost; /* datagrams; copies at hosts */
	uint64_t octets;		/* of IP datagrams sent */
	t_ns airtime;			/* on the narrowest medium of the way */
};

enum res_op { OP_SIGN, OP_VERIFY, OP_KEYGEN, OP_DERIVE, OP_CHAIN, RES_OPS };
const char *res_op_name(enum res_op o); /* "signatures made", ... */

/* Why a host ended without keys. */
struct res_keyless {
	char why[96];
	/* the host's state, or the key manager's word */
	uint32_t hosts;
	uint32_t first; /* one of them */
};

struct sim_results {
	t_ns now;
	bool stopped; /* before its end */
	uint64_t events;
	uint32_t senders, receivers;
	struct res_msgs msgs[RK_KINDS];
	/* Receivers: from the join to the first keys. */
	uint64_t registered, registrations; /* hosts; successes in all */
	t_ns reg_median, reg_p95, reg_last;
	uint64_t retransmissions;
	uint32_t keyed, keyless; /* receivers that should be, at the end */
	struct res_keyless why[16];
	size_t n_why;
	uint64_t ops[RES_OPS];
	uint64_t refused;
	uint64_t app_sent, app_read, app_unread; /* datagrams; at receivers */
	uint64_t broken;			 /* invariants that broke */
	t_ns broken_at;
	char broken_first[240]; /* the first of them */
	/* Measured, never the same: processor time of the roles' daemons. */
	double cpu_s[2][SIM_DAEMONS]; /* [0] a receiver's all, [1] senders' */
	double wall_s;
};
void sim_results(const struct sim *sim, struct sim_results *r);

const struct scene *sim_scene(const struct sim *sim);
t_ns sim_now(const struct sim *sim);
uint64_t sim_events(const struct sim *sim);
/*
 * The media with a name for people: "hf of hq-01"; false: no more.  stat NULL:
 * there is none at this number, go on.
 */
struct sim_medium {
	char name[2 * SCENE_NAME + 16];
	const struct link_class *cls;
	uint32_t site, stations;
	const struct medium_stat *stat;
};
bool sim_medium_at(const struct sim *sim, size_t i, struct sim_medium *out);

#endif
