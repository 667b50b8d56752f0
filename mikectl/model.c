/* SPDX-License-Identifier: ISC */
#include "mikectl/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
model_init(struct model *m)
{
	*m = (struct model){ 0 };
}

void
model_fini(struct model *m)
{
	free(m->sa);
	free(m->count);
	free(m->refused);
	*m = (struct model){ 0 };
}

/* Printable ASCII as it is, all else as '?': it goes to a terminal. */
void
text_set(char *to, size_t size, struct chunk from)
{
	size_t n = from.len < size ? from.len : size - 1;

	for (size_t i = 0; i < n; i++) {
		bool plain = from.p[i] >= 0x20 && from.p[i] < 0x7f;

		to[i] = (char)(plain ? from.p[i] : (uint8_t)'?');
	}
	to[n] = '\0';
}

static int
add_daemon(struct model *m, const struct msg_ctl_daemon *d)
{
	struct model_daemon *to;

	if (m->n_daemon == MODEL_DAEMONS)
		return -E2BIG;
	to = &m->daemon[m->n_daemon++];
	text_set(to->name, sizeof(to->name), d->name);
	to->up = d->up != 0;
	return 0;
}

static int
add_group(struct model *m, const struct msg_ctl_group *g)
{
	struct model_group *to;

	if (m->n_group == MODEL_GROUPS)
		return -E2BIG;
	to = &m->group[m->n_group++];
	*to = (struct model_group){ .slot = g->slot,
		.role = g->role,
		.state = g->state,
		.generation = g->generation,
		.step = g->step,
		.restarts = g->restarts,
		.key_age_s = g->key_age_s,
		.key_left_s = g->key_left_s };
	text_set(to->name, sizeof(to->name), g->name);
	text_set(to->gcks, sizeof(to->gcks), g->gcks);
	text_set(to->detail, sizeof(to->detail), g->detail);
	return 0;
}

static int
add_sa(struct model *m, const struct msg_sa_stat *s)
{
	struct model_sa *v, sa = { .slot = s->slot,
		.dir = s->dir,
		.spi = s->spi,
		.replay_drops = s->replay_drops,
		.integrity_drops = s->integrity_drops,
		.packets = s->packets,
		.octets = s->octets,
		.age_s = s->age_s };

	if (addr_from(&sa.src, s->src.p, s->src.len) ||
	    addr_from(&sa.dst, s->dst.p, s->dst.len))
		return -EPROTO;
	if (m->n_sa == MODEL_SAS)
		return -E2BIG;
	v = reallocarray(m->sa, m->n_sa + 1, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	m->sa = v;
	v[m->n_sa++] = sa;
	return 0;
}

static int
add_count(struct model *m, const struct msg_count *c)
{
	struct model_count *v;

	if (m->n_count == MODEL_COUNTS)
		return -E2BIG;
	v = reallocarray(m->count, m->n_count + 1, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	m->count = v;
	v += m->n_count++;
	*v = (struct model_count){ .slot = c->slot, .value = c->value };
	text_set(v->name, sizeof(v->name), c->name);
	return 0;
}

static int
add_refused(struct model *m, const struct msg_refused *r)
{
	struct model_refused *v,
	    x = { .slot = r->slot, .times = r->times, .age_s = r->age_s };

	if (addr_from(&x.peer, r->peer.p, r->peer.len))
		return -EPROTO;
	if (m->n_refused == MODEL_REFUSED)
		return -E2BIG;
	v = reallocarray(m->refused, m->n_refused + 1, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	text_set(x.identity, sizeof(x.identity), r->identity);
	text_set(x.cause, sizeof(x.cause), r->cause);
	m->refused = v;
	v[m->n_refused++] = x;
	return 0;
}

int
model_add(struct model *m, const struct msg *msg)
{
	switch (msg->type) {
	case MSG_CTL_HOST:
		text_set(
		    m->identity, sizeof(m->identity), msg->ctl_host.identity);
		return 0;
	case MSG_CTL_DAEMON:
		return add_daemon(m, &msg->ctl_daemon);
	case MSG_CTL_GROUP:
		return add_group(m, &msg->ctl_group);
	case MSG_SA_STAT:
		return add_sa(m, &msg->sa_stat);
	case MSG_REFUSED:
		return add_refused(m, &msg->refused);
	case MSG_COUNT:
		return add_count(m, &msg->count);
	case MSG_STATUS_END:
		m->complete = true;
		return 0;
	default:
		return -EPROTO;
	}
}

const char *
role_word(uint8_t role)
{
	return role == ROLE_SENDER     ? "sender"
	       : role == ROLE_RECEIVER ? "receiver"
				       : "?";
}

const char *
dir_word(uint8_t dir)
{
	return dir == SA_IN ? "in" : dir == SA_OUT ? "out" : "?";
}

const char *
state_word(uint8_t state)
{
	static const char *const words[] = {
		[GS_LEFT] = "left",
		[GS_STARTING] = "starting",
		[GS_REGISTERING] = "registering",
		[GS_KEYED] = "keyed",
		[GS_NO_ESP] = "degraded: no-esp",
		[GS_DOWN] = "down",
		[GS_SECURING] = "securing",
	};

	return state < NITEMS(words) ? words[state] : "?";
}

const char *
status_word(uint8_t status)
{
	static const char *const words[] = {
		[ST_OK] = "ok",
		[ST_REFUSED] = "refused",
		[ST_MISSING] = "no such thing",
		[ST_CONFLICT] = "conflict",
		[ST_NO_ESP] = "no ESP in the kernel",
		[ST_ERROR] = "error",
	};

	return status < NITEMS(words) ? words[status] : "?";
}

bool
model_all_keyed(const struct model *m)
{
	for (size_t i = 0; i < m->n_group; i++)
		if (m->group[i].state != GS_LEFT &&
		    m->group[i].state != GS_KEYED)
			return false;
	return m->complete && m->n_group > 0;
}

bool
model_closed(const struct model *m)
{
	for (size_t i = 0; i < m->n_group; i++)
		if (m->group[i].state == GS_SECURING)
			return false;
	/* groupd says who we are when policyd has told it of the groups. */
	return m->complete && m->identity[0] != '\0';
}

bool
model_healthy(const struct model *m)
{
	for (size_t i = 0; i < m->n_daemon; i++)
		if (!m->daemon[i].up)
			return false;
	for (size_t i = 0; i < m->n_group; i++)
		if (m->group[i].state != GS_LEFT &&
		    m->group[i].state != GS_KEYED)
			return false;
	return true;
}
