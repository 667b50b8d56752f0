/* SPDX-License-Identifier: ISC */
#ifndef COMMON_DN_H
#define COMMON_DN_H

/*
 * Distinguished names: text "CN=hq-01,O=Example" to DER and back, and the
 * name patterns of the policy.  A pattern is a set of RDNs that must all be
 * present, in any order; '*' matches within one value; a lone "*" permits
 * further RDNs, without it none are permitted.  Comparison happens after DER
 * parsing, RDN by RDN; values compare as UTF-8 octets, exactly.
 *
 * Text is RFC 4514: the RDN that is last in the text is the first in DER, as
 * `openssl x509 -nameopt RFC2253` prints a subject.
 */

#include "common/util.h"

#define DN_MAX 512	/* DER octets */
#define DN_TEXT_MAX 512 /* octets of text with NUL */
#define DN_AVAS_MAX 32	/* attribute values in one name */

/*
 * Text to DER; a backslash escapes one of ,+=\*"<>;# and space, or stands
 * before two hexadecimal digits.  -EINVAL, -ENOBUFS.
 */
int dn_parse(const char *text, uint8_t *der, size_t size, size_t *len)
    MUST_CHECK;
/*
 * DER to text, printable whatever the peer sent.  -EBADMSG: not a name;
 * -ENOBUFS: longer than size, out holds as much as fits.
 */
int dn_text(struct chunk der, char *out, size_t size) MUST_CHECK;
/* Is the pattern well formed?  -EINVAL with a reason (static string). */
int dn_pattern_check(const char *pattern, const char **why) MUST_CHECK;
bool dn_match(const char *pattern, struct chunk der);
/* The same name: RDN by RDN, in order; string types may differ. */
bool dn_eq(struct chunk a, struct chunk b);

#endif
