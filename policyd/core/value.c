/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "policyd/core/value.h"

/* The digits at s; *end is behind them.  The locale has no say in this. */
static int
digits(const char *s, const char **end, uint32_t *v)
{
	uint64_t n = 0;
	const char *p;

	for (p = s; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > UINT32_MAX)
			return -EINVAL;
	}
	if (p == s || (*s == '0' && p - s > 1))
		return -EINVAL;
	*end = p;
	*v = (uint32_t)n;
	return 0;
}

int
value_u32(const char *s, uint32_t *v)
{
	const char *end;
	uint32_t n;

	if (digits(s, &end, &n) || *end != '\0')
		return -EINVAL;
	*v = n;
	return 0;
}

int
value_seconds(const char *s, uint32_t *v)
{
	static const struct {
		char unit;
		uint32_t s;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	const char *end;
	uint32_t n;

	if (digits(s, &end, &n) || *end == '\0' || end[1] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < NITEMS(units); i++) {
		if (units[i].unit != *end)
			continue;
		if (n > UINT32_MAX / units[i].s)
			return -EINVAL;
		*v = n * units[i].s;
		return 0;
	}
	return -EINVAL;
}

int
value_ports(const char *s, uint16_t *lo, uint16_t *hi)
{
	const char *end;
	uint32_t a, b;

	if (digits(s, &end, &a))
		return -EINVAL;
	b = a;
	if (*end == '-' && digits(end + 1, &end, &b))
		return -EINVAL;
	if (*end != '\0' || a > b || b > UINT16_MAX)
		return -EINVAL;
	*lo = (uint16_t)a;
	*hi = (uint16_t)b;
	return 0;
}

int
value_prefix(const char *s, struct addr *a, uint8_t *bits)
{
	size_t len = strcspn(s, "/");
	char text[ADDR_STRLEN];
	struct addr t;
	uint32_t n;

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, len);
	text[len] = '\0';
	if (addr_parse(&t, text))
		return -EINVAL;
	n = 8 * t.len;
	if (s[len] == '/' && (value_u32(s + len + 1, &n) || n > 8u * t.len))
		return -EINVAL;
	/* What stands behind the prefix would be ignored, or meant. */
	for (size_t i = n; i < 8u * t.len; i++)
		if ((t.b[i / 8] & 0x80 >> i % 8) != 0)
			return -EINVAL;
	*a = t;
	*bits = (uint8_t)n;
	return 0;
}

bool
value_is_name(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 64 || *s == '-' || *s == '.')
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789._-") == n;
}

bool
value_is_interface(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 15 || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= 0x20 || (unsigned char)*s >= 0x7f ||
		    *s == '/' || *s == ':')
			return false;
	return true;
}
