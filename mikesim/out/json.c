/* SPDX-License-Identifier: ISC */

#include "mikesim/out/json.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "mikesim/out/links.h"

/* An object under construction; bad: memory was out. */
struct js {
	json_t *o;
	bool *bad;
};

static void
put(struct js j, const char *key, json_t *v)
{
	if (v == NULL || json_object_set_new(j.o, key, v) != 0)
		*j.bad = true;
}

static void
num(struct js j, const char *key, uint64_t v)
{
	put(j, key, json_integer((json_int_t)v));
}

static void
real(struct js j, const char *key, double v)
{
	put(j, key, json_real(v));
}

/* A text may hold any octets, JSON only UTF-8. */
static void
text(struct js j, const char *key, const char *p)
{
	json_t *v = json_string(p);
	char buf[512];
	size_t n = 0;

	if (v == NULL) {
		while (n < sizeof(buf) - 1 && p[n] != '\0') {
			buf[n] = '?';
			if ((unsigned char)p[n] < 0x80)
				buf[n] = p[n];
			n++;
		}
		buf[n] = '\0';
		v = json_string(buf);
	}
	put(j, key, v);
}

static struct js
object(struct js j, const char *key)
{
	struct js in = { json_object(), j.bad };

	put(j, key, in.o);
	return in;
}

/* One more object in an array. */
static struct js
element(json_t *array, bool *bad)
{
	struct js in = { json_object(), bad };

	if (in.o == NULL || json_array_append_new(array, in.o) != 0)
		*bad = true;
	return in;
}

static json_t *
list(struct js j, const char *key)
{
	json_t *a = json_array();

	put(j, key, a);
	return a;
}

/* -- results -------------------------------------------------------------- */

static void
put_scenario(struct js j, const struct scene *s, const struct sim_results *r)
{
	struct js in = object(j, "scenario");

	text(in, "title", s->title);
	num(in, "seed", s->seed);
	num(in, "duration_ns", s->duration);
	num(in, "senders", r->senders);
	num(in, "receivers", r->receivers);
	num(j, "now_ns", r->now);
	put(j, "stopped", json_boolean(r->stopped));
	num(j, "events", r->events);
}

static void
put_messages(struct js j, const struct sim_results *r)
{
	json_t *a = list(j, "messages");

	for (size_t i = 0; i < RK_KINDS; i++) {
		const struct res_msgs *m = &r->msgs[i];
		struct js in = element(a, j.bad);

		text(in, "kind", res_kind_name((enum res_kind)i));
		num(in, "sent", m->sent);
		num(in, "delivered", m->delivered);
		num(in, "lost", m->lost);
		num(in, "octets", m->octets);
		num(in, "airtime_ns", m->airtime);
	}
	num(j, "retransmissions", r->retransmissions);
}

static void
put_registration(
    struct js j, const struct scene *s, const struct sim_results *r)
{
	struct js in = object(j, "registration");
	char name[SCENE_HOST_NAME];
	json_t *a;

	num(in, "receivers", r->registered);
	num(in, "registrations", r->registrations);
	num(in, "median_ns", r->reg_median);
	num(in, "p95_ns", r->reg_p95);
	num(in, "last_ns", r->reg_last);
	num(in, "refused", r->refused);
	num(in, "keyed", r->keyed);
	num(in, "keyless", r->keyless);
	a = list(in, "why_keyless");
	for (size_t i = 0; i < r->n_why; i++) {
		struct js w = element(a, j.bad);

		text(w, "why", r->why[i].why);
		num(w, "hosts", r->why[i].hosts);
		text(w, "first", scene_host_name(s, r->why[i].first, name));
	}
}

static void
put_links(struct js j, const struct sim *sim, const struct sim_results *r)
{
	struct links_use use[SCENE_LINKS];
	size_t n = links_sum(sim, use);
	json_t *a = list(j, "links");

	for (size_t i = 0; i < n; i++) {
		const struct links_use *u = &use[i];
		struct js in = element(a, j.bad), f;

		text(in, "class", u->cls->name);
		num(in, "media", u->media);
		num(in, "stations", u->stations);
		num(in, "datagrams", u->datagrams);
		num(in, "frames", u->frames);
		num(in, "octets", u->octets);
		num(in, "airtime_ns", u->airtime);
		real(in, "airtime_share",
		    links_share(u, u->media, u->airtime, r->now));
		real(
		    in, "busiest_share", links_share(u, 1, u->busiest, r->now));
		num(in, "wait_max_ns", u->wait);
		f = object(in, "fates");
		for (size_t k = 0; k < FATES; k++)
			num(f, fate_name((enum fate)k), u->fates[k]);
	}
}

static void
put_work(struct js j, const struct sim_results *r)
{
	struct js in = object(j, "cryptography");

	for (size_t i = 0; i < RES_OPS; i++)
		num(in, res_op_name((enum res_op)i), r->ops[i]);
	in = object(j, "applications");
	num(in, "sent", r->app_sent);
	num(in, "read", r->app_read);
	num(in, "unreadable", r->app_unread);
	in = object(j, "invariants");
	num(in, "broken", r->broken);
	if (r->broken > 0) {
		num(in, "first_ns", r->broken_at);
		text(in, "first", r->broken_first);
	}
}

static void
put_measured(struct js j, const struct sim_results *r)
{
	static const char *const role[] = { "receivers", "senders" };
	struct js in = object(j, "measured"), cpu = object(in, "cpu_s");

	for (size_t i = 0; i < NITEMS(role); i++) {
		struct js d = object(cpu, role[i]);

		for (size_t k = 0; k < SIM_DAEMONS; k++)
			real(d, sim_daemon_name((enum sim_daemon)k),
			    r->cpu_s[i][k]);
	}
	real(in, "wall_s", r->wall_s);
}

int
json_print(
    struct out_file *o, const struct sim *sim, const struct sim_results *r)
{
	const struct scene *s = sim_scene(sim);
	bool bad = false;
	struct js j = { json_object(), &bad };

	put_scenario(j, s, r);
	put_messages(j, r);
	put_registration(j, s, r);
	put_links(j, sim, r);
	put_work(j, r);
	put_measured(j, r);
	errno = ENOMEM;
	if (bad || json_dumpf(j.o, o->f, JSON_INDENT(2)) != 0 ||
	    fputc('\n', o->f) == EOF)
		(void)out_failed(o);
	json_decref(j.o);
	return o->err;
}
