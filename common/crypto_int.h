/* SPDX-License-Identifier: ISC */
#ifndef COMMON_CRYPTO_INT_H
#define COMMON_CRYPTO_INT_H

/* Between the files of common/crypto; nobody else includes this. */

#include "common/util.h"

/* -EIO; forgets OpenSSL's error queue, which nobody reads. */
int crypto_refused(void);

/* The curves; crypto_init() and crypto_fini() call these. */
int ke_init(void) MUST_CHECK;
void ke_fini(void);

#endif
