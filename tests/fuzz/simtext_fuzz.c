/* SPDX-License-Identifier: ISC */
/*
 * What the simulation says of any datagram, and how it quotes any text.  Half
 * of the inputs are put into messages under keys that are known, as payloads
 * and their fragments.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keymgrd/core/ike/keys.h"
#include "mikesim/out/payload.h"
#include "mikesim/out/trace.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct payload_keys *keys;
static const struct ike_suite suite = { .encr = ENCR_AES_GCM_16 };
static const struct ike_keys some = {
	.i = { .encr = ENCR_AES_GCM_16, .e = { 1 } },
	.r = { .encr = ENCR_AES_CBC, .e = { 2 }, .a = { 3 } },
};
static uint8_t buf[2 * IKE_MSG_MAX];
static uint64_t iv, next_id;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct obs o = { .kind = OBS_KEYS };

	(void)argc;
	(void)argv;
	must(crypto_init() == 0);
	must((keys = payload_keys_new()) != NULL);
	o.keys.suite = &suite;
	o.keys.keys = &some;
	must(payload_keys_take(keys, &o) == 1);
	return 0;
}

/* Inside of quotes nothing ends them, and all is printable. */
static void
check_quoted(const char *p, size_t len)
{
	must(len >= 2 && p[0] == '"' && p[len - 1] == '"');
	for (size_t i = 1; i < len - 1; i++) {
		must(p[i] >= ' ' && p[i] < 0x7f && p[i] != '"');
		if (p[i] != '\\')
			continue;
		i++;
		must(p[i] == '"' || p[i] == '\\' || p[i] == 'u');
		if (p[i] == 'u')
			for (size_t k = 0; k < 4; k++)
				must(strchr("0123456789abcdef", p[++i]));
	}
}

static void
quote(const void *data, size_t size)
{
	char *p = NULL;
	size_t len;
	FILE *f = open_memstream(&p, &len);

	must(f != NULL);
	trace_quote(f, data, size);
	must(fclose(f) == 0);
	check_quoted(p, len);
	free(p);
}

static void
say(struct chunk msg, size_t room)
{
	struct obs o = { .kind = OBS_SEND };
	char *text = malloc(room);
	size_t len;

	must(text != NULL);
	o.send.id = ++next_id;
	o.send.data = msg;
	len = payload_text(keys, &o, text, room);
	must(len < room && strlen(text) == len);
	for (size_t i = 0; i < len; i++)
		must(text[i] >= ' ' && text[i] < 0x7f);
	free(text);
}

/* head: flags, exchange, type of the first payload, limit, room. */
static void
wrap(const uint8_t head[5], struct chunk inner)
{
	struct ike_hdr h = { .version = IKE_VERSION,
		.exchange = head[1],
		.flags = head[0] & (IKE_F_INITIATOR | IKE_F_RESPONSE),
		.mid = head[0] >> 6 };
	struct chunk rest, msg;
	struct wbuf wb;

	wb_init(&wb, buf, sizeof(buf));
	if (sk_protect(h.flags & IKE_F_INITIATOR ? &some.i : &some.r, &h,
		head[2], inner, head[3] * 8u, &iv, &wb) != 0)
		return;
	rest = (struct chunk){ buf, wb.len };
	while (sk_next(&rest, &msg))
		say(msg, head[4] + 1u);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	quote(data, size);
	say((struct chunk){ data, size }, PAYLOAD_TEXT);
	if (size > 5 && size < 4096)
		wrap(data, (struct chunk){ data + 5, size - 5 });
	return 0;
}
