/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_SCENE_VALUE_H
#define MIKESIM_CORE_SCENE_VALUE_H

/*
 * The quantities of a scenario's text, both ways.  Reading: 0 or -EINVAL.
 * Writing is for reading again: the very same value comes out.
 */

#include "mikesim/core/scene.h"

#define SV_TEXT 40

enum sv_unit {
	SV_COUNT,   /* 25; no unit */
	SV_TIME,    /* 90s, 1.5ms, 2h, to nanoseconds; a unit is needed */
	SV_OCTETS,  /* 500, 16k; k: 1024 */
	SV_BITRATE, /* 2400, 64k, 100M; k: 1000 */
};
int sv_read(const char *s, enum sv_unit u, uint64_t *v) MUST_CHECK;
const char *sv_write(uint64_t v, enum sv_unit u, char out[SV_TEXT]);

/* "+5s", "-50ppm", "3s": a sign, then a quantity in units of ns or ppb. */
int sv_read_step(const char *s, int64_t *ns) MUST_CHECK;
int sv_read_drift(const char *s, int64_t *ppb) MUST_CHECK;
const char *sv_write_step(int64_t ns, char out[SV_TEXT]);
const char *sv_write_drift(int64_t ppb, char out[SV_TEXT]);

/* 0.05, 1e-6, 5%; not negative. */
int sv_read_real(const char *s, double *v) MUST_CHECK;
const char *sv_write_real(double v, char out[SV_TEXT]);
/* The same, at most 1. */
int sv_read_chance(const char *s, chance *c) MUST_CHECK;
const char *sv_write_chance(chance c, char out[SV_TEXT]);
double chance_as_real(chance c);

#endif
