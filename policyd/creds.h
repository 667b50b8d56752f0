/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CREDS_H
#define POLICYD_CREDS_H

/* Keys, certificates and CRLs, from the files that the policy names. */

#include "policyd/core/creds.h"
#include "policyd/files.h"

/*
 * Everything, before the sandbox: what OpenSSL loads on first use is loaded
 * by a trial of each.  What is not valid at `now` goes to warn and is no
 * error: clocks and certificates get better.
 */
int creds_load(struct pol_creds *out, const char *confdir,
    const struct policy *p, int64_t now, void (*warn)(const char *line),
    char err[FILE_ERR_MAX]) MUST_CHECK;
void creds_free(struct pol_creds *c);

#endif
