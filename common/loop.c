/* SPDX-License-Identifier: ISC */
#include "common/loop.h"

#include <event2/event.h>

#include "common/log.h"

struct event_base *
loop_new(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base;

	if (cfg == NULL ||
	    event_config_set_flag(cfg,
		EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) != 0 ||
	    (base = event_base_new_with_config(cfg)) == NULL)
		fatal("loop.new libevent cannot make an event loop");
	event_config_free(cfg);
	return base;
}

void
loop_run(struct event_base *base)
{
	(void)event_base_dispatch(base);
	fatal("loop.end nothing is left to wait for");
}
