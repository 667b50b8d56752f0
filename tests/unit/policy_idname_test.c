/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/core/idname.h"

#define eq assert_int_equal

static void
named(uint8_t type, const void *p, size_t len, const char *want)
{
	uint8_t body[64] = { type };
	char text[64];
	int r;

	memcpy(body + 4, p, len);
	memset(text, 'x', sizeof(text));
	r = idname_text((struct chunk){ body, 4 + len }, text, sizeof(text));
	eq(r, want == NULL ? -EBADMSG : 0);
	assert_string_equal(text, want == NULL ? "" : want);
}

#define STR(s) (s), sizeof(s) - 1

static void
ids_are_shown_by_type(void **state)
{
	(void)state;
	named(IDN_FQDN, STR("gm-01.example"), "gm-01.example");
	named(IDN_RFC822, STR("ops@example"), "ops@example");
	named(IDN_IPV4, STR("\xc0\0\2\7"), "192.0.2.7");
	named(IDN_IPV4, STR("\xc0\0\2"), NULL);
	named(IDN_IPV4, STR("\xc0\0\2\7\7"), NULL);
	named(IDN_IPV6, STR("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"),
	    "2001:db8::7");
	named(IDN_IPV6, STR("\xc0\0\2\7"), NULL);
	named(
	    IDN_DN, STR("\x30\x0c\x31\x0a\x30\x08\6\3\x55\4\3\x0c\1a"), "CN=a");
	named(IDN_DN, STR("\x30\x0c\x31\x0a\x30\x08\6\3\x55\4\3\x0c\2a"), NULL);
	named(11, STR("key id"), "(ID type 11)");
	named(255, STR("x"), "(ID type 255)");
	named(IDN_FQDN, STR(""), NULL);
}

/* It goes to the log: nothing of it may break a line or end a value. */
static void
claims_are_made_printable(void **state)
{
	uint8_t id[516] = { IDN_FQDN };
	char text[512];

	(void)state;
	named(IDN_FQDN, STR("a\nb\"c\\d e\x7f\x80"), "a?b?c?d?e??");
	for (size_t i = 4; i < sizeof(id); i++)
		id[i] = (uint8_t)i;
	eq(idname_text((struct chunk){ id, sizeof(id) }, text, sizeof(text)),
	    0);
	for (const char *p = text; *p != '\0'; p++)
		assert_true(*p > 0x20 && *p < 0x7f && *p != '"' && *p != '\\');
	eq(strlen(text), sizeof(text) - 1);
	for (size_t n = 0; n < 5; n++)
		eq(idname_text((struct chunk){ id, n }, text, sizeof(text)),
		    -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_shown_by_type),
		cmocka_unit_test(claims_are_made_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
