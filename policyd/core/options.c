/* SPDX-License-Identifier: ISC */
#include <stddef.h>

#include <confuse.h>

#include "policyd/core/conf.h"

/*
 * Which sections and options the policy text has.
 *
 * All values are strings here: libconfuse reads 010 as eight and takes a word
 * where a number is due without saying which file it was in.
 */
#define STR(name) CFG_STR(name, NULL, CFGF_NODEFAULT)
#define LIST(name) CFG_STR_LIST(name, NULL, CFGF_NODEFAULT)

static cfg_opt_t host_opts[] = {
	STR("identity"),
	STR("certificate"),
	STR("key"),
	STR("psk"),
	LIST("anchors"),
	LIST("crls"),
	STR("crl-required"),
	STR("ppk"),
	STR("ppk-id"),
	LIST("interface"),
	LIST("listen"),
	STR("port"),
	STR("fragment"),
	STR("cookie-above"),
	STR("default-group"),
	STR("emcon"),
	CFG_END(),
};

static cfg_opt_t peer_opts[] = {
	STR("identity"),
	LIST("address"),
	STR("exchange"),
	CFG_END(),
};

static cfg_opt_t group_opts[] = {
	STR("id"),
	LIST("address"),
	STR("ports"),
	STR("role"),
	LIST("designated"),
	LIST("senders"),
	LIST("receivers"),
	LIST("from"),
	LIST("rekey-to"),
	LIST("agree-on"),
	STR("suite"),
	STR("lifetime"),
	STR("atd"),
	STR("dtd"),
	STR("repeats"),
	STR("repeat-span"),
	STR("profile"),
	STR("step"),
	STR("join"),
	STR("exclusion"),
	STR("airtime"),
	STR("hop-limit"),
	STR("members-max"),
	STR("half-open-max"),
	STR("per-source-rate"),
	STR("source-auth"),
	CFG_END(),
};

static cfg_opt_t top_opts[] = {
	CFG_SEC("host", host_opts, CFGF_NONE),
	CFG_SEC("peer", peer_opts, CFGF_MULTI | CFGF_TITLE),
	CFG_SEC("group", group_opts, CFGF_MULTI | CFGF_TITLE),
	CFG_END(),
};

struct cfg_opt_t *
policy_options(void)
{
	return top_opts;
}
