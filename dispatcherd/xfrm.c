/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "dispatcherd/xfrm.h"
#include "dispatcherd/xsock.h"

#define CLEAR_BATCH 64	 /* objects looked up before they are deleted */
#define CLEAR_ROUNDS 256 /* batches; more than a slot can hold */
#define EVENTS_PER_TURN 32
/*
 * What a key manager can make the kernel hold: enough for 30 senders, 16
 * addresses and two steps each.
 */
#define SLOT_SAS_MAX 1024

struct xfrm {
	struct xsock *req, *ev;
	uint64_t events_lost;
	/* How many more SAs each slot may install before they are counted. */
	unsigned int room[MIKE_SLOTS];
};

void
verdict_set(struct verdict *v, enum ipc_status status, const char *fmt, ...)
{
	va_list ap;

	v->status = status;
	va_start(ap, fmt);
	vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
}

static void
verdict_ok(struct verdict *v)
{
	*v = (struct verdict){ .status = ST_OK };
}

struct xfrm *
xfrm_open(void)
{
	struct xfrm *x = calloc(1, sizeof(*x));

	if (x == NULL)
		fatal("xfrm.open out of memory");
	x->req = xsock_open_requests();
	x->ev = xsock_open_events();
	return x;
}

int
xfrm_event_fd(const struct xfrm *x)
{
	return xsock_fd(x->ev);
}

uint64_t
xfrm_events_lost(const struct xfrm *x)
{
	return x->events_lost;
}

/* Send a request that is only acknowledged. */
static int
order(struct xfrm *x, struct nl_msg *m)
{
	return xsock_talk(x->req, &m, NULL, NULL);
}

static void
kernel_error(struct xfrm *x, struct verdict *v, const char *what, int err)
{
	const char *said = xsock_text(x->req);

	verdict_set(v, ST_ERROR, "kernel: %s: %s%s%s", what, strerror(-err),
	    said[0] != '\0' ? ": " : "", said);
}

/* --- policies ------------------------------------------------------------ */

struct pol_read {
	struct pol_have have;
	int err;
};

static void
on_policy(void *arg, const struct nlmsghdr *h)
{
	struct pol_read *rd = arg;

	rd->err = xr_policy(h, &rd->have);
}

static int
policy_read(struct xfrm *x, const struct pol_want *w, struct pol_have *out)
{
	struct pol_read rd = { .err = -ENOENT };
	struct nl_msg *m = xm_policy_get(w);
	int err = xsock_talk(x->req, &m, on_policy, &rd);

	*out = rd.have;
	return err ? err : rd.err;
}

/* Look at the policy just written: the kernel has the last word. */
static void
policy_confirm(struct xfrm *x, const struct pol_want *w, struct verdict *v)
{
	struct pol_have have;
	const char *differs;
	int err = policy_read(x, w, &have);

	if (err != 0)
		kernel_error(x, v, "cannot read the policy back", err);
	else if ((differs = pol_differs(&have, w)) != NULL)
		verdict_set(v, ST_ERROR,
		    "kernel keeps another policy than it was given: %s",
		    differs);
	else
		verdict_ok(v);
}

static void
policy_replace(struct xfrm *x, const struct pol_want *w, struct verdict *v)
{
	struct pol_have have;
	uint8_t slot, cls;
	int err = policy_read(x, w, &have);

	if (err != 0) {
		kernel_error(x, v, "cannot read the policy in place", err);
		return;
	}
	if (pol_differs(&have, w) == NULL) {
		verdict_ok(v);
		return;
	}
	if (!pol_is_ours(&have, &slot, &cls)) {
		verdict_set(v, ST_CONFLICT,
		    "a policy that is not MIKE's has the same selector; remove "
		    "it with ip-xfrm(8) or its owner");
		return;
	}
	err = order(x, xm_policy_new(w, true));
	if (err != 0)
		kernel_error(x, v, "cannot update the policy", err);
	else
		policy_confirm(x, w, v);
}

void
xfrm_policy_ensure(struct xfrm *x, const struct pol_want *w, struct verdict *v)
{
	int err = order(x, xm_policy_new(w, false));

	if (err == -EEXIST)
		policy_replace(x, w, v);
	else if (err == 0)
		policy_confirm(x, w, v);
	else if (err == -EAFNOSUPPORT && w->dst.len == 16)
		/* No IPv6 in the kernel, so no IPv6 packet to be stopped. */
		verdict_ok(v);
	else
		kernel_error(x, v, "cannot install the policy", err);
}

/* --- SAs ----------------------------------------------------------------- */

struct sa_read {
	struct sa_have have;
	int err;
};

static void
on_sa(void *arg, const struct nlmsghdr *h)
{
	struct sa_read *rd = arg;

	rd->err = xr_sa(h, &rd->have);
}

/* -ESRCH when there is none.  The caller wipes out->key. */
static int
sa_read(
    struct xfrm *x, uint32_t spi, const struct addr *dst, struct sa_have *out)
{
	struct sa_read rd = { .err = -ESRCH };
	struct nl_msg *m = xm_sa_get(spi, dst);
	int err = xsock_talk(x->req, &m, on_sa, &rd);

	*out = rd.have;
	explicit_bzero(&rd, sizeof(rd));
	return err ? err : rd.err;
}

/*
 * What an errno of NEWSA says of the kernel's configuration.  The order in
 * which the kernel looks: algorithm, protocol, IV generator.
 */
static const char *
no_esp(int err, bool v6)
{
	switch (err) {
	case -ENOSYS:
		return v6 ? "CONFIG_CRYPTO_GCM (and CONFIG_INET6_ESP)"
			  : "CONFIG_CRYPTO_GCM (and CONFIG_INET_ESP)";
	case -EPROTONOSUPPORT:
		return v6 ? "CONFIG_INET6_ESP (module esp6)"
			  : "CONFIG_INET_ESP (module esp4)";
	case -ENOENT:
		return "CONFIG_CRYPTO_SEQIV (module seqiv)";
	case -EAFNOSUPPORT:
		return v6 ? "CONFIG_IPV6 and CONFIG_INET6_ESP" : NULL;
	default:
		return NULL;
	}
}

static void
install_error(
    struct xfrm *x, const struct sa_want *w, int err, struct verdict *v)
{
	const char *option = no_esp(err, w->dst.len == 16);

	if (option == NULL)
		kernel_error(x, v, "cannot install the SA", err);
	else
		verdict_set(v, ST_NO_ESP,
		    "kernel has no ESP with AES-GCM: it needs %s (%s)", option,
		    strerror(-err));
}

/* Ours to the last field, or it goes again: a wrong SA is worse than none. */
static void
sa_confirm(struct xfrm *x, const struct sa_want *w, struct verdict *v)
{
	struct sa_have have;
	const char *differs = NULL;
	int err = sa_read(x, w->spi, &w->dst, &have);

	if (err == 0)
		differs = sa_differs(&have, w, true);
	explicit_bzero(&have, sizeof(have));
	if (err == 0 && differs == NULL) {
		verdict_ok(v);
		return;
	}
	if (err != 0)
		kernel_error(x, v, "cannot read the SA back", err);
	else
		verdict_set(v, ST_ERROR,
		    "kernel keeps another SA than it was given: %s", differs);
	if (order(x, xm_sa_del(w->spi, &w->dst)) != 0)
		log_warn("sa.remove spi=0x%08x cannot take back an SA that "
			 "went wrong",
		    w->spi);
}

/* Is what is there what is wanted? */
static void
sa_verify(struct xfrm *x, const struct sa_want *w, struct verdict *v)
{
	struct sa_have have;
	const char *differs = NULL;
	int err = sa_read(x, w->spi, &w->dst, &have);

	if (err == 0)
		differs = sa_differs(&have, w, false);
	explicit_bzero(&have, sizeof(have));
	if (err == -ESRCH)
		verdict_set(v, ST_MISSING, "no such SA in the kernel");
	else if (err != 0)
		kernel_error(x, v, "cannot read the SA", err);
	else if (differs != NULL)
		verdict_set(v, ST_CONFLICT,
		    "another SA with this SPI is in the kernel: %s differs",
		    differs);
	else
		verdict_ok(v);
}

struct tally {
	uint8_t slot;
	unsigned int n;
};

static void
tally_sa(void *arg, uint8_t slot, const struct sa_have *s)
{
	struct tally *t = arg;

	(void)s;
	t->n += slot == t->slot;
}

/*
 * SAs go by themselves, too, when they expire: so the slot's are counted
 * whenever as many were installed as there was room for the last time.
 */
static bool
has_room(struct xfrm *x, uint32_t reqid)
{
	struct tally t = { .n = 0 };
	uint8_t cls;
	int err;

	must(reqid_split(reqid, &t.slot, &cls));
	if (x->room[t.slot] == 0) {
		err = xfrm_sa_each(x, tally_sa, &t);
		/* -EINTR: one more or less, which does not matter here. */
		if ((err == 0 || err == -EINTR) && t.n < SLOT_SAS_MAX)
			x->room[t.slot] = SLOT_SAS_MAX - t.n;
	}
	if (x->room[t.slot] == 0)
		return false;
	x->room[t.slot]--;
	return true;
}

void
xfrm_sa_install(struct xfrm *x, enum sa_mode mode, const struct sa_want *w,
    struct verdict *v)
{
	int err;

	if (mode == SA_VERIFY) {
		sa_verify(x, w, v);
		return;
	}
	if (!has_room(x, w->reqid)) {
		verdict_set(v, ST_REFUSED, "too many SAs of this group");
		return;
	}
	err = order(x, xm_sa_new(w));
	if (err == 0)
		sa_confirm(x, w, v);
	else if (err != -EEXIST)
		install_error(x, w, err, v);
	else if (mode == SA_ENSURE)
		sa_verify(x, w, v);
	else
		verdict_set(v, ST_CONFLICT,
		    "an SA with this SPI is in the kernel already");
}

void
xfrm_sa_delete(struct xfrm *x, uint8_t slot, uint32_t spi,
    const struct addr *dst, struct verdict *v)
{
	struct sa_have have;
	uint8_t owner, cls;
	bool ours;
	int err = sa_read(x, spi, dst, &have);

	ours =
	    err == 0 && sa_is_ours(&have.info, &owner, &cls) && owner == slot;
	explicit_bzero(&have, sizeof(have));
	if (err == 0 && !ours) {
		verdict_set(v, ST_REFUSED, "the SA is not of this group");
		return;
	}
	if (err == 0)
		err = order(x, xm_sa_del(spi, dst));
	if (err == 0)
		verdict_ok(v);
	else if (err == -ESRCH)
		verdict_set(v, ST_MISSING, "no such SA in the kernel");
	else
		kernel_error(x, v, "cannot delete the SA", err);
}

/* --- dumps --------------------------------------------------------------- */

struct walk {
	xfrm_sa_fn *fn;
	void *arg;
};

static void
on_dumped_sa(void *arg, const struct nlmsghdr *h)
{
	struct walk *wk = arg;
	struct sa_have s;
	uint8_t slot, cls;
	int err = xr_sa(h, &s);

	explicit_bzero(s.key, sizeof(s.key));
	if (err == 0 && sa_is_ours(&s.info, &slot, &cls))
		wk->fn(wk->arg, slot, &s);
}

int
xfrm_sa_each(struct xfrm *x, xfrm_sa_fn *fn, void *arg)
{
	struct walk wk = { .fn = fn, .arg = arg };
	struct nl_msg *m = xm_sa_dump();

	return xsock_talk(x->req, &m, on_dumped_sa, &wk);
}

/* What a dump has found of one slot; deleted after the dump has ended. */
struct found {
	uint8_t slot;
	size_t n;
	struct {
		uint32_t id; /* SPI, or index of a policy */
		uint8_t dir;
		struct addr dst;
	} v[CLEAR_BATCH];
};

static void
find_sa(void *arg, uint8_t slot, const struct sa_have *s)
{
	struct found *f = arg;

	if (slot != f->slot || f->n == CLEAR_BATCH ||
	    xr_addr(s->info.family, &s->info.id.daddr, &f->v[f->n].dst))
		return;
	f->v[f->n++].id = ntohl(s->info.id.spi);
}

static void
find_policy(void *arg, const struct nlmsghdr *h)
{
	struct found *f = arg;
	struct pol_have p;
	uint8_t slot, cls;

	if (f->n == CLEAR_BATCH || xr_policy(h, &p) ||
	    !pol_is_ours(&p, &slot, &cls) || slot != f->slot ||
	    p.info.index == 0)
		return;
	f->v[f->n].dir = p.info.dir;
	f->v[f->n++].id = p.info.index;
}

/* One batch.  How many were deleted, or -Exxx. */
static int
clear_sas(struct xfrm *x, uint8_t slot)
{
	struct found f = { .slot = slot };
	int err = xfrm_sa_each(x, find_sa, &f);

	if (err != 0 && err != -EINTR)
		return err;
	for (size_t i = 0; i < f.n; i++) {
		int r = order(x, xm_sa_del(f.v[i].id, &f.v[i].dst));

		if (r != 0 && r != -ESRCH)
			return r;
	}
	return f.n == 0 && err == -EINTR ? 1 : (int)f.n;
}

static int
clear_policies(struct xfrm *x, uint8_t slot)
{
	struct found f = { .slot = slot };
	struct nl_msg *m = xm_policy_dump();
	int err = xsock_talk(x->req, &m, find_policy, &f);

	if (err != 0 && err != -EINTR)
		return err;
	for (size_t i = 0; i < f.n; i++) {
		int r = order(x, xm_policy_del(f.v[i].dir, f.v[i].id));

		if (r != 0 && r != -ENOENT)
			return r;
	}
	return f.n == 0 && err == -EINTR ? 1 : (int)f.n;
}

void
xfrm_slot_clear(struct xfrm *x, uint8_t slot, struct verdict *v)
{
	static int (*const clear[])(
	    struct xfrm *, uint8_t) = { clear_sas, clear_policies };

	for (size_t i = 0; i < NITEMS(clear); i++) {
		int r = 1;

		/* Until a whole dump shows none, however many there were. */
		for (int n = 0; r > 0 && n < CLEAR_ROUNDS; n++)
			r = clear[i](x, slot);
		if (r != 0) {
			kernel_error(x, v, "cannot remove all of the slot",
			    r < 0 ? r : -EAGAIN);
			return;
		}
	}
	verdict_ok(v);
}

/* --- events -------------------------------------------------------------- */

struct hear {
	xfrm_event_fn *fn;
	void *arg;
};

static void
on_event(void *arg, const struct nlmsghdr *h)
{
	struct hear *hr = arg;
	struct xr_event e;

	if (xr_event(h, &e) == 0 && e.kind != XR_OTHER)
		hr->fn(hr->arg, &e);
}

void
xfrm_events(struct xfrm *x, xfrm_event_fn *fn, void *arg)
{
	struct hear hr = { .fn = fn, .arg = arg };
	int r = 1;

	for (int n = 0; r > 0 && n < EVENTS_PER_TURN; n++)
		r = xsock_event(x->ev, on_event, &hr);
	if (r == -ENOBUFS)
		x->events_lost++;
	else if (r < 0)
		fatal(
		    "xfrm.event cannot read from the kernel: %s", strerror(-r));
}
