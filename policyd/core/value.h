/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_VALUE_H
#define POLICYD_CORE_VALUE_H

/* The small types of the policy text.  All: 0 or -EINVAL. */

#include "common/addr.h"

/* Decimal digits, no sign, no leading zero. */
int value_u32(const char *s, uint32_t *v) MUST_CHECK;
/* "90s", "15m", "8h", "2d" to seconds. */
int value_seconds(const char *s, uint32_t *v) MUST_CHECK;
/* "5000-5010" or "5000"; 0-65535, not descending. */
int value_ports(const char *s, uint16_t *lo, uint16_t *hi) MUST_CHECK;
/* "10.1.0.0/16", "2001:db8::/32", or one address; nothing behind the prefix. */
int value_prefix(const char *s, struct addr *a, uint8_t *bits) MUST_CHECK;
/* Names that people type: letters, digits, ".", "_", "-"; 1 to 64. */
bool value_is_name(const char *s);
/* Network interface: 1 to 15 octets, no blank, no slash. */
bool value_is_interface(const char *s);

#endif
