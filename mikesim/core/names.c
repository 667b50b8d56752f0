/* SPDX-License-Identifier: ISC */
/* What observations and results are called, in pictures and tables. */

#include "mikesim/core/sim.h"

const char *
phase_name(enum obs_phase p)
{
	static const char *const name[PHASES] = {
		[PHASE_OFF] = "off",
		[PHASE_NO_KEYS] = "no keys",
		[PHASE_REGISTERING] = "registering",
		[PHASE_KEYED] = "keyed",
		[PHASE_LEFT] = "left",
	};

	return p < PHASES ? name[p] : "unknown";
}

const char *
res_kind_name(enum res_kind k)
{
	static const char *const name[RK_KINDS] = {
		[RK_INIT_REQ] = "IKE_SA_INIT request",
		[RK_INIT_RESP] = "IKE_SA_INIT response",
		[RK_AUTH_REQ] = "AUTH request", /* of either exchange */
		[RK_AUTH_RESP] = "AUTH response",
		[RK_REG_REQ] = "GSA_REGISTRATION request",
		[RK_REG_RESP] = "GSA_REGISTRATION response",
		[RK_INFO_REQ] = "INFORMATIONAL request",
		[RK_INFO_RESP] = "INFORMATIONAL response",
		[RK_REKEY] = "GSA_REKEY",
		[RK_OTHER] = "other",
		[RK_DATA] = "application data",
	};

	return k < RK_KINDS ? name[k] : "unknown";
}

const char *
res_op_name(enum res_op o)
{
	static const char *const name[RES_OPS] = {
		[OP_SIGN] = "signatures made",
		[OP_VERIFY] = "signatures verified",
		[OP_KEYGEN] = "key pairs made",
		[OP_DERIVE] = "shared secrets derived",
		[OP_CHAIN] = "certificate chains checked",
	};

	return o < RES_OPS ? name[o] : "unknown";
}
