/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_ANSWER_H
#define POLICYD_CORE_ANSWER_H

/*
 * What policyd answers.  Who asks is the channel a message came on; nothing
 * in the message is believed about that.
 */

#include "policyd/core/creds.h"
#include "policyd/core/rules.h"

/* The database, which is outside of the core.  All: 0 or -Exxx. */
struct pol_store {
	void *arg;
	int (*join)(void *arg, const char *group, bool joined);
	/*
	 * A new instance number n of the slot, on disk before this returns, and
	 * the last one that completed its state (0: none).  -ERANGE: used up.
	 */
	int (*instance_new)(
	    void *arg, uint8_t slot, uint16_t *n, uint16_t *done);
	/* Instance n has completed; -ESTALE when n is not the newest. */
	int (*instance_done)(void *arg, uint8_t slot, uint16_t n);
};

/* For the log of the shell: what was decided about whom. */
struct pol_note {
	bool warn;
	const char *token; /* static */
	const char *group;
	const char *why;      /* static or "" */
	const char *identity; /* or "" */
	bool claimed;	      /* the identity is no more than that */
};

struct pol_host {
	const struct policy *pol;
	struct pol_slots slots;
	struct pol_creds creds;
	struct secret *boot;
	struct pol_store store;
	int64_t (*now)(void); /* seconds since 1970 */
	void (*note)(const struct pol_note *n);
};

/*
 * One request; the answers go to out.  The error of out->send, or 0.  The
 * message types are those that the schema permits on the edge.
 */
int pol_answer_dispatcherd(struct pol_host *h, const struct msg *m,
    const struct pol_out *out) MUST_CHECK;
int pol_answer_groupd(struct pol_host *h, const struct msg *m,
    const struct pol_out *out) MUST_CHECK;
int pol_answer_keymgrd(struct pol_host *h, uint8_t slot, const struct msg *m,
    const struct pol_out *out) MUST_CHECK;

#endif
