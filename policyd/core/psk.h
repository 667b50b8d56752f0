/* SPDX-License-Identifier: ISC */
#ifndef POLICYD_CORE_PSK_H
#define POLICYD_CORE_PSK_H

/* The pre-shared key as its file holds it. */

#include "common/secret.h"

#define PSK_MIN 8
#define PSK_MAX 256
#define PSK_FILE_MAX (2 * PSK_MAX + 4) /* "0x", digits, CR LF */

/*
 * One line of text, or "0x" and hexadecimal digits; one newline at the end is
 * not part of it.  -EINVAL: *why says what is wrong (static); -ENOMEM.
 */
int psk_parse(struct secret **out, const uint8_t *p, size_t len,
    const char **why) MUST_CHECK;

#endif
