/* SPDX-License-Identifier: ISC */
/* As much of a kernel's XFRM as a group needs: its SAs, and their ends. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/secret.h"
#include "dispatcherd/core/reqid.h"
#include "dispatcherd/core/sa.h"
#include "mikesim/core/site.h"

#define HOST_SAS 128

static const struct addr *
dst_of(const struct site *s, const struct host *h, uint8_t cls)
{
	return &s->kind[h->kind].rules->group[SIM_SLOT].dst[cls];
}

static void
tell(struct site *s, struct host *h, const struct ksa_in *k, bool there)
{
	struct obs o = { .t = s->now, .host = h->no, .kind = OBS_SA };

	if (!is_shown(s))
		return;
	o.sa.there = there;
	o.sa.dir = (enum sa_dir)k->dir;
	o.sa.spi = k->spi;
	o.sa.src = k->src;
	o.sa.dst = *dst_of(s, h, k->cls);
	show(s, &o);
}

static struct ksa_in *
find(struct host *h, uint8_t cls, uint32_t spi)
{
	for (uint8_t i = 0; i < h->n_sa; i++)
		if (h->sa[i].spi == spi && h->sa[i].cls == cls)
			return &h->sa[i];
	return NULL;
}

/* One more or one less; keeps no room that is not needed. */
static bool
resize(struct host *h, uint8_t n)
{
	struct ksa_in *v;

	if (n == 0) {
		freezero(h->sa, h->n_sa * sizeof(*v));
		h->sa = NULL;
		h->n_sa = 0;
		return true;
	}
	if ((v = calloc(n, sizeof(*v))) == NULL)
		return false;
	if (h->n_sa > 0)
		memcpy(v, h->sa, (n < h->n_sa ? n : h->n_sa) * sizeof(*v));
	freezero(h->sa, h->n_sa * sizeof(*v));
	h->sa = v;
	h->n_sa = n;
	return true;
}

static void
take_out(struct site *s, struct host *h, struct ksa_in *k)
{
	tell(s, h, k, false);
	*k = h->sa[h->n_sa - 1];
	if (!resize(h, (uint8_t)(h->n_sa - 1)))
		site_fail(s, -ENOMEM);
}

static enum ipc_status
add(struct site *s, struct host *h, uint8_t dir, uint8_t cls,
    const struct sa_want *w)
{
	struct ksa_in *k;

	if (h->n_sa == HOST_SAS || !resize(h, (uint8_t)(h->n_sa + 1)))
		return ST_ERROR;
	k = &h->sa[h->n_sa - 1];
	*k = (struct ksa_in){ .since = s->now,
		.soft =
		    w->soft_s == 0 ? T_NEVER : s->now + w->soft_s * NS_PER_S,
		.hard = s->now + w->hard_s * NS_PER_S,
		.spi = w->spi,
		.dir = dir,
		.cls = cls,
		.src = w->src };
	memcpy(k->key, w->key, sizeof(k->key));
	tell(s, h, k, true);
	inv_installed(s, h, k);
	if (dir == SA_OUT)
		inv_outbound(s, h, k);
	host_wake_at(s, h, k->soft < k->hard ? k->soft : k->hard);
	return ST_OK;
}

enum ipc_status
kernel_install(struct site *s, struct host *h, enum sa_mode mode, uint8_t dir,
    const struct sa_want *w)
{
	uint8_t slot, cls;
	struct ksa_in *k;
	bool same;

	must(reqid_split(w->reqid, &slot, &cls));
	k = find(h, cls, w->spi);
	same = k != NULL && k->dir == dir && addr_eq(&k->src, &w->src) &&
	       secret_eq(k->key, w->key, sizeof(k->key));
	if (k != NULL)
		return same && mode != SA_NEW ? ST_OK : ST_CONFLICT;
	return mode == SA_VERIFY ? ST_MISSING : add(s, h, dir, cls, w);
}

enum ipc_status
kernel_delete(
    struct site *s, struct host *h, uint32_t spi, const struct addr *dst)
{
	for (uint8_t i = 0; i < h->n_sa; i++)
		if (h->sa[i].spi == spi &&
		    addr_eq(dst_of(s, h, h->sa[i].cls), dst)) {
			take_out(s, h, &h->sa[i]);
			return ST_OK;
		}
	return ST_MISSING;
}

void
kernel_clear(struct site *s, struct host *h)
{
	while (h->n_sa > 0)
		take_out(s, h, &h->sa[h->n_sa - 1]);
}

static void
expired(struct site *s, struct host *h, const struct ksa_in *k, bool hard)
{
	const struct addr *dst = dst_of(s, h, k->cls);
	struct msg m = { .type = MSG_SA_EXPIRED };

	m.sa_expired =
	    (struct msg_sa_expired){ k->spi, { dst->b, dst->len }, hard };
	if (host_is_up(h, SD_DISPATCHERD))
		ipc_send(s, PEER_DISPATCHERD, PEER_KEYMGRD, &m);
}

t_ns
kernel_expire(struct site *s, struct host *h)
{
	t_ns next = T_NEVER, t;

	for (uint8_t i = 0; i < h->n_sa;) {
		struct ksa_in *k = &h->sa[i];

		if (k->hard <= s->now) {
			expired(s, h, k, true);
			take_out(s, h, k);
			continue;
		}
		if (!k->soft_said && k->soft <= s->now) {
			k->soft_said = true;
			expired(s, h, k, false);
		}
		t = k->soft_said || k->soft > k->hard ? k->hard : k->soft;
		next = t < next ? t : next;
		i++;
	}
	return next;
}

/* The newest, as the kernel takes it. */
const struct ksa_in *
kernel_out(const struct host *h, uint8_t cls)
{
	const struct ksa_in *best = NULL;

	for (uint8_t i = 0; i < h->n_sa; i++) {
		const struct ksa_in *k = &h->sa[i];

		if (k->dir == SA_OUT && k->cls == cls &&
		    (best == NULL || k->since >= best->since))
			best = k;
	}
	return best;
}

bool
kernel_can_read(const struct host *h, uint8_t cls, uint32_t spi)
{
	for (uint8_t i = 0; i < h->n_sa; i++)
		if (h->sa[i].dir == SA_IN && h->sa[i].cls == cls &&
		    h->sa[i].spi == spi)
			return true;
	return false;
}
