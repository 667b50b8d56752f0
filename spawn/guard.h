/* SPDX-License-Identifier: ISC */
#ifndef SPAWN_GUARD_H
#define SPAWN_GUARD_H

/*
 * What mike-spawn takes from itself before it starts anything, and so from
 * all that it starts.  fatal() when a step fails.
 */

#include "common/util.h"

/* No core, no ptrace, sane umask, no inherited descriptors. */
void guard_start(bool supervised);

/*
 * Execute only what lies in libexec (Landlock, where the kernel has it), take
 * ids of the suite only (seccomp), keep CAP_SETUID, SETGID, SYS_CHROOT, KILL.
 * supervised: started unprivileged with these as ambient capabilities.
 */
void guard_enter(const char *libexec, bool strict, bool supervised);

#endif
