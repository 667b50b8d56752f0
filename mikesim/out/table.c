/* SPDX-License-Identifier: ISC */

#include "mikesim/out/table.h"

#include <inttypes.h>
#include <string.h>

#include "mikesim/out/links.h"

#define U PRIu64
#define WIDTH 80

static double
seconds(t_ns t)
{
	return (double)t / 1e9;
}

/* So much of it; what would move the cursor is not for tables.  The rest. */
static const char *
part_print(FILE *to, const char *text, size_t columns)
{
	for (; *text != '\0' && columns > 0; text++, columns--)
		fputc(*text < ' ' || *text > '~' ? '?' : *text, to);
	fputc('\n', to);
	return text;
}

static void
head_print(FILE *to, const struct sim *sim, const struct sim_results *r)
{
	const struct scene *s = sim_scene(sim);

	fprintf(to, "scenario    ");
	(void)part_print(
	    to, s->title[0] != '\0' ? s->title : "no title", WIDTH - 12);
	fprintf(to, "hosts       %u senders, %u receivers\n", r->senders,
	    r->receivers);
	fprintf(to, "time        %.3f s of %.3f s%s, seed %" U "\n",
	    seconds(r->now), seconds(s->duration),
	    r->stopped ? " (stopped)" : "", s->seed);
}

static void
kind_print(FILE *to, const char *name, const struct res_msgs *m)
{
	fprintf(to, "  %-25s %8" U " %10" U " %9" U " %11" U " %9.3f\n", name,
	    m->sent, m->delivered, m->lost, m->octets, seconds(m->airtime));
}

static void
messages_print(FILE *to, const struct sim_results *r)
{
	struct res_msgs all = { 0 };

	fprintf(to, "\n%-27s %8s %10s %9s %11s %9s\n", "MESSAGES", "SENT",
	    "DELIVERED", "LOST", "OCTETS", "AIR, S");
	for (size_t i = 0; i < RK_KINDS; i++) {
		const struct res_msgs *m = &r->msgs[i];

		if (m->sent == 0)
			continue;
		kind_print(to, res_kind_name((enum res_kind)i), m);
		all.sent += m->sent;
		all.delivered += m->delivered;
		all.lost += m->lost;
		all.octets += m->octets;
		all.airtime += m->airtime;
	}
	kind_print(to, "all", &all);
	fprintf(to, "  sent again because no answer came: %" U "\n",
	    r->retransmissions);
}

static void
why_print(FILE *to, const struct sim *sim, const struct res_keyless *w)
{
	char host[SCENE_HOST_NAME], text[200];

	snprintf(text, sizeof(text), "%s%s: %s",
	    scene_host_name(sim_scene(sim), w->first, host),
	    w->hosts > 1 ? " and others" : "", w->why);
	fprintf(to, "  %8u  ", w->hosts);
	(void)part_print(to, text, WIDTH - 12);
}

static void
receivers_print(FILE *to, const struct sim *sim, const struct sim_results *r)
{
	fprintf(to, "\nREGISTRATION\n");
	fprintf(to,
	    "  receivers         %" U " of %u got keys, in %" U
	    " registrations\n",
	    r->registered, r->receivers, r->registrations);
	if (r->registered > 0)
		fprintf(to,
		    "  time to keys      median %.3f s, 95 %% %.3f s, last "
		    "%.3f s\n",
		    seconds(r->reg_median), seconds(r->reg_p95),
		    seconds(r->reg_last));
	if (r->refused > 0)
		fprintf(to, "  refused           %" U " times\n", r->refused);
	fprintf(to,
	    "  at the end        %u with keys, %u without, %u not in the "
	    "group\n",
	    r->keyed, r->keyless, r->receivers - r->keyed - r->keyless);
	for (size_t i = 0; i < r->n_why; i++)
		why_print(to, sim, &r->why[i]);
}

static void
links_print(FILE *to, const struct sim *sim, const struct sim_results *r)
{
	struct links_use use[SCENE_LINKS];
	size_t n = links_sum(sim, use);

	fprintf(to, "\n%-20s %6s %8s %7s %7s %8s %8s %9s\n", "LINKS", "MEDIA",
	    "STATIONS", "USED, %", "MOST, %", "LOST", "NO ROOM", "WAIT, S");
	for (size_t i = 0; i < n; i++) {
		const struct links_use *u = &use[i];

		fprintf(to,
		    "  %-18.18s %6" U " %8" U " %7.2f %7.2f %8" U " %8" U
		    " %9.3f\n",
		    u->cls->name, u->media, u->stations,
		    100 * links_share(u, u->media, u->airtime, r->now),
		    100 * links_share(u, 1, u->busiest, r->now),
		    u->fates[FATE_LOSS] + u->fates[FATE_BURST] +
			u->fates[FATE_BITS],
		    u->fates[FATE_QUEUE], seconds(u->wait));
	}
}

static void
work_print(FILE *to, const struct sim_results *r)
{
	fprintf(to, "\nCRYPTOGRAPHY\n");
	for (size_t i = 0; i < RES_OPS; i++)
		fprintf(to, "  %-27s %8" U "\n", res_op_name((enum res_op)i),
		    r->ops[i]);
	if (r->app_sent == 0)
		return;
	fprintf(to, "\nAPPLICATIONS\n");
	fprintf(to,
	    "  %" U " datagrams sent; at receivers: %" U " read, %" U
	    " unreadable\n",
	    r->app_sent, r->app_read, r->app_unread);
}

/* Processor time, of daemons that were measured. */
static void
cpu_print(FILE *to, const struct sim_results *r)
{
	for (size_t i = 0; i < SIM_DAEMONS; i++)
		if (r->cpu_s[0][i] > 0 || r->cpu_s[1][i] > 0)
			fprintf(to,
			    "  CPU of %-12s %.3f s for senders, %.3f s for "
			    "receivers\n",
			    sim_daemon_name((enum sim_daemon)i), r->cpu_s[1][i],
			    r->cpu_s[0][i]);
}

static void
measured_print(FILE *to, const struct sim_results *r)
{
	fprintf(to, "\nMEASURED (differs from run to run)\n");
	cpu_print(to, r);
	fprintf(to, "  the run             %" U " events in %.2f s", r->events,
	    r->wall_s);
	if (r->wall_s > 0)
		fprintf(
		    to, ", %.0f times real time", seconds(r->now) / r->wall_s);
	fprintf(to, "\n");
}

static void
broken_print(FILE *to, const struct sim_results *r)
{
	if (r->broken == 0) {
		fprintf(to, "\ninvariants  all held\n");
		return;
	}
	fprintf(to, "\ninvariants  BROKEN %" U " times, first at %.9f s:\n",
	    r->broken, seconds(r->broken_at));
	for (const char *p = r->broken_first; *p != '\0';) {
		fprintf(to, "    ");
		p = part_print(to, p, WIDTH - 4);
	}
}

void
table_print(FILE *to, const struct sim *sim, const struct sim_results *r)
{
	head_print(to, sim, r);
	messages_print(to, r);
	receivers_print(to, sim, r);
	links_print(to, sim, r);
	work_print(to, r);
	measured_print(to, r);
	broken_print(to, r);
}
