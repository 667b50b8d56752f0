/* SPDX-License-Identifier: ISC */
#ifndef MIKESIM_OUT_TRACE_H
#define MIKESIM_OUT_TRACE_H

/*
 * A run as JSON lines, one for each observation, in ASCII:
 *
 *   {"t":1000000,"host":"hq-01","obs":"send","id":"0-1",...}
 *
 * t is virtual time in nanoseconds; host is null if it is none in particular.
 * The order of the fields never changes, and nothing in it is measured, so
 * that the traces of two runs are the same octet by octet.  Keys are not in
 * it, only that they are known.
 */

#include "mikesim/core/obs.h"
#include "mikesim/out/file.h"

struct trace {
	struct out_file *out;
	const struct scene *scene; /* borrowed */
	/* What is in a datagram: payload_text, or NULL. */
	size_t (*payload)(
	    void *arg, const struct obs *send, char *buf, size_t size);
	void *arg; /* of payload */
};

/* t stays where it is as long as the sink is used. */
struct obs_sink trace_sink(struct trace *t);

/* Quoted and escaped: any octets become valid JSON in ASCII. */
void trace_quote(FILE *f, const void *p, size_t len);

#endif
