/* SPDX-License-Identifier: ISC */
#include "common/sandbox.h"

/*
 * Alone in its file, so that a program that brings its own definition
 * (tests/sandbox) does not pull this one out of the library.
 */
void
sandbox_probe(void)
{
}
