/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "common/log.h"
#include "common/util.h"

/*
 * abort() and not exit(): no destructor runs on a broken state, and the
 * supervisor's log shows a signal.
 */
void
must_failed(const char *expr, const char *file, int line)
{
	log_err("bug.invariant expr=\"%s\" at=%s:%d", expr, file, line);
	abort();
}
