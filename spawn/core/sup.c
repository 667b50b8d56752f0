/* SPDX-License-Identifier: ISC */
#include "spawn/core/sup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

void
sup_init(struct sup *s, bool daemons)
{
	memset(s, 0, sizeof(*s));
	for (unsigned int i = 0; i < SUP_SLOT0; i++)
		s->c[i].wanted = daemons;
}

const char *
sup_name(unsigned int id)
{
	static const char *const names[] = { "policyd", "dispatcherd",
		"groupd" };

	return id < NITEMS(names) ? names[id] : "keymgrd";
}

int
sup_command(const struct sup_conf *conf, unsigned int id, struct sup_cmd *out)
{
	const char **a = out->argv;
	int n;

	n = snprintf(
	    out->path, sizeof(out->path), "%s/%s", conf->libexec, sup_name(id));
	if (n < 0 || (size_t)n >= sizeof(out->path))
		return -ENAMETOOLONG;
	*a++ = sup_name(id);
	*a++ = "-r";
	*a++ = conf->run;
	if (id >= SUP_SLOT0) {
		unsigned int slot = (id - SUP_SLOT0) % MIKE_SLOTS;

		out->slot[0] = (char)('0' + slot / 10);
		out->slot[1] = (char)('0' + slot % 10);
		out->slot[2] = '\0';
		*a++ = "-n";
		*a++ = out->slot;
	} else {
		*a++ = "-c";
		*a++ = conf->conf;
		*a++ = "-s";
		*a++ = conf->state;
		*a++ = "-P";
		*a++ = conf->ports;
	}
	if (conf->debug)
		*a++ = "-d";
	if (conf->strict)
		*a++ = "-S";
	*a = NULL;
	return 0;
}

static bool
waits(const struct sup_child *c)
{
	return c->wanted && c->pid == 0;
}

int
sup_due(const struct sup *s, uint64_t now_ms, unsigned int *id)
{
	for (unsigned int i = 0; i < SUP_CHILDREN; i++) {
		if (waits(&s->c[i]) && s->c[i].due_ms <= now_ms) {
			*id = i;
			return 0;
		}
	}
	return -ENOENT;
}

int
sup_wait_ms(const struct sup *s, uint64_t now_ms)
{
	uint64_t best = UINT64_MAX;

	for (unsigned int i = 0; i < SUP_CHILDREN; i++)
		if (waits(&s->c[i]) && s->c[i].due_ms < best)
			best = s->c[i].due_ms;
	if (best == UINT64_MAX)
		return -1;
	if (best <= now_ms)
		return 0;
	return best - now_ms > INT_MAX ? INT_MAX : (int)(best - now_ms);
}

void
sup_started(struct sup *s, unsigned int id, pid_t pid, uint64_t now_ms)
{
	s->c[id].pid = pid;
	s->c[id].started_ms = now_ms;
}

/*
 * The first death costs 0.1 s, so that a single crash is hardly noticed; a
 * daemon that dies again and again settles at one start in 5 s.
 */
void
sup_died(struct sup *s, unsigned int id, uint64_t now_ms)
{
	struct sup_child *c = &s->c[id];

	if (c->delay_ms == 0 ||
	    (c->pid != 0 && now_ms - c->started_ms >= SUP_STABLE_MS))
		c->delay_ms = SUP_BACKOFF_MIN_MS;
	c->pid = 0;
	c->due_ms = now_ms + c->delay_ms;
	c->delay_ms *= 2;
	if (c->delay_ms > SUP_BACKOFF_MAX_MS)
		c->delay_ms = SUP_BACKOFF_MAX_MS;
}

int
sup_find(const struct sup *s, pid_t pid, unsigned int *id)
{
	for (unsigned int i = 0; pid > 0 && i < SUP_CHILDREN; i++) {
		if (s->c[i].pid == pid) {
			*id = i;
			return 0;
		}
	}
	return -ENOENT;
}

int
sup_message(struct sup *s, const uint8_t *msg, size_t len, unsigned int *id)
{
	struct sup_child *c;

	if (len != 2 || msg[1] >= MIKE_SLOTS ||
	    (msg[0] != 'S' && msg[0] != 'K'))
		return -EBADMSG;
	*id = SUP_SLOT0 + msg[1];
	c = &s->c[*id];
	/* A stop and a new start are the operator's: no back-off. */
	if (msg[0] == 'S' && !c->wanted)
		c->due_ms = c->delay_ms = 0;
	c->wanted = msg[0] == 'S';
	/* A start that overtakes the end must not bring old keys back. */
	c->erase = c->erase || msg[0] == 'K';
	return 0;
}

bool
sup_erase(struct sup *s, unsigned int id)
{
	bool now = s->c[id].erase && s->c[id].pid == 0;

	if (now)
		s->c[id].erase = false;
	return now;
}
