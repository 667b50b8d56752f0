/* SPDX-License-Identifier: ISC */
#ifndef SPAWN_CORE_FILTER_H
#define SPAWN_CORE_FILTER_H

/*
 * The seccomp program that mike-spawn puts on itself and so on all its
 * children: everything is allowed except what nobody in the suite needs, and
 * ids can become those of the suite only.  Made by hand, for libseccomp can
 * neither deny a complement of a set under a default of allow nor compare two
 * arguments with each other; both take three instructions of BPF.
 */

#include <linux/filter.h>

#include "common/util.h"

#define FILTER_IDS_MAX 72
#define FILTER_MAX 2048

struct filter {
	struct sock_filter f[FILTER_MAX];
	size_t n;
};

/*
 * ids: the uids (= gids) that may be taken, besides 0; sorted by the call.
 * -E2BIG: too many of them.
 */
int filter_build(struct filter *p, uint32_t arch, uint32_t *ids, size_t n)
    MUST_CHECK;

#endif
