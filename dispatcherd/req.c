/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "dispatcherd/disp_int.h"

/* Requests that change the kernel, and what the kernel says unasked. */

static void
answer(struct chan *c, uint32_t req, const struct verdict *v)
{
	struct msg m = { .type = MSG_RESULT };

	m.result = (struct msg_result){ .req = req,
		.status = (uint8_t)v->status,
		.text = { (const uint8_t *)v->text, strlen(v->text) } };
	disp_send(c, &m);
}

/* Done is news; a refusal or a failure is a warning. */
static void
say(const struct disp *d, const char *token, uint8_t slot, const char *rest,
    const struct verdict *v)
{
	char group[GROUP_TEXT_MAX];

	disp_group(d, slot, group);
	if (v->status == ST_OK)
		log_info("%s group=%s slot=%u%s", token, group, slot, rest);
	else
		/* Only an operator can give the kernel what it lacks. */
		(v->status == ST_NO_ESP ? log_err : log_warn)(
		    "%s group=%s slot=%u%s status=%u why=\"%s\"", token, group,
		    slot, rest, v->status, v->text);
}

/* --- fail-closed policies ------------------------------------------------ */

/*
 * Tries them all: a failure of one is no reason to leave the rest open.  What
 * is there for an address that the group no longer has stays until SPD_CLEAR.
 */
static void
spd_set(struct disp *d, const struct rules_group *g, uint8_t slot,
    struct verdict *v)
{
	static const uint8_t dirs[] = { XFRM_POLICY_OUT, XFRM_POLICY_IN };
	struct verdict one;

	*v = (struct verdict){ .status = ST_OK };
	for (uint8_t cls = 0; cls < REQID_CLASSES; cls++)
		for (size_t i = 0; i < NITEMS(dirs); i++) {
			struct pol_want w = { reqid_make(slot, cls),
				g->dst[cls], dirs[i] };

			if (w.dst.len == 0)
				continue;
			xfrm_policy_ensure(d->xfrm, &w, &one);
			if (v->status == ST_OK)
				*v = one;
		}
}

void
req_spd_set(struct disp *d, const struct msg_spd_set *m)
{
	const struct rules *r = ruleset_now(d->rules);
	const struct rules_group *g;
	struct verdict v;

	if (r == NULL)
		verdict_set(&v, ST_REFUSED, "no rules yet");
	else if ((g = rules_group(r, m->slot)) == NULL)
		verdict_set(&v, ST_REFUSED, "no group in this slot");
	else
		spd_set(d, g, m->slot, &v);
	/* groupd asks every second until it is done: say what is new. */
	if (m->slot < MIKE_SLOTS && r != NULL &&
	    (v.status == ST_OK || v.status != d->spd_said[m->slot])) {
		d->spd_said[m->slot] = (uint8_t)v.status;
		say(d, "spd.set", m->slot, "", &v);
	}
	answer(d->gd, m->req, &v);
}

/*
 * By reqid alone, so that it also works for a group that the policy no longer
 * has, and while policyd is away.
 */
void
req_spd_clear(struct disp *d, const struct msg_spd_clear *m)
{
	struct verdict v;

	if (m->slot >= MIKE_SLOTS)
		verdict_set(&v, ST_REFUSED, "no such slot");
	else
		xfrm_slot_clear(d->xfrm, m->slot, &v);
	say(d, "spd.clear", m->slot, "", &v);
	answer(d->gd, m->req, &v);
}

/* --- SAs ----------------------------------------------------------------- */

#define SA_TEXT_MAX (2 * ADDR_STRLEN + 64)

static const char *
sa_text(char out[SA_TEXT_MAX], const char *mode, const char *dir, uint32_t spi,
    struct chunk src, struct chunk dst)
{
	char s[ADDR_STRLEN] = "?", g[ADDR_STRLEN] = "?";
	struct addr a;

	if (addr_from(&a, src.p, src.len) == 0)
		addr_text(&a, s);
	if (addr_from(&a, dst.p, dst.len) == 0)
		addr_text(&a, g);
	snprintf(out, SA_TEXT_MAX, " mode=%s dir=%s spi=0x%08x src=%s dst=%s",
	    mode, dir, spi, s, g);
	return out;
}

void
req_sa_install(struct km_edge *e, const struct msg_sa_install *m)
{
	static const char *const modes[] = { "new", "ensure", "verify" };
	struct disp *d = e->d;
	struct sa_want w;
	struct verdict v;
	const char *why;
	char text[SA_TEXT_MAX];
	enum ipc_status st;

	st = sa_check(ruleset_now(d->rules), e->slot, m, &w, &why);
	if (st == ST_OK)
		xfrm_sa_install(d->xfrm, (enum sa_mode)m->mode, &w, &v);
	else
		verdict_set(&v, st, "%s", why);
	sa_text(text, m->mode < NITEMS(modes) ? modes[m->mode] : "?",
	    m->dir == SA_OUT ? "out" : "in", m->spi, m->src, m->dst);
	say(d, "sa.install", e->slot, text, &v);
	answer(e->chan, m->req, &v);
}

void
req_sa_delete(struct km_edge *e, const struct msg_sa_delete *m)
{
	struct disp *d = e->d;
	struct chunk none = { NULL, 0 };
	struct verdict v;
	struct addr dst;
	const char *why;
	char text[SA_TEXT_MAX];
	enum ipc_status st;

	st = sa_check_delete(ruleset_now(d->rules), e->slot, m, &dst, &why);
	if (st == ST_OK)
		xfrm_sa_delete(d->xfrm, e->slot, m->spi, &dst, &v);
	else
		verdict_set(&v, st, "%s", why);
	sa_text(text, "-", "-", m->spi, none, m->dst);
	say(d, "sa.delete", e->slot, text, &v);
	answer(e->chan, m->req, &v);
}

/* --- events -------------------------------------------------------------- */

void
req_event(void *arg, const struct xr_event *e)
{
	struct disp *d = arg;
	struct chunk dst = { e->dst.b, e->dst.len };
	char group[GROUP_TEXT_MAX], text[ADDR_STRLEN];
	struct msg m = { 0 };

	disp_group(d, e->slot, group);
	addr_text(&e->dst, text);
	if (e->kind == XR_ACQUIRE) {
		log_debug("xfrm.acquire group=%s dst=%s", group, text);
		m.type = MSG_ACQUIRE;
		m.acquire = (struct msg_acquire){ e->slot, dst };
		/* May be lost: the kernel asks again as long as it needs. */
		if (chan_try(d->gd, &m) != 0)
			log_debug("xfrm.acquire group=%s lost", group);
		return;
	}
	log_info("sa.expired group=%s spi=0x%08x dst=%s %s", group, e->spi,
	    text, e->hard ? "hard" : "soft");
	m.type = MSG_SA_EXPIRED;
	m.sa_expired = (struct msg_sa_expired){ e->spi, dst, e->hard };
	disp_send(d->km[e->slot].chan, &m);
}
