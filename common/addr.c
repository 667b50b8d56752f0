/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "common/addr.h"

/*
 * A blob of a message: 0, 4 or 16 octets.  ::ffff:a.b.c.d stays what it is;
 * whoever would mix the two forms writes IPv4 as 4 octets.
 */
int
addr_from(struct addr *a, const void *p, size_t len)
{
	if (len != 0 && len != 4 && len != 16)
		return -EINVAL;
	*a = (struct addr){ .len = (uint8_t)len };
	if (len != 0)
		memcpy(a->b, p, len);
	return 0;
}

int
addr_parse(struct addr *a, const char *text)
{
	uint8_t b[16];

	if (inet_pton(AF_INET, text, b) == 1)
		return addr_from(a, b, 4);
	if (inet_pton(AF_INET6, text, b) == 1)
		return addr_from(a, b, 16);
	return -EINVAL;
}

const char *
addr_text(const struct addr *a, char buf[ADDR_STRLEN])
{
	int af = a->len == 4 ? AF_INET : AF_INET6;

	if (a->len == 0 || inet_ntop(af, a->b, buf, ADDR_STRLEN) == NULL)
		memcpy(buf, "none", sizeof("none"));
	return buf;
}

bool
addr_eq(const struct addr *a, const struct addr *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

bool
addr_is_multicast(const struct addr *a)
{
	if (a->len == 4)
		return (a->b[0] & 0xf0) == 0xe0;
	return a->len == 16 && a->b[0] == 0xff;
}

bool
addr_in(const struct addr *a, const struct addr *net, uint8_t prefix)
{
	size_t whole = prefix / 8;
	unsigned int bits = prefix % 8;
	uint8_t mask = (uint8_t)(0xff00u >> bits);

	if (net->len == 0)
		return true;
	if (a->len != net->len || prefix > 8 * net->len)
		return false;
	if (memcmp(a->b, net->b, whole) != 0)
		return false;
	return bits == 0 || ((a->b[whole] ^ net->b[whole]) & mask) == 0;
}
