/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "policyd/core/psk.h"

static int
nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int
from_hex(uint8_t *out, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i += 2) {
		int hi = nibble(p[i]), lo = i + 1 < len ? nibble(p[i + 1]) : -1;

		if (hi < 0 || lo < 0)
			return -EINVAL;
		out[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

/* Without the one line end that editors add. */
static size_t
line_len(const uint8_t *p, size_t len)
{
	if (len > 0 && p[len - 1] == '\n')
		len--;
	if (len > 0 && p[len - 1] == '\r')
		len--;
	return len;
}

int
psk_parse(struct secret **out, const uint8_t *p, size_t len, const char **why)
{
	uint8_t key[PSK_MAX];
	struct secret *s;
	bool hex;
	size_t n;

	len = line_len(p, len);
	hex = len >= 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	n = hex ? (len - 2 + 1) / 2 : len;
	*why = "must hold 8 to 256 octets on one line, or 0x and 16 to 512 "
	       "hexadecimal digits";
	if (n < PSK_MIN || n > PSK_MAX)
		return -EINVAL;
	*why = "starts with 0x, but an even number of hexadecimal digits does "
	       "not follow";
	if (hex && from_hex(key, p + 2, len - 2)) {
		explicit_bzero(key, sizeof(key));
		return -EINVAL;
	}
	*why = "has more than one line, or a NUL octet";
	if (!hex && (memchr(p, '\n', len) || memchr(p, '\0', len)))
		return -EINVAL;
	s = secret_from(hex ? key : p, n);
	explicit_bzero(key, sizeof(key));
	if (s == NULL) {
		*why = "no room for secrets";
		return -ENOMEM;
	}
	*out = s;
	return 0;
}
