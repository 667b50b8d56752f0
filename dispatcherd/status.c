/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "dispatcherd/disp_int.h"
#include "dispatcherd/xstat.h"

#define WHOLE_HOST 255 /* slot of a COUNT */
#define COUNT_NAME_MAX 48

struct report {
	struct disp *d;
	uint32_t req;
	time_t now;
	int err; /* of the first message that could not go */
};

/* When the queue is full the rest is left out; groupd sees no end and asks. */
static void
tell(struct report *rp, const struct msg *m)
{
	if (rp->err == 0)
		rp->err = chan_send(rp->d->gd, m);
}

static void
count(struct report *rp, const char *name, uint64_t value)
{
	struct msg m = { .type = MSG_COUNT };

	m.count = (struct msg_count){ .req = rp->req,
		.slot = WHOLE_HOST,
		.name = { (const uint8_t *)name, strlen(name) },
		.value = value };
	tell(rp, &m);
}

static void
count_dgrams(struct report *rp, enum pass_dir dir, const char *dir_name)
{
	const struct filter *f = rp->d->filter;
	char name[COUNT_NAME_MAX];

	snprintf(name, sizeof(name), "dgram.%s", dir_name);
	count(rp, name, filter_count(f, dir, DROP_NONE));
	for (enum drop c = DROP_NONE + 1; c < DROP_CAUSES; c++) {
		/* What comes in is what operators look at: the short name. */
		snprintf(name, sizeof(name), "drop.%s%s",
		    dir == PASS_OUT ? "out." : "", drop_name(c));
		count(rp, name, filter_count(f, dir, c));
	}
}

static void
on_xstat(void *arg, const char *kernel_name, uint64_t value)
{
	char name[COUNT_NAME_MAX + 1];

	snprintf(name, sizeof(name), "xfrm.%s", kernel_name);
	count(arg, name, value);
}

/* The kernel's SA has no direction; it is outbound if the source is ours. */
static uint8_t
direction(const struct disp *d, const struct addr *src)
{
	const struct rules *r = ruleset_now(d->rules);

	return r != NULL && rules_listens(r, src) ? SA_OUT : SA_IN;
}

static void
on_sa(void *arg, uint8_t slot, const struct sa_have *s)
{
	struct report *rp = arg;
	uint64_t added = s->info.curlft.add_time, now = (uint64_t)rp->now;
	struct addr src, dst;
	struct msg m = { .type = MSG_SA_STAT };

	if (xr_addr(s->info.family, &s->info.saddr, &src) ||
	    xr_addr(s->info.family, &s->info.id.daddr, &dst))
		return;
	m.sa_stat = (struct msg_sa_stat){ .req = rp->req,
		.slot = slot,
		.dir = direction(rp->d, &src),
		.spi = ntohl(s->info.id.spi),
		.src = { src.b, src.len },
		.dst = { dst.b, dst.len },
		.packets = s->info.curlft.packets,
		.octets = s->info.curlft.bytes,
		/* Wall-clock time, which may have been set back since. */
		.age_s = now > added ? now - added : 0,
		/* Seen before, or too old for the window. */
		.replay_drops =
		    s->info.stats.replay + s->info.stats.replay_window,
		.integrity_drops = s->info.stats.integrity_failed };
	tell(rp, &m);
}

void
status_answer(struct disp *d, uint32_t req)
{
	struct report rp = { .d = d, .req = req, .now = time(NULL) };
	struct msg m = { .type = MSG_STATUS_END };
	int err;

	count_dgrams(&rp, PASS_IN, "in");
	count_dgrams(&rp, PASS_OUT, "out");
	if (xfrm_events_lost(d->xfrm) != 0)
		count(&rp, "drop.kernel-events", xfrm_events_lost(d->xfrm));
	xstat_each(d->xstat_fd, on_xstat, &rp);
	err = xfrm_sa_each(d->xfrm, on_sa, &rp);
	if (err != 0)
		log_warn(
		    "status.sas the list may lack some: %s", strerror(-err));
	m.status_end.req = req;
	tell(&rp, &m);
	if (rp.err != 0)
		log_warn("status.answer cut short: %s", strerror(-rp.err));
}
