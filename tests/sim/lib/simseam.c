/* SPDX-License-Identifier: ISC */
/*
 * What the pictures ask of a scenario, for tests without the simulation.
 * Weak: where mikesim/core is linked too, its own functions are used.
 */

#include <stdio.h>

#include "mikesim/core/sim.h"

#define WEAK __attribute__((__weak__))

static uint32_t
per_site(const struct scene *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s->n_recv; i++)
		n += s->recv[i].count;
	return n;
}

WEAK uint32_t
scene_hosts(const struct scene *s)
{
	return s->senders * (1 + per_site(s));
}

WEAK uint32_t
scene_site(const struct scene *s, uint32_t host)
{
	return host < s->senders ? host : (host - s->senders) / per_site(s);
}

WEAK const char *
scene_host_name(const struct scene *s, uint32_t host, char buf[SCENE_HOST_NAME])
{
	uint32_t site = scene_site(s, host), r;
	size_t i = 0;

	if (host < s->senders) {
		(void)snprintf(
		    buf, SCENE_HOST_NAME, "%s-%02u", s->sender_name, site + 1);
		return buf;
	}
	r = (host - s->senders) % per_site(s);
	for (; r >= s->recv[i].count; i++)
		r -= s->recv[i].count;
	(void)snprintf(buf, SCENE_HOST_NAME, "%s-%02u-%05u", s->recv[i].name,
	    site + 1, r + 1);
	return buf;
}

WEAK const char *
fate_name(enum fate f)
{
	static const char *const name[FATES] = { "delivered", "duplicate",
		"late", "loss", "burst", "bit errors", "queue full", "mtu",
		"down", "partition", "emcon", "filter" };

	return name[f];
}

WEAK const char *
phase_name(enum obs_phase p)
{
	static const char *const name[PHASES] = { "off", "no keys",
		"registering", "keyed", "left" };

	return name[p];
}

WEAK const char *
verb_name(enum verb v)
{
	static const char *const name[VERBS] = { "join", "leave", "exclude",
		"emcon", "crash", "link-down", "link-up", "partition", "heal",
		"clock-step", "clock-drift", "flood", "replay", "garbage",
		"traffic" };

	return name[v];
}
