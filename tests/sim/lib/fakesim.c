/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ike/hdr.h"
#include "tests/sim/lib/fakesim.h"

#define BIT_S 16000ull /* of a net */
#define LOSS_PERCENT 9
#define TRIES 3
#define HOSTILE                                                                \
	"</script><script>alert(1)</script><b onclick='x'>&amp;\"\x01\xff"

struct sim {
	const struct scene *scene;
	t_ns now;
	struct link_class cls;
	struct medium_stat *stat; /* of each site */
	uint32_t media;
};

/* What will be observed; enough of it, for there are millions. */
struct item {
	t_ns t;
	uint32_t host, to, id;
	uint8_t kind, what, arg, order;
};

struct gen {
	const struct fake *f;
	struct scene scene;
	struct sim *sim;
	struct item *item;
	size_t n, room;
	uint64_t seed;
	uint32_t id;
};

/* -- simulation in name ---------------------------------------------------- */

void
sim_results(const struct sim *sim, struct sim_results *out)
{
	*out = (struct sim_results){ .now = sim->now };
}

const struct scene *
sim_scene(const struct sim *sim)
{
	return sim->scene;
}

bool
sim_medium_at(const struct sim *sim, size_t i, struct sim_medium *out)
{
	if (i >= sim->media)
		return false;
	*out = (struct sim_medium){ .cls = &sim->cls,
		.site = (uint32_t)i,
		.stations = 10,
		.stat = &sim->stat[i] };
	(void)snprintf(out->name, sizeof(out->name), "hf of %s-%02zu",
	    sim->scene->sender_name, i + 1);
	return true;
}

struct sim *
fake_sim(const struct scene *s, t_ns now)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	if (sim == NULL)
		abort();
	*sim = (struct sim){ .scene = s, .now = now };
	sim->cls.half_duplex = true;
	return sim;
}

void
fake_sim_free(struct sim *sim)
{
	for (uint32_t i = 0; sim->stat != NULL && i < sim->media; i++)
		free(sim->stat[i].bin_air);
	free(sim->stat);
	free(sim);
}

void
fake_scene(struct scene *s, const struct fake *f)
{
	*s = (struct scene){ .duration = f->duration,
		.seed = 20261,
		.senders = f->sites,
		.n_recv = 2 };
	(void)snprintf(s->title, sizeof(s->title), "%s",
	    f->hostile ? HOSTILE
		       : "Sections register over HF, one sender crashes");
	(void)strcpy(s->sender_name, f->hostile ? "<i>hq" : "hq");
	(void)strcpy(s->recv[0].name, "scout");
	(void)strcpy(s->recv[1].name, f->hostile ? "<u>&" : "fire");
	s->recv[1].count = f->receivers / 3;
	s->recv[0].count = f->receivers - s->recv[1].count;
}

/* -- making it up ---------------------------------------------------------- */

static uint32_t
below(struct gen *g, uint32_t n)
{
	g->seed ^= g->seed << 13;
	g->seed ^= g->seed >> 7;
	g->seed ^= g->seed << 17;
	return (uint32_t)(g->seed >> 33) % n;
}

static t_ns
between_ms(struct gen *g, uint32_t from, uint32_t to)
{
	return (from + below(g, to - from + 1)) * NS_PER_MS;
}

static void
add(struct gen *g, struct item it)
{
	if (it.t > g->scene.duration)
		return;
	if (g->n == g->room) {
		g->room = g->room == 0 ? 1024 : g->room * 2;
		g->item = reallocarray(g->item, g->room, sizeof(*g->item));
		if (g->item == NULL)
			abort();
	}
	g->item[g->n++] = it;
}

static void
state(struct gen *g, t_ns t, uint32_t host, enum obs_phase phase, uint8_t step)
{
	add(g, (struct item){ .t = t,
		   .host = host,
		   .kind = OBS_STATE,
		   .what = (uint8_t)phase,
		   .arg = step });
}

static const struct {
	uint8_t exchange, flags;
	uint16_t octets;
} msgs[] = {
	{ IKE_SA_INIT, IKE_F_INITIATOR, 312 },
	{ IKE_SA_INIT, IKE_F_RESPONSE, 344 },
	{ GSA_AUTH, IKE_F_INITIATOR, 1037 }, { GSA_AUTH, IKE_F_RESPONSE, 1184 },
	{ IKE_INFORMATIONAL, IKE_F_INITIATOR, 108 },
	{ IKE_INFORMATIONAL, IKE_F_RESPONSE, 108 },
	{ 0, 0, 228 }, /* no IKE: an application's */
};
#define APP 6

/* Whoever comes when the net is busy waits; *at: when all is through. */
static void
carry(struct gen *g, uint32_t site, unsigned int what, t_ns t, t_ns *at)
{
	struct medium_stat *st = &g->sim->stat[site];
	t_ns air = msgs[what].octets * 8 * NS_PER_S / BIT_S;
	t_ns wait, i = t / st->bin_width;

	air /= 1 + g->f->receivers / 40; /* a faster net for more */
	if (i >= MEDIUM_BINS)
		i = MEDIUM_BINS - 1;
	wait = st->bin_air[i] / 4;
	if (wait > st->bin_backlog[i])
		st->bin_backlog[i] = wait;
	if (st->bin_air[i] + air < st->bin_width)
		st->bin_air[i] += air;
	*at = t + wait + air + 20 * NS_PER_MS;
}

static enum fate
draw_fate(struct gen *g)
{
	static const enum fate lost[] = { FATE_LOSS, FATE_LOSS, FATE_BURST,
		FATE_BITS, FATE_QUEUE, FATE_FILTER };
	uint32_t x = below(g, 100);

	if (x < LOSS_PERCENT)
		return lost[below(g, NITEMS(lost))];
	return x < LOSS_PERCENT + 2 ? FATE_LATE : FATE_DELIVERED;
}

/* true: it arrives, at *t. */
static bool
message(struct gen *g, uint32_t from, uint32_t to, unsigned int what, t_ns *t)
{
	uint32_t rcv = from < g->scene.senders ? to : from;
	uint32_t site = (rcv - g->scene.senders) / g->f->receivers;
	enum fate fate = draw_fate(g);
	t_ns at;

	carry(g, site, what, *t, &at);
	add(g, (struct item){
		   *t, from, to, ++g->id, OBS_SEND, (uint8_t)what, 0, 0 });
	add(g, (struct item){
		   at, to, from, g->id, OBS_FATE, (uint8_t)fate, 0, 1 });
	if (fate == FATE_DELIVERED && below(g, 50) == 0)
		add(g, (struct item){ at + 90 * NS_PER_MS, to, from, g->id,
			   OBS_FATE, FATE_DUPLICATE, 0, 1 });
	*t = at;
	return fate == FATE_DELIVERED;
}

/* An exchange with retransmissions; false: given up. */
static bool
exchange(struct gen *g, uint32_t host, uint32_t gm, unsigned int what, t_ns *t)
{
	for (int i = 0; i < TRIES; i++) {
		t_ns at = *t;

		if (message(g, host, gm, what, &at)) {
			at += between_ms(g, 2, 9);
			if (message(g, gm, host, what + 1, &at)) {
				*t = at;
				return true;
			}
		}
		*t += 2 * NS_PER_S << i;
	}
	return false;
}

static t_ns
registers(struct gen *g, uint32_t host, uint32_t gm, t_ns t, uint8_t step)
{
	for (;;) {
		state(g, t, host, PHASE_REGISTERING, 0);
		if (exchange(g, host, gm, 0, &t)) {
			t += between_ms(g, 5, 30);
			if (exchange(g, host, gm, 2, &t))
				break;
		}
		state(g, t, host, PHASE_NO_KEYS, 0);
		t += between_ms(g, 2000, 9000);
		if (t > g->scene.duration)
			return t;
	}
	state(g, t, host, PHASE_KEYED, step);
	return t;
}

static void
receiver(struct gen *g, uint32_t site, uint32_t nth)
{
	uint32_t host = g->f->sites + site * g->f->receivers + nth;
	t_ns d = g->scene.duration, rekey = d * 3 / 5;
	t_ns t = d / 40 + below(g, 1000) * (d / 2600), gone = T_NEVER;

	state(g, t, host, PHASE_NO_KEYS, 0);
	t = registers(g, host, site, t + between_ms(g, 100, 2500), 0);
	if (nth % 10 == 3) {
		gone = d / 2 + below(g, 100) * (d / 1500);
		state(g, gone, host, PHASE_OFF, 0);
		t = gone + d / 15;
		state(g, t, host, PHASE_NO_KEYS, 0);
		(void)registers(g, host, site, t + NS_PER_S, 1);
	} else if (t < rekey) {
		rekey += between_ms(g, 0, 1500);
		state(g, rekey, host, PHASE_KEYED, nth % 10 == 5 ? 17 : 1);
		if (nth % 10 ==
		    5) /* receive only, then silent, then as before */
			state(g, rekey + d / 8, host, PHASE_KEYED, 33);
		if (nth % 10 == 7) {
			(void)exchange(g, host, site, 4, &rekey);
			state(g, rekey + d / 6, host, PHASE_LEFT, 0);
		}
	}
}

static void
sender(struct gen *g, uint32_t site)
{
	t_ns d = g->scene.duration, t = NS_PER_S;

	state(g, 0, site, PHASE_NO_KEYS, 0);
	state(g, NS_PER_S / 2, site, PHASE_KEYED, 0);
	state(g, d * 3 / 5 - NS_PER_S, site, PHASE_KEYED, 1);
	for (; g->f->hybrid && t < d; t += d / 80)
		add(g, (struct item){
			   t, site, OBS_NOBODY, ++g->id, OBS_SEND, APP, 0, 0 });
}

static int
earlier(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->host > y->host) - (x->host < y->host);
}

static void
make_up(struct gen *g)
{
	static const uint8_t events[][3] = { { V_TRAFFIC, 2, 0 },
		{ V_CRASH, 50, 0 }, { V_EMCON, 61, 0 }, { V_PARTITION, 74, 8 },
		{ V_LINK_DOWN, 88, 4 } };

	for (uint32_t i = 0; i < g->f->sites; i++) {
		sender(g, i);
		for (uint32_t j = 0; j < g->f->receivers; j++)
			receiver(g, i, j);
	}
	for (size_t i = 0; i < NITEMS(events); i++)
		add(g,
		    (struct item){ .t = g->scene.duration / 100 * events[i][1],
			.kind = OBS_EVENT,
			.what = events[i][0],
			.arg = events[i][2] });
	qsort(g->item, g->n, sizeof(*g->item), earlier);
}

/* -- saying it -------------------------------------------------------------- */

static void
say_send(const struct gen *g, const struct item *it, struct obs *o,
    uint8_t buf[1400])
{
	static const uint8_t ip[] = { 10, 1, 0, 0 },
			     group[] = { 239, 192, 10, 1 };
	struct ike_hdr h = { .version = IKE_VERSION,
		.exchange = msgs[it->what].exchange,
		.flags = msgs[it->what].flags,
		.mid = it->what / 2,
		.len = msgs[it->what].octets - 28u };
	uint32_t rcv = it->host < g->scene.senders ? it->to : it->host;
	struct wbuf wb;

	memcpy(h.spi_i, &rcv, sizeof(rcv));
	h.spi_i[7] = 0x5a;
	if (it->what > 0)
		memset(h.spi_r, 0xc3, 8);
	wb_init(&wb, buf, 1400);
	if (ike_hdr_put(&wb, &h) != 0)
		abort();
	o->send.id = it->id;
	o->send.to = it->to;
	o->send.octets = msgs[it->what].octets;
	o->send.app = it->what == APP;
	o->send.data = (struct chunk){ buf, h.len };
	if (addr_from(&o->send.src.addr, ip, 4) != 0 ||
	    addr_from(
		&o->send.dst.addr, it->to == OBS_NOBODY ? group : ip, 4) != 0)
		abort();
	o->send.src.addr.b[3] = (uint8_t)(it->host + 1);
	if (it->to != OBS_NOBODY)
		o->send.dst.addr.b[3] = (uint8_t)(it->to + 1);
	o->send.src.port = o->send.dst.port = it->what == APP ? 6000 : 848;
}

static int
say(struct gen *g, const struct item *it, const struct obs_sink *sink)
{
	struct obs o = { .t = it->t, .host = it->host, .kind = it->kind };
	struct scene_event ev = { .at = it->t, .verb = it->what };
	uint8_t buf[1400] = { 0 };
	char text[300];

	switch (o.kind) {
	case OBS_SEND:
		say_send(g, it, &o, buf);
		break;
	case OBS_FATE:
		o.fate.id = it->id;
		o.fate.fate = it->what;
		o.fate.from = it->to;
		break;
	case OBS_STATE:
		o.state.phase = it->what;
		o.state.emcon = it->arg >> 4;
		o.state.generation = 1;
		o.state.step = it->arg & 15;
		break;
	case OBS_EVENT:
		ev.span = it->arg * (g->scene.duration / 100);
		(void)snprintf(text, sizeof(text), "%s %s",
		    g->f->hostile ? HOSTILE : verb_name(ev.verb),
		    it->arg > 0 ? "scout-01-*" : "hq-01");
		o.host = OBS_NOBODY;
		o.event.ev = &ev;
		o.event.text = text;
		break;
	default:
		break;
	}
	return sink->take(sink->arg, &o);
}

int
fake_run(const struct fake *f, const struct obs_sink *sink)
{
	struct gen g = { .f = f, .seed = 88172645463325252ull };
	int rc;

	fake_scene(&g.scene, f);
	g.sim = fake_sim(&g.scene, f->duration);
	g.sim->media = f->sites;
	g.sim->stat = calloc(f->sites, sizeof(*g.sim->stat));
	if (g.sim->stat == NULL)
		abort();
	for (uint32_t i = 0; i < f->sites; i++) {
		struct medium_stat *st = &g.sim->stat[i];

		st->bin_width = f->duration / MEDIUM_BINS + 1;
		st->bin_air = calloc(2 * MEDIUM_BINS, sizeof(t_ns));
		if (st->bin_air == NULL)
			abort();
		st->bin_backlog = st->bin_air + MEDIUM_BINS;
	}
	make_up(&g);
	rc = sink->begin(sink->arg, &g.scene);
	for (size_t i = 0; rc == 0 && i < g.n; i++)
		rc = say(&g, &g.item[i], sink);
	if (rc == 0)
		rc = sink->end(sink->arg, g.sim);
	free(g.item);
	fake_sim_free(g.sim);
	return rc;
}

size_t
fake_payloads(void *arg, const struct obs *send, char *out, size_t size)
{
	static const char *const text[] = {
		[IKE_SA_INIT] = "SA, KE, N, N(FRAGMENTATION_SUPPORTED), "
				"N(CHILDLESS_IKEV2_SUPPORTED), N(MIKE_GROUP)",
		[GSA_AUTH] = "SK { IDi, CERT, AUTH, IDg, SAg, N(GROUP_SENDER), "
			     "GSA, KD }",
		[IKE_INFORMATIONAL] = "SK { D }",
	};
	const struct fake *f = arg;
	uint8_t x = send->send.data.len > 18 ? send->send.data.p[18] : 0;
	int n = snprintf(out, size, "%s%s", f->hostile ? HOSTILE : "",
	    x < NITEMS(text) && text[x] != NULL ? text[x] : "none");

	return n < 0 ? 0 : (size_t)n;
}
