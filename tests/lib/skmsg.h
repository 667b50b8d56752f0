/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_SKMSG_H
#define TESTS_LIB_SKMSG_H

/* Protected messages, good ones and such as no honest peer sends. */

#include "keymgrd/core/ike/sk.h"

#define IV0 UINT64_C(0x0007000000000010)
#define MANY 64 /* more messages than there can be fragments */

extern const struct ike_hdr hdr;
extern struct sk_key gcm, cbc;
extern const struct sk_key *const both[2];
extern uint8_t text[IKE_MSG_MAX + 64]; /* what messages hold */
/* What was written last, from IV0 on. */
extern uint8_t buf[IKE_MSG_MAX + 96 * SK_FRAGS_MAX];
extern struct wbuf wb;
extern uint64_t iv;
/* What was kept, and what came out. */
extern struct sk_frags *frags;
extern struct sk_plain got;

/* For cmocka: of a group, and after a test that takes messages. */
int skm_setup(void **state);
int skm_teardown(void **state);
int skm_clean(void **state);

/* len octets of text into buf. */
int skm_protect(
    const struct sk_key *k, const struct ike_hdr *h, size_t len, size_t limit);
/* The same, which must work: the messages, and their number. */
size_t skm_split_as(const struct sk_key *k, const struct ike_hdr *h, size_t len,
    size_t limit, struct chunk m[MANY]);
size_t skm_split(
    const struct sk_key *k, size_t len, size_t limit, struct chunk m[MANY]);
/* sk_take() into got; a failure must leave nothing there. */
int skm_take(const struct sk_key *k, struct chunk m);
/* got is len octets of text. */
void skm_got(size_t len);

/* Write c's length into its headers, as far as it has them. */
void skm_lengths(struct chunk c);
/*
 * A message made by hand: type is PLD_SK or PLD_SKF, plain holds padding and
 * pad length too.  The payload's length is told wrong by skm_lie octets.
 */
extern int skm_lie;
struct chunk skm_forge(const struct sk_key *k, uint8_t type, uint16_t no,
    uint16_t total, struct chunk plain);

#endif
