/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/scn.h"

#define eq assert_int_equal

struct scene *
scn_from(const char *text)
{
	struct diag d = { 0 };
	struct scene *s = NULL;

	if (scene_load(&s, text, strlen(text), &d))
		fail_msg("line %u: %s", d.v[0].line, d.v[0].text);
	eq(d.n, 0);
	assert_non_null(s);
	return s;
}

const char *
scn_errors(const char *text)
{
	static char out[DIAG_MAX * (DIAG_TEXT + 16)];
	struct diag d = { 0 };
	struct scene *s = NULL;
	size_t n = 0;
	int r = scene_load(&s, text, strlen(text), &d);

	eq(r, d.n == 0 ? 0 : -EINVAL);
	eq(s == NULL, r != 0);
	scene_free(&s);
	*out = '\0';
	for (size_t i = 0; i < d.n; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%u: %s\n",
		    d.v[i].line, d.v[i].text);
	return out;
}

void
scn_refuses(const char *text, unsigned int line, const char *part)
{
	const char *errors = scn_errors(text);
	char begin[16];
	int n = snprintf(begin, sizeof(begin), "%u: ", line);

	if (strncmp(errors, begin, (size_t)n) != 0 ||
	    strchr(errors, '\n') != strrchr(errors, '\n') ||
	    strstr(errors, part) == NULL)
		fail_msg("not one error with \"%s\" on line %u:\n%s", part,
		    line, errors);
}

#define SAME(member) eq(a->member, b->member)

static void
same_link(const struct link_class *a, const struct link_class *b)
{
	assert_string_equal(a->name, b->name);
	SAME(shared);
	SAME(half_duplex);
	SAME(bit_s);
	SAME(delay);
	SAME(jitter);
	SAME(turn);
	SAME(mtu);
	SAME(overhead);
	SAME(queue);
	SAME(loss);
	SAME(to_bad);
	SAME(to_good);
	SAME(duplicate);
	SAME(reorder);
	SAME(reorder_by);
	assert_memory_equal(&a->bit_error, &b->bit_error, sizeof(a->bit_error));
}

static void
same_recv(const struct scene_recv *a, const struct scene_recv *b)
{
	assert_string_equal(a->name, b->name);
	SAME(count);
	SAME(link);
	SAME(servers);
	SAME(join_from);
	SAME(join_to);
	SAME(hostile);
}

static void
same_event(const struct scene_event *a, const struct scene_event *b)
{
	assert_string_equal(a->hosts, b->hosts);
	SAME(at);
	SAME(span);
	SAME(verb);
	SAME(arg);
	SAME(size);
	SAME(messages);
}

static void
same_chaos(const struct scene_chaos *a, const struct scene_chaos *b)
{
	SAME(crashes);
	SAME(emcons);
	SAME(partitions);
	SAME(outages);
	SAME(leaves);
	SAME(from);
	SAME(until);
	SAME(longest);
}

void
scn_same(const struct scene *a, const struct scene *b)
{
	assert_string_equal(a->title, b->title);
	assert_string_equal(a->sender_name, b->sender_name);
	SAME(seed);
	SAME(duration);
	SAME(quiet);
	SAME(needs);
	SAME(psk);
	SAME(ppk);
	SAME(suite);
	SAME(ipv6);
	SAME(senders);
	SAME(uplink);
	SAME(work);
	SAME(lifetime_s);
	SAME(atd_s);
	SAME(dtd_s);
	SAME(members_max);
	SAME(half_open_max);
	SAME(source_rate);
	SAME(cookie_above);
	SAME(fragment);
	SAME(n_link);
	SAME(n_recv);
	SAME(n_ev);
	for (size_t i = 0; i < a->n_link; i++)
		same_link(&a->link[i], &b->link[i]);
	for (size_t i = 0; i < a->n_recv; i++)
		same_recv(&a->recv[i], &b->recv[i]);
	for (size_t i = 0; i < a->n_ev; i++)
		same_event(&a->ev[i], &b->ev[i]);
	same_chaos(&a->chaos, &b->chaos);
}
