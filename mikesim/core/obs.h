/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_CORE_OBS_H
#define MIKESIM_CORE_OBS_H

/*
 * What can be seen of a run: the simulation says it once, in the order of
 * virtual time, and the trace, the capture and the pictures are made from it.
 * An observation and its octets are borrowed for the time of the call.
 */

#include "common/addr.h"
#include "mikesim/core/medium.h"

#define OBS_NOBODY UINT32_MAX

enum obs_kind {
	OBS_SEND,   /* a host sends a datagram */
	OBS_FATE,   /* what became of a copy of it at a host */
	OBS_STATE,  /* what a host is, from now on */
	OBS_KEYS,   /* an IKE SA's keys are known, to whom it may concern */
	OBS_NOTE,   /* a line of a daemon's log */
	OBS_SA,	    /* in a host's kernel */
	OBS_EVENT,  /* of the scenario's timeline */
	OBS_BROKEN, /* an invariant */
};

/* A host, for people. */
enum obs_phase {
	PHASE_OFF,	   /* not started, or down */
	PHASE_NO_KEYS,	   /* not in the group, or without keys */
	PHASE_REGISTERING, /* asks its key server */
	PHASE_KEYED,
	PHASE_LEFT,
	PHASES
};
const char *phase_name(enum obs_phase p);

struct obs {
	t_ns t;
	uint32_t host; /* OBS_NOBODY: none in particular */
	enum obs_kind kind;
	union {
		struct {
			uint64_t id; /* of the datagram; never the same twice */
			uint32_t to; /* host; OBS_NOBODY: a group, or nobody */
			struct endpoint src, dst;
			uint32_t octets; /* IP datagram with all its headers */
			struct chunk
			    data; /* of UDP; without a non-ESP marker */
			bool
			    app; /* traffic of an application, no MIKE message */
		} send;
		struct {
			uint64_t id;
			enum fate fate;
			uint32_t from;
		} fate;
		struct {
			enum obs_phase phase;
			enum emcon emcon;
			uint32_t generation, step; /* if keyed */
		} state;
		struct {
			uint8_t spi_i[8], spi_r[8];
			const struct ike_suite *suite;
			const struct ike_keys
			    *keys; /* keymgrd/core/ike/keys.h */
		} keys;
		struct {
			enum sim_daemon by;
			int level;	   /* 3 err 4 warn 6 info 7 debug */
			const char *token; /* "reg.done" */
			struct chunk text; /* printable */
		} note;
		struct {
			bool there; /* installed; else gone */
			enum sa_dir dir;
			uint32_t spi;
			struct addr src, dst;
		} sa;
		struct {
			const struct scene_event *ev;
			const char *text; /* "crash hq-01 keymgrd" */
		} event;
		struct {
			const char *rule, *text;
		} broken;
	};
};

/* A writer.  begin and end are called once each; any may be NULL. */
struct sim; /* what end() can ask for results; mikesim/core/sim.h */
struct obs_sink {
	void *arg;
	int (*begin)(void *arg, const struct scene *s);
	int (*take)(void *arg, const struct obs *o); /* 0 or -Exxx: it failed */
	int (*end)(void *arg, const struct sim *sim);
};

#endif
