/* SPDX-License-Identifier: ISC */
/* The messages that are drawn one by one, thinned when there are too many. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/ike/hdr.h"
#include "mikesim/out/page_int.h"

static enum page_kind
kind_of(uint8_t exchange)
{
	switch (exchange) {
	case IKE_SA_INIT:
		return PK_INIT;
	case IKE_AUTH:
	case GSA_AUTH:
		return PK_AUTH;
	case GSA_REGISTRATION:
		return PK_REG;
	case IKE_INFORMATIONAL:
		return PK_INFO;
	case GSA_REKEY:
	case GSA_INBAND_REKEY:
		return PK_REKEY;
	default:
		return PK_OTHER;
	}
}

void
page_classify(struct page_msg *m, const struct obs *o)
{
	struct rbuf rb;
	struct ike_hdr h;

	*m = (struct page_msg){ .id = o->send.id,
		.t = o->t,
		.from = o->host,
		.to = o->send.to,
		.octets = o->send.octets,
		.src = o->send.src,
		.dst = o->send.dst,
		.kind = o->send.app ? PK_DATA : PK_OTHER };
	rb_init(&rb, o->send.data.p, o->send.data.len);
	if (o->send.app || ike_hdr_get(&rb, &h) != 0)
		return;
	m->ike = true;
	m->kind = (uint8_t)kind_of(h.exchange);
	m->exchange = h.exchange;
	m->response = h.flags & IKE_F_RESPONSE;
	m->mid = h.mid;
	memcpy(m->spi_i, h.spi_i, sizeof(m->spi_i));
	memcpy(m->spi_r, h.spi_r, sizeof(m->spi_r));
}

int
page_msgs_init(struct page_msgs *s, uint32_t max)
{
	*s = (struct page_msgs){
		.max = max, .stride = 1, .every = 1, .app_every = 1
	};
	s->app_max = max / PAGE_APP_PART;
	s->fate_max = (size_t)max * (PAGE_FATES / PAGE_MSGS);
	for (s->slots = 64; s->slots < 2 * s->max; s->slots *= 2)
		;
	s->slot = calloc(s->slots, sizeof(*s->slot));
	return s->slot == NULL ? -ENOMEM : 0;
}

void
page_msgs_fini(struct page_msgs *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->m[i].text);
	free(s->m);
	free(s->fate);
	free(s->slot);
	*s = (struct page_msgs){ 0 };
}

size_t
page_msgs_memory(const struct page_msgs *s)
{
	return s->room * sizeof(*s->m) + s->fate_room * sizeof(*s->fate) +
	       s->slots * sizeof(*s->slot) + s->text;
}

/* The place of id in the hash, or where it would be. */
static uint32_t *
slot_of(const struct page_msgs *s, uint64_t id)
{
	uint64_t h = (id + 1) * 0x9e3779b97f4a7c15ull;
	size_t i = (size_t)(h >> 32) & (s->slots - 1);

	while (s->slot[i] != 0 && s->m[s->slot[i] - 1].id != id)
		i = (i + 1) & (s->slots - 1);
	return &s->slot[i];
}

static bool
host_wanted(const struct page *p, uint32_t host)
{
	uint32_t nth = 0;

	return page_draws(p, host, &nth) && nth % p->msgs.stride == 0;
}

static bool
hosts_wanted(const struct page *p, uint32_t from, uint32_t to)
{
	return host_wanted(p, from) && (to == OBS_NOBODY || host_wanted(p, to));
}

static bool
turn_comes(const struct page_msgs *s, const struct page_msg *m)
{
	return m->seq % (m->kind == PK_DATA ? s->app_every : s->every) == 0;
}

/* The copies of a message move to the front, too; their order stays. */
static void
move_fates(
    struct page_msgs *s, struct page_fate *to, size_t *n, struct page_msg *m)
{
	uint32_t at = m->fates, *last = &m->fates;

	while (at != 0) {
		must(to != NULL);
		to[*n] = s->fate[at - 1];
		s->group_fates += m->to == OBS_NOBODY;
		at = to[*n].next;
		*last = (uint32_t)++ * n;
		last = &to[*n - 1].next;
	}
	*last = 0;
}

/* Forget what is no longer wanted. */
static int
compact(struct page *p)
{
	struct page_msgs *s = &p->msgs;
	struct page_fate *fate = NULL;
	size_t n = 0, n_fate = 0;

	if (s->fate_room > 0) {
		fate = calloc(s->fate_room, sizeof(*fate));
		if (fate == NULL)
			return -ENOMEM;
	}
	memset(s->slot, 0, s->slots * sizeof(*s->slot));
	s->app = s->text = s->group_fates = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct page_msg m = s->m[i];

		if (!hosts_wanted(p, m.from, m.to) || !turn_comes(s, &m))
			continue;
		/* What goes gathers behind what stays. */
		s->m[i] = s->m[n];
		move_fates(s, fate, &n_fate, &m);
		s->app += m.kind == PK_DATA;
		s->text += m.text != NULL ? strlen(m.text) + 1 : 0;
		s->m[n++] = m;
		*slot_of(s, m.id) = (uint32_t)n;
	}
	for (size_t i = n; i < s->n; i++)
		free(s->m[i].text);
	free(s->fate);
	s->fate = fate;
	s->n = n;
	s->n_fate = n_fate;
	return 0;
}

/* Room for one more; a round that frees nothing is followed by the next. */
static int
make_room(struct page *p, bool app)
{
	struct page_msgs *s = &p->msgs;
	int rc = 0;

	while (rc == 0 && app && s->app >= s->app_max) {
		s->app_every *= 2;
		rc = compact(p);
	}
	while (rc == 0 && s->n >= s->max) {
		if (s->stride < p->drawn)
			s->stride *= 2;
		else
			s->every *= 2;
		rc = compact(p);
	}
	return rc;
}

static char *
payloads_of(struct page *p, const struct obs *o)
{
	char text[PAGE_TEXT] = "";
	char *copy;
	size_t len;

	if (p->o.payloads == NULL || o->send.app)
		return NULL;
	(void)p->o.payloads(p->o.arg, o, text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	len = strlen(text) + 1;
	if (p->msgs.text + len > PAGE_TEXTS) {
		p->msgs.texts_left_out++;
		return NULL;
	}
	copy = strdup(text);
	if (copy != NULL)
		p->msgs.text += len;
	return copy;
}

int
page_msgs_send(struct page *p, const struct obs *o, struct page_msg *m)
{
	struct page_msgs *s = &p->msgs;
	bool app = m->kind == PK_DATA;
	int rc;

	if (!hosts_wanted(p, m->from, m->to))
		return 0;
	m->seq = app ? s->app_seq++ : s->seq++;
	if (!turn_comes(s, m))
		return 0;
	rc = make_room(p, app);
	if (rc != 0)
		return rc;
	if (!hosts_wanted(p, m->from, m->to) || !turn_comes(s, m))
		return 0;
	rc = page_grow((void **)&s->m, &s->room, s->n + 1, sizeof(*s->m));
	if (rc != 0)
		return rc;
	m->text = payloads_of(p, o);
	s->m[s->n++] = *m;
	s->app += app;
	*slot_of(s, m->id) = (uint32_t)s->n;
	return 0;
}

int
page_msgs_fate(struct page *p, const struct obs *o)
{
	struct page_msgs *s = &p->msgs;
	uint32_t at = *slot_of(s, o->fate.id);
	struct page_msg *m;
	uint32_t nth;

	if (at == 0)
		return 0;
	m = &s->m[at - 1];
	m->n_fate[o->fate.fate]++;
	if (o->host != OBS_NOBODY && !page_draws(p, o->host, &nth))
		return 0;
	/* A message to a group may have hundreds; those to one host have room. */
	if (s->n_fate >= s->fate_max ||
	    (m->to == OBS_NOBODY && s->group_fates >= s->fate_max / 2)) {
		s->fates_left_out++;
		return 0;
	}
	s->group_fates += m->to == OBS_NOBODY;
	if (page_grow((void **)&s->fate, &s->fate_room, s->n_fate + 1,
		sizeof(*s->fate)) != 0)
		return -ENOMEM;
	s->fate[s->n_fate++] = (struct page_fate){ .t = o->t,
		.host = o->host,
		.fate = o->fate.fate,
		.next = m->fates };
	m->fates = (uint32_t)s->n_fate;
	return 0;
}
