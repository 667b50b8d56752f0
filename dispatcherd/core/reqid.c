/* SPDX-License-Identifier: ISC */
#include "dispatcherd/core/reqid.h"

uint32_t
reqid_make(uint8_t slot, uint8_t cls)
{
	must(slot < MIKE_SLOTS && cls < REQID_CLASSES);
	return REQID_BASE | (uint32_t)slot << 4 | cls;
}

bool
reqid_split(uint32_t reqid, uint8_t *slot, uint8_t *cls)
{
	uint32_t n = reqid - REQID_BASE;

	/* Below the base n wraps around to something huge. */
	if (n >= MIKE_SLOTS * REQID_CLASSES)
		return false;
	*slot = (uint8_t)(n >> 4);
	*cls = (uint8_t)(n & 15);
	return true;
}
