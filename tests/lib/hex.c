/* SPDX-License-Identifier: ISC */
#include "tests/lib/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t
nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

struct chunk
hex(const char *s)
{
	static uint8_t bufs[16][256];
	static unsigned int turn;
	uint8_t *b = bufs[turn++ % NITEMS(bufs)];
	size_t n = strlen(s) / 2;

	must(n <= sizeof(bufs[0]));
	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(nibble(s[2 * i]) << 4 | nibble(s[2 * i + 1]));
	return (struct chunk){ b, n };
}

void
is(const uint8_t *got, const char *want)
{
	assert_memory_equal(got, hex(want).p, strlen(want) / 2);
}
