/* SPDX-License-Identifier: ISC */
#ifndef KEYMGRD_CORE_COUNT_H
#define KEYMGRD_CORE_COUNT_H

/* The counters of a key manager: one list, from which names and enum come. */

/* Outcomes of registrations; these survive a restart (core/record.h). */
#define COUNT_KEPT(C)                                                          \
	C(REG_OK, "reg.ok")                                                    \
	C(REG_AUTH_FAILED, "reg.auth-failed")                                  \
	C(REG_NO_PROPOSAL, "reg.no-proposal")                                  \
	C(REG_INVALID_GROUP, "reg.invalid-group")                              \
	C(REG_FORBIDDEN, "reg.forbidden")                                      \
	C(REG_BAD_POLICY, "reg.bad-policy")                                    \
	C(REG_TIMEOUT, "reg.timeout")                                          \
	C(REG_SENDER, "reg.sender-refused")                                    \
	C(REG_FULL, "reg.full")                                                \
	C(REG_LEFT, "reg.left")

/* Causes of drops and other events, from the start of this process on. */
#define COUNT_MORE(C)                                                          \
	C(DROP_MALFORMED, "drop.malformed")                                    \
	C(DROP_NO_SA, "drop.no-sa")                                            \
	C(DROP_INTEGRITY, "drop.integrity")                                    \
	C(DROP_REPLAY, "drop.replay")                                          \
	C(DROP_BUSY, "drop.busy")                                              \
	C(DROP_HALF_OPEN, "drop.half-open")                                    \
	C(DROP_UNEXPECTED, "drop.unexpected")                                  \
	C(DROP_PEER, "drop.wrong-peer")                                        \
	C(DROP_GROUP, "drop.wrong-group")                                      \
	C(LATE_ANSWER, "ipc.late-answer")                                      \
	C(HINT, "hint.error-notify")                                           \
	C(REPEATED, "resp.repeated")                                           \
	C(RETRANSMIT, "req.retransmitted")                                     \
	C(DROP_FRAGMENT, "drop.fragment")                                      \
	C(FRAGMENT, "fragment.taken")                                          \
	C(COOKIE, "init.cookie")                                               \
	C(INVALID_KE, "init.invalid-ke")                                       \
	C(CRITICAL, "refuse.critical-payload")                                 \
	C(SYNTAX, "refuse.invalid-syntax")                                     \
	C(CHILD, "refuse.child-sa")                                            \
	C(LIVENESS, "peer.liveness")                                           \
	C(DELETED, "peer.deleted")                                             \
	C(IKE_AUTH, "auth.ike-auth")                                           \
	C(AUTH_OTHER, "auth.other")                                            \
	C(AUTH_SIGNATURE, "auth.signature")                                    \
	C(AUTH_METHOD, "auth.method")                                          \
	C(AUTH_NO_CERT, "auth.no-certificate")                                 \
	C(AUTH_UNTRUSTED, "auth.untrusted")                                    \
	C(AUTH_EXPIRED, "auth.expired")                                        \
	C(AUTH_REVOKED, "auth.revoked")                                        \
	C(AUTH_USAGE, "auth.key-usage")                                        \
	C(AUTH_IDENTITY, "auth.identity")                                      \
	C(AUTH_PPK, "auth.ppk")

enum count {
#define C(name, text) C_##name,
	COUNT_KEPT(C)
#undef C
	    C_KEPT,
	C_BEFORE_MORE = C_KEPT - 1,
#define C(name, text) C_##name,
	COUNT_MORE(C)
#undef C
	    C_ALL
};

#endif
