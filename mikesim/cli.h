/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CLI_H
#define MIKESIM_CLI_H

/* The commands of mikesim, and what they share. */

#include <stdio.h>

#include "mikesim/core/scene.h"

/* As in sysexits.h. */
enum {
	CLI_OK = 0,
	CLI_BROKEN = 1, /* an invariant did not hold */
	CLI_USAGE = 64,
	CLI_DATA = 65,	      /* the scenario is wrong */
	CLI_NO_INPUT = 66,    /* or cannot be read */
	CLI_UNAVAILABLE = 69, /* its protocol is not in this version */
	CLI_SOFTWARE = 70,
	CLI_IO = 74, /* a result cannot be written */
};

struct args {
	const char *file; /* of the scenario */
	bool has_seed, quiet, invariants, help;
	uint64_t seed;
	unsigned int jobs;
	/* run: files to write, or NULL */
	const char *json, *trace, *pcap, *keys, *html, *svg;
	/* check */
	uint64_t from, to; /* seeds */
	unsigned int shard, shards;
	unsigned int seconds; /* stop after; 0: all seeds */
	const char *save;     /* where a scenario that fails goes */
};

int cli_run(const struct args *a);
int cli_check(const struct args *a);

/* Errors go to standard error, with file and line; NULL and *status. */
struct scene *cli_load(const struct args *a, int *status);
/* Why the scenario cannot run here, to standard error. */
void cli_say_needs(const struct args *a, const struct scene *s);

#endif
