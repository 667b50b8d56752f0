/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_CORE_H
#define KEYMGRD_CORE_CORE_H

/* What the modules of the core share behind km.h. */

#include "keymgrd/core/chain.h"
#include "keymgrd/core/count.h"
#include "keymgrd/core/fx.h"
#include "keymgrd/core/ksa.h"
#include "keymgrd/core/refused.h"
#include "keymgrd/core/timer.h"
#include "keymgrd/core/why.h"

#define STEPS_MAX 2

/* A step of the sender's chain. */
struct step {
	uint32_t no;
	uint64_t born_ms; /* its keys end conf.lifetime_s later */
	uint8_t root[CHAIN_ROOT_LEN];
};

/*
 * The keys of this group and what else a successor needs, copied before an
 * event and put back when the event fails.  step[0] is what the
 * sender sends under; its record is written before its SAs are asked for, so
 * a restored step[0] may have been used.  step[1], once there, is offered to
 * receivers and has never been installed for output.
 */
struct keys {
	uint32_t generation;
	struct step step[STEPS_MAX];
	size_t n_steps;
	uint64_t rereg_ms; /* receiver: when to register again */
	char gcks[65];	   /* receiver: with whom it registered, or "" */
	bool keyed;	   /* receiver: had all of a registration's SAs */
	struct ksas sas;
};

struct gm;   /* receiver: the registration under way */
struct gcks; /* sender: its receivers' IKE SAs */

struct km {
	const struct km_conf *conf; /* borrowed */
	struct km_ops ops;
	bool started;
	uint64_t now_ms; /* of the event; never goes back */
	uint64_t iv;	 /* of the next protected message; ike/sk.h */
	uint32_t next_req;
	uint64_t count[C_ALL];
	struct refused_log *refused; /* NULL: nobody was */
	struct keys keys;
	struct timers timers;
	struct timer timer; /* of the role, beside those of IKE SAs */
	struct gm *gm;
	struct gcks *gcks;
	char *sa_why; /* dispatcherd's last refusal (core/why.h) */
	/* What KM_FX_CHANGED last told; of texts a hash. */
	enum group_state told_state;
	uint32_t told_generation, told_step;
	uint64_t told_text;
};

/*
 * A copy to put back: keys_save(), then one of the others.  -ENOMEM: there is
 * none.  All wipe what they drop.
 */
int keys_save(const struct keys *k, struct keys *copy) MUST_CHECK;
void keys_restore(struct keys *k, struct keys *copy);
void keys_fini(struct keys *k);

int km_rand(const struct km *km, void *out, size_t len) MUST_CHECK;
/* lo <= *v <= hi, near enough evenly. */
int km_rand_between(const struct km *km, uint64_t lo, uint64_t hi, uint64_t *v)
    MUST_CHECK;

int km_send(struct fx *fx, const struct endpoint *local,
    const struct endpoint *peer, struct chunk data) MUST_CHECK;
/* Write down keys or counters. */
int km_record_keys(const struct km *km, struct fx *fx) MUST_CHECK;
int km_record_counts(const struct km *km, struct fx *fx) MUST_CHECK;

#endif
