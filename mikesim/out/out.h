/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_OUT_OUT_H
#define MIKESIM_OUT_OUT_H

/* All that a run writes, as its arguments want it. */

#include "mikesim/cli.h"
#include "mikesim/core/sim.h"

struct outputs;

/* Open all files.  *status: CLI_OK, or what to end with; that was said. */
struct outputs *outputs_new(
    const struct args *a, const struct scene *s, int *status);
const struct obs_sink *outputs_sinks(const struct outputs *o);
size_t outputs_count(const struct outputs *o);
/* A file could not be written, which was said: it ended the run. */
bool outputs_failed(const struct outputs *o);
/* The table to standard output, unless the arguments want none; JSON. */
int outputs_results(struct outputs *o, const struct sim *sim,
    const struct sim_results *r) MUST_CHECK;
/* Close; 0, or -Exxx if not all was written, which was said. */
int outputs_free(struct outputs **o) MUST_CHECK;

#endif
