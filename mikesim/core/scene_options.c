/* SPDX-License-Identifier: ISC */
#include <confuse.h>

#include "mikesim/core/scene_int.h"

/*
 * Which sections and options a scenario has: their names, and for those of
 * one value what it may be.  mikesim.conf(5) explains them.
 */

/* As strings, for the reasons given in policyd/core/options.c. */
#define STR(name) CFG_STR(name, NULL, CFGF_NODEFAULT)
#define LIST(name) CFG_STR_LIST(name, NULL, CFGF_NODEFAULT)

static cfg_opt_t scenario_opts[] = {
	STR("title"),
	STR("seed"),
	STR("duration"),
	STR("quiet"),
	LIST("needs"),
	STR("auth"),
	STR("ppk"),
	STR("suite"),
	STR("family"),
	STR("work"),
	CFG_END(),
};

static cfg_opt_t group_opts[] = {
	STR("lifetime"),
	STR("atd"),
	STR("dtd"),
	STR("members-max"),
	STR("half-open-max"),
	STR("per-source-rate"),
	STR("cookie-above"),
	STR("fragment"),
	CFG_END(),
};

static cfg_opt_t senders_opts[] = {
	STR("count"),
	STR("link"),
	CFG_END(),
};

static cfg_opt_t receivers_opts[] = {
	STR("count"),
	STR("link"),
	STR("join"),
	STR("servers"),
	STR("hostile"),
	CFG_END(),
};

static cfg_opt_t link_opts[] = {
	STR("shared"),
	STR("half-duplex"),
	STR("bandwidth"),
	STR("delay"),
	STR("jitter"),
	STR("turn-around"),
	STR("mtu"),
	STR("overhead"),
	STR("queue"),
	STR("loss"),
	STR("burst-loss"),
	STR("burst-length"),
	STR("burst-begin"),
	STR("burst-end"),
	STR("duplicate"),
	STR("reorder"),
	STR("reorder-by"),
	STR("bit-error"),
	CFG_END(),
};

static cfg_opt_t timeline_opts[] = {
	LIST("events"),
	CFG_END(),
};

static cfg_opt_t chaos_opts[] = {
	STR("crashes"),
	STR("emcons"),
	STR("partitions"),
	STR("outages"),
	STR("leaves"),
	STR("from"),
	STR("until"),
	STR("longest"),
	CFG_END(),
};

static cfg_opt_t top_opts[] = {
	CFG_SEC("scenario", scenario_opts, CFGF_NONE),
	CFG_SEC("group", group_opts, CFGF_NONE),
	CFG_SEC("senders", senders_opts, CFGF_MULTI | CFGF_TITLE),
	CFG_SEC("receivers", receivers_opts, CFGF_MULTI | CFGF_TITLE),
	CFG_SEC("link", link_opts, CFGF_MULTI | CFGF_TITLE),
	CFG_SEC("timeline", timeline_opts, CFGF_NONE),
	CFG_SEC("chaos", chaos_opts, CFGF_NONE),
	CFG_END(),
};

struct cfg_opt_t *
scene_options(void)
{
	return top_opts;
}

static const char *const auths[] = { "x509", "psk", NULL };
static const char *const no_yes[] = { "no", "yes", NULL };
static const char *const suites[] = { "default", "cnsa", NULL };
static const char *const families[] = { "ipv4", "ipv6", NULL };
const char *const scene_needs[] = { "rekey", "exclusion", "agreement", NULL };

#define S(member) AT(struct scene, member)
#define HOUR (3600 * NS_PER_S)

const struct field scene_fields[] = {
	{ "seed", FK_COUNT, S(seed), 0, UINT64_MAX, 1, NULL },
	{ "duration", FK_TIME, S(duration), NS_PER_S, SCENE_DURATION_MAX,
	    SCENE_DURATION_MAX, NULL },
	{ "quiet", FK_TIME, S(quiet), 0, SCENE_DURATION_MAX, 0, NULL },
	{ "auth", FK_WORD, S(psk), 0, 1, 0, auths },
	{ "ppk", FK_WORD, S(ppk), 0, 1, 0, no_yes },
	{ "suite", FK_WORD, S(suite), SUITE_DEFAULT, SUITE_CNSA, SUITE_DEFAULT,
	    suites },
	{ "family", FK_WORD, S(ipv6), 0, 1, 0, families },
	{ "work", FK_TIME, S(work), 0, NS_PER_S, 0, NULL },
};
const size_t scene_n_fields = NITEMS(scene_fields);

/* Limits and defaults as policyd has them. */
const struct field scene_group_fields[] = {
	{ "lifetime", FK_SECONDS, S(lifetime_s), 10, 30 * 86400, 8 * 3600,
	    NULL },
	{ "atd", FK_SECONDS, S(atd_s), 0, UINT16_MAX, 2, NULL },
	{ "dtd", FK_SECONDS, S(dtd_s), 0, UINT16_MAX, 30, NULL },
	{ "members-max", FK_COUNT, S(members_max), 1, 1 << 20, 16384, NULL },
	{ "half-open-max", FK_COUNT, S(half_open_max), 1, 1 << 16, 1024, NULL },
	{ "per-source-rate", FK_COUNT, S(source_rate), 1, 100000, 20, NULL },
	{ "cookie-above", FK_COUNT, S(cookie_above), 0, 1000000, 100, NULL },
	{ "fragment", FK_COUNT, S(fragment), 0, UINT16_MAX, 1280, NULL },
};
const size_t scene_n_group_fields = NITEMS(scene_group_fields);

const struct field scene_senders_fields[] = {
	{ "count", FK_COUNT, S(senders), 1, SCENE_SENDERS, 1, NULL },
};
const size_t scene_n_senders_fields = NITEMS(scene_senders_fields);

#define R(member) AT(struct scene_recv, member)
const struct field scene_recv_fields[] = {
	{ "count", FK_COUNT, R(count), 1, SCENE_SITE_RECEIVERS, 1, NULL },
	{ "servers", FK_COUNT, R(servers), 1, SCENE_SERVERS, 1, NULL },
	{ "hostile", FK_WORD, R(hostile), 0, 1, 0, no_yes },
};
const size_t scene_n_recv_fields = NITEMS(scene_recv_fields);

#define L(member) AT(struct link_class, member)
const struct field scene_link_fields[] = {
	{ "shared", FK_WORD, L(shared), 0, 1, 0, no_yes },
	{ "half-duplex", FK_WORD, L(half_duplex), 0, 1, 0, no_yes },
	{ "bandwidth", FK_BITRATE, L(bit_s), 0, 1000000000000, 0, NULL },
	{ "delay", FK_TIME, L(delay), 0, HOUR, 0, NULL },
	{ "jitter", FK_TIME, L(jitter), 0, HOUR, 0, NULL },
	{ "turn-around", FK_TIME, L(turn), 0, HOUR, 0, NULL },
	{ "mtu", FK_OCTETS, L(mtu), 0, UINT16_MAX, 1500, NULL },
	{ "overhead", FK_OCTETS, L(overhead), 0, 1000, 0, NULL },
	{ "queue", FK_OCTETS, L(queue), 0, 1 << 30, 256 << 10, NULL },
	{ "loss", FK_CHANCE, L(loss), 0, 0, 0, NULL },
	{ "duplicate", FK_CHANCE, L(duplicate), 0, 0, 0, NULL },
	{ "reorder", FK_CHANCE, L(reorder), 0, 0, 0, NULL },
	{ "reorder-by", FK_TIME, L(reorder_by), 0, HOUR, 0, NULL },
	{ "bit-error", FK_REAL, L(bit_error), 0, 100000, 0, NULL },
};
const size_t scene_n_link_fields = NITEMS(scene_link_fields);

#define C(member) AT(struct scene_chaos, member)
#define MANY 1000
const struct field scene_chaos_fields[] = {
	{ "crashes", FK_COUNT, C(crashes), 0, MANY, 0, NULL },
	{ "emcons", FK_COUNT, C(emcons), 0, MANY, 0, NULL },
	{ "partitions", FK_COUNT, C(partitions), 0, MANY, 0, NULL },
	{ "outages", FK_COUNT, C(outages), 0, MANY, 0, NULL },
	{ "leaves", FK_COUNT, C(leaves), 0, MANY, 0, NULL },
	{ "from", FK_TIME, C(from), 0, SCENE_DURATION_MAX, 0, NULL },
	{ "until", FK_TIME, C(until), 0, SCENE_DURATION_MAX, 0, NULL },
	{ "longest", FK_TIME, C(longest), NS_PER_S, SCENE_DURATION_MAX,
	    60 * NS_PER_S, NULL },
};
const size_t scene_n_chaos_fields = NITEMS(scene_chaos_fields);
