/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mikesim/core/scene_value.h"

struct unit {
	const char *name;
	uint64_t is;
};

/* Largest first; the first one that divides a value writes it. */
static const struct unit counts[] = { { "", 1 }, { NULL, 0 } };
static const struct unit times[] = {
	{ "d", 86400 * NS_PER_S },
	{ "h", 3600 * NS_PER_S },
	{ "m", 60 * NS_PER_S },
	{ "s", NS_PER_S },
	{ "ms", NS_PER_MS },
	{ "us", 1000 },
	{ "ns", 1 },
	{ NULL, 0 },
};
static const struct unit octets[] = {
	{ "M", 1 << 20 },
	{ "k", 1 << 10 },
	{ "", 1 },
	{ NULL, 0 },
};
static const struct unit rates[] = {
	{ "G", 1000000000 },
	{ "M", 1000000 },
	{ "k", 1000 },
	{ "", 1 },
	{ NULL, 0 },
};
static const struct unit drifts[] = {
	{ "ppm", 1000 },
	{ "ppb", 1 },
	{ NULL, 0 },
};

static const struct unit *const units[] = {
	[SV_COUNT] = counts,
	[SV_TIME] = times,
	[SV_OCTETS] = octets,
	[SV_BITRATE] = rates,
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 12 or 1.5, as an integer and a power of ten to divide it by. */
struct decimal {
	uint64_t n, by;
};

static int
take_digit(struct decimal *d, char c)
{
	if (__builtin_mul_overflow(d->n, 10, &d->n) ||
	    __builtin_add_overflow(d->n, (uint64_t)(c - '0'), &d->n))
		return -EINVAL;
	return 0;
}

/* *end is behind it.  The locale has no say in this. */
static int
read_decimal(const char *s, const char **end, struct decimal *d)
{
	const char *p = s;

	*d = (struct decimal){ .by = 1 };
	if (!is_digit(*p) || (*p == '0' && is_digit(p[1])))
		return -EINVAL;
	for (; is_digit(*p); p++)
		if (take_digit(d, *p))
			return -EINVAL;
	if (*p == '.') {
		if (!is_digit(*++p))
			return -EINVAL;
		for (; is_digit(*p); p++)
			if (take_digit(d, *p) ||
			    __builtin_mul_overflow(d->by, 10, &d->by))
				return -EINVAL;
	}
	*end = p;
	return 0;
}

/* What is finer than 1 of the smallest unit is refused, not rounded. */
static int
read_scaled(const char *s, const struct unit *u, uint64_t *v)
{
	struct decimal d;
	const char *end;
	uint64_t n;

	if (read_decimal(s, &end, &d))
		return -EINVAL;
	for (; u->name != NULL; u++) {
		if (strcmp(u->name, end) != 0)
			continue;
		if (__builtin_mul_overflow(d.n, u->is, &n) || n % d.by != 0)
			return -EINVAL;
		*v = n / d.by;
		return 0;
	}
	return -EINVAL;
}

static const char *
write_scaled(uint64_t v, const struct unit *u, char out[SV_TEXT])
{
	if (v == 0)
		while (strcmp(u->name, "s") != 0 && u[1].name != NULL)
			u++;
	while (v % u->is != 0)
		u++;
	snprintf(
	    out, SV_TEXT, "%llu%s", (unsigned long long)(v / u->is), u->name);
	return out;
}

int
sv_read(const char *s, enum sv_unit u, uint64_t *v)
{
	return read_scaled(s, units[u], v);
}

const char *
sv_write(uint64_t v, enum sv_unit u, char out[SV_TEXT])
{
	return write_scaled(v, units[u], out);
}

static int
read_signed(const char *s, const struct unit *u, int64_t *v)
{
	bool minus = *s == '-';
	uint64_t n;

	if (*s == '-' || *s == '+')
		s++;
	if (read_scaled(s, u, &n) || n > INT64_MAX)
		return -EINVAL;
	*v = minus ? -(int64_t)n : (int64_t)n;
	return 0;
}

static const char *
write_signed(int64_t v, const struct unit *u, char out[SV_TEXT])
{
	char text[SV_TEXT];
	uint64_t n = v < 0 ? -(uint64_t)v : (uint64_t)v;

	(void)write_scaled(n, u, text);
	snprintf(out, SV_TEXT, "%c%.38s", v < 0 ? '-' : '+', text);
	return out;
}

int
sv_read_step(const char *s, int64_t *ns)
{
	return read_signed(s, times, ns);
}

int
sv_read_drift(const char *s, int64_t *ppb)
{
	return read_signed(s, drifts, ppb);
}

const char *
sv_write_step(int64_t ns, char out[SV_TEXT])
{
	return write_signed(ns, times, out);
}

const char *
sv_write_drift(int64_t ppb, char out[SV_TEXT])
{
	return write_signed(ppb, drifts, out);
}

static const char *
skip_digits(const char *p)
{
	while (is_digit(*p))
		p++;
	return p;
}

/* strtod() would take "inf", "0x1p3" and blanks; NULL: not ours. */
static const char *
behind_real(const char *s)
{
	const char *p = skip_digits(s);

	if (p == s)
		return NULL;
	if (*p == '.') {
		if (!is_digit(p[1]))
			return NULL;
		p = skip_digits(p + 1);
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '-' || *p == '+')
			p++;
		if (!is_digit(*p))
			return NULL;
		p = skip_digits(p);
	}
	return p;
}

int
sv_read_real(const char *s, double *v)
{
	const char *end = behind_real(s);
	char *took;
	double d;

	if (end == NULL || (*end != '\0' && strcmp(end, "%") != 0))
		return -EINVAL;
	d = strtod(s, &took);
	if (took != end || !(d <= 1e300))
		return -EINVAL;
	*v = *end == '%' ? d / 100 : d;
	return 0;
}

/*
 * The shortest text that is read as the same.  The last one always is: 17
 * digits say a double.
 */
static const char *
write_real(double v, bool (*same)(const char *s, double v), char out[SV_TEXT])
{
	static const int digits[] = { 3, 6, 9, 15 };

	for (size_t i = 0; i < NITEMS(digits); i++) {
		snprintf(out, SV_TEXT, "%.*g%%", digits[i], v * 100);
		if (v >= 1e-4 && v < 1 && same(out, v))
			return out;
		snprintf(out, SV_TEXT, "%.*g", digits[i], v);
		if (same(out, v))
			return out;
	}
	snprintf(out, SV_TEXT, "%.17g", v);
	return out;
}

static bool
same_real(const char *s, double v)
{
	double d;

	return sv_read_real(s, &d) == 0 && d >= v && d <= v;
}

const char *
sv_write_real(double v, char out[SV_TEXT])
{
	return write_real(v, same_real, out);
}

int
sv_read_chance(const char *s, chance *c)
{
	double d;

	if (sv_read_real(s, &d) || d > 1)
		return -EINVAL;
	*c = chance_of(d);
	return 0;
}

double
chance_as_real(chance c)
{
	return (double)c / 0x1p64;
}

static bool
same_chance(const char *s, double v)
{
	chance c;

	return sv_read_chance(s, &c) == 0 && c == chance_of(v);
}

const char *
sv_write_chance(chance c, char out[SV_TEXT])
{
	if (c != CHANCE_ALWAYS)
		return write_real(chance_as_real(c), same_chance, out);
	snprintf(out, SV_TEXT, "100%%");
	return out;
}
