/* SPDX-License-Identifier: ISC */

#include "mikesim/out/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/ike/hdr.h"
#include "mikesim/out/payload.h"

/* -- values --------------------------------------------------------------- */

static void
put(FILE *f, const char *text)
{
	(void)fputs_unlocked(text, f);
}

void
trace_quote(FILE *f, const void *p, size_t len)
{
	static const char digit[] = "0123456789abcdef";
	const uint8_t *b = p;

	(void)putc_unlocked('"', f);
	for (size_t i = 0; i < len; i++) {
		uint8_t c = b[i];

		if (c == '"' || c == '\\') {
			(void)putc_unlocked('\\', f);
			(void)putc_unlocked(c, f);
		} else if (c >= ' ' && c < 0x7f) {
			(void)putc_unlocked(c, f);
		} else {
			put(f, "\\u00");
			(void)putc_unlocked(digit[c >> 4], f);
			(void)putc_unlocked(digit[c & 15], f);
		}
	}
	(void)putc_unlocked('"', f);
}

/* name with its colon and what is before it: ",\"to\":". */
static void
put_text(FILE *f, const char *name, const char *text)
{
	put(f, name);
	trace_quote(f, text, strlen(text));
}

static void
put_u64(FILE *f, const char *name, uint64_t v)
{
	char buf[21], *p = buf + sizeof(buf);

	*--p = '\0';
	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	put(f, name);
	put(f, p);
}

static void
put_host(const struct trace *t, const char *name, uint32_t host)
{
	char buf[SCENE_HOST_NAME];

	if (host < scene_hosts(t->scene)) {
		put_text(t->out->f, name, scene_host_name(t->scene, host, buf));
		return;
	}
	put(t->out->f, name);
	put(t->out->f, "null");
}

/* A datagram: its sender's number and which of his it is. */
static void
put_id(FILE *f, uint64_t id)
{
	put_u64(f, ",\"id\":\"", id >> 32);
	put_u64(f, "-", id & UINT32_MAX);
	put(f, "\"");
}

static void
put_endpoint(FILE *f, const char *name, const struct endpoint *e)
{
	char addr[ADDR_STRLEN], buf[ADDR_STRLEN + 16];

	snprintf(buf, sizeof(buf), e->addr.len == 16 ? "[%s]:%u" : "%s:%u",
	    addr_text(&e->addr, addr), e->port);
	put_text(f, name, buf);
}

static void
put_hex(FILE *f, const char *name, const uint8_t spi[8])
{
	char buf[17];

	for (size_t i = 0; i < 8; i++)
		snprintf(buf + 2 * i, 3, "%02x", spi[i]);
	put_text(f, name, buf);
}

/* -- observations --------------------------------------------------------- */

static void
put_message(FILE *f, struct chunk msg)
{
	struct ike_hdr h;
	struct rbuf rb;
	const char *name;

	rb_init(&rb, msg.p, msg.len);
	if (ike_hdr_get(&rb, &h) != 0)
		return;
	if ((name = payload_exchange(h.exchange)) != NULL)
		put_text(f, ",\"exchange\":", name);
	else
		put_u64(f, ",\"exchange\":", h.exchange);
	put(f, h.flags & IKE_F_RESPONSE ? ",\"response\":true"
					: ",\"response\":false");
	put_u64(f, ",\"mid\":", h.mid);
}

static void
put_send(const struct trace *t, const struct obs *o)
{
	char text[PAYLOAD_TEXT];
	FILE *f = t->out->f;

	put_id(f, o->send.id);
	put_host(t, ",\"to\":", o->send.to);
	put_endpoint(f, ",\"src\":", &o->send.src);
	put_endpoint(f, ",\"dst\":", &o->send.dst);
	put_u64(f, ",\"octets\":", o->send.octets);
	put(f, o->send.app ? ",\"app\":true" : ",\"app\":false");
	if (o->send.app)
		return;
	put_message(f, o->send.data);
	if (t->payload != NULL) {
		(void)t->payload(t->arg, o, text, sizeof(text));
		put_text(f, ",\"payloads\":", text);
	}
}

static void
put_note(FILE *f, const struct obs *o)
{
	put_text(f, ",\"by\":", sim_daemon_name(o->note.by));
	put_u64(f, ",\"level\":", (uint64_t)o->note.level);
	put_text(f, ",\"token\":", o->note.token);
	put(f, ",\"text\":");
	trace_quote(f, o->note.text.p, o->note.text.len);
}

static void
put_sa(FILE *f, const struct obs *o)
{
	char buf[ADDR_STRLEN];

	put(f, o->sa.there ? ",\"there\":true" : ",\"there\":false");
	put_text(f, ",\"dir\":", o->sa.dir == SA_OUT ? "out" : "in");
	snprintf(buf, sizeof(buf), "0x%08" PRIx32, o->sa.spi);
	put_text(f, ",\"spi\":", buf);
	put_text(f, ",\"src\":", addr_text(&o->sa.src, buf));
	put_text(f, ",\"dst\":", addr_text(&o->sa.dst, buf));
}

static void
put_state(FILE *f, const struct obs *o)
{
	put_text(f, ",\"phase\":", phase_name(o->state.phase));
	put_text(f, ",\"emcon\":", emcon_name(o->state.emcon));
	put_u64(f, ",\"generation\":", o->state.generation);
	put_u64(f, ",\"step\":", o->state.step);
}

static void
put_fields(const struct trace *t, const struct obs *o)
{
	FILE *f = t->out->f;

	switch (o->kind) {
	case OBS_SEND:
		put_send(t, o);
		break;
	case OBS_FATE:
		put_id(f, o->fate.id);
		put_host(t, ",\"from\":", o->fate.from);
		put_text(f, ",\"fate\":", fate_name(o->fate.fate));
		break;
	case OBS_STATE:
		put_state(f, o);
		break;
	case OBS_KEYS:
		put_hex(f, ",\"spi_i\":", o->keys.spi_i);
		put_hex(f, ",\"spi_r\":", o->keys.spi_r);
		break;
	case OBS_NOTE:
		put_note(f, o);
		break;
	case OBS_SA:
		put_sa(f, o);
		break;
	case OBS_EVENT:
		put_text(f, ",\"text\":", o->event.text);
		break;
	case OBS_BROKEN:
		put_text(f, ",\"rule\":", o->broken.rule);
		put_text(f, ",\"text\":", o->broken.text);
		break;
	}
}

static int
trace_take(void *arg, const struct obs *o)
{
	static const char *const name[] = {
		[OBS_SEND] = "send",
		[OBS_FATE] = "fate",
		[OBS_STATE] = "state",
		[OBS_KEYS] = "keys",
		[OBS_NOTE] = "note",
		[OBS_SA] = "sa",
		[OBS_EVENT] = "event",
		[OBS_BROKEN] = "broken",
	};
	const struct trace *t = arg;
	FILE *f = t->out->f;

	put_u64(f, "{\"t\":", o->t);
	put_host(t, ",\"host\":", o->host);
	put_text(f, ",\"obs\":", name[o->kind]);
	put_fields(t, o);
	put(f, "}\n");
	return out_check(t->out);
}

struct obs_sink
trace_sink(struct trace *t)
{
	return (struct obs_sink){ .arg = t, .take = trace_take };
}
