/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "common/addr.h"
#include "common/dn.h"
#include "policyd/core/idname.h"

/* Quotes would end the value in a log line. */
static void
plain_text(struct chunk c, char *out, size_t size)
{
	size_t n = 0;

	for (; n < c.len && n + 1 < size; n++) {
		bool plain = c.p[n] > 0x20 && c.p[n] < 0x7f && c.p[n] != '"' &&
			     c.p[n] != '\\';

		if (plain)
			memcpy(out + n, c.p + n, 1);
		else
			out[n] = '?';
	}
	out[n] = '\0';
}

static int
addr_name(struct chunk c, size_t len, char *out, size_t size)
{
	char text[ADDR_STRLEN];
	struct addr a;

	if (c.len != len || addr_from(&a, c.p, c.len))
		return -EBADMSG;
	strlcpy(out, addr_text(&a, text), size);
	return 0;
}

int
idname_text(struct chunk body, char *out, size_t size)
{
	struct chunk c;

	*out = '\0';
	if (body.len < 5)
		return -EBADMSG;
	c = (struct chunk){ body.p + 4, body.len - 4 };
	switch (body.p[0]) {
	case IDN_DN:
		if (dn_text(c, out, size) == -EBADMSG) {
			*out = '\0';
			return -EBADMSG;
		}
		return 0;
	case IDN_IPV4:
		return addr_name(c, 4, out, size);
	case IDN_IPV6:
		return addr_name(c, 16, out, size);
	case IDN_FQDN:
	case IDN_RFC822:
		plain_text(c, out, size);
		return 0;
	default:
		snprintf(out, size, "(ID type %u)", body.p[0]);
		return 0;
	}
}
