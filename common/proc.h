/* SPDX-License-Identifier: ISC */
#ifndef COMMON_PROC_H
#define COMMON_PROC_H

/* Start-up of a daemon: options, hardening, identity.  All fatal() on error. */

#include <sys/types.h>

#include "common/util.h"

/* Options common to all daemons; -h prints usage and exits 64 on misuse. */
struct opts {
	const char *conf;  /* -c DIR, default MIKE_SYSCONFDIR/mike */
	const char *run;   /* -r DIR, default /run/mike */
	const char *state; /* -s DIR, default /var/lib/mike */
	unsigned int slot; /* -n SLOT, keymgrd only */
	const char *ports; /* -P PORT[,PORT...], default "848" */
	bool debug;	   /* -d; the log is told */
	bool strict;	   /* -S: no Landlock in this kernel is fatal */
};

void opts_parse(struct opts *o, int argc, char **argv);

/* No core, no ptrace, no_new_privs, umask 0117, set the process name. */
void proc_harden(const char *name);

/*
 * Become user (and its group, no supplementary groups) keeping the
 * capabilities in mask (bits 1ULL << CAP_X) as permitted and effective, with
 * empty inheritable, ambient and bounding sets.  Started as root: changes
 * identity.  Started as user already (systemd): keeps of the ambient set what
 * mask names, and fails when one is missing.  Sets PR_SET_DUMPABLE 0 again, and
 * the parent's death as a reason to die: a daemon without its supervisor would
 * stand in the way of the next one.
 */
void proc_drop(const char *user, uint64_t mask);

/* keymgrd: root start; chroot into dir, then become user. */
void proc_chroot(const char *dir);

/*
 * Name to ids; fatal when the user is unknown.  The last answer is remembered,
 * so that proc_drop() works for the same user behind a chroot.
 */
void proc_user(const char *user, uid_t *uid, gid_t *gid);

#endif
