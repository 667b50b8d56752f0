/* SPDX-License-Identifier: ISC */
#ifndef SPAWN_RUNDIR_H
#define SPAWN_RUNDIR_H

/* The directories and state files of one instance. */

#include "common/util.h"

/*
 * Take the lock RUN/spawn.pid (held until the process ends), then make what
 * is missing under RUN and STATE with its owners and modes; what is there is
 * kept.  fatal() when another mike-spawn has RUN.
 */
void rundir_make(const char *run, const char *state);

/* At the very end: nobody runs here any more. */
void rundir_release(const char *run);

/* Open the state file of every slot; made when missing, never emptied. */
void rundir_open_slots(const char *run, int fd[MIKE_SLOTS]);

#endif
