/* SPDX-License-Identifier: ISC */
/*
 * Smaller and smaller, as long as it fails by the same rule: what remains is
 * what somebody has to look at.
 */

#include <stdlib.h>
#include <string.h>

#include "mikesim/trial.h"

struct shrink {
	struct scene *best;
	struct verdict *v;
	unsigned int runs, max;
};

/* A copy whose timeline is its own. */
static bool
copy(struct scene *to, const struct scene *from)
{
	*to = *from;
	to->ev = calloc(from->n_ev + 1, sizeof(*to->ev));
	if (to->ev != NULL && from->n_ev > 0)
		memcpy(to->ev, from->ev, from->n_ev * sizeof(*to->ev));
	return to->ev != NULL;
}

/*
 * Would it load?  What is left has to be saved and run again: its timeline must
 * name hosts that are there, and what begins must end before the quiet.
 */
static bool
is_loadable(const struct scene *s)
{
	struct diag d = { 0 };
	struct scene *again = NULL;
	char *text = scene_text(s);
	bool is =
	    text != NULL && scene_load(&again, text, strlen(text), &d) == 0;

	scene_free(&again);
	free(text);
	return is;
}

/* Take the smaller one over if it fails too; frees its timeline if not. */
static bool
better(struct shrink *k, struct scene *s)
{
	struct verdict v;

	if (k->runs < k->max && is_loadable(s) && trial_run(s, &v) == 0) {
		k->runs++;
		if (v.failed && trial_same_rule(k->v, &v)) {
			struct scene_event *old = k->best->ev;

			*k->best = *s;
			k->best->ev = s->ev; /* its own now */
			*k->v = v;
			free(old);
			return true;
		}
	}
	free(s->ev);
	return false;
}

/* Without n events from `at` on. */
static bool
without_events(struct shrink *k, size_t at, size_t n)
{
	struct scene s;

	if (!copy(&s, k->best))
		return false;
	memmove(s.ev + at, s.ev + at + n, (s.n_ev - at - n) * sizeof(*s.ev));
	s.n_ev -= n;
	return better(k, &s);
}

static bool
fewer_events(struct shrink *k)
{
	bool any = false;

	for (size_t n = k->best->n_ev; n > 0; n /= 2)
		for (size_t at = 0; at + n <= k->best->n_ev;)
			if (without_events(k, at, n))
				any = true;
			else
				at += n;
	return any;
}

static bool
fewer(struct shrink *k, size_t section, uint32_t to)
{
	struct scene s;

	if (!copy(&s, k->best))
		return false;
	if (section == s.n_recv)
		s.senders = to;
	else
		s.recv[section].count = to;
	for (size_t i = 0; i < s.n_recv; i++)
		if (s.recv[i].servers > s.senders)
			s.recv[i].servers = (uint8_t)s.senders;
	return better(k, &s);
}

static uint32_t
count_of(const struct shrink *k, size_t section)
{
	return section == k->best->n_recv ? k->best->senders
					  : k->best->recv[section].count;
}

static bool
fewer_hosts(struct shrink *k)
{
	bool any = false, again = true;

	for (size_t i = 0; i <= k->best->n_recv; i++)
		for (again = true; again && count_of(k, i) > 1;) {
			again = fewer(k, i, count_of(k, i) / 2) ||
				fewer(k, i, count_of(k, i) - 1);
			any |= again;
		}
	return any;
}

/* Nobody joins later; who never joins by itself still does not. */
static void
join_until(struct scene_recv *r, t_ns until)
{
	if (r->join_from == T_NEVER)
		return;
	r->join_from = r->join_from < until ? r->join_from : until;
	r->join_to = r->join_to < until ? r->join_to : until;
}

/* No longer than until it has failed. */
static bool
shorter(struct shrink *k)
{
	t_ns until = k->v->at + NS_PER_S;
	struct scene s;

	if (k->v->at == 0 || until >= k->best->duration || !copy(&s, k->best))
		return false;
	s.duration = until;
	s.quiet = 0;
	while (s.n_ev > 0 && s.ev[s.n_ev - 1].at >= until)
		s.n_ev--;
	for (size_t i = 0; i < s.n_recv; i++)
		join_until(&s.recv[i], until);
	return better(k, &s);
}

unsigned int
shrink(struct scene *s, struct verdict *v, unsigned int max)
{
	struct shrink k = { s, v, 0, max };
	bool any;

	do {
		any = shorter(&k);
		any |= fewer_events(&k);
		any |= fewer_hosts(&k);
	} while (any && k.runs < k.max);
	return k.runs;
}
