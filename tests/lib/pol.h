/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LIB_POL_H
#define TESTS_LIB_POL_H

/* Policies for tests of policyd. */

#include "policyd/core/policy.h"

/* A sender and a receiver of group "ops", with which everything is right. */
#define POL_HOST(id, addr)                                                     \
	"host {\n"                                                             \
	"  identity = \"CN=" id ",O=Example\"\n"                               \
	"  psk = \"psk\"\n"                                                    \
	"  listen = { " addr " }\n"                                            \
	"}\n"
#define POL_PEERS                                                              \
	"peer hq-01 {\n"                                                       \
	"  identity = \"CN=hq-01,O=Example\"\n"                                \
	"  address = { \"192.0.2.1\", \"2001:db8::1\" }\n"                     \
	"}\n"                                                                  \
	"peer hq-02 {\n"                                                       \
	"  identity = \"CN=hq-02,O=Example\"\n"                                \
	"  address = { \"192.0.2.2\" }\n"                                      \
	"}\n"                                                                  \
	"peer scout {\n"                                                       \
	"  identity = \"CN=scout-17,O=Example\"\n"                             \
	"  address = { \"192.0.2.17\" }\n"                                     \
	"}\n"
#define POL_GROUP(name, role, more)                                            \
	"group " name " {\n"                                                   \
	"  role = " role "\n"                                                  \
	"  senders = { \"CN=hq-*,O=Example\" }\n"                              \
	"  receivers = { \"CN=scout-*,O=Example\" }\n"                         \
	"  " more "\n"                                                         \
	"}\n"
#define POL_OPS "address = { \"239.192.10.1\", \"ff15::4d49:1\" }"
#define POL_SENDER                                                             \
	POL_HOST("hq-01", "\"192.0.2.1\", \"2001:db8::1\"")                    \
	POL_PEERS POL_GROUP("ops", "sender", POL_OPS)
#define POL_RECEIVER                                                           \
	POL_HOST("scout-17", "\"192.0.2.17\", \"2001:db8::17\"")               \
	POL_PEERS POL_GROUP(                                                   \
	    "ops", "receiver", POL_OPS " designated = { hq-02, hq-01 }")

/* Fails the test when there is an error. */
struct policy *pol_from(const char *text);
/* All errors, "LINE: TEXT" each with a newline; static. */
const char *pol_errors(const char *text);
const char *pol_errors_of(const void *text, size_t len);

#endif
