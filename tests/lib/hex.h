/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_HEX_H
#define TESTS_LIB_HEX_H

/* Octets as published examples print them. */

#include "common/util.h"

/* In one of a few buffers that take turns: good for the next 15 calls. */
struct chunk hex(const char *s);
/* Fails the running test unless got begins with the octets of want. */
void is(const uint8_t *got, const char *want);

#endif
