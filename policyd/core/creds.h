/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_CREDS_H
#define POLICYD_CORE_CREDS_H

/* What this host shows who it is with, and what it believes others by. */

#include "common/secret.h"
#include "policyd/core/x509.h"

struct pol_creds {
	struct secret *psk; /* or NULL, and both of these: */
	struct x509_own *own;
	struct x509_trust *trust;
	struct secret *ppk; /* or NULL */
};

#endif
