/* SPDX-License-Identifier: ISC */
#include "dispatcherd/core/sa.h"
#include "common/crypto.h"

static const char no_rules[] = "no rules yet";
static const char no_group[] = "no group in this slot";

/* NULL, or what is wrong with the numbers of the request. */
static const char *
check_numbers(const struct msg_sa_install *m, uint32_t lifetime_s)
{
	if (m->mode > SA_VERIFY)
		return "no such mode";
	if (m->spi < SA_SPI_MIN)
		return "SPI is reserved";
	if (m->key.len != GCM_KEYMAT_LEN)
		return "key material is not 36 octets";
	if (m->replay > SA_REPLAY_MAX)
		return "replay window is too large";
	if (m->dir == SA_IN && m->replay < SA_REPLAY_MIN)
		return "replay window is too small";
	if (m->hard_s == 0 || m->hard_s > lifetime_s)
		return "lifetime is none or longer than the group's";
	if (m->soft_s > m->hard_s)
		return "soft lifetime is longer than the hard one";
	/* No ESN: the 32-bit sequence number must not come round. */
	if (m->hard_packets > UINT32_MAX)
		return "packet limit above 2^32";
	if (m->hard_packets != 0 && m->soft_packets > m->hard_packets)
		return "soft packet limit above the hard one";
	return NULL;
}

static const char *
check_source(const struct rules *r, const struct rules_group *g, uint8_t dir,
    const struct addr *src)
{
	if (dir == SA_IN)
		return rules_sender(g, src)
			   ? NULL
			   : "source is no sender of the group";
	if (dir != SA_OUT)
		return "no such direction";
	if (g->role != ROLE_SENDER)
		return "host is no sender of the group";
	return rules_listens(r, src) ? NULL
				     : "source is no address of this host";
}

enum ipc_status
sa_check(const struct rules *r, uint8_t slot, const struct msg_sa_install *m,
    struct sa_want *want, const char **why)
{
	const struct rules_group *g = NULL;
	struct addr src, dst;
	uint8_t cls;

	*why = no_rules;
	if (r == NULL)
		return ST_REFUSED;
	*why = no_group;
	if ((g = rules_group(r, slot)) == NULL)
		return ST_REFUSED;
	*why = "not addresses of one family";
	if (addr_from(&src, m->src.p, m->src.len) ||
	    addr_from(&dst, m->dst.p, m->dst.len) || src.len != dst.len)
		return ST_REFUSED;
	*why = "destination is no address of the group";
	if (rules_class(g, &dst, &cls))
		return ST_REFUSED;
	if ((*why = check_source(r, g, m->dir, &src)) != NULL ||
	    (*why = check_numbers(m, g->lifetime_s)) != NULL)
		return ST_REFUSED;
	*want = (struct sa_want){ .reqid = reqid_make(slot, cls),
		.spi = m->spi,
		.src = src,
		.dst = dst,
		.key = m->key.p,
		.replay = m->replay,
		.soft_s = m->soft_s,
		.hard_s = m->hard_s,
		.soft_packets = m->soft_packets,
		.hard_packets = m->hard_packets };
	return ST_OK;
}

enum ipc_status
sa_check_delete(const struct rules *r, uint8_t slot,
    const struct msg_sa_delete *m, struct addr *dst, const char **why)
{
	*why = no_rules;
	if (r == NULL)
		return ST_REFUSED;
	*why = no_group;
	if (rules_group(r, slot) == NULL)
		return ST_REFUSED;
	*why = "not an address";
	if (addr_from(dst, m->dst.p, m->dst.len))
		return ST_REFUSED;
	*why = NULL;
	return ST_OK;
}
