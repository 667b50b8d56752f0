/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "mikesim/core/scene_int.h"

const char *
check_value(struct scene_check *c, const struct conf_sec *s, const char *opt)
{
	const char *v = conf_value(s, opt, 0);

	if (v != NULL && *v == '\0') {
		diag_add(c->d, conf_line(s, opt, 0),
		    "%s is empty: give a value or leave it out", opt);
		return NULL;
	}
	return v;
}

bool
check_set(struct scene_check *c, const struct conf_sec *s, const char *opt)
{
	if (conf_is_set(s, opt))
		return true;
	diag_add(c->d, s->where->line, "%s%s%s has no %s", s->where->kind,
	    s->where->titled ? " " : "", s->where->title, opt);
	return false;
}

static void
field_set(const struct field *f, void *obj, uint64_t v)
{
	char *at = (char *)obj + f->at;
	uint32_t v32 = (uint32_t)v;
	uint8_t v8 = (uint8_t)v;

	if (f->size == sizeof(v))
		memcpy(at, &v, sizeof(v));
	else if (f->size == sizeof(v32))
		memcpy(at, &v32, sizeof(v32));
	else
		memcpy(at, &v8, sizeof(v8));
}

uint64_t
field_get(const struct field *f, const void *obj)
{
	const char *at = (const char *)obj + f->at;
	uint64_t v = 0;
	uint32_t v32;
	uint8_t v8;

	if (f->size == sizeof(v)) {
		memcpy(&v, at, sizeof(v));
		return v;
	}
	if (f->size == sizeof(v32)) {
		memcpy(&v32, at, sizeof(v32));
		return v32;
	}
	memcpy(&v8, at, sizeof(v8));
	return v8;
}

/* A real number goes through the table as its octets. */
static uint64_t
octets_of(double d)
{
	uint64_t v;

	memcpy(&v, &d, sizeof(v));
	return v;
}

static double
real_of(uint64_t v)
{
	double d;

	memcpy(&d, &v, sizeof(d));
	return d;
}

static bool
in_range(const struct field *f, uint64_t v)
{
	return v >= f->min && v <= f->max;
}

static int
read_quantity(const struct field *f, const char *s, enum sv_unit u, uint64_t *v)
{
	if (sv_read(s, u, v))
		return -EINVAL;
	if (f->kind == FK_SECONDS) {
		if (*v % NS_PER_S != 0)
			return -EINVAL;
		*v /= NS_PER_S;
	}
	return in_range(f, *v) ? 0 : -EINVAL;
}

static int
read_real(const struct field *f, const char *s, uint64_t *v)
{
	double d;

	if (sv_read_real(s, &d) || d < (double)f->min / 1e6 ||
	    d > (double)f->max / 1e6)
		return -EINVAL;
	*v = octets_of(d);
	return 0;
}

static int
read_word(const struct field *f, const char *s, uint64_t *v)
{
	for (size_t i = 0; f->words[i] != NULL; i++)
		if (strcmp(f->words[i], s) == 0) {
			*v = f->min + i;
			return 0;
		}
	return -EINVAL;
}

static int
field_read(const struct field *f, const char *s, uint64_t *v)
{
	switch (f->kind) {
	case FK_COUNT:
		return read_quantity(f, s, SV_COUNT, v);
	case FK_TIME:
	case FK_SECONDS:
		return read_quantity(f, s, SV_TIME, v);
	case FK_OCTETS:
		return read_quantity(f, s, SV_OCTETS, v);
	case FK_BITRATE:
		return read_quantity(f, s, SV_BITRATE, v);
	case FK_CHANCE:
		return sv_read_chance(s, v);
	case FK_REAL:
		return read_real(f, s, v);
	case FK_WORD:
		return read_word(f, s, v);
	}
	return -EINVAL;
}

/* "a time from 1s to 365d, such as 90s or 1.5ms" */
static const char *
describe(const struct field *f, char *out, size_t size)
{
	char lo[SV_TEXT], hi[SV_TEXT];
	uint64_t scale = f->kind == FK_SECONDS ? NS_PER_S : 1;
	enum sv_unit u = SV_COUNT;
	const char *what = "a number", *example = "";

	switch (f->kind) {
	case FK_CHANCE:
		return "a chance from 0 to 100%, such as 5% or 0.05";
	case FK_REAL:
		snprintf(out, size, "a number from %s to %s, such as 1e-5",
		    sv_write_real((double)f->min / 1e6, lo),
		    sv_write_real((double)f->max / 1e6, hi));
		return out;
	case FK_WORD:
		strlcpy(out, f->words[0], size);
		for (size_t i = 1; f->words[i] != NULL; i++) {
			strlcat(out, " or ", size);
			strlcat(out, f->words[i], size);
		}
		return out;
	case FK_TIME:
		what = "a time", example = ", such as 90s, 2h or 1.5ms";
		u = SV_TIME;
		break;
	case FK_SECONDS:
		what = "whole seconds", example = ", such as 90s or 2h";
		u = SV_TIME;
		break;
	case FK_OCTETS:
		what = "octets", example = ", such as 500 or 16k";
		u = SV_OCTETS;
		break;
	case FK_BITRATE:
		what = "bit/s", example = ", such as 2400, 64k or 100M";
		u = SV_BITRATE;
		break;
	case FK_COUNT:
		break;
	}
	snprintf(out, size, "%s from %s to %s%s", what,
	    sv_write(f->min * scale, u, lo), sv_write(f->max * scale, u, hi),
	    example);
	return out;
}

static bool
field_load(struct scene_check *c, const struct conf_sec *s,
    const struct field *f, void *obj)
{
	const char *text = s == NULL ? NULL : check_value(c, s, f->opt);
	char want[120];
	uint64_t v = f->def;
	bool good = text != NULL || s == NULL || !conf_is_set(s, f->opt);

	if (text != NULL && field_read(f, text, &v)) {
		diag_add(c->d, conf_line(s, f->opt, 0),
		    "%s = \"%.40s\": must be %s", f->opt, text,
		    describe(f, want, sizeof(want)));
		v = f->def;
		good = false;
	}
	field_set(f, obj, v);
	return good;
}

bool
fields_load(struct scene_check *c, const struct conf_sec *s,
    const struct field *f, size_t n, void *obj)
{
	bool good = true;

	for (size_t i = 0; i < n; i++)
		if (!field_load(c, s, &f[i], obj))
			good = false;
	return good;
}

const char *
field_write(const struct field *f, const void *obj, char out[SV_TEXT])
{
	uint64_t v = field_get(f, obj);

	switch (f->kind) {
	case FK_COUNT:
		return sv_write(v, SV_COUNT, out);
	case FK_TIME:
		return sv_write(v, SV_TIME, out);
	case FK_SECONDS:
		return sv_write(v * NS_PER_S, SV_TIME, out);
	case FK_OCTETS:
		return sv_write(v, SV_OCTETS, out);
	case FK_BITRATE:
		return sv_write(v, SV_BITRATE, out);
	case FK_CHANCE:
		return sv_write_chance(v, out);
	case FK_REAL:
		return sv_write_real(real_of(v), out);
	case FK_WORD:
		break;
	}
	return f->words[v - f->min];
}
