/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_OUT_JSON_H
#define MIKESIM_OUT_JSON_H

/*
 * The results of a run, for programs.  Times are in nanoseconds of virtual
 * time.  Only the object "measured" differs between runs of the same scenario
 * and seed.
 */

#include "mikesim/core/sim.h"
#include "mikesim/out/file.h"

/* 0 or -Exxx, which was said. */
int json_print(struct out_file *o, const struct sim *sim,
    const struct sim_results *r) MUST_CHECK;

#endif
