/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_OUT_TABLE_H
#define MIKESIM_OUT_TABLE_H

/* The results of a run, for people: within 80 columns. */

#include <stdio.h>

#include "mikesim/core/sim.h"

void table_print(FILE *to, const struct sim *sim, const struct sim_results *r);

#endif
