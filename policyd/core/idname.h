/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_IDNAME_H
#define POLICYD_CORE_IDNAME_H

/* The body of an ID payload (RFC 7296 3.5): type, three octets, data. */

#include "common/util.h"

#define IDN_IPV4 1
#define IDN_FQDN 2
#define IDN_RFC822 3
#define IDN_IPV6 5
#define IDN_DN 9

/*
 * For people, printable whatever the peer sent; as much as fits.  -EBADMSG:
 * not the form that its type says.
 */
int idname_text(struct chunk body, char *out, size_t size) MUST_CHECK;

#endif
