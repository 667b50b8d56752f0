/* SPDX-License-Identifier: ISC */
#ifndef COMMON_DN_INT_H
#define COMMON_DN_INT_H

/* What the two halves of dn.h share: dn.c (text) and dn_der.c (DER). */

#include "common/dn.h"

#define DN_OID_MAX 16

/* Attribute types that have a name in text. */
struct dn_type {
	const char *name;
	uint8_t tag; /* string type that we write */
	uint8_t oid_len;
	uint8_t oid[10];
};
const struct dn_type *dn_type_by_oid(struct chunk oid);

/* A name from the network: views into its DER. */
struct dn_ava {
	struct chunk oid;
	struct chunk tlv; /* the whole value */
	struct chunk val; /* its content */
	uint8_t tag;
	uint8_t rdn; /* index of the RDN it belongs to */
};

struct dn_view {
	struct dn_ava v[DN_AVAS_MAX];
	size_t n, n_rdn;
};

int dn_view_get(struct dn_view *dn, struct chunk der) MUST_CHECK;
/* Is the value a string that can be compared octet by octet? */
bool dn_comparable(const struct dn_ava *a);
bool dn_utf8_valid(const uint8_t *p, size_t len);

/* A name or pattern from text. */
struct dn_item {
	uint8_t oid[DN_OID_MAX];
	uint8_t oid_len;
	uint8_t rdn;
	size_t off, len; /* value in buf, unescaped */
};

struct dn_parsed {
	struct dn_item v[DN_AVAS_MAX];
	size_t n, n_rdn;
	bool open; /* a lone "*" was there */
	uint8_t buf[DN_TEXT_MAX];
	size_t used;
};

/* In buf a wildcard is a NUL octet, which no value may hold. */
#define DN_WILD 0

int dn_text_get(struct dn_parsed *p, const char *text, bool pattern,
    const char **why) MUST_CHECK;
int dn_der_put(const struct dn_parsed *p, uint8_t *der, size_t size,
    size_t *len) MUST_CHECK;

#endif
